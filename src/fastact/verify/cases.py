"""What there is to verify: every ufunc of the registry at its parameters, as a kernel, as an expression, as exact values."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastact as fa
from fastact import reference
from fastact._registry import (
    ELEMENTWISE,
    FUNCTIONS,
    GATED_NAMES,
    NAMES,
    PAIRS,
    RECORDS,
    ROW_KERNELS,
    ROWWISE,
    SEVERAL,
    Record,
    RowKernel,
    RowRecord,
    Several,
    operations,
)
from fastact.verify.types import limits


@dataclass(frozen=True)
class Row:
    """One ufunc of one record, with the parameters to run it at and, over an axis, the length of a row and the axis.

    `paired`: what value and slope in one pass make of it.
    """

    record: Record | RowRecord
    ufunc: str
    parameters: tuple[tuple[str, float], ...] = ()
    length: int = 0
    axis: int = -1
    paired: bool = False

    @property
    def form(self) -> str:
        """What is computed: "forward", "backward", "backward_y", "masked", ..."""
        return self.ufunc.removeprefix(self.record.name).lstrip("_") or "forward"

    @property
    def label(self) -> str:
        """The ufunc, and the parameters that are not at their defaults."""
        parts = [f"{k}={v:g}" for k, v in self.parameters if v != default(self.record, k)]
        if self.length:
            parts.append(f"rows of {self.length}" + ("" if self.axis == -1 else f", axis {self.axis}"))
        if self.paired:
            parts.append("in one pass")
        return self.ufunc + (f" ({', '.join(parts)})" if parts else "")


def default(record: Record | RowRecord, parameter: str) -> float:
    """A parameter's default; where it has none, the first sample."""
    (found,) = (p for p in getattr(record, "parameters", ()) if p.name == parameter)
    return float(found.samples[0] if found.default is None else found.default)


def own_names(functions: Iterable[str]) -> set[str]:
    """Names and aliases to the records' own names."""
    functions = list(functions)
    others = {*GATED_NAMES, *(f.name for f in FUNCTIONS)}
    unknown = [f for f in functions if f not in NAMES and f not in others]
    if unknown:
        near = difflib.get_close_matches(unknown[0].lower(), [*NAMES, *others], n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(RECORDS)}"
        print(f"verify: no such function: {', '.join(unknown)}{hint}", file=sys.stderr)
        raise SystemExit(2)     # as for every command line that makes no sense
    return {NAMES.get(f, f) for f in functions}


def has(row: Row, dtype: str) -> bool:
    """Whether there is such a row in that type: value and slope in one pass where they have a formula of their own."""
    return not row.paired or dtype in fa._kernels.SHARED[row.record.name]


def elementwise_rows(functions: Iterable[str] | None = None, samples: bool = False, pairs: bool = False) -> Iterator[Row]:
    """Every ufunc of the element-by-element records, at the default parameters or also at the registry's samples.

    pairs: also value and slope in one pass, where they have a formula of their own in some type.
    """
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
                if not op.name.endswith("_backward_y") or record.output_determines(setting):
                    yield Row(record, op.name, tuple(setting.items()))
                if pairs and record.name in fa._kernels.SHARED and op.name in (record.name, f"{record.name}_backward"):
                    yield Row(record, op.name, tuple(setting.items()), paired=True)


def axis_rows(functions: Iterable[str] | None, lengths: Iterable[int], axes: Iterable[int] = (-1,)) -> Iterator[Row]:
    """Every ufunc of the records over an axis, at every row length, along each axis."""
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


@dataclass(frozen=True)
class KernelRow:
    """One ufunc of several arrays: element by element, or (with a length) over an axis."""

    record: Several | RowKernel
    length: int = 0
    axis: int = -1
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def ufunc(self) -> str:
        """The ufunc's name."""
        return self.record.name

    @property
    def label(self) -> str:
        """The ufunc, and the rows' length."""
        place = "" if self.axis == -1 else f", axis {self.axis}"
        return self.ufunc + (f" (rows of {self.length}{place})" if self.length else "")

    @property
    def operands(self) -> tuple[tuple[str, str, str], ...]:
        """Each operand's name, its kind (r, b or l) and its core dimension: "n", "m", "p", or none."""
        if isinstance(self.record, Several):
            return tuple((name, "r", "") for name in self.record.data)
        cores = re.findall(r"\((\w*)\)", self.record.signature.partition("->")[0])
        return tuple(zip(self.record.operands, self.record.kinds, cores, strict=False))


def kernel_rows(functions: Iterable[str] | None, lengths: Iterable[int], axes: Iterable[int] = (-1,)) -> Iterator[KernelRow]:
    """Every ufunc of several arrays; of those over an axis, at every row length, along each axis that they may run over."""
    wanted = None if functions is None else tuple(own_names(functions))
    axes, lengths = tuple(axes), tuple(lengths)
    for op in SEVERAL:
        if wanted is None or op.name.startswith(wanted):
            yield KernelRow(op)
    for kernel in ROW_KERNELS:
        if wanted is None or kernel.name.startswith(wanted):
            any_axis = set(re.findall(r"\w+", kernel.signature)) == {"n"}
            yield from (KernelRow(kernel, length, axis) for length in lengths for axis in axes if axis == -1 or any_axis)


def kernel_operands(
    row: KernelRow, rows: int, length: int, real: Callable[[str, tuple[int, ...]], Any], integer: Callable[[str, tuple[int, ...], int], Any]
) -> tuple[Any, ...]:
    """Operands for one: `real` makes numbers for an operand's name, `integer` whole ones below a limit."""
    made: list[Any] = []
    for name, kind, core in row.operands:
        if core == "m":                              # where segments of about this length begin
            cuts = integer(name, (max(1, rows),), rows * length + 1)
            made.append(np.sort(np.concatenate([[0], cuts, [rows * length]])))
        elif kind == "b":
            made.append(np.broadcast_to(True, (rows, length)))
        elif kind == "l":
            made.append(integer(name, (rows,), length))
        elif any(c == "m" for *_, c in row.operands):
            made.append(real(name, (rows * length,)))
        elif core == "p":
            made.append(real(name, (rows * length // 4, 4)))
        else:
            made.append(real(name, (rows, length) if core == "n" else (rows,)))
    return tuple(made)


def rounded(row: Row, dtype: str) -> dict[str, float]:
    """The parameters as the kernel gets them, rounded to the type."""
    return {k: float(np.dtype(dtype).type(v)) for k, v in row.parameters}


def kinks(row: Row, dtype: str) -> list[float]:
    """Where the function or its slope jumps, rounded to the type."""
    assert isinstance(row.record, Record)
    return [float(np.dtype(dtype).type(k)) for k in row.record.kinks_at(rounded(row, dtype))]


def kernel(row: Row, ufuncs: Any = None) -> Callable[[Any], Any]:
    """The ufunc as a function of one operand, for dy = 1."""
    parameters = [v for _, v in row.parameters]
    if row.paired:
        pair, part = (ufuncs or fa._pairs)[PAIRS[row.record.name].name], 0 if row.form == "forward" else 1
        return lambda x: pair(x, *parameters)[part]
    ufunc = (ufuncs or fa.ufuncs.__dict__)[row.ufunc]
    if "_backward" not in row.ufunc:
        return lambda x: ufunc(x, *parameters)
    ones: dict[Any, Any] = {}

    def gradient(x: Any) -> Any:
        if (x.shape, x.dtype) not in ones:
            ones.clear()
            ones[x.shape, x.dtype] = np.ones_like(x)
        return ufunc(ones[x.shape, x.dtype], x, *parameters)

    return gradient


def exact(row: Row, dtype: str) -> Callable[[float], Any]:
    """The exact value at one point, in as many digits as it takes; gradients by differentiating the forward expression."""
    from fastact import _proof

    parameters, name = rounded(row, dtype), row.record.name
    if row.form == "forward":
        return lambda x: _proof.forward(name, x, **parameters)
    if row.form == "backward_y":
        return lambda y: _proof.stated(row.ufunc, y, **parameters)
    if row.form == "backward":
        # where the expression's branches meet, the forward form has one-sided slopes only: the table says which
        meet = {0.0, *kinks(row, dtype)}
        return lambda x: _proof.stated(row.ufunc, x, **parameters) if x in meet else _proof.gradient(name, x, **parameters)
    parameter, meet = row.form.removeprefix("backward_"), {0.0, *kinks(row, dtype)}
    return lambda x: (
        _proof.stated(row.ufunc, x, **parameters) if x in meet else _proof.parameter_gradient(name, parameter, x, **parameters)
    )


def beside(row: Row, dtype: str) -> Callable[[Any], Any] | None:
    """Where the terms of a result cancel, the size that its error counts in the ulp of, if that is larger (`Gradient.beside`)."""
    found = [p.gradient for p in getattr(row.record, "parameters", ()) if p.gradient and row.form == f"backward_{p.name}"]
    if not found or not found[0].beside:
        return None
    expression, scope = found[0].beside, reference.NUMPY | rounded(row, dtype)

    def size(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.abs(eval(expression, scope | {"x": x}))

    return size


def image(row: Row, dtype: str) -> tuple[float, float]:
    """The least and the largest finite operand to try: for a gradient from the output, what a monotone function can produce."""
    largest = float(limits(dtype).max)
    if row.form != "backward_y":
        assert isinstance(row.record, Record)
        low, high = np.array(row.record.domain or (-np.inf, np.inf), dtype)
        return float(np.nextafter(low, high)), float(np.nextafter(high, low))
    with np.errstate(all="ignore"):
        forward = fa.ufuncs.__dict__[row.record.name]
        ends = forward(np.array([-np.inf, np.inf], dtype), *(v for _, v in row.parameters)).astype(np.float64)
    return max(-largest, float(ends.min())), min(largest, float(ends.max()))
