"""softmax, log_softmax, logsumexp and their gradients: accuracy, axes, masks, edges, and rows that know no neighbours."""

from __future__ import annotations

import functools
import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from _support import ROWWISE, VARIANTS, assert_same_bits, exact_rows, functions

from fastact import _proof
from fastact.verify import sweep

KEEPING = [row for row in ROWWISE if not row.reduces]
REDUCING = [row for row in ROWWISE if row.reduces]
LENGTHS = (1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 200, 256, 257, 1000)


def named(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda r: r.name)


# ---- exact references: the definitions, in exact arithmetic, of the numbers as they are --------------------------


def exact_backward(name: str, dy: np.ndarray, saved: np.ndarray) -> tuple[list, list]:
    """The gradient and, for each entry, the size of the terms whose difference it is."""
    with mp.workprec(400):
        d, s = ([_proof.exact(float(v)) for v in a] for a in (dy, saved))
        if name == "softmax":
            total = mp.fsum(a * b for a, b in zip(d, s, strict=True))
            terms = [(a * b, b * total) for a, b in zip(d, s, strict=True)]
        else:
            total = mp.fsum(d)
            terms = [(a, mp.exp(b) * total) for a, b in zip(d, s, strict=True)]
        return [a - b for a, b in terms], [abs(a) + abs(b) for a, b in terms]


def hard_rows(n: int, dtype: str) -> dict[str, np.ndarray]:
    """Rows that break the usual ways of computing softmax."""
    rng = np.random.default_rng(n)
    info = np.finfo(dtype)
    largest = float(info.max)
    depth = {"float16": 16.0, "float32": 103.0, "float64": 744.0}[dtype]
    offset = {"float16": 1000.0, "float32": 1e6, "float64": 1e12}[dtype]
    rows = {
        "normal": rng.standard_normal(n),
        "wide": rng.standard_normal(n) * 30,
        "offset": offset + rng.standard_normal(n) * 8,
        "negative offset": -offset + rng.standard_normal(n) * 8,
        "equal": np.full(n, 3.7),
        "huge and equal": np.full(n, largest / 2),
        "descending to the end of the range": -np.linspace(0, depth, n),
        "one dominates": np.where(np.arange(n) == n // 2, depth / 3, rng.standard_normal(n)),
        "alternating magnitude": np.where(np.arange(n) % 2 == 0, 1e-3, -depth / 2) * rng.uniform(0.5, 1, n),
        "tiny": rng.standard_normal(n) * float(info.smallest_subnormal) * 9,
        "all sizes": rng.choice([-1.0, 1.0], n) * np.exp(rng.uniform(np.log(float(info.smallest_normal)), np.log(largest) - 1, n)),
        "with -inf": np.where(rng.random(n) < 0.4, -np.inf, rng.standard_normal(n)),
        "cancelling": -math.log(n) + rng.standard_normal(n) * 1e-3,
    }
    rows["with -inf"][n // 3] = 0.5
    return {k: v.astype(dtype) for k, v in rows.items()}


@functools.lru_cache(maxsize=1)
def truths(dtype: str) -> list[tuple[str, np.ndarray, dict[str, list]]]:
    found = []
    for n in (*LENGTHS, 10_000):
        for label, x in hard_rows(n, dtype).items():
            short = n <= 64 or (n <= 300 and label in ("wide", "descending to the end of the range", "equal", "cancelling"))
            if short or label in ("normal", "offset"):
                found.append((f"{label}, {n}", x, exact_rows(x)))
    return found


def assert_within(computed: np.ndarray, true: list, bound: float, *context) -> None:
    dtype = computed.dtype.name
    for i, (value, exact) in enumerate(zip(computed.ravel(), true, strict=True)):
        if mp.isinf(exact):
            assert float(value) == float(exact), (*context, i)
            continue
        error = _proof.error(value, exact, dtype)
        assert error <= bound, (*context, f"entry {i}: got {value!r}, true {mp.nstr(exact, 20)}: {error:.2f} ulp")


def in_every_variant(name: str, *args, **kwargs) -> np.ndarray:
    """The result, after making sure that every variant gives it."""
    first = functions(VARIANTS[0])[name](*args, **kwargs)
    for variant in VARIANTS[1:]:
        assert_same_bits(functions(variant)[name](*args, **kwargs), first, name, variant)
    return first


@named(ROWWISE)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_accuracy(row, dtype):
    """Rows of 1 to 10^4, easy and hard, within the record's bound for every entry."""
    for label, x, true in truths(dtype):
        scale = _proof.row_scale(row, true[row.name][0], _proof.exact(x.max()), dtype) if row.reduces else 1
        got = np.atleast_1d(in_every_variant(row.name, x))
        assert_within(got, true[row.name], row.bounds[dtype] * scale, row.name, dtype, label)


@named(ROWWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_of_a_million(row, dtype):
    """Rows of 10^6 against extended precision."""
    for seed, scale in enumerate((0.01, 1, 5)):
        x = (np.random.default_rng(seed).standard_normal(10**6) * scale).astype(dtype)
        wide = x.astype(np.longdouble)
        terms = np.exp(wide - wide.max())
        total = terms.sum()
        true = {
            "softmax": terms / total,
            "log_softmax": (wide - wide.max()) - np.log(total),
            "logsumexp": np.atleast_1d(wide.max() + np.log(total)),
        }[row.name]
        got = np.atleast_1d(functions(VARIANTS[-1])[row.name](x))
        assert sweep.errors(got, true, np.longdouble(0))[0].max() <= row.bounds[dtype], (row.name, scale)


@named(KEEPING)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_accuracy_of_the_gradient_from_the_output(row, dtype):
    """Against exact arithmetic on the saved y; where two terms cancel, the bound is in ulp of the terms."""
    for n in (1, 2, 3, 17, 33, 64, 130, 1000):
        rng = np.random.default_rng(n)
        for label, x in hard_rows(n, dtype).items():
            if n > 64 and label not in ("normal", "wide"):
                continue
            y = in_every_variant(row.name, x)
            for dy in (rng.standard_normal(n), np.ones(n), np.eye(1, n, n // 2)[0], rng.standard_normal(n) * 1e3):
                dy = dy.astype(dtype)
                true, size = exact_backward(row.name, dy, y)
                got = in_every_variant(f"{row.name}_backward", dy, y=y)
                for i in range(n):
                    error = abs(_proof.exact(float(got[i])) - true[i]) / _proof.ulp(size[i], dtype)
                    assert error <= row.bounds[dtype], (row.name, label, n, i, dy.tolist()[:3], got[i], mp.nstr(true[i], 20), float(error))


@named(REDUCING)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_accuracy_of_the_gradient_of_a_reduction(row, dtype):
    """dy times softmax, within the record's bound."""
    for n in (1, 2, 3, 17, 33, 64, 130):
        for label, x in hard_rows(n, dtype).items():
            softmax = exact_rows(x)["softmax"]
            for dy in (1.0, -0.7, 1e3):
                d = np.dtype(dtype).type(dy)
                got = in_every_variant(f"{row.name}_backward", d, x=x)
                assert_within(got, [t * _proof.exact(float(d)) for t in softmax], row.bounds[dtype], row.name, label, n, dy)


@named(KEEPING)
def test_gradient_from_x_is_that_of_the_output(row, public, dtype):
    x = (np.random.default_rng(1).standard_normal((6, 45)) * 4).astype(dtype)
    dy = np.random.default_rng(2).standard_normal((6, 45)).astype(dtype)
    backward = public[f"{row.name}_backward"]
    for axis in (0, 1, -1, (0, 1), None):
        y = public[row.name](x, axis=axis)
        assert_same_bits(backward(dy, x=x, axis=axis), backward(dy, y=y, axis=axis), axis)


@named(ROWWISE)
def test_gradient_is_the_derivative(row, public):
    """Central differences in float64."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(7)
    dy = rng.standard_normal() if row.reduces else rng.standard_normal(7)
    h = 1e-6
    wanted = [np.sum(dy * (public[row.name](x + h * e) - public[row.name](x - h * e))) / (2 * h) for e in np.eye(7)]
    np.testing.assert_allclose(public[f"{row.name}_backward"](dy, x=x), wanted, rtol=1e-7, atol=1e-9)


# ---- sums, shifts ------------------------------------------------------------------------------------------------


def test_softmax_sums_to_one(public, dtype):
    """However long the row; 65 536 halves of 0 among them."""
    eps = float(np.finfo(dtype).eps)
    for n in (1, 2, 10, 100, 1000, 65536):
        for x in (np.zeros(n, dtype), np.random.default_rng(n).standard_normal(n).astype(dtype)):
            y = public["softmax"](x)
            slack = n * float(np.finfo(dtype).smallest_subnormal) / 2       # what rounding into the subnormals may cost
            assert abs(math.fsum(y.tolist()) - 1) <= 2 * eps + slack, (n, math.fsum(y.tolist()))
    assert (public["softmax"](np.zeros(65536, dtype)) == 2.0**-16).all()


def test_shift_invariance(public, dtype):
    """x + c, where that is exact, has the softmax and log_softmax of x to within the bound of both."""
    rng = np.random.default_rng(5)
    x = rng.integers(-32, 33, 70) / 4
    true = exact_rows(x)
    for c in (0, 1, -1, 7, 64, -64, 500, -500) if dtype == "float16" else (0, 1, -7, 100, 4096, -(2.0**18)):
        shifted = (x + c).astype(dtype)
        assert (shifted.astype(float) == x + c).all()
        for row in KEEPING:
            assert_within(public[row.name](shifted), true[row.name], row.bounds[dtype], row.name, c)
        with mp.workprec(400):
            summed = [true["logsumexp"][0] + c]
        assert_within(np.atleast_1d(public["logsumexp"](shifted)), summed, REDUCING[0].bounds[dtype], "logsumexp", c)


def test_log_softmax_of_equal_pairs(public, dtype):
    """-log 2 at any height, where x - logsumexp(x) gives 0 or -0.69 by luck."""
    wanted = np.full(2, -math.log(2)).astype(dtype)
    for k in range(0, 4 if dtype == "float16" else 37):
        for v in (10.0**k, -(10.0**k)):
            assert_same_bits(public["log_softmax"](np.full(2, v, dtype)), wanted, v)
    assert_same_bits(public["log_softmax"](np.zeros(2, dtype)), wanted)
    assert (public["log_softmax"](np.full(2, np.finfo(dtype).max)) == wanted).all()


# ---- edges -------------------------------------------------------------------------------------------------------


def test_edges(public, dtype):
    inf, nan = np.inf, np.nan
    table = [
        ([-inf, -inf], [nan, nan], [nan, nan], -inf),
        ([inf, 0.0], [nan, nan], [nan, nan], inf),
        ([inf, inf], [nan, nan], [nan, nan], inf),
        ([inf, -inf], [nan, nan], [nan, nan], inf),
        ([nan, 0.0], [nan, nan], [nan, nan], nan),
        ([nan, -inf], [nan, nan], [nan, nan], nan),
        ([-inf, 0.0], [0.0, 1.0], [-inf, 0.0], 0.0),
        ([-inf, 2.0, -inf], [0.0, 1.0, 0.0], [-inf, 0.0, -inf], 2.0),
        ([5.0], [1.0], [0.0], 5.0),
        ([-inf], [nan], [nan], -inf),
        ([inf], [nan], [nan], inf),
    ]
    with np.errstate(all="raise"):
        for x, softmax, log_softmax, logsumexp in table:
            for pad in (0, 40):
                row = np.array(x + [-inf] * pad, dtype)
                dead = np.isnan(softmax[0])
                for name, wanted, fill in (("softmax", softmax, 0.0), ("log_softmax", log_softmax, -inf)):
                    got = public[name](row)
                    np.testing.assert_array_equal(got, np.array(wanted + [nan if dead else fill] * pad, dtype), err_msg=f"{name} {x} {pad}")
                np.testing.assert_array_equal(public["logsumexp"](row), np.array(logsumexp, dtype), err_msg=f"logsumexp {x} {pad}")


@named(ROWWISE)
def test_gradient_edges(row, public, dtype):
    """Entries of probability 0 have gradient 0 whatever dy is there, and the others do not notice."""
    x = np.array([[-np.inf, 1.0, 0.5, -np.inf]] * 2, dtype)
    if row.reduces:
        got = public[f"{row.name}_backward"](np.ones(2, dtype), x=x)
    else:
        dy = np.array([[5.0, 1.0, 2.0, 3.0]] * 2, dtype)
        got = public[f"{row.name}_backward"](dy, x=x)
    assert np.isfinite(got).all()
    if row.name != "log_softmax":
        assert (got[:, [0, 3]] == 0).all()


@named(KEEPING)
@pytest.mark.parametrize("n", [1, 2, 16, 34, 100])
def test_signs_of_zero_gradients(row, public, dtype, n):
    """A gradient of 0 has one sign, whatever its place in a row and however the rows lie."""
    for y, sign in itertools.product((0.0, -0.0, -np.inf, -1.0, -200.0), (0.0, -0.0)):
        if row.name == "softmax" and y < 0:
            continue
        found = set()
        for columns in (1, 5, 16, 20, 100):
            dy, saved = np.full((n, columns), sign, dtype), np.full((n, columns), y, dtype)
            backward = public[f"{row.name}_backward"]
            found |= set(np.signbit(backward(dy, y=saved, axis=0)).ravel())
            found |= set(np.signbit(backward(dy.T.copy(), y=saved.T.copy())).ravel())
        assert len(found) == 1, (y, sign)


@named(ROWWISE)
def test_empty(row, public, dtype):
    function, backward = public[row.name], public[f"{row.name}_backward"]
    for shape, axis in (((3, 0), -1), ((0,), 0), ((0, 3), 0), ((2, 0, 3), 1), ((2, 0, 3), (0, 1)), ((0, 0), None), ((0, 3), None)):
        x = np.zeros(shape, dtype)
        y = function(x, axis=axis)
        axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
        if row.reduces:
            assert y.shape == tuple(n for i, n in enumerate(shape) if i not in axes)
            assert (np.asarray(y) == -np.inf).all() and y.dtype == np.dtype(dtype)
        else:
            assert y.shape == shape and y.dtype == np.dtype(dtype)
        assert backward(np.zeros_like(y), x=x, axis=axis).shape == shape
    for shape, axis in (((0, 3), -1), ((0, 3), 1), ((4, 0, 3), 2), ((4, 0, 3), (0, 2))):
        x = np.zeros(shape, dtype)
        y = function(x, axis=axis)
        assert y.size == 0 and y.dtype == np.dtype(dtype)
        assert backward(np.zeros_like(y), x=x, axis=axis).shape == shape
        masked = function(x, axis=axis, where=np.ones(shape, bool))
        assert masked.shape == y.shape


@named(ROWWISE)
def test_zero_dimensional(row, public, dtype):
    """A single number is a row of one with axis=None, and has no axis -1."""
    x = np.array(2.5, dtype)
    wanted = {"softmax": 1.0, "log_softmax": 0.0, "logsumexp": 2.5}[row.name]
    got = public[row.name](x, axis=None)
    assert np.shape(got) == () and got == wanted and got.dtype == np.dtype(dtype)
    with pytest.raises(ValueError):
        public[row.name](x)
    with pytest.raises(ValueError):
        public[row.name](x, axis=0)


# ---- axes --------------------------------------------------------------------------------------------------------


@named(ROWWISE)
def test_any_axis(row, public, dtype):
    """Every axis, tuples in any order, None: the bits of the rows taken out one by one."""
    function, backward = public[row.name], public[f"{row.name}_backward"]
    x = (np.random.default_rng(6).standard_normal((4, 5, 37)) * 6).astype(dtype)
    d = np.random.default_rng(7).standard_normal((4, 5, 37)).astype(dtype)
    for axis in (0, 1, 2, -1, -2, -3, (0,), (0, 1), (1, 0), (0, 2), (2, 1), (-1, 0), (0, 1, 2), None):
        axes = (0, 1, 2) if axis is None else tuple(a % 3 for a in (axis if isinstance(axis, tuple) else (axis,)))
        others = tuple(i for i in range(3) if i not in axes)
        rows = x.transpose(*others, *axes).reshape(-1, math.prod(x.shape[a] for a in axes))
        alone = [function(np.ascontiguousarray(r)) for r in rows]
        got = function(x, axis=axis)
        shape = tuple(x.shape[i] for i in others)
        if row.reduces:
            assert_same_bits(got, np.array(alone, dtype).reshape(shape), axis)
            kept = function(x, axis=axis, keepdims=True)
            assert kept.shape == tuple(1 if i in axes else n for i, n in enumerate(x.shape))
            assert_same_bits(kept.reshape(shape), got, axis, "keepdims")
            dy = np.random.default_rng(8).standard_normal(shape).astype(dtype)
            dx = backward(dy, x=x, axis=axis)
            assert_same_bits(backward(dy.reshape(kept.shape), x=x, axis=axis, keepdims=True), dx, axis, "keepdims")
            wanted = np.array([backward(g, x=np.ascontiguousarray(r)) for g, r in zip(dy.ravel(), rows, strict=True)])
            assert_same_bits(dx.transpose(*others, *axes).reshape(rows.shape), wanted, axis, "gradient")
        else:
            assert got.shape == x.shape
            assert_same_bits(got.transpose(*others, *axes).reshape(rows.shape), np.array(alone), axis)
            dx = backward(d, y=got, axis=axis)
            flat_d, flat_y = (a.transpose(*others, *axes).reshape(rows.shape) for a in (d, got))
            wanted = np.array([backward(np.ascontiguousarray(a), y=np.ascontiguousarray(b)) for a, b in zip(flat_d, flat_y, strict=True)])
            assert_same_bits(dx.transpose(*others, *axes).reshape(rows.shape), wanted, axis, "gradient")
        out = np.zeros(got.shape, dtype)
        assert function(x, axis=axis, out=out) is out or got.shape == ()
        assert_same_bits(out, got, axis, "out=")


@named(ROWWISE)
def test_refused_axes(row, public):
    x = np.ones((3, 4))
    for bad in (2, -3, (0, 2), (0, -3)):
        with pytest.raises(np.exceptions.AxisError):
            public[row.name](x, axis=bad)
    with pytest.raises(ValueError, match=r"[Rr]epeat"):
        public[row.name](x, axis=(0, 0))
    for bad in (0.5, "0"):
        with pytest.raises(TypeError):
            public[row.name](x, axis=bad)
    with pytest.raises(ValueError):
        public[row.name](x, out=np.zeros((5, 5)))


@named(ROWWISE)
def test_rows_do_not_know_their_neighbours(row, public, dtype):
    """The same row gives the same bits whatever its batch, place, stride, alignment and length of stay."""
    function, backward = public[row.name], public[f"{row.name}_backward"]
    rng = np.random.default_rng(9)
    for n in LENGTHS[:-1]:
        x = (rng.standard_normal((41, n)) * 5).astype(dtype)
        d = rng.standard_normal((41,) if row.reduces else (41, n)).astype(dtype)
        alone = np.array([function(r) for r in x])
        saved = {"x": x} if row.reduces else {"y": alone}
        alone_d = np.array([backward(g, **{k: v[i] for k, v in saved.items()}) for i, g in enumerate(d)])
        for start, stop in ((0, 41), (0, 1), (3, 5), (1, 9), (5, 38), (0, 32), (7, 41)):
            assert_same_bits(function(x[start:stop]), alone[start:stop], n, start, stop)
            assert_same_bits(function(np.asfortranarray(x[start:stop])), alone[start:stop], n, start, stop, "across")
            across = function(np.ascontiguousarray(x[start:stop].T), axis=0)
            assert_same_bits(across if row.reduces else across.T, alone[start:stop], n, start, stop, "axis 0")
            part = {k: v[start:stop] for k, v in saved.items()}
            assert_same_bits(backward(d[start:stop], **part), alone_d[start:stop], n, start, stop, "gradient")
            fortran = {k: np.asfortranarray(v) for k, v in part.items()}
            assert_same_bits(backward(np.asfortranarray(d[start:stop]), **fortran), alone_d[start:stop], n, start, stop, "gradient across")
        for offset in range(1, 5):
            room = np.empty(n * 3 + offset, dtype)
            for stride in (1, 2, 3):
                place = room[offset : offset + n * stride : stride]
                place[:] = x[7]
                assert_same_bits(function(place), alone[7], n, offset, stride)
            backwards = room[offset : offset + n][::-1]
            backwards[:] = x[7]
            assert_same_bits(function(backwards), alone[7], n, "reversed")
        assert_same_bits(function(np.broadcast_to(x[7], (5, n))), np.stack([alone[7]] * 5), n, "broadcast")


@named(KEEPING)
def test_in_place(row, public, dtype):
    function, backward = public[row.name], public[f"{row.name}_backward"]
    rng = np.random.default_rng(10)
    for n in (1, 7, 16, 17, 33, 64, 130, 1000, 5000):
        x = (rng.standard_normal((19, n)) * 5).astype(dtype)
        d = rng.standard_normal((19, n)).astype(dtype)
        wanted = function(x)
        gradient = backward(d, y=wanted)
        for make in (np.array, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]):
            inside = make(x.copy())
            assert function(inside, out=inside) is inside
            assert_same_bits(inside, wanted, n, make)
            dy, y = make(d.copy()), make(wanted.copy())
            assert backward(dy, y=y, out=dy) is dy
            assert_same_bits(dy, gradient, n, "out=dy")
            dy = make(d.copy())
            assert backward(dy, y=y, out=y) is y
            assert_same_bits(y, gradient, n, "out=y")
        inside = np.ascontiguousarray(x.T)
        function(inside, axis=0, out=inside)
        assert_same_bits(inside.T, wanted, n, "axis 0")
        inside = x.copy()
        assert function(inside, axis=(1, 0), out=inside) is inside
        assert_same_bits(inside, function(x, axis=(1, 0)), n, "both axes")


@named(KEEPING)
def test_gradient_operands_lie_as_they_like(row, public, dtype):
    """Rows along memory or across it, each operand for itself, short and long, with rows that are not finite among them."""
    backward = public[f"{row.name}_backward"]
    rng = np.random.default_rng(12)
    for n, count in ((5, 40), (16, 300), (33, 8), (64, 1501), (130, 11), (300, 33), (1025, 8), (5000, 17)):
        y = public[row.name]((rng.standard_normal((count, n)) * 5).astype(dtype))
        d = rng.standard_normal((count, n)).astype(dtype)
        d[1, n // 2], d[3, 0], d[4, -1], d[6] = np.inf, -np.inf, np.nan, 0
        alone = np.array([backward(a, y=b) for a, b in zip(d, y, strict=True)])
        for dy in (d, np.asfortranarray(d)):
            for saved in (y, np.asfortranarray(y)):
                for out in (None, np.zeros_like(d, order="C"), np.zeros_like(d, order="F")):
                    assert_same_bits(backward(dy, y=saved, out=out), alone, n, count, dy.strides, saved.strides)
                    turned = backward(dy.T, y=saved.T, axis=0, out=None if out is None else out.T)
                    assert_same_bits(turned.T, alone, n, count, dy.strides, saved.strides, "axis 0")


@named(KEEPING)
def test_results_keep_the_memory_order(row, public, dtype):
    """As those of element-by-element ufuncs do, whichever the axis."""
    function, backward = public[row.name], public[f"{row.name}_backward"]
    x = np.random.default_rng(13).standard_normal((6, 7, 8)).astype(dtype)
    for order in "CF":
        a = np.asarray(x, order=order)
        for axis in (0, 1, 2, -2, -3):
            y = function(a, axis=axis)
            assert y.strides == a.strides and backward(a, y=y, axis=axis).strides == a.strides, (order, axis)


# ---- masks -------------------------------------------------------------------------------------------------------


def masks(shape: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    found = [rng.random(shape) < p for p in (0.1, 0.5, 0.9)]
    found[1][0] = False
    found[1][-1] = True
    return [*found, np.zeros(shape, bool), np.ones(shape, bool)]


@named(ROWWISE)
def test_masked_entries_have_no_part(row, public, dtype):
    """Exact values of the entries that remain; 0 or -inf for the rest; NaN and inf behind the mask are silent."""
    function = public[row.name]
    masked = np.dtype(dtype).type(row.masked)
    with np.errstate(all="raise"):
        for n in (1, 2, 5, 16, 17, 33, 64, 130):
            x = (np.random.default_rng(n).standard_normal((6, n)) * 5).astype(dtype)
            for mask in masks(x.shape):
                got = function(x, where=mask)
                for rubbish in (np.nan, np.inf, -np.inf, np.finfo(dtype).max):
                    dirty = np.where(mask, x, np.dtype(dtype).type(rubbish))
                    assert_same_bits(function(dirty, where=mask), got, n, rubbish)
                    assert_same_bits(function(np.asfortranarray(dirty), where=mask), got, n, rubbish, "across")
                for i in range(6):
                    if not mask[i].any():
                        assert (got[i] == masked).all()
                        continue
                    true = exact_rows(x[i][mask[i]])[row.name]
                    if row.reduces:
                        assert_within(got[i : i + 1], true, row.bounds[dtype], n, i)
                    else:
                        assert_within(got[i][mask[i]], true, row.bounds[dtype], n, i)
                        assert (got[i][~mask[i]] == masked).all()
            assert_same_bits(function(x, where=np.ones(x.shape, bool)), function(x), n, "full mask")


@named(ROWWISE)
def test_masked_rows_are_rows_with_minus_infinities(row, public, dtype):
    """To the bit: beside rows of any height, of any length, in place, and wherever numbers, results and masks lie."""
    number = np.dtype(dtype).type
    forward, backward = public[row.name], public[f"{row.name}_backward"]
    for rows, n in ((40, 7), (40, 33), (80, 64), (9, 1000), (1000, 12), (70, 150), (5, 4096), (5, 4352), (5, 4500)):
        rng = np.random.default_rng(n)
        x = rng.standard_normal((rows, n)) * 3
        x[4::5] += 40  # what was guessed from the rows before fails
        x[2] = -np.inf
        x = x.astype(dtype)
        dy = rng.standard_normal(rows if row.reduces else x.shape).astype(dtype)
        mask = rng.random(x.shape) < 0.8
        mask[1] = False
        mask[3] = np.arange(n) == n - 1
        for m in (mask, np.broadcast_to(mask[0], x.shape), np.broadcast_to(mask[:, :1], x.shape)):
            clean, dirty = np.where(m, x, number(-np.inf)), np.where(m, x, number(np.nan))
            blank = ~m.any(1)
            calls = [(forward, (), row.masked, not row.reduces)]
            if row.reduces:
                calls.append((lambda dy, x, **kw: backward(dy, x=x, **kw), (dy,), 0, True))
            for function, given, value, keeps in calls:
                wanted = function(*given, clean)
                if keeps:
                    wanted[blank] = value
                assert_same_bits(function(*given, dirty, where=m), wanted, n, "as it is")
                far = np.repeat(m, 2, axis=1)[:, ::2]
                assert_same_bits(function(*given, np.repeat(dirty, 2, axis=1)[:, ::2], where=far), wanted, n, "with gaps")
                assert_same_bits(function(*given, dirty, where=far), wanted, n, "a mask with gaps")
                if keeps:
                    room = np.zeros((rows, 2 * n), dtype)[:, ::2]
                    assert_same_bits(function(*given, dirty, where=m, out=room), wanted, n, "results with gaps")
                    place = dirty.copy()
                    assert_same_bits(function(*given, place, where=m, out=place), wanted, n, "in place")
                    turned = np.asfortranarray(dirty)
                    assert_same_bits(function(*given, turned, where=m, out=turned), wanted, n, "in place, across")
                turned = np.ascontiguousarray(dirty.T)
                got = function(*given, turned, axis=0, where=m.T)
                assert_same_bits(got.T if keeps else got, wanted, n, "axis 0")
                got = function(*given, turned, axis=0, where=np.ascontiguousarray(m.T))
                assert_same_bits(got.T if keeps else got, wanted, n, "axis 0, with its mask")


@named(ROWWISE)
def test_gradients_behind_masks_are_zero(row, public, dtype):
    backward = public[f"{row.name}_backward"]
    rng = np.random.default_rng(12)
    with np.errstate(all="raise"):
        for n in (1, 2, 5, 17, 64, 130):
            x = (rng.standard_normal((6, n)) * 3).astype(dtype)
            for mask in masks(x.shape):
                dy = rng.standard_normal((6,) if row.reduces else (6, n)).astype(dtype)
                got = backward(dy, x=x, where=mask)
                assert (got[~mask] == 0).all() and np.isfinite(got).all()
                dirty = np.where(mask, x, np.dtype(dtype).type(np.nan))
                assert_same_bits(backward(dy, x=dirty, where=mask), got, n, "NaN behind the mask")
                if not row.reduces:
                    noise = np.where(mask, dy, np.dtype(dtype).type(np.nan))
                    assert_same_bits(backward(noise, x=x, where=mask), got, n, "NaN dy behind the mask")
                    y = public[row.name](x, where=mask)
                    assert_same_bits(backward(dy, y=y, where=mask), got, n, "from y")
                for i in range(6):
                    kept = mask[i]
                    if kept.any():
                        alone = backward(dy[i] if row.reduces else dy[i][kept], x=x[i][kept])
                        scale = np.abs(dy[i]).max() * (1 + n)
                        assert (np.abs(got[i][kept].astype(float) - alone) <= 8 * np.finfo(dtype).eps * scale).all()


@named(ROWWISE)
def test_masks_broadcast_and_follow_the_axis(row, public, dtype):
    function = public[row.name]
    x = (np.random.default_rng(13).standard_normal((4, 5, 9)) * 3).astype(dtype)
    for shape in ((9,), (5, 1), (1, 5, 9), (4, 1, 1), (4, 5, 9), ()):
        mask = np.random.default_rng(14).random(shape) < 0.6
        full = np.ascontiguousarray(np.broadcast_to(mask, x.shape))
        for axis in (0, 1, 2, -1, (0, 2), None):
            assert_same_bits(function(x, axis=axis, where=mask), function(x, axis=axis, where=full), shape, axis)
        moved = function(np.moveaxis(x, 0, -1), where=np.moveaxis(full, 0, -1))
        assert_same_bits(function(x, axis=0, where=full), moved if row.reduces else np.moveaxis(moved, -1, 0), shape)
    assert_same_bits(function(x, where=True), function(x))
    assert_same_bits(function(x, where=[[True] * 9] * 5), function(x))


@named(ROWWISE)
def test_refused_masks(row, public):
    x, out = np.ones((3, 4)), np.full((3,) if row.reduces else (3, 4), 7.0)
    for bad in (np.ones((3, 4)), np.ones((3, 4), int), [0, 1, 1, 0]):
        with pytest.raises(TypeError, match=rf"{row.name}: where must be a boolean mask, got"):
            public[row.name](x, where=bad, out=out)
    for shape in ((5,), (4, 3), (2, 3, 4)):
        with pytest.raises(ValueError, match=rf"{row.name}: where of shape .* does not broadcast"):
            public[row.name](x, where=np.ones(shape, bool), out=out)
    assert (out == 7.0).all()


@named(REDUCING)
def test_refused_gradient_shapes(row, public):
    with pytest.raises(ValueError, match=rf"{row.name}_backward: dy of shape"):
        public[f"{row.name}_backward"](np.ones(4), x=np.ones((3, 4)))
    assert_same_bits(public[f"{row.name}_backward"](1.0, x=np.ones((3, 4))), np.full((3, 4), 0.25))


@named(REDUCING)
def test_gradients_of_kept_axes(row, public):
    backward, x = public[f"{row.name}_backward"], np.random.default_rng(19).standard_normal((3, 4))
    for axis, kept in ((1, (3, 1)), (0, (1, 4)), (None, (1, 1)), ((0, 1), (1, 1))):
        dy = np.random.default_rng(20).standard_normal(kept)
        assert_same_bits(backward(dy, x=x, axis=axis, keepdims=True), backward(np.squeeze(dy, axis=axis), x=x, axis=axis))
        for number in (2.0, np.float64(2), np.array(2.0)):
            assert_same_bits(backward(number, x=x, axis=axis, keepdims=True), backward(np.full(kept, 2.0), x=x, axis=axis, keepdims=True))
    for wrong in (np.ones((3, 2)), np.ones(3), np.ones((3, 4))):
        with pytest.raises(ValueError, match=rf"{row.name}_backward: dy of shape .* does not fit the result's shape \(3, 1\)"):
            backward(wrong, x=x, keepdims=True)


@named(KEEPING)
def test_gradients_broadcast_along_rows(row, public, dtype):
    """As they do between rows, whatever form the axis has."""
    backward, y = public[f"{row.name}_backward"], public[row.name](np.random.default_rng(21).standard_normal((3, 4)).astype(dtype))
    out = np.full((3, 4), 7, dtype)
    for shape in ((3, 1), (1, 4), (4,), (1, 1), (1,)):
        dy = np.random.default_rng(22).standard_normal(shape).astype(dtype)
        for axis in (-1, 0, 1, (0,), (1,)):
            wanted = backward(np.broadcast_to(dy, y.shape).copy(), y=y, axis=axis)
            assert_same_bits(backward(dy, y=y, axis=axis), wanted, shape, axis)
    square, dy = public[row.name](np.random.default_rng(23).standard_normal((3, 3)).astype(dtype)), np.arange(3).astype(dtype)
    for axis in (-1, 0, 1, -2, (0,), (1,), (0, 1), None):     # where the axis of a shorter dy could be taken for that of y
        assert_same_bits(backward(dy, y=square, axis=axis), backward(np.tile(dy, (3, 1)), y=square, axis=axis), axis)
    batch = np.random.default_rng(24).standard_normal((2, 3, 3)).astype(dtype)
    for axis in (-1, 0, 1):
        assert_same_bits(backward(batch, y=square, axis=axis), np.stack([backward(one, y=square, axis=axis) for one in batch]), axis)
    for shape in ((5,), (4, 1), (2, 4)):
        for axis in (-1, 0):
            with pytest.raises(ValueError, match=rf"{row.name}_backward: dy of shape .* does not fit the result's shape \(3, 4\)"):
                backward(np.ones(shape, dtype), y=y, axis=axis, out=out)
    assert (out == 7).all()


@named([row for row in ROWWISE if not row.reduces])
def test_a_number_as_gradient(row, public, dtype):
    """A single dy is that for all entries, along any axes, and a Python number does not widen."""
    x = np.random.default_rng(18).standard_normal((3, 4)).astype(dtype)
    backward = public[f"{row.name}_backward"]
    for axis in (-1, 0, (0, 1), None):
        for where in (None, np.tri(3, 4, 1, dtype=bool)):
            wanted = backward(np.full_like(x, 2), x=x, axis=axis, where=where)
            for number in (2, 2.0, np.dtype(dtype).type(2), np.array(2, dtype)):
                got = backward(number, x=x, axis=axis, where=where)
                assert got.dtype == np.dtype(dtype)
                assert_same_bits(got, wanted, axis, number)
    assert backward(1, x=x.tolist()).dtype == np.float64


@named(ROWWISE)
def test_what_out_may_be(row, public):
    """The same along one axis and along several, where the result is copied."""
    x = np.random.default_rng(19).standard_normal((3, 4))
    for axis in (-1, (0, 1), None):
        wanted = public[row.name](x, axis=axis)
        for out in (..., (None,)):
            assert_same_bits(public[row.name](x, axis=axis, out=out), wanted)
        for out in (3.0, [1.0]):
            with pytest.raises(TypeError, match=r"array|Array"):
                public[row.name](x, axis=axis, out=out)
        with pytest.raises(ValueError, match=r"tuple"):
            public[row.name](x, axis=axis, out=(None, None))


@named(ROWWISE)
@pytest.mark.parametrize("length", [1, 10, 64, 256, 257, 1000, 2049, 4096])
def test_rows_from_memory_are_those_from_a_cache(row, public, length):
    """Of large arrays the next rows are fetched ahead, and long rows worked on in pieces: the same bits, in place too."""
    rng = np.random.default_rng(length)
    few = (rng.standard_normal((61, length)) * 3 + rng.choice([0, 30], (61, 1), p=[0.9, 0.1])).astype(np.float32)
    gradient = rng.standard_normal((61,) if row.reduces else few.shape).astype(np.float32)
    times = 2**21 // few.size + 2                                           # 8 MiB and some
    function, backward = public[row.name], public[f"{row.name}_backward"]
    alone = function(few)
    many, dy = np.tile(few, (times, 1)), np.tile(gradient, times if row.reduces else (times, 1))
    assert_same_bits(function(many), np.tile(alone, times if row.reduces else (times, 1)))
    saved, kept = ({"x": few}, {"x": many}) if row.reduces else ({"y": alone}, {"y": function(many)})
    assert_same_bits(backward(dy, **kept), np.tile(backward(gradient, **saved), (times, 1)))
    if not row.reduces:
        function(many, out=many)
        assert_same_bits(many, np.tile(alone, (times, 1)))


@named(ROWWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [1, 4, 6, 36, 64, 100, 1000, 4096, 5004])
def test_rows_around_the_caches(row, public, write_around, dtype, length):
    """Results too long for a cache: the bits of the usual stores, wherever they begin, nothing beside out, and in place."""
    item = np.dtype(dtype).itemsize
    rows = 2**20 // (item * length) + 19
    rng = np.random.default_rng(length)
    x = (rng.standard_normal((rows, length)) * 3).astype(dtype)
    x[rows // 2] += 100
    dy = rng.standard_normal(rows if row.reduces else x.shape).astype(dtype)
    saved = {"x": x} if row.reduces else {"y": public[row.name](x)}
    calls = [functools.partial(public[f"{row.name}_backward"], dy, **saved)]
    if not row.reduces:
        calls.append(functools.partial(public[row.name], x))
    if row.tempered:
        calls.append(functools.partial(public[row.name], x, temperature=1.7))
    for call in calls:
        write_around(2**62)
        wanted = call()
        write_around(1)                                     # as few as it takes
        room = np.zeros(x.size + 64, dtype)
        for start in (0, 16 // item, 5):
            room[:] = 0
            call(out=room[start : start + x.size].reshape(x.shape))
            assert_same_bits(room[start : start + x.size].reshape(x.shape), wanted, start)
            assert not room[:start].any() and not room[start + x.size :].any(), "wrote beside out"
    if not row.reduces:
        wanted = public[row.name](x)
        assert_same_bits(public[row.name](x, out=x), wanted, "in place")


@named(ROWWISE)
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("length", [1, 3, 64, 1000, 5000])
def test_rows_that_are_not_like_those_before_them(row, made, dtype, length, axis):
    """The kernels guess that a row's maximum is near 0 if those before it were: the guess must not be seen in the results. Nor must it be
    seen where the maximum occurs again, be it infinite."""
    rng = np.random.default_rng(length)
    x = rng.standard_normal((96, length)) + 3
    for k, value in enumerate([24, 23.99, -4, -4.01, 100, -100, 3000, np.inf, -np.inf, np.nan, 1e30, -1e30]):
        x[20 + 4 * k] = rng.standard_normal(length) - 5
        x[20 + 4 * k, rng.integers(length)] = value
        x[21 + 4 * k, rng.integers(length, size=2)] = value
    x[19], x[70] = -np.inf, rng.standard_normal(length) - 40
    x[75], x[76] = np.inf, np.where(np.arange(length) % 3, np.inf, np.nan)
    x[80:84] = np.repeat([[-3.3], [0.0], [7.7], [7000.0]], length, axis=1)
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    function = made[row.name]
    alone = np.concatenate([function(r[None]) for r in x])
    laid = np.ascontiguousarray(x.T) if axis == 0 else x
    shape = (96,) if row.reduces else laid.shape
    for out in (None, np.full(shape, 7, dtype)) if row.reduces else (None, np.full(shape, 7, dtype), laid.copy()):
        given = laid if out is None or out.flat[0] == 7 else out               # the last one in place
        got = function(given, axis=axis, out=out)
        assert_same_bits(got.T if axis == 0 else got, alone)
    if row.name == "logsumexp":
        wanted = np.where(np.isnan(x).any(1), np.nan, np.where((x == np.inf).any(1), np.inf, 0))
        np.testing.assert_array_equal(np.where(np.isfinite(alone), 0, alone)[(x > -np.inf).any(1)], wanted[(x > -np.inf).any(1)])
        strided = np.repeat(laid, 2, axis=1)[:, ::2]
        assert_same_bits(function(strided, axis=axis), alone)


def sharp_rows(n: int, dtype: str) -> np.ndarray:
    """Rows of which many results are subnormal, or just not."""
    rng = np.random.default_rng(n)
    edge, end = (87.3, 104.0) if dtype == "float32" else (708.4, 745.2)
    x = np.concatenate(
        [
            rng.standard_normal((20, n)) * edge / 4,
            -rng.uniform(0, end + 6, (20, n)),
            -rng.uniform(edge - 18, end, (20, n)),
            3000 - rng.uniform(edge - 1, edge + 1, (20, n)),
            np.where(rng.random((20, n)) < 0.3, -np.inf, rng.standard_normal((20, n)) * edge / 2),
        ]
    )
    tops = np.concatenate([rng.uniform(-3, 3, 60), rng.uniform(2999, 3001, 20), rng.uniform(-3, 90, 20)])
    x[np.arange(100), rng.integers(n, size=100)] = tops
    x[37, n // 2], x[83, n // 2] = np.nan, np.inf
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 7, 10, 17, 33, 64, 100, 257, 1000, 5000])
def test_sharp_rows(n, dtype):
    """Rows with subnormal results are computed in another way from when some were seen until none are. The bits are the same, those
    of every variant, and within the bound."""
    x = sharp_rows(n, dtype)
    usual, dy = np.zeros((3000, 64), dtype), np.random.default_rng(n).standard_normal((100, n)).astype(dtype)
    dy[:, n // 3] = 0
    wanted = slopes = None
    for variant in VARIANTS:
        public = functions(variant)
        softmax = public["softmax"]
        softmax(usual)
        alone = []
        for row in x[::10]:  # each after many that are not sharp
            softmax(usual)
            alone.append(softmax(row[None])[0])
        for _ in range(3):
            got = softmax(x)
            assert_same_bits(got[::10], np.stack(alone), variant)
            wanted = got if wanted is None else wanted
            assert_same_bits(got, wanted, variant)
            assert_same_bits(softmax(np.ascontiguousarray(x.T), axis=0).T, wanted, variant, "across")
            assert_same_bits(softmax(x, out=x.copy()), wanted, variant)
        backward = public["softmax_backward"]
        softmax(usual)
        alone = np.concatenate([backward(dy[k : k + 1], y=wanted[k : k + 1]) for k in range(100)])
        slopes = alone if slopes is None else slopes
        assert_same_bits(alone, slopes, variant)
        softmax(x)
        for _ in range(2):
            assert_same_bits(backward(dy, y=wanted), slopes, variant)
        large = np.where(dy == 0, np.inf, dy * np.asarray(1e35, dtype))  # too large to be scaled
        assert_same_bits(backward(large, y=wanted), functions(VARIANTS[0])["softmax_backward"](large, y=wanted), variant)
    if n <= 64:
        (row,) = (r for r in ROWWISE if r.name == "softmax")
        for k in (0, 25, 45, 65):
            assert_within(wanted[k], exact_rows(x[k])["softmax"], row.bounds[dtype], dtype, n, k)
    tiny = np.abs(wanted)[np.isfinite(wanted)]
    assert n < 10 or ((tiny > 0) & (tiny < np.finfo(dtype).tiny)).sum() > n
