"""What a call from compiled code costs: functions of one number, and of rows, through `fastact.cython_api`.

    python bench/compiled.py [--function gelu] [--rows 100 1000]

Needs cc. A few lines of C call the functions by the addresses in `__pyx_capi__`, as Cython and C code does. The shortest of some rounds
counts, in ns per number, float32.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastact import cython_api

N = 1 << 16
SOURCE = """
#include <stddef.h>
void each(float (*f)(float), float *out, const float *x, ptrdiff_t n) { for (ptrdiff_t i = 0; i < n; i++) out[i] = f(x[i]); }
void rows(void (*f)(float *, const float *, ptrdiff_t), float *out, const float *x, ptrdiff_t n, ptrdiff_t row)
{
    for (ptrdiff_t i = 0; i + row <= n; i += row) f(out + i, x + i, row);
}
"""


def address(name: str) -> ctypes.c_void_p:
    """Where a function of `fastact.cython_api` lies."""
    capsule = cython_api.__pyx_capi__[name]
    of, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    of.restype, of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_void_p(pointer(capsule, of(capsule)))


def callers(folder: str) -> Any:
    """The loops, compiled."""
    Path(folder, "loops.c").write_text(SOURCE)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", f"{folder}/loops.so", f"{folder}/loops.c"], check=True)
    return ctypes.CDLL(f"{folder}/loops.so")


def shortest(call: Callable[[], object], rounds: int = 50) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--function", default="gelu", help="one of a single array (default: %(default)s)")
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 100, 1000, N], help="lengths of rows (default: %(default)s)")
    arguments = parser.parse_args()
    x = np.random.default_rng(0).standard_normal(N, dtype=np.float32)
    out = np.empty_like(x)
    a, b, n = ctypes.c_void_p(out.ctypes.data), ctypes.c_void_p(x.ctypes.data), ctypes.c_ssize_t(N)
    with tempfile.TemporaryDirectory() as folder:
        loops = callers(folder)
        one, row = address(f"{arguments.function}_f4"), address(f"{arguments.function}_f4_array")
        print("| call | ns a number |\n| --- | --- |")
        print(f"| {arguments.function}_f4 | {1e9 * shortest(lambda: loops.each(one, a, b, n)) / N:.1f} |")
        for length in arguments.rows:
            spent = shortest(lambda k=length: loops.rows(row, a, b, n, ctypes.c_ssize_t(k)))  # type: ignore[misc]
            print(f"| {arguments.function}_f4_array, rows of {length} | {1e9 * spent / (N // length * length):.2f} |")


if __name__ == "__main__":
    main()
