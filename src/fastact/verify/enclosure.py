"""How far a program's floating-point result can be from the truth, for a whole range of operands at once.

Forward error analysis on intervals. For every step of a program and every block of operands [a, b], three numbers are
carried: the exact value lies in [lo, hi] for all operands of the block, and the computed value is within `error` of the
exact one. A block of neighbouring float32 numbers is so short that this is as sharp as an analysis point by point, and
one evaluation of it serves 2^14 numbers.

What is assumed: IEEE arithmetic, and that an elementary function's relative error is below its `own` entry in
`PRIMITIVES`, in units of the type's eps; those are generous, and a test compares them with mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from fastact.verify.program import Node, Program, steps_of
from fastact.verify.types import limits

_PI = "3.14159265358979323846264338327950288"


@dataclass(frozen=True)
class Primitive:
    """An elementary function of the reference."""

    #: Operand, optionally ``out=`` -> values in the operand's type (float64 or longdouble).
    compute: Callable[..., Any]
    #: An upper bound of |f'| on [lo, hi].
    slope: Callable[[Any, Any], Any]
    #: Largest relative error in eps, a number or a function of the operand's largest value.
    own: float | Callable[[Any], Any] = 8
    #: "up", "down", or neither: then f stays within [-1, 1] and |f'| does.
    goes: str = "up"


def _erf(x: Any, out: Any = None) -> Any:
    """erf: SciPy's in float64, in longdouble from erfc."""
    if x.dtype == np.float64:
        from scipy.special import erf

        return erf(x, out=out)
    return np.where(np.abs(x) < 0.5, _erf_series(x), np.copysign(1 - _erfc(np.abs(x)), x))


def _erf_series(x: Any) -> Any:
    """Taylor's series of erf, for |x| < 1/2; elsewhere nonsense."""
    t = np.where(np.abs(x) < 0.5, x, x.dtype.type(0))
    power, series = t, t
    for n in range(1, 26):
        power = -power * t * t / n
        series = series + power / (2 * n + 1)
    return 2 / np.sqrt(x.dtype.type(_PI)) * series


def _erfc(x: Any, out: Any = None) -> Any:
    """erfc: SciPy's in float64; in longdouble the trapezoidal rule on its integral, and a series near 0."""
    if x.dtype == np.float64:
        from scipy.special import erfc

        return erfc(x, out=out)
    z = np.abs(x)
    far = np.where(z < 120, np.exp(-z * z) * _scaled(z), x.dtype.type(0))
    return np.where(z < 0.5, 1 - _erf_series(x), np.where(x < 0, 2 - far, far))


def _erfcx(x: Any, out: Any = None) -> Any:
    """e^(x^2) erfc(x): SciPy's in float64, in longdouble for x > 1/2 without ever meeting the tiny erfc(x)."""
    if x.dtype == np.float64:
        from scipy.special import erfcx

        return erfcx(x, out=out)
    return np.where(x > 0.5, _scaled(x), np.exp(x * x) * _erfc(x))


def _scaled(x: Any) -> Any:
    """e^(x^2) erfc(x) in longdouble for x > 1/2, by the trapezoidal rule; elsewhere nonsense."""
    kind = x.dtype.type
    gap = kind("0.35")
    pi = kind(_PI)
    safe = np.where(x < 0.5, kind(1), x)
    square = safe * safe
    total = 1 / square
    for n in range(1, 21):
        term = (n * gap) ** 2
        total = total + 2 * np.exp(-term) / (square + term)
    total = gap / pi * safe * total
    return total - np.where(safe < pi / gap, 2 * np.exp(np.minimum(square, 81)) / np.expm1(2 * pi * safe / gap), kind(0))


def _less_tanh(x: Any, out: Any = None) -> Any:
    """x - tanh(x), near 0 by Lambert's continued fraction, all of whose parts are positive."""
    square = np.minimum(x * x, x.dtype.type(1))
    rest = square * 0 + 23
    for n in range(21, 1, -2):
        rest = n + square / rest
    return np.where(np.abs(x) < 1, x * square / (rest + square), x - np.tanh(x))


PRIMITIVES: dict[str, Primitive] = {
    "exp": Primitive(np.exp, lambda lo, hi: np.exp(hi)),
    "expm1": Primitive(np.expm1, lambda lo, hi: np.exp(hi)),
    "log": Primitive(np.log, lambda lo, hi: 1 / lo),
    "log1p": Primitive(np.log1p, lambda lo, hi: 1 / (1 + lo)),
    "sqrt": Primitive(np.sqrt, lambda lo, hi: 1 / (2 * np.sqrt(lo))),
    "tanh": Primitive(np.tanh, lambda lo, hi: np.minimum(1, 4 * np.exp(-2 * _smallest(lo, hi)))),
    "less_tanh": Primitive(_less_tanh, lambda lo, hi: np.minimum(1, np.maximum(-lo, hi) ** 2), 16),
    "sin": Primitive(np.sin, lambda lo, hi: np.ones_like(lo), goes="up and down"),
    "cos": Primitive(np.cos, lambda lo, hi: np.ones_like(lo), goes="up and down"),
    "erf": Primitive(_erf, lambda lo, hi: 1.13 * np.exp(-(_smallest(lo, hi) ** 2))),
    "erfc": Primitive(
        _erfc,
        lambda lo, hi: 1.13 * np.exp(-(_smallest(lo, hi) ** 2)),
        lambda hi: 64 + 2 * np.clip(hi, 0, 1e9) ** 2,
        goes="down",
    ),
    "erfcx": Primitive(
        _erfcx,
        lambda lo, hi: np.where(lo < 0, 1.13 - 4 * lo * np.exp(np.maximum(-lo, 0) ** 2), np.minimum(1.13, 0.57 / lo**2)),
        lambda hi: 64 + 2 * np.clip(-hi, 0, 1e9) ** 2,
        goes="down",
    ),
}


def _smallest(lo: Any, hi: Any) -> Any:
    """The least magnitude in [lo, hi]."""
    return np.maximum(np.maximum(lo, -hi), 0)


def _times(error: Any, factor: Any) -> Any:
    """error * factor, where no error stays none though the factor overflowed."""
    return np.where(error == 0, error, error * factor)


@dataclass(frozen=True)
class Enclosure:
    """lo <= exact value <= hi, |computed - exact| <= error; `bits` > 0: no error, and so many bits hold every value."""

    lo: Any
    hi: Any
    error: Any
    bits: int = 0

    @property
    def largest(self) -> Any:
        """The largest exact magnitude."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi))


@dataclass(frozen=True)
class Condition:
    """Of a comparison: true of every operand, false of every operand, and whether the computed one is always right."""

    always: Any
    never: Any
    certain: Any


class Analysis:
    """The arithmetic of `Enclosure` for computations in one type."""

    def __init__(self, kind: Any) -> None:
        info = np.finfo(kind)
        self.kind = kind
        self.eps = info.eps
        self.digits = int(info.nmant) + 1
        self.most = info.max / 4
        self.tiny = 4 * info.tiny       # what underflow may take away

    def _wider(self, lo: Any, hi: Any, units: Any) -> tuple[Any, Any]:
        """An interval widened by so many eps; what overflowed is beyond the largest number, not nowhere."""
        lo, hi = np.minimum(lo, self.most), np.maximum(hi, -self.most)
        return lo - units * self.eps * np.abs(lo) - self.tiny, hi + units * self.eps * np.abs(hi) + self.tiny

    def _rounded(self, lo: Any, hi: Any, error: Any, own: Any = 0.5) -> Enclosure:
        """Of a rounded operation: its ends, the error passed on, and its own relative error in eps."""
        lo, hi = self._wider(lo, hi, 4)
        largest = np.maximum(np.abs(lo), np.abs(hi))
        return Enclosure(lo, hi, (error + own * self.eps * (largest + error)) * (1 + 16 * self.eps) + self.tiny)

    def operand(self, lo: Any, hi: Any, bits: int) -> Enclosure:
        """Numbers as they are, of a type with so many bits."""
        return Enclosure(lo, hi, np.zeros_like(lo), bits)

    def number(self, text: str) -> tuple[Any, Enclosure]:
        """A literal: its value in this type, and how far that is from what the text says."""
        value = self.kind(text)
        exact = Fraction(*value.as_integer_ratio())
        if exact == Fraction(text):
            bits = abs(exact.numerator).bit_length()
            return value, Enclosure(value, value, self.kind(0), max(bits, 1))
        return value, self._constant(value)

    def pi(self) -> tuple[Any, Enclosure]:
        """The number pi."""
        value = self.kind(_PI)
        return value, self._constant(value)

    def _constant(self, value: Any) -> Enclosure:
        error = self.eps * abs(value)
        return Enclosure(value - error, value + error, error)

    def apply(self, op: str, *args: Any) -> Any:
        """One operation."""
        if op in PRIMITIVES:
            return self._function(PRIMITIVES[op], *args)
        return getattr(self, f"_{op}")(*args)

    def _function(self, f: Primitive, x: Enclosure) -> Enclosure:
        own = f.own(x.hi + x.error) if callable(f.own) else f.own
        if f.goes == "up and down":
            half = (x.hi - x.lo) * (0.5 + self.eps)
            middle = f.compute(np.asarray(x.lo + (x.hi - x.lo) / 2))
            half = half + self.eps * x.largest      # the middle is rounded
            lo, hi = np.maximum(middle - half, -1), np.minimum(middle + half, 1)
        else:
            lo, hi = f.compute(np.asarray(x.lo)), f.compute(np.asarray(x.hi))
        if f.goes == "down":
            lo, hi = hi, lo
        lo, hi = self._wider(lo, hi, 2 * own)       # the ends are computed, too
        slope = f.slope(x.lo - x.error, x.hi + x.error)
        return self._rounded(lo, hi, _times(x.error, np.where(slope >= 0, slope, np.inf)), own)     # else outside the domain

    def _add(self, a: Enclosure, b: Enclosure) -> Enclosure:
        return self._rounded(a.lo + b.lo, a.hi + b.hi, a.error + b.error)

    def _subtract(self, a: Enclosure, b: Enclosure) -> Enclosure:
        return self._rounded(a.lo - b.hi, a.hi - b.lo, a.error + b.error)

    def _multiply(self, a: Enclosure, b: Enclosure) -> Enclosure:
        ends = np.stack(np.broadcast_arrays(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi))
        lo, hi = ends.min(0), ends.max(0)
        if a.bits and b.bits and a.bits + b.bits <= self.digits:
            return Enclosure(lo, hi, a.error + b.error, a.bits + b.bits)
        return self._rounded(lo, hi, _times(a.error, b.largest + b.error) + _times(b.error, a.largest))

    def _divide(self, a: Enclosure, b: Enclosure) -> Enclosure:
        ends = np.stack(np.broadcast_arrays(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi))
        lo, hi = ends.min(0), ends.max(0)
        room = _smallest(b.lo, b.hi) - b.error
        error = (a.error + _times(b.error, np.maximum(np.abs(lo), np.abs(hi)))) / room
        return self._rounded(lo, hi, np.where(room > 0, error, np.inf))

    def _negative(self, a: Enclosure) -> Enclosure:
        return Enclosure(-a.hi, -a.lo, a.error, a.bits)

    def _absolute(self, a: Enclosure) -> Enclosure:
        return Enclosure(_smallest(a.lo, a.hi), a.largest, a.error, a.bits)

    def _maximum(self, a: Enclosure, b: Enclosure) -> Enclosure:
        error = np.maximum(a.error, b.error)
        error = np.where(a.lo - a.error > b.hi + b.error, a.error, np.where(b.lo - b.error > a.hi + a.error, b.error, error))
        return Enclosure(np.maximum(a.lo, b.lo), np.maximum(a.hi, b.hi), error, max(a.bits, b.bits) if a.bits and b.bits else 0)

    def _minimum(self, a: Enclosure, b: Enclosure) -> Enclosure:
        return self._negative(self._maximum(self._negative(a), self._negative(b)))

    def _greater(self, a: Enclosure, b: Enclosure, equal: bool = False) -> Condition:
        error = a.error + b.error
        over, under = a.lo - b.hi - error, b.lo - a.hi - error
        always, never = (over >= 0, under > 0) if equal else (over > 0, under >= 0)
        return Condition(always, never, always | never | (error == 0))

    def _greater_equal(self, a: Enclosure, b: Enclosure) -> Condition:
        return self._greater(a, b, equal=True)

    def _equal(self, a: Enclosure, b: Enclosure) -> Condition:
        yes = np.full(np.shape(a.lo), a is b)       # x == x: is not NaN
        never = ~yes & (np.maximum(a.lo - b.hi, b.lo - a.hi) > a.error + b.error)
        return Condition(yes, never, yes | never | (a.error + b.error == 0))

    def _where(self, c: Condition, a: Enclosure, b: Enclosure) -> Enclosure:
        lo = np.where(c.always, a.lo, np.where(c.never, b.lo, np.minimum(a.lo, b.lo)))
        hi = np.where(c.always, a.hi, np.where(c.never, b.hi, np.maximum(a.hi, b.hi)))
        error = np.where(c.always, a.error, np.where(c.never, b.error, np.maximum(a.error, b.error)))
        return Enclosure(lo, hi, np.where(c.certain, error, np.inf), max(a.bits, b.bits) if a.bits and b.bits else 0)


_NUMPY: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        *("add", "subtract", "multiply", "divide", "negative", "absolute"),
        *("maximum", "minimum", "greater", "greater_equal", "equal", "where"),
    )
}


class Reference:
    """A traced expression with its parameters: values in float64 or longdouble, and a proof of how good they are.

    Parameters
    ----------
    root : Node
        From `fastact.verify.program.trace`.
    parameters : dict
        Parameter values, each a number of `dtype`.
    dtype : str
        The type of the operands. float64 for the narrower types, longdouble for float64.
    """

    def __init__(self, root: Node, parameters: dict[str, float], dtype: str) -> None:
        self.kind = np.longdouble if dtype == "float64" else np.float64
        self.analysis = Analysis(self.kind)
        self.bits = int(limits(dtype).nmant) + 1
        self.root = root
        self.parameters = parameters
        self.fixed: dict[int, Enclosure] = {}
        values: dict[int, Any] = {}
        functions = _NUMPY | {name: f.compute for name, f in PRIMITIVES.items()}
        with np.errstate(all="ignore"):
            for node in steps_of(root):
                if node.varies:
                    continue
                if node.op == "number":
                    values[id(node)], self.fixed[id(node)] = self.analysis.number(node.args[0])
                elif node.op == "pi":
                    values[id(node)], self.fixed[id(node)] = self.analysis.pi()
                elif node.op == "parameter":
                    value = values[id(node)] = self.kind(parameters[node.args[0]])
                    digits = abs(Fraction(*value.as_integer_ratio()).numerator)     # of 30.0 as many as 30 has, not the type's
                    bits = (digits // max(1, digits & -digits)).bit_length()
                    self.fixed[id(node)] = self.analysis.operand(value, value, max(1, bits))
                else:
                    values[id(node)] = functions[node.op](*(values[id(a)] for a in node.args))
                    self.fixed[id(node)] = self.analysis.apply(node.op, *(self.fixed[id(a)] for a in node.args))
        self.values = Program(root, self.kind, functions, values)
        self.steps = [n for n in steps_of(root) if n.varies and n.op != "operand"]

    def enclose(self, lo: Any, hi: Any) -> Enclosure:
        """Bounds for all operands in each [lo, hi] (arrays of the operands' type)."""
        known: dict[int, Any] = dict(self.fixed)
        operand = self.analysis.operand(lo.astype(self.kind), hi.astype(self.kind), self.bits)
        with np.errstate(all="ignore"):
            for node in self.steps:
                arguments = (known[id(a)] if a.op != "operand" else operand for a in node.args)
                known[id(node)] = self.analysis.apply(node.op, *arguments)
        result = operand if self.root.op == "operand" else known[id(self.root)]
        least, most, error = (np.broadcast_to(v, lo.shape) for v in (result.lo, result.hi, result.error))
        return Enclosure(least, most, error)
