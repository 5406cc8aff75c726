"""Count the instructions of every row under callgrind, and compare them with the budget in `instructions.json`.

    python bench/instructions.py                        # print instructions and operations, beside the budget
    python bench/instructions.py --check                # status 1 if a row takes more than its budget, or has none
    python bench/instructions.py --write                # this build's counts become the budget
    python bench/instructions.py --functions gelu --check

Counts do not depend on what else the machine does: the same build gives the same numbers. So one instruction more in a
loop is seen, where timings need five per cent and a quiet machine. It is the avx2 variant that is counted, because valgrind
knows no AVX-512. Another compiler gives other counts, so a build by a compiler other than the budget's is not judged.

One process runs all rows, one call each over the same number of elements; callgrind writes the counts after each call.
What counts is the time in the kernels' shared object (loop driver and kernel), with what it calls in libc, not Python's.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

BUDGET = pathlib.Path(__file__).with_name("instructions.json")
ELEMENTS = 16_384
LENGTHS = (64, 1_000)
AXES = (-1, 0)
DTYPES = ("float32", "float64")
ISA = "avx2"
VECTOR = 32
#: Share of a row's budget that may be exceeded: below one instruction in a loop of 100, above a few per call.
TOLERANCE = 0.005

#: Requests to callgrind are magic instructions, which its header holds.
REQUESTS = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(const char* label) { CALLGRIND_DUMP_STATS_AT(label); }
"""

#: What an instruction does, by its mnemonic: the first pattern that matches. Only what works on vectors is told apart.
KINDS = (
    ("multiply", r"vfn?m(add|sub)|vmul[ps][sd]"),
    ("divide", r"vdiv|vsqrt"),
    ("add", r"v(add|sub)[ps][sd]"),
    ("move", r"vmov(?!msk)|vlddqu|vbroadcast|vzero|vextract|vinsert"),
    ("other", r"v"),
)
#: Kinds that keep the arithmetic units busy.
ARITHMETIC = ("multiply", "add", "divide", "other")


@dataclass
class Count:
    """What one call took."""

    instructions: int
    elements: int
    itemsize: int
    operations: dict[str, int] = field(default_factory=dict)

    @property
    def per_element(self) -> float:
        return self.instructions / self.elements

    def per_vector(self, kind: str) -> float:
        return self.operations.get(kind, 0) * VECTOR / (self.elements * self.itemsize)


def stop(message: str, status: int = 2) -> Any:
    print(message, file=sys.stderr)
    raise SystemExit(status)


# ---- inside valgrind ----------------------------------------------------------------------------------------------


def rows_of(functions: list[str] | None) -> Iterator[tuple[str, Any, str]]:
    """Label, row and dtype of everything that is counted."""
    from fastact.verify.cases import axis_rows, elementwise_rows

    for dtype in DTYPES:
        for row in (*elementwise_rows(functions), *axis_rows(functions, LENGTHS, AXES)):
            yield f"{row.label}, {dtype}", row, dtype


def aligned(array: Any) -> Any:
    """A copy at the start of a page: counts must not depend on where the allocator puts operands."""
    import numpy as np

    if array is None:
        return None
    memory = np.empty(array.nbytes + 4096, np.uint8)
    start = -memory.ctypes.data % 4096
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def prepared(row: Any, dtype: str) -> Any:
    """The operands and the call of one row."""
    from rows import Data, call, data

    d = data(row, dtype, ELEMENTS)
    d = Data(*(aligned(a) for a in (d.x, d.dy, d.y, d.out, d.mask)))
    return d, call(row, d)


def inside(library: str, functions: list[str] | None) -> None:
    """One call of each row, its counts written after it."""
    requests = ctypes.CDLL(library)
    jobs = [(label, prepared(row, dtype)) for label, row, dtype in rows_of(functions)]
    for _, (_, f) in jobs:  # what happens only in the first call of a ufunc is not counted
        f()
    requests.start()
    for label, (d, f) in jobs:
        requests.zero()
        f()
        requests.dump(f"{d.x.size} {d.x.itemsize} {label}".encode())


# ---- around it ----------------------------------------------------------------------------------------------------


def run(functions: list[str] | None) -> dict[str, Count]:
    """The counts of every row, by label."""
    for tool in ("valgrind", "objdump", "cc"):
        if not shutil.which(tool):
            stop(f"instructions.py needs {tool}, which is not there")
    environment = {**os.environ, "FASTACT_ISA": ISA, "FASTACT_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "requests.c").write_text(REQUESTS)
        library = str(place / "requests.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, str(place / "requests.c")], check=True)
        command = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--dump-instr=yes", "--compress-strings=no"]
        command += ["--compress-pos=no", f"--callgrind-out-file={place}/out", sys.executable, __file__, "--inside", library]
        done = subprocess.run([*command, *functions_option(functions)], env=environment, capture_output=True, text=True)
        if done.returncode:
            stop(f"under valgrind:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        kinds: dict[str, dict[int, tuple[str, bool, bool]]] = {}
        counts = dict(read(path, kinds) for path in sorted(place.glob("out.*"), key=lambda p: int(p.suffix[1:])))
    if not counts or not all(c.instructions for c in counts.values()):
        stop("callgrind saw no instruction of the kernels; is fastact built without the avx2 variant, or stripped?")
    return counts


def functions_option(functions: list[str] | None) -> list[str]:
    return ["--functions", *functions] if functions else []


def read(path: pathlib.Path, kinds: dict[str, dict[int, tuple[str, bool, bool]]]) -> tuple[str, Count]:
    """One dump: the label that it was asked for under, and its counts."""
    instructions, executed, module = totals(path.read_text().splitlines())
    label = re.search(r"^desc: Trigger: Client Request: (\d+) (\d+) (.*)$", path.read_text(), re.M)
    assert label, path
    if module and module not in kinds:
        kinds[module] = disassembly(module)
    operations: collections.Counter[str] = collections.Counter()
    for address, times in executed.items():
        kind, loads, stores = kinds[module][address]
        operations[kind] += times
        operations["load"] += times * loads
        operations["store"] += times * stores
    return label[3], Count(instructions, int(label[1]), int(label[2]), dict(operations))


def totals(lines: Iterable[str]) -> tuple[int, dict[int, int], str]:
    """Of a dump: instructions in the kernels and in what they call elsewhere; how often each was executed; the kernels' file."""
    total, executed, module = 0, collections.Counter[int](), ""
    here = there = ""
    called = False
    for line in lines:
        if line.startswith("ob="):
            here = there = line[3:]
        elif line.startswith("fn="):
            there = here
        elif line.startswith("cob="):
            there = line[4:]
        elif line.startswith("calls="):
            called = True
        elif line.startswith("0x"):
            address, _, cost = line.split()
            if f"_kernels_{ISA}." in here:
                module = here
                if not called:
                    executed[int(address, 16)] += int(cost)
                    total += int(cost)
                elif there != here:  # memset, memcpy
                    total += int(cost)
            if called:
                called, there = False, here
    return total, executed, module


def disassembly(module: str) -> dict[int, tuple[str, bool, bool]]:
    """Of each instruction: its kind, whether it loads, whether it stores."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", module], check=True, capture_output=True, text=True).stdout
    found = {}
    for address, mnemonic, operands in re.findall(r"^ *([0-9a-f]+):\t(\S+) *([^\n#<]*)", text, re.M):
        kind = next((k for k, pattern in KINDS if re.match(pattern, mnemonic)), "scalar")
        memory = kind != "scalar" and "(" in operands
        stores = memory and operands.strip().endswith(")")
        found[int(address, 16)] = kind, memory and not stores, stores
    return found


def compiler() -> str:
    from fastact import _cpu

    return str(_cpu.compiler())


# ---- the budget ---------------------------------------------------------------------------------------------------


def load(path: pathlib.Path = BUDGET) -> dict[str, Any]:
    if not path.exists():
        stop(f"there is no {path.name}; --write makes it")
    budget: dict[str, Any] = json.loads(path.read_text())
    return budget


def dump(counts: dict[str, Count], made_by: str) -> str:
    """The budget's text: a line per row, so that a difference shows the rows that changed."""
    lines = []
    for label, c in counts.items():
        vector = {kind: round(c.per_vector(kind), 2) for kind in (*ARITHMETIC, "load", "store")}
        lines.append(f"    {json.dumps(label)}: {json.dumps({'instructions': c.instructions, 'elements': c.elements, 'vector': vector})}")
    head = f'  "compiler": {json.dumps(made_by)},\n  "isa": {json.dumps(ISA)},\n'
    return "{\n" + head + '  "rows": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def judge(counts: dict[str, Count], budget: dict[str, Any], tolerance: float = TOLERANCE) -> tuple[list[str], list[str], list[str]]:
    """Rows over their budget, rows without one, and rows so far below that it should be lowered.

    A row is over it with more instructions, and also with more arithmetic or more divisions among as many instructions:
    a multiplication that takes the place of a move costs time.
    """
    rows = budget["rows"]
    new = [label for label in counts if label not in rows]
    over, under = [], []
    for label, c in counts.items():
        if label in rows:
            wanted = rows[label]["vector"]
            pairs: list[tuple[float, float]] = [(c.instructions, rows[label]["instructions"])]
            pairs.append((sum(c.per_vector(k) for k in ARITHMETIC), sum(wanted[k] for k in ARITHMETIC)))
            pairs.append((c.per_vector("divide"), wanted["divide"]))
            # the budget's operations are rounded to hundredths
            if any(bool(now > before * (1 + tolerance) + (0.05 if k else 0)) for k, (now, before) in enumerate(pairs)):
                over.append(label)
            elif c.instructions < rows[label]["instructions"] * (1 - tolerance):
                under.append(label)
    return over, new, under


def table(counts: dict[str, Count], budget: dict[str, Any]) -> list[str]:
    width = max(map(len, counts))
    lines = [f"{'row':{width}}  instr/element  budget  change   per vector of {VECTOR} bytes: multiply    add divide  other   load  store"]
    for label, c in counts.items():
        row = budget["rows"].get(label)
        before = " " * 15
        if row:
            before = f"{row['instructions'] / row['elements']:7.3f} {100 * (c.instructions / row['instructions'] - 1):+6.1f}%"
        operations = " ".join(f"{c.per_vector(k):6.2f}" for k in (*ARITHMETIC, "load", "store"))
        lines.append(f"{label:{width}}  {c.per_element:13.3f} {before}   {'':23}{operations}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="status 1 if a row takes more than its budget, or has none")
    what.add_argument("--write", action="store_true", help="make this build's counts the budget")
    what.add_argument("--inside", metavar="LIBRARY", help=argparse.SUPPRESS)
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    options = parser.parse_args()
    if options.inside:
        return inside(options.inside, options.functions)
    if options.write and options.functions:
        stop("--write takes all functions: the budget is one file")
    made_by = compiler()
    budget = {"compiler": made_by, "rows": {}} if options.write or not (options.check or BUDGET.exists()) else load()
    if options.check and budget["compiler"] != made_by:
        print(f"skipped: the budget is for {budget['compiler']}, and {made_by} built this; its counts differ without anybody's fault")
        return None
    counts = run(options.functions)
    if options.write:
        BUDGET.write_text(dump(counts, made_by))
        print(f"{BUDGET.name}: {len(counts)} rows, {made_by}")
        return None
    over, new, under = judge(counts, budget)
    shown = {label: counts[label] for label in (*over, *new, *under)} if options.check else counts
    if shown:
        print("\n".join(table(shown, budget)))
    print(f"{len(counts)} rows: {len(over)} over their budget, {len(new)} without one, {len(under)} below it ({made_by}, {ISA}).")
    gone = [] if options.functions else [label for label in budget["rows"] if label not in counts]
    if gone:
        print(f"In the budget, but no longer there: {', '.join(gone)}.")
    if new or under or gone:
        print("python bench/instructions.py --write renews the budget.")
    if options.check and (over or new):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
