"""The measurement: a kernel's results against the reference, point by point, and exact arithmetic where it matters.

For every operand the error is computed in ulp, with a proved bound of how far off that figure is (the doubt). Whatever
may be a new maximum, or above the promised bound, goes to exact arithmetic; so each maximum reported is exact arithmetic's,
no other operand exceeds it by more than `SLACK`, and none that exceeds the bound is missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastact.verify import inputs
from fastact.verify.cases import Row, beside, exact, image, kernel, rounded
from fastact.verify.enclosure import Reference
from fastact.verify.program import trace
from fastact.verify.types import limits

#: To so many ulp a maximum is exact.
SLACK = 2.0**-10
#: Steps of the histogram in one ulp, and its length; the last bin is for all larger errors.
STEPS, BINS = 512, 4 * 512
#: Differences below this many steps are rounding in the reference.
_NOISE = 2.0**-8
#: So many numbers are worked on at once: they, and a few temporaries, stay in the second-level cache.
_BATCH = 1 << 14
#: Operands that MPFR may be asked about in one part (exact arithmetic: a tenth); beyond that they are counted as undecided.
BUDGET = 4_000_000
#: Where the exact result of a whole row varies by less than this, in ulp, one value serves for all of it.
_FLAT = 2.0**-12


@dataclass
class Tally:
    """What was found, of one part or of many."""

    worst: float = 0.0
    at: str = "-"
    points: int = 0
    #: How many points have an error in ((i - 1) / STEPS, i / STEPS].
    histogram: Any = field(default_factory=lambda: np.zeros(BINS + 1, np.int64))
    #: Points that went to MPFR, and on to exact arithmetic; points that may exceed the maximum and that nothing decided.
    asked: int = 0
    exact: int = 0
    undecided: int = 0
    #: Of one core.
    seconds: float = 0.0
    #: A point at which the two references differ by more than they may.
    disagreement: str = ""

    def add(self, other: Tally) -> None:
        """Take in what was found elsewhere."""
        if other.worst > self.worst:
            self.worst, self.at = other.worst, other.at
        self.points += other.points
        self.histogram = self.histogram + other.histogram
        self.asked += other.asked
        self.exact += other.exact
        self.undecided += other.undecided
        self.seconds += other.seconds
        self.disagreement = self.disagreement or other.disagreement

    def quantile(self, share: float) -> float:
        """The error that this share of the points does not exceed, to 1 / STEPS ulp; the maximum where it is smaller."""
        if not self.histogram.any():
            return self.worst
        i = int(np.searchsorted(np.cumsum(self.histogram), share * self.histogram.sum()))
        return self.worst if i >= BINS else min(i / STEPS, self.worst)

    def above(self, ulp: float) -> float:
        """The share of the points whose error is larger than this."""
        counted = int(self.histogram.sum())
        return float(self.histogram[int(ulp * STEPS) + 1 :].sum()) / counted if counted else 0.0

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        filled = np.flatnonzero(self.histogram)
        return self.__dict__ | {"histogram": {str(i): int(self.histogram[i]) for i in filled}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tally:
        """From the state file."""
        tally = cls(**data | {"histogram": np.zeros(BINS + 1, np.int64)})
        for i, count in data["histogram"].items():
            tally.histogram[int(i)] = count
        return tally


def spacing(magnitude: Any, dtype: str) -> Any:
    """The ulp of a type at magnitudes of a wider one; beyond the type's range that of its largest numbers."""
    info = limits(dtype)
    exponent = np.frexp(np.where(np.isfinite(magnitude), magnitude, info.max))[1]
    exponent = np.clip(np.where(magnitude == 0, info.minexp, exponent), int(info.minexp) + 1, int(info.maxexp))
    return np.ldexp(np.ones((), magnitude.dtype), exponent - 1 - int(info.nmant))


def errors(got: Any, value: Any, error: Any, lo: Any = -np.inf, hi: Any = np.inf, least: Any = 0) -> tuple[Any, Any]:
    """Errors in ulp, and the doubt about each, of results whose references are known to within `error` and in [lo, hi].

    The ulp is the result's, or that of `least` if that is larger.

    Infinity counts as the power of two after the largest number, and is right for everything beyond that.
    """
    dtype, kind = got.dtype.name, value.dtype.type
    top = kind(2) ** int(limits(dtype).maxexp)
    with np.errstate(all="ignore"):
        c = got.astype(kind)
        overflow = np.isinf(c)
        size, off = np.abs(value), np.abs(np.where(overflow, np.copysign(top, c), c) - value)
        unit = spacing(np.maximum(size - error, least), dtype)      # the truth's may be larger, not smaller
        doubt = error / unit
        ulp = off / np.where(doubt < 1, unit, spacing(np.maximum(size, least), dtype))
        doubt = np.where(doubt < 1, doubt, np.where(doubt < np.inf, (off + error) / unit, np.inf))
        right = overflow & np.where(c > 0, np.fmax(lo, value - error) >= top, np.fmin(hi, value + error) <= -top)
        lost = np.isnan(c) & np.isfinite(value)
        return np.where(right, 0, np.where(np.isnan(ulp), np.inf, ulp)), np.where(right | lost, 0, doubt)


class Sweep:
    """The verification of one row of the table in one type.

    Parameters
    ----------
    row : Row
        The ufunc and its parameters.
    dtype : str
        The type of operands and results.
    compute : callable, optional
        What to verify, a function of one array; the package's ufunc by default.
    """

    def __init__(self, row: Row, dtype: str, compute: Callable[[Any], Any] | None = None) -> None:
        self.row = row
        self.dtype = dtype
        self.bound: float = row.record.bounds[dtype]
        self.compute = compute or kernel(row)
        self.exact = exact(row, dtype)
        self.beside = beside(row, dtype)
        root = trace(row.ufunc, tuple(name for name, _ in row.parameters))
        self.reference = Reference(root, rounded(row, dtype), dtype)

    def run(self, arrays: Iterable[Any], known: float = 0.0, heights: list[Any] | None = None) -> Tally:
        """Compare all operands of two-dimensional arrays of finite numbers, as `fastact.verify.inputs` makes them.

        Parameters
        ----------
        arrays : iterable of arrays
            The operands; neighbours in a row.
        known : float
            An error already found elsewhere: smaller ones need no exact arithmetic.
        heights : list of arrays, optional
            Gets what the largest error of each row of operands is at least, as far as is known without exact arithmetic.
        """
        tally = Tally()
        worst = known
        started = time.process_time()
        for x in arrays:
            for points in self._batches(x, tally, lambda: self.limit(worst), heights):       # noqa: B023
                worst = self._decide(points, tally, worst)
        tally.seconds = time.process_time() - started
        return tally

    def limit(self, worst: float) -> float:
        """What an error must exceed to matter."""
        return self.bound if worst <= self.bound < worst + SLACK else worst + SLACK

    def _batches(self, x: Any, tally: Tally, limit: Callable[[], float], heights: list[Any] | None) -> Iterator[Any]:
        """Measure an array; the points whose error may exceed the limit, batch by batch."""
        kind, largest = self.reference.kind, limits(self.dtype).max
        width = x.shape[1]
        rows = max(1, _BATCH // width)
        with np.errstate(all="ignore"):
            box = self.reference.enclose(x.min(1), x.max(1))
            lo, hi, error = (v[:, None].astype(kind) for v in (box.lo, box.hi, box.error))
            least = np.maximum(np.maximum(lo - error, -(hi + error)), 0)
            most = np.maximum(np.abs(lo), np.abs(hi)) + error
            unit = spacing(least, self.dtype)
            flat = (hi - lo < _FLAT * unit) & (most < largest)
            plain = flat | (spacing(most, self.dtype) == unit) & (most < largest)     # one unit for the whole row, no overflow
            plain &= self.beside is None
            middle = lo + (hi - lo) / 2
        for first in range(0, x.shape[0], rows):
            part = slice(first, first + rows)
            operands = x[part]
            with np.errstate(all="ignore"):
                got = self.compute(operands)
                if flat[part].all():
                    value, doubtful = middle[part], hi[part] - lo[part]
                else:
                    value, doubtful = self.reference.values(operands.astype(kind)), error[part]
                if plain[part].all():
                    ulp = np.subtract(got, value, dtype=kind)
                    np.abs(ulp, out=ulp)
                    np.divide(ulp, unit[part], out=ulp)
                    doubt = doubtful / unit[part]
                else:
                    ulp, doubt = errors(got, value, doubtful, lo[part], hi[part], self._least(operands))
                highest = ulp.max()
            if heights is not None:
                heights.append((ulp - doubt).max(axis=1))
            self._count(ulp, highest, tally)
            if not highest + doubt.max() <= limit():
                points = operands[~(ulp + doubt <= limit())]
                if points.size:
                    yield points

    def _count(self, ulp: Any, highest: Any, tally: Tally) -> None:
        """Into the histogram."""
        tally.points += ulp.size
        if not highest < BINS / STEPS - 1:
            ulp = np.minimum(np.nan_to_num(ulp, nan=BINS), BINS / STEPS - 1 / STEPS)
        scaled = ulp.reshape(-1) * STEPS
        scaled += 1 - _NOISE
        tally.histogram += np.bincount(scaled.astype(np.intp), minlength=BINS + 1)

    def _decide(self, x: Any, tally: Tally, worst: float) -> float:
        """Settle some points: an analysis of each by itself, then MPFR, then exact arithmetic; the new worst error."""
        from fastact import _proof
        from fastact.verify import mpfr

        with np.errstate(all="ignore"):
            got = self.compute(x)
            box = self.reference.enclose(x, x)
            least = self._least(x)
            ulp, doubt = errors(got, self.reference.values(x.astype(self.reference.kind)), box.error, box.lo, box.hi, least)
        # the likeliest maxima first, then more and more of the rest: each maximum found spares questions
        likely = np.argsort(-ulp, kind="stable")
        for share in np.split(likely, [16, 256, 4096]):
            share = share[~(ulp[share] + doubt[share] <= self.limit(worst))]
            asked = share[(doubt[share] > SLACK) & (doubt[share] < 1 / mpfr.GAIN)][: max(0, BUDGET - tally.asked)]
            tally.asked += asked.size
            for i, true in zip(asked, mpfr.evaluate(self.reference.root, x[asked], self.reference.parameters), strict=True):
                ulp[i], doubt[i] = mpfr.error(got[i], true, self.dtype) * self._share(float(true), least, i), 1e-6
            for i in share[np.argsort(-ulp[share] - doubt[share], kind="stable")]:
                if ulp[i] + doubt[i] <= self.limit(worst):
                    continue
                if tally.exact >= BUDGET // 10:
                    tally.undecided += 1
                    continue
                tally.exact += 1
                value = self.exact(float(x[i]))
                true = _proof.error(got[i], value, self.dtype) * self._share(float(value), least, i)
                if not _agree(true, ulp[i], doubt[i]):
                    tally.disagreement = tally.disagreement or f"{float(x[i]).hex()}: {true:.4g} ulp, not {float(ulp[i]):.4g}"
                worst = max(worst, true)
                if true > tally.worst:
                    tally.worst, tally.at = true, float(x[i]).hex()
        return worst


    def _least(self, x: Any) -> Any:
        """What the ulp of a result is at least taken of."""
        return 0 if self.beside is None else self.beside(x.astype(self.reference.kind))

    def _share(self, true: float, least: Any, i: int) -> float:
        """How many of the units that errors count in a result's own ulp is."""
        if self.beside is None:
            return 1.0
        own, other = np.float64(abs(true)), np.float64(least[i])
        return float(spacing(own, self.dtype) / spacing(np.maximum(own, other), self.dtype))


def _agree(true: float, ulp: float, doubt: float) -> bool:
    """Whether two measurements of an error agree; where a binade ends between the two references one unit is twice the other."""
    return true == ulp or any(abs(true * factor - ulp) <= doubt + 1e-6 for factor in (1, 2, 0.5))


@dataclass(frozen=True)
class Part:
    """A share of a row's operands: numbers between two ranks, random ones, clusters, those of the worst cells, or NaN."""

    kind: str
    start: int = 0
    stop: int = 0
    stride: int = 1

    @property
    def points(self) -> int:
        """About how many operands."""
        return (self.stop - self.start) // self.stride

    def tally(self, sweep: Sweep, known: float = 0.0) -> Tally:
        """Run it."""
        row, dtype = sweep.row, sweep.dtype
        if self.kind == "nan":
            with np.errstate(all="ignore"):
                x = inputs.not_numbers(dtype, self.points)
                passed = bool(np.isnan(sweep.compute(x)).all())
            return Tally(points=x.size) if passed else Tally(worst=np.inf, at="nan", points=x.size)
        if self.kind == "clusters":
            return sweep.run([inputs.clusters(row, dtype, self.points)], known)
        if self.kind == "random":
            return sweep.run([inputs.magnitudes(row, dtype, self.start, self.points)], known)
        if self.kind == "cells":
            cells, tally = inputs.Cells(row, dtype, self.points), Tally()
            for x in cells.rounds():
                heights: list[Any] = []
                tally.add(sweep.run([x], max(known, tally.worst), heights))
                cells.found(np.concatenate(heights))
            tally.histogram[:] = 0     # shares are of numbers from everywhere, not of the worst
            return tally
        arrays = inputs.ranks(dtype, self.start, self.stop, self.stride)
        low, high = image(row, dtype)
        if -low < float(limits(dtype).max) or high < float(limits(dtype).max):
            arrays = inside(arrays, low, high)
        return sweep.run(arrays, known)


def inside(arrays: Iterable[Any], low: float, high: float) -> Iterator[Any]:
    """Without the operands outside [low, high]; what remains of a row is filled up with its last number."""
    for x in arrays:
        kept = x[((x >= low) & (x <= high)).any(axis=1)]
        if kept.size:
            yield np.clip(kept, low, high).astype(x.dtype)


def parts(dtype: str, stride: int, points: int) -> list[Part]:
    """The shares in which a row is verified: small enough to spread over processes and to resume between."""
    found = [Part("nan", 0, 1 << 23 if dtype == "float32" and stride == 1 else 1 << 10)]
    if dtype == "float64":
        share = 1 << 18
        found += [Part("clusters", 0, points // 4), Part("cells", 0, points)]
        return found + [Part("random", seed * share, min((seed + 1) * share, points)) for seed in range(-(-points // share))]
    count = inputs.finite_count(dtype)
    stride = 1 if dtype in ("float16", "bfloat16") else stride
    share = (1 << 26) if stride == 1 else stride * (1 << 22)
    found += [Part("clusters", 0, 1 << 13), Part("cells", 0, count // stride // 8)] if stride > 1 else []
    return found + [Part("ranks", start, min(start + share, count), stride) for start in range(0, count, share)]
