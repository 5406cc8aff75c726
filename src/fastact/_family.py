"""Losses, projections on the simplex and what else runs over an axis beside softmax. Thin Python over the row ufuncs.

Each function here has a record of its name in the table, with its signature and documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from fastact import _drawn, _rows, _validate
from fastact._registry import FUNCTIONS
from fastact._rows import FLOATS, Axis


def _everywhere(function: str, where: Any, x: Any) -> Any:
    """The mask at x's shape; without one, a single True seen everywhere."""
    return np.broadcast_to(True, np.shape(x)) if where is None else _rows._mask(function, where, x)


def along(function: str, ufunc: np.ufunc, x: Any, extra: tuple[Any, ...], axis: Axis, where: Any, out: Any) -> Any:
    """A ufunc ``(n), ..., (n) -> (n)`` of x, anything between, and the mask, over one axis or several."""
    x = _rows.as_array(function, "x", x)
    if x.dtype.char not in "efd":
        _validate.floats(function, x=x)   # refuses by this name; the ufunc may have another
    mask = _everywhere(function, where, x)
    if not (axis is None or isinstance(axis, tuple)):
        if out is None and _rows.keeps_type(x, *extra):
            out = _rows._like(x, axis, {})
        return ufunc(x, *extra, mask, axis=axis, out=out)
    axes, shape = _rows._axes(x, axis), x.shape
    result = ufunc(_rows._last(x, axes), *extra, _rows._last(mask, axes), axis=-1)
    return _rows._deliver(function, _rows._unlast(result, axes, shape), out)


def _saved(function: str, forward: Callable[[], Any], x: Any, y: Any) -> Any:
    """The output: as it was saved, or computed from the saved input."""
    if (x is None) == (y is None):
        raise TypeError(f"{function}: pass either the saved input x= or the saved output y=")
    return forward() if y is None else y


def _fitting(function: str, dy: Any, shape: tuple[int, ...], what: str = "the result's shape") -> Any:
    """dy at that shape, or a refusal."""
    try:
        return np.broadcast_to(dy, shape, subok=True)
    except ValueError:
        raise ValueError(f"{function}: dy of shape {np.shape(dy)} does not fit {what} {shape}") from None


def _negative(function: str, dy: Any, y: Any) -> Any:
    """-dy, for y; of integers and bool as floats, since np.negative wraps those around and refuses these."""
    dy = _rows.flowing(_rows.unmasked(function, "dy", dy), y)
    if isinstance(dy, np.ndarray) or not hasattr(dy, "__array_ufunc__"):
        _validate.floats(function, dy=dy)
        dy = np.asanyarray(dy)
    dtype = _validate.shared_dtype(dy)      # of an array that is lazy, too
    return np.negative(dy.astype(np.float64) if dtype is not None and dtype.kind in "biu" else dy)


def _backward_along(function: str, ufunc: np.ufunc, dy: Any, y: Any, axis: Axis, where: Any, out: Any) -> Any:
    """A ufunc ``(n), (n) -> (n)`` of dy and y, with dy 0 where something is masked."""
    y = _rows.as_array(function, "y", y)
    dy = _fitting(function, _rows.flowing(_rows.unmasked(function, "dy", dy), y), y.shape)
    if where is not None:
        dy = np.where(_rows._mask(function, where, y), dy, np.zeros((), dy.dtype))
    if not (axis is None or isinstance(axis, tuple)):
        return ufunc(dy, y, axis=axis, out=_rows._like(y, axis, {}, dy) if out is None else out)
    axes, shape = _rows._axes(y, axis), y.shape
    result = ufunc(_rows._last(dy, axes), _rows._last(y, axes), axis=-1)
    return _rows._deliver(function, _rows._unlast(result, axes, shape), out)


# ---- cross-entropy ------------------------------------------------------------------------------------------------------


def _ids(function: str, labels: Any, logits: Any, axis: int, where: Any, ignore: Any) -> Any:
    """Labels that are numbers of classes, checked; those to be ignored as -1."""
    shape, count = logits.shape[:axis] + logits.shape[axis + 1 :], logits.shape[axis]
    if labels.shape != shape:
        wanted = f"logits of shape {logits.shape} without axis {axis}, {shape}"
        raise ValueError(f"{function}: labels of shape {labels.shape} do not fit {wanted}")
    outside = (labels < 0) | (labels >= count)
    ignored = None
    if ignore is not None:
        ignored = labels == _validate.integer(function, "ignore_index", ignore)
        outside &= ~ignored
    if outside.any():
        at = _validate.first_of(outside)
        raise ValueError(f"{function}: labels must be from 0 to {count - 1}, got {labels[at]!s} at index {at}")
    labels = labels.astype(np.int64, copy=False)
    if ignored is not None:
        labels = np.where(ignored, np.int64(-1), labels)
    if where is not None and count:
        allowed = np.take_along_axis(where, np.expand_dims(np.maximum(labels, 0), axis), axis).squeeze(axis)
        wrong = ~allowed & (labels >= 0) & where.any(axis)
        if wrong.any():
            at = _validate.first_of(wrong)
            raise ValueError(f"{function}: where masks out the class that labels gives, {labels[at]} at index {at}")
    return labels


def _shares(function: str, labels: Any, logits: Any, axis: int, where: Any, ignore: Any) -> Any:
    """Labels that are distributions, checked."""
    if labels.shape == logits.shape[:axis] + logits.shape[axis + 1 :]:      # would broadcast where there are as many rows as classes
        wanted = f"class numbers must be integers, and distributions have the logits' shape {logits.shape}"
        raise ValueError(f"{function}: labels of shape {labels.shape} are {labels.dtype}: {wanted}")
    if ignore is not None:
        raise TypeError(f"{function}: ignore_index={ignore!r} goes with labels that are class numbers, got labels of {labels.dtype}")
    try:
        labels = np.broadcast_to(labels, logits.shape)
    except ValueError:
        raise ValueError(f"{function}: labels of shape {labels.shape} do not fit logits of shape {logits.shape}") from None
    if labels.size and not (labels.min() >= 0 and labels.max() < np.inf):
        wrong = ~((labels >= 0) & (labels < np.inf))
        if where is not None:
            wrong &= where
        if wrong.any():
            at = _validate.first_of(wrong)
            raise ValueError(f"{function}: labels must be finite and not negative, got {labels[at]!s} at index {at}")
    return labels


def _cross_entropy(
    ufuncs: Mapping[str, np.ufunc], function: str, stem: str, logits: Any, labels: Any, axis: int, where: Any, ignore: Any
) -> tuple[str, Any, tuple[Any, ...], int]:
    """The ufunc's name, the logits, the labels and the mask, and the axis."""
    logits, labels = _rows.as_array(function, "logits", logits), _rows.as_array(function, "labels", labels)
    axis = normalize_axis_index(_validate.integer(function, "axis", axis), logits.ndim)
    mask = None if where is None else _rows._mask(function, where, logits)
    if labels.dtype.kind in "iu":
        name, labels = f"{stem}_ids", _ids(function, labels, logits, axis, mask, ignore)
    elif labels.dtype.kind == "f" or labels.dtype.name == "bfloat16":
        name, labels = f"{stem}_shares", _shares(function, labels, logits, axis, mask, ignore)
    else:
        raise TypeError(f"{function}: labels must be integers (class numbers) or floats (a distribution a row), got {labels.dtype}")
    return name, logits, (labels, _everywhere(function, where, logits)), axis


def _scale(function: str, dy: Any, shape: tuple[int, ...]) -> Any:
    """What the gradient is multiplied by, of the losses' shape."""
    try:
        np.broadcast_to(dy, shape)
    except ValueError:
        raise ValueError(f"{function}: dy of shape {np.shape(dy)} does not fit the losses' shape {shape}") from None
    return dy


def _results(function: str, out: Any, count: int) -> tuple[Any, ...]:
    """`out` for so many results, of which a single array is the second."""
    if out is None or not isinstance(out, tuple):
        return (None, out, None)[:count]
    if len(out) != count:
        raise ValueError(f"{function}: out must be an array or a tuple of {count}, got {len(out)}")
    return out


# ---- the functions ------------------------------------------------------------------------------------------------------


def build(ufuncs: Mapping[str, np.ufunc], public: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """Every function of the table's `FUNCTIONS`, over one variant's ufuncs and the functions made so far."""
    made: dict[str, Callable[..., Any]] = {}
    soft = {f.name: f.over for f in FUNCTIONS}

    def softened(name: str, suffix: str = "") -> Callable[..., Any]:
        """The function that another one's record is built over."""
        return public[f"{soft[name]}{suffix}"]  # type: ignore[no-any-return]

    def function(f: Callable[..., Any]) -> Callable[..., Any]:
        f.__qualname__, f.__module__ = f.__name__, "fastact"
        made[f.__name__] = f
        return f

    @function
    def softmax_cross_entropy(
        logits: Any, labels: Any, axis: int = -1, *, where: Any = None, ignore_index: int | None = None, out: Any = None
    ) -> Any:
        stem = softmax_cross_entropy.__name__
        name, logits, rest, axis = _cross_entropy(ufuncs, stem, stem, logits, labels, axis, where, ignore_index)
        return ufuncs[name](logits, *rest, axis=axis, out=out)

    @function
    def softmax_cross_entropy_value_and_grad(
        logits: Any,
        labels: Any,
        axis: int = -1,
        *,
        where: Any = None,
        ignore_index: int | None = None,
        dy: Any = 1.0,
        hessian: bool = False,
        out: Any = None,
    ) -> Any:
        name, stem = softmax_cross_entropy_value_and_grad.__name__, softmax_cross_entropy.__name__
        kernel, logits, rest, axis = _cross_entropy(ufuncs, name, stem, logits, labels, axis, where, ignore_index)
        dy = _scale(name, dy, logits.shape[:axis] + logits.shape[axis + 1 :])
        results = list(_results(name, out, 3 if hessian else 2))
        alike = (dy,) if rest[0].dtype.kind in "iu" else (rest[0], dy)      # class numbers do not widen the logits
        if _rows.keeps_type(logits, *alike):
            results[1:] = [_rows._like(logits, axis, {}) if o is None else o for o in results[1:]]
        ufunc = ufuncs[f"{kernel}_{'hessian' if hessian else 'gradient'}"]
        return ufunc(logits, *rest, dy, axis=axis, out=tuple(results))

    def checked_targets(name: str, logits: Any, targets: Any, where: Any = True) -> Any:
        """Targets from 0 to 1, where they count. Those that are integers or bool do not widen the logits."""
        if isinstance(targets, bool | int | float) and 0 <= targets <= 1:
            return float(targets)
        targets = np.asanyarray(targets)
        real = targets.dtype.kind in "fiu" or targets.dtype.name == "bfloat16"
        if real and targets.size and not (targets.min() >= 0 and targets.max() <= 1):
            wrong = ~((targets >= 0) & (targets <= 1)) & np.asarray(where)
            if wrong.any():
                raise ValueError(f"{name}: targets must be from 0 to 1, got {_validate.first_shown(targets, wrong)}")
        kept = getattr(getattr(logits, "dtype", None), "name", "") in FLOATS
        return targets.astype(logits.dtype) if kept and targets.dtype.kind in "biu" else targets

    @function
    def sigmoid_cross_entropy(logits: Any, targets: Any, *, out: Any = None, **kwargs: Any) -> Any:
        name = sigmoid_cross_entropy.__name__
        targets = checked_targets(name, logits, targets, kwargs.get("where", True))
        return ufuncs[name](logits, targets, out=out, **kwargs)

    @function
    def sigmoid_cross_entropy_value_and_grad(
        logits: Any, targets: Any, *, dy: Any = 1.0, hessian: bool = False, out: Any = None, **kwargs: Any
    ) -> Any:
        name = sigmoid_cross_entropy_value_and_grad.__name__
        targets = checked_targets(name, logits, targets, kwargs.get("where", True))
        ufunc = ufuncs[f"{sigmoid_cross_entropy.__name__}_{'hessian' if hessian else 'gradient'}"]
        return ufunc(logits, targets, dy, out=_results(name, out, ufunc.nout), **kwargs)

    # -- of softmax's kind

    @function
    def softmin(x: Any, axis: Axis = -1, *, temperature: Any = 1.0, where: Any = None, out: Any = None) -> Any:
        if type(temperature) is float and temperature == 1.0 and where is None and type(axis) is int and axis == -1:
            # a usual call pays for nothing else
            usual = type(x) is np.ndarray and x.ndim and x.flags.c_contiguous and x.dtype.char in "efd"
            if usual and (out is None or type(out) is np.ndarray):
                mask = _rows.all_of(x.shape[-1])
                return plainly(x, -1.0, mask) if out is None else plainly(x, -1.0, mask, out)
        x = _rows.as_array(softmin.__name__, "x", x)
        heat = _rows.heat(softmin.__name__, temperature, x, axis)
        return along(softmin.__name__, plainly, x, (-heat,), axis, where, out)

    plainly = ufuncs[f"{soft[softmin.__name__]}_tempered"]

    @function
    def softmin_backward(
        dy: Any, *, x: Any = None, y: Any = None, axis: Axis = -1, temperature: Any = 1.0, where: Any = None, out: Any = None
    ) -> Any:
        name = softmin_backward.__name__
        y = _saved(name, lambda: softmin(x, axis, temperature=temperature, where=where), x, y)
        temperature = _rows.heat(name, temperature, y, axis)
        backward = softened(softmin.__name__, "_backward")
        return backward(_negative(name, dy, y), y=y, axis=axis, temperature=temperature, where=where, out=out)

    @function
    def hardmax(x: Any, axis: Axis = -1, *, where: Any = None, out: Any = None) -> Any:
        return along(hardmax.__name__, ufuncs[hardmax.__name__], x, (), axis, where, out)

    @function
    def hardmax_backward(dy: Any, *, x: Any, axis: Axis = -1, straight_through: bool = False, where: Any = None, out: Any = None) -> Any:
        if straight_through:
            return softened(hardmax.__name__, "_backward")(dy, x=x, axis=axis, where=where, out=out)
        name = hardmax_backward.__name__
        x = _rows.as_array(name, "x", x)
        dy = _rows.flowing(_rows.unmasked(name, "dy", dy), x)
        kept, axes = _validate.floats(name, dy=dy, x=x), _rows._axes(x, axis)
        _fitting(name, dy, x.shape)
        mask = True if where is None else _rows._mask(name, where, x)
        lost = (np.isnan(x) & mask).any(axis=axes, keepdims=True) & mask
        out = _rows.given_out(name, out)
        if out is None:
            out = np.empty_like(x, dtype=kept)
        elif out.shape != x.shape:
            raise ValueError(f"{name}: out has shape {out.shape}, x has {x.shape}")
        np.copyto(out, np.zeros((), kept), casting="same_kind")
        np.copyto(out, np.nan, where=lost)
        return out

    @function
    def sparsemax(x: Any, axis: Axis = -1, *, where: Any = None, out: Any = None) -> Any:
        return along(sparsemax.__name__, ufuncs[sparsemax.__name__], x, (), axis, where, out)

    @function
    def sparsemax_backward(dy: Any, *, x: Any = None, y: Any = None, axis: Axis = -1, where: Any = None, out: Any = None) -> Any:
        name = sparsemax_backward.__name__
        y = _saved(name, lambda: sparsemax(x, axis, where=where), x, y)
        return _backward_along(name, ufuncs[f"{name}_y"], dy, y, axis, where, out)

    @function
    def entmax15(x: Any, axis: Axis = -1, *, where: Any = None, out: Any = None) -> Any:
        return along(entmax15.__name__, ufuncs[entmax15.__name__], x, (), axis, where, out)

    @function
    def entmax15_backward(dy: Any, *, x: Any = None, y: Any = None, axis: Axis = -1, where: Any = None, out: Any = None) -> Any:
        name = entmax15_backward.__name__
        y = _saved(name, lambda: entmax15(x, axis, where=where), x, y)
        return _backward_along(name, ufuncs[f"{name}_y"], dy, y, axis, where, out)

    @function
    def gumbel_softmax(
        x: Any, tau: float = 1.0, axis: Axis = -1, *, hard: bool = False, rng: Any = None, where: Any = None, out: Any = None
    ) -> Any:
        x = _rows.as_array(gumbel_softmax.__name__, "x", x)
        kept = _validate.floats(gumbel_softmax.__name__, x=x)
        tau = _validate.parameter(gumbel_softmax.__name__, "tau", tau, "positive", kept)
        wide: Any = np.dtype(np.float64) if kept == np.float64 else np.dtype(np.float32)
        noise: Any = _drawn.generator(gumbel_softmax.__name__, rng).standard_exponential(x.shape, wide)
        with np.errstate(all="ignore"):
            noise = np.subtract(x, np.log(np.maximum(noise, np.finfo(wide).tiny, out=noise), out=noise), out=noise, dtype=wide)
        if kept != wide:
            noise = noise.astype(kept)
        y = softened(gumbel_softmax.__name__)(noise, axis, temperature=tau, where=where, out=noise if out is None else out)
        return (hardmax(y, axis, where=where), y) if hard else y

    @function
    def gumbel_softmax_backward(dy: Any, *, y: Any, tau: float = 1.0, axis: Axis = -1, where: Any = None, out: Any = None) -> Any:
        name = gumbel_softmax_backward.__name__
        tau = _validate.parameter(name, "tau", tau, "positive")
        _validate.parameter(name, "tau", tau, "positive", _validate.floats(name, y=y))
        return softened(gumbel_softmax.__name__, "_backward")(dy, y=y, axis=axis, temperature=tau, where=where, out=out)

    # -- segments and pieces

    def checked_offsets(name: str, offsets: Any, length: int) -> Any:
        offsets = np.asanyarray(offsets)
        if offsets.dtype.kind not in "iu" or offsets.ndim != 1 or not offsets.size:
            raise TypeError(f"{name}: offsets must be a row of integers, got {offsets.dtype} of shape {offsets.shape}")
        falls = offsets[1:] < offsets[:-1]
        if falls.any():
            (at,) = _validate.first_of(falls)
            raise ValueError(f"{name}: offsets must not fall, got {offsets[at + 1]} after {offsets[at]} at index {at + 1}")
        if offsets[0] != 0 or offsets[-1] != length:
            at = 0 if offsets[0] != 0 else offsets.size - 1
            raise ValueError(f"{name}: offsets must run from 0 to the axis' length {length}, got {offsets[at]} at index {at}")
        return offsets.astype(np.int64, copy=False)

    def over_segments(name: str, ufunc: np.ufunc, arrays: tuple[Any, ...], offsets: Any, axis: int, out: Any) -> Any:
        x = arrays[-1]
        axis = normalize_axis_index(_validate.integer(name, "axis", axis), x.ndim)
        offsets = checked_offsets(name, offsets, x.shape[axis])
        out = _rows.given_out(name, out)
        if out is None:
            types = [a.dtype for a in arrays]
            out = np.empty_like(x, ufunc.resolve_dtypes((*types, offsets.dtype, None))[-1])
        elif out.shape != x.shape:
            raise ValueError(f"{name}: out has shape {out.shape}, x has {x.shape}")
        ufunc(*(np.moveaxis(a, axis, -1) for a in arrays), offsets, out=np.moveaxis(out, axis, -1))
        return out

    @function
    def segment_softmax(x: Any, offsets: Any, axis: int = -1, *, out: Any = None) -> Any:
        name = segment_softmax.__name__
        return over_segments(name, ufuncs[name], (_rows.as_array(name, "x", x),), offsets, axis, out)

    @function
    def segment_softmax_backward(dy: Any, *, x: Any = None, y: Any = None, offsets: Any, axis: int = -1, out: Any = None) -> Any:
        name = segment_softmax_backward.__name__
        y = _rows.as_array(name, "y", _saved(name, lambda: segment_softmax(x, offsets, axis), x, y))
        dy = _fitting(name, _rows.flowing(_rows.unmasked(name, "dy", dy), y), y.shape)
        return over_segments(name, ufuncs[f"{name}_y"], (dy, y), offsets, axis, out)

    def in_pieces(name: str, x: Any, pieces: int, axis: int) -> tuple[Any, int]:
        """x as (..., groups, pieces), a view, and the axis."""
        axis = normalize_axis_index(_validate.integer(name, "axis", axis), x.ndim)
        pieces, length = _validate.integer(name, "pieces", pieces), x.shape[axis]
        if pieces < 1 or length % pieces:
            raise ValueError(f"{name}: pieces must divide the length {length} of axis {axis}, got {pieces}")
        moved = np.moveaxis(x, axis, -1)
        return moved.reshape(*moved.shape[:-1], length // pieces, pieces), axis

    @function
    def maxout(x: Any, pieces: int, axis: int = -1) -> Any:
        parts, axis = in_pieces(maxout.__name__, _rows.as_array(maxout.__name__, "x", x), pieces, axis)
        best, which = ufuncs[maxout.__name__](parts)
        return np.moveaxis(best, -1, axis), np.moveaxis(which, -1, axis)

    @function
    def maxout_backward(dy: Any, *, which: Any, pieces: int, axis: int = -1, out: Any = None) -> Any:
        name = maxout_backward.__name__
        dy, which = _rows.as_array(name, "dy", dy), np.asanyarray(which)
        kept = _validate.floats(name, dy=dy)
        axis = normalize_axis_index(_validate.integer(name, "axis", axis), which.ndim)
        if which.dtype.kind not in "iu":
            raise TypeError(f"{name}: which must be integers, got {which.dtype}")
        pieces = _validate.integer(name, "pieces", pieces)
        if pieces < 1:
            raise ValueError(f"{name}: pieces must be at least 1, got {pieces}")
        wrong = (which < 0) | (which >= pieces)
        if wrong.any():
            at = _validate.first_of(wrong)
            raise ValueError(f"{name}: which must be from 0 to {pieces - 1}, got {which[at]} at index {at}")
        dy = _fitting(name, dy, which.shape, "which of shape")
        shape = (*which.shape[:axis], which.shape[axis] * pieces, *which.shape[axis + 1 :])
        out = _rows.given_out(name, out)
        if out is None:
            out = np.empty(shape, kept)
        elif out.shape != shape:
            raise ValueError(f"{name}: out has shape {out.shape}, the result {shape}")
        dy, which = (a.copy() if np.may_share_memory(a, out) else a for a in (dy, which))
        for k in range(pieces):
            part = out[(*(slice(None),) * axis, slice(k, None, pieces))]
            np.copyto(part, dy, casting="same_kind")
            np.copyto(part, 0, where=which != k)
        return out

    return made
