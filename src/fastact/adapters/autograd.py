"""autograd: every activation as a primitive with its gradient, to any order.

>>> from autograd import grad  # doctest: +SKIP
>>> import fastact.adapters.autograd as fa  # doctest: +SKIP
>>> grad(lambda w: fa.gelu(x @ w).sum())(w)  # doctest: +SKIP

The functions have fastact's names and arguments, without ``out=`` and ``where=``. Value and first derivative are fastact's kernels.
Derivatives of those, and with respect to parameters, come from the table's expressions, which autograd differentiates itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import autograd.numpy as anp
import numpy as np
from autograd.core import make_vjp
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast

import fastact as _fa
from fastact import reference
from fastact._registry import ELEMENTWISE, NAMES, ROWWISE, Record, RowRecord


def _expressions() -> dict[str, Any]:
    """What the table's expressions mean in autograd's NumPy."""
    names = {name: getattr(anp, name) for name in reference.NUMPY if hasattr(anp, name)}
    try:
        from autograd.scipy import special
    except ImportError:
        return names
    return {name: getattr(special, name, function) for name, function in reference.NUMPY.items()} | names


def _differentiable(names: dict[str, Any]) -> dict[str, Any]:
    """The same, with what autograd lacks."""
    if "erfcx" in names:
        erfcx = primitive(reference.NUMPY["erfcx"])
        defvjp(erfcx, lambda ans, x: lambda g: g * (2 * x * erfcx(x) - 2 / math.sqrt(math.pi)))
        names["erfcx"] = erfcx
    return names


_PRIMITIVES = _differentiable(_expressions())
_reference = reference.evaluate_with(_PRIMITIVES)


def _vjp(function: Callable[[Any], Any], at: Any) -> Any:
    """The vector-Jacobian product of a function that autograd can differentiate."""

    def tied(value: Any) -> Any:
        # the branch never taken ties the result to the argument, for autograd warns where a derivative is constant;
        # adding zeros broadcasts, with a gradient that sums, which where has not
        result = function(value)
        zeros = np.zeros(np.broadcast_shapes(anp.shape(value), anp.shape(result)))
        return anp.where(False, value + zeros, result + zeros)

    return make_vjp(tied, at)[0]


def _of_reference(function: Callable[..., Any], argnum: int) -> Callable[..., Any]:
    """A vjp by differentiating an expression with respect to one of its arguments."""

    def maker(ans: Any, *args: Any) -> Any:
        def product(g: Any) -> Any:
            def along(value: Any) -> Any:
                # of the result's shape also where the expression is constant
                return function(*args[:argnum], value, *args[argnum + 1 :]) + np.zeros(anp.shape(ans))

            return _vjp(along, args[argnum])(g)

        return product

    return maker


def _elementwise(record: Record) -> Any:
    activation = _fa.get(record.name)
    count = len(record.parameters)
    ufunc = activation.backward.ufunc  # type: ignore[attr-defined]

    forward = primitive(lambda x, *values: activation.forward(x, *values))
    backward = primitive(lambda dy, x, *values: ufunc(dy, x, *values))
    reference_forward, reference_backward = _reference[record.name], _reference[f"{record.name}_backward"]

    defvjp(
        forward,
        lambda ans, x, *values: lambda g: unbroadcast(backward(g, x, *values), anp.metadata(x)),
        *(_of_reference(reference_forward, k) for k in range(1, count + 1)),
    )
    defvjp(
        backward,
        lambda ans, dy, x, *values: lambda g: unbroadcast(backward(g, x, *values), anp.metadata(dy)),
        *(_of_reference(reference_backward, k) for k in range(1, count + 2)),
    )
    defjvp(forward, lambda g, ans, x, *values: backward(g, x, *values))
    defjvp(
        backward,
        lambda g, ans, dy, x, *values: backward(g, x, *values),
        lambda g, ans, dy, x, *values: _vjp(lambda v: reference_backward(dy, v, *values), x)(g),
    )

    if not count:
        return forward
    names, defaults = [p.name for p in record.parameters], [p.default for p in record.parameters]

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) > count:
            raise TypeError(f"{record.name}: at most {count} parameters, got {len(args)}")
        values = list(args)
        for name, default in zip(names[len(args) :], defaults[len(args) :], strict=True):
            value = kwargs.pop(name, default)
            if value is None:
                raise TypeError(f"{record.name}: pass {name}")
            values.append(value)
        if kwargs:
            raise TypeError(f"{record.name}: got an unexpected argument {next(iter(kwargs))!r}")
        return forward(x, *values)

    return call


def _axes(x: Any, axis: Any) -> tuple[int, ...]:
    ndim = anp.ndim(x)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(a % ndim for a in axes)


def _expand(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced array with the axes back, of length one."""
    if keepdims:
        return g
    axes = _axes(x, axis)
    return anp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(anp.shape(x))))


def _over_axis(record: RowRecord) -> Any:
    activation = _fa.get(record.name)
    expression = eval(f"lambda dy, {record.saves}, max, sum: {record.backward}", dict(_PRIMITIVES))

    def reference_backward(dy: Any, saved: Any, axis: Any) -> Any:
        along = partial(anp.max, axis=axis, keepdims=True), partial(anp.sum, axis=axis, keepdims=True)
        return expression(dy, saved, *along)

    if record.reduces:
        forward = primitive(lambda x, axis, keepdims: activation.forward(x, axis, keepdims=keepdims))
        backward = primitive(lambda dy, x, axis: activation.backward(dy, x=x, axis=axis, keepdims=True))
        defvjp(forward, lambda ans, x, axis, keepdims: lambda g: backward(_expand(g, x, axis, keepdims), x, axis), argnums=(0,))

        def tangent(g: Any, ans: Any, x: Any, axis: Any, keepdims: bool) -> Any:
            ones = anp.ones_like(_expand(ans, x, axis, keepdims))
            return anp.sum(backward(ones, x, axis) * g, axis, keepdims=keepdims)

        defjvp(forward, tangent, argnums=(0,))
    else:
        forward = primitive(lambda x, axis: activation.forward(x, axis))
        backward = primitive(lambda dy, y, axis: activation.backward(dy, y=y, axis=axis))
        defvjp(forward, lambda ans, x, axis: lambda g: backward(g, ans, axis), argnums=(0,))
        # backward is linear in dy, so its own vjp there is the product with the Jacobian itself
        defjvp(forward, lambda g, ans, x, axis: _vjp(lambda v: reference_backward(v, ans, axis), g)(g), argnums=(0,))
    defvjp(
        backward,
        lambda ans, dy, saved, axis: lambda g: _vjp(lambda v: reference_backward(v, saved, axis), dy)(g),
        lambda ans, dy, saved, axis: lambda g: _vjp(lambda v: reference_backward(dy, v, axis), saved)(g),
        argnums=(0, 1),
    )
    defjvp(
        backward,
        lambda g, ans, dy, saved, axis: backward(g, saved, axis),
        lambda g, ans, dy, saved, axis: _forward_mode(lambda v: reference_backward(dy, v, axis), saved, g),
        argnums=(0, 1),
    )
    if record.reduces:
        return lambda x, axis=-1, *, keepdims=False: forward(x, axis, keepdims)
    return lambda x, axis=-1: forward(x, axis)


def _forward_mode(function: Callable[[Any], Any], at: Any, g: Any) -> Any:
    """J g, as the vjp of the vjp."""
    product = _vjp(function, at)
    return _vjp(product, anp.zeros(anp.shape(at)))(g)


def _named(name: str, function: Any) -> Any:
    activation = _fa.get(name)
    function.__name__ = function.__qualname__ = activation.name
    function.__doc__ = f"`fastact.{activation.name}` for autograd: {activation.summary}"
    function.__module__ = __name__
    return function


_made = {r.name: _named(r.name, _elementwise(r)) for r in ELEMENTWISE} | {r.name: _named(r.name, _over_axis(r)) for r in ROWWISE}
globals().update({name: _made[own] for name, own in NAMES.items()})
__all__ = list(NAMES)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


