"""Functions that draw a parameter per element in training: the forward pass returns what was drawn, the backward pass takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastact import _validate
from fastact._registry import Record

#: The extra arguments, as `_docs` describes them.
TRAINING = "training : bool, default False\n    Whether to draw a {name} per element; else {low} and {high} give one for all."
GENERATOR = "rng : None, int, numpy.random.Generator or other seed, optional\n    What draws: passed through `numpy.random.default_rng`."
RETURNED = "\n{name} : ndarray\n    In training only: what was drawn for each element, used or not, of x's type; the gradient needs it."
GIVEN = "{name} : array_like, optional\n    What the forward pass drew in training; {low} and {high} then do not count."


def generator(function: str, rng: Any) -> np.random.Generator:
    """`numpy.random.default_rng(rng)`, or an error that names rng and its value."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function}: rng must be None, a seed or a numpy.random.Generator, got {rng!r}: {error}") from None


def draw(rng: np.random.Generator, x: Any, low: Any, high: Any) -> Any:
    """Uniform numbers from low to high, of x's shape and of the type that it is computed in."""
    x = np.asanyarray(x)
    floating = x.dtype.kind == "f" or x.dtype.name == "bfloat16"
    dtype = x.dtype.newbyteorder("=") if floating else np.dtype(np.float64)
    wide = np.dtype(np.float32) if dtype.itemsize == 2 else dtype
    if wide.char not in "fd":
        return np.zeros(x.shape)  # a type that the ufunc will refuse by name
    low, high = (np.asarray(v).astype(dtype).astype(wide) for v in (low, high))
    drawn = rng.random(x.shape, wide)
    drawn = np.minimum(low + (high - low) * drawn, high)
    return np.maximum(drawn, low).astype(dtype)


def forward_function(record: Record, ufunc: np.ufunc) -> Callable[..., Any]:
    """What the forward function does in training: it returns the result and what was drawn."""
    assert record.drawn
    name, low, high = record.name, record.drawn.low, record.drawn.high
    checks = {p.name: p.check for p in record.parameters}

    def training(x: Any, low_value: Any, high_value: Any, rng: Any, **kwargs: Any) -> Any:
        dtype = _validate.shared_dtype(x)
        low_value, high_value = (_validate.parameter(name, p, v, checks[p], dtype) for p, v in ((low, low_value), (high, high_value)))
        _validate.ordered(name, low, low_value, high, high_value)
        drawn = draw(generator(name, rng), x, low_value, high_value)
        return ufunc(x, drawn, drawn, **kwargs), drawn

    return training


def backward_function(record: Record, ufunc: np.ufunc) -> Callable[..., Any]:
    """The gradient for what was drawn."""
    assert record.drawn
    function, name = f"{record.name}_backward", record.drawn.name

    def training(dy: Any, x: Any, drawn: Any, **kwargs: Any) -> Any:
        drawn = _validate.parameter(function, name, drawn, "finite")
        return ufunc(dy, x, drawn, drawn, **kwargs)

    return training
