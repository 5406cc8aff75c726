"""Cross-entropy of softmax and of sigmoid: accuracy, gradients, Hessians, masks, labels of all kinds, layouts, refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from _support import VARIANTS, assert_same_bits, functions, hard_values, random_bits, ufuncs

import fastact as fa
from fastact import _proof

LENGTHS = (1, 2, 3, 10, 31, 32, 33, 64, 100, 257, 1000)
BOUND = {"float16": 0.51, "float32": 2.0, "float64": 2.0}
SLOPE_BOUND = {"float16": 1.0, "float32": 4.0, "float64": 4.0}
ELEMENT_BOUND = {"float16": 0.51, "float32": 2.5, "float64": 2.5}


def logits_of(n: int, dtype: str) -> dict[str, np.ndarray]:
    """Rows that break the usual ways of computing a cross-entropy."""
    rng = np.random.default_rng(n)
    depth = {"float16": 16.0, "float32": 103.0, "float64": 744.0}[dtype]
    offset = {"float16": 1000.0, "float32": 1e6, "float64": 1e12}[dtype]
    rows = {
        "normal": rng.standard_normal(n),
        "wide": rng.standard_normal(n) * 30,
        "offset": offset + rng.standard_normal(n) * 8,
        "equal": np.full(n, 3.7),
        "one dominates": np.where(np.arange(n) == n // 2, depth / 3, rng.standard_normal(n)),
        "two share": np.where(np.arange(n) < 2, 20.0, rng.standard_normal(n)),
        "with -inf": np.where(rng.random(n) < 0.4, -np.inf, rng.standard_normal(n)),
    }
    rows["with -inf"][n // 2] = 1.0
    with np.errstate(over="ignore"):
        return {k: v.astype(dtype) for k, v in rows.items()}


def exact_entropy(x: np.ndarray, labels: np.ndarray, dy: float) -> tuple:
    """Loss, gradient, Hessian, and the gradient's two terms, of one row and a distribution."""
    with mp.workprec(300):
        values = [_proof.exact(float(v)) for v in x]
        shares = [_proof.exact(float(v)) for v in labels]
        top = max(values)
        terms = [mp.exp(v - top) for v in values]
        first = values.index(top)
        others = mp.fsum(t for i, t in enumerate(terms) if i != first)
        log_total, total, weight = mp.log1p(others), 1 + others, mp.fsum(shares)
        loss = mp.fsum(s * (log_total - (v - top)) for s, v in zip(shares, values, strict=True) if s != 0)
        p = [t / total for t in terms]
        rest = [mp.fsum(t for k, t in enumerate(terms) if k != i) / total if q > 0.5 else 1 - q for i, q in enumerate(p)]
        scale = _proof.exact(dy)
        gradient = [scale * (weight * a - s) if s != 1 else -scale * r for a, s, r in zip(p, shares, rest, strict=True)]
        hessian = [scale * weight * a * r for a, r in zip(p, rest, strict=True)]
        sizes = [abs(scale) * max(weight * a, s) for a, s in zip(p, shares, strict=True)]
        return loss, gradient, hessian, sizes


def ulp_of(value, dtype: str):
    return mp.mpf(float(np.spacing(np.dtype(dtype).type(abs(float(value))))))


@pytest.mark.parametrize("n", LENGTHS)
def test_class_numbers_against_exact_arithmetic(n, dtype):
    """Loss within 2 ulp however small; gradient and Hessian within 4, at a nearly certain label too."""
    name, public = "softmax_cross_entropy", functions(VARIANTS[-1])
    rng = np.random.default_rng(n + 1)
    for kind, x in logits_of(n, dtype).items():
        for label in {n // 2, 0, int(rng.integers(n))} if n < 100 else {n // 2}:
            dy = np.dtype(dtype).type(rng.standard_normal())
            with np.errstate(all="raise"):
                loss, gradient, hessian = public[f"{name}_value_and_grad"](x, label, dy=dy, hessian=True)
                only = public[name](x, label)
                two = public[f"{name}_value_and_grad"](x, label, dy=dy)
            assert_same_bits(only, loss)
            assert_same_bits(two[0], loss)
            assert_same_bits(two[1], gradient)
            if x[label] == -np.inf:
                assert loss == np.inf and gradient[label] == -dy
                continue
            onehot = np.zeros(n)
            onehot[label] = 1
            true, slopes, bends, _ = exact_entropy(x, onehot, float(dy))
            assert _proof.error(loss, true, dtype) <= BOUND[dtype], (kind, label, loss, float(true))
            for got, wanted in ((gradient, slopes), (hessian, bends)):
                worst = max(_proof.error(g, w, dtype) for g, w in zip(got, wanted, strict=True))
                assert worst <= SLOPE_BOUND[dtype], (kind, label, worst)


@pytest.mark.parametrize("n", LENGTHS)
def test_distributions_against_exact_arithmetic(n, dtype):
    name, public = "softmax_cross_entropy", functions(VARIANTS[-1])
    rng = np.random.default_rng(n + 2)
    for kind, x in logits_of(n, dtype).items():
        weights = rng.random(n) * (rng.random(n) < 0.7) * np.isfinite(x)
        weights[n // 2] += 0.1
        labels = (weights / weights.sum()).astype(dtype)
        dy = np.dtype(dtype).type(rng.uniform(0.5, 2))
        loss, gradient, hessian = public[f"{name}_value_and_grad"](x, labels, dy=dy, hessian=True)
        assert_same_bits(public[name](x, labels), loss)
        true, slopes, bends, sizes = exact_entropy(x, labels, float(dy))
        assert _proof.error(loss, true, dtype) <= BOUND[dtype], (kind, loss, float(true))
        for g, w, size in zip(gradient, slopes, sizes, strict=True):
            assert abs(_proof.exact(float(g)) - w) <= SLOPE_BOUND[dtype] * ulp_of(size, dtype), kind
        worst = max(_proof.error(g, w, dtype) for g, w in zip(hessian, bends, strict=True))
        assert worst <= SLOPE_BOUND[dtype] + 1, (kind, worst)


@pytest.mark.parametrize("shares", [False, True])
def test_rows_know_no_neighbours_and_no_layout(shares, dtype, public):
    """Any axis, memory order, stride, batch size, mask of True; in place; the bits of a row alone."""
    f = public["softmax_cross_entropy_value_and_grad"]
    rng = np.random.default_rng(51)
    for rows, n in ((1, 5), (37, 3), (19, 40), (21, 300), (3, 5000), (18, 1031)):
        x = (rng.standard_normal((rows, n)) * 4).astype(dtype)
        labels = rng.random((rows, n)).astype(dtype) if shares else rng.integers(0, n, rows)
        dy = rng.standard_normal(rows).astype(dtype)
        single = [f(x[i], labels[i], dy=dy[i], hessian=True) for i in range(rows)]
        wanted = [np.array([s[k] for s in single]) for k in range(3)]
        across = np.moveaxis(labels, 1, 0) if shares else labels
        ones = np.ones(n, bool)
        forms = {
            "rows": f(x, labels, dy=dy, hessian=True),
            "fortran": f(np.asfortranarray(x), labels, dy=dy, hessian=True),
            "masked": f(x, labels, where=ones, dy=dy, hessian=True),
            "strided": f(np.repeat(x, 2, axis=1)[:, ::2], labels, dy=dy, hessian=True),
        }
        for form, got in forms.items():
            for g, w in zip(got, wanted, strict=True):
                assert_same_bits(g, w, form, rows, n)
        loss, gradient = f(x.T.copy(), across, 0, dy=dy)
        assert_same_bits(loss, wanted[0], "axis 0")
        assert_same_bits(gradient, wanted[1].T, "axis 0")
        assert gradient.flags.c_contiguous
        for own in (x.copy(), x.copy(order="F")):
            loss, gradient = f(own, labels, dy=dy, out=own)
            assert gradient is own
            assert_same_bits(own, wanted[1], "in place")
            assert_same_bits(loss, wanted[0], "in place")
        room = np.empty(rows, dtype)
        results = f(x, labels, dy=dy, hessian=True, out=(room, None, None))
        assert results[0] is room
        assert_same_bits(public["softmax_cross_entropy"](x, labels), wanted[0])


def test_batches_of_several_axes():
    x = np.random.default_rng(52).standard_normal((2, 3, 4, 5))
    labels = np.random.default_rng(53).integers(0, 4, (2, 3, 5))
    loss, gradient = fa.softmax_cross_entropy_value_and_grad(x, labels, axis=2, dy=1 / labels.size)
    assert loss.shape == labels.shape and gradient.shape == x.shape
    p = fa.softmax(x, axis=2)
    onehot = np.moveaxis(np.eye(4)[labels], -1, 2)
    np.testing.assert_allclose(gradient, (p - onehot) / labels.size, atol=1e-15)
    np.testing.assert_allclose(loss, -np.take_along_axis(fa.log_softmax(x, axis=2), labels[:, :, None], 2)[:, :, 0], rtol=1e-14)


def test_a_certain_label_keeps_its_digits():
    loss, gradient = fa.softmax_cross_entropy_value_and_grad(np.array([0.0, 80.0, 0.0], np.float32), 1)
    assert abs(loss / (2 * np.exp(-80.0)) - 1) < 1e-6 and abs(gradient[1] / (-2 * np.exp(-80.0)) - 1) < 1e-6


def test_masks(dtype, public):
    """Masked classes have no effect; fully masked rows count for nothing."""
    f = public["softmax_cross_entropy_value_and_grad"]
    rng = np.random.default_rng(54)
    for n in (4, 50, 5000):
        x = rng.standard_normal((6, n)).astype(dtype)
        mask = rng.random((6, n)) < 0.5
        mask[3] = False
        labels = np.array([int(np.flatnonzero(m)[0]) if m.any() else 0 for m in mask])
        wild = np.where(mask, x, np.dtype(dtype).type(np.nan))
        loss, gradient, hessian = f(wild, labels, where=mask, hessian=True)
        assert loss[3] == 0 and (gradient[~mask] == 0).all() and (hessian[~mask] == 0).all()
        for i in (0, 1, 2, 4, 5):
            short = f(x[i][mask[i]].astype("f8"), 0, hessian=True)
            eps = 8 * np.finfo(dtype).eps
            np.testing.assert_allclose(loss[i], short[0], rtol=eps)
            np.testing.assert_allclose(gradient[i][mask[i]], short[1], rtol=eps, atol=np.finfo(dtype).smallest_subnormal)
            np.testing.assert_allclose(hessian[i][mask[i]], short[2], rtol=eps, atol=np.finfo(dtype).smallest_subnormal)
        shares = np.where(mask, rng.random((6, n)), np.nan).astype(dtype)
        loss, gradient = f(wild, shares, where=mask)
        assert np.isfinite(loss).all() and loss[3] == 0 and (gradient[~mask] == 0).all() and np.isfinite(gradient).all()
    with pytest.raises(ValueError, match=r"where masks out the class that labels gives, 2 at index \(1,\)"):
        fa.softmax_cross_entropy(np.zeros((2, 3)), [0, 2], where=[[True, True, True], [True, True, False]])


def test_ignored_labels(public):
    f = public["softmax_cross_entropy_value_and_grad"]
    x = np.random.default_rng(55).standard_normal((5, 4))
    x[1] = np.nan
    labels = np.array([0, -100, 3, -100, 2])
    loss, gradient, hessian = f(x, labels, ignore_index=-100, hessian=True)
    assert (loss[[1, 3]] == 0).all() and (gradient[[1, 3]] == 0).all() and (hessian[[1, 3]] == 0).all()
    assert_same_bits(loss[[0, 2, 4]], public["softmax_cross_entropy"](x[[0, 2, 4]], labels[[0, 2, 4]]))
    assert public["softmax_cross_entropy"](x, [0, 0, 3, 1, 2], ignore_index=0)[0] == 0


def test_edges(dtype, public):
    """Empty batches, no class, one class, rows of -inf, +inf and NaN, without a warning."""
    f = public["softmax_cross_entropy_value_and_grad"]
    with np.errstate(all="raise"):
        loss, gradient = f(np.empty((0, 4), dtype), np.empty(0, int))
        assert loss.shape == (0,) and gradient.shape == (0, 4)
        loss, gradient = f(np.empty((3, 0), dtype), np.empty((3, 0), dtype))
        assert (loss == 0).all() and gradient.shape == (3, 0)
        loss, gradient = f(np.array([[5.0], [-3.0]], dtype), [0, 0])
        assert_same_bits(loss, np.zeros(2, dtype))
        assert_same_bits(gradient, np.zeros((2, 1), dtype))
        for row in ([-np.inf, -np.inf], [np.inf, 0.0], [np.nan, 0.0]):
            loss, gradient = f(np.array(row, dtype), 1)
            assert np.isnan(loss) and np.isnan(gradient).any(), row
        loss, gradient = f(np.array([0.0, -np.inf], dtype), 1)
        assert loss == np.inf and gradient.tolist() == [1.0, -1.0]
        x = np.stack([hard_values(dtype)[:40], random_bits(40, dtype, 3)])
        f(x, [3, 4], hessian=True)


def test_types():
    f = fa.softmax_cross_entropy_value_and_grad
    x = np.zeros((2, 3), np.float32)
    assert all(r.dtype == np.float32 for r in f(x, [0, 1], hessian=True))
    assert all(r.dtype == np.float64 for r in f(x.astype(int), [0, 1]))
    assert all(r.dtype == np.float64 for r in f(x, x.astype(np.float64)))
    assert all(r.dtype == np.float32 for r in f(x, np.array([0, 1], np.uint8), dy=0.5))
    assert f(x, [0, 1], dy=np.ones(2))[1].dtype == np.float64
    assert np.ndim(fa.softmax_cross_entropy(x[0], 2)) == 0
    for order in "CF":      # an integer dy is an array of float64, wherever the logits lie
        assert f(np.asarray(x, order=order), [0, 1], dy=np.ones(2, int))[1].dtype == np.float64


def test_bfloat16():
    """As logits, as distributions and as targets, which are checked."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(9)
    x = rng.standard_normal((4, 6)).astype(ml_dtypes.bfloat16)
    shares = fa.softmax(x.astype(np.float32)).astype(ml_dtypes.bfloat16)
    wide = fa.softmax_cross_entropy_value_and_grad(x.astype(np.float32), shares.astype(np.float32))
    for got, exact in zip(fa.softmax_cross_entropy_value_and_grad(x, shares), wide, strict=True):
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, exact.astype(x.dtype))
    assert fa.softmax_cross_entropy(x.astype(np.float32), shares).dtype == np.float32
    assert fa.softmax_cross_entropy_value_and_grad(x.T, shares.T, axis=0)[1].dtype == x.dtype
    with pytest.raises(ValueError, match=r"labels must be finite and not negative, got -"):
        fa.softmax_cross_entropy(x, -shares)
    assert fa.sigmoid_cross_entropy(x, shares).dtype == x.dtype
    with pytest.raises(ValueError, match=r"targets must be from 0 to 1, got 2 at index \(0, 0\)"):
        fa.sigmoid_cross_entropy(x, np.full_like(x, 2))


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_ufuncs_refuse_labels_that_no_class_has(kind, n, dtype):
    """Whoever calls them: no function has checked labels before."""
    own, x, every = ufuncs(kind), np.zeros((3, n), dtype), np.ones(n, bool)
    outs = [np.full(3, 7, dtype), np.full_like(x, 7), np.full_like(x, 7)]
    for label in (n, 10**12):
        for suffix, more in (("", ()), ("_gradient", (np.ones(3, dtype),)), ("_hessian", (np.ones(3, dtype),))):
            ufunc = own[f"softmax_cross_entropy_ids{suffix}"]
            with pytest.raises(ValueError, match=f"{ufunc.__name__}: labels must be less than the number of classes"):
                ufunc(x, np.array([0, n - 1, label]), every, *more, out=tuple(outs[: ufunc.nout]))
    assert all((out == 7).all() for out in outs)


def test_refusals():
    """Each names the argument, the value and where it stands, and nothing has been written."""
    for f in (fa.softmax_cross_entropy, fa.softmax_cross_entropy_value_and_grad):
        name = f.__name__
        x = np.zeros((2, 3))
        out = np.full(2 if f is fa.softmax_cross_entropy else (2, 3), 7.0)
        with pytest.raises(ValueError, match=rf"{name}: labels must be from 0 to 2, got 3 at index \(1,\)"):
            f(x, [0, 3], out=out)
        with pytest.raises(ValueError, match=rf"{name}: labels must be from 0 to 2, got -1 at index \(0,\)"):
            f(x, [-1, 3], out=out)
        with pytest.raises(ValueError, match=rf"{name}: labels must be from 0 to 2, got 9 at index \(1,\)"):
            f(x, [-1, 9], ignore_index=-1, out=out)
        with pytest.raises(ValueError, match=rf"{name}: labels of shape \(3,\) do not fit logits of shape \(2, 3\) without axis 1, \(2,\)"):
            f(x, [0, 1, 2], out=out)
        with pytest.raises(ValueError, match=rf"{name}: labels of shape \(4,\) do not fit logits of shape \(2, 3\)"):
            f(x, np.zeros(4), out=out)
        for logits in (x, np.zeros((3, 3)), np.zeros((1, 4)), np.zeros(3)):      # class numbers as floats are no distribution for all rows
            with pytest.raises(ValueError, match=rf"{name}: labels of shape .* are float64: class numbers must be integers, and distrib"):
                f(logits, np.zeros(logits.shape[:-1]), out=out if logits is x else None)
        with pytest.raises(ValueError, match=rf"{name}: labels must be finite and not negative, got -0.5 at index \(0, 1\)"):
            f(x, np.array([[0, -0.5, 1], [0, 0, 1]]), out=out)
        with pytest.raises(ValueError, match=r"labels must be finite and not negative, got nan at index \(1, 2\)"):
            f(x, np.array([[0, 0.5, 1], [0, 0, np.nan]]), out=out)
        with pytest.raises(TypeError, match=f"{name}: labels must be integers .* or floats .*, got bool"):
            f(x, [True, False], out=out)
        with pytest.raises(TypeError, match="ignore_index=-1 goes with labels that are class numbers"):
            f(x, x, ignore_index=-1, out=out)
        with pytest.raises(ValueError, match=rf"{name}: where of shape \(4,\) does not broadcast to x of shape \(2, 3\)"):
            f(x, [0, 1], where=np.ones(4, bool), out=out)
        with pytest.raises(TypeError, match=f"{name}: where must be a boolean mask, got int64"):
            f(x, [0, 1], where=np.ones(3, np.int64), out=out)
        with pytest.raises(np.exceptions.AxisError):
            f(x, [0, 1], 2, out=out)
        with pytest.raises(TypeError, match="logits is complex128"):
            f(x.astype(complex), [0, 1])
        assert (out == 7).all()
    with pytest.raises(ValueError, match=r"dy of shape \(3,\) does not fit the losses' shape \(2,\)"):
        fa.softmax_cross_entropy_value_and_grad(np.zeros((2, 3)), [0, 1], dy=np.ones(3))
    with pytest.raises(ValueError, match="out must be an array or a tuple of 2, got 3"):
        fa.softmax_cross_entropy_value_and_grad(np.zeros((2, 3)), [0, 1], out=(None, None, None))


# ---- sigmoid ------------------------------------------------------------------------------------------------------------


def exact_sigmoid(x: float, target: float) -> tuple:
    with mp.workprec(3000 if abs(x) > 100 else 400):
        v, t = _proof.exact(x), _proof.exact(target)
        e = mp.exp(-abs(v))
        u = 1 - t if v >= 0 else t
        small = e / (1 + e)
        gradient = (u - small) * (1 if v >= 0 else -1)
        return u * abs(v) + mp.log1p(e), gradient, e / (1 + e) ** 2, max(t, small if v < 0 else 1 - small)


def test_sigmoid_against_exact_arithmetic(dtype, public):
    rng = np.random.default_rng(56)
    depth = {"float16": 17.0, "float32": 104.0, "float64": 745.0}[dtype]
    x = np.concatenate([rng.standard_normal(400) * 4, rng.uniform(-depth, depth, 400), hard_values(dtype)[:60]]).astype(dtype)
    x = x[np.isfinite(x)]
    target = np.where(rng.random(x.size) < 0.6, rng.random(x.size) < 0.5, rng.random(x.size)).astype(dtype)
    with np.errstate(all="raise"):
        loss, gradient, hessian = public["sigmoid_cross_entropy_value_and_grad"](x, target, hessian=True)
        assert_same_bits(public["sigmoid_cross_entropy"](x, target), loss)
        two = public["sigmoid_cross_entropy_value_and_grad"](x, target)
    assert_same_bits(two[0], loss)
    assert_same_bits(two[1], gradient)
    for i in range(x.size):
        true, slope, bend, size = exact_sigmoid(float(x[i]), float(target[i]))
        assert _proof.error(loss[i], true, dtype) <= ELEMENT_BOUND[dtype], (x[i], target[i])
        assert _proof.error(hessian[i], bend, dtype) <= ELEMENT_BOUND[dtype], (x[i], target[i])
        if target[i] in (0, 1):
            assert _proof.error(gradient[i], slope, dtype) <= ELEMENT_BOUND[dtype], (x[i], target[i])
        else:
            assert abs(_proof.exact(float(gradient[i])) - slope) <= ELEMENT_BOUND[dtype] * ulp_of(size, dtype), (x[i], target[i])


def test_sigmoid_edges_and_types(dtype, public):
    f, g = public["sigmoid_cross_entropy"], public["sigmoid_cross_entropy_value_and_grad"]
    with np.errstate(all="raise"):
        x = np.array([np.inf, -np.inf, np.inf, -np.inf, np.nan, 0.0], dtype)
        t = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.5], dtype)
        loss, gradient = g(x, t)
    np.testing.assert_array_equal(loss[:5], np.array([0, 0, np.inf, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(gradient[:5], np.array([0, 0, 1, -1, np.nan], dtype))
    assert f(x, t.astype(int)).dtype == dtype and f(x, t >= 1).dtype == dtype and f(x, 1).dtype == dtype and f(x, 1.0).dtype == dtype
    assert f(np.zeros((3, 1), dtype), np.zeros(4, dtype)).shape == (3, 4)
    own = np.zeros(6, dtype)
    loss, gradient = g(own, t, dy=2.0, out=own)
    assert gradient is own
    assert_same_bits(own, g(np.zeros(6, dtype), t, dy=2.0)[1])
    assert f(np.empty(0, dtype), np.empty(0, dtype)).shape == (0,)


def test_sigmoid_refusals():
    out = np.full(3, 7.0)
    for f in (fa.sigmoid_cross_entropy, fa.sigmoid_cross_entropy_value_and_grad):
        with pytest.raises(ValueError, match=rf"{f.__name__}: targets must be from 0 to 1, got 1.5 at index \(1,\)"):
            f(np.zeros(3), np.array([0.0, 1.5, 0.0]), out=out)
        with pytest.raises(ValueError, match=rf"{f.__name__}: targets must be from 0 to 1, got nan at index \(2,\)"):
            f(np.zeros(3), np.array([0.0, 0.5, np.nan]), out=out)
        with pytest.raises(TypeError, match="logits is complex128"):
            f(np.zeros(3, complex), np.zeros(3))
        with pytest.raises(ValueError, match=rf"{f.__name__}: targets must be from 0 to 1, got 2.0 at index \(0, 1\)"):
            f(np.zeros((2, 3)), np.array([np.nan, 2.0, 0.0]), where=np.array([[False, True, True], [False, False, True]]))
        f(np.zeros(3), np.array([0.0, 0.5, np.nan]), where=np.array([True, True, False]))     # what is left out does not count
    assert (out == 7).all()


def test_variants_agree(dtype):
    rng = np.random.default_rng(57)
    for n in (1, 7, 32, 100, 1000, 4500):
        x = (rng.standard_normal((20, n)) * 5).astype(dtype)
        x[0] = random_bits(n, dtype, n)
        ids, shares, mask = rng.integers(0, n, 20), rng.random((20, n)).astype(dtype), rng.random((20, n)) < 0.8
        mask[np.arange(20), ids] = True
        for labels in (ids, shares):
            for where in (None, mask):
                first = functions(VARIANTS[0])["softmax_cross_entropy_value_and_grad"](x, labels, where=where, hessian=True)
                for variant in VARIANTS[1:]:
                    got = functions(variant)["softmax_cross_entropy_value_and_grad"](x, labels, where=where, hessian=True)
                    for g, w in zip(got, first, strict=True):
                        assert_same_bits(g, w, variant, n)
    x = np.concatenate([random_bits(20_000, dtype, 58), hard_values(dtype)])
    target = rng.random(x.size).astype(dtype)
    first = functions(VARIANTS[0])["sigmoid_cross_entropy_value_and_grad"](x, target, hessian=True)
    for variant in VARIANTS[1:]:
        for g, w in zip(functions(variant)["sigmoid_cross_entropy_value_and_grad"](x, target, hessian=True), first, strict=True):
            assert_same_bits(g, w, variant)
