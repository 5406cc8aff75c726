"""Functions and gradients as the short, stable NumPy expressions that a student can read.

All that work element by element are here, and softmax, log_softmax and logsumexp. Nothing here uses the compiled kernels.
The expressions are the table's; evaluated with mpmath they prove the kernels, evaluated with NumPy they teach, and are the
baseline that the benchmarks race against.

>>> import numpy as np
>>> import fastact as fa
>>> print(fa.reference.source("silu"))
def silu(x):
    return x * sigmoid(x)
def silu_backward(dy, x):
    return dy * (sigmoid(x) * (1 + x * sigmoid(-x)))
>>> print(f"{fa.reference.silu(np.float64(1.0)):.4f}")
0.7311
"""

from __future__ import annotations

import io
import math
import tokenize
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import fastact
from fastact._functions import Activation
from fastact._registry import ELEMENTWISE, NAMES, RECORDS, Record, RowRecord


def _erfc(x: Any) -> Any:
    """erfc from SciPy if it is installed, else Python's own, element by element."""
    try:
        from scipy.special import erfc
    except ImportError:
        return np.vectorize(math.erfc, otypes=[np.result_type(x, np.float32)])(x)
    return erfc(x)


def _erf(x: Any) -> Any:
    """erf, as `_erfc`."""
    try:
        from scipy.special import erf
    except ImportError:
        return np.vectorize(math.erf, otypes=[np.result_type(x, np.float32)])(x)
    return erf(x)


def _erfcx(x: Any) -> Any:
    """e^(x^2) erfc(x), as `_erfc`; without SciPy from 25 on by its continued fraction."""
    try:
        from scipy.special import erfcx
    except ImportError:
        x = np.asarray(x)
        far = np.maximum(x, 25)
        fraction = far
        for n in (4, 3, 2, 1):
            fraction = far + n / 2 / fraction
        return np.where(x > 25, 1 / (math.sqrt(math.pi) * fraction), np.exp(np.minimum(x, 25) ** 2) * _erfc(x))
    return erfcx(x)


def _less_tanh(x: Any) -> Any:
    """x - tanh(x), near 0 by the first terms of Lambert's continued fraction x/(1 + x^2/(3 + x^2/(5 + ...)))."""
    x = np.asarray(x)
    square = np.minimum(x * x, 1)
    rest = square * 0 + 17
    for n in (15, 13, 11, 9, 7, 5, 3):
        rest = n + square / rest
    return np.where(np.abs(x) < 1, x * square / (rest + square), x - np.tanh(x))


def _sqrt(x: Any) -> Any:
    """The square root; of a Python number a Python number, so that constants do not widen arrays."""
    return math.sqrt(x) if isinstance(x, int | float) else np.sqrt(x)


NUMPY: dict[str, Any] = {
    "abs": np.abs,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "less_tanh": _less_tanh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": _erf,
    "erfc": _erfc,
    "erfcx": _erfcx,
    "sqrt": _sqrt,
    "pi": math.pi,
    "where": np.where,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def _wrap_numbers(expression: str) -> str:
    """Each literal as ``number('0.1')``, for arithmetic in which 0.1 is not the double nearest to it."""
    lines = [expression]
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(expression).readline))):
        if token.type == tokenize.NUMBER:
            lines[0] = f"{lines[0][: token.start[1]]}number({token.string!r}){lines[0][token.end[1] :]}"
    return lines[0]


def _signature(record: Record) -> str:
    return "".join(f", {p.name}" + ("" if p.default is None else f"={p.default!r}") for p in record.parameters)


def _lines(record: Record) -> list[tuple[str, str, str]]:
    """(name, arguments, expression) of an element-by-element record's functions."""
    extra = _signature(record)
    functions = [
        (record.name, f"x{extra}", record.forward),
        (f"{record.name}_backward", f"dy, x{extra}", f"dy * ({record.derivative})"),
    ]
    if record.from_output:
        functions.append((f"{record.name}_backward_y", f"dy, y{extra}", f"dy * ({record.from_output.expression})"))
    for p in record.parameters:
        if p.gradient:
            functions.append((f"{record.name}_backward_{p.name}", f"dy, x{extra}", f"dy * ({p.gradient.expression})"))
    return functions


def _row_lines(record: RowRecord) -> list[tuple[str, str, str]]:
    return [
        (record.name, "x", record.forward),
        (f"{record.name}_backward", f"dy, {record.saves}", record.backward),
    ]


def evaluate_with(primitives: Mapping[str, Any], number: Callable[[str], Any] | None = None) -> dict[str, Callable[..., Any]]:
    """All element-by-element expressions as functions over other arithmetic (mpmath, dual numbers, ...).

    Parameters
    ----------
    primitives : mapping
        What ``exp``, ``where`` and the other names in `NUMPY` mean.
    number : callable, optional
        Makes a literal of the expressions a number; without it literals are Python's.
    """
    scope: dict[str, Any] = dict(primitives)
    if number is not None:
        scope["number"] = number
    functions = {}
    for record in ELEMENTWISE:
        for name, arguments, expression in _lines(record):
            if name in primitives:
                functions[name] = primitives[name]
                continue
            body = expression if number is None else _wrap_numbers(expression)
            functions[name] = scope[name] = eval(f"lambda {arguments}: {body}", scope)
    return functions


def _numpy_function(name: str, arguments: str, expression: str, row: bool) -> Callable[..., Any]:
    """One expression as a NumPy function that keeps its input's floating type."""
    inner = evaluated.get(name) if not row else None

    def elementwise(*args: Any, **kwargs: Any) -> Any:
        arrays = [np.asarray(a) if not isinstance(a, int | float) else a for a in args]
        data = arrays[: 2 if arguments.startswith("dy") else 1]
        floats = [a for a in data if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        dtype = np.result_type(*floats) if floats else np.dtype(np.float64)
        with np.errstate(all="ignore"):
            return np.asarray(inner(*arrays, **kwargs)).astype(dtype)[()]  # type: ignore[misc]

    along = eval(f"lambda {arguments}, max, sum: {expression}", dict(NUMPY)) if row else None

    def over_axis(*args: Any, axis: int | tuple[int, ...] | None = -1, keepdims: bool = True) -> Any:
        def highest(a: Any) -> Any:
            return np.max(a, axis=axis, keepdims=True)

        def total(a: Any) -> Any:
            return np.sum(a, axis=axis, keepdims=True)

        with np.errstate(all="ignore"):
            y = np.asarray(along(*(np.asarray(a) for a in args), highest, total))  # type: ignore[misc]
        return y if keepdims else np.squeeze(y, axis=axis)

    function = over_axis if row else elementwise
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{expression}``"
    return function


def source(name: str | Activation | Callable[..., Any]) -> str:
    """The function and its gradient as Python source.

    Parameters
    ----------
    name : str, Activation or callable
        As for `fastact.get`; a function that works element by element, softmax, log_softmax or logsumexp.

    Raises
    ------
    ValueError
        If there is no such function, or it has no expression.

    Examples
    --------
    >>> import fastact as fa
    >>> print(fa.reference.source("softmax").splitlines()[1])
        return exp(x - max(x)) / sum(exp(x - max(x)))
    """
    record = fastact.get(name).record
    if not isinstance(record, Record | RowRecord):
        raise ValueError(f"name: {record.name!r} has no expression in fastact.reference")
    lines = _lines(record) if isinstance(record, Record) else _row_lines(record)
    return "\n".join(f"def {n}({arguments}):\n    return {expression}" for n, arguments, expression in lines)


evaluated = evaluate_with(NUMPY)
__all__ = ["evaluate_with", "source"]
for _record in RECORDS.values():
    _row = isinstance(_record, RowRecord)
    for _name, _arguments, _expression in _row_lines(_record) if isinstance(_record, RowRecord) else _lines(_record):
        globals()[_name] = _numpy_function(_name, _arguments, _expression, _row)
        __all__ += [_name]
for _alias, _own in NAMES.items():
    globals()[_alias] = globals()[_own]
    globals()[f"{_alias}_backward"] = globals()[f"{_own}_backward"]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
