"""dask: lazy, types and chunks kept, softmax along chunked axes, and data larger than a worker's memory."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from _support import DEFAULT_CASES, accepted, assert_same_bits

import fastact as fa
from fastact._registry import ROWWISE

da = pytest.importorskip("dask.array")
fad = pytest.importorskip("fastact.adapters.dask")

CHUNKS = [(3, 4), (7, 1), (1, 13), (7, 13), ((2, 5), (6, 0, 7))]
AXES = [-1, 0, None, (0, 1)]
#: What combining chunks may add to the row kernels' bounds, in ulp.
ULPS = {"float16": 1.0, "float32": 4.0, "float64": 8.0}


def _rows(dtype, special: bool):
    x = (np.random.default_rng(0).standard_normal((7, 13)) * 10).astype(dtype)
    if special:
        x[0, :4], x[2], x[3, 3], x[4, 2] = -np.inf, -np.inf, np.inf, np.nan
    return x


def _close(got, wanted, dtype):
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite])
    error = np.abs(got[finite].astype("f8") - wanted[finite].astype("f8")) / np.spacing(np.abs(wanted[finite])).astype("f8")
    assert error.max(initial=0) <= ULPS[dtype], error.max()


def test_elementwise_keeps_chunks_and_laziness(dtype):
    for case in DEFAULT_CASES:
        values = accepted(case.record, _rows(dtype, False))
        x = da.from_array(values, chunks=(3, 4))
        y = fa.get(case.record.name)(x, **case.parameters)
        assert isinstance(y, da.Array) and y.dtype == x.dtype and y.chunks == x.chunks
        assert_same_bits(y.compute(), fa.get(case.record.name)(values, **case.parameters), case.record.name)


def test_along_an_axis_in_one_chunk_fastacts_own_functions_do(dtype):
    x = da.from_array(_rows(dtype, False), chunks=(3, 13))
    for record in ROWWISE:
        y = fa.get(record.name)(x, axis=1)
        assert isinstance(y, da.Array) and y.dtype == x.dtype and y.chunks[0] == x.chunks[0]
        assert_same_bits(y.compute(), fa.get(record.name)(_rows(dtype, False), axis=1))
        with pytest.raises(ValueError, match="multiple chunks"):
            fa.get(record.name)(x, axis=0)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("record", ROWWISE, ids=lambda r: r.name)
def test_forward(record, chunks, axis, special, dtype):
    values = _rows(dtype, special)
    x = da.from_array(values, chunks=chunks)
    for mask in (None, np.random.default_rng(1).random((7, 13)) > 0.4, np.arange(13) > 9, np.zeros((7, 13), bool)):
        got, wanted = getattr(fad, record.name)(x, axis, where=mask), fa.get(record.name)(values, axis, where=mask)
        assert isinstance(got, da.Array) and got.dtype == wanted.dtype and got.shape == wanted.shape
        if not record.reduces:
            assert got.chunks == x.chunks
        with np.errstate(all="raise"):
            _close(np.asarray(got.compute(scheduler="sync")), np.asarray(wanted), dtype)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("record", ROWWISE, ids=lambda r: r.name)
def test_backward(record, axis, dtype):
    values = _rows(dtype, False)
    x = da.from_array(values, chunks=(3, 4))
    rtol, atol = {"float16": (5e-3, 5e-3), "float32": (1e-5, 1e-6), "float64": (1e-13, 1e-14)}[dtype]
    backward, ours = getattr(fad, f"{record.name}_backward"), fa.get(record.name).backward
    y = np.asarray(fa.get(record.name)(values, axis))
    dy = np.random.default_rng(2).standard_normal(y.shape).astype(dtype)
    got = backward(dy, x=x, axis=axis)
    assert got.dtype == np.dtype(dtype) and got.chunks == x.chunks
    np.testing.assert_allclose(got.compute(), ours(dy, x=values, axis=axis), rtol=rtol, atol=atol)
    if not record.reduces:
        np.testing.assert_allclose(backward(dy, y=y, axis=axis).compute(), ours(dy, y=y, axis=axis), rtol=rtol, atol=atol)


def test_a_dominated_sum_keeps_its_digits():
    """Where one number dominates, log_softmax there is -exp(-distance), however the row is cut."""
    x = np.array([[40.0, 0.0, 0.0, -1.0]])
    for chunks in ((1, 1), (1, 2), (1, 4)):
        got = fad.log_softmax(da.from_array(x, chunks=chunks)).compute()
        np.testing.assert_allclose(got, fa.log_softmax(x), rtol=1e-15)
    v = np.full((1, 2), 1e36, "f4")
    np.testing.assert_allclose(fad.log_softmax(da.from_array(v, chunks=(1, 1))).compute(), -np.log(2), rtol=1e-7)


def test_integers_empties_and_refusals():
    assert fad.softmax(da.ones(4, dtype=int, chunks=2)).dtype == np.float64
    assert fad.logsumexp(da.zeros((0, 3), chunks=2), axis=0).compute().tolist() == [-np.inf] * 3
    assert fad.logsumexp(da.zeros((4, 3), chunks=2), axis=0, keepdims=True).shape == (1, 3)
    with pytest.raises(TypeError, match="accepted are"):
        fad.softmax(da.ones(4, dtype=complex))
    with pytest.raises(np.exceptions.AxisError):
        fad.softmax(da.ones(4), axis=1)
    with pytest.raises(TypeError, match="softmax: where must be a boolean mask, got float64"):
        fad.softmax(da.ones(4), where=da.ones(4))
    with pytest.raises(ValueError, match=r"where of shape \(3,\) does not broadcast to x of shape \(4,\)"):
        fad.softmax(da.ones(4), where=da.ones(3, dtype=bool))
    with pytest.raises(TypeError, match="pass either the saved input x= or the saved output y="):
        fad.softmax_backward(da.ones(4))


def look(block):
    return fa.monitor.ActivationMonitor("relu").update(block)


def watched(y):
    """The monitor of a chunked array's last axis, as docs/adapters.md does it."""
    from dask import delayed

    parts = [delayed(look)(block) for block in y.rechunk({-1: -1}).to_delayed().ravel()]
    return delayed(functools.reduce)(fa.monitor.ActivationMonitor.merge, parts)


def test_monitors_of_chunks_merge():
    values = np.random.default_rng(0).standard_normal((60, 5)).astype("f4")
    got = watched(fa.relu(da.from_array(values, chunks=(7, 2)))).compute(scheduler="synchronous")
    wanted = look(fa.relu(values))
    assert got.count == wanted.count == 60
    for name in ("zeros", "min", "max", "dead"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
    np.testing.assert_allclose([got.mean, got.std], [wanted.mean, wanted.std], rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_larger_than_a_workers_memory(tmp_path):
    """Two processes with 250 MB each, 480 MB of float32, the axis cut into eight: gelu, softmax, gradient, down to sums; monitors."""
    distributed = pytest.importorskip("distributed")
    import dask

    limit, shape, chunks = 250_000_000, (6_000, 20_000), (1_500, 2_500)
    settings = {"temporary-directory": str(tmp_path), "distributed.worker.memory.terminate": 0.98, "distributed.admin.tick.limit": "60s"}
    with dask.config.set(settings), distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, memory_limit=limit, dashboard_address=None
    ) as cluster, distributed.Client(cluster):
        rows = da.arange(shape[0], chunks=chunks[0], dtype=np.float32)[:, None]
        columns = da.arange(shape[1], chunks=chunks[1], dtype=np.float32)[None, :]
        x = fa.gelu((rows % 7) - (columns % 11))
        assert x.nbytes > 1.9 * limit and x.chunks[1] == (2_500,) * 8 and x.dtype == np.float32
        y = fad.softmax(x, axis=1)
        dx = fad.softmax_backward(x, y=y, axis=1)
        sums, gradient, some = da.compute(y.sum(axis=1, dtype="f8"), da.abs(dx.sum(axis=1, dtype="f8")).max(), y[:14, ::997])
        # whole rows from the start, a few at a time: moving chunks would take more memory than a monitor needs
        few = da.arange(shape[0], chunks=100, dtype=np.float32)[:, None]
        watch = watched(fa.relu((few % 7) - (da.arange(shape[1], chunks=-1, dtype=np.float32) % 11))).compute()
        assert len(cluster.scheduler.workers) == 2
    np.testing.assert_allclose(sums, 1, rtol=1e-6)
    assert gradient < 1e-6
    zeros = ((np.arange(shape[0]) % 7)[:, None] <= np.arange(11)).sum(axis=0)
    assert watch.count == shape[0]
    np.testing.assert_array_equal(watch.zeros, zeros[np.arange(shape[1]) % 11])
    row = fa.gelu(((np.arange(14) % 7)[:, None] - (np.arange(shape[1]) % 11)[None, :]).astype("f4"))
    np.testing.assert_allclose(some, fa.softmax(row, axis=1)[:, ::997], rtol=5e-7)
