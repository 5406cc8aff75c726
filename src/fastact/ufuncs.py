"""The raw ufuncs, by name: every formula as a `numpy.ufunc`, parameters as operands.

>>> import fastact as fa
>>> fa.ufuncs.elu.nin
2
"""

from __future__ import annotations

from typing import Any

import fastact as _fastact
from fastact._registry import PAIRS as _PAIRS

globals().update(_fastact._ufuncs)
_LATER = [op.name for op in _PAIRS.values()]
__all__ = [*_fastact._ufuncs, *_LATER]


def __getattr__(name: str) -> Any:
    """Ufuncs that are made when they are first asked for."""
    if name in _LATER:
        return _fastact._pairs[name]
    raise AttributeError(f"module 'fastact.ufuncs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
