"""The largest errors of other libraries, measured as fastact's are, for the columns of docs/accuracy.md.

    python bench/accuracy.py others.json [--functions gelu ...] [--dtype float32 ...] [--stride N]
    python -m fastact verify --others others.json --markdown docs/accuracy.md

fastact itself is measured by ``python -m fastact verify``. Here every library of `peers.py` that is installed and has the
function is compared with the same reference: all float16 inputs, float32 inputs --stride bit patterns apart, 131 072
random float64 inputs; functions over an axis on normally distributed rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import peers

from fastact.verify.cases import axis_rows, elementwise_rows
from fastact.verify.over_axis import LENGTHS
from fastact.verify.types import DTYPES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the JSON file to write")
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--stride", type=int, default=1_021, help="bit patterns from one float32 input to the next (default: 1021; odd)")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these: " + ", ".join(p.name for p in peers.PEERS))
    options = parser.parse_args()
    peers.pin(1)
    rivals, faults = peers.installed(1, options.peers), set()
    over_axis = [row for row in axis_rows(options.functions, LENGTHS) if row.form == "forward"]
    found: dict[str, dict[str, dict[str, float]]] = {dtype: {} for dtype in options.dtype}
    for dtype in options.dtype:
        for row in (*elementwise_rows(options.functions), *over_axis):
            for library, ulp in peers.largest_errors(row, dtype, rivals, options.stride, faults).items():
                if library != "fastact":
                    found[dtype].setdefault(library, {})[row.label] = ulp
            print(f"{row.label} {dtype}", flush=True)
    versions = ", ".join(v for v in (p.version() for p in rivals) if v)
    about = (
        f"{versions}: the largest error found among all float16 numbers, float32 numbers {options.stride} bit patterns apart and 131 072 "
        "random float64 numbers, over an axis in normally distributed rows. Empty: the library has no such function, or not with these "
        "parameters. Errors of a million ulp and more are tails that cancel, or subnormal numbers taken for 0."
    )
    options.file.write_text(json.dumps({"about": about, **found}, indent=1) + "\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
