"""The demonstration: a multilayer perceptron on handwritten digits, once per hidden activation.

Plain NumPy does the linear algebra; every activation, the softmax and all their gradients are fastact's. `training_step`
is the part to read: a forward and a backward pass in some twenty lines.

Run it with ``python -m fastact demo``.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

import fastact as fa
from fastact._elsewhere import TORCH
from fastact._registry import ELEMENTWISE, Record

Array = npt.NDArray[np.float32]

#: Units per layer, from the 64 pixels to the ten digits.
SIZES = (64, 128, 128, 10)
BATCH = 32
HELD_OUT = 0.25
EPOCHS = 40
#: Turns that each library takes when epochs are timed.
TURNS = 7
RATE = 2e-3
DECAY = 0.05

#: What the demo imports beyond NumPy: module -> the distribution that brings it.
EXTRAS = {"sklearn": "scikit-learn", "scipy": "scipy", "matplotlib": "matplotlib"}


class DemoError(Exception):
    """The demo cannot run as asked; the message says why and what to do."""


# ---- the network: what a student should read -----------------------------------------------------------------------


@dataclass(frozen=True)
class Functions:
    """All that a training step asks of an activation library: one hidden activation and the softmax, both ways.

    Parameters
    ----------
    forward : callable
        Takes the pre-activations z and may overwrite them if the output is what is saved.
    backward : callable
        Takes the gradient of the activations and what was saved.
    saves : {"x", "y"}
        What `backward` wants saved: the pre-activations ("x") or the activations ("y").
    log_softmax, log_softmax_backward : callable
        Over the last axis; the backward form takes the saved output.
    """

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]
    saves: str
    log_softmax: Callable[[Array], Array]
    log_softmax_backward: Callable[[Array, Array], Array]


def with_fastact(activation: fa.Activation) -> Functions:
    """The functions from fastact, in place wherever the overwritten array is not needed again."""
    log_softmax = fa.get("log_softmax")
    if activation.saves == "y":
        # the gradient can be taken from the output: no second array, neither for z nor for dz
        return Functions(
            forward=lambda z: activation(z, out=z),
            backward=lambda da, a: activation.backward(da, y=a, out=da),
            saves="y",
            log_softmax=lambda z: log_softmax(z, out=z),
            log_softmax_backward=lambda dy, y: log_softmax.backward(dy, y=y),
        )
    return Functions(
        forward=activation,
        backward=lambda da, z: activation.backward(da, x=z, out=da),
        saves="x",
        log_softmax=lambda z: log_softmax(z, out=z),
        log_softmax_backward=lambda dy, y: log_softmax.backward(dy, y=y),
    )


class Network:
    """Weights, biases and their gradients: views into two flat arrays, so that the optimiser sees one vector.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, input and output included.
    gain : float
        Weights are drawn with standard deviation ``gain / sqrt(inputs)``; those of the last layer with gain 1.
    rng : numpy.random.Generator
        Where the weights come from.
    """

    def __init__(self, sizes: Sequence[int], gain: float, rng: np.random.Generator) -> None:
        shapes = list(pairwise(sizes))
        self.values = np.zeros(sum((n + 1) * m for n, m in shapes), np.float32)
        self.gradients = np.zeros_like(self.values)
        self.layers = list(self._views(self.values, shapes))
        self.layer_gradients = list(self._views(self.gradients, shapes))
        for k, (weight, _) in enumerate(self.layers):
            scale = (gain if k < len(shapes) - 1 else 1.0) / np.sqrt(weight.shape[0])
            weight[...] = rng.normal(scale=scale, size=weight.shape)

    @staticmethod
    def _views(flat: Array, shapes: Sequence[tuple[int, int]]) -> Iterator[tuple[Array, Array]]:
        start = 0
        for n, m in shapes:
            yield flat[start : start + n * m].reshape(n, m), flat[start + n * m : start + (n + 1) * m]
            start += (n + 1) * m


def forward_pass(network: Network, f: Functions, x: Array) -> tuple[Array, list[Array], list[Array]]:
    """The log-probabilities of the classes, each layer's input, and what each activation saved for its gradient."""
    inputs, saved = [x], []
    *hidden, (weight, bias) = network.layers
    for w, b in hidden:
        z = inputs[-1] @ w
        z += b
        a = f.forward(z)
        saved.append(a if f.saves == "y" else z)
        inputs.append(a)
    logits = inputs[-1] @ weight
    logits += bias
    return f.log_softmax(logits), inputs, saved


def training_step(network: Network, f: Functions, x: Array, labels: npt.NDArray[np.intp]) -> float:
    """One forward and one backward pass: the mean cross-entropy, with its gradients left in the network."""
    log_p, inputs, saved = forward_pass(network, f, x)
    rows = np.arange(len(x))
    loss = -float(log_p[rows, labels].mean())

    d = np.zeros_like(log_p)
    d[rows, labels] = np.float32(-1 / len(x))
    d = f.log_softmax_backward(d, log_p)  # which is (p - onehot) / n
    for k in reversed(range(len(network.layers))):
        weight_gradient, bias_gradient = network.layer_gradients[k]
        np.matmul(inputs[k].T, d, out=weight_gradient)
        np.sum(d, axis=0, out=bias_gradient)
        if k > 0:
            weight, _ = network.layers[k]
            d = f.backward(d @ weight.T, saved[k - 1])
    return loss


class Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), every operation in place."""

    def __init__(self, network: Network, rate: float = RATE, decay: float = DECAY) -> None:
        self.network, self.rate, self.decay = network, rate, decay
        self.mean, self.square, self.scratch = (np.zeros_like(network.values) for _ in range(3))
        self.steps = 0

    def step(self, share: float = 1.0) -> None:
        """Move the network's values by this share of the learning rate."""
        values, g, scratch, rate = self.network.values, self.network.gradients, self.scratch, self.rate * share
        self.steps += 1
        values *= 1 - rate * self.decay
        np.multiply(g, 0.1, out=scratch)
        self.mean *= 0.9
        self.mean += scratch
        np.multiply(g, g, out=scratch)
        scratch *= 0.001
        self.square *= 0.999
        self.square += scratch
        np.sqrt(self.square, out=scratch)
        scratch *= (1 - 0.999**self.steps) ** -0.5
        scratch += 1e-8
        np.divide(self.mean, scratch, out=scratch)
        scratch *= rate / (1 - 0.9**self.steps)
        values -= scratch


def gain(activation: Callable[..., Any], backward: Callable[..., Any]) -> float:
    """The initialisation gain that keeps the gradient's scale from layer to layer: ``E[f'(z)**2]**-0.5``, z normal.

    For the rectifier this is He's square root of 2. It is computed from the function itself, so every activation
    of the table has one.
    """
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    slope = backward(np.ones_like(z), x=z)
    moment = float(np.sum(weights * slope**2) / np.sum(weights))
    # a function whose slope is almost nowhere other than 0 would ask for weights without bound
    return moment**-0.5 if moment > 0.01 else 1.0


# ---- the same step with other libraries' functions -----------------------------------------------------------------


def _reference_functions() -> dict[str, Callable[..., Any]]:
    """The table's expressions as plain NumPy, with SciPy's own function wherever it has one under the same name."""
    special = importlib.import_module("scipy.special")

    def where(condition: Any, *branches: Any) -> Any:
        # a bare number in np.where would turn float32 into float64, which a careful author avoids
        return np.where(condition, *(np.float32(b) if isinstance(b, int | float) else b for b in branches))

    primitives = {**fa.reference.NUMPY, "where": where, "erfc": special.erfc}
    for record in ELEMENTWISE:
        for name in (record.name, *record.aliases):
            if not record.parameters and isinstance(getattr(special, name, None), np.ufunc):
                primitives[record.name] = getattr(special, name)
    return fa.reference.evaluate_with(primitives)


def with_expressions(activation: fa.Activation) -> Functions:
    """The usual NumPy and SciPy expressions: what is written where there is no library."""
    special = importlib.import_module("scipy.special")
    functions = _reference_functions()
    backward = f"{activation.name}_backward" + ("_y" if activation.saves == "y" else "")
    return Functions(
        forward=functions[activation.name],
        backward=functions[backward],
        saves=activation.saves,
        log_softmax=partial(special.log_softmax, axis=-1),
        log_softmax_backward=lambda dy, y: dy - np.exp(y) * np.sum(dy, axis=-1, keepdims=True),
    )


def torch_function(
    torch: Any, activation: fa.Activation, parameters: Mapping[str, float | None] | None = None
) -> Callable[[Any], Any] | None:
    """PyTorch's function with these parameters (by default those of the table), if it has one, also where it has another name for it."""
    parameters = activation.parameters if parameters is None else parameters
    tried: list[tuple[str, dict[str, Any]]] = []
    for spelling in TORCH:
        for value, own in spelling.choice[2].items() if spelling.choice else [(None, spelling.function)]:
            if own == activation.name and all(math.isclose(parameters.get(k) or 0.0, v) for k, v in spelling.fixed.items()):
                named = dict(parameters) if spelling.arguments is None else {a.name: parameters[a.parameter] for a in spelling.arguments}
                tried.append((spelling.name, named | ({spelling.choice[0]: value} if spelling.choice else {})))
    if not tried:
        tried = [(name, dict(parameters)) for name in (activation.name, *activation.aliases)]
    for name, named in tried:
        for module in (torch, torch.nn.functional):
            function = partial(getattr(module, name, _missing), **named)
            try:
                function(torch.zeros(1))
            except TypeError:
                continue
            return function
    return None


def _missing(*_: Any, **__: Any) -> Any:
    raise TypeError("PyTorch has no such function")


# ---- training ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """The digits, split: centred pixels in float32, and labels."""

    x: Array
    labels: npt.NDArray[np.intp]
    x_held: Array
    labels_held: npt.NDArray[np.intp]


def load(seed: int) -> Data:
    """The digits with a quarter of each class held out."""
    datasets = importlib.import_module("sklearn.datasets")
    selection = importlib.import_module("sklearn.model_selection")
    pixels, labels = datasets.load_digits(return_X_y=True)
    x, held, y, y_held = selection.train_test_split(
        pixels.astype(np.float32), labels, test_size=HELD_OUT, stratify=labels, random_state=seed
    )
    mean, scale = x.mean(axis=0), x.std()
    return Data((x - mean) / scale, y, (held - mean) / scale, y_held)


class NumpyTrainer:
    """Trains one network in NumPy with one library's functions."""

    def __init__(self, functions: Functions, gain: float, data: Data, seed: int) -> None:
        self.functions, self.data = functions, data
        self.rng = np.random.default_rng(seed)
        self.network = Network(SIZES, gain, self.rng)
        self.optimiser = Adam(self.network)

    def epoch(self, share: float = 1.0) -> float:
        """Train on every image once, in random order; the mean loss."""
        x, labels = self.data.x, self.data.labels
        order = self.rng.permutation(len(x))
        total = 0.0
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]
            total += len(batch) * training_step(self.network, self.functions, x[batch], labels[batch])
            self.optimiser.step(share)
        return total / len(x)

    def held_out(self) -> tuple[float, float]:
        """Loss and accuracy on the images not trained on."""
        log_p, _, _ = forward_pass(self.network, self.functions, self.data.x_held)
        labels = self.data.labels_held
        loss = -float(log_p[np.arange(len(labels)), labels].mean())
        return loss, float(np.mean(log_p.argmax(axis=-1) == labels))

    def dead_units(self) -> float:
        """Fraction of the hidden units whose gradient is 0 for every training image, so that they cannot learn."""
        _, _, saved = forward_pass(self.network, self.functions, self.data.x)
        dead = [np.all(self.functions.backward(np.ones_like(s), s) == 0, axis=0) for s in saved]
        return float(np.mean(np.concatenate(dead)))


class TorchTrainer:
    """Trains the same network the way it is usually written in PyTorch: modules, autograd, AdamW."""

    def __init__(self, torch: Any, function: Callable[[Any], Any], gain: float, data: Data, seed: int) -> None:
        self.torch, self.function = torch, function
        self.rng = np.random.default_rng(seed)
        self.x, self.labels = torch.from_numpy(data.x), torch.from_numpy(data.labels)
        self.layers = []
        for weight, bias in Network(SIZES, gain, self.rng).layers:
            layer = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias))
            self.layers.append(layer)
        parameters = [p for layer in self.layers for p in layer.parameters()]
        try:
            self.optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY, fused=True)
        except RuntimeError:  # an older PyTorch has no fused form on the CPU
            self.optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)

    def epoch(self) -> float:
        """Train on every image once, in random order; the mean loss."""
        functional = self.torch.nn.functional
        order = self.torch.from_numpy(self.rng.permutation(len(self.x)))
        total = 0.0
        for batch in order.split(BATCH):
            h = self.x[batch]
            for layer in self.layers[:-1]:
                h = self.function(layer(h))
            loss = functional.cross_entropy(self.layers[-1](h), self.labels[batch])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += len(batch) * loss.item()
        return total / len(self.x)


@dataclass
class Result:
    """What one activation did: final accuracy and dead units, the curves, the seconds per epoch of each library."""

    name: str
    accuracy: float
    dead: float
    train_loss: list[float]
    held_loss: list[float]
    seconds: dict[str, float | None]


def train(activation: fa.Activation, data: Data, epochs: int, turns: int, seed: int, torch: Any, tick: Callable[[], None]) -> Result:
    """Train one network with fastact to the end, then time all libraries over a few epochs, taking turns."""
    scale = gain(activation, activation.backward)
    trainer = NumpyTrainer(with_fastact(activation), scale, data, seed)
    train_loss, held_loss, accuracy = [], [], 0.0
    for epoch in range(epochs):
        # the learning rate falls to 0 along a half cosine
        train_loss.append(trainer.epoch(0.5 + 0.5 * float(np.cos(np.pi * epoch / epochs))))
        loss, accuracy = trainer.held_out()
        held_loss.append(loss)
        tick()

    racers: dict[str, NumpyTrainer | TorchTrainer] = {
        "fastact": NumpyTrainer(with_fastact(activation), scale, data, seed),
        "NumPy/SciPy": NumpyTrainer(with_expressions(activation), scale, data, seed),
    }
    function = torch_function(torch, activation) if torch is not None else None
    if function is not None:
        racers["PyTorch"] = TorchTrainer(torch, function, scale, data, seed)
    times: dict[str, list[float]] = {name: [] for name in racers}
    for _ in range(turns):
        for name, racer in racers.items():
            start = time.perf_counter()
            racer.epoch()
            times[name].append(time.perf_counter() - start)
        tick()
    seconds: dict[str, float | None] = {name: min(t) for name, t in times.items()}
    return Result(activation.name, accuracy, trainer.dead_units(), train_loss, held_loss, seconds)


# ---- what the user sees --------------------------------------------------------------------------------------------


class Progress:
    """A progress bar on a terminal; nothing anywhere else.

    Parameters
    ----------
    total : int
        Number of ticks to the end.
    stream : file
        Where to draw.
    """

    WIDTH = 30

    def __init__(self, total: int, stream: TextIO) -> None:
        self.total, self.stream, self.done, self.label = total, stream, 0, ""
        self.start = time.monotonic()
        self.shown = stream.isatty()

    def tick(self) -> None:
        """One more is done."""
        self.done += 1
        if self.shown:
            bar = "#" * (self.WIDTH * self.done // self.total)
            elapsed = time.monotonic() - self.start
            left = elapsed / self.done * (self.total - self.done)
            self.stream.write(f"\r\x1b[K{self.label:<12} [{bar:.<{self.WIDTH}}] {100 * self.done // self.total:3d} %, {left:.0f} s left")
            self.stream.flush()

    def reach(self, share: float) -> None:
        """So much is done."""
        while self.done < int(share * self.total):
            self.tick()

    def clear(self) -> None:
        """Take the bar away, so that a line can be printed."""
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


LIBRARIES = ("fastact", "NumPy/SciPy", "PyTorch")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _row(result: Result, libraries: Sequence[str]) -> str:
    cells = [f"{result.name:<14}", f"{100 * result.accuracy:7.1f} %"]
    for library in libraries:
        seconds = result.seconds.get(library)
        cells.append(f"{'-' if seconds is None else f'{seconds:.4f}':>12}")
    cells.append(f"{100 * result.dead:7.1f} %")
    return " ".join(cells)


def _header(libraries: Sequence[str]) -> str:
    group = f"{' seconds per epoch ':-^{13 * len(libraries) - 3}}"
    first = f"{'':<14} {'held-out':>9}   {group} {'dead':>9}"
    second = f"{'activation':<14} {'accuracy':>9} " + " ".join(f"{name:>12}" for name in libraries) + f" {'units':>9}"
    return f"{first}\n{second}"


def draw(results: Sequence[Result], path: Path) -> None:
    """Save the learning curves: one panel per activation, all on the same axes.

    Parameters
    ----------
    results : sequence of Result
        What was trained.
    path : Path
        The picture's file; its ending chooses the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter, MaxNLocator

    class Plain(LogFormatter):
        """0.01 rather than 1e-02; as silent about minor ticks as matplotlib's own."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    columns = min(5, len(results))
    rows = -(-len(results) // columns)
    figure = Figure(figsize=(max(2.6 * columns, 5.2), 2.5 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    train_colour, held_colour, grey = "#e08214", "#2166ac", "#d0d0d0"
    marker = "o" if len(results[0].held_loss) == 1 else None  # a line through one point cannot be seen
    for axis, result in zip(axes.flat, results, strict=False):
        epochs = np.arange(1, len(result.held_loss) + 1)
        for other in results:
            axis.plot(epochs, other.held_loss, color=grey, linewidth=0.8)
        axis.plot(epochs, result.train_loss, color=train_colour, linewidth=1.8, marker=marker)
        axis.plot(epochs, result.held_loss, color=held_colour, linewidth=1.8, marker=marker)
        axis.set_yscale("log")
        axis.set_title(f"{result.name}  {100 * result.accuracy:.1f} %", fontsize=11)
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.yaxis.set_major_formatter(Plain())
        axis.yaxis.set_minor_formatter(Plain())
        axis.tick_params(labelsize=9)
    for axis in axes.flat[len(results) :]:
        axis.set_visible(False)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("cross-entropy", fontsize=10)
    parts = ["Handwritten digits, one network per hidden activation", "held-out accuracy in the titles; grey: the other networks"]
    figure.suptitle(("; " if columns > 3 else "\n").join(parts if len(results) > 1 else parts[:1]), fontsize=12)

    first, result = axes.flat[0], results[0]
    middle = len(result.held_loss) // 2
    highest = max(other.held_loss[middle] for other in results)
    lower = result.train_loss[middle]
    below = lower > highest / 4  # no room between the curves
    for text, height, colour, down in (("held-out", highest, held_colour, False), ("training", lower, train_colour, below)):
        if np.isfinite(height):
            place = {"xytext": (2, -10), "va": "top", "ha": "right"} if down else {"xytext": (2, 6), "va": "bottom", "ha": "left"}
            first.annotate(text, (middle + 1, height), textcoords="offset points", color=colour, fontsize=10, **place)
    figure.savefig(path, dpi=150)


def _chosen(names: Sequence[str] | None) -> list[fa.Activation]:
    """The activations asked for, or the table's usual choices for hidden layers."""
    if names is None:
        return [fa.get(r.name) for r in ELEMENTWISE if r.hidden]
    chosen: list[fa.Activation] = []
    for name in names:
        try:
            activation = fa.get(name)
        except ValueError as error:
            raise DemoError(f"--activations: {str(error).removeprefix('name: ')}") from None
        if not isinstance(activation.record, Record):
            raise DemoError(f"--activations: {name} works along an axis; a hidden layer here takes an element-by-element function")
        if activation.record.held_by:
            raise DemoError(f"--activations: {name} has no value outside [0, 1], so a hidden layer cannot take it")
        needed = [p for p, default in activation.parameters.items() if default is None]
        if needed:
            raise DemoError(f"--activations: {name} has no default for its {' and '.join(needed)}, so the demo cannot train with it")
        if activation not in chosen:
            chosen.append(activation)
    return chosen


def _check_extras() -> None:
    missing = [name for module, name in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        listed = ", ".join(missing[:-1]) + " and " + missing[-1] if len(missing) > 1 else missing[0]
        raise DemoError(
            f"The demo needs {listed}, which {'are' if len(missing) > 1 else 'is'} not installed. "
            f"This installs all that it uses: pip install {' '.join(EXTRAS.values())}"
        )


def _check_picture(path: Path) -> None:
    """Refuse now what could not be saved after the training."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    if path.suffix.removeprefix(".").lower() not in known:
        raise DemoError(f"--picture: {str(path)!r} must end in one of {', '.join('.' + k for k in known)}")
    if not path.parent.is_dir():
        raise DemoError(f"--picture: there is no directory {str(path.parent)!r}")
    if path.is_dir():
        raise DemoError(f"--picture: {str(path)!r} is a directory")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DemoError(f"--picture: {str(path)!r} cannot be written")


def _import_torch() -> Any:
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError):  # not installed, or a library that it needs is not
        return None
    torch.set_num_threads(1)
    return torch


def run(
    activations: Sequence[str] | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    picture: str | Path = "fastact-demo.png",
    turns: int = TURNS,
) -> list[Result]:
    """Train, print the table, save the picture.

    Parameters
    ----------
    activations : sequence of str, optional
        Names or aliases of the table; by default its usual choices for hidden layers.
    epochs : int
        How often each network sees every training image.
    seed : int
        For the split, the weights and the order of the images.
    picture : str or Path
        Where the learning curves go.
    turns : int
        Timed epochs per library.

    Returns
    -------
    results : list of Result
        One per activation.

    Raises
    ------
    DemoError
        If a package is missing or an argument cannot be used; raised before anything is trained.
    """
    _check_extras()
    path = Path(picture)
    _check_picture(path)
    chosen = _chosen(activations)
    torch = _import_torch()
    libraries = LIBRARIES if torch is not None else LIBRARIES[:2]
    data = load(seed)

    started = time.monotonic()
    print(
        f"{len(data.x) + len(data.x_held):,} handwritten digits: {len(data.x):,} to train on, {len(data.x_held)} held out. "
        f"Network {'-'.join(map(str, SIZES))},\n"
        f"{_count(epochs, 'epoch')} in batches of {BATCH}, float32, one thread. fastact {fa.__version__} ({fa.ISA}), NumPy {np.__version__}"
        + (f", PyTorch {torch.__version__}.\n" if torch is not None else ".\n")
    )
    print(_header(libraries), flush=True)
    progress = Progress(len(chosen) * (epochs + turns), sys.stderr)
    results = []
    # one thread for everyone: matrices this small gain nothing from more, and timings would depend on the neighbours
    limits = importlib.import_module("threadpoolctl").threadpool_limits
    try:
        with limits(limits=1), np.errstate(all="ignore"):
            for activation in chosen:
                progress.label = activation.name
                results.append(train(activation, data, epochs, turns, seed, torch, progress.tick))
                progress.clear()
                print(_row(results[-1], libraries), flush=True)
    finally:
        progress.clear()

    turn = _count(turns, "epoch")
    print(
        f"\nSeconds per epoch: the best of {turn}, the libraries taking turns. fastact and NumPy/SciPy differ in nothing but\n"
        "the activations, the softmax and their gradients. "
        + ("PyTorch: the usual loop, autograd and AdamW." if torch is not None else "PyTorch is not installed, so it has no column.")
    )
    print("Dead units: hidden units whose gradient is 0 for every training image.")
    try:
        draw(results, path)
    except OSError as error:
        raise DemoError(f"--picture: {str(path)!r} cannot be written: {error.strerror or error}") from None
    print(f"Learning curves: {path}. All of this took {time.monotonic() - started:.0f} s.")
    return results
