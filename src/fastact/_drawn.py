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
RETURNED = "\n{name} : ndarray\n    In training: what was drawn for each element of y, used or not, of its type; the gradient needs it."
GIVEN = "{name} : array_like, optional\n    What the forward pass drew in training; {low} and {high} then do not count."


def generator(function: str, rng: Any) -> np.random.Generator:
    """`numpy.random.default_rng(rng)`, or an error that names rng and its value."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function}: rng must be None, a seed or a numpy.random.Generator, got {rng!r}: {error}") from None


def draw(rng: np.random.Generator, x: Any, low: Any, high: Any) -> Any:
    """Uniform numbers from low to high, of the shape that they have with x and of the type that it is computed in."""
    x = np.asanyarray(x)
    floating = x.dtype.kind == "f" or x.dtype.name == "bfloat16"
    dtype = x.dtype.newbyteorder("=") if floating else np.dtype(np.float64)
    wide = np.dtype(np.float32) if dtype.itemsize == 2 else dtype
    if wide.char not in "fd":
        return np.zeros(x.shape)  # a type that the ufunc will refuse by name
    with np.errstate(all="ignore"):
        low, high = (np.asarray(v).astype(dtype).astype(wide) for v in (low, high))
        part = rng.random(np.broadcast_shapes(x.shape, low.shape, high.shape), wide)
        span = high - low
        drawn = low + span * part
        if not np.isfinite(span).all():  # as between -max and max
            drawn = np.where(np.isfinite(span), drawn, low * (1 - part) + high * part)
        return np.maximum(np.minimum(drawn, high), low).astype(dtype)


def forward_function(record: Record, ufunc: np.ufunc) -> Callable[..., Any]:
    """What the forward function does in training: it returns the result and what was drawn."""
    assert record.drawn
    name, low, high = record.name, record.drawn.low, record.drawn.high
    checks = {p.name: p.check for p in record.parameters}

    def training(x: Any, low_value: Any, high_value: Any, rng: Any, **kwargs: Any) -> Any:
        dtype = _validate.shared_dtype(x)
        low_value, high_value = (_validate.parameter(name, p, v, checks[p], dtype) for p, v in ((low, low_value), (high, high_value)))
        _validate.ordered(name, low, low_value, high, high_value)
        shapes = [np.shape(v) for v in (x, low_value, high_value)]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{name}: {low} of shape {shapes[1]} and {high} of {shapes[2]} do not fit x of shape {shapes[0]}") from None
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
