"""Activation functions for NumPy arrays, forward and backward: accurate, fast, in place, along any axis.

>>> import numpy as np
>>> import fastact as fa
>>> x = np.array([-2.0, 0.0, 3.0], dtype=np.float32)
>>> y = fa.gelu(x)
>>> dx = fa.gelu_backward(np.ones_like(x), x=x)
>>> fa.relu(x, out=x)
array([0., 0., 3.], dtype=float32)
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from fastact import _docs, _functions, _threads, _variants
from fastact._functions import Activation
from fastact._threads import get_num_threads, num_threads, set_num_threads
from fastact._version import __version__

ISA: str = _variants.choose()
"""The instruction-set variant in use."""

_kernels = _variants.load(ISA)
_threads.start(_kernels)
_ufuncs: dict[str, np.ufunc] = _kernels.make_ufuncs(_docs.ufunc_docs())
_public, _activations = _functions.build(_ufuncs)


def get(name: str | Activation | Callable[..., Any]) -> Activation:
    """Look an activation up by name or alias, or by its function.

    Parameters
    ----------
    name : str, Activation or callable
        As in the table: "gelu", "expit", "softmax", ...; or the function, `fastact.gelu`.

    Returns
    -------
    activation : Activation
        Callable; with ``.backward``, ``.name``, ``.parameters``, ``.formulas``, ``.bounds``, ``.aliases``.

    Raises
    ------
    ValueError
        If there is no such function; the message suggests the nearest name.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.get("expit") is fa.get("sigmoid") is fa.get(fa.sigmoid)
    True
    """
    if isinstance(name, Activation):
        return name
    own = name if isinstance(name, str) else getattr(name, "__name__", "")
    found = _activations.get(own)
    if found is None or not (isinstance(name, str) or found.forward is name):
        import difflib

        near = difflib.get_close_matches(str(own).lower().replace("-", "_"), _activations, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        if isinstance(own, str) and own in _public and (isinstance(name, str) or name is _public[own]):
            hint = f"; fastact.{own} is a function with arguments of its own"
        raise ValueError(f"name: no activation is called {name!r}{hint}")
    return found


def names() -> list[str]:
    """The names of all activations, without aliases.

    Examples
    --------
    >>> import fastact as fa
    >>> "gelu" in fa.names()
    True
    """
    return [name for name, activation in _activations.items() if name == activation.name]


def show_config() -> None:
    """Print version, instruction set in use and available, CPU features, NumPy, threads and compiler."""
    from fastact import _config

    print(_config.describe())


def get_include() -> str:
    """The directory of ``fastact_api.h``, for C code that calls fastact's functions.

    Returns
    -------
    directory : str
        To be given to the compiler as an include directory.

    Examples
    --------
    >>> import os
    >>> import fastact as fa
    >>> os.path.exists(os.path.join(fa.get_include(), "fastact_api.h"))
    True
    """
    return os.path.dirname(importlib.import_module("fastact.cython_api").__file__ or "")


from fastact import ufuncs  # noqa: E402  (needs the ufuncs above)
from fastact._dense import dense, dense_backward, fused, fused_backward  # noqa: E402
from fastact._dropout import alpha_dropout, alpha_dropout_backward  # noqa: E402
from fastact._recurrent import gru_gates, gru_gates_backward, lstm_gates, lstm_gates_backward  # noqa: E402

__all__ = [
    "ISA",
    "Activation",
    "__version__",
    "alpha_dropout",
    "alpha_dropout_backward",
    "dense",
    "dense_backward",
    "fused",
    "fused_backward",
    "get",
    "get_include",
    "get_num_threads",
    "gru_gates",
    "gru_gates_backward",
    "init",
    "lstm_gates",
    "lstm_gates_backward",
    "monitor",
    "names",
    "num_threads",
    "plot",
    "reference",
    "set_num_threads",
    "show_config",
    "ufuncs",
    *_public,
    *(_PAIRS := _functions.pair_names()),
]

_making = threading.Lock()
_LAZY = ("functional", "init", "monitor", "plot", "reference", "special")
_TABLES: dict[str, Callable[[], dict[str, np.ufunc]]] = {
    "_pairs": lambda: _kernels.make_pairs(_docs.pair_docs()),  # type: ignore[no-any-return]
    "_affine": lambda: _kernels.make_affine(_docs.affine_docs()),  # type: ignore[no-any-return]
    "_gates": lambda: _kernels.make_gates(_docs.gate_docs()),  # type: ignore[no-any-return]
}


def __getattr__(name: str) -> Any:
    """What is made when it is first asked for: most programs never ask for most of it, and importing fastact is quick."""
    if name in _public:
        made = globals()[name] = _public[name]
        return made
    if name in _PAIRS:
        record = _PAIRS[name]
        function = _functions.pair_function(record, globals().get("_pairs") or __getattr__("_pairs"))
        globals().update(dict.fromkeys((n for n, r in _PAIRS.items() if r is record), function))
        return function
    if name in _LAZY:
        return importlib.import_module(f"fastact.{name}")
    if name in _TABLES:
        with _making:  # of two threads that ask at once both get the same
            if name not in globals():
                globals()[name] = _TABLES[name]()
        return globals()[name]
    raise AttributeError(f"module 'fastact' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_public, *_LAZY, *_PAIRS})
