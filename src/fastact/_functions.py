"""From the table and one variant's ufuncs to the public functions."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import fastact
from fastact import _docs, _drawn, _gated, _quick, _rows, _validate
from fastact._registry import (
    ELEMENTWISE,
    FUNCTIONS,
    GATED,
    NAMES,
    PAIRS,
    RECORDS,
    ROWWISE,
    FunctionRecord,
    GatedRecord,
    Parameter,
    Record,
    RowRecord,
)

_quick.for_arrays(np.ndarray)


def _compile(source: str, name: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """A function written out for one record: a real signature, and no argument juggling at call time."""
    exec(compile(textwrap.dedent(source), f"<fastact.{name}>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    function.__module__ = "fastact"
    return function


def _signature(parameters: tuple[Parameter, ...]) -> str:
    """``, alpha=<1.0>`` for each parameter; the default is an object of `_scope`, so that it is known where nothing was given."""
    return "".join(f", {p.name}" + ("" if p.default is None else f"=_default_{p.name}") for p in parameters)


def _checks(function: str, record: Record, arrays: tuple[str, ...]) -> str:
    """Lines that check the parameters and, where all arrays are plain and of one dtype, give them that dtype."""
    plain = " and ".join([*(f"type({a}) is _ndarray" for a in arrays), *(f"{a}.dtype is {arrays[0]}.dtype" for a in arrays[1:])])
    parameters, lines = record.parameters, []
    if parameters:
        plain += " and not kwargs"
        lines.append(f"    dtype = {arrays[0]}.dtype if {plain} else _computed_dtype(kwargs, {', '.join(arrays)})\n")
    for p in parameters:
        check = f"_parameter({function!r}, {p.name!r}, {p.name}, {p.check!r}, dtype)"
        if p.default is None:
            lines.append(f"    {p.name} = {check}\n")
        else:
            lines.append(f"    ready = _ready_{p.name}.get(dtype) if {p.name} is _default_{p.name} else None\n")
            lines.append(f"    {p.name} = {check} if ready is None else ready\n")
    lines += [f"    _ordered({function!r}, {low!r}, {low}, {high!r}, {high})\n" for low, high in record.ordered]
    return "".join(lines)


def _refusals(function: str, record: Record) -> str:
    """The line that refuses x outside the domain, once the parameters are checked."""
    held = record.held_by
    return f"    _probabilities({function!r}, x, {held!r}, {held}, kwargs.get('where', True))\n" if held else ""


def _call(ufunc: str, arguments: str, indent: str) -> str:
    """Lines that return a ufunc's result. Without further keywords they are left out: an empty dictionary costs 0.2 us."""
    return f"{indent}if kwargs:\n{indent}    return {ufunc}({arguments}, out=out, **kwargs)\n{indent}return {ufunc}({arguments}, out=out)\n"


def _names(parameters: tuple[Parameter, ...]) -> str:
    return "".join(f", {p.name}" for p in parameters)


def forward_function(record: Record, ufuncs: Mapping[str, np.ufunc]) -> Any:
    """The ufunc itself, or, with parameters, a thin function that supplies their defaults and checks them."""
    ufunc = ufuncs[record.name]
    if not record.parameters:
        return ufunc
    axis = any(p.learned for p in record.parameters)
    train = ""
    extra = ", axis=None" if axis else ""
    if record.drawn:
        extra += ", training=False, rng=None"
        train = f"    if training:\n        return _train(x, {record.drawn.low}, {record.drawn.high}, rng, out=out, **kwargs)\n"
    source = (
        f"def {record.name}(x{_signature(record.parameters)}, *{extra}, out=None, **kwargs):\n"
        + train
        + _checks(record.name, record, ("x",))
        + _refusals(record.name, record)
        + _placing(record.name, record)
        + _call("_ufunc", f"x{_names(record.parameters)}", "    ")
    )
    scope = _scope(record, _ufunc=ufunc)
    if record.drawn:
        scope["_train"] = _drawn.forward_function(record, ufunc)
    function: Any = _compile(source, record.name, scope)
    function.ufunc = ufunc
    return _called_quickly(function, record, ufunc, None, False)


def _called_quickly(function: Any, record: Record, from_x: np.ufunc, from_y: np.ufunc | None, backward: bool) -> Any:
    """The function; with all parameters at their defaults it need not be asked (`core/_quick.c`)."""
    if any(p.default is None for p in record.parameters) or (record.held_by and not backward):
        return function
    ready = None
    if record.parameters:
        each = [function.__globals__[f"_ready_{p.name}"] for p in record.parameters]
        ready = tuple((np.dtype(kind), *(values[np.dtype(kind)] for values in each)) for kind in "efd")
    return functools.update_wrapper(_quick.Quick(function, from_x, from_y, ready, backward), function)


def _usual_from_output(record: Record, ufuncs: Mapping[str, np.ufunc]) -> np.ufunc | None:
    """The gradient from the output, if that determines it where parameters are at their defaults."""
    form = record.from_output
    if form is None:
        return None
    defaults = {p.name: p.default for p in record.parameters}
    holds = form.requires is None or form.holds(np.asarray(defaults[form.requires[0]]))
    return ufuncs[f"{record.name}_backward_y"] if holds else None


def place_on_axis(function: str, name: str, value: Any, x: Any, axis: int | None) -> Any:
    """A one-dimensional parameter laid along ``axis`` of x (channels); without an axis NumPy's broadcasting rules hold."""
    if axis is None or np.ndim(value) == 0:
        return value
    shape = np.shape(x)
    ndim = len(shape)
    axis = _validate.integer(function, "axis", axis)
    if np.ndim(value) != 1:
        raise ValueError(f"{function}: axis={axis} places a one-dimensional {name}, got {name} of shape {np.shape(value)}")
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim, f"{function}: axis")
    if shape[axis] not in (1, len(value)) and len(value) != 1:
        raise ValueError(f"{function}: {name} of {len(value)} numbers does not broadcast along axis {axis} of x of shape {shape}")
    axis %= ndim
    return np.reshape(value, (1,) * axis + (-1,) + (1,) * (ndim - axis - 1))


def _placing(function: str, record: Record) -> str:
    """The lines that lay learned parameters along an axis of x."""
    return "".join(f"    {p.name} = _place({function!r}, {p.name!r}, {p.name}, x, axis)\n" for p in record.parameters if p.learned)


#: What the lines of `_checks` and `_placing` call.
_CHECKS: dict[str, Any] = {
    "_parameter": _validate.parameter,
    "_ordered": _validate.ordered,
    "_probabilities": _validate.probabilities,
    "_computed_dtype": _validate.computed_dtype,
    "_place": place_on_axis,
    "_ndarray": np.ndarray,
}


def _scope(record: Record, **more: Any) -> dict[str, Any]:
    """What a function's lines refer to: that, `more`, each default, and the same as the ufunc takes it."""
    scope = _CHECKS | more
    for p in record.parameters:
        if p.default is not None:
            ready = {np.dtype(kind): np.array(p.default, kind) for kind in "efd"}
            for value in ready.values():
                value.flags.writeable = False
            scope |= {f"_default_{p.name}": p.default, f"_ready_{p.name}": ready}
    return scope


def _sum_to(gradient: Any, shape: tuple[int, ...], axis: int | None, where: Any) -> Any:
    """Sum out the axes over which a parameter of this shape was broadcast, in float64; `axis` counts from the end."""
    if not hasattr(gradient, "reshape"):    # pandas and xarray sum otherwise
        gradient = np.asarray(gradient)
    if axis is not None and len(shape) == 1:
        axis += gradient.ndim
        axes = tuple(i for i in range(gradient.ndim) if i != axis or (shape[0] == 1 and gradient.shape[i] != 1))
    else:
        extra = gradient.ndim - len(shape)
        axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1 and gradient.shape[extra + i] != 1)
    if not axes and where is True:
        return gradient.reshape(shape)
    wide = gradient.astype(np.float32) if gradient.dtype.itemsize == 2 else gradient
    chosen = {} if where is True else {"where": where}
    with np.errstate(all="ignore"):
        return wide.sum(axis=axes, dtype=np.float64, **chosen).astype(gradient.dtype).reshape(shape)


def parameter_gradients(record: Record, ufuncs: Mapping[str, np.ufunc]) -> Callable[..., tuple[Any, ...]]:
    """What backward does to return (dx, a gradient of each parameter that has one)."""
    name = f"{record.name}_backward"
    from_x = ufuncs[name]
    wanted = [(k, p.name, p.learned, ufuncs[f"{name}_{p.name}"]) for k, p in enumerate(record.parameters) if p.gradient]

    def gradients(dy: Any, x: Any, values: tuple[Any, ...], axis: int | None, out: Any, kwargs: dict[str, Any]) -> tuple[Any, ...]:
        placed, found = list(values), []
        for k, parameter, learned, _ in wanted:
            if learned:
                placed[k] = place_on_axis(name, parameter, values[k], x, axis)
        from_end = axis if axis is None or axis < 0 else axis - np.ndim(x)      # dy may have more axes
        how = {k: v for k, v in kwargs.items() if k in ("dtype", "casting", "signature")}
        for k, _, _, ufunc in wanted:                   # before dx, which may be put where dy or x lies
            each = ufunc(dy, x, *placed, **how)
            found.append(_sum_to(each, np.shape(values[k]), from_end, kwargs.get("where", True)))
        return (from_x(dy, x, *placed, out=out, **kwargs), *found)

    return gradients


def pair_function(record: Record, ufuncs: Mapping[str, np.ufunc]) -> Any:
    """``<name>_value_and_grad(x, parameters, *, out=)``: as `forward_function`."""
    name = f"{record.name}_value_and_grad"
    ufunc = ufuncs[name]
    if not record.parameters:
        return ufunc
    learned = any(p.learned for p in record.parameters)
    source = (
        f"def {name}(x{_signature(record.parameters)}, *{', axis=None' if learned else ''}, out=None, **kwargs):\n"
        + "    if out is None:\n        out = (None, None)\n"
        + _checks(name, record, ("x",))
        + _refusals(name, record)
        + _placing(name, record)
        + f"    return _ufunc(x{_names(record.parameters)}, out=out, **kwargs)\n"
    )
    function: Any = _compile(source, name, _scope(record, _ufunc=ufunc))
    function.ufunc = ufunc
    function.__doc__ = _docs.pair_doc(record)
    return _called_quickly(function, record, ufunc, None, False)


def pair_names() -> dict[str, Record]:
    """The public names of value and slope in one pass, aliases included."""
    return {f"{name}_value_and_grad": record for name, own in NAMES.items() if own in PAIRS and isinstance(record := RECORDS[own], Record)}


def backward_function(record: Record, ufuncs: Mapping[str, np.ufunc]) -> Any:
    """``<name>_backward(dy, *, x=, y=, parameters, param_grad=, out=)``; of learned parameters param_grad is always true."""
    name = f"{record.name}_backward"
    trained = [p for p in record.parameters if p.gradient]
    learned = any(p.learned for p in trained)
    scope = _scope(record, _from_x=ufuncs[name])
    extra = ", axis=None" if learned else ", param_grad=False" if trained else ""
    extra += f", {record.drawn.name}=None" if record.drawn else ""
    lines = [f"def {name}(dy, *, x=None, y=None{_signature(record.parameters)}{extra}, out=None, **kwargs):"]
    arguments = _names(record.parameters)
    if record.from_output is None:
        reason = f"{name}: the output does not determine the gradient of {record.name}; save the input and pass x="
        lines += ["    if y is not None:", f"        raise TypeError({reason!r})"]
    lines += ["    if x is None:" if record.from_output is None else "    if (x is None) == (y is None):"]
    wanted = "the saved input x=" if record.from_output is None else "either the saved input x= or the saved output y="
    lines += [f"        raise TypeError({f'{name}: pass {wanted}'!r})"]
    requires = record.from_output.requires if record.from_output else None
    if requires:
        lines.append(f"    given = {requires[0]}")
    if record.drawn:
        given = record.drawn.name
        scope["_train"] = _drawn.backward_function(record, ufuncs[name])
        lines += [f"    if {given} is not None:", f"        return _train(dy, x, {given}, out=out, **kwargs)"]
    if record.parameters:
        lines += ["    saved = y if x is None else x", _checks(name, record, ("dy", "saved")).rstrip("\n")]
    if record.from_output is not None:
        lines.append("    if x is None:")
        if trained:
            reason = f"{name}: param_grad=True needs the saved input; pass x= in place of y="
            lines += ["        if param_grad:", f"            raise TypeError({reason!r})"]
        if requires:
            parameter, comparison, bound = requires
            scope["_determines"], scope["_form"] = _validate.output_determines_gradient, record.from_output
            lines.append(f"        if not (type(given) is float and given {comparison} {bound!r}):")
            lines.append(f"            _determines({name!r}, _form, {parameter})")
        scope["_from_y"] = ufuncs[f"{name}_y"]
        lines.append(_call("_from_y", f"dy, y{arguments}", "        ").rstrip("\n"))
    if trained:
        scope["_gradients"] = parameter_gradients(record, ufuncs)
        call = f"return _gradients(dy, x, ({arguments[2:]},), {'axis' if learned else 'None'}, out, kwargs)"
        lines += [f"    {call}"] if learned else ["    if param_grad:", f"        {call}"]
    if not learned:
        lines.append(_call("_from_x", f"dy, x{arguments}", "    ").rstrip("\n"))
    function: Any = _compile("\n".join(lines), name, scope)
    function.ufunc = ufuncs[name]
    if learned:
        return function
    return _called_quickly(function, record, ufuncs[name], _usual_from_output(record, ufuncs), True)


AnyRecord = Record | RowRecord | GatedRecord | FunctionRecord


class Activation:
    """A record of the table with its functions: what `fastact.get` returns.

    Calling it calls the forward function. Names, parameters, formulas and bounds are those of the table.

    Attributes
    ----------
    forward, backward : callable
        The function and its gradient.
    value_and_grad : callable
        Both in one pass; AttributeError where there is none.
    name, aliases, summary : str, tuple of str, str
        Its names, and one line about it.
    parameters : dict
        Names and defaults; None where one has to be given.
    formulas : dict
        The definition and the gradient, as text.
    bounds : dict
        The largest error promised, in ulp, for each dtype.
    saves : {"x", "y"}
        What the gradient is best taken from.
    """

    def __init__(self, record: AnyRecord, functions: Mapping[str, Any]) -> None:
        self.record, self._functions = record, functions

    def __reduce__(self) -> tuple[Any, ...]:
        return fastact.get, (self.name,)

    @functools.cached_property
    def forward(self) -> Callable[..., Any]:
        """The function."""
        return self._functions[self.record.name]  # type: ignore[no-any-return]

    @functools.cached_property
    def backward(self) -> Callable[..., Any]:
        """Its gradient."""
        return self._functions[f"{self.record.name}_backward"]  # type: ignore[no-any-return]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    @property
    def value_and_grad(self) -> Callable[..., Any]:
        """f(x) and f'(x) in one pass; of the element-by-element functions that draw nothing."""
        if self.name not in PAIRS:
            raise AttributeError(f"value_and_grad: {self.name} has none; call it and .backward")
        function: Callable[..., Any] = getattr(fastact, f"{self.name}_value_and_grad")
        return function

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.record.name

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of the same object."""
        return self.record.aliases

    @property
    def summary(self) -> str:
        """One line about it."""
        return self.record.summary

    @property
    def parameters(self) -> dict[str, float | None]:
        """Parameter names and their defaults (None: to be given)."""
        return {p.name: p.default for p in getattr(self.record, "parameters", ())}

    @property
    def formulas(self) -> dict[str, str]:
        """The definition and the gradient, as text."""
        return {"forward": self.record.maths, "backward": self.record.gradient_maths}

    @property
    def bounds(self) -> dict[str, float]:
        """Largest error promised, in ulp, per dtype."""
        return dict(self.record.bounds)

    @property
    def saves(self) -> str:
        """"y" if backward can work from the output, "x" if it needs the input."""
        return "x" if isinstance(self.record, GatedRecord) else self.record.saves

    def __repr__(self) -> str:
        parameters = "".join(f", {k}" if v is None else f", {k}={v}" for k, v in self.parameters.items())
        return f"<fastact activation {self.name}(x{parameters}): {self.record.maths}>"


class Functions(Mapping[str, Any]):
    """Public name -> function (forward, backward, aliases), over one variant's ufuncs.

    A function is written, compiled and documented when it is first asked for, so that importing fastact takes no time for those that
    a program does not use.
    """

    def __init__(self, ufuncs: Mapping[str, np.ufunc]) -> None:
        self._ufuncs = ufuncs
        self._makers: dict[str, Callable[[], Any]] = {}
        self._made: dict[str, Any] = {}
        own = ((forward_function, _docs.forward_doc), (backward_function, _docs.backward_doc))
        rows = ((_rows.forward_function, _docs.forward_row_doc), (_rows.backward_function, _docs.backward_row_doc))
        gated = ((_gated.forward_function, _docs.gated_doc), (_gated.backward_function, _docs.gated_backward_doc))
        kinds: Any = ((ELEMENTWISE, own), (ROWWISE, rows), (GATED, gated))
        for records, makers in kinds:
            for record in records:
                for suffix, (make, describe) in zip(("", "_backward"), makers, strict=True):
                    self._makers[record.name + suffix] = functools.partial(self._make, record, make, describe)
                    for alias in record.aliases:
                        self._makers[alias + suffix] = functools.partial(self.__getitem__, record.name + suffix)
        for function in FUNCTIONS:
            self._makers[function.name] = functools.partial(self._of_family, function)

    def _make(self, record: Any, make: Callable[..., Any], describe: Callable[[Any], str]) -> Any:
        function = make(record, self._ufuncs)
        if not isinstance(function, np.ufunc):  # a ufunc has its documentation since it was made
            function.__doc__ = describe(record)
        return function

    def _of_family(self, record: FunctionRecord) -> Any:
        function = self._family[record.name]
        function.__doc__ = _docs.function_doc(record)
        return function

    @functools.cached_property
    def _family(self) -> dict[str, Callable[..., Any]]:
        from fastact import _family

        return _family.build(self._ufuncs, self)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            made = self._makers[name]()
            return self._made.setdefault(name, made)  # of two threads that ask at once both get the same
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


def build(ufuncs: Mapping[str, np.ufunc]) -> tuple[Functions, dict[str, Activation]]:
    """The public functions, and name -> `Activation`."""
    functions = Functions(ufuncs)
    activations: dict[str, Activation] = {}
    records: tuple[AnyRecord, ...] = (*ELEMENTWISE, *ROWWISE, *GATED, *(f for f in FUNCTIONS if f.maths))
    for record in records:
        made = Activation(record, functions)
        activations[record.name] = made
        activations.update(dict.fromkeys(record.aliases, made))
    return functions, activations


__all__ = ["RECORDS", "Activation", "build"]
