"""autograd: the gradient of a small network. Keras, NumPy backend: its predictions. python bench/hosts/autograd_keras.py"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
from _race import header, race

os.environ["KERAS_BACKEND"] = "numpy"
warnings.simplefilter("ignore")


def gradients() -> None:
    """A hidden layer of 512 on 1 000 rows: the activation written with autograd's NumPy, or as one of our primitives."""
    import autograd.numpy as anp
    from autograd import grad

    import fastact.adapters.autograd as ours

    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((1000, 128)), rng.standard_normal((128, 512)) / 11

    def softmax(a: Any) -> Any:
        e = anp.exp(a - anp.max(a, axis=-1, keepdims=True))
        return e / anp.sum(e, axis=-1, keepdims=True)

    pairs: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "gelu_tanh": (lambda a: 0.5 * a * (1 + anp.tanh(0.7978845608028654 * (a + 0.044715 * a**3))), ours.gelu_tanh),
        "mish": (lambda a: a * anp.tanh(anp.log1p(anp.exp(a))), ours.mish),
        "silu": (lambda a: a / (1 + anp.exp(-a)), ours.silu),
        "softmax": (softmax, ours.softmax),
    }
    header("autograd: gradient of sum(act(X W)**2), 1 000 rows, 512 units")
    for name, functions in pairs.items():
        best = [float("inf"), float("inf")]
        products = [grad(lambda w, f=f: anp.sum(f(anp.dot(X, w)) ** 2)) for f in functions]
        np.testing.assert_allclose(products[0](W), products[1](W), rtol=1e-6, atol=1e-8)
        for _ in range(3):
            for i, product in enumerate(products):
                start = time.perf_counter()
                product(W)
                best[i] = min(best[i], time.perf_counter() - start)
        print(f"| {name} | {best[0]:.3f} | {best[1]:.3f} | {best[0] / best[1]:.2f} |", flush=True)


def predictions() -> None:
    """Two dense layers of 512 and softmax on 2 000 rows."""
    import keras

    from fastact.adapters.keras import install, uninstall

    @contextmanager
    def inside() -> Any:
        install()
        try:
            yield
        finally:
            uninstall()

    x = np.random.default_rng(0).standard_normal((2000, 64)).astype("f4")
    header("Keras, NumPy backend: two dense layers of 512 and softmax, 2 000 rows")
    for name in ("gelu", "silu", "elu", "relu"):
        hidden = [keras.layers.Dense(512, activation=name) for _ in range(2)]
        model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, activation="softmax")])
        race(name, lambda model=model: model(x), inside, rounds=4)


if __name__ == "__main__":
    gradients()
    print()
    predictions()
    sys.exit(0)
