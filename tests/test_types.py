"""Types: each floating type is kept, integers become float64, Python numbers never widen, the rest is refused."""

from __future__ import annotations

import decimal
import fractions

import numpy as np
import pytest
from _support import DEFAULT_CASES, OPERATIONS, ROWWISE, accepted, assert_same_bits, operation_id

import fastact as fa
from fastact._registry import Operation

RECORDS = [*DEFAULT_CASES, *ROWWISE]
INTEGERS = ("?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q")
REFUSED = {
    "complex64": np.ones(3, np.complex64),
    "complex128": np.ones(3, np.complex128),
    "object": np.array([1.0, 2.0, 3.0], object),
    "decimal": np.array([decimal.Decimal(1)] * 3, object),
    "string": np.array(["1", "2", "3"]),
    "bytes": np.array([b"1", b"2", b"3"]),
    "longdouble": np.ones(3, np.longdouble),
    "datetime64": np.array(["2020-01-01"] * 3, "datetime64[D]"),
    "timedelta64": np.array([1, 2, 3], "timedelta64[s]"),
    "structured": np.zeros(3, [("a", "f4")]),
}
if np.dtype(np.longdouble).itemsize == 8:
    del REFUSED["longdouble"]


def _id(value):
    return getattr(value, "name", str(value))


def _arguments(case) -> dict[str, float]:
    return dict(getattr(case, "parameters", {}))


def _record(case):
    return getattr(case, "record", case)


def _name(case) -> str:
    return _record(case).name


def _gradient(result):
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("case", RECORDS, ids=_id)
def test_floating_types_are_kept(case, public, dtype):
    x = accepted(_record(case), np.array([-1.5, 0.25, 2.0], dtype))
    name, extra = _name(case), _arguments(case)
    y = public[name](x, **extra)
    assert y.dtype == np.dtype(dtype)
    dx = public[f"{name}_backward"](np.ones_like(y), x=x, **extra)
    for part in dx if isinstance(dx, tuple) else (dx,):
        assert part.dtype == np.dtype(dtype)


@pytest.mark.parametrize("case", RECORDS, ids=_id)
def test_integers_and_bool_are_computed_in_float64(case, public):
    name, extra = _name(case), _arguments(case)
    for code in INTEGERS:
        x = np.array([0, 1, 1], code)
        y = public[name](x, **extra)
        assert y.dtype == np.float64, code
        assert_same_bits(y, public[name](x.astype(np.float64), **extra), name, code)
        dx = _gradient(public[f"{name}_backward"](1 if hasattr(case, "record") else np.ones_like(y), x=x, **extra))
        assert dx.dtype == np.float64, code


@pytest.mark.parametrize("case", RECORDS, ids=_id)
def test_lists_and_python_numbers(case, public):
    name, extra = _name(case), _arguments(case)
    x = accepted(_record(case), [-1.0, 0.5, 2.0])
    wanted = public[name](x, **extra)
    assert_same_bits(public[name](x.tolist(), **extra), wanted)
    assert_same_bits(public[name](tuple(x.tolist()), **extra), wanted)
    if hasattr(case, "record"):
        assert_same_bits(public[name](0.5, **extra), np.float64(wanted[1]))
        assert public[name](1, **extra).dtype == np.float64
        assert public[name](True, **extra).dtype == np.float64


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_python_numbers_never_widen(case, public, dtype):
    """A Python dy or parameter, or a float64 scalar as a parameter, leaves the array's type."""
    x = accepted(_record(case), np.array([-1.5, 0.25, 2.0], dtype))
    name = case.record.name
    backward = public[f"{name}_backward"]
    for one in (1, 1.0, True) if dtype == "float64" else (1, 1.0):
        assert _gradient(backward(one, x=x, **case.parameters)).dtype == np.dtype(dtype)
    wanted = public[name](x, **case.parameters)
    for kind in (float, np.float64, np.float32, np.array, fractions.Fraction):
        extra = {k: kind(v) for k, v in case.parameters.items()}
        got = public[name](x, **extra)
        assert got.dtype == np.dtype(dtype), kind
        if kind is not np.float32:
            assert_same_bits(got, wanted, name, kind)
        assert _gradient(backward(np.ones_like(x), x=x, **extra)).dtype == np.dtype(dtype), kind
    whole = {p.name: 0 if p.check == "margin" else 2 for p in case.record.parameters}
    assert public[name](x, **whole).dtype == np.dtype(dtype)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_mixed_types_take_the_wider(op_case, made):
    op, case = op_case
    parameters = tuple(case.parameters.values())
    if len(op.data) == 2:
        for first in ("f2", "f4", "f8"):
            for second in ("f2", "f4", "f8", "i4"):
                wide = np.result_type(first, "f8" if second == "i4" else second)
                a, b = np.array([0.5, -1.0], first), np.array([1, -1], second)
                wanted = made[op.name](a.astype(wide), b.astype(wide), *parameters)
                assert_same_bits(made[op.name](a, b, *parameters), wanted, op.name, first, second)
    for k in range(len(parameters)):
        arrays = [np.float32(v) for v in parameters]
        arrays[k] = np.full(2, parameters[k], "f8")
        data = [np.ones(2, "f4") for _ in op.data]
        assert made[op.name](*data, *arrays).dtype == np.float64


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_refused_types(op_case, refused, made):
    """A TypeError that names function, argument and type, and says what is accepted; nothing is written."""
    op, case = op_case
    bad = REFUSED[refused]
    names = (*op.data, *op.parameters)
    for place, argument in enumerate(names):
        data = [np.ones(3) for _ in op.data] + list(case.parameters.values())
        data[place] = bad
        out = np.full(3, 7.0)
        for extra in ({}, {"out": out}):
            with pytest.raises(TypeError) as caught:
                made[op.name](*data, **extra)
            message = str(caught.value)
            assert op.name in message and f" {argument} is " in message, message
            assert bad.dtype.type.__name__ in message, message
            assert all(t in message for t in ("float16", "float32", "float64", "bool", "integers")), message
        assert (out == 7.0).all()


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("case", RECORDS, ids=_id)
def test_public_functions_refuse_them_too(case, refused, public):
    name, extra = _name(case), _arguments(case)
    bad = REFUSED[refused]
    with pytest.raises(TypeError, match=rf"{name}.* x is .*accepted are"):
        public[name](bad, **extra)
    with pytest.raises(TypeError, match=rf"{name}.* x is .*accepted are"):
        public[f"{name}_backward"](1.0 if not hasattr(case, "record") and case.reduces else np.ones(3), x=bad, **extra)
    with pytest.raises(TypeError, match=rf"{name}.* dy is .*accepted are"):
        public[f"{name}_backward"](bad[:1].reshape(()) if not hasattr(case, "record") and case.reduces else bad, x=np.ones(3), **extra)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_refused_parameters_of_the_public_functions(case, public):
    backward = public[f"{case.record.name}_backward"]
    for parameter in case.parameters:
        for bad in (1j, "1", None, b"1", [1j], ["a"], object(), np.longdouble(1) if "longdouble" in REFUSED else 1j):
            for function in (public[case.record.name], lambda x, **extra: backward(1.0, x=x, **extra)):
                with pytest.raises(TypeError, match=parameter):
                    function(np.ones(3), **{**case.parameters, parameter: bad})


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_dtype_and_casting_arguments(op_case, made):
    op, case = op_case
    ufunc, parameters = made[op.name], tuple(case.parameters.values())
    data = [np.array([0.5, -1.25], "f8") for _ in op.data]
    narrow = [d.astype("f4") for d in data]
    assert_same_bits(ufunc(*narrow, *parameters, dtype="f8"), ufunc(*data, *parameters), op.name)
    assert_same_bits(ufunc(*data, *parameters, dtype="f4", casting="same_kind"), ufunc(*narrow, *parameters), op.name)
    for forbidden in ("c16", "O", "i4", "longdouble") if "longdouble" in REFUSED else ("c16", "O", "i4"):
        with pytest.raises(TypeError, match="accepted are"):
            ufunc(*narrow, *parameters, dtype=forbidden)
    with pytest.raises(TypeError, match="cast"):
        ufunc(*data, *parameters, dtype="f4", casting="safe")
    out = np.zeros(2, "f4")
    assert ufunc(*data, *parameters, out=out) is out                    # float64 to float32 is the same kind
    assert_same_bits(out, ufunc(*data, *parameters).astype("f4"), op.name)
    wide = np.zeros(2, "f8")
    ufunc(*narrow, *parameters, out=wide)
    assert_same_bits(wide, ufunc(*narrow, *parameters).astype("f8"), op.name, "a wider out does not change the computation")
    integers = np.full(2, 7)
    with pytest.raises(TypeError, match=r"[Cc]ast"):
        ufunc(*data, *parameters, out=integers)
    assert (integers == 7).all()


def test_operations_cover_every_operand_kind():
    assert {d for op, _ in OPERATIONS for d in op.data} == {"x", "dy", "y"}
    assert all(isinstance(op, Operation) for op, _ in OPERATIONS)


# ---- other array types -------------------------------------------------------------------------------------------


class Labelled(np.ndarray):
    """A plain subclass."""


@pytest.mark.parametrize("case", RECORDS, ids=_id)
def test_subclasses(case, public, dtype):
    name, extra = _name(case), _arguments(case)
    x = accepted(_record(case), np.array([[-1.5, 0.25, 2.0]] * 2, dtype))
    got = public[name](x.view(Labelled), **extra)
    assert type(got) is Labelled
    assert_same_bits(np.asarray(got), public[name](x, **extra), name)
    dx = _gradient(public[f"{name}_backward"](np.ones_like(np.asarray(got)), x=x.view(Labelled), **extra))
    assert type(dx) is Labelled


def test_results_have_the_native_byte_order(dtype):
    """Whatever the operands have, along any axis."""
    x = np.random.default_rng(5).standard_normal((4, 6)).astype(np.dtype(dtype).newbyteorder())
    ids, rows = np.zeros(6, int), ("softmax", "log_softmax", "logsumexp", "softmin", "hardmax", "sparsemax", "entmax15", "gumbel_softmax")
    results = {
        "gelu": fa.gelu(x),
        "swiglu": fa.swiglu(x),
        "swiglu_backward": fa.swiglu_backward(1.0, x=x),
        "cross-entropy": fa.softmax_cross_entropy_value_and_grad(x, ids, axis=0)[1],
        "maxout": fa.maxout(x, 2, axis=0)[0],
        "maxout_backward": fa.maxout_backward(x[0], which=ids, pieces=2),
        "hardmax_backward": fa.hardmax_backward(x, x=x),
        "segment_softmax": fa.segment_softmax(x, [0, 4], axis=0),
        "dense": fa.dense(x, x.T.copy()),
        "dense, in panels": fa.dense(np.repeat(x, 2000, axis=0), np.repeat(x.T, 10, axis=1), activation="gelu"),
        "fused": fa.fused("gelu", x, bias=x[0]),
        "alpha_dropout": fa.alpha_dropout(x, rng=0)[0],
    }
    for name in rows:
        for axis in (0, 1, None):
            results[name, axis] = getattr(fa, name)(x, axis=axis)
            if name == "softmax":
                results["temperature", axis] = fa.softmax(x, axis=axis, temperature=2.0)
                results["backward", axis] = fa.softmax_backward(x, y=x, axis=axis)
    assert {name: a.dtype.str for name, a in results.items() if a.dtype != np.dtype(dtype)} == {}


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_masked_arrays(case, public, dtype):
    name, extra = case.record.name, case.parameters
    x = np.ma.masked_array(accepted(case.record, np.array([-1.5, 0.25, 2.0], dtype)), [False, True, False])
    y = public[name](x, **extra)
    assert isinstance(y, np.ma.MaskedArray) and y.mask.tolist() == [False, True, False]
    assert_same_bits(y.compressed(), public[name](x.data, **extra)[[0, 2]], name)


def test_masked_arrays_where_no_mask_is_taken():
    """Their mask would silently not be looked at."""
    plain, masked, W = np.ones((2, 3)), np.ma.masked_array(np.ones((2, 3)), [[0, 1, 0], [0, 0, 0]]), np.ones((3, 3))
    for name, call_ in {
        "dense: x": lambda: fa.dense(masked, W),
        "dense: W": lambda: fa.dense(plain, np.ma.array(W), activation="relu"),
        "dense_backward: dy": lambda: fa.dense_backward(masked, plain, W, activation="relu"),
        "fused_backward: x": lambda: fa.fused_backward("relu", plain, masked),
        "alpha_dropout: x": lambda: fa.alpha_dropout(masked),
        "alpha_dropout_backward: dy": lambda: fa.alpha_dropout_backward(masked, np.ones((2, 3), bool)),
        "ActivationMonitor.update: y": lambda: fa.monitor.ActivationMonitor("relu").update(masked),
        "ActivationMonitor.update: x": lambda: fa.monitor.ActivationMonitor("relu").update(x=masked),
        "lstm_gates: c": lambda: fa.lstm_gates(np.ones((2, 12)), masked),
        "lstm_gates_backward: dh": lambda: fa.lstm_gates_backward(masked, gates=np.ones((2, 12)), c=plain, c_new=plain),
        "gru_gates: h": lambda: fa.gru_gates(np.ones((2, 9)), np.ones((2, 9)), masked),
        "gru_gates_backward: dh": lambda: fa.gru_gates_backward(masked, gates=np.ones((2, 9)), hidden=np.ones((2, 9)), h=plain),
    }.items():
        with pytest.raises(TypeError, match=f"{name} is a masked array, whose mask would not be looked at; pass {name.split()[1]}.data"):
            call_()
    y = fa.fused("tanh", masked, bias=np.ones(3))
    assert isinstance(y, np.ma.MaskedArray) and (y.mask == masked.mask).all()


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_pandas(case, public, dtype):
    pd = pytest.importorskip("pandas")
    name, extra = case.record.name, case.parameters
    values = accepted(case.record, np.array([-1.5, 0.25, 2.0], dtype))
    series = pd.Series(values, index=list("abc"), name="potential")
    y = public[name](series, **extra)
    assert isinstance(y, pd.Series) and y.index.tolist() == ["a", "b", "c"] and y.name == "potential"
    assert_same_bits(y.to_numpy(), public[name](values, **extra), name)
    frame = pd.DataFrame({"p": values, "q": values[::-1]})
    got = public[name](frame, **extra)
    assert isinstance(got, pd.DataFrame) and list(got.columns) == ["p", "q"]
    assert_same_bits(got["q"].to_numpy(), public[name](values[::-1], **extra), name)
    if not any(p.learned for p in case.record.parameters):
        dx = public[f"{name}_backward"](pd.Series(np.ones(3, dtype), index=list("abc")), x=series, **extra)
        assert isinstance(dx, pd.Series)
        assert_same_bits(dx.to_numpy(), public[f"{name}_backward"](np.ones(3, dtype), x=values, **extra), name)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_xarray(case, public, dtype):
    xr = pytest.importorskip("xarray")
    name, extra = case.record.name, case.parameters
    values = accepted(case.record, np.array([[-1.5, 0.25, 2.0]] * 2, dtype))
    x = xr.DataArray(values, dims=("sample", "unit"), coords={"unit": [10, 20, 30]})
    y = public[name](x, **extra)
    assert isinstance(y, xr.DataArray) and y.dims == ("sample", "unit") and y.coords["unit"].values.tolist() == [10, 20, 30]
    assert_same_bits(y.values, public[name](values, **extra), name)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=_id)
def test_dask(case, public, dtype):
    da = pytest.importorskip("dask.array")
    name, extra = case.record.name, case.parameters
    values = accepted(case.record, np.linspace(-3, 3, 100).astype(dtype))
    x = da.from_array(values, chunks=17)
    y = public[name](x, **extra)
    assert isinstance(y, da.Array) and y.dtype == np.dtype(dtype)
    assert_same_bits(y.compute(), public[name](values, **extra), name)
