"""scikit-learn: `MLPClassifier` and `MLPRegressor` with fastact's activations, and with more of them.

>>> from sklearn.neural_network import MLPClassifier  # doctest: +SKIP
>>> from fastact.adapters.sklearn import activations  # doctest: +SKIP
>>> with activations():  # doctest: +SKIP
...     MLPClassifier(activation="gelu").fit(X, y)

Inside the context every activation of the table that needs no parameter, under its names and aliases, is a value of
``activation=``, and scikit-learn's own four, softmax and exp are computed by fastact. On leaving, everything is as it was.
An estimator with one of the added names also predicts only inside the context; so do copies in other processes, whose code
has to enter it as well.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.neural_network import _base, _multilayer_perceptron
from sklearn.utils._param_validation import StrOptions

import fastact as _fa
from fastact._registry import NAMES, RECORDS, Record

_NOTHING = ("identity", "linear")  # names of doing nothing, which no kernel beats
_HOSTS = (
    _multilayer_perceptron.BaseMultilayerPerceptron,
    _multilayer_perceptron.MLPClassifier,
    _multilayer_perceptron.MLPRegressor,
)


class _Inputs:
    """What was in a layer's buffer before it was overwritten, kept as long as the buffer lives: the gradient is asked for with it."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def put(self, buffer: Any) -> None:
        key = id(buffer)
        self._of[key] = (weakref.ref(buffer, lambda _: self._of.pop(key, None)), buffer.copy())

    def take(self, buffer: Any) -> Any:
        found, x = self._of.get(id(buffer), (lambda: None, None))
        if found() is not buffer:
            raise RuntimeError("the gradient of a layer was asked for whose forward pass did not go through this context")
        return x


_inputs = _Inputs()


def _pair(name: str, parameters: Mapping[str, Any]) -> tuple[Callable[[Any], None], Callable[[Any, Any], None]]:
    """In-place activation and in-place derivative, as scikit-learn calls them."""
    activation = _fa.get(name)
    record = activation.record
    assert isinstance(record, Record)
    forward, backward = activation.forward, activation.backward
    known = {p.name: parameters.get(p.name, p.default) for p in record.parameters}

    if record.output_determines(known):

        def activate(X: Any) -> None:
            forward(X, **parameters, out=X)

        def derive(Z: Any, delta: Any) -> None:
            backward(delta, y=Z, **parameters, out=delta)

        return activate, derive

    def activate_and_keep(X: Any) -> None:
        _inputs.put(X)
        forward(X, **parameters, out=X)

    def derive_from_input(Z: Any, delta: Any) -> None:
        backward(delta, x=_inputs.take(Z), **parameters, out=delta)

    return activate_and_keep, derive_from_input


def _softmax(X: Any) -> None:
    _fa.softmax(X, axis=1, out=X)


def _identity(*_: Any) -> None:
    pass


def _offered(parameters: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Every name of the table that needs no parameter, or is given them."""
    names = []
    for name, own in NAMES.items():
        record = RECORDS[own]
        if isinstance(record, Record) and not any(p.learned for p in record.parameters):
            given = parameters.get(name, {})
            missing = [p.name for p in record.parameters if p.default is None and p.name not in given]
            if not missing and (record.held_by is None or given.get(record.held_by)):      # a function of probabilities refuses others
                names.append(name)
    return names


_lock = threading.Lock()
_entered: list[Mapping[str, Mapping[str, Any]]] = []
_before = (dict(_base.ACTIVATIONS), dict(_base.DERIVATIVES), [host._parameter_constraints["activation"] for host in _HOSTS])


def _replace(table: dict[str, Any], wanted: Mapping[str, Any]) -> None:
    """Without a moment in which a name that stays is missing: other threads may be fitting."""
    table.update(wanted)
    for name in set(table) - set(wanted):
        del table[name]


def _apply() -> None:
    """Bring scikit-learn's tables to what the contexts that are open ask for."""
    before, derivatives_before, constraints = _before
    forward, backward = dict(before), dict(derivatives_before)
    for parameters in _entered:
        for name in _offered(parameters):
            forward[name], backward[name] = _pair(name, parameters.get(name, {}))
        forward["softmax"] = _softmax
    if _entered:
        for name in _NOTHING:
            forward[name] = backward[name] = _identity
    _replace(_base.ACTIVATIONS, forward)
    _replace(_base.DERIVATIVES, backward)
    options = [StrOptions(set(backward))]
    for host, constraint in zip(_HOSTS, constraints, strict=True):
        host._parameter_constraints["activation"] = options if _entered else constraint


@contextmanager
def activations(**parameters: Mapping[str, Any]) -> Iterator[list[str]]:
    """Inside, scikit-learn's perceptrons run on fastact and accept every activation of the table that needs no parameter.

    Contexts may be nested and entered by several threads; the tables are scikit-learn's own, so all threads see them.

    Parameters
    ----------
    **parameters : mapping
        Parameters by activation: ``activations(leaky_relu={"negative_slope": 0.2})``.

    Yields
    ------
    names : list of str
        What ``activation=`` accepts.

    Raises
    ------
    ValueError
        For an activation or a parameter that there is not, or a value that the activation refuses.
    """
    for name, given in parameters.items():
        record = _fa.get(name).record
        if not isinstance(record, Record) or any(p.learned for p in record.parameters):
            raise ValueError(f"activations: {name} cannot be a hidden layer's activation here")
        for unknown in set(given) - {p.name for p in record.parameters}:
            raise ValueError(f"activations: {name} has no parameter {unknown!r}, got {unknown}={given[unknown]!r}")
        _fa.get(name)(np.zeros(1), **given)  # refuses a bad value now, not in the middle of a fit
    with _lock:
        _entered.append(parameters)
        _apply()
    try:
        yield sorted(_base.DERIVATIVES)
    finally:
        with _lock:
            del _entered[next(i for i, entry in enumerate(_entered) if entry is parameters)]
            _apply()
