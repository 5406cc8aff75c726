"""Operands: all numbers of a type in the order of their bit patterns, and clusters where errors peak.

Operands come as two-dimensional arrays whose rows hold neighbouring numbers, since references are proved row by row.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastact.verify.cases import Row, image, kernel, kinks
from fastact.verify.types import UNSIGNED, limits

#: Numbers in a row, at most; how many rows share a binade when they hold only some of its numbers; numbers in one array.
_ROW, _SHARE, _ARRAY = 1 << 14, 1 << 7, 1 << 20


def finite_count(dtype: str) -> int:
    """How many finite numbers a type has, both zeros counted."""
    return 2 * int(np.array(np.inf, dtype).view(UNSIGNED[dtype]))


def by_rank(ranks: Any, dtype: str) -> Any:
    """The finite numbers of some ranks: from 0 up to the largest, then from -0 down."""
    half = finite_count(dtype) // 2
    sign = 1 << (8 * np.dtype(dtype).itemsize - 1)
    ranks = np.asarray(ranks)
    return np.where(ranks < half, ranks, ranks - half + sign).astype(UNSIGNED[dtype]).view(dtype)


def ranks(dtype: str, start: int, stop: int, stride: int = 1) -> Iterator[Any]:
    """Every stride-th finite number between two ranks, in rows."""
    half = finite_count(dtype) // 2
    sign = 1 << (8 * np.dtype(dtype).itemsize - 1)
    width = max(1, min(_ROW, (1 << limits(dtype).nmant) // _SHARE // stride, -(-(stop - start) // stride)))
    for first in range(start, stop, stride * _ARRAY):
        last = min(stop, first + stride * _ARRAY)
        if stride == 1 and (first < half) == (last <= half):
            offset = 0 if first < half else sign - half
            x = np.arange(first + offset, last + offset, dtype=UNSIGNED[dtype]).view(dtype)
        else:
            x = by_rank(np.arange(first, last, stride, dtype=np.int64), dtype)
        yield in_rows(x, width)


def in_rows(x: Any, width: int) -> Any:
    """A sorted array as rows of some width; the last number repeated to fill up."""
    missing = -x.size % width
    return (np.concatenate([x, np.repeat(x[-1:], missing)]) if missing else x).reshape(-1, width)


def not_numbers(dtype: str, count: int = 1 << 12) -> Any:
    """NaNs of both signs and many payloads; of a type with few, all."""
    infinity = finite_count(dtype) // 2
    sign = 1 << (8 * np.dtype(dtype).itemsize - 1)
    payloads = np.unique(np.linspace(1, sign - infinity - 1, count).astype(np.uint64))
    payloads = np.clip(payloads, 1, sign - infinity - 1) + np.uint64(infinity)
    return np.concatenate([payloads, payloads + np.uint64(sign)]).astype(UNSIGNED[dtype]).view(dtype)


def neighbours(points: Any, dtype: str, reach: int, rng: np.random.Generator, count: int = 64) -> Any:
    """`count` numbers up to `reach` representable steps from each point."""
    points = np.asarray(points, dtype)
    bits = points[np.isfinite(points)].view(UNSIGNED[dtype]).astype(np.uint64)
    sign = np.uint64(1 << (8 * np.dtype(dtype).itemsize - 1))
    magnitude = (bits & (sign - np.uint64(1))).astype(np.int64)[:, None] + rng.integers(-reach, reach + 1, (bits.size, count))
    x = (np.abs(magnitude).astype(np.uint64) | (bits & sign)[:, None]).ravel().astype(UNSIGNED[dtype]).view(dtype)
    return x[np.isfinite(x)]


def clusters(row: Row, dtype: str, count: int) -> Any:
    """About `count` numbers around kinks, roots, seams of range reductions, overflow and underflow, in rows (themselves shuffled).

    Roots and edges are found by looking at where the computed result changes sign, saturates, vanishes or overflows.
    """
    rng = np.random.default_rng(zlib.crc32(f"{row.label} {dtype}".encode()))
    info = limits(dtype)
    low, high = image(row, dtype)
    seams = np.concatenate(
        [
            np.arange(-80, 81) * np.log(2) / 2,
            rng.integers(-2200, 2200, 64) * np.log(2) / 2,
            rng.integers(-160, 160, 64) / 16,
            [0.0, -0.0, float(info.tiny), -float(info.tiny), float(info.max), -float(info.max), low, high],
            kinks(row, dtype),
        ]
    )
    with np.errstate(all="ignore"):
        centres = np.concatenate([seams.astype(dtype), edges(row, dtype)])
    centres = np.unique(np.clip(centres[np.isfinite(centres)], low, high))
    each = max(16, count // (3 * centres.size))
    x = [neighbours(centres, dtype, reach, rng, each) for reach in (40, 1 << (info.nmant // 2), 1 << (info.nmant - 3))]
    return rng.permutation(in_rows(np.unique(np.clip(np.concatenate(x), low, high).astype(dtype)), 8))


def edges(row: Row, dtype: str) -> Any:
    """Where the computed result changes its kind: its sign, a saturation at 1, infinite, subnormal."""
    compute = kernel(row)
    low, high = image(row, dtype)

    def kinds(x: Any) -> Any:
        with np.errstate(all="ignore"):
            z = compute(x).astype(np.float64)
        return np.sign(z) + 4 * (z == 1) + 8 * np.isinf(z) + 16 * (np.abs(z) < limits(dtype).tiny)

    grid = np.concatenate([np.linspace(-800, 800, 20001), np.linspace(-3, 3, 6001)])
    grid = np.unique(grid.astype(dtype)[(grid >= low) & (grid <= high)])
    kind = kinds(grid)
    at = np.flatnonzero(np.diff(kind))[:40]
    a, b, of = grid[at], grid[at + 1], kind[at]
    for _ in range(80):     # bisection, all at once
        middle = a + (b - a) / 2
        same = kinds(middle) == of
        a, b = np.where(same, middle, a), np.where(same, b, middle)
    return np.concatenate([a, b])


def magnitudes(row: Row, dtype: str, seed: int, count: int) -> Any:
    """Random numbers: any bit pattern, and the sizes that formulas are made for, in rows (themselves shuffled)."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{row.label} {dtype}".encode())])
    low, high = image(row, dtype)
    half = count // 2
    any_size = rng.integers(0, 1 << (8 * np.dtype(dtype).itemsize), half, dtype=np.uint64).astype(UNSIGNED[dtype]).view(dtype)
    any_size = any_size[np.isfinite(any_size)]
    usual = np.concatenate(
        [
            rng.standard_normal(half // 4) * 3,
            rng.uniform(-50, 50, half // 4),
            rng.uniform(-760, 760, half // 8),
            np.ldexp(rng.uniform(-1, 1, half // 4), rng.integers(-70, 8, half // 4)),
        ]
    )
    x = np.clip(np.concatenate([any_size, usual.astype(dtype)]), low, high).astype(dtype)
    return rng.permutation(in_rows(np.unique(x), 8))


class Cells:
    """Where to look closer: the floats cut into sixteenths of binades, of which those with the largest errors so far are kept.

    Numbers from everywhere seldom meet what only a narrow range has, as next to a power of two among the results, below which
    an ulp is half as large.

    Parameters
    ----------
    row : Row
        What is verified.
    dtype : str
        The type of its operands.
    count : int
        How many numbers one round takes; too few for all cells are taken from some of them.
    """

    #: Numbers in a row; each round keeps one in so many cells; when so few are left each is cut into 2^CUT, CUTS times.
    WIDTH, KEPT, FEW, CUT, CUTS = 8, 4, 16, 4, 4

    def __init__(self, row: Row, dtype: str, count: int) -> None:
        self.dtype = dtype
        self.low, self.high = image(row, dtype)
        self.count = count
        self.rng = np.random.default_rng(zlib.crc32(f"{row.label} {dtype} cells".encode()))
        self.bits = limits(dtype).nmant - self.CUT
        first = np.arange(1 << (8 * np.dtype(dtype).itemsize - self.bits), dtype=UNSIGNED[dtype]) << UNSIGNED[dtype](self.bits)
        ends = first.view(dtype), (first + UNSIGNED[dtype]((1 << self.bits) - 1)).view(dtype)
        with np.errstate(invalid="ignore"):
            inside = np.isfinite(ends[0]) & (np.maximum(*ends) >= self.low) & (np.minimum(*ends) <= self.high)
        self.first = first[inside]
        if self.first.size > max(self.FEW, count // self.WIDTH):
            self.first = self.rng.choice(self.first, max(self.FEW, count // self.WIDTH), replace=False)
        self.heights = np.zeros(self.first.size)

    def rounds(self) -> Iterator[Any]:
        """Numbers of every cell that is left, in rows of one cell; tell `found` of each round before the next."""
        end = limits(self.dtype).nmant - (1 + self.CUTS) * self.CUT
        while True:
            self.rows = max(1, self.count // (self.WIDTH * self.first.size))
            inside = self.rng.integers(0, 1 << self.bits, (self.first.size, self.rows * self.WIDTH), UNSIGNED[self.dtype])
            inside.sort(axis=1)
            x = (self.first[:, None] + inside).view(self.dtype)
            yield np.clip(x, self.low, self.high).astype(self.dtype).reshape(-1, self.WIDTH)
            best = np.argsort(-self.heights, kind="stable")[: max(self.FEW, self.first.size // self.KEPT)]
            self.first, self.heights = self.first[best], self.heights[best]
            if self.first.size <= self.FEW:
                if self.bits == end:
                    return
                self.bits -= self.CUT
                within = np.arange(1 << self.CUT, dtype=UNSIGNED[self.dtype]) << UNSIGNED[self.dtype](self.bits)
                self.first = (self.first[:, None] + within).ravel()
                self.heights = np.zeros(self.first.size)

    def found(self, heights: Any) -> None:
        """What the largest error in each row of the round is at least."""
        self.heights = np.maximum(self.heights, np.nan_to_num(heights, nan=0, posinf=np.inf, neginf=0).reshape(-1, self.rows).max(axis=1))
