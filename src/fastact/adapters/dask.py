"""dask: softmax and its like along any axis of an array, chunked or not, lazily.

The element-by-element functions need nothing: ``fa.gelu(dask_array)`` is a lazy array with the same type and chunks. Along an axis
that lies in one chunk so does ``fa.softmax(dask_array)``. The functions here also take axes that are cut into chunks: two passes over
the data, each chunk by itself, with two numbers a row and chunk in between. No chunk is ever joined to another.

>>> import dask.array as da
>>> import fastact.adapters.dask as fad
>>> x = da.zeros((4, 6), chunks=(2, 3))
>>> y = fad.softmax(x, axis=1)
>>> y.chunks, float(y.compute()[0].sum())
(((2, 2), (3, 3)), 1.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

import fastact as _fa
from fastact._registry import ROWWISE, RowRecord

Axis = int | tuple[int, ...] | None


def _axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    return tuple(range(ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, ndim, "axis")))


def _checked(function: str, x: Any, where: Any) -> tuple[Any, Any]:
    """Dask arrays of a type that fastact computes, and of one shape and chunks."""
    x = da.asanyarray(x)
    dtype = _fa.logsumexp(np.zeros((1, 1), x.dtype)).dtype  # or its TypeError
    x = x.astype(dtype)
    if where is None:
        return x, None
    where = da.asanyarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"{function}: where must be a boolean mask, got {where.dtype}")
    try:
        return x, da.broadcast_to(where, x.shape).rechunk(x.chunks)
    except ValueError:
        raise ValueError(f"{function}: where of shape {where.shape} does not broadcast to x of shape {x.shape}") from None


# ---- what is done with one chunk ----------------------------------------------------------------------------------------


def _state(x: Any, where: Any = None, *, axes: tuple[int, ...]) -> Any:
    """Each row's maximum in this chunk, and log(sum(exp(x - maximum))), whose digits a difference of logsumexps would lose."""
    x = x.astype(np.float64)
    if where is not None:
        x = np.where(where, x, -np.inf)
    m = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    x -= np.where(np.isfinite(m), m, 0.0)
    return np.stack([m, _fa.logsumexp(x, axes, keepdims=True)])


def _relative(state: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """The whole rows' maximum, and each chunk's logsumexp relative to it."""
    m, rest = state
    top = np.max(m, axis=axes, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        return top, (m - top) + rest


def _weights(state: Any, *, which: str, axes: tuple[int, ...]) -> Any:
    """What the chunk's own softmax is multiplied by, and its own log_softmax raised by: the same function of the chunks' sums."""
    return getattr(_fa, which)(_relative(state, axes)[1], axes)


def _apply(x: Any, weights: Any, where: Any = None, *, which: str, axes: tuple[int, ...], masked: float) -> Any:
    wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    nothing = masked == weights  # chunks of nothing but -inf or masked numbers
    mask = where
    if nothing.any():
        mask = (x != -np.inf) if where is None else where & (x != -np.inf)
    y = getattr(_fa, which)(wide, axes, where=mask)
    with np.errstate(under="ignore"):
        y = y * weights.astype(wide.dtype) if masked == 0 else y + weights.astype(wide.dtype)
    if where is not None:  # also of a row that is masked in full, whose weights are NaN
        y = np.where(where, y, y.dtype.type(masked))
    return y.astype(x.dtype, copy=False)


def _total(state: Any, *, axes: tuple[int, ...], to: Any) -> Any:
    top, relative = _relative(state, axes)
    result = np.where(np.isinf(top), top, top + _fa.logsumexp(np.where(np.isinf(top), 0.0, relative), axes, keepdims=True))
    with np.errstate(over="ignore"):
        return result.astype(to)


# ---- and with all of them -----------------------------------------------------------------------------------------------


def _states(x: Any, where: Any, axes: tuple[int, ...]) -> Any:
    """The chunks' states, brought together along the axes: two numbers a row and chunk."""
    ones = tuple((1,) * len(c) if i in axes else c for i, c in enumerate(x.chunks))
    blocks = (x,) if where is None else (x, where)
    meta = np.empty((0,) * (x.ndim + 1))
    states = da.map_blocks(_state, *blocks, axes=axes, new_axis=0, chunks=((2,), *ones), dtype=np.float64, meta=meta)
    return states.rechunk({i + 1: -1 for i in axes})


def _transform(record: RowRecord) -> Any:
    name = record.name

    def transform(x: Any, axis: Axis = -1, *, where: Any = None) -> Any:
        x, where = _checked(name, x, where)
        axes = _axes(x.ndim, axis)
        states = _states(x, where, axes)
        empty = np.empty((0,) * x.ndim)
        counts = tuple((x.numblocks[i],) if i in axes else c for i, c in enumerate(x.chunks))
        weights = da.map_blocks(_weights, states, which=name, axes=axes, drop_axis=0, chunks=counts, dtype=np.float64, meta=empty)
        blocks = (x, weights.rechunk(dict.fromkeys(axes, 1)), *(() if where is None else (where,)))
        return da.map_blocks(
            _apply, *blocks, which=name, axes=axes, masked=record.masked, chunks=x.chunks, dtype=x.dtype, meta=empty.astype(x.dtype)
        )

    return transform


def _reduction(record: RowRecord) -> Any:
    name = record.name

    def reduce(x: Any, axis: Axis = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        x, where = _checked(name, x, where)
        axes = _axes(x.ndim, axis)
        ones = tuple((1,) if i in axes else c for i, c in enumerate(x.chunks))
        meta = np.empty((0,) * x.ndim, x.dtype)
        total = da.map_blocks(
            _total, _states(x, where, axes), axes=axes, to=x.dtype, drop_axis=0, chunks=ones, dtype=x.dtype, meta=meta
        )
        return total if keepdims else da.squeeze(total, axis=axes)

    return reduce


def _backward(record: RowRecord, forward: Any) -> Any:
    name = f"{record.name}_backward"
    expression = eval(f"lambda dy, y, max, sum: {record.backward}", {"exp": _fa.exp}) if record.saves == "y" else None

    def backward(dy: Any, *, x: Any = None, y: Any = None, axis: Axis = -1, where: Any = None) -> Any:
        if (x is None) == (y is None):
            raise TypeError(f"{name}: pass either the saved input x= or the saved output y=")
        y = forward(x, axis, where=where) if y is None else da.asanyarray(y)
        dy = da.broadcast_to(da.asanyarray(dy), y.shape).rechunk(y.chunks)
        axes = _axes(y.ndim, axis)
        if where is not None:
            dy = da.where(_checked(name, y, where)[1], dy, np.zeros((), dy.dtype))

        def total(a: Any) -> Any:
            return da.sum(a, axis=axes, keepdims=True, dtype=np.float64)

        return expression(dy, y, None, total).astype(np.result_type(dy.dtype, y.dtype))  # type: ignore[misc]

    def backward_of_reduction(dy: Any, *, x: Any, axis: Axis = -1, keepdims: bool = False, where: Any = None) -> Any:
        x = da.asanyarray(x)
        axes = _axes(x.ndim, axis)
        if not keepdims:
            dy = da.asanyarray(dy)
            dy = dy.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if dy.ndim else dy
        return (dy * softmax_of_rows(x, axis, where=where)).astype(np.result_type(dy.dtype, x.dtype) if hasattr(dy, "dtype") else x.dtype)

    softmax_of_rows = forward
    return backward_of_reduction if record.reduces else backward


def _named(name: str, function: Any, record: RowRecord) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"`fastact.{name}` of a dask array, lazily, along any axis or axes: {record.summary}"
    return function


def _build() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for record in ROWWISE:
        made[record.name] = _named(record.name, _reduction(record) if record.reduces else _transform(record), record)
    for record in ROWWISE:
        # the gradient of a reduction is dy times softmax
        forward = made["softmax" if record.reduces else record.name]
        name = f"{record.name}_backward"
        made[name] = _named(name, _backward(record, forward), record)
    return made


_made = _build()
globals().update(_made)
__all__ = list(_made)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
