"""Activations of an affine input, and of a dense layer, without temporaries of the output's size."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import fastact as _fastact
from fastact import _rows, _validate
from fastact._functions import Activation
from fastact._registry import GatedRecord, Record, RowRecord, operations

_TOGETHER = 8192  # NumPy's buffer: where an inner loop is shorter, it copies what is broadcast, so shorter rows are taken together
_PANEL = 1 << 20  # bytes of a product's panel: the second and third cache hold it
_ROWS_PER_ADDEND = 8  # a panel with fewer rows than this, times the length of a dot product, makes BLAS pack W too often
_WORK = 1 << 15  # numbers of a gradient's block
_LEAST_ROWS = 1024  # of a panel of the backward pass, or adding up the products would take too long
_NOTHING = -0.0  # the bias that changes no number, -0.0 included


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type to compute in."""
    return np.dtype(np.float32) if dtype.itemsize == 2 else dtype


def _activation(function: str, argument: str, name: Any) -> Activation:
    try:
        activation = _fastact.get(name)
    except ValueError as error:
        raise ValueError(f"{function}: {argument}: {str(error).partition(': ')[2]}") from None
    record = activation.record
    if isinstance(record, GatedRecord) or (isinstance(record, RowRecord) and record.reduces):
        does = "halves the width" if isinstance(record, GatedRecord) else "reduces"
        raise ValueError(f"{function}: {argument} is {activation.name!r}, which {does}; call it on the layer's output")
    return activation


def _elementwise(function: str, name: Any) -> tuple[Activation, Record]:
    activation = _activation(function, "name", name)
    if not isinstance(activation.record, Record):
        raise ValueError(f"{function}: name must be a function that works element by element, got {activation.name!r}")
    return activation, activation.record


def _values(function: str, record: Record, given: dict[str, Any], dtype: np.dtype[Any] | None) -> tuple[Any, ...]:
    """The parameters in the table's order, checked."""
    unknown = set(given) - {p.name for p in record.parameters}
    if unknown:
        raise TypeError(f"{function}: {record.name} has no parameter {sorted(unknown)[0]!r}")
    values = []
    for p in record.parameters:
        value = given.get(p.name, p.default)
        if value is None:
            raise TypeError(f"{function}: {record.name} needs {p.name}=")
        values.append(_validate.parameter(function, p.name, value, p.check, dtype))
    known = dict(zip((p.name for p in record.parameters), values, strict=True))
    for low, high in record.ordered:
        _validate.ordered(function, low, known[low], high, known[high])
    return tuple(values)


def _merged(function: str, mapping: Mapping[str, Any] | None, named: dict[str, Any]) -> dict[str, Any]:
    """The activation's parameters, of which some may be named as an argument of the function itself."""
    if mapping is None:
        return named
    if not isinstance(mapping, Mapping):
        raise TypeError(f"{function}: parameters must be a mapping of names to values, got {mapping!r}")
    twice = set(mapping) & set(named)
    if twice:
        raise TypeError(f"{function}: {sorted(twice)[0]} is given twice, in parameters and by name")
    return {**mapping, **named}


def _fits(function: str, name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuse what does not broadcast to x."""
    try:
        fits = np.broadcast_shapes(np.shape(value), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{function}: {name} of shape {np.shape(value)} does not broadcast to x of shape {shape}")


def _flat(a: Any) -> Any:
    """All axes but the last in one: a view wherever the memory allows."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


def _repeated(value: Any, rows: int, n: int) -> Any:
    """A single number as it is; one per column once for each of some rows, end to end."""
    if np.ndim(value) == 0:
        return value
    tiled = np.empty((rows, n), value.dtype)
    tiled[:] = value
    return tiled.reshape(rows * n)


def _run(ufunc: np.ufunc, data: tuple[Any, ...], scale: Any, bias: Any, values: tuple[Any, ...], out: Any) -> Any:
    """ufunc(*data, scale, bias, *values, out=out) for two-dimensional contiguous data of one type.

    What a formula in steps costs to start is paid once per row, so rows are taken together, and bias and scale repeated.
    """
    m, n = out.shape
    rows = -(-_TOGETHER // n) if n else 0
    if rows < 2 or m < 4 * rows:
        ufunc(*data, scale, bias, *values, out=out)
        return out
    whole = m - m % rows
    head, tail = slice(0, whole), slice(whole, m)
    ufunc(
        *(a[head].reshape(whole // rows, rows * n) for a in data),
        _repeated(scale, rows, n),
        _repeated(bias, rows, n),
        *values,
        out=out[head].reshape(whole // rows, rows * n),
    )
    if whole < m:
        ufunc(*(a[tail] for a in data), scale, bias, *values, out=out[tail])
    return out


def _in_rows(x: Any, out: Any, values: tuple[Any, ...], *vectors: Any) -> bool:
    """Whether x and out are rows that lie one behind the other, and all else is single numbers or one number per column."""
    return (
        x.ndim >= 2
        and x.flags.c_contiguous
        and out.flags.c_contiguous
        and x.dtype == out.dtype
        and x.dtype.isnative
        and all(np.ndim(v) == 0 or (np.shape(v) == x.shape[-1:] and v.dtype == x.dtype) for v in vectors)
        and all(np.ndim(v) == 0 for v in values)
    )


def _result(function: str, out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], name: str = "out") -> Any:
    """The array for a result, or a refusal of what was given for it."""
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if out is None or out is ...:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{function}: {name} must be an ndarray, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{function}: {name} has shape {out.shape}, the result {shape}")
    if not np.can_cast(dtype, out.dtype, "same_kind"):
        raise TypeError(f"{function}: {name} is {out.dtype}, which does not hold a result of {dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{function}: {name} is read-only")
    return out


def _disturbs(out: Any, a: Any) -> bool:
    """Whether writing out block by block changes what is still to be read of a; not where both are the same."""
    same = a.shape == out.shape and a.strides == out.strides and a.ctypes.data == out.ctypes.data and a.dtype == out.dtype
    return not same and bool(np.may_share_memory(out, a))


def _vectors(x: Any, out: Any, *vectors: Any) -> bool:
    """Whether out is as x, floats or doubles, and all else single numbers or one per column, in arrays of x's type: nothing is left to
    check."""
    dtype, shape = x.dtype, x.shape
    if dtype.char not in "fd" or not dtype.isnative or not (
        out is None or (type(out) is np.ndarray and out.dtype is dtype and out.shape == shape and out.flags.writeable)
    ):
        return False
    for v in vectors:  # noqa: SIM110 - a generator would cost more than what it checks
        if v is not None and not (type(v) is np.ndarray and v.dtype is dtype and v.shape in ((), shape[-1:])):
            return False
    return True


@functools.lru_cache(256)
def _ready_for_fused(name: str, char: str) -> tuple[tuple[Any, ...], Any, Any, np.ufunc]:
    """An activation's default parameters, no bias, 1, and its ufunc, for floats or doubles."""
    activation, record = _elementwise("fused", name)
    dtype = np.dtype(char)
    values = tuple(np.array(v, dtype) for v in _values("fused", record, {}, dtype))
    return values, np.array(_NOTHING, dtype), np.ones((), dtype), _fastact._affine[activation.name]


def _fused(ufunc: np.ufunc, x: Any, scale: Any, bias: Any, values: tuple[Any, ...], out: Any) -> Any:
    """The ufunc, on rows taken together where that can be."""
    rows = x.size >= 4 * _TOGETHER and type(x) is np.ndarray and _in_rows(x, out, values, scale, bias)
    if rows and not (_disturbs(out, x) or any(np.may_share_memory(out, v) for v in (scale, bias, *values))):
        _run(ufunc, (_flat(x),), scale, bias, values, _flat(out))
        return out
    return ufunc(x, scale, bias, *values, out=out, casting="same_kind")


def fused(
    name: str | Activation | Callable[..., Any],
    x: Any,
    bias: Any = None,
    scale: Any = None,
    *,
    out: Any = None,
    parameters: Mapping[str, Any] | None = None,
    **named: Any,
) -> Any:
    """The activation of scale*x + bias, in one pass.

    Parameters
    ----------
    name : str, Activation or callable
        An activation that works element by element, as for `fastact.get`: ``"gelu"``, ``fastact.gelu``.
    x : array_like
        The input.
    bias : array_like, optional
        What is added; broadcasts to x. 0 by default.
    scale : array_like, optional
        What x is multiplied by; broadcasts to x. 1 by default.
    out : ndarray, optional
        Where to put the result; x itself for in place.
    parameters : mapping, optional
        The activation's parameters, including any that clash with an argument name (star_relu's scale and bias).
    **named
        The same by name.

    Returns
    -------
    y : ndarray
        f(scale*x + bias), of x's shape.

    Raises
    ------
    ValueError
        If there is no such activation, a parameter is not accepted, or bias or scale do not broadcast to x.
    TypeError
        For types or parameters that are not accepted.

    See Also
    --------
    fused_backward : the gradient.
    dense : the same behind a product of matrices.

    Notes
    -----
    scale*x + bias is rounded once, in float32 if the input is float16 or bfloat16, and is never in memory as a whole. It is not
    checked: logit is NaN outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x = np.array([[-1.0, 0.0, 1.0], [2.0, 3.0, 4.0]])
    >>> print(fa.fused("relu", x, bias=np.array([0.5, -0.5, 0.0]), scale=2.0))
    [[0.  0.  2. ]
     [4.5 5.5 8. ]]
    """
    if not named and parameters is None and type(x) is np.ndarray and type(name) is str and _vectors(x, out, bias, scale):
        values, nothing, one, ufunc = _ready_for_fused(name, x.dtype.char)
        scale, bias = one if scale is None else scale, nothing if bias is None else bias
        out = np.empty_like(x) if out is None else out              # of one number an array, too
        return ufunc(x, scale, bias, *values, out=out) if x.size < 4 * _TOGETHER else _fused(ufunc, x, scale, bias, values, out)
    given = _merged("fused", parameters, named)
    activation, record = _elementwise("fused", name)
    x = np.asanyarray(x)
    shape = x.shape
    dtype = _validate.floats("fused", x=x, bias=bias, scale=scale)
    values = _values("fused", record, given, dtype if x.dtype == dtype else None)
    for key, value in (("bias", bias), ("scale", scale), *zip((p.name for p in record.parameters), values, strict=True)):
        if value is not None:
            _fits("fused", key, value, shape)
    bias = np.asarray(_NOTHING if bias is None else bias, dtype)
    scale = np.asarray(1.0 if scale is None else scale, dtype)
    ufunc = _fastact._affine[activation.name]
    if out is None and not (x.dtype == dtype and all(np.ndim(v) == 0 or v.dtype == dtype for v in values)):
        return ufunc(x, scale, bias, *values)
    result = np.empty_like(x) if out is None else _result("fused", out, shape, dtype)
    return _fused(ufunc, x, scale, bias, values, result)


class _Sum:
    """A gradient summed over the axes along which its operand was broadcast, block by block of the first axis; in double."""

    def __init__(self, value: Any, shape: tuple[int, ...]) -> None:
        self.shape = np.shape(value)
        full = (1,) * (len(shape) - len(self.shape)) + self.shape
        self.axes = tuple(i for i, n in enumerate(full) if n == 1)
        self.along = bool(full) and full[0] != 1  # one number, or more, for each block
        self.total = np.zeros(full)

    def add(self, rows: slice, block: Any) -> None:
        """Add the gradients of these rows."""
        part = block.sum(axis=self.axes, keepdims=True, dtype=np.float64) if self.axes else block
        if self.along:
            self.total[rows] += part
        else:
            self.total += part

    def result(self, dtype: np.dtype[Any]) -> Any:
        """The sum, of the operand's shape."""
        with np.errstate(all="ignore"):
            return self.total.reshape(self.shape).astype(dtype)


def _rows_of(value: Any, rows: slice, ndim: int) -> Any:
    """The part of an operand that goes with these rows of x."""
    return value[rows] if np.ndim(value) == ndim and np.shape(value)[0] != 1 else value


def fused_backward(
    name: str | Activation | Callable[..., Any],
    dy: Any,
    x: Any,
    bias: Any = None,
    scale: Any = None,
    *,
    out: Any = None,
    parameters: Mapping[str, Any] | None = None,
    **named: Any,
) -> tuple[Any, Any, Any]:
    """Gradient of `fused`.

    Parameters
    ----------
    name : str, Activation or callable
        The activation, as in the forward pass.
    dy : array_like
        Gradient of the loss with respect to the output; broadcasts to x.
    x : array_like
        The saved input.
    bias, scale : array_like, optional
        As in the forward pass.
    out : ndarray, optional
        Where to put dx; dy or x itself for in place.
    parameters : mapping, optional
        The activation's parameters, including any that clash with an argument name (star_relu's scale and bias).
    **named
        The same by name.

    Returns
    -------
    dx : ndarray
        dy * f'(scale*x + bias) * scale, of x's shape.
    dbias : ndarray or None
        The gradient for bias, of its shape; None without a bias.
    dscale : ndarray or None
        The gradient for scale, of its shape; None without a scale.

    Raises
    ------
    ValueError
        If there is no such activation, a parameter is not accepted, or bias, scale or dy do not broadcast to x.
    TypeError
        For types or parameters that are not accepted.

    See Also
    --------
    fused : the function.

    Notes
    -----
    Works block by block; what was broadcast is summed in float64 over the blocks.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x = np.array([[-1.0, 0.0, 1.0], [2.0, 3.0, 4.0]])
    >>> dx, dbias, dscale = fa.fused_backward("relu", 1.0, x, bias=np.array([0.5, -0.5, 0.0]), scale=2.0)
    >>> print(dx[0], dbias, dscale)
    [0. 0. 2.] [1. 1. 2.] 10.0
    """
    merged = _merged("fused_backward", parameters, named)
    out = None if out is ... else out
    activation, record = _elementwise("fused_backward", name)
    _rows.none_masked("fused_backward", dy=dy, x=x, bias=bias, scale=scale)
    x = np.asanyarray(x)
    shape = x.shape
    dtype = _validate.floats("fused_backward", dy=dy, x=x, bias=bias, scale=scale)
    values = _values("fused_backward", record, merged, dtype if x.dtype == dtype else None)
    for key, value in (("dy", dy), ("bias", bias), ("scale", scale), *zip((p.name for p in record.parameters), values, strict=True)):
        if value is not None:
            _fits("fused_backward", key, value, shape)
    result = _result("fused_backward", out, shape, dtype)
    if out is not None and any(isinstance(a, np.ndarray) and _disturbs(result, a) for a in (dy, x, bias, scale, *values)):
        result = np.empty(shape, dtype)  # blocks would overwrite what later ones read
    a = np.asarray(_NOTHING if bias is None else bias, dtype)
    m = np.asarray(1.0 if scale is None else scale, dtype)
    if not shape:
        operands = [np.reshape(v, (1,)) for v in (x, result, dy)]
    elif x.flags.c_contiguous and result.flags.c_contiguous and all(np.ndim(v) <= 1 for v in (a, m, *values)):
        operands = [_flat(v) for v in (x, result)]
        operands.append(np.broadcast_to(dy, shape).reshape(operands[0].shape) if np.ndim(dy) else np.asarray(dy))
    else:
        operands = [x, result, np.asarray(dy)]
    flat, into, given = operands
    dbias = None if bias is None else _Sum(a, flat.shape)
    dscale = None if scale is None else _Sum(m, flat.shape)
    ufunc = _fastact._affine[f"{activation.name}_backward"]
    per_row = max(1, flat.size // max(1, flat.shape[0]))
    count, wide = max(1, _WORK // per_row), _wide(dtype)
    work = np.empty((min(count, flat.shape[0]), *flat.shape[1:]), wide)
    computed = {} if wide == dtype else {"dtype": wide}
    with np.errstate(all="ignore"):
        for start in range(0, flat.shape[0], count):
            rows = slice(start, min(start + count, flat.shape[0]))
            some = [_rows_of(v, rows, flat.ndim) for v in (given, flat, m, a, *values)]
            block = ufunc(*some, out=work[: rows.stop - start], casting="same_kind", **computed)
            if dbias:
                dbias.add(rows, block)
            if dscale:
                dscale.add(rows, block * some[1])
            np.multiply(block, some[2], out=into[rows], casting="same_kind")
    if out is not None:
        final = out[0] if isinstance(out, tuple) else out
        if final is not result:
            np.copyto(final, result, casting="same_kind")
            result = final
    return result, dbias.result(dtype) if dbias else None, dscale.result(dtype) if dscale else None


# ---- dense layers ------------------------------------------------------------------------------------------------


def _layer(function: str, x: Any, W: Any, b: Any, others: dict[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and the shape of x @ W + b, or a refusal."""
    dtype = _validate.floats(function, x=x, W=W, b=b, **others)
    if W.ndim != 2:
        raise ValueError(f"{function}: W must have two axes (inputs, outputs), got shape {W.shape}")
    if x.ndim == 0 or x.shape[-1] != W.shape[0]:
        raise ValueError(f"{function}: x of shape {x.shape} does not fit W of shape {W.shape}: the last axis must be {W.shape[0]}")
    if b is not None and np.shape(b) not in ((), W.shape[1:]):
        raise ValueError(f"{function}: b must be a number or have shape {W.shape[1:]}, got shape {np.shape(b)}")
    return dtype, (*x.shape[:-1], W.shape[1])


def _panel_rows(n: int, itemsize: int, least: int) -> int:
    """How many rows of n numbers a panel has."""
    return max(_PANEL // max(1, n * itemsize), least, 1)


def _finish(activation: Activation | None, b: Any, values: tuple[Any, ...], parameters: dict[str, Any], panel: Any) -> None:
    """f(panel + b) in place, for a panel of the product."""
    if activation is None:
        if b.ndim == 0 and not b:
            return
        np.add(panel, b, out=panel)
    elif not isinstance(activation.record, Record):
        np.add(panel, b, out=panel)
        activation.forward(panel, axis=-1, out=panel, **parameters)
    else:
        ufunc, one = _fastact._affine[activation.name], np.ones((), panel.dtype)
        if _in_rows(panel, panel, values, b):
            _run(ufunc, (panel,), one, b, values, panel)
        else:
            ufunc(panel, one, b, *values, out=panel)


def _panels(
    x: Any, W: Any, b: Any, act: Activation | None, values: tuple[Any, ...], parameters: dict[str, Any], out: Any
) -> Any:
    """The layer, panel by panel, for two-dimensional arrays that fit; W, b and the values have the type to compute in."""
    wide, n = W.dtype, W.shape[1]
    direct = out.dtype == wide
    rows = _panel_rows(n, wide.itemsize, _ROWS_PER_ADDEND * W.shape[0] if direct else 0)
    panel = None if direct else np.empty((min(rows, len(x)), n), wide)
    for start in range(0, len(x), rows):
        some = x[start : start + rows].astype(wide, copy=False)
        here = out[start : start + rows] if panel is None else panel[: len(some)]
        np.matmul(some, W, out=here)
        _finish(act, b, values, parameters, here)
        if panel is not None:
            with np.errstate(over="ignore"):
                np.copyto(out[start : start + rows], here, casting="same_kind")
    return out


def _apart(out: Any, a: Any) -> bool:
    """Whether these share no memory: at once where one has its own and the other is no view."""
    return (out.flags.owndata and a.base is None and a is not out) or not np.may_share_memory(out, a)


def _plain(x: Any, W: Any, b: Any, out: Any) -> bool:
    """Whether these are float or double matrices that fit, so that nothing is left to check."""
    return (
        type(x) is np.ndarray
        and type(W) is np.ndarray
        and x.dtype is W.dtype
        and x.dtype.char in "fd"
        and x.dtype.isnative
        and x.ndim == 2 == W.ndim
        and x.shape[1] == W.shape[0]
        and (b is None or (type(b) is np.ndarray and b.dtype is x.dtype and b.shape == W.shape[1:]))
        and (
            out is None
            or (
                type(out) is np.ndarray
                and out.dtype is x.dtype
                and out.shape == (len(x), W.shape[1])
                and out.flags.c_contiguous
                and out.flags.writeable
                and _apart(out, x)
                and _apart(out, W)
                and (b is None or _apart(out, b))
            )
        )
    )


@functools.lru_cache(256)
def _ready(function: str, activation: str | None, char: str) -> tuple[Activation | None, tuple[Any, ...], Any, Any, Any]:
    """An activation, its default parameters, no bias, 1, and the operation on an affine input if there is one; for floats or doubles."""
    dtype = np.dtype(char)
    act, values = _prepared(function, activation, {}, dtype, 0)
    ufunc = None if act is None else _fastact._affine.get(act.name)
    return act, tuple(np.array(v, dtype) for v in values), np.array(_NOTHING, dtype), np.ones((), dtype), ufunc


def dense(
    x: Any, W: Any, b: Any = None, activation: Any = None, *, out: Any = None, parameters: Mapping[str, Any] | None = None, **named: Any
) -> Any:
    """A dense layer: activation(x @ W + b), with no temporary of the output's size.

    Parameters
    ----------
    x : array_like of shape (..., inputs)
        The input.
    W : array_like of shape (inputs, outputs)
        The weights.
    b : array_like of shape (outputs,), optional
        The bias; 0 by default.
    activation : str, Activation or callable, optional
        An activation, as for `fastact.get`: ``"gelu"``, ``fastact.gelu``; one over an axis is taken over the last. None by
        default: no activation.
    out : ndarray, optional
        Where to put the result; must not share memory with x, W or b.
    parameters : mapping, optional
        The activation's parameters, single numbers or one for each output, including any that clash with an argument name
        (squareplus's b).
    **named
        The same by name.

    Returns
    -------
    y : ndarray of shape (..., outputs)
        The layer's output.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no such activation or a parameter is not accepted; nothing is written.
    TypeError
        For types or parameters that are not accepted.

    See Also
    --------
    dense_backward : the gradient.
    fused : bias and activation without the product.

    Notes
    -----
    NumPy's BLAS computes the product one panel of rows at a time, straight into the output; bias and activation follow in one
    pass while the panel is in the cache. For float16 and bfloat16 both are done in float32, and rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x, W, b = np.array([[1.0, 2.0]]), np.array([[1.0, -1.0, 0.5], [0.0, -1.0, 0.5]]), np.array([0.0, 1.0, 0.5])
    >>> print(fa.dense(x, W, b, activation="relu"))
    [[1. 0. 2.]]
    """
    if not named and parameters is None and (activation is None or type(activation) is str) and _plain(x, W, b, out):
        act, values, bias, one, ufunc = _ready("dense", activation, x.dtype.char)
        if ufunc is not None and len(x) * W.shape[1] < 4 * _TOGETHER:
            result = np.matmul(x, W, out=out)
            return ufunc(result, one, bias if b is None else b, *values, out=result)
        result = np.empty((len(x), W.shape[1]), x.dtype) if out is None else out
        return _panels(x, W, bias if b is None else b, act, values, {}, result)
    more = _merged("dense", parameters, named)
    _rows.none_masked("dense", x=x, W=W, b=b)
    x, W = np.asarray(x), np.asarray(W)
    dtype, shape = _layer("dense", x, W, b, {})
    act, values = _prepared("dense", activation, more, dtype, shape[-1])
    result = _result("dense", out, shape, dtype)
    if out is not None and any(np.shares_memory(result, a) for a in (x, W, np.asarray(0.0 if b is None else b), *map(np.asarray, values))):
        raise ValueError("dense: out must not share memory with x, W, b or a parameter")
    wide = _wide(dtype)
    weights = W.astype(wide, copy=False)
    bias = np.asarray(_NOTHING if b is None else b, wide)
    flat, into = _flat(x), _flat(result) if result.flags.c_contiguous else np.empty((math.prod(shape[:-1]), shape[-1]), dtype)
    _panels(flat, weights, bias, act, values, more, into)
    if not np.shares_memory(into, result):
        np.copyto(result, into.reshape(shape), casting="same_kind")
    return result


def _prepared(function: str, activation: Any, parameters: dict[str, Any], dtype: Any, n: int) -> tuple[Activation | None, tuple[Any, ...]]:
    """The activation and its parameters, checked, in the type to compute in."""
    if activation is None:
        if parameters:
            raise TypeError(f"{function}: unexpected argument {sorted(parameters)[0]!r} without an activation")
        return None, ()
    act = _activation(function, "activation", activation)
    if not isinstance(act.record, Record):
        if parameters:
            raise TypeError(f"{function}: {act.name} has no parameter {sorted(parameters)[0]!r}")
        return act, ()
    values = _values(function, act.record, parameters, dtype)
    for p, value in zip(act.record.parameters, values, strict=True):
        if np.shape(value) not in ((), (n,)):
            raise ValueError(f"{function}: {p.name} must be a number or have shape ({n},), got shape {np.shape(value)}")
    with np.errstate(all="ignore"):
        narrowed = [np.asarray(v, _wide(dtype)) for v in values]        # the layer does not widen for an array: it is checked once more
    checked = zip(act.record.parameters, narrowed, strict=True)
    return act, tuple(_validate.parameter(function, p.name, v, p.check) if v.ndim else v for p, v in checked)


def dense_backward(
    dy: Any,
    x: Any,
    W: Any,
    b: Any = None,
    activation: Any = None,
    *,
    y: Any = None,
    out: Any = None,
    parameters: Mapping[str, Any] | None = None,
    **named: Any,
) -> tuple[Any, Any, Any]:
    """Gradient of `dense`.

    Parameters
    ----------
    dy : array_like of shape (..., outputs)
        Gradient of the loss with respect to the output.
    x : array_like of shape (..., inputs)
        The saved input.
    W, b, activation
        As in the forward pass.
    y : array_like of shape (..., outputs), optional
        The saved output. If it determines the gradient of the activation, the product need not be computed again.
    out : tuple of three ndarray or None, optional
        Where to put dx, dW and db; must not share memory with what goes in.
    parameters : mapping, optional
        The activation's parameters, including any that clash with an argument name (star_relu's scale and bias).
    **named
        The same by name.

    Returns
    -------
    dx : ndarray of shape (..., inputs)
        The gradient for x.
    dW : ndarray of shape (inputs, outputs)
        The gradient for W.
    db : ndarray or None
        The gradient for b, of its shape; None without a bias.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no such activation or a parameter is not accepted; nothing is written.
    TypeError
        For types or parameters that are not accepted.

    See Also
    --------
    dense : the layer.

    Notes
    -----
    Works on one panel of rows at a time, so there is no temporary of the output's size either.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x, W, b = np.array([[1.0, 2.0]]), np.array([[1.0, -1.0, 0.5], [0.0, -1.0, 0.5]]), np.array([0.0, 1.0, 0.5])
    >>> dx, dW, db = fa.dense_backward(np.ones((1, 3)), x, W, b, activation="relu")
    >>> print(dx, db)
    [[1.5 0.5]] [1. 0. 1.]
    """
    if (
        (out is None and not named and parameters is None and type(activation) is str)
        and (_plain(x, W, b, None) and _upper(dy, x, W) and (y is None or _upper(y, x, W)))
        and 0 < len(x) <= _panel_rows(W.shape[1], x.itemsize, _LEAST_ROWS)
    ):
        slope, of_output, values, bias, one = _ready_backward(activation, x.dtype.char)
        if slope is not None:
            with np.errstate(over="ignore"):
                if y is not None and of_output is not None:
                    return _backward_of(of_output(dy, y, *values), x, W, b)
                da = np.matmul(x, W)
                return _backward_of(slope(dy, da, one, bias if b is None else b, *values, out=da), x, W, b)
    _rows.none_masked("dense_backward", dy=dy, x=x, W=W, b=b, y=y)
    x, W, dy = np.asarray(x), np.asarray(W), np.asarray(dy)
    dtype, shape = _layer("dense_backward", x, W, b, {"dy": dy, "y": y})
    act, values = _prepared("dense_backward", activation, _merged("dense_backward", parameters, named), dtype, shape[-1])
    for key, value in (("dy", dy), ("y", y)):
        if value is not None and np.shape(value) != shape:
            raise ValueError(f"dense_backward: {key} must have the output's shape {shape}, got {np.shape(value)}")
    given = (None, None, None) if out is None else out
    if not isinstance(given, tuple) or len(given) != 3:
        raise TypeError(f"dense_backward: out must be a tuple of three arrays or None, got {out!r}")
    dx = _result("dense_backward", given[0], x.shape, dtype, "out[0]")
    dW = _result("dense_backward", given[1], W.shape, dtype, "out[1]")
    db = None if b is None else _result("dense_backward", given[2], np.shape(b), dtype, "out[2]")
    inputs = [np.asarray(v) for v in (dy, x, W, b, y, *values) if v is not None]
    if any(g is not None and np.shares_memory(g, a) for g in given for a in inputs):
        raise ValueError("dense_backward: out must not share memory with dy, x, W, b, y or a parameter")
    if any(np.shares_memory(first, second) for first, second in itertools.combinations([g for g in given if g is not None], 2)):
        raise ValueError("dense_backward: the arrays of out must not share memory")

    wide = _wide(dtype)
    weights = W.astype(wide, copy=False)
    bias, one = np.asarray(_NOTHING if b is None else b, wide), np.ones((), wide)
    from_y = y is not None and act is not None and _determines(act, values)
    flat, flat_dy = _flat(x), _flat(dy)
    flat_y = _flat(np.asarray(y)) if from_y else None
    into = _flat(dx) if dx.flags.c_contiguous else np.empty(flat.shape, wide)
    rows = min(_panel_rows(shape[-1], wide.itemsize, _LEAST_ROWS), max(1, len(flat)))
    work = np.empty((rows if act is not None else 0, shape[-1]), wide)
    sum_W = dW if dW.dtype == wide and dW.flags.c_contiguous else np.empty(W.shape, wide)
    product = np.empty(W.shape if len(flat) > rows else (0, 0), wide)
    sum_b, ones = np.zeros(shape[-1]), np.ones(rows, wide)
    if not len(flat):
        sum_W[...] = 0
    with np.errstate(over="ignore"):
        for start in range(0, len(flat), rows):
            stop = min(start + rows, len(flat))
            some_x, upper = flat[start:stop].astype(wide, copy=False), flat_dy[start:stop].astype(wide, copy=False)
            da = work[: stop - start]
            if act is None:
                da = upper
            elif flat_y is not None:
                _from_output(act, upper, flat_y[start:stop].astype(wide, copy=False), values, da)
            else:
                np.matmul(some_x, weights, out=da)
                if isinstance(act.record, Record):
                    ufunc = _fastact._affine[f"{act.name}_backward"]
                    if _in_rows(upper, da, values, bias):
                        _run(ufunc, (upper, da), one, bias, values, da)
                    else:
                        ufunc(upper, da, one, bias, *values, out=da)
                else:
                    np.add(da, bias, out=da)
                    act.backward(upper, x=da.copy(), axis=-1, out=da)
            if into.dtype == wide:
                np.matmul(da, weights.T, out=into[start:stop])
            else:
                into[start:stop] = np.matmul(da, weights.T)
            np.matmul(some_x.T, da, out=product if start else sum_W)
            if start:
                sum_W += product
            if db is not None:
                sum_b += np.matmul(ones[: stop - start], da)
        if not np.shares_memory(into, dx):
            np.copyto(dx, into.reshape(dx.shape), casting="same_kind")
        if sum_W is not dW:
            np.copyto(dW, sum_W, casting="same_kind")
        if db is not None:
            np.copyto(db, sum_b.sum() if db.ndim == 0 else sum_b, casting="same_kind")
    return dx, dW, db


def _upper(a: Any, x: Any, W: Any) -> bool:
    """Whether it is of the output's shape and type."""
    return type(a) is np.ndarray and a.dtype is x.dtype and a.shape == (len(x), W.shape[1])


@functools.lru_cache(256)
def _ready_backward(activation: str, char: str) -> tuple[Any, Any, tuple[Any, ...], Any, Any]:
    """An activation's gradient on an affine input, that from the output, its default parameters, no bias, and 1."""
    act, values, bias, one, _ = _ready("dense_backward", activation, char)
    assert act is not None
    ufunc = _fastact._affine.get(f"{act.name}_backward")
    of_output = _fastact._ufuncs[_of_output(act)] if ufunc is not None and _determines(act, values) else None
    return ufunc, of_output, values, bias, one


def _backward_of(da: Any, x: Any, W: Any, b: Any) -> tuple[Any, Any, Any]:
    """dx, dW and db of rows that are one panel."""
    return np.matmul(da, W.T), np.matmul(x.T, da), None if b is None else np.matmul(np.ones(len(x), x.dtype), da)


def _determines(act: Activation, values: tuple[Any, ...]) -> bool:
    """Whether the output determines the gradient."""
    record = act.record
    if not isinstance(record, Record):
        return not isinstance(record, GatedRecord) and record.saves == "y"
    return record.output_determines(dict(zip((p.name for p in record.parameters), values, strict=True)))


def _of_output(act: Activation) -> str:
    """The ufunc of the gradient from the output."""
    assert isinstance(act.record, Record)
    (name,) = (op.name for op in operations(act.record) if op.data[-1] == "y")
    return name


def _from_output(act: Activation, dy: Any, y: Any, values: tuple[Any, ...], out: Any) -> None:
    """The gradient before activation, from the output."""
    if isinstance(act.record, Record):
        _fastact._ufuncs[_of_output(act)](dy, y, *values, out=out)
    else:
        act.backward(dy, y=y, axis=-1, out=out)
