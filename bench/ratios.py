"""Promises about speed that compare fastact with itself, so that they mean the same on every machine.

    python bench/ratios.py values       # no input takes 1.5 times as long as usual numbers: huge, subnormal, NaN, infinite, ...
    python bench/ratios.py in-place     # out=x takes no more than 1.25 times as long as out=y
    python bench/ratios.py axes         # over axis 0 in no more than 1.25 times the time that it takes over the last

Each takes some seconds, prints what is beyond its limit (--all: everything) and ends with status 1 if anything is. Every
row of the benchmarks in each type, outputs preallocated; the contestants take turns, and the shortest of the rounds counts.
What exceeds the limit is measured once more, with more rounds, before it counts. "underflowing" are inputs whose
exponential is subnormal.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rows import call, can_run_in_place, data, forward

import fastact as fa
from fastact.verify.cases import Row, axis_rows, elementwise_rows
from fastact.verify.types import DTYPES

SIZE = {"values": 16_384, "in-place": 16_384, "axes": 262_144}
LIMIT = {"values": 1.5, "in-place": 1.25, "axes": 1.25}
LENGTHS = {"values": (1_000,), "in-place": (1_000,), "axes": (64, 1_000, 8_000)}
DEPTH = {"float16": (-17.0, -9.8), "float32": (-103.0, -87.5), "float64": (-744.0, -708.5)}
KINDS = ("usual", "huge", "subnormal", "NaN", "infinite", "underflowing", "mixed")

Contest = dict[str, tuple[Callable[[], Any], Callable[[], Any]]]        # label -> what goes before, and what is timed


def numbers(kind: str, shape: tuple[int, ...], dtype: str) -> Any:
    """Inputs of one kind."""
    rng = np.random.default_rng(1)
    info = np.finfo(dtype)
    sign = rng.choice([-1.0, 1.0], shape)
    if kind == "huge":
        return (sign * rng.uniform(0.01, 1, shape)).astype(dtype) * info.max
    if kind == "subnormal":
        return (np.ldexp(sign * rng.integers(1, 1 << int(info.nmant), shape), int(info.minexp) - int(info.nmant))).astype(dtype)
    if kind == "NaN":
        return np.full(shape, np.nan, dtype)
    if kind == "infinite":
        return (sign * np.inf).astype(dtype)
    if kind == "underflowing":
        return rng.uniform(*DEPTH.get(dtype, DEPTH["float32"]), shape).astype(dtype)
    if kind == "mixed":
        return np.choose(rng.integers(0, len(KINDS) - 1, shape), [numbers(k, shape, dtype) for k in KINDS[:-1]])
    return (rng.standard_normal(shape) * 3).astype(dtype)


def values(row: Row, dtype: str) -> Contest:
    """The row on each kind of input."""
    found: Contest = {}
    for kind in KINDS:
        d = data(row, dtype, SIZE["values"])
        d.x = numbers(kind, d.x.shape, dtype)
        if "backward" in row.ufunc:
            d.y = forward(row, d.x)
        f = call(row, d)
        found[kind] = f, f
    return found


def in_place(row: Row, dtype: str) -> Contest:
    """The row into other memory, and in place, each on a fresh copy of the same numbers."""
    d = data(row, dtype, SIZE["in-place"])
    target = d.dy if "backward" in row.ufunc else d.x
    original = target.copy()

    def restore() -> None:
        target[...] = original

    return {"out=y": (restore, call(row, d)), "out=x": (restore, call(row, d, in_place=True))}


def axes(row: Row, dtype: str) -> Contest:
    """The row over the last axis and over the first."""
    found: Contest = {}
    for axis in (-1, 0):
        f = call((over := dataclasses.replace(row, axis=axis)), data(over, dtype, SIZE["axes"]))
        found[f"axis {axis}"] = f, f
    return found


CONTESTS = {"values": values, "in-place": in_place, "axes": axes}


def rows_of(what: str, functions: list[str] | None) -> Iterator[Row]:
    """What a promise is about."""
    if what != "axes":
        yield from elementwise_rows(functions)
    rows = [r for r in axis_rows(functions, LENGTHS[what], (-1, 0) if what == "values" else (-1,))]
    yield from (r for r in rows if what != "in-place" or can_run_in_place(r))


def measure(contest: Contest, rounds: int, size: int) -> dict[str, float]:
    """Nanoseconds per element of each contestant, the shortest of the rounds."""
    best = dict.fromkeys(contest, float("inf"))
    for _ in range(rounds):
        for label, (before, f) in contest.items():
            before()
            begun = time.perf_counter()
            f()
            best[label] = min(best[label], time.perf_counter() - begun)
    return {label: seconds / size * 1e9 for label, seconds in best.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=CONTESTS)
    parser.add_argument("--functions", type=lambda text: text.split(","), metavar="NAME,NAME", help="names of the registry (default: all)")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--all", action="store_true", help="print all rows, not only those beyond the limit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    what, limit, size = options.what, LIMIT[options.what], SIZE[options.what]
    figures: list[dict[str, Any]] = []
    for dtype in options.dtype:
        for row in rows_of(what, options.functions):
            contest = CONTESTS[what](row, dtype)
            found = measure(contest, options.rounds, size)
            usual = next(iter(found))
            if max(found.values()) > limit * found[usual]:
                found = measure(contest, 10 * options.rounds, size)
            slowest = max(found, key=lambda label: found[label])
            ratio = found[slowest] / found[usual]
            if not figures:
                print("| " + " | ".join(["row", "type", *found, "slowest", "ratio"]) + " |\n" + "| --- " * (len(found) + 4) + "|")
            figures.append({"function": row.label, "dtype": dtype, "ns": found, "slowest": slowest, "ratio": ratio})
            if options.all or ratio > limit:
                cells = [row.label, dtype, *(f"{ns:.3f}" for ns in found.values()), slowest, f"{ratio:.2f}"]
                print("| " + " | ".join(cells) + " |", flush=True)
    wrong = [f for f in figures if f["ratio"] > limit]
    most = max(figures, key=lambda f: f["ratio"])
    worst = f"the largest ratio is {most['ratio']:.2f} ({most['function']} {most['dtype']}, {most['slowest']})"
    print(f"\n{what}: {len(wrong)} of {len(figures)} rows are beyond {limit:g}; {worst}; {fa.ISA}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
