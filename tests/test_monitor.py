"""The monitor of activations, against NumPy over all batches at once."""

from __future__ import annotations

import copy
import functools
import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from _support import DEFAULT_CASES, everywhere

import fastact as fa
from fastact._registry import ROWWISE
from fastact.monitor import ActivationMonitor

STATISTICS = ("zeros", "not_finite", "saturated", "min", "max", "mean", "std", "dead", "stuck", "zero_fraction", "saturated_fraction")


def batches(dtype="float64", units=9, seed=0):
    """Batches of different sizes; unit 2 never fires, unit 4 is always on."""
    rng = np.random.default_rng(seed)
    out = []
    for n in (1, 50, 7, 300):
        x = rng.standard_normal((n, units)) * 3
        x[:, 2] = -np.abs(x[:, 2]) - 9
        x[:, 4] = np.abs(x[:, 4]) + 1
        out.append(x.astype(dtype))
    return out


def check(watch, y, slopes=None, rtol=1e-13):
    """All statistics, from samples on the first axis in float64."""
    y = y.astype(np.float64)
    assert watch.count == len(y) and watch.shape == y.shape[1:]
    np.testing.assert_array_equal(watch.zeros, (y == 0).sum(axis=0))
    np.testing.assert_array_equal(watch.min, y.min(axis=0))
    np.testing.assert_array_equal(watch.max, y.max(axis=0))
    noise = 8 * np.finfo(float).eps * np.abs(y).max()  # roundings of the mean
    np.testing.assert_allclose(watch.mean, y.mean(axis=0), rtol=rtol, atol=noise)
    np.testing.assert_allclose(watch.std, y.std(axis=0), rtol=rtol, atol=noise)
    np.testing.assert_array_equal(watch.dead, (y == 0).all(axis=0))
    np.testing.assert_array_equal(watch.zero_fraction, (y == 0).mean(axis=0))
    if slopes is not None:
        low = np.abs(slopes) < watch.eps
        np.testing.assert_array_equal(watch.saturated, low.sum(axis=0))
        np.testing.assert_array_equal(watch.stuck, low.all(axis=0))
        np.testing.assert_array_equal(watch.saturated_fraction, low.mean(axis=0))
    else:
        assert watch.saturated is None and watch.stuck is None and watch.saturated_fraction is None


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if everywhere(c.record)], ids=str)
def test_statistics_of_every_activation(case, dtype):
    name, values = case.record.name, case.parameters
    xs = batches(dtype)
    ys = [np.asarray(getattr(fa, name)(x, **values)) for x in xs]
    x, y = np.concatenate(xs), np.concatenate(ys)
    slopes = getattr(fa.ufuncs, f"{name}_backward")(np.ones((), dtype), x, *values.values())
    from_x, from_both, plain = (ActivationMonitor(n, **v) for n, v in ((name, values), (name, values), (None, {})))
    for some_x, some_y in zip(xs, ys, strict=True):
        assert from_x.update(x=some_x) is from_x
        from_both.update(some_y, x=some_x)
        plain.update(some_y)
    check(from_x, y, slopes)
    check(from_both, y, slopes)
    check(plain, y)
    from_y = ActivationMonitor(name, **values)
    if case.output_determines:
        for some in ys:
            from_y.update(some)
        check(from_y, y, getattr(fa.ufuncs, f"{name}_backward_y")(np.ones((), dtype), y, *values.values()))
    else:
        with pytest.raises(TypeError, match=f"derivative of {name}; pass the input x="):
            from_y.update(ys[0])


def test_bfloat16():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    for name in (None, "relu", "tanh"):
        y = np.concatenate([fa.relu(x.astype(bfloat16)) for x in batches()])
        slopes = None if name is None else np.asarray(fa.get(name).backward(np.ones((), bfloat16), y=y)).astype(float)
        check(ActivationMonitor(name).update(y), y, slopes)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, (0, 2), (2, 0), (1, -1), (0, 1, 2, 3), ()])
def test_units_on_any_axis(axis, dtype):
    x = np.random.default_rng(0).standard_normal((4, 5, 6, 7)).astype(dtype)
    order = tuple(a % 4 for a in (axis if isinstance(axis, tuple) else (axis,)))
    rest = tuple(a for a in range(4) if a not in order)
    y = np.transpose(fa.relu(x), (*rest, *order)).reshape(-1, *(x.shape[a] for a in order))
    slopes = (y > 0).astype(float)
    for given in (x, np.asfortranarray(x), np.transpose(np.transpose(x, (2, 0, 3, 1)).copy(), (1, 3, 0, 2)), x[:, ::-1][:, ::-1]):
        watch = ActivationMonitor("relu", axis=axis).update(x=given)
        check(watch, y, slopes)


@pytest.mark.parametrize("axis", [1, -1, (1, 2)])
@pytest.mark.parametrize("shape", [(3, 20, 300, 40), (70_000, 2, 1, 3), (1, 3, 90_000, 2)])
def test_large_batches_come_in_blocks(axis, shape):
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    order = tuple(a % 4 for a in (axis if isinstance(axis, tuple) else (axis,)))
    rest = tuple(a for a in range(4) if a not in order)
    y = np.transpose(x, (*rest, *order)).reshape(-1, *(shape[a] for a in order))
    check(ActivationMonitor(axis=axis).update(x), y, rtol=1e-11)


def test_no_large_temporaries():
    x = np.random.default_rng(0).standard_normal((2000, 16, 100), np.float32)
    for axis in (-1, 1):
        for watch in (ActivationMonitor(axis=axis), ActivationMonitor("gelu", axis=axis)):
            tracemalloc.start()
            watch.update(**({"y": x} if watch.activation is None else {"x": x}))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < x.nbytes / 8, (peak, x.nbytes)


def test_nothing_cancels_far_from_zero():
    """Mean 1e8, deviation 1: sums of squares would lose all of it; what is left is a rounding of the mean, 1e8 * eps."""
    rng = np.random.default_rng(0)
    watch = ActivationMonitor()
    xs = [1e8 + rng.standard_normal((n, 3)) for n in (1, 1000, 10, 40_000)]
    for x in xs:
        watch.update(x)
    np.testing.assert_allclose(watch.std, (np.concatenate(xs) - 1e8).std(axis=0), rtol=1e8 * np.finfo(float).eps)


def test_a_default_that_is_given_is_the_same():
    x = np.random.default_rng(0).standard_normal((5, 3))
    for named in ({"alpha": 1.0}, {}):
        merged = ActivationMonitor("elu").update(x=x).merge(ActivationMonitor(fa.elu, **named).update(x=x))
        assert merged.count == 10
    with pytest.raises(ValueError, match=r"other has parameters \{'alpha': 2.0\}, this \{'alpha': 1.0\}"):
        ActivationMonitor("elu").merge(ActivationMonitor("elu", alpha=2.0))


def test_merging_is_exact_and_in_any_order():
    monitors = [ActivationMonitor("tanh", eps=0.05).update(x=x) for x in batches()]
    whole = functools.reduce(lambda a, x: a.update(x=x), batches(), ActivationMonitor("tanh", eps=0.05))
    trees = [
        lambda a, b, c, d: a.merge(b).merge(c).merge(d),
        lambda a, b, c, d: a.merge(b.merge(c.merge(d))),
        lambda a, b, c, d: a.merge(b).merge(c.merge(d)),
    ]
    before = [pickle.dumps(m) for m in monitors]
    for tree, order in itertools.product(trees, itertools.permutations(monitors)):
        merged = tree(*order)
        assert merged.count == whole.count
        for name in STATISTICS:
            got, wanted = getattr(merged, name), getattr(whole, name)
            if name in ("mean", "std"):
                np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-15)
            else:
                np.testing.assert_array_equal(got, wanted)
    assert before == [pickle.dumps(m) for m in monitors], "merging changed a part"
    empty = ActivationMonitor("tanh", eps=0.05)
    nothing = ActivationMonitor("tanh", eps=0.05).update(x=np.empty((0, 9)))
    for joined in (empty.merge(whole), whole.merge(empty), whole.merge(nothing), nothing.merge(whole), pickle.loads(pickle.dumps(whole))):
        for name in STATISTICS:
            np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    joined.update(x=np.zeros((1, 9)))
    assert joined.count == whole.count + 1


def test_across_dask_workers():
    dask = pytest.importorskip("dask")
    parts = [dask.delayed(lambda x: ActivationMonitor("relu").update(x=x))(x) for x in batches()]
    while len(parts) > 1:
        parts = [dask.delayed(ActivationMonitor.merge)(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    y = fa.relu(np.concatenate(batches()))
    check(parts[0].compute(scheduler="threads"), y, (y > 0).astype(float))


def test_values_that_are_not_finite():
    x = np.array([[1.0, np.nan, 2.0], [np.inf, 0.0, 0.0], [-np.inf, 1.0, 0.0]])
    with np.errstate(all="raise"):
        watch = ActivationMonitor().update(x[:1]).update(x[1:])
    assert watch.not_finite.tolist() == [2, 1, 0] and watch.zeros.tolist() == [0, 1, 2]
    assert np.isnan(watch.mean[:2]).all() and abs(watch.mean[2] - 2 / 3) < 1e-15
    assert "2 of 3 units gave NaN or infinity: 0, 1." in watch.report()


@pytest.mark.parametrize("rest", [[np.inf], [np.inf, np.inf], [-np.inf, 3.0], [np.inf, -np.inf], [np.inf, np.nan]], ids=str)
@pytest.mark.parametrize("size", [1, 2, 9])
def test_the_mean_of_infinities(rest, size):
    """Infinite as NumPy's, whatever the batches."""
    for values in itertools.permutations([1.0, 2.0, *rest]):
        watch = ActivationMonitor()
        with np.errstate(all="raise"):
            for start in range(0, len(values), size):
                watch.update(np.array(values[start : start + size])[:, None])
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(watch.mean, np.mean(values, keepdims=True))


def test_deviations_whatever_numpy_raises():
    with np.errstate(all="raise"):
        assert ActivationMonitor().update(np.array([[0.0], [0.0], [4e-162]])).std >= 0


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "deepcopy", "pickle"])
def test_a_copy_counts_by_itself(clone):
    first, second, *_ = batches()
    watch = ActivationMonitor("relu").update(x=first)
    before, twin = pickle.dumps(watch), clone(watch)
    twin.update(x=second)
    assert pickle.dumps(watch) == before and twin.count == len(first) + len(second)
    y = fa.relu(np.concatenate([first, second]))
    check(twin, y, (y > 0).astype(float))


@pytest.mark.parametrize("axis", [-1, ()])
@pytest.mark.parametrize("name", STATISTICS)
def test_results_are_not_the_state(name, axis):
    watch = ActivationMonitor("relu", axis=axis)
    for x in np.ones((3, 4)):
        watch.update(x=x[None] if axis else x[0])
        before = pickle.dumps(watch)
        np.asarray(getattr(watch, name))[...] = 1
        assert pickle.dumps(watch) == before


def test_the_report_is_plain_language():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 256))
    x[:, 5:22] = -np.abs(x[:, 5:22])
    watch = ActivationMonitor("relu").update(x=x)
    report = watch.report().splitlines()
    assert report[0] == "256 units of relu, 400 samples of each unit."
    assert report[1] == "17 of 256 units never fired: 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 ..."
    assert report[2] == "17 of 256 units were saturated (|f'| < 0.001) in every sample: 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 ..."
    assert report[3].startswith("Saturated on average: 5") and "Zeros: 5" in report[4]
    fine = ActivationMonitor("sigmoid").update(x=x).report()
    assert "All 256 units fired at least once." in fine and "All 256 units had a derivative of 0.001 or more at least once." in fine
    channels = ActivationMonitor(axis=(1, 2)).update(np.zeros((3, 2, 2))).report()
    assert "4 of 4 units never fired: (0, 0), (0, 1), (1, 0), (1, 1)." in channels
    assert ActivationMonitor().report() == "Nothing was seen yet."
    assert "3 units, 2 samples each" in repr(ActivationMonitor("relu").update(np.ones((2, 3))))


def test_the_picture():
    pytest.importorskip("matplotlib")
    watch = ActivationMonitor("relu").update(x=batches()[3])
    figure = watch.plot()
    above, below = figure.axes
    labels = [line.get_label() for line in above.get_lines()]
    assert labels == ["zeros", "saturated, |f'| < 0.001"]
    assert above.get_title() == watch.report().splitlines()[1]
    np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), np.sort(watch.zero_fraction)[::-1])
    np.testing.assert_array_equal(below.get_lines()[0].get_ydata(), np.sort(watch.mean))
    figure.canvas.draw()
    assert watch.plot(figure=type(figure)()) is not figure
    with pytest.raises(ValueError, match="nothing was seen"):
        ActivationMonitor().plot()


def test_refusals_leave_the_monitor_as_it_was():
    watch = ActivationMonitor("relu").update(np.ones((2, 3)))
    before = pickle.dumps(watch)
    row = ROWWISE[0].name
    for call, error, words in (
        (lambda: ActivationMonitor("reluu"), ValueError, ("activation", "reluu")),
        (lambda: ActivationMonitor(row), ValueError, ("activation", row)),
        (lambda: ActivationMonitor(eps=0), ValueError, ("eps", "0")),
        (lambda: ActivationMonitor(eps=np.nan), ValueError, ("eps", "nan")),
        (lambda: ActivationMonitor(alpha=1.0), TypeError, ("alpha",)),
        (lambda: ActivationMonitor("relu", alpha=1.0), TypeError, ("alpha",)),
        (lambda: ActivationMonitor("prelu"), TypeError, ("weight",)),
        (lambda: ActivationMonitor("prelu", weight=np.ones(3)), ValueError, ("weight", "(3,)")),
        (lambda: ActivationMonitor("elu", alpha=np.inf), ValueError, ("alpha", "inf")),
        (lambda: watch.update(), TypeError, ("y", "x=")),
        (lambda: ActivationMonitor().update(x=np.ones(3)), TypeError, ("x=", "activation")),
        (lambda: watch.update(np.ones((2, 4))), ValueError, ("y", "(4,)", "(3,)")),
        (lambda: watch.update(np.ones((2, 3)), x=np.ones((3, 3))), ValueError, ("x", "(3, 3)", "(2, 3)")),
        (lambda: watch.update(np.ones((2, 3), complex)), TypeError, ("y", "complex128")),
        (lambda: watch.update(1.0), np.exceptions.AxisError, ("axis", "-1")),
        (lambda: watch.merge(3), TypeError, ("other", "int")),
        (lambda: watch.merge(ActivationMonitor()), ValueError, ("activation", "None", "'relu'")),
        (lambda: watch.merge(ActivationMonitor("relu", eps=0.5)), ValueError, ("eps", "0.5")),
        (lambda: watch.merge(ActivationMonitor("relu").update(np.ones((2, 4)))), ValueError, ("shape", "(4,)", "(3,)")),
        (lambda: ActivationMonitor().mean, ValueError, ("nothing",)),
    ):
        with pytest.raises(error) as raised:
            call()
        assert all(word in str(raised.value) for word in words), str(raised.value)
    assert pickle.dumps(watch) == before
