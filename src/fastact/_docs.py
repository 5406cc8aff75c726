"""Docstrings, numpydoc style, written from the table."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from fastact import _drawn, _validate
from fastact._registry import (
    ELEMENTWISE,
    GATES,
    PAIRS,
    ROW_KERNELS,
    ROWWISE,
    SEVERAL,
    FunctionRecord,
    GatedRecord,
    Parameter,
    Record,
    RowRecord,
    operations,
)

_ARRAY = "array_like of float16, bfloat16, float32 or float64; integers and bool are computed in float64"
_OUT = """out : ndarray, optional
    Where to put the result; {inplace} itself for in place. Other ufunc arguments (`where`, `dtype`, `casting`, `order`,
    `subok`) work as in NumPy."""


def _section(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body.strip()}\n"


@functools.cache  # forward and backward say many things alike
def _fold(text: str, indent: str = "") -> str:
    """A paragraph in lines of 110 columns. textwrap can do more, and took a third of the time of importing fastact."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(indent) + len(lines[-1]) + len(word) >= 110:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(indent + line for line in lines)


def _parameter(p: Parameter) -> str:
    default = "" if p.default is None else f", default {p.default:g}"
    meaning = f"{p.meaning[0].upper()}{p.meaning[1:]}; {_validate.WORDING[p.check]}; broadcasts against x."
    return f"{p.name} : float or array_like{default}\n    {meaning}"


def _bounds(bounds: Mapping[str, float]) -> str:
    return ", ".join(f"{bound:g} ulp in {dtype}" for dtype, bound in bounds.items())


def _raises(record: Record, backward: bool) -> str:
    lines = ["TypeError\n    For complex, longdouble, object, string and other types that are not accepted."]
    if backward:
        if record.from_output is None:
            lines.append("TypeError\n    If `y` is given: the output does not determine the gradient. If `x` is missing.")
        else:
            lines.append("TypeError\n    Unless exactly one of `x` and `y` is given.")
            if any(p.gradient for p in record.parameters):
                lines.append("TypeError\n    If param_grad is true and `y` is given.")
            if record.from_output.requires:
                name, comparison, bound = record.from_output.requires
                lines.append(f"TypeError\n    If `y` is given and not all of `{name}` {comparison} {bound:g}.")
    if record.parameters:
        lines.append(f"ValueError\n    If {' or '.join(f'`{p.name}`' for p in record.parameters)} is not accepted, naming the value.")
    if record.held_by and not backward:
        lines.append(f"ValueError\n    If x is outside [0, 1] where `{record.held_by}` is 0, naming the first such number and where it is.")
    lines += [f"ValueError\n    If `{low}` is above `{high}`." for low, high in record.ordered]
    return "\n".join(lines)


def _notes(record: Record, backward: bool) -> str:
    parts = [f"f(x) = {record.maths}", f"f'(x) = {record.gradient_maths}", record.convention]
    if backward and record.from_output and record.from_output.note:
        parts.append(record.from_output.note)
    trained = [p for p in record.parameters if p.gradient] if backward else []
    cancelling = [p for p in trained if p.gradient and p.gradient.beside]
    parts += [f"df/d{p.name} = {p.gradient.maths}" for p in trained if p.gradient]
    for p in cancelling:
        parts.append(f"The error of d{p.name} counts in ulp of its element or of {p.gradient.beside}, whichever is larger.")  # type: ignore[union-attr]
    if trained:
        parts.append("Each element of a parameter's gradient has the accuracy of the derivative; their sum is made in float64.")
    if record.notes:
        parts.append(record.notes)
    subject = "Accuracy of the derivative" if backward else "Accuracy"
    parts.append(f"{subject}: at most {_bounds(record.bounds)}, in both tails, subnormals included.")
    return "\n\n".join(_fold(p) for p in parts)


def _numbers(values: Iterator[float] | tuple[float, ...]) -> str:
    return ", ".join(repr(float(v)) for v in values)


def _arguments(record: Record) -> str:
    """Values for parameters without a default, for examples."""
    return "".join(f", {p.name}={p.samples[0]!r}" for p in record.parameters if p.default is None)


def _shown(values: tuple[float, ...]) -> str:
    return "\n".join(f"{v:.4f}" for v in values)


_IMPORTS = ">>> import numpy as np\n>>> import fastact as fa\n"


def _loop(call: str, values: tuple[float, ...]) -> str:
    """A doctest that prints a result, element by element, to four places."""
    return f"{_IMPORTS}>>> for v in {call}:\n...     print(f'{{v:.4f}}')\n{_shown(values)}"


def forward_doc(record: Record) -> str:
    """The forward function's docstring."""
    given = _numbers(x for x, _, _ in record.example)
    call = f"fa.{record.name}(np.array([{given}]){_arguments(record)})"
    example = _loop(call, tuple(y for _, y, _ in record.example))
    parameters = [f"x : {_ARRAY}\n    Input of any shape.", *(_parameter(p) for p in record.parameters)]
    if any(p.learned for p in record.parameters):
        parameters.append("axis : int, optional\n    Axis of x along which a one-dimensional parameter lies.")
    returns = "y : ndarray\n    f(x), of x's shape (broadcast with the parameters) and type."
    if record.drawn:
        parameters += [_drawn.TRAINING.format(**vars(record.drawn)), _drawn.GENERATOR]
        returns += _drawn.RETURNED.format(**vars(record.drawn))
    parts = [
        f"{record.summary} f(x) = {record.maths}\n",
        _section("Parameters", "\n".join([*parameters, _OUT.format(inplace="x")])),
        _section("Returns", returns),
        _section("Raises", _raises(record, False)),
        _section("See Also", f"{record.name}_backward : the gradient." + _see_pair(record)),
        _section("Notes", _notes(record, False)),
        _section("References", record.source),
        _section("Examples", example),
    ]
    return "\n".join(parts)


def _see_pair(record: Record) -> str:
    return f"\n{PAIRS[record.name].name} : value and slope in one pass." if record.name in PAIRS else ""


def _bits(name: str) -> str:
    """How value and slope in one pass differ from the two functions."""
    from fastact import _kernels

    apart = "The bits are those of the two functions, called one by one with dy = 1"
    kinds = _kernels.SHARED.get(name, ())
    if not kinds:
        return f"{apart}."
    own = "What both need is computed once. Each is within its bound; their last bits may differ from the separate functions'"
    return f"{own}." if "float64" in kinds else f"{own}, except in float64."


def pair_doc(record: Record) -> str:
    """The docstring of value and slope in one pass."""
    name = f"{record.name}_value_and_grad"
    given = _numbers(x for x, _, _ in record.example)
    shown = "\n".join(f"{y:.4f} {d:.4f}" for _, y, d in record.example)
    call = f"fa.{name}(np.array([{given}]){_arguments(record)})"
    example = f"{_IMPORTS}>>> for y, dydx in zip(*{call}):\n...     print(f'{{y:.4f}} {{dydx:.4f}}')\n{shown}"
    out = (
        "out : pair of ndarray, optional\n    Where to put value and slope, (y, dydx), with None for a new one; either may be x itself.\n"
        "    Other ufunc arguments (`where`, `dtype`, `casting`, `order`, `subok`) work as in NumPy."
    )
    parameters = [f"x : {_ARRAY}\n    Input of any shape.", *(_parameter(p) for p in record.parameters)]
    if any(p.learned for p in record.parameters):
        parameters.append("axis : int, optional\n    Axis of x along which a one-dimensional parameter lies.")
    returns = (
        "y : ndarray\n    f(x), of x's shape (broadcast with the parameters) and type.\n"
        "dydx : ndarray\n    f'(x): the backward pass is then dy * dydx."
    )
    parts = [
        f"`{record.name}` and its slope in one pass: f(x) = {record.maths}\n",
        _section("Parameters", "\n".join([*parameters, out])),
        _section("Returns", returns),
        _section("Raises", _raises(record, False)),
        _section("See Also", f"{record.name} : the value alone.\n{record.name}_backward : the gradient."),
        _section("Notes", f"{_bits(record.name)}\n\n{_notes(record, False)}"),
        _section("References", record.source),
        _section("Examples", example),
    ]
    return "\n".join(parts)


def backward_doc(record: Record) -> str:
    """The backward function's docstring."""
    name = f"{record.name}_backward"
    given = _numbers(x for x, _, _ in record.example)
    trained = [p for p in record.parameters if p.gradient]
    call = f"fa.{name}(np.ones({len(record.example)}), x=np.array([{given}]){_arguments(record)})"
    learned = any(p.learned for p in trained)
    example = _loop(f"{call}[0]" if learned else call, tuple(d for _, _, d in record.example))
    saved = ["dy : array_like\n    Gradient of the loss with respect to the output.", "x : array_like\n    The saved input."]
    if record.from_output:
        saved.append("y : array_like\n    The saved output, instead of x: the forward pass may then be in place.")
    saved += [_parameter(p) for p in record.parameters]
    if learned:
        saved.append("axis : int, optional\n    Axis of x along which a one-dimensional parameter lies.")
    elif trained:
        listed = ", ".join(f"d{p.name}" for p in trained)
        saved.append(f"param_grad : bool, default False\n    Whether to return a tuple, (dx, {listed}). Needs `x`.")
    if record.drawn:
        saved.append(_drawn.GIVEN.format(**vars(record.drawn)))
    returns = "dx : ndarray\n    dy * f'(x), of the broadcast shape."
    for p in trained:
        asked = "" if learned else ", with param_grad=True"
        summed = "of its shape: summed over the axes it was broadcast over."
        returns += f"\nd{p.name} : ndarray\n    The gradient for `{p.name}`{asked}, {summed}"
    parts = [
        f"Gradient of `{record.name}`: dy * f'(x).\n",
        _section("Parameters", "\n".join([*saved, _OUT.format(inplace="dy")])),
        _section("Returns", returns),
        _section("Raises", _raises(record, True)),
        _section("See Also", f"{record.name} : the function."),
        _section("Notes", _notes(record, True)),
        _section("References", record.source),
        _section("Examples", example),
    ]
    return "\n".join(parts)


_ROW_RAISES = """TypeError
    For types that are not accepted, masked arrays, or a mask that is not boolean.
ValueError
    If {fits} does not fit{more}.
AxisError
    If an axis is out of range."""


def _row_raises(record: RowRecord, backward: bool) -> str:
    more = "; if the temperature is not finite and greater than 0, naming it" if record.tempered else ""
    return _ROW_RAISES.format(fits="dy, a mask or out" if backward else "a mask or out", more=more)


_AXIS = """axis : int, tuple of int or None, default -1
    The axis or axes over which a row runs; None: all of x is one row.
where : array_like of bool, optional
    Which entries take part; broadcasts to x. The others have no effect, whatever they hold."""


_TEMPERATURE = """temperature : float or array_like, default 1
    Greater than 0; x is divided by it. One number, or one for each row."""

_RELATIVE_TO = {"result": " per element", "larger": " of the larger of |max(x)| and |f(x)|"}


def _row_accuracy(record: RowRecord, backward: bool) -> str:
    """What the bounds count in, and for which rows."""
    bounds = _bounds(record.bounds)
    if not backward:
        return f"Accuracy: at most {bounds}{_RELATIVE_TO[record.ulp_of]} for rows of up to 10^6."
    if record.reduces:
        return f"Accuracy of the gradient: at most {bounds} per element."
    return (
        f"Accuracy of the gradient: at most {bounds}, for y as saved, and in ulp not of the element but of the sum of the magnitudes of "
        "the two terms whose difference it is, since these may cancel."
    )


def _row_notes(record: RowRecord, backward: bool) -> str:
    masked = "0" if record.masked == 0 else "-inf"
    parts = [
        f"f(x) = {record.maths}",
        f"dx = {record.gradient_maths}",
        (f"Masked entries and fully masked rows give {masked}" if not record.reduces else f"A fully masked row gives {masked}")
        + "; the gradient there is 0.",
        record.notes,
        "A row that holds NaN gives NaN throughout, masked entries included." if not record.reduces else "A row that holds NaN gives NaN.",
        _row_accuracy(record, backward),
        "The sum has one fixed order, so the result does not depend on layout, batch size or instruction set.",
    ]
    return "\n\n".join(_fold(p) for p in parts if p)


def forward_row_doc(record: RowRecord) -> str:
    """The docstring of a function over an axis."""
    keep = "\nkeepdims : bool, default False\n    Keep the reduced axes, with length one." if record.reduces else ""
    shape = "x's shape without the axis" if record.reduces else "x's shape"
    heat = f"\n{_TEMPERATURE}" if record.tempered else ""
    values = record.example_output
    if record.reduces:
        example = f"{_IMPORTS}>>> print(f'{{fa.{record.name}(np.array([1.0, 2.0, 3.0])):.4f}}')\n{_shown(values)}"
    else:
        example = _loop(f"fa.{record.name}(np.array([1.0, 2.0, 3.0]))", values)
    parts = [
        f"{record.summary} f(x) = {record.maths}\n",
        _section("Parameters", f"x : {_ARRAY}\n    Input.\n{_AXIS}{heat}{keep}\nout : ndarray, optional\n    Where to put the result."),
        _section("Returns", f"y : ndarray\n    Of {shape} and type."),
        _section("Raises", _row_raises(record, False)),
        _section("See Also", f"{record.name}_backward : the gradient."),
        _section("Notes", _row_notes(record, False)),
        _section("References", record.source),
        _section("Examples", example),
    ]
    return "\n".join(parts)


def backward_row_doc(record: RowRecord) -> str:
    """The docstring of the gradient of a function over an axis."""
    name = f"{record.name}_backward"
    saved = "x : array_like\n    The saved input."
    if record.saves == "y":
        saved += "\ny : array_like\n    The saved output, instead of x."
    else:
        saved += "\nkeepdims : bool, default False\n    Whether dy kept the reduced axes."
    heat = f"\n{_TEMPERATURE} The gradient is divided by it." if record.tempered else ""
    dy = "1.0" if record.reduces else "np.array([1.0, 0.0, 0.0])"
    example = _loop(f"fa.{name}({dy}, x=np.array([1.0, 2.0, 3.0]))", record.example_gradient)
    needs = "Unless exactly one of `x` and `y` is given." if record.saves == "y" else "If `y` is given, or `x` is missing."
    parts = [
        f"Gradient of `{record.name}`: {record.gradient_maths}\n",
        _section(
            "Parameters",
            f"dy : array_like\n    Gradient of the loss with respect to the output.\n{saved}\n{_AXIS}{heat}\n"
            "out : ndarray, optional\n    Where to put the result; may be dy itself.",
        ),
        _section("Returns", "dx : ndarray\n    Of the input's shape."),
        _section("Raises", f"TypeError\n    {needs}\n{_row_raises(record, True)}"),
        _section("See Also", f"{record.name} : the function."),
        _section("Notes", _row_notes(record, True)),
        _section("References", record.source),
        _section("Examples", example),
    ]
    return "\n".join(parts)


# ---- gated units ----------------------------------------------------------------------------------------------------------


def _gated_notes(record: GatedRecord) -> str:
    act = "" if record.activation is None else f"The gate's activation is `{record.activation}`. "
    parts = [
        f"f(a, gate) = {record.maths}",
        record.gradient_maths,
        f"{act}The halves of one array are views: nothing is copied.",
        record.notes,
        f"Accuracy: at most {_bounds(record.bounds)}, the gate's own error and the product's; of the gradients for dy = 1.",
    ]
    return "\n\n".join(_fold(p) for p in parts if p)


_GATED_ARGUMENTS = """x : {array}
    The value a; without `gate`, value and gate side by side: the first half along `axis` is a, the second the gate.
gate : array_like, optional
    The gate; broadcasts against x.
axis : int, default -1
    The axis along which x is split, where `gate` is not given."""

_GATED_RAISES = """TypeError
    For types that are not accepted.
ValueError
    If x is to be split and its length along the axis is odd, naming both{more}.
AxisError
    If the axis is out of range."""


def gated_doc(record: GatedRecord) -> str:
    """The docstring of a gated unit."""
    arguments = _GATED_ARGUMENTS.format(array=_ARRAY)
    parts = [
        f"{record.summary} f(a, gate) = {record.maths}\n",
        _section("Parameters", f"{arguments}\n{_OUT.format(inplace='x')}"),
        _section("Returns", "y : ndarray\n    Of the operands' shape and type; of x's shape with half the length, where it is split."),
        _section("Raises", _GATED_RAISES.format(more="")),
        _section("See Also", f"{record.name}_backward : both gradients in one pass."),
        _section("Notes", _gated_notes(record)),
        _section("References", record.source),
        _section("Examples", _loop(f"fa.{record.name}(np.array([1.0, -2.0, 3.0, 0.5]))", record.example_output)),
    ]
    return "\n".join(parts)


def gated_backward_doc(record: GatedRecord) -> str:
    """The docstring of its gradients."""
    name = f"{record.name}_backward"
    out = (
        "out : ndarray or pair of ndarray, optional\n    Where to put dx, perhaps x itself; with `gate` a pair for da and dgate, perhaps\n"
        "    the operands themselves."
    )
    call = f"fa.{name}(np.ones(2), x=np.array([1.0, -2.0, 3.0, 0.5]))"
    parts = [
        f"Gradients of `{record.name}` in one pass: {record.gradient_maths}\n",
        _section(
            "Parameters",
            f"dy : array_like\n    Gradient of the loss with respect to the output.\n{_GATED_ARGUMENTS.format(array='array_like')}\n{out}",
        ),
        _section(
            "Returns",
            "dx : ndarray\n    Of x's shape: its halves are da and dgate.\n"
            "da, dgate : pair of ndarray\n    In place of dx, where `gate` is given.",
        ),
        _section("Raises", _GATED_RAISES.format(more=", or if dy or out does not fit")),
        _section("See Also", f"{record.name} : the function."),
        _section("Notes", _gated_notes(record)),
        _section("References", record.source),
        _section("Examples", _loop(call, record.example_gradient)),
    ]
    return "\n".join(parts)


# ---- functions with a record of their own -----------------------------------------------------------------------------------


def function_doc(record: FunctionRecord) -> str:
    """The docstring of a function over an axis that has its own signature."""

    def listed(entries: tuple[tuple[str, str, str], ...]) -> str:
        return "\n".join(f"{name} : {kind}\n{_fold(text, '    ')}" for name, kind, text in entries)

    parts = [
        f"{record.summary}{f' f(x) = {record.maths}' if record.maths else ''}\n",
        _section("Parameters", listed(record.arguments)),
        _section("Returns", listed(record.returns)),
        _section("Raises", "\n".join(f"{kind}\n{_fold(text, '    ')}" for kind, text in record.raises)),
        _section("See Also", "\n".join(record.see)),
        _section("Notes", "\n\n".join(_fold(p) for p in record.notes)),
        _section("References", record.source),
        _section("Examples", f"{_IMPORTS}{record.example}"),
    ]
    return "\n".join(parts)


def ufunc_docs() -> dict[str, str]:
    """The docstring that each ufunc is created with (NumPy puts the signature in front)."""
    docs = {}
    for record in ELEMENTWISE:
        for op in operations(record):
            docs[op.name] = f"The raw ufunc {op.name}({', '.join((*op.data, *op.parameters))}); see `fastact.{record.name}`."
        if not record.parameters:
            docs[record.name] = forward_doc(record)
    for several in SEVERAL:
        docs[several.name] = f"The raw ufunc {several.name}({', '.join(several.data)}) -> {', '.join(several.results)}."
    for kernel in ROW_KERNELS:
        docs[kernel.name] = f"The raw ufunc {kernel.name}({', '.join(kernel.operands)}), {kernel.signature}."
    for row in ROWWISE:
        for suffix in ("", "_masked", *(("_backward_y",) if row.saves == "y" else ("_backward", "_backward_masked"))):
            docs[row.name + suffix] = f"The raw ufunc behind `fastact.{row.name}`."
    return docs


def affine_docs() -> dict[str, str]:
    """The same for the operations on scale*x + bias."""
    return {op.name: f"{op.name} of scale*x + bias, behind `fastact.fused`." for r in ELEMENTWISE for op in operations(r)}


def pair_docs() -> dict[str, str]:
    """The same for value and slope in one pass."""
    docs = {}
    for op in PAIRS.values():
        docs[op.name] = f"The raw ufunc {op.name}({', '.join((*op.data, *op.parameters))}) -> {', '.join(op.results)}."
    return docs | {PAIRS[r.name].name: pair_doc(r) for r in ELEMENTWISE if r.name in PAIRS and not r.parameters}


def gate_docs() -> dict[str, str]:
    """The same for the gates of recurrent cells."""
    return {record.name: f"The raw ufunc behind `fastact.{record.name}`." for record in GATES}
