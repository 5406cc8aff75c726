"""Write the README's two tables from what the commands measured.

    python -m fastact verify --defaults --exhaustive --json accuracy.json
    python bench/peers.py --all --sizes 262144 --rounds 21 --markdown bench/RESULTS.md
    python tools/readme_tables.py accuracy.json bench/RESULTS.md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from fastact._registry import ELEMENTWISE, ROWWISE

#: The elements of the rows that are shown.
SIZE = "262144"
README = Path(__file__).parents[1] / "README.md"


def accuracy(path: Path) -> list[str]:
    """Largest errors by function: forward and gradient in float32 and float64, forward in float16."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    found: dict[tuple[str, str], float] = {}
    for row in (r for r in rows if not r["in_one_pass"]):
        key = row["function"], row["dtype"]
        found[key] = max(found.get(key, 0.0), row["max_ulp"])
    lines = ["| function | float32 | gradient | float64 | gradient | float16 |", "| --- | --- | --- | --- | --- | --- |"]
    over_axis = {row["function"] for row in rows if row["length"]}
    for name in dict.fromkeys(row["function"] for row in rows):
        if "_backward" in name:
            continue
        slope = f"{name}_backward"
        columns = [(name, "float32"), (slope, "float32"), (name, "float64"), (slope, "float64"), (name, "float16")]
        label = f"{name}, rows of 10 to 10^6" if name in over_axis else name
        lines.append(" | ".join([f"| {label}", *(f"{found[c]:.2f}" if c in found else "" for c in columns)]) + " |")
    return lines


def speed(path: Path) -> list[str]:
    """The usual hidden activations, their gradients from the input, and softmax and its like along rows: time and error, the best
    peer's, and the ratio."""
    shown = {r.name for r in ELEMENTWISE if r.hidden} | {r.name for r in ROWWISE}
    lines = ["| row | fastact, ns (ulp) | best peer, ns (ulp) | ratio |", "| --- | --- | --- | --- |"]
    measured = [line for line in path.read_text().splitlines() if re.match(r"\| \w+.*\| \d+ +\|", line)]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in measured]
    for label, size, own, ulp, _, _, peer, peer_ns, peer_ulp, ratio, *_ in cells:
        function, _, form = label.partition(" ")[0].partition("_backward")
        if size != SIZE or function not in shown or form or "axis 0" in label or ("backward" in label and "rows" in label):
            continue
        lines.append(f"| {label} | {own.split()[0]} ({ulp}) | {peer} {peer_ns.split()[0]} ({peer_ulp}) | {ratio} |")
    return lines


def put(text: str, table: list[str]) -> str:
    """`text` with the table that has the same heading replaced."""
    pattern = re.compile(rf"^{re.escape(table[0])}\n(?:\|.*\n)+", re.M)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"README.md has no table headed {table[0]!r}")
    return pattern.sub(lambda _: "\n".join(table) + "\n", text)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    text = put(README.read_text(), accuracy(Path(sys.argv[1])))
    README.write_text(put(text, speed(Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
