"""fastact.special against scipy.special: names, arguments, defaults, shapes, types, values."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from _support import assert_same_bits

import fastact as fa
from fastact import special
from fastact._elsewhere import SCIPY
from fastact._registry import RowRecord

scipy_special = pytest.importorskip("scipy.special")
TOLERANCE = {"float32": 1e-6, "float64": 3e-15}
ROWS = [n for n in special.__all__ if isinstance(fa.get(n).record, RowRecord)]
SHAPES = [((), None), ((5,), None), ((5,), 0), ((3, 4), None), ((3, 4), 1), ((3, 4), 0), ((2, 3, 4), (0, 2)), ((2, 3, 4), -2)]
SHAPES.append(((2, 0, 4), 0))
WEIGHTS = [(), (4,), (3, 1), (3, 4)]


def _inside(name: str, x: np.ndarray) -> np.ndarray:
    """x brought into the function's domain."""
    return (np.tanh(x) + 1) / 2 if name == "logit" else x


def test_every_name_is_scipys():
    assert special.__all__ and set(special.__all__) <= set(vars(scipy_special))
    assert {s.name for s in SCIPY if s.function in {*fa.names()}} == set(special.__all__)
    assert fa.special is special


@pytest.mark.parametrize("name", [n for n in special.__all__ if n not in ROWS])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 4)])
def test_elementwise(name, dtype, shape):
    x = _inside(name, np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)
    got, wanted = getattr(special, name)(x), getattr(scipy_special, name)(x)
    assert type(got) is type(wanted) and got.shape == wanted.shape
    if dtype.startswith("float"):
        assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=TOLERANCE.get(str(got.dtype), 1e-6), atol=1e-30)
    out = np.empty(shape, got.dtype)
    assert getattr(special, name)(x, out=out) is out
    assert_same_bits(out, np.asarray(got))


@pytest.mark.parametrize("name", ROWS)
def test_signatures(name):
    """Arguments in SciPy's order with SciPy's defaults."""
    ours = [(p.name, p.default) for p in inspect.signature(getattr(special, name)).parameters.values()]
    theirs = [(p.name, p.default) for p in inspect.signature(getattr(scipy_special, name)).parameters.values()]
    assert ours == theirs


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_over_axes(name, dtype, shape, axis):
    if shape == (2, 0, 4) and name != "logsumexp":
        axis = 1  # SciPy has no maximum of nothing
        if name in ("softmax", "log_softmax"):
            assert getattr(special, name)(np.zeros(shape), axis).shape == shape
            return
    x = (np.random.default_rng(1).standard_normal(shape) * 4).astype(dtype)
    got, wanted = getattr(special, name)(x, axis), getattr(scipy_special, name)(x, axis)
    assert np.shape(got) == np.shape(wanted) and np.asarray(got).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(got, wanted, rtol=TOLERANCE.get(str(got.dtype), 0), atol=1e-6 if dtype == "float32" else 1e-14)


def test_the_default_is_all_axes():
    x = np.random.default_rng(2).standard_normal((3, 4))
    for name in ROWS:
        assert_same_bits(getattr(special, name)(x), getattr(fa, name)(x, axis=None))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("signs", ["positive", "mixed", "zeros"])
def test_weighted_logsumexp(dtype, keepdims, axis, weights, signs):
    rng = np.random.default_rng(3)
    a = (rng.standard_normal((3, 4)) * 5).astype(dtype)
    b = rng.uniform(0.5, 2.0, weights).astype(dtype)
    if signs != "positive":
        b = (b * rng.choice([1, -1] if signs == "mixed" else [1, 0], weights)).astype(dtype)
    for return_sign in (False, True):
        got = special.logsumexp(a, axis, b=b, keepdims=keepdims, return_sign=return_sign)
        wanted = scipy_special.logsumexp(a, axis, b=b, keepdims=keepdims, return_sign=return_sign)
        for ours, theirs in zip(got, wanted, strict=True) if return_sign else [(got, wanted)]:
            assert np.shape(ours) == np.shape(theirs) and ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=2e-5 if dtype == "float32" else 1e-13, atol=1e-6 if dtype == "float32" else 1e-14)


INF, NAN = np.inf, np.nan
EDGES = [
    ([-INF, -INF], None), ([INF, 1.0], None), ([NAN, 1.0], None), ([1e3, 1e3], None), ([-1e3, -1e3], None), ([0.0], [0.0]),
    ([NAN, 1.0], [0.0, 2.0]),
    ([INF, 1.0], [-1.0, 1.0]), ([INF, INF], [1.0, -1.0]), ([1.0, 1.0], [1.0, -1.0]), ([-INF, 0.0], [1.0, -2.0]), ([-INF, -INF], [1.0, 1.0]),
    ([INF, 0.0], [0.0, 3.0]), ([0.0, 1.0], [NAN, 1.0]), ([700.0, 710.0], [1.0, -1.0]), ([1e5, 0.0], [1.0, 1e5]),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), EDGES)
def test_logsumexp_at_the_edges(a, b):
    for return_sign in (False, True):
        with np.errstate(all="ignore"):
            wanted = scipy_special.logsumexp(a, b=b, return_sign=return_sign)
        with np.errstate(all="raise"):
            got = special.logsumexp(a, b=b, return_sign=return_sign)
        np.testing.assert_allclose(got, wanted, rtol=1e-14, err_msg=f"{a} {b} {return_sign}")


def test_a_small_term_keeps_its_digits():
    """A weight that hardly counts beside another; log1p, where a plain logarithm would give 0."""
    np.testing.assert_allclose(special.logsumexp([0.0, -50.0], b=[1.0, 3.0]), 3 * np.exp(-50.0), rtol=1e-15)


@pytest.mark.parametrize("number", [2, 0.5, True, -1.0])
def test_a_number_as_weight_does_not_widen(number):
    a = np.array([[1.0, 2.0, 3.0]], "f4")
    for signs in (False, True):
        results = special.logsumexp(a, b=number, return_sign=signs)
        wanted = special.logsumexp(a.astype(float), b=float(number), return_sign=signs)
        for got, want in zip(results, wanted, strict=True) if signs else ((results, wanted),):
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, want, rtol=1e-6)
    assert special.logsumexp(a, b=np.float64(number)).dtype == special.logsumexp([1, 2], b=number).dtype == np.float64


def test_logit_refuses_no_number():
    """As SciPy's: NaN outside [0, 1]."""
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(special.logit(x), [np.nan, -np.inf, 0, np.inf, np.nan])


@pytest.mark.parametrize(
    ("a", "b", "name"), [("masked", 2, "a"), ("masked", None, "a"), ("plain", "masked", "b"), ("single", 2, "a"), ("plain", "single", "b")]
)
def test_logsumexp_refuses_masked_arrays(a, b, name):
    values = {"masked": np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1]), "plain": np.ones(3), "single": np.ma.masked}
    with pytest.raises(TypeError, match=f"logsumexp: {name} is a masked array, whose mask would not be looked at; pass {name}.data"):
        special.logsumexp(values[a], b=values.get(b, b))


def test_weighted_logsumexp_whatever_numpy_raises():
    """1 + 2**-20 has a logarithm that float16 does not hold."""
    with np.errstate(all="raise"):
        assert special.logsumexp(np.zeros(2, "f2"), b=np.array([1, 2**-20], "f2")) == np.float16(2**-20)


def test_refusals():
    with pytest.raises(ValueError, match=r"b of shape \(3,\) does not broadcast with a of shape \(2,\)"):
        special.logsumexp([1.0, 2.0], b=[1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="b is complex128"):
        special.logsumexp([1.0, 2.0], b=[1j, 1.0])
    with pytest.raises(TypeError, match="accepted are"):
        special.softmax(np.ones(3, np.complex128))
    with pytest.raises(np.exceptions.AxisError):
        special.logsumexp([1.0], axis=2, b=[1.0])
