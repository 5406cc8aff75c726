"""Layers and recurrent gates against NumPy's expressions and torch's cells, on one thread.

    OPENBLAS_NUM_THREADS=1 python bench/layers.py [--rounds 9] [--only dense|fused|gates|monitor]

Rounds of the contestants of a row alternate; a time is the shortest round. The ratio is the best other time divided by
fastact's. float32, into memory allocated beforehand where the contestant can.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fastact as fa

try:
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
except ImportError:
    torch = None

DENSE = ((64, 64, 64), (256, 512, 512), (60_000, 16, 64), (16_384, 64, 256), (4096, 256, 1024), (4096, 784, 256), (2048, 1024, 1024))
GATES = ((1, 256), (32, 100), (64, 512), (256, 256))


def race(row: str, rounds: int, **contestants: Callable[[], Any]) -> None:
    """One line: the shortest time of each, in microseconds."""
    best = dict.fromkeys(contestants, float("inf"))
    for call in contestants.values():
        call()
    for _ in range(rounds):
        for name, call in contestants.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    others = [t for name, t in best.items() if name != "fastact"]
    times = ", ".join(f"{name} {t * 1e6:.1f}" for name, t in best.items())
    print(f"{row:34} {times} us" + (f", ratio {min(others) / best['fastact']:.2f}" if others else ""), flush=True)


def dense(rounds: int) -> None:
    """act(x @ W + b)."""
    rng = np.random.default_rng(0)
    for m, k, n in DENSE:
        x, W, b = rng.standard_normal((m, k), np.float32), fa.init.lecun_normal((k, n), rng=rng), rng.standard_normal(n, np.float32)
        out, dy = np.empty((m, n), np.float32), np.ones((m, n), np.float32)
        for name in ("relu", "tanh", "gelu"):
            act, slope = getattr(fa, name), getattr(fa, f"{name}_backward")

            def again(x=x, W=W, b=b, dy=dy, slope=slope):
                da = slope(dy, x=x @ W + b)
                return da @ W.T, x.T @ da, da.sum(axis=0)

            race(
                f"dense {m}x{k}x{n} {name}",
                rounds,
                fastact=lambda x=x, W=W, b=b, out=out, name=name: fa.dense(x, W, b, name, out=out),
                numpy=lambda x=x, W=W, b=b, act=act: act(x @ W + b),
            )
            if name != "tanh":
                race(
                    f"dense_backward {m}x{k}x{n} {name}",
                    rounds,
                    fastact=lambda x=x, W=W, b=b, dy=dy, name=name: fa.dense_backward(dy, x, W, b, name),
                    numpy=again,
                )


def fused(rounds: int) -> None:
    """act(x + b)."""
    rng = np.random.default_rng(0)
    for m, n in ((100, 100), (512, 512), (4096, 1024), (100_000, 16)):
        x, b = rng.standard_normal((m, n), np.float32), rng.standard_normal(n, np.float32)
        out = np.empty_like(x)
        for name in ("relu", "tanh", "gelu"):
            act = getattr(fa, name)
            race(
                f"fused {m}x{n} {name}",
                rounds,
                fastact=lambda x=x, b=b, out=out, name=name: fa.fused(name, x, b, out=out),
                numpy=lambda x=x, b=b, act=act: act(x + b),
                numpy_out=lambda x=x, b=b, out=out, act=act: act(np.add(x, b, out=out), out=out),
            )


def gates(rounds: int) -> None:
    """The cells' arithmetic behind the products."""
    rng = np.random.default_rng(0)
    for m, n in GATES:
        a, b = rng.standard_normal((2, m, 4 * n), np.float32)
        c = rng.standard_normal((m, n), np.float32)
        out = (np.empty_like(a), np.empty_like(c), np.empty_like(c))
        saved = fa.lstm_gates(a, c)
        contestants: dict[str, Callable[[], Any]] = {"fastact": lambda a=a, c=c, out=out: fa.lstm_gates(a, c, out=out)}
        if torch:
            ta, tc = torch.from_numpy(a), torch.from_numpy(c)

            def torch_lstm(ta=ta, tc=tc):
                i, f, g, o = ta.chunk(4, 1)
                new = f.sigmoid() * tc + i.sigmoid() * g.tanh()
                return o.sigmoid() * new.tanh(), new

            contestants["torch"] = torch_lstm
        race(f"lstm_gates {m}x{n}", 5 * rounds, **contestants)
        race(
            f"lstm_gates_backward {m}x{n}",
            5 * rounds,
            fastact=lambda c=c, saved=saved, out=out: fa.lstm_gates_backward(c, c, gates=saved[0], c=c, c_new=saved[2], out=out[:2]),
        )
        x, h = np.ascontiguousarray(a[:, : 3 * n]), np.ascontiguousarray(b[:, : 3 * n])
        into = (np.empty_like(x), np.empty_like(c))
        contestants = {"fastact": lambda x=x, h=h, c=c, into=into: fa.gru_gates(x, h, c, out=into)}
        if torch:
            tx, th = torch.from_numpy(x), torch.from_numpy(h)

            def torch_gru(tx=tx, th=th, tc=tc):
                (xr, xz, xn), (hr, hz, hn) = tx.chunk(3, 1), th.chunk(3, 1)
                z = (xz + hz).sigmoid()
                new = (xn + (xr + hr).sigmoid() * hn).tanh()
                return (tc - new) * z + new

            contestants["torch"] = torch_gru
        race(f"gru_gates {m}x{n}", 5 * rounds, **contestants)
        if torch:
            whole_cells(m, n, rounds)


def whole_cells(m: int, n: int, rounds: int) -> None:
    """torch's modules against products by NumPy and fastact's gates."""
    cell, gru = torch.nn.LSTMCell(n, n), torch.nn.GRUCell(n, n)
    x, h, c = (torch.randn(m, n) for _ in range(3))
    ax, ah, ac = (v.numpy() for v in (x, h, c))
    W, U, b = (v.numpy() for v in (cell.weight_ih.T.contiguous(), cell.weight_hh.T.contiguous(), cell.bias_ih + cell.bias_hh))
    gates_, more = np.empty((2, m, 4 * n), np.float32)

    def lstm():
        np.matmul(ax, W, out=gates_)
        np.add(gates_, np.matmul(ah, U, out=more), out=gates_)
        np.add(gates_, b, out=gates_)
        return fa.lstm_gates(gates_, ac, out=(gates_, None, None))

    race(f"LSTMCell {m}x{n}", rounds, fastact=lstm, torch=lambda: cell(x, (h, c)))
    Wg, Ug = gru.weight_ih.T.contiguous().numpy(), gru.weight_hh.T.contiguous().numpy()
    bx, bh = gru.bias_ih.numpy(), gru.bias_hh.numpy()

    def whole_gru():
        one, two = fa.dense(ax, Wg, bx), fa.dense(ah, Ug, bh)
        return fa.gru_gates(one, two, ah, out=(one, None))

    race(f"GRUCell {m}x{n}", rounds, fastact=whole_gru, torch=lambda: gru(x, h))


def monitor(rounds: int) -> None:
    """A batch watched, beside its forward pass."""
    x = np.random.default_rng(0).standard_normal((4096, 512), np.float32)
    y = fa.relu(x)
    watch = fa.monitor.ActivationMonitor("relu")
    race("monitor 4096x512", rounds, fastact=lambda: watch.update(y), numpy=lambda: _by_hand(y))


def _by_hand(y: Any) -> Any:
    wide = y.astype(np.float64)
    return (y == 0).sum(axis=0), wide.mean(axis=0), wide.std(axis=0), y.min(axis=0), y.max(axis=0), (np.abs(y > 0) < 1e-3).sum(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("dense", "fused", "gates", "monitor"))
    options = parser.parse_args()
    for part in (dense, fused, gates, monitor):
        if options.only in (None, part.__name__):
            part(options.rounds)


if __name__ == "__main__":
    main()
