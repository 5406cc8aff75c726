"""Value and slope in one pass: the bits of the function and of its gradient, or a formula of their own, in every type and variant.

Whether such a formula is within the bounds is test_accuracy's.
"""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
from _support import CASES, DEFAULT_CASES, accepted, assert_same_bits, build_script, hard_values, random_bits, ufuncs
from _support import pairs as pairs_of

import fastact as fa
from fastact import _functions, _variants
from fastact._registry import ELEMENTWISE, GATED, NAMES, PAIRS, RECORDS, ROWWISE
from fastact.verify import sweep

ONES = [c for c in DEFAULT_CASES if c.record.name in PAIRS]
ALL = [c for c in CASES if c.record.name in PAIRS]


@pytest.fixture
def pairs(variant):
    """The variant's ufuncs of value and slope."""
    return pairs_of(variant)


def numbers(dtype: str, size: int = 5000) -> np.ndarray:
    rng = np.random.default_rng(1)
    usual = (rng.standard_normal(size // 2) * 8).astype(dtype)
    return rng.permutation(np.concatenate([hard_values(dtype), random_bits(size // 2, dtype, seed=2), usual]))


def apart(variant: str, case, x, *parameters):
    """Value and slope from the two ufuncs; where they have a formula of their own, what that says in a row, near those."""
    made, name = ufuncs(variant), case.record.name
    wanted = made[name](x, *parameters), made[f"{name}_backward"](np.ones((), x.dtype), x, *parameters)
    if not shared(name, x.dtype, variant):
        return wanted
    got = pairs_of(variant)[PAIRS[name].name](x, *parameters)
    near(got, wanted, case)
    return got


def shared(name: str, dtype, variant: str = fa.ISA) -> bool:
    return np.dtype(dtype).name in _variants.load(variant).SHARED.get(name, ())


def near(got, wanted, case) -> None:
    """As far apart as two results may be that are each within the bound; infinite, zero and NaN alike."""
    for part, true in zip(got, wanted, strict=True):
        dtype = true.dtype.name
        a, b = (v.astype(np.longdouble if dtype == "float64" else np.float64) for v in (part, true))
        with np.errstate(all="ignore"):
            off = np.where((a == b) | np.isnan(a) & np.isnan(b), 0, np.abs(a - b))
            wrong = ~(off <= 2 * case.record.bounds[dtype] * sweep.spacing(np.where(np.isnan(b), 1, np.abs(b)), dtype))
        assert not wrong.any(), (str(case), dtype, part[wrong][:3], true[wrong][:3])


def check(got, wanted, *context) -> None:
    for part, true, what in zip(got, wanted, ("value", "slope"), strict=True):
        assert_same_bits(part, true, what, *context)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_bits(case, variant, pairs, dtype):
    """Short and long, at every setting of the parameters, numbers and arrays."""
    x = numbers(dtype)
    values = [np.asarray(v, dtype) for v in case.values]
    ufunc = pairs[PAIRS[case.record.name].name]
    with np.errstate(all="raise"):
        for n in (0, 1, 2, 3, 15, 16, 17, 33, 130, 1023, 1024, x.size):
            check(ufunc(x[:n], *values), apart(variant, case, x[:n], *values), n)
        if values:
            full = [np.full(x.shape, v) for v in values]
            check(ufunc(x, *full), apart(variant, case, x, *values), "arrays")
            check(ufunc(x, full[0], *values[1:]), apart(variant, case, x, *values), "an array")


@pytest.mark.parametrize("case", ALL, ids=str)
@pytest.mark.parametrize("scale", [4, 3e3])
def test_company(case, pairs, dtype, scale):
    """Ordinary numbers give the same bits whatever numbers stand beside them, over lengths that are worked on in stretches."""
    x = (np.random.default_rng(3).standard_normal(6_000) * scale).astype(dtype)
    wild = np.arange(x.size) % 97 == 7
    wild[:4_100] = False
    mixed = np.where(wild, random_bits(x.size, dtype, seed=4), x)
    ufunc, values = pairs[PAIRS[case.record.name].name], [np.asarray(v, dtype) for v in case.values]
    wanted = [part[~wild] for part in ufunc(x, *values)]
    check([part[~wild] for part in ufunc(mixed, *values)], wanted, "numbers")
    check([part[~wild] for part in ufunc(mixed, *(np.full(x.shape, v) for v in values))], wanted, "arrays")


def anywhere(ufunc: np.ufunc, x, values, wanted) -> None:
    """Those results, however the two begin, nothing beside them, and in place of x."""
    n = x.size
    rooms = [np.zeros(n + 64, x.dtype) for _ in range(2)]
    for starts in ((0, 0), (5, 5), (1, 2), (16, 0)):
        for room in rooms:
            room[:] = 0
        out = tuple(room[start : start + n] for room, start in zip(rooms, starts, strict=True))
        check(ufunc(x, *values, out=out), wanted, starts)
        for room, start in zip(rooms, starts, strict=True):
            assert not room[:start].any() and not room[start + n :].any(), "wrote beside out"
    for place in range(2):
        copy = x.copy()
        out = (copy, rooms[0][:n]) if place == 0 else (rooms[0][:n], copy)
        check(ufunc(copy, *values, out=out), wanted, "in place", place)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ONES, ids=str)
def test_around_the_caches(case, pairs, write_around, dtype):
    """Results too long for a cache: the bits of the usual stores, however the two begin, nothing beside them, and in place."""
    item = np.dtype(dtype).itemsize
    n = 2**21 // (3 * item) + 1237
    x = np.resize(numbers(dtype), n)
    ufunc, values = pairs[PAIRS[case.record.name].name], [np.asarray(v, dtype) for v in case.values]
    wanted = ufunc(x, *values)
    write_around(1)                                         # as few as it takes
    anywhere(ufunc, x, values, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ONES, ids=str)
def test_beyond_the_nearest_cache(case, pairs, dtype):
    """More numbers than the nearest cache keeps: the bits of fewer, however the results begin, nothing beside them, and in place."""
    n = 9_000 + 37
    x = np.resize(numbers(dtype), n)
    ufunc, values = pairs[PAIRS[case.record.name].name], [np.asarray(v, dtype) for v in case.values]
    few = [ufunc(x[i : i + 500], *values) for i in range(0, n, 500)]
    wanted = tuple(np.concatenate(parts) for parts in zip(*few, strict=True))
    anywhere(ufunc, x, values, wanted)


@pytest.mark.parametrize("case", ONES, ids=str)
def test_layouts(case, variant, pairs, dtype):
    """Any stride, alignment and byte order; results in place of x, both ways, beside it by one place, and beside each other."""
    x = numbers(dtype, 12_000)
    values = [np.asarray(v, dtype) for v in case.values]
    ufunc, size = pairs[PAIRS[case.record.name].name], np.dtype(dtype).itemsize
    for step in (-3, -2, -1, 2, 4):
        check(ufunc(x[::step], *values), apart(variant, case, x[::step].copy(), *values), step)
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)
    unaligned = bytes_[1:].view(dtype)
    unaligned[...] = x
    wanted = apart(variant, case, x, *values)
    check(ufunc(unaligned, *values), wanted, "unaligned")
    check(ufunc(x.astype(x.dtype.newbyteorder()), *values), wanted, "byte order")
    for n in (7, 100, 2000, x.size):
        place = x[:n].copy()
        _, slope = ufunc(place, *values, out=(place, None))
        check((place, slope), [w[:n] for w in wanted], "y is x", n)
        place = x[:n].copy()
        y, _ = ufunc(place, *values, out=(None, place))
        check((y, place), [w[:n] for w in wanted], "dydx is x", n)
        room = np.zeros(n + 1, dtype)
        room[:n] = x[:n]
        ufunc(room[:n], *values, out=(room[1:], slope))
        check((room[1:], slope), [w[:n] for w in wanted], "beside x", n)
        both = np.zeros((n, 2), dtype)
        ufunc(x[:n], *values, out=(both[:, 0], both[:, 1]))
        check((both[:, 0], both[:, 1]), [w[:n] for w in wanted], "beside each other", n)
        back = np.zeros((2, n * size), np.uint8).view(dtype)
        ufunc(x[:n], *values, out=(back[0][::-1], back[1]))
        check((back[0][::-1], back[1]), [w[:n] for w in wanted], "backwards", n)
    table = x[: 60 * 100].reshape(60, 100)
    check(ufunc(table.T, *values), [w[:6000].reshape(60, 100).T for w in wanted], "two axes")
    check(ufunc(np.broadcast_to(x[3], 50), *values), [np.full(50, w[3]) for w in wanted], "one value")


@pytest.mark.parametrize("case", ONES, ids=str)
def test_threads(case, variant, pairs, dtype):
    x = numbers(dtype, 100_003)
    values = [np.asarray(v, dtype) for v in case.values]
    kernels, ufunc = _variants.load(variant), pairs[PAIRS[case.record.name].name]
    before = kernels.get_threads()[:2]
    try:
        kernels.set_threads(1, 0)
        wanted = ufunc(x, *values)
        for n in (2, 5):
            kernels.set_threads(n, 0)
            check(ufunc(x, *values), wanted, n)
            place = x.copy()
            _, slope = ufunc(place, *values, out=(place, None))
            check((place, slope), wanted, n, "in place")
    finally:
        kernels.set_threads(*before)


@pytest.mark.parametrize("case", ONES, ids=str)
def test_bfloat16(case, variant, pairs):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    kind = np.dtype(ml_dtypes.bfloat16)
    x = np.arange(1 << 16, dtype=np.uint16).view(kind)
    values = [np.asarray(v, kind) for v in case.values]
    ufunc, name = pairs[PAIRS[case.record.name].name], case.record.name
    made = ufuncs(variant)
    y, slope = ufunc(x, *values)
    assert y.dtype == slope.dtype == kind
    if shared(name, kind, variant):
        near((y, slope), (made[name](x, *values), made[f"{name}_backward"](np.ones((), kind), x, *values)), case)
        return
    for got, wanted in ((y, made[name](x, *values)), (slope, made[f"{name}_backward"](np.ones((), kind), x, *values))):
        nan = np.isnan(wanted)
        assert (np.isnan(got) == nan).all() and (got.view(np.uint16)[~nan] == wanted.view(np.uint16)[~nan]).all()


@pytest.mark.parametrize("case", ONES, ids=str)
def test_public_function(case, dtype):
    """Defaults, checks, out= and where= as of the function; also by name, under each alias, and with the gradient's bits."""
    record, extra = case.record, case.parameters
    function = getattr(fa, f"{record.name}_value_and_grad")
    for alias in record.aliases:
        assert getattr(fa, f"{alias}_value_and_grad") is function
    assert fa.get(record.name).value_and_grad is function
    assert (function if isinstance(function, np.ufunc) else function.ufunc) is getattr(fa.ufuncs, PAIRS[record.name].name)
    assert isinstance(function, np.ufunc) == (not record.parameters)
    x = accepted(record, numbers(dtype, 500))
    y, slope = function(x, **{k: v for k, v in extra.items() if RECORDS[record.name].parameters and v is not None})
    assert y.dtype == slope.dtype == x.dtype
    with np.errstate(invalid="ignore"):         # the sum of infinities that is a parameter's gradient
        gradient = getattr(fa, f"{record.name}_backward")(np.ones((), dtype), x=x, **extra)
    apart = getattr(fa, record.name)(x, **extra), gradient[0] if isinstance(gradient, tuple) else gradient
    if shared(record.name, dtype):
        near((y, slope), apart, case)
    else:
        check((y, slope), apart)
    out = (np.empty_like(x), np.empty_like(x))
    got = function(x, out=out, **extra)
    assert got[0] is out[0] and got[1] is out[1]
    check(out, (y, slope))
    kept = np.full(x.shape, 7, dtype)
    function(x, out=(kept, None), where=np.zeros(x.shape, bool), **extra)
    assert (kept == 7).all()
    assert function(np.arange(2), **extra)[1].dtype == np.float64
    assert all(isinstance(v, np.floating) for v in function(0.25, **extra))
    with pytest.raises(TypeError, match=rf"fastact\.{record.name}_value_and_grad: x is complex128"):
        function(np.ones(2, complex), **extra)
    with pytest.raises((TypeError, ValueError)):
        function(x, out=out[0], **extra)
    for p in record.parameters:
        with pytest.raises(ValueError, match=rf"{record.name}_value_and_grad: {p.name} must be .*nan"):
            function(x, out=(kept, kept), **(extra | {p.name: np.nan}))
    assert (kept == 7).all()


def test_parameters_broadcast_and_lie_along_an_axis():
    x = numbers("float32", 600)[:600].reshape(20, 30)
    for record in (r for r in ELEMENTWISE if r.name in PAIRS and r.parameters):
        first, *others = record.parameters
        extra = {p.name: p.samples[0] for p in others if p.default is None}
        each = np.linspace(0.1, 0.4, 30, dtype=np.float32)
        function, name = getattr(fa, f"{record.name}_value_and_grad"), record.name
        y, slope = function(x, **{first.name: each}, **extra)
        if not shared(name, x.dtype):
            assert_same_bits(y, getattr(fa, name)(x, **{first.name: each}, **extra), name)
        assert_same_bits(y[:, 7], function(x[:, 7], **{first.name: each[7]}, **extra)[0], name)
        assert y.shape == slope.shape == x.shape
        if "axis" in inspect.signature(function).parameters:
            check(function(x.T, **{first.name: each}, axis=0, **extra), (y.T, slope.T), name)


def test_which_have_one():
    """All element-by-element functions but those that draw; the names are public, and made when asked for."""
    assert {r.name for r in ELEMENTWISE if r.drawn is None} == set(PAIRS)
    names = {f"{n}_value_and_grad" for n, own in NAMES.items() if own in PAIRS}
    assert set(_functions.pair_names()) == names
    assert names <= set(fa.__all__) and names <= set(dir(fa)) and len(set(fa.__all__)) == len(fa.__all__)
    for name in (*(r.name for r in ROWWISE), *(r.name for r in GATED), *(r.name for r in ELEMENTWISE if r.drawn)):
        assert not hasattr(fa, f"{name}_value_and_grad")
        with pytest.raises(AttributeError, match=f"value_and_grad: {name} has none"):
            _ = fa.get(name).value_and_grad
    code = """if True:
        import fastact as fa
        assert not [n for n in vars(fa) if n.endswith("elu_value_and_grad") or n == "_pairs"]
        assert not [n for n in vars(fa.ufuncs) if n.endswith("elu_value_and_grad")]
        y, slope = fa.gelu_value_and_grad(1.0)
        assert fa.ufuncs.gelu_value_and_grad is fa.gelu_value_and_grad and "gelu_value_and_grad" in vars(fa)
        assert (y, slope) == (fa.gelu(1.0), fa.gelu_backward(1.0, x=1.0))       # of doubles: the same bits
        try:
            fa.ufuncs.nothing
        except AttributeError as error:
            assert "'fastact.ufuncs' has no attribute 'nothing'" in str(error)
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_docstrings(name):
    import doctest

    function = getattr(fa, f"{name}_value_and_grad")
    doc = function.__doc__
    if isinstance(function, np.ufunc):
        doc = doc.partition("\n\n")[2]          # NumPy's own line
    for title in ("Parameters", "Returns", "Raises", "See Also", "Notes", "References", "Examples"):
        assert f"\n{title}\n{'-' * len(title)}\n" in doc
    for argument in ("x", *(p.name for p in RECORDS[name].parameters), "out", "y", "dydx"):
        assert f"\n{argument} : " in doc, argument
    assert max(map(len, doc.splitlines())) <= 140
    assert f"{name} : " in doc and f"{name}_backward : " in doc
    test = doctest.DocTestParser().get_doctest(doc, {}, name, None, 0)
    report: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=report.append)
    assert test.examples and not failed, "".join(report)


def test_a_written_formula_replaces_the_two(tmp_path):
    """The generator takes a formula of that name; else both formulas in one loop, or, with nothing to share, their kernels in turn."""
    generate = build_script("generate")
    text = """cdef inline real f(real x) noexcept nogil:
    cdef real s
    cdef real z = reduced(x, &s)
    # ----
    return z * s

cdef inline real f_backward(real dy, real x) noexcept nogil:
    cdef real s
    cdef real z = reduced(x, &s)
    # ----
    return dy * s
"""
    op = PAIRS["gelu"]
    made = generate.pair(op, "f", "f4", text, {"f", "f_backward"})
    assert "to_y[0] = f(x)" in made and "to_dydx[0] = f_backward(<float>1.0, x)" in made
    assert generate.pair(op, "f", "f4", text.replace("reduced(x, &s)", "reduced(-x, &s)", 1), {"f", "f_backward"}) is None
    uncut = text.replace("    # ----\n", "", 1).replace("reduced(x, &s)", "reduced(-x, &s)", 1)
    assert generate.pair(op, "f", "f4", uncut, {"f", "f_backward"}) is not None
    assert generate.pair(op, "f", "f8", uncut, {"f", "f_backward"}) is None
    before, after = text.split("cdef inline real f_backward")
    first, second = (p.replace("z = reduced(x", "h = held(x)\n    cdef real z = reduced(h") for p in (before, after))
    alike = f"{first}cdef inline real f_backward{second}"
    other = f"{first}cdef inline real f_backward{second.replace('held', 'clipped')}"
    assert generate.pair(op, "f", "f4", other, {"f", "f_backward"}) is None
    assert generate.pair(op, "f", "f4", alike, {"f", "f_backward"}) is not None
