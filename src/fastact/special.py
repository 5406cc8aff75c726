"""SciPy's names and defaults: ``from fastact import special`` in place of ``from scipy import special``.

The functions of the table that `scipy.special` has, with its signatures: ``axis=None`` for `softmax`, `log_softmax` and
`logsumexp`, ``b=`` and ``return_sign=``. Types are fastact's: float16 stays float16, and longdouble and complex numbers
are refused.

>>> import numpy as np
>>> from fastact import special
>>> special.softmax(np.zeros((2, 2)))
array([[0.25, 0.25],
       [0.25, 0.25]])
>>> print(f"{special.logsumexp([1.0, 2.0], b=[1.0, -0.1]):.4f}")
0.6828
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

import fastact as _fa
from fastact import _rows
from fastact._elsewhere import SCIPY, Spelling
from fastact._registry import NAMES, RowRecord

Axis = int | tuple[int, ...] | None


def _elementwise(spelling: Spelling, activation: Any) -> Any:
    """The ufunc; with parameters, which SciPy's function has not, a function that gives them. SciPy's refuses no numbers."""
    function = activation.forward
    if isinstance(function, np.ufunc):
        return function
    if activation.record.held_by:
        function = function.ufunc
    fixed = tuple(spelling.fixed[name] for name in activation.parameters)

    def call(x: Any, /, out: Any = None, **kwargs: Any) -> Any:
        return function(x, *fixed, out=out, **kwargs)

    return call


def _over_axis(function: Any) -> Any:
    """Over all axes unless one is named."""

    def call(x: Any, axis: Axis = None) -> Any:
        x = np.asanyarray(x)
        if axis is None and x.ndim == 0:  # a number is a row of one
            return function(x.reshape(1))[0]
        return function(x, axis)

    return call


def _weighted(a: Any, b: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """log|sum(b exp(a))| and the sum's sign, in float64. Where b is 0, a is not looked at."""
    a, b = np.broadcast_arrays(a.astype(np.float64), b.astype(np.float64))
    a = np.where(b == 0, -np.inf, a)
    top = a.max(axis=axes, keepdims=True, initial=-np.inf)
    with np.errstate(all="ignore"):
        at_top = a == top
        first = np.sum(b, axis=axes, keepdims=True, where=at_top)
        rest = np.sum(b * _fa.exp(a - top), axis=axes, keepdims=True, where=~at_top)
        total = first + rest
        # as first * (1 + rest / first), so that a small rest keeps its digits; not where the two cancel
        near = np.abs(rest) < np.abs(first) / 2
        size = np.where(near, np.log(np.abs(first)) + np.log1p(rest / first), np.log(np.abs(total)))
        result, sign = np.where(np.isinf(top) & ~np.isnan(total), top, top + size), np.sign(total)
        unbounded = top == np.inf  # no a - top there: the sign is that of the weights of +inf
        sign = np.where(unbounded, np.sign(first), np.where(top == -np.inf, 0.0, sign))
        both = unbounded & (np.any(at_top & (b > 0), axis=axes, keepdims=True) & np.any(at_top & (b < 0), axis=axes, keepdims=True))
    nan = both | np.isnan(top)
    return np.where(nan, np.nan, result), np.where(nan, np.nan, sign)


def _logsumexp(function: Any) -> Any:
    def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
        _rows.none_masked("logsumexp", a=a, b=b)
        a = np.asanyarray(a)
        a = a.reshape(1) if a.ndim == 0 and (b is None or np.ndim(b) == 0) else a
        if b is None:
            result = function(a, axis, keepdims=keepdims)
            if not return_sign:
                return result
            sign = np.where(np.isnan(result), result, np.where(result == -np.inf, 0.0, 1.0))  # a sum of exponentials is 0 or positive
            return result, sign.astype(result.dtype)[()]
        weak = type(b) in (bool, int, float) and a.dtype.kind == "f"    # a number of Python's does not widen a
        b = np.asanyarray(b, np.float64 if weak else None)
        for name, value in (("a", a), ("b", b)):
            if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
                raise TypeError(f"logsumexp: {name} is {value.dtype}; accepted are float16, float32 and float64, and bool and integers")
        try:
            shape = np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ValueError(f"logsumexp: b of shape {b.shape} does not broadcast with a of shape {a.shape}") from None
        dtype = np.result_type(*(v.dtype if v.dtype.kind == "f" else np.float64 for v in ((a,) if weak else (a, b))))
        axes = tuple(range(len(shape))) if axis is None else normalize_axis_tuple(axis, len(shape), "axis")
        result, sign = _weighted(np.broadcast_to(a, shape), np.broadcast_to(b, shape), axes)
        if not return_sign:
            result = np.where(sign < 0, np.nan, result)
        with np.errstate(all="ignore"):
            pair = tuple((v if keepdims else np.squeeze(v, axis=axes)).astype(dtype)[()] for v in (result, sign))
        return pair if return_sign else pair[0]

    return logsumexp


def _make(spelling: Spelling) -> Callable[..., Any]:
    activation = _fa.get(spelling.function)
    if isinstance(activation.record, RowRecord):
        function = _logsumexp(activation.forward) if activation.record.reduces else _over_axis(activation.forward)
    else:
        function = _elementwise(spelling, activation)
    if not isinstance(function, np.ufunc):
        function.__name__ = function.__qualname__ = spelling.name
        function.__module__ = __name__
        function.__doc__ = f"`fastact.{activation.name}` with the signature of `scipy.special.{spelling.name}`: {activation.summary}"
    return function  # type: ignore[no-any-return]


__all__ = [s.name for s in SCIPY if s.function in NAMES]
globals().update({s.name: _make(s) for s in SCIPY if s.function in NAMES})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
