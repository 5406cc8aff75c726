"""The operands and calls of every benchmark row; the rows are those of `fastact.verify.cases`, made from the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastact as fa
from fastact._registry import Record, RowRecord
from fastact.verify.cases import KernelRow, Row, kernel_operands

SIZES = (1_000, 16_384, 262_144, 16_777_216)
ROW_LENGTHS = (64, 1_000, 32_000)
AXES = (-1, 0)


@dataclass
class Data:
    """The operands of a row, all allocated beforehand."""

    x: Any
    dy: Any
    y: Any
    out: Any
    mask: Any = None
    #: Of ufuncs of several arrays: all operands and all results.
    operands: tuple[Any, ...] = ()
    outs: tuple[Any, ...] = ()


def data(row: Row, dtype: str, size: int, seed: int = 0) -> Data:
    """Normally distributed operands, sigma 3, for about `size` elements."""
    shape: tuple[int, ...] = (size,)
    reduced = shape
    if row.length:
        count = max(1, size // row.length)
        shape, reduced = ((count, row.length) if row.axis == -1 else (row.length, count)), (count,)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape, np.float32) * 3
    if getattr(row.record, "domain", None) is not None and np.isfinite(row.record.domain).all():
        low, high = row.record.domain      # type: ignore[union-attr]
        x = low + (high - low) / (1 + np.exp(-x))
    x = x.astype(dtype)
    reduces = isinstance(row.record, RowRecord) and row.record.reduces
    dy = rng.standard_normal(reduced if reduces else shape, np.float32).astype(dtype)
    mask = rng.random(shape, np.float32) < 0.8 if "masked" in row.ufunc else None
    y = forward(row, x) if "backward" in row.ufunc else None
    out = np.empty(reduced if reduces and "backward" not in row.ufunc else shape, dtype)
    return Data(x, dy, y, out, mask)


def kernel_data(row: KernelRow, dtype: str, size: int, seed: int = 0) -> Data:
    """The same for ufuncs of several arrays; distributions, targets and saved outputs are what they should be."""
    rng = np.random.default_rng(seed)

    def real(name: str, shape: tuple[int, ...]) -> Any:
        if name == "temperature":
            return np.asarray(0.5, dtype)
        if name == "targets":
            return rng.random(shape, np.float32).astype(dtype)
        x = (rng.standard_normal(shape, np.float32) * (1 if name == "dy" else 3)).astype(dtype)
        if name == "labels":
            return fa.softmax(x)
        if name == "y":
            stem = row.ufunc.removesuffix("_backward_y")
            others = kernel_operands(row, rows, row.length, lambda _, s: np.zeros(s, dtype), integer)[2:]
            return fa.ufuncs.__dict__[stem](x, *(others or (np.broadcast_to(True, shape),)))
        return x

    def integer(name: str, shape: tuple[int, ...], limit: int) -> Any:
        return np.random.default_rng(1).integers(0, limit, shape)

    rows = max(1, size // row.length) if row.length else size
    operands = kernel_operands(row, rows, row.length, real, integer)
    if row.axis == 0:
        # what is one value repeated, as a mask that lets all through, stays that
        operands = tuple((np.asfortranarray(a) if any(a.strides) else a).T if np.ndim(a) == 2 else a for a in operands)
    ufunc = fa.ufuncs.__dict__[row.ufunc]
    results = ufunc(*operands, **({"axis": row.axis} if row.axis != -1 else {}))
    outs = tuple(np.empty_like(r, order="C") for r in (results if isinstance(results, tuple) else (results,)))
    return Data(operands[0], None, None, outs[-1], None, operands, outs)


def bound(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Callable[[], Any]:
    """That call, written out, as the peers' are: `functools.partial` takes 0.05 us to put its keywords together."""
    scope = {"f": function, **{f"a{i}": a for i, a in enumerate(arguments)}, **{f"given_{k}": v for k, v in keywords.items()}}
    text = ", ".join((*(f"a{i}" for i in range(len(arguments))), *(f"{k}=given_{k}" for k in keywords)))
    call: Callable[[], Any] = eval(f"lambda: f({text})", scope)
    return call


def kernel_call(row: KernelRow, d: Data, in_place: bool = False) -> Callable[[], Any]:
    """What is timed of those: the ufunc itself, the last result in the first operand's place if `in_place`."""
    outs = (*d.outs[:-1], d.operands[0]) if in_place else d.outs
    return bound(fa.ufuncs.__dict__[row.ufunc], *d.operands, **({"axis": row.axis} if row.axis != -1 else {}), out=outs)


def forward(row: Row, x: Any) -> Any:
    """The function itself, at the row's parameters."""
    return fa.get(row.record.name)(x, **dict(row.parameters), **({"axis": row.axis} if row.length else {}))


def call(row: Row, d: Data, in_place: bool = False) -> Callable[[], Any]:
    """What is timed: the public function where one computes just this, else the ufunc."""
    activation = fa.get(row.record.name)
    defaults = {p.name: p.default for p in getattr(row.record, "parameters", ())}
    keywords: dict[str, Any] = {k: v for k, v in dict(row.parameters).items() if v != defaults[k]}      # as one calls it
    if row.length:
        keywords["axis"] = row.axis
    if d.mask is not None:
        keywords["where"] = d.mask
    if "backward" not in row.ufunc:
        return bound(activation.forward, d.x, **keywords, out=d.x if in_place else d.out)
    out = d.dy if in_place else d.out
    several = any(p.learned for p in getattr(row.record, "parameters", ()))
    if several or (isinstance(row.record, Record) and row.form not in ("backward", "backward_y")):
        # the public function computes all gradients at once; the rows are one ufunc each
        return bound(fa.ufuncs.__dict__[row.ufunc], d.dy, d.x, *dict(row.parameters).values(), out=out)
    saved = {"y": d.y} if row.ufunc.endswith("_y") else {"x": d.x}
    return bound(activation.backward, d.dy, **saved, **keywords, out=out)


def can_run_in_place(row: Row) -> bool:
    """Whether the output has the shape of the operand that it would overwrite."""
    return not (isinstance(row.record, RowRecord) and row.record.reduces)
