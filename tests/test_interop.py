"""Other arrays: PyTorch tensors on the CPU, DLPack, the buffer protocol, xarray and pandas. What comes back, and that nothing is copied."""

from __future__ import annotations

import array
import ctypes
import tracemalloc

import numpy as np
import pytest
from _support import DEFAULT_CASES, ROWWISE, accepted, assert_same_bits

import fastact as fa
import fastact.functional as F

ALONE = [c for c in DEFAULT_CASES if not any(p.learned for p in c.record.parameters)]
CASES = [(c.record.name, c.parameters) for c in ALONE] + [(r.name, {}) for r in ROWWISE]
VALUES = np.array([-1.5, 0.25, 2.0], "f4")


class OnlyDLPack:
    """An array of which NumPy knows nothing but DLPack."""

    def __init__(self, values):
        self._values = values

    def __dlpack__(self, **kwargs):
        return self._values.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self._values.__dlpack_device__()


def _peak(function, *args) -> int:
    """Bytes that NumPy allocates at most during a call."""
    function(*args)
    tracemalloc.start()
    try:
        result = function(*args)
        return tracemalloc.get_traced_memory()[1] if result is not None else 0
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context")          # PyTorch's own
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_tensors_come_back_as_tensors(name, parameters):
    torch = pytest.importorskip("torch")
    for dtype in ("float16", "float32", "float64"):
        values = accepted(fa.get(name).record, VALUES.astype(dtype))
        y = fa.get(name)(torch.from_numpy(values), **parameters)
        assert isinstance(y, torch.Tensor) and y.dtype == getattr(torch, dtype)
        assert_same_bits(y.numpy(), np.asarray(fa.get(name)(values, **parameters)), name)


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context")
def test_tensors_are_not_copied():
    torch = pytest.importorskip("torch")
    x = torch.zeros(1_000_000)
    assert _peak(fa.gelu, x) < 1.05 * x.nbytes                       # the result, and no copy of the input
    view = np.from_dlpack(x)
    fa.gelu(x + 1, out=view)                                         # where a tensor is wanted as out=
    assert torch.equal(x, torch.from_numpy(fa.gelu(np.ones(1_000_000, "f4"))))
    strided = torch.arange(12.0).reshape(3, 4).T
    assert_same_bits(fa.silu(strided).numpy(), fa.silu(strided.numpy()))
    F.relu_(strided.neg_())
    assert not strided.any()


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context")
def test_tensors_backward_and_refusals():
    torch = pytest.importorskip("torch")
    x, dy = torch.from_numpy(VALUES), torch.ones(3)
    assert isinstance(fa.gelu_backward(dy, x=x), torch.Tensor)
    assert isinstance(fa.softmax_backward(dy, y=fa.softmax(x)), torch.Tensor)
    with pytest.raises(RuntimeError, match="requires grad"):         # autograd would not know of it
        fa.gelu(x.clone().requires_grad_())
    with pytest.raises(TypeError, match="BFloat16"):
        fa.gelu(x.bfloat16())
    with pytest.raises(TypeError, match="return arrays must be of ArrayType"):
        fa.gelu(x, out=x)


def test_dlpack_alone():
    """A view through np.from_dlpack; without it an error that names the type."""
    values = np.linspace(-3, 3, 1000, dtype="f4")
    assert_same_bits(fa.gelu(np.from_dlpack(OnlyDLPack(values))), fa.gelu(values))
    with pytest.raises(TypeError, match=r"gelu: x is object.*accepted are"):
        fa.gelu(OnlyDLPack(values))


def test_results_go_out_through_dlpack():
    torch = pytest.importorskip("torch")
    y = fa.gelu(VALUES)
    assert torch.from_dlpack(y).data_ptr() == y.ctypes.data


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_buffers(name, parameters):
    """array.array, memoryview and ctypes arrays are read where they are, in their own type; an ndarray comes back."""
    values = accepted(fa.get(name).record, VALUES)
    wanted = np.asarray(fa.get(name)(values, **parameters))
    for buffer in (array.array("f", values), memoryview(array.array("f", values)), memoryview(values), (ctypes.c_float * 3)(*values)):
        y = fa.get(name)(buffer, **parameters)
        assert isinstance(y, np.ndarray | np.float32) and y.dtype == np.float32
        assert_same_bits(np.asarray(y), wanted, name, type(buffer))


def test_buffers_are_not_copied_and_can_be_overwritten():
    buffer = array.array("d", bytes(8_000_000))
    assert _peak(fa.gelu, buffer) < 1.05 * 8_000_000
    buffer = array.array("f", VALUES)
    assert fa.relu(buffer, out=np.asarray(buffer)).tolist() == buffer.tolist() == [0.0, 0.25, 2.0]
    F.leaky_relu(data := array.array("f", VALUES), 0.5, inplace=True)
    assert data.tolist() == [-0.75, 0.25, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        F.relu(memoryview(VALUES).toreadonly(), inplace=True)


def test_jax_arrays_give_numpy_arrays():
    jnp = pytest.importorskip("jax.numpy")
    y = fa.gelu(jnp.asarray(VALUES))
    assert type(y) is np.ndarray
    assert_same_bits(y, fa.gelu(VALUES))


@pytest.mark.parametrize("record", ROWWISE, ids=lambda r: r.name)
def test_pandas_over_an_axis(record):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"p": VALUES, "q": VALUES[::-1]}, index=list("abc"))
    for axis in (0, 1):
        got = fa.get(record.name)(frame, axis=axis)
        wanted = fa.get(record.name)(frame.to_numpy(), axis=axis)
        if record.reduces:                                           # pandas makes a reduced ufunc an array
            assert_same_bits(np.asarray(got), wanted)
            kept = fa.get(record.name)(frame, axis=axis, keepdims=True)
            assert_same_bits(np.asarray(kept), np.expand_dims(wanted, axis))
            continue
        assert isinstance(got, pd.DataFrame) and got.index.tolist() == list("abc") and got.columns.tolist() == ["p", "q"]
        assert_same_bits(got.to_numpy(), wanted)
    if not record.reduces:
        series = fa.get(record.name)(frame["p"])
        assert isinstance(series, pd.Series) and series.index.tolist() == list("abc") and series.name == "p"


@pytest.mark.parametrize("record", ROWWISE, ids=lambda r: r.name)
def test_xarray_over_a_dimension(record):
    """By apply_ufunc, as xarray's own error says; chunked arrays too."""
    xr = pytest.importorskip("xarray")
    da = pytest.importorskip("dask.array")
    values = np.random.default_rng(0).standard_normal((4, 6)).astype("f4")
    x = xr.DataArray(values, dims=("sample", "unit"), coords={"unit": list("abcdef")})
    with pytest.raises(NotImplementedError, match="apply_ufunc"):
        fa.get(record.name)(x)
    function = fa.get(record.name).forward
    for dim, axis in (("unit", 1), ("sample", 0)):
        back = [] if record.reduces else [dim]
        y = xr.apply_ufunc(function, x, input_core_dims=[[dim]], output_core_dims=[back])
        wanted = np.asarray(function(values, axis=axis))
        assert isinstance(y, xr.DataArray) and y.dtype == np.float32
        assert_same_bits((y if record.reduces else y.transpose(*x.dims)).values, wanted)
        if dim == "sample":
            assert y.coords["unit"].values.tolist() == list("abcdef")
        chunked = x.chunk({"sample": 2} if dim == "unit" else {"unit": 2})
        lazy = xr.apply_ufunc(function, chunked, input_core_dims=[[dim]], output_core_dims=[back], dask="allowed")
        assert isinstance(lazy.data, da.Array)
        assert_same_bits((lazy if record.reduces else lazy.transpose(*x.dims)).values, wanted)


#: The special cases that the array API standard lists for tanh and exp: (x, result).
ARRAY_API = {
    "tanh": ((np.nan, np.nan), (0.0, 0.0), (-0.0, -0.0), (np.inf, 1.0), (-np.inf, -1.0)),
    "exp": ((np.nan, np.nan), (0.0, 1.0), (-0.0, 1.0), (np.inf, np.inf), (-np.inf, 0.0)),
}


@pytest.mark.parametrize("name", ARRAY_API)
def test_special_cases_of_the_array_api(name, dtype):
    x, wanted = np.array(ARRAY_API[name], dtype).T
    got = fa.get(name)(np.ascontiguousarray(x))
    assert got.dtype == np.dtype(dtype)
    assert (np.signbit(got[1:]) == np.signbit(wanted[1:])).all()      # of a NaN's sign the standard says nothing
    np.testing.assert_array_equal(got, wanted)
