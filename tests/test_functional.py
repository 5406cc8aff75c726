"""fastact.functional against torch.nn.functional: names, arguments, defaults, values; without PyTorch against the table."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from _support import assert_same_bits

import fastact as fa
import fastact.functional as F
from fastact._elsewhere import TORCH
from fastact._registry import Record

OWN = {s.name: s.function for s in TORCH}
NAMES = {n: OWN.get(n, n) for n in F.__all__ if OWN.get(n, n) in fa.names()}
ELEMENTWISE = [n for n, own in NAMES.items() if isinstance(fa.get(own).record, Record)]
OVER_AXIS = [n for n in F.__all__ if "dim" in inspect.signature(getattr(F, n)).parameters and n != "gumbel_softmax"]
#: What an argument without a default gets, and values other than the defaults.
GIVEN = {"weight": 0.25, "threshold": 0.2, "value": -3.0, "n": 2.0}
OTHER = {
    "negative_slope": 0.3, "alpha": 0.5, "lambd": 0.8, "beta": 2.5, "min_val": -0.4, "max_val": 1.5, "lower": 0.05, "upper": 0.9,
    "threshold": 0.7, "value": 5.0, "approximate": "tanh", "weight": -0.5,
}  # fmt: skip


def _x(dtype="float32", shape=(6, 5)):
    return (np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)


def _required(function) -> dict[str, float]:
    return {n: GIVEN[n] for n, p in inspect.signature(function).parameters.items() if p.default is p.empty and n in GIVEN}


def _arguments(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def test_every_activation_is_there():
    spelled = {s.function: s.name for s in TORCH}
    assert {spelled.get(n, n) for n in fa.names()} <= set(F.__all__)
    assert fa.functional is F


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_in_place_gives_the_same(name, dtype):
    function = getattr(F, name)
    given = _required(function)
    x = _x(dtype)
    if name == "logit":
        x = np.abs(np.tanh(x))
    wanted = function(x, **given)
    assert wanted.dtype == x.dtype and wanted is not x
    if "inplace" not in inspect.signature(function).parameters:
        assert name == "prelu"  # PyTorch has none either
        return
    for overwritten in (function(y := x.copy(), **given, inplace=True), getattr(F, f"{name}_")(y := x.copy(), **given)):
        assert_same_bits(overwritten, wanted)
    assert overwritten is y
    with pytest.raises(TypeError, match=f"{name}: inplace=True needs"):
        function([1.0, 2.0], **given, inplace=True)
    with pytest.raises(TypeError, match=f"{name}: inplace=True needs a floating-point input, got int64"):
        function(np.arange(3), **given, inplace=True)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_torch_elementwise(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name, None)
    if theirs is None:
        own = fa.get(OWN.get(name, name))
        given = _required(getattr(F, name))
        x = np.abs(np.tanh(_x())) if name == "logit" else _x()
        assert_same_bits(getattr(F, name)(x, **given), own(x, **given))
        return
    function = getattr(F, name)
    try:
        wanted = _arguments(theirs)
    except ValueError:  # written in C: no signature
        wanted = None
    if wanted is not None and len(wanted) > 1:
        ours = _arguments(function)
        ours = [(n, d) for n, d in ours if n not in ("rng", *(() if any(w == "inplace" for w, _ in wanted) else ("inplace",)))]
        assert ours == wanted
    choices = [_required(function)]
    others = [n for n in inspect.signature(function).parameters if n in OTHER and (name, n) != ("softplus", "threshold")]
    choices += [choices[0] | {n: OTHER[n]} for n in others]
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
        for shape in ((6, 5), (2, 3, 4), (7,), ()):
            x = _x(dtype, shape)
            for given in choices:
                passed = {k: torch.tensor([v], dtype=getattr(torch, dtype)) if k == "weight" else v for k, v in given.items()}
                wanted = theirs(torch.from_numpy(np.asarray(x)), **passed).numpy()
                got = function(x, **{k: np.asarray(v) if k == "weight" else v for k, v in passed.items()})
                assert got.dtype == wanted.dtype and got.shape == wanted.shape
                np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance / 4, err_msg=f"{name} {given} {shape}")


def test_softplus_has_pytorchs_threshold():
    torch = pytest.importorskip("torch")
    x = np.linspace(-30, 30, 241)
    for beta, threshold in ((1, 20), (2.5, 20), (1, 5), (0.5, -1), (1, np.inf)):
        wanted = torch.nn.functional.softplus(torch.from_numpy(x), beta, threshold).numpy()
        np.testing.assert_allclose(F.softplus(x, beta, threshold), wanted, rtol=1e-13)
        np.testing.assert_allclose(F.softplus(x.copy(), beta, threshold, inplace=True), wanted, rtol=1e-13)
        for v in (-1.5, 25.0):
            wanted = torch.nn.functional.softplus(torch.tensor(v, dtype=torch.float64), beta, threshold)
            np.testing.assert_allclose(F.softplus(v, beta, threshold), wanted)


def test_softplus_neither_warns_nor_guesses():
    for dtype in ("float16", "float32", "float64"):
        x = np.array([np.finfo(dtype).max, 1, -np.inf], dtype)
        with np.errstate(all="raise"):
            assert F.softplus(x, 4.0)[0] == F.softplus(x.copy(), 4.0, inplace=True)[0] == x[0]
    for arguments, error, words in (
        ({"beta": np.nan}, ValueError, "softplus: beta must be finite and not 0, got nan"),
        ({"beta": "a"}, TypeError, "softplus: beta must be a real number"),
        ({"threshold": "a"}, TypeError, "softplus: threshold must be a real number, got 'a'"),
        ({"input": np.array(["a"])}, TypeError, "softplus: input is str_"),
    ):
        for inplace in (False, True):
            with pytest.raises(error, match=words):
                F.softplus(**{"input": np.ones(3), **arguments}, inplace=inplace)


def test_logit_is_nan_outside():
    torch = pytest.importorskip("torch")
    x = np.array([-0.5, 0.0, 0.25, 1.0, 1.5])
    for eps in (None, 0.1):
        wanted = torch.logit(torch.from_numpy(x), eps).numpy()
        np.testing.assert_allclose(F.logit(x, eps), wanted, rtol=1e-14)
        np.testing.assert_allclose(F.logit_(x.copy(), eps), wanted, rtol=1e-14)


def test_bfloat16_in_place():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    x = np.array([-1.5, 0.25, 30.0], bfloat16)
    for name in ("relu", "softplus", "gelu", "rrelu", "hardtanh"):
        place = x.copy()
        assert getattr(F, f"{name}_")(place) is place
        np.testing.assert_array_equal(place.astype(float), getattr(F, name)(x).astype(float))


def test_reduction_of_a_number():
    torch = pytest.importorskip("torch")
    for dim in (0, -1):
        assert F.logsumexp(np.array(3.0), dim) == torch.logsumexp(torch.tensor(3.0), dim) == 3


def test_prelu_has_a_slope_for_each_channel():
    torch = pytest.importorskip("torch")
    for shape in ((4, 3), (4, 3, 2), (2, 3, 2, 2)):
        x, w = _x("float32", shape), np.array([0.1, -0.3, 2.0], "f4")
        np.testing.assert_array_equal(F.prelu(x, w), torch.nn.functional.prelu(torch.from_numpy(x), torch.from_numpy(w)).numpy())
    with pytest.raises(ValueError, match="weight must have one number or one for each channel, got 2 for 3"):
        F.prelu(_x("float32", (4, 3)), np.ones(2, "f4"))
    with pytest.raises(ValueError, match=r"weight must be a number or one-dimensional, got shape \(3, 1\)"):
        F.prelu(_x("float32", (4, 3)), np.ones((3, 1), "f4"))


@pytest.mark.parametrize("name", OVER_AXIS)
def test_torch_over_an_axis(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name, None) or getattr(torch, name, None)
    if theirs is None:
        pytest.skip("PyTorch has no such function")
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
        for shape in ((6, 4), (2, 4, 6), (8,)):
            x = _x(dtype, shape)
            for dim in range(-len(shape), len(shape)):
                got, wanted = getattr(F, name)(x, dim), theirs(torch.from_numpy(x), dim).numpy()
                assert got.dtype == wanted.dtype and got.shape == wanted.shape
                np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def test_dim_that_is_not_given():
    torch = pytest.importorskip("torch")
    for shape in ((4,), (3, 4), (2, 3, 4), (2, 2, 3, 2)):
        x = _x("float64", shape)
        for name in ("softmax", "log_softmax"):
            with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name}"):
                got = getattr(F, name)(x)
            with pytest.warns(UserWarning, match="Implicit dimension choice"):
                wanted = getattr(torch.nn.functional, name)(torch.from_numpy(x))
            np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-14, atol=1e-15)
    assert F.softmax(np.float32(3.0), dim=0) == 1.0


def test_dtype_is_what_is_computed_in():
    x = np.array([[1, 2, 3]])
    assert F.softmax(x, dim=1, dtype=np.float32).dtype == np.float32
    assert_same_bits(F.softmax(_x(), dim=1, dtype=np.float64), fa.softmax(_x().astype(np.float64), 1))
    assert F.logsumexp(_x(), dim=1, keepdim=True).shape == (6, 1)
    assert F.logsumexp(_x(), [0, 1]).shape == ()


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("hardtanh", {"min_val": np.nan}, "hardtanh: min_val must be finite, got nan"),
        ("hardtanh", {"max_val": -2.0}, "hardtanh: min_val must not be above max_val, got min_val=-1.0 and max_val=-2.0"),
        ("hardshrink", {"lambd": np.inf}, "hardshrink: lambd must be finite and not negative, got inf"),
        ("softshrink", {"lambd": -1}, "softshrink: lambd must be finite and not negative, got -1"),
    ],
)
def test_refusals_name_what_was_called(name, given, words):
    x = np.ones(3, np.float32)
    for function in (getattr(F, name), getattr(F, f"{name}_")):
        with pytest.raises(ValueError, match=f"^{words}$"):
            function(x, **given)
    assert (x == 1).all()


def test_casts_do_not_warn():
    with np.errstate(all="raise"):
        assert F.softmax(np.array([-1e300, 1e-300]), dim=0, dtype=np.float32).tolist() == [0, 1]


def test_masks_stay():
    for mask in (True, False):
        for x in (np.ma.array(50.0, mask=mask), np.ma.array([50.0, 1.0], mask=[mask, False])):
            for y in (F.softplus(x), F.softplus_(x.copy())):
                assert np.ma.getmaskarray(y).tolist() == np.ma.getmaskarray(x).tolist()
                assert mask or np.max(y) == 50
    with pytest.raises(TypeError, match="prelu: weight is a masked array"):
        F.prelu(-np.ones(3), np.ma.array([0.25], mask=True))


def test_gelu_refuses_an_unknown_approximation():
    with pytest.raises(ValueError, match="gelu: approximate must be one of 'none', 'tanh', got 'fast'"):
        F.gelu(_x(), approximate="fast")


def test_tensors_in_place():
    torch = pytest.importorskip("torch")
    t = torch.from_numpy(_x())
    wanted = fa.relu(_x())
    address = t.data_ptr()
    assert F.relu(t, inplace=True) is t and t.data_ptr() == address
    assert_same_bits(t.numpy(), wanted)
