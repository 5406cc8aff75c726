"""spaCy: which package of the standard library a docstring is from, learnt with NumpyOps and with FastactOps.

    python bench/hosts/spacy_text.py [--epochs N] [--seeds N]

Real text that every Python has: the docstrings in the sources of a few packages. A quarter is held out. Both sides start from the
same weights, see the same batches, and take turns epoch by epoch on one thread; an epoch's time is the shortest of its kind.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
warnings.simplefilter("ignore")

import spacy  # noqa: E402
from spacy.training import Example  # noqa: E402
from thinc.api import fix_random_seed, use_ops  # noqa: E402

import fastact.adapters.thinc  # noqa: E402, F401  (registers the ops where fastact is not installed)

PACKAGES = ("asyncio", "email", "importlib", "logging", "multiprocessing", "unittest")
WORDS = 60


def docstrings() -> list[tuple[str, str]]:
    """(text, package) of each docstring of eight words or more, its first WORDS words."""
    found = {}
    for package in PACKAGES:
        for path in sorted(Path(os.__file__).parent.joinpath(package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    words = (ast.get_docstring(node) or "").split()
                    if len(words) >= 8:
                        found.setdefault(" ".join(words[:WORDS]), package)
    return list(found.items())


def classifier() -> Any:
    """spaCy's textcat over a Mish window encoder."""
    nlp = spacy.blank("en")
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 96,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": [5000, 1000, 2500, 2500],
        "include_static_vectors": False,
    }
    encode = {"@architectures": "spacy.MishWindowEncoder.v2", "width": 96, "depth": 4, "window_size": 1}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    reduce = {f"use_reduce_{how}": how == "mean" for how in ("first", "last", "max", "mean")}
    model = {"@architectures": "spacy.TextCatReduce.v1", "exclusive_classes": True, "tok2vec": tok2vec, **reduce}
    pipe = nlp.add_pipe("textcat", config={"model": model})
    for label in PACKAGES:
        pipe.add_label(label)
    return nlp


class Side:
    """A classifier made and trained under one of thinc's ops."""

    def __init__(self, ops: str, seed: int, texts: list[tuple[str, str]]) -> None:
        self.ops, self.times = ops, []
        with use_ops(ops):
            fix_random_seed(seed)
            self.nlp = classifier()
            self.examples = [
                Example.from_dict(self.nlp.make_doc(text), {"cats": {label: label == package for label in PACKAGES}})
                for text, package in texts
            ]
            self.optimizer = self.nlp.initialize(lambda: self.examples)
            self.shuffled = random.Random(seed)

    def epoch(self) -> None:
        self.shuffled.shuffle(self.examples)
        with use_ops(self.ops):
            start = time.perf_counter()
            for first in range(0, len(self.examples), 64):
                self.nlp.update(self.examples[first : first + 64], sgd=self.optimizer)
            self.times.append(time.perf_counter() - start)

    def accuracy(self, texts: list[tuple[str, str]]) -> float:
        with use_ops(self.ops):
            docs = self.nlp.pipe(text for text, _ in texts)
            return sum(max(doc.cats, key=doc.cats.get) == package for doc, (_, package) in zip(docs, texts, strict=True)) / len(texts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    texts = docstrings()
    random.Random(0).shuffle(texts)
    held, kept = texts[: len(texts) // 4], texts[len(texts) // 4 :]
    share = max(sum(package == p for _, package in held) for p in PACKAGES) / len(held)
    print(f"{len(kept)} docstrings to learn from, {len(held)} held out; the largest class has {share:.2f} of these")
    accuracies: dict[str, list[float]] = {"numpy": [], "fastact": []}
    best = dict.fromkeys(accuracies, float("inf"))
    for seed in range(arguments.seeds):
        sides = [Side(ops, seed, kept) for ops in accuracies]
        for epoch in range(arguments.epochs):
            for side in sides[:: 1 if epoch % 2 else -1]:
                side.epoch()
        for side in sides:
            accuracies[side.ops].append(side.accuracy(held))
            best[side.ops] = min(best[side.ops], *side.times)
    print("| spaCy text classifier, Mish encoder | NumpyOps | FastactOps |\n| --- | --- | --- |")
    each = (", ".join(f"{a:.3f}" for a in found) for found in accuracies.values())
    print(f"| accuracy on held-out docstrings, seed by seed | {' | '.join(each)} |")
    print(f"| its mean | {' | '.join(f'{statistics.mean(found):.3f}' for found in accuracies.values())} |")
    print(f"| an epoch, s | {best['numpy']:.2f} | {best['fastact']:.2f} ({best['numpy'] / best['fastact']:.2f} times as fast) |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
