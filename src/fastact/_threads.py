"""How many threads a call may take: one, unless asked for more."""

from __future__ import annotations

import operator
import os
from types import ModuleType, TracebackType
from typing import Any

VARIABLE = "FASTACT_NUM_THREADS"
MOST = 4096

_kernels: Any = None


def _count(function: str, n: Any) -> int:
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{function}: n must be an integer, got {n!r}") from None
    if isinstance(n, bool) or not 1 <= count <= MOST:
        raise ValueError(f"{function}: n must be between 1 and {MOST}, got {n!r}")
    return count


def start(kernels: ModuleType) -> None:
    """Take the number of threads from the environment."""
    global _kernels
    _kernels = kernels
    wanted = os.environ.get(VARIABLE, "").strip() or "1"
    if not (wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= MOST):
        raise ImportError(f"{VARIABLE}={wanted!r} is not a number of threads between 1 and {MOST}")
    _kernels.start_threads(int(wanted))


def set_num_threads(n: int) -> None:
    """Set how many threads a call may take, in this process.

    The default is 1, or the environment variable ``FASTACT_NUM_THREADS`` at import. A call on few numbers takes one thread
    all the same. Results have the same bits whatever the number. `threadpoolctl` sees the threads, and its limits hold.

    Parameters
    ----------
    n : int
        From 1 on; it may be more than there are processors.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer, or out of range.

    Notes
    -----
    In a process that was forked after fastact was imported calls take one thread, because the pool's threads are not there.
    A build without OpenMP accepts any number and takes one thread; `show_config` says so.

    Examples
    --------
    >>> import fastact as fa
    >>> before = fa.get_num_threads()
    >>> fa.set_num_threads(2)
    >>> fa.set_num_threads(before)
    """
    count = _count("set_num_threads", n)
    _kernels.set_threads(count, _kernels.get_threads()[1])


def get_num_threads() -> int:
    """How many threads the next call of this Python thread may take.

    Returns
    -------
    n : int
        What `num_threads` or `set_num_threads` asked for; 1 in a forked child, and in a build without OpenMP.

    Examples
    --------
    >>> import fastact as fa
    >>> fa.get_num_threads() >= 1
    True
    """
    return int(_kernels.get_threads()[2])


class num_threads:
    """Context in which calls of this Python thread may take n threads; other threads' calls are not touched.

    Parameters
    ----------
    n : int
        From 1 on.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer, or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import fastact as fa
    >>> x = np.linspace(-3, 3, 100_000)
    >>> one = fa.gelu(x)
    >>> with fa.num_threads(2):
    ...     two = fa.gelu(x)
    >>> np.array_equal(one, two)
    True
    """

    def __init__(self, n: int) -> None:
        self.n = _count("num_threads", n)
        self._before: list[int] = []

    def __enter__(self) -> num_threads:
        self._before.append(_kernels.get_threads()[1])
        _kernels.set_threads(0, self.n)                 # what the process takes may change meanwhile
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _kernels.set_threads(0, self._before.pop())


def describe() -> str:
    """For `show_config`."""
    return str(get_num_threads()) if _kernels.has_threads() else "1 (built without OpenMP)"


for _public in (set_num_threads, get_num_threads, num_threads):
    _public.__module__ = "fastact"
