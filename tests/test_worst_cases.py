"""Inputs that were once wrong, here or elsewhere: worst_cases/*.txt."""

from __future__ import annotations

import re
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from _support import ELEMENTWISE, Case, call, exact_gate, exact_rows, functions, proof, ufuncs

from fastact import _proof
from fastact._registry import GATED, RECORDS

UNITS = {record.name: record for record in GATED}
FOLDER = Path(__file__).parent / "worst_cases"
LINE = re.compile(r"(\w+)(?:\(([^)]*)\))?\s+(float16|float32|float64)\s+(.+)")


def read() -> list:
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            text = line.partition("#")[0].strip()
            if text:
                match = LINE.fullmatch(text)
                assert match, f"{path.name}:{number}: {line}"
                found.append(pytest.param(*match.groups(), id=f"{path.stem}-{number}-{text.replace(' ', '_')}"))
    return found


def number(text: str) -> float:
    return float.fromhex(text) if "0x" in text else float(text)


@pytest.mark.parametrize(("name", "parameters", "dtype", "values"), read())
def test_worst_case(name, parameters, dtype, values, variant):
    x = np.array([number(v) for v in values.split()])
    assert (x.astype(dtype) == x).all(), "the input is no number of this type"
    x = x.astype(dtype)
    if name in RECORDS and RECORDS[name] not in ELEMENTWISE:
        row = RECORDS[name]
        got = np.atleast_1d(functions(variant)[name](x))
        for value, true in zip(got, exact_rows(x)[name], strict=True):
            error = _proof.error(value, true, dtype) / _proof.row_scale(row, true, _proof.exact(x.max()), dtype)
            assert error <= row.bounds[dtype], (value, mp.nstr(true, 20), error)
        return
    if name in UNITS:
        a, gate = x
        got, true = ufuncs(variant)[name](a, gate), float(a) * exact_gate(UNITS[name], float(gate))[0]
        error = _proof.error(got, true, dtype)
        assert error <= UNITS[name].bounds[dtype], (got, mp.nstr(true, 20), error)
        return
    own, _, kind = name.partition("_backward")
    record = RECORDS[own]
    given = dict(p.split("=") for p in parameters.split(",")) if parameters else {}
    usual = {p.name: p.default if p.default is not None else p.samples[0] for p in record.parameters}
    case = Case(record, tuple(number(given[p]) if p in given else float(value) for p, value in usual.items()))
    kind = "forward" if own == name else f"backward{kind}"
    (point,), (got,) = x.tolist(), call(variant, case, kind, x, dtype)
    true = proof(case, kind, point, dtype)
    error = _proof.error(got, true, dtype)
    assert error <= record.bounds[dtype], (got, mp.nstr(true, 20), error)


def test_the_folder_is_read():
    assert len(read()) >= 20
