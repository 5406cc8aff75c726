"""The references in exact arithmetic: mpmath for values, dual numbers over mpmath for gradients, and the ulp.

Used by the tests and the accuracy command; needs mpmath, which the package itself does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp

from fastact import reference
from fastact._registry import RowRecord
from fastact.verify.types import limits

#: Working precisions in bits, tried in turn until two agree: the last covers all that cancels in the references' tails.
PRECISIONS = (160, 240, 1500)
_BITS = {"float16": (11, -24), "bfloat16": (8, -133), "float32": (24, -149), "float64": (53, -1074)}


def exact(value: float) -> Any:
    """A floating-point number as an mpf, exactly."""
    return mp.mpf(float(value))


def _erfcx(x: Any) -> Any:
    """e^(x^2) erfc(x); where both factors would be out of all proportion, by its asymptotic series."""
    if x < 1e6:
        return mp.exp(x * x) * mp.erfc(x)
    term, total, n = mp.mpf(1), mp.mpf(0), 0
    while abs(term) > mp.eps:
        total, n = total + term, n + 1
        term = -term * (2 * n - 1) / (2 * x * x)
    return total / (x * mp.sqrt(mp.pi))


def _less_tanh(x: Any) -> Any:
    """x - tanh(x), with as many digits more as cancel."""
    with mp.workprec(mp.mp.prec + 2 * max(0, -mp.mag(x)) if x else mp.mp.prec):
        return x - mp.tanh(x)


_MP: dict[str, Any] = {
    "abs": abs,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "tanh": mp.tanh,
    "less_tanh": _less_tanh,
    "sin": mp.sin,
    "cos": mp.cos,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfcx": _erfcx,
    "sqrt": mp.sqrt,
    "pi": mp.pi,
    "where": lambda condition, a, b: a if condition else b,
    "maximum": lambda a, b: a if a >= b else b,
    "minimum": lambda a, b: a if a < b else b,
}


@dataclass(frozen=True)
class Dual:
    """value + slope*eps: arithmetic on these differentiates a reference expression."""

    value: Any
    slope: Any

    def __add__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.value + o.value, self.slope + o.slope)

    def __sub__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.value - o.value, self.slope - o.slope)

    def __mul__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.value * o.value, self.slope * o.value + self.value * o.slope)

    def __truediv__(self, other: Any) -> Dual:
        o = _dual(other)
        q = self.value / o.value
        return Dual(q, (self.slope - q * o.slope) / o.value)

    def __pow__(self, n: Any) -> Dual:
        n = n.value if isinstance(n, Dual) else n
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __abs__(self) -> Dual:
        return self if self.value >= 0 else -self

    def __radd__(self, other: Any) -> Dual:
        return _dual(other) + self

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) - self

    def __rmul__(self, other: Any) -> Dual:
        return _dual(other) * self

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _dual(other).value)

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _dual(other).value)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _dual(other).value)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _dual(other).value)


def _dual(value: Any) -> Dual:
    return value if isinstance(value, Dual) else Dual(mp.mpf(value), mp.mpf(0))


def _lift(f: Callable[[Any], Any], derivative: Callable[[Any, Any], Any]) -> Callable[[Any], Dual]:
    """f on duals; its derivative gets (x, f(x))."""

    def lifted(x: Any) -> Dual:
        d = _dual(x)
        y = f(d.value)
        return Dual(y, d.slope * derivative(d.value, y))

    return lifted


_DUAL: dict[str, Any] = {
    "abs": abs,
    "exp": _lift(mp.exp, lambda x, y: y),
    "expm1": _lift(mp.expm1, lambda x, y: mp.exp(x)),
    "log": _lift(mp.log, lambda x, y: 1 / x),
    "log1p": _lift(mp.log1p, lambda x, y: 1 / (1 + x) if x != -1 else mp.inf),
    "tanh": _lift(mp.tanh, lambda x, y: (1 - y) * (1 + y)),
    "less_tanh": _lift(_less_tanh, lambda x, y: mp.tanh(x) ** 2),
    "sin": _lift(mp.sin, lambda x, y: mp.cos(x)),
    "cos": _lift(mp.cos, lambda x, y: -mp.sin(x)),
    "erf": _lift(mp.erf, lambda x, y: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "erfc": _lift(mp.erfc, lambda x, y: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "erfcx": _lift(_erfcx, lambda x, y: 2 * x * y - 2 / mp.sqrt(mp.pi)),
    "sqrt": _lift(mp.sqrt, lambda x, y: 1 / (2 * y)),
    "pi": mp.pi,
    "where": lambda condition, a, b: a if condition else b,
    "maximum": lambda a, b: a if _dual(a) >= b else b,
    "minimum": lambda a, b: a if _dual(a) < b else b,
}


def _number(text: str) -> Any:
    return int(text) if text.isdigit() else mp.mpf(text)


FORWARD = reference.evaluate_with(_MP, _number)
_ON_DUALS = reference.evaluate_with(_DUAL, _number)


def _settled(evaluate: Callable[[], Any]) -> Any:
    """The value, once two working precisions agree to well beyond a double."""
    last = None
    for bits in PRECISIONS:
        with mp.workprec(bits):
            value = mp.mpf(evaluate())
        # a 0 may be all that is left of a cancellation: only the last precision is believed on it
        if last is not None and value != 0 and (value == last or mp.isnan(value) or abs(value - last) < abs(value) * mp.mpf(2) ** -100):
            return value
        last = value
    return last


def forward(name: str, x: float, **parameters: float) -> Any:
    """f(x), to far more digits than needed."""
    return _settled(lambda: FORWARD[name](exact(x), **{k: exact(v) for k, v in parameters.items()}))


def stated(name: str, x: float, **parameters: float) -> Any:
    """The table's own derivative expression (and, for ``<name>_backward_y``, of y) in exact arithmetic, dy = 1."""
    return _settled(lambda: FORWARD[name](mp.mpf(1), exact(x), **{k: exact(v) for k, v in parameters.items()}))


def gradient(name: str, x: float, **parameters: float) -> Any:
    """f'(x) by differentiating the forward reference, not from the table's derivative."""
    return _settled(lambda: _dual(_ON_DUALS[name](Dual(exact(x), mp.mpf(1)), **{k: exact(v) for k, v in parameters.items()})).slope)


def parameter_gradient(name: str, parameter: str, x: float, **parameters: float) -> Any:
    """The derivative of f(x) by one of its parameters, from the forward reference."""

    def slope() -> Any:
        values: dict[str, Any] = {k: exact(v) for k, v in parameters.items()}
        values[parameter] = Dual(values[parameter], mp.mpf(1))
        return _dual(_ON_DUALS[name](exact(x), **values)).slope

    return _settled(slope)


def ulp(value: Any, dtype: str) -> Any:
    """The spacing of the dtype's numbers at an exact value; below the normal range, the subnormal spacing."""
    digits, lowest = _BITS[dtype]
    if value == 0:
        return mp.ldexp(1, lowest)
    exponent = int(mp.floor(mp.log(abs(value), 2))) if not mp.isinf(value) else 0
    if mp.ldexp(1, exponent) > abs(value):
        exponent -= 1
    elif mp.ldexp(1, exponent + 1) <= abs(value):
        exponent += 1
    return mp.ldexp(1, max(exponent - digits + 1, lowest))


def row_scale(record: RowRecord, true: Any, largest: Any, dtype: str) -> float:
    """By how much the ulp that a row record's bounds count in is larger than that of the result (`RowRecord.ulp_of`)."""
    if record.ulp_of == "result" or mp.isinf(true) or mp.isinf(largest) or mp.isnan(true) or mp.isnan(largest):
        return 1.0
    return float(ulp(max(abs(true), abs(largest)), dtype) / ulp(true, dtype))


def error(computed: float, true: Any, dtype: str) -> float:
    """|computed - true| in ulp. Infinity counts as the power of two after the largest number, and is right for all beyond it."""
    computed = float(computed)
    if mp.isnan(true) or math.isnan(computed):
        return 0.0 if mp.isnan(true) and math.isnan(computed) else math.inf
    info = limits(dtype)
    top = mp.ldexp(1, int(info.maxexp))
    if math.isinf(computed):
        if abs(true) >= top and (true > 0) == (computed > 0):
            return 0.0
        value = top if computed > 0 else -top
    else:
        value = exact(computed)
    unit = mp.mpf(min(ulp(true, dtype), ulp(exact(float(info.max)), dtype))) if not mp.isinf(true) else top
    return float(abs(value - true) / unit)
