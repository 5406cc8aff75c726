"""Activations of an affine input, and dense layers, forward and backward."""

from __future__ import annotations

import functools
import tracemalloc

import numpy as np
import pytest
from _support import CASES, DEFAULT_CASES, VARIANTS, assert_same_bits, call, everywhere, hard_values, ufuncs

import fastact as fa
from fastact import _dense, _docs, _variants
from fastact._registry import ROWWISE, operations


@functools.cache
def made(variant):
    """That variant's raw operations on scale*x + bias."""
    assert ufuncs(variant), "which they build on"
    return _variants.load(variant).make_affine(_docs.affine_docs())


def exact(shape, dtype, seed=0):
    """x, bias and scale of few digits, for which scale*x + bias is exact in every type."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-32, 32, shape) / 8
    bias = rng.integers(-8, 8, shape[-1:]) / 8
    scale = rng.integers(1, 4, shape[-1:]) / 2
    return (a.astype(dtype) for a in (x, bias, scale))


# ---- fused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_activation_of_an_affine_input(case, variant, dtype):
    """The bits of the function at scale*x + bias, forward and backward, for every operation and variant."""
    gates = made(variant)
    x, bias, scale = exact((9, 37), dtype)
    values = tuple(np.array(v, dtype) for v in case.parameters.values())
    z = scale * x + bias
    dy = np.linspace(-2, 2, 37).astype(dtype)
    for op in operations(case.record):
        if op.data[-1] == "x":
            lead = (dy,) * (len(op.data) - 1)
            got = gates[op.name](*lead, x, scale, bias, *values)
            assert_same_bits(got, ufuncs(variant)[op.name](*lead, z, *values), op.name)
    assert_same_bits(fa.fused(case.record.name, x, bias, scale, parameters=case.parameters), call(VARIANTS[-1], case, "forward", z, dtype))
    varied = [np.linspace(0.5, 1.5, 37).astype(dtype) for _ in values]
    got = gates[case.record.name](x, scale, bias, *varied)
    assert_same_bits(got, getattr(fa.ufuncs, case.record.name)(z, *varied), "parameters that vary")


def test_the_affine_input_is_rounded_once():
    for dtype in (np.float32, np.float64):
        tiny = np.finfo(dtype).eps
        got = fa.fused("relu", np.full(20, 1 + tiny, dtype), bias=dtype(-(1 - tiny**2) + 0), scale=dtype(1 - tiny))
        assert_same_bits(got, np.full(20, 0, dtype)), "the product alone would round to 1"
        got = fa.fused("relu", np.full(20, 1 + tiny, dtype), bias=-1.0, scale=dtype(1 + tiny))
        assert_same_bits(got, np.full(20, 2 * tiny + tiny * tiny, dtype))
    half = fa.fused("relu", np.full(3, 1001, np.float16), bias=np.float16(0.25), scale=np.float16(0.001))
    assert_same_bits(half, (np.float32(1001) * np.float32(np.float16(0.001)) + np.float32(0.25)).astype(np.float16).repeat(3))


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (70, 1000), (300, 100), (4000, 17), (3, 20000), (2, 40, 500), (100, 64, 3)])
@pytest.mark.parametrize("case", DEFAULT_CASES[::4], ids=str)
def test_rows_taken_together_are_the_same(case, shape, dtype):
    x, bias, scale = exact(shape, dtype)
    name, values = case.record.name, case.parameters
    wanted = getattr(fa, name)(scale * x + bias, **values)
    assert_same_bits(fa.fused(name, x, bias, scale, parameters=values), wanted)
    assert_same_bits(fa.fused(name, x[::-1, ..., ::-1], bias[::-1], scale[::-1], parameters=values), wanted[::-1, ..., ::-1])
    out = np.empty((*shape[:-1], 2 * shape[-1]), dtype)[..., ::2]
    assert fa.fused(name, x, bias, scale, out=out, parameters=values) is out
    assert_same_bits(out, wanted)
    place = x.copy()
    assert fa.fused(name, place, bias, scale, out=place, parameters=values) is place
    assert_same_bits(place, wanted)
    with fa.num_threads(3):
        assert_same_bits(fa.fused(name, x, bias, scale, parameters=values), wanted)


def test_out_may_be_an_ellipsis():
    """As ufuncs take it: a new array, of no axes too."""
    x, W = np.random.default_rng(5).standard_normal((4, 3)), np.eye(3)
    assert_same_bits(fa.fused("tanh", x, out=...), fa.fused("tanh", x))
    assert fa.fused("tanh", np.float64(1), out=...).shape == ()
    assert_same_bits(fa.fused_backward("tanh", x, x, out=...)[0], fa.fused_backward("tanh", x, x)[0])
    assert_same_bits(fa.dense(x, W, activation="tanh", out=...), fa.dense(x, W, activation="tanh"))
    assert_same_bits(fa.alpha_dropout(x, rng=0, out=...)[0], fa.alpha_dropout(x, rng=0)[0])


def test_without_bias_or_scale_it_is_the_function(dtype):
    x = np.concatenate([hard_values(dtype), np.array([-0.0, 0.0], dtype)])
    for case in DEFAULT_CASES:
        with np.errstate(all="raise"):
            got = fa.fused(case.record.name, x, parameters=case.parameters)
        assert_same_bits(got, getattr(fa.ufuncs, case.record.name)(x, *case.parameters.values()), str(case))


def test_types_of_fused():
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    assert fa.fused("relu", x, bias=1.0, scale=2).dtype == np.float32
    assert fa.fused("relu", x, bias=np.ones(3)).dtype == np.float64
    assert fa.fused("relu", np.arange(3)).dtype == np.float64
    assert fa.fused("relu", [1, 2], bias=0.5).tolist() == [1.5, 2.5]
    assert float(fa.fused("relu", 2.0, bias=0.5)) == 2.5
    out = np.empty((2, 3))
    assert fa.fused("relu", x, out=out) is out and np.array_equal(out, x)
    assert_same_bits(fa.fused("relu", x.astype(">f4"), bias=np.ones(3, ">f4")), x + np.float32(1))
    assert fa.fused("relu", np.empty((0, 3)), bias=np.ones(3)).shape == (0, 3)
    assert fa.fused("relu", np.empty((3, 0))).shape == (3, 0)
    for shape in ((0, 3), (3, 0), (0,), (2, 0, 3)):
        dx, db, dm = fa.fused_backward("relu", np.empty(shape), np.empty(shape), bias=np.ones(shape[-1]), scale=2.0)
        assert dx.shape == shape and db.tolist() == [0.0] * shape[-1] and dm == 0


BROADCAST = (((6, 5), (5,), (5,)), ((6, 5), (), (5,)), ((6, 5), (6, 1), (1, 5)), ((6, 5), (6, 5), ()), ((2, 3, 4), (3, 1), (4,)))
BROADCAST += (((2, 3, 4), (2, 1, 1), (1,)), ((7,), (7,), (1,)), ((), (), ()), ((40, 3000), (3000,), ()))


@pytest.mark.parametrize(("shape", "bias", "scale"), BROADCAST)
@pytest.mark.parametrize("case", DEFAULT_CASES[::3], ids=str)
def test_backward_of_fused_in_float64(case, shape, bias, scale):
    rng = np.random.default_rng(3)
    x, b, m, dy = rng.standard_normal(shape), rng.standard_normal(bias), rng.uniform(0.5, 2, scale), rng.standard_normal(shape)
    name, values = case.record.name, case.parameters
    z = m * x + b
    da = np.asarray(getattr(fa.ufuncs, f"{name}_backward")(dy, z, *values.values()))

    def to(gradient, like):
        gradient = np.asarray(gradient)
        gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(like))))
        return gradient.sum(axis=tuple(i for i, n in enumerate(like) if n == 1), keepdims=True).reshape(like)

    dx, db, dm = fa.fused_backward(name, dy, x, b, m, parameters=values)
    np.testing.assert_allclose(dx, da * m, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(db, to(da, bias), rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(dm, to(da * x, scale), rtol=1e-11, atol=1e-10)
    assert np.shape(db) == bias and np.shape(dm) == scale
    for out in (np.array(x), np.array(dy)):
        first, second = (out if np.array_equal(out, v) else v for v in (dy, x))
        again = fa.fused_backward(name, first, second, b, m, out=out, parameters=values)
        assert again[0] is out
        for got, wanted in zip(again, (dx, db, dm), strict=True):
            assert_same_bits(got, wanted)
    alone = fa.fused_backward(name, dy, x, parameters=values)
    assert alone[1:] == (None, None)
    np.testing.assert_allclose(alone[0], getattr(fa.ufuncs, f"{name}_backward")(dy, x, *values.values()), rtol=1e-12)


@pytest.mark.parametrize("rows", [5, 2003])
def test_fused_where_memory_overlaps(rows):
    x, _, _ = exact((rows + 1, 100), "float32")
    for out, given, bias in ((slice(1, None), slice(0, -1), 3), (slice(0, -1), slice(1, None), 4), (slice(0, -1), slice(0, -1), 2)):
        for apart in (True, False):
            memory = x.copy()
            wanted = np.tanh(memory[given].astype(float) + memory[bias])
            got = fa.fused("tanh", memory[given], memory[bias].copy() if apart else memory[bias], out=memory[out])
            assert got.base is memory
            np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_backward_of_fused_where_memory_overlaps():
    x, dy = np.random.default_rng(0).standard_normal((2, 400, 100))
    wanted = fa.fused_backward("tanh", dy, x, x[0], x[1])
    memory = np.empty((500, 100))
    memory[100:] = x
    got = fa.fused_backward("tanh", dy, memory[100:], memory[100].copy(), memory[101], out=memory[50:450])
    for a, b in zip(got, wanted, strict=True):
        assert_same_bits(a, b)


def test_sums_of_gradients_are_accurate():
    """100 000 numbers that are not exact in float32: a running sum in float32 would lose four digits."""
    x = np.full((100_000, 3), 0.1, np.float32)
    _, db, dm = fa.fused_backward("relu", np.float32(1), x, np.zeros(3, np.float32), np.float32(1))
    np.testing.assert_allclose(db, 100_000, rtol=0)
    np.testing.assert_allclose(dm, 300_000 * float(np.float32(0.1)), rtol=2e-6)
    few = fa.fused_backward("relu", np.float32(0.1), x[:8000], np.zeros(3, np.float32))[1]      # in one block
    np.testing.assert_allclose(few, 8000 * float(np.float32(0.1)), rtol=6e-8)
    half = fa.fused_backward("relu", np.float16(1), x.astype(np.float16)[:30_000], np.zeros(3, np.float16))[1]
    assert half.dtype == np.float16 and half.tolist() == [30_000] * 3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_backward_of_fused_rounds_half_precision_once(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(3)
    x, dy = ((rng.standard_normal((64, 6)) * size).astype(dtype) for size in (20, 200))
    bias, scale = (rng.standard_normal(6).astype(dtype) for _ in range(2))
    with np.errstate(all="raise"):
        got = fa.fused_backward("gelu", dy, x, bias, scale)
    wanted = fa.fused_backward("gelu", *(a.astype(np.float64) for a in (dy, x, bias, scale)))
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == np.dtype(dtype)
        within = np.abs(b) < 6e4
        np.testing.assert_allclose(a.astype(float)[within], b[within], rtol=0.0006 if dtype == "float16" else 0.005, atol=1e-4)
    slope = fa.fused_backward("sigmoid", np.full(3, 1e-4, dtype), np.full(3, -6, dtype), scale=np.full(3, 4096, dtype))[0]
    steep = fa.fused_backward("sigmoid", np.full(3, 1e-4), np.full(3, -6.0), scale=np.full(3, 4096.0))[0]
    assert slope.dtype == np.dtype(dtype) and not slope.any() and steep.max() < 1e-6


def test_parameters_by_name_or_as_a_mapping():
    x, W, b = layer("float64")
    for alpha in (0.3, 2.0):
        wanted = fa.elu(x + x[0], alpha=alpha)
        assert_same_bits(fa.fused("elu", x, x[0], alpha=alpha), wanted)
        assert_same_bits(fa.fused("elu", x, x[0], parameters={"alpha": alpha}), wanted)
        assert_same_bits(fa.dense(x, W, b, "elu", alpha=alpha), fa.dense(x, W, b, "elu", parameters={"alpha": alpha}))
        by_name, mapped = (fa.fused_backward("elu", x, x, x[0], **more) for more in ({"alpha": alpha}, {"parameters": {"alpha": alpha}}))
        assert np.array_equal(by_name[0], mapped[0]) and np.array_equal(by_name[1], mapped[1])
    for call_ in (
        lambda **more: fa.fused("elu", x, **more),
        lambda **more: fa.fused_backward("elu", x, x, **more),
        lambda **more: fa.dense(x, W, b, "elu", **more),
        lambda **more: fa.dense_backward(np.ones((23, 40)), x, W, b, "elu", **more),
    ):
        with pytest.raises(TypeError, match="alpha is given twice"):
            call_(alpha=1.0, parameters={"alpha": 1.0})
        with pytest.raises(TypeError, match=r"parameters must be a mapping.*3"):
            call_(parameters=3)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("no_such", 1.0), ValueError, ("no_such",)),
        (("softmax", 1.0), ValueError, ("name", "softmax")),
        (("relu", np.zeros((2, 3)), np.zeros(2)), ValueError, ("bias", "(2,)", "(2, 3)")),
        (("relu", np.zeros(3), np.zeros((2, 3))), ValueError, ("bias", "(2, 3)", "(3,)")),
        (("relu", np.zeros(3), None, np.zeros(4)), ValueError, ("scale", "(4,)")),
        (("relu", np.zeros(3), 1j), TypeError, ("bias", "complex128")),
        (("relu", np.zeros(3, np.longdouble)), TypeError, ("x", "longdouble")),
        (("prelu", np.zeros(3)), TypeError, ("weight",)),
        (("relu", np.zeros(3), None, None, {"alpha": 1.0}), TypeError, ("alpha",)),
        (("elu", np.zeros(3), None, None, {"alpha": np.inf}), ValueError, ("alpha", "inf")),
        (("elu", np.zeros(3), None, None, {"out": np.zeros(4)}), ValueError, ("out", "(4,)", "(3,)")),
        (("elu", np.zeros(3), None, None, {"out": np.zeros(3, int)}), TypeError, ("out", "int64")),
        (("elu", np.zeros(3), None, None, {"out": [0, 0, 0]}), TypeError, ("out", "list")),
    ],
)
def test_refusals_of_fused(arguments, error, words):
    keywords = arguments[4] if len(arguments) > 4 else {}
    for function, lead in ((fa.fused, ()), (fa.fused_backward, (1.0,))):
        with pytest.raises(error) as raised:
            function(arguments[0], *lead, *arguments[1:4], **keywords)
        assert all(word in str(raised.value) for word in (function.__name__, *words)), str(raised.value)
    with pytest.raises(ValueError, match=r"fused_backward: dy of shape \(2,\)"):
        fa.fused_backward("relu", np.zeros(2), np.zeros(3))


# ---- dense -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["one panel", "panels"])
def panels(request, monkeypatch):
    """Panels of a few rows, where one would do."""
    if request.param:
        monkeypatch.setattr(_dense, "_PANEL", 1)
        monkeypatch.setattr(_dense, "_ROWS_PER_ADDEND", 1)
        monkeypatch.setattr(_dense, "_LEAST_ROWS", 5)


def layer(dtype, shape=(23, 7), n=40, seed=0):
    rng = np.random.default_rng(seed)
    x, W, b = rng.standard_normal(shape), rng.standard_normal((shape[-1], n)) / shape[-1] ** 0.5, rng.standard_normal(n)
    return (a.astype(dtype) for a in (x, W, b))


def tolerance(dtype):
    eps = float(np.finfo(dtype).eps)
    return {"rtol": 60 * eps, "atol": 60 * eps}


@pytest.mark.usefixtures("panels")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_dense_is_the_activation_of_the_product(case, dtype):
    x, W, b = layer(dtype)
    wide = [a.astype(np.float64) for a in (x, W, b)]
    wanted = ufuncs("baseline")[case.record.name](wide[0] @ wide[1] + wide[2], *case.parameters.values())
    y = fa.dense(x, W, b, case.record.name, parameters=case.parameters)
    assert y.dtype == np.dtype(dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(y, wanted.astype(dtype), **tolerance(dtype))
    out = np.empty_like(y)
    assert fa.dense(x, W, b, activation=case.record.name, out=out, parameters=case.parameters) is out
    np.testing.assert_allclose(out, y, **tolerance(dtype))
    other = np.empty((23, 80), dtype)[:, ::2]
    assert fa.dense(x, W, b, case.record.name, out=other, parameters=case.parameters) is other
    np.testing.assert_allclose(other, y, **tolerance(dtype))


@pytest.mark.usefixtures("panels")
@pytest.mark.parametrize("name", [None, *(r.name for r in ROWWISE if not r.reduces)])
def test_dense_without_activation_or_over_rows(name, dtype):
    for shape in ((23, 7), (4, 5, 7), (7,), (0, 7), (3, 0)):
        x, W, b = layer(dtype, shape) if shape[-1] else (np.zeros(shape, dtype), np.zeros((0, 40), dtype), np.ones(40, dtype))
        z = x.astype(float) @ W.astype(float) + b
        y = fa.dense(x, W, b, name)
        assert y.shape == (*shape[:-1], 40) and y.dtype == np.dtype(dtype)
        np.testing.assert_allclose(y, z if name is None else getattr(fa, name)(z), **tolerance(dtype))
        no_bias = fa.dense(x, W, activation=name)
        z = x.astype(float) @ W.astype(float)
        np.testing.assert_allclose(no_bias, z if name is None else getattr(fa, name)(z), **tolerance(dtype))


def test_dense_takes_any_layout():
    x, W, b = layer("float64", (4, 5, 7))
    wanted = np.tanh(x @ W + b)
    for given in (np.asfortranarray(x), x[:, ::-1][:, ::-1], x.tolist(), x.astype(">f8")):
        np.testing.assert_allclose(fa.dense(given, np.asfortranarray(W), b, "tanh"), wanted, rtol=1e-13)
    np.testing.assert_allclose(fa.dense(x, W[::-1][::-1], 0.5, "tanh"), np.tanh(x @ W + 0.5), rtol=1e-12)
    assert fa.dense(x.astype(np.float32), W, b).dtype == np.float64
    assert fa.dense([[1, 2]], [[1], [1]]).tolist() == [[3.0]]
    slopes = np.linspace(0.1, 0.9, 40)
    np.testing.assert_allclose(fa.dense(x, W, b, "prelu", weight=slopes), fa.prelu(x @ W + b, slopes), rtol=1e-11)


@pytest.mark.usefixtures("panels")
@pytest.mark.parametrize("name", [None, *(r.name for r in ROWWISE if not r.reduces), *(str(c) for c in CASES if everywhere(c.record))])
def test_backward_of_dense(name, dtype):
    """Against the same in float64, and that against central differences; from x and, where it can be, from y."""
    case = next((c for c in CASES if str(c) == name), None)
    act, values = (case.record.name, case.parameters) if case else (name, {})
    x, W, b = layer(dtype, (11, 4), 6)
    rng = np.random.default_rng(9)
    dy = rng.standard_normal((11, 6)).astype(dtype)
    got = fa.dense_backward(dy, x, W, b, act, parameters=values)
    assert all(g.dtype == np.dtype(dtype) for g in got)
    wide = [a.astype(np.float64) for a in (dy, x, W, b)]
    wanted = fa.dense_backward(*wide, act, parameters=values)
    limits = {k: 20 * v for k, v in tolerance(dtype).items()}
    if dtype != "float64":
        for a, b_ in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a, b_, **limits)
    else:
        h = 1e-6
        for k in (1, 2, 3):
            index = tuple(rng.integers(0, n) for n in wide[k].shape)
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in wide]
                moved[k][index] += sign * h
                ends.append(float((dy * fa.dense(*moved[1:], act, parameters=values)).sum()))
            assert abs((ends[0] - ends[1]) / (2 * h) - wanted[k - 1][index]) < 1e-5 * (1 + abs(wanted[k - 1][index])), (name, k)
    from_y = fa.dense_backward(dy, x, W, b, act, y=fa.dense(x, W, b, act, parameters=values), parameters=values)
    if dtype != "float16":
        for a, b_ in zip(from_y, got, strict=True):
            np.testing.assert_allclose(a, b_, rtol=limits["rtol"] * 100, atol=limits["atol"] * 100)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [c.record.name for c in DEFAULT_CASES if all(p.default is not None for p in c.record.parameters)])
def test_backward_of_plain_arrays_is_that_of_all_others(name, dtype):
    """Plain arrays go a shorter way; a mapping of parameters, an empty one too, takes the long one."""
    rng = np.random.default_rng(3)
    x, W = rng.uniform(0.01, 0.2, (9, 5)).astype(dtype), rng.uniform(0.1, 0.5, (5, 7)).astype(dtype)
    dy, y = rng.standard_normal((2, 9, 7)).astype(dtype)
    for b in (None, rng.uniform(0.1, 0.2, 7).astype(dtype)):
        for saved in (None, np.abs(y) / 4):
            got = fa.dense_backward(dy, x, W, b, name, y=saved)
            for part, wanted in zip(got, fa.dense_backward(dy, x, W, b, name, y=saved, parameters={}), strict=True):
                if wanted is None:
                    assert part is None
                else:
                    assert_same_bits(part, wanted, name, b is None, saved is None)


def test_plain_arrays_give_arrays_and_no_warnings():
    """The shorter ways: one number is an array of no axes, and what overflows is infinite without a word (pytest makes warnings errors)."""
    one = np.array(0.5)
    assert isinstance(fa.fused("relu", one), np.ndarray) and isinstance(fa.fused("relu", one, parameters={}), np.ndarray)
    x, W, dy = np.full((2, 3), 1e30, np.float32), np.full((3, 2), 1e30, np.float32), np.full((2, 2), 1e30, np.float32)
    for saved in (None, np.ones((2, 2), np.float32)):
        dx, dW, _ = fa.dense_backward(dy, x, W, None, "relu", y=saved)
        assert np.isposinf(dx).all() and np.isposinf(dW).all()


def test_backward_of_dense_in_panels(monkeypatch):
    x, W, b = layer("float64", (57, 4), 6)
    dy = np.random.default_rng(9).standard_normal((57, 6))
    wanted = fa.dense_backward(dy, x, W, b, "gelu")
    monkeypatch.setattr(_dense, "_PANEL", 1)
    monkeypatch.setattr(_dense, "_LEAST_ROWS", 10)
    out = tuple(np.empty_like(a) for a in wanted)
    got = fa.dense_backward(dy, x, W, b, "gelu", out=out)
    assert all(a is c for a, c in zip(got, out, strict=True))
    for a, c in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-12, atol=1e-12)
    strided = (np.empty((57, 8))[:, ::2], np.empty((12, 6))[::2][:4], np.empty(12)[::2])
    for a, c in zip(fa.dense_backward(dy, x, W, b, "gelu", out=strided), wanted, strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-12, atol=1e-12)
    steps = fa.dense_backward(dy.reshape(3, 19, 6), x.reshape(3, 19, 4), W, b, "gelu")
    np.testing.assert_allclose(steps[0].reshape(57, 4), wanted[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(steps[1], wanted[1], rtol=1e-12, atol=1e-12)
    assert fa.dense_backward(dy, x, W, None, "gelu")[2] is None
    assert fa.dense_backward(dy, x, W, 0.5, "gelu")[2].shape == ()


@pytest.mark.parametrize("name", [None, "relu", "gelu"])
def test_no_temporary_of_the_outputs_size(name):
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((100_000, 8), np.float32), rng.standard_normal((8, 64), np.float32), np.ones(64, np.float32)
    out = np.empty((100_000, 64), np.float32)
    fa.dense(x[:10], W, b, name)
    dx, dW, db = np.empty_like(x), np.empty_like(W), np.empty_like(b)
    tracemalloc.start()
    fa.dense(x, W, b, name, out=out)
    forward = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    fa.fused(name or "relu", out, b, out=out)
    fused = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    fa.dense_backward(out, x, W, b, name, out=(dx, dW, db))
    backward = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert forward < out.nbytes / 20 and fused < out.nbytes / 20 and backward < out.nbytes / 16, (forward, fused, backward, out.nbytes)


def test_refusals_of_dense():
    x, W, b = layer("float64")
    y = np.full((23, 40), 7.0)
    both = np.zeros((23, 47))
    for call_, error, words in (
        (lambda: fa.dense(x, W[:3], b, out=y), ValueError, ("x", "(23, 7)", "(3, 40)")),
        (lambda: fa.dense(x, W[0], b, out=y), ValueError, ("W", "(40,)")),
        (lambda: fa.dense(x, W, b[:3], out=y), ValueError, ("b", "(40,)", "(3,)")),
        (lambda: fa.dense(x, W, b, "reluu", out=y), ValueError, ("activation", "reluu", "relu")),
        (lambda: fa.dense(x, W, b, "elu", alpha=np.nan, out=y), ValueError, ("alpha", "nan")),
        (lambda: fa.dense(x, W, b, "elu", slope=1.0, out=y), TypeError, ("slope",)),
        (lambda: fa.dense(x, W, b, slope=1.0, out=y), TypeError, ("slope",)),
        (lambda: fa.dense(x, W, b, "softmax", temperature=1.0, out=y), TypeError, ("temperature",)),
        (lambda: fa.dense(x, W, b, "prelu", weight=np.ones(3), out=y), ValueError, ("weight", "(3,)")),
        (lambda: fa.dense(x, W, b, "logsumexp", out=y), ValueError, ("activation", "logsumexp", "reduces")),
        (lambda: fa.dense(x, W, b, "glu", out=y), ValueError, ("activation", "glu", "halves")),
        (lambda: fa.dense_backward(y, x, W, b, "logsumexp"), ValueError, ("activation", "logsumexp", "reduces")),
        (lambda: fa.dense(x, W, b, "maxout", out=y), ValueError, ("activation", "maxout", "arguments of its own")),
        (lambda: fa.dense(x.astype(complex), W, b, out=y), TypeError, ("x", "complex128")),
        (lambda: fa.dense(x, W, b, out=y[1:]), ValueError, ("out", "(22, 40)")),
        (lambda: fa.dense(both[:, :7], W, b, out=both[:, 3:43]), ValueError, ("out", "memory")),
        (lambda: fa.dense_backward(y[1:], x, W, b, "relu"), ValueError, ("dy", "(22, 40)")),
        (lambda: fa.dense_backward(y, x, W, b, "relu", y=y[1:]), ValueError, ("y", "(22, 40)")),
        (lambda: fa.dense_backward(y, x, W, b, "relu", out=y), TypeError, ("out", "tuple of three")),
        (lambda: fa.dense_backward(y, x, W, b, "relu", out=(x, None, None)), ValueError, ("out", "memory")),
        (lambda: fa.dense_backward(y, x, W, b, "relu", out=(None, x, None)), ValueError, ("out[1]", "(23, 7)")),
        (lambda: fa.dense_backward(y, x, W, b, "relu", out=(None, both[:7, :40], both[6, :40])), ValueError, ("out", "memory")),
        (lambda: fa.dense(*map(np.float32, (x, W, b)), "celu", alpha=np.full(40, 1e-50)), ValueError, ("alpha", "0.0 at index (0,)")),
    ):
        with pytest.raises(error) as raised:
            call_()
        assert all(word in str(raised.value) for word in words), str(raised.value)
    assert (y == 7).all()
    frozen = np.empty((23, 40))
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        fa.dense(x, W, b, out=frozen)


def test_bfloat16():
    """As in float32, rounded once."""
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    x, W, b = (a.astype(bfloat16) for a in layer("float64", (300, 7)))
    wide = [a.astype(np.float32) for a in (x, W, b)]
    for case in DEFAULT_CASES:
        name, values = case.record.name, case.parameters
        got = fa.fused(name, x, x[0], x[1], parameters=values)
        assert got.dtype == bfloat16
        rounded = {k: float(bfloat16(v)) for k, v in values.items()}
        one_pass = fa.fused(name, wide[0], wide[0][0], wide[0][1], parameters=rounded)
        np.testing.assert_array_equal(got.astype(float), one_pass.astype(bfloat16).astype(float))
        y, wanted = fa.dense(x, W, b, name, parameters=values), fa.dense(*wide, name, parameters=rounded).astype(bfloat16)
        assert y.dtype == bfloat16
        np.testing.assert_allclose(y.astype(float), wanted.astype(float), rtol=0.008, atol=1e-5)
        dx, db, dm = fa.fused_backward(name, y[:, :7], x, x[0], x[1], parameters=values)
        assert dx.dtype == db.dtype == dm.dtype == bfloat16
        wanted = fa.dense_backward(y.astype(np.float32), *wide, name, parameters=rounded)
        for a, c in zip(fa.dense_backward(y, x, W, b, name, parameters=values), wanted, strict=True):
            assert a.dtype == bfloat16
            np.testing.assert_allclose(a.astype(float), c.astype(float), rtol=0.01, atol=1e-4)
    assert fa.fused("relu", x, np.ones(7, np.float16)).dtype == np.float32
