"""What the examples share: times of several contestants, taken in turns, and a bar that says how far a long run is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any


def race(jobs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The shortest time of each job in seconds. All take a turn in each round, so what slows the machine down slows all."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def table(title: list[str], rows: list[list[str]]) -> str:
    """Markdown, which is also readable as it is."""
    lines = [title, ["---"] * len(title), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def progress(done: int, of: int, text: str) -> None:
    """One line that is written over; nothing where the output is no terminal."""
    if sys.stderr.isatty():
        full = 30 * done // of
        print(f"\r[{'#' * full}{'.' * (30 - full)}] {done}/{of}  {text} ", end="\n" if done == of else "", file=sys.stderr, flush=True)
