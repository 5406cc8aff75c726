"""What this installation is and what it runs on."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

import fastact
from fastact import _cpu, _threads, _variants


def facts() -> dict[str, Any]:
    """The same for programs."""
    return {
        "version": fastact.__version__,
        "isa": fastact.ISA,
        "isa_built": list(_variants.built()),
        "isa_usable": list(_variants.available()),
        "machine": platform.machine(),
        "cpu_features": sorted(_cpu.features()),
        "threads": _threads.describe(),
        "compiler": _cpu.compiler(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def describe() -> str:
    """The text of `fastact.show_config`."""
    f = facts()
    rows = {
        "fastact": f["version"],
        "instruction set": f"{f['isa']} (built: {', '.join(f['isa_built'])}; usable here: {', '.join(f['isa_usable'])})",
        "CPU": f"{f['machine']}: {', '.join(f['cpu_features']) or 'no optional features looked for'}",
        "threads": f["threads"],
        "compiler": f["compiler"],
        "NumPy": f["numpy"],
        "Python": f"{f['python']} on {f['system']}",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
