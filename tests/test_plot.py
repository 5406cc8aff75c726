"""Pictures: what is drawn is what the functions compute, for every record; and what is refused."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import fastact as fa
from fastact import demo, plot
from fastact._elsewhere import TORCH
from fastact._registry import ELEMENTWISE

DRAWABLE = [name for name in fa.names() if plot.drawable(name)]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def axes():
    return plot.new_figure((4, 3)).subplots()


def line(axes, label):
    (found,) = (li for li in axes.get_lines() if li.get_label() == label)
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def settings(record):
    return {p.name: p.samples[0] if p.default is None else p.default for p in record.parameters}


# ---- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_a_curve_is_the_function_and_its_gradient(record, axes):
    assert plot.curve(record.name, axes=axes) is axes
    x, y = line(axes, "$f(x)$")
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(y, fa.get(record.name)(x, **settings(record)))
        slope = fa.get(record.name).backward(np.ones_like(x), x=x, **settings(record))
    slope = slope[0] if isinstance(slope, tuple) else slope
    at, drawn = line(axes, "$f'(x)$")
    apart = np.isnan(drawn) & ~np.isnan(slope)
    np.testing.assert_array_equal(drawn[~apart], slope[~apart])
    dots = [li for li in axes.get_lines() if li.get_marker() == "o"]
    kinks = record.kinks_at(settings(record)) if hasattr(record, "kinks_at") else record.kinks
    assert sorted(at[apart]) == sorted(set(kinks)), "the gradient's line is broken at the kinks, and nowhere else"
    if kinks:
        (dots,) = dots
        np.testing.assert_array_equal(dots.get_ydata(), slope[np.searchsorted(x, dots.get_xdata())])
        assert axes.get_xlim()[0] < min(kinks) and max(kinks) < axes.get_xlim()[1]
    assert np.diff(axes.get_ylim()) > 0 and all(map(math.isfinite, axes.get_ylim()))


@pytest.mark.parametrize("name", fa.names())
def test_whatever_can_be_drawn_draws_without_a_warning(name, axes):
    if name not in DRAWABLE:
        with pytest.raises(ValueError, match=f"curve: {name} cannot be drawn"):
            plot.curve(name, axes=axes)
        return
    plot.curve(name, axes=axes)
    axes.figure.canvas.draw()
    assert axes.get_title().startswith(name)
    assert axes.get_legend() is not None


def test_a_curve_over_an_axis(axes):
    plot.curve("softmax", axes=axes)
    x, first = line(axes, "$f([x, 0, -1])_1$")
    rows = np.stack([x, np.zeros_like(x), -np.ones_like(x)], axis=-1)
    np.testing.assert_array_equal(first, fa.softmax(rows)[:, 0])
    _, slope = line(axes, "$df_1/dx$")
    np.testing.assert_allclose(slope, first * (1 - first), rtol=1e-10, atol=1e-15)
    axes.clear()
    plot.curve("logsumexp", axes=axes)
    _, slope = line(axes, "$df/dx$")
    np.testing.assert_allclose(slope, first, rtol=1e-12)


def test_limits_parameters_and_aliases(axes):
    plot.curve("elu", axes=axes, limits=(-2, 3), alpha=2.5)
    assert axes.get_xlim() == (-2, 3) and axes.get_title() == "elu (alpha=2.5)"
    assert line(axes, "$f(x)$")[1][0] == fa.elu(-2.0, alpha=2.5)
    assert plot.curve("expit").get_title() == plot.curve(fa.sigmoid).get_title() == "sigmoid"


def test_without_axes_pyplot_makes_a_figure():
    assert plot.curve("relu").figure.number in plt.get_fignums()
    assert plot.gallery(["relu"]).number in plt.get_fignums()


def test_what_a_curve_refuses(axes):
    with pytest.raises(ValueError, match="did you mean 'gelu'"):
        plot.curve("gelo")
    with pytest.raises(TypeError, match=r"curve: elu has no parameter 'aleph'; its parameters are alpha"):
        plot.curve("elu", aleph=2, axes=axes)
    with pytest.raises(TypeError, match=r"curve: alpha must be a number, got 'x'"):
        plot.curve("elu", alpha="x", axes=axes)
    with pytest.raises(TypeError, match=r"curve: softmax has no parameter 'alpha'"):
        plot.curve("softmax", alpha=2, axes=axes)
    with pytest.raises(ValueError, match="softplus: beta must be finite and not 0, got 0"):
        plot.curve("softplus", beta=0, axes=axes)
    for limits in ((3, 1), (0, math.inf), (1, 1), (0, 1, 2)):
        with pytest.raises(ValueError, match="curve: limits must be two finite numbers"):
            plot.curve("relu", limits=limits, axes=axes)
    assert not axes.get_lines(), "refused before anything is drawn"


def test_the_gallery_has_every_function_once():
    figure = plot.gallery(figure=plot.new_figure((12, 9)))
    assert [axes.get_title().partition(" ")[0] for axes in figure.axes] == DRAWABLE
    assert len(plot.gallery(["tanh", fa.relu, fa.get("gelu")], columns=2).axes) == 3
    for bad, message in ((["relu", "gelo"], "did you mean"), ([], "names is empty")):
        with pytest.raises(ValueError, match=message):
            plot.gallery(bad)
    with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
        plot.gallery(["relu"], columns=0)


# ---- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_errors_are_within_the_bound_and_not_nothing(record, gradient):
    pytest.importorskip("scipy")
    found = plot.measure(record.name, gradient=gradient, count=20_000, peer=False)
    assert found.worst <= record.bounds["float32"]
    assert np.nanmax(found.largest) <= found.worst
    known = ~np.isnan(found.largest)
    assert (found.mean[known] <= found.largest[known]).all()
    assert found.points > 1_000
    if found.worst:
        assert not math.isnan(found.at)


def test_errors_find_what_is_wrong(monkeypatch):
    """A function that is off by three ulp in one place is seen there, and nowhere else."""
    pytest.importorskip("scipy")
    from fastact.verify import cases

    kernel = cases.kernel

    def worse(row):
        right = kernel(row)

        def compute(x):
            y = np.array(right(x))
            for _ in range(3):
                y = np.where((x > 2) & (x < 2.5), np.nextafter(y, np.float32(9)), y)
            return y

        return compute

    monkeypatch.setattr(cases, "kernel", worse)
    found = plot.measure("tanh", count=50_000, peer=False)
    assert 3 <= found.worst <= 5 and 2 < found.at < 2.5
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    assert np.nanmin(found.largest[(middles > 2.05) & (middles < 2.45)]) > 2
    assert np.nanmax(found.largest[(middles < 1.95) | (middles > 2.55)]) <= 2


def test_all_float16_numbers_agree_with_the_verifier():
    pytest.importorskip("scipy")
    pytest.importorskip("gmpy2")
    from fastact.verify.cases import Row
    from fastact.verify.sweep import Sweep, parts

    found = plot.measure("gelu", dtype="float16", count=None)
    assert found.points == 63_488
    sweep = Sweep(Row(fa.get("gelu").record, "gelu"), "float16")
    assert found.worst == pytest.approx(max(p.tally(sweep).worst for p in parts("float16", 1, 1)), abs=2e-3)


def test_measuring_tells_how_far_it_is():
    pytest.importorskip("scipy")
    shares: list[float] = []
    plot.measure("relu", dtype="float16", count=None, peer=False, progress=shares.append)
    assert shares and shares == sorted(shares) and shares[-1] == 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_error_pictures(dtype, axes):
    pytest.importorskip("scipy")
    assert plot.errors("silu", dtype=dtype, count=5_000, peer=False, axes=axes) is axes
    axes.figure.canvas.draw()
    assert f"silu, {dtype}: largest error" in axes.get_title()
    assert {t.get_text() for t in axes.get_legend().get_texts()} == {"largest", "mean", f"promised: {fa.get('silu').bounds[dtype]:g}"}


def test_a_long_title_takes_two_lines(axes):
    found = plot.measure("log_sigmoid", gradient=True, count=1_000, peer=False)
    plot.errors(found, axes=axes)
    assert axes.get_title().startswith("log_sigmoid_backward, float32\n")


def test_a_peer_with_large_errors_makes_the_axis_logarithmic(axes):
    pytest.importorskip("scipy")
    found = plot.measure("tanh", count=5_000, peer=False)
    found.peer_largest, found.peer_worst = np.full_like(found.largest, 1e7), 1e7
    plot.errors(found, axes=axes)
    assert axes.get_yscale() == "log" and axes.get_ylim()[1] > 1e7
    assert "PyTorch, largest" in {t.get_text() for t in axes.get_legend().get_texts()}


def test_beside_pytorch():
    pytest.importorskip("torch")
    pytest.importorskip("scipy")
    for gradient in (False, True):
        found = plot.measure("gelu", gradient=gradient, count=20_000)
        assert found.peer_worst is not None and found.peer_worst > 100 * found.worst, "1 + erf loses the negative tail"


def test_what_errors_refuse(axes):
    with pytest.raises(ValueError, match="did you mean 'gelu'"):
        plot.errors("gelo", axes=axes)
    with pytest.raises(ValueError, match="errors: softmax works on several numbers at once"):
        plot.errors("softmax", axes=axes)
    with pytest.raises(ValueError, match="dtype must be one of float16, float32, float64, got 'int8'"):
        plot.errors("gelu", dtype="int8", axes=axes)
    with pytest.raises(ValueError, match="count must be at least 2, got 1"):
        plot.errors("gelu", count=1, axes=axes)
    with pytest.raises(TypeError, match="gelu has no parameter 'alpha'; it has none"):
        plot.errors("gelu", alpha=1.0, axes=axes)
    assert not axes.get_lines()


# ---- the module ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [plot, plot.curve, plot.gallery, plot.measure, plot.errors, plot.drawable], ids=lambda t: t.__name__)
def test_examples_run(thing):
    pytest.importorskip("scipy")
    test = doctest.DocTestParser().get_doctest(thing.__doc__, {}, thing.__name__, None, 0)
    assert test.examples
    report: list[str] = []
    assert doctest.DocTestRunner().run(test, out=report.append).failed == 0, "".join(report)


def test_importing_needs_no_matplotlib():
    code = "import sys; import fastact.plot, fastact.__main__; assert not {'matplotlib', 'scipy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pytorchs_function_is_found_under_its_name():
    """Where its name is another one, too; and it computes the same."""
    torch = pytest.importorskip("torch")
    found = {}
    for record in ELEMENTWISE:
        low, high = record.domain or (-4, 4)
        x = np.linspace(max(low, -4), min(high, 4), 35)[1:-1]
        function = demo.torch_function(torch, fa.get(record.name))
        if function is not None:
            found[record.name] = function
            needed = {p.name: 0.25 for p in record.parameters if p.default is None}
            wanted = fa.get(record.name)(x, **needed)
            np.testing.assert_allclose(function(torch.from_numpy(x)).numpy(), wanted, rtol=1e-6, atol=1e-7, err_msg=record.name)
    same = {s.function for s in TORCH if all(math.isclose(fa.get(s.function).parameters[k], v) for k, v in s.fixed.items())}
    spelled = same & {r.name for r in ELEMENTWISE}
    assert {"relu", "gelu_tanh", "log_sigmoid"} | spelled <= set(found), spelled - set(found)
