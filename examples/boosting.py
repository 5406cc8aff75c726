"""Gradient boosting of scikit-learn's trees, with the losses, gradients and Hessians of fastact.

    pip install ".[examples]"
    python examples/boosting.py

Each round takes the gradient and the Hessian's diagonal of the cross-entropy at the present scores, both from one pass over
them, grows a tree per class, and gives each leaf its Newton step, as XGBoost and LightGBM do. It prints the accuracy beside
scikit-learn's GradientBoostingClassifier on two real data sets, and what the objective costs against the usual NumPy
expressions. `boost` is the part to read.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy loads its BLAS

import numpy as np  # noqa: E402
from _race import progress, race, table  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_digits  # noqa: E402
from sklearn.ensemble import GradientBoostingClassifier  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.tree import DecisionTreeRegressor  # noqa: E402

import fastact as fa  # noqa: E402

RATE, DEPTH, PENALTY = 0.1, 3, 1.0
#: Scores and classes to the losses (one each row), the gradient and the Hessian's diagonal (of the scores' shape).
Objective = Callable[[Any, Any], tuple[Any, Any, Any]]


# ---- the objectives, twice --------------------------------------------------------------------------------------------------


def with_fastact(scores: Any, classes: Any) -> tuple[Any, Any, Any]:
    """Sigmoid's cross-entropy for a single column of scores, else softmax's."""
    if scores.shape[1] == 1:
        loss, gradient, hessian = fa.sigmoid_cross_entropy_value_and_grad(scores, classes[:, None], hessian=True)
        return loss[:, 0], gradient, hessian
    return fa.softmax_cross_entropy_value_and_grad(scores, classes, hessian=True)  # type: ignore[no-any-return]


def with_expressions(scores: Any, classes: Any) -> tuple[Any, Any, Any]:
    """The same as one writes it with NumPy."""
    if scores.shape[1] == 1:
        target = classes[:, None]
        p = 1 / (1 + np.exp(-scores))
        return (np.logaddexp(0, scores) - target * scores)[:, 0], p - target, p * (1 - p)
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    rows = np.arange(len(classes))
    loss = np.log(sums[:, 0]) - shifted[rows, classes]
    gradient = exps / sums
    hessian = gradient * (1 - gradient)
    gradient[rows, classes] -= 1
    return loss, gradient, hessian


# ---- boosting ------------------------------------------------------------------------------------------------------------------


class Boosted:
    """Rounds of trees; `losses` has the mean loss before each round, `spent` the seconds in the objective."""

    def __init__(self, columns: int) -> None:
        self.columns, self.rounds, self.losses, self.spent = columns, [], [], 0.0

    def scores(self, X: Any) -> Any:
        scores = np.zeros((len(X), self.columns))
        for trees in self.rounds:
            for k, (tree, values) in enumerate(trees):
                scores[:, k] += values[tree.apply(X)]
        return scores

    def predict(self, X: Any) -> Any:
        scores = self.scores(X)
        return (scores[:, 0] > 0).astype(int) if self.columns == 1 else scores.argmax(axis=1)


def boost(X: Any, classes: Any, rounds: int, objective: Objective = with_fastact) -> Boosted:
    """Fit; classes are numbers from 0 on."""
    count = int(classes.max()) + 1
    model = Boosted(1 if count == 2 else count)
    scores = np.zeros((len(X), model.columns))
    for done in range(rounds):
        start = time.perf_counter()
        loss, gradient, hessian = objective(scores, classes)
        model.spent += time.perf_counter() - start
        model.losses.append(float(loss.mean()))
        trees = []
        for k in range(model.columns):
            step = -gradient[:, k]
            tree = DecisionTreeRegressor(max_depth=DEPTH, random_state=0).fit(X, step)
            leaf = tree.apply(X)
            size = tree.tree_.node_count
            values = RATE * np.bincount(leaf, step, size) / (np.bincount(leaf, hessian[:, k], size) + PENALTY)
            scores[:, k] += values[leaf]
            trees.append((tree, values))
        model.rounds.append(trees)
        progress(done + 1, rounds, f"loss {model.losses[-1]:.4f}")
    return model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trees", type=int, default=100, help="rounds of boosting (default: 100)")
    parser.add_argument("--rounds", type=int, default=11, help="turns when times are taken (default: 11)")
    arguments = parser.parse_args()

    rows = []
    for name, load in (("breast cancer", load_breast_cancer), ("digits", load_digits)):
        X, y = load(return_X_y=True)
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
        start = time.perf_counter()
        ours = boost(X, y, arguments.trees)
        took = time.perf_counter() - start
        start = time.perf_counter()
        theirs = GradientBoostingClassifier(n_estimators=arguments.trees, learning_rate=RATE, max_depth=DEPTH, random_state=0).fit(X, y)
        theirs_took = time.perf_counter() - start
        accuracy = (float((m.predict(X_test) == y_test).mean()) for m in (ours, theirs))
        rows.append([name, *(f"{a:.4f}" for a in accuracy), f"{took:.2f}", f"{1e3 * ours.spent:.1f}", f"{theirs_took:.2f}"])
    title = ["held-out quarter", "accuracy", "GradientBoostingClassifier's", "fit, s", "of it objective, ms", "its fit, s"]
    print(table(title, rows) + "\n")

    rng = np.random.default_rng(0)
    rows = []
    for samples, columns in ((427, 1), (1347, 10), (100_000, 1), (100_000, 10)):
        scores, classes = rng.standard_normal((samples, columns)), rng.integers(max(columns, 2), size=samples)
        found = race(
            {"NumPy": lambda s=scores, c=classes: with_expressions(s, c), "fastact": lambda s=scores, c=classes: with_fastact(s, c)},
            arguments.rounds,
        )
        kind = "sigmoid" if columns == 1 else "softmax"
        times = [f"{1e3 * t:.3f}" for t in found.values()]
        rows.append([f"{kind}, {samples} x {columns}", *times, f"{found['NumPy'] / found['fastact']:.2f}"])
    print(table(["loss, gradient and Hessian, one thread", "NumPy expressions, ms", "fastact, ms", "times as fast"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
