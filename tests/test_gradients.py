"""Gradients three ways: the derivative of the forward reference, central differences, other libraries."""

from __future__ import annotations

import contextlib
import inspect

import mpmath as mp
import numpy as np
import pytest
from _support import CASES, DEFAULT_CASES, Case, accepted, call, functions, inside, proof, ufuncs

from fastact import _proof, reference
from fastact._registry import ELEMENTWISE, NAMES, RECORDS, ROWWISE
from fastact.verify import cases

TRAINED = [(case, p) for case in CASES for p in case.record.parameters if p.gradient]


def smooth_points(case: Case, n: int, seed: int = 0) -> np.ndarray:
    """Points around the origin and in the tails, away from kinks and from 0."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(-6, 6, n), rng.uniform(-60, 60, n // 2), rng.standard_normal(n // 2) * 1e-3])
    if case.record.domain:
        x = np.concatenate([x, rng.uniform(0, 1, n)])
    for kink in (0.0, *case.kinks):
        x = x[np.abs(x - kink) > 1e-4]
    return inside(case.record, x)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_table_states_the_derivative(case):
    """The table's derivative expression is the derivative of its forward expression."""
    x = smooth_points(case, 60)
    assert x.size > 60
    for v in x.tolist():
        derived = _proof.gradient(case.record.name, v, **case.parameters)
        stated = _proof.stated(f"{case.record.name}_backward", v, **case.parameters)
        assert abs(derived - stated) <= abs(derived) * mp.mpf(2) ** -90, (str(case), v)


@pytest.mark.parametrize("case", [c for c in CASES if c.output_determines], ids=str)
def test_table_states_the_derivative_from_the_output(case):
    """The form from y, at y = f(x) to thousands of digits, is the derivative at x."""
    parameters = {k: _proof.exact(v) for k, v in case.parameters.items()}
    name = case.record.name
    for v in smooth_points(case, 60, seed=1).tolist():
        with mp.workprec(3000):
            y = _proof.FORWARD[name](_proof.exact(v), **parameters)
            from_y = _proof.FORWARD[f"{name}_backward_y"](mp.mpf(1), y, **parameters)
            from_x = _proof.FORWARD[f"{name}_backward"](mp.mpf(1), _proof.exact(v), **parameters)
            assert abs(from_y - from_x) <= abs(from_x) * mp.mpf(2) ** -100, (str(case), v)


@pytest.mark.parametrize("case_parameter", TRAINED, ids=lambda v: f"{v[0]}-{v[1].name}")
def test_table_states_the_derivative_by_a_parameter(case_parameter):
    """The table's expression for a parameter's gradient is the derivative of its forward expression by that parameter."""
    case, p = case_parameter
    name = case.record.name
    for v in smooth_points(case, 60, seed=5).tolist():
        derived = _proof.parameter_gradient(name, p.name, v, **case.parameters)
        stated = _proof.stated(f"{name}_backward_{p.name}", v, **case.parameters)
        assert abs(derived - stated) <= abs(derived) * mp.mpf(2) ** -90, (str(case), v)


@pytest.mark.parametrize("case_parameter", TRAINED, ids=lambda v: f"{v[0]}-{v[1].name}")
def test_gradient_of_a_parameter(case_parameter, variant, dtype):
    """The kernel of a parameter's gradient is the derivative of the forward reference by that parameter, times dy, here a power of 2."""
    case, p = case_parameter
    name = case.record.name
    x = smooth_points(case, 60).astype(dtype)
    dy = np.random.default_rng(3).choice([-2.0, -0.5, 1.0, 4.0], x.size).astype(dtype)
    row = cases.Row(case.record, f"{name}_backward_{p.name}", tuple(case.parameters.items()))
    got = ufuncs(variant)[row.ufunc](dy, x, *case.parameters.values())
    for i in range(x.size):
        true = _proof.parameter_gradient(name, p.name, float(x[i]), **case.rounded(dtype)) * _proof.exact(float(dy[i]))
        error = _proof.error(got[i], true, dtype)
        if p.gradient.beside:
            size = mp.mpf(float(cases.beside(row, dtype)(x[i].astype(np.float64))))
            error *= float(_proof.ulp(true, dtype) / _proof.ulp(max(abs(true), size * abs(_proof.exact(float(dy[i])))), dtype))
        assert error <= case.record.bounds[dtype], (str(case), x[i], dy[i], got[i])


@pytest.mark.parametrize("case_parameter", TRAINED, ids=lambda v: f"{v[0]}-{v[1].name}")
def test_gradient_of_a_parameter_against_central_differences(case_parameter, variant):
    """(f(x; p + h) - f(x; p - h)) / 2h in float64, as good as that formula is."""
    case, p = case_parameter
    made, place = ufuncs(variant), [q.name for q in case.record.parameters].index(p.name)
    x = smooth_points(case, 2000, seed=6)
    x = x[np.abs(x) < 20]
    values = list(case.values)
    h = 2.0**-17 * max(abs(values[place]), 2.0**-3)

    def at(ufunc: str, step: float, *lead: float) -> np.ndarray:
        moved = [v + step if k == place else v for k, v in enumerate(values)]
        return made[ufunc](*lead, x, *moved)

    name, gradient = case.record.name, f"{case.record.name}_backward_{p.name}"
    slope = (at(name, h) - at(name, -h)) / (2 * h)
    got, before, after = at(gradient, 0.0, 1.0), at(gradient, -h, 1.0), at(gradient, h, 1.0)
    # where the gradient bends within h it is a kink's or as large as that bend; and two ulp of f on both sides over 2h
    tolerance = 2 * np.abs(after - before) + 4.5e-16 / h * (np.abs(at(name, 0.0)) + 1) + 1e-9 * np.abs(got)
    bad = np.flatnonzero(~(np.abs(slope - got) <= tolerance))
    assert bad.size == 0, (str(case), x[bad[:3]], slope[bad[:3]], got[bad[:3]])


@pytest.mark.parametrize("case_parameter", TRAINED, ids=lambda v: f"{v[0]}-{v[1].name}")
def test_gradient_of_a_parameter_against_torch(case_parameter, variant):
    """torch's autograd through the forward expression, by the parameter; the public function sums over all of x."""
    torch = pytest.importorskip("torch")
    case, p = case_parameter

    def both(function):
        return lambda a, b: function(*(torch.as_tensor(v, dtype=torch.float64) for v in (a, b)))

    def where(condition, a, b):
        return torch.where(condition, *(torch.as_tensor(v, dtype=torch.float64) for v in (a, b)))

    names = {"abs", "exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "erf", "erfc"}
    space = {n: getattr(torch, n) for n in names} | {"maximum": both(torch.maximum), "minimum": both(torch.minimum), "where": where}
    space |= {"sqrt": lambda v: torch.sqrt(torch.as_tensor(v, dtype=torch.float64)), "pi": np.pi, "less_tanh": None, "erfcx": None}
    x = smooth_points(case, 300, seed=9)
    x = x[np.abs(x) < 15]
    values = {k: torch.tensor(v, dtype=torch.float64, requires_grad=k == p.name) for k, v in case.parameters.items()}
    dy = np.random.default_rng(10).standard_normal(x.size)
    y = reference.evaluate_with(space)[case.record.name](torch.tensor(x), **values)
    y.backward(torch.tensor(dy))
    wanted = values[p.name].grad
    asked = {} if p.learned else {"param_grad": True}
    results = functions(variant)[f"{case.record.name}_backward"](dy, x=x, **case.parameters, **asked)
    trained = [q.name for q in case.record.parameters if q.gradient]
    assert isinstance(results, tuple) and len(results) == 1 + len(trained)
    got = results[1 + trained.index(p.name)]
    each = ufuncs(variant)[f"{case.record.name}_backward_{p.name}"](dy, x, *case.values)
    np.testing.assert_allclose(got, 0.0 if wanted is None else float(wanted), rtol=1e-12, atol=1e-13 * np.abs(each).sum())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernels_against_central_differences(case, variant):
    """(f(x+h) - f(x-h)) / 2h in float64, as good as that formula is."""
    x = smooth_points(case, 2000, seed=2)
    x = x[np.abs(x) < 20]
    if case.record.domain:
        x = np.intersect1d(inside(case.record, x - 0.05) + 0.05, inside(case.record, x + 0.05) - 0.05)
    h = 1e-5 / max([1.0, *map(abs, case.parameters.values())])
    slope = (call(variant, case, "forward", x + h, "float64") - call(variant, case, "forward", x - h, "float64")) / ((x + h) - (x - h))
    gradient = call(variant, case, "backward", x, "float64")
    scale = np.abs(call(variant, case, "forward", x, "float64")) + 1
    # h*h/6 times the third derivative, at most 12 times the scale here or else as measured, and two ulp of f on both sides over 2h
    step = 100 * h
    second = call(variant, case, "backward", x + step, "float64") - 2 * gradient + call(variant, case, "backward", x - step, "float64")
    third = np.maximum(12 * scale, 2 * np.abs(second) / step**2)
    tolerance = h * h / 6 * third + 4.5e-16 / h * scale
    bad = np.flatnonzero(~(np.abs(slope - gradient) <= tolerance))
    assert bad.size == 0, (str(case), x[bad[:3]], slope[bad[:3]], gradient[bad[:3]])


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_dy_is_a_factor(case, variant, dtype):
    """backward(dy, x) is dy times backward(1, x), rounded once more."""
    rng = np.random.default_rng(4)
    x = smooth_points(case, 200).astype(dtype)
    dy = rng.standard_normal(x.size).astype(dtype)
    backward = ufuncs(variant)[f"{case.record.name}_backward"]
    # half precision is computed in float32, so there the factor is known before it is rounded
    wide = np.dtype(np.float32 if dtype == "float16" else dtype)
    one = backward(np.ones(x.size, wide), x.astype(wide), *case.rounded(dtype).values())
    with np.errstate(all="ignore"):
        product = np.multiply(dy, one, dtype=wide).astype(dtype)
    got = backward(dy, x, *case.parameters.values())
    finite = np.isfinite(product)
    assert finite.sum() > 100
    assert (got[~finite] == product[~finite]).all()
    distance = np.abs(got[finite].astype(np.longdouble) - product[finite].astype(np.longdouble))
    assert (distance <= np.spacing(np.abs(product[finite])).astype(np.longdouble)).all()


# ---- second opinions ---------------------------------------------------------------------------------------------


def test_scipy_agrees(variant):
    """Whatever SciPy or NumPy call by one of the table's names gives the same to a few ulp of float64."""
    special = pytest.importorskip("scipy.special")
    public = functions(variant)
    x = np.random.default_rng(6).uniform(-30, 30, 4000)
    rows = x.reshape(40, 100)
    compared = []
    for name in NAMES:
        theirs = getattr(special, name, None) or getattr(np, name, None)
        if theirs is None or theirs is np.identity:     # a matrix
            continue
        row = NAMES[name] in {r.name for r in ROWWISE}
        given = accepted(RECORDS[NAMES[name]], rows if row else x)
        ours = public[name](given)
        wanted = theirs(given, axis=-1) if row else theirs(given)
        # SciPy rounds x^2 before it takes e^-x^2
        lost = x * x * 2.3e-16 if "erf" in RECORDS[NAMES[name]].forward else 0.0
        same = (ours == wanted) | (np.isnan(ours) & np.isnan(wanted))
        same |= np.abs(ours - wanted) <= (1e-14 + lost) * np.abs(wanted) + 1e-300
        assert same.all(), (name, x[~same.ravel()][:3])
        compared.append(name)
    assert {"expit", "log_expit", "softmax", "log_softmax", "logsumexp", "exp", "tanh"} <= set(compared)


def test_scipy_normal_distribution_agrees(variant):
    """gelu through SciPy's normal distribution function, value and gradient."""
    special = pytest.importorskip("scipy.special")
    public = functions(variant)
    x = np.linspace(-30, 30, 6001)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(public["gelu"](x), x * special.ndtr(x), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(public["gelu_backward"](1.0, x=x), special.ndtr(x) + x * density, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_torch_agrees(case, variant):
    """Value and gradient of the torch function of the same name, in float64, away from kinks."""
    torch = pytest.importorskip("torch")
    name = case.record.name
    places = [getattr(m, n, None) for m in (torch.nn.functional, torch) for n in (name, name.replace("_", ""))]
    theirs = next((f for f in places if callable(f)), None)
    if theirs is None:
        pytest.skip(f"torch has no {name}")
    public = functions(variant)
    x = smooth_points(case, 500, seed=8)
    x = x[np.abs(x) < 15]  # torch's softplus is a straight line from 20
    t = torch.tensor(x, requires_grad=True)
    trained = {p.name for p in case.record.parameters if p.learned}
    extra = {k: torch.tensor([v], dtype=torch.float64, requires_grad=True) if k in trained else v for k, v in case.parameters.items()}
    with contextlib.suppress(ValueError):   # a builtin has no signature, and the table's names
        theirs_names = inspect.signature(theirs).parameters
        extra = {n: v for k, v in extra.items() for n in theirs_names if n == k or n.startswith(f"{k}_")}
    y = theirs(t, **extra)
    y.sum().backward()
    np.testing.assert_allclose(public[name](x, **case.parameters), y.detach().numpy(), rtol=1e-12, atol=1e-14)
    got = public[f"{name}_backward"](np.ones_like(x), x=x, **case.parameters)
    if trained:
        got, *others = got
        for p, other in zip(sorted(trained), others, strict=True):
            np.testing.assert_allclose(other, extra[p].grad.numpy()[0], rtol=1e-12)
    single = name == "hard_sigmoid"     # whose gradient torch rounds to float32 in every type
    np.testing.assert_allclose(got, t.grad.numpy(), rtol=2.0**-24 if single else 1e-12, atol=1e-13)


@pytest.mark.parametrize("row", ROWWISE, ids=lambda r: r.name)
def test_torch_agrees_on_rows(row, variant):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch, row.name, None) or getattr(torch.nn.functional, row.name)
    rng = np.random.default_rng(9)
    x = rng.standard_normal((7, 33)) * 5
    t = torch.tensor(x, requires_grad=True)
    y = theirs(t, dim=-1)
    dy = rng.standard_normal(y.shape)
    y.backward(torch.tensor(dy))
    public = functions(variant)
    np.testing.assert_allclose(public[row.name](x), y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(public[f"{row.name}_backward"](dy, x=x), t.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_gradient_at_zero_follows_the_convention(variant, dtype):
    """At 0, kink or not, the gradient is what the table's derivative expression says."""
    for case in CASES:
        if not inside(case.record, [0.0]).size:
            continue
        got = call(variant, case, "backward", [0.0, -0.0], dtype)
        true = proof(case, "backward", 0.0, dtype)
        for value in got:
            assert _proof.error(value, true, dtype) <= case.record.bounds[dtype], str(case)
    assert len(CASES) > len(ELEMENTWISE)
