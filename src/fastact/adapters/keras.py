"""Keras with the NumPy backend: ``install()`` computes its activations with fastact, ``uninstall()`` puts Keras' own back.

>>> import os  # doctest: +SKIP
>>> os.environ["KERAS_BACKEND"] = "numpy"  # doctest: +SKIP
>>> import keras  # doctest: +SKIP
>>> from fastact.adapters.keras import install, uninstall  # doctest: +SKIP
>>> install()  # doctest: +SKIP

Every function of Keras' backend that the table has is replaced, under Keras' signatures and defaults: `gelu` approximates unless
``approximate=False``, and `leaky_relu` has the slope 0.2. Types that fastact does not compute (integers) go to Keras' own.
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

import ml_dtypes
import numpy as np
from keras.src.backend.numpy import nn as _nn
from keras.src.backend.numpy.core import convert_to_tensor

import fastact as _fa
from fastact._elsewhere import KERAS, Spelling, written
from fastact._registry import Record

_TYPES = frozenset(np.dtype(t) for t in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16))


def _scope(own: Any) -> dict[str, Any]:
    """What the written functions use. They make a tensor of their input, which rounds float64 to Keras' floatx, where Keras' own does."""
    converts = convert_to_tensor.__name__ in own.__code__.co_names
    return {"_tensor": convert_to_tensor if converts else np.asarray, "_types": _TYPES, "_own": own}


def _signature(arguments: list[tuple[str, float | None]]) -> str:
    return "x" + "".join(f", {name}" + ("" if default is None else f"={default!r}") for name, default in arguments)


def _elementwise(name: str, activation: Any, spelling: Spelling | None, own: Any) -> Any:
    if spelling is not None and spelling.arguments is not None:
        arguments = [(a.name, a.parameter, a.default) for a in spelling.arguments]
    else:
        arguments = [(p.name, p.name, p.default) for p in activation.record.parameters]
    passed = "".join(f", {theirs}" for theirs, _, _ in arguments)
    body = f"""
    x = _tensor(x)
    if x.dtype not in _types:
        return _own(x{passed})
    return _function(x{"".join(f", {ours}={theirs}" for theirs, ours, _ in arguments)}, **_fixed)
    """
    fixed = dict(spelling.fixed) if spelling else {}
    signature = _signature([(theirs, default) for theirs, _, default in arguments])
    return written(__name__, name, signature, body, **_scope(own), _function=activation.forward, _fixed=fixed)


def _chosen(name: str, spelling: Spelling, own: Any) -> Any:
    assert spelling.choice is not None
    argument, default, functions = spelling.choice
    choices = {value: _fa.get(ours).forward for value, ours in functions.items()}
    body = f"""
    x = _tensor(x)
    return _choices[bool({argument})](x) if x.dtype in _types else _own(x, {argument})
    """
    return written(__name__, name, f"x, {argument}={default!r}", body, **_scope(own), _choices=choices)


def _over_axis(name: str, function: Any, own: Any) -> Any:
    body = """
    x = _tensor(x)
    return _function(x, axis=axis) if x.dtype in _types else _own(x, axis)
    """
    return written(__name__, name, "x, axis=-1", body, **_scope(own), _function=function)


def _replacements() -> dict[str, Any]:
    """Keras' name -> the function over ours, for each function of the backend that the table has."""
    spelled = {s.name: s for s in KERAS}
    ours = {*_fa.names()}
    made = {}
    for name, own in vars(_nn).items():
        if not inspect.isfunction(own) or own.__module__ != _nn.__name__:
            continue
        spelling = spelled.get(name)
        function = spelling.function if spelling else name
        if function not in ours:
            continue
        activation = _fa.get(function)
        if spelling is not None and spelling.choice is not None:
            made[name] = _chosen(name, spelling, own)
        elif isinstance(activation.record, Record):
            made[name] = _elementwise(name, activation, spelling, own)
        elif "axis" in inspect.signature(own).parameters:
            made[name] = _over_axis(name, activation.forward, own)
    return made


_lock = threading.Lock()
_own: dict[str, Any] = {}


def install() -> list[str]:
    """Replace the activations of Keras' NumPy backend; installing twice does nothing.

    Returns
    -------
    names : list of str
        The functions that fastact computes from here on.
    """
    with _lock:
        if not _own:
            for name, function in _replacements().items():
                _own[name] = getattr(_nn, name)
                setattr(_nn, name, function)
        return sorted(_own)


def uninstall() -> None:
    """Put Keras' own functions back."""
    with _lock:
        for name, function in _own.items():
            setattr(_nn, name, function)
        _own.clear()
