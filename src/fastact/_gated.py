"""The gated units: of two arrays, or of one whose halves are the value and the gate. Thin Python over the ufuncs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from fastact import _rows, _validate
from fastact._registry import GatedRecord


def _halves(function: str, name: str, x: Any, axis: int) -> tuple[Any, Any]:
    """Views of the first and the second half along an axis."""
    at = normalize_axis_index(_validate.integer(function, "axis", axis), x.ndim)
    length = x.shape[at]
    if length % 2:
        raise ValueError(f"{function}: {name} cannot be split along axis {axis} into a value and a gate: its length {length} is odd")
    before = (slice(None),) * at
    return x[(*before, slice(None, length // 2))], x[(*before, slice(length // 2, None))]


def _dtype(ufunc: np.ufunc, operands: tuple[Any, ...], kwargs: Mapping[str, Any]) -> np.dtype[Any]:
    """The type of the results, by dtype=, signature= and casting=, too: that of nothing."""
    if not kwargs:      # as usual, and quicker
        given = (type(v) if type(v) in (int, float) else np.asanyarray(v).dtype for v in operands)
        return ufunc.resolve_dtypes((*given, None, None))[-1]
    nothing = (v if type(v) in (int, float) else np.empty(0, np.asanyarray(v).dtype) for v in operands)
    results = ufunc(*nothing, **{k: v for k, v in kwargs.items() if k != "where"})
    return results[0].dtype  # type: ignore[no-any-return]


def forward_function(record: GatedRecord, ufuncs: Mapping[str, np.ufunc]) -> Callable[..., Any]:
    """``glu(x, gate=None, axis=-1, *, out=None)`` and its like."""
    ufunc, name = ufuncs[record.name], record.name

    def gated(x: Any, gate: Any = None, axis: int = -1, *, out: Any = None, **kwargs: Any) -> Any:
        if gate is None:
            x, gate = _halves(name, "x", np.asanyarray(x), axis)
        return ufunc(x, gate, out=out, **kwargs)

    gated.__name__ = gated.__qualname__ = name
    gated.__module__ = "fastact"
    gated.ufunc = ufunc  # type: ignore[attr-defined]
    return gated


def backward_function(record: GatedRecord, ufuncs: Mapping[str, np.ufunc]) -> Callable[..., Any]:
    """``glu_backward(dy, *, x, gate=None, axis=-1, out=None)`` and its like."""
    name = f"{record.name}_backward"
    ufunc = ufuncs[name]

    def gated_backward(dy: Any, *, x: Any, gate: Any = None, axis: int = -1, out: Any = None, **kwargs: Any) -> Any:
        if gate is not None:
            return ufunc(dy, x, gate, out=(None, None) if out is None else out, **kwargs)
        x = np.asanyarray(x)
        a, gate = _halves(name, "x", x, axis)
        shape = np.shape(dy)
        try:
            fits = np.broadcast_shapes(shape, a.shape) == a.shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{name}: dy of shape {shape} does not fit the result's shape {a.shape}")
        out = _rows.given_out(name, out)
        if _rows.is_masked(dy) or _rows.is_masked(x):  # the masks of two halves do not reach the whole
            if out is None:
                return np.ma.concatenate(ufunc(dy, a, gate, **kwargs), axis)  # type: ignore[no-untyped-call]
            _rows.none_masked(name, dy=dy, x=x)
        if out is None:
            out = np.empty_like(x, _dtype(ufunc, (dy, x, x), kwargs))
        elif out.shape != x.shape:
            raise ValueError(f"{name}: out has shape {out.shape}, x has {x.shape}")
        ufunc(dy, a, gate, out=_halves(name, "out", out, axis), **kwargs)
        return out

    gated_backward.__name__ = gated_backward.__qualname__ = name
    gated_backward.__module__ = "fastact"
    gated_backward.ufunc = ufunc  # type: ignore[attr-defined]
    return gated_backward
