"""Rows that are long, hard or many: against exact arithmetic, and each the same in any company."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from _support import ROW_UFUNCS, ROWWISE, VARIANTS, assert_same_bits, bits, functions, random_bits, ufuncs

from fastact import _proof
from fastact.verify.golden import usual

row_ufuncs = pytest.mark.parametrize("row_suffix", ROW_UFUNCS, ids=lambda v: v[0].name + v[1])
DEPTH = {"float16": 16.0, "float32": 103.0, "float64": 744.0}
LONG = {"float16": (1, 10, 100, 1000, 10_000), "float32": (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)}
LONG["float64"] = LONG["float32"]


def hard(kind: str, n: int, dtype: str) -> np.ndarray:
    """n numbers, at most 500 of them different, that break the usual ways of computing softmax."""
    rng = np.random.default_rng(n)
    depth, largest = DEPTH[dtype], float(np.finfo(dtype).max)
    offset = {"float16": 1000.0, "float32": 1e6, "float64": 1e12}[dtype]
    few = rng.standard_normal(500)
    different = {
        "huge offset": offset + few * 8,
        "huge negative offset": few * 8 - offset,
        "all equal": np.full(500, -3.7),
        "one dominates": few - depth / 3,
        "alternating magnitudes": np.where(np.arange(500) % 2, few * 1e-3, -depth * np.abs(few) / 4),
        "all sizes": np.sign(few) * np.exp(rng.uniform(-20, math.log(largest) - 1, 500)),
        "down to the end": -np.linspace(0, depth, 500),
        "usual": few * 3,
    }[kind].astype(dtype)
    x = rng.choice(different, n)
    if kind == "one dominates":
        x[rng.integers(n)] = depth / 3
    return x


KINDS = (
    "huge offset", "huge negative offset", "all equal", "one dominates", "alternating magnitudes", "all sizes", "down to the end", "usual",
)


def exactly(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, list]]:
    """The different numbers of a row, where each stands, and the exact results of each."""
    different, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    with mp.workprec(400):
        points = [_proof.exact(float(v)) for v in different]
        terms = [mp.exp(v - points[-1]) for v in points]
        rest = mp.fsum(t * int(c) for t, c in zip(terms[:-1], counts[:-1], strict=True)) + (int(counts[-1]) - 1)
        logarithm, total = mp.log1p(rest), 1 + rest
        true = {
            "softmax": [t / total for t in terms],
            "log_softmax": [(v - points[-1]) - logarithm for v in points],
            "logsumexp": [points[-1] + logarithm],
        }
    return different, where, true


def check_hard_row(kind: str, n: int, dtype: str) -> dict[str, float]:
    """Every entry of every function within its bound; returns the largest errors."""
    x = hard(kind, n, dtype)
    different, where, true = exactly(x)
    worst = {}
    for row in ROWWISE:
        got = np.atleast_1d(functions(VARIANTS[-1])[row.name](x))
        if row.reduces:
            scale = _proof.row_scale(row, true[row.name][0], _proof.exact(x.max()), dtype)
            worst[row.name] = _proof.error(got[0], true[row.name][0], dtype) / scale
        else:
            first = np.empty(different.size, dtype)
            first[where] = got
            assert_same_bits(got, first[where], row.name, "the same number has the same result")
            worst[row.name] = max(_proof.error(v, t, dtype) for v, t in zip(first, true[row.name], strict=True))
        assert worst[row.name] <= row.bounds[dtype], (row.name, kind, n, dtype, worst[row.name])
    return worst


@pytest.mark.parametrize("kind", KINDS)
def test_hard_rows(kind, dtype):
    """1 to 10^6 hard numbers, every entry against exact arithmetic."""
    for n in LONG[dtype]:
        check_hard_row(kind, n, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_rows_of_ten_million(kind, dtype):
    check_hard_row(kind, 10_000_000, dtype)


def test_equal_numbers_of_every_exponent(public, dtype):
    """log_softmax([v, v]) is -log 2 and of n equal numbers -log n, from the least subnormal to the largest number, and of both signs."""
    info = np.finfo(dtype)
    exponents = np.arange(int(info.minexp) - int(info.nmant), int(info.maxexp))
    with np.errstate(under="ignore"):
        mantissas = np.concatenate([np.ones(1), 1 + np.random.default_rng(0).random(3)])
        v = (mantissas[:, None] * np.ldexp(1.0, exponents[None, :])).astype(dtype).ravel()
    v = np.concatenate([v, -v, [0.0, -0.0, info.max, -info.max]]).astype(dtype)
    assert np.isfinite(v).all() and np.unique(np.frexp(v)[1]).size >= exponents.size
    for n in (2, 3, 10, 40):
        rows = np.repeat(v[:, None], n, axis=1)
        with mp.workprec(100):
            logarithm = -mp.log(n)
        for table in (rows, np.asfortranarray(rows)):
            got = public["log_softmax"](table)
            assert (bits(got) == bits(got[:, :1])).all(), n
            for value in np.unique(got):
                assert _proof.error(value, logarithm, dtype) <= 1, (n, value)
            shares = public["softmax"](table)
            assert np.unique(bits(shares)).size == 1 and _proof.error(shares[0, 0], mp.mpf(1) / n, dtype) <= 0.5, n


def rows_of(row, suffix: str, count: int, n: int, dtype: str, seed: int) -> list[np.ndarray]:
    """Operands of a row ufunc, some rows of any bit pattern."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((count, n)) * 5).astype(dtype)
    x[::7] = random_bits(x[::7].size, dtype, seed).reshape(-1, n)
    if suffix.endswith("_y"):
        x = ufuncs(VARIANTS[0])[row.name](x)
    data = [rng.standard_normal((count,) if row.reduces else (count, n)).astype(dtype)] if "backward" in suffix else []
    for dy in data:                                     # some of any bit pattern, some as large as can be
        dy[1::5] = random_bits(dy[1::5].size, dtype, seed + 1).reshape(dy[1::5].shape)
        dy[2::5] = np.copysign(np.finfo(dtype).max, dy[2::5])
    return [*data, x, *([rng.random((count, n)) < 0.8] if "masked" in suffix else [])]


@row_ufuncs
def test_any_number_of_rows(row_suffix, made, dtype):
    """Rows are taken by 8, 16, 32, up to 256 at a time: one, and any number, along memory and across it, give the same bits."""
    row, suffix = row_suffix
    ufunc = made[row.name + suffix]
    for n in (1, 2, 5, 16, 17, 33, 100, 257):
        most = 600 if n < 40 else 300
        data = rows_of(row, suffix, most, n, dtype, n)
        alone = np.array([ufunc(*(a[i] for a in data)) for i in range(most)], dtype)
        for count in (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300, 513, 600):
            if count > most:
                continue
            first = (most - count) // 2
            some = [a[first : first + count] for a in data]
            assert_same_bits(ufunc(*some), alone[first : first + count], n, count)
            assert_same_bits(ufunc(*(np.asfortranarray(a) for a in some)), alone[first : first + count], n, count, "across")
            apart = [np.repeat(a, 3, axis=a.ndim - 1)[..., ::3] for a in some]
            assert_same_bits(ufunc(*apart), alone[first : first + count], n, count, "apart")


@row_ufuncs
def test_a_nan_takes_its_whole_row(row_suffix, made, dtype):
    """Also where the other numbers have no weight beside each other: rows of all magnitudes, a NaN at each place."""
    row, suffix = row_suffix
    if suffix.endswith("_y"):
        pytest.skip("works on results, where a NaN is its own entry's")
    ufunc = made[row.name + suffix]
    for n in (1, 2, 3, 8, 31, 32, 33, 36, 64, 65, 100, 300):
        x = np.resize(usual(n, n * n, dtype, -12, 14), (n, n))
        x[np.arange(n), np.arange(n)] = np.nan
        lead = (np.ones(n, dtype),) if "backward" in suffix else ()
        mask = (np.ones((n, n), bool),) if "masked" in suffix else ()
        for table in (x, np.asfortranarray(x)):
            assert np.isnan(ufunc(*lead, table, *mask)).all(), n
        if lead:                                        # while an infinite dy leaves entries of probability 0 alone
            x[np.arange(n), np.arange(n)] = 0
            x[:, -1] = np.finfo(dtype).max
            for dy in (np.inf, -np.inf, np.nan):
                got = ufunc(np.full(n, dy, dtype), x, *mask)
                assert (got[:, :-1] == 0).all() and not np.isfinite(got[:, -1]).any(), (n, dy)
