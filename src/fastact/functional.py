"""torch.nn.functional's names and arguments for NumPy arrays: ``import fastact.functional as F``.

Every activation of the table, called as PyTorch calls it: ``input`` first, parameters under PyTorch's names with its
defaults, ``dim`` for an axis, ``inplace``. A function that PyTorch has not keeps the table's name. Where `inplace` is
true the input is overwritten and returned; ``relu_`` and its like do the same.

>>> import numpy as np
>>> import fastact.functional as F
>>> x = np.array([-1.0, 0.5, 2.0], dtype=np.float32)
>>> F.leaky_relu(x, 0.5)
array([-0.5,  0.5,  2. ], dtype=float32)
>>> F.relu(x, inplace=True) is x
True
>>> F.softmax(np.zeros((2, 4)), dim=1)[0]
array([0.25, 0.25, 0.25, 0.25])
"""

from __future__ import annotations

import inspect
import numbers
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import fastact as _fa
from fastact import _rows, _validate
from fastact._elsewhere import TORCH, Spelling, written
from fastact._registry import Record


def _in_place(name: str, function: Callable[..., Any], input: Any, parameters: dict[str, Any]) -> Any:
    """Overwrite the input, a NumPy array or something whose memory NumPy sees, and return it."""
    view = input
    if not isinstance(input, np.ndarray):
        view = np.asarray(input)
        if not np.may_share_memory(view, np.asarray(input)):
            raise TypeError(f"{name}: inplace=True needs an array or something whose memory NumPy sees, got {type(input).__name__}")
    if view.dtype.kind != "f" and view.dtype.name != "bfloat16":
        raise TypeError(f"{name}: inplace=True needs a floating-point input, got {view.dtype}")
    function(view, **parameters, out=view)
    return input


def _elementwise(name: str, function: Any, record: Record, spelling: Spelling | None) -> Any:
    """``name(input, parameters, inplace=False)``."""
    if spelling is not None and spelling.arguments is not None:
        arguments: list[tuple[str, str, float | None]] = [(a.name, a.parameter, a.default) for a in spelling.arguments]
    else:
        arguments = [(p.name, p.name, p.default) for p in record.parameters]
    checked = {p.name: p.check for p in record.parameters}
    own = {ours: theirs for theirs, ours, _ in arguments} if spelling is not None else {}
    # by the names that were called, before the table's function would refuse by its own
    checks = "".join(f"    _parameter({name!r}, {theirs!r}, {theirs}, {checked[ours]!r}, _dtype(input))\n" for ours, theirs in own.items())
    checks += "".join(
        f"    _ordered({name!r}, {own[low]!r}, {own[low]}, {own[high]!r}, {own[high]})\n" for low, high in record.ordered if low in own
    )
    given = "".join(f", {theirs}" + ("" if default is None else f"={default!r}") for theirs, _, default in arguments)
    passed = "".join(f", {ours!r}: {theirs}" for theirs, ours, _ in arguments)
    body = f"""
{checks}
    parameters = {{**_fixed{passed}}}
    if inplace:
        return _in_place({name!r}, _function, input, parameters)
    return _function(input, **parameters)
    """
    fixed = dict(spelling.fixed) if spelling else {}
    scope = {"_parameter": _validate.parameter, "_ordered": _validate.ordered, "_dtype": _validate.shared_dtype}
    return written(__name__, name, f"input{given}, inplace=False", body, _fixed=fixed, _function=function, _in_place=_in_place, **scope)


def _chosen(name: str, spelling: Spelling) -> Any:
    """``name(input, approximate="none", inplace=False)``: one function of ours or another."""
    assert spelling.choice is not None
    argument, default, functions = spelling.choice
    choices = {value: _fa.get(own).forward for value, own in functions.items()}
    body = f"""
    try:
        function = _choices[{argument}]
    except (KeyError, TypeError):
        raise ValueError(f"{name}: {argument} must be one of {{', '.join(map(repr, _choices))}}, got {{{argument}!r}}") from None
    return _in_place({name!r}, function, input, {{}}) if inplace else function(input)
    """
    return written(__name__, name, f"input, {argument}={default!r}, inplace=False", body, _choices=choices, _in_place=_in_place)


def _implicit_dim(name: str, input: Any) -> int:
    """What PyTorch takes where no dim is given, with its warning."""
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Include dim=X as an argument.", stacklevel=3)
    return 0 if np.ndim(input) in (0, 1, 3) else 1


def _over_axis(name: str, function: Any) -> Any:
    """``name(input, dim=None, dtype=None)``, with PyTorch's (deprecated) choice of a dim that is not given."""

    def call(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
        if dim is None:
            dim = _implicit_dim(name, input)
        if dtype is not None:
            with np.errstate(all="ignore"):
                input = np.asanyarray(input, dtype)
        if np.ndim(input) == 0 and dim in (0, -1):
            return function(np.reshape(input, 1), 0)[0]
        return function(input, dim)

    return call


def _reduction(function: Any) -> Any:
    """``logsumexp(input, dim, keepdim=False)``, as in torch."""

    def call(input: Any, dim: int | tuple[int, ...], keepdim: bool = False) -> Any:
        if np.ndim(input) == 0 and dim in (0, -1):
            return function(np.reshape(input, 1), 0)
        return function(input, tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim)

    return call


# ---- functions that do more in PyTorch than take other names ------------------------------------------------------------


def _softplus(function: Any) -> Any:
    def softplus(input: Any, beta: float = 1, threshold: float = 20, inplace: bool = False) -> Any:
        """Softplus; as in PyTorch `input` itself where beta * input > threshold (``threshold=np.inf``: softplus everywhere)."""
        if not isinstance(threshold, numbers.Real):
            raise TypeError(f"softplus: threshold must be a real number, got {threshold!r}")
        x = np.asanyarray(input)
        _validate.floats("softplus", input=x)
        beta = _validate.parameter("softplus", "beta", beta, "nonzero")
        with np.errstate(all="ignore"):
            linear = beta * np.asarray(x) > threshold
        if inplace:
            kept = x[linear]
            result = _in_place("softplus", function, input, {"beta": beta})
            np.asarray(input)[linear] = kept
            return result
        result = function(input, beta)
        if isinstance(result, np.ndarray) and result.ndim:
            np.copyto(result, x, where=linear, casting="same_kind")
            return result
        return x.astype(result.dtype)[()] if np.ndim(linear) == 0 and linear else result

    return softplus


def _prelu(function: Any) -> Any:
    def prelu(input: Any, weight: Any) -> Any:
        """PReLU with one slope, or one for each channel: dimension 1 of `input`, or its only one."""
        weight = np.asanyarray(weight)
        if weight.size == 1:
            _rows.none_masked("prelu", weight=weight)
            return function(input, weight.reshape(()))
        if weight.ndim != 1:
            raise ValueError(f"prelu: weight must be a number or one-dimensional, got shape {weight.shape}")
        axis = min(1, np.ndim(input) - 1)
        channels = np.shape(input)[axis] if axis >= 0 else 1
        if weight.size != channels:
            raise ValueError(f"prelu: weight must have one number or one for each channel, got {weight.size} for {channels}")
        return function(input, weight, axis=axis)

    return prelu


def _rrelu(function: Any) -> Any:
    def rrelu(
        input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False, *, rng: Any = None
    ) -> Any:
        """RReLU: slopes drawn with `rng` in training, else their mean. `fastact.rrelu` returns the drawn slopes as well."""
        drawn = {"training": True, "rng": rng} if training else {}
        if inplace:
            return _in_place("rrelu", function, input, {"lower": lower, "upper": upper, **drawn})
        result = function(input, lower, upper, **drawn)
        return result[0] if training else result

    return rrelu


def _logit(function: Any) -> Any:
    def logit(input: Any, eps: float | None = None, inplace: bool = False) -> Any:
        """Log-odds; as in PyTorch NaN outside [0, 1] where there is no `eps` to hold `input` within."""
        called, margin = (function.ufunc, 0.0) if eps is None else (function, eps)
        if inplace:
            return _in_place("logit", lambda x, out: called(x, margin, out=out), input, {})
        return called(input, margin)

    return logit


def _gumbel_softmax(function: Any) -> Any:
    def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, rng: Any = None) -> Any:
        """Gumbel-softmax; `eps` is not used, as in PyTorch. `fastact.gumbel_softmax` returns the soft sample beside the hard one."""
        result = function(logits, tau, axis=dim, hard=hard, rng=rng)
        return result[0] if hard else result

    return gumbel_softmax


def _glu(function: Any) -> Any:
    def glu(input: Any, dim: int = -1) -> Any:
        """The first half along `dim` times the gate's activation of the second."""
        return function(input, axis=dim)

    return glu


_OWN = {f.__name__[1:]: f for f in (_softplus, _prelu, _rrelu, _logit, _gumbel_softmax)}


def _make(name: str, own: str, function: Any, spelling: Spelling | None) -> Any:
    record = getattr(_fa.get(own), "record", None) if own in _ACTIVATIONS else None
    if own in _OWN:
        return _OWN[own](function)
    if spelling is not None and spelling.choice is not None:
        return _chosen(name, spelling)
    if isinstance(record, Record):
        return _elementwise(name, function, record, spelling)
    arguments = inspect.signature(function).parameters
    if "gate" in arguments:
        return _glu(function)
    return _reduction(function) if "keepdims" in arguments else _over_axis(name, function)


def _build() -> dict[str, Any]:
    spelled = {s.function: s for s in TORCH}
    made: dict[str, Any] = {}
    for own in (*_ACTIVATIONS, *(n for n in _OWN if n not in _ACTIVATIONS and hasattr(_fa, n))):
        spelling = spelled.get(own)
        name = spelling.name if spelling else own
        function = _make(name, own, getattr(_fa, own), spelling)
        summary = _fa.get(own).summary if own in _ACTIVATIONS else ""
        function.__doc__ = f"{function.__doc__ or summary}\n\nPyTorch's arguments for `fastact.{own}`, which has the definition."
        function.__name__ = function.__qualname__ = name
        function.__module__ = __name__
        made[name] = function
        if "inplace" in inspect.signature(function).parameters:
            made[f"{name}_"] = _always_in_place(name, function)
    return made


def _always_in_place(name: str, function: Any) -> Any:
    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, inplace=True, **kwargs)

    call.__name__ = call.__qualname__ = f"{name}_"
    call.__module__ = __name__
    call.__doc__ = f"`{name}` with ``inplace=True``."
    return call


_ACTIVATIONS = _fa.names()
_made = _build()
globals().update(_made)
__all__ = list(_made)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
