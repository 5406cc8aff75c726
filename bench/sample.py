"""Inputs for accuracy runs: bit patterns over the whole range of a type, and clusters where errors peak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from rows import Row, forward

_UNSIGNED = {"float16": np.uint16, "float32": np.uint32, "float64": np.uint64}


def from_bits(bits: Any, dtype: str) -> Any:
    """Numbers from bit patterns; infinities and NaN are left out."""
    x = np.asarray(bits).astype(_UNSIGNED[dtype]).view(dtype)
    return x[np.isfinite(x)]


def strided(dtype: str, stride: int, chunk: int = 1 << 20) -> Iterator[Any]:
    """Every stride-th bit pattern of the type, in chunks."""
    total = 1 << (8 * np.dtype(dtype).itemsize)
    for start in range(0, total, stride * chunk):
        x = from_bits(np.arange(start, min(start + stride * chunk, total), stride, dtype=np.uint64), dtype)
        if x.size:
            yield x


def inside_range(row: Row, y: Any) -> Any:
    """Those y that a monotone function with a gradient from its output can produce."""
    with np.errstate(all="ignore"):
        ends = forward(row, np.array([-np.inf, np.inf], y.dtype))
    return y[(y >= ends.min()) & (y <= ends.max())]


def _neighbours(points: Any, dtype: str, reach: int, rng: np.random.Generator) -> Any:
    """Numbers up to `reach` representable steps from the points."""
    points = np.asarray(points, dtype)
    bits = points.view(_UNSIGNED[dtype]).astype(np.uint64)
    sign = np.uint64(1 << (8 * np.dtype(dtype).itemsize - 1))
    magnitude = (bits & (sign - np.uint64(1))).astype(np.int64)[:, None] + rng.integers(-reach, reach + 1, (points.size, 64))
    return from_bits((np.abs(magnitude).astype(np.uint64) | (bits & sign)[:, None]).ravel(), dtype)


def clusters(row: Row, dtype: str, count: int, rng: np.random.Generator, compute: Any) -> Any:
    """About `count` inputs: random bit patterns, plain magnitudes, and neighbourhoods of kinks, roots, seams and edges.

    Roots and edges are found by looking at where the computed result changes sign, saturates, vanishes or overflows.
    """
    quarter = max(64, count // 4)
    bits = from_bits(rng.integers(0, 1 << (8 * np.dtype(dtype).itemsize), quarter, dtype=np.uint64), dtype)
    plain = np.concatenate([rng.standard_normal(quarter) * 3, rng.uniform(-50, 50, quarter // 2), rng.uniform(-760, 760, quarter // 4)])
    tiny = np.ldexp(rng.uniform(-1, 1, quarter // 2), rng.integers(-70, 6, quarter // 2))
    seams = np.concatenate([rng.integers(-2200, 2200, 64) * np.log(2) / 2, rng.integers(-160, 160, 64) / 16, [-0.0, 0.0], row.record.kinks])  # type: ignore[union-attr]
    grid = np.sort(np.concatenate([np.linspace(-800, 800, 20001), np.linspace(-3, 3, 6001)])).astype(dtype)
    if row.ufunc.endswith("_y"):
        grid = inside_range(row, grid)
    with np.errstate(all="ignore"):
        z = np.asarray(compute(grid), np.float64)
    kind = np.sign(z) + 4 * (z == 1) + 8 * np.isinf(z) + 16 * (np.abs(z) < np.finfo(dtype).tiny)
    edges = [_edge(compute, grid[i], grid[i + 1], kind[i]) for i in np.flatnonzero(np.diff(kind))[:40]]
    near = _neighbours(np.concatenate([seams, edges]), dtype, 40, rng)
    wide = _neighbours(np.concatenate([seams, edges]), dtype, 1 << (np.finfo(dtype).nmant // 2), rng)
    x = np.concatenate([bits, plain.astype(dtype), tiny.astype(dtype), near, wide])
    return np.unique(inside_range(row, x) if row.ufunc.endswith("_y") else x)


def _edge(compute: Any, a: Any, b: Any, kind: float) -> Any:
    """Bisect to where the result's kind changes."""
    for _ in range(60):
        middle = a + (b - a) / 2
        with np.errstate(all="ignore"):
            z = np.asarray(compute(np.array([middle])), np.float64)[0]
        of = np.sign(z) + 4 * (z == 1) + 8 * np.isinf(z) + 16 * (abs(z) < np.finfo(middle.dtype).tiny)
        a, b = (middle, b) if of == kind else (a, middle)
    return a
