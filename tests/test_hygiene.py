"""What the built modules hold and what using them does to the process: instructions, symbols, memory, signals, other processes."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from _support import VARIANTS, ufuncs

from fastact import _cpu, _variants

MODULES = {name: Path(_variants.load(name).__file__) for name in VARIANTS} | {"cpu": Path(_cpu.__file__)}
on_x86_64 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="x86-64 only")
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def tool(name: str, *arguments: str) -> str:
    """What a binary utility prints."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=180, env=env)


# ---- instructions and symbols ------------------------------------------------------------------------------------

#: Instructions that an x86-64 of 2003 does not have: AVX and later, SSE3, SSSE3, SSE4, FMA, BMI.
NEWER = re.compile(
    r"v[a-z0-9]+|[hv]?addsub[a-z]+|h(?:add|sub)p[sd]|mov(?:ddup|s[hl]dup)|lddqu|p(?:shufb|abs[bwd]|align[r]|h(?:add|sub)\w+|sign[bwd]|mul(?:hrsw|ld|dq))"
    r"|round[sp][sd]|(?:p?blend\w*)|p(?:min|max)(?:s[bd]|u[wd])|pmov[sz]x\w+|ptest|p(?:ext|ins)r[bdq]|pack?usdw|pcmp(?:eqq|gtq|[ei]str[im])"
    r"|insertps|extractps|dpp[sd]|mpsadbw|popcnt|andn|bextr|blsi|blsr|pdep|pext|mulx|rorx|s[ah][rl]x"
)
OLD_ANYWAY = re.compile(r"ver[rw]|pmuludq|pmins[w]|pmaxs[w]|pmin[u]b|pmaxub|pinsrw|pextrw")


def instructions(module: Path) -> dict[str, int]:
    """The mnemonics in a module, and how often each occurs."""
    found: dict[str, int] = {}
    for line in tool("objdump", "-d", "--no-show-raw-insn", str(module)).splitlines():
        parts = line.split("\t")
        if len(parts) > 1 and parts[1].split():
            words = parts[1].split()
            mnemonic = words[1] if words[0] in ("rep", "repz", "repnz", "lock", "notrack", "data16", "bnd") and len(words) > 1 else words[0]
            found[mnemonic] = found.get(mnemonic, 0) + 1
    assert sum(found.values()) > 1000
    return found


@on_x86_64
@pytest.mark.parametrize("name", ["baseline", "cpu"])
def test_the_baseline_has_no_newer_instruction(name):
    """No AVX, and no SSE3 to SSE4.2 either, in what runs on every x86-64."""
    newer = {m: n for m, n in instructions(MODULES[name]).items() if NEWER.fullmatch(m) and not OLD_ANYWAY.fullmatch(m)}
    assert not newer


@on_x86_64
def test_the_other_variants_have_them():
    """So that the test above would see them; and the kernels are vectors."""
    for name, registers in (("avx2", "%ymm"), ("avx512", "%zmm")):
        if name not in VARIANTS:
            continue
        text = tool("objdump", "-d", "--no-show-raw-insn", str(MODULES[name]))
        assert len(re.findall(rf"vfn?m(?:add|sub)\d+p[sd] .*{registers}", text)) > 1000, name
        assert sum(n for m, n in instructions(MODULES[name]).items() if NEWER.fullmatch(m)) > 10_000


@on_linux
@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_exported_but_the_init(name):
    """Two packages in one process never see each other's symbols."""
    module = MODULES[name]
    defined = [line.split()[-1] for line in tool("nm", "-D", "--defined-only", str(module)).splitlines()]
    assert defined == [f"PyInit_{module.name.split('.')[0]}"]


@on_linux
@pytest.mark.parametrize("name", VARIANTS)
def test_what_the_kernels_take_from_outside(name):
    """Scratch space is on the stack, but for rows that are sorted or projected together, whose ufuncs raise MemoryError. (Python's
    own functions need the interpreter's lock, which the loops do not hold.) Of libm, fma is taken where the CPU has none."""
    needed = {line.split()[-1].split("@")[0] for line in tool("nm", "-D", "--undefined-only", str(MODULES[name])).splitlines()}
    outside = {s for s in needed if not s.startswith(("Py", "_Py", "GOMP_", "omp_", "_ITM_", "__"))}
    expected = {"memcpy", "memmove", "memset", "memcmp", "strrchr", "strlen", "fma", "fmaf", "pthread_atfork", "malloc", "free"}
    # sanitizers bring their own
    assert {s for s in outside if not s.startswith(("asan", "ubsan", "tsan"))} <= expected


@on_linux
@pytest.mark.parametrize("name", MODULES)
def test_no_executable_stack_and_no_writable_code(name):
    headers = tool("readelf", "-lWd", str(MODULES[name]))
    (stack,) = [line for line in headers.splitlines() if "GNU_STACK" in line]
    assert " RW " in stack and "RWE" not in stack
    assert "TEXTREL" not in headers
    assert not re.search(r"LOAD.* RWE ", headers)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_flag_that_changes_arithmetic(name):
    """Start-up code of -ffast-math would set flush-to-zero when the module is loaded."""
    symbols = tool("nm", str(MODULES[name]))
    assert "set_fast_math" not in symbols and "crtfastmath" not in symbols


# ---- memory ------------------------------------------------------------------------------------------------------

NO_MEMORY = """
    import resource
    import numpy as np
    import fastact as fa

    x = np.linspace(-5, 5, 20_000_000, dtype=np.float32)
    rows = x.reshape(2000, 10_000)
    fa.softmax(rows[:2]), fa.gelu(x[:10])
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), resource.RLIM_INFINITY))
    before = x[::1000].copy()
    for call in (lambda: fa.gelu(x), lambda: fa.softmax(rows), lambda: fa.softmax(rows, axis=None), lambda: fa.elu_backward(x, x=x)):
        try:
            call()
            print("no error")
        except MemoryError:
            print("MemoryError", np.array_equal(x[::1000], before))
    fa.gelu(x[: 10_000_000], out=x[: 10_000_000])
    fa.softmax(rows[1000:], out=rows[1000:])
    fa.softmax(rows[1000:], axis=0, out=rows[1000:])
    print("in place", bool(np.isfinite(x[::1000]).all()))
"""


@on_linux
def test_without_memory():
    """A result for which there is no memory is a MemoryError, and the input is whole; in place nothing is needed."""
    done = run(NO_MEMORY, OPENBLAS_NUM_THREADS="1")
    assert done.stdout.splitlines() == ["MemoryError True"] * 4 + ["in place True"], done.stderr


# ---- signals and processes ---------------------------------------------------------------------------------------

INTERRUPTED = """
    import signal
    import sys
    import numpy as np
    import fastact as fa

    signal.signal(signal.SIGINT, signal.default_int_handler)       # which a shell's background job would ignore
    fa.set_num_threads(2)
    x = np.linspace(-5, 5, 400_000)
    rows = x.reshape(400, 1000)
    print("ready", flush=True)
    try:
        while True:
            fa.mish(x)
            fa.softmax(rows, axis=0)
            fa.log_softmax(rows, where=rows > 0)
    except KeyboardInterrupt:
        print("interrupted", np.array_equal(fa.gelu(x), fa.gelu(x[:, None])[:, 0]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_arrives():
    """KeyboardInterrupt is raised after the call in which Ctrl-C came, and the package works on."""
    for pause in (0.05, 0.21):
        command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert out == "interrupted True\n", err


STARTED = """
    import multiprocessing as mp
    import numpy as np
    import fastact as fa

    if __name__ == "__main__":
        x = np.linspace(-5, 5, 200_000)
        fa.set_num_threads(2)
        wanted = fa.gelu(x)
        context = mp.get_context({method!r})
        with context.Pool(2) as pool:
            work = [pool.apply_async(eval, ("__import__('fastact').gelu(x)", {{"x": x}})) for _ in range(4)]
            print(all(np.array_equal(w.get(timeout=120), wanted) for w in work))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes_give_the_same(method, tmp_path):
    """After use, with threads, in processes started in each way; the timeout is the test that none hangs."""
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    script = tmp_path / "started.py"
    script.write_text(textwrap.dedent(STARTED.format(method=method)))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180)
    assert done.stdout == "True\n", done.stderr


# ---- arrays beyond 2^31 elements ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_beyond_2_to_the_31(threads):
    """float16 in place, 4.3 GB: elements, one row, and rows, of more than 2^31."""
    n = (1 << 31) + 70_003
    kernels, made = _variants.load(VARIANTS[-1]), ufuncs(VARIANTS[-1])
    pattern = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    pattern = np.where(np.isfinite(pattern), pattern, np.float16(1))
    x = np.resize(pattern, 1 << 20)
    x = np.lib.stride_tricks.as_strided(x, (n >> 20, 1 << 20), (0, 2)).reshape(-1)
    x = np.concatenate([x, np.resize(pattern, n - x.size)])
    assert x.size == n
    ends = np.r_[0:1000, (1 << 31) - 500 : (1 << 31) + 500, n - 1000 : n]
    before = x[ends].copy()
    kernels.set_threads(threads, 0)
    try:
        wanted = made["gelu"](before)
        assert made["gelu"](x, out=x) is x
        assert x[ends].tobytes() == wanted.tobytes()
        row = x.reshape(1, n)
        row[...] = 0
        row[0, -1] = 1
        total = made["logsumexp"](row)
        assert total[0] == np.float16(np.log(n))
        made["log_softmax"](row, out=row)
        assert row[0, 0] == np.float16(-np.log(n)) and row[0, -1] == np.float16(1 - np.log(n)) and (row[0, : 1 << 20] == row[0, 0]).all()
        column = x.reshape(n, 1)
        made["softmax"](column, out=column)
        assert (column[ends] == 1).all() and column.min() == 1
        pairs = x[: n - n % 2].reshape(2, -1)
        made["softmax"](pairs, axis=0, out=pairs)
        assert pairs.min() == 0.5 and pairs.max() == 0.5
    finally:
        kernels.set_threads(1, 0)


def test_every_module_is_installed():
    """A module that the build does not list is missing where the package is installed, and nowhere else."""
    package = Path(__file__).parents[1] / "src" / "fastact"
    listed = (package / "meson.build").read_text()
    modules = [p.relative_to(package).as_posix() for p in package.rglob("*.py") if "core" not in p.relative_to(package).parts]
    assert [m for m in modules if f"'{m}'" not in listed] == []
