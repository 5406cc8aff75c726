"""Checks of arguments. Each returns the value to use, or raises an error that names the argument and the value."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fastact import _quick
from fastact._registry import FromOutput

#: check -> (test of a Python float, the same test of an array, what the message says)
_CHECKS: dict[str, tuple[Callable[[float], bool], Callable[[Any], Any], str]] = {
    "finite": (math.isfinite, np.isfinite, "finite"),
    "positive": (lambda v: math.isfinite(v) and v > 0, lambda v: np.isfinite(v) & (v > 0), "finite and greater than 0"),
    "nonzero": (lambda v: math.isfinite(v) and v != 0, lambda v: np.isfinite(v) & (v != 0), "finite and not 0"),
    "nonnegative": (lambda v: math.isfinite(v) and v >= 0, lambda v: np.isfinite(v) & (v >= 0), "finite and not negative"),
    "margin": (lambda v: 0 <= v < 0.5, lambda v: (v >= 0) & (v < 0.5), "finite, at least 0 and less than 1/2"),
}
WORDING = {check: wording for check, (_, _, wording) in _CHECKS.items()}


def integer(function: str, name: str, value: Any) -> int:
    """The value as an integer, or a TypeError that names it."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{function}: {name} must be an integer, got {value!r}") from None


def first_of(wrong: Any) -> tuple[int, ...]:
    """The position of the first True."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def first_shown(values: Any, wrong: Any) -> str:
    """The first wrong value and, where there are axes, its place, for a message."""
    at = first_of(wrong)
    value = np.broadcast_to(values, wrong.shape)[at]
    return f"{value!s} at index {at}" if at else f"{value!s}"       # of a float its own digits, not a double's


def shared_dtype(*operands: Any) -> np.dtype[Any] | None:
    """The one dtype of array-likes that have one (a DataFrame: of all its columns), else None."""
    found: set[Any] = set()
    for operand in operands:
        if hasattr(operand, "dtype"):
            found.add(operand.dtype)
        else:
            found.update(getattr(operand, "dtypes", [None]))
    dtype = found.pop() if len(found) == 1 else None
    return dtype if isinstance(dtype, np.dtype) else None


def computed_dtype(kwargs: dict[str, Any], *operands: Any) -> np.dtype[Any] | None:
    """The type in which these are computed together, as far as a single parameter may take it; None if that is another's to say."""
    if kwargs.get("dtype") is not None:
        given: np.dtype[Any] = np.dtype(kwargs["dtype"])
        return given
    if kwargs.get("signature") is not None:
        return None
    arrays = [a for a in operands if type(a) not in (bool, int, float)]     # Python's numbers take the others' type
    found = shared_dtype(*arrays)
    if found is None and all(isinstance(a, np.ndarray | np.generic) and a.dtype.char in "efd" for a in arrays):
        return np.result_type(*(a.dtype for a in arrays)) if arrays else None
    return found


def floats(function: str, **operands: Any) -> np.dtype[Any]:
    """The type in which these are computed together, or a TypeError that names the operand that has none."""
    strong: list[Any] = []
    for name, value in operands.items():
        if value is None or type(value) in (bool, int, float):
            continue  # a Python number takes the others' type
        dtype = np.asarray(value).dtype
        floating = dtype.kind == "f" or dtype.name == "bfloat16"
        if not (floating or dtype.kind in "biu") or dtype.itemsize > 8:
            accepted = "accepted are float16, bfloat16, float32 and float64, and bool and integers (computed in float64)"
            raise TypeError(f"{function}: {name} is {dtype.type.__name__}; {accepted}")
        strong.append(dtype.newbyteorder("=") if floating else np.dtype(np.float64))
    if len({dtype for dtype in strong if dtype.itemsize == 2}) == 2:
        strong.append(np.dtype(np.float32))  # float16 and bfloat16 have no type in common but this
        strong = [dtype for dtype in strong if dtype.itemsize > 2]
    return np.result_type(*strong) if strong else np.dtype(np.float64)


#: Numbers already checked, as 0-d arrays of the dtype they are used with: NumPy is slow to convert a Python float. Zeros are in
#: it as text, since 0.0 and -0.0 are equal. Their types come first: 2.0**610 has the hash of np.float32(1), and is too large for it.
_READY: dict[tuple[str, type, float | str, np.dtype[Any]], Any] = {}
_KEEP = 256
#: What may be looked up there.
_PLAIN = frozenset((float, int, np.float64, np.float32, np.int64))


def parameter(function: str, name: str, value: Any, check: str, dtype: np.dtype[Any] | None = None) -> Any:
    """A parameter fit for the ufunc. A single number never widens the array: it takes the arrays' common `dtype`,
    if the caller knows one, and else stays a Python float."""
    if type(value) in _PLAIN:
        try:
            return _READY[check, type(value), value or str(value), dtype]  # type: ignore[index]
        except KeyError:
            pass
    test, array_test, wording = _CHECKS[check]
    if isinstance(value, numbers.Real) and not isinstance(value, np.longdouble):
        try:
            scalar = float(value)
        except OverflowError:  # an integer or a fraction beyond every float
            raise ValueError(f"{function}: {name} must be {wording}, got a number beyond float64") from None
        if not test(scalar):
            raise ValueError(f"{function}: {name} must be {wording}, got {value!r}")
        if dtype is None or (dtype.char not in "efd" and dtype.name != "bfloat16"):
            return scalar
        with np.errstate(over="ignore"):
            ready = np.array(scalar, dtype.newbyteorder("="))
        if not test(float(ready)):
            raise ValueError(f"{function}: {name} must be {wording} in {dtype}, got {value!r}")
        ready.flags.writeable = False
        if type(value) in _PLAIN:
            if len(_READY) >= _KEEP:
                _READY.clear()
            _READY[check, type(value), value or str(value), dtype] = ready  # type: ignore[index]
        return ready
    if hasattr(value, "__array_ufunc__") and not isinstance(value, np.ndarray | np.generic):
        return value  # a lazy or labelled array: its own library decides when it is computed
    array = np.asarray(value)
    if (array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16") or array.dtype.itemsize > 8:
        raise TypeError(f"{function}: {name} must be a real number or an array of them, got {value!r}")
    if array.ndim == 0:
        return parameter(function, name, float(array), check, dtype)
    valid = array_test(array)
    if not np.all(valid):
        raise ValueError(f"{function}: {name} must be {wording}, got {first_shown(array, ~valid)}")
    return value if isinstance(value, np.ndarray) else array


def probabilities(function: str, x: Any, held: str, margin: Any, where: Any = True) -> Any:
    """x; numbers of it outside [0, 1] are refused, unless the parameter called `held`, already checked, is above 0 for them."""
    if _quick.are_probabilities(x):
        return x
    if hasattr(x, "__array_ufunc__") and not isinstance(x, np.ndarray | np.generic):
        return x  # lazy or labelled, as in `parameter`
    array = np.asanyarray(x)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        return x  # refused by the ufunc, or bool
    outside = ((array < 0) | (array > 1)) & (np.asanyarray(margin) == 0) & np.asanyarray(where)
    if np.any(outside):
        got = first_shown(array, np.ma.filled(outside, False))
        raise ValueError(f"{function}: x must be from 0 to 1 unless {held} holds it there, got {got}")
    return x


def _single(value: Any) -> bool:
    """Whether it is a Python float or an array of one number without axes."""
    return type(value) is float or (type(value) is np.ndarray and value.ndim == 0)


def ordered(function: str, low: str, low_value: Any, high: str, high_value: Any) -> None:
    """Refuse parameters, already checked one by one, of which the first is above the second anywhere."""
    if _single(low_value) and _single(high_value) and low_value <= high_value:      # as usual
        return
    values = []
    for value in (low_value, high_value):
        if hasattr(value, "__array_ufunc__") and not isinstance(value, np.ndarray | np.generic):
            return  # lazy or labelled, as in `parameter`
        values.append(np.asarray(value))
    wrong = values[0] > values[1]
    if not np.any(wrong):
        return
    first, second = (v[wrong][0] if wrong.ndim else v[()] for v in np.broadcast_arrays(*values))
    at = f" at index {first_of(wrong)}" if wrong.ndim else ""
    raise ValueError(f"{function}: {low} must not be above {high}, got {low}={first!s} and {high}={second!s}{at}")


def output_determines_gradient(function: str, form: FromOutput, value: Any) -> None:
    """Refuse ``y=`` for a parameter under which the output cannot give the gradient."""
    value = np.asarray(value)
    if form.requires and not form.holds(value):
        name, comparison, bound = form.requires
        raise TypeError(
            f"{function}: the gradient can be taken from the output y only where {name} {comparison} {bound:g}, "
            f"got {name}={value[()]!s}; save the input and pass x="
        )
