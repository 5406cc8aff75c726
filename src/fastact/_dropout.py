"""Alpha-dropout: the dropout that keeps mean 0 and variance 1 behind a self-normalising layer."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastact import _dense, _drawn, _rows, _validate

_DROPPED = -1.7580993408473768  # the limit at -inf of the self-normalising unit, -lambda * alpha
_PIECE = 1 << 15


def _rate(function: str, p: Any) -> float:
    if not isinstance(p, numbers.Real) or not 0 <= float(p) < 1:
        raise ValueError(f"{function}: p must be a number in [0, 1), got {p!r}")
    return float(p)


def _affine(p: float) -> tuple[float, float]:
    """a and b, such that a*x + b has mean 0 and variance 1 again."""
    a = 1 / math.sqrt((1 - p) * (1 + p * _DROPPED**2))
    return a, -a * p * _DROPPED


def _pieces(*arrays: Any) -> Iterator[tuple[Any, ...]]:
    """The arrays piece by piece, so that what is computed between is small; whole where they do not lie in C order."""
    if all(a.flags.c_contiguous for a in arrays):
        flat = [a.reshape(-1) for a in arrays]
        for start in range(0, flat[0].size, _PIECE):
            yield tuple(a[start : start + _PIECE] for a in flat)
    elif arrays[0].size:
        yield arrays


def alpha_dropout(x: Any, p: float = 0.5, *, rng: Any = None, out: Any = None) -> tuple[Any, Any]:
    """Alpha-dropout, the companion of `selu`: drops to its negative limit, and restores mean 0 and variance 1.

    Parameters
    ----------
    x : array_like of float16, bfloat16, float32 or float64; integers and bool are computed in float64
        Input of any shape.
    p : float, default 0.5
        The probability that an element is dropped; in [0, 1).
    rng : {None, int, array_like of int, SeedSequence, BitGenerator, Generator}, optional
        Source of random numbers, as for `numpy.random.default_rng`.
    out : ndarray, optional
        Where to put y; x itself for in place.

    Returns
    -------
    y : ndarray
        a*x + b where x is kept, a*d + b where it is dropped.
    kept : ndarray of bool
        What was kept: the backward pass needs it.

    Raises
    ------
    ValueError
        If p is not in [0, 1), or out does not have x's shape; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    alpha_dropout_backward : the gradient.
    fastact.init.lecun_normal : the initialisation that goes with it.

    Notes
    -----
    d = -lambda * alpha = -1.7581 is the limit of selu at -inf; a = ((1-p) (1 + p d**2))**(-1/2), b = -a p d. With x of mean 0
    and variance 1 so is y. In inference there is nothing to do.

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks, NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> y, kept = fa.alpha_dropout(np.zeros(4), p=0.5, rng=0)
    >>> print(kept, y.round(4))
    [ True  True  True False] [ 0.7792  0.7792  0.7792 -0.7792]
    """
    p = _rate("alpha_dropout", p)
    generator = _drawn.generator("alpha_dropout", rng)
    _rows.none_masked("alpha_dropout", x=x)
    x = np.asarray(x)
    dtype = _validate.floats("alpha_dropout", x=x)
    result = _dense._result("alpha_dropout", out, x.shape, dtype)
    a, b = _affine(p)
    wide = _dense._wide(dtype)
    factor, addend, dropped = wide.type(a), wide.type(b), wide.type(a * _DROPPED + b)

    kept = np.empty(x.shape, np.bool_)
    flat, draws = kept.reshape(-1), np.empty(min(x.size, _PIECE), np.float32)
    for start in range(0, flat.size, _PIECE):
        some = flat[start : start + _PIECE]
        generator.random(out=draws[: some.size], dtype=np.float32)
        np.greater_equal(draws[: some.size], np.float32(p), out=some)
    if _dense._disturbs(result, x):
        x = x.copy()
    with np.errstate(all="ignore"):
        for given, taken, into in _pieces(x, kept, result):
            work = into if into.dtype == wide else np.empty(into.shape, wide)
            np.multiply(given, factor, out=work, dtype=wide, casting="unsafe")
            if addend:
                work += addend
            np.copyto(work, dropped, where=~taken)
            if work is not into:
                np.copyto(into, work, casting="same_kind")
    return result, kept


def alpha_dropout_backward(dy: Any, kept: Any, p: float = 0.5, *, out: Any = None) -> Any:
    """Gradient of `alpha_dropout`: a*dy where x was kept, 0 where it was dropped.

    Parameters
    ----------
    dy : array_like
        Gradient of the loss with respect to the output.
    kept : array_like of bool
        What `alpha_dropout` returned; of dy's shape.
    p : float, default 0.5
        As in the forward pass.
    out : ndarray, optional
        Where to put the result; dy itself for in place.

    Returns
    -------
    dx : ndarray
        The gradient for x.

    Raises
    ------
    ValueError
        If p is not in [0, 1), or shapes differ; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    alpha_dropout : the function.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> print(fa.alpha_dropout_backward(np.ones(2), np.array([True, False]), p=0.5).round(4))
    [0.8864 0.    ]
    """
    p = _rate("alpha_dropout_backward", p)
    _rows.none_masked("alpha_dropout_backward", dy=dy, kept=kept)
    dy, kept = np.asarray(dy), np.asarray(kept)
    dtype = _validate.floats("alpha_dropout_backward", dy=dy)
    if kept.dtype != np.bool_:
        raise TypeError(f"alpha_dropout_backward: kept must be bool, got {kept.dtype}")
    if kept.shape != dy.shape:
        raise ValueError(f"alpha_dropout_backward: kept has shape {kept.shape}, dy {dy.shape}")
    result = _dense._result("alpha_dropout_backward", out, dy.shape, dtype)
    if _dense._disturbs(result, dy):
        dy = dy.copy()
    a = _dense._wide(dtype).type(_affine(p)[0])
    with np.errstate(all="ignore"):
        for upper, taken, into in _pieces(dy, kept, result):
            np.multiply(upper, a, out=into, casting="same_kind")
            np.copyto(into, 0, where=~taken)
    return result
