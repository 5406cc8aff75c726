"""Threads: opt-in, the same bits whatever their number, refusals, forks, and limits that others set."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time

import numpy as np
import pytest
from _support import OPERATIONS, ROW_UFUNCS, assert_same_bits, operands, operation_id, random_bits

import fastact as fa
from fastact import _threads, _variants
from fastact._registry import ROW_KERNELS, SEVERAL
from fastact.verify.cases import KernelRow, kernel_operands

HAS_THREADS = fa._kernels.has_threads()
needs_threads = pytest.mark.skipif(not HAS_THREADS, reason="built without OpenMP")
SIZE = 100_003


@pytest.fixture
def threads(variant):
    """Sets the number of threads of the variant's loops."""
    kernels = _variants.load(variant)
    before = kernels.get_threads()[:2]
    yield lambda n: kernels.set_threads(n, 0)
    kernels.set_threads(*before)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in (_threads.VARIABLE, "OMP_NUM_THREADS")} | environment
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(("op", "case"), OPERATIONS, ids=operation_id)
def test_elements_same_bits(op, case, made, threads, dtype):
    x = random_bits(SIZE, dtype, seed=3)
    given = operands(op, case, x, np.random.default_rng(4))
    ufunc = made[op.name]
    threads(1)
    wanted = ufunc(*given)
    reversed_given = [a[::-1] if np.ndim(a) else a for a in given]
    for n in (2, 3, 7):
        threads(n)
        assert_same_bits(ufunc(*given), wanted, n)
        assert_same_bits(ufunc(*reversed_given), wanted[::-1], n, "reversed")
        out = x.copy()
        assert_same_bits(ufunc(*given[: len(op.data) - 1], out, *given[len(op.data) :], out=out), wanted, n, "in place")


def test_first_use_by_many_threads_at_once():
    """What is made when it is first asked for is made once, and bfloat16's loops are there for whoever asks second."""
    done = run(
        """
        import sys, threading
        import numpy as np
        import fastact as fa
        try:
            import ml_dtypes
            x = np.ones(4, ml_dtypes.bfloat16)
        except ImportError:
            x = np.ones(4, np.float16)
        sys.setswitchinterval(1e-6)
        names = fa.names()
        start, found, wrong = threading.Barrier(8), [], []

        def use():
            start.wait()
            try:
                found.append([id(fa.ufuncs.gelu_value_and_grad), id(fa._affine), id(fa._gates)])
                for name in names:
                    function = fa.get(name)
                    if not any(v is None for v in function.parameters.values()) and name != "maxout":
                        function(x.reshape(2, 2))
            except BaseException as error:
                wrong.append(repr(error))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert not wrong, wrong
        assert all(f == found[0] for f in found), found
        """
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has the GIL")
def test_importing_leaves_the_gil_off():
    done = run("import sys, fastact, fastact.cython_api; sys.exit(sys._is_gil_enabled())", PYTHON_GIL="")
    assert done.returncode == 0 and "GIL" not in done.stderr, done.stderr


@pytest.mark.parametrize("op", SEVERAL, ids=operation_id)
def test_several_results_same_bits(op, made, threads, dtype):
    """Gated units and losses, and their gradients: any operands, reversed, and results where operands lie."""
    rng = np.random.default_rng(6)
    given = [random_bits(SIZE, dtype, seed=k) for k in range(len(op.data))]
    if "targets" in op.data:
        given[op.data.index("targets")] = rng.random(SIZE).astype(dtype)
    ufunc, results = made[op.name], range(len(op.results))
    threads(1)
    wanted = [ufunc(*given)] if len(op.results) == 1 else ufunc(*given)
    for n in (2, 3, 7):
        threads(n)
        for step in (1, -1):
            got = ufunc(*(a[::step] for a in given))
            for k in results:
                assert_same_bits(got if len(op.results) == 1 else got[k], wanted[k][::step], n, step)
        places = [a.copy() for a in given]
        ufunc(*places, out=tuple(places[k] for k in results))
        for k in results:
            assert_same_bits(places[k], wanted[k], n, "in place")
        spread = [np.zeros((SIZE, 2), dtype)[:, 0] for _ in results]
        ufunc(given[0][7], *given[1:], out=tuple(spread))
        threads(1)
        alone = ufunc(np.full(SIZE, given[0][7]), *given[1:])
        for k in results:
            assert_same_bits(spread[k], alone if len(op.results) == 1 else alone[k], n, "strided, and one value")


def test_several_results_take_threads(made, threads):
    """Two results, the first of them beside an operand by one place: NumPy copies that operand, and the order does not matter."""
    x = np.linspace(-3, 3, SIZE)
    ufunc = next(made[op.name] for op in SEVERAL if len(op.results) == 2)
    threads(1)
    wanted = ufunc(x, x, x)
    threads(4)
    first, second = np.zeros(SIZE), np.zeros(SIZE)
    ufunc(x, x, x, out=(first, second))
    assert_same_bits(first, wanted[0])
    assert_same_bits(second, wanted[1])
    shifted = np.concatenate([x, [0.0]])
    ufunc(x, shifted[:-1], x, out=(shifted[1:], second))
    assert_same_bits(shifted[1:], wanted[0])
    assert_same_bits(second, wanted[1])


@pytest.mark.parametrize(("row", "suffix"), ROW_UFUNCS, ids=operation_id)
@pytest.mark.parametrize("shape", [(7, 12_007), (1501, 64), (20_011, 5)], ids=str)
def test_rows_same_bits(row, suffix, shape, made, threads, dtype):
    rng = np.random.default_rng(5)
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    dy = rng.standard_normal(shape[:1] if row.reduces else shape).astype(dtype)
    ufunc = made[row.name + suffix]
    given = [dy] if "backward" in suffix else []
    given.append(made["softmax"](x) if suffix.endswith("_y") else x)
    if "masked" in suffix:
        given.append(rng.random(shape) < 0.9)
    across = [np.asfortranarray(a) for a in given]
    threads(1)
    wanted = ufunc(*given)
    for n in (2, 3, 7):
        threads(n)
        assert_same_bits(ufunc(*given), wanted, n)
        assert_same_bits(ufunc(*across), wanted, n, "across")


@pytest.mark.parametrize("length", [5, 64, 12_007])
@pytest.mark.parametrize("kernel", ROW_KERNELS, ids=lambda kernel: kernel.name)
def test_other_rows_same_bits(kernel, length, made, threads, dtype):
    rng = np.random.default_rng(6)
    rows = -(-SIZE // length)

    def real(name, shape):
        if name == "temperature":
            return np.asarray(0.75, dtype)
        x = 3 * rng.standard_normal(shape)
        return (x if name in ("logits", "x", "dy") else fa.softmax(x)).astype(dtype)

    row = KernelRow(kernel, length)
    given = kernel_operands(row, rows, length, real, lambda _, shape, limit: rng.integers(0, limit, shape))
    across = [np.asfortranarray(a) if np.ndim(a) == 2 and any(a.strides) else a for a in given]
    threads(1)
    wanted = made[kernel.name](*given)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for n in (2, 3, 7):
        threads(n)
        for case, arrays in (("along", given), ("across", across)):
            found = made[kernel.name](*arrays)
            for k, (f, w) in enumerate(zip(found if isinstance(found, tuple) else (found,), wanted, strict=True)):
                assert_same_bits(f, w, n, case, k)


def test_accumulate_stays_in_order(made, threads):
    """Where an element needs the one before, it is not computed beside it."""
    steps = np.full(SIZE, 0.999, np.float32)
    steps[0] = 1.0
    threads(1)
    wanted = made["prelu"].accumulate(-steps)
    threads(4)
    assert_same_bits(made["prelu"].accumulate(-steps), wanted)
    x = np.linspace(-3, 3, SIZE, dtype=np.float32)
    shifted = x.copy()
    made["tanh"](shifted[:-1], out=shifted[1:])  # NumPy copies the operand that is overlapped
    assert_same_bits(shifted[1:], made["tanh"](x[:-1]))


def test_setting(monkeypatch):
    before = fa.get_num_threads()
    fa.set_num_threads(3)
    try:
        assert fa.get_num_threads() == (3 if HAS_THREADS else 1)
        with fa.num_threads(2):
            assert fa.get_num_threads() == (2 if HAS_THREADS else 1)
            with fa.num_threads(1):
                assert fa.get_num_threads() == 1
            seen = []
            other = threading.Thread(target=lambda: seen.append(fa.get_num_threads()))
            other.start()
            other.join()
            assert seen == [3 if HAS_THREADS else 1], "a context is its thread's own"
            fa.set_num_threads(4)
            assert fa.get_num_threads() == (2 if HAS_THREADS else 1)
        assert fa.get_num_threads() == (4 if HAS_THREADS else 1)
        fa._kernels.set_threads(0, 2)
        assert fa._kernels.get_threads()[:2] == (4, 2), "a thread that sets its own number leaves the process's alone"
        fa._kernels.set_threads(0, 0)
        with pytest.raises(ZeroDivisionError), fa.num_threads(2):
            raise ZeroDivisionError
        assert fa.get_num_threads() == (4 if HAS_THREADS else 1)
        monkeypatch.setattr(_threads, "_kernels", fa._kernels)
        assert _threads.describe() == ("4" if HAS_THREADS else "1 (built without OpenMP)")
    finally:
        fa.set_num_threads(before)


@pytest.mark.parametrize("function", [fa.set_num_threads, fa.num_threads], ids=lambda f: f.__name__)
def test_refusals(function):
    before = fa.get_num_threads()
    for n, error in (
        (0, ValueError),
        (-2, ValueError),
        (True, ValueError),
        (10**6, ValueError),
        (1.5, TypeError),
        ("2", TypeError),
        (None, TypeError),
    ):
        with pytest.raises(error, match=rf"^{function.__name__}: n must be .*{n!r}"):
            function(n)
    assert fa.get_num_threads() == before


def test_environment():
    show = "import fastact as fa; print(fa.get_num_threads())"
    assert run(show).stdout == "1\n"
    assert run(show, FASTACT_NUM_THREADS=" 2 ").stdout == ("2\n" if HAS_THREADS else "1\n")
    for value in ("0", "two", "-1", "1.5", "99999"):
        last = run(show, FASTACT_NUM_THREADS=value).stderr.splitlines()[-1]
        assert last == f"ImportError: FASTACT_NUM_THREADS={value!r} is not a number of threads between 1 and 4096"


FORK = """
    import multiprocessing as mp
    import numpy as np
    import fastact as fa

    x = np.linspace(-5, 5, 1_000_000, dtype=np.float32)

    def child(queue):
        queue.put((fa.get_num_threads(), fa.gelu(x).tobytes() == wanted))

    fa.set_num_threads(3)
    wanted = fa.gelu(x).tobytes()
    queue = mp.get_context("fork").Queue()
    process = mp.get_context("fork").Process(target=child, args=(queue,))
    process.start()
    print(*queue.get(timeout=60), fa.get_num_threads(), fa.gelu(x).tobytes() == wanted)
    process.join(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_does_not_hang():
    result = run(FORK)
    assert result.stdout == f"1 True {3 if HAS_THREADS else 1} True\n", result.stderr


@needs_threads
def test_seen_and_limited_by_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    x = np.linspace(-5, 5, 500_000)
    fa.gelu(x)
    assert [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
    with threadpoolctl.threadpool_limits(1), fa.num_threads(2):
        limited = fa.gelu(x)
    assert_same_bits(limited, fa.gelu(x))


def test_many_python_threads():
    """32 threads on shared operands, each with threads of its own."""
    x = random_bits(SIZE, "float32", seed=8)
    rows = np.linspace(-9, 9, 64_000, dtype=np.float32).reshape(640, 100)
    wanted, wanted_rows = fa.gelu(x), fa.softmax(rows)
    wrong = []

    def work(k):
        with fa.num_threads(1 + k % 3):
            for _ in range(5):
                if fa.gelu(x).tobytes() != wanted.tobytes() or fa.softmax(rows).tobytes() != wanted_rows.tobytes():
                    wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(32)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    assert not wrong


def test_the_interpreter_is_released():
    """While one thread computes, another runs Python."""
    x = np.linspace(-5, 5, 4_000_000)
    out = np.empty_like(x)
    done = threading.Event()

    def work():
        for _ in range(5):
            fa.mish_backward(x, x=x, out=out)
        done.set()

    worker = threading.Thread(target=work)
    ticks = 0
    worker.start()
    while not done.is_set():
        time.sleep(0.0005)
        ticks += 1
    worker.join()
    assert ticks > 20
