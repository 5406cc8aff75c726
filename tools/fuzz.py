"""Random calls of every ufunc and every public function: shapes, strides, orders, offsets, byte orders, values, masks, aliases, threads.

    python tools/fuzz.py --cases 10_000_000 --state fuzz.json      # goes on from there when called again
    python tools/fuzz.py --seed 4711 --seeds 1                     # one seed again

A seed chooses a function, a type and an instruction set; its cases choose everything else. Each case compares every bit of
the result with what the same operands give one row, or one contiguous call, at a time; for some of them with one-element
calls. Operands lie in pages of their own between pages that nobody may touch, often right at their border, so that reading
or writing beyond an operand is a fault. What lies around and between the elements of an output, and every input, must come
out unchanged. A crash, a hang or a difference ends the run with the seed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import ctypes
import faulthandler
import functools
import itertools
import json
import math
import mmap
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_WAIT_POLICY", "passive")     # before OpenMP starts: waiting threads leave the processor to others

import numpy as np

from fastact import _docs, _functions, _variants
from fastact._registry import RowRecord
from fastact.verify.cases import KernelRow, Row, axis_rows, elementwise_rows, kernel_operands, kernel_rows
from fastact.verify.types import DTYPES

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

CASES = 500                                             # of a seed
ARENA = 1 << 22                                         # bytes for each operand
MARGIN = 256                                            # bytes around an output that are looked at
LARGE = 40_000                                          # elements from which a call may take threads, and more
PAGE = mmap.PAGESIZE

TYPES = (*DTYPES, "bfloat16") if ml_dtypes and "bfloat16" not in DTYPES else DTYPES
ELEMENTWISE = tuple(elementwise_rows(samples=True))
ROWWISE = tuple(axis_rows(None, (1,)))
SEVERAL = tuple(kernel_rows(None, (1,)))
TARGETS = (*ELEMENTWISE, *ROWWISE, *SEVERAL)


class Difference(Exception):
    """A case that went wrong."""


# ---- memory ------------------------------------------------------------------------------------------------------


class Arena:
    """Memory between two pages that may not be touched."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, ARENA + 2 * PAGE)
        whole = np.frombuffer(self.memory, np.uint8)
        self.guarded = sys.platform.startswith("linux")
        if self.guarded:
            protect = ctypes.CDLL(None, use_errno=True).mprotect
            for page in (whole.ctypes.data, whole.ctypes.data + PAGE + ARENA):
                if protect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), 0):
                    raise OSError(ctypes.get_errno(), "mprotect")
        self.bytes = whole[PAGE : PAGE + ARENA]


class Placed(NamedTuple):
    """An array in an arena, and the bytes from its first to its last, with a margin."""

    view: Any
    arena: Arena
    around: Any


def place(rng: random.Random, arena: Arena, shape: tuple[int, ...], dtype: Any) -> Placed:
    """An array of any strides, order and alignment, often at the border of its arena."""
    size, ndim = dtype.itemsize, len(shape)
    order = list(range(ndim))[::-1]
    if ndim > 1 and rng.random() < 0.4:
        rng.shuffle(order)
    step = size if rng.random() < 0.6 else size * rng.randint(2, 4)
    if rng.random() < 0.05:
        step += rng.randrange(1, 9)                     # elements at addresses of every kind
    strides, low, high = [0] * ndim, 0, size
    for axis in order:
        strides[axis] = step if rng.random() < 0.85 else -step
        reach = strides[axis] * (shape[axis] - 1) if shape[axis] else 0
        low, high = low + min(reach, 0), high + max(reach, 0)
        step *= max(shape[axis], 1)
        if rng.random() < 0.15:
            step += rng.choice((size, 3 * size, 64, 4096)) if step % size == 0 and rng.random() < 0.9 else rng.randrange(1, 9)
    span = high - low
    if span > ARENA:
        return place(rng, arena, shape, dtype)
    where = rng.random()
    at = ARENA - span if where < 0.5 else 0 if where < 0.75 else rng.randrange(ARENA - span + 1)
    if where >= 0.9:
        at -= at % size
    view = np.ndarray(shape, dtype, arena.bytes.data, at - low, tuple(strides))
    return Placed(view, arena, arena.bytes[max(at - MARGIN, 0) : at + span + MARGIN])


_PATTERN = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def described(placed: Placed | None) -> tuple[str, tuple[int, ...]] | None:
    """For messages."""
    return None if placed is None else (placed.view.dtype.str, placed.view.strides)


def bits(a: Any) -> Any:
    """The bit pattern, in native order; every NaN counts as the same."""
    a = np.ascontiguousarray(a, a.dtype.newbyteorder("=") if a.dtype.kind == "f" else None)
    pattern = a.view(_PATTERN[a.itemsize]).copy()
    pattern[np.isnan(a)] = np.iinfo(pattern.dtype).max
    return pattern


# ---- values ------------------------------------------------------------------------------------------------------


@functools.cache
def hard_values(dtype: str) -> Any:
    """Zeros, extremes, subnormals, infinities, NaN."""
    info: Any = np.finfo(dtype) if np.dtype(dtype).kind == "f" else ml_dtypes.finfo(dtype)
    sizes = [0.0, float(info.smallest_subnormal), float(info.smallest_normal), float(info.eps), 0.5, 1.0, 3.0, 17.0, 88.7, 745.0]
    with np.errstate(all="ignore"):
        return np.array([s * v for v in (*sizes, float(info.max), math.inf) for s in (1, -1)] + [math.nan]).astype(dtype)


def values(rng: np.random.Generator, count: int, dtype: str) -> Any:
    """Usual numbers, any bit pattern, and hard values, mixed."""
    pattern = _PATTERN[np.dtype(dtype).itemsize]
    x = rng.integers(0, np.iinfo(pattern).max, count, pattern, endpoint=True).view(dtype)
    kind = rng.random(count)
    usual = kind < rng.choice((0.0, 0.5, 0.9, 1.0))
    x[usual] = (rng.standard_normal(usual.sum()) * rng.choice((0.1, 4, 40))).astype(dtype)
    hard = kind > rng.choice((0.95, 1.0))
    x[hard] = rng.choice(hard_values(dtype), int(hard.sum()))
    return x


def shape_of(rng: random.Random, most: int) -> tuple[int, ...]:
    """Of nought to four dimensions, with at most `most` elements."""
    ndim = rng.choices((0, 1, 2, 3, 4), (1, 8, 6, 3, 1))[0]
    if rng.random() < 0.02:
        return tuple(rng.choice((0, 0, 1, 5)) for _ in range(ndim))
    shape, left = [], most
    for k in range(ndim):
        n = rng.randint(1, max(left, 1)) if k == ndim - 1 else rng.randint(1, max(1, min(left, 9)))
        shape.append(n)
        left //= n
    rng.shuffle(shape)
    return tuple(shape)


# ---- one seed ----------------------------------------------------------------------------------------------------


class Variant(NamedTuple):
    """What is called, of one instruction set."""

    name: str
    ufuncs: Any
    public: Any
    set_threads: Callable[[int, int], None]


@functools.cache
def variant(name: str) -> Variant:
    kernels = _variants.load(name)
    ufuncs = kernels.make_ufuncs(_docs.ufunc_docs())
    return Variant(name, ufuncs, _functions.build(ufuncs)[0], kernels.set_threads)


@functools.cache
def arenas() -> list[Arena]:
    return [Arena() for _ in range(7)]


class Seed:
    """The cases of a seed."""

    def __init__(self, seed: int, chosen: Variant | None = None) -> None:
        self.rng, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.row: Row | KernelRow = TARGETS[seed % len(TARGETS)]
        self.variant = chosen or variant(self.rng.choice(_variants.available()))
        self.dtype = self.rng.choice(TYPES)
        self.ufunc = self.variant.ufuncs[self.row.ufunc]
        self.counts: Counter[str] = Counter()
        self.note: list[Any] = []

    def run(self, cases: int) -> Counter[str]:
        if isinstance(self.row, KernelRow):
            some = self.kernel_cases()
        else:
            some = self.row_cases() if isinstance(self.row.record, RowRecord) else self.element_cases()
        with np.errstate(all="ignore"):
            for kind in itertools.islice(some, cases):
                self.counts[kind] += 1
        return self.counts

    # -- what every case does --

    def operand(self, place_in: int, wanted: Any, native: bool = False) -> Placed:
        """An operand laid somewhere, of either byte order, perhaps read-only."""
        dtype = wanted.dtype
        if not native and dtype.kind == "f" and self.rng.random() < 0.07:
            dtype = dtype.newbyteorder()
        placed = place(self.rng, arenas()[place_in], wanted.shape, dtype)
        placed.view[...] = wanted
        return placed

    def check(self, call: Callable[..., Any], inputs: list[Placed], out: Placed | None, wanted: Any, keep: Any = None) -> None:
        """A call with one result."""
        self.check_all(lambda out: (call(out=out[0]),), inputs, [out], [wanted], keep)

    def check_all(
        self, call: Callable[..., Any], inputs: list[Placed], outs: list[Placed | None], wanted: list[Any], keep: Any = None
    ) -> None:
        """Call; the results, whatever lies around them, and the inputs must be right. `keep`: where an output stays as it was."""
        given = [out for out in outs if out is not None]
        others = [p for p in inputs if not any(p.arena is out.arena for out in given)]
        before = [p.around.tobytes() for p in others]
        if keep is not None:
            wanted = [np.where(keep, out.view, w) for out, w in zip(given, wanted, strict=True)]
        rooms = [out.around.copy() for out in given]
        with np.errstate(all="raise"):
            results = call(out=tuple(None if out is None else out.view for out in outs))
        if any(out is not None and returned is not out.view for out, returned in zip(outs, results, strict=True)):
            raise Difference("out= is not what is returned")
        for out, room in zip(given, rooms, strict=True):
            # the same places in a copy of the memory as it was: all else must be equal
            got = out.view
            start = got.ctypes.data - out.around.ctypes.data
            np.ndarray(got.shape, got.dtype, room.data, start, got.strides)[...] = got
            if room.tobytes() != out.around.tobytes():
                raise Difference(f"wrote beside the output at {np.flatnonzero(room != out.around)[:5]}")
        if [p.around.tobytes() for p in others] != before:
            raise Difference("an input has changed")
        for got, right in zip(results, wanted, strict=True):
            self.compare(got, right)

    def compare(self, got: Any, wanted: Any) -> None:
        """Bit for bit."""
        if got.shape != wanted.shape or got.dtype.type is not wanted.dtype.type:
            raise Difference(f"got {got.dtype} of shape {got.shape}, wanted {wanted.dtype} of shape {wanted.shape}")
        if got.dtype.isnative and got.tobytes() == wanted.tobytes():
            return
        a, b = bits(got), bits(wanted)
        if a.tobytes() != b.tobytes():
            at = tuple(int(i) for i in np.argwhere(a != b)[0])
            raise Difference(f"{int((a != b).sum())} of {got.size} differ, at {at}: got {got[at]!r}, wanted {wanted[at]!r}")

    def output(self, inputs: list[Placed], shape: tuple[int, ...], candidates: list[int]) -> tuple[Placed | None, str]:
        """None, memory of its own, or an input's (one of `candidates`), exactly or shifted."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.1:
            return None, "allocated"
        views = {k: inputs[k].view for k in candidates}
        fitting = [k for k, v in views.items() if v.shape == shape and v.flags.writeable and 0 not in v.strides]
        if kind < 0.3 and fitting:
            return inputs[rng.choice(fitting)], "in place"
        if kind < 0.4 and fitting:
            k = rng.choice(fitting)
            source = inputs[k]
            flat = source.view
            if flat.ndim and flat.shape[0] > 1:
                shift = rng.choice((flat.strides[0], -flat.strides[0], flat.strides[-1], flat.itemsize, 64))
                start = flat.ctypes.data - source.arena.bytes.ctypes.data + shift
                low = start + sum(min(s * (n - 1), 0) for s, n in zip(flat.strides, shape, strict=True))
                high = start + sum(max(s * (n - 1), 0) for s, n in zip(flat.strides, shape, strict=True)) + flat.itemsize
                if low >= 0 and high <= ARENA and flat.size:
                    view = np.ndarray(shape, flat.dtype, source.arena.bytes.data, start, flat.strides)
                    return Placed(view, source.arena, source.arena.bytes[max(low - MARGIN, 0) : high + MARGIN]), "overlapping"
        dtype = np.dtype(self.dtype)
        if rng.random() < 0.05 and dtype.kind == "f":
            dtype = dtype.newbyteorder()
        out = place(rng, arenas()[-1], shape, dtype)
        out.around[...] = rng.randrange(256)
        return out, "own memory"

    def threads(self, large: bool) -> int:
        count = self.rng.randint(2, 5) if large else 1
        self.variant.set_threads(count, 0)
        return count

    # -- element by element --

    def element_cases(self) -> Iterator[str]:
        rng, dtype, ufunc, count = self.rng, self.dtype, self.ufunc, 2600
        parameters = [v for _, v in self.row.parameters]
        data = [values(self.numbers, count, dtype) for _ in range(ufunc.nin - len(parameters))]
        fixed = rng.random() < 0.7 or not parameters
        if not fixed:
            parameters = [np.copysign(abs(self.numbers.standard_normal(count)) + 0.1, v).astype(dtype) for v in parameters]
        pool = [*data, *parameters]
        everything = ufunc(*pool)
        for i in [rng.randrange(count) for _ in range(12)]:
            alone = ufunc(*(p[i] if np.ndim(p) else p for p in pool))
            if bits(np.asarray(alone)) != bits(everything[i]):
                raise Difference(f"{self.row.label} {dtype}: one element gives {alone!r}, among others {everything[i]!r}")
            yield "one element"
        public = self.public_elementwise() if fixed else None
        while True:
            kind = rng.random()
            if kind < 0.02 and ufunc.nin == 2:
                yield self.accumulation(pool)
            elif kind < 0.04:
                yield self.refusal(pool)
            else:
                yield from self.element_case(pool, everything, public if public and rng.random() < 0.3 else None)

    def element_case(self, pool: list[Any], everything: Any, public: Callable[..., Any] | None) -> Iterator[str]:
        """A call, and calls on slices of its operands."""
        rng, ufunc = self.rng, self.ufunc
        most = rng.choices((9, 130, 700, 2500, LARGE + 30_000), (3, 10, 5, 2, 0.05))[0]
        shape = shape_of(rng, most) if most < LARGE else (rng.randint(LARGE, most),)
        size, start = math.prod(shape), rng.randrange(len(everything))
        places = np.arange(start, start + size) % len(everything)
        full = [np.take(p, places).reshape(shape) if np.ndim(p) else p for p in pool]
        wanted = np.take(everything, places).reshape(shape)
        if rng.random() < 0.12 and size:                # operands that are broadcast
            for k, a in enumerate(full):
                if np.ndim(a) and rng.random() < 0.4:
                    full[k] = a[tuple(slice(0, 1) if rng.random() < 0.5 else slice(None) for _ in shape)]
                    if rng.random() < 0.2:
                        full[k] = full[k].ravel()[:1].reshape(())
            together = np.broadcast_arrays(*(np.asarray(a, self.dtype) for a in full))
            shape = together[0].shape
            wanted = ufunc(*(np.ascontiguousarray(a).ravel() for a in together)).reshape(shape)
        inputs: list[Placed] = []
        given: list[Any] = []
        for k, a in enumerate(full):
            if np.ndim(a) == 0 and not isinstance(a, np.ndarray):
                given.append(a)
            else:
                inputs.append(self.operand(k, a))
                given.append(inputs[-1].view)
        out, kind = self.output(inputs, shape, list(range(len(inputs))))
        for p in inputs:
            if (out is None or p.arena is not out.arena) and rng.random() < 0.1:
                p.view.flags.writeable = False
        keywords: dict[str, Any] = {}
        keep = None
        if out is not None and kind != "overlapping" and rng.random() < 0.12:
            mask = self.operand(5, self.numbers.random(shape) < rng.random())
            keywords["where"], keep = mask.view, ~mask.view
            kind += ", where"
        count = self.threads(most >= LARGE)
        self.note = [kind, shape, [described(p) for p in inputs], described(out), count]
        called: Callable[..., Any] = ufunc
        if public is not None and len(inputs) == ufunc.nin - len(self.row.parameters):
            kind, called = "public, " + kind, public
        self.check(functools.partial(called, *given, **keywords), inputs, out, wanted, keep)
        yield ("threads, " if count > 1 else "") + kind
        plain = kind in ("own memory", "public, own memory") and all(p.view.shape == shape for p in inputs)
        if out is None or not plain or not shape or size > 3000:
            return
        for _ in range(4):
            axis, n = (0, len(wanted)) if rng.random() < 0.7 else (-1, shape[-1])
            first, last = sorted((rng.randint(0, n), rng.randint(0, n)))
            step = rng.choice((1, 1, 1, 2, 3, -1))
            part: Any = slice(first, last, step) if step > 0 else slice(last, first, step)
            part = part if axis == 0 else (..., part)
            slices = [a[part] if isinstance(a, np.ndarray) else a for a in given]
            self.note[0] = f"slice {part} of"
            self.check(functools.partial(called, *slices), inputs, out._replace(view=out.view[part]), wanted[part])
            yield "public, slice" if called is public else "slice"

    def public_elementwise(self) -> Callable[..., Any] | None:
        """The public function, called as the ufunc is."""
        name, form, parameters = self.row.record.name, self.row.form, dict(self.row.parameters)
        if form == "forward":
            if self.row.record.held_by and not parameters.get(self.row.record.held_by):
                return None         # it refuses most numbers
            function = self.variant.public[name]
            return lambda x, *_, **k: function(x, **parameters, **k)
        if form not in ("backward", "backward_y"):
            return None
        function, saved = self.variant.public[f"{name}_backward"], "y" if form == "backward_y" else "x"

        def gradient(dy: Any, x: Any, *_: Any, **k: Any) -> Any:
            found = function(dy, **{saved: x}, **parameters, **k)
            return found[0] if isinstance(found, tuple) else found

        trained = any(p.learned for p in getattr(self.row.record, "parameters", ()))
        return None if trained else gradient

    def accumulation(self, pool: list[Any]) -> str:
        """accumulate: each output is the next call's input."""
        rng, ufunc = self.rng, self.ufunc
        n = rng.randint(1, 40)
        a = self.operand(0, np.take(pool[0], np.arange(n) + rng.randrange(2000)))
        running = [np.asarray(a.view[0], self.dtype)]
        for v in a.view[1:]:
            running.append(np.asarray(ufunc(running[-1], np.asarray(v, self.dtype)), self.dtype))
        out, kind = self.output([a], (n,), [0])
        if kind == "overlapping":
            out = None
        self.threads(False)
        self.note = ["accumulate", n, a.view.strides]
        self.check(functools.partial(ufunc.accumulate, a.view), [a], out, np.array(running, self.dtype))
        return "accumulate"

    def refusal(self, pool: list[Any]) -> str:
        """Operands that do not go together: an error, and nothing is written."""
        rng, ufunc = self.rng, self.ufunc
        arrays = [np.resize(p, (5, 7)) if np.ndim(p) else p for p in pool]
        out = place(rng, arenas()[-1], (5, 7), np.dtype(self.dtype))
        out.around[...] = rng.randrange(256)
        wrong = rng.choice(("type", "shape", "out type", "out shape", "read-only", "count"))
        target = out.view
        if wrong == "type":
            k = rng.randrange(len(arrays))
            arrays[k] = np.zeros((5, 7), rng.choice(("complex64", "O", "U3", "M8[s]", "longdouble", "S2")))
        elif wrong == "shape":
            arrays[rng.randrange(len(arrays))] = np.zeros((5, 6), self.dtype)
            arrays[0] = arrays[0] if np.shape(arrays[0]) == (5, 6) else np.zeros((5, 7), self.dtype)
            if ufunc.nin == 1:
                target = np.zeros((5, 7), self.dtype)
        elif wrong == "out type":
            target = np.zeros((5, 7), "i4")
        elif wrong == "out shape":
            target = out.view[:4]
        elif wrong == "read-only":
            target.flags.writeable = False
        else:
            arrays = [*arrays, *arrays, *arrays]
        before = out.around.tobytes()
        self.note = ["refusal", wrong]
        try:
            ufunc(*arrays, out=target)
        except (TypeError, ValueError):
            pass
        else:
            raise Difference(f"accepted although {wrong} is wrong")
        if out.around.tobytes() != before:
            raise Difference("refused, but something was written")
        return "refused"

    # -- over an axis --

    def row_cases(self) -> Iterator[str]:
        rng, dtype, ufunc = self.rng, self.dtype, self.ufunc
        n = rng.randint(*rng.choices(((0, 3), (1, 40), (1, 300), (200, 1300), (2000, 9000)), (1, 4, 4, 2, 0.5))[0])
        count = 24
        form, reduces = self.row.form, self.row.record.reduces  # type: ignore[union-attr]
        backward, masked = "backward" in form, "masked" in form
        pool: list[Any] = [values(self.numbers, count * n, dtype).reshape(count, n)]
        pool[0][::3] = (self.numbers.standard_normal((8, n)) * 6).astype(dtype)
        if form == "backward_y" and rng.random() < 0.8:
            pool[0] = np.stack([self.variant.ufuncs[self.row.record.name](r) for r in pool[0]])
        if backward:
            pool.insert(0, values(self.numbers, count if reduces else count * n, dtype).reshape((count,) if reduces else (count, n)))
        if masked:
            pool.append(self.numbers.random((count, n)) < rng.choice((0.0, 0.2, 0.9, 1.0)))
        everything = np.stack([np.asarray(ufunc(*(p[i] for p in pool)), dtype) for i in range(count)])
        while True:
            yield self.row_case(pool, everything, n, public=rng.random() < 0.3)

    def row_case(self, pool: list[Any], everything: Any, n: int, public: bool) -> str:
        rng, dtype = self.rng, self.dtype
        reduces, form = self.row.record.reduces, self.row.form  # type: ignore[union-attr]
        room = max(1, (ARENA // 80) // max(n * np.dtype(dtype).itemsize, 1))
        most = rng.choices((1, 9, 40, 300), (2, 4, 4, 1))[0]
        outer = shape_of(rng, min(most, room))[:3]
        large = rng.random() < 0.003 and n > 4
        if large:
            outer = (min(max(LARGE // n, 2), room),)
        count, start = math.prod(outer), rng.randrange(len(everything))
        places = np.arange(start, start + count) % len(everything)
        core = rng.randint(0, len(outer))               # where the rows' own axis lies among the others

        def laid(a: Any) -> Any:
            taken = np.take(a, places, axis=0).reshape(outer + a.shape[1:])
            return np.moveaxis(taken, -1, core) if a.ndim == 2 else taken

        full = [laid(p) for p in pool]
        wanted = laid(everything)
        if rng.random() < 0.08 and count and len(outer):        # the same row for all
            k = rng.randrange(len(full))
            if np.ndim(full[k]) == len(outer) + 1:
                axis = rng.choice([i for i in range(len(outer) + 1) if i != core])
                full[k] = np.repeat(full[k].take([0], axis=axis), full[k].shape[axis], axis=axis)
                wanted = self.one_by_one(full, core)
        inputs = [self.operand(k, a) for k, a in enumerate(full)]
        shape = wanted.shape
        out, kind = self.output(inputs, shape, [k for k, a in enumerate(full) if a.dtype != np.bool_])
        threads = self.threads(large)
        axis = core if rng.random() < 0.5 else core - len(outer) - 1
        views = [p.view for p in inputs]
        self.note = [kind, outer, n, axis, [described(p) for p in inputs], described(out), threads, public]
        if not public:
            self.check(functools.partial(self.ufunc, *views, axis=axis), inputs, out, wanted)
            return ("threads, " if threads > 1 else "") + f"rows, {kind}"
        name = self.row.record.name
        keywords: dict[str, Any] = {"axis": axis}
        if "masked" in form:
            keywords["where"] = views.pop()
        if "backward" not in form:
            call: Callable[..., Any] = functools.partial(self.variant.public[name], *views, **keywords)
        else:
            keywords["y" if form == "backward_y" else "x"] = views.pop()
            call = functools.partial(self.variant.public[f"{name}_backward"], *views, **keywords)
        if reduces and "backward" not in form and out is None and rng.random() < 0.3:
            call = functools.partial(call, keepdims=True)
            wanted = np.expand_dims(wanted, core)
        self.check(call, inputs, out, wanted)
        return ("threads, " if threads > 1 else "") + f"public rows, {kind}"

    def one_by_one(self, full: list[Any], core: int) -> Any:
        """The rows of arrays that lie alike, each by itself."""
        reduces = self.row.record.reduces and "backward" not in self.row.form  # type: ignore[union-attr]
        whole = max(a.ndim for a in full)
        moved = [np.moveaxis(a, core, -1) if a.ndim == whole else a for a in full]
        outer = moved[-1].shape[:-1]
        wanted = np.empty(outer if reduces else moved[-1].shape, self.dtype)
        for i in np.ndindex(outer):
            wanted[i] = self.ufunc(*(np.ascontiguousarray(a[i]) for a in moved))
        return wanted if reduces else np.moveaxis(wanted, -1, core)

    # -- several arrays --

    def kernel_cases(self) -> Iterator[str]:
        while True:
            yield self.kernel_case(isinstance(self.row, KernelRow) and self.row.length > 0)

    def kernel_case(self, over_axis: bool) -> str:
        rng, dtype, record = self.rng, self.dtype, self.row.record
        n, large = 0, rng.random() < 0.003
        if over_axis:
            n = rng.randint(*rng.choices(((4, 6), (4, 40), (4, 300), (200, 1300)), (1, 4, 4, 1))[0])
            shape: tuple[int, ...] = (max(2, LARGE // n),) if large else (rng.randint(1, 40),)
        else:
            shape = (LARGE + rng.randrange(9_000),) if large else shape_of(rng, rng.choice((9, 130, 700, 2500)))
        rows = math.prod(shape)

        def real(name: str, shape: tuple[int, ...]) -> Any:
            return np.asarray(0.75, dtype) if name == "temperature" else values(self.numbers, math.prod(shape), dtype).reshape(shape)

        row = KernelRow(record, n)  # type: ignore[arg-type]
        full = list(kernel_operands(row, rows, n, real, lambda _, shape, limit: self.numbers.integers(0, max(limit, 1), shape)))
        for k, (_, kind, core) in enumerate(row.operands):
            if kind == "b" and rng.random() < 0.7:
                full[k] = self.numbers.random(full[k].shape) < rng.choice((0.1, 0.9))
            elif not over_axis and core == "":
                full[k] = full[k].reshape(shape)
        wanted = self.wanted_of_kernel(full, any(core == "m" for *_, core in row.operands), over_axis)
        inputs = [self.operand(k, a) for k, a in enumerate(full) if np.ndim(a)]
        given = iter(inputs)
        views = [next(given).view if np.ndim(a) else a for a in full]
        outs: list[Placed | None] = []
        taken, kind = False, "several"
        for k, w in enumerate(wanted):
            fitting = [p for p in inputs if p.view.shape == w.shape and p.view.dtype.type is w.dtype.type]
            choice = rng.random()
            if choice < 0.1:
                outs.append(None)
            elif choice < 0.3 and fitting and not taken:
                outs.append(rng.choice(fitting))
                taken, kind = True, "several, in place"
            else:
                out = place(rng, arenas()[4 + k], w.shape, w.dtype)
                out.around[...] = rng.randrange(256)
                outs.append(out)
        threads = self.threads(large)
        self.note = [kind, shape, n, [described(p) for p in inputs], [described(p) for p in outs], threads]

        def call(out: tuple[Any, ...]) -> tuple[Any, ...]:
            found = self.ufunc(*views, out=out)
            return found if isinstance(found, tuple) else (found,)

        self.check_all(call, inputs, outs, wanted)
        return ("threads, " if threads > 1 else "") + kind

    def wanted_of_kernel(self, full: list[Any], ragged: bool, over_axis: bool) -> list[Any]:
        """The results of rows, each by itself; of ragged rows, and of elements, of one call on arrays that lie in order."""
        count = len(full[0]) if np.ndim(full[0]) else 1

        def results(operands: list[Any]) -> tuple[Any, ...]:
            found = self.ufunc(*operands)
            return found if isinstance(found, tuple) else (found,)

        if ragged or not over_axis or count > 100:
            return [np.asarray(r) for r in results([np.ascontiguousarray(a) if np.ndim(a) else a for a in full])]
        single = [results([a[i] if np.ndim(a) else a for a in full]) for i in range(count)]
        return [np.stack([np.asarray(r[k]) for r in single]) for k in range(len(single[0]))]


def run_seed(seed: int, cases: int = CASES, chosen: Variant | None = None) -> Counter[str]:
    """All cases of a seed.

    Parameters
    ----------
    seed : int
        Chooses everything; seeds that follow each other choose functions in turn.
    cases : int
        How many.
    chosen : Variant, optional
        What to call; by default one of the instruction sets that this CPU can run.

    Returns
    -------
    counts : Counter
        Kind of case -> how many.

    Raises
    ------
    Difference
        If anything is not as it must be.
    """
    current = Seed(seed, chosen)
    try:
        return current.run(cases)
    except Exception as error:
        what = f"seed {seed}, case {sum(current.counts.values())}: {current.row.label} {current.dtype} ({current.variant.name})"
        raise Difference(f"{what}: {type(error).__name__}: {error}; {current.note}") from error
    finally:
        current.variant.set_threads(1, 0)


# ---- the command -------------------------------------------------------------------------------------------------

_running: Any = None
_mine = 0


def _start(running: Any, taken: Any) -> None:
    global _running, _mine
    faulthandler.enable()
    _running = running
    with taken.get_lock():
        _mine = taken.value
        taken.value += 1


def _work(seed: int) -> Counter[str]:
    _running[_mine] = seed
    faulthandler.dump_traceback_later(300, exit=True)   # a hang
    try:
        return run_seed(seed)
    finally:
        faulthandler.cancel_dump_traceback_later()
        _running[_mine] = -1


def run(first: int, seeds: int, processes: int, state: Path | None, counts: Counter[str], started: int) -> int:
    """Seeds from `first` on, in processes; keeps count in the state file."""
    context = multiprocessing.get_context("spawn")
    running, taken = context.Array("q", [-1] * processes), context.Value("i", 0)
    begun, shown = time.monotonic(), time.monotonic()

    def save(seed: int) -> None:
        if state is not None:
            written = state.with_name(state.name + ".new")
            kept = {"first": started, "next": seed, "cases": sum(counts.values()), "kinds": counts}
            written.write_text(json.dumps(kept, indent=1) + "\n")
            written.replace(state)

    done = first
    with concurrent.futures.ProcessPoolExecutor(processes, context, _start, (running, taken)) as pool:
        try:
            waiting: list[concurrent.futures.Future[Counter[str]]] = []
            issued = first
            while done < first + seeds:
                while issued < first + seeds and len(waiting) < 4 * processes:
                    waiting.append(pool.submit(_work, issued))
                    issued += 1
                counts.update(waiting.pop(0).result())
                done += 1
                if time.monotonic() - shown > 10:
                    shown = time.monotonic()
                    save(done)
                    print(f"seed {done}: {sum(counts.values())} cases, {shown - begun:.0f} s", file=sys.stderr, flush=True)
        except concurrent.futures.process.BrokenProcessPool:
            print(f"a process died, or took too long, in one of the seeds {[s for s in running if s >= 0]}", file=sys.stderr)
            return 1
        except Difference as error:
            print(error, file=sys.stderr)
            pool.shutdown(wait=False, cancel_futures=True)
            return 1
        finally:
            save(done)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help=f"about how many in all, {CASES} a seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first (default: %(default)s)")
    parser.add_argument("--seeds", type=int, help="how many, in place of --cases")
    parser.add_argument("--state", type=Path, help="keep the count in this file, and go on from there if it exists")
    parser.add_argument("--processes", type=int, default=1, help="how many at once (default: %(default)s)")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    first = started = options.seed
    if options.state is not None and options.state.exists():
        stored = json.loads(options.state.read_text())
        counts.update(stored["kinds"])
        first, started = stored["next"], stored["first"]
    seeds = options.seeds or max(0, math.ceil((options.cases - sum(counts.values())) / CASES))
    status = run(first, seeds, options.processes, options.state, counts, started)
    for kind, count in sorted(counts.items()):
        print(f"{count:>12}  {kind}")
    print(f"{sum(counts.values()):>12}  cases, {'a fault' if status else 'no fault'}; instruction sets: {', '.join(_variants.available())}")
    return status


if __name__ == "__main__":
    sys.exit(main())
