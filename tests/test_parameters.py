"""Parameters are checked before anything is written; y= is refused where the output cannot give the gradient."""

from __future__ import annotations

import inspect
import math
import re

import numpy as np
import pytest
from _support import (
    CASES,
    DEFAULT_CASES,
    ELEMENTWISE,
    ROWWISE,
    accepted,
    assert_same_bits,
    functions,
    hard_values,
    inside,
    random_bits,
)

import fastact as fa
from fastact import _proof

WITH_PARAMETERS = [case for case in DEFAULT_CASES if case.record.parameters]
TRAINED = [case for case in DEFAULT_CASES if any(p.learned for p in case.record.parameters)]
BAD = {
    "finite": (math.inf, -math.inf, math.nan),
    "nonzero": (math.inf, -math.inf, math.nan, 0, 0.0, -0.0),
    "nonnegative": (math.inf, -math.inf, math.nan, -1, -0.5),
    "margin": (math.inf, -math.inf, math.nan, -0.1, 0.5, 1.0),
}
NAMED = [*DEFAULT_CASES, *ROWWISE]


def name_of(case) -> str:
    return getattr(case, "record", case).name


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_bad_values(case, public):
    """A ValueError that names the function, the parameter and the value; out and dy are as they were."""
    name = case.record.name
    for parameter in case.record.parameters:
        for bad in BAD[parameter.check]:
            for kind in (float, np.float64, np.float32, np.array):
                extra = {**case.parameters, parameter.name: kind(bad)}
                out, x = np.full(3, 7.0), np.array([-1.0, 0.5, 2.0])
                for call in (
                    lambda name=name, x=x, out=out, extra=extra: public[name](x, out=out, **extra),
                    lambda name=name, x=x, out=out, extra=extra: public[f"{name}_backward"](out, x=x, out=out, **extra),
                ):
                    with pytest.raises(ValueError, match=parameter.name) as caught:
                        call()
                    assert name in str(caught.value) and "finite" in str(caught.value)
                    assert str(float(bad)) in str(caught.value) or repr(kind(bad)) in str(caught.value) or str(bad) in str(caught.value)
                    assert out.tolist() == [7.0] * 3 and x.tolist() == [-1.0, 0.5, 2.0]


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_arrays_with_a_bad_entry(case, public):
    """The message gives the first bad entry and its place."""
    name = case.record.name
    for parameter in case.record.parameters:
        for bad in BAD[parameter.check]:
            values = np.full((2, 3), 0.25)
            values[1, 2] = bad
            out = np.full((2, 3), 7.0)
            with pytest.raises(ValueError, match=r"at index \(1, 2\)") as caught:
                public[name](np.ones((2, 3)), out=out, **{**case.parameters, parameter.name: values})
            assert parameter.name in str(caught.value) and name in str(caught.value)
            with pytest.raises(ValueError, match=r"at index \(1, 2\)"):
                public[f"{name}_backward"](np.ones((2, 3)), x=np.ones((2, 3)), out=out, **{**case.parameters, parameter.name: values})
            assert (out == 7.0).all()


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_plain_numbers_of_any_type(case, public, dtype):
    """Checked numbers are kept for the next call: equal ones of other types, and zeros of either sign, get what is theirs."""
    name = case.record.name
    x = accepted(case.record, np.concatenate([hard_values(dtype), random_bits(50, dtype)]))
    for parameter in case.record.parameters:
        numbers = {"nonzero": (1,), "nonnegative": (1, 0), "margin": (0,)}.get(parameter.check, (1, 0, -0.0))
        for number in numbers:
            for kind in (float, int, np.float64, np.float32, np.int64, np.array):
                value = kind(number)
                extra = {**case.parameters, parameter.name: value}
                if any(float(extra[low]) > float(extra[high]) for low, high in case.record.ordered):
                    continue
                with np.errstate(all="ignore"):
                    got = [public[name](x, **extra) for _ in range(2)]
                    wanted = public[name](x, **{**extra, parameter.name: np.full(x.shape, value, dtype)})
                assert_same_bits(got[0], wanted)
                assert_same_bits(got[1], wanted)
        with pytest.raises(ValueError, match=f"{name}: {parameter.name} must be .*, got a number beyond float64"):
            public[name](x, **{**case.parameters, parameter.name: 10**400})


def test_numbers_with_the_hash_of_others():
    """2**610 has that of 1; NumPy warns where it is compared with a float32."""
    x = np.ones(3)
    assert hash(2.0**610) == hash(np.float32(1))
    fa.swish(x, beta=np.float32(1))
    with np.errstate(all="raise"):
        assert fa.swish(x, beta=2.0**610).tolist() == [1.0] * 3


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_values_that_only_a_wider_type_holds(case, public):
    """1e300 is infinite in float32, and 1e-300 is 0 there: refused by name, value and type, not a silent NaN."""
    x, out = np.array([-1.0, 0.0, 2.0], np.float32), np.full(3, 7.0, np.float32)
    name = case.record.name
    for parameter in case.record.parameters:
        wide = {"nonnegative": (1e300,), "margin": ()}.get(parameter.check, (1e300, -1e300))
        for value in (*wide, *((1e-300,) if parameter.check == "nonzero" else ())):
            extra = {**case.parameters, parameter.name: value}
            for more in ({}, {"order": "K"}, {"where": True}, {"dtype": np.float32}):
                with pytest.raises(ValueError, match=rf"{parameter.name} must be finite.* in float32, got {re.escape(repr(value))}"):
                    public[name](x, out=out, **extra, **more)
            for dy, more in ((np.ones_like(x), {}), (np.ones_like(x), {"order": "K"}), (1.0, {}), (np.ones(3, np.float16), {})):
                with pytest.raises(ValueError, match=rf"{parameter.name} must be finite.* in float32, got {re.escape(repr(value))}"):
                    public[f"{name}_backward"](dy, x=x, out=out, **extra, **more)
            assert (out == 7.0).all()
            if case.accepts(extra):
                public[name](x.astype(np.float64), **extra)


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_extreme_parameters_give_numbers(case, public, dtype):
    """Any finite parameter that the type holds: no NaN anywhere, and f(0) = 0 for those with f(0) = 0."""
    info = np.finfo(dtype)
    x = np.array([-float(info.max), -30.0, -1.0, -1e-3, -float(info.smallest_subnormal), 0.0, 1e-3, 1.0, 30.0, float(info.max)], dtype)
    signs = (1.0, -1.0)
    x = inside(case.record, x)
    for p in case.record.parameters:
        parameter = p.name
        for magnitude in (float(info.smallest_normal), float(info.eps), 1e-3, 1e3, float(info.max) / 4, float(info.max)):
            for sign in signs:
                extra = {**case.parameters, parameter: sign * magnitude}
                if not case.accepts(extra):
                    continue
                y = public[case.record.name](x, **extra)
                assert not np.isnan(y).any(), (str(case), parameter, sign * magnitude, x[np.isnan(y)])
                dx = public[f"{case.record.name}_backward"](np.ones_like(x), x=x, **extra)
                dx = dx[0] if isinstance(dx, tuple) else dx
                assert not np.isnan(dx).any(), (str(case), "gradient", parameter, sign * magnitude, x[np.isnan(dx)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_values_at_extreme_parameters(case, dtype, variant):
    """Within the bound of the exact value for any parameter from the least normal number to the largest, of either sign; but for what
    celu's notes leave out."""
    info, name = np.finfo(dtype), case.record.name
    span = 2.0 ** np.arange(-info.maxexp + 2, info.maxexp, info.maxexp // 5, dtype=np.float64)
    x = inside(case.record, np.concatenate([-span[::-1], -3 * span[3:5], span]).astype(dtype))
    for parameter in case.record.parameters:
        for value in (*span, *-span):
            extra = {**case.parameters, parameter.name: float(value)}
            if not case.accepts(extra) or (name == "celu" and -1e-5 < value < 0):
                continue
            given = {p: float(np.dtype(dtype).type(v)) for p, v in extra.items()}
            got = functions(variant)[name](x, **extra)
            for point, y in zip(x.tolist(), got.tolist(), strict=True):
                error = _proof.error(y, _proof.forward(name, point, **given), dtype)
                assert error <= case.record.bounds[dtype], (point, y, extra, error)


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if c.record.held_by], ids=str)
def test_numbers_that_are_no_probabilities(case, public, dtype):
    """Refused by name, value and place unless the parameter holds them, with nothing written; not NaN, nor what is masked out."""
    name, held = case.record.name, case.record.held_by
    for function, results in ((public[name], 1), (getattr(fa, f"{name}_value_and_grad"), 2)):
        x = np.linspace(0, 1, 66, dtype=dtype).reshape(6, 11)
        x[0, :2], x[5, 10] = -0.0, np.nan
        usual = function(x)
        assert np.isnan(np.asarray(usual)).sum() == results
        above, below = 1 + float(np.finfo(dtype).eps), -float(np.finfo(dtype).smallest_subnormal)
        for bad, place in ((above, (5, 9)), (below, (2, 3)), (math.inf, (0, 0))):
            for layout in (x, x.T, np.repeat(x, 2, axis=1)[:, ::-2], x.astype(x.dtype.newbyteorder())):
                given, out = layout.copy(order="K"), tuple(np.full(layout.shape, 7.0, dtype) for _ in range(results))
                at = place if layout.shape == (6, 11) else place[::-1]
                given[at] = bad
                message = rf"{name}.*: x must be from 0 to 1 unless {held} holds it there, got .* at index {re.escape(str(at))}"
                with pytest.raises(ValueError, match=message):
                    function(given, out=out if results > 1 else out[0])
                assert (np.asarray(out) == 7).all()
                assert not np.isnan(np.asarray(function(given, **{held: 0.25}))).any(axis=0).all()
                with pytest.raises(ValueError, match=message):                              # held in one row, not in that one
                    function(given, **{held: np.where(np.arange(given.shape[0]) == at[0], 0, 0.25)[:, None].astype(dtype)})
                function(given, **{held: np.where(np.arange(given.shape[0]) == at[0], 0.25, 0)[:, None].astype(dtype)})
                masked = np.ones(given.shape, bool)
                masked[at] = False
                function(given, where=masked, out=out if results > 1 else out[0])
                assert np.asarray(out).reshape(results, *given.shape)[(slice(None), *at)].tolist() == [7] * results
        for bad in (2.0, -1, [0.5, 1.5], np.float32(-0.1)):
            with pytest.raises(ValueError, match="x must be from 0 to 1"):
                function(bad)


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if c.record.ordered], ids=str)
def test_parameters_in_the_wrong_order(case, public):
    """A ValueError that names both parameters and their values, and the place in arrays; equal ones are accepted."""
    name = case.record.name
    x, out = np.array([-1.0, 0.5, 2.0]), np.full(3, 7.0)
    for low, high in case.record.ordered:
        top = case.parameters[high]
        wrong = np.array([top, top, top + 0.5])
        for value, at in ((top + 0.5, ""), (np.float32(top + 0.5), ""), (wrong, r" at index \(2,\)")):
            extra = {**case.parameters, low: value}
            message = rf"{low} must not be above {high}, got {low}={re.escape(str(np.max(value)))}.* and {high}={top}{at}"
            with pytest.raises(ValueError, match=f"^{name}: {message}$"):
                public[name](x, out=out, **extra)
            with pytest.raises(ValueError, match=f"^{name}_backward: {message}$"):
                public[f"{name}_backward"](out, x=x, out=out, **extra)
        public[name](x, **{**case.parameters, low: top})
        public[name](x, **{**case.parameters, low: np.full(3, top), high: np.full((2, 1), top)})
    assert (out == 7.0).all()


@pytest.mark.parametrize("case", NAMED, ids=name_of)
def test_exactly_one_of_x_and_y(case, public):
    name = name_of(case)
    backward, extra = public[f"{name}_backward"], dict(getattr(case, "parameters", {}))
    x = np.array([0.5, 0.25])
    dy = np.ones(()) if not hasattr(case, "record") and case.reduces else np.ones(2)
    with pytest.raises(TypeError, match=rf"{name}_backward: pass .*x="):
        backward(dy, **extra)
    both = {"x": x, "y": x, **extra}
    out = np.full(2, 7.0)
    with pytest.raises(TypeError, match=rf"{name}_backward: .*x="):
        backward(dy, **both, out=out)
    assert (out == 7.0).all()
    with pytest.raises(TypeError):
        backward(dy, x, **extra)  # the saved array is given by name


@pytest.mark.parametrize("case", [c for c in NAMED if getattr(c, "record", c).saves == "x"], ids=name_of)
def test_output_that_cannot_give_the_gradient(case, public):
    name = name_of(case)
    out = np.full(2, 7.0)
    with pytest.raises(TypeError, match=rf"{name}_backward: the output does not determine .*save the input and pass x="):
        public[f"{name}_backward"](np.ones(()), y=np.ones(2), out=out, **getattr(case, "parameters", {}))
    assert (out == 7.0).all()


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if c.record.from_output and c.record.from_output.requires], ids=str)
def test_parameters_under_which_the_output_does_not_do(case, public):
    """Negative slopes fold the output over: y= is refused with the parameter, the condition and the value."""
    name = case.record.name
    parameter, comparison, bound = case.record.from_output.requires
    refused = [bound - 0.5, np.array([1.0, bound - 0.25])]
    refused = [v for v in refused if case.accepts({**case.parameters, parameter: float(np.min(v))})]
    if comparison == ">" and case.record.parameters[0].check == "finite":
        refused.append(bound)
    for value in refused:
        out = np.full(2, 7.0)
        with pytest.raises(TypeError, match=rf"{parameter} {comparison} {bound:g}, got {parameter}=") as caught:
            public[f"{name}_backward"](np.ones(2), y=np.ones(2), out=out, **{parameter: value})
        assert "save the input and pass x=" in str(caught.value)
        assert (out == 7.0).all()
        public[f"{name}_backward"](np.ones(2), x=np.ones(2), **{parameter: value})
    accepted = bound + 0.5
    public[f"{name}_backward"](np.ones(2), y=np.ones(2), **{parameter: accepted})


@pytest.mark.parametrize("case", [c for c in CASES if c.output_determines], ids=str)
def test_from_output_agrees_with_from_input(case, public, dtype):
    """In the middle of the range both forms give the same gradient, to the precision that y has."""
    name = case.record.name
    x = np.random.default_rng(1).uniform(-2, 2, 500).astype(dtype)
    y = public[name](x, **case.parameters)
    dy = np.random.default_rng(2).standard_normal(500).astype(dtype)
    a = public[f"{name}_backward"](dy, x=x, **case.parameters)
    b = public[f"{name}_backward"](dy, y=y, **case.parameters)
    scale = np.abs(dy) * (1 + np.abs(y).max())
    assert (np.abs(a.astype(float) - b.astype(float)) <= 64 * np.finfo(dtype).eps * scale + np.finfo(dtype).smallest_subnormal).all()


@pytest.mark.parametrize("case", NAMED, ids=name_of)
def test_gradient_in_place_of_dy(case, public, dtype):
    """out= may be dy itself."""
    name, extra = name_of(case), dict(getattr(case, "parameters", {}))
    if not hasattr(case, "record") and case.reduces:
        pytest.skip("dy has another shape than the gradient")
    rng = np.random.default_rng(3)
    x, dy = (rng.standard_normal((5, 130)).astype(dtype) for _ in range(2))
    wanted = public[f"{name}_backward"](dy, x=x, **extra)
    got = public[f"{name}_backward"](dy, x=x, out=dy, **extra)
    wanted, got = (v[0] if isinstance(v, tuple) else v for v in (wanted, got))
    assert got is dy
    assert_same_bits(dy, wanted, name)


@pytest.mark.parametrize("case", NAMED, ids=name_of)
def test_signatures(case, public):
    """forward(x, parameters...), backward(dy, *, x=, y=, parameters...): the same order and names everywhere."""
    name = name_of(case)
    record = getattr(case, "record", case)
    backward = list(inspect.signature(public[f"{name}_backward"]).parameters.values())
    assert backward[0].name == "dy"
    assert [p.name for p in backward[1:3]] == ["x", "y"]
    assert all(p.kind is p.KEYWORD_ONLY for p in backward[1:] if p.kind is not p.VAR_KEYWORD)
    parameters = [p.name for p in getattr(record, "parameters", ())]
    assert [p.name for p in backward[3 : 3 + len(parameters)]] == parameters
    forward = public[name]
    if not isinstance(forward, np.ufunc):
        signature = inspect.signature(forward).parameters
        assert list(signature)[: 1 + len(parameters)] == ["x", *parameters]
        for p in getattr(record, "parameters", ()):
            assert signature[p.name].default == (inspect.Parameter.empty if p.default is None else p.default)
        assert isinstance(forward.ufunc, np.ufunc)


# ---- parameters drawn in training --------------------------------------------------------------------------------

DRAWN = [case for case in DEFAULT_CASES if case.record.drawn]


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_drawn_in_training(case, public, dtype):
    """(y, drawn): uniform between the two parameters, of x's shape and type, the same for the same seed, and what backward uses."""
    record, drawn = case.record, case.record.drawn
    forward, backward = public[record.name], public[f"{record.name}_backward"]
    x = np.linspace(-4, 4, 60_000).astype(dtype).reshape(200, 300)
    dy = np.random.default_rng(1).standard_normal(x.shape).astype(dtype)
    low, high = (np.dtype(dtype).type(case.parameters[p]) for p in (drawn.low, drawn.high))
    y, values = forward(x, training=True, rng=7)
    assert values.shape == x.shape and values.dtype == y.dtype == np.dtype(dtype)
    assert (values >= low).all() and (values <= high).all()
    wide = values.astype(float)
    assert abs(wide.mean() - (float(low) + float(high)) / 2) < 0.005 * float(high - low)
    assert abs(wide.std() - float(high - low) / 12**0.5) < 0.005 * float(high - low)
    same = {drawn.low: values, drawn.high: values}
    assert_same_bits(y, forward(x, **same))
    assert_same_bits(backward(dy, x=x, **{drawn.name: values}), backward(dy, x=x, **same))
    again, others = forward(x, training=True, rng=np.random.default_rng(7)), forward(x, training=True)
    assert_same_bits(again[0], y)
    assert_same_bits(again[1], values)
    assert (others[1] != values).any()
    assert_same_bits(forward(x, training=False, rng=7), forward(x))
    copy = x.copy()
    assert forward(copy, training=True, rng=7, out=copy)[0] is copy
    assert_same_bits(copy, y)
    each = np.linspace(0.5, 0.75, 300).astype(dtype)
    assert_same_bits(forward(x, **{drawn.low: each, drawn.high: each}, training=True, rng=3)[1], np.broadcast_to(each, x.shape).copy())


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_one_is_drawn_for_each_element_of_the_result(case, public, dtype):
    drawn, forward = case.record.drawn, public[case.record.name]
    x, low = np.full((2, 1), -1, dtype), np.zeros(3, dtype)
    y, values = forward(x, training=True, rng=5, **{drawn.low: low})
    assert y.shape == values.shape == (2, 3) and np.unique(values).size == 6
    assert_same_bits(values, forward(np.ones((2, 3), dtype), training=True, rng=5, **{drawn.low: low})[1])
    assert_same_bits(y, forward(x, **{drawn.low: values, drawn.high: values}))
    dx = public[f"{case.record.name}_backward"](np.ones((), dtype), x=x, **{drawn.name: values})
    assert_same_bits(dx, values)
    with pytest.raises(ValueError, match=rf"{drawn.low} of shape \(3, 2\) and {drawn.high} of \(\) do not fit x of shape \(2, 1\)"):
        forward(x, training=True, **{drawn.low: np.zeros((3, 2), dtype)})


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_drawn_between_the_largest_numbers(case, public, dtype):
    drawn, forward, top = case.record.drawn, public[case.record.name], float(np.finfo(dtype).max)
    x = np.ones(4000, dtype)
    with np.errstate(all="raise"):
        values = forward(x, training=True, rng=5, **{drawn.low: -top, drawn.high: top})[1].astype(float) / top
        some = forward(x[:2], training=True, rng=5, **{drawn.low: np.array([-top, 0], dtype), drawn.high: np.array([top, 0.25], dtype)})[1]
        forward(x, training=True, rng=5, **{drawn.low: float(np.finfo(dtype).smallest_subnormal), drawn.high: 1e-7})
    assert abs(values.mean()) < 0.05 and abs(values.std() - 3**-0.5) < 0.05
    assert_same_bits(some[1], forward(x[:2], training=True, rng=5, **{drawn.low: 0.0, drawn.high: 0.25})[1][1])


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_drawn_with_bad_arguments(case, public):
    record, drawn = case.record, case.record.drawn
    forward, backward = public[record.name], public[f"{record.name}_backward"]
    x, out = np.array([-1.0, 0.5]), np.full(2, 7.0)
    for bad in ("seed", -1, 0.5):
        with pytest.raises((TypeError, ValueError), match=rf"{record.name}: rng must be .*got {re.escape(repr(bad))}"):
            forward(x, training=True, rng=bad, out=out)
    with pytest.raises(ValueError, match=f"{record.name}: {drawn.low} must not be above {drawn.high}"):
        forward(x, training=True, out=out, **{drawn.low: 2.0, drawn.high: 1.0})
    with pytest.raises(ValueError, match=f"{record.name}: {drawn.low} must be finite, got nan"):
        forward(x, training=True, out=out, **{drawn.low: math.nan})
    with pytest.raises(TypeError, match=f"{record.name}: x is complex128"):
        forward(x.astype(complex), training=True)
    with pytest.raises(ValueError, match=f"{record.name}_backward: {drawn.name} must be finite, got inf at index"):
        backward(x, x=x, out=out, **{drawn.name: np.array([0.25, math.inf])})
    with pytest.raises(TypeError, match="save the input"):
        backward(x, y=x, out=out, **{drawn.name: x})
    assert (out == 7.0).all()
    with pytest.raises(ValueError, match=f"{record.name}: {drawn.high} must be finite in float16, got 1000000.0"):
        forward(x.astype("f2"), training=True, rng=1, **{drawn.high: 1e6})
    integers = forward(np.array([-1, 2]), training=True, rng=1)
    assert integers[0].dtype == integers[1].dtype == np.float64
    assert forward(-1.0, training=True, rng=1)[0] < 0
    assert forward(np.zeros((0, 3)), training=True)[1].shape == (0, 3)


# ---- trained parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", TRAINED, ids=str)
def test_gradients_of_trained_parameters(case, public, made, dtype):
    """(dx, dw): each of its operand's shape, summed over what was broadcast, for every broadcast shape and axis=."""
    record = case.record
    (parameter,) = (p.name for p in record.parameters if p.learned)
    rng = np.random.default_rng(4)
    x = rng.integers(-8, 9, (4, 3, 5)).astype(dtype)
    dy = rng.integers(-4, 5, (4, 3, 5)).astype(dtype)
    each = made[f"{record.name}_backward_{parameter}"](dy, x, np.full(x.shape, 0.5, dtype)).astype(np.float64)
    assert (each == np.where(x < 0, x.astype(float) * dy, 0)).all()
    for shape in ((), (1,), (5,), (3, 1), (1, 5), (4, 1, 1), (1, 3, 1), (4, 3, 5), (1, 1, 1), (3, 5)):
        w = np.full(shape, 0.5, dtype)
        dx, dw = public[f"{record.name}_backward"](dy, x=x, **{parameter: w})
        assert dw.shape == shape and dx.shape == x.shape and dw.dtype == dx.dtype == np.dtype(dtype)
        assert_same_bits(dx, np.where(x > 0, dy, (w * dy).astype(dtype)) + dtype_zero(dtype), shape)
        axes = tuple(range(3 - len(shape))) + tuple(3 - len(shape) + i for i, n in enumerate(shape) if n == 1)
        wanted = each.sum(axis=axes).reshape(shape)
        assert (dw.astype(np.float64) == wanted).all(), (shape, dw, wanted)
    for axis, n in ((0, 4), (1, 3), (2, 5), (-1, 5), (-2, 3), (-3, 4)):
        w = rng.uniform(0.1, 1, n).astype(dtype)
        laid = w.reshape([n if i == axis % 3 else 1 for i in range(3)])
        assert_same_bits(public[record.name](x, w, axis=axis), public[record.name](x, laid), axis)
        dx, dw = public[f"{record.name}_backward"](dy, x=x, axis=axis, **{parameter: w})
        assert dw.shape == (n,)
        assert_same_bits(dx, public[f"{record.name}_backward"](dy, x=x, **{parameter: laid})[0], axis)
        assert (dw.astype(np.float64) == each.sum(axis=tuple(i for i in range(3) if i != axis % 3))).all()
    for axis in (3, -4):
        with pytest.raises(np.exceptions.AxisError):
            public[record.name](x, np.ones(3, dtype), axis=axis)
    with pytest.raises(ValueError, match=parameter):
        public[record.name](x, np.ones((3, 1), dtype), axis=1)
    with pytest.raises(ValueError, match="broadcast"):
        public[record.name](x, np.ones(4, dtype), axis=1)
    dx, dw = public[f"{record.name}_backward"](dy, x=x, out=dy, **{parameter: 0.5})
    assert dx is dy
    assert np.shape(dw) == ()


def dtype_zero(dtype: str):
    """Adding it turns -0.0 into 0.0 nowhere but leaves the type: a typed -0.0."""
    return np.dtype(dtype).type(-0.0)


ASKED = [c for c in DEFAULT_CASES if any(p.gradient and not p.learned for p in c.record.parameters)]


@pytest.mark.parametrize("case", ASKED, ids=str)
def test_gradients_of_parameters_on_request(case, public, made, dtype):
    """param_grad=True: (dx, a gradient for each, in order), each of its parameter's shape, the sum of the elements' in float64."""
    record = case.record
    trained = [p for p in record.parameters if p.gradient]
    backward = public[f"{record.name}_backward"]
    rng = np.random.default_rng(7)
    x, dy = (rng.standard_normal((4, 3, 5)) * 3).astype(dtype), rng.standard_normal((4, 3, 5)).astype(dtype)
    if record.domain == (0.0, 1.0):
        x = rng.uniform(0.01, 0.99, x.shape).astype(dtype)
    values = [np.asarray(v, dtype) for v in case.values]
    for shape in ((), (1,), (5,), (3, 1), (4, 1, 1), (4, 3, 5), (1, 1, 1)):
        given = {p.name: np.full(shape, v) for p, v in zip(record.parameters, values, strict=True)}
        dx, *found = backward(dy, x=x, param_grad=True, **given)
        assert_same_bits(dx, backward(dy, x=x, **given), shape)
        assert len(found) == len(trained)
        for p, got in zip(trained, found, strict=True):
            each = made[f"{record.name}_backward_{p.name}"](dy, x, *(np.full(x.shape, v) for v in values)).astype(np.float64)
            axes = tuple(range(3 - len(shape))) + tuple(3 - len(shape) + i for i, n in enumerate(shape) if n == 1)
            wanted = each.sum(axis=axes).reshape(shape)
            assert got.shape == shape and got.dtype == np.dtype(dtype)
            room = 1e-13 if dtype == "float64" else float(np.finfo(dtype).eps) / 2
            assert (np.abs(got.astype(np.float64) - wanted) <= room * np.abs(wanted) + 1e-14 * np.abs(each).sum()).all(), (p.name, shape)
    plain = {p.name: float(v) for p, v in zip(record.parameters, values, strict=True)}
    wanted = backward(dy, x=x, param_grad=True, **plain)
    place = dy.copy()
    got = backward(place, x=x, param_grad=True, out=place, **plain)
    assert got[0] is place
    for a, b in zip(got, wanted, strict=True):
        assert_same_bits(a, b, "dx in place of dy")
    place = x.copy()
    for a, b in zip(backward(dy, x=place, param_grad=True, out=place, **plain), wanted, strict=True):
        assert_same_bits(a, b, "dx in place of x")
    mask = rng.random(x.shape) < 0.5
    some = backward(dy, x=x, param_grad=True, where=mask, out=np.zeros_like(x), **plain)
    rest = backward(dy, x=x, param_grad=True, where=~mask, out=np.zeros_like(x), **plain)
    for a, b, both in zip(some, rest, wanted, strict=True):
        scale = np.abs(a.astype(float)) + np.abs(b.astype(float))
        assert (np.abs(a.astype(float) + b.astype(float) - both.astype(float)) <= 2 * np.finfo(dtype).eps * scale).all()
    y = public[record.name](x, **plain)
    with pytest.raises(TypeError, match=f"{record.name}_backward: "):
        backward(dy, y=y, param_grad=True, **plain)
    if case.output_determines:
        with pytest.raises(TypeError, match="param_grad=True needs the saved input; pass x="):
            backward(dy, y=y, param_grad=True, **plain)
    empty = backward(np.zeros((0, 3), dtype), x=np.zeros((0, 3), dtype), param_grad=True, **plain)
    assert empty[0].shape == (0, 3) and all(g.shape == () and g == 0 for g in empty[1:])


@pytest.mark.parametrize("case", TRAINED, ids=str)
def test_channels_where_dy_has_more_axes(case, public):
    """`axis` counts in x, however many axes dy has; one number along an axis is one for all."""
    (parameter,) = (p.name for p in case.record.parameters if p.learned)
    backward = public[f"{case.record.name}_backward"]
    rng = np.random.default_rng(7)
    x, dy = rng.standard_normal((3, 4)), rng.standard_normal((3, 3, 4))
    for axis, count in ((0, 3), (-2, 3), (1, 4), (-1, 4), (0, 1), (1, 1)):
        weight = rng.random(count)
        dx, dw = backward(dy, x=x, axis=axis, **{parameter: weight})
        wanted = [backward(each, x=x, axis=axis, **{parameter: weight}) for each in dy]
        assert_same_bits(dx, np.stack([w[0] for w in wanted]))
        np.testing.assert_allclose(dw, np.sum([w[1] for w in wanted], axis=0), rtol=1e-12)
        assert dw.shape == weight.shape


@pytest.mark.parametrize("case", TRAINED, ids=str)
def test_refused_axes_of_channels(case, public):
    (parameter,) = (p.name for p in case.record.parameters if p.learned)
    name, x, out = case.record.name, np.ones((3, 4)), np.full((3, 4), 7.0)
    pairs = [(public[name], {}), (public[f"{name}_backward"], {"x": x})]
    for function, saved in pairs:
        for axis, weight, error, words in (
            (2, np.ones(3), np.exceptions.AxisError, "axis 2 is out of bounds"),
            (0.5, np.ones(3), TypeError, f"{function.__name__}: axis must be an integer, got 0.5"),
            ((0,), np.ones(3), TypeError, rf"{function.__name__}: axis must be an integer, got \(0,\)"),
            (0, np.ones(4), ValueError, rf"{parameter} of 4 numbers does not broadcast along axis 0 of x of shape \(3, 4\)"),
            (0, np.ones((3, 1)), ValueError, f"places a one-dimensional {parameter}"),
        ):
            with pytest.raises(error, match=words):
                function(x, axis=axis, out=out, **saved, **{parameter: weight})
    assert (out == 7).all()


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if any(p.gradient for p in c.record.parameters)], ids=str)
def test_gradients_of_parameters_for_tables(case, public):
    """pandas' and xarray's arrays sum otherwise, and have no reshape."""
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    x = accepted(case.record, np.random.default_rng(7).standard_normal((3, 4)))
    backward, learned = public[f"{case.record.name}_backward"], any(p.learned for p in case.record.parameters)
    asked = case.parameters if learned else {"param_grad": True, **case.parameters}
    wanted = backward(np.ones_like(x), x=x, **asked)
    for given in (pd.DataFrame(x), xr.DataArray(x)):
        dx, *rest = backward(np.ones_like(x), x=given, **asked)
        assert type(dx) is type(given)
        for a, b in zip((np.asarray(dx), *rest), wanted, strict=True):
            assert_same_bits(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("case", [c for c in CASES if any(p.gradient for p in c.record.parameters)], ids=str)
def test_gradients_of_parameters_have_limits(case, made, dtype):
    """For infinite and huge numbers a number or an infinity, as the last finite numbers tend to; NaN for NaN; no warning."""
    x = hard_values(dtype)
    x = x[~np.isnan(x)]
    if case.record.domain:
        x = inside(case.record, x)
    for p in (p for p in case.record.parameters if p.gradient):
        ufunc = made[f"{case.record.name}_backward_{p.name}"]
        values = [np.asarray(v, dtype) for v in case.values]
        with np.errstate(all="raise"):
            got = ufunc(np.ones_like(x), x, *values)
            lost = ufunc(np.ones(3, dtype), np.full(3, np.nan, dtype), *values)
        assert not np.isnan(got).any(), (p.name, x[np.isnan(got)])
        assert np.isnan(lost).all(), p.name
        if case.record.domain is None:
            ends = ufunc(np.ones(2, dtype), np.array([-np.inf, np.inf], dtype), *values).astype(float)
            for end, at in zip(ends, (-1e30, 1e30), strict=True):
                true = float(_proof.stated(f"{case.record.name}_backward_{p.name}", at, **case.parameters))
                assert abs(true) > 1e20 and np.sign(true) == np.sign(end) if np.isinf(end) else abs(true - end) < 1e-9, (p.name, at)


def test_sums_of_parameters_are_made_in_float64():
    """A float32 sum would lose the 1 beside 2**30."""
    x, dy = np.full(1 << 20, -1, np.float32), np.ones(1 << 20, np.float32)
    dy[0], dy[-1] = 2.0**30, -(2.0**30)
    _, slope = fa.leaky_relu_backward(dy, x=x, param_grad=True)
    assert slope == -((1 << 20) - 2)


@pytest.mark.parametrize("case", TRAINED, ids=str)
def test_half_precision_sums_of_parameters(case, public):
    """The sum of 65 536 halves is made in float32 at least: 60 000 terms of 1 would stop at 2048 otherwise."""
    (parameter,) = (p.name for p in case.record.parameters if p.learned)
    x, dy = np.full((8, 8192), -1, np.float16), np.full((8, 8192), 0.5, np.float16)
    _, dw = public[f"{case.record.name}_backward"](dy, x=x, **{parameter: np.float16(0.25)})
    assert float(dw) == -32768.0
    _, dw = public[f"{case.record.name}_backward"](dy, x=x, **{parameter: np.full(8192, 0.25, np.float16)})
    assert (dw == -4.0).all()
    _, dw = public[f"{case.record.name}_backward"](dy, x=x, axis=0, **{parameter: np.full(8, 0.25, np.float16)})
    assert (dw == -4096.0).all()


@pytest.mark.parametrize("record", [r for r in ELEMENTWISE if r.special], ids=lambda r: r.name)
def test_special_value(record, made, dtype):
    """At its special value a function gives the other's bits, and a gradient of doubles, too; each gives the same bits whether the value is
    one for all or stands in an array."""
    parameter, value, other = record.special
    x = np.concatenate([random_bits(20_000, dtype), (3 * np.random.default_rng(8).standard_normal(20_000)).astype(dtype)])
    dy = np.random.default_rng(9).standard_normal(x.size).astype(dtype)
    assert [p.name for p in record.parameters] == [parameter]
    for form, given in (("", (x,)), ("_backward", (dy, x))):
        found = made[record.name + form](*given, np.dtype(dtype).type(value))
        assert_same_bits(made[record.name + form](*given, np.full_like(x, value)), found, form)
        if dtype == "float64" or not form:
            assert_same_bits(found, made[other + form](*given), form)


def test_refusals_show_float32_in_its_own_digits():
    x = np.ones(3, np.float32)
    for refused, words in (
        (lambda: fa.rrelu(x, 0.5, 0.1), "got lower=0.5 and upper=0.1$"),
        (lambda: fa.logit(np.array([0.1, -0.1], "f4")), r"got -0.1 at index \(1,\)$"),
        (lambda: fa.softmax_cross_entropy(x, np.array([0.1, -0.1, 0], "f4")), r"got -0.1 at index \(1,\)$"),
        (lambda: fa.sigmoid_cross_entropy(x, np.float32(1.1)), "got 1.1$"),
        (lambda: fa.elu_backward(x, y=x, alpha=-0.1), "got alpha=-0.1; save the input"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            refused()
