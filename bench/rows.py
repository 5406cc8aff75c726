"""The rows of every benchmark and table here, generated from the registry: no function is listed in this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastact as fa
from fastact._registry import ELEMENTWISE, NAMES, RECORDS, ROWWISE, Record, RowRecord, operations

DTYPES = ("float16", "float32", "float64")
SIZES = (1_000, 16_384, 262_144, 16_777_216)
ROW_LENGTHS = (64, 1_000, 32_000)


@dataclass(frozen=True)
class Row:
    """One ufunc of one record, with the parameters to run it at and, over an axis, the length of a row and the axis."""

    record: Record | RowRecord
    ufunc: str
    parameters: tuple[tuple[str, float], ...] = ()
    length: int = 0
    axis: int = -1

    @property
    def form(self) -> str:
        """What is computed: "forward", "backward", "backward_y", "masked", ..."""
        return self.ufunc.removeprefix(self.record.name).lstrip("_") or "forward"

    @property
    def label(self) -> str:
        parts = [f"{k}={v:g}" for k, v in self.parameters if v != default(self.record, k)]
        if self.length:
            parts.append(f"rows of {self.length}" + ("" if self.axis == -1 else f", axis {self.axis}"))
        return self.ufunc + (f" ({', '.join(parts)})" if parts else "")


def default(record: Record | RowRecord, parameter: str) -> float:
    """A parameter's default; where it has none, the first sample."""
    (found,) = (p for p in getattr(record, "parameters", ()) if p.name == parameter)
    return float(found.samples[0] if found.default is None else found.default)


def elementwise_rows(functions: Iterable[str] | None = None, samples: bool = False) -> Iterator[Row]:
    """Every ufunc of the element-by-element records, at the default parameters or also at the registry's samples."""
    wanted = None if functions is None else own_names(functions)
    for record in ELEMENTWISE:
        if wanted is not None and record.name not in wanted:
            continue
        usual = {p.name: default(record, p.name) for p in record.parameters}
        settings = [usual]
        if samples:  # each parameter varied by itself
            settings += [usual | {p.name: s} for p in record.parameters for s in p.samples if s != usual[p.name]]
        for op in operations(record):
            for setting in settings:
                yield Row(record, op.name, tuple(setting.items()))


def axis_rows(functions: Iterable[str] | None = None, lengths: Iterable[int] = ROW_LENGTHS, axes: Iterable[int] = (-1, 0)) -> Iterator[Row]:
    """Every ufunc of the records over an axis, at every row length, along the last axis and the first."""
    wanted = None if functions is None else own_names(functions)
    axes = tuple(axes)
    for record in ROWWISE:
        if wanted is not None and record.name not in wanted:
            continue
        forms = ("", "_masked", "_backward_y") if record.saves == "y" else ("", "_masked", "_backward", "_backward_masked")
        for form in forms:
            for length in lengths:
                for axis in axes:
                    yield Row(record, record.name + form, (), length, axis)


def own_names(functions: Iterable[str]) -> set[str]:
    """Names and aliases to the records' own names."""
    unknown = [f for f in functions if f not in NAMES]
    if unknown:
        raise SystemExit(f"no such function: {', '.join(unknown)}; there are {', '.join(RECORDS)}")
    return {NAMES[f] for f in functions}


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
    x = (rng.standard_normal(shape, np.float32) * 3).astype(dtype)
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
