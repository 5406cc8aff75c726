"""Gated units: accuracy of the product and of both gradients, halves as views, in place, layouts, and refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from _support import VARIANTS, assert_same_bits, exact_gate, hard_values, random_bits, ufuncs

import fastact as fa
from fastact import _proof
from fastact._registry import GATED, RECORDS, gated_operations

UNITS = pytest.mark.parametrize("record", GATED, ids=lambda r: r.name)


def gates_and_values(dtype: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gates down to where the activation vanishes, and values of all sizes that keep the products finite."""
    rng = np.random.default_rng(41)
    low = {"float16": 17.0, "float32": 105.0, "float64": 700.0}[dtype]
    gate = np.concatenate([rng.standard_normal(count) * 3, rng.uniform(-low, low / 2, count), [-0.7518, -1.2785, 0.0]]).astype(dtype)
    spread = {"float16": 3, "float32": 60, "float64": 500}[dtype]
    a = (rng.standard_normal(gate.size) * 2.0 ** rng.integers(-spread, spread, gate.size)).astype(dtype)
    return a, gate


def vanishes(record, gate: float, dtype: str, gradient: bool) -> bool:
    """Where the record's notes say that a tail is cut, or has a subnormal number's error."""
    if record.activation == "gelu":
        return gate < {"float16": -14.6, "float32": -12.9 if gradient else -14.6, "float64": -37.5 if gradient else -38.9}[dtype]
    return gradient and gate < {"float16": -131.0, "float32": -131.0, "float64": -708.0}[dtype]


def worst_of(record, dtype: str, a, gate, results) -> list[tuple[float, float, float]]:
    worst = [(0.0, 0.0, 0.0)] * 3
    for i in range(a.size):
        value, slope = exact_gate(record, float(gate[i]))
        truths = (float(a[i]) * value, value, float(a[i]) * slope)
        for k, true in enumerate(truths):
            if abs(true) >= float(np.finfo(dtype).max) or vanishes(record, float(gate[i]), dtype, k == 2):
                continue
            error = _proof.error(results[k][i], true, dtype)
            worst[k] = max(worst[k], (error, float(a[i]), float(gate[i])))
    return worst


@UNITS
def test_accuracy(record, dtype):
    """The product, and both gradients for dy = 1, against exact arithmetic on the gate's own reference."""
    made = ufuncs(VARIANTS[-1])
    a, gate = gates_and_values(dtype, 600)
    da, dgate = made[f"{record.name}_backward"](np.ones_like(a), a, gate)
    for what, found in zip(("y", "da", "dgate"), worst_of(record, dtype, a, gate, (made[record.name](a, gate), da, dgate)), strict=True):
        assert found[0] <= record.bounds[dtype], (what, found)


@UNITS
def test_values_at_the_edges(record, dtype):
    """No warning, NaN for NaN, closed gates give 0, open ones the value; a large value times a tiny gate is a number."""
    forward = getattr(fa, record.name)
    with np.errstate(all="raise"):
        x = hard_values(dtype)
        a, gate = (v.ravel() for v in np.meshgrid(x, x))
        y = forward(a, gate)
        da, dgate = getattr(fa, f"{record.name}_backward")(np.ones_like(a), x=a, gate=gate)
    assert np.isnan(dgate[np.isnan(a) & (gate > 0)]).all()      # a closed gate passes nothing, as relu's gradient
    assert np.isnan(y[np.isnan(gate) | np.isnan(a)]).all()
    assert np.isnan(da[np.isnan(gate)]).all()
    finite = np.isfinite(a)
    if record.activation:
        assert (y[finite & (gate == -np.inf)] == 0).all() and (da[gate == -np.inf] == 0).all()
        assert (dgate[finite & (gate == -np.inf)] == 0).all()
    if record.activation == "sigmoid":
        assert_same_bits(y[finite & (gate == np.inf)], a[finite & (gate == np.inf)])


def test_a_large_value_makes_a_number_of_a_tiny_gate():
    """sigmoid(-95) is subnormal in float32: the product must not inherit its three bits."""
    for name in ("glu", "swiglu"):
        y = getattr(fa, name)(np.float32(1e30), np.float32(-95.0))
        true = mp.mpf(float(np.float32(1e30))) * exact_gate(next(r for r in GATED if r.name == name), -95.0)[0]
        assert _proof.error(y, true, "float32") <= 2.0


@UNITS
def test_one_array_is_split_into_views(record, dtype, public):
    """Along every axis the halves' result, bit for bit; dx has the halves' gradients in place; nothing is copied."""
    forward, backward = public[record.name], public[f"{record.name}_backward"]
    rng = np.random.default_rng(42)
    x = (rng.standard_normal((4, 6, 10)) * 3).astype(dtype)
    for axis in (0, 1, 2, -1, -3):
        a, gate = np.split(x, 2, axis)
        y = forward(x, axis=axis)
        assert_same_bits(y, forward(a, gate), axis)
        assert y.dtype == dtype
        dy = rng.standard_normal(y.shape).astype(dtype)
        da, dgate = backward(dy, x=a, gate=gate)
        dx = backward(dy, x=x, axis=axis)
        assert_same_bits(dx, np.concatenate([da, dgate], axis), axis)
        out = np.full_like(x, 7)
        assert backward(dy, x=x, axis=axis, out=out) is out
        assert_same_bits(out, dx)
        own = x.copy()
        assert backward(dy, x=own, axis=axis, out=own) is own
        assert_same_bits(own, dx, "in place")
        place = x.copy()
        first = np.split(place, 2, axis)[0]
        assert forward(place, axis=axis, out=first) is first
        assert_same_bits(first, y, "in place of a")


@UNITS
def test_in_place_of_each_operand(record, dtype, public):
    backward = public[f"{record.name}_backward"]
    rng = np.random.default_rng(43)
    for n in (1, 15, 16, 17, 100, 511, 513, 2000):
        dy, a, gate = (rng.standard_normal((3, n)) * 3).astype(dtype)
        wanted = backward(dy, x=a, gate=gate)
        for first, second in ((0, 1), (0, 2), (1, 2), (2, 0), (1, 0)):
            given = [dy.copy(), a.copy(), gate.copy()]
            got = backward(given[0], x=given[1], gate=given[2], out=(given[first], given[second]))
            for g, w in zip(got, wanted, strict=True):
                assert_same_bits(g, w, n, first, second)


@UNITS
def test_layouts_and_variants(record, dtype):
    """Every length, stride and instruction set gives the bits of the one-element call."""
    rng = np.random.default_rng(44)
    usual = [(rng.standard_normal(300) * 5).astype(dtype) for _ in range(3)]
    pool = [np.concatenate([part, hard_values(dtype), random_bits(300, dtype, seed)]) for seed, part in enumerate(usual)]
    for part in pool:
        rng.shuffle(part)
    first = ufuncs(VARIANTS[0])
    for op in gated_operations(record):
        data = pool[: len(op.data)]
        wanted = first[op.name](*data)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        single = [first[op.name](*(d[i] for d in data)) for i in range(data[0].size)]
        single = [s if isinstance(s, tuple) else (s,) for s in single]
        for k, w in enumerate(wanted):
            assert_same_bits(np.array([s[k] for s in single], dtype), w, op.name, "one by one")
        for variant in VARIANTS:
            for n, stride in ((data[0].size, 1), (77, 1), (120, 3), (60, -2), (1, 1), (33, 2)):
                got = ufuncs(variant)[op.name](*(d[::stride][:n] for d in data))
                for g, w in zip(got if isinstance(got, tuple) else (got,), wanted, strict=True):
                    assert_same_bits(g, w[::stride][:n], op.name, variant, n, stride)
            room = [np.zeros(3 * data[0].size, dtype)[1::3] for _ in op.results]
            ufuncs(variant)[op.name](*data, out=tuple(room))
            for g, w in zip(room, wanted, strict=True):
                assert_same_bits(g, w, op.name, variant, "strided results")


@UNITS
def test_overlapping_results(record):
    """An output that partly overlaps an operand is as if the operand had been copied."""
    buffer = np.random.default_rng(45).standard_normal(400).astype(np.float32)
    wanted = getattr(fa, record.name)(buffer[1:201].copy(), buffer[150:350].copy())
    own = buffer.copy()
    assert_same_bits(getattr(fa, record.name)(own[1:201], own[150:350], out=own[:200]), wanted)


@UNITS
def test_gradients_are_derivatives(record):
    """Central differences in float64, through the one-array form."""
    x = np.random.default_rng(46).standard_normal((5, 8)) + 0.05
    dy = np.random.default_rng(47).standard_normal((5, 4))
    forward = getattr(fa, record.name)
    dx = getattr(fa, f"{record.name}_backward")(dy, x=x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = 1e-6
        slope = ((forward(x + step) - forward(x - step)) * dy).sum() / 2e-6
        assert abs(slope - dx[at]) < 1e-7


@UNITS
def test_refusals(record):
    forward, backward = getattr(fa, record.name), getattr(fa, f"{record.name}_backward")
    x = np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match=f"{record.name}: x cannot be split along axis -1 .*length 3 is odd"):
        forward(x)
    with pytest.raises(ValueError, match=f"{record.name}_backward: x cannot be split along axis 1"):
        backward(np.ones((4, 1), np.float32), x=x, axis=1)
    with pytest.raises(np.exceptions.AxisError):
        forward(x, axis=2)
    with pytest.raises(np.exceptions.AxisError):
        forward(np.float32(1))
    for axis in (None, (0, 1), 1.0):
        with pytest.raises(TypeError, match="axis must be an integer"):
            forward(x, axis=axis)
    with pytest.raises(TypeError, match=f"{record.name}_backward: out must be an array, got float"):
        backward(1.0, x=x, axis=0, out=3.0)
    out = np.full((4, 3), 7, np.float32)
    with pytest.raises(ValueError, match=r"dy of shape \(5,\) does not fit the result's shape \(2, 3\)"):
        backward(np.ones(5, np.float32), x=x, axis=0, out=out)
    with pytest.raises(ValueError, match=r"dy of shape \(3, 2, 3\) does not fit"):
        backward(np.ones((3, 2, 3), np.float32), x=x, axis=0, out=out)
    assert (out == 7).all()
    with pytest.raises(ValueError, match=r"out has shape \(2, 3\), x has \(4, 3\)"):
        backward(1.0, x=x, axis=0, out=np.empty((2, 3), np.float32))
    with pytest.raises(TypeError, match=f"fastact.{record.name}: gate is complex128"):
        forward(x, x.astype(complex))
    with pytest.raises(TypeError):
        forward(x.astype(object), axis=0)


@UNITS
def test_types_and_broadcasting(record):
    forward, backward = getattr(fa, record.name), getattr(fa, f"{record.name}_backward")
    half, single = np.ones((3, 4), np.float16), np.ones((3, 4), np.float32)
    assert forward(half, axis=1).dtype == np.float16
    assert forward(half, single).dtype == np.float32
    assert forward(np.arange(4)).dtype == np.float64
    assert forward(single, 2.0).dtype == np.float32
    assert backward(1.0, x=half).dtype == np.float16
    assert backward(single[:, :2], x=half).dtype == np.float32
    assert forward(single, np.ones(4, np.float32)).shape == (3, 4)
    assert [g.shape for g in backward(1.0, x=single, gate=np.float32(1))] == [(3, 4), (3, 4)]
    assert forward(np.empty((0, 4))).shape == (0, 2) and forward(np.empty((3, 0))).shape == (3, 0)
    assert backward(np.empty((0, 2)), x=np.empty((0, 4))).shape == (0, 4)


@UNITS
@pytest.mark.parametrize(
    ("dy", "wide"),
    [(1.0, False), (1, False), (np.float64(1), True), (True, True), (np.True_, True), (np.ones((), bool), True), (np.ones(2, bool), True)],
    ids=repr,
)
def test_one_array_with_any_dy(record, dy, wide):
    """Numbers of Python's do not widen; all else does as it does element by element."""
    backward = getattr(fa, f"{record.name}_backward")
    x = np.array([0.5, -1.0, 2.0, 0.25], np.float32)
    dx = backward(dy, x=x)
    assert dx.dtype == fa.relu_backward(dy, x=x[:2]).dtype == (np.float64 if wide else np.float32)
    assert_same_bits(dx, np.concatenate(backward(dy, x=x[:2], gate=x[2:])))


@UNITS
@pytest.mark.parametrize("how", [{"dtype": "f4"}, {"signature": "fff->ff"}, {"sig": "fff->ff"}, {"signature": (*[None] * 3, "f4", "f4")}])
def test_one_array_with_a_type(record, how):
    backward, x = getattr(fa, f"{record.name}_backward"), np.array([0.5, -1.0, 2.0, 0.25])
    assert_same_bits(backward(1.0, x=x, **how), np.concatenate(backward(1.0, x=x[:2], gate=x[2:], **how)))
    assert backward(1.0, x=x, **how).dtype == np.float32
    with pytest.raises(TypeError, match="Cannot cast"):
        backward(1.0, x=x, casting="no", **how)


@UNITS
def test_one_array_with_a_mask(record):
    """What a masked number has a part in is masked, in both halves."""
    backward, x = getattr(fa, f"{record.name}_backward"), np.array([0.5, -1.0, 2.0, 0.25])
    dy, plain = np.ones(2), backward(1.0, x=x)
    for operands in ((np.ma.array(dy, mask=[1, 0]), x), (dy, np.ma.array(x, mask=[1, 0, 0, 0])), (dy, np.ma.array(x, mask=[0, 0, 1, 0]))):
        dx = backward(operands[0], x=operands[1])
        assert dx.mask.tolist() == [True, False, True, False]
        assert_same_bits(dx.compressed(), plain[1::2])
        with pytest.raises(TypeError, match="is a masked array, whose mask would not be looked at"):
            backward(operands[0], x=operands[1], out=np.empty(4))


def test_records():
    for record in GATED:
        assert record.activation is None or record.activation in RECORDS
        assert fa.get(record.name).forward is getattr(fa, record.name)
        assert fa.get(record.name).backward is getattr(fa, f"{record.name}_backward")
        assert fa.get(record.name).saves == "x"
        assert record.name in fa.names()
