"""What the tests share: the table's cases, every instruction-set variant, hard inputs, and errors in ulp."""

from __future__ import annotations

import functools
import itertools
import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np

from fastact import _docs, _functions, _proof, _variants, reference
from fastact._registry import ELEMENTWISE, ROWWISE, Operation, Record, operations

mp.mp.prec = 200        # for arithmetic on exact values outside the references, which set their own
ROOT = Path(__file__).resolve().parent.parent
DTYPES = ("float16", "float32", "float64")
_UINT = {"float16": np.uint16, "float32": np.uint32, "float64": np.uint64}
_MANTISSA = {"float16": 10, "float32": 23, "float64": 52}
_EXPONENTS = {"float16": 31, "float32": 255, "float64": 2047}

# ---- variants ----------------------------------------------------------------------------------------------------

VARIANTS = tuple(_variants.available())


@functools.cache
def ufuncs(variant: str) -> dict[str, np.ufunc]:
    """Every ufunc of one variant."""
    return _variants.load(variant).make_ufuncs(_docs.ufunc_docs())


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
    """The bit pattern; every NaN counts as the same."""
    a = np.ascontiguousarray(a)
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


def errors(computed: np.ndarray, true: np.ndarray) -> np.ndarray:
    """|computed - true| in ulp of computed's type, for references in longdouble; subnormal spacing below the normals."""
    dtype = computed.dtype.name
    digits = _MANTISSA[dtype]
    lowest = int(np.log2(float(np.finfo(dtype).smallest_subnormal)))
    wide = np.asarray(true, np.longdouble)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 1))
        spacing = np.ldexp(np.longdouble(1), np.maximum(np.where(wide == 0, lowest, exponent - 1 - digits), lowest))
        # what rounds to infinity counts as the next power of two
        top = np.ldexp(np.longdouble(1), np.finfo(dtype).maxexp)
        value = np.where(np.isinf(computed), np.copysign(top, computed.astype(np.longdouble)), computed.astype(np.longdouble))
        wide = np.clip(wide, -top, top)
        spacing = np.minimum(spacing, np.ldexp(np.longdouble(1), np.finfo(dtype).maxexp - 1 - digits))
        error = np.abs(value - wide) / spacing
        nan = np.isnan(computed)
        return np.where(np.isnan(wide), np.where(nan, 0, np.inf), np.where(nan, np.inf, error)).astype(np.float64)


# ---- references --------------------------------------------------------------------------------------------------


def _number(text: str) -> Any:
    return int(text) if text.isdigit() else np.longdouble(text)


def _erfc(x: Any) -> Any:
    from scipy.special import erfc

    return erfc(np.asarray(x, np.float64)).astype(np.longdouble)


#: The table's expressions in extended precision: good to 40 bits and more, in bulk, except where they cancel.
EXTENDED: dict[str, Callable[..., Any]] = reference.evaluate_with(
    {
        **reference.NUMPY,
        "erfc": _erfc,
        "sqrt": lambda x: np.sqrt(np.asarray(x, np.longdouble)),
        "pi": np.longdouble("3.14159265358979323846264338327950288"),
    },
    _number,
)


def extended(case: Case, kind: str, x: np.ndarray, dtype: str) -> np.ndarray:
    """f(x), f'(x) or the form from y, in extended precision."""
    parameters = {k: np.longdouble(v) for k, v in case.rounded(dtype).items()}
    wide = np.asarray(x, np.longdouble)
    with np.errstate(all="ignore"):
        if kind == "forward":
            value = EXTENDED[case.record.name](wide, **parameters)
        else:
            value = EXTENDED[f"{case.record.name}_{kind}"](np.longdouble(1), wide, **parameters)
        return np.broadcast_to(value, wide.shape)


def proof(case: Case, kind: str, x: float, dtype: str) -> Any:
    """The same at one point, in as many digits as it takes; f' by differentiating the forward reference."""
    parameters, name = case.rounded(dtype), case.record.name
    if kind == "forward":
        return _proof.forward(name, x, **parameters)
    if kind == "backward" and x != 0:
        return _proof.gradient(name, x, **parameters)
    return _proof.stated(f"{name}_{kind}", x, **parameters)         # at 0, where some are not smooth: the convention


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


# ---- points ------------------------------------------------------------------------------------------------------


def _neighbours(centre: float, dtype: str, rng: np.random.Generator, steps: int = 2) -> list[float]:
    """The number nearest to the centre, some on both sides of it, and a few near by at random."""
    with np.errstate(all="ignore"):
        kind = np.dtype(dtype).type
        c = kind(centre)
        if not np.isfinite(c):
            return []
        found, up, down = [c], c, c
        for _ in range(steps):
            up, down = np.nextafter(up, kind(np.inf)), np.nextafter(down, kind(-np.inf))
            found += [up, down]
        for k in (3, 6, 10, 15, 20):
            found.append(kind(float(c) * (1 + rng.uniform(-1, 1) * 2.0**-k)))
        return [float(v) for v in found if np.isfinite(v)]


def _changes(values: np.ndarray) -> np.ndarray:
    return np.flatnonzero(values[1:] != values[:-1])


def _crossings(case: Case, kind: str, dtype: str) -> list[float]:
    """Where |f| (or |f'|) passes from one class of numbers to another (0, subnormal, normal, infinite), and its sign changes."""
    info = np.finfo(dtype)
    limits = np.array([float(info.smallest_subnormal) / 2, float(info.smallest_normal), float(info.max)], np.longdouble)
    found: list[float] = []
    for sign in (-1, 1):
        grid = np.geomspace(1e-6, 4e4, 4000).astype(np.longdouble) * sign
        pending = [grid]
        for _ in range(2):
            finer = []
            for points in pending:
                value = extended(case, kind, points, dtype)
                size = np.searchsorted(limits, np.abs(value))
                sign_of = np.where(size == 0, 0, np.sign(value)).astype(int)
                finer += [np.linspace(points[i], points[i + 1], 400) for i in _changes(size * 4 + sign_of)]
            pending = finer
        found += [float(points[len(points) // 2]) for points in pending]
    return found


def points(case: Case, kind: str, dtype: str, density: int = 1) -> np.ndarray:
    """Inputs from every binade, both signs, and clusters where a formula is likely to be wrong."""
    seed = zlib.crc32(f"{case}{kind}{dtype}".encode())
    rng = np.random.default_rng(seed)
    digits, last = _MANTISSA[dtype], _EXPONENTS[dtype] - 1
    bias = last // 2
    mantissas = lambda n: rng.integers(0, 1 << digits, n).astype(np.uint64)  # noqa: E731
    near = np.repeat(np.arange(bias - digits - 4, bias + 12), 2 * density)
    far = np.arange(0, last + 1)
    if dtype == "float64":              # a seventh of the tiny ones and a twentieth of the huge ones, others in each test
        far = np.concatenate([far[rng.integers(0, 7) : bias : 7], far[bias + rng.integers(0, 20) :: 20], [0, 1, last - 1, last]])
    pattern = []
    for exponents in (near, far):
        for sign in (0, 1):
            top = (sign << int(np.log2(last + 2))) + exponents.astype(np.uint64)
            pattern.append((top << np.uint64(digits)) | mantissas(exponents.size))
    found = list(from_bits(np.concatenate(pattern), dtype).astype(np.float64))
    info = np.finfo(dtype)
    for edge in (info.smallest_subnormal, info.smallest_normal, info.max, 0.0):
        found += [float(edge), -float(edge)]
    for kink in (0.0, *case.record.kinks):
        found += _neighbours(kink, dtype, rng)
    for crossing in _crossings(case, kind if kind != "backward_y" else "forward", dtype):
        found += _neighbours(crossing, dtype, rng)
    reach = 300 if dtype == "float32" else 2150
    beyond = np.geomspace(25, reach, 10).astype(int)
    seams = np.unique(np.concatenate([np.arange(-24, 25), beyond, -beyond]))
    for k in seams:
        found += _neighbours(k * math.log(2) / 2, dtype, rng, steps=1)[:3]
    x = np.unique(np.array(found).astype(dtype))
    return x[np.isfinite(x)]


def worst(variant: str, case: Case, kind: str, x: np.ndarray, computed: np.ndarray, true: Iterable[Any]) -> tuple[float, str]:
    """The largest error in ulp over these points, and a line that says where."""
    dtype = computed.dtype.name
    biggest, line = 0.0, ""
    for point, value, exact in zip(x, computed, true, strict=True):
        error = _proof.error(value, exact, dtype)
        if not error <= biggest:
            biggest = error
            found = f"got {value!r}, true {mp.nstr(exact, 20)}: {error:.3f} ulp"
            line = f"{case} {kind} {dtype} {variant} at {float(point).hex()} ({point!r}): {found}"
    return biggest, line
