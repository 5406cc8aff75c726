"""Fingerprints of every ufunc's results on a fixed stream of operands: the same on every CPU and instruction set.

The stream depends on nothing but integer arithmetic: no library's random numbers, no libm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastact._registry import PAIRS, RECORDS, ROWWISE, RowRecord
from fastact.verify.cases import KernelRow, default, elementwise_rows, kernel_operands, kernel_rows
from fastact.verify.types import DTYPES, UNSIGNED, limits

#: So many bit patterns evenly over the whole range, half as many random ones, and as many where functions are not trivial.
COUNT = 1 << 16
LENGTHS = (1, 2, 3, 7, 8, 16, 31, 64, 100, 255, 1000, 4099)


def integers(seed: int, count: int) -> Any:
    """Well mixed 64-bit integers: the splitmix64 sequence."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def usual(seed: int, count: int, dtype: str, lowest: int = -12, highest: int = 8) -> Any:
    """Numbers of both signs whose exponents lie in a range."""
    info = limits(dtype)
    z = integers(seed, count)
    exponents = (z >> np.uint64(8)) % np.uint64(highest - lowest) + np.uint64(int(info.maxexp) - 1 + lowest)
    sign = (z & np.uint64(1)) << np.uint64(info.bits - 1)
    mantissa = (z >> np.uint64(12)) & np.uint64((1 << int(info.nmant)) - 1)
    return (sign | exponents << np.uint64(int(info.nmant)) | mantissa).astype(UNSIGNED[dtype]).view(dtype)


def stream(seed: int, dtype: str) -> Any:
    """The operands of an element-by-element ufunc: NaN, infinities and subnormals among them."""
    half, bits = COUNT // 2, 8 * np.dtype(dtype).itemsize
    evenly = np.arange(COUNT, dtype=np.uint64) << np.uint64(bits - 16)      # every upper half of a pattern once
    patterns = np.concatenate([integers(seed, half), evenly]).astype(UNSIGNED[dtype]).view(dtype)
    return np.concatenate([patterns, usual(seed + 1, half, dtype)])


def fingerprint(results: list[Any]) -> str:
    """A hash of bit patterns, every NaN counted as one, whatever the byte order of the machine."""
    digest = hashlib.blake2b(digest_size=8)
    for y in results:
        bits = np.ascontiguousarray(y)
        if bits.dtype.name in UNSIGNED:
            bits = bits.view(UNSIGNED[y.dtype.name]).copy()
            bits[np.isnan(y)] = np.iinfo(bits.dtype).max
        digest.update(bits.astype(bits.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def compute(ufuncs: Mapping[str, np.ufunc]) -> dict[str, dict[str, str]]:
    """The fingerprint of every ufunc, at default parameters, in every type.

    Parameters
    ----------
    ufuncs : mapping
        Name to ufunc: one instruction set's.

    Returns
    -------
    fingerprints : dict
        Name -> dtype -> hexadecimal digits.
    """
    found: dict[str, dict[str, str]] = {}
    with np.errstate(all="ignore"):
        for dtype in DTYPES:
            x, dy = stream(1, dtype), usual(3, stream(1, dtype).size, dtype, -3, 3)
            for row in elementwise_rows():
                data = (dy, x) if "_backward" in row.ufunc else (x,)
                y = ufuncs[row.ufunc](*data, *(v for _, v in row.parameters))
                found.setdefault(row.ufunc, {})[dtype] = fingerprint([y])
            for own, op in PAIRS.items():
                results = ufuncs[op.name](x, *(default(RECORDS[own], p) for p in op.parameters))
                found.setdefault(op.name, {})[dtype] = fingerprint(list(results))
            for record in ROWWISE:
                for name, masked in row_ufuncs(record):
                    results = [ufuncs[name](*row_data(record, name, masked, n, dtype)) for n in LENGTHS]
                    found.setdefault(name, {})[dtype] = fingerprint(results)
            for kernel in kernel_rows(None, LENGTHS):
                found.setdefault(kernel.ufunc, {}).setdefault(dtype, "")
                results = ufuncs[kernel.ufunc](*several_data(kernel, dtype))
                parts = [found[kernel.ufunc][dtype], *(fingerprint([y]) for y in (results if isinstance(results, tuple) else (results,)))]
                found[kernel.ufunc][dtype] = hashlib.blake2b("".join(parts).encode(), digest_size=8).hexdigest()
    return found


def several_data(row: KernelRow, dtype: str) -> tuple[Any, ...]:
    """The operands of an ufunc of several arrays: shares of 1 where it wants such, four rows over an axis."""

    def real(name: str, shape: tuple[int, ...]) -> Any:
        count = int(np.prod(shape, dtype=np.intp))
        seed = 11 + sum(name.encode()) + row.length
        if name == "temperature":
            return np.asarray(0.75, dtype)
        if name in ("labels", "targets", "y"):
            return ((integers(seed, count) % np.uint64(9)).astype(np.float64) / 8).astype(dtype).reshape(shape)
        if not row.length:
            return stream(1, dtype) if name == row.operands[-1][0] else usual(seed, count, dtype, -4, 4)
        return usual(seed, count, dtype, -6, 6).reshape(shape)

    def integer(name: str, shape: tuple[int, ...], limit: int) -> Any:
        return (integers(17 + row.length, int(np.prod(shape))) % np.uint64(limit)).astype(np.int64).reshape(shape)

    rows = 4 if row.length else stream(1, dtype).size
    return kernel_operands(row, rows, row.length, real, integer)


def row_ufuncs(record: RowRecord) -> list[tuple[str, bool]]:
    """The names of the ufuncs over an axis, and whether each takes a mask."""
    backward = [("_backward_y", False)] if record.saves == "y" else [("_backward", False), ("_backward_masked", True)]
    return [(record.name + suffix, masked) for suffix, masked in [("", False), ("_masked", True), *backward]]


def row_data(record: RowRecord, name: str, masked: bool, length: int, dtype: str) -> tuple[Any, ...]:
    """The operands of an ufunc over an axis: four rows, with a quarter of the entries masked out where there is a mask."""
    shape = (4, length)
    x = usual(5 + length, 4 * length, dtype, -6, 6).reshape(shape)
    mask = ((integers(6 + length, 4 * length) & np.uint64(3)) != 0).reshape(shape)
    dy = usual(7 + length, 4 * length, dtype, -3, 3).reshape(shape)
    if record.reduces:
        dy = np.ascontiguousarray(dy[:, 0])
    return (*((dy,) if "_backward" in name else ()), x, *((mask,) if masked else ()))


def differences(wanted: dict[str, dict[str, str]], found: dict[str, dict[str, str]]) -> list[str]:
    """What differs, a line each."""
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        for dtype in sorted(wanted.get(name, {}).keys() | found.get(name, {}).keys()):
            a, b = wanted.get(name, {}).get(dtype, "nothing"), found.get(name, {}).get(dtype, "nothing")
            if a != b:
                lines.append(f"{name} {dtype}: {b}, not {a}")
    return lines


def read(path: Path) -> dict[str, dict[str, str]]:
    """The fingerprints of a file."""
    found: dict[str, dict[str, str]] = json.loads(path.read_text())
    return found


def write(path: Path, found: dict[str, dict[str, str]]) -> None:
    """Fingerprints to a file, one ufunc a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
