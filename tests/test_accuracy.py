"""Every function and gradient within its record's bound: all of float16, by bit pattern in float32 and float64, and at hard points."""

from __future__ import annotations

import numpy as np
import pytest
from _support import VARIANTS, exactly, pairs, ufuncs

from fastact import _proof
from fastact.verify import cases, sweep

ROWS = list(cases.elementwise_rows(samples=True, pairs=True))


def rows(dtype):
    return pytest.mark.parametrize("row", [row for row in ROWS if cases.has(row, dtype)], ids=lambda row: row.label.replace(" ", "_"))


def within_bound(row, dtype, parts, variant=VARIANTS[-1]):
    measured = sweep.Sweep(row, dtype, cases.kernel(row, (pairs if row.paired else ufuncs)(variant)))
    tally = sweep.Tally()
    for part in parts:
        tally.add(part.tally(measured, tally.worst))
    assert tally.worst <= row.record.bounds[dtype], f"{row.label} {dtype} {variant}: {tally.worst:.3f} ulp at {tally.at}"
    assert not tally.undecided
    assert not tally.disagreement, tally.disagreement
    return tally


@rows("float32")
def test_float32(row):
    """Half a million numbers, evenly over all bit patterns, and clusters around kinks, roots, seams and edges."""
    assert within_bound(row, "float32", sweep.parts("float32", 8209, 0)).points >= 100_000


@rows("float64")
def test_float64(row):
    """Random bit patterns and usual sizes, and the same clusters."""
    assert within_bound(row, "float64", sweep.parts("float64", 0, 8_000)).points >= 2_000


@rows("float16")
def test_all_of_float16(row, variant):
    """All 63 488 finite inputs, and NaN for NaN."""
    assert within_bound(row, "float16", sweep.parts("float16", 1, 0), variant).points >= 15_000


def test_error_measures():
    """The rulers themselves: half an ulp is half an ulp, overflow and NaN count, subnormals have their own spacing."""
    for dtype in ("float16", "float32", "float64"):
        info = np.finfo(dtype)
        kind = np.longdouble if dtype == "float64" else np.float64
        one = np.array([1, 1.5, info.smallest_subnormal, info.max], dtype)
        ulp = np.array([info.eps, info.eps, info.smallest_subnormal, 2.0 ** (info.maxexp - 1 - info.nmant)], kind)
        nan, inf = np.array([np.nan], dtype), np.array([np.inf], dtype)
        for wrong in (0, 0.5, 1, 3):
            true = one.astype(kind) + wrong * ulp
            assert sweep.errors(one, true, kind(0))[0].tolist() == [wrong] * 4
            for value, exact in zip(one, true, strict=True):
                assert _proof.error(value, exactly(exact), dtype) == wrong
        assert sweep.errors(nan, one[:1].astype(kind), kind(0))[0] == np.inf
        assert _proof.error(np.nan, _proof.exact(1), dtype) == np.inf
        assert sweep.errors(inf, one[:1].astype(kind), kind(0))[0] > 1000
        # infinity stands for the power of two after the largest number, and is right beyond it
        top = kind(2) ** info.maxexp
        for true, error in ((top - ulp[3], 1), (top, 0), (8 * top, 0)):
            assert sweep.errors(inf, np.array([true]), kind(0), true, true)[0] == error
            assert _proof.error(np.inf, exactly(true), dtype) == error
        assert sweep.errors(-inf, np.array([top]), kind(0), top, top)[0] > 1000
        assert _proof.error(-np.inf, exactly(top), dtype) > 1000
        assert sweep.errors(one[3:], np.array([8 * top]), kind(0), 8 * top, 8 * top)[0] > 1000
