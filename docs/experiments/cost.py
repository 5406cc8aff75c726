"""What a function and its gradient cost on the machine that built this page, in fastact and as the usual NumPy expression."""

import numpy as np

import fastact as fa
from fastact import bench


def measure():
    found = {}
    for name in fa.names():
        if getattr(fa.get(name).record, "hidden", False):
            forward, gradient = (bench.race(name, g, size=1 << 16, rounds=5) for g in (False, True))
            found[name] = (forward.fastact, gradient.fastact, forward.peers["NumPy"] + gradient.peers["NumPy"])
    print("ns per element, float32, one thread\n")
    print(f"{'':<12}{'function':>10}{'gradient':>10}{'both':>8}{'NumPy, both':>14}")
    for name, (f, g, numpy) in sorted(found.items(), key=lambda item: sum(item[1][:2])):
        print(f"{name:<12}{f:10.2f}{g:10.2f}{f + g:8.2f}{numpy:14.1f}")
    return found


def draw(found, figure):
    axes = figure.subplots()
    order = sorted(found, key=lambda name: -sum(found[name][:2]))
    y = np.arange(len(order))
    forward, gradient, numpy = (np.array([found[name][k] for name in order]) for k in range(3))
    axes.barh(y, numpy, color="C7", alpha=0.4, label="NumPy, both")
    axes.barh(y, forward + gradient, color="C1", label="fastact, gradient")
    axes.barh(y, forward, color="C0", label="fastact, function")
    axes.set_yticks(y, labels=order)
    axes.set(xscale="log", xlabel="ns per element")
    axes.legend(frameon=False, loc="lower right")
