"""bfloat16, which ml_dtypes brings: computed in float32 and rounded once, so at most 0.51 ulp where float32 is within 2."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from _support import OPERATIONS, ROW_UFUNCS, accepted, operation_id

import fastact as fa
from fastact._registry import ELEMENTWISE

ml_dtypes = pytest.importorskip("ml_dtypes")
BFLOAT = np.dtype(ml_dtypes.bfloat16)
ALL = np.arange(1 << 16, dtype=np.uint16).view(BFLOAT)


def assert_rounded(got, wide, *context):
    """`got` is bfloat16, and the float32 result rounded to nearest, ties to even, NaN where that is NaN."""
    assert got.dtype == BFLOAT, (got.dtype, *context)
    pattern = np.ascontiguousarray(wide, np.float32).view(np.uint32).astype(np.uint64)
    wanted = ((pattern + 0x7FFF + ((pattern >> 16) & 1)) >> 16).astype(np.uint16)
    got = np.ascontiguousarray(got).view(np.uint16)
    nan = np.isnan(wide)
    assert (got[nan] & 0x7FFF > 0x7F80).all(), context
    wrong = np.flatnonzero((got != wanted) & ~nan)
    assert not wrong.size, (context, wrong.size, wrong[0], got.flat[wrong[0]], wanted.flat[wrong[0]])


def widened(given):
    return tuple(a.astype(np.float32) if getattr(a, "dtype", None) == BFLOAT else a for a in given)


def rounded(values):
    """Parameters as the loop sees them: of the arrays' type."""
    return tuple(float(np.asarray(v, BFLOAT)) for v in values)


@pytest.mark.parametrize(("op", "case"), OPERATIONS, ids=operation_id)
def test_all_numbers(op, case, made):
    rng = np.random.default_rng(0)
    lead = tuple(rng.standard_normal(ALL.size).astype(BFLOAT) for _ in op.data[:-1])
    parameters = rounded(case.parameters.values())
    wide = made[op.name](*widened((*lead, ALL)), *(np.float32(p) for p in parameters))
    scalars = tuple(np.asarray(p, BFLOAT) for p in parameters)
    with np.errstate(all="raise"):
        assert_rounded(made[op.name](*lead, ALL, *scalars), wide)
        assert_rounded(made[op.name](*(a[::-3] for a in (*lead, ALL)), *scalars), wide[::-3], "strided")
        out = ALL.copy()
        assert_rounded(made[op.name](*lead, out, *scalars, out=out), wide, "in place")
        offset = np.zeros(2 * ALL.size + 1, np.uint8)[1:].view(BFLOAT)
        offset[...] = ALL
        assert_rounded(made[op.name](*lead, offset, *scalars), wide, "unaligned")
        arrays = tuple(np.full(ALL.size, p) for p in scalars)
        assert_rounded(made[op.name](*lead, ALL, *arrays), wide, "a parameter for each element")


@pytest.mark.parametrize(("row", "suffix"), ROW_UFUNCS, ids=operation_id)
@pytest.mark.parametrize("shape", [(3, 1), (5, 7), (40, 33), (9, 1000)], ids=str)
def test_rows(row, suffix, shape, made):
    rng = np.random.default_rng(1)
    x = (4 * rng.standard_normal(shape)).astype(BFLOAT)
    given = []
    if "backward" in suffix:
        given.append(rng.standard_normal(shape[:1] if row.reduces else shape).astype(BFLOAT))
    given.append(made["softmax"](x) if suffix.endswith("_y") else x)
    if "masked" in suffix:
        given.append(rng.random(shape) < 0.8)
    wide = made[row.name + suffix](*widened(given))
    assert_rounded(made[row.name + suffix](*given), wide)
    assert_rounded(made[row.name + suffix](*(np.asfortranarray(a) for a in given)), wide, "across")


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_public_functions_keep_the_type(record):
    x = accepted(record, np.linspace(-4, 4, 50)).astype(BFLOAT)
    parameters = {p.name: p.default if p.default is not None else p.samples[0] for p in record.parameters}
    y = fa.get(record.name)(x, **parameters)
    assert y.dtype == BFLOAT
    gradients = fa.get(record.name).backward(np.ones_like(x), x=x, **parameters)
    for gradient in gradients if isinstance(gradients, tuple) else (gradients,):
        assert gradient.dtype == BFLOAT
    assert y.astype(np.float32) == pytest.approx(fa.get(record.name)(x.astype(np.float32), **parameters), rel=0.01, abs=0.01, nan_ok=True)


def test_softmax_rows_sum_to_one():
    """Sums are not kept in bfloat16, where 256 ones are already too many to count."""
    p = fa.softmax(np.zeros((2, 65_536), BFLOAT))
    assert (p == BFLOAT.type(2.0**-16)).all()
    assert fa.logsumexp(np.zeros(65_536, BFLOAT)) == BFLOAT.type(np.log(65_536))


def test_mixed_types():
    b, h = np.ones(3, BFLOAT), np.ones(3, np.float16)
    swish = fa.ufuncs.swish
    assert swish(b, 1.5).dtype == BFLOAT and swish(b, 2).dtype == BFLOAT
    assert swish(b, h).dtype == swish(h, b).dtype == np.float32
    assert swish(b, np.float32(1)).dtype == np.float32
    assert swish(b, np.ones(3)).dtype == swish(b, np.arange(3)).dtype == np.float64
    assert fa.gelu(b, dtype=np.float32).dtype == np.float32
    assert fa.gelu(np.ones(3, np.float32), dtype=BFLOAT, casting="unsafe").dtype == BFLOAT
    assert fa.gelu(BFLOAT.type(1)).dtype == BFLOAT
    with pytest.raises(TypeError, match=r"gelu: x is float8_e4m3; accepted are float16, bfloat16, float32 and float64"):
        fa.gelu(np.ones(3).astype(ml_dtypes.float8_e4m3))


def test_parameters_are_checked():
    x = np.ones(3, BFLOAT)
    with pytest.raises(ValueError, match=r"softplus: beta must be finite and not 0, got 0\.0"):
        fa.softplus(x, beta=0.0)
    with pytest.raises(ValueError, match=r"softplus: beta must be finite and not 0 in bfloat16, got 1e-300"):
        fa.softplus(x, beta=1e-300)
    with pytest.raises(ValueError, match=r"elu: alpha must be finite, got inf at index \(1,\)"):
        fa.elu(x, alpha=np.array([1, np.inf, 1], BFLOAT))


def test_nothing_is_imported_for_it():
    """fastact does not import ml_dtypes, and takes its arrays even if that comes later."""
    code = (
        "import sys, numpy as np, fastact as fa\n"
        "assert 'ml_dtypes' not in sys.modules\n"
        "fa.gelu(np.ones(2, np.float32))\n"
        "import ml_dtypes\n"
        "x = np.linspace(-3, 3, 7).astype(ml_dtypes.bfloat16)\n"
        "print(fa.gelu(x).dtype, fa.softmax(x).dtype, fa.gelu_backward(x, x=x).dtype)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout == "bfloat16 bfloat16 bfloat16\n", result.stderr
