"""Time per element against the number of elements, and against the length of rows, with peers; drawn into a picture.

    python bench/scale.py scale.png                     # 10^3 to 2^28 elements: ten minutes, 4 GiB of memory
    python bench/scale.py scale.png --largest 2147483648 --functions relu gelu --peers torch
    python bench/scale.py scale.png --largest 1000000   # a quick look

Element by element: from 1 000 elements up. Over the last axis: 10 million elements (or `--largest`, if less), in rows of 1
up to one row of all. A time is the shortest of as many calls as fit in a budget, into memory allocated beforehand.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

FUNCTIONS = ("relu", "sigmoid", "gelu", "softmax")
PEERS = ("torch", "NumPy ufunc", "NumPy expression")
SMALLEST, ROW_ELEMENTS = 1_000, 10_000_000
#: Seconds for one contestant at one size, and the fewest and most calls.
BUDGET, FEWEST, MOST = 0.3, 2, 2_000

#: contestant -> (elements or row length, ns per element)
Curves = dict[str, list[tuple[int, float]]]


def sizes(first: int, last: int, per_decade: int = 3) -> list[int]:
    """From first to last in even steps of the logarithm, both included."""
    steps = max(1, round(math.log10(last / first) * per_decade))
    return sorted({round(first * (last / first) ** (k / steps)) for k in range(steps + 1)})


def memory_available() -> float:
    """Bytes, or infinity where the system does not say."""
    try:
        with open("/proc/meminfo") as f:
            return float(next(line.split()[1] for line in f if line.startswith("MemAvailable"))) * 1024
    except (OSError, StopIteration):
        return math.inf


def shortest(contestants: dict[str, Callable[[], Any]], size: int) -> dict[str, float]:
    """ns per element of each, by turns."""
    best: dict[str, float] = {}
    spent = dict.fromkeys(contestants, 0.0)
    for f in contestants.values():
        f()
    for turn in range(MOST):
        running = [n for n in contestants if turn < FEWEST or spent[n] < BUDGET]
        if not running:
            break
        for name in running:
            f = contestants[name]
            calls = range(max(1, 100_000 // size))
            start = time.perf_counter()
            for _ in calls:
                f()
            seconds = time.perf_counter() - start
            spent[name] += seconds
            best[name] = min(best.get(name, math.inf), seconds / len(calls) / size * 1e9)
    return best


def settings(functions: list[str], largest: int) -> Iterator[tuple[str, list[tuple[int, Any, int]]]]:
    """Of each function: (what stands on the abscissa, row, elements)."""
    from fastact._registry import RowRecord
    from fastact.verify.cases import axis_rows, elementwise_rows

    for name in functions:
        (row, *_) = (*elementwise_rows([name]), *axis_rows([name], [1]))
        if isinstance(row.record, RowRecord):
            elements = min(largest, ROW_ELEMENTS)
            rows = [next(axis_rows([name], [length])) for length in sizes(1, elements)]
            yield row.ufunc, [(r.length, r, elements) for r in rows]
        else:
            yield row.ufunc, [(n, row, n) for n in sizes(SMALLEST, largest)]


def curves(points: list[tuple[int, Any, int]], dtype: str, raced: list[Any], faults: set[str]) -> Curves:
    from peers import contestants_of
    from rows import data

    found: Curves = {}
    for abscissa, row, elements in points:
        d = data(row, dtype, elements)
        contestants = {name: entry[0] for name, entry in contestants_of(row, d, raced, dtype, faults).items()}
        for name, ns in shortest(contestants, d.x.size).items():
            found.setdefault(name, []).append((abscissa, ns))
        print(f"{row.ufunc} {abscissa}: " + ", ".join(f"{n} {c[-1][1]:.3f}" for n, c in found.items()), file=sys.stderr, flush=True)
    return found


def draw(results: dict[str, Curves], over_rows: set[str], dtype: str, path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(2, len(results))
    lines = math.ceil(len(results) / columns)
    figure, axes = plt.subplots(lines, columns, figsize=(6.4 * columns, 4.4 * lines), squeeze=False, layout="constrained")
    colours: dict[str, str] = {}
    for ax, (name, found) in zip(axes.flat, results.items(), strict=False):
        for contestant, curve in found.items():
            colour = colours.setdefault(contestant, f"C{len(colours)}")
            width = 2.2 if contestant == "fastact" else 1.2
            ax.plot(*zip(*curve, strict=True), color=colour, linewidth=width, marker=".", label=contestant)
        ax.set(xscale="log", yscale="log", title=f"{name}, {dtype}", ylabel="ns per element")
        ax.set_xlabel("length of a row" if name in over_rows else "elements")
        ax.grid(True, which="major", alpha=0.3)
        ax.legend(fontsize="small")
    for ax in axes.flat[len(results) :]:
        ax.remove()
    figure.savefig(path, dpi=120)


def flatness(found: Curves) -> str:
    """How far fastact's time per element is from its own median, from 10 000 elements or whatever row length on."""
    own = [ns for n, ns in found["fastact"] if n >= 10_000] or [ns for _, ns in found["fastact"]]
    return f"from 10 000 on between {min(own):.3f} and {max(own):.3f} ns per element"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", metavar="FILE", help="where the picture goes; the ending says its format")
    parser.add_argument("--functions", nargs="+", metavar="NAME", default=list(FUNCTIONS), help=f"default: {' '.join(FUNCTIONS)}")
    parser.add_argument("--dtype", choices=("float16", "float32", "float64"), default="float32")
    parser.add_argument("--largest", type=int, default=1 << 28, metavar="N", help="elements (default: 2^28)")
    parser.add_argument("--peers", nargs="*", metavar="NAME", default=list(PEERS), help=f"as in peers.py (default: {', '.join(PEERS)})")
    options = parser.parse_args()
    if options.largest < SMALLEST:
        parser.error(f"--largest is {options.largest}: it takes {SMALLEST} or more")
    size = {"float16": 2, "float32": 4, "float64": 8}[options.dtype]
    needed = options.largest * (size * 4 + 4)  # operands, their float32 original, one temporary of an expression
    if needed > memory_available():
        parser.error(f"--largest {options.largest} needs {needed / 2**30:.1f} GiB of memory; there are {memory_available() / 2**30:.1f}")
    if not os.access(os.path.dirname(os.path.abspath(options.picture)), os.W_OK):
        parser.error(f"cannot write {options.picture}")
    return options


def main() -> None:
    options = parse()
    for variable in ("FASTACT", "OMP", "OPENBLAS", "MKL"):  # read when the libraries are imported
        os.environ[f"{variable}_NUM_THREADS"] = "1"
    import numpy as np
    import peers

    from fastact._registry import ROWWISE

    raced = peers.installed(1, options.peers) if options.peers else []
    faults: set[str] = set()
    over_rows = {r.name for r in ROWWISE}
    with np.errstate(all="ignore"):
        results = {name: curves(points, options.dtype, raced, faults) for name, points in settings(options.functions, options.largest)}
    draw(results, over_rows, options.dtype, options.picture)
    for name, found in results.items():
        print(f"{name}: {flatness(found)}")
    print(f"drawn into {options.picture}")


if __name__ == "__main__":
    main()
