"""Thirty layers: how large the gradient is that arrives at each, for weights drawn by Glorot's and He's rules."""

import numpy as np

import fastact as fa

NAMES = ("sigmoid", "tanh", "relu", "selu", "gelu", "silu")
LAYERS, WIDTH = 30, 128


def gradients(name):
    """The gradient's root mean square before each layer, seen from the last; weights are scaled by fan-in, for relu twice that."""
    act, rng = fa.get(name), np.random.default_rng(0)
    gain = 2**0.5 if name in ("relu", "gelu", "silu") else 1.0
    x = rng.standard_normal((64, WIDTH)).astype(np.float32)
    saved = []
    for _ in range(LAYERS):
        w = rng.normal(scale=gain * WIDTH**-0.5, size=(WIDTH, WIDTH)).astype(np.float32)
        z = x @ w
        x = act(z)
        saved.append((w, z))
    d = rng.standard_normal(x.shape).astype(np.float32)
    sizes = [1.0]
    for w, z in reversed(saved):
        d = act.backward(d, x=z) @ w.T
        sizes.append(float(np.sqrt(np.mean(np.square(d, dtype=np.float64)))))
    return np.array(sizes)


def measure():
    found = {name: gradients(name) for name in NAMES}
    print(f"gradient at the first of {LAYERS} layers, for 1 at the last\n")
    for name, sizes in found.items():
        print(f"{name:<10}{sizes[-1]:10.1e}")
    return found


def draw(found, figure):
    axes = figure.subplots()
    for name, sizes in found.items():
        axes.plot(np.arange(LAYERS, -1, -1), sizes, label=name)
    axes.set(yscale="log", xlabel="layer", ylabel="root mean square of the gradient")
    axes.legend(frameon=False)
