"""Fifty layers, inputs of the wrong size: where mean and variance go, and that selu brings them back."""

import numpy as np

import fastact as fa

NAMES = ("selu", "elu", "relu", "tanh")
LAYERS, WIDTH = 50, 200


def statistics(name):
    """Mean and variance after each layer; weights with variance 1/n (LeCun), for relu 2/n (He)."""
    act, rng = fa.get(name), np.random.default_rng(0)
    gain = 2**0.5 if name == "relu" else 1.0
    x = (0.5 + 2 * rng.standard_normal((128, WIDTH))).astype(np.float32)
    found = [(float(x.mean()), float(x.var()))]
    for _ in range(LAYERS):
        w = rng.normal(scale=gain * WIDTH**-0.5, size=(WIDTH, WIDTH)).astype(np.float32)
        x = act(x @ w)
        found.append((float(x.mean()), float(x.var())))
    return np.array(found)


def measure():
    found = {name: statistics(name) for name in NAMES}
    print(f"{'':<8}{'mean and variance after layer 0':>34}{'10':>16}{LAYERS:>16}")
    for name, rows in found.items():
        print(f"{name:<8}{'':>18}" + "".join(f"{rows[k][0]:8.2f}{rows[k][1]:8.3f}" for k in (0, 10, LAYERS)))
    return found


def draw(found, figure):
    left, right = figure.subplots(1, 2)
    for name, rows in found.items():
        left.plot(rows[:, 0], label=name)
        right.plot(rows[:, 1], label=name)
    left.set(xlabel="layer", ylabel="mean")
    right.set(xlabel="layer", ylabel="variance", yscale="log")
    right.legend(frameon=False)
