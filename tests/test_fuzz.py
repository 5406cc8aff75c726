"""A slice of tools/fuzz.py, and that it sees faults."""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from _support import ROOT, VARIANTS

TOOL = ROOT / "tools" / "fuzz.py"
spec = importlib.util.spec_from_file_location("fuzz", TOOL)
assert spec is not None and spec.loader is not None
fuzz = importlib.util.module_from_spec(spec)
sys.modules["fuzz"] = fuzz
spec.loader.exec_module(fuzz)

SLICES = 8


@pytest.mark.parametrize("part", range(SLICES))
def test_random_calls(part):
    """Each function, three seeds."""
    for seed in range(part, 3 * len(fuzz.TARGETS), SLICES):
        counts = fuzz.run_seed(seed, 100)
        assert sum(counts.values()) == 100


def test_every_kind_of_case_comes_up():
    rows = len(fuzz.ELEMENTWISE) + len(fuzz.ROWWISE)
    seeds = (*range(0, 40, 3), *range(rows - 6, rows + 3))
    found = sum((fuzz.run_seed(seed, 300) for seed in seeds), fuzz.Counter())
    kinds = ["one element", "own memory", "allocated", "in place", "overlapping", "where", "slice", "refused", "accumulate", "threads"]
    kinds += ["public", "rows, own memory", "rows, in place", "rows, allocated", "public rows", "several", "several, in place"]
    assert [k for k in kinds if not any(k in f for f in found)] == []


class Faulty:
    """A ufunc with a fault."""

    def __init__(self, ufunc, fault):
        self.ufunc, self.fault, self.nin = ufunc, fault, ufunc.nin

    def accumulate(self, *args, **kwargs):
        return self.ufunc.accumulate(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self.fault(self.ufunc, *args, **kwargs)


def last_bit_of_the_last(ufunc, *args, **kwargs):
    got = ufunc(*args, **kwargs)
    if np.size(got) % 64 == 63 and got.ndim == 1:
        got[-1] = np.nextafter(got[-1], np.inf)
    return got


def beside_the_output(ufunc, *args, out=None, **kwargs):
    got = ufunc(*args, out=out, **kwargs)
    arena = fuzz.arenas()[-1].bytes
    if out is not None and out.flags.c_contiguous and out.size:
        before = out.ctypes.data - 1
        if 0 <= before - arena.ctypes.data < arena.size:
            ctypes.memset(before, ctypes.c_ubyte.from_address(before).value ^ 1, 1)
    return got


def changes_an_input(ufunc, x, *args, out=None, **kwargs):
    got = ufunc(x, *args, out=out, **kwargs)
    if isinstance(x, np.ndarray) and out is not x and x.size and x.flags.writeable:
        x.flat[0] = 7 if x.flat[0] != 7 else 8
    return got


def warns(ufunc, *args, **kwargs):
    np.divide(np.ones(1), np.zeros(1))
    return ufunc(*args, **kwargs)


def accepts_anything(ufunc, *args, **kwargs):
    try:
        return ufunc(*args, **kwargs)
    except (TypeError, ValueError):
        return None


def writes_behind_the_mask(ufunc, *args, where=True, **kwargs):
    return ufunc(*args, **kwargs)


def returns_a_copy(ufunc, *args, **kwargs):
    return ufunc(*args, **kwargs).copy()


@pytest.mark.parametrize(
    "fault",
    [last_bit_of_the_last, beside_the_output, changes_an_input, warns, accepts_anything, writes_behind_the_mask, returns_a_copy],
    ids=lambda f: f.__name__,
)
def test_faults_are_seen(fault):
    """A planted fault is found within a few seeds."""
    real = fuzz.variant(VARIANTS[-1])
    target = next(i for i, row in enumerate(fuzz.TARGETS) if row.form == "forward" and not row.parameters)
    name = fuzz.TARGETS[target].ufunc
    broken = real._replace(ufuncs={**real.ufuncs, name: Faulty(real.ufuncs[name], fault)})
    seeds = [target + k * len(fuzz.TARGETS) for k in range(6)]
    for seed in seeds:
        fuzz.run_seed(seed, 100, real)
    with pytest.raises(fuzz.Difference, match=rf"seed \d+, case \d+: {name} b?float"):
        for seed in seeds:
            fuzz.run_seed(seed, fuzz.CASES, broken)


def test_rows_that_know_their_neighbours_are_seen():
    real = fuzz.variant(VARIANTS[-1])
    target = next(i for i, row in enumerate(fuzz.TARGETS) if row in fuzz.ROWWISE and row.form == "forward")
    name = fuzz.TARGETS[target].ufunc

    def neighbours(ufunc, *args, **kwargs):
        got = ufunc(*args, **kwargs)
        if got.ndim > 1 and got.size > 40:
            got[(0,) * got.ndim] = -3
        return got

    broken = real._replace(ufuncs={**real.ufuncs, name: Faulty(real.ufuncs[name], neighbours)})
    with pytest.raises(fuzz.Difference, match=name):
        for k in range(6):
            fuzz.run_seed(target + k * len(fuzz.TARGETS), fuzz.CASES, broken)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no guard pages")
@pytest.mark.parametrize("end", [-1, 0])
def test_memory_is_guarded(end):
    """Reading one byte beyond an arena kills the process."""
    code = textwrap.dedent(f"""
        import ctypes, importlib.util, sys
        spec = importlib.util.spec_from_file_location("fuzz", {str(TOOL)!r})
        fuzz = sys.modules["fuzz"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(fuzz)
        memory = fuzz.arenas()[0].bytes
        first, last = memory.ctypes.data, memory.ctypes.data + memory.size - 1
        ctypes.string_at(first, 1), ctypes.string_at(last, 1)
        print("inside", flush=True)
        ctypes.string_at({'last + 1' if end == 0 else 'first - 1'}, 1)
        print("outside")
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "inside\n" and done.returncode != 0


def test_the_command_counts_and_goes_on(tmp_path):
    """--state: the second run starts where the first ended."""
    state = tmp_path / "fuzz.json"
    for cases in (1000, 2000):
        command = [sys.executable, str(TOOL), "--cases", str(cases), "--state", str(state), "--seed", "5"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert f"{cases}  cases, no fault" in done.stdout
    stored = fuzz.json.loads(state.read_text())
    assert (stored["first"], stored["next"], stored["cases"]) == (5, 9, 2000)


def test_faults_of_the_last_result_are_seen():
    real = fuzz.variant(VARIANTS[-1])
    target = next(i for i, row in enumerate(fuzz.TARGETS) if row in fuzz.SEVERAL and row.length and real.ufuncs[row.ufunc].nout > 1)
    name = fuzz.TARGETS[target].ufunc

    def neighbours(ufunc, *args, **kwargs):
        got = ufunc(*args, **kwargs)
        if got[-1].ndim > 1 and got[-1].size > 40:
            got[-1][0, 0] = -3
        return got

    broken = real._replace(ufuncs={**real.ufuncs, name: Faulty(real.ufuncs[name], neighbours)})
    with pytest.raises(fuzz.Difference, match=name):
        for k in range(6):
            fuzz.run_seed(target + k * len(fuzz.TARGETS), fuzz.CASES, broken)
