"""Choose the instruction-set variant of the kernels, once, before any ufunc exists (NumPy keeps inner loops)."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from fastact import _cpu

#: Variant -> CPU features that it needs, weakest first.
REQUIRES: dict[str, frozenset[str]] = {
    "baseline": frozenset(),
    "avx2": frozenset({"avx", "avx2", "fma", "f16c", "bmi"}),
    "avx512": frozenset({"avx", "avx2", "fma", "f16c", "bmi", "avx512"}),
}
VARIABLE = "FASTACT_ISA"


def built() -> list[str]:
    """The variants that this build contains, weakest first."""
    return [name for name in REQUIRES if importlib.util.find_spec(f"fastact._kernels_{name}")]


def available() -> list[str]:
    """The variants that are built and that this CPU and operating system can run, weakest first."""
    features = _cpu.features()
    return [name for name in built() if REQUIRES[name] <= features]


def choose() -> str:
    """The variant to use: ``FASTACT_ISA`` if it is set, else the strongest that can run."""
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    usable = available()
    if not wanted:
        return usable[-1]
    if wanted not in REQUIRES:
        raise ImportError(f"{VARIABLE}={wanted!r} is not a variant of fastact; choose one of {', '.join(REQUIRES)}")
    if wanted not in built():
        raise ImportError(f"{VARIABLE}={wanted!r} is not in this build of fastact, which has {', '.join(built())}")
    if wanted not in usable:
        missing = sorted(REQUIRES[wanted] - _cpu.features())
        raise ImportError(f"{VARIABLE}={wanted!r} cannot run on this CPU: it lacks {', '.join(missing)}; usable are {', '.join(usable)}")
    return wanted


def load(name: str) -> ModuleType:
    """Import one variant's module; its ``UFUNCS`` holds every ufunc by name."""
    return importlib.import_module(f"fastact._kernels_{name}")
