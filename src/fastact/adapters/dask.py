"""dask: softmax and its like along any axis of an array, chunked or not, lazily.

The element-by-element functions need nothing: ``fa.gelu(dask_array)`` is a lazy array with the same type and chunks. Along an axis
that lies in one chunk so does ``fa.softmax(dask_array)``. The functions here also take axes that are cut into chunks: two passes over
the data, each chunk by itself, with three numbers a row and chunk in between. No chunk is ever joined to another.

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
from fastact._rows import _last, _unlast

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


_quiet = np.errstate(all="ignore")  # limits and NaN go their way, as in fastact's own functions


@_quiet
def _state(x: Any, where: Any = None, *, axes: tuple[int, ...]) -> Any:
    """Each row: its maximum in this chunk; log(sum(exp(x - maximum))), which a difference would lose; 1 unless all of it is masked."""
    x = x.astype(np.float64)
    some = np.ones(tuple(1 if i in axes else n for i, n in enumerate(x.shape)))
    if where is not None:
        x = np.where(where, x, -np.inf)
        some = np.any(where, axis=axes, keepdims=True)
    m = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    x -= np.where(np.isfinite(m), m, 0.0)
    return np.stack([m, _fa.logsumexp(x, axes, keepdims=True), some])


class _Together:
    """The chunks' states side by side on the last axis, and what follows for the whole rows.

    A chunk's maximum is below the rows' by a difference whose rounding error the exponential would multiply, so that is kept too.
    """

    def __init__(self, state: Any, axes: tuple[int, ...]) -> None:
        m, self.rest, some = (_last(part, axes) for part in state)
        self.some = np.any(some, axis=-1, keepdims=True)
        self.top = np.max(m, axis=-1, keepdims=True, initial=-np.inf)
        self.below = m - self.top
        back = self.below - m
        lost = (m - (self.below - back)) - (self.top + back)
        self.lost = np.where(np.isfinite(lost), lost, 0.0)
        self.sums = _fa.exp(self.below) * _fa.exp(self.rest)
        self.sums += self.sums * self.lost
        lead = np.arange(m.shape[-1]) == np.argmax(m, axis=-1)[..., None] if m.size else np.zeros(m.shape, bool)
        self.lead = np.sum(self.rest, axis=-1, keepdims=True, where=lead)
        # log(sum of sums / that of the chunk with the maximum)
        self.above = np.log1p(np.sum(self.sums, axis=-1, keepdims=True, where=~lead) / _fa.exp(self.lead))

    def weights(self, masked: float) -> Any:
        """What the chunk's own softmax is multiplied by, or its own log_softmax raised by."""
        if masked == 0:
            found = self.sums / np.sum(self.sums, axis=-1, keepdims=True)
        else:
            found = (self.below + ((self.rest - self.lead) - self.above)) + self.lost
        found = np.where(self.top < np.inf, found, np.nan)  # as of any row that holds +inf or NaN
        return np.where(self.some, found, masked)

    def total(self) -> Any:
        """The logarithm of the sum."""
        return np.where(np.isinf(self.top), self.top, self.top + (self.lead + self.above))


@_quiet
def _weights(state: Any, *, axes: tuple[int, ...], masked: float) -> Any:
    return _unlast(_Together(state, axes).weights(masked), axes, state.shape[1:])


@_quiet
def _apply(x: Any, weights: Any, where: Any = None, *, which: str, axes: tuple[int, ...], masked: float) -> Any:
    wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    nothing = masked == weights  # chunks of nothing but -inf or masked numbers
    mask = where
    if nothing.any():
        mask = (x != -np.inf) if where is None else where & (x != -np.inf)
    y = getattr(_fa, which)(wide, axes, where=mask)
    weights = weights.astype(wide.dtype)
    y = y * weights if masked == 0 else y + weights
    return y.astype(x.dtype, copy=False)


@_quiet
def _total(state: Any, *, axes: tuple[int, ...], to: Any) -> Any:
    ones = tuple(1 if i in axes else n for i, n in enumerate(state.shape[1:]))
    return _Together(state, axes).total().reshape(ones).astype(to)


# ---- and with all of them -----------------------------------------------------------------------------------------------


def _states(x: Any, where: Any, axes: tuple[int, ...]) -> Any:
    """The chunks' states, brought together along the axes: three numbers a row and chunk."""
    ones = tuple((1,) * len(c) if i in axes else c for i, c in enumerate(x.chunks))
    blocks = (x,) if where is None else (x, where)
    meta = np.empty((0,) * (x.ndim + 1))
    states = da.map_blocks(_state, *blocks, axes=axes, new_axis=0, chunks=((3,), *ones), dtype=np.float64, meta=meta)
    return states.rechunk({i + 1: -1 for i in axes})


def _transform(record: RowRecord) -> Any:
    name = record.name

    def transform(x: Any, axis: Axis = -1, *, where: Any = None) -> Any:
        x, where = _checked(name, x, where)
        axes = _axes(x.ndim, axis)
        states = _states(x, where, axes)
        empty = np.empty((0,) * x.ndim)
        counts = tuple((x.numblocks[i],) if i in axes else c for i, c in enumerate(x.chunks))
        weights = da.map_blocks(_weights, states, axes=axes, masked=record.masked, drop_axis=0, chunks=counts, dtype=np.float64, meta=empty)
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
