"""Race fastact against every peer that is installed, in one run.

    python bench/peers.py [--functions gelu ...] [--sizes 1000 262144] [--dtype float32] [--backward | --all]
                          [--threads 1] [--rounds 15] [--markdown FILE]

All contestants of a row work on the same normally distributed input (sigma 3) into memory allocated beforehand, pinned
to the same number of threads. Their rounds alternate, so that a disturbance hits all; a time is the shortest round (and,
in brackets, the median). Beside each time stands the largest error, in ulp, over a dense sample of all inputs of the
type, with dy = 1 for gradients; without it a time says little.
Rows on which a peer is ahead come first, with what was tried on them (`tried.toml`); the geometric mean of (best peer / fastact)
comes last. "of floor" is fastact's time over the least that the row's operations, or a copy of as many bytes, take on this machine
(`floor.py`; with the avx2 variant and a C compiler).
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import os
import pathlib
import platform
import re
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# ---- what each peer calls it -------------------------------------------------------------------------------------

_L, _A = "1.0507009873554805", "1.6732632423543772"

#: Ufunc of the registry -> peer -> its equivalent. Over x, dy, y, out, the parameters, axis; a peer without one has no entry.
#: torch, numpy, scipy, thinc, onednn, openvino, jax: a call. onnxruntime: an operator and its attributes (``input_``: a constant).
#: simple: the expression a user would write, for numexpr and numba. JAX's gradients are its own, by vjp.
EQUIVALENTS: dict[str, dict[str, str]] = {
    "relu": {
        "torch": "relu.out(x, out=out)",
        "onednn": "torch.relu(m)",
        "onnxruntime": "Relu()",
        "openvino": "relu(x)",
        "jax": "nn.relu(x)",
        "numpy": "np.maximum(x, zero, out=out)",
        "thinc": "ops.relu(x)",
        "simple": "where(x > 0, x, 0)",
    },
    "relu_backward": {"torch": "threshold_backward.grad_input(dy, x, 0, grad_input=out)", "simple": "where(x > 0, dy, 0)"},
    "relu_backward_y": {
        "torch": "threshold_backward.grad_input(dy, y, 0, grad_input=out)",
        "thinc": "ops.backprop_relu(dy, y)",
        "simple": "where(y > 0, dy, 0)",
    },
    "leaky_relu": {
        "torch": "leaky_relu.out(x, negative_slope, out=out)",
        "onnxruntime": "LeakyRelu(alpha=negative_slope)",
        "openvino": "prelu(x, constant(negative_slope))",
        "jax": "nn.leaky_relu(x, negative_slope)",
        "simple": "where(x > 0, x, negative_slope * x)",
    },
    "leaky_relu_backward": {
        "torch": "leaky_relu_backward.grad_input(dy, x, negative_slope, False, grad_input=out)",
        "simple": "where(x > 0, dy, negative_slope * dy)",
    },
    "leaky_relu_backward_y": {
        "torch": "leaky_relu_backward.grad_input(dy, y, negative_slope, True, grad_input=out)",
        "simple": "where(y > 0, dy, negative_slope * dy)",
    },
    "prelu": {
        "torch": "_prelu_kernel(x, tensor(weight))",
        "onnxruntime": "PRelu(input_slope=weight)",
        "openvino": "prelu(x, constant(weight))",
        "jax": "jnp.where(x > 0, x, weight * x)",
        "simple": "where(x > 0, x, weight * x)",
    },
    "prelu_backward": {"torch": "_prelu_kernel_backward(dy, x, tensor(weight))[0]", "simple": "where(x > 0, dy, weight * dy)"},
    "prelu_backward_weight": {"torch": "_prelu_kernel_backward(dy, x, tensor(weight))[1]", "simple": "where(x > 0, 0, dy * x)"},
    "elu": {
        "torch": "elu.out(x, alpha, out=out)",
        "onnxruntime": "Elu(alpha=alpha)",
        "openvino": "elu(x, alpha)",
        "jax": "nn.elu(x, alpha)",
        "simple": "where(x > 0, x, alpha * expm1(x))",
    },
    "elu_backward": {
        "torch": "elu_backward.grad_input(dy, alpha, 1, 1, False, x, grad_input=out)",
        "simple": "where(x > 0, dy, dy * alpha * exp(x))",
    },
    "elu_backward_y": {
        "torch": "elu_backward.grad_input(dy, alpha, 1, 1, True, y, grad_input=out)",
        "simple": "where(y > 0, dy, dy * (y + alpha))",
    },
    "celu": {
        "torch": "elu.out(x, alpha, 1, 1 / alpha, out=out)",
        "onnxruntime": "Celu(alpha=alpha)",
        "jax": "nn.celu(x, alpha)",
        "simple": "where(x > 0, x, alpha * expm1(x / alpha))",
    },
    "celu_backward": {
        "torch": "elu_backward.grad_input(dy, alpha, 1, 1 / alpha, False, x, grad_input=out)",
        "simple": "where(x > 0, dy, dy * exp(x / alpha))",
    },
    "celu_backward_y": {
        "torch": "elu_backward.grad_input(dy, alpha, 1, 1 / alpha, True, y, grad_input=out)",
        "simple": "where(y > 0, dy, dy * (y / alpha + 1))",
    },
    "selu": {
        "torch": f"elu.out(x, {_A}, {_L}, 1, out=out)",
        "onnxruntime": "Selu()",
        "openvino": f"selu(x, constant({_A}), constant({_L}))",
        "jax": "nn.selu(x)",
        "simple": f"{_L} * where(x > 0, x, {_A} * expm1(x))",
    },
    "selu_backward": {
        "torch": f"elu_backward.grad_input(dy, {_A}, {_L}, 1, False, x, grad_input=out)",
        "simple": f"{_L} * where(x > 0, dy, dy * {_A} * exp(x))",
    },
    "selu_backward_y": {
        "torch": f"elu_backward.grad_input(dy, {_A}, {_L}, 1, True, y, grad_input=out)",
        "simple": f"where(y > 0, {_L} * dy, dy * (y + {_L} * {_A}))",
    },
    "sigmoid": {
        "torch": "sigmoid.out(x, out=out)",
        "onednn": "torch.sigmoid(m)",
        "onnxruntime": "Sigmoid()",
        "openvino": "sigmoid(x)",
        "jax": "nn.sigmoid(x)",
        "scipy": "special.expit(x, out=out)",
        "thinc": "ops.sigmoid(x)",
        "simple": "1 / (1 + exp(-x))",
    },
    "sigmoid_backward": {"simple": "dy / ((1 + exp(-x)) * (1 + exp(x)))"},
    "sigmoid_backward_y": {"torch": "sigmoid_backward.grad_input(dy, y, grad_input=out)", "simple": "dy * y * (1 - y)"},
    "log_sigmoid": {
        "torch": "log_sigmoid.out(x, out=out)",
        "jax": "nn.log_sigmoid(x)",
        "scipy": "special.log_expit(x, out=out)",
        "simple": "-log1p(exp(-x))",
    },
    "log_sigmoid_backward": {"torch": "log_sigmoid_backward.grad_input(dy, x, buffer, grad_input=out)", "simple": "dy / (1 + exp(x))"},
    "log_sigmoid_backward_y": {"simple": "-dy * expm1(y)"},
    "tanh": {
        "torch": "tanh.out(x, out=out)",
        "onednn": "torch.tanh(m)",
        "onnxruntime": "Tanh()",
        "openvino": "tanh(x)",
        "jax": "jnp.tanh(x)",
        "numpy": "np.tanh(x, out=out)",
        "simple": "tanh(x)",
    },
    "tanh_backward": {"simple": "dy * (1 - tanh(x) * tanh(x))"},
    "tanh_backward_y": {"torch": "tanh_backward.grad_input(dy, y, grad_input=out)", "simple": "dy * (1 - y * y)"},
    "silu": {
        "torch": "silu.out(x, out=out)",
        "onnxruntime": "QuickGelu(alpha=1.0)",
        "openvino": "swish(x)",
        "jax": "nn.silu(x)",
        "thinc": "ops.swish(x)",
        "simple": "x / (1 + exp(-x))",
    },
    "silu_backward": {
        "torch": "silu_backward.grad_input(dy, x, grad_input=out)",
        "thinc": "ops.backprop_swish(dy, x, y)",
        "simple": "dy * (1 + x / (1 + exp(x))) / (1 + exp(-x))",
    },
    "swish": {
        "onnxruntime": "QuickGelu(alpha=beta)",
        "openvino": "swish(x, constant(beta))",
        "jax": "x * nn.sigmoid(beta * x)",
        "simple": "x / (1 + exp(-beta * x))",
    },
    "swish_backward": {"simple": "dy * (1 + beta * x / (1 + exp(beta * x))) / (1 + exp(-beta * x))"},
    "gelu": {
        "torch": "gelu.out(x, out=out)",
        "onednn": "torch.nn.functional.gelu(m)",
        "onnxruntime": "Gelu()",
        "openvino": "gelu(x, 'erf')",
        "jax": "nn.gelu(x, approximate=False)",
        "thinc": "ops.gelu(x)",
        "simple": "0.5 * x * (1 + erf(0.7071067811865476 * x))",
    },
    "gelu_backward": {
        "torch": "gelu_backward.grad_input(dy, x, grad_input=out)",
        "thinc": "ops.backprop_gelu(dy, x)",
        "simple": "dy * (0.5 * (1 + erf(0.7071067811865476 * x)) + 0.3989422804014327 * x * exp(-0.5 * x * x))",
    },
    "gelu_tanh": {
        "torch": "gelu.out(x, approximate='tanh', out=out)",
        "onnxruntime": "Gelu(approximate='tanh')",
        "openvino": "gelu(x, 'tanh')",
        "jax": "nn.gelu(x)",
        "simple": "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))",
    },
    "gelu_tanh_backward": {
        "torch": "gelu_backward.grad_input(dy, x, approximate='tanh', grad_input=out)",
        "simple": "dy * 0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) + dy * 0.5 * x"
        " * (1 - tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)) ** 2) * 0.7978845608028654 * (1 + 0.134145 * x * x)",
    },
    "mish": {
        "torch": "mish.out(x, out=out)",
        "onnxruntime": "Mish()",
        "openvino": "mish(x)",
        "jax": "nn.mish(x)",
        "thinc": "ops.mish(x)",
        "simple": "x * tanh(log1p(exp(x)))",
    },
    "mish_backward": {
        "torch": "mish_backward(dy, x)",
        "thinc": "ops.backprop_mish(dy, x)",
        "simple": "dy * (tanh(log1p(exp(x))) + x / (1 + exp(-x)) * (1 - tanh(log1p(exp(x))) ** 2))",
    },
    "softplus": {
        "torch": "softplus.out(x, beta, 20, out=out)",
        "onnxruntime": "Softplus()",
        "openvino": "softplus(x)",
        "jax": "nn.softplus(x)",
        "simple": "log1p(exp(beta * x)) / beta",
    },
    "softplus_backward": {
        "torch": "softplus_backward.grad_input(dy, x, beta, 20, grad_input=out)",
        "simple": "dy / (1 + exp(-beta * x))",
    },
    "softplus_backward_y": {"simple": "-dy * expm1(-beta * y)"},
    "exp": {
        "torch": "exp.out(x, out=out)",
        "onnxruntime": "Exp()",
        "openvino": "exp(x)",
        "jax": "jnp.exp(x)",
        "numpy": "np.exp(x, out=out)",
        "simple": "exp(x)",
    },
    "exp_backward": {"simple": "dy * exp(x)"},
    "exp_backward_y": {"torch": "mul.out(dy, y, out=out)", "numpy": "np.multiply(dy, y, out=out)", "simple": "dy * y"},
    "identity": {"jax": "nn.identity(x)", "numpy": "np.positive(x, out=out)", "simple": "x"},
    "identity_backward": {"numpy": "np.positive(dy, out=out)", "simple": "dy"},
    "identity_backward_y": {"numpy": "np.positive(dy, out=out)", "simple": "dy"},
    "relu6": {
        "torch": "hardtanh.out(x, 0, 6, out=out)",
        "onnxruntime": "Clip(input_min=0.0, input_max=6.0)",
        "openvino": "clamp(x, 0.0, 6.0)",
        "jax": "nn.relu6(x)",
        "numpy": "np.clip(x, 0, 6, out=out)",
        "simple": "where(x > 0, where(x < 6, x, 6), 0)",
    },
    "relu6_backward": {
        "torch": "hardtanh_backward.grad_input(dy, x, 0, 6, grad_input=out)",
        "simple": "where(x > 0, where(x < 6, dy, 0), 0)",
    },
    "relu6_backward_y": {
        "torch": "hardtanh_backward.grad_input(dy, y, 0, 6, grad_input=out)",
        "simple": "where(y > 0, where(y < 6, dy, 0), 0)",
    },
    "relu_k": {
        "torch": "hardtanh.out(x, 0, n, out=out)",
        "onnxruntime": "Clip(input_min=0.0, input_max=n)",
        "openvino": "clamp(x, 0.0, n)",
        "jax": "jnp.clip(x, 0, n)",
        "thinc": "ops.relu_k(x, n)",
        "simple": "where(x > 0, where(x < n, x, n), 0)",
    },
    "relu_k_backward": {
        "torch": "hardtanh_backward.grad_input(dy, x, 0, n, grad_input=out)",
        "thinc": "ops.backprop_relu_k(dy, x, n)",
        "simple": "where(x > 0, where(x < n, dy, 0), 0)",
    },
    "relu_k_backward_y": {
        "torch": "hardtanh_backward.grad_input(dy, y, 0, n, grad_input=out)",
        "simple": "where(y > 0, where(y < n, dy, 0), 0)",
    },
    "relu_squared": {
        "torch": "relu.out(x, out=out).square_()",
        "jax": "jnp.square(nn.relu(x))",
        "simple": "where(x > 0, x * x, 0)",
    },
    "relu_squared_backward": {"simple": "where(x > 0, 2 * dy * x, 0)"},
    "relu_squared_backward_y": {"simple": "2 * dy * sqrt(y)"},
    "star_relu": {
        "torch": "relu.out(x, out=out).square_().mul_(scale).add_(bias)",
        "jax": "scale * jnp.square(nn.relu(x)) + bias",
        "simple": "where(x > 0, scale * x * x + bias, bias)",
    },
    "star_relu_backward": {"simple": "where(x > 0, 2 * scale * dy * x, 0)"},
    "rrelu": {
        "torch": "leaky_relu.out(x, (lower + upper) / 2, out=out)",
        "onnxruntime": "LeakyRelu(alpha=(lower + upper) / 2)",
        "openvino": "prelu(x, constant((lower + upper) / 2))",
        "jax": "nn.leaky_relu(x, (lower + upper) / 2)",
        "simple": "where(x > 0, x, (lower + upper) / 2 * x)",
    },
    "rrelu_backward": {
        "torch": "leaky_relu_backward.grad_input(dy, x, (lower + upper) / 2, False, grad_input=out)",
        "simple": "where(x > 0, dy, (lower + upper) / 2 * dy)",
    },
    "threshold": {
        "torch": "threshold.out(x, *parameters, out=out)",
        "jax": "jnp.where(x > threshold, x, value)",
        "simple": "where(x > threshold, x, value)",
    },
    "threshold_backward": {
        "torch": "threshold_backward.grad_input(dy, x, threshold, grad_input=out)",
        "simple": "where(x > threshold, dy, 0)",
    },
    "thresholded_relu": {
        "torch": "threshold.out(x, alpha, 0, out=out)",
        "onnxruntime": "ThresholdedRelu(alpha=alpha)",
        "jax": "jnp.where(x > alpha, x, 0)",
        "simple": "where(x > alpha, x, 0)",
    },
    "thresholded_relu_backward": {
        "torch": "threshold_backward.grad_input(dy, x, alpha, grad_input=out)",
        "simple": "where(x > alpha, dy, 0)",
    },
    "hard_tanh": {
        "torch": "hardtanh.out(x, min, max, out=out)",
        "onnxruntime": "Clip(input_min=min, input_max=max)",
        "openvino": "clamp(x, min, max)",
        "jax": "jnp.clip(x, min, max)",
        "thinc": "ops.hard_tanh(x)",
        "simple": "where(x > min, where(x < max, x, max), min)",
    },
    "hard_tanh_backward": {
        "torch": "hardtanh_backward.grad_input(dy, x, min, max, grad_input=out)",
        "thinc": "ops.backprop_hard_tanh(dy, x)",
        "simple": "where(x > min, where(x < max, dy, 0), 0)",
    },
    "hard_tanh_backward_y": {
        "torch": "hardtanh_backward.grad_input(dy, y, min, max, grad_input=out)",
        "simple": "where(y > min, where(y < max, dy, 0), 0)",
    },
    "hard_sigmoid": {
        "torch": "hardsigmoid.out(x, out=out)",
        "onnxruntime": "HardSigmoid(alpha=slope, beta=offset)",
        "openvino": "hard_sigmoid(x, constant(slope), constant(offset))",
        "jax": "nn.hard_sigmoid(x)",
        "simple": "where(slope * x + offset > 0, where(slope * x + offset < 1, slope * x + offset, 1), 0)",
    },
    "hard_sigmoid_backward": {
        "torch": "hardsigmoid_backward.grad_input(dy, x, grad_input=out)",
        "simple": "where(slope * x + offset > 0, where(slope * x + offset < 1, slope * dy, 0), 0)",
    },
    "hard_sigmoid_backward_y": {"simple": "where(y > 0, where(y < 1, slope * dy, 0), 0)"},
    "hard_swish": {
        "torch": "hardswish.out(x, out=out)",
        "onnxruntime": "HardSwish()",
        "openvino": "hswish(x)",
        "jax": "nn.hard_swish(x)",
        "thinc": "ops.hard_swish_mobilenet(x)",
        "simple": "where(x > -3, where(x < 3, x * (x + 3) / 6, x), 0)",
    },
    "hard_swish_backward": {
        "torch": "hardswish_backward(dy, x)",
        "thinc": "ops.backprop_hard_swish_mobilenet(dy, x)",
        "simple": "where(x > -3, where(x < 3, dy * (2 * x + 3) / 6, dy), 0)",
    },
    "squareplus": {
        "torch": "square.out(x, out=out).add_(b).sqrt_().add_(x).mul_(0.5)",
        "jax": "nn.squareplus(x, b)",
        "simple": "(x + sqrt(x * x + b)) / 2",
    },
    "squareplus_backward": {"simple": "dy * (1 + x / sqrt(x * x + b)) / 2"},
    "sparse_plus": {"jax": "nn.sparse_plus(x)", "simple": "where(x > -1, where(x < 1, 0.25 * (x + 1) * (x + 1), x), 0)"},
    "sparse_plus_backward": {"simple": "where(x > -1, where(x < 1, dy * (0.5 * x + 0.5), dy), 0)"},
    "sparse_sigmoid": {
        "onnxruntime": "HardSigmoid(alpha=0.5, beta=0.5)",
        "openvino": "hard_sigmoid(x, constant(0.5), constant(0.5))",
        "jax": "nn.sparse_sigmoid(x)",
        "simple": "where(x > -1, where(x < 1, 0.5 * x + 0.5, 1), 0)",
    },
    "sparse_sigmoid_backward": {"simple": "where(x > -1, where(x < 1, 0.5 * dy, 0), 0)"},
    "sparse_sigmoid_backward_y": {"simple": "where(y > 0, where(y < 1, 0.5 * dy, 0), 0)"},
    "softsign": {
        "torch": "abs.out(x, out=out).add_(1).reciprocal_().mul_(x)",
        "onnxruntime": "Softsign()",
        "openvino": "softsign(x)",
        "jax": "nn.soft_sign(x)",
        "simple": "x / (1 + abs(x))",
    },
    "softsign_backward": {"simple": "dy / ((1 + abs(x)) * (1 + abs(x)))"},
    "softsign_backward_y": {"simple": "dy * (1 - abs(y)) * (1 - abs(y))"},
    "hard_shrink": {
        "torch": "hardshrink.out(x, lambd, out=out)",
        "onnxruntime": "Shrink(lambd=lambd)",
        "jax": "jnp.where(jnp.abs(x) > lambd, x, 0)",
        "simple": "where(abs(x) > lambd, x, 0)",
    },
    "hard_shrink_backward": {
        "torch": "hardshrink_backward.grad_input(dy, x, lambd, grad_input=out)",
        "simple": "where(abs(x) > lambd, dy, 0)",
    },
    "hard_shrink_backward_y": {"simple": "where(abs(y) > 0, dy, 0)"},
    "soft_shrink": {
        "torch": "softshrink.out(x, lambd, out=out)",
        "onnxruntime": "Shrink(lambd=lambd, bias=lambd)",
        "jax": "jnp.sign(x) * jnp.maximum(jnp.abs(x) - lambd, 0)",
        "simple": "where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))",
    },
    "soft_shrink_backward": {
        "torch": "softshrink_backward.grad_input(dy, x, lambd, grad_input=out)",
        "simple": "where(abs(x) > lambd, dy, 0)",
    },
    "soft_shrink_backward_y": {"simple": "where(abs(y) > 0, dy, 0)"},
    "bent_identity": {
        "torch": "square.out(x, out=out).add_(1).sqrt_().sub_(1).mul_(0.5).add_(x)",
        "jax": "(jnp.sqrt(x * x + 1) - 1) / 2 + x",
        "simple": "(sqrt(x * x + 1) - 1) / 2 + x",
    },
    "bent_identity_backward": {"simple": "dy * (x / (2 * sqrt(x * x + 1)) + 1)"},
    "step": {"jax": "jnp.where(x >= threshold, jnp.ones_like(x), 0)", "simple": "where(x >= threshold, 1, 0)"},
    "step_backward": {},
    "step_backward_y": {},
    "quick_gelu": {
        "onnxruntime": "QuickGelu(alpha=1.702)",
        "openvino": "swish(x, constant(1.702))",
        "jax": "x * nn.sigmoid(1.702 * x)",
        "simple": "x / (1 + exp(-1.702 * x))",
    },
    "quick_gelu_backward": {"simple": "dy * (1 + 1.702 * x / (1 + exp(1.702 * x))) / (1 + exp(-1.702 * x))"},
    "gaussian": {"jax": "jnp.exp(-x * x)", "simple": "exp(-x * x)"},
    "gaussian_backward": {"simple": "-2 * dy * x * exp(-x * x)"},
    "laplace": {
        "jax": "jax_erf((x - mu) / sigma * 0.7071067811865476) * 0.5 + 0.5",
        "simple": "0.5 + 0.5 * erf((x - mu) / sigma * 0.7071067811865476)",
    },
    "laplace_backward": {"simple": "dy * 0.3989422804014327 / sigma * exp(-0.5 * ((x - mu) / sigma) * ((x - mu) / sigma))"},
    "snake": {"jax": "x + jnp.sin(alpha * x) ** 2 / alpha", "simple": "x + sin(alpha * x) * sin(alpha * x) / alpha"},
    "snake_backward": {"simple": "dy * (1 + sin(2 * alpha * x))"},
    "serf": {"jax": "x * jax_erf(nn.softplus(x))", "simple": "x * erf(log1p(exp(x)))"},
    "serf_backward": {"simple": "dy * (erf(log1p(exp(x))) + 1.1283791670955126 * x * exp(-log1p(exp(x)) * log1p(exp(x))) / (1 + exp(-x)))"},
    "dish": {
        "jax": "0.5 * x * (x / jnp.sqrt(1 + x * x) + 1)",
        "thinc": "ops.dish(x)",
        "simple": "0.5 * x * (1 + x / sqrt(1 + x * x))",
    },
    "dish_backward": {
        "thinc": "ops.backprop_dish(dy, x)",
        "simple": "dy * (0.5 + x / sqrt(1 + x * x) - 0.5 * x * x * x / (sqrt(1 + x * x) * (1 + x * x)))",
    },
    "erf": {
        "torch": "erf.out(x, out=out)",
        "onnxruntime": "Erf()",
        "openvino": "erf(x)",
        "jax": "jax_erf(x)",
        "scipy": "special.erf(x, out=out)",
        "simple": "erf(x)",
    },
    "erf_backward": {"simple": "dy * 1.1283791670955126 * exp(-x * x)"},
    "erfc": {"torch": "erfc.out(x, out=out)", "jax": "jax_erfc(x)", "scipy": "special.erfc(x, out=out)"},
    "erfc_backward": {"simple": "dy * -1.1283791670955126 * exp(-x * x)"},
    "ndtr": {"torch": "special_ndtr.out(x, out=out)", "jax": "jax_ndtr(x)", "scipy": "special.ndtr(x, out=out)"},
    "ndtr_backward": {"simple": "dy * 0.3989422804014327 * exp(-0.5 * x * x)"},
    "log_ndtr": {
        "torch": "special_log_ndtr.out(x, out=out)",
        "jax": "jax_log_ndtr(x)",
        "scipy": "special.log_ndtr(x, out=out)",
    },
    "log_ndtr_backward": {},
    "logit": {
        "torch": "logit.out(x, out=out)",
        "jax": "jnp.log(x / (1 - x))",
        "scipy": "special.logit(x, out=out)",
        "simple": "log(x / (1 - x))",
    },
    "logit_backward": {"torch": "logit_backward.grad_input(dy, x, grad_input=out)", "simple": "dy / (x * (1 - x))"},
    "tanh_shrink": {"torch": "sub.out(x, torch.tanh(x), out=out)", "jax": "x - jnp.tanh(x)", "simple": "x - tanh(x)"},
    "tanh_shrink_backward": {"simple": "dy * tanh(x) * tanh(x)"},
    "sine": {
        "torch": "sin.out(x, out=out)",
        "onnxruntime": "Sin()",
        "openvino": "sin(x)",
        "jax": "jnp.sin(omega * x)",
        "numpy": "np.sin(x, out=out)",
        "simple": "sin(omega * x)",
    },
    "sine_backward": {"simple": "dy * omega * cos(omega * x)"},
    "softmax": {
        "torch": "_softmax.out(x, axis, False, out=out)",
        "onednn": "torch.softmax(m, axis)",
        "onnxruntime": "Softmax(axis=axis)",
        "openvino": "softmax(x, axis)",
        "jax": "nn.softmax(x, axis=axis)",
        "scipy": "special.softmax(x, axis=axis)",
        "thinc": "ops.softmax(x, axis=axis)",
    },
    "softmax_backward_y": {"torch": "_softmax_backward_data.out(dy, y, axis, x.dtype, grad_input=out)"},
    "log_softmax": {
        "torch": "_log_softmax.out(x, axis, False, out=out)",
        "onnxruntime": "LogSoftmax(axis=axis)",
        "openvino": "log_softmax(x, axis)",
        "jax": "nn.log_softmax(x, axis=axis)",
        "scipy": "special.log_softmax(x, axis=axis)",
    },
    "log_softmax_backward_y": {"torch": "_log_softmax_backward_data.out(dy, y, axis, x.dtype, out=out)"},
    "logsumexp": {
        "torch": "logsumexp.out(x, [axis], out=out)",
        "onnxruntime": "ReduceLogSumExp(input_axes=[axis], keepdims=0)",
        "jax": "nn.logsumexp(x, axis=axis)",
        "scipy": "special.logsumexp(x, axis=axis)",
    },
    "logsumexp_backward": {},
    # Of several arrays, by their names; `halves` are the last two side by side, grad(f, dy, *x) differentiates by the last x.
    "glu": {"torch": "aten.glu.out(halves, 0, out=out)"},
    "glu_backward": {"torch": "aten.glu_backward(dy, halves, 0)[a.shape[0]:]"},
    "swiglu": {"torch": "torch.mul(F.silu(gate), a, out=out)"},
    "swiglu_backward": {"torch": "grad(lambda a, gate: a * F.silu(gate), dy, a, gate)"},
    "geglu": {"torch": "torch.mul(F.gelu(gate), a, out=out)"},
    "geglu_backward": {"torch": "grad(lambda a, gate: a * F.gelu(gate), dy, a, gate)"},
    "reglu": {"torch": "torch.mul(F.relu(gate), a, out=out)"},
    "reglu_backward": {"torch": "grad(lambda a, gate: a * F.relu(gate), dy, a, gate)"},
    "bilinear": {"torch": "torch.mul(a, gate, out=out)"},
    "bilinear_backward": {"torch": "grad(lambda a, gate: a * gate, dy, a, gate)"},
    "sigmoid_cross_entropy": {"torch": "F.binary_cross_entropy_with_logits(logits, targets, reduction='none')"},
    "sigmoid_cross_entropy_gradient": {
        "torch": "grad(lambda x: F.binary_cross_entropy_with_logits(x, targets, reduction='none'), dy, logits)"
    },
    "sigmoid_cross_entropy_hessian": {},
    "softmax_cross_entropy_ids": {"torch": "F.cross_entropy(logits.movedim(axis, -1), labels, reduction='none')"},
    "softmax_cross_entropy_ids_gradient": {
        "torch": "grad(lambda x: F.cross_entropy(x.movedim(axis, -1), labels, reduction='none'), dy, logits)"
    },
    "softmax_cross_entropy_ids_hessian": {},
    "softmax_cross_entropy_shares": {"torch": "F.cross_entropy(logits.movedim(axis, -1), labels.movedim(axis, -1), reduction='none')"},
    "softmax_cross_entropy_shares_gradient": {
        "torch": "grad(lambda x: F.cross_entropy(x.movedim(axis, -1), labels.movedim(axis, -1), reduction='none'), dy, logits)"
    },
    "softmax_cross_entropy_shares_hessian": {},
    "softmax_tempered": {"torch": "torch.softmax(x / temperature, axis)"},
    "hardmax": {"torch": "F.one_hot(x.argmax(axis), x.shape[axis]).movedim(-1, axis)"},
    "sparsemax": {"entmax": "entmax.sparsemax(x, dim=axis)"},
    "sparsemax_backward_y": {},
    "entmax15": {"entmax": "entmax.entmax15(x, dim=axis)"},
    "entmax15_backward_y": {},
    "segment_softmax": {},
    "segment_softmax_backward_y": {},
    "maxout": {"torch": "torch.max(x, -1)[1]"},
}


# ---- the peers ----------------------------------------------------------------------------------------------------


@dataclass
class Job:
    """One row's operands: what every peer gets."""

    ufunc: str
    parameters: dict[str, float]
    axis: int
    x: Any
    dy: Any
    y: Any
    out: Any
    forward: str | None = None  # the peer's equivalent of the forward function, for those that differentiate
    #: Of ufuncs of several arrays: their operands by name.
    named: dict[str, Any] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, Any]:
        return {"x": self.x, "dy": self.dy, "y": self.y, "out": self.out}


#: What is timed, and how to see its result as an array.
Entry = tuple[Callable[[], Any], Callable[[], Any]]


class Peer:
    """A library. `prepare` makes a call out of a table entry, or raises."""

    name = ""
    modules: tuple[str, ...] = ()
    #: The column of `EQUIVALENTS` that it reads.
    column = ""
    dtypes: tuple[str, ...] = ("float32", "float64")

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.load()

    def load(self) -> None:
        """Import; an ImportError here means that the peer is not installed."""

    def version(self) -> str:
        return f"{self.name} " + importlib.metadata.version(self.modules[0])

    def equivalent(self, ufunc: str) -> str | None:
        """The table's text for a ufunc."""
        return EQUIVALENTS.get(ufunc, {}).get(self.column or self.name)

    def prepare(self, text: str, job: Job) -> Entry:
        """That text as a call on the job's operands."""
        raise NotImplementedError


def _call(text: str, scope: dict[str, Any]) -> Callable[[], Any]:
    call: Callable[[], Any] = eval(f"lambda: {text}", scope)
    return call


def _result_or(call: Callable[[], Any], out: Any, view: Callable[[Any], Any] = np.asarray) -> Entry:
    """The result is what the call returns, be it `out` or new."""
    return call, lambda: view(call())


class Torch(Peer):
    name, modules = "torch", ("torch",)
    dtypes: tuple[str, ...] = ("float16", "float32", "float64")

    def load(self) -> None:
        import torch

        torch.set_num_threads(self.threads)
        self.torch = torch

    def prepare(self, text: str, job: Job) -> Entry:
        torch, aten = self.torch, self.torch.ops.aten
        if job.named:
            return self.prepare_several(text, job)
        scope: dict[str, Any] = {k: torch.from_numpy(v) for k, v in job.arrays.items() if v is not None}
        weights = {v: torch.tensor([v], dtype=scope["x"].dtype) for v in job.parameters.values()}
        scope |= job.parameters | {"parameters": tuple(job.parameters.values()), "axis": job.axis}
        scope |= {"tensor": weights.__getitem__, "torch": torch}
        if "buffer" in text:
            scope["buffer"] = aten.log_sigmoid_forward(scope["x"])[1]
        operator = re.match(r"\w+", text)
        assert operator
        scope[operator[0]] = getattr(aten, operator[0])
        return _result_or(_call(text, scope), job.out, lambda t: t.numpy())


    def prepare_several(self, text: str, job: Job) -> Entry:
        """The same on operands by name."""
        torch = self.torch
        scope: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, "aten": torch.ops.aten, "axis": job.axis}
        scope |= {k: torch.from_numpy(v) for k, v in (job.named | {"out": job.out}).items() if v.flags.writeable and v.dtype != bool}
        if "halves" in text:
            scope["halves"] = torch.cat((scope["a"], scope["gate"]))
        if "entmax" in text:
            scope["entmax"] = importlib.import_module("entmax")

        def grad(f: Callable[..., Any], dy: Any, *leaves: Any) -> Any:
            given = [leaf.detach().requires_grad_() for leaf in leaves]
            return torch.autograd.grad(f(*given), given, dy)[-1]

        scope["grad"] = grad
        return _result_or(_call(text, scope), job.out, lambda t: t.numpy())


class Entmax(Torch):
    name, modules, column = "entmax", ("entmax", "torch"), "entmax"


class OneDNN(Torch):
    name, column = "oneDNN", "onednn"
    dtypes = ("float32",)

    def version(self) -> str:
        found = re.search(r"(?:MKL-DNN|oneDNN) v(\S+)", self.torch.__config__.show())
        return f"oneDNN {found[1] if found else '?'}"

    def prepare(self, text: str, job: Job) -> Entry:
        m = self.torch.from_numpy(job.x).to_mkldnn()
        return _result_or(_call(text, {"torch": self.torch, "m": m, "axis": job.axis}), job.out, lambda t: t.to_dense().numpy())


class OnnxRuntime(Peer):
    name, modules = "onnxruntime", ("onnxruntime", "onnx")
    dtypes = ("float16", "float32", "float64")
    microsoft = ("QuickGelu",)

    def load(self) -> None:
        import onnx
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        self.onnx, self.ort = onnx, onnxruntime

    def prepare(self, text: str, job: Job) -> Entry:
        helper = self.onnx.helper
        parsed = re.fullmatch(r"(\w+)\((.*)\)", text)
        assert parsed
        operator = parsed[1]
        attributes = eval(f"dict({parsed[2]})", {"axis": job.axis} | job.parameters)
        kind = helper.np_dtype_to_tensor_dtype(job.x.dtype)
        constants = []
        for name in [a for a in attributes if a.startswith("input_")]:
            value = attributes.pop(name)
            array = np.array(value, np.int64) if isinstance(value, list) else np.array([value], job.x.dtype)
            constants.append(self.onnx.numpy_helper.from_array(array, name))
        domain = "com.microsoft" if operator in self.microsoft else ""
        node = helper.make_node(operator, ["x", *(c.name for c in constants)], ["out"], domain=domain, **attributes)
        values = [helper.make_tensor_value_info(n, kind, list(a.shape)) for n, a in (("x", job.x), ("out", job.out))]
        graph = helper.make_graph([node], "row", values[:1], values[1:], constants)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = self.ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        binding.bind_input("x", "cpu", 0, job.x.dtype.type, list(job.x.shape), job.x.ctypes.data)
        binding.bind_output("out", "cpu", 0, job.out.dtype.type, list(job.out.shape), job.out.ctypes.data)
        alive = (session, binding, job.x, job.out)

        def run() -> Any:
            alive[0].run_with_iobinding(alive[1])
            return alive[3]

        return _result_or(run, job.out)


class OpenVINO(Peer):
    name, modules, dtypes = "OpenVINO", ("openvino",), ("float32",)
    column = "openvino"

    def load(self) -> None:
        import openvino
        from openvino import opset13

        self.ov, self.opset, self.core = openvino, opset13, openvino.Core()

    def prepare(self, text: str, job: Job) -> Entry:
        x = self.opset.parameter(list(job.x.shape), job.x.dtype.type, name="x")
        operator = text.split("(")[0]
        scope = {"x": x, operator: getattr(self.opset, operator), "axis": job.axis % job.x.ndim} | job.parameters
        scope["constant"] = lambda v: self.opset.constant(np.array(v, job.x.dtype))
        model = self.ov.Model([eval(text, scope)], [x], "row")
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1}
        request = self.core.compile_model(model, "CPU", hints).create_infer_request()
        source, target = (self.ov.Tensor(a, shared_memory=True) for a in (job.x, job.out))
        request.set_input_tensor(source)
        request.set_output_tensor(target)
        alive = (request, source, target, job.x, job.out)

        def run() -> Any:
            alive[0].infer()
            return alive[4]

        return _result_or(run, job.out)


class Jax(Peer):
    name, modules = "JAX", ("jax",)
    column = "jax"
    dtypes = ("float16", "float32", "float64")

    def load(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        self.jax = jax

    def equivalent(self, ufunc: str) -> str | None:
        """A gradient is that of the forward function's equivalent."""
        forward = re.sub(r"_backward$", "", ufunc)
        return EQUIVALENTS.get(forward, {}).get("jax")

    def prepare(self, text: str, job: Job) -> Entry:
        jax = self.jax
        scope = {"nn": jax.nn, "jnp": jax.numpy, "axis": job.axis} | job.parameters
        scope |= {f"jax_{name}": getattr(jax.scipy.special, name) for name in ("erf", "erfc", "ndtr", "log_ndtr")}
        f = eval(f"lambda x: {text}", scope)
        x, dy = jax.numpy.asarray(job.x), jax.numpy.asarray(job.dy)
        if job.ufunc.endswith("_backward"):
            gradient = jax.jit(lambda x, dy: jax.vjp(f, x)[1](dy)[0])
            return _result_or(lambda: gradient(x, dy).block_until_ready(), job.out)
        function = jax.jit(f)
        return _result_or(lambda: function(x).block_until_ready(), job.out)


class NumPyExpression(Peer):
    """The registry's own expression, read by NumPy: the code that users write."""

    name, modules = "NumPy expression", ("numpy",)
    dtypes = ("float16", "float32", "float64")

    def version(self) -> str:
        return f"NumPy {np.__version__}"

    def equivalent(self, ufunc: str) -> str | None:
        from fastact import reference

        name = ufunc if hasattr(reference, ufunc) else ufunc.removesuffix("_y")
        return name if hasattr(reference, name) else None

    def prepare(self, text: str, job: Job) -> Entry:
        import fastact as fa

        function = getattr(fa.reference, text)
        keywords: dict[str, Any] = {k: job.x.dtype.type(v) for k, v in job.parameters.items()}
        operands = (job.x,) if "backward" not in text else (job.dy, job.y if job.ufunc.endswith("_y") else job.x)
        if any(r.name == job.ufunc.split("_backward")[0] for r in fa._registry.ROWWISE):
            keywords["axis"] = job.axis
            if job.out.ndim < job.x.ndim:
                keywords["keepdims"] = False
            elif job.dy.ndim < job.x.ndim:
                operands = (np.expand_dims(job.dy, job.axis), job.x)
        return _result_or(lambda: function(*operands, **keywords), job.out)


class NumPy(Peer):
    name, modules, column = "NumPy ufunc", ("numpy",), "numpy"
    dtypes = ("float16", "float32", "float64")

    def version(self) -> str:
        return ""

    def prepare(self, text: str, job: Job) -> Entry:
        return _result_or(_call(text, {"np": np, "zero": job.x.dtype.type(0), **job.arrays}), job.out)


class SciPy(Peer):
    name, modules, column = "SciPy", ("scipy",), "scipy"
    dtypes = ("float16", "float32", "float64")

    def load(self) -> None:
        from scipy import special

        self.special = special

    def prepare(self, text: str, job: Job) -> Entry:
        return _result_or(_call(text, {"special": self.special, "axis": job.axis, **job.arrays}), job.out)


class Thinc(Peer):
    name, modules, column = "thinc", ("thinc",), "thinc"

    def load(self) -> None:
        from thinc.api import NumpyOps

        self.ops = NumpyOps()

    def prepare(self, text: str, job: Job) -> Entry:
        return _result_or(_call(text, {"ops": self.ops, "axis": job.axis, **job.arrays, **job.parameters}), job.out)


_LITERAL = re.compile(r"(?<![\w.])\d+\.?\d*(?:e-?\d+)?(?!\w)")


class NumExpr(Peer):
    name, modules, column = "numexpr", ("numexpr",), "simple"

    def load(self) -> None:
        import numexpr

        numexpr.set_num_threads(self.threads)
        self.numexpr = numexpr

    def equivalent(self, ufunc: str) -> str | None:
        text = super().equivalent(ufunc)
        return None if text and "erf(" in text else text

    def prepare(self, text: str, job: Job) -> Entry:
        # constants in the array's type: a Python float would make numexpr compute in double
        kind, values = job.x.dtype.type, {k: v for k, v in job.arrays.items() if k in re.findall(r"\w+", text)}
        values |= {k: kind(v) for k, v in job.parameters.items() if k in re.findall(r"\w+", text)}

        def constant(match: re.Match[str]) -> str:
            name = f"c{len(values)}"
            values[name] = kind(match[0])
            return name

        text = re.sub(r"(?<!\*\* )" + _LITERAL.pattern, constant, text)
        own_type = {"float32": float, "float64": np.double}[job.x.dtype.name]  # numexpr's names for them
        function = self.numexpr.NumExpr(text, [(k, own_type) for k in values])
        return _result_or(lambda: function(*values.values(), out=job.out, casting="same_kind", ex_uses_vml=False), job.out)


class Numba(Peer):
    name, modules, column = "numba", ("numba",), "simple"

    def load(self) -> None:
        import numba

        self.numba = numba
        self.compiled: dict[tuple[str, str], Any] = {}

    def prepare(self, text: str, job: Job) -> Entry:
        import math

        dtype = job.x.dtype.name
        names = [n for n in ("dy", "x", "y", *job.parameters) if n in re.findall(r"\w+", text)]
        if (text, dtype) not in self.compiled:
            scope: dict[str, Any] = {f: getattr(math, f) for f in ("exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "cos", "sqrt")}
            scope |= {"T": job.x.dtype.type, "where": self.numba.njit(lambda c, a, b: a if c else b)}
            body = re.sub(r"(?<!\*\* )" + _LITERAL.pattern, lambda m: f"T({m[0]})", text)
            scalar = getattr(self.numba, dtype)
            vectorize = self.numba.vectorize([scalar(*[scalar] * len(names))], fastmath=False)
            self.compiled[text, dtype] = vectorize(eval(f"lambda {', '.join(names)}: {body}", scope))
        function = self.compiled[text, dtype]
        values = job.arrays | {k: job.x.dtype.type(v) for k, v in job.parameters.items()}
        operands = [values[n] for n in names]
        return _result_or(lambda: function(*operands, out=job.out), job.out)


PEERS: tuple[type[Peer], ...] = (Torch, Entmax, OneDNN, OnnxRuntime, OpenVINO, Jax, NumPy, NumPyExpression, SciPy, NumExpr, Numba, Thinc)


def check_table() -> None:
    """The table's names are the registry's, all of them, and its columns are the peers'."""
    from fastact.verify.cases import axis_rows, elementwise_rows, kernel_rows

    known = {r.ufunc for r in (*elementwise_rows(), *axis_rows(None, (10,)), *kernel_rows(None, (10,))) if "masked" not in r.ufunc}
    if unknown := sorted(EQUIVALENTS.keys() - known):
        raise SystemExit(f"the table of equivalents names {', '.join(unknown)}, which the registry lacks")
    by_parameter = {r.ufunc for r in elementwise_rows() if r.form not in ("forward", "backward", "backward_y")}     # few peers have one
    if missing := sorted(known - by_parameter - EQUIVALENTS.keys()):
        raise SystemExit(f"the table of equivalents lacks {', '.join(missing)}; a function that no peer has gets an empty entry")
    if unknown := sorted(tried().keys() - known):
        raise SystemExit(f"{TRIED.name} names {', '.join(unknown)}, which the registry lacks")
    columns = {p.column or p.name for p in PEERS}
    if unknown := sorted({c for e in EQUIVALENTS.values() for c in e} - columns):
        raise SystemExit(f"the table of equivalents has columns that no peer reads: {', '.join(unknown)}")


def complain(text: str) -> None:
    print(text[:240].replace("\n", " "), file=sys.stderr, flush=True)


def installed(threads: int, only: list[str] | None) -> list[Peer]:
    """The peers that import; the others are named once."""
    peers = []
    for kind in PEERS:
        if only and kind.name.lower() not in [o.lower() for o in only]:
            continue
        try:
            for module in kind.modules:
                importlib.import_module(module)
            peers.append(kind(threads))
        except Exception as error:
            complain(f"{kind.name}: left out: {error!r}")
    return peers


# ---- the race -----------------------------------------------------------------------------------------------------


@dataclass
class Result:
    """One row of the table: per contestant the shortest and the median time in ns per element, and the largest error."""

    label: str
    size: int
    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    ulps: dict[str, float] = field(default_factory=dict)
    crowds: set[str] = field(default_factory=set)
    ufunc: str = ""
    floor: float | None = None

    @property
    def best(self) -> str | None:
        peers = [n for n in self.times if n not in ("fastact", "copy")]
        return min(peers, key=lambda n: self.times[n][0]) if peers else None

    @property
    def ratio(self) -> float:
        return self.times[self.best][0] / self.times["fastact"][0] if self.best else float("nan")


#: Seconds in which idle threads of a library come to rest.
SPIN = 0.05
#: Times within this factor are near each other, and beyond this far: see `race`.
NEAR, FAR = 1.3, 3.0
#: Two runs of one build differ by so much where they wait for memory.
CLOSE = 0.95
#: Ufunc -> what was tried where it was behind.
TRIED = pathlib.Path(__file__).with_name("tried.toml")
#: Contestant -> shortest and median time.
Times = dict[str, tuple[float, float]]


def race(contestants: dict[str, Callable[[], Any]], size: int, rounds: int, threads: int, slice_seconds: float) -> tuple[Times, set[str]]:
    """Time all contestants by turns; also, whose processor time says that it used more threads than allowed.

    Whoever is far behind the best peer after two rounds is not timed on. Where fastact and the best peer are near each other,
    four times as many rounds follow with all that are: what waits for memory takes one of two times, by where its pages lie,
    and a few rounds may not meet the shorter one.
    """
    repeats = {}
    for name, f in contestants.items():
        f()
        start = time.perf_counter()
        f()
        once = time.perf_counter() - start
        repeats[name] = max(1, min(100_000, int(slice_seconds / max(once, 1e-7))))
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    processor, wall = dict.fromkeys(contestants, 0.0), dict.fromkeys(contestants, 0.0)

    def by_turns(order: list[str], rounds: int) -> None:
        for _ in range(rounds):
            order = order[1:] + order[:1]
            for name in order:
                f, turns = contestants[name], range(repeats[name])
                if threads > 1:  # threads of the one before still spin, and would take its processors
                    time.sleep(SPIN)
                f()  # bring the caches to this contestant's state
                cpu, start = time.process_time(), time.perf_counter()
                for _ in turns:
                    f()
                spent = time.perf_counter() - start
                processor[name] += time.process_time() - cpu
                wall[name] += spent
                samples[name].append(spent / repeats[name] / size * 1e9)

    def within(factor: float) -> tuple[list[str], float]:
        """Who is not that many times slower than the best peer, and that one's time."""
        shortest = {name: min(times) for name, times in samples.items()}
        best = min((t for name, t in shortest.items() if name not in ("fastact", "copy")), default=float("inf"))
        return [name for name, t in shortest.items() if name in ("fastact", "copy") or t < best * factor], best

    by_turns(list(contestants), 2)
    by_turns(within(FAR)[0], rounds - 2)
    near, best = within(NEAR)
    if 1 / NEAR < best / min(samples["fastact"]) < NEAR:
        by_turns(near, 4 * rounds)
    crowds = {n for n in contestants if processor[n] > 1.3 * threads * wall[n]}
    return {n: (min(s), float(np.median(s))) for n, s in samples.items()}, crowds


def contestants_of(row: Any, d: Any, peers: list[Peer], dtype: str, faults: set[str]) -> dict[str, Entry]:
    """fastact, the plain copy, and each peer that can do this row."""
    from rows import call, kernel_call

    job = Job(row.ufunc, dict(row.parameters), row.axis, d.x, d.dy, d.y, d.out)
    if d.operands:
        job.named = {name: a for (name, _, _), a in zip(row.operands, d.operands, strict=True)}
    own = kernel_call(row, d) if d.operands else call(row, d)
    found: dict[str, Entry] = {"fastact": (own, own)}
    if d.out.shape == d.x.shape:
        found["copy"] = (lambda: np.copyto(d.out, d.x), lambda: d.out)
    for peer in peers:
        text = peer.equivalent(row.ufunc)
        if d.operands and not isinstance(peer, Torch):
            continue
        if text is None or dtype not in peer.dtypes:
            continue
        try:
            entry = peer.prepare(text, job)
            if np.shape(entry[1]()) != d.out.shape:
                raise ValueError(f"shape {np.shape(entry[1]())}, not {d.out.shape}")
            found[peer.name] = entry
        except Exception as error:
            fault = f"{peer.name}: no {row.ufunc} in {dtype}: {type(error).__name__}: {error}"
            if fault.split(": ")[:2] not in [f.split(": ")[:2] for f in faults]:
                complain(fault)
                faults.add(fault)
    return found


class Floors:
    """The least time of a row on this machine, where its operations are counted: see floor.py."""

    def __init__(self) -> None:
        import floor
        import instructions

        import fastact as fa

        self.vectors: dict[str, dict[str, float]] = {}
        budget = instructions.load()
        if fa.ISA != instructions.ISA or budget["compiler"] != instructions.compiler():
            complain(f"no floors: operations are counted in the {instructions.ISA} variant as {budget['compiler']} compiles it")
        elif not shutil.which("cc"):
            complain("no floors: they need a C compiler, cc, to measure what the machine can do")
        else:
            with tempfile.TemporaryDirectory() as folder:
                self.machine = floor.Machine(folder)
            self.vectors = {label: row["vector"] for label, row in budget["rows"].items()}

    def of(self, row: Any, d: Any, dtype: str) -> float | None:
        import floor
        import instructions

        vector = self.vectors.get(f"{row.label}, {dtype}")
        if vector is None:
            return None
        copies = self.machine.copies(instructions.aligned(d.x))
        speed = max(copy() for copy in copies for _ in range(5))
        return float(floor.floor_of(self.machine, row, d, vector, speed)[0])


def largest_errors(row: Any, dtype: str, peers: list[Peer], stride: int, faults: set[str]) -> dict[str, float]:
    """Each contestant's largest error in ulp, over strided bit patterns (over an axis: over normally distributed rows)."""
    from rows import Data, data, forward

    from fastact.verify import cases, inputs, sweep

    if row.length:
        d = data(row, dtype, max(row.length, 65_536) if row.length < 65_536 else row.length, seed=1)
        value, bounds = row_reference(row, d), (np.longdouble(0),)
    else:
        count = inputs.finite_count(dtype)
        patterns = inputs.magnitudes(row, dtype, 0, 1 << 17) if dtype == "float64" else None
        numbers = [patterns] if patterns is not None else inputs.ranks(dtype, 0, count, stride if dtype == "float32" else 1)
        x = np.unique(np.clip(np.concatenate([a.ravel() for a in numbers]), *cases.image(row, dtype)).astype(dtype))
        reference = sweep.Sweep(row, dtype).reference
        value, box = np.array(reference.values(x.astype(reference.kind))), reference.enclose(x, x)
        bounds = (box.error, box.lo, box.hi)
        with np.errstate(all="ignore"):
            y = x if row.ufunc.endswith("_y") else forward(row, x) if "backward" in row.ufunc else None
        d = Data(x, np.ones_like(x), y, np.empty_like(x))
    result = {}
    for name, (_, fetch) in contestants_of(row, d, peers, dtype, faults).items():
        if name == "copy":
            continue
        with np.errstate(all="ignore"):
            got = np.array(fetch(), dtype)
            if row.length and "backward" in row.ufunc:  # such a gradient cancels: in ulp of the largest of its row
                unit = sweep.spacing(np.max(np.abs(value), axis=row.axis, keepdims=True), dtype)
                result[name] = float(np.max(np.abs(got - value) / unit))
                continue
            ulp, doubt = sweep.errors(got, value, *bounds)
        result[name] = float(np.max(np.where(doubt < 0.1, ulp, 0)))
    return result


def row_reference(row: Any, d: Any) -> Any:
    """The registry's expression over an axis, in longdouble."""
    from fastact import reference

    wide: dict[str, Any] = {k: None if v is None else v.astype(np.longdouble) for k, v in (("x", d.x), ("dy", d.dy), ("y", d.y))}
    if "backward" in row.ufunc:
        dy = np.expand_dims(wide["dy"], row.axis) if row.record.reduces else wide["dy"]
        return getattr(reference, f"{row.record.name}_backward")(dy, wide[row.record.saves], axis=row.axis)
    return getattr(reference, row.ufunc)(wide["x"], axis=row.axis, keepdims=not row.record.reduces)


# ---- the table ----------------------------------------------------------------------------------------------------


def ns(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def ulp(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0e}"


def table(results: list[Result]) -> list[str]:
    """Markdown, padded so that it reads as plain text; the rows that are behind first."""
    heading = ["row", "elements", "fastact ns (median)", "ulp", "of floor", "copy", "best peer", "ns (median)", "ulp", "ratio"]
    lines = [[*heading, "the others: ns, ulp"]]
    for r in sorted(results, key=lambda r: (not r.ratio < 1, r.size)):
        own = r.times["fastact"]
        others = []
        for name in sorted(r.times, key=lambda n: r.times[n][0]):
            if name not in ("fastact", "copy", r.best):
                others.append(f"{name}{'*' if name in r.crowds else ''} {ns(r.times[name][0])}, {ulp(r.ulps.get(name))}")
        copy = ns(r.times["copy"][0]) if "copy" in r.times else "-"
        best = ["none", "-", "-", "-"]
        if r.best:
            name, (shortest, median) = r.best + "*" * (r.best in r.crowds), r.times[r.best]
            best = [name, f"{ns(shortest)} ({ns(median)})", ulp(r.ulps.get(r.best)), f"{r.ratio:.2f}"]
        floor = f"{own[0] / r.floor:.2f}" if r.floor else "-"
        first = [r.label, str(r.size), f"{ns(own[0])} ({ns(own[1])})", ulp(r.ulps.get("fastact")), floor, copy]
        lines.append([*first, *best, "; ".join(others)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]) - 1)] + [0]
    lines.insert(1, ["-" * max(3, w) for w in widths])
    return ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines]


def tried() -> dict[str, str]:
    """By ufunc: what was tried on a row that was behind a peer, and what that gave."""
    return {name: " ".join(text.split()) for name, text in tomllib.loads(TRIED.read_text()).items()}


def remarks(results: list[Result]) -> list[str]:
    """What was tried on the rows that are behind by more than runs differ."""
    texts = tried()
    behind = dict.fromkeys(r.ufunc for r in results if r.ratio < CLOSE)
    lines = [f"- {name} ({', '.join(places(name, results))}): {texts.get(name, 'nothing yet.')}" for name in behind]
    heading = f"What was tried on the rows whose ratio is below {CLOSE} (elements, ratio); figures are of float32:"
    return [heading, "", *lines, ""] if lines else []


def places(ufunc: str, results: list[Result]) -> list[str]:
    mine = [r for r in results if r.ufunc == ufunc and r.ratio < CLOSE]
    return [f"{r.label.removeprefix(ufunc).strip(' ()')} {r.size}: {r.ratio:.2f}".lstrip() for r in mine]


def summary(results: list[Result]) -> list[str]:
    compared = [r for r in results if r.best]
    if not compared:
        return ["No peer to compare with."]
    lines = []
    for size in sorted({r.size for r in compared}):
        ratios = [r.ratio for r in compared if r.size == size]
        mean, behind = float(np.exp(np.mean(np.log(ratios)))), sum(r < 1 for r in ratios)
        what = f"geometric mean of best peer / fastact over {len(ratios)} rows"
        lines.append(f"{size} elements: {what}: {mean:.2f}. Behind the best peer on {behind} rows.")
    return lines


def machine(threads: int, dtype: str, peers: list[Peer], avx2: bool) -> list[str]:
    import fastact as fa

    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as f:
            model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), model)
    except OSError:
        pass
    versions = ", ".join(v for v in (p.version() for p in peers) if v)
    count = "1 thread" if threads == 1 else f"{threads} threads"
    return [
        f"{datetime.date.today()}; {model}, {os.cpu_count()} cores; {dtype}, {count}; normally distributed input, sigma 3.",
        f"fastact {fa.__version__} ({fa.ISA}); {versions}; Python {platform.python_version()}.",
        *(["With AVX2 only, but for onnxruntime, OpenVINO and numexpr, which cannot be told."] if avx2 else []),
        "Times are ns per element: the shortest round (the median); those within 30 % of each other had five times as many rounds, and"
        " those that were three times slower than the best peer two."
        " ulp is the largest error found over all inputs of the type;"
        " over an axis, over normally distributed rows, and of a gradient in ulp of its row's largest.",
        "of floor: fastact's time over the least that the row's own operations, or a copy of as many bytes, take on this machine;"
        " floor.py has what bounds each.",
        "An asterisk marks a contestant whose processor time shows that it used more threads than it was given.",
    ]


def pin(threads: int) -> None:
    """Thread counts that libraries, fastact too, read when they are imported."""
    for variable in ("FASTACT", "OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMEXPR_MAX", "NUMBA", "VECLIB_MAXIMUM"):
        os.environ[f"{variable}_NUM_THREADS" if variable != "NUMEXPR_MAX" else "NUMEXPR_MAX_THREADS"] = str(threads)
    os.environ["NPROC"] = str(threads)  # XLA's pool
    eigen = "true" if threads > 1 else "false"
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def restrict() -> None:
    """AVX2 for fastact and for every library that can be told (onnxruntime, OpenVINO and numexpr cannot), before they are imported."""
    os.environ["FASTACT_ISA"] = os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
    os.environ["ONEDNN_MAX_CPU_ISA"] = os.environ["MKL_ENABLE_INSTRUCTIONS"] = "AVX2"
    os.environ["XLA_FLAGS"] += " --xla_cpu_max_isa=AVX2"
    os.environ["NUMBA_CPU_NAME"] = "haswell"
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    disabled = [f for f in __cpu_dispatch__ if f.startswith(("AVX512", "X86_V4")) and __cpu_features__[f]]
    if disabled:  # NumPy reads it when it is imported, so this program starts once more
        os.environ["NPY_DISABLE_CPU_FEATURES"] = " ".join(disabled)
        os.execv(sys.executable, [sys.executable, *sys.argv])


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=[262_144], metavar="N", help="elements (default: 262144)")
    parser.add_argument("--dtype", choices=("float16", "float32", "float64"), default="float32")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--backward", action="store_true", help="gradients instead of the functions")
    what.add_argument("--all", action="store_true", help="functions and gradients")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slice", type=float, default=2.0, metavar="MS", help="milliseconds per contestant and round (default: 2)")
    parser.add_argument("--lengths", nargs="+", type=int, default=[64, 1_000, 32_000], metavar="N", help="row lengths over an axis")
    parser.add_argument("--axes", nargs="+", type=int, default=[-1, 0], choices=(-1, 0))
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these: " + ", ".join(p.name for p in PEERS))
    parser.add_argument("--stride", type=int, default=4099, help="bit patterns between the points at which float32 errors are measured")
    parser.add_argument("--no-ulp", action="store_true", help="skip the errors")
    parser.add_argument("--avx2", action="store_true", help="with AVX2 only: fastact, and the peers that can be told")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    return parser.parse_args(arguments)


def rows_of(options: argparse.Namespace) -> Iterator[Any]:
    from fastact.verify.cases import axis_rows, elementwise_rows, kernel_rows

    functions, lengths, axes = options.functions, options.lengths, options.axes
    for row in (*elementwise_rows(functions), *axis_rows(functions, lengths, axes), *kernel_rows(functions, lengths, axes)):
        backward = any(word in row.ufunc for word in ("backward", "gradient", "hessian"))
        if "masked" not in row.ufunc and (options.all or backward == options.backward):
            yield row


def main() -> None:
    options = parse()
    pin(options.threads)
    if options.avx2:
        restrict()
    check_table()
    from rows import data, kernel_data

    from fastact.verify.cases import KernelRow

    peers = installed(options.threads, options.peers)
    faults: set[str] = set()
    results = []
    rows = list(rows_of(options))
    floors = Floors() if options.threads == 1 else None
    for number, row in enumerate(rows, 1):
        several = isinstance(row, KernelRow)
        ulps = {} if options.no_ulp or several else largest_errors(row, options.dtype, peers, options.stride, faults)
        for size in options.sizes:
            if row.length > size:
                continue
            d = kernel_data(row, options.dtype, size) if several else data(row, options.dtype, size)
            entries = contestants_of(row, d, peers, options.dtype, faults)
            times, crowds = race({n: e[0] for n, e in entries.items()}, d.x.size, options.rounds, options.threads, options.slice / 1e3)
            floor = floors.of(row, d, options.dtype) if floors and not several else None
            result = Result(row.label, size, times, ulps, crowds, row.ufunc, floor)
            results.append(result)
            best = f"{result.best} {ns(result.times[result.best][0])}, ratio {result.ratio:.2f}" if result.best else "no peer"
            complain(f"[{number}/{len(rows)}] {result.label}, {size}: fastact {ns(times['fastact'][0])}; {best}")
    about = [part for line in machine(options.threads, options.dtype, peers, options.avx2) for part in (line, "")]
    text = [*about, *remarks(results), *table(results), "", *summary(results)]
    print("\n".join(text))
    if options.markdown:
        with open(options.markdown, "w") as f:
            f.write("# fastact and its peers\n\n`python bench/" + " ".join(["peers.py", *sys.argv[1:]]) + "`\n\n" + "\n".join(text) + "\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
