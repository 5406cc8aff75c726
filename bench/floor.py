"""What each row takes, and what it would take if nothing but its own operations held it up.

    python bench/floor.py                               # 16 384 elements, in cache
    python bench/floor.py --sizes 16384 16777216 --functions relu gelu --markdown FILE
    python bench/floor.py --count                       # count this build's operations first, under callgrind

The operations of a row are counted by `instructions.py` (every vector instruction that was executed, so loops, ends of
rows and conversions too), and stand in its budget file. `calibrate.c` measures what this machine can do of each kind; a row
cannot be faster than

- its multiplications (fma too), its additions, its divisions, its loads, its stores, each at the machine's rate for them,
- all its arithmetic at the rate of the kind that the machine does fastest,
- a copy of as many bytes as it reads and writes: the better of memcpy and of stores around the caches, in the same run.

The largest is the floor. It is a bound and no forecast: dependencies, and instructions that share units, come on top.
Instructions are counted in the avx2 variant, so this is also what is timed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import instructions

SOURCE = pathlib.Path(__file__).with_name("calibrate.c")
RATES = ("multiply", "add", "integer", "divide_4", "divide_8", "load", "store")
KINDS = (*instructions.ARITHMETIC, "load", "store")


class Machine:
    """Rates in instructions (of 32 bytes) per ns; copies in bytes per ns, read and written."""

    def __init__(self, folder: str) -> None:
        if not shutil.which("cc"):
            instructions.stop("floor.py needs a C compiler, cc, to measure what the machine can do")
        library = os.path.join(folder, "calibrate.so")
        subprocess.run(["cc", "-O2", "-mavx2", "-mfma", "-shared", "-fPIC", "-o", library, str(SOURCE)], check=True)
        self.library = ctypes.CDLL(library)
        self.rates = {}
        for name in RATES:
            rate = getattr(self.library, f"rate_{name}")
            rate.restype, rate.argtypes = ctypes.c_double, [ctypes.c_long]
            self.rates[name] = max(rate(20_000) for _ in range(20))
        for name in ("memcpy", "streaming"):
            copy = getattr(self.library, f"copy_{name}")
            copy.restype, copy.argtypes = ctypes.c_double, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]

    def copies(self, source: Any) -> list[Callable[[], float]]:
        """Bytes per ns of both copies of an array."""
        import numpy as np

        target = instructions.aligned(np.zeros_like(source))  # stores around the caches need whole vectors
        turns = max(1, 4_000_000 // source.nbytes)

        def measure(name: str) -> Callable[[], float]:
            copy = getattr(self.library, f"copy_{name}")
            return lambda: float(copy(target.ctypes.data, source.ctypes.data, source.nbytes, turns))

        return [measure("memcpy"), measure("streaming")]


@dataclass
class Result:
    label: str
    size: int
    vector: dict[str, float]
    floor: float
    bound: str
    measured: float


def compute_floors(vector: dict[str, float], itemsize: int, rates: dict[str, float]) -> dict[str, float]:
    """ns per element that each kind of instruction takes at least."""
    lanes = instructions.VECTOR // itemsize
    fastest = max(rates["integer"], rates["add"], rates["multiply"])
    ns = {
        "multiply": vector["multiply"] / rates["multiply"],
        "add": vector["add"] / rates["add"],
        "divide": vector["divide"] / rates[f"divide_{itemsize}"],
        "arithmetic": sum(vector[kind] for kind in instructions.ARITHMETIC) / fastest,
        "load": vector["load"] / rates["load"],
        "store": vector["store"] / rates["store"],
    }
    return {kind: t / lanes for kind, t in ns.items()}


def floor_of(machine: Machine, row: Any, d: Any, vector: dict[str, float], speed: float) -> tuple[float, str]:
    """ns per element that a row takes at least, and what bounds it; `speed`: of a copy, in bytes per ns."""
    used = [d.x, d.out, d.mask] if "backward" not in row.ufunc else [d.dy, d.y if row.ufunc.endswith("_y") else d.x, d.out, d.mask]
    if row.length and "backward" in row.ufunc and row.record.saves == "y":
        used[1] = d.y
    floors = compute_floors(vector, d.x.itemsize, machine.rates)
    floors["memory"] = sum(a.nbytes for a in used if a is not None) / d.x.size / speed
    bound = max(floors, key=lambda k: floors[k])
    return floors[bound], bound


def measure(machine: Machine, label: str, row: Any, dtype: str, size: int, rounds: int, vector: dict[str, float]) -> Result:
    from rows import Data, call, data

    d = data(row, dtype, size)
    d = Data(*(instructions.aligned(a) for a in (d.x, d.dy, d.y, d.out, d.mask)))
    f = call(row, d)
    copies = machine.copies(d.x)
    f()
    start = time.perf_counter()
    f()
    turns = range(max(1, round(3e-4 / max(time.perf_counter() - start, 1e-7))))
    times, speed = [], 0.0
    for _ in range(rounds):
        f()
        start = time.perf_counter()
        for _ in turns:
            f()
        times.append((time.perf_counter() - start) / len(turns) / d.x.size * 1e9)
        speed = max(speed, *(copy() for copy in copies))
    floor, bound = floor_of(machine, row, d, vector, speed)
    return Result(label, d.x.size, vector, floor, bound, min(times))


def table(results: list[Result]) -> list[str]:
    """Markdown that reads as plain text; the farthest from its floor first."""
    lines = [["row", "elements", *KINDS, "floor, ns", "by", "measured, ns", "x of floor"]]
    for r in sorted(results, key=lambda r: -r.measured / r.floor):
        counts = [f"{r.vector[kind]:.1f}" for kind in KINDS]
        lines.append([r.label, str(r.size), *counts, f"{r.floor:.3f}", r.bound, f"{r.measured:.3f}", f"{r.measured / r.floor:.2f}"])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * max(3, w) for w in widths])
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=[instructions.ELEMENTS], metavar="N", help="elements (default: 16384)")
    parser.add_argument("--dtype", nargs="+", choices=instructions.DTYPES, default=list(instructions.DTYPES), metavar="DTYPE")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--count", action="store_true", help="count this build's operations instead of reading the budget's")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    return parser.parse_args()


def main() -> None:
    options = parse()
    os.environ |= {"FASTACT_ISA": instructions.ISA, "FASTACT_NUM_THREADS": "1"}
    import numpy as np

    text = []
    if options.count:
        counts = instructions.run(options.functions)
        vectors = {label: {k: c.per_vector(k) for k in KINDS} for label, c in counts.items()}
    else:
        budget = instructions.load()
        vectors = {label: row["vector"] for label, row in budget["rows"].items()}
        if budget["compiler"] != instructions.compiler():
            text.append(f"Operations as {budget['compiler']} compiled them, times of a build by {instructions.compiler()}: see --count.\n")
    results, unknown = [], []
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        machine = Machine(folder)
        for label, row, dtype in instructions.rows_of(options.functions):
            if label not in vectors:
                unknown.append(label)
            elif dtype in options.dtype:
                for size in options.sizes:
                    if row.length <= size:
                        results.append(measure(machine, label, row, dtype, size, options.rounds, vectors[label]))
    if unknown:
        print(f"not counted yet, see --count: {', '.join(unknown)}", file=sys.stderr)
    if not results:
        instructions.stop("no row to measure")
    rates = ", ".join(f"{name.replace('_', ' of ')} {rate:.2f}" for name, rate in machine.rates.items())
    text += [
        f"Operations per vector of {instructions.VECTOR} bytes; times in ns per element. Instructions per ns of this machine: {rates}.",
        "",
        *table(results),
        "",
        f"Geometric mean of x of floor over {len(results)} rows: {np.exp(np.mean([np.log(r.measured / r.floor) for r in results])):.2f}.",
    ]
    print("\n".join(text))
    if options.markdown:
        pathlib.Path(options.markdown).write_text("# Operations, floors and times\n\n" + "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
