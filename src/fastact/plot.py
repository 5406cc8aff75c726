"""Pictures of the functions: a curve with its gradient, all of them, and the error in ulp over the numbers of a type.

Each takes the axes or the figure to draw in, and returns it; without one it makes a new one through pyplot, which also
works where there is no screen. Text and frames take matplotlib's colours, so any style sheet may be in force.

Needs matplotlib, and `errors` SciPy: the extra ``plot``.

>>> from fastact import plot
>>> axes = plot.curve("gelu")
>>> axes.get_title()
'gelu'
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import fastact as fa
from fastact._registry import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Errors", "curve", "drawable", "errors", "gallery", "measure"]

Named = str | fa.Activation | Callable[..., Any]
#: Legible on white and on black, and apart for most colour-blind eyes: function, gradient, a second gradient, another library.
COLOURS = ("#2f86d6", "#e07b20", "#2ca05a", "#c2529b")
#: The picture of errors reaches a little beyond the numbers from which exp gives 0 or infinity; only overflow comes after it.
REACH = {"float16": 20.0, "float32": 125.0, "float64": 900.0}
#: Bins of an error picture, and the least error that a logarithmic axis shows.
BINS, FLOOR = 360, 0.01
_ROW = (0.0, -1.0)


def _new_axes(axes: Axes | None) -> Axes:
    if axes is not None:
        return axes
    return _pyplot().subplots(figsize=(5.2, 3.6), layout="constrained")[1]  # type: ignore[no-any-return]


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("fastact.plot needs matplotlib: pip install matplotlib") from None
    return plt


def _settings(function: str, activation: fa.Activation, given: dict[str, float]) -> dict[str, float]:
    """The parameters to draw with: those given, else the defaults, else the table's first sample."""
    table = {p.name: p for p in getattr(activation.record, "parameters", ())}
    for name in given:
        if name not in table:
            known = f"its parameters are {', '.join(table)}" if table else "it has none"
            raise TypeError(f"{function}: {activation.name} has no parameter {name!r}; {known}")
    settings = {name: given.get(name, p.samples[0] if p.default is None else p.default) for name, p in table.items()}
    for name, value in settings.items():
        if not isinstance(value, numbers.Real):
            raise TypeError(f"{function}: {name} must be a number, got {value!r}")
    return {name: float(value) for name, value in settings.items()}


def _title(activation: fa.Activation, parameters: dict[str, float]) -> str:
    shown = [f"{k}={v:g}" for k, v in parameters.items() if v != activation.parameters[k]]
    return activation.name + (f" ({', '.join(shown)})" if shown else "")


def _dress(axes: Axes) -> None:
    """What all pictures have in common."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


# ---- curves --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lines:
    """What a curve consists of: the function's lines, the gradient's, and where the gradient jumps."""

    x: Any
    values: dict[str, Any]
    slopes: dict[str, Any]
    #: (x, f'(x)) at the kinks: the convention.
    kinks: list[tuple[float, float]] = field(default_factory=list)


def _elementwise(activation: fa.Activation, limits: tuple[float, float] | None, parameters: dict[str, float]) -> _Lines:
    record: Any = activation.record
    kinks = list(record.kinks_at(parameters) if hasattr(record, "kinks_at") else record.kinks)
    low, high = getattr(record, "domain", None) or (-math.inf, math.inf)
    if limits is None:
        reach = max(5.0, *(1.25 * abs(k) for k in kinks), 0.0)
        limits = (max(low, -reach), min(high, reach))
    x = np.linspace(*limits, 1001)
    inside = [k for k in kinks if limits[0] <= k <= limits[1]]
    beside = [v for k in inside for v in (np.nextafter(k, -np.inf), k, np.nextafter(k, np.inf))]
    x = np.unique(np.concatenate([x, beside]))
    with np.errstate(all="ignore"):
        y = activation(x, **parameters)
        slope = _first(activation.backward(np.ones_like(x), x=x, **parameters))
    at = [(k, float(slope[np.searchsorted(x, k)])) for k in inside]
    slope[np.isin(x, inside)] = np.nan  # no line from one side of a jump to the other
    return _Lines(x, {"$f(x)$": y}, {"$f'(x)$": slope}, at)


def _first(result: Any) -> Any:
    """The gradient of x, where a function gives gradients of its parameters too."""
    return np.array(result[0] if isinstance(result, tuple) else result)


def _gated(activation: fa.Activation, limits: tuple[float, float] | None) -> _Lines:
    gate = np.linspace(*(limits or (-5.0, 5.0)), 1001)
    a = np.ones_like(gate)
    da, dgate = activation.backward(np.ones_like(gate), x=a, gate=gate)
    return _Lines(gate, {"$f(1, gate)$": activation(a, gate=gate)}, {"$df/da$": da, "$df/dgate$": dgate})


def _over_axis(activation: fa.Activation, limits: tuple[float, float] | None) -> _Lines:
    x = np.linspace(*(limits or (-5.0, 5.0)), 1001)
    rows = np.stack([x, *(np.full_like(x, v) for v in _ROW)], axis=-1)
    y = np.asarray(activation(rows))
    if y.shape not in (x.shape, rows.shape) or not np.array_equal(y, activation(rows), equal_nan=True):
        raise TypeError("does not give the same result each time, or of another shape")
    row = f"[x, {', '.join(f'{v:g}' for v in _ROW)}]"
    if y.ndim == 1:
        slope = activation.backward(np.ones_like(x), x=rows)[:, 0]
        return _Lines(x, {f"$f({row})$": y}, {"$df/dx$": slope})
    dy = np.zeros_like(rows)
    dy[:, 0] = 1
    slope = np.asarray(activation.backward(dy, x=rows))[:, 0]
    return _Lines(x, {f"$f({row})_{i + 1}$": y[:, i] for i in range(rows.shape[1])}, {"$df_1/dx$": slope})


def _lines(function: str, activation: fa.Activation, limits: tuple[float, float] | None, given: dict[str, float]) -> _Lines:
    if limits is not None and not (len(limits) == 2 and np.all(np.isfinite(limits)) and limits[0] < limits[1]):
        raise ValueError(f"{function}: limits must be two finite numbers, the smaller one first, got {limits!r}")
    if isinstance(activation.record, Record):
        return _elementwise(activation, limits, _settings(function, activation, given))
    _settings(function, activation, given)
    gate = "gate" in inspect.signature(activation.forward).parameters
    try:
        return (_gated if gate else _over_axis)(activation, limits)
    except TypeError as error:
        raise ValueError(f"{function}: {activation.name} cannot be drawn as a curve: {error}") from None


def drawable(name: Named) -> bool:
    """Whether `curve` can draw it: a function of one array, or of a value and a gate, that draws no random numbers.

    Parameters
    ----------
    name : str, Activation or callable
        As for `fastact.get`.

    Returns
    -------
    possible : bool
        False for a function that needs more than one array of numbers.

    Examples
    --------
    >>> from fastact import plot
    >>> plot.drawable("relu")
    True
    """
    activation = fa.get(name)
    try:
        _lines("drawable", activation, (-1.0, 1.0), {})
    except ValueError:
        return isinstance(activation.record, Record)
    return True


def curve(name: Named, *, limits: tuple[float, float] | None = None, axes: Axes | None = None, **parameters: float) -> Axes:
    """Draw a function and its gradient.

    A function over an axis is drawn as its first argument moves through a row of three; a gated unit as its gate moves.
    Dots are the gradient at kinks, where libraries differ.

    Parameters
    ----------
    name : str, Activation or callable
        As for `fastact.get`: ``"gelu"``, ``fastact.gelu``.
    limits : tuple of float, optional
        The ends of the x axis. By default -5 and 5, or farther, so that the kinks are inside.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **parameters : float
        Of the function, instead of its defaults.

    Returns
    -------
    axes : matplotlib.axes.Axes
        What was drawn in.

    Raises
    ------
    ValueError
        If there is no such function, with the nearest name; if it needs more than one array; for limits that are none.
    TypeError
        For a parameter that the function does not have.

    Examples
    --------
    >>> from fastact import plot
    >>> axes = plot.curve("elu", alpha=2.0, limits=(-3, 3))
    >>> axes.get_title()
    'elu (alpha=2)'
    """
    activation = fa.get(name)
    lines = _lines("curve", activation, limits, parameters)
    axes = _new_axes(axes)
    for i, (label, y) in enumerate(lines.values.items()):
        axes.plot(lines.x, y, color=COLOURS[0], linewidth=2.2, label=label, alpha=(1.0, 0.6, 0.35)[i], solid_capstyle="round")
    for i, (label, slope) in enumerate(lines.slopes.items()):
        axes.plot(lines.x, slope, color=COLOURS[1 + i], linewidth=1.6, linestyle=(0, (5, 1.5)), label=label)
    if lines.kinks:
        axes.plot(*zip(*lines.kinks, strict=True), "o", color=COLOURS[1], markersize=4.5)
    _fit(axes, lines)
    axes.axhline(0, color=axes.spines["left"].get_edgecolor(), linewidth=0.6, zorder=1)
    axes.set_title(_title(activation, _settings("curve", activation, parameters)))
    axes.legend(frameon=False, fontsize="small", loc="best")
    _dress(axes)
    return axes


def _fit(axes: Axes, lines: _Lines) -> None:
    """Limits that show the shape: what grows faster than x does not squeeze the rest flat."""
    axes.set_xlim(lines.x[0], lines.x[-1])
    drawn = np.concatenate([v[np.isfinite(v)] for v in (*lines.values.values(), *lines.slopes.values())])
    own = np.concatenate([v[np.isfinite(v)] for v in lines.values.values()])
    most = max(lines.x[-1] - lines.x[0], min(1.5 * np.abs(own).max(), 10.0))
    low, high = max(drawn.min(), -most), min(drawn.max(), most)
    room = 0.06 * (high - low) or 0.1
    axes.set_ylim(low - room, high + room)


def gallery(names: Iterable[Named] | None = None, *, columns: int | None = None, figure: Figure | None = None) -> Figure:
    """Draw many functions, each with its gradient, in one figure.

    Parameters
    ----------
    names : iterable of str, Activation or callable, optional
        Which, as for `fastact.get`; by default every function that `curve` can draw.
    columns : int, optional
        How many beside each other; by default what makes the figure a little wider than high.
    figure : matplotlib.figure.Figure, optional
        Where to draw; a new one by default.

    Returns
    -------
    figure : matplotlib.figure.Figure
        With one axes per function.

    Raises
    ------
    ValueError
        If a name is none, or cannot be drawn, or there is nothing to draw; for columns below 1.

    Examples
    --------
    >>> from fastact import plot
    >>> len(plot.gallery(["relu", "gelu"]).axes)
    2
    """
    chosen: list[Named] = [n for n in fa.names() if drawable(n)] if names is None else list(names)
    if not chosen:
        raise ValueError("gallery: names is empty")
    for name in chosen:
        fa.get(name)  # before anything is drawn
    if columns is None:
        columns = math.ceil(math.sqrt(1.3 * len(chosen)))
    if columns < 1:
        raise ValueError(f"gallery: columns must be at least 1, got {columns}")
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    if figure is None:
        figure = _pyplot().figure(figsize=(2.7 * columns, 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(grid, chosen, strict=False):
        curve(name, axes=axes)
        axes.set_title(fa.get(name).name, fontsize="medium")
        axes.tick_params(labelsize="small")
        if not isinstance(fa.get(name).record, Record):
            axes.get_legend().set_visible(axes is grid[0])  # its labels are long
        elif axes is not grid[0]:
            axes.get_legend().remove()
    for axes in grid[len(chosen) :]:
        axes.remove()
    return figure


# ---- errors --------------------------------------------------------------------------------------------------------------


@dataclass
class Errors:
    """The error of one function over the numbers of one type, in ulp: what `measure` returns and `errors` draws."""

    #: What was measured, and in which type.
    name: str
    dtype: str
    #: Ends of the bins, and of each bin the largest and the mean error (NaN where it has no number).
    edges: Any
    largest: Any
    mean: Any
    #: Over all numbers, also those outside the bins: the largest error, where it is, and how many were compared.
    worst: float = 0.0
    at: float = math.nan
    points: int = 0
    #: The same of PyTorch's function of this name: largest error by bin, and of all; None where there is none.
    peer_largest: Any = None
    peer_worst: float | None = None


class _Bins:
    """Collects errors by where their operand lies."""

    def __init__(self, edges: Any) -> None:
        self.edges = edges
        self.most = np.full(len(edges) - 1, -1.0)
        self.sums, self.counts = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
        self.worst, self.at = 0.0, math.nan

    def add(self, x: Any, ulp: Any) -> None:
        if ulp.size and ulp.max() > self.worst:
            i = int(np.argmax(ulp))
            self.worst, self.at = float(ulp[i]), float(x[i])
        inside = (x >= self.edges[0]) & (x <= self.edges[-1])
        bins = np.clip(np.searchsorted(self.edges, x[inside], side="right") - 1, 0, len(self.most) - 1)
        np.maximum.at(self.most, bins, ulp[inside])
        finite = np.minimum(ulp[inside], 1e300)
        self.sums += np.bincount(bins, finite, len(self.most))
        self.counts += np.bincount(bins, minlength=len(self.most))

    def largest(self) -> Any:
        return np.where(self.most < 0, np.nan, self.most)

    def mean(self) -> Any:
        with np.errstate(invalid="ignore"):
            return self.sums / self.counts


def _operands(dtype: str, count: int | None, low: float, high: float) -> Iterator[Any]:
    """The numbers of a type between two ends, in rows of neighbours: all, or `count` of them.

    Of a sample half is spread over all bit patterns, half evenly over the picture.
    """
    from fastact.verify import inputs, types
    from fastact.verify.sweep import inside

    total = inputs.finite_count(dtype)
    if count is None or count >= total:
        arrays: Iterable[Any] = inputs.ranks(dtype, 0, total)
    else:
        reach, half = math.asinh(REACH[dtype]), total // 2
        picture = np.sinh(np.linspace(-reach, reach, count // 2)).astype(dtype)
        # one bit pattern from each of as many shares of the positive ones
        n = max(1, (count - count // 2) // 2)
        share = half // n
        patterns = share * np.arange(n, dtype=np.uint64) + np.random.default_rng(0).integers(0, share, n, dtype=np.uint64)
        magnitudes = patterns.astype(types.UNSIGNED[dtype]).view(dtype)
        arrays = [a[:, None] for a in (picture, magnitudes, -magnitudes)]
    limit = float(np.finfo(dtype).max)
    yield from inside(arrays, max(low, -limit), min(high, limit))


def measure(
    name: Named,
    *,
    gradient: bool = False,
    dtype: str = "float32",
    count: int | None = 1 << 17,
    peer: bool = True,
    progress: Callable[[float], object] | None = None,
    **parameters: float,
) -> Errors:
    """Measure the error of a function, or of its gradient, over the numbers of a type.

    The reference is the table's expression, computed in a wider type; numbers for which that is not known to a quarter
    of an ulp are left out. ``python -m fastact verify`` decides those too, and proves what it says; this is for pictures.

    Parameters
    ----------
    name : str, Activation or callable
        An element-by-element function, as for `fastact.get`.
    gradient : bool, default False
        Measure the gradient from the input, for dy = 1, instead of the function.
    dtype : str, default "float32"
        "float16", "float32" or "float64".
    count : int or None, default 131072
        How many numbers, spread over all of the type; None for every one (float32: up to an hour).
    peer : bool, default True
        Measure PyTorch's function of the same name, too, if PyTorch is installed and has one.
    progress : callable, optional
        Called now and then with the share that is done.
    **parameters : float
        Of the function, instead of its defaults.

    Returns
    -------
    errors : Errors
        The largest and the mean error, by bins of the operand and over all.

    Raises
    ------
    ValueError
        If there is no such function, or it works along an axis; for a type that is not one of the three, or a count below 2.
    TypeError
        For a parameter that the function does not have.
    ImportError
        If SciPy is not installed, which the reference needs.

    Examples
    --------
    >>> from fastact import plot
    >>> plot.measure("sigmoid", dtype="float16", count=None).worst <= 0.51
    True
    """
    activation = fa.get(name)
    if not isinstance(activation.record, Record):
        raise ValueError(f"errors: {activation.name} works on several numbers at once; `python -m fastact verify` measures such functions")
    if dtype not in REACH:
        raise ValueError(f"errors: dtype must be one of {', '.join(REACH)}, got {dtype!r}")
    if count is not None and count < 2:
        raise ValueError(f"errors: count must be at least 2, got {count}")
    settings = _settings("errors", activation, parameters)
    with np.errstate(all="ignore"):
        activation(np.zeros(1, dtype), **settings)  # refuses parameters that are not accepted
    try:
        import scipy.special  # noqa: F401
    except ImportError:
        raise ImportError("errors needs SciPy: pip install scipy") from None
    from fastact.verify import inputs
    from fastact.verify.cases import Row, image, kernel, rounded
    from fastact.verify.enclosure import Reference
    from fastact.verify.program import trace
    from fastact.verify.sweep import errors as in_ulp

    own = activation.name + ("_backward" if gradient else "")
    row = Row(activation.record, own, tuple(settings.items()))
    reference = Reference(trace(own, tuple(settings)), rounded(row, dtype), dtype)
    computed = kernel(row)
    other = _torch(activation, gradient, settings) if peer and dtype != "float16" else None
    edges = np.sinh(np.linspace(-1, 1, BINS + 1) * math.asinh(REACH[dtype]))
    bins, peers = _Bins(edges), _Bins(edges)
    points = seen = 0
    total = min(count or np.inf, inputs.finite_count(dtype))
    low, high = getattr(activation.record, "domain", None) or image(row, dtype)
    for x in _operands(dtype, count, low, high):
        with np.errstate(all="ignore"):
            box = reference.enclose(x.min(1), x.max(1))
            lo, hi, error = (v[:, None].astype(reference.kind) for v in (box.lo, box.hi, box.error))
            value = reference.values(x.astype(reference.kind))
            ulp, doubt = in_ulp(computed(x), value, error, lo, hi)
            sure = doubt <= 0.25
            operands = x[sure].astype(np.float64)
            bins.add(operands, ulp[sure].astype(np.float64))
            points += operands.size
            if other is not None:
                theirs, _ = in_ulp(other(x), value, error, lo, hi)
                peers.add(operands, theirs[sure].astype(np.float64))
        seen += x.size
        if progress is not None:
            progress(min(1.0, seen / total))
    found = Errors(own, dtype, edges, bins.largest(), bins.mean(), bins.worst, bins.at, points)
    if other is not None:
        found.peer_largest, found.peer_worst = peers.largest(), peers.worst
    return found


def _torch(activation: fa.Activation, gradient: bool, parameters: dict[str, float]) -> Any:
    """PyTorch's function of the same name as a function of an array, or None."""
    from fastact import demo

    try:
        import torch
    except ImportError:
        return None
    function = demo.torch_function(torch, activation, parameters)
    if function is None:
        return None

    def compute(x: Any) -> Any:
        t = torch.from_numpy(np.ascontiguousarray(x)).requires_grad_(gradient)
        y = function(t)
        if not gradient:
            return y.numpy()
        y.sum().backward()
        return t.grad.numpy()  # type: ignore[union-attr,unused-ignore]

    return compute


def errors(
    name: Named | Errors,
    *,
    gradient: bool = False,
    dtype: str = "float32",
    count: int | None = 1 << 17,
    peer: bool = True,
    axes: Axes | None = None,
    **parameters: float,
) -> Axes:
    """Draw the error of a function, or of its gradient, over the numbers of a type: its largest and its mean, in ulp.

    Beside it, if PyTorch is installed and has a function of the same name, the largest error of that.

    Parameters
    ----------
    name : str, Activation, callable or Errors
        An element-by-element function, as for `fastact.get`; or what `measure` returned.
    gradient, dtype, count, peer, **parameters
        As for `measure`; not used if that was called before.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    axes : matplotlib.axes.Axes
        What was drawn in. The x axis is linear up to 1 and logarithmic beyond; the title counts also what it leaves out.

    Raises
    ------
    ValueError, TypeError, ImportError
        As `measure`.

    Examples
    --------
    >>> from fastact import plot
    >>> axes = plot.errors("tanh", dtype="float16", count=None)
    >>> axes.get_ylabel()
    'error, ulp'
    """
    if isinstance(name, Errors):
        found = name
    else:
        found = measure(name, gradient=gradient, dtype=dtype, count=count, peer=peer, progress=None, **parameters)
    axes = _new_axes(axes)
    record = fa.get(found.name.removesuffix("_backward")).record
    bound = record.bounds[found.dtype]
    middles = np.arcsinh(found.edges)
    middles = np.sinh((middles[1:] + middles[:-1]) / 2)
    highest = max(found.worst, bound, np.nanmax(found.peer_largest) if found.peer_worst is not None else 0.0)
    wide = not highest <= 12
    least = FLOOR if wide else 0.0
    label = "fastact, largest" if found.peer_worst is not None else "largest"
    axes.fill_between(middles, least, np.clip(found.largest, least, None), color=COLOURS[0], alpha=0.3, linewidth=0)
    axes.plot(middles, np.clip(found.largest, least, None), color=COLOURS[0], linewidth=1.3, label=label)
    axes.plot(middles, np.clip(found.mean, least, None), color=COLOURS[0], linewidth=0.9, alpha=0.75, label="mean")
    if found.peer_worst is not None:
        axes.plot(middles, np.clip(found.peer_largest, least, 1e30), color=COLOURS[3], linewidth=1.3, label="PyTorch, largest")
    axes.axhline(bound, color=axes.spines["left"].get_edgecolor(), linewidth=0.8, linestyle="--", label=f"promised: {bound:g}")
    axes.set_xscale("asinh", linear_width=1.0)
    reach = REACH[found.dtype]
    axes.set_xlim(-reach, reach)
    ticks = [t for t in (1.0, 10.0, 100.0) if t < reach]
    ticks = [*(-t for t in reversed(ticks)), 0.0, *ticks]
    axes.set_xticks(ticks, labels=[f"{t:g}" for t in ticks])
    axes.set_xticks([], minor=True)
    if wide:
        axes.set_yscale("log")
        axes.set_ylim(FLOOR, 3 * min(highest, 1e30))
    else:
        axes.set_ylim(0, 1.15 * highest)
    axes.set_xlabel("x")
    axes.set_ylabel("error, ulp")
    title = f"{found.name}, {found.dtype}: largest error {found.worst:.2f} ulp"
    axes.set_title(title if len(title) < 46 else title.replace(": ", "\n"))
    axes.legend(frameon=False, fontsize="small", loc="best")
    _dress(axes)
    return axes


def save(figure: Figure, path: Any) -> None:
    """Write a figure that pyplot does not know of, at a resolution for screens."""
    figure.savefig(path, dpi=150)


def new_figure(size: Sequence[float]) -> Figure:
    """A figure outside pyplot, for programs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0], size[1]), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
