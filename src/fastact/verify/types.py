"""The types that are verified, by name, and what is known of each."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

import numpy as np

#: NumPy's own types, and with them ml_dtypes' bfloat16 where that is installed.
DTYPES: tuple[str, ...] = ("float16", "float32", "float64")
TYPES = DTYPES
_ml_dtypes: Any = None
with contextlib.suppress(ImportError):
    _ml_dtypes = importlib.import_module("ml_dtypes")   # with it NumPy knows bfloat16 by name
    TYPES = ("float16", "bfloat16", "float32", "float64")

UNSIGNED = {"float16": np.uint16, "bfloat16": np.uint16, "float32": np.uint32, "float64": np.uint64}


def limits(dtype: str) -> Any:
    """NumPy's finfo of a type, or ml_dtypes' of bfloat16, which NumPy does not know."""
    return np.finfo(dtype) if dtype in DTYPES else _ml_dtypes.finfo(dtype)
