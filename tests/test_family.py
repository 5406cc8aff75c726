"""What runs over an axis beside softmax: temperature, softmin, hardmax, projections, Gumbel samples, segments, maxout."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
from _support import VARIANTS, assert_same_bits, functions, hard_values, random_bits, ufuncs

import fastact as fa
from fastact import _proof
from fastact._registry import FUNCTIONS, ROWWISE

PROJECTIONS = {"sparsemax": 1, "entmax15": 2}
ROW_FUNCTIONS = ("softmin", "hardmax", "sparsemax", "entmax15")
projections = pytest.mark.parametrize("name", PROJECTIONS)
row_functions = pytest.mark.parametrize("name", ROW_FUNCTIONS)


def rows_of(n: int, dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    rows = {
        "normal": rng.standard_normal(n),
        "near": rng.standard_normal(n) * 0.1,
        "wide": rng.standard_normal(n) * 30,
        "offset": {"float16": 100.0, "float32": 1e4, "float64": 1e8}[dtype] + rng.standard_normal(n),
        "equal": np.full(n, -2.5),
        "tied": rng.integers(0, 3, n) * 0.25,
        "huge": rng.standard_normal(n) * (float(np.finfo(dtype).max) / 8),
        "tiny": rng.standard_normal(n) * float(np.finfo(dtype).smallest_normal),
        "with -inf": np.where(rng.random(n) < 0.5, -np.inf, rng.standard_normal(n)),
    }
    rows["with -inf"][n // 2] = 0.25
    return {k: v.astype(dtype) for k, v in rows.items()}


# ---- temperature --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.1, 0.37, 0.5, 2.0, 30.0])
@pytest.mark.parametrize("n", [1, 3, 32, 100, 300])
def test_softmax_at_a_temperature(n, temperature, dtype):
    """Within softmax's bound of exact arithmetic on x/temperature: the quotient's rounding error does not reach the result."""
    heat = float(np.dtype(dtype).type(temperature))
    for kind, x in rows_of(n, dtype).items():
        with np.errstate(all="raise"):
            got = {1: fa.softmax(x, temperature=temperature), -1: fa.softmin(x, temperature=temperature)}
        for sign, y in got.items():
            if sign < 0 and not np.isfinite(x).all():
                assert np.isnan(y).all()
                continue
            with mp.workprec(300):
                terms = [sign * _proof.exact(float(v)) / _proof.exact(heat) for v in x]
                top = max(terms)
                terms = [mp.exp(t - top) for t in terms]
                total = mp.fsum(terms)
                worst = max(_proof.error(g, t / total, dtype) for g, t in zip(y, terms, strict=True))
            assert worst <= {"float16": 1.0, "float32": 4.0, "float64": 4.0}[dtype], (kind, sign, worst)


def test_temperature_of_each_row(dtype, public):
    x = np.random.default_rng(61).standard_normal((5, 4, 7)).astype(dtype)
    heat = np.random.default_rng(62).uniform(0.5, 3, (5, 7)).astype(dtype)
    y = public["softmax"](x, axis=1, temperature=heat)
    dy = np.random.default_rng(63).standard_normal(x.shape).astype(dtype)
    dx = public["softmax_backward"](dy, y=y, axis=1, temperature=heat)
    assert_same_bits(public["softmax_backward"](dy, x=x, axis=1, temperature=heat), dx)
    for i in range(5):
        for j in range(7):
            one = public["softmax"](x[i, :, j], temperature=float(heat[i, j]))
            assert_same_bits(y[i, :, j], one)
            assert_same_bits(dx[i, :, j], public["softmax_backward"](dy[i, :, j], y=one, temperature=float(heat[i, j])))
    assert_same_bits(public["softmax"](x, temperature=1.0), public["softmax"](x))
    coldest = float(np.finfo(dtype).smallest_subnormal)
    assert public["softmax"](np.array([1, 3, 2, 3], dtype), temperature=coldest).tolist() == [0, 0.5, 0, 0.5]
    hottest = float(np.finfo(dtype).max)
    assert public["softmax"](np.array([1, 3], dtype), temperature=hottest).tolist() == [0.5, 0.5]
    assert public["softmax"](x, axis=None, temperature=0.5).shape == x.shape
    flat = public["softmax"](x.reshape(5, 28), temperature=0.5)
    assert_same_bits(public["softmax"](x, axis=(1, 2), temperature=0.5), flat.reshape(x.shape))


def rows_at_temperatures(n: int, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """37 rows, their temperatures of both signs, and a mask: every way that the kernel treats a row, in no order."""
    rng = np.random.default_rng(n)
    x = rng.standard_normal((37, n)) * rng.choice([0.3, 3, 40], (37, 1)) + rng.choice([0, 0, 20, -900, 3000], (37, 1))
    heat = rng.choice([-1, 1], 37) * rng.choice([0.05, 0.4, 0.75, 2, 30], 37)
    limits = np.finfo(dtype)
    for row, extreme in enumerate((np.inf, -np.inf, 0.0, -0.0, np.nan, limits.max, -limits.max, limits.smallest_subnormal, -limits.tiny)):
        heat[3 * row + 1] = extreme
    where = rng.random(x.shape) < 0.7
    where[5] = where[6] = False
    for row, value in zip((9, 15, 21, 27, 33), (np.nan, np.inf, -np.inf, np.inf, -np.inf), strict=True):
        x[row, rng.integers(n)] = value
    x[30, rng.random(n) < 0.5] = -np.inf
    return x.astype(dtype), heat.astype(dtype), where


@pytest.mark.parametrize("n", [1, 15, 16, 17, 32, 33, 49, 63, 64, 65, 256, 257, 1000, 2049, 4500])
def test_tempered_rows_are_computed_alone(n, dtype):
    """The same bits in any batch, at any place, with any stride, along either axis, in place, on every instruction set."""
    x, heat, where = rows_at_temperatures(n, dtype)
    everywhere = np.broadcast_to(True, x.shape)
    for mask in (everywhere, where):
        alone = []
        for variant in VARIANTS:
            ufunc = ufuncs(variant)["softmax_tempered"]
            alone.append(np.stack([ufunc(r, t, m) for r, t, m in zip(x, heat, mask, strict=True)]))
            assert_same_bits(alone[-1], alone[0], variant, n)
            assert_same_bits(ufunc(x, heat, mask), alone[0], variant, n)
            assert_same_bits(ufunc(x[3:], heat[3:], mask[3:]), alone[0][3:], variant, n)
            assert_same_bits(ufunc(x[::-1], heat[::-1], mask[::-1]), alone[0][::-1], variant, n)
            lines = np.asfortranarray(mask) if mask is where else mask
            assert_same_bits(ufunc(np.asfortranarray(x), heat, lines), alone[0], variant, n)
            assert_same_bits(ufunc(np.repeat(x, 2, 1)[:, ::2], heat, mask), alone[0], variant, n)
            y = x.copy()
            ufunc(y, heat, mask, out=y)
            assert_same_bits(y, alone[0], variant, n)
            spread = np.zeros((37, 2 * n), dtype)
            ufunc(x, heat, mask, out=spread[:, 1::2])
            assert_same_bits(spread[:, 1::2], alone[0], variant, n)
    assert (alone[0][5:7] == 0).all()


@pytest.mark.parametrize("n", [5, 64, 70, 5000])
def test_temperatures_of_both_signs(n, dtype, made):
    """A negative temperature's row is that of the negative numbers; what is masked counts for nothing in either."""
    x, heat, where = rows_at_temperatures(n, dtype)
    for mask in (where, np.broadcast_to(True, x.shape)):
        y = made["softmax_tempered"](x, heat, mask)
        sign = np.copysign(np.ones_like(heat), heat)
        assert_same_bits(y, made["softmax_tempered"](x * sign[:, None], np.abs(heat), mask))
        assert (y[~mask & ~np.isnan(y)] == 0).all()
        for row in range(37):
            kept = x[row][mask[row]]
            if np.isfinite(kept).all() and not np.isnan(heat[row]):
                assert not np.isnan(y[row]).any(), row
                if kept.size:
                    assert abs(float(y[row].astype("f8").sum()) - 1) < 20 * np.finfo(dtype).eps, row


def test_extreme_temperatures(made, dtype):
    """Numbers and temperature times any power of two give the same, to the last subnormal one; and the limits."""
    limits = np.finfo(dtype)

    def tempered(x: np.ndarray, temperature: float, where: np.ndarray | bool = True) -> np.ndarray:
        return made["softmax_tempered"](x, np.array(temperature, dtype), np.broadcast_to(where, x.shape))

    for shift in (0, 3, -3):
        x = np.array([1, 4, 5, 3, 5, -2, 0, 2], dtype) + np.array(shift, dtype)
        wanted = tempered(x, 3)
        for power in range(int(np.log2(limits.smallest_subnormal)), limits.maxexp - 3):
            scale = np.ldexp(np.array(1, dtype), power)
            assert_same_bits(tempered(x * scale, 3 * scale), wanted, power)
            assert_same_bits(tempered(-x * scale, -3 * scale), wanted, power)
    x = np.array([-limits.max, 2, limits.max, -3, limits.max, 0], dtype)
    fifth = float(np.array(0.2, dtype))
    assert tempered(x, np.inf, x != 2).tolist() == [fifth, 0, *[fifth] * 4]
    assert tempered(x, 0.0).tolist() == [0, 0, 0.5, 0, 0.5, 0]
    assert tempered(x, -0.0).tolist() == [1, 0, 0, 0, 0, 0]
    assert np.isnan(tempered(x, np.nan)).all()
    for hottest in (limits.max, -limits.max):
        with mp.workprec(100):
            terms = [mp.exp(_proof.exact(float(v)) / _proof.exact(float(hottest))) for v in x]
            total = mp.fsum(terms)
            assert max(_proof.error(g, t / total, dtype) for g, t in zip(tempered(x, hottest), terms, strict=True)) <= 2


@pytest.mark.parametrize("name", ["softmax", "softmin"])
def test_temperatures_that_are_refused(name):
    for bad in (0.0, -1.0, np.inf, np.nan):
        for f, given in ((getattr(fa, name), {}), (getattr(fa, f"{name}_backward"), {"y": np.ones(3)})):
            with pytest.raises(ValueError, match=f"{f.__name__}: temperature must be finite and greater than 0, got {bad}"):
                f(np.ones(3), temperature=bad, **given)
    with pytest.raises(ValueError, match=r"temperature of shape \(3,\) does not fit the rows' shape \(2,\)"):
        getattr(fa, name)(np.ones((2, 3)), temperature=np.ones(3))
    with pytest.raises(ValueError, match=r"temperature must be finite and greater than 0, got 0.0 at index \(1,\)"):
        getattr(fa, name)(np.ones((2, 3)), temperature=np.array([1.0, 0.0]))


# ---- projections --------------------------------------------------------------------------------------------------------


def exact_projection(name: str, x: np.ndarray) -> list:
    """By the published algorithm: sort, and take the largest support that is consistent."""
    scale, top = PROJECTIONS[name], _proof.exact(float(x.max()))
    with mp.workprec(2200):
        z = [(_proof.exact(float(v)) - top) / scale for v in x]
    with mp.workprec(300):
        order = sorted((v for v in z if v > -mp.inf), reverse=True)
        chosen, total, square = None, mp.mpf(0), mp.mpf(0)
        for k, v in enumerate(order, 1):
            total, square = total + v, square + v * v
            if scale == 1:
                threshold = (total - 1) / k
            else:
                mean = total / k
                inside = (1 - (square - k * mean * mean)) / k
                if inside < 0:
                    break
                threshold = mean - mp.sqrt(inside)
            if threshold >= v:
                break
            chosen = threshold
        return [max(v - chosen, mp.mpf(0)) ** scale if v > -mp.inf else mp.mpf(0) for v in z]


@projections
@pytest.mark.parametrize("n", [1, 2, 5, 31, 32, 33, 100, 500])
def test_projections_against_the_published_algorithm(name, n, dtype):
    for kind, x in rows_of(n, dtype).items():
        with np.errstate(all="raise"):
            y = getattr(fa, name)(x)
        eps = float(np.finfo(dtype).eps)
        for got, true in zip(y, exact_projection(name, x), strict=True):
            away = abs(_proof.exact(float(got)) - true)
            allowed = 2.0**-51 if dtype == "float64" else max(float(true) * eps, float(np.finfo(dtype).smallest_subnormal)) + 2.0**-50
            assert away <= allowed, (kind, got, true)
        assert abs(float(y.astype(np.float64).sum()) - 1) <= (1 + np.count_nonzero(y)) * eps


@projections
def test_gradients_of_projections(name):
    """Central differences in float64, away from the border of the support; float32 within an ulp of the larger term."""
    forward, backward = getattr(fa, name), getattr(fa, f"{name}_backward")
    rng = np.random.default_rng(64)
    for n in (1, 2, 6, 40):
        x, dy = rng.standard_normal(n), rng.standard_normal(n)
        y = forward(x)
        dx = backward(dy, y=y)
        assert_same_bits(backward(dy, x=x), dx)
        if np.all((y == 0) | (y > 1e-3)):
            for i in range(n):
                step = np.zeros(n)
                step[i] = 1e-7
                slope = ((forward(x + step) - forward(x - step)) * dy).sum() / 2e-7
                assert abs(slope - dx[i]) < 1e-5, (n, i)
        assert abs(dx.sum()) < 1e-14 and (dx[y == 0] == 0).all()


@row_functions
def test_axes_masks_layouts(name, dtype, public):
    """Any axis, several, all; masks; in place; strides: the bits of a row alone."""
    forward, backward = public[name], public[f"{name}_backward"]
    rng = np.random.default_rng(65)
    x = (rng.standard_normal((6, 20, 9)) * 2).astype(dtype)
    mask = rng.random(x.shape) < 0.7
    mask[2, :, 3] = False
    dy = rng.standard_normal(x.shape).astype(dtype)
    for axis in (0, 1, 2, -2):
        for where in (None, mask):
            y = forward(x, axis, where=where)
            moved, m = np.moveaxis(x, axis, -1), np.moveaxis(np.broadcast_to(True, x.shape) if where is None else mask, axis, -1)
            for at in np.ndindex(moved.shape[:-1]):
                row = forward(np.ascontiguousarray(moved[at]), where=None if where is None else m[at])
                assert_same_bits(np.moveaxis(y, axis, -1)[at], row, name, axis, at)
            own = x.copy()
            assert forward(own, axis, where=where, out=own) is own
            assert_same_bits(own, y)
            if name != "hardmax":
                own = dy.copy()
                dx = backward(dy, y=y, axis=axis, where=where)
                assert_same_bits(backward(own, y=y, axis=axis, where=where, out=own), dx)
                assert_same_bits(backward(dy, x=x, axis=axis, where=where), dx)
                if where is not None:
                    assert (dx[~mask] == 0).all()
    assert (forward(x, 1, where=mask)[2, :, 3] == 0).all()
    for axes, shape in (((0, 1), (9, 120)), (None, (1, 1080)), ((2, 0), (20, 54))):
        order = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(shape) if axes else x.reshape(shape)
        whole = forward(x, axes)
        flat = np.moveaxis(whole, axes, range(-len(axes), 0)).reshape(shape) if axes else whole.reshape(shape)
        assert_same_bits(flat, forward(order))
    assert_same_bits(forward(x[::-2, ::3, ::2], 1), np.ascontiguousarray(forward(x[::-2, ::3, ::2].copy(), 1)))


@row_functions
def test_edges_of_rows(name, dtype, public):
    forward = public[name]
    with np.errstate(all="raise"):
        assert forward(np.empty((0, 3), dtype)).shape == (0, 3) and forward(np.empty((3, 0), dtype)).shape == (3, 0)
        assert forward(np.array([7.0], dtype)).tolist() == [1.0]
        assert np.isnan(forward(np.array([0.0, np.nan, 1.0], dtype))).all()
        assert (forward(np.array([0.0, np.nan], dtype), where=[False, False]) == 0).all()
        assert forward(np.array([np.nan, 1.0], dtype), where=[False, True]).tolist() == [0.0, 1.0]
        if name != "hardmax":
            assert np.isnan(forward(np.array([np.inf, -np.inf], dtype))).all()
        for seed in range(20):
            forward(random_bits(50, dtype, seed))
        forward(hard_values(dtype))
    if name == "hardmax":
        assert forward(np.array([-np.inf, -np.inf], dtype)).tolist() == [1.0, 0.0]
        assert forward(np.array([1.0, np.inf, np.inf], dtype)).tolist() == [0.0, 1.0, 0.0]
    elif name != "softmin":
        assert np.isnan(forward(np.array([-np.inf, -np.inf], dtype))).all()


@row_functions
def test_refusals_of_rows(name):
    forward, backward = getattr(fa, name), getattr(fa, f"{name}_backward")
    x, out = np.zeros((2, 3)), np.full((2, 3), 7.0)
    with pytest.raises(ValueError, match=rf"{name}: where of shape \(4,\) does not broadcast to x of shape \(2, 3\)"):
        forward(x, where=np.ones(4, bool), out=out)
    with pytest.raises(TypeError, match=f"{name}: where must be a boolean mask, got float64"):
        forward(x, where=np.ones(3), out=out)
    with pytest.raises(np.exceptions.AxisError):
        forward(x, 2, out=out)
    with pytest.raises(TypeError, match=f"{name}: x is complex128"):
        forward(x.astype(complex))
    with pytest.raises(TypeError, match="_backward: out must be an array, got float"):
        backward(x, x=x, axis=None, out=3.0)
    if name != "hardmax":
        with pytest.raises(TypeError, match="pass either the saved input x= or the saved output y="):
            backward(x)
        with pytest.raises(TypeError, match="pass either the saved input x= or the saved output y="):
            backward(x, x=x, y=x)
    if name in PROJECTIONS:
        with pytest.raises(ValueError, match=rf"{name}_backward: dy of shape \(4,\) does not fit the result's shape \(2, 3\)"):
            backward(np.ones(4), y=x, out=out)
    assert (out == 7).all()


@pytest.mark.parametrize("name", sorted({*(r.name for r in ROWWISE), *ROW_FUNCTIONS, "gumbel_softmax", "segment_softmax"}))
def test_masked_arrays_are_refused_along_an_axis(name):
    """Their mask would not be looked at; element by element it goes with the result."""
    plain, masked = np.ones((2, 4)), np.ma.array(np.ones((2, 4)), mask=np.eye(2, 4))
    more = {"offsets": [0, 1, 4]} if name == "segment_softmax" else {}
    forward, backward = getattr(fa, name), getattr(fa, f"{name}_backward")
    calls = [lambda: forward(masked, **more), lambda: forward(masked, axis=0, **({"offsets": [0, 2]} if more else {}))]
    if not more:
        calls += [lambda: forward(masked, axis=None), lambda: forward(masked, where=plain > 0)]
    saved = "x" if name == "logsumexp" else "y"
    if name != "hardmax":
        dy = np.ones(2) if saved == "x" else plain
        calls += [lambda: backward(dy, **{saved: masked}, **more), lambda: backward(np.ma.array(dy), **{saved: plain}, **more)]
    for call in calls:
        with pytest.raises(TypeError, match=r"(x|y|dy) is a masked array; along an axis pass (x|y|dy)\.data, and where=~"):
            call()
    with pytest.raises(TypeError, match="softmax: x is a masked array"):
        fa.softmax(masked, temperature=2.0)
    for logits, labels in ((masked, [0, 1]), (plain, np.ma.array([0, 1])), (masked, plain / 4)):
        with pytest.raises(TypeError, match=r"(logits|labels) is a masked array"):
            fa.softmax_cross_entropy(logits, labels)


def test_a_number_as_gradient(dtype, public):
    """A single dy is that for all entries, and a Python number does not widen."""
    x = np.random.default_rng(70).standard_normal((3, 6)).astype(dtype)
    given = {"hardmax": {"straight_through": True}, "segment_softmax": {"offsets": [0, 2, 6]}, "gumbel_softmax": {"tau": 0.5}}
    for name in (*ROW_FUNCTIONS, "segment_softmax", "gumbel_softmax"):
        backward, more = public[f"{name}_backward"], given.get(name, {})
        saved = {"y" if name == "gumbel_softmax" else "x": x}
        wanted = backward(np.full_like(x, 2), **saved, **more)
        for number in (2, 2.0, np.dtype(dtype).type(2)):
            got = backward(number, **saved, **more)
            assert got.dtype == np.dtype(dtype), name
            assert_same_bits(got, wanted, name, number)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "uint64"])
def test_integers_as_gradient(kind, public):
    """What has no negative, or none in its own type, is negated as a float."""
    y = public["softmax"](np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]]))
    dy = np.array([[1, 0, 0], [0, 1, np.iinfo(kind).min if kind == "int8" else 1]], kind)
    for given in (dy, dy.tolist()):
        assert_same_bits(public["softmin_backward"](given, y=y), public["softmin_backward"](dy.astype(float), y=y), kind)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", ">f2", ">f4"])
def test_gradients_of_softmin_keep_the_type(kind, public):
    if kind == "bfloat16":
        pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(73)
    y, dy = public["softmax"](rng.standard_normal((5, 7)).astype("f4")).astype(kind), rng.standard_normal((5, 7)).astype(kind)
    native = np.dtype(kind).newbyteorder("=")
    for heat in (1.0, 0.3):
        for backward, sign in ((public["softmin_backward"], -1), (public["softmax_backward"], 1)):
            got = backward(dy, y=y, temperature=heat)
            wanted = backward(dy.astype(native), y=y.astype(native), temperature=heat)
            assert got.dtype == wanted.dtype == native and got.tobytes() == wanted.tobytes(), (kind, heat)
            exact = y.astype(float) * (dy.astype(float) - (y.astype(float) * dy.astype(float)).sum(-1, keepdims=True)) / heat
            np.testing.assert_allclose(got.astype(float), sign * exact, rtol=0.005 if native.itemsize == 2 else 2e-6, atol=1e-6)


def test_other_types_widen_along_any_axis(public):
    """A temperature or a dy in float64 widens float32 as along the last axis."""
    x = np.random.default_rng(71).standard_normal((3, 4)).astype("f4")
    heat = np.array([0.5, 1.0, 2.0, 4.0])
    for name in ("softmax", "softmin"):
        for temperature in (heat, heat.tolist(), heat.astype("f4")):
            wanted = public[name](np.ascontiguousarray(x.T), temperature=temperature)
            assert wanted.dtype == (np.float32 if getattr(temperature, "dtype", None) == "f4" else np.float64)
            for axis in (0, (0,), -2):
                assert_same_bits(public[name](x, axis, temperature=temperature), wanted.T, name, axis)
            back = public[f"{name}_backward"]
            wanted = back(np.ascontiguousarray(x.T), x=np.ascontiguousarray(x.T), temperature=temperature)
            assert_same_bits(back(x, x=x, axis=0, temperature=temperature), wanted.T, name)
    for dy in (heat, heat.tolist(), heat.astype("f4")):
        loss = public["softmax_cross_entropy_value_and_grad"]
        for across, along in zip(loss(x, [0, 1, 2, 0], 0, dy=dy), loss(np.ascontiguousarray(x.T), [0, 1, 2, 0], dy=dy), strict=True):
            assert_same_bits(across, along.T, "softmax_cross_entropy")


@pytest.mark.parametrize("name", ["softmax", "softmin"])
@pytest.mark.parametrize("temperature", [0.02, 0.3, 3.0])
def test_gradients_at_a_temperature(name, temperature, dtype, public):
    """Rounded once in half precision; no warning where the quotient overflows or underflows."""
    rng = np.random.default_rng(72)
    x, dy = ((rng.standard_normal((40, 30)) * scale).astype(dtype) for scale in (3 * temperature, 1e-3))
    y = public[name](x, temperature=temperature)
    got = public[f"{name}_backward"](dy, y=y, temperature=temperature)
    assert got.dtype == y.dtype
    if dtype == "float16":
        wide = [a.astype(np.float64) for a in (y, dy)]
        sign = -1 if name == "softmin" else 1
        wanted = sign * wide[0] * (wide[1] - (wide[0] * wide[1]).sum(-1, keepdims=True)) / float(temperature)
        # terms that cancel are float32's
        room = 0.51 * np.spacing(np.abs(wanted).astype(dtype)).astype(np.float64) + 1e-6 * np.abs(wide[0] / temperature).max() * 1e-3
        assert (np.abs(got.astype(np.float64) - wanted) <= room).all()
        place = dy.copy()
        assert public[f"{name}_backward"](place, y=y, temperature=temperature, out=place) is place
        assert_same_bits(place, got)
        with pytest.raises(ValueError, match=f"{name}_backward: out has shape" if name == "softmax" else "out has shape"):
            public[f"{name}_backward"](dy, y=y, temperature=temperature, out=np.empty((41, 30), dtype))
    most = np.finfo(dtype).max
    with np.errstate(all="raise"):
        for upper in (most / 4, np.finfo(dtype).smallest_normal):
            for heat in (np.dtype(dtype).type(1e-4), np.dtype(dtype).type(1e4)):
                public[f"{name}_backward"](np.array([upper, 0, 0], dtype), y=np.array([0.25, 0.5, 0.25], dtype), temperature=heat)


def test_softmin_is_softmax_of_the_negative(dtype, public):
    x = np.random.default_rng(66).standard_normal((4, 30)).astype(dtype)
    y, mirror = public["softmin"](x), public["softmax"](-x)
    np.testing.assert_allclose(y, mirror, rtol=4 * np.finfo(dtype).eps)
    dy = np.random.default_rng(67).standard_normal(x.shape).astype(dtype)
    assert_same_bits(public["softmin_backward"](dy, y=mirror), public["softmax_backward"](-dy, y=mirror))
    halved = public["softmin_backward"](dy, y=mirror, temperature=2.0)
    assert_same_bits(halved, public["softmax_backward"](-dy, y=mirror) / np.dtype(dtype).type(2))


def test_hardmax_chooses_what_is_not_masked(dtype, public):
    """Also where all that is not masked is -inf, which masked numbers otherwise stand for."""
    mask = np.array([False, True, True, False])
    for n in (4, 200):
        x, where = np.full(n, -np.inf, dtype), np.resize(mask, n)
        x[0] = 5
        assert np.flatnonzero(public["hardmax"](x, where=where)).tolist() == [1]
        x[n - 2] = 1
        assert np.flatnonzero(public["hardmax"](x, where=where)).tolist() == [n - 2]


@pytest.mark.parametrize("kind", VARIANTS)
def test_ufuncs_refuse_what_would_lead_them_out_of_bounds(kind, dtype):
    """Whoever calls them: no function has checked offsets and pieces before."""
    own, x = ufuncs(kind), np.ones((2, 5), dtype)
    out = np.full_like(x, 7)
    for offsets in ([0, 10**7], [0, 4], [0], [1, 5], [0, 3, 1, 5], [0, -1, 5], [[0, 2, 5], [0, 2, 6]], np.zeros(0, np.int64)):
        for name, given in (("segment_softmax", (x,)), ("segment_softmax_backward_y", (x, x))):
            with pytest.raises(ValueError, match=f"{name}: offsets must run from 0 to the axis' length and not fall"):
                own[name](*given, np.array(offsets, np.int64), out=out)
    assert (out == 7).all()
    own["segment_softmax"](x, np.array([[0, 5, 5], [0, 2, 5]]), out=out)
    assert np.allclose(out, [[0.2] * 5, [0.5] * 2 + [1 / 3] * 3], atol=1e-3)
    with pytest.raises(ValueError, match="maxout: x must have at least one piece"):
        own["maxout"](np.zeros((3, 0), dtype))
    assert own["maxout"](np.zeros((0, 0), dtype))[0].shape == (0,)


def test_hardmax_straight_through(dtype, public):
    x = np.random.default_rng(68).standard_normal((4, 6)).astype(dtype)
    dy = np.ones_like(x) * np.arange(6, dtype=dtype)
    assert_same_bits(public["hardmax_backward"](dy, x=x), np.zeros_like(x))
    assert_same_bits(public["hardmax_backward"](dy, x=x, straight_through=True), public["softmax_backward"](dy, x=x))
    out = np.ones_like(x)
    assert public["hardmax_backward"](dy, x=x, out=out) is out and (out == 0).all()
    assert (public["hardmax"](x).argmax(-1) == x.argmax(-1)).all()


def test_the_gradient_of_hardmax_looks_at_its_operands(dtype, public):
    """Zeros of the type that straight through has, NaN where a row has one, and refusals, although nothing is computed."""
    backward = public["hardmax_backward"]
    x = np.array([[1.0, np.nan, 2.0], [3.0, 1.0, 2.0]], dtype)
    for axis, lost in ((-1, [[1, 1, 1], [0, 0, 0]]), (0, [[0, 1, 0], [0, 1, 0]]), (None, np.ones((2, 3)))):
        got = backward(1.0, x=x, axis=axis)
        assert got.dtype == np.dtype(dtype) and (np.isnan(got) == np.array(lost, bool)).all() and not got[~np.isnan(got)].any()
    assert not backward(1.0, x=x, where=~np.isnan(x)).any()
    assert backward(np.ones(3), x=x).dtype == backward(np.ones(3), x=x, straight_through=True).dtype == np.float64
    out = np.full((2, 3), 7.0, dtype)
    for refused, error, words in (
        (lambda: backward(np.ones(5), x=x, out=out), ValueError, r"dy of shape \(5,\) does not fit the result's shape \(2, 3\)"),
        (lambda: backward("a", x=x, out=out), TypeError, "dy is str_"),
        (lambda: backward(1.0, x=x.astype(complex), out=out), TypeError, "x is complex128"),
        (lambda: backward(1.0, x=np.ma.array(x), out=out), TypeError, "x is a masked array"),
        (lambda: backward(1.0, x=x, where=np.ones(5, bool), out=out), ValueError, r"where of shape \(5,\)"),
        (lambda: backward(1.0, x=x, axis=2, out=out), np.exceptions.AxisError, "axis"),
        (lambda: backward(1.0, x=x, out=np.ones((3, 3), dtype)), ValueError, r"out has shape \(3, 3\)"),
    ):
        with pytest.raises(error, match=words):
            refused()
    assert (out == 7).all()


def test_variants_agree_on_rows(dtype):
    rng = np.random.default_rng(69)
    for n in (1, 5, 32, 77, 300, 2000):
        x = (rng.standard_normal((20, n)) * rng.choice([0.05, 1, 20], (20, 1))).astype(dtype)
        x[0] = random_bits(n, dtype, n)
        dy = rng.standard_normal(x.shape).astype(dtype)
        for name in ("softmax", *ROW_FUNCTIONS):
            heat = {"temperature": 0.7} if name.startswith("soft") else {}
            first = functions(VARIANTS[0])[name](x, **heat)
            slopes = functions(VARIANTS[0])[f"{name}_backward"](dy, x=x, **heat)
            for variant in VARIANTS[1:]:
                assert_same_bits(functions(variant)[name](x, **heat), first, name, variant, n)
                assert_same_bits(functions(variant)[f"{name}_backward"](dy, x=x, **heat), slopes, name, variant, n)


# ---- Gumbel samples -----------------------------------------------------------------------------------------------------


def test_gumbel_samples(dtype):
    """Reproducible from a seed or a generator, summing to 1, distributed as softmax; hard samples are those of the smooth ones."""
    x = np.array([0.0, 1.0, 2.0], dtype)
    many = np.broadcast_to(x, (20_000, 3))
    y = fa.gumbel_softmax(many, tau=0.5, rng=5)
    assert y.dtype == dtype and y.shape == many.shape
    assert_same_bits(fa.gumbel_softmax(many, tau=0.5, rng=5), y)
    assert_same_bits(fa.gumbel_softmax(many, tau=0.5, rng=np.random.default_rng(5)), y)
    np.testing.assert_allclose(y.astype("f8").sum(-1), 1, atol=4 * np.finfo(dtype).eps)
    hard, soft = fa.gumbel_softmax(many, tau=0.5, rng=5, hard=True)
    assert_same_bits(soft, y)
    assert_same_bits(hard, fa.hardmax(y))
    np.testing.assert_allclose(hard.astype("f8").mean(0), fa.softmax(x.astype("f8")), atol=0.015)
    generator = np.random.default_rng(6)
    assert (fa.gumbel_softmax(x, rng=generator) != fa.gumbel_softmax(x, rng=generator)).any()
    out = np.empty((2, 3), dtype)
    assert fa.gumbel_softmax(np.zeros((2, 3), dtype), rng=1, out=out) is out
    masked = fa.gumbel_softmax(many[:50], where=[True, False, True], rng=2)
    assert (masked[:, 1] == 0).all() and not np.isnan(masked).any()
    assert (fa.gumbel_softmax(np.array([0.0, -np.inf], dtype), rng=3) == [1, 0]).all()
    swapped = fa.gumbel_softmax(many.astype(np.dtype(dtype).newbyteorder()), tau=0.5, rng=5)
    assert swapped.dtype == dtype
    assert_same_bits(swapped, y)
    dy = np.random.default_rng(7).standard_normal((50, 3)).astype(dtype)
    assert_same_bits(fa.gumbel_softmax_backward(dy, y=y[:50], tau=0.5), fa.softmax_backward(dy, y=y[:50], temperature=0.5))
    assert fa.gumbel_softmax(np.zeros((4, 3, 2), dtype), axis=(0, 1), rng=1).shape == (4, 3, 2)
    for f, extra in ((fa.gumbel_softmax, {}), (fa.gumbel_softmax_backward, {"y": x})):
        with pytest.raises(ValueError, match=f"{f.__name__}: tau must be finite and greater than 0, got -1"):
            f(x, tau=-1, **extra)


@pytest.mark.parametrize("rng", ["seed", -1, 1.5])
def test_sources_of_random_numbers_are_named(rng):
    for name, call_ in {
        "gumbel_softmax": lambda: fa.gumbel_softmax(np.zeros(3), rng=rng),
        "alpha_dropout": lambda: fa.alpha_dropout(np.zeros(3), rng=rng),
        "he_normal": lambda: fa.init.he_normal((2, 3), rng=rng),
        "lecun_uniform": lambda: fa.init.lecun_uniform((2, 3), rng=rng),
    }.items():
        with pytest.raises((TypeError, ValueError), match=f"{name}: rng must be None, a seed or a numpy.random.Generator, got {rng!r}"):
            call_()


@pytest.mark.parametrize("refused", ["complex64", "longdouble", "object", "U1", "M8[D]"])
def test_refused_gumbel_samples(refused):
    with pytest.raises(TypeError, match=r"gumbel_softmax: x is .*; accepted are float16, bfloat16, float32 and float64, and bool and int"):
        fa.gumbel_softmax(np.zeros(3, refused))


# ---- segments -----------------------------------------------------------------------------------------------------------


def ragged(rng: np.random.Generator, count: int, longest: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(rng.integers(0, longest + 1, count))])


def test_segments_have_the_bits_of_rows(dtype, public):
    forward, backward = public["segment_softmax"], public["segment_softmax_backward"]
    rng = np.random.default_rng(71)
    for count, longest in ((1, 1), (40, 6), (33, 31), (33, 33), (20, 100), (5, 5000)):
        offsets = ragged(rng, count, longest)
        x = (rng.standard_normal(offsets[-1]) * 4).astype(dtype)
        dy = rng.standard_normal(x.size).astype(dtype)
        y, wanted, slopes = forward(x, offsets), np.empty_like(x), np.empty_like(x)
        dx = backward(dy, y=y, offsets=offsets)
        for begin, end in itertools.pairwise(offsets):
            wanted[begin:end] = public["softmax"](x[begin:end])
            slopes[begin:end] = public["softmax_backward"](dy[begin:end], y=wanted[begin:end])
        assert_same_bits(y, wanted, count, longest)
        assert_same_bits(dx, slopes, count, longest)
        assert_same_bits(backward(dy, x=x, offsets=offsets), slopes)
        own = x.copy()
        assert forward(own, offsets, out=own) is own
        assert_same_bits(own, wanted)
        own = dy.copy()
        assert_same_bits(backward(own, y=y, offsets=offsets, out=own), slopes)
        assert_same_bits(forward(np.repeat(x, 2)[::2], offsets.astype(np.int32)), wanted)
        heads = np.stack([x, x[::-1], -x], axis=1)
        several = forward(heads, offsets, axis=0)
        for h in range(3):
            assert_same_bits(several[:, h], forward(heads[:, h], offsets), "heads")
        assert_same_bits(forward(heads.T.copy(), offsets), several.T)
        assert_same_bits(backward(np.stack([dy] * 3, axis=1), y=several, offsets=offsets, axis=0)[:, 0], slopes)


def test_segments_at_the_edges():
    assert fa.segment_softmax(np.empty(0), [0]).shape == (0,)
    assert fa.segment_softmax(np.empty(0), [0, 0, 0]).shape == (0,)
    assert fa.segment_softmax(np.array([3.0]), [0, 0, 1, 1]).tolist() == [1.0]
    assert np.isnan(fa.segment_softmax(np.array([-np.inf, 1.0, 1.0]), [0, 1, 3])[0])
    assert fa.segment_softmax(np.arange(4), [0, 4]).dtype == np.float64
    out = np.full(4, 7.0)
    for f, given in ((fa.segment_softmax, {}), (fa.segment_softmax_backward, {"y": np.ones(4)})):
        name, x = f.__name__, np.ones(4)
        with pytest.raises(ValueError, match=f"{name}: offsets must not fall, got 1 after 3 at index 2"):
            f(x, offsets=[0, 3, 1, 4], out=out, **given)
        with pytest.raises(ValueError, match=f"{name}: offsets must run from 0 to the axis' length 4, got 5 at index 2"):
            f(x, offsets=[0, 3, 5], out=out, **given)
        with pytest.raises(ValueError, match=f"{name}: offsets must run from 0 to the axis' length 4, got 1 at index 0"):
            f(x, offsets=[1, 4], out=out, **given)
        with pytest.raises(ValueError, match=f"{name}: offsets must run from 0 to the axis' length 4, got -1 at index 0"):
            f(x, offsets=[-1, 4], out=out, **given)
        with pytest.raises(TypeError, match=f"{name}: offsets must be a row of integers, got float64"):
            f(x, offsets=[0.0, 4.0], out=out, **given)
        with pytest.raises(TypeError, match=f"{name}: offsets must be a row of integers"):
            f(x, offsets=np.zeros((1, 2), int), out=out, **given)
        with pytest.raises(ValueError, match=r"out has shape \(3,\), x has \(4,\)"):
            f(x, offsets=[0, 4], out=np.ones(3), **given)
    assert (out == 7).all()


# ---- maxout -------------------------------------------------------------------------------------------------------------


def test_maxout(dtype, public):
    rng = np.random.default_rng(72)
    x = rng.integers(-3, 4, (6, 12, 30)).astype(dtype)
    for axis in (0, 1, 2, -1):
        for pieces in (1, 2, 3, 6):
            best, which = public["maxout"](x, pieces, axis)
            moved = np.moveaxis(x, axis, -1)
            parts = moved.reshape(*moved.shape[:-1], -1, pieces)
            assert_same_bits(np.moveaxis(best, axis, -1), parts.max(-1))
            np.testing.assert_array_equal(np.moveaxis(which, axis, -1), parts.argmax(-1))
            assert which.dtype == np.int64
            dy = rng.standard_normal(best.shape).astype(dtype)
            dx = public["maxout_backward"](dy, which=which, pieces=pieces, axis=axis)
            spread = np.moveaxis(dx, axis, -1).reshape(parts.shape)
            np.testing.assert_array_equal(spread.sum(-1), np.moveaxis(dy, axis, -1))
            assert np.count_nonzero(spread) == np.count_nonzero(dy) and dx.dtype == dtype
            assert_same_bits(np.take_along_axis(spread, np.moveaxis(which, axis, -1)[..., None], -1)[..., 0], np.moveaxis(dy, axis, -1))
            for start in (0, dx.size - dy.size):     # dy lies in what is written
                out = np.empty(dx.shape, dtype)
                own = out.reshape(-1)[start : start + dy.size].reshape(dy.shape)
                own[...] = dy
                assert public["maxout_backward"](own, which=which, pieces=pieces, axis=axis, out=out) is out
                assert_same_bits(out, dx, pieces, axis, start)
    best, which = public["maxout"](np.array([1, np.nan, 3, np.inf, -np.inf, -np.inf], dtype), 3)
    assert np.isnan(best[0]) and which.tolist() == [1, 0] and best[1] == np.inf
    best, which = public["maxout"](np.empty((0, 4), dtype), 2)
    assert best.shape == which.shape == (0, 2)


def test_maxout_refusals():
    with pytest.raises(ValueError, match="maxout: pieces must divide the length 5 of axis 1, got 2"):
        fa.maxout(np.ones((3, 5)), 2)
    with pytest.raises(ValueError, match="maxout: pieces must divide the length 5 of axis 1, got 0"):
        fa.maxout(np.ones((3, 5)), 0)
    with pytest.raises(TypeError, match=r"maxout: pieces must be an integer, got 2\.5"):
        fa.maxout(np.ones((3, 5)), 2.5)
    with pytest.raises(TypeError, match="maxout: axis must be an integer, got 'a'"):
        fa.maxout(np.ones((3, 5)), 5, axis="a")
    with pytest.raises(np.exceptions.AxisError):
        fa.maxout(np.ones((3, 5)), 1, axis=2)
    out = np.full(4, 7.0)
    with pytest.raises(ValueError, match=r"maxout_backward: which must be from 0 to 1, got 2 at index \(1,\)"):
        fa.maxout_backward(np.ones(2), which=np.array([0, 2]), pieces=2, out=out)
    with pytest.raises(ValueError, match=r"maxout_backward: dy of shape \(3,\) does not fit which of shape \(2,\)"):
        fa.maxout_backward(np.ones(3), which=np.array([0, 1]), pieces=2, out=out)
    for refused in ("longdouble", "complex64", "U1"):
        with pytest.raises(TypeError, match=r"maxout_backward: dy is .*; accepted are"):
            fa.maxout_backward(np.ones(2).astype(refused), which=np.array([0, 1]), pieces=2, out=out)
    with pytest.raises(TypeError, match="maxout_backward: dy is a masked array"):
        fa.maxout_backward(np.ma.ones(2), which=np.array([0, 1]), pieces=2, out=out)
    with pytest.raises(TypeError, match="maxout_backward: which must be integers, got float64"):
        fa.maxout_backward(np.ones(2), which=np.ones(2), pieces=2, out=out)
    with pytest.raises(ValueError, match=r"out has shape \(5,\), the result \(4,\)"):
        fa.maxout_backward(np.ones(2), which=np.array([0, 1]), pieces=2, out=np.ones(5))
    assert (out == 7).all()


# ---- the table ----------------------------------------------------------------------------------------------------------


def test_activations_among_them():
    for record in FUNCTIONS:
        if record.maths:
            activation = fa.get(record.name)
            assert activation.forward is getattr(fa, record.name) and activation.backward is getattr(fa, f"{record.name}_backward")
            assert activation.bounds == record.bounds and activation.saves == record.saves and activation.parameters == {}
