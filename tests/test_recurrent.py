"""The gates of LSTM and GRU cells: the textbook's equations, their derivatives, torch's cells, and the kernels' other promises."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from _support import VARIANTS, assert_same_bits, hard_values

import fastact as fa
from fastact import _docs, _registry, _variants

SIZES = ((1, 1), (3, 5), (2, 16), (5, 100), (4, 257), (2, 600))


@functools.cache
def made(variant):
    """That variant's raw gates."""
    return _variants.load(variant).make_gates(_docs.gate_docs())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(gates, c):
    i, f, g, o = np.split(gates, 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new = f * c + i * g
    return np.concatenate([i, f, g, o], axis=-1), o * np.tanh(new), new


def gru(gates, hidden, h):
    (xr, xz, xn), (hr, hz, hn) = np.split(gates, 3, axis=-1), np.split(hidden, 3, axis=-1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return np.concatenate([r, z, n], axis=-1), (1 - z) * n + z * h


def lstm_data(batch, units, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (2 * rng.standard_normal((batch, 4 * units))).astype(dtype), rng.standard_normal((batch, units)).astype(dtype)


def gru_data(batch, units, dtype, seed=0):
    rng = np.random.default_rng(seed)
    a, b = (2 * rng.standard_normal((2, batch, 3 * units))).astype(dtype)
    return a, b, rng.standard_normal((batch, units)).astype(dtype)


def close(got, wanted, dtype, many=8):
    """Within some roundings of the type, counted at 1, which bounds what is added up."""
    eps = float(np.finfo(dtype).eps)
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == np.dtype(dtype)
        np.testing.assert_allclose(a.astype(np.longdouble), b, rtol=many * eps, atol=many * eps)


@pytest.mark.parametrize(("batch", "units"), SIZES)
def test_forward_is_the_textbook(batch, units, dtype):
    gates, c = lstm_data(batch, units, dtype)
    close(fa.lstm_gates(gates, c), lstm(gates.astype(np.longdouble), c.astype(np.longdouble)), dtype)
    given = gru_data(batch, units, dtype)
    close(fa.gru_gates(*given), gru(*(a.astype(np.longdouble) for a in given)), dtype)


def test_gates_have_the_bits_of_the_functions(dtype):
    gates, c = lstm_data(3, 100, dtype)
    activated, h, new = fa.lstm_gates(gates, c)
    assert_same_bits(activated[:, :200], fa.sigmoid(gates[:, :200]))
    assert_same_bits(activated[:, 200:300], fa.tanh(gates[:, 200:300]))
    assert_same_bits(activated[:, 300:], fa.sigmoid(gates[:, 300:]))
    if dtype == "float16":  # computed in float32, each result rounded once
        wide = fa.lstm_gates(gates.astype(np.float32), c.astype(np.float32))
        for a, b in zip((activated, h, new), wide, strict=True):
            assert_same_bits(a, b.astype(np.float16))


def _differences(function, operands, weights, which):
    """d(sum of weights*outputs)/d(operand) by central differences, in float64."""
    base = operands[which]
    gradient = np.zeros_like(base)
    for index in np.ndindex(base.shape):
        moved = []
        for sign in (1, -1):
            changed = [a.copy() for a in operands]
            changed[which][index] += sign * 1e-5
            moved.append(sum((w * y).sum() for w, y in zip(weights, function(*changed), strict=True)))
        gradient[index] = (moved[0] - moved[1]) / 2e-5
    return gradient


def test_backward_is_the_derivative():
    rng = np.random.default_rng(1)
    gates, c = lstm_data(3, 5, "float64")
    activated, _, new = fa.lstm_gates(gates, c)
    dh, dc = rng.standard_normal((2, 3, 5))
    got = fa.lstm_gates_backward(dh, dc, gates=activated, c=c, c_new=new)
    for k in range(2):
        wanted = _differences(lambda *a: fa.lstm_gates(*a)[1:], [gates, c], (dh, dc), k)
        np.testing.assert_allclose(got[k], wanted, rtol=1e-7, atol=1e-9)
    alone = fa.lstm_gates_backward(dh, gates=activated, c=c, c_new=new)
    for a, b in zip(alone, fa.lstm_gates_backward(dh, np.zeros_like(c), gates=activated, c=c, c_new=new), strict=True):
        assert_same_bits(a, b)

    given = gru_data(3, 5, "float64")
    activated, _ = fa.gru_gates(*given)
    got = fa.gru_gates_backward(dh, gates=activated, hidden=given[1], h=given[2])
    for k in range(3):
        wanted = _differences(lambda *a: fa.gru_gates(*a)[1:], list(given), (dh,), k)
        np.testing.assert_allclose(got[k], wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("units", [7, 300])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_lstm_is_torchs_cell(units, kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(6, units, dtype=getattr(torch, kind))
    x, h, c = (torch.randn(4, n, dtype=getattr(torch, kind), requires_grad=True) for n in (6, units, units))
    late_h, late_c = cell(x, (h, c))
    dh, dc = torch.randn_like(late_h), torch.randn_like(late_c)
    ((late_h * dh).sum() + (late_c * dc).sum()).backward()

    W, U = cell.weight_ih.detach().numpy().T, cell.weight_hh.detach().numpy().T
    gates = (x.detach().numpy() @ W + h.detach().numpy() @ U + (cell.bias_ih + cell.bias_hh).detach().numpy()).astype(kind)
    activated, got_h, got_c = fa.lstm_gates(gates, c.detach().numpy())
    tolerance = {"rtol": 100 * np.finfo(kind).eps, "atol": 20 * np.finfo(kind).eps}
    np.testing.assert_allclose(got_h, late_h.detach().numpy(), **tolerance)
    np.testing.assert_allclose(got_c, late_c.detach().numpy(), **tolerance)
    dgates, got_dc = fa.lstm_gates_backward(dh.numpy(), dc.numpy(), gates=activated, c=c.detach().numpy(), c_new=got_c)
    np.testing.assert_allclose(got_dc, c.grad.numpy(), **tolerance)
    np.testing.assert_allclose(dgates.sum(axis=0), cell.bias_ih.grad.numpy(), **tolerance)
    np.testing.assert_allclose(dgates @ U.T, h.grad.numpy(), **tolerance)


@pytest.mark.parametrize("units", [7, 300])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_gru_is_torchs_cell(units, kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    cell = torch.nn.GRUCell(6, units, dtype=getattr(torch, kind))
    x, h = (torch.randn(4, n, dtype=getattr(torch, kind), requires_grad=True) for n in (6, units))
    late = cell(x, h)
    dh = torch.randn_like(late)
    (late * dh).sum().backward()

    W, U = cell.weight_ih.detach().numpy().T, cell.weight_hh.detach().numpy().T
    gates = (x.detach().numpy() @ W + cell.bias_ih.detach().numpy()).astype(kind)
    hidden = (h.detach().numpy() @ U + cell.bias_hh.detach().numpy()).astype(kind)
    activated, got = fa.gru_gates(gates, hidden, h.detach().numpy())
    tolerance = {"rtol": 100 * np.finfo(kind).eps, "atol": 20 * np.finfo(kind).eps}
    np.testing.assert_allclose(got, late.detach().numpy(), **tolerance)
    dgates, dhidden, direct = fa.gru_gates_backward(dh.numpy(), gates=activated, hidden=hidden, h=h.detach().numpy())
    np.testing.assert_allclose(dgates.sum(axis=0), cell.bias_ih.grad.numpy(), **tolerance)
    np.testing.assert_allclose(dhidden.sum(axis=0), cell.bias_hh.grad.numpy(), **tolerance)
    np.testing.assert_allclose(direct + dhidden @ U.T, h.grad.numpy(), **tolerance)


def _everything(gates_of, units, dtype, place=False, shape=lambda a: a):
    """All results of one variant, out of place or in place."""
    gates, c = map(shape, lstm_data(6, units, dtype))
    dh, dc = (shape(a) for a in lstm_data(6, units, dtype, seed=5)[0].reshape(4, 6, units)[:2].copy())
    first = gates_of["lstm_gates"](gates, c, **({"out": (gates, None, None)} if place else {}))
    saved = first[0].copy() if place else first[0]
    second = gates_of["lstm_gates_backward"](first[0], c, first[2], dh, dc, **({"out": (first[0], dc)} if place else {}))
    a, b, h = map(shape, gru_data(6, units, dtype))
    third = gates_of["gru_gates"](a, b, h, **({"out": (a, None)} if place else {}))
    kept = third[0].copy() if place else third[0]
    dh = shape(lstm_data(6, units, dtype, seed=5)[0].reshape(4, 6, units)[0].copy())
    fourth = gates_of["gru_gates_backward"](third[0], b, h, dh, **({"out": (third[0], b, dh)} if place else {}))
    if place:
        assert first[0] is gates and second[0] is gates and second[1] is dc
        assert third[0] is a and fourth[0] is a and fourth[1] is b and fourth[2] is dh
    return (saved, *first[1:], *second, kept, third[1], *fourth)


@pytest.mark.parametrize("units", [1, 15, 16, 40, 256, 301])
def test_same_bits_in_place_strided_and_on_every_variant(units, dtype):
    wanted = [np.array(a) for a in _everything(made(VARIANTS[0]), units, dtype)]
    assert len(wanted) == 10

    def apart(a):
        wide = np.full((6, 2 * a.shape[-1] + 3), 9, a.dtype)
        wide[:, 1:-2:2] = a
        return wide[:, 1:-2:2]

    def shifted(a):
        raw = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
        raw[:] = a
        return raw

    def reverse(a):
        return np.ascontiguousarray(a[::-1])[::-1]

    for variant in VARIANTS:
        gates_of = made(variant)
        for place in (False, True):
            for shape in (lambda a: a, apart, shifted, reverse, np.asfortranarray):
                for k, (a, b) in enumerate(zip(_everything(gates_of, units, dtype, place, shape), wanted, strict=True)):
                    assert_same_bits(np.array(a), b, variant, place, k)


def test_a_row_is_the_same_alone_and_with_threads(dtype):
    gates, c = lstm_data(300, 130, dtype)
    together = fa.lstm_gates(gates, c)
    for k in (0, 7, 299):
        for a, b in zip(fa.lstm_gates(gates[k], c[k]), together, strict=True):
            assert_same_bits(a, b[k])
    with fa.num_threads(3):
        for a, b in zip(fa.lstm_gates(gates, c), together, strict=True):
            assert_same_bits(a, b)
    steps = gates.reshape(10, 30, -1)
    for a, b in zip(fa.lstm_gates(steps, c.reshape(10, 30, -1)), together, strict=True):
        assert_same_bits(a, b.reshape(10, 30, -1))
    for a, b in zip(fa.lstm_gates(steps, c[:30]), fa.lstm_gates(steps, np.broadcast_to(c[:30], (10, 30, 130))), strict=True):
        assert_same_bits(a, b)


def test_extremes_without_warnings(dtype):
    hard = hard_values(dtype)
    n = len(hard)
    with np.errstate(all="raise"):
        gates, h, new = fa.lstm_gates(np.tile(hard, (n, 4)), np.repeat(hard, n).reshape(n, n))
        fa.lstm_gates_backward(new, h, gates=gates, c=h, c_new=new)
        gates, late = fa.gru_gates(np.tile(hard, (n, 3)), np.tile(hard[::-1], (n, 3)), h)
        fa.gru_gates_backward(late, gates=gates, hidden=gates, h=h)
    big = np.full(4, 100.0, dtype)
    _, h, new = fa.lstm_gates(big, np.array([0.5], dtype))
    assert new[0] == 1.5 and h[0] == fa.tanh(new)[0]
    assert np.isnan(fa.lstm_gates(np.full(4, np.nan, dtype), big[:1])[1]).all()
    inner = fa.gru_gates(np.array([0, 100, 0.5], dtype), np.zeros(3, dtype), np.array([0.3], dtype))[1]
    assert inner[0] == np.array(0.3, dtype), "a gate z of 1 keeps the state as it is"


def test_types():
    gates, c = lstm_data(2, 3, "float32")
    assert all(a.dtype == np.float64 for a in fa.lstm_gates(gates, c.astype(np.float64)))
    assert all(a.dtype == np.float64 for a in fa.gru_gates(np.arange(6), np.arange(6), np.arange(2)))
    swapped = fa.lstm_gates(gates.astype(">f4"), c)
    for a, b in zip(swapped, fa.lstm_gates(gates, c), strict=True):
        assert_same_bits(a, b)


def test_bfloat16_is_computed_in_float32():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    gates, c = (a.astype(bfloat16) for a in lstm_data(5, 40, "float32"))
    got = fa.lstm_gates(gates, c)
    for a, b in zip(got, fa.lstm_gates(gates.astype("f4"), c.astype("f4")), strict=True):
        assert a.dtype == bfloat16
        np.testing.assert_array_equal(a, b.astype(bfloat16))
    back = fa.lstm_gates_backward(c, gates=got[0], c=c, c_new=got[2])
    wanted = fa.lstm_gates_backward(c.astype("f4"), gates=got[0].astype("f4"), c=c.astype("f4"), c_new=got[2].astype("f4"))
    for a, b in zip(back, wanted, strict=True):
        assert a.dtype == bfloat16
        np.testing.assert_array_equal(a, b.astype(bfloat16))


def test_refusals_leave_everything_as_it_was():
    gates, c = lstm_data(2, 3, "float64")
    h = c.copy()
    buffer, state = gates.copy(), c.copy()
    for call, error, words in (
        (lambda: fa.lstm_gates(buffer[:, 1:], state, out=(buffer[:, 1:], None, None)), ValueError, ("gates", "4 gates", "(2, 11)")),
        (lambda: fa.lstm_gates(buffer, 1.0), ValueError, ("c", "1.0")),
        (lambda: fa.lstm_gates(buffer, np.zeros((3, 3)), out=(buffer, None, None)), ValueError, ("gates", "(3, 3)")),
        (lambda: fa.lstm_gates(buffer.astype(complex), state), TypeError, ("gates", "complex128")),
        (lambda: fa.lstm_gates(buffer, state, out=buffer), TypeError, ("out", "tuple of 3", "ndarray")),
        (lambda: fa.lstm_gates_backward(h[:, :2], gates=buffer, c=state, c_new=h), ValueError, ("dh", "(2, 2)")),
        (lambda: fa.lstm_gates_backward(h, h[:, :1], gates=buffer, c=state, c_new=h), ValueError, ("dc", "(2, 1)")),
        (lambda: fa.gru_gates(buffer, buffer[:, :9], state, out=(buffer, None)), ValueError, ("gates", "3 gates", "(2, 12)")),
        (lambda: fa.gru_gates(buffer[:, :9], buffer, state), ValueError, ("hidden", "(2, 12)")),
        (lambda: fa.gru_gates_backward("a", gates=buffer[:, :9], hidden=buffer[:, :9], h=state), ValueError, ("dh", "()")),
    ):
        with pytest.raises(error) as raised:
            call()
        assert all(word in str(raised.value) for word in words), str(raised.value)
    assert_same_bits(buffer, gates)
    assert_same_bits(state, c)


def test_the_table_is_complete():
    assert {record.name for record in _registry.GATES} == set(fa._gates)
    for record in _registry.GATES:
        ufunc = fa._gates[record.name]
        assert (ufunc.nin, ufunc.nout) == (len(record.inputs), len(record.outputs))
        assert record.name in fa.__all__ and getattr(fa, record.name).__doc__
