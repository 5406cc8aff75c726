"""Cython to C, with what Cython cannot say of a loop: that none of its turns needs another's results.

    python independent.py IN.pyx OUT.c CYTHON [ARGUMENT ...]

In the source a call of `independent_turns()` stands before such a loop; in C the compiler's own word for it goes there, INDEPENDENT of
row.h. Otherwise a compiler checks whether memory overlaps, and has a second, slow copy of each loop for memory that does: of the
package a sixth. Results may still lie where operands do, number by number.
"""

import pathlib
import re
import subprocess
import sys

CALL = re.compile(r"^ *independent_turns\(\);\n", re.M)
#: what Cython writes between the call and its loop: comments, and bounds
BETWEEN = re.compile(r"(?:\s*/\*.*?\*/|\s*__pyx_t_\d+ = [^;]*;)*\s*(?=for \()", re.S)


def marked(text: str) -> str:
    parts, done = [], 0
    for call in CALL.finditer(text):
        between = BETWEEN.match(text, call.end())
        if between is None:
            raise SystemExit(f"independent_turns() stands before no loop: {text[call.start() : call.end() + 300]}")
        parts += [text[done : call.start()], between[0], "INDEPENDENT\n"]
        done = between.end()
    return "".join([*parts, text[done:]])


def main() -> None:
    source, target, *cython = sys.argv[1:]
    subprocess.run([*cython, source, "-o", target], check=True)
    path = pathlib.Path(target)
    path.write_text(marked(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
