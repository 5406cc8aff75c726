"""The operands and calls of every benchmark row; the rows are those of `fastact.verify.cases`, made from the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastact as fa
from fastact._registry import RowRecord
from fastact.verify.cases import Row

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


def forward(row: Row, x: Any) -> Any:
    """The function itself, at the row's parameters."""
    return fa.get(row.record.name)(x, **dict(row.parameters), **({"axis": row.axis} if row.length else {}))


def call(row: Row, d: Data, in_place: bool = False) -> Callable[[], Any]:
    """What is timed: the public function where one computes just this, else the ufunc."""
    activation = fa.get(row.record.name)
    keywords: dict[str, Any] = dict(row.parameters)
    if row.length:
        keywords["axis"] = row.axis
    if d.mask is not None:
        keywords["where"] = d.mask
    if "backward" not in row.ufunc:
        return partial(activation.forward, d.x, **keywords, out=d.x if in_place else d.out)
    out = d.dy if in_place else d.out
    trained = any(p.gradient for p in getattr(row.record, "parameters", ()))
    if trained:  # the public function computes all gradients at once; the rows are one ufunc each
        return partial(fa.ufuncs.__dict__[row.ufunc], d.dy, d.x, *dict(row.parameters).values(), out=out)
    saved = {"y": d.y} if row.ufunc.endswith("_y") else {"x": d.x}
    return partial(activation.backward, d.dy, **saved, **keywords, out=out)


def can_run_in_place(row: Row) -> bool:
    """Whether the output has the shape of the operand that it would overwrite."""
    return not (isinstance(row.record, RowRecord) and row.record.reduces)
