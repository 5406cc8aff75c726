"""Edges: infinities, zeros, NaN in every lane, kinks, no warnings, the floating-point environment left alone."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from _support import (
    CASES,
    DEFAULT_CASES,
    OPERATIONS,
    ROW_UFUNCS,
    assert_same_bits,
    call,
    hard_values,
    inside,
    operands,
    operation_id,
    proof,
    random_bits,
)

from fastact import _proof

EDGES = [
    pytest.param(case, x, f, d, id=f"{case}-{x}")
    for case in DEFAULT_CASES
    for x, f, d in case.record.edges
]


def as_row_operands(row, suffix: str, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, ...]:
    """Operands of any row ufunc for rows x: dy in front, a mask that leaves everything in at the end."""
    lead = () if "backward" not in suffix else ((dy[..., 0],) if row.reduces else (dy,))
    return (*lead, x, *((np.ones(x.shape, bool),) if "masked" in suffix else ()))


@pytest.mark.parametrize(("case", "x", "value", "slope"), EDGES)
def test_edge_table(case, x, value, slope, variant, dtype):
    """The table's edge values, exactly, -0.0 included; alone and inside vectors."""
    kind = np.dtype(dtype).type
    for kind_of, wanted in (("forward", value), ("backward", slope)):
        if wanted is None:
            continue
        for n in (1, 7, 64, 130):
            got = call(variant, case, kind_of, np.full(n, x), dtype)
            assert_same_bits(got, np.full(n, kind(wanted)), str(case), kind_of, x)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_nan_in_nan_out(op_case, made, dtype):
    """A NaN in x, y or dy comes out as NaN, and touches no neighbour: every length, body and tail."""
    op, case = op_case
    ufunc, parameters = made[op.name], tuple(case.parameters.values())
    live = case.live(op.data[-1])
    if op.name not in {case.record.name, f"{case.record.name}_backward", f"{case.record.name}_backward_y"}:
        live = next(v for v in (-0.5, 0.25, 30.0, -30.0) if _proof.stated(op.name, v, **case.parameters) != 0)
    for place in range(len(op.data)):
        wanted, got = [], []
        for n in range(131):
            for phase in (0, 1):
                nan = np.arange(n) % 2 == phase
                data = [np.full(n, live, dtype) for _ in op.data]
                data[place][nan] = np.nan
                wanted.append(nan)
                got.append(np.isnan(ufunc(*data, *parameters)))
        assert (np.concatenate(got) == np.concatenate(wanted)).all(), (op.name, op.data[place])
        for position in range(67):
            data = [np.full(67, live, dtype) for _ in op.data]
            data[place][position] = -np.nan
            assert np.flatnonzero(np.isnan(ufunc(*data, *parameters))).tolist() == [position]


@pytest.mark.parametrize("row_suffix", ROW_UFUNCS, ids=lambda v: v[0].name + v[1])
def test_nan_takes_its_row_only(row_suffix, made, dtype):
    """A NaN in a row makes that row NaN (its own entry for a saved y or dy is enough), and leaves the others alone."""
    row, suffix = row_suffix
    ufunc = made[row.name + suffix]
    for n in (1, 2, 7, 16, 17, 31, 32, 33, 64, 65, 130):
        for position in sorted({0, n // 2, n - 1}):
            rng = np.random.default_rng(n)
            x, dy = rng.uniform(0.1, 1, (5, n)).astype(dtype), rng.uniform(0.1, 1, (5, n)).astype(dtype)
            clean = ufunc(*as_row_operands(row, suffix, x, dy))
            x[2, position] = np.nan
            got = ufunc(*as_row_operands(row, suffix, x, dy))
            assert np.isnan(got[2]).all() if suffix != "_backward_y" else np.isnan(got[2, ..., position]).all(), (n, position)
            others = [0, 1, 3, 4]
            assert_same_bits(got[others], clean[others], row.name, suffix, n, position)


@pytest.mark.parametrize("case", [c for c in CASES if c.record.odd], ids=str)
def test_odd_functions_are_odd_bit_for_bit(case, variant, dtype):
    x = np.concatenate([random_bits(20000, dtype), hard_values(dtype)])
    x = x[~np.isnan(x)]
    assert_same_bits(call(variant, case, "forward", -x, dtype), -call(variant, case, "forward", x, dtype), str(case))
    assert_same_bits(call(variant, case, "backward", -x, dtype), call(variant, case, "backward", x, dtype), str(case))
    zeros = call(variant, case, "forward", [0.0, -0.0], dtype)
    assert np.signbit(zeros).tolist() == [False, True]


def test_some_function_is_odd():
    assert any(case.record.odd for case in CASES)


def test_a_dead_unit_stays_dead(public, dtype):
    """Where the gradient is 0 by choice of branch, even an infinite dy gives 0."""
    for dy in (np.inf, -np.inf):
        for n in (1, 5, 64, 130):
            x = np.full(n, -1.0, dtype)
            got = public["relu_backward"](np.full(n, dy, dtype), x=x)
            assert got.dtype == np.dtype(dtype)
            assert (got == 0).all()
            assert (public["relu_backward"](np.full(n, dy, dtype), y=np.zeros(n, dtype)) == 0).all()
            assert (public["leaky_relu_backward"](np.full(n, dy, dtype), x=x, negative_slope=0.0) == 0).all()
    flat = [case for case in DEFAULT_CASES if any(math.isfinite(x) and x != 0 and slope == 0 for x, _, slope in case.record.edges)]
    assert len(flat) >= 8
    for case in flat:
        for point in (x for x, _, slope in case.record.edges if math.isfinite(x) and slope == 0):
            for dy in (np.inf, -np.inf):
                got = public[f"{case.record.name}_backward"](np.full(70, dy, dtype), x=np.full(70, point, dtype), **case.parameters)
                assert (got == 0).all(), (str(case), point)
    assert (public["leaky_relu"](np.array([-np.inf, -1.0], dtype), negative_slope=0.0) == 0).all()


def test_squareplus_without_b_is_relu(public, dtype):
    """Bit for bit, gradients too: no square may vanish or overflow on the way."""
    x = np.concatenate([hard_values(dtype), random_bits(20000, dtype, seed=5)])
    assert_same_bits(public["squareplus"](x, b=0.0), np.abs(public["relu"](x)))
    dy = np.full(x.size, 2.5, dtype)
    assert_same_bits(public["squareplus_backward"](dy, x=x, b=0.0), public["relu_backward"](dy, x=x))
    assert_same_bits(public["squareplus"](x, b=np.zeros(x.size, dtype)), np.abs(public["relu"](x)))


def test_roots_of_extreme_parameters(public):
    """b at both ends of the range, x where b counts and where it is lost: never beyond the bound."""
    rng = np.random.default_rng(21)
    for dtype in ("float32", "float64"):
        info = np.finfo(dtype)
        lowest, highest = int(info.minexp) - 20, int(info.maxexp) - 1
        for exponent in (*range(lowest, highest, (highest - lowest) // 12), highest):
            b = float(np.dtype(dtype).type(np.ldexp(rng.uniform(1, 2), exponent)))
            near = np.sqrt(b) * rng.uniform(-4, 4, 6)
            far = np.sqrt(b) * np.ldexp(rng.uniform(-1, 1, 6), rng.integers(-60, 80, 6))
            anywhere = np.ldexp(rng.uniform(-1, 1, 4), rng.integers(int(info.minexp), int(info.maxexp), 4))
            x = np.concatenate([near, far, anywhere]).clip(-float(info.max), float(info.max)).astype(dtype)
            y, slope = public["squareplus"](x, b=b), public["squareplus_backward"](np.ones_like(x), x=x, b=b)
            for point, value, gradient in zip(x.tolist(), y, slope, strict=True):
                assert _proof.error(value, _proof.forward("squareplus", point, b=b), dtype) <= 2, (point, b, value)
                assert _proof.error(gradient, _proof.stated("squareplus_backward", point, b=b), dtype) <= 2, (point, b, gradient)


def test_kinks_of_hard_sigmoid(public):
    """At -3 and 3 the default is 0 and 1 and its gradient 0 in float32 and float64, and slope just inside; in float16 they are inside."""
    for dtype in ("float32", "float64"):
        three, slope = np.dtype(dtype).type(3), np.dtype(dtype).type(1 / 6)
        inside = np.nextafter(three, np.dtype(dtype).type(0))
        x = np.array([-three, -inside, inside, three])
        assert public["hard_sigmoid"](x)[[0, 3]].tolist() == [0.0, 1.0]
        np.testing.assert_array_max_ulp(public["hard_sigmoid_backward"](np.ones_like(x), x=x), np.array([0, slope, slope, 0]), 1)
    x = np.array([-3, 3], np.float16)
    assert (public["hard_sigmoid_backward"](np.ones_like(x), x=x) == np.float16(1 / 6)).all()


def test_leaky_slope_above_one(public, dtype):
    """max(x, a*x) would be wrong here."""
    assert public["leaky_relu"](np.array([-1.0, 2.0], dtype), negative_slope=3.0).tolist() == [-3.0, 2.0]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_nan_from_numbers(case, variant, dtype):
    """Forward and gradient of every finite or infinite x are numbers."""
    x = np.concatenate([hard_values(dtype), random_bits(50000, dtype, seed=1)])
    x = inside(case.record, x[~np.isnan(x)])
    for kind in ("forward", "backward"):
        got = call(variant, case, kind, x, dtype)
        assert not np.isnan(got).any(), (str(case), kind, x[np.isnan(got)][:3])


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if c.record.domain], ids=str)
def test_not_a_number_outside_the_domain(case, variant, dtype):
    """Where a function has no value and no limit, it says so; at the domain's ends the table of edges holds."""
    low, high = case.record.domain
    x = np.concatenate([hard_values(dtype), [-0.25, 1.25]]).astype(dtype)
    x = x[(x < low) | (x > high)]
    for kind in ("forward", "backward"):
        assert np.isnan(call(variant, case, kind, x, dtype)).all()


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_no_floating_point_warning(op_case, made, dtype):
    """Nothing is reported for any input, at any length, masked lanes, overflow to infinity and casts included."""
    op, case = op_case
    rng = np.random.default_rng(0)
    x = np.concatenate([hard_values(dtype), random_bits(5000, dtype, seed=2)])
    with np.errstate(all="raise"):
        data = operands(op, case, x, rng)
        made[op.name](*data)
        for n in (1, 3, 17, 63, 64, 65):
            for value in hard_values(dtype):
                part = (np.full(n, value) if i < len(op.data) else d for i, d in enumerate(data))
                made[op.name](*part)
        extremes = hard_values(dtype)
        if len(op.data) > 1:
            lead, last = (a.ravel() for a in np.meshgrid(extremes, extremes))
            made[op.name](lead, last, *data[len(op.data) :])
        out = np.zeros_like(x)
        made[op.name](*data, where=rng.random(x.size) < 0.5, out=out)
        made[op.name](*(d[::-3] if np.ndim(d) else d for d in data))
        for k, alpha in enumerate(case.parameters.values()):
            arrays = list(data)
            arrays[len(op.data) + k] = np.full(x.size, alpha, dtype)
            made[op.name](*arrays)


@pytest.mark.parametrize("row_suffix", ROW_UFUNCS, ids=lambda v: v[0].name + v[1])
def test_no_floating_point_warning_from_rows(row_suffix, made, dtype):
    row, suffix = row_suffix
    rng = np.random.default_rng(0)
    for n in (1, 3, 16, 17, 33, 64, 200):
        for spread in ("wild", "finite", "huge", "infinite"):
            x = random_bits(n * 9, dtype, seed=n).reshape(9, n)
            if spread != "wild":
                x = np.where(np.isfinite(x), x, 1).astype(dtype)
            if spread == "huge":
                x = np.copysign(np.finfo(dtype).max, x)
            if spread == "infinite":
                x[:, 0] = -np.inf
                x[3] = -np.inf
                x[4, -1] = np.inf
            dy = random_bits(n * 9, dtype, seed=n + 1).reshape(9, n)
            with np.errstate(all="raise"):
                data = as_row_operands(row, suffix, x, dy)
                made[row.name + suffix](*data)
                if "masked" in suffix:
                    made[row.name + suffix](*data[:-1], rng.random((9, n)) < 0.3)
                    made[row.name + suffix](*data[:-1], np.zeros((9, n), bool))


def _run(code: str, **environment: str) -> str:
    env = {**os.environ, **environment}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_floating_point_environment_is_left_alone(variant):
    """The control register is the same before the import, after it, and after every ufunc has run; subnormals live."""
    spec = importlib.util.find_spec("fastact._cpu")     # of an editable install it lies apart from the package
    assert spec is not None and spec.origin
    code = f"""
        import importlib.machinery, importlib.util
        import numpy as np
        loader = importlib.machinery.ExtensionFileLoader("fastact._cpu", {spec.origin!r})
        cpu = importlib.util.module_from_spec(importlib.util.spec_from_loader("fastact._cpu", loader))
        loader.exec_module(cpu)
        flags = 0x3F if cpu.floating_point_status() & 0x1F80 else 0
        before = cpu.floating_point_status() & ~flags
        import fastact as fa
        assert fa.ISA == {variant!r}
        print(before == cpu.floating_point_status() & ~flags)
        from fastact.verify import cases, golden, types
        several = [(r.ufunc, golden.several_data(r, dtype)) for r in cases.kernel_rows(None, (7, 64)) for dtype in types.DTYPES]
        sticky = cpu.floating_point_status()
        for name, data in several:
            getattr(fa.ufuncs, name)(*data)
        for name in sorted(set(fa.ufuncs.__all__) - {{name for name, _ in several}}):
            ufunc = getattr(fa.ufuncs, name)
            for dtype in ("f2", "f4", "f8"):
                x = np.array([[-200.0, -90.0, -0.5, 0.0, 0.25, 3.0, 90.0, 200.0, np.inf, -np.inf]] * 9, dtype)
                last = np.ones(x.shape, bool) if name.endswith("masked") else x
                lead = [np.ones(9, dtype) if ufunc.signature and ufunc.signature.startswith("()") else x]
                data = (lead + [x] * (ufunc.nin - 2) + [last]) if ufunc.nin > 1 else [x]
                ufunc(*data)
        print(sticky == cpu.floating_point_status())
        print(bool(np.float32(1e-45) * np.ones(1000, np.float32).sum() > 0), float(np.full(64, 5e-324)[::2].max() * 1.0) > 0)
        print(float(np.full(64, 1e-40, np.float32).max()) > 0, float((np.full(64, 1e-30, np.float32) * np.float32(1e-10)).max()) > 0)
    """
    lines = _run(code, FASTACT_ISA=variant).split()
    assert lines == ["True"] * 6, lines


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_subnormals_come_out(case, variant):
    """Where the true value is subnormal, so is the result (flush to zero would give 0)."""
    for dtype in ("float32", "float64"):
        info = np.finfo(dtype)
        x = np.geomspace(float(info.smallest_subnormal), float(info.smallest_normal), 40).astype(dtype)
        for sign in (1, -1):
            points = inside(case.record, sign * x)
            got = call(variant, case, "forward", points, dtype)
            for point, value in zip(points.tolist(), got, strict=True):
                true = proof(case, "forward", point, dtype)
                assert _proof.error(value, true, dtype) <= case.record.bounds[dtype], (str(case), point, value)
                if abs(true) > 3 * info.smallest_subnormal:
                    assert value != 0, (str(case), point)


def test_known_tails(public):
    """Values that other libraries lose."""
    f4 = np.float32
    assert f"{public['gelu'](f4(-6)):.2e}" == "-5.92e-09"
    assert f"{public['sigmoid'](f4(-90)):.1e}" == "8.2e-40"
    assert f"{public['log_softmax'](np.array([17, 0], f4))[0]:.2e}" == "-4.14e-08"
    assert f"{public['softplus'](f4(-100)):.1e}" == "3.8e-44"
    assert public["softplus"](20.5) > 20.5
    assert public["softplus"](np.array([-1.0, 0.0, 1.0]), beta=1e30).tolist()[::2] == [0.0, 1.0]
    assert public["gelu_tanh"](np.array([-1e30, 1e30], f4)).tolist() == [0.0, f4(1e30)]
    assert np.signbit(public["gelu_tanh"](f4(-1e30)))
