"""Time every function of the registry: dtype x size x {forward, gradients, in place}; over an axis also row length x axis.

    pytest bench                                            # 1 000, 16 Ki and 256 Ki elements: some minutes
    pytest bench --sizes 16777216 --dtypes float32          # 16 Mi elements
    pytest bench --sizes all --benchmark-json times.json    # everything, kept
    pytest bench --functions gelu,softmax -k "not in_place"
    pytest bench --benchmark-disable                        # run each row once, time nothing

Inputs are normally distributed, sigma 3; outputs are allocated beforehand. Each result's ``extra_info`` holds ns per element.
In-place rows restore their input before each round, so that values do not drift: one call per round, timer included.
"""

from __future__ import annotations

from typing import Any

import peers
import pytest
from rows import AXES, ROW_LENGTHS, call, can_run_in_place, data, kernel_call, kernel_data

import fastact as fa
from fastact._registry import RECORDS
from fastact.verify.cases import KernelRow, Row, axis_rows, elementwise_rows, kernel_rows
from fastact.verify.types import DTYPES


def run(benchmark: Any, request: pytest.FixtureRequest, row: Row, dtype: str, size: int, in_place: bool) -> None:
    """One row of the table."""
    d = data(row, dtype, size)
    benchmark.group = f"{dtype}, {size} elements, {'in place' if in_place else 'backward' if 'backward' in row.ufunc else 'forward'}"
    benchmark.extra_info["row"] = row.label
    f = call(row, d, in_place)
    seconds: float = request.config.getoption("seconds")
    if in_place:
        target = d.dy if "backward" in row.ufunc else d.x
        original = target.copy()

        def restore() -> None:
            target[...] = original

        rounds = max(5, min(2_000, int(seconds * 1e9 / (d.x.size + 1_000))))
        benchmark.pedantic(f, setup=restore, rounds=rounds, warmup_rounds=1)
    else:
        benchmark._min_rounds, benchmark._max_time = 5, seconds
        benchmark(f)
    if benchmark.stats:
        benchmark.extra_info["ns_per_element"] = benchmark.stats.stats.min / d.x.size * 1e9


def test_elementwise(benchmark: Any, request: pytest.FixtureRequest, row: Row, dtype: str, size: int) -> None:
    run(benchmark, request, row, dtype, size, in_place=False)


def test_elementwise_in_place(benchmark: Any, request: pytest.FixtureRequest, row: Row, dtype: str, size: int) -> None:
    run(benchmark, request, row, dtype, size, in_place=True)


def test_over_axis(benchmark: Any, request: pytest.FixtureRequest, row: Row, dtype: str, size: int) -> None:
    run(benchmark, request, row, dtype, size, in_place=False)


def test_over_axis_in_place(benchmark: Any, request: pytest.FixtureRequest, row: Row, dtype: str, size: int) -> None:
    run(benchmark, request, row, dtype, size, in_place=True)


def test_several_arrays(benchmark: Any, request: pytest.FixtureRequest, row: KernelRow, dtype: str, size: int) -> None:
    d = kernel_data(row, dtype, size)
    benchmark.group = f"{dtype}, {size} elements, several arrays"
    benchmark._min_rounds, benchmark._max_time = 5, request.config.getoption("seconds")
    benchmark(kernel_call(row, d))
    if benchmark.stats:
        benchmark.extra_info["ns_per_element"] = benchmark.stats.stats.min / d.x.size * 1e9


def test_every_ufunc_has_a_row() -> None:
    """What the package builds is what is timed: no function, gradient or masked form without a row."""
    rows = [*elementwise_rows(), *axis_rows(None, ROW_LENGTHS, AXES)]
    assert {r.ufunc for r in rows} | {r.ufunc for r in kernel_rows(None, ROW_LENGTHS, AXES)} == set(fa._ufuncs)
    assert {r.record.name for r in rows} == set(RECORDS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_row_computes_its_ufunc(dtype: str) -> None:
    """Each row runs, gives the dtype, and in place gives the same bits."""
    for row in (*elementwise_rows(), *axis_rows(None, (10,), AXES)):
        d = data(row, dtype, 100)
        plain = call(row, d)()
        assert plain.dtype == dtype and plain is d.out, row.label
        if can_run_in_place(row):
            plain = plain.copy()
            placed = call(row, d, in_place=True)()
            assert plain.tobytes() == placed.tobytes(), row.label


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_row_of_several_arrays_runs(dtype: str) -> None:
    for row in kernel_rows(None, (12,), AXES):
        d = kernel_data(row, dtype, 120)
        results = kernel_call(row, d)()
        assert (results[-1] if isinstance(results, tuple) else results) is d.out, row.label


def test_peers_are_named_by_the_registry() -> None:
    """The table of equivalents has an entry for each function and none for another."""
    peers.check_table()
