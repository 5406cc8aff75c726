"""The functions over an axis: any axis, several, or all; masks; in place. Thin Python over the row ufuncs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from fastact import _validate
from fastact._registry import RowRecord

Axis = int | tuple[int, ...] | None
FLOATS = ("float16", "bfloat16", "float32", "float64")


def is_masked(value: Any) -> bool:
    """Whether it is a masked array."""
    ma = sys.modules.get("numpy.ma")      # which `import numpy` leaves out
    return ma is not None and isinstance(value, ma.MaskedArray)


def unmasked(function: str, name: str, value: Any) -> Any:
    """The value as it is. A masked array is refused: along an axis its mask would not be looked at."""
    if is_masked(value):
        mask = f"where=~np.ma.getmaskarray({name})"
        raise TypeError(f"{function}: {name} is a masked array; along an axis pass {name}.data, and {mask} if it takes a mask")
    return value


def none_masked(function: str, **operands: Any) -> None:
    """The same of a function that takes no mask at all."""
    for name, value in operands.items():
        if is_masked(value):
            raise TypeError(f"{function}: {name} is a masked array, whose mask would not be looked at; pass {name}.data")


def as_array(function: str, name: str, value: Any) -> Any:
    """The value as an array, a masked one refused."""
    return np.asanyarray(unmasked(function, name, value))


def _mask(function: str, where: Any, x: Any, axis: int | None = None) -> Any:
    """The mask at x's shape, without a copy; or as it is, where a ufunc over that axis takes it so."""
    if type(where) is np.ndarray and where.dtype.char == "?":
        shape, given = np.shape(x), where.shape
        if given == shape:
            return where
        along = type(axis) is int and -len(given) <= axis < 0 and len(given) <= len(shape) and given[axis] == shape[axis]
        if along and all(a in (1, b) for a, b in zip(given, shape[len(shape) - len(given) :], strict=True)):
            return where
    where = np.asanyarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"{function}: where must be a boolean mask, got {where.dtype}")
    try:
        return np.broadcast_to(where, np.shape(x))
    except ValueError:
        raise ValueError(f"{function}: where of shape {where.shape} does not broadcast to x of shape {np.shape(x)}") from None


def _last(a: Any, axes: tuple[int, ...]) -> Any:
    """`a` with these axes moved to the end and flattened into one (a view where the strides allow)."""
    moved = np.moveaxis(a, axes, range(-len(axes), 0))
    batch = moved.shape[: moved.ndim - len(axes)]
    return moved.reshape(*batch, int(np.prod(moved.shape[moved.ndim - len(axes) :], dtype=np.intp)))


def _unlast(a: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The way back: the last axis unfolded and moved to where the axes were."""
    others = tuple(n for i, n in enumerate(shape) if i not in axes)
    return np.moveaxis(a.reshape(others + tuple(shape[i] for i in axes)), range(-len(axes), 0), axes)


def given_out(function: str, out: Any) -> Any:
    """`out` as ufuncs take it: an array, alone or in a tuple; None and ... are none."""
    if isinstance(out, tuple):
        if len(out) != 1:
            raise ValueError(f"{function}: out must be an array or a tuple of one, got {len(out)}")
        (out,) = out
    if out is None or out is ...:
        return None
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{function}: out must be an array, got {type(out).__name__}")
    return out


def _deliver(function: str, result: Any, out: Any) -> Any:
    """The result, copied into `out` if that was given."""
    out = given_out(function, out)
    if out is None:
        return result
    if out.shape != result.shape:
        raise ValueError(f"{function}: out has shape {out.shape}, the result {result.shape}")
    np.copyto(out, result, casting="same_kind")
    return out


def _axes(x: Any, axis: Axis) -> tuple[int, ...]:
    """Axes as a tuple of non-negative integers; None means all."""
    return tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim, "axis")


def _like(x: Any, axis: int, kwargs: dict[str, Any], *others: Any) -> Any:
    """An array for the result in x's own memory order, where a ufunc would turn the axis to the end; None where it may decide."""
    if type(x) is not np.ndarray or not x.dtype.isnative or kwargs or x.ndim < 2 or (axis in (-1, x.ndim - 1) and x.flags.c_contiguous):
        return None
    alike = all(type(a) is np.ndarray and a.shape == x.shape and a.dtype == x.dtype for a in others)
    return np.empty_like(x) if alike and x.dtype.name in FLOATS else None


def keeps_type(x: Any, *others: Any) -> bool:
    """Whether these operands leave the result x's type: Python numbers, and arrays of it."""
    own = x.dtype.newbyteorder("=")
    strong = [a for a in others if type(a) not in (bool, int, float)]
    return all(isinstance(a, np.ndarray | np.generic) and a.dtype.newbyteorder("=") == own for a in strong)


def flowing(dy: Any, saved: Any) -> Any:
    """dy as an array with axes. A single number has the result's shape, and one of Python's does not widen it."""
    if type(dy) in (bool, int, float):
        dtype = _validate.shared_dtype(saved)       # an array that is lazy stays so
        dy = np.asarray(dy, dtype.newbyteorder("=") if dtype is not None and dtype.name in FLOATS else np.float64)
    return dy if np.ndim(dy) else np.broadcast_to(dy, np.shape(saved))


@functools.lru_cache(64)
def all_of(n: int) -> Any:
    """The mask of a row of which nothing is masked."""
    return np.broadcast_to(True, (n,))


def heat(function: str, temperature: Any, x: Any, axis: Axis) -> Any:
    """A checked temperature: one number, or one for each row."""
    x = np.asanyarray(x)
    axes = _axes(x, axis)
    temperature = _validate.parameter(function, "temperature", temperature, "positive")
    if (x.dtype.char in "efd" or x.dtype.name == "bfloat16") and np.ndim(temperature) == 0:     # there it may be 0 or infinite
        _validate.parameter(function, "temperature", temperature, "positive", x.dtype)
    rows = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    try:
        np.broadcast_to(temperature, rows)
    except ValueError:
        raise ValueError(f"{function}: temperature of shape {np.shape(temperature)} does not fit the rows' shape {rows}") from None
    return temperature


def _with_temperature(record: RowRecord, plain: Callable[..., Any], usual: np.ufunc, ufunc: np.ufunc) -> Any:
    """The same function of x/temperature, by a kernel of its own unless the temperature is 1."""
    name, array = record.name, np.ndarray

    def tempered(x: Any, axis: Axis = -1, *, temperature: Any = 1.0, where: Any = None, out: Any = None, **kwargs: Any) -> Any:
        if type(temperature) is float and temperature == 1.0:
            if where is None and not kwargs and type(axis) is int and axis == -1:      # a usual call pays for nothing else
                if out is None:
                    if type(x) is array and (x.ndim < 2 or x.flags.c_contiguous):
                        return usual(x)
                elif type(out) is array:
                    return usual(x, out)
            return plain(x, axis, where=where, out=out, **kwargs)
        x = as_array(name, "x", x)
        _validate.floats(name, x=x)     # refuses by this name; the ufunc has another
        plainly = not kwargs and type(temperature) is float and type(axis) is int and axis == -1
        if plainly and type(x) is array and x.ndim and x.flags.c_contiguous:
            checked = _validate.parameter(name, "temperature", temperature, "positive", x.dtype)
            return ufunc(x, checked, all_of(x.shape[-1]) if where is None else _mask(name, where, x, -1), out=out)
        temperature = heat(name, temperature, x, axis)
        mask = np.broadcast_to(True, x.shape) if where is None else _mask(name, where, x)
        if not (axis is None or isinstance(axis, tuple)):
            if out is None and keeps_type(x, temperature):
                out = _like(x, axis, kwargs)
            return ufunc(x, temperature, mask, axis=axis, out=out, **kwargs)
        axes, shape = _axes(x, axis), x.shape
        result = ufunc(_last(x, axes), temperature, _last(mask, axes), axis=-1, **kwargs)
        return _deliver(name, _unlast(result, axes, shape), out)

    return tempered


def _backward_with_temperature(record: RowRecord, plain: Callable[..., Any], forward: Callable[..., Any]) -> Any:
    """The chain rule: what comes from x/temperature, over the temperature."""
    name = f"{record.name}_backward"

    def tempered(
        dy: Any,
        *,
        x: Any = None,
        y: Any = None,
        axis: Axis = -1,
        temperature: Any = 1.0,
        where: Any = None,
        out: Any = None,
        **kwargs: Any,
    ) -> Any:
        if type(temperature) is float and temperature == 1.0:
            return plain(dy, x=x, y=y, axis=axis, where=where, out=out, **kwargs)
        if (x is None) == (y is None):
            raise TypeError(f"{name}: pass either the saved input x= or the saved output y=")
        saved = np.asanyarray(x if y is None else y)
        temperature = heat(name, temperature, saved, axis)
        y = forward(saved, axis, temperature=temperature, where=where) if y is None else saved
        dy = flowing(unmasked(name, "dy", dy), y)
        if np.ndim(temperature):
            axes = _axes(saved, axis)
            rows = tuple(n for i, n in enumerate(saved.shape) if i not in axes)
            temperature = np.expand_dims(np.broadcast_to(temperature, rows), axes)
        half = not kwargs and type(y) is type(dy) is np.ndarray and y.dtype.name in ("float16", "bfloat16") and keeps_type(y, dy)
        if half:        # rounded once, behind the division
            result = plain(dy.astype(np.float32), y=y.astype(np.float32), axis=axis, where=where)
        else:
            result = plain(dy, y=y, axis=axis, where=where, out=out, **kwargs)
        with np.errstate(all="ignore"):
            result = np.divide(result, temperature, out=result if isinstance(result, np.ndarray) else None, casting="same_kind")
            return _deliver(name, result.astype(y.dtype.newbyteorder("=")), out) if half else result

    return tempered


def _broadcast(function: str, dy: Any, saved: Any) -> Any:
    """dy at the shape of both, or a refusal."""
    try:
        shape = np.broadcast_shapes(np.shape(dy), saved.shape)
    except ValueError:
        raise ValueError(f"{function}: dy of shape {np.shape(dy)} does not fit the result's shape {saved.shape}") from None
    return dy if shape == np.shape(dy) else np.broadcast_to(dy, shape)


def forward_function(record: RowRecord, ufuncs: Mapping[str, np.ufunc]) -> Callable[..., Any]:
    """``softmax(x, axis=-1, *, where=None, out=None)`` and its like."""
    plain, masked, name, array = ufuncs[record.name], ufuncs[f"{record.name}_masked"], record.name, np.ndarray

    def over_axes(x: Any, axis: Axis, keepdims: bool, where: Any, out: Any, kwargs: dict[str, Any]) -> Any:
        x = as_array(name, "x", x)
        axes, shape = _axes(x, axis), x.shape
        operands = (_last(x, axes),) if where is None else (_last(x, axes), _last(_mask(name, where, x), axes))
        result = (plain if where is None else masked)(*operands, axis=-1, **kwargs)
        if not record.reduces:
            result = _unlast(result, axes, shape)
        elif keepdims:
            result = np.reshape(result, tuple(1 if i in axes else n for i, n in enumerate(shape)))
        return _deliver(name, result, out)

    if record.reduces:

        def reduce(x: Any, axis: Axis = -1, *, keepdims: bool = False, where: Any = None, out: Any = None, **kwargs: Any) -> Any:
            if axis is None or isinstance(axis, tuple):
                return over_axes(x, axis, keepdims, where, out, kwargs)
            if type(x) is not array:
                unmasked(name, "x", x)
                if keepdims and out is None and not isinstance(x, np.ndarray) and hasattr(x, "__array_ufunc__"):
                    # pandas takes a result of two axes for one of x's shape
                    return np.expand_dims(reduce(x, axis, where=where, **kwargs), axis)
            if where is None:
                return plain(x, axis=axis, keepdims=keepdims, out=out, **kwargs)
            return masked(x, _mask(name, where, x, axis), axis=axis, keepdims=keepdims, out=out, **kwargs)

        function: Any = reduce
    else:

        def transform(x: Any, axis: Axis = -1, *, where: Any = None, out: Any = None, **kwargs: Any) -> Any:
            if not kwargs and type(axis) is int and axis == -1 and type(x) is array:   # as above
                if out is None:
                    if x.ndim < 2 or x.flags.c_contiguous:
                        return plain(x) if where is None else masked(x, _mask(name, where, x, -1))
                elif type(out) is array:
                    return plain(x, out) if where is None else masked(x, _mask(name, where, x, -1), out)
            if axis is None or isinstance(axis, tuple):
                return over_axes(x, axis, True, where, out, kwargs)
            if type(x) is not array:
                unmasked(name, "x", x)
            if out is None:
                out = _like(x, axis, kwargs)
            if where is None:
                return plain(x, axis=axis, out=out, **kwargs)
            return masked(x, _mask(name, where, x, axis), axis=axis, out=out, **kwargs)

        function = _with_temperature(record, transform, plain, ufuncs[f"{name}_tempered"]) if record.tempered else transform
    function.__name__ = function.__qualname__ = name
    function.__module__ = "fastact"
    function.ufunc = plain
    return function  # type: ignore[no-any-return]


def backward_function(record: RowRecord, ufuncs: Mapping[str, np.ufunc]) -> Callable[..., Any]:
    """``softmax_backward(dy, *, x=None, y=None, axis=-1, where=None, out=None)`` and its like."""
    name = f"{record.name}_backward"
    forward = forward_function(record, ufuncs)
    if record.reduces:
        from_x, from_x_masked = ufuncs[name], ufuncs[f"{name}_masked"]

        def backward_of_reduction(
            dy: Any,
            *,
            x: Any = None,
            y: Any = None,
            axis: Axis = -1,
            keepdims: bool = False,
            where: Any = None,
            out: Any = None,
            **kwargs: Any,
        ) -> Any:
            if y is not None:
                raise TypeError(f"{name}: the output does not determine the gradient of {record.name}; save the input and pass x=")
            if x is None:
                raise TypeError(f"{name}: pass the saved input x=")
            if type(x) is np.ndarray and type(dy) is np.ndarray and type(axis) is int and where is None and not keepdims:
                at = axis if axis >= 0 else axis + x.ndim
                if 0 <= at < x.ndim and dy.shape == x.shape[:at] + x.shape[at + 1 :]:
                    return from_x(dy, x, axis=axis, out=out, **kwargs)
            x, dy = as_array(name, "x", x), unmasked(name, "dy", dy)
            axes, shape = _axes(x, axis), x.shape
            reduced = tuple(n for i, n in enumerate(shape) if i not in axes)
            kept = tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else reduced
            try:
                np.broadcast_to(dy, kept)
                dy = np.squeeze(dy, axis=axes) if keepdims and np.ndim(dy) else dy
            except ValueError:
                raise ValueError(f"{name}: dy of shape {np.shape(dy)} does not fit the result's shape {kept}") from None
            mask = () if where is None else (_mask(name, where, x),)
            ufunc = from_x_masked if mask else from_x
            if len(axes) == 1:
                return ufunc(dy, x, *mask, axis=axes[0], out=out, **kwargs)
            result = ufunc(dy, *(_last(a, axes) for a in (x, *mask)), axis=-1, **kwargs)
            return _deliver(name, _unlast(result, axes, shape), out)

        function: Any = backward_of_reduction
    else:
        from_y, array = ufuncs[f"{name}_y"], np.ndarray

        def backward(dy: Any, *, x: Any = None, y: Any = None, axis: Axis = -1, where: Any = None, out: Any = None, **kwargs: Any) -> Any:
            if (x is None) == (y is None):
                raise TypeError(f"{name}: pass either the saved input x= or the saved output y=")
            saved = forward(x, axis, where=where) if y is None else y
            if type(saved) is not array:
                unmasked(name, "y", saved)
            if type(dy) is not array or not dy.ndim:
                dy = flowing(unmasked(name, "dy", dy), saved)
            if where is not None:  # what flows into a masked entry stops there
                mask = _mask(name, where, saved)
                dy = np.where(mask, dy, np.zeros((), np.asanyarray(dy).dtype))
            if not (axis is None or isinstance(axis, tuple)):
                if isinstance(saved, np.ndarray) and getattr(dy, "shape", None) != saved.shape:
                    # a ufunc does not broadcast along its rows, and counts the axes of each operand from its own first
                    dy, axis = _broadcast(name, dy, saved), normalize_axis_index(axis, saved.ndim) - saved.ndim
                if out is None:
                    out = _like(saved, axis, kwargs, dy)
                return from_y(dy, saved, axis=axis, out=out, **kwargs)
            saved = np.asanyarray(saved)
            axes, shape = _axes(saved, axis), saved.shape
            operands = (_last(np.broadcast_to(dy, shape, subok=True), axes), _last(saved, axes))
            return _deliver(name, _unlast(from_y(*operands, axis=-1, **kwargs), axes, shape), out)

        function = _backward_with_temperature(record, backward, forward) if record.tempered else backward
    function.__name__ = function.__qualname__ = name
    function.__module__ = "fastact"
    function.ufunc = ufuncs[name if record.reduces else f"{name}_y"]
    return function  # type: ignore[no-any-return]
