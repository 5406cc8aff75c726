"""A layer whose inputs have a mean far from 0 can take short steps only: least squares on random features, as they are and centred."""

import numpy as np

import fastact as fa

NAMES = ("sigmoid", "softplus", "relu", "silu", "elu", "tanh")
STEPS = 300


def descend(features, target):
    """Gradient descent with the longest safe step; the error above the best possible, and the largest eigenvalue."""
    n = len(features)
    best = np.mean((features @ np.linalg.lstsq(features, target)[0] - target) ** 2)
    largest = np.linalg.eigvalsh(features.T @ features / n)[-1]
    w, excess = np.zeros(features.shape[1]), []
    for _ in range(STEPS):
        wrong = features @ w - target
        excess.append(np.mean(wrong**2) - best)
        w -= features.T @ wrong / n / largest
    return np.array(excess) / excess[0], largest


def measure():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1000, 8)), rng.standard_normal((8, 40)) / 8**0.5
    target = np.sin(x[:, 0] + x[:, 1]) + x[:, 2] * x[:, 3]
    target -= target.mean()
    found = {}
    print(f"features with standard deviation 1; error left after {STEPS} steps, of 1 at the start\n")
    print(f"{'':<10}{'mean':>6}{'largest eigenvalue':>22}{'error left':>12}{'after centring':>18}")
    for name in NAMES:
        features = fa.get(name)(x @ w)
        features /= features.std()
        curve, largest = descend(features, target)
        centred, _ = descend(features - features.mean(0), target)
        found[name] = features.mean(), curve
        print(f"{name:<10}{features.mean():6.2f}{largest:22.1f}{curve[-1]:12.3f}{centred[-1]:18.3f}")
    return found


def draw(found, figure):
    axes = figure.subplots()
    for name, (mean, curve) in found.items():
        axes.plot(curve, label=f"{name}, mean {mean:.2f}")
    axes.set(xlabel="step", ylabel="error above the best", yscale="log")
    axes.legend(frameon=False)
