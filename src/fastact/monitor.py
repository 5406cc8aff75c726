"""What a layer's units do over many batches: how many are dead, silent or saturated, and how their outputs are distributed.

>>> import numpy as np
>>> import fastact as fa
>>> watch = fa.monitor.ActivationMonitor("relu")
>>> x = np.random.default_rng(0).standard_normal((100, 4)) - [0, 0, 0, 9]
>>> watch.update(fa.relu(x)).dead
array([False, False, False,  True])
"""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastact import _dense, _rows, _validate
from fastact._functions import Activation
from fastact._registry import Record

_BLOCK = 1 << 15  # numbers that are looked at together, in the cache
#: Per-unit state and how two of them are joined; mean and deviations have a formula of their own.
_JOINED = {
    "zeros": np.add,
    "not_finite": np.add,
    "saturated": np.add,
    "min": np.minimum,
    "max": np.maximum,
}


def _blocks(arrays: tuple[Any, ...], samples: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """The arrays in blocks along the axes of samples: views, each with all units."""
    lengths = {i: arrays[0].shape[i] for i in samples if arrays[0].shape[i] > 1}
    if arrays[0].size <= _BLOCK or not lengths:
        yield arrays
        return
    # along the axis that lies widest apart in memory, so that a block lies together
    axis = max(lengths, key=lambda i: abs(arrays[0].strides[i]))
    count = max(1, _BLOCK * lengths[axis] // arrays[0].size)
    for start in range(0, lengths[axis], count):
        part = (slice(None),) * axis + (slice(start, start + count),)
        yield from _blocks(tuple(a[part] for a in arrays), samples)


def _count(mask: Any, axis: tuple[int, ...], most: int) -> Any:
    """How many are true; in bytes where that is enough, which is much faster."""
    if most > 255:
        return np.count_nonzero(mask, axis=axis)
    return np.add.reduce(mask.view(np.uint8), axis=axis, dtype=np.uint8).astype(np.int64)


class ActivationMonitor:
    """Per unit and over batches: zeros, dead units, saturation, mean, standard deviation and extremes of an activation's output.

    Parameters
    ----------
    activation : str, Activation or callable, optional
        The activation, as for `fastact.get`, one that works element by element: with it saturation is counted, and inputs can
        be given in place of outputs.
    axis : int or tuple of int, default -1
        The axis or axes of units; all others hold samples. Channels of images in PyTorch's layout: axis=1.
    eps : float, default 1e-3
        A unit is saturated where the derivative of its activation is smaller than eps.
    **parameters : float
        The activation's parameters, single numbers.

    Attributes
    ----------
    count : int
        Samples seen, per unit.
    zeros, not_finite : ndarray of int64
        How many outputs were 0, or NaN or infinite.
    saturated : ndarray of int64 or None
        In how many samples the derivative was below eps; None without an activation.
    mean, std, min, max : ndarray of float64
        Of the outputs; std with the divisor count.
    dead : ndarray of bool
        Units that never fired: every output was 0.
    stuck : ndarray of bool or None
        Units that were saturated in every sample, so that they never learned.
    zero_fraction, saturated_fraction : ndarray of float64
        The counts divided by count.

    Raises
    ------
    ValueError
        If there is no such activation, or eps or a parameter is not accepted.

    Notes
    -----
    Means and squared deviations are joined by the formulas of Chan, Golub and LeVeque, so that nothing cancels; counts and
    extremes are exact. An update reads the batch once, in blocks that stay in the cache.

    References
    ----------
    Chan, Golub and LeVeque, Algorithms for computing the sample variance, The American Statistician 37, 1983.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> watch = fa.monitor.ActivationMonitor("relu")
    >>> for seed in range(3):
    ...     x = np.random.default_rng(seed).standard_normal((50, 8)).astype(np.float32)
    ...     x[:, 5] -= 10
    ...     _ = watch.update(fa.relu(x))
    >>> print(watch.report().splitlines()[1])
    1 of 8 units never fired: 5.
    """

    activation: str | None
    axis: int | tuple[int, ...]
    eps: float
    parameters: dict[str, float]
    count: int
    shape: tuple[int, ...] | None
    _state: dict[str, Any]

    def __init__(
        self,
        activation: str | Activation | Callable[..., Any] | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-3,
        **parameters: float,
    ) -> None:
        if not isinstance(eps, numbers.Real) or not 0 < float(eps) < math.inf:
            raise ValueError(f"ActivationMonitor: eps must be a finite number above 0, got {eps!r}")
        self.axis, self.eps, self.parameters = axis, float(eps), dict(parameters)
        self.activation = None
        if activation is None:
            if parameters:
                raise TypeError(f"ActivationMonitor: unexpected argument {sorted(parameters)[0]!r} without an activation")
        else:
            found = _dense._activation("ActivationMonitor", "activation", activation)
            if not isinstance(found.record, Record):
                raise ValueError(f"ActivationMonitor: activation must work element by element, got {found.name!r}")
            for name, value in zip(
                (p.name for p in found.record.parameters), _dense._values("ActivationMonitor", found.record, parameters, None), strict=True
            ):
                if np.ndim(value):
                    raise ValueError(f"ActivationMonitor: {name} must be a single number, got shape {np.shape(value)}")
            self.activation = found.name
        self.count = 0
        self.shape = None
        self._state = {}

    # ---- accumulating --------------------------------------------------------------------------------------------

    def update(self, y: Any = None, *, x: Any = None) -> ActivationMonitor:
        """Add a batch.

        Parameters
        ----------
        y : array_like, optional
            The activation's output.
        x : array_like, optional
            Its input: instead of y, which is then computed block by block; or beside it, for the derivative.

        Returns
        -------
        self : ActivationMonitor
            This monitor.

        Raises
        ------
        TypeError
            If neither is given; if x is given without an activation; if y alone does not determine the derivative; for types that are
            not accepted.
        ValueError
            If shapes do not fit each other or what was seen before. The monitor stays as it was.
        """
        _rows.none_masked("ActivationMonitor.update", y=y, x=x)
        given = {k: np.asarray(v) for k, v in (("y", y), ("x", x)) if v is not None}
        if not given:
            raise TypeError("ActivationMonitor.update: pass the output y or the input x=")
        if x is not None and self.activation is None:
            raise TypeError("ActivationMonitor.update: x= needs the activation's name; make the monitor with it, or pass y")
        for name, value in given.items():
            _validate.floats("ActivationMonitor.update", **{name: value})
        if len(given) == 2 and given["x"].shape != given["y"].shape:
            raise ValueError(f"ActivationMonitor.update: x has shape {given['x'].shape}, y {given['y'].shape}")
        act = None if self.activation is None else _dense._activation("ActivationMonitor.update", "activation", self.activation)
        first = next(iter(given.values()))
        units = normalize_axis_tuple(self.axis, first.ndim, "axis")
        shape = tuple(first.shape[i] for i in units)
        if self.shape is not None and shape != self.shape:
            raise ValueError(f"ActivationMonitor.update: {'/'.join(given)} has units of shape {shape}, earlier batches {self.shape}")
        if act is not None and x is None:
            values = tuple({**act.parameters, **self.parameters}.values())
            if not _dense._determines(act, tuple(np.asarray(v) for v in values)):
                raise TypeError(f"ActivationMonitor.update: the output does not determine the derivative of {act.name}; pass the input x=")
        samples = tuple(i for i in range(first.ndim) if i not in units)
        batch = ActivationMonitor(self.activation, axis=self.axis, eps=self.eps, **self.parameters)
        batch.shape = shape
        order = tuple(int(i) for i in np.argsort(np.argsort(units)))  # a reduction leaves the units in the order of the axes
        if first.size:
            for block in _blocks(tuple(given.values()), samples):
                batch._join(*self._look_at(dict(zip(given, block, strict=True)), act, samples, order))
        if not batch._state:
            batch._state = self._empty(shape, act is not None)
        self._join(batch.count, batch._state)
        self.shape = shape
        return self

    def _look_at(self, block: dict[str, Any], act: Any, samples: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, dict[str, Any]]:
        """The state of one block."""
        x, y = block.get("x"), block.get("y")
        if y is None:
            y = act.forward(x, **self.parameters)
        wide = np.array(y, np.float64)  # keeps the order in memory; small
        count = math.prod(wide.shape[i] for i in samples)
        with np.errstate(all="ignore"):
            state = {"zeros": _count(wide == 0, samples, count), "min": wide.min(axis=samples), "max": wide.max(axis=samples)}
            if np.isfinite(state["min"]).all() and np.isfinite(state["max"]).all():  # NaN would be both
                state["not_finite"] = np.zeros_like(state["zeros"])
            else:
                state["not_finite"] = _count(~np.isfinite(wide), samples, count)
            state["mean"] = wide.mean(axis=samples)
            wide -= np.expand_dims(state["mean"], samples)
            state["squares"] = np.square(wide, out=wide).sum(axis=samples)
            if act is not None:
                one = np.ones((), _validate.floats("ActivationMonitor.update", y=y))
                slope = act.backward(one, **({"x": x} if x is not None else {"y": y}), **self.parameters)
                slope = slope[0] if isinstance(slope, tuple) else slope
                state["saturated"] = _count(np.abs(slope) < self.eps, samples, count)
        return count, {k: np.transpose(np.asarray(v), order) for k, v in state.items()}

    @staticmethod
    def _empty(shape: tuple[int, ...], slopes: bool) -> dict[str, Any]:
        state = {k: np.zeros(shape, np.int64) for k in ("zeros", "not_finite", *(("saturated",) if slopes else ()))}
        return {
            **state,
            "min": np.full(shape, np.inf),
            "max": np.full(shape, -np.inf),
            "mean": np.zeros(shape),
            "squares": np.zeros(shape),
        }

    def _join(self, count: int, state: dict[str, Any]) -> None:
        """Add a state to this monitor's."""
        if not self._state:
            self.count, self._state = count, {k: np.array(v) for k, v in state.items()}
            return
        if not count:
            return
        mine, total = self._state, self.count + count
        for name, join in _JOINED.items():
            if name in mine:
                mine[name] = join(mine[name], state[name])
        with np.errstate(all="ignore"):
            gap = state["mean"] - mine["mean"]
            unbounded = np.isinf(mine["mean"]) | np.isinf(state["mean"])  # no gap there
            mine["mean"] = mine["mean"] + np.where(unbounded, state["mean"], gap * (count / total))
            mine["squares"] = mine["squares"] + state["squares"] + gap * gap * (self.count * (count / total))
        self.count = total

    def merge(self, other: ActivationMonitor) -> ActivationMonitor:
        """What both have seen, as a new monitor; counts and extremes exactly, moments up to rounding, in any order.

        Parameters
        ----------
        other : ActivationMonitor
            A monitor of the same activation, parameters, eps and units, of another worker say.

        Returns
        -------
        merged : ActivationMonitor
            A new monitor; both stay as they are.

        Raises
        ------
        TypeError
            If other is not a monitor.
        ValueError
            If the two do not watch the same.
        """
        if not isinstance(other, ActivationMonitor):
            raise TypeError(f"ActivationMonitor.merge: other must be an ActivationMonitor, got {type(other).__name__}")
        for name in ("activation", "parameters", "eps", "axis", "shape"):
            mine, its = getattr(self, name), getattr(other, name)
            if name == "parameters" and self.activation is not None:        # a default that was given is the same
                defaults = _dense._activation("ActivationMonitor.merge", "activation", self.activation).parameters
                mine, its = {**defaults, **mine}, {**defaults, **its}
            if mine != its and not (name == "shape" and None in (mine, its)):
                raise ValueError(f"ActivationMonitor.merge: other has {name} {its!r}, this {mine!r}")
        merged = ActivationMonitor(self.activation, axis=self.axis, eps=self.eps, **self.parameters)
        for part in (self, other):
            if part._state:
                merged._join(part.count, part._state)
                merged.shape = part.shape
        return merged

    def __copy__(self) -> ActivationMonitor:
        """A monitor of its own, that has seen the same."""
        return copy.deepcopy(self)

    # ---- results -------------------------------------------------------------------------------------------------

    def _seen(self, name: str) -> Any:
        """A copy, so that no one writes to the state."""
        if self.shape is None:
            raise ValueError("ActivationMonitor: nothing was seen yet; call update first")
        return np.array(self._state[name])

    def _fraction(self, counts: Any) -> Any:
        return counts / self.count if self.count else np.full(np.shape(counts), np.nan)

    @property
    def zeros(self) -> Any:
        """How many outputs were 0."""
        return self._seen("zeros")

    @property
    def not_finite(self) -> Any:
        """How many outputs were NaN or infinite."""
        return self._seen("not_finite")

    @property
    def saturated(self) -> Any:
        """In how many samples the derivative was below eps; None without an activation."""
        return None if self.activation is None else self._seen("saturated")

    @property
    def min(self) -> Any:
        """The smallest output."""
        return self._seen("min")

    @property
    def max(self) -> Any:
        """The largest output."""
        return self._seen("max")

    @property
    def mean(self) -> Any:
        """The mean output."""
        return self._seen("mean") if self.count else np.full(np.shape(self._seen("mean")), np.nan)

    @property
    def std(self) -> Any:
        """The standard deviation, with the divisor count."""
        with np.errstate(all="ignore"):
            return np.sqrt(self._fraction(self._seen("squares")))

    @property
    def dead(self) -> Any:
        """Units that never fired: every output was 0."""
        return (self._seen("zeros") == self.count) & (self.count > 0)

    @property
    def stuck(self) -> Any:
        """Units that were saturated in every sample; None without an activation."""
        return None if self.activation is None else (self._seen("saturated") == self.count) & (self.count > 0)

    @property
    def zero_fraction(self) -> Any:
        """The fraction of outputs that were 0."""
        return self._fraction(self.zeros)

    @property
    def saturated_fraction(self) -> Any:
        """The fraction of samples with a derivative below eps; None without an activation."""
        return None if self.activation is None else self._fraction(self.saturated)

    def __repr__(self) -> str:
        name = "" if self.activation is None else f"{self.activation!r}, "
        return f"<ActivationMonitor {name}{0 if self.shape is None else math.prod(self.shape)} units, {self.count} samples each>"

    def report(self) -> str:
        """A few sentences about the units.

        Returns
        -------
        report : str
            One finding a line.
        """
        if self.shape is None or not self.count or not math.prod(self.shape):
            return "Nothing was seen yet."
        n = math.prod(self.shape)
        samples = f"{self.count} sample{'s' if self.count != 1 else ''} of each unit"
        lines = [f"{n} unit{'s' if n != 1 else ''}{'' if self.activation is None else f' of {self.activation}'}, {samples}."]
        lines.append(_finding(self.dead, "never fired", "fired"))
        if self.stuck is not None:
            happened = f"were saturated (|f'| < {self.eps:g}) in every sample"
            lines.append(_finding(self.stuck, happened, f"had a derivative of {self.eps:g} or more"))
            lines.append(f"Saturated on average: {np.mean(self.saturated_fraction):.1%} of the samples.")
        lines.append(f"Zeros: {np.mean(self.zero_fraction):.1%} of all outputs.")
        bad = int(np.count_nonzero(self.not_finite))
        if bad:
            lines.append(f"{bad} of {n} units gave NaN or infinity: {_which(self.not_finite > 0)}")
        good = self.not_finite == 0
        if good.any():
            mean, std = self.mean[good], self.std[good]
            deviations = f"standard deviations from {std.min():.4g} to {std.max():.4g}"
            lines.append(f"Means of the units from {mean.min():.4g} to {mean.max():.4g}, {deviations}.")
            lines.append(f"Outputs from {self.min[good].min():.4g} to {self.max[good].max():.4g}.")
        return "\n".join(lines)

    def plot(self, figure: Any = None) -> Any:
        """A picture: fraction of zeros, saturation, and mean with standard deviation, over the units. Needs matplotlib.

        Parameters
        ----------
        figure : matplotlib.figure.Figure, optional
            Where to draw; a new one by default.

        Returns
        -------
        figure : matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If nothing was seen yet.
        """
        mean, std, unit = self.mean.ravel(), self.std.ravel(), np.arange(math.prod(self.shape or (0,)))
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("ActivationMonitor.plot needs matplotlib: pip install matplotlib") from error
        figure = Figure(figsize=(8, 6), layout="constrained") if figure is None else figure
        above, below = figure.subplots(2, 1, sharex=True)
        above.plot(unit, np.sort(self.zero_fraction.ravel())[::-1], label="zeros")
        if self.activation is not None:
            above.plot(unit, np.sort(self.saturated_fraction.ravel())[::-1], label=f"saturated, |f'| < {self.eps:g}")
        above.set(ylabel="fraction of samples", ylim=(-0.03, 1.03), title=self.report().splitlines()[1])
        above.legend()
        order = np.argsort(mean, kind="stable")
        below.fill_between(unit, self.min.ravel()[order], self.max.ravel()[order], alpha=0.15, label="smallest to largest")
        below.fill_between(unit, (mean - std)[order], (mean + std)[order], alpha=0.35, label="mean ± standard deviation")
        below.plot(unit, mean[order], label="mean")
        below.set(xlabel="units, each curve in its own order", ylabel="output")
        below.legend()
        return figure


def _which(units: Any, most: int = 10) -> str:
    """The first few of some units, and a full stop: 3, 5, (1, 2)."""
    found = np.argwhere(units)
    names = [str(int(i[0])) if len(i) == 1 else str(tuple(int(k) for k in i)) for i in found[:most]]
    return ", ".join(names) + (" ..." if len(found) > most else ".")


def _finding(units: Any, happened: str, otherwise: str) -> str:
    n, found = units.size, int(np.count_nonzero(units))
    if not found:
        return f"All {n} units {otherwise} at least once." if n != 1 else f"The unit {otherwise} at least once."
    return f"{found} of {n} units {happened}" + (f": {_which(units)}" if units.ndim else ".")


__all__ = ["ActivationMonitor"]
