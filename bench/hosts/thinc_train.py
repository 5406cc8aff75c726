"""thinc and spaCy: training steps with NumpyOps and with FastactOps. python bench/hosts/thinc_train.py [--spacy]"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from _race import header

warnings.simplefilter("ignore")
from thinc.api import Adam, ClippedLinear, Gelu, Mish, Softmax, Swish, chain, fix_random_seed, use_ops  # noqa: E402

import fastact.adapters.thinc  # noqa: E402, F401  (registers the ops where fastact is not installed)


def compare(title: str, prepare: Callable[[], Callable[[], Any]], rounds: int = 4) -> None:
    """A model of each ops, trained in turns."""
    steps = {}
    for ops in ("numpy", "fastact"):
        with use_ops(ops):
            fix_random_seed(0)
            steps[ops] = prepare()
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for ops, step in steps.items():
            with use_ops(ops):
                start = time.perf_counter()
                step()
                best[ops] = min(best[ops], time.perf_counter() - start)
    print(f"| {title} | {best['numpy']:.3f} | {best['fastact']:.3f} | {best['numpy'] / best['fastact']:.2f} |", flush=True)


def network(layer: Any) -> Callable[[], Callable[[], Any]]:
    """Two hidden layers of 256 on 2 000 rows of 64 numbers, batches of 200: one epoch a step."""

    def prepare() -> Callable[[], Any]:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((2000, 64)).astype("f4")
        Y = np.eye(10, dtype="f4")[rng.integers(0, 10, 2000)]
        model = chain(layer(256, 64), layer(256, 256), Softmax(10, 256))
        model.initialize(X=X[:5], Y=Y[:5])
        optimizer = Adam(0.001)

        def step() -> None:
            for i in range(0, 2000, 200):
                guess, backprop = model.begin_update(X[i : i + 200])
                backprop((guess - Y[i : i + 200]) / 200)
                model.finish_update(optimizer)

        return step

    return prepare


def text_classifier() -> Callable[[], Any]:
    """spaCy's textcat over a Mish window encoder, 200 made-up texts of 40 words: one update a step."""
    import spacy
    from spacy.training import Example

    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(500)]
    nlp = spacy.blank("en")
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 96, "attrs": ["ORTH"], "rows": [2000], "include_static_vectors": False}
    encode = {"@architectures": "spacy.MishWindowEncoder.v2", "width": 96, "depth": 4, "window_size": 1}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    reduce = {f"use_reduce_{how}": how == "mean" for how in ("first", "last", "max", "mean")}
    model = {"@architectures": "spacy.TextCatReduce.v1", "exclusive_classes": True, "tok2vec": tok2vec, **reduce}
    pipe = nlp.add_pipe("textcat", config={"model": model})
    for label in ("A", "B"):
        pipe.add_label(label)
    examples = []
    for i in range(200):
        chosen = rng.choice(words[:300] if i % 2 else words[200:], 40)
        examples.append(Example.from_dict(nlp.make_doc(" ".join(chosen)), {"cats": {"A": i % 2 == 0, "B": i % 2 == 1}}))
    optimizer = nlp.initialize(lambda: examples)
    return lambda: nlp.update(examples, sgd=optimizer)


def main() -> int:
    """Print a row for each model."""
    header("thinc: one epoch of 2 000 rows, hidden layers of 256")
    for name, layer in (("Mish", Mish), ("Gelu", Gelu), ("Swish", Swish), ("ClippedLinear", ClippedLinear)):
        compare(name, network(layer))
    if "--spacy" in sys.argv[1:]:
        compare("spaCy text classifier, Mish encoder, one update of 200 texts", text_classifier)
    return 0


if __name__ == "__main__":
    sys.exit(main())
