"""Steps that are too long kill relu units: how many never answer again, for several lengths of step."""

import numpy as np

import fastact as fa

NAMES = ("relu", "leaky_relu", "elu", "gelu", "mish")
RATES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


def dead_after_training(name, rate, seed, units=64, steps=200):
    """Train 2-64-1 on a ring by gradient descent; the share of units with gradient (almost) 0 at every point."""
    act, rng = fa.get(name), np.random.default_rng(seed)
    x = rng.standard_normal((256, 2)).astype(np.float32)
    target = np.sin(3 * np.hypot(*x.T)).astype(np.float32)[:, None]
    w = rng.normal(scale=1.0, size=(2, units)).astype(np.float32)
    b = np.zeros(units, np.float32)
    v = rng.normal(scale=units**-0.5, size=(units, 1)).astype(np.float32)
    for _ in range(steps):
        z = x @ w + b
        h = act(z)
        dy = 2 * (h @ v - target) / len(x)
        dz = act.backward(dy @ v.T, x=z)
        v -= rate * np.clip(h.T @ dy, -1, 1)
        w -= rate * np.clip(x.T @ dz, -1, 1)
        b -= rate * np.clip(dz.sum(0), -1, 1)
    slope = act.backward(np.ones((256, units), np.float32), x=x @ w + b)
    return np.mean(np.all(np.abs(slope) < 1e-3, axis=0))


def measure():
    shares = {n: [np.mean([dead_after_training(n, rate, seed) for seed in range(3)]) for rate in RATES] for n in NAMES}
    print("dead units after training, in %\n")
    print("step      " + "".join(f"{rate:8g}" for rate in RATES))
    for name, row in shares.items():
        print(f"{name:<10}" + "".join(f"{100 * s:8.0f}" for s in row))
    return shares


def draw(shares, figure):
    axes = figure.subplots()
    for name, row in shares.items():
        axes.plot(RATES, 100 * np.array(row), marker="o", label=name)
    axes.set(xscale="log", xlabel="length of a step", ylabel="dead units, %", ylim=(-3, None))
    axes.set_xticks(RATES, labels=[f"{r:g}" for r in RATES])
    axes.set_xticks([], minor=True)
    axes.legend(frameon=False)
