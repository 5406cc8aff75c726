"""Functions over an axis: rows of several kinds and lengths against 200-bit arithmetic, long ones against longdouble."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import fastact as fa
from fastact import reference
from fastact._registry import RowRecord
from fastact.verify.cases import Row
from fastact.verify.sweep import BINS, STEPS, Tally, errors

LENGTHS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
#: Longer rows are compared in longdouble, and in MPFR only where that finds a bound broken.
_EXACT = 10_000


def rows(length: int, seed: int) -> dict[str, Any]:
    """One row of each kind."""
    rng = np.random.default_rng([length, seed])
    return {
        "normal, sigma 3": rng.standard_normal(length) * 3,
        "normal, sigma 30": rng.standard_normal(length) * 30,
        "offset 1000": rng.standard_normal(length) * 3 + 1000,
        "one peak": np.where(np.arange(length) == length // 3, 20, rng.standard_normal(length) * 2),
        "long tail": -rng.uniform(0, 100, length),
        "equal": np.zeros(length),
        "alternating": np.where(np.arange(length) % 2, 1e-3, 1) * rng.standard_normal(length) * 40,
    }


def exact_rows(record: RowRecord, x: Any) -> list[Any]:
    """The registry's expression on one row of numbers, in 200-bit arithmetic."""
    import gmpy2

    with gmpy2.context(gmpy2.get_context(), precision=200):
        wide = np.array([gmpy2.mpfr(float(v)) for v in x], object)
        scope = {"exp": np.frompyfunc(gmpy2.exp, 1, 1), "log": np.frompyfunc(gmpy2.log, 1, 1), "max": np.max, "sum": np.sum}
        return list(np.atleast_1d(eval(record.forward, scope, {"x": wide})))


def row_errors(row: Row, x: Any) -> Any:
    """The errors of one row's results, in the ulp that its record counts in."""
    from fastact.verify import mpfr

    record = row.record
    assert isinstance(record, RowRecord)
    dtype = x.dtype.name
    got = np.atleast_1d(fa.get(record.name)(x))
    if x.size > _EXACT:
        value = np.atleast_1d(np.squeeze(getattr(reference, record.name)(x.astype(np.longdouble))))
        found = errors(got, value, np.longdouble(0))[0]
        if not np.max(found) > record.bounds[dtype]:
            return found
    found = np.array([mpfr.error(g, t, dtype) for g, t in zip(got, exact_rows(record, x), strict=True)])
    if record.ulp_of == "larger":
        largest = np.maximum(np.abs(got), np.max(np.abs(x.max())))
        found = found * np.spacing(np.abs(got)).astype(np.float64) / np.spacing(largest).astype(np.float64)
    return found


def tally(row: Row, dtype: str) -> Tally:
    """One function at one row length."""
    started = time.process_time()
    found = Tally()
    for seed in range(max(1, min(40, 3_000 // row.length))):
        for kind, x in rows(row.length, seed).items():
            x = x.astype(dtype)
            ulp = np.where(np.isnan(e := row_errors(row, x)), np.inf, e)
            found.points += ulp.size
            found.histogram += np.bincount(np.ceil(np.minimum(ulp, BINS / STEPS) * STEPS).astype(np.intp), minlength=BINS + 1)
            i = int(np.argmax(ulp))
            if ulp[i] > found.worst:
                found.worst = float(ulp[i])
                found.at = f"{kind}, x[{i}] = {float(x[i]).hex()}" if ulp.size > 1 else kind
    found.seconds = time.process_time() - started
    return found
