"""Programs in MPFR's arithmetic, through gmpy2: for points that float64 or longdouble leave in doubt."""

from __future__ import annotations

import math
from typing import Any

import gmpy2

from fastact.verify.program import Node, steps_of
from fastact.verify.types import limits

#: Bits of the significand.
PRECISION = 128
#: How many times smaller the error bound of a program is than in longdouble, with a margin for what is not linear in it.
GAIN = 2.0**-40


def _less_tanh(x: Any) -> Any:
    """x - tanh(x), with as many bits more as cancel."""
    lost = max(0, -2 * int(gmpy2.get_exp(x))) if gmpy2.is_finite(x) and x != 0 else 0
    with gmpy2.context(gmpy2.get_context(), precision=PRECISION + lost):
        return x - gmpy2.tanh(x)


def _erfcx(x: Any) -> Any:
    """e^(x^2) erfc(x); where one factor would overflow by its asymptotic series."""
    if not x > 1e6:
        return gmpy2.exp(x * x) * gmpy2.erfc(x)
    term, total = gmpy2.mpfr(1), gmpy2.mpfr(0)
    for n in range(1, 8):
        total, term = total + term, -term * (2 * n - 1) / (2 * x * x)
    return total / (x * gmpy2.sqrt(gmpy2.const_pi()))


_OPERATIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "negative": lambda a: -a,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "equal": lambda a, b: a == b,
    "where": lambda c, a, b: a if c else b,
    "less_tanh": _less_tanh,
    "erfcx": _erfcx,
    **{name: getattr(gmpy2, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "erf", "erfc")},
}


def evaluate(root: Node, points: Any, parameters: dict[str, float]) -> list[Any]:
    """The values of a traced expression at some points."""
    leaves = {"number": gmpy2.mpfr, "parameter": lambda name: gmpy2.mpfr(parameters[name]), "pi": gmpy2.const_pi}
    steps = steps_of(root)
    with gmpy2.context(gmpy2.get_context(), precision=PRECISION):
        fixed: dict[int, Any] = {}
        for n in steps:
            if not n.varies:
                fixed[id(n)] = leaves[n.op](*n.args) if n.op in leaves else _OPERATIONS[n.op](*(fixed[id(a)] for a in n.args))
        plan = [(_OPERATIONS[n.op], [id(a) for a in n.args], id(n)) for n in steps if n.varies and n.op != "operand"]
        (operand,) = {id(n) for n in steps if n.op == "operand"} or {0}
        found = []
        for x in points:
            values = fixed | {operand: gmpy2.mpfr(float(x))}
            for operation, arguments, place in plan:
                values[place] = operation(*[values[a] for a in arguments])
            found.append(values[id(root)])
    return found


def error(computed: float, true: Any, dtype: str) -> float:
    """|computed - true| in ulp, as `fastact._proof.error` counts."""
    computed = float(computed)
    if gmpy2.is_nan(true) or math.isnan(computed):
        return 0.0 if gmpy2.is_nan(true) and math.isnan(computed) else math.inf
    info = limits(dtype)
    top = int(info.maxexp)
    exponent = int(gmpy2.get_exp(true)) if gmpy2.is_finite(true) and true != 0 else top + 1 if true != 0 else -(1 << 30)
    if math.isinf(computed) and exponent > top:
        return 0.0 if (true > 0) == (computed > 0) else math.inf
    unit = min(max(exponent, int(info.minexp) + 1), top) - 1 - int(info.nmant)
    with gmpy2.context(gmpy2.get_context(), precision=PRECISION):
        value = gmpy2.mpfr(computed) if math.isfinite(computed) else gmpy2.mul_2exp(gmpy2.mpfr(math.copysign(1, computed)), top)
        return float(abs(value - true) * gmpy2.mpfr(2) ** -unit)
