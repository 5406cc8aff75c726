"""A recurrent network that learns to write: an LSTM over characters, trained in NumPy and fastact on Python's own documentation.

    pip install ".[examples]"
    python examples/characters.py

The text is the language reference that comes with Python (`pydoc_data.topics`), so nothing is downloaded. It prints the loss
in bits per character, a sample of what the network writes, and what a training step costs with fastact's gates and
cross-entropy against the expressions of a textbook. `Network.loss` is the part to read: forward through time, and back.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy loads its BLAS

import numpy as np  # noqa: E402
from _race import progress, race, table  # noqa: E402

import fastact as fa  # noqa: E402

STEPS, BATCH = 64, 32  # characters that gradients go back through, and rows side by side
RATE, CLIP = 3e-3, 1.0


def text() -> str:
    """The prose of the language reference that comes with this Python, a paragraph a line."""
    from pydoc_data.topics import topics

    paragraphs = (" ".join(p.split()) for name in sorted(topics) for p in topics[name].split("\n\n"))
    return "\n".join(p for p in paragraphs if p[:1].isupper() and p.isascii() and "|" not in p)


# ---- the functions that it needs, twice ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Functions:
    """The gates of an LSTM both ways, as `fastact.lstm_gates` has them, and the mean cross-entropy with its gradient."""

    gates: Callable[[Any, Any], tuple[Any, Any, Any]]
    gates_backward: Callable[[Any, Any, Any, Any, Any], tuple[Any, Any]]
    cross_entropy: Callable[[Any, Any], tuple[Any, Any]]


def _fused_cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    loss, gradient = fa.softmax_cross_entropy_value_and_grad(logits, labels, dy=1 / labels.size, out=logits)
    return loss.mean(), gradient


FASTACT = Functions(
    lambda gates, c: fa.lstm_gates(gates, c, out=(gates, None, None)),
    lambda dh, dc, gates, c, c_new: fa.lstm_gates_backward(dh, dc, gates=gates, c=c, c_new=c_new, out=(gates, None)),
    _fused_cross_entropy,
)


def _textbook_gates(gates: Any, c: Any) -> tuple[Any, Any, Any]:
    a_i, a_f, a_g, a_o = np.split(gates, 4, axis=-1)
    i, f, o = 1 / (1 + np.exp(-a_i)), 1 / (1 + np.exp(-a_f)), 1 / (1 + np.exp(-a_o))
    g = np.tanh(a_g)
    c_new = f * c + i * g
    return np.concatenate([i, f, g, o], axis=-1), o * np.tanh(c_new), c_new


def _textbook_gates_backward(dh: Any, dc: Any, gates: Any, c: Any, c_new: Any) -> tuple[Any, Any]:
    i, f, g, o = np.split(gates, 4, axis=-1)
    t = np.tanh(c_new)
    dc = dc + dh * o * (1 - t * t)
    parts = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)]
    return np.concatenate(parts, axis=-1), dc * f


def _textbook_cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    logits = logits - logits.max(axis=-1, keepdims=True)
    exps = np.exp(logits)
    sums = exps.sum(axis=-1, keepdims=True)
    at = (*np.indices(labels.shape, sparse=True), labels)
    loss = (np.log(sums[..., 0]) - logits[at]).mean()
    gradient = exps / sums
    gradient[at] -= 1
    return loss, gradient / labels.size


TEXTBOOK = Functions(_textbook_gates, _textbook_gates_backward, _textbook_cross_entropy)


# ---- the network ---------------------------------------------------------------------------------------------------------------


class Network:
    """Characters to an LSTM to the next character's logits."""

    def __init__(self, characters: int, units: int, rng: np.random.Generator, dtype: Any = np.float32) -> None:
        def glorot(*shape: int) -> Any:
            return fa.init.glorot_uniform(shape, rng=rng).astype(dtype)

        self.units = units
        self.weights: dict[str, Any] = {
            "W": glorot(characters, 4 * units),
            "U": glorot(units, 4 * units),
            "b": np.zeros(4 * units, dtype),
            "V": glorot(units, characters),
            "d": np.zeros(characters, dtype),
        }
        self.weights["b"][units : 2 * units] = 1  # the forget gate starts open

    def start(self, rows: int) -> tuple[Any, Any]:
        zeros = np.zeros((rows, self.units), self.weights["b"].dtype)
        return zeros, zeros

    def loss(self, inputs: Any, labels: Any, state: tuple[Any, Any], functions: Functions = FASTACT) -> tuple[Any, dict[str, Any], Any]:
        """Mean loss in nats of predicting labels (time, row) from inputs (time, row), its gradients, and the state after it."""
        w, (h, c) = self.weights, state
        saved_h, saved = [h], []
        for row in inputs:
            gates = h @ w["U"]
            gates += w["W"][row]
            gates += w["b"]
            gates, h, c_new = functions.gates(gates, c)
            saved.append((gates, c, c_new))
            saved_h.append(h)
            c = c_new
        hidden = np.stack(saved_h[1:])
        loss, dlogits = functions.cross_entropy(hidden @ w["V"] + w["d"], labels)

        flat = dlogits.reshape(-1, dlogits.shape[-1])
        gradients = {"V": hidden.reshape(-1, self.units).T @ flat, "d": flat.sum(axis=0)}
        dhidden = dlogits @ w["V"].T
        dh, dc = np.zeros_like(h), np.zeros_like(c)
        dgates: list[Any] = [None] * len(saved)
        for t in reversed(range(len(saved))):
            dgates[t], dc = functions.gates_backward(dhidden[t] + dh, dc, *saved[t])
            dh = dgates[t] @ w["U"].T
        along = np.concatenate(dgates)
        gradients["U"] = np.concatenate(saved_h[:-1]).T @ along
        gradients["b"] = along.sum(axis=0)
        chosen = np.zeros((along.shape[0], w["W"].shape[0]), along.dtype)
        chosen[np.arange(len(chosen)), inputs.reshape(-1)] = 1
        gradients["W"] = chosen.T @ along
        return loss, gradients, (h, c)

    def write(self, start: int, count: int, rng: np.random.Generator, temperature: float = 0.6) -> list[int]:
        """Characters drawn one after the other."""
        (h, c), written = self.start(1), [start]
        for _ in range(count):
            _, h, c = FASTACT.gates(h @ self.weights["U"] + self.weights["W"][written[-1:]] + self.weights["b"], c)
            shares = fa.softmax(h @ self.weights["V"] + self.weights["d"], temperature=temperature)[0].astype(np.float64)
            written.append(int(rng.choice(len(shares), p=shares / shares.sum())))
        return written


def batches(codes: Any, rng: np.random.Generator) -> Iterator[tuple[Any, Any, bool]]:
    """Inputs, labels and whether the text starts anew: BATCH rows that read on, each from a place of its own, for ever."""
    length = (len(codes) - 1) // BATCH
    while True:
        begin = (np.arange(BATCH) * length + rng.integers(length)) % (len(codes) - 1)
        for first in range(0, length - STEPS, STEPS):
            at = (begin + first + np.arange(STEPS + 1)[:, None]) % len(codes)
            yield codes[at[:-1]], codes[at[1:]], first == 0


class Adam:
    """Adam, with the gradient's norm clipped."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self.weights, self.step = weights, 0
        self.mean = {k: np.zeros_like(w) for k, w in weights.items()}
        self.square = {k: np.zeros_like(w) for k, w in weights.items()}

    def update(self, gradients: dict[str, Any], rate: float) -> None:
        self.step += 1
        norm = math.sqrt(sum(float((g * g).sum()) for g in gradients.values()))
        rate *= math.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        for k, g in gradients.items():
            g *= min(1.0, CLIP / norm)
            self.mean[k] += 0.1 * (g - self.mean[k])
            self.square[k] += 0.001 * (g * g - self.square[k])
            self.weights[k] -= rate * self.mean[k] / (np.sqrt(self.square[k]) + 1e-8)


def train(network: Network, codes: Any, steps: int, rng: np.random.Generator) -> list[float]:
    """The loss of each step, in bits per character."""
    adam, source, bits = Adam(network.weights), batches(codes, rng), []
    state = network.start(BATCH)
    for step in range(steps):
        inputs, labels, anew = next(source)
        if anew:
            state = network.start(BATCH)
        loss, gradients, state = network.loss(inputs, labels, state)
        adam.update(gradients, RATE * (1 - step / steps))
        bits.append(float(loss) / math.log(2))
        progress(step + 1, steps, f"{np.mean(bits[-20:]):.3f} bits per character")
    return bits


def check(functions: Functions = FASTACT) -> float:
    """The largest difference between gradients and central differences of the loss, relative to the largest gradient, in float64."""
    rng = np.random.default_rng(0)
    network = Network(7, 5, rng, np.float64)
    inputs, labels = rng.integers(7, size=(2, 6, 3))
    state = (rng.standard_normal((3, 5)), rng.standard_normal((3, 5)))
    _, gradients, _ = network.loss(inputs, labels, state, functions)
    worst, step = 0.0, 1e-5
    for name, weight in network.weights.items():
        for at in np.ndindex(weight.shape):
            kept, values = weight[at], []
            for moved in (kept + step, kept - step):
                weight[at] = moved
                values.append(network.loss(inputs, labels, state, functions)[0])
            weight[at] = kept
            difference = abs((values[0] - values[1]) / (2 * step) - gradients[name][at])
            worst = max(worst, difference / np.abs(gradients[name]).max())
    return float(worst)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1200, help=f"training steps of {BATCH} x {STEPS} characters (default: 1200)")
    parser.add_argument("--units", type=int, default=256, help="units of the LSTM (default: 256)")
    parser.add_argument("--rounds", type=int, default=11, help="turns when times are taken (default: 11)")
    arguments = parser.parse_args()

    print(f"gradients: within {check():.1e} of central differences")
    whole = text()
    characters = sorted(set(whole))
    codes = np.searchsorted(np.array(characters), np.array(list(whole)))
    kept = len(codes) * 19 // 20
    rng = np.random.default_rng(0)
    network = Network(len(characters), arguments.units, rng)
    print(f"{len(whole)} characters of {len(characters)} kinds, {sum(w.size for w in network.weights.values())} weights")
    bits = train(network, codes[:kept], arguments.steps, rng)
    held = codes[kept : kept + (len(codes) - kept - 1) // 32 * 32 + 1]
    inputs, labels = held[:-1].reshape(32, -1).T, held[1:].reshape(32, -1).T
    loss, _, _ = network.loss(inputs, labels, network.start(32))
    ends = f"{bits[0]:.3f} at first, {np.mean(bits[-20:]):.3f} at the end"
    print(f"bits per character: {ends}, {float(loss) / math.log(2):.3f} on held-out text")
    print("\n" + "".join(characters[k] for k in network.write(characters.index("T"), 400, rng)) + "\n")

    inputs, labels, _ = next(batches(codes, rng))
    gates = rng.standard_normal((BATCH, 4 * arguments.units), np.float32)
    c, dh = rng.standard_normal((2, BATCH, arguments.units), np.float32)
    logits = rng.standard_normal((STEPS, BATCH, len(characters)), np.float32)
    parts: dict[str, Callable[[Functions], Any]] = {
        "a training step": lambda f: network.loss(inputs, labels, network.start(BATCH), f),
        "gates, both ways": lambda f: f.gates_backward(dh, c, *(lambda made: (made[0], c, made[2]))(f.gates(gates.copy(), c))),
        "cross-entropy with gradient": lambda f: f.cross_entropy(logits.copy(), labels),
    }
    rows = []
    for title, part in parts.items():
        found = race({"textbook": lambda p=part: p(TEXTBOOK), "fastact": lambda p=part: p(FASTACT)}, arguments.rounds)
        rows.append([title, *(f"{1e3 * t:.3f}" for t in found.values()), f"{found['textbook'] / found['fastact']:.2f}"])
    print(table(["one thread", "textbook expressions, ms", "fastact, ms", "times as fast"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
