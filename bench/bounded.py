"""Fast references with their own error bound, and errors in units in the last place, on whole arrays.

The registry's expressions are evaluated on `Bounded` numbers: a value in float64 or longdouble, and a bound of how far
rounding can have taken it from the truth. So a comparison knows which points it can decide, and which need mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastact import reference

#: Error of one elementary function, in units of the type's eps: NumPy's vectorised float64 functions state 4 ulp.
_FUNCTION = 6


class Bounded:
    """value +- error, elementwise."""

    __slots__ = ("error", "value")

    def __init__(self, value: Any, error: Any) -> None:
        self.value = value
        self.error = error

    @property
    def eps(self) -> Any:
        return np.finfo(self.value.dtype).eps

    def _rounded(self, value: Any, error: Any) -> Bounded:
        return Bounded(value, error + self.eps / 2 * np.abs(value))

    def _other(self, other: Any) -> Bounded:
        """An operand as a bounded number of this type."""
        return other if isinstance(other, Bounded) else Bounded(self.value.dtype.type(other), self.value.dtype.type(0))

    def __add__(self, other: Any) -> Bounded:
        o = self._other(other)
        return self._rounded(self.value + o.value, self.error + o.error)

    def __sub__(self, other: Any) -> Bounded:
        o = self._other(other)
        return self._rounded(self.value - o.value, self.error + o.error)

    def __mul__(self, other: Any) -> Bounded:
        o = self._other(other)
        return self._rounded(self.value * o.value, _times(self.error, np.abs(o.value) + o.error) + _times(o.error, np.abs(self.value)))

    def __truediv__(self, other: Any) -> Bounded:
        o = self._other(other)
        quotient = self.value / o.value
        room = np.abs(o.value) - o.error
        return self._rounded(quotient, np.where(room > 0, (self.error + _times(o.error, np.abs(quotient))) / room, np.inf))

    def __pow__(self, n: int) -> Bounded:
        result = self
        for _ in range(n - 1):
            result = result * self
        return result

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error)

    def __abs__(self) -> Bounded:
        return Bounded(np.abs(self.value), self.error)

    def __radd__(self, other: Any) -> Bounded:
        return self._other(other) + self

    def __rsub__(self, other: Any) -> Bounded:
        return self._other(other) - self

    def __rmul__(self, other: Any) -> Bounded:
        return self._other(other) * self

    def __rtruediv__(self, other: Any) -> Bounded:
        return self._other(other) / self

    def __gt__(self, other: Any) -> Any:
        return self.value > self._other(other).value

    def __ge__(self, other: Any) -> Any:
        return self.value >= self._other(other).value


def _times(error: Any, factor: Any) -> Any:
    """error * factor, where no error stays none though the factor overflowed."""
    return np.where(error == 0, error, error * factor)


Function = Callable[[Any], Any]


def _apply(f: Function, slope: Callable[[Any, Any], Any], rounding: Function | None = None) -> Callable[[Bounded], Bounded]:
    """f on bounded numbers; `slope(x, e)` bounds |f'| within e of x."""

    def applied(x: Bounded) -> Bounded:
        value = f(x.value)
        own = _FUNCTION if rounding is None else rounding(x.value)
        moved = x.error if np.ndim(x.error) == 0 and x.error == 0 else _times(x.error, slope(x.value, x.error))
        return Bounded(value, moved + own * x.eps * np.abs(value))

    return applied


def erfc(x: Any) -> Any:
    """erfc in the type of x: the trapezoidal rule on its integral, 1 - erf by Taylor's series near 0."""
    kind = x.dtype.type
    z = np.abs(x)
    near = z < 0.5
    step = kind("0.35")
    with np.errstate(all="ignore"):
        square = np.where(near, kind(1), z * z)
        total = 1 / square
        for n in range(1, 21):
            term = (n * step) ** 2
            total = total + 2 * np.exp(-term) / (square + term)
        pi = kind("3.14159265358979323846264338327950288")
        far = step / pi * np.sqrt(square) * np.exp(-z * z) * total
        far = far - np.where(z < pi / step, 2 / np.expm1(2 * pi * np.where(near, kind(1), z) / step), kind(0))
    far = np.where(np.isfinite(far) & (z < 120), far, kind(0))
    result = np.where(x < 0, 2 - far, far)
    if near.any():
        t = x[near] if x.ndim else x
        power, series = t, t
        for n in range(1, 26):
            power = -power * t * t / n
            series = series + power / (2 * n + 1)
        small = 1 - 2 / np.sqrt(pi) * series
        if x.ndim:
            result[near] = small
        else:
            result = small
    return result


def _maximum(a: Any, b: Any, sign: int = 1) -> Bounded:
    if not isinstance(a, Bounded):
        a = b._other(a)
    b = a._other(b)
    first = sign * a.value >= sign * b.value
    clear = np.abs(a.value - b.value) > a.error + b.error
    error = np.where(clear, np.where(first, a.error, b.error), np.maximum(a.error, b.error))
    return Bounded(np.where(first, a.value, b.value), error)


def _where(condition: Any, a: Any, b: Any) -> Any:
    like = a if isinstance(a, Bounded) else b if isinstance(b, Bounded) else None
    if like is None:
        like = Bounded(np.float64(0), np.float64(0))
    a, b = like._other(a), like._other(b)
    return Bounded(np.where(condition, a.value, b.value), np.where(condition, a.error, b.error))


def _primitives(kind: Any) -> dict[str, Any]:
    pi = kind("3.14159265358979323846264338327950288")
    eps = np.finfo(kind).eps
    sqrt = _apply(np.sqrt, lambda x, e: 1 / (2 * np.sqrt(x - e)))

    def exp_slope(x: Any, e: Any) -> Any:
        return np.exp(x + e) * np.minimum(1, 1 / np.maximum(e, eps))

    return {
        "abs": abs,
        "exp": _apply(np.exp, exp_slope),
        "expm1": _apply(np.expm1, exp_slope),
        "log": _apply(np.log, lambda x, e: 1 / (x - e)),
        "log1p": _apply(np.log1p, lambda x, e: 1 / (1 + x - e)),
        "tanh": _apply(np.tanh, lambda x, e: np.minimum(1, 4 * np.exp(-2 * (np.abs(x) - e)))),
        "erfc": _apply(
            erfc,
            lambda x, e: 2 / np.sqrt(pi) * np.exp(-(np.maximum(np.abs(x) - e, 0) ** 2)),
            lambda x: 24 + np.where(x > 0, x * x, 0),
        ),
        "sqrt": lambda x: sqrt(x if isinstance(x, Bounded) else Bounded(kind(x), kind(0))),
        "pi": Bounded(pi, eps * pi),
        "where": _where,
        "maximum": _maximum,
        "minimum": lambda a, b: _maximum(a, b, -1),
    }


def _evaluator(kind: Any) -> dict[str, Callable[..., Any]]:
    def number(text: str) -> Any:
        return int(text) if text.isdigit() else Bounded(kind(text), np.finfo(kind).eps * abs(kind(text)))

    return reference.evaluate_with(_primitives(kind), number)


_EVALUATE = {np.float64: _evaluator(np.float64), np.longdouble: _evaluator(np.longdouble)}


def evaluate(ufunc: str, operand: Any, parameters: dict[str, float]) -> Bounded:
    """The registry's expression for an element-by-element ufunc (dy = 1): float64 arithmetic for narrower types, else longdouble."""
    kind = np.longdouble if operand.dtype == np.float64 else np.float64
    zero = kind(0)
    x = Bounded(operand.astype(kind), np.zeros(operand.shape, kind))
    values = {k: Bounded(kind(v), zero) for k, v in parameters.items()}
    with np.errstate(all="ignore"):
        dy = (Bounded(kind(1), zero),) if "backward" in ufunc else ()
        result = _EVALUATE[kind][ufunc](*dy, x, **values)
    return Bounded(np.broadcast_to(result.value, operand.shape), np.broadcast_to(result.error, operand.shape))


def spacing(value: Any, dtype: str) -> Any:
    """The spacing of the dtype's numbers at a value of a wider type."""
    info = np.finfo(dtype)
    exponent = np.frexp(np.where(np.isfinite(value), value, 0))[1]
    lowest = int(info.minexp) + 1
    exponent = np.maximum(np.where(value == 0, lowest, exponent), lowest)
    exponent = np.minimum(exponent, int(info.maxexp))
    return np.ldexp(np.ones((), value.dtype), exponent - 1 - int(info.nmant))


def errors(computed: Any, true: Bounded) -> tuple[Any, Any]:
    """|computed - true| in ulp, and the doubt: how far off that may be. Overflow is right where the truth rounds to infinity."""
    dtype = computed.dtype.name
    largest = float(np.finfo(dtype).max)
    with np.errstate(all="ignore"):
        unit = spacing(true.value, dtype)
        c = computed.astype(true.value.dtype)
        error = np.abs(c - true.value) / unit
        doubt = true.error / unit
        top = spacing(np.asarray(largest, true.value.dtype), dtype)
        beyond = np.abs(true.value) >= largest - top
        right = beyond & (np.abs(c) >= largest - 4 * top) & (np.signbit(c) == np.signbit(true.value))
        right |= np.isnan(c) & np.isnan(true.value)
        error = np.where(right, 0, np.where(np.isfinite(c), error, np.inf))
        doubt = np.where(right, 0, np.where(np.isnan(doubt), np.inf, doubt))
    return error, doubt
