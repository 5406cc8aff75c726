"""scikit-learn: MLPClassifier on the handwritten digits, fit and predict_proba. python bench/hosts/sklearn_fit.py"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from _race import header, race
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from fastact.adapters.sklearn import activations


def main() -> int:
    """Print a row for each activation."""
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    header("MLPClassifier, digits, hidden layers of 256, 10 epochs")

    def fit(name: str) -> MLPClassifier:
        return MLPClassifier((256, 256), activation=name, max_iter=10, random_state=0).fit(X, y)

    for name in ("tanh", "logistic", "relu", "gelu", "mish"):
        known = name in ("tanh", "logistic", "relu")
        race(f"fit, {name}", lambda name=name: fit(name), activations, plain=known)
    many = np.tile(X, (20, 1))
    for name in ("tanh", "logistic"):
        model = fit(name)
        race(f"predict_proba of {len(many)} rows, {name}", lambda model=model: model.predict_proba(many), activations)
    return 0


if __name__ == "__main__":
    sys.exit(main())
