"""A result never depends on where its operands lie: position, length, stride, alignment, byte order, out=, overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from _support import DEFAULT_CASES, OPERATIONS, ROWWISE, assert_same_bits, hard_values, operands, operation_id, random_bits

STRIDES = (-4, -3, -2, -1, 1, 2, 3, 4)
POOL = 4 * 130 + 16
BINARY = [(op, case) for op, case in OPERATIONS if len(op.data) + len(op.parameters) == 2]


def pool(dtype: str) -> np.ndarray:
    """Ordinary, hard and random numbers, mixed."""
    rng = np.random.default_rng(11)
    x = (rng.standard_normal(POOL) * 4).astype(dtype)
    hard = hard_values(dtype)
    x[rng.permutation(POOL)[: hard.size]] = hard
    wild = random_bits(POOL // 8, dtype, seed=12)
    x[rng.permutation(POOL)[: wild.size]] = wild
    return x


def one_by_one(ufunc: np.ufunc, data: tuple) -> np.ndarray:
    """The results of one-element calls: what every other call must give."""
    n = max(np.size(d) for d in data)
    columns = [np.broadcast_to(d, n) if np.ndim(d) else [d] * n for d in data]
    return np.array([ufunc(*row) for row in zip(*columns, strict=True)], data[0].dtype)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_lengths_offsets_strides(op_case, made, dtype):
    """Every length 0 to 130, offset and stride -4 to 4 of input and of output, bit for bit the one-element result."""
    op, case = op_case
    ufunc = made[op.name]
    x = pool(dtype)
    data = operands(op, case, x, np.random.default_rng(13))
    wanted = one_by_one(ufunc, data)
    k = len(op.data)
    lead, parameters = data[: k - 1], data[k:]
    for offset, stride in itertools.product((0, 1, 2, 5), STRIDES):
        view = slice(offset, None, stride) if stride > 0 else slice(POOL - 1 - offset, None, stride)
        inputs, truth = (*(d[view] for d in lead), x[view]), wanted[view]
        got, expected = np.empty(131 * 65, dtype), np.empty(131 * 65, dtype)
        at = 0
        for n in range(131):
            ufunc(*(d[:n] for d in inputs), *parameters, out=got[at : at + n])
            expected[at : at + n] = truth[:n]
            at += n
        assert_same_bits(got[:at], expected[:at], op.name, "input", offset, stride)
    for offset, stride in itertools.product((0, 3), STRIDES):
        for n in (*range(0, 131, 7), 63, 64, 65, 127, 128, 129):
            room = np.zeros(POOL, dtype)
            out = (room[offset::stride] if stride > 0 else room[: POOL - offset][::stride])[:n]
            ufunc(*(d[:n] for d in data[:k]), *parameters, out=out)
            assert_same_bits(out, wanted[:n], op.name, "output", offset, stride, n)
            assert np.count_nonzero(bits_set(room)) <= n, "wrote beside out"


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_company(op_case, made, dtype):
    """Ordinary numbers give the same bits whatever numbers stand beside them, over lengths that are worked on in stretches."""
    op, case = op_case
    rng = np.random.default_rng(14)
    for scale in (4, 3e3, 3e8):
        x = (rng.standard_normal(6_000) * scale).astype(dtype) if scale < 65504 or dtype != "float16" else np.zeros(0, dtype)
        wild = np.zeros(x.size, bool)
        wild[4_100::97] = True
        mixed = np.where(wild, random_bits(x.size, dtype, seed=15), x)
        data = operands(op, case, x, rng)
        wanted = made[op.name](*data)
        beside = [mixed if d is x else d for d in data]
        got = made[op.name](*beside)
        assert_same_bits(got[~wild], wanted[~wild], op.name, scale)
        got = made[op.name](*(np.full(x.size, d, dtype) if np.ndim(d) == 0 else d for d in beside))
        assert_same_bits(got[~wild], wanted[~wild], op.name, scale, "parameters that vary")


def bits_set(room: np.ndarray) -> np.ndarray:
    """Which places of a zeroed room were written (with anything but 0.0)."""
    return (room != 0) | np.isnan(room) | np.signbit(room)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_in_place(op_case, made, dtype):
    """out= may be any of the operands, exactly, at any length and stride."""
    op, case = op_case
    ufunc = made[op.name]
    data = operands(op, case, pool(dtype), np.random.default_rng(13))
    wanted = one_by_one(ufunc, data)
    for place in range(len(op.data)):
        for n, stride in itertools.product((*range(18), 31, 32, 33, 63, 64, 65, 130, 500), (1, -1, 2, 3)):
            copies = [np.array(d) if np.ndim(d) else d for d in data]
            views = [d[::stride][:n] if np.ndim(d) else d for d in copies]
            assert ufunc(*views, out=views[place]) is views[place]
            assert_same_bits(views[place], wanted[::stride][: min(n, views[place].size)], op.name, op.data[place], n, stride)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_long_calls(op_case, made, dtype):
    """Formulas in steps work on several spans at a time: the same bits as in short calls, at both ends too, and in place."""
    op, case = op_case
    ufunc = made[op.name]
    x = np.resize(pool(dtype), 5006)
    data = operands(op, case, x, np.random.default_rng(13))
    k = len(op.data)
    arrays, parameters = data[:k], data[k:]
    wanted = np.concatenate([ufunc(*(a[i : i + 100] for a in arrays), *parameters) for i in range(0, x.size, 100)])
    for n in (1023, 1024, 1025, 1152, 1280, 2049, 5003):
        for offset in (0, 3):
            part = slice(offset, offset + n)
            room = np.zeros(n + 2, dtype)
            assert_same_bits(ufunc(*(a[part] for a in arrays), *parameters, out=room[1:-1]), wanted[part], op.name, n, offset)
            assert not bits_set(room[[0, -1]]).any(), "wrote beside out"
            for place in range(k):
                copies = [np.array(a[part]) for a in arrays]
                ufunc(*copies, *parameters, out=copies[place])
                assert_same_bits(copies[place], wanted[part], op.name, "in place", op.data[place], n, offset)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_around_the_caches(op_case, made, write_around, dtype):
    """Results too long for a cache: the bits of the usual stores, from any start, nothing beside out, and in place."""
    op, case = op_case
    item = np.dtype(dtype).itemsize
    n = 2**21 // (2 * item) + 1237
    x = np.resize(pool(dtype), n + 40)
    data = operands(op, case, x, np.random.default_rng(13))
    k = len(op.data)
    arrays, parameters = data[:k], data[k:]
    room = np.zeros(n + 64, dtype)
    room = room[-(room.ctypes.data // item) % (64 // item) :]           # begins with a line
    for start, size in ((1, n), (0, n), (64 // item, n - 1), (64 // item - 1, n - 600), (4, n - 128), (7, n + 30)):
        part = [a[start : start + size] for a in arrays]
        write_around(2**62)
        wanted = made[op.name](*part, *parameters)
        write_around(1)                                     # as few as it takes
        room[:] = 0
        made[op.name](*part, *parameters, out=room[start : start + size])
        assert_same_bits(room[start : start + size], wanted, op.name, start, size)
        assert not bits_set(room[:start]).any(), "wrote before out"
        assert not bits_set(room[start + size :]).any(), "wrote behind out"
    for place in range(k):
        copies = [np.array(a) for a in part]
        made[op.name](*copies, *parameters, out=copies[place])
        assert_same_bits(copies[place], wanted, op.name, "in place", op.data[place])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_beyond_the_nearest_cache(op_case, made, dtype):
    """More numbers than the nearest cache keeps: the bits of fewer, from any start, nothing beside out, and in place."""
    op, case = op_case
    n = 12_000
    data = operands(op, case, np.resize(pool(dtype), n + 40), np.random.default_rng(17))
    k = len(op.data)
    arrays, parameters = data[:k], data[k:]
    few = [made[op.name](*(a[i : i + 500] for a in arrays), *parameters) for i in range(0, n + 40, 500)]
    whole = np.concatenate(few)
    room = np.zeros(n + 64, dtype)
    for start, size in ((0, n), (1, n - 1), (4, n + 17), (7, n - 600)):
        part = [a[start : start + size] for a in arrays]
        room[:] = 0
        made[op.name](*part, *parameters, out=room[start : start + size])
        assert_same_bits(room[start : start + size], whole[start : start + size], op.name, start, size)
        assert not bits_set(room[:start]).any() and not bits_set(room[start + size :]).any(), "wrote beside out"
        for place in range(k):
            copies = [np.array(a) for a in part]
            made[op.name](*copies, *parameters, out=copies[place])
            assert_same_bits(copies[place], whole[start : start + size], op.name, "in place", op.data[place])


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_shapes_orders_and_memory(op_case, made, dtype):
    """0-d, empty, Fortran order, transposed, unaligned, byte-swapped, read-only, batches: the same bits."""
    op, case = op_case
    ufunc = made[op.name]
    x = pool(dtype)[:480]
    data = operands(op, case, x, np.random.default_rng(13))
    wanted = one_by_one(ufunc, data)
    k = len(op.data)
    arrays, parameters = data[:k], data[k:]

    def check(change, expected, note):
        got = ufunc(*(change(a) for a in arrays), *parameters)
        assert_same_bits(got, expected, op.name, note)

    check(lambda a: a.reshape(6, 8, 10), wanted.reshape(6, 8, 10), "batch")
    check(lambda a: np.asfortranarray(a.reshape(24, 20)), wanted.reshape(24, 20), "Fortran")
    check(lambda a: a.reshape(24, 20).T, wanted.reshape(24, 20).T, "transposed")
    check(lambda a: a.reshape(6, 8, 10).transpose(1, 2, 0)[::-1, ::2], wanted.reshape(6, 8, 10).transpose(1, 2, 0)[::-1, ::2], "permuted")
    check(lambda a: a.astype(a.dtype.newbyteorder()), wanted, "byte-swapped")
    check(unaligned, wanted, "unaligned")
    check(frozen, wanted, "read-only")
    for shape in ((0,), (0, 3), (3, 0, 2)):
        check(lambda a, shape=shape: np.empty(shape, dtype), np.empty(shape, dtype), "empty")
    scalar = ufunc(*(a[3] for a in arrays), *parameters)
    assert type(scalar) is np.dtype(dtype).type
    assert_same_bits(scalar, wanted[3], op.name, "scalar")
    zero_d = ufunc(*(np.array(a[3]) for a in arrays), *parameters, out=np.empty((), dtype))
    assert zero_d.shape == ()
    assert_same_bits(zero_d, wanted[3], op.name, "0-d")
    swapped, column = np.empty(480, np.dtype(dtype).newbyteorder()), np.empty((480, 3), dtype)[:, 1]
    for where in (unaligned(np.zeros(480, dtype)), swapped, column):
        assert ufunc(*arrays, *parameters, out=where) is where
        assert_same_bits(where.astype(dtype), wanted, op.name, "out in unusual memory")
    with pytest.raises(ValueError, match="read-only"):
        ufunc(*arrays, *parameters, out=frozen(x))


def unaligned(a: np.ndarray) -> np.ndarray:
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    assert not view.flags.aligned or a.dtype.itemsize == 1
    return view


def frozen(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_overlap(op_case, made, dtype):
    """An output that overlaps its inputs, shifted or interleaved, gives what separate memory gives."""
    op, case = op_case
    ufunc = made[op.name]
    data = operands(op, case, pool(dtype)[:400], np.random.default_rng(13))
    parameters = data[len(op.data) :]
    views = {
        "shifted up": (slice(None, -1), slice(1, None)),
        "shifted down": (slice(1, None), slice(None, -1)),
        "shifted by 64": (slice(None, -64), slice(64, None)),
        "interleaved": (slice(None, None, 2), slice(1, None, 2)),
        "reversed": (slice(None), slice(None, None, -1)),
        "spread": (slice(None, 200), slice(None, None, 2)),
        "gathered": (slice(None, None, 2), slice(None, 200)),
    }
    for note, (source, target) in views.items():
        for place in range(len(op.data)):
            copies = [a.copy() for a in data[: len(op.data)]]
            inputs = [a[source] for a in copies]
            wanted = ufunc(*(a.copy() for a in inputs), *parameters)
            out = copies[place][target]
            ufunc(*inputs, *parameters, out=out)
            assert_same_bits(out, wanted, op.name, op.data[place], note)


@pytest.mark.parametrize("op_case", BINARY, ids=operation_id)
def test_reductions_of_binary_ufuncs(op_case, made, dtype):
    """accumulate, reduce, reduceat, at and outer are the one-element calls in a loop."""
    op, _ = op_case
    ufunc = made[op.name]
    rng = np.random.default_rng(14)
    for n in (1, 2, 3, 17, 70, 300):
        a = rng.uniform(0.2, 1.5, n).astype(dtype)
        running = [a[0]]
        for v in a[1:]:
            running.append(ufunc(running[-1], v))
        assert_same_bits(ufunc.accumulate(a), np.array(running, dtype), op.name, n)
        assert_same_bits(ufunc.reduce(a), running[-1], op.name, n)
        b = np.repeat(a, 2)
        assert_same_bits(ufunc.accumulate(b[::2]), np.array(running, dtype), op.name, "strided", n)
        table = rng.uniform(0.2, 1.5, (n, 5)).astype(dtype)
        assert_same_bits(ufunc.accumulate(table, axis=0), np.stack([ufunc.accumulate(c) for c in table.T], 1), op.name, "axis 0")
        assert_same_bits(ufunc.reduce(table, axis=0), np.array([ufunc.reduce(c) for c in table.T]), op.name, "axis 0")
    a, b = rng.standard_normal(40).astype(dtype), rng.uniform(0.2, 2, 7).astype(dtype)
    assert_same_bits(ufunc.outer(a, b), ufunc(a[:, None], b[None, :]), op.name, "outer")
    index = rng.integers(0, 40, 100)
    second = rng.uniform(0.2, 2, 100).astype(dtype)
    wanted, got = a.copy(), a.copy()
    for i, v in zip(index, second, strict=True):
        wanted[i] = ufunc(wanted[i], v)
    ufunc.at(got, index, second)
    assert_same_bits(got, wanted, op.name, "at")
    parts = np.array([ufunc.reduce(part) for part in (a[0:5], a[5:20], a[20:])])
    assert_same_bits(ufunc.reduceat(a, [0, 5, 20]), parts, op.name, "reduceat")


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_where_leaves_the_rest_alone(op_case, made, dtype):
    op, case = op_case
    x = pool(dtype)
    data = operands(op, case, x, np.random.default_rng(13))
    wanted = made[op.name](*data)
    for density in (0.0, 0.1, 0.5, 0.9, 1.0):
        mask = np.random.default_rng(15).random(x.size) < density
        out = np.full(x.size, 7.25, dtype)
        made[op.name](*data, where=mask, out=out)
        assert_same_bits(out, np.where(mask, wanted, np.dtype(dtype).type(7.25)), op.name, density)


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_broadcasting(op_case, made, dtype):
    """Every operand as a single number, a row, a column; the result is that of operands written out in full."""
    op, case = op_case
    ufunc = made[op.name]
    rng = np.random.default_rng(16)
    n_data, count = len(op.data), len(op.data) + len(op.parameters)
    full = [rng.standard_normal((12, 70)).astype(dtype) for _ in op.data]
    full += [(np.abs(v) * rng.uniform(0.5, 1.5, (12, 70))).astype(dtype) for v in case.parameters.values()]
    shapes = {"all": np.s_[:, :], "row": np.s_[:1, :], "column": np.s_[:, :1], "one": np.s_[:1, :1]}
    for chosen in itertools.product(shapes, repeat=count):
        if chosen[n_data - 1] != "all" and count > 2:
            continue
        data = [a[shapes[c]] for a, c in zip(full, chosen, strict=True)]
        written_out = [np.ascontiguousarray(a) for a in np.broadcast_arrays(*data)]
        flat = ufunc(*(a.ravel() for a in written_out)).reshape(written_out[0].shape)
        assert_same_bits(ufunc(*data), flat, op.name, chosen)
    written_out = [a.ravel() for a in full]
    assert_same_bits(ufunc(*written_out), one_by_one(ufunc, tuple(written_out)), op.name, "one by one")


@pytest.mark.parametrize("case", [c for c in DEFAULT_CASES if c.record.parameters], ids=str)
def test_per_channel_parameters(case, public, dtype):
    """A parameter for each channel: each channel as with its own number."""
    x = np.random.default_rng(17).standard_normal((4, 3, 37)).astype(dtype)
    for position, name in enumerate(case.parameters):
        fixed = dict(case.parameters)
        steps = np.array([0.25, 0.5, 1.75], dtype)
        candidates = (steps, fixed[name] - steps, fixed[name] + steps, steps / 4)     # some have an order or a range to keep
        values = next(v for v in candidates if all(case.accepts({**fixed, name: float(value)}) for value in v))
        together = public[case.record.name](x, **{**fixed, name: values[:, None]})
        assert together.dtype == np.dtype(dtype)
        for channel, value in enumerate(values):
            alone = public[case.record.name](x[:, channel], **{**fixed, name: float(value)})
            assert_same_bits(together[:, channel], alone, case.record.name, position)


@pytest.mark.parametrize("row", ROWWISE, ids=lambda r: r.name)
def test_rows_in_any_memory(row, public, dtype):
    """Row functions: Fortran order, transposed, strided, unaligned, byte-swapped, read-only: the same bits."""
    function = public[row.name]
    x = (np.random.default_rng(18).standard_normal((12, 77)) * 5).astype(dtype)
    wanted = function(x)
    strided = np.zeros((24, 77 * 3), dtype)
    strided[::2, ::3] = x
    versions = {
        "Fortran": np.asfortranarray(x),
        "strided": strided[::2, ::3],
        "reversed twice": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "unaligned": unaligned(x),
        "byte-swapped": x.astype(x.dtype.newbyteorder()),
        "read-only": frozen(x),
    }
    for note, version in versions.items():
        assert_same_bits(function(version), wanted, row.name, note)
        assert_same_bits(function(np.ascontiguousarray(x.T), axis=0), wanted if row.reduces else wanted.T, row.name, "axis 0")
        room = np.zeros((*wanted.shape, 2), dtype)
        function(version, out=room[..., 1])
        assert_same_bits(room[..., 1], wanted, row.name, note, "into strided out")
        assert not room[..., 0].any()
    if not row.reduces:
        for version in (x.copy(), strided[::2, ::3], np.asfortranarray(x), unaligned(x)):
            assert function(version, out=version) is version
            assert_same_bits(version, wanted, row.name, "in place")
        shifted = np.zeros((13, 77), dtype)
        shifted[:-1] = x
        function(shifted[:-1], out=shifted[1:])
        assert_same_bits(shifted[1:], wanted, row.name, "overlapping rows")
