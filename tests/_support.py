"""What the tests share: the table's cases, every instruction-set variant, hard inputs, and errors in ulp."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from fastact import _docs, _functions, _proof, _variants
from fastact._registry import ELEMENTWISE, ROWWISE, GatedRecord, Operation, Record, operations

mp.mp.prec = 200        # for arithmetic on exact values outside the references, which set their own
ROOT = Path(__file__).resolve().parent.parent
DTYPES = ("float16", "float32", "float64")
_UINT = {"float16": np.uint16, "float32": np.uint32, "float64": np.uint64}

# ---- variants ----------------------------------------------------------------------------------------------------

VARIANTS = tuple(_variants.available())


@functools.cache
def ufuncs(variant: str) -> dict[str, np.ufunc]:
    """Every ufunc of one variant."""
    return _variants.load(variant).make_ufuncs(_docs.ufunc_docs())


@functools.cache
def pairs(variant: str) -> dict[str, np.ufunc]:
    """Every ufunc of one variant that gives value and slope."""
    return _variants.load(variant).make_pairs(_docs.pair_docs())


@functools.cache
def functions(variant: str) -> dict[str, Any]:
    """The public functions over one variant's ufuncs."""
    return _functions.build(ufuncs(variant))[0]


# ---- cases from the table ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Case:
    """An element-by-element function at one choice of its parameters."""

    record: Record
    values: tuple[float, ...]

    @property
    def parameters(self) -> dict[str, float]:
        return {p.name: v for p, v in zip(self.record.parameters, self.values, strict=True)}

    def rounded(self, dtype: str) -> dict[str, float]:
        """The parameters as the ufunc sees them: Python floats take the array's type."""
        return {k: float(np.dtype(dtype).type(v)) for k, v in self.parameters.items()}

    @property
    def kinks(self) -> tuple[float, ...]:
        return self.record.kinks_at(self.parameters)

    def live(self, data: str = "x") -> float:
        """An operand at which the gradient is not 0, if there is one."""
        place = 1 if data == "y" else 0
        return next((point[place] for point in self.record.example if point[2] != 0 and point[0] > 0), 0.5)

    def accepts(self, parameters: dict[str, float]) -> bool:
        """Whether finite values are in the domain of the parameters."""
        allowed = {"finite": lambda v: True, "nonzero": lambda v: v != 0, "nonnegative": lambda v: v >= 0, "margin": lambda v: 0 <= v < 0.5}
        one_by_one = all(allowed[p.check](parameters[p.name]) for p in self.record.parameters)
        return one_by_one and all(parameters[low] <= parameters[high] for low, high in self.record.ordered)

    @property
    def output_determines(self) -> bool:
        form = self.record.from_output
        if form is None:
            return False
        if form.requires is None:
            return True
        name, comparison, bound = form.requires
        return {">": self.parameters[name] > bound, ">=": self.parameters[name] >= bound}[comparison]

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("forward", "backward", *(("backward_y",) if self.output_determines else ()))

    def __str__(self) -> str:
        inside = ",".join(f"{k}={v:g}" for k, v in self.parameters.items())
        return self.record.name + (f"({inside})" if inside else "")


def _choices(record: Record) -> Iterable[tuple[float, ...]]:
    return itertools.product(*(((p.default,) if p.default is not None else ()) + p.samples for p in record.parameters))


CASES = tuple(Case(record, values) for record in ELEMENTWISE for values in _choices(record))
#: One case per record: the default parameters (or the first sample).
DEFAULT_CASES = tuple(next(case for case in CASES if case.record is record) for record in ELEMENTWISE)
#: Every element-by-element ufunc, with the parameters of its default case.
OPERATIONS: tuple[tuple[Operation, Case], ...] = tuple((op, case) for case in DEFAULT_CASES for op in operations(case.record))
ROW_UFUNCS = tuple(
    (row, suffix)
    for row in ROWWISE
    for suffix in ("", "_masked", *(("_backward", "_backward_masked") if row.reduces else ("_backward_y",)))
)


def operation_id(value: Any) -> str:
    """Test ids for whatever the parametrisations hold."""
    if isinstance(value, Case | str):
        return str(value)
    if isinstance(value, Operation):
        return value.name
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Operation):
        return value[0].name
    return getattr(value, "name", str(value))


def inside(record: Record, x: Any) -> np.ndarray:
    """The numbers at which a function has a value."""
    x = np.asarray(x)
    return x if record.domain is None else x[(x > record.domain[0]) & (x < record.domain[1])]


def accepted(record: Any, x: Any) -> np.ndarray:
    """Numbers that the public function takes: of a function of probabilities what they have behind the point."""
    x = np.asarray(x)
    with np.errstate(invalid="ignore"):
        return np.abs(x) % np.ones((), x.dtype) if getattr(record, "held_by", None) else x


def everywhere(record: Record) -> bool:
    """Whether a function has a value at every finite number."""
    return record.domain in (None, (-math.inf, math.inf))


def call(variant: str, case: Case, kind: str, x: Any, dtype: str) -> Any:
    """f(x), f'(x) from x, or f' from y=x, straight from the ufunc, for dy = 1."""
    made, name = ufuncs(variant), case.record.name
    x = np.asarray(x, dtype)
    parameters = tuple(case.parameters.values())
    if kind == "forward":
        return made[name](x, *parameters)
    return made[f"{name}_{kind}"](np.ones((), dtype), x, *parameters)


def operands(op: Operation, case: Case, x: np.ndarray, rng: np.random.Generator) -> tuple[Any, ...]:
    """Operands for any operation: x in its last data place, gradients before it, then the parameters."""
    lead = tuple(rng.standard_normal(x.shape).astype(x.dtype) for _ in op.data[:-1])
    return (*lead, x, *case.parameters.values())


# ---- bits and errors ---------------------------------------------------------------------------------------------


def bits(a: Any) -> np.ndarray:
    """The bit pattern; every NaN counts as the same. Integers are theirs."""
    a = np.ascontiguousarray(a)
    if a.dtype.kind == "i":
        return a
    pattern = a.view(_UINT[a.dtype.name]).copy()
    pattern[np.isnan(a)] = np.iinfo(pattern.dtype).max
    return pattern


def assert_same_bits(got: Any, wanted: Any, *context: Any) -> None:
    """Equal bit for bit (-0.0 is not 0.0), NaN equal to NaN; says where the first difference is."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype, (got.dtype, wanted.dtype, *context)
    assert got.shape == wanted.shape, (got.shape, wanted.shape, *context)
    different = bits(got).ravel() != bits(wanted).ravel()
    if different.any():
        i = int(np.flatnonzero(different)[0])
        raise AssertionError(
            f"{int(different.sum())} of {got.size} differ, first at {i}: got {got.ravel()[i]!r}, wanted {wanted.ravel()[i]!r}; {context}"
        )


def from_bits(pattern: Any, dtype: str) -> np.ndarray:
    return np.asarray(pattern).astype(_UINT[dtype]).view(dtype)


def random_bits(n: int, dtype: str, seed: int = 0) -> np.ndarray:
    """n numbers of random bit pattern: every binade alike, NaN and infinities among them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(_UINT[dtype]).max, n, dtype=_UINT[dtype], endpoint=True).view(dtype)


def hard_values(dtype: str) -> np.ndarray:
    """Zeros, ones, extremes, subnormals, infinities, NaN, and numbers around which formulas switch."""
    info = np.finfo(dtype)
    magnitudes = [0.0, float(info.smallest_subnormal), float(info.smallest_normal), float(info.eps)]
    magnitudes += [0.3466, 0.5, 0.7518, 1.0, 1.1925, 1.2785, 2.0, 3.0, 5.5, 6.0, 8.7, 10.0, 13.0, 17.0, 20.0, 38.5]
    magnitudes += [87.5, 88.7, 103.9, 104.0, 709.7, 745.1, 746.0, 1e4]
    magnitudes += [math.sqrt(float(info.max)), float(info.max) / 2, float(info.max), math.inf]
    values = [s * v for v in magnitudes for s in (1.0, -1.0)] + [math.nan]
    with np.errstate(over="ignore"):
        return np.array(values).astype(dtype)


def exactly(value: Any) -> Any:
    """A float64, longdouble or mpfr as an mpf."""
    if not isinstance(value, np.floating):
        mantissa, exponent = value.as_mantissa_exp()
        return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))
    if not np.isfinite(value):
        return mp.mpf(float(value))
    mantissa, exponent = np.frexp(np.longdouble(value))
    return mp.ldexp(mp.mpf(int(np.ldexp(mantissa, 64))), int(exponent) - 64)


# ---- references --------------------------------------------------------------------------------------------------


def proof(case: Case, kind: str, x: float, dtype: str) -> Any:
    """The same at one point, in as many digits as it takes; f' by differentiating the forward reference."""
    parameters, name = case.rounded(dtype), case.record.name
    if kind == "forward":
        return _proof.forward(name, x, **parameters)
    if kind == "backward" and x != 0:
        return _proof.gradient(name, x, **parameters)
    return _proof.stated(f"{name}_{kind}", x, **parameters)         # at 0, where some are not smooth: the convention


def exact_gate(record: GatedRecord, gate: float) -> tuple[Any, Any]:
    """act(gate) and act'(gate), from the gate's own record."""
    if record.activation is None:
        return mp.mpf(gate), mp.mpf(1)
    if gate == 0:
        return _proof.forward(record.activation, gate), _proof.stated(f"{record.activation}_backward", gate)
    return _proof.forward(record.activation, gate), _proof.gradient(record.activation, gate)


def exact_rows(x: np.ndarray) -> dict[str, list]:
    """softmax, log_softmax and logsumexp of one row, in exact arithmetic."""
    with mp.workprec(400):
        values = [_proof.exact(float(v)) for v in x]
        top = max(values)
        first = values.index(top)
        terms = [mp.exp(v - top) for v in values]
        rest = mp.fsum(t for i, t in enumerate(terms) if i != first)
        logarithm, total = mp.log1p(rest), 1 + rest
        return {
            "softmax": [t / total for t in terms],
            "log_softmax": [(v - top) - logarithm for v in values],
            "logsumexp": [top + logarithm],
        }


def build_script(name: str) -> Any:
    """A script of src/fastact/core as a module; skips the test where there is no source tree."""
    path = ROOT / "src/fastact/core" / f"{name}.py"
    if not path.exists():
        pytest.skip("needs the source tree")
    spec = importlib.util.spec_from_file_location(f"fastact_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
