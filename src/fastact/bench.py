"""``python -m fastact bench``: a short race against the NumPy expression of `fastact.reference`, and against SciPy and PyTorch.

For a look at one's own machine. The race of record, with more peers, sizes and measured errors, is ``bench/peers.py`` of the
source tree.
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastact as fa
from fastact import demo
from fastact._registry import Record

#: Length of the rows that functions over an axis get.
ROW = 1_000
PEERS = ("NumPy", "SciPy", "PyTorch")


@dataclass(frozen=True)
class Timing:
    """One row of the race: ns per element of each contestant, the shortest of all rounds."""

    function: str
    dtype: str
    size: int
    fastact: float
    peers: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "function": self.function,
            "dtype": self.dtype,
            "size": self.size,
            "fastact_ns": round(self.fastact, 4),
            "peers_ns": {name: round(ns, 4) for name, ns in self.peers.items()},
        }


def _contestants(activation: fa.Activation, gradient: bool, x: Any) -> dict[str, Callable[[], Any]]:
    """Everyone's call on the same operands; a TypeError if the function takes others."""
    elementwise = isinstance(activation.record, Record)
    parameters: dict[str, Any] = {
        p.name: p.samples[0] if p.default is None else p.default for p in getattr(activation.record, "parameters", ())
    }
    saved = {} if elementwise or "gate" not in inspect.signature(activation.forward).parameters else {"gate": x[::-1].copy()}
    y = np.asarray(activation(x, **saved, **parameters))
    reference = getattr(fa.reference, f"{activation.name}_backward" if gradient else activation.name, None)
    runs: dict[str, Callable[[], Any]] = {}
    if gradient:
        dy = np.ones_like(y)
        by = "y" if activation.saves == "y" and not saved else "x"
        operand = {"x": x, "y": y}[by]
        into = np.empty_like(x)
        put = {} if saved else {"out": into}
        runs["fastact"] = lambda: activation.backward(dy, **{by: operand}, **saved, **parameters, **put)
        if elementwise and by == "y":
            reference = getattr(fa.reference, f"{activation.name}_backward_y", reference)
        if reference is not None:
            shaped = dy if dy.ndim == operand.ndim else dy[..., None]
            runs["NumPy"] = lambda: reference(shaped, operand, **parameters)
        return runs
    out = np.empty_like(y)
    runs["fastact"] = lambda: activation(x, **saved, **parameters, out=out)
    if reference is not None:
        runs["NumPy"] = lambda: reference(x, **parameters)
    if not parameters and not saved:
        found = next(filter(None, map(_scipy, (activation.name, *activation.aliases))), None)
        if found is not None:
            along = {} if elementwise else {"axis": -1}
            runs["SciPy"] = lambda: found(x, **along)
    torch = _torch()
    function = demo.torch_function(torch, activation, parameters) if torch is not None and elementwise and x.dtype != np.float16 else None
    if function is not None:
        tensor = torch.from_numpy(x)
        runs["PyTorch"] = lambda: function(tensor)
    return runs


def _scipy(name: str) -> Any:
    try:
        return getattr(importlib.import_module("scipy.special"), name, None)
    except ImportError:
        return None


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    return torch


def race(name: str, gradient: bool = False, dtype: str = "float32", size: int = 1 << 18, rounds: int = 7) -> Timing | None:
    """Time one function, or its gradient; all contestants take turns.

    Parameters
    ----------
    name : str
        A name or alias.
    gradient : bool, default False
        Time the gradient, from the output where that will do.
    dtype : str, default "float32"
        Type of the operands.
    size : int, default 262144
        How many numbers.
    rounds : int, default 7
        How often each takes its turn; the shortest counts.

    Returns
    -------
    timing : Timing or None
        None if the function needs operands of another kind.
    """
    activation = fa.get(name)
    x = np.random.default_rng(0).normal(scale=3, size=size).astype(dtype)
    if getattr(activation.record, "held_by", None):
        x = np.random.default_rng(0).uniform(0.01, 0.99, size).astype(dtype)
    if not isinstance(activation.record, Record):
        length = min(ROW, size)
        x = x[: size // length * length].reshape(-1, length)
    with np.errstate(all="ignore"), fa.num_threads(1):
        try:
            runs = _contestants(activation, gradient, x)
            best = {who: np.inf for who in runs}
            for call in runs.values():  # the first call pays for memory
                call()
        except TypeError:
            return None
        repeats = {who: 1 for who in runs}
        for turn in range(rounds + 1):
            for who, call in runs.items():
                start = time.perf_counter()
                for _ in range(repeats[who]):
                    call()
                spent = (time.perf_counter() - start) / repeats[who]
                if turn == 0:  # so many calls to a turn that the clock's steps do not count
                    repeats[who] = max(1, int(2e-3 / spent))
                else:
                    best[who] = min(best[who], spent)
    ns = {who: 1e9 * seconds / x.size for who, seconds in best.items()}
    return Timing(activation.name + ("_backward" if gradient else ""), dtype, x.size, ns.pop("fastact"), ns)


def table(timings: Iterable[Timing]) -> str:
    """The timings as text."""
    timings = list(timings)
    width = max([8, *(len(t.function) for t in timings)])
    lines = [f"{'':<{width}} {'fastact':>9}" + "".join(f"{p:>18}" for p in PEERS)]
    for t in timings:
        cells = [f"{t.peers[p]:9.3f} ({t.peers[p] / t.fastact:5.1f}x)" if p in t.peers else "-" for p in PEERS]
        lines.append(f"{t.function:<{width}} {t.fastact:9.3f}" + "".join(f"{c:>18}" for c in cells))
    ratios = [t.peers["NumPy"] / t.fastact for t in timings if "NumPy" in t.peers]
    if ratios:
        mean = float(np.exp(np.mean(np.log(ratios))))
        lines.append(f"\nns per element. The NumPy expressions take {mean:.1f} times as long in the geometric mean.")
    return "\n".join(lines)
