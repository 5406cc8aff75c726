"""What this installation is and what it runs on."""

from __future__ import annotations

import platform

import numpy as np

import fastact
from fastact import _cpu, _threads, _variants


def describe() -> str:
    """The text of `fastact.show_config`."""
    rows = {
        "fastact": fastact.__version__,
        "instruction set": f"{fastact.ISA} (built: {', '.join(_variants.built())}; usable here: {', '.join(_variants.available())})",
        "CPU": f"{platform.machine()}: {', '.join(sorted(_cpu.features())) or 'no optional features looked for'}",
        "threads": _threads.describe(),
        "compiler": _cpu.compiler(),
        "NumPy": np.__version__,
        "Python": f"{platform.python_version()} on {platform.system()}",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
