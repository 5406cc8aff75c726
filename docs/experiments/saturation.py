"""Inputs that are too large: the share of them at which the slope is below a hundredth of its largest value."""

import numpy as np

import fastact as fa

NAMES = ("sigmoid", "tanh", "relu", "elu", "gelu", "leaky_relu")
SPREADS = np.array([0.5, 1, 2, 4, 8, 16])


def measure():
    z = np.random.default_rng(0).standard_normal(100_000)
    shares = {}
    for name in NAMES:
        slopes = [np.abs(fa.get(name).backward(np.ones_like(z), x=spread * z)) for spread in SPREADS]
        largest = max(s.max() for s in slopes)
        shares[name] = np.array([np.mean(s < 0.01 * largest) for s in slopes])
    print("saturated inputs, in %\n")
    print("spread    " + "".join(f"{s:8g}" for s in SPREADS))
    for name, row in shares.items():
        print(f"{name:<10}" + "".join(f"{100 * s:8.1f}" for s in row))
    return shares


def draw(shares, figure):
    axes = figure.subplots()
    for name, row in shares.items():
        axes.plot(SPREADS, 100 * row, marker="o", label=name)
    axes.set(xscale="log", xlabel="standard deviation of the input", ylabel="saturated, %", ylim=(-3, 103))
    axes.set_xticks(SPREADS, labels=[f"{s:g}" for s in SPREADS])
    axes.set_xticks([], minor=True)
    axes.legend(frameon=False)
