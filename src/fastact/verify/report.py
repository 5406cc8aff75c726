"""What a verification found, as text, Markdown and JSON."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastact
from fastact.verify.cases import Row
from fastact.verify.sweep import Tally
from fastact.verify.types import TYPES


@dataclass
class Entry:
    """One line of the report."""

    row: Row
    dtype: str
    tally: Tally

    @property
    def bound(self) -> float:
        """The error that the registry promises not to exceed."""
        return self.row.record.bounds[self.dtype]

    @property
    def verdict(self) -> str:
        """What is wrong, if anything."""
        wrong = []
        if not self.tally.worst <= self.bound:
            wrong.append("BOUND BROKEN")
        if self.tally.undecided:
            wrong.append(f"{self.tally.undecided} POINTS UNDECIDED")
        if self.tally.disagreement:
            wrong.append(f"REFERENCES DISAGREE at {self.tally.disagreement}")
        return ", ".join(wrong)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        t = self.tally
        return {
            "function": self.row.ufunc,
            "parameters": dict(self.row.parameters),
            "length": self.row.length,
            "in_one_pass": self.row.paired,
            "dtype": self.dtype,
            "bound": self.bound,
            "max_ulp": t.worst if np.isfinite(t.worst) else "inf",
            "worst_input": t.at,
            "ulp_99.9": t.quantile(0.999) if np.isfinite(t.worst) else "inf",
            "above_0.5": t.above(0.5),
            "above_1": t.above(1),
            "points": t.points,
            "decided_by_mpfr": t.asked + t.exact,
            "undecided": t.undecided,
            "seconds": round(t.seconds, 3),
            "verdict": self.verdict or "ok",
        }


def figure(ulp: float) -> str:
    """An error as text."""
    return f"{ulp:.3f}" if ulp < 1e4 else f"{ulp:.0e}"


def share(value: float) -> str:
    """A share as text."""
    return "0" if value == 0 else f"{100 * value:.2g} %" if value < 0.0995 else f"{100 * value:.1f} %"


def table(entries: list[Entry], others: dict[str, dict[str, float]]) -> list[str]:
    """A Markdown table, padded so that it reads as plain text.

    Parameters
    ----------
    entries : list of Entry
        Its rows.
    others : dict
        Library -> label of the row -> its largest error: more columns.
    """
    columns = ["function", "max ulp", "99.9 %", "> 0.5", "> 1", "worst input", "points", "exact", "undecided", "s"]
    lines = [[*columns, *others]]
    for e in entries:
        t = e.tally
        found = [figure(t.worst), figure(t.quantile(0.999)), share(t.above(0.5)), share(t.above(1)), f"`{t.at}`"]
        cells = [e.row.label, *found, str(t.points), str(t.asked + t.exact), str(t.undecided), f"{t.seconds:.1f}"]
        for figures in others.values():
            cells.append(figure(figures[e.row.label]) if e.row.label in figures else "")
        lines.append(cells + ([e.verdict] if e.verdict else []))
    width = max(map(len, lines))
    lines = [line + [""] * (width - len(line)) for line in lines]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(width)]
    lines.insert(1, ["-" * w for w in widths])
    return ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines]


def covered(dtype: str, stride: int, points: int) -> str:
    """Which operands were taken."""
    closer = " and more and more, not counted in the shares, where errors are largest"
    return {
        "float16": "All 63 488 finite float16 numbers, and NaN",
        "bfloat16": "All 65 280 finite bfloat16 numbers, and NaN",
        "float32": "All 2^32 float32 bit patterns but the two infinities"
        if stride == 1
        else f"Every {stride}th float32 bit pattern, and clusters around kinks, roots, seams and edges;{closer}",
        "float64": f"About {points} random float64 numbers, any bit pattern and usual sizes, and {points // 4} around"
        f" kinks, roots, seams and edges;{closer}",
    }[dtype]


_TEXT = """\
# Accuracy

The largest error of every function and gradient, in units in the last place (ulp) of the exact result. Written by
`{command}`.

{configuration}.

Gradients are for dy = 1: `_backward` from the input, `_backward_y` from the output, over all that the function can return.
Columns: the largest error; the error that 99.9 % of the operands do not exceed; the shares of operands with an error above
0.5 ulp (not correctly rounded) and 1 ulp; the operand with the largest error; how many operands were compared; how many of
them needed MPFR or more; how many stayed undecided; seconds of one core.{larger}

How it is measured: each result is compared with the registry's expression in float64 (for float64 results: in the x87's
64-bit longdouble), with SciPy's erfc, under an error analysis that proves how far off this can be. Candidate maxima
are decided in MPFR and finally in exact arithmetic, in which gradients are the derivative of the forward expression. So a
maximum is exact to 0.001 ulp, and nothing above a bound is missed.
"""


def configuration() -> str:
    """What was verified, and with what."""
    import gmpy2
    import mpmath
    import scipy

    libraries = f"NumPy {np.__version__}, SciPy {scipy.__version__}, mpmath {mpmath.__version__}, gmpy2 {gmpy2.version()}"
    return f"fastact {fastact.__version__} ({fastact.ISA}), {libraries}, {datetime.date.today()}"


def summary(entries: list[Entry]) -> list[str]:
    """What is wrong, or that nothing is."""
    wrong = [e for e in entries if e.verdict]
    lines = [f"{len(entries) - len(wrong)} of {len(entries)} rows are within their bounds."]
    return lines + [f"- {e.row.label} {e.dtype}: {figure(e.tally.worst)} at {e.tally.at}: {e.verdict}" for e in wrong]


def markdown(entries: list[Entry], stride: int, points: int, command: str, others: dict[str, Any]) -> str:
    """The whole document.

    Parameters
    ----------
    entries : list of Entry
        What was found.
    stride, points : int
        Which operands were taken.
    command : str
        The command that found it.
    others : dict
        dtype -> library -> label -> largest error, and "about": how it was found. Written by ``bench/accuracy.py``.
    """
    larger = sorted({f"`{e.row.record.name}`" for e in entries if getattr(e.row.record, "ulp_of", "") == "larger"})
    counts = f" {', '.join(larger)}: in ulp of the larger of |max(x)| and |result|." if larger else ""
    lines = [_TEXT.format(command=command, configuration=configuration(), larger=counts)]
    if others:
        lines += [f"The last columns are other libraries' largest errors, by `bench/accuracy.py`. {others['about']}", ""]
    for dtype in TYPES[::-1]:
        chosen = [e for e in entries if e.dtype == dtype]
        if chosen:
            bounds = sorted({e.bound for e in chosen if not e.row.length})
            promised = f" Promised: at most {' or '.join(f'{b:g}' for b in bounds)} ulp." if bounds else ""
            lines += [f"## {dtype}", "", f"{covered(dtype, stride, points)}.{promised}", ""]
            lines += [*table(chosen, others.get(dtype, {})), ""]
    return "\n".join([*lines, *summary(entries)]) + "\n"


def to_json(entries: list[Entry], stride: int, points: int) -> str:
    """For programs."""
    return json.dumps(
        {"configuration": configuration(), "float32_stride": stride, "float64_points": points, "rows": [e.to_json() for e in entries]},
        indent=1,
    )
