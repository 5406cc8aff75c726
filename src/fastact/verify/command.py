"""``python -m fastact verify``: shares out the work, keeps what is finished, shows how far it is, writes the report."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastact
from fastact.verify import golden, over_axis, report
from fastact.verify.cases import Row, axis_rows, elementwise_rows, has, kernel
from fastact.verify.sweep import Part, Sweep, Tally, parts
from fastact.verify.types import TYPES

STRIDE, POINTS = 4_099, 100_000
_DEFAULTS = {"float16": 1e-6, "bfloat16": 1e-6, "float32": 4e-8, "float64": 5e-6}     # seconds per point, until something is measured


@dataclass(frozen=True)
class Task:
    """One part of one row in one type; of a function over an axis, the whole row."""

    row: Row
    dtype: str
    part: Part | None

    @property
    def key(self) -> str:
        """Its name in the state file."""
        return f"{self.row.label} {self.dtype}"

    @property
    def points(self) -> int:
        """About how much work it is."""
        return self.part.points if self.part else 7 * max(self.row.length, 10_000)


_sweeps: dict[str, Sweep] = {}


def work(task: Task, known: float) -> Tally:
    """Do one task, in whatever process."""
    if task.part is None:
        return over_axis.tally(task.row, task.dtype)
    if task.key not in _sweeps:     # of one row only: the parts of a row come together
        _sweeps.clear()
        _sweeps[task.key] = Sweep(task.row, task.dtype)
    return task.part.tally(_sweeps[task.key], known)


def tasks(options: argparse.Namespace) -> list[Task]:
    """Everything to do, in the order of the report."""
    found = []
    for row in elementwise_rows(options.functions, samples=not options.defaults, pairs=True):
        for dtype in (d for d in options.dtype if has(row, d)):
            found += [Task(row, dtype, part) for part in parts(dtype, options.stride, options.points)]
    over = [row for row in axis_rows(options.functions, over_axis.LENGTHS) if row.form == "forward"]
    found += [Task(row, dtype, None) for row in over for dtype in options.dtype]
    if not found:
        raise SystemExit("nothing to verify: functions of several arrays are checked by the tests")
    return found


def fingerprint(row: Row, dtype: str) -> str:
    """What tells whether a row's kernel still computes what it did: a hash of its results on many numbers."""
    compute: Any = (lambda x: fastact.get(row.record.name)(x, axis=-1)) if row.length else kernel(row)
    with np.errstate(all="ignore"):
        x = golden.stream(1, dtype)
        return golden.fingerprint([compute(x.reshape(-1, 1 << 10)) if row.length else compute(x)])


class State:
    """What is finished: per row a tally and which of its parts it covers; in a file, if one is named.

    A row whose results are no longer what they were when it was begun is begun anew.
    """

    def __init__(self, path: Path | None, options: argparse.Namespace) -> None:
        self.path = path
        self.rows: dict[str, Tally] = {}
        self.done: dict[str, set[int]] = {}
        self.saved = time.monotonic()
        self.results: dict[str, str] = {}
        self.of = {
            "numpy": np.__version__,
            "float32_stride": options.stride,
            "float64_points": options.points,
        }
        if path is not None and path.exists():
            stored = json.loads(path.read_text())
            if stored["of"] != self.of:
                differing = ", ".join(k for k, v in self.of.items() if stored["of"].get(k) != v)
                raise SystemExit(f"{path} is of another run ({differing} differ); name another file, or delete it")
            self.rows = {key: Tally.from_json(t) for key, t in stored["rows"].items()}
            self.done = {key: set(d) for key, d in stored["done"].items()}
            self.results = stored["results"]

    def begin(self, task: Task) -> bool:
        """Note what a row's kernel computes; forget what was measured of it if that was something else. Whether it was."""
        now = fingerprint(task.row, task.dtype)
        changed = self.results.get(task.key, now) != now
        if changed:
            self.rows.pop(task.key, None)
            self.done.pop(task.key, None)
        self.results[task.key] = now
        return changed

    def add(self, task: Task, index: int, tally: Tally) -> None:
        """A task is finished."""
        self.rows.setdefault(task.key, Tally()).add(tally)
        self.done.setdefault(task.key, set()).add(index)
        if time.monotonic() - self.saved > 5:
            self.save()

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.saved = time.monotonic()
        if self.path is not None:
            rows = {key: t.to_json() for key, t in self.rows.items()}
            written = self.path.with_name(self.path.name + ".new")
            done = {key: sorted(d) for key, d in self.done.items()}
            written.write_text(json.dumps({"of": self.of, "results": self.results, "done": done, "rows": rows}))
            written.replace(self.path)


class Progress:
    """A line per finished row on stderr, and on a terminal a bar with the time left."""

    def __init__(self, todo: list[Task]) -> None:
        self.left = dict.fromkeys(TYPES, 0)
        self.done = dict.fromkeys(TYPES, 0)
        self.spent = dict.fromkeys(TYPES, 0.0)
        for task in todo:
            self.left[task.dtype] += task.points
        self.started = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def finished(self, task: Task, tally: Tally) -> None:
        """One task more."""
        self.left[task.dtype] -= task.points
        self.done[task.dtype] += task.points
        self.spent[task.dtype] += tally.seconds
        if self.terminal:
            share, gone = self.share(), time.monotonic() - self.started
            bar = ("#" * round(30 * share)).ljust(30, ".")
            left = f"; {_clock(gone * (1 / share - 1))} left" if gone > 5 else ""
            self._print(f"\r[{bar}] {100 * share:.0f} % {task.key}{left}", end="")

    def share(self) -> float:
        """How much of the work is done: points, weighted with the time that each type's have taken so far."""
        rates = {d: self.spent[d] / self.done[d] if self.spent[d] else _DEFAULTS[d] for d in TYPES}
        left, done = (sum(points[d] * rates[d] for d in TYPES) for points in (self.left, self.done))
        return max(done, 1e-9) / max(done + left, 1e-9)

    def line(self, text: str) -> None:
        """A line that stays."""
        self._print(("\r" if self.terminal else "") + text, end="\n")

    def _print(self, text: str, end: str) -> None:
        print(text.ljust(110 if self.terminal else 0), end=end, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def results(todo: list[tuple[Task, int]], processes: int, state: State) -> Iterator[tuple[Task, int, Tally]]:
    """Do the tasks, here or in several processes; each is told the largest error already found in its row."""

    def known(task: Task) -> float:
        return state.rows[task.key].worst if task.key in state.rows else 0.0

    if processes == 1:
        for task, index in todo:
            yield task, index, work(task, known(task))
        return
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        waiting = todo[::-1]
        running: dict[concurrent.futures.Future[Tally], tuple[Task, int]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < processes + 2:
                    task, index = waiting.pop()
                    running[pool.submit(work, task, known(task))] = task, index
                for future in concurrent.futures.wait(running, return_when="FIRST_COMPLETED").done:
                    task, index = running.pop(future)
                    yield task, index, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run(options: argparse.Namespace) -> int:
    """The command."""
    everything = tasks(options)
    state = State(options.resume, options)
    if options.resume:
        for task in {task.key: task for task in everything}.values():
            if state.begin(task):
                print(f"{task.key}: begun anew, its results have changed", file=sys.stderr)
    indexed, seen = [], dict.fromkeys((task.key for task in everything), 0)
    for task in everything:
        indexed.append((task, seen[task.key]))
        seen[task.key] += 1
    todo = [(task, index) for task, index in indexed if index not in state.done.get(task.key, ())]
    progress = Progress([task for task, _ in todo])
    try:
        for task, index, tally in results(todo, options.processes, state):
            state.add(task, index, tally)
            progress.finished(task, tally)
            if len(state.done[task.key]) == seen[task.key]:
                entry = report.Entry(task.row, task.dtype, state.rows[task.key])
                progress.line(f"{task.key}: {report.figure(entry.tally.worst)} ulp at {entry.tally.at}  {entry.verdict}".rstrip())
    finally:
        state.save()
    rows = {task.key: (task.row, task.dtype) for task in everything}
    entries = [report.Entry(*rows[key], state.rows[key]) for key in rows]
    others = json.loads(options.others.read_text()) if options.others else {}
    written = report.markdown(entries, options.stride, options.points, options.command_line, others)
    if options.json:
        options.json.write_text(report.to_json(entries, options.stride, options.points) + "\n")
    if options.markdown:
        options.markdown.parent.mkdir(parents=True, exist_ok=True)
        options.markdown.write_text(written)
    print("\n".join(line for line in written.splitlines() if line.startswith(("| ", "## "))))
    print("\n".join(["", report.configuration() + ".", *report.summary(entries)]))
    return 1 if any(e.verdict for e in entries) else 0


def add_arguments(parser: argparse.ArgumentParser, whole: Any, names: Any) -> None:
    """The command's options; `whole` and `names` make the types of numbers and of lists of names."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def dtypes(text: str) -> list[str]:
        found: list[str] = names(text)
        for name in found:
            if name not in TYPES:
                raise argparse.ArgumentTypeError(f"must be among {', '.join(TYPES)}, got {name!r}")
        return found

    parser.add_argument("--functions", type=names, metavar="NAME,NAME", help="which functions, each with its gradients (default: all)")
    parser.add_argument("--dtype", type=dtypes, default=list(TYPES), metavar="TYPE,TYPE", help=f"of {', '.join(TYPES)} (default: all)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--stride", type=whole, default=STRIDE, metavar="N", help=f"take every Nth float32 bit pattern (default: {STRIDE}; odd is best)"
    )
    pace.add_argument(
        "--exhaustive", dest="stride", action="store_const", const=1, help="take all 2^32 of them: one to three minutes per row and core"
    )
    parser.add_argument(
        "--points",
        type=whole,
        default=POINTS,
        metavar="N",
        help=f"random float64 numbers per row, a quarter more in clusters, 13 times as many where errors are largest (default: {POINTS})",
    )
    parser.add_argument("--defaults", action="store_true", help="parameters at their defaults only, not also at the registry's samples")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="keep what is finished in FILE, and go on from there if it exists; rows whose results have changed since begin anew",
    )
    parser.add_argument("--processes", type=whole, default=cores, metavar="N", help=f"how many at once (default: all cores, {cores} here)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, for programs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report there: docs/accuracy.md is made so")
    parser.add_argument("--others", type=Path, metavar="FILE", help="other libraries' figures for the report, from bench/accuracy.py")
