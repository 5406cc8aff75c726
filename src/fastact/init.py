"""Initial weights that keep the scale of activations from layer to layer, and the gain of every activation.

>>> import numpy as np
>>> import fastact as fa
>>> W = fa.init.lecun_normal((400, 300), rng=0)
>>> print(W.dtype, f"{W.std() * 400**0.5:.2f}")
float32 1.00
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastact import _dense, _drawn
from fastact._functions import Activation

Axes = int | tuple[int, ...]
_FARTHEST = 14  # deviations: no draw of NumPy's lies beyond

#: name -> (variance times the fan, which fan, uniform, what it is for, source)
_SCHEMES: dict[str, tuple[float, str, bool, str, str]] = {}
for _family, _scale, _fan, _purpose, _source in (
    (
        "lecun",
        1.0,
        "fan_in",
        "The output of a layer has its input's variance, which self-normalising layers need.",
        "LeCun, Bottou, Orr and Mueller, Efficient backprop, 1998.",
    ),
    (
        "glorot",
        2.0,
        "fan_in + fan_out",
        "A compromise between the variance of activations and that of gradients.",
        "Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.",
    ),
    (
        "he",
        2.0,
        "fan_in",
        "The variance stays through rectifiers, which drop half of it.",
        "He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015.",
    ),
):
    for _uniform in (False, True):
        _SCHEMES[f"{_family}_{'uniform' if _uniform else 'normal'}"] = (_scale, _fan, _uniform, _purpose, _source)


def _fans(function: str, shape: tuple[int, ...], in_axis: Axes, out_axis: Axes) -> tuple[int, int]:
    """How many numbers feed one output, and how many outputs one input feeds."""
    if len(shape) < 2:
        raise ValueError(f"{function}: shape must have at least two axes, inputs and outputs, got {shape}")
    ins, outs = normalize_axis_tuple(in_axis, len(shape), "in_axis"), normalize_axis_tuple(out_axis, len(shape), "out_axis")
    if set(ins) & set(outs):
        raise ValueError(f"{function}: in_axis {in_axis!r} and out_axis {out_axis!r} share an axis")
    field = math.prod(n for i, n in enumerate(shape) if i not in (*ins, *outs))
    return math.prod(shape[i] for i in ins) * field, math.prod(shape[i] for i in outs) * field


def _draw(function: str, shape: Any, factor: Any, in_axis: Axes, out_axis: Axes, rng: Any, dtype: Any) -> Any:
    scale, fan, uniform, *_ = _SCHEMES[function]
    try:
        shape = (shape,) if isinstance(shape, numbers.Integral) else tuple(shape)
    except TypeError:
        raise TypeError(f"{function}: shape must be a tuple of integers, got {shape!r}") from None
    if not all(isinstance(n, numbers.Integral) and int(n) >= 0 for n in shape):
        raise ValueError(f"{function}: shape must hold integers that are not negative, got {shape}")
    try:
        given = float(factor) if isinstance(factor, numbers.Real) else math.nan
    except OverflowError:  # an integer beyond float64
        given = math.inf
    if not 0 < given < math.inf:
        raise ValueError(f"{function}: gain must be a finite number above 0, got {factor!r}")
    fan_in, fan_out = _fans(function, shape, in_axis, out_axis)
    dtype = np.dtype(dtype)
    if dtype.name not in ("float16", "bfloat16", "float32", "float64"):
        raise TypeError(f"{function}: dtype is {dtype}; accepted are float16, bfloat16, float32 and float64")
    total = fan_in + fan_out if fan == "fan_in + fan_out" else fan_in
    std = given * math.sqrt(scale / max(1, total))
    bound = math.sqrt(3) * std
    generator, wide = _drawn.generator(function, rng), np.float64 if dtype == np.float64 else np.float32
    weights: Any
    with np.errstate(all="ignore"):
        if not np.isfinite(np.float64(2 * bound if uniform else _FARTHEST * std).astype(dtype)):
            raise ValueError(f"{function}: gain must leave weights finite in {dtype}, got {factor!r}, a standard deviation of {std:.4g}")
        if uniform:
            weights = generator.random(shape, dtype=wide)
            weights *= 2 * bound
            weights -= bound
        else:
            weights = generator.standard_normal(shape, dtype=wide)
            weights *= std
        return weights.astype(dtype, copy=False)


_DOC = """Weights from a {kind} distribution of variance gain**2 * {scale:g} / {fan}.

Parameters
----------
shape : tuple of int
    Shape of the weights, of at least two axes: (inputs, outputs), as for `fastact.dense`.
gain : float, default 1.0
    Factor of the standard deviation; see `gain`.
in_axis, out_axis : int or tuple of int, default -2 and -1
    Where inputs and outputs lie; the others are the receptive field. PyTorch's layout is in_axis=1, out_axis=0.
rng : {{None, int, array_like of int, SeedSequence, BitGenerator, Generator}}, optional
    Source of random numbers, as for `numpy.random.default_rng`.
dtype : dtype, default float32
    float16, bfloat16, float32 or float64.

Returns
-------
W : ndarray
    The weights.

Raises
------
ValueError
    If the shape has fewer than two axes, the axes coincide, or the gain is not a finite number above 0 or would make
    weights infinite.
TypeError
    For another dtype.

See Also
--------
gain : the factor that goes with an activation.

Notes
-----
{purpose}{truncated}

References
----------
{source}

Examples
--------
>>> import fastact as fa
>>> W = fa.init.{name}((256, 128), rng=0)
>>> W.shape, W.dtype.name
((256, 128), 'float32')
"""


def _initializer(name: str) -> Callable[..., Any]:
    def initializer(
        shape: Any, *, gain: float = 1.0, in_axis: Axes = -2, out_axis: Axes = -1, rng: Any = None, dtype: Any = np.float32
    ) -> Any:
        return _draw(name, shape, gain, in_axis, out_axis, rng, dtype)

    scale, fan, uniform, purpose, source = _SCHEMES[name]
    truncated = "" if uniform else "\nThe distribution is whole, as in PyTorch; Keras and JAX cut it at two standard deviations."
    initializer.__name__ = initializer.__qualname__ = name
    initializer.__doc__ = _DOC.format(
        kind="uniform" if uniform else "normal",
        scale=scale,
        fan=f"({fan})" if "+" in fan else fan,
        purpose=purpose,
        truncated=truncated,
        source=source,
        name=name,
    )
    return initializer


lecun_normal = _initializer("lecun_normal")
lecun_uniform = _initializer("lecun_uniform")
glorot_normal = _initializer("glorot_normal")
glorot_uniform = _initializer("glorot_uniform")
he_normal = _initializer("he_normal")
he_uniform = _initializer("he_uniform")


def _second_moment(f: Callable[[Any], Any]) -> float:
    """E f(z)**2 for z normally distributed, by Gauss's rule on intervals that are halved around kinks and jumps."""
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def rule(low: Any, high: Any) -> Any:
        half = (high - low) / 2
        z = (low + half)[:, None] + half[:, None] * nodes
        with np.errstate(all="ignore"):
            density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            values = np.where(density > 0, np.square(f(z)) * density, 0.0)
            return values @ weights * half

    edges = np.linspace(-39.0, 39.0, 157)
    low, high = edges[:-1], edges[1:]
    whole = rule(low, high)
    size, done = math.fsum(whole), []
    while low.size and math.isfinite(size):
        middle = (low + high) / 2
        left, right = rule(low, middle), rule(middle, high)
        open_ = (abs(left + right - whole) > 1e-17 * size) & (high - low > 1e-15)
        done.append(math.fsum((left + right)[~open_]))
        low, high = np.concatenate([low[open_], middle[open_]]), np.concatenate([middle[open_], high[open_]])
        whole = np.concatenate([left[open_], right[open_]])
    return math.fsum(done) if math.isfinite(size) else size


@functools.lru_cache(1024)
def _gain(function: Callable[..., Any], values: tuple[float, ...], name: str) -> float:
    moment = _second_moment(lambda z: function(z, *values))
    if not 0 < moment < math.inf:
        wrong = {math.inf: "are too large to have a variance", 0.0: "have no variance above 0"}.get(moment, "are not all defined")
        raise ValueError(f"gain: name is {name!r}, whose outputs {wrong} for normally distributed inputs")
    return 1 / math.sqrt(moment)


def gain(name: str | Activation | Callable[..., Any], **parameters: float) -> float:
    """The factor by which weights have to grow behind an activation, so that the scale stays from layer to layer.

    Parameters
    ----------
    name : str, Activation or callable
        An activation that works element by element, as for `fastact.get`: ``"gelu"``, ``fastact.gelu``.
    **parameters : float
        Its parameters.

    Returns
    -------
    gain : float
        1 / sqrt(E f(z)**2) for z of the standard normal distribution.

    Raises
    ------
    ValueError
        If there is no such activation, it is one over an axis, a parameter is not accepted, or f is not defined on all numbers.
    TypeError
        If f has no such parameter, or one without a default is missing.

    Notes
    -----
    Weights of variance gain**2 / fan_in turn f(z) into sums of variance 1 again. The integral is computed from the kernels, to
    about 15 digits. torch.nn.init.calculate_gain has the same values for linear, relu and leaky_relu; there sigmoid has 1 (here
    1.8462), tanh 5/3 (here 1.5925) and selu 3/4 (here 1, its fixed point), which are rules of thumb, and other functions none.

    Examples
    --------
    >>> import fastact as fa
    >>> f"{fa.init.gain('relu'):.4f}"
    '1.4142'
    >>> f"{fa.init.gain('leaky_relu', negative_slope=0.2):.4f}"
    '1.3868'
    """
    activation, record = _dense._elementwise("gain", name)
    values = _dense._values("gain", record, dict(parameters), np.dtype(np.float64))
    for p, value in zip(record.parameters, values, strict=True):
        if np.ndim(value):
            raise ValueError(f"gain: {p.name} must be a single number, got shape {np.shape(value)}")
    # a function of probabilities refuses numbers, its ufunc gives NaN
    function: Any = activation.forward
    function = function.ufunc if record.held_by else function
    return _gain(function, tuple(float(v) for v in values), activation.name)


__all__ = [*_SCHEMES, "gain"]
