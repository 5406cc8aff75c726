"""Every function and gradient within its record's bound: by bit pattern, at hard points, densely, and all of float16."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from _support import CASES, EXTENDED, VARIANTS, Case, assert_same_bits, call, errors, extended, from_bits, points, proof, worst

from fastact import _proof

KINDS = [(case, kind) for case in CASES for kind in case.kinds]


def _id(value):
    return f"{value[0]}-{value[1]}" if isinstance(value, tuple) else str(value)


def of_output(case: Case, x: np.ndarray, dtype: str) -> np.ndarray:
    """Outputs to feed the form from y: f(x) as the package computes it, finite."""
    with np.errstate(all="ignore"):
        y = np.unique(call(VARIANTS[-1], case, "forward", x, dtype))
    return y[np.isfinite(y)]


@functools.lru_cache(maxsize=2)
def truth(case: Case, kind: str, dtype: str):
    """Points and what is true there; every variant of the same case meets the same ones."""
    x = points(case, kind, dtype)
    if kind == "backward_y":
        x = of_output(case, x, dtype)[::2]
    return x, [proof(case, kind, v, dtype) for v in x.tolist()]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case_kind", KINDS, ids=_id)
def test_against_exact_arithmetic(case_kind, dtype, variant):
    case, kind = case_kind
    x, true = truth(case, kind, dtype)
    assert x.size >= 100
    error, where = worst(variant, case, kind, x, call(variant, case, kind, x, dtype), true)
    assert error <= case.record.bounds[dtype], where


@pytest.mark.parametrize("case_kind", KINDS, ids=_id)
def test_float32_densely(case_kind):
    """A million numbers of every binade against extended precision; points in doubt are decided in exact arithmetic."""
    case, kind = case_kind
    x = from_bits(np.arange(0, 2**32, 4327, dtype=np.uint64), "float32")
    x = x[np.isfinite(x)]
    if kind == "backward_y":
        x = of_output(case, x, "float32")
    assert x.size > 1000
    first = call(VARIANTS[0], case, kind, x, "float32")
    for variant in VARIANTS[1:]:
        assert_same_bits(call(variant, case, kind, x, "float32"), first, variant)
    error = errors(first, extended(case, kind, x, "float32"))
    doubtful = np.flatnonzero(~(error <= 1.5))
    doubtful = doubtful[np.argsort(-error[doubtful], kind="stable")][:40]
    if kind == "backward":
        doubtful = doubtful[~np.isin(x[doubtful], case.record.kinks)]
    true = [proof(case, kind, v, "float32") for v in x[doubtful].tolist()]
    error, where = worst(VARIANTS[0], case, kind, x[doubtful], first[doubtful], true)
    assert error <= case.record.bounds["float32"], where


@pytest.mark.parametrize("case_kind", KINDS, ids=_id)
def test_all_of_float16(case_kind, variant):
    """All 65 536 inputs: finite ones within the bound, NaN for NaN."""
    case, kind = case_kind
    every = from_bits(np.arange(65536), "float16")
    got = call(variant, case, kind, every, "float16")
    assert np.isnan(got[np.isnan(every)]).all()
    x = every[np.isfinite(every)]
    if kind == "backward_y":
        x = of_output(case, x, "float16")
    got = call(variant, case, kind, x, "float16")
    error = errors(got, extended(case, kind, x, "float16"))
    doubtful = np.flatnonzero(~(error <= 0.505))
    doubtful = doubtful[np.argsort(-error[doubtful], kind="stable")][:200]
    true = [proof(case, kind, v, "float16") for v in x[doubtful].tolist()]
    biggest, where = worst(variant, case, kind, x[doubtful], got[doubtful], true)
    assert biggest <= case.record.bounds["float16"], where


def test_extended_reference_is_the_exact_one():
    """The reference of the dense tests, held against exact arithmetic where it is trusted."""
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(-20, 20, 60), rng.uniform(-1, 1, 20)]).astype(np.float32)
    for case in CASES:
        true = [proof(case, "forward", v, "float32") for v in x.tolist()]
        got = np.asarray(extended(case, "forward", x, "float32"))
        for point, value, exact in zip(x, got, true, strict=True):
            digits = abs(_proof.exact(float(value)) - exact) / _proof.ulp(exact, "float32")
            assert digits < 0.01, (str(case), point, value, exact)
    assert set(EXTENDED) >= {case.record.name for case in CASES}


def test_error_measure():
    """The ruler itself: half an ulp is half an ulp, overflow and NaN count, subnormals have their own spacing."""
    for dtype in ("float16", "float32", "float64"):
        info = np.finfo(dtype)
        one = np.array([1, 1, info.smallest_subnormal, info.max], dtype)
        wide = one.astype(np.longdouble)
        ulp = np.array([info.eps, info.eps, info.smallest_subnormal, 2.0 ** (info.maxexp - 1 - info.nmant)], np.longdouble)
        assert errors(one, wide).tolist() == [0, 0, 0, 0]
        assert errors(one, wide + ulp / 2).tolist() == [0.5] * 4
        lost = errors(np.array([np.nan, 0], dtype), np.array([1, info.smallest_subnormal], np.longdouble))
        assert lost.tolist() == [np.inf, 1.0]
        assert errors(np.array([np.inf], dtype), np.array([1], np.longdouble))[0] > 1000
        assert errors(np.array([np.nan], dtype), np.array([np.nan], np.longdouble))[0] == 0
        assert _proof.error(1.0, _proof.exact(1) + _proof.exact(float(info.eps)) / 2, dtype) == 0.5
        assert _proof.error(float("inf"), _proof.exact(1), dtype) == float("inf")
