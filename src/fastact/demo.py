"""The demonstration: a multilayer perceptron on handwritten digits, once per hidden activation.

Plain NumPy does the linear algebra; every activation, the softmax and all their gradients are fastact's. `training_step`
is the part to read: a forward and a backward pass in some twenty lines.

Run it with ``python -m fastact demo``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

import fastact as fa
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
        shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
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
