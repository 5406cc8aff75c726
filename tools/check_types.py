"""Check the type stub with those who read it: mypy, pyright and stubtest, on the fastact that this Python imports.

    python tools/check_types.py             with whichever of mypy (stubtest is part of it) and pyright are installed
    python tools/check_types.py --print     the file of assert_types that mypy and pyright are given

What is asserted follows from the table: for each function, under each of its names, the type of what comes back for arrays of each
type, for numbers, lists and with out=. stubtest compares the stub with the package as it is imported. Status 1 if anyone complains.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from make_stub import PACKAGE, load_registry

#: argument -> scalar type
ARRAYS = {"half": "np.float16", "single": "np.float32", "double": "np.float64"}
HEADER = f"""from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastact as fa


def check(
    {", ".join(f"{name}: NDArray[{kind}]" for name, kind in ARRAYS.items())},
    integers: NDArray[np.int64], mask: NDArray[np.bool], number: np.float32, matrix: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
"""
#: Modules without a stub are typed where they are written; of some the members are made when they are imported.
NO_STUB = r"fastact\.(?!_cpu\.|cython_api\.)\w+\..+"
NOT_INSTALLED = r"fastact\.core"
OF_CYTHON = r"fastact\.(_cpu|cython_api)\.__test__"


def array(kind: str) -> str:
    return f"NDArray[{kind}]"


def several(kind: str, n: int) -> str:
    return f"tuple[{', '.join([kind] * n)}]"


def elementwise(record: Any, name: str, pairs: bool) -> list[tuple[str, str]]:
    """(call, type of its result)"""
    needed = "".join(f", {p.name}=0.5" for p in record.parameters if p.default is None)
    trained = [p for p in record.parameters if p.gradient]
    learned = any(p.learned for p in trained)
    found = []
    for x, kind in ARRAYS.items():
        found.append((f"{name}({x}{needed})", array(kind)))
        found.append((f"{name}({x}{needed}, where=mask)", array(kind)))
        result = several(array(kind), 1 + len(trained)) if learned else array(kind)
        found.append((f"{name}_backward({x}, x={x}{needed})", result))
        found.append((f"{name}_backward(1.0, x={x}{needed})", result))
        if record.from_output is not None and not learned:
            found.append((f"{name}_backward({x}, y={x}{needed})", array(kind)))
        if trained and not learned:
            found.append((f"{name}_backward({x}, x={x}{needed}, param_grad=True)", several(array(kind), 1 + len(trained))))
        if pairs:
            found.append((f"{name}_value_and_grad({x}{needed})", several(array(kind), 2)))
        for p in record.parameters:
            for given in (x, "number"):     # a single number does not widen, whatever type it has
                each = "".join(f", {q.name}={given if q is p else 0.5}" for q in record.parameters if q is p or q.default is None)
                found.append((f"{name}({x}{each})", array(kind)))
        if record.drawn:
            found.append((f"{name}({x}, training=True, rng=0)", several(array(kind), 2)))
    found.append((f"{name}(matrix{needed})", "np.ndarray[tuple[int, int], np.dtype[np.float32]]"))
    found.append((f"{name}(integers{needed})", array("np.float64")))
    found.append((f"{name}(mask{needed})", array("np.float64")))
    found.append((f"{name}([0.5, 1]{needed})", array("np.float64")))
    found.append((f"{name}(number{needed})", "np.float32"))
    found.append((f"{name}(0.5{needed})", "np.float64"))
    found.append((f"{name}(1{needed})", "np.float64"))
    found.append((f"{name}(integers{needed}, out=single)", array("np.float32")))
    found.append((f"{name}(integers{needed}, dtype=np.float32)", array("np.float32")))
    found.append((f"{name}_backward(single, x=single{needed}, out=double)", several_first(learned, len(trained))))
    if not learned:
        found.append((f"{name}_backward(1.0, x=0.5{needed})", "np.float64"))
    if not record.parameters:
        found.append((f"{name}.nin", "int"))
    return found


def several_first(learned: bool, n: int) -> str:
    return f"tuple[NDArray[np.float64]{', Any' * n}]" if learned else array("np.float64")


def rowwise(record: Any, name: str) -> list[tuple[str, str]]:
    found = []
    for x, kind in ARRAYS.items():
        found.append((f"{name}_backward({x}, x={x})", array(kind)))
        found.append((f"{name}_backward({x}, y={x}, axis=None, where=mask)", array(kind)))
        if record.reduces:
            found.append((f"{name}({x}, axis=None)", kind))
            found.append((f"{name}({x}, axis=(0, 1), keepdims=True)", array(kind)))
        else:
            found.append((f"{name}({x}, axis=(0, 1), where=mask)", array(kind)))
    if not record.reduces:
        found.append((f"{name}([0.5, 1])", array("np.float64")))
    found.append((f"{name}(integers, out=single)", array("np.float32")))
    return found


def gated(name: str) -> list[tuple[str, str]]:
    found = []
    for x, kind in ARRAYS.items():
        found.append((f"{name}({x})", array(kind)))
        found.append((f"{name}({x}, {x})", array(kind)))
        found.append((f"{name}_backward({x}, x={x})", array(kind)))
        found.append((f"{name}_backward({x}, x={x}, gate={x})", several(array(kind), 2)))
    return found


def asserts() -> str:
    """The file of assert_types."""
    table = load_registry(PACKAGE / "_registry.py")
    calls: list[tuple[str, str]] = []
    for record in table.ELEMENTWISE:
        for name in (record.name, *record.aliases):
            calls += elementwise(record, name, record.name in table.PAIRS)
    for record in table.ROWWISE:
        for name in (record.name, *record.aliases):
            calls += rowwise(record, name)
    for record in table.GATED:
        for name in (record.name, *record.aliases):
            calls += gated(name)
    for record in table.FUNCTIONS:
        if record.returns == (table._ROW_RESULT,):
            needed = ", integers" if "offsets" in record.signature else ""
            calls += [(f"{record.name}({x}{needed})", array(kind)) for x, kind in ARRAYS.items()]
    return HEADER + "".join(f"    assert_type(fa.{call}, {kind})\n" for call, kind in calls)


def _search() -> tuple[dict[str, str], str]:
    """The environment in which mypy finds the package that this Python imports, and where that lies."""
    spec = importlib.util.find_spec("fastact")
    if spec is None or spec.origin is None:
        raise SystemExit("fastact is not installed")
    place = str(Path(spec.origin).parents[1])
    return (dict(os.environ) if "site-packages" in place else os.environ | {"MYPYPATH": place}), place


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What was said, if the status says that something is wrong."""
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return f"{' '.join(command)}\n{done.stdout}{done.stderr}" if done.returncode else ""


def mypy(folder: Path) -> str:
    """mypy's complaints about the assert_types."""
    (folder / "asserts.py").write_text(asserts())
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\n[mypy-fastact.*]\nignore_errors = True\n")
    return _run(["-m", "mypy", "asserts.py"], folder, _search()[0])


def pyright(folder: Path) -> str:
    """pyright's complaints about the assert_types."""
    environment, place = _search()
    (folder / "asserts.py").write_text(asserts())
    (folder / "pyrightconfig.json").write_text(json.dumps({"include": ["asserts.py"], "extraPaths": [place]}))
    return _run(["-m", "pyright", "--pythonpath", sys.executable], folder, environment)


def stubtest(folder: Path) -> str:
    """Where the stub differs from the package as it is imported."""
    (folder / "mypy.ini").write_text("[mypy]\nignore_missing_imports = True\n[mypy-fastact.*]\nignore_errors = True\n")
    (folder / "allowed").write_text("\n".join([NO_STUB, NOT_INSTALLED, OF_CYTHON]) + "\n")
    allowed = ["--allowlist", "allowed", "--ignore-unused-allowlist"]
    return _run(["-m", "mypy.stubtest", "--concise", "--mypy-config-file", "mypy.ini", *allowed, "fastact"], folder, _search()[0])


def main(arguments: list[str]) -> int:
    if arguments == ["--print"]:
        print(asserts(), end="")
        return 0
    wrong = False
    for needs, check in (("mypy", mypy), ("pyright", pyright), ("mypy", stubtest)):
        if importlib.util.find_spec(needs) is None:
            print(f"{check.__name__}: {needs} is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            said = check(Path(folder))
        print(f"{check.__name__}: {said or 'no complaint'}")
        wrong = wrong or bool(said)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
