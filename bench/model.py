"""The share of a model's time that its activations take: as NumPy and SciPy expressions, with fastact, and in PyTorch.

    python bench/model.py
    python bench/model.py --models block --batches 1 8 --rounds 5 --markdown FILE

mlp       the demo's network (64, 128, 128, 10), GELU, log-softmax: one inference, and one training step without its update
block     a transformer block, 384 wide, 6 heads, on sequences of 128: layer norm, attention with a causal mask in its softmax,
          layer norm, an MLP of 1536 GELU units; one inference

Each library runs the same code; only the activations differ, and PyTorch's own products and layer norms. Time in activations
is taken around each call, so it holds the library's call overhead. One thread (`--threads`). What NumPy multiplies matrices
with decides the rest, so it is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

SIZES = (64, 128, 128, 10)
WIDTH, HEADS, TOKENS, HIDDEN = 384, 6, 128, 1536
BATCHES = {"mlp": (1, 64, 4096), "block": (1, 32)}
EXPRESSIONS = "NumPy/SciPy"


@dataclass
class Library:
    """One library's activations, and the little else in which arrays and tensors differ."""

    name: str
    array: Callable[[Any], Any]
    gelu: Callable[[Any], Any]                          # for inference: may overwrite its operand
    gelu_kept: Callable[[Any], Any]                     # for training: must not
    gelu_backward: Callable[[Any, Any], Any]            # of dy and x
    masked_softmax: Callable[[Any, Any], Any]           # of scores and the mask of what is seen; may overwrite scores
    log_softmax: Callable[[Any], Any]
    log_softmax_backward: Callable[[Any, Any], Any]     # of dy and y
    layer_norm: Callable[[Any], Any]
    context: Callable[[], Any] = contextlib.nullcontext
    spent: list[float] = field(default_factory=lambda: [0.0])

    def timed(self, name: str, *arguments: Any) -> Any:
        """Call an activation, and add its time to `spent`."""
        f = getattr(self, name)
        start = time.perf_counter()
        result = f(*arguments)
        self.spent[0] += time.perf_counter() - start
        return result


def with_fastact(np: Any) -> Library:
    import fastact as fa

    return Library(
        "fastact",
        lambda a: a,
        gelu=lambda x: fa.gelu(x, out=x),
        gelu_kept=lambda x: fa.gelu(x),
        gelu_backward=lambda dy, x: fa.gelu_backward(dy, x=x, out=dy),
        masked_softmax=lambda x, mask: fa.softmax(x, where=mask, out=x),
        log_softmax=lambda x: fa.log_softmax(x, out=x),
        log_softmax_backward=lambda dy, y: fa.log_softmax_backward(dy, y=y, out=dy),
        layer_norm=lambda x: numpy_layer_norm(np, x),
    )


def with_expressions(np: Any) -> Library:
    from scipy import special

    half, over = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
    return Library(
        EXPRESSIONS,
        lambda a: a,
        gelu=lambda x: 0.5 * x * (1 + special.erf(x * half)),
        gelu_kept=lambda x: 0.5 * x * (1 + special.erf(x * half)),
        gelu_backward=lambda dy, x: dy * (0.5 * (1 + special.erf(x * half)) + x * over * np.exp(-0.5 * x * x)),
        masked_softmax=lambda x, mask: special.softmax(np.where(mask, x, np.float32(-np.inf)), axis=-1),
        log_softmax=lambda x: special.log_softmax(x, axis=-1),
        log_softmax_backward=lambda dy, y: dy - np.exp(y) * dy.sum(axis=-1, keepdims=True),
        layer_norm=lambda x: numpy_layer_norm(np, x),
    )


def with_torch(threads: int) -> Library:
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    aten: Any = torch.ops.aten
    return Library(
        "PyTorch",
        torch.from_numpy,
        gelu=functional.gelu,
        gelu_kept=functional.gelu,
        gelu_backward=aten.gelu_backward,
        masked_softmax=lambda x, mask: functional.softmax(x.masked_fill_(~mask, -math.inf), dim=-1),
        log_softmax=lambda x: functional.log_softmax(x, dim=-1),
        log_softmax_backward=lambda dy, y: aten._log_softmax_backward_data(dy, y, -1, dy.dtype),
        layer_norm=lambda x: functional.layer_norm(x, (x.shape[-1],)),
        context=torch.inference_mode,
    )


def numpy_layer_norm(np: Any, x: Any) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.einsum("...i,...i->...", centred, centred)[..., None] / np.float32(x.shape[-1])
    centred /= np.sqrt(variance + np.float32(1e-5))
    return centred


# ---- the models, in terms that NumPy and PyTorch share ------------------------------------------------------------


def mlp(np: Any, library: Library, batch: int) -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)

    def made(*shape: int, scale: float = 1.0) -> Any:
        return library.array(rng.standard_normal(shape, np.float32) * np.float32(scale))

    weights = [made(a, b, scale=a**-0.5) for a, b in pairwise(SIZES)]
    biases = [made(b, scale=0.1) for b in SIZES[1:]]
    x, labels = made(batch, SIZES[0]), library.array(np.eye(SIZES[-1], dtype=np.float32)[rng.integers(0, SIZES[-1], batch)])
    last = len(weights) - 1

    def inference() -> Any:
        a = x
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = a @ w
            z += b
            a = library.timed("gelu" if k < last else "log_softmax", z)
        return a

    def training() -> Any:
        inputs, kept, a = [], [], x
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            inputs.append(a)
            z = a @ w
            z += b
            kept.append(z)
            a = library.timed("gelu_kept" if k < last else "log_softmax", z)
        d = library.timed("log_softmax_backward", labels * (-1.0 / batch), a)
        gradients = []
        for k in range(last, -1, -1):
            gradients += [inputs[k].T @ d, d.sum(0)]
            if k:
                d = library.timed("gelu_backward", d @ weights[k].T, kept[k - 1])
        return gradients[0]

    return {"inference": inference, "training": training}


def block(np: Any, library: Library, batch: int) -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)

    def made(*shape: int) -> Any:
        return library.array(rng.standard_normal(shape, np.float32) * np.float32(shape[0] ** -0.5))

    x = library.array(rng.standard_normal((batch, TOKENS, WIDTH), np.float32))
    qkv, out, up, down = made(WIDTH, 3 * WIDTH), made(WIDTH, WIDTH), made(WIDTH, HIDDEN), made(HIDDEN, WIDTH)
    mask = library.array(np.tri(TOKENS, dtype=bool))
    scale = (WIDTH // HEADS) ** -0.5

    def inference() -> Any:
        parts = (library.layer_norm(x).reshape(-1, WIDTH) @ qkv).reshape(batch, TOKENS, 3, HEADS, WIDTH // HEADS)
        q, k, v = (parts[:, :, i].swapaxes(1, 2) for i in range(3))
        scores = q @ k.swapaxes(2, 3)
        scores *= scale
        seen = library.timed("masked_softmax", scores, mask) @ v
        y = x + (seen.swapaxes(1, 2).reshape(-1, WIDTH) @ out).reshape(x.shape)
        z = library.layer_norm(y).reshape(-1, WIDTH) @ up
        return y + (library.timed("gelu", z) @ down).reshape(x.shape)

    return {"inference": inference}


MODELS = {"mlp": mlp, "block": block}

# ---- timing -------------------------------------------------------------------------------------------------------


@dataclass
class Result:
    model: str
    batch: int
    pass_: str
    library: str
    total: float                                        # seconds
    activations: float


def agree(np: Any, outputs: dict[str, Any]) -> None:
    """The libraries compute the same model, or their times say nothing."""
    wanted = np.asarray(outputs[EXPRESSIONS])
    for name, output in outputs.items():
        error = float(np.abs(np.asarray(output) - wanted).max() / np.abs(wanted).max())
        if not error < 1e-4:
            raise SystemExit(f"{name} computes something else: off by {error:.1e} of the largest value")


def measure(np: Any, libraries: list[Library], model: str, batch: int, rounds: int) -> list[Result]:
    """The shortest pass of each library, and its share; the libraries take turns."""
    passes = {library.name: MODELS[model](np, library, batch) for library in libraries}
    results = []
    for name in passes[libraries[0].name]:
        outputs, calls = {}, {}
        for library in libraries:
            with library.context():
                outputs[library.name] = passes[library.name][name]()
                start = time.perf_counter()
                passes[library.name][name]()
                calls[library.name] = max(1, round(0.01 / (time.perf_counter() - start)))
        agree(np, outputs)
        times: dict[str, list[tuple[float, float]]] = {library.name: [] for library in libraries}
        for k in range(rounds):
            for library in libraries[k % len(libraries) :] + libraries[: k % len(libraries)]:
                f, n = passes[library.name][name], calls[library.name]
                with library.context():
                    f()
                    for _ in range(n):
                        library.spent[0] = 0.0
                        start = time.perf_counter()
                        f()
                        times[library.name].append((time.perf_counter() - start, library.spent[0]))
        for library in libraries:
            results.append(Result(model, batch, name, library.name, *min(times[library.name])))
    return results


def table(results: list[Result]) -> list[str]:
    lines = [["model", "batch", "pass", "library", "total, us", "activations, us", "share", "total, times as fast"]]
    before = {(r.model, r.batch, r.pass_): r.total for r in results if r.library == EXPRESSIONS}
    for r in results:
        numbers = [f"{r.total * 1e6:.1f}", f"{r.activations * 1e6:.1f}", f"{100 * r.activations / r.total:.1f} %"]
        faster = f"{before[r.model, r.batch, r.pass_] / r.total:.2f}"
        lines.append([r.model, str(r.batch), r.pass_, r.library, *numbers, faster])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * max(3, w) for w in widths])
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


def blas() -> str:
    """What multiplies matrices, if threadpoolctl is there to say."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "its own BLAS"
    found = [f"{p['internal_api']} {p['version']} ({p.get('architecture', '?')})" for p in threadpool_info() if p["user_api"] == "blas"]
    return ", ".join(found) or "no BLAS that threadpoolctl knows"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, metavar="N", help="default: 1 64 4096 of the mlp, 1 32 of the block")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-torch", action="store_true", help="without PyTorch")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    options = parser.parse_args()
    for name in ("rounds", "threads"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}: it takes 1 or more")
    if options.batches and min(options.batches) < 1:
        parser.error(f"--batches {min(options.batches)}: it takes 1 or more")
    return options


def main() -> None:
    options = parse()
    for variable in ("FASTACT", "OMP", "OPENBLAS", "MKL"):  # read when the libraries are imported
        os.environ[f"{variable}_NUM_THREADS"] = str(options.threads)
    import numpy as np

    import fastact as fa

    libraries = [with_expressions(np), with_fastact(np)]
    if not options.no_torch:
        try:
            libraries.append(with_torch(options.threads))
        except ImportError:
            print("PyTorch is not installed: left out")
    text = [f"fastact {fa.__version__} ({fa.ISA}), NumPy {np.__version__} with {blas()}; {options.threads} thread(s), float32.", ""]
    results = []
    for model in options.models:
        for batch in options.batches or BATCHES[model]:
            results += measure(np, libraries, model, batch, options.rounds)
    text += table(results)
    print("\n".join(text))
    if options.markdown:
        pathlib.Path(options.markdown).write_text("# Activations in models\n\n" + "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
