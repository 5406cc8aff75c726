"""A host's job as it is and with fastact, in turns: the shortest of a few runs of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def race(
    title: str, job: Callable[[], Any], inside: Callable[[], AbstractContextManager[Any]], rounds: int = 3, plain: bool = True
) -> None:
    """Print one row: title, seconds as it is, seconds with fastact, the quotient; without `plain` the host cannot do the job alone."""
    best: dict[bool, float] = {}
    for _ in range(rounds):
        for ours in (False, True) if plain else (True,):
            with inside() if ours else nullcontext():
                start = time.perf_counter()
                job()
                best[ours] = min(best.get(ours, float("inf")), time.perf_counter() - start)
    host = f"{best[False]:.3f}" if plain else "-"
    gain = f"{best[False] / best[True]:.2f}" if plain else "-"
    print(f"| {title} | {host} | {best[True]:.3f} | {gain} |", flush=True)


def header(what: str) -> None:
    print(f"| {what} | as it is, s | with fastact, s | times as fast |\n| --- | --- | --- | --- |", flush=True)
