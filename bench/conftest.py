"""Options that choose how much of the benchmark runs."""

from __future__ import annotations

from typing import Any

from rows import AXES, ROW_LENGTHS, SIZES, can_run_in_place

import fastact as fa
from fastact import _cpu
from fastact.verify.cases import axis_rows, elementwise_rows, kernel_rows
from fastact.verify.types import DTYPES

#: Not run unless asked for.
LARGE = 1 << 20


def _numbers(text: str) -> list[int]:
    return [int(n) for n in text.replace("_", "").split(",")]


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("fastact")
    small = ",".join(str(s) for s in SIZES if s < LARGE)
    group.addoption("--sizes", default=small, help=f"elements, comma-separated, or 'all' for {SIZES} (default: {small})")
    group.addoption("--dtypes", default=",".join(DTYPES), help="comma-separated (default: all)")
    group.addoption("--functions", default=None, help="names of the registry, comma-separated (default: all)")
    group.addoption("--lengths", default=",".join(map(str, ROW_LENGTHS)), help="row lengths over an axis, comma-separated")
    group.addoption("--threads", default=1, type=int, help="threads a call may take (default: 1)")
    group.addoption("--seconds", default=0.05, type=float, help="per benchmark (default: 0.05)")


def pytest_configure(config: Any) -> None:
    fa.set_num_threads(config.getoption("threads"))


def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    """What else times depend on: without it figures of a history cannot be told apart."""
    import numpy as np

    machine_info["fastact"] = {
        "version": fa.__version__,
        "isa": fa.ISA,
        "compiler": _cpu.compiler(),
        "threads": fa.get_num_threads(),
        "numpy": np.__version__,
    }


def pytest_benchmark_update_json(config: Any, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """A row is its label there, not the text of its whole record."""
    for found in output_json["benchmarks"]:
        found["params"]["row"] = found["extra_info"].pop("row")


def pytest_generate_tests(metafunc: Any) -> None:
    if "row" not in metafunc.fixturenames:
        return
    option = metafunc.config.getoption
    functions = option("functions").split(",") if option("functions") else None
    sizes = list(SIZES) if option("sizes") == "all" else _numbers(option("sizes"))
    elementwise = "elementwise" in metafunc.function.__name__
    lengths = _numbers(option("lengths"))
    rows: list[Any] = list(elementwise_rows(functions) if elementwise else axis_rows(functions, lengths, AXES))
    if "several" in metafunc.function.__name__:
        rows = list(kernel_rows(functions, lengths, AXES))
    if "in_place" in metafunc.function.__name__:
        rows = [r for r in rows if can_run_in_place(r)]
    cases = [(r, dtype, size) for size in sizes for dtype in option("dtypes").split(",") for r in rows if r.length <= size]
    metafunc.parametrize(("row", "dtype", "size"), cases, ids=[f"{r.label.replace(' ', '_')}-{dtype}-{size}" for r, dtype, size in cases])
