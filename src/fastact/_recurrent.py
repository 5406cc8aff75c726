"""The gates of LSTM and GRU cells, forward and backward, in one pass over the buffer of pre-activations."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastact as _fastact
from fastact import _rows


def _fit(function: str, count: int, units: tuple[str, Any], buffers: dict[str, Any], states: dict[str, Any]) -> None:
    """Refuse shapes of which the last axes, or the others, do not fit."""
    name, state = units
    array = np.ndarray
    if type(state) is array and state.ndim:  # the usual case, quickly
        shape = state.shape
        whole = (*shape[:-1], count * shape[-1])
        if all(type(v) is array and v.shape == whole for v in buffers.values()) and all(
            type(v) is array and v.shape == shape for v in states.values()
        ):
            return
    _rows.none_masked(function, **{name: state}, **buffers, **states)
    if np.ndim(state) == 0:
        raise ValueError(f"{function}: {name} must have an axis of units, got a single number {state!r}")
    n = np.shape(state)[-1]
    for key, value in buffers.items():
        if np.shape(value)[-1:] != (count * n,):
            raise ValueError(f"{function}: {key} must hold {count} gates for each of the {n} units of {name}, got shape {np.shape(value)}")
    for key, value in states.items():
        if np.shape(value)[-1:] != (n,):
            raise ValueError(f"{function}: {key} must have {n} units on its last axis as {name} has, got shape {np.shape(value)}")
    shapes = {name: np.shape(state), **{k: np.shape(v) for k, v in {**buffers, **states}.items()}}
    try:
        np.broadcast_shapes(*(s[:-1] for s in shapes.values()))
    except ValueError:
        raise ValueError(f"{function}: the leading axes do not broadcast: {', '.join(f'{k} {s}' for k, s in shapes.items())}") from None


def _call(name: str, operands: tuple[Any, ...], out: Any) -> Any:
    ufunc = _fastact._gates[name]
    if out is None:
        return ufunc(*operands)
    if not isinstance(out, tuple) or len(out) != ufunc.nout:
        raise TypeError(f"{name}: out must be a tuple of {ufunc.nout} arrays or None, got {type(out).__name__}")
    return ufunc(*operands, out=out)


def lstm_gates(gates: Any, c: Any, *, out: Any = None) -> tuple[Any, Any, Any]:
    """The gates of an LSTM cell and its next state, from the pre-activations.

    Parameters
    ----------
    gates : array_like of shape (..., 4 * units)
        Pre-activations ``x @ W + h @ U + b`` of the gates i, f, g, o, one behind the other on the last axis.
    c : array_like of shape (..., units)
        The cell's state.
    out : tuple of three ndarray or None, optional
        Where to put the results: ``(gates, None, c)`` activates the buffer in place and overwrites the state.

    Returns
    -------
    gates : ndarray of shape (..., 4 * units)
        The activated gates, which the backward pass needs.
    h : ndarray of shape (..., units)
        The cell's output.
    c_new : ndarray of shape (..., units)
        The next state.

    Raises
    ------
    ValueError
        If the last axes do not fit, or the leading ones do not broadcast; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    lstm_gates_backward : the gradient.
    gru_gates : the same for a GRU.

    Notes
    -----
    i, f, o = sigmoid of theirs; g = tanh of its; c_new = f * c + i * g; h = o * tanh(c_new). The order of the gates is
    that of PyTorch and Keras; ONNX has i, o, f, g. The gates have the bits of `fastact.sigmoid` and `fastact.tanh`;
    float16 is computed in float32 and rounded once.

    References
    ----------
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997.
    Gers, Schmidhuber and Cummins, Learning to forget: continual prediction with LSTM, Neural Computation 12, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> gates, c = np.zeros((2, 12)), np.ones((2, 3))
    >>> gates, h, c_new = fa.lstm_gates(gates, c, out=(gates, None, None))
    >>> print(c_new[0], h[0].round(4))
    [0.5 0.5 0.5] [0.2311 0.2311 0.2311]
    """
    _fit("lstm_gates", 4, ("c", c), {"gates": gates}, {})
    return _call("lstm_gates", (gates, c), out)  # type: ignore[no-any-return]


def lstm_gates_backward(dh: Any, dc: Any = None, *, gates: Any, c: Any, c_new: Any, out: Any = None) -> tuple[Any, Any]:
    """Gradient of `lstm_gates`.

    Parameters
    ----------
    dh : array_like of shape (..., units)
        Gradient of the loss with respect to h.
    dc : array_like of shape (..., units), optional
        Gradient with respect to c_new, from the next step in time; none by default.
    gates : array_like of shape (..., 4 * units)
        The activated gates that `lstm_gates` returned.
    c : array_like of shape (..., units)
        The state that went in.
    c_new : array_like of shape (..., units)
        The state that came out.
    out : tuple of two ndarray or None, optional
        Where to put the results: ``(gates, dc)`` overwrites the activated gates and the gradient of the state.

    Returns
    -------
    dgates : ndarray of shape (..., 4 * units)
        Gradient with respect to the pre-activations.
    dc : ndarray of shape (..., units)
        Gradient with respect to the state that went in.

    Raises
    ------
    ValueError
        If the last axes do not fit, or the leading ones do not broadcast; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    lstm_gates : the function.

    Notes
    -----
    The slopes come from the activated gates, as s (1 - s) and (1 - g) (1 + g), so they cancel where a gate is next to 1: a
    gate that rounds to 1 passes no gradient.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> c = np.ones((2, 3))
    >>> gates, h, c_new = fa.lstm_gates(np.zeros((2, 12)), c)
    >>> dgates, dc = fa.lstm_gates_backward(np.ones((2, 3)), gates=gates, c=c, c_new=c_new, out=(gates, None))
    >>> print(dgates[0, ::3].round(4), dc[0, 0].round(4))
    [0.     0.0983 0.1966 0.1155] 0.1966
    """
    if dc is None:
        dc = np.zeros(np.shape(c)[-1:], getattr(c, "dtype", None))
    _fit("lstm_gates_backward", 4, ("c", c), {"gates": gates}, {"c_new": c_new, "dh": dh, "dc": dc})
    return _call("lstm_gates_backward", (gates, c, c_new, dh, dc), out)  # type: ignore[no-any-return]


def gru_gates(gates: Any, hidden: Any, h: Any, *, out: Any = None) -> tuple[Any, Any]:
    """The gates of a GRU cell and its next state, from the pre-activations.

    Parameters
    ----------
    gates : array_like of shape (..., 3 * units)
        The input's part of the pre-activations, ``x @ W + b``, of the gates r, z, n, one behind the other on the last axis.
    hidden : array_like of shape (..., 3 * units)
        The state's part, ``h @ U + b_h``; r multiplies n's, bias included.
    h : array_like of shape (..., units)
        The cell's state.
    out : tuple of two ndarray or None, optional
        Where to put the results: ``(gates, h)`` activates the buffer in place and overwrites the state.

    Returns
    -------
    gates : ndarray of shape (..., 3 * units)
        The activated gates, which the backward pass needs.
    h_new : ndarray of shape (..., units)
        The next state.

    Raises
    ------
    ValueError
        If the last axes do not fit, or the leading ones do not broadcast; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    gru_gates_backward : the gradient.
    lstm_gates : the same for an LSTM.

    Notes
    -----
    r, z = sigmoid of the sum of both parts; n = tanh(gates_n + r * hidden_n); h_new = (1 - z) * n + z * h. Order and
    equations are those of PyTorch and cuDNN (in Keras ``reset_after=True``, in ONNX ``linear_before_reset=1``), where z keeps
    the old state; Keras and ONNX put z before r.

    References
    ----------
    Cho et al., Learning phrase representations using RNN encoder-decoder for statistical machine translation, EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> gates, hidden, h = np.zeros((2, 9)), np.ones((2, 9)), np.ones((2, 3))
    >>> gates, h_new = fa.gru_gates(gates, hidden, h, out=(gates, None))
    >>> print(gates[0, ::3].round(4), h_new[0].round(4))
    [0.7311 0.7311 0.6237] [0.8988 0.8988 0.8988]
    """
    _fit("gru_gates", 3, ("h", h), {"gates": gates, "hidden": hidden}, {})
    return _call("gru_gates", (gates, hidden, h), out)  # type: ignore[no-any-return]


def gru_gates_backward(dh: Any, *, gates: Any, hidden: Any, h: Any, out: Any = None) -> tuple[Any, Any, Any]:
    """Gradient of `gru_gates`.

    Parameters
    ----------
    dh : array_like of shape (..., units)
        Gradient of the loss with respect to h_new.
    gates : array_like of shape (..., 3 * units)
        The activated gates that `gru_gates` returned.
    hidden : array_like of shape (..., 3 * units)
        The state's part of the pre-activations, as it went in.
    h : array_like of shape (..., units)
        The state that went in.
    out : tuple of three ndarray or None, optional
        Where to put the results: ``(gates, hidden, dh)`` overwrites what is no longer needed.

    Returns
    -------
    dgates : ndarray of shape (..., 3 * units)
        Gradient with respect to the input's part.
    dhidden : ndarray of shape (..., 3 * units)
        Gradient with respect to the state's part.
    dh : ndarray of shape (..., units)
        Gradient with respect to h where it enters h_new itself; what goes through ``hidden`` comes from the product's backward.

    Raises
    ------
    ValueError
        If the last axes do not fit, or the leading ones do not broadcast; nothing is written.
    TypeError
        For types that are not accepted.

    See Also
    --------
    gru_gates : the function.

    Notes
    -----
    The slopes come from the activated gates, as in `lstm_gates_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> hidden, h = np.ones((2, 9)), np.ones((2, 3))
    >>> gates, h_new = fa.gru_gates(np.zeros((2, 9)), hidden, h)
    >>> dgates, dhidden, dh = fa.gru_gates_backward(np.ones((2, 3)), gates=gates, hidden=hidden, h=h)
    >>> print(dgates[0, ::3].round(4), dhidden[0, ::3].round(4), dh[0, 0].round(4))
    [0.0323 0.074  0.1643] [0.0323 0.074  0.1201] 0.7311
    """
    _fit("gru_gates_backward", 3, ("h", h), {"gates": gates, "hidden": hidden}, {"dh": dh})
    return _call("gru_gates_backward", (gates, hidden, h, dh), out)  # type: ignore[no-any-return]
