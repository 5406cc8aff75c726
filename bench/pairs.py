"""Value and slope in one pass against the forward pass alone, and against forward and backward pass one after the other.

    python bench/pairs.py [--size 262144] [--dtype float32] [--rounds 15] [--functions NAME ...] [--limit 1.3]

Rounds of the three alternate; a time is the shortest round, in ns per element, into memory allocated beforehand, on one
thread. Rows whose time is more than `--limit` times the forward pass's are marked.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import fastact as fa
from fastact._registry import ELEMENTWISE, PAIRS, Record


def calls(record: Record, size: int, dtype: str) -> tuple[Callable[[], object], ...]:
    """Forward alone; forward and backward; both in one pass."""
    x = np.random.default_rng(0).standard_normal(size).astype(dtype)
    if record.domain == (0.0, 1.0):
        x = np.random.default_rng(0).uniform(0.01, 0.99, size).astype(dtype)
    given = {p.name: p.samples[0] for p in record.parameters if p.default is None}
    y, slope, one = np.empty_like(x), np.empty_like(x), np.ones((), dtype)
    forward, backward = getattr(fa, record.name), getattr(fa, f"{record.name}_backward")
    both = getattr(fa, f"{record.name}_value_and_grad")
    learned = isinstance(backward(one, x=x[:1], **given), tuple)            # then its raw ufunc: not the parameter's gradient too
    values = [np.asarray(given.get(p.name, p.default), dtype) for p in record.parameters]

    def separately() -> None:
        forward(x, **given, out=y)
        if learned:
            backward.ufunc(one, x, *values, out=slope)
        else:
            backward(one, x=x, **given, out=slope)

    return lambda: forward(x, **given, out=y), separately, lambda: both(x, **given, out=(y, slope))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1 << 18)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--functions", nargs="+", metavar="NAME")
    parser.add_argument("--limit", type=float, default=1.3)
    options = parser.parse_args()
    print(f"{'function':18} {'forward':>8} {'separate':>9} {'one pass':>9} {'/forward':>9} {'/separate':>10}")
    ratios, gains = [], []
    for record in ELEMENTWISE:
        if record.name not in PAIRS or (options.functions and record.name not in options.functions):
            continue
        contestants = calls(record, options.size, options.dtype)
        best = [float("inf")] * 3
        for _ in range(options.rounds + 1):
            for k, call in enumerate(contestants):
                start = time.perf_counter()
                call()
                best[k] = min(best[k], (time.perf_counter() - start) / options.size * 1e9)
        ratios.append(best[2] / best[0])
        gains.append(best[2] / best[1])
        mark = "  above" if ratios[-1] > options.limit else ""
        print(f"{record.name:18} {best[0]:8.3f} {best[1]:9.3f} {best[2]:9.3f} {ratios[-1]:9.2f} {gains[-1]:10.2f}{mark}", flush=True)
    low = sum(r <= options.limit for r in ratios)
    print(f"\n{low} of {len(ratios)} at most {options.limit:g} times the forward pass; geometric means "
          f"{np.exp(np.mean(np.log(ratios))):.2f} of the forward pass, {np.exp(np.mean(np.log(gains))):.2f} of both passes")


if __name__ == "__main__":
    main()
