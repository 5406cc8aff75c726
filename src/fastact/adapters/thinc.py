"""thinc and spaCy: ``use_ops("fastact")``. Installing fastact is enough, thinc finds it by its entry point.

>>> from thinc.api import Mish, use_ops  # doctest: +SKIP
>>> with use_ops("fastact"):  # doctest: +SKIP
...     model = Mish(64, 32)  # a model keeps the ops that it was made with

`FastactOps` is `NumpyOps` with fastact in place of the activations that thinc computes with NumPy expressions or libm, under the same
signatures and thinc's definitions: `sigmoid` clips its input at 20, `hard_sigmoid` has the slope 0.2, and `swish` is silu. Where thinc
clips only so that nothing overflows (swish), or approximates (erf, and gelu through it), the exact function takes its place.
``inplace=True`` overwrites what thinc overwrites: X forward, dY backward, Y in `backprop_sigmoid`. Types that fastact does not compute go
to `NumpyOps`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from thinc.api import NumpyOps, Ops, registry

import fastact as _fa
from fastact._elsewhere import THINC
from fastact._registry import NAMES

_NAMES = {*_fa.names(), *NAMES}
_TYPES = (np.float32, np.float64, np.float16)
_EXACT = 20.0  # from here on mish(x) is x in every floating type, which is what thinc's threshold is for


def _float(*arrays: Any) -> bool:
    return all(isinstance(a, np.ndarray) and a.dtype in _TYPES and a.dtype == arrays[0].dtype for a in arrays)


def _same_shape(a: Any, b: Any) -> None:
    if a.shape != b.shape:
        raise ValueError(f"arrays have incompatible shapes: {a.shape} and {b.shape}")


@registry.ops("FastactOps")
class FastactOps(NumpyOps):  # type: ignore[misc]
    """thinc's operations on NumPy arrays, with fastact's activations."""

    name = "fastact"
    xp = np

    def sigmoid(self, X: Any, *, inplace: bool = False) -> Any:
        if not _float(X):
            return super().sigmoid(X, inplace=inplace)
        Y = np.clip(X, -20.0, 20.0, out=X if inplace else None)
        return _fa.sigmoid(Y, out=Y)

    def backprop_sigmoid(self, dY: Any, Y: Any, *, inplace: bool = False) -> Any:
        if not _float(dY, Y):
            return super().backprop_sigmoid(dY, Y, inplace=inplace)
        return _fa.sigmoid_backward(dY, y=Y, out=Y if inplace else None)

    def dsigmoid(self, Y: Any, *, inplace: bool = False) -> Any:
        if not _float(Y):
            return super().dsigmoid(Y, inplace=inplace)
        return _fa.sigmoid_backward(1.0, y=Y, out=Y if inplace else None)

    def dtanh(self, Y: Any, *, inplace: bool = False) -> Any:
        if not _float(Y):
            return super().dtanh(Y, inplace=inplace)
        return _fa.tanh_backward(1.0, y=Y, out=Y if inplace else None)

    def softmax(self, x: Any, *, inplace: bool = False, axis: int = -1, temperature: float = 1.0) -> Any:
        if not _float(x):
            return super().softmax(x, inplace=inplace, axis=axis, temperature=temperature)
        out = x if inplace else None
        if temperature != 1.0:
            x = out = np.divide(x, temperature, out=out)
        return _fa.softmax(x, axis, out=out)

    def backprop_softmax(self, Y: Any, dY: Any, *, axis: int = -1, temperature: float = 1.0) -> Any:
        if not _float(dY, Y):
            return super().backprop_softmax(Y, dY, axis=axis, temperature=temperature)
        dX = _fa.softmax_backward(dY, y=Y, axis=axis)
        return dX if temperature == 1.0 else np.divide(dX, temperature, out=dX)

    def relu(self, X: Any, inplace: bool = False) -> Any:
        return _fa.relu(X, out=X if inplace else None) if _float(X) else super().relu(X, inplace=inplace)

    def backprop_relu(self, dY: Any, Y: Any, inplace: bool = False) -> Any:
        if not _float(dY, Y):
            return super().backprop_relu(dY, Y, inplace=inplace)
        _same_shape(dY, Y)
        return _fa.relu_backward(dY, y=Y, out=dY if inplace else None)

    def swish(self, X: Any, inplace: bool = False) -> Any:
        return _fa.silu(X, out=X if inplace else None) if _float(X) else super().swish(X, inplace=inplace)

    def backprop_swish(self, dY: Any, X: Any, Y: Any, inplace: bool = False) -> Any:
        if not _float(dY, X):
            return super().backprop_swish(dY, X, Y, inplace=inplace)
        _same_shape(X, Y)
        _same_shape(dY, X)
        return _fa.silu_backward(dY, x=X, out=dY if inplace else None)

    def mish(self, X: Any, threshold: float = 20.0, inplace: bool = False) -> Any:
        if not _float(X) or threshold < _EXACT:
            return super().mish(X, threshold=threshold, inplace=inplace)
        return _fa.mish(X, out=X if inplace else None)

    def backprop_mish(self, dY: Any, X: Any, threshold: float = 20.0, inplace: bool = False) -> Any:
        if not _float(dY, X) or threshold < _EXACT:
            return super().backprop_mish(dY, X, threshold, inplace)
        _same_shape(dY, X)
        return _fa.mish_backward(dY, x=X, out=dY if inplace else None)


def _forward(name: str, own: str, fixed: dict[str, float]) -> Any:
    function, base = _fa.get(own).forward, getattr(NumpyOps, name)

    def forward(self: Any, X: Any, inplace: bool = False) -> Any:
        return function(X, **fixed, out=X if inplace else None) if _float(X) else base(self, X, inplace=inplace)

    return forward


def _backward(name: str, own: str, fixed: dict[str, float]) -> Any:
    function, base = _fa.get(own).backward, getattr(NumpyOps, name)

    def backward(self: Any, dY: Any, X: Any, inplace: bool = False) -> Any:
        if not _float(dY, X):
            return base(self, dY, X, inplace=inplace)
        _same_shape(dY, X)
        return function(dY, x=X, **fixed, out=dY if inplace else None)

    return backward


def _relu_k(self: Any, X: Any, n: float = 6.0, inplace: bool = False) -> Any:
    return _fa.get("relu_k")(X, n, out=X if inplace else None) if _float(X) else NumpyOps.relu_k(self, X, n, inplace)


def _backprop_relu_k(self: Any, dY: Any, X: Any, n: float = 6.0, inplace: bool = False) -> Any:
    if not _float(dY, X):
        return NumpyOps.backprop_relu_k(self, dY, X, n, inplace)
    _same_shape(dY, X)
    return _fa.get("relu_k").backward(dY, x=X, n=n, out=dY if inplace else None)


def _erf(self: Any, X: Any) -> Any:
    return _fa.get("erf")(X) if _float(X) else NumpyOps.erf(self, X)


def _softmax_sequences(self: Any, Xs: Any, lengths: Any, *, inplace: bool = False, axis: int = -1) -> Any:
    if Xs.ndim >= 3 or not _float(Xs):
        return NumpyOps.softmax_sequences(self, Xs, lengths, inplace=inplace, axis=axis)
    Y = np.clip(Xs, -20.0, 20.0, out=Xs if inplace else None)
    return _fa.segment_softmax(Y, _offsets(lengths), axis=0, out=Y)


def _backprop_softmax_sequences(self: Any, dY: Any, Y: Any, lengths: Any) -> Any:
    if not _float(dY, Y):
        return NumpyOps.backprop_softmax_sequences(self, dY, Y, lengths)
    return _fa.segment_softmax_backward(dY, y=Y, offsets=_offsets(lengths), axis=0)


def _offsets(lengths: Any) -> Any:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _methods() -> dict[str, Any]:
    """The operations for functions of the table whose signatures are ``(X, inplace)`` and ``(dY, X, inplace)``, and a few others."""
    found: dict[str, Any] = {}
    spelled = {s.name: (s.function, dict(s.fixed)) for s in THINC}
    for name in ("gelu", "dish", *spelled):
        own, fixed = spelled.get(name, (name, {}))
        if own in _NAMES:
            found[name] = _forward(name, own, fixed)
            found[f"backprop_{name}"] = _backward(f"backprop_{name}", own, fixed)
    if "relu_k" in _NAMES:
        found |= {"relu_k": _relu_k, "backprop_relu_k": _backprop_relu_k}
    if "erf" in _NAMES:
        found["erf"] = _erf
    if hasattr(_fa, "segment_softmax"):
        found |= {"softmax_sequences": _softmax_sequences, "backprop_softmax_sequences": _backprop_softmax_sequences}
    return found


for _name, _method in _methods().items():
    _method.__name__ = _name
    _method.__qualname__ = f"FastactOps.{_name}"
    _method.__doc__ = getattr(NumpyOps, _name).__doc__
    setattr(FastactOps, _name, _method)

for _name, _method in vars(FastactOps).items():
    if callable(_method) and not _name.startswith("_"):
        _method.__annotations__ = dict(getattr(Ops, _name).__annotations__)  # thinc's own, as its tests ask of all ops
