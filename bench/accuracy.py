"""The largest error of every function and gradient of the registry, in units in the last place.

    python bench/accuracy.py [--functions gelu ...] [--dtype float16 float32 float64] [--stride N | --exhaustive]
                             [--points N] [--processes 2] [--markdown FILE]

float16: all 65 536 inputs. float32: every --stride-th bit pattern of the whole range, or with --exhaustive all 2^32.
float64: --points random bit patterns and magnitudes, and clusters at kinks, roots, seams and edges. Parameters at their
defaults and at the registry's samples; gradients for dy = 1; gradients from the output over the function's whole range.

The bulk is compared with the registry's expressions in wider arithmetic that carries its own error bound; whatever may
be a new maximum, and a sample of what that arithmetic cannot decide, goes to mpmath (gradients: the forward expression
differentiated). So every figure printed is mpmath's. "undecided" counts the points that neither settled.
Functions over an axis are compared with the registry's expressions in 200-bit arithmetic (longdouble above 10^4), by row length.

Exits with status 1 if a bound of the registry is broken, or if the two references disagree.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bounded
import numpy as np
import sample
from rows import DTYPES, Row, axis_rows, elementwise_rows

import fastact as fa
from fastact import _proof

LENGTHS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
#: A reference whose own error may exceed this many ulp decides nothing.
_DOUBT = 0.25
#: At most so many points per chunk, and undecidable points per row, go to mpmath.
_DECIDE, _SAMPLE = 48, 400
#: Longer rows are compared in longdouble, and exactly only where that finds a bound broken.
_EXACT_ROWS = 10_000


@dataclass
class Worst:
    """The largest error of one row, and where."""

    label: str
    dtype: str
    bound: float
    ulp: float = 0.0
    at: str = "-"
    points: int = 0
    undecided: int = 0
    seconds: float = 0.0
    disagreement: str = ""

    @property
    def verdict(self) -> str:
        """What is wrong with the row, if anything."""
        broken = "BROKEN" if self.ulp > self.bound else ""
        return f"REFERENCES DISAGREE at {self.disagreement} {broken}".strip() if self.disagreement else broken


def figure(ulp: float) -> str:
    """An error as text."""
    return f"{ulp:.3f}" if ulp < 1e4 else f"{ulp:.0e}"


def compute_of(row: Row) -> Callable[[Any], Any]:
    """The ufunc as a function of one operand, dy = 1."""
    ufunc, parameters = fa.ufuncs.__dict__[row.ufunc], [v for _, v in row.parameters]

    def compute(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return ufunc(*((np.ones_like(x),) if "backward" in row.ufunc else ()), x, *parameters)

    return compute


def truth_of(row: Row, dtype: str) -> Callable[[float], Any]:
    """mpmath's value at one point; parameters as the kernel gets them, rounded to the type."""
    parameters = {k: float(np.dtype(dtype).type(v)) for k, v in row.parameters}
    name = row.record.name
    if row.form == "forward":
        return lambda x: _proof.forward(name, x, **parameters)
    if row.form == "backward_y":
        return lambda y: _proof.stated(row.ufunc, y, **parameters)
    if row.form == "backward":
        # where the expression's branches meet, the forward form has one-sided slopes only: the table says which
        meet = {0.0, *row.record.kinks}  # type: ignore[union-attr]
        return lambda x: _proof.stated(row.ufunc, x, **parameters) if x in meet else _proof.gradient(name, x, **parameters)
    # a parameter's gradient: the forward expression differentiated by the parameter
    parameter = row.form.removeprefix("backward_")
    dual = _proof._ON_DUALS[name]

    def slope(x: float) -> Any:
        seed = _proof.Dual(_proof.exact(parameters[parameter]), _proof.exact(1))
        return _proof._dual(dual(_proof.exact(x), **{parameter: seed})).slope

    return lambda x: _proof._settled(lambda: slope(x))


def inputs(row: Row, dtype: str, stride: int, points: int, compute: Callable[[Any], Any]) -> Iterator[Any]:
    """The operand's values, in chunks."""
    if dtype != "float64":
        for x in sample.strided(dtype, 1 if dtype == "float16" else stride):
            x = sample.inside_range(row, x) if row.form == "backward_y" else x
            if x.size:
                yield x
    if dtype != "float16":
        rng = np.random.default_rng(7)
        yield sample.clusters(row, dtype, points if dtype == "float64" else 4_096, rng, compute)


def sweep(row: Row, dtype: str, stride: int, points: int) -> Worst:
    """One row's maximum."""
    started = time.perf_counter()
    worst = Worst(row.label, dtype, row.record.bounds[dtype])
    compute, truth = compute_of(row), truth_of(row, dtype)
    parameters = {k: float(np.dtype(dtype).type(v)) for k, v in row.parameters}
    by_mpmath = row.form not in ("forward", "backward", "backward_y")
    budget = _SAMPLE

    def decide(x: Any, got: Any, estimate: float | None = None) -> None:
        error = _proof.error(got, truth(float(x)), dtype)
        if error > worst.ulp:
            worst.ulp, worst.at = error, float(x).hex()
        if estimate is not None and (error > 2.1 * estimate + 0.5 or estimate > 2.1 * error + 0.5):  # a binade's unit may differ
            worst.disagreement = worst.disagreement or f"{float(x).hex()} ({figure(error)}, {figure(estimate)})"

    for x in inputs(row, dtype, stride, points, compute):
        got = compute(x)
        worst.points += x.size
        if by_mpmath:
            chosen = np.unique(np.linspace(0, x.size - 1, x.size if dtype == "float16" else min(x.size, 500)).astype(int))
            for i in chosen:
                decide(x[i], got[i])
            worst.undecided += x.size - chosen.size
            continue
        error, doubt = bounded.errors(got, bounded.evaluate(row.ufunc, x, parameters))
        doubtful = ~(doubt < _DOUBT)
        unsure = np.flatnonzero(doubtful & (~(doubt < np.inf) | (error + doubt > worst.ulp)))
        if unsure.size:
            # those that look worst, and the rest evenly over the range
            share = max(8, min(unsure.size, budget // 4))
            least = np.where(np.isfinite(error[unsure]), np.maximum(error[unsure] - doubt[unsure], 0), np.inf)
            largest = unsure[np.argsort(-least, kind="stable")[:8]]
            chosen = np.unique(np.concatenate([largest, unsure[np.linspace(0, unsure.size - 1, share).astype(int)]]))
            budget = max(0, budget - chosen.size)
            for i in chosen:
                decide(x[i], got[i])
            worst.undecided += unsure.size - chosen.size
        candidates = np.flatnonzero(~doubtful & (error + doubt > worst.ulp))
        for i in candidates[np.argsort(-error[candidates], kind="stable")][:_DECIDE]:
            if error[i] + doubt[i] > worst.ulp:
                decide(x[i], got[i], float(error[i]))
    worst.seconds = time.perf_counter() - started
    return worst


# ---- functions over an axis ----------------------------------------------------------------------------------------


def exact_rows(row: Row, x: Any) -> Any:
    """The registry's expression on one row of numbers in 200-bit arithmetic."""
    import gmpy2

    with gmpy2.context(gmpy2.get_context(), precision=200):
        wide = np.array([gmpy2.mpfr(float(v)) for v in x], object)
        scope = {"exp": np.frompyfunc(gmpy2.exp, 1, 1), "log": lambda s: np.frompyfunc(gmpy2.log, 1, 1)(s), "max": np.max, "sum": np.sum}
        return np.atleast_1d(eval(row.record.forward, scope, {"x": wide}))


def exact_error(got: Any, true: Any, dtype: str) -> float:
    """The error of one element against a 200-bit number, in ulp."""
    import gmpy2

    info = np.finfo(dtype)
    exponent = int(gmpy2.get_exp(true)) if true != 0 else -(10**6)
    unit = max(exponent - 1 - info.nmant, int(info.minexp) - info.nmant)
    if not np.isfinite(got):
        return float("inf")
    with gmpy2.context(gmpy2.get_context(), precision=200):
        return float(abs(gmpy2.mpfr(float(got)) - true) * gmpy2.mpfr(2) ** -unit)


def sweep_rows(row: Row, dtype: str, stride: int, points: int) -> Worst:
    """One function over an axis at one row length, over several kinds of rows."""
    started = time.perf_counter()
    worst = Worst(row.label, dtype, row.record.bounds[dtype])
    rng = np.random.default_rng(row.length)
    n = row.length
    kinds: dict[str, Callable[[], Any]] = {
        "normal, sigma 3": lambda: rng.standard_normal(n) * 3,
        "normal, sigma 30": lambda: rng.standard_normal(n) * 30,
        "offset 1000": lambda: rng.standard_normal(n) * 3 + 1000,
        "one peak": lambda: np.where(np.arange(n) == n // 3, 20, rng.standard_normal(n) * 2),
        "long tail": lambda: -rng.uniform(0, 100, n),
        "equal": lambda: np.zeros(n),
    }
    for kind, draw in kinds.items():
        for _ in range(max(1, min(200, 10_000 // n))):
            x = draw().astype(dtype)
            got = np.atleast_1d(fa.get(row.record.name)(x))
            error = np.full(got.shape, np.inf)
            if n > _EXACT_ROWS:
                value = np.atleast_1d(np.squeeze(getattr(fa.reference, row.record.name)(x.astype(np.longdouble))))
                error = bounded.errors(got, bounded.Bounded(value, np.zeros(value.shape, np.longdouble)))[0]
            if np.max(error) > worst.bound:
                largest = _proof.exact(float(x.max()))
                error = np.array(
                    [
                        exact_error(g, t, dtype) / _proof.row_scale(row.record, _proof.exact(float(g)), largest, dtype)
                        for g, t in zip(got, exact_rows(row, x), strict=True)
                    ]
                )
            worst.points += got.size
            i = int(np.argmax(error))
            if error[i] > worst.ulp:
                worst.ulp, worst.at = float(error[i]), f"{kind}, x[{i}] = {float(x[i]).hex()}" if got.size > 1 else kind
    worst.seconds = time.perf_counter() - started
    return worst


# ---- the command ---------------------------------------------------------------------------------------------------


def work(task: tuple[Callable[..., Worst], Row, str, int, int]) -> Worst:
    function, row, dtype, stride, points = task
    with np.errstate(all="ignore"):
        return function(row, dtype, stride, points)


def table(found: list[Worst]) -> list[str]:
    lines = [["function", "dtype", "max ulp", "bound", "", "worst input", "points", "undecided"]]
    for w in found:
        lines.append([w.label, w.dtype, figure(w.ulp), f"{w.bound:g}", w.verdict, w.at, str(w.points), str(w.undecided or "-")])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * max(3, w) for w in widths])
    return ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    step = parser.add_mutually_exclusive_group()
    step.add_argument("--stride", type=int, default=1_021, help="bit patterns from one float32 input to the next (default: 1021; odd)")
    step.add_argument("--exhaustive", action="store_true", help="all 2^32 float32 inputs: hours")
    parser.add_argument("--points", type=int, default=100_000, help="about so many float64 inputs per row (default: 100000)")
    parser.add_argument("--lengths", nargs="+", type=int, default=list(LENGTHS), metavar="N", help="row lengths over an axis")
    parser.add_argument("--defaults", action="store_true", help="parameters at their defaults only")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    stride = 1 if options.exhaustive else options.stride
    tasks: list[Any] = [
        (sweep, row, dtype, stride, options.points)
        for dtype in options.dtype
        for row in elementwise_rows(options.functions, samples=not options.defaults)
    ]
    over_axis = [row for row in axis_rows(options.functions, sorted(options.lengths, reverse=True), (-1,)) if row.form == "forward"]
    tasks = [(sweep_rows, row, dtype, stride, options.points) for row in over_axis for dtype in options.dtype] + tasks
    found: dict[int, Worst] = {}
    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        jobs = {i: pool.apply_async(work, (task,)) for i, task in enumerate(tasks)}
        while jobs:
            for i in [i for i, job in jobs.items() if job.ready()]:
                w = found[i] = jobs.pop(i).get()
                line = f"[{len(found)}/{len(tasks)}] {w.label} {w.dtype}: {figure(w.ulp)} at {w.at} ({w.seconds:.1f} s)  {w.verdict}"
                print(line.rstrip(), file=sys.stderr, flush=True)
            time.sleep(0.02)
    order = sorted(found, key=lambda i: (tasks[i][1].length, i))
    ordered = [found[i] for i in order]
    broken = [w for w in ordered if w.verdict]
    covered = {
        "float16": "all float16 inputs",
        "float32": "all 2^32 float32 inputs" if stride == 1 else f"float32 inputs {stride} bit patterns apart",
        "float64": f"about {options.points} float64 inputs a row",
    }
    what = "; ".join(covered[dtype] for dtype in options.dtype)
    text = [
        f"fastact {fa.__version__} ({fa.ISA}), NumPy {np.__version__}, {datetime.date.today()}: {what}.",
        "",
        *table(ordered),
        "",
        f"{len(broken)} of {len(ordered)} rows are above their bound.",
        *(f"- {w.label} {w.dtype}: {figure(w.ulp)} at {w.at} {w.verdict}" for w in broken),
    ]
    print("\n".join(text))
    if options.markdown:
        with open(options.markdown, "w") as f:
            f.write("# Accuracy\n\n`python bench/" + " ".join(["accuracy.py", *sys.argv[1:]]) + "`\n\n" + "\n".join(text) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
