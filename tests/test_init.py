"""Initial weights, gains, and alpha-dropout, which together keep a deep network's scale."""

from __future__ import annotations

import functools
import math
import re

import mpmath as mp
import numpy as np
import pytest
from _support import CASES, assert_same_bits, everywhere, exactly, hard_values

import fastact as fa
from fastact import _proof
from fastact._registry import ELEMENTWISE, ROWWISE

SCHEMES = {
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
}
NAMES = [f"{family}_{kind}" for family in SCHEMES for kind in ("normal", "uniform")]


def test_all_are_listed():
    assert {*NAMES, "gain"} == set(fa.init.__all__)
    for name in NAMES:
        assert getattr(fa.init, name).__name__ == name


@pytest.mark.parametrize("name", NAMES)
def test_variance_and_shape_of_the_distribution(name, dtype):
    family, kind = name.split("_")
    for shape, axes, fans in (
        ((300, 500), {}, (300, 500)),
        ((500, 300), {"in_axis": 1, "out_axis": 0}, (300, 500)),
        ((40, 20, 5, 5), {"in_axis": 1, "out_axis": 0}, (500, 1000)),
        ((10, 30, 4, 125), {"in_axis": (0, 1), "out_axis": (2, 3)}, (300, 500)),
    ):
        W = getattr(fa.init, name)(shape, gain=1.5, rng=7, dtype=dtype, **axes)
        assert W.shape == shape and W.dtype == np.dtype(dtype)
        wide, wanted = W.astype(float), 1.5 * math.sqrt(SCHEMES[family](*fans))
        n = W.size
        spread = 1 / math.sqrt(n)
        assert abs(wide.mean()) < 4 * wanted * spread
        assert abs(wide.std() / wanted - 1) < 4 * spread
        kurtosis = ((wide / wanted) ** 4).mean()
        assert abs(kurtosis - {"normal": 3, "uniform": 1.8}[kind]) < 0.1, "the distribution, not only its variance"
        if kind == "uniform":
            assert np.abs(wide).max() <= math.sqrt(3) * wanted * (1 + np.finfo(dtype).eps)
        else:
            assert np.abs(wide).max() > 3.5 * wanted, "not cut at two standard deviations"


def test_random_numbers_come_from_the_generator():
    first = fa.init.he_normal((5, 4), rng=3)
    assert_same_bits(first, fa.init.he_normal((5, 4), rng=np.random.default_rng(3)))
    assert not np.array_equal(first, fa.init.he_normal((5, 4), rng=4))
    assert not np.array_equal(fa.init.he_normal((5, 4)), fa.init.he_normal((5, 4)))
    assert fa.init.he_normal((0, 4)).shape == (0, 4)
    drawn = np.random.default_rng(1).standard_normal((5, 4), np.float32)
    assert_same_bits(fa.init.lecun_normal((5, 4), rng=1), drawn * np.float32(5**-0.5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"shape": (5,)}, ValueError, ("shape", "(5,)")),
        ({"shape": 5}, ValueError, ("shape", "(5,)")),
        ({"shape": (5, -1)}, ValueError, ("shape", "-1")),
        ({"shape": (5, 4), "gain": 0}, ValueError, ("gain", "0")),
        ({"shape": (5, 4), "gain": math.nan}, ValueError, ("gain", "nan")),
        ({"shape": (5, 4), "gain": "tanh"}, ValueError, ("gain", "tanh")),
        ({"shape": (5, 4), "in_axis": 1}, ValueError, ("in_axis", "out_axis")),
        ({"shape": (5, 4), "in_axis": 2}, np.exceptions.AxisError, ("in_axis", "2")),
        ({"shape": (5, 4), "dtype": "int32"}, TypeError, ("dtype", "int32")),
        ({"shape": None}, TypeError, ("shape", "None")),
    ],
)
def test_refusals(name, arguments, error, words):
    with pytest.raises(error) as raised:
        getattr(fa.init, name)(**arguments)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gain", [1.0, 1e-3, 1e-40, 1e-308, 1e-320])
def test_weights_whatever_numpy_raises(name, gain, dtype):
    """Small weights are below the type's smallest number."""
    draw = functools.partial(getattr(fa.init, name), (60, 50), gain=gain, rng=0, dtype=dtype)
    with np.errstate(all="raise"):
        weights = draw()
    assert_same_bits(weights, draw())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("kind", "fine", "large"), [("f2", 1e3, 4e4), ("f4", 1e37, 2e38), ("f4", 1e37, 1e39), ("f8", 1e306, 1.7e308), ("f8", 1e306, 10**400)]
)
def test_weights_are_finite(name, kind, fine, large):
    with np.errstate(all="raise"):
        draw = functools.partial(getattr(fa.init, name), (2, 3), rng=0, dtype=kind)
        assert np.isfinite(draw(gain=fine)).all()
        with pytest.raises(ValueError, match=f"{name}: gain must .*finite.*, got {re.escape(repr(large))}"):
            draw(gain=large)


# ---- gain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if everywhere(c.record)], ids=str)
def test_gain_is_the_integral(case):
    """Against mpmath's quadrature of the record's own expression."""
    points = [-mp.inf, *sorted({-20, -8, -4, -1, 0, 1, 4, 8, 20, *case.kinks}), mp.inf]
    parameters = case.parameters
    with mp.workprec(60):

        def integrand(z):
            if not mp.isfinite(z) or abs(z) > 40:
                return mp.mpf(0)
            return _value(case, z, parameters) ** 2 * mp.npdf(z)

        wanted = 1 / mp.sqrt(mp.quad(integrand, points))
    assert abs(fa.init.gain(case.record.name, **parameters) / float(wanted) - 1) < 1e-12


def _value(case, z, parameters):
    value = _proof.forward(case.record.name, float(z), **parameters)
    return value if isinstance(value, mp.mpf) else exactly(value)


def test_gains_known_in_closed_form():
    assert abs(fa.init.gain("relu") - math.sqrt(2)) < 1e-15
    for slope in (0.01, 0.2, 1.0, 1.5):
        assert abs(fa.init.gain("leaky_relu", negative_slope=slope) - math.sqrt(2 / (1 + slope**2))) < 4e-16
        assert abs(fa.init.gain("prelu", weight=slope) - math.sqrt(2 / (1 + slope**2))) < 4e-16
    assert abs(fa.init.gain("selu") - 1) < 1e-14, "its constants are made for this"
    assert abs(fa.init.gain("exp") - math.exp(-1)) < 1e-15
    assert abs(fa.init.gain("gelu") - (1 / 3 + 1 / (2 * math.sqrt(3) * math.pi)) ** -0.5) < 1e-14


def test_gain_whatever_numpy_raises():
    """The tails of the density are below the smallest number."""
    with np.errstate(all="raise"):
        assert abs(fa.init.gain("leaky_relu", negative_slope=0.75) - math.sqrt(2 / 1.5625)) < 4e-16
        assert fa.init.gain("mish") > 1


def test_gain_beside_torchs():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.init.calculate_gain
    assert abs(fa.init.gain("relu") - theirs("relu")) < 1e-15
    assert abs(fa.init.gain("leaky_relu", negative_slope=0.3) - theirs("leaky_relu", 0.3)) < 1e-15
    for name, ours, other in (("sigmoid", 1.8462, 1.0), ("tanh", 1.5925, 5 / 3), ("selu", 1.0, 0.75)):
        assert abs(fa.init.gain(name) - ours) < 1e-4 and theirs(name) == other, "as the docstring says"


def test_gain_keeps_the_scale():
    """What it is for: z -> f(z) @ W keeps the mean square."""
    rng = np.random.default_rng(0)
    for record in filter(everywhere, ELEMENTWISE):
        values = {p.name: p.samples[0] for p in record.parameters if p.default is None}
        z = rng.standard_normal((300, 500))
        W = fa.init.lecun_normal((500, 2000), gain=fa.init.gain(record.name, **values), rng=rng, dtype=np.float64)
        size = np.square(getattr(fa, record.name)(z, *values.values()) @ W).mean()
        assert abs(size - 1) < (0.5 if record.name == "exp" else 0.15), (record.name, size)


def test_refusals_of_gain():
    for call, error, words in (
        (lambda: fa.init.gain("reluu"), ValueError, ("gain", "reluu")),
        (lambda: fa.init.gain(ROWWISE[0].name), ValueError, ("gain", "name", ROWWISE[0].name)),
        (lambda: fa.init.gain("prelu"), TypeError, ("gain", "weight")),
        (lambda: fa.init.gain("prelu", weight=np.ones(3)), ValueError, ("weight", "(3,)")),
        (lambda: fa.init.gain("elu", alpha=math.inf), ValueError, ("alpha", "inf")),
        (lambda: fa.init.gain("relu", alpha=1.0), TypeError, ("alpha",)),
    ):
        with pytest.raises(error) as raised:
            call()
        assert all(word in str(raised.value) for word in words), str(raised.value)
    with pytest.raises(ValueError, match="not all defined"):
        fa.init._gain(np.log, (), "a logarithm")
    with pytest.raises(ValueError, match="gain: name is 'logit', whose outputs are not all defined for normally distributed inputs"):
        fa.init.gain("logit")
    assert math.isfinite(fa.init.gain("logit", eps=0.1))
    with pytest.raises(ValueError, match="gain: name is 'leaky_relu', whose outputs are too large to have a variance"):
        fa.init.gain("leaky_relu", negative_slope=1e200)
    with pytest.raises(ValueError, match="no variance"):
        fa.init._gain(np.zeros_like, (), "nothing")


# ---- alpha-dropout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.05, 0.5, 0.9])
def test_alpha_dropout_is_the_papers(p, dtype):
    x = np.random.default_rng(0).standard_normal((500, 200)).astype(dtype)
    y, kept = fa.alpha_dropout(x, p, rng=1)
    assert y.dtype == x.dtype and kept.dtype == bool and y.shape == kept.shape == x.shape
    limit, q = -1.0507009873554805 * 1.6732632423543772, 1 - p
    a = (q + limit**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * limit
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y, np.where(kept, a * x.astype(float) + b, a * limit + b), rtol=3 * eps, atol=3 * eps)
    assert abs(kept.mean() - q) < 4 * math.sqrt(p * q / x.size) + 1e-12
    assert abs(y.astype(float).mean()) < 0.02 and abs(y.astype(float).var() - 1) < 0.03
    dy = np.random.default_rng(2).standard_normal(x.shape).astype(dtype)
    dx = fa.alpha_dropout_backward(dy, kept, p)
    np.testing.assert_allclose(dx, np.where(kept, a * dy.astype(float), 0), rtol=3 * eps)
    assert dx.dtype == x.dtype and (dx[~kept] == 0).all()
    if p == 0:
        assert kept.all()
        assert_same_bits(y, x)


def test_alpha_dropout_in_place_and_of_any_layout(dtype):
    x = np.random.default_rng(0).standard_normal((300, 400)).astype(dtype)
    wanted, kept = fa.alpha_dropout(x, 0.3, rng=5)
    back = fa.alpha_dropout_backward(x, kept, 0.3)
    for shape in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2], lambda a: a[::-1].copy()[::-1], lambda a: a.copy()):
        given = shape(x)
        y, again = fa.alpha_dropout(given, 0.3, rng=np.random.default_rng(5), out=given)
        assert y is given and np.array_equal(again, kept)
        assert_same_bits(y, wanted)
        given = shape(x)
        assert fa.alpha_dropout_backward(given, kept, 0.3, out=given) is given
        assert_same_bits(given, back)
    memory = np.zeros((301, 400), dtype)
    memory[1:] = x
    assert_same_bits(fa.alpha_dropout(memory[1:], 0.3, rng=5, out=memory[:-1])[0], wanted)
    assert fa.alpha_dropout(np.arange(5), 0.3, rng=0)[0].dtype == np.float64
    assert fa.alpha_dropout(np.empty((0, 3), dtype))[0].shape == (0, 3)
    value, bit = fa.alpha_dropout(np.array(1, dtype), 0.3, rng=0)
    assert value.shape == bit.shape == ()
    assert fa.alpha_dropout(x.astype(x.dtype.newbyteorder()), 0.3, rng=5)[0].dtype == x.dtype


def test_bfloat16():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    assert fa.init.he_normal((5, 4), rng=0, dtype=bfloat16).dtype == bfloat16
    x = np.random.default_rng(0).standard_normal((30, 40)).astype(bfloat16)
    y, kept = fa.alpha_dropout(x, rng=0)
    wide, same = fa.alpha_dropout(x.astype(np.float32), rng=0)
    assert y.dtype == bfloat16 and np.array_equal(kept, same)
    np.testing.assert_array_equal(y, wide.astype(bfloat16))
    dx = fa.alpha_dropout_backward(y, kept)
    assert dx.dtype == bfloat16
    np.testing.assert_array_equal(dx, fa.alpha_dropout_backward(y.astype(np.float32), kept).astype(bfloat16))


@pytest.mark.parametrize("p", [0.0, 1e-300, 0.1, 0.9, 1 - 2**-53])
def test_alpha_dropout_whatever_numpy_raises(p, dtype):
    x = hard_values(dtype)
    kept = np.ones(x.shape, bool)
    wanted, back = fa.alpha_dropout(x, p, rng=0), fa.alpha_dropout_backward(x, kept, p)
    with np.errstate(all="raise"):
        assert_same_bits(fa.alpha_dropout(y := x.copy(), p, rng=0, out=y)[0], wanted[0])
        assert_same_bits(fa.alpha_dropout_backward(y := x.copy(), kept, p, out=y), back)


def test_gradient_stops_where_dropped():
    dy = np.array([np.nan, np.inf, 1.0])
    assert fa.alpha_dropout_backward(dy, np.zeros(3, bool)).tolist() == [0, 0, 0]
    y, kept = fa.alpha_dropout(np.full(100, np.nan), rng=0)
    assert np.array_equal(np.isnan(y), kept) and not kept.all()


def test_refusals_of_alpha_dropout():
    x = np.ones((2, 3))
    for call, error, words in (
        (lambda: fa.alpha_dropout(x, 1.0, out=x), ValueError, ("p", "1.0")),
        (lambda: fa.alpha_dropout(x, -0.1, out=x), ValueError, ("p", "-0.1")),
        (lambda: fa.alpha_dropout(x, math.nan, out=x), ValueError, ("p", "nan")),
        (lambda: fa.alpha_dropout(x, "half", out=x), ValueError, ("p", "half")),
        (lambda: fa.alpha_dropout(x.astype(complex)), TypeError, ("x", "complex128")),
        (lambda: fa.alpha_dropout(x, out=x[1:]), ValueError, ("out", "(1, 3)")),
        (lambda: fa.alpha_dropout_backward(x, x, out=x), TypeError, ("kept", "float64")),
        (lambda: fa.alpha_dropout_backward(x, x[1:] > 0, out=x), ValueError, ("kept", "(1, 3)")),
        (lambda: fa.alpha_dropout_backward(x, x > 0, 2, out=x), ValueError, ("p", "2")),
    ):
        with pytest.raises(error) as raised:
            call()
        assert all(word in str(raised.value) for word in words), str(raised.value)
    assert (x == 1).all()


def _through_32_layers(drop):
    rng = np.random.default_rng(42)
    x = rng.standard_normal((256, 512), np.float32)
    history = []
    for _ in range(32):
        x = fa.dense(x, fa.init.lecun_normal((512, 512), rng=rng), activation="selu")
        x = drop(x, rng)
        history.append((float(x.mean()), float(x.var())))
    return np.array(history)


def test_selu_with_its_companions_keeps_mean_and_variance():
    """Through 32 layers the mean stays near 0 and the variance near 1; with plain dropout the variance leaves 1 at once."""

    def plain(x, rng):
        return x * (rng.random(x.shape) >= 0.1) / np.float32(0.9)

    kept = _through_32_layers(lambda x, rng: fa.alpha_dropout(x, 0.1, rng=rng)[0])
    assert np.abs(kept[:, 0]).max() < 0.05 and np.abs(kept[:, 1] - 1).max() < 0.15, kept
    lost = _through_32_layers(plain)
    assert lost[0, 1] > 1.05 and lost[8:, 1].min() > 1.4 and np.abs(lost[:, 0]).max() > 0.05, lost
