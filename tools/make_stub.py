"""Write src/fastact/__init__.pyi from the table: run after changing it (a test keeps the stub fresh).

python tools/make_stub.py          writes the stub
python tools/make_stub.py --check  fails if it is stale
"""

from __future__ import annotations

import pathlib
import sys
from typing import Any

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "src" / "fastact"
sys.path.insert(0, str(PACKAGE / "core"))

from generate import load_registry  # noqa: E402  (the generator reads the table without the compiled package too)

HEADER = '''# Written by tools/make_stub.py from the table.
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastact import functional as functional
from fastact import init as init
from fastact import monitor as monitor
from fastact import plot as plot
from fastact import reference as reference
from fastact import special as special
from fastact import ufuncs as ufuncs
from fastact._dense import dense as dense
from fastact._dense import dense_backward as dense_backward
from fastact._dense import fused as fused
from fastact._dense import fused_backward as fused_backward
from fastact._dropout import alpha_dropout as alpha_dropout
from fastact._dropout import alpha_dropout_backward as alpha_dropout_backward
from fastact._functions import Activation as Activation
from fastact._recurrent import gru_gates as gru_gates
from fastact._recurrent import gru_gates_backward as gru_gates_backward
from fastact._recurrent import lstm_gates as lstm_gates
from fastact._recurrent import lstm_gates_backward as lstm_gates_backward
from fastact._threads import get_num_threads as get_num_threads
from fastact._threads import num_threads as num_threads
from fastact._threads import set_num_threads as set_num_threads

__version__: str
ISA: str
_ufuncs: dict[str, np.ufunc]
_affine: dict[str, np.ufunc]
_pairs: dict[str, np.ufunc]
_gates: dict[str, np.ufunc]

def get(name: str) -> Activation: ...
def get_include() -> str: ...
def names() -> list[str]: ...
def show_config() -> None: ...
'''

OUT = "out: NDArray[Any] | None = None"
PAIR = "out: tuple[NDArray[Any] | None, NDArray[Any] | None] | None = None"


def elementwise(record: Any, name: str, pairs: bool) -> list[str]:
    """Forward, backward, and value and slope in one pass of an element-by-element record, under one of its names."""
    given = [f"{p.name}: ArrayLike" + ("" if p.default is None else f" = {p.default!r}") for p in record.parameters]
    trained = [p for p in record.parameters if p.gradient]
    learned = any(p.learned for p in trained)
    axis = ["axis: int | None = None"] if learned else []
    asked = ["param_grad: bool = False"] if trained and not learned else []
    draws = ["training: bool = False", "rng: Any = None"] if record.drawn else []
    drawn = [f"{record.drawn.name}: ArrayLike | None = None"] if record.drawn else []
    forward = f"{name}: np.ufunc"
    if record.parameters:
        forward = f"def {name}({', '.join(['x: ArrayLike', *given, '*', *axis, *draws, OUT])}, **kwargs: Any) -> Any: ..."
    saved = ["dy: ArrayLike", "*", "x: ArrayLike | None = None", "y: ArrayLike | None = None"]
    result = f"tuple[Any, {', '.join('Any' for _ in trained)}]" if learned else "Any"
    backward = f"def {name}_backward({', '.join([*saved, *given, *axis, *asked, *drawn, OUT])}, **kwargs: Any) -> {result}: ..."
    lines = [forward, backward]
    if pairs:
        lines.append(f"{name}_value_and_grad: np.ufunc")
        if record.parameters:
            arguments = ", ".join(["x: ArrayLike", *given, "*", *axis, PAIR])
            lines[-1] = f"def {name}_value_and_grad({arguments}, **kwargs: Any) -> tuple[Any, Any]: ..."
    return lines


def rowwise(record: Any, name: str) -> list[str]:
    """The same of a function over an axis."""
    axis, where = "axis: int | tuple[int, ...] | None = -1", "where: ArrayLike | None = None"
    keep = ["keepdims: bool = False"] if record.reduces else []
    saved = ["dy: ArrayLike", "*", "x: ArrayLike | None = None", "y: ArrayLike | None = None"]
    heat = ["temperature: ArrayLike = 1.0"] if record.tempered else []
    return [
        f"def {name}({', '.join(['x: ArrayLike', axis, '*', *heat, *keep, where, OUT])}, **kwargs: Any) -> Any: ...",
        f"def {name}_backward({', '.join([*saved, axis, *heat, *keep, where, OUT])}, **kwargs: Any) -> Any: ...",
    ]


def gated(name: str) -> list[str]:
    """A gated unit and its gradients, under one of its names."""
    gate, axis = "gate: ArrayLike | None = None", "axis: int = -1"
    pair = "out: NDArray[Any] | tuple[NDArray[Any] | None, NDArray[Any] | None] | None = None"
    return [
        f"def {name}({', '.join(['x: ArrayLike', gate, axis, '*', OUT])}, **kwargs: Any) -> Any: ...",
        f"def {name}_backward({', '.join(['dy: ArrayLike', '*', 'x: ArrayLike', gate, axis, pair])}, **kwargs: Any) -> Any: ...",
    ]


#: How the documented type of an argument begins -> its annotation.
ANNOTATIONS = {
    "array_like": "ArrayLike",
    "float or array_like": "ArrayLike",
    "float": "float",
    "int, tuple of int or None": "int | tuple[int, ...] | None",
    "int, Generator or None": "Any",
    "int": "int",
    "bool": "bool",
    "ndarray or tuple": "NDArray[Any] | tuple[NDArray[Any] | None, ...]",
    "ndarray": "NDArray[Any]",
}


def function(record: Any) -> list[str]:
    """A function with a signature of its own."""
    kinds = {name: kind for name, kind, _ in record.arguments}
    arguments = []
    for argument in record.signature.split(", "):
        name, _, default = argument.partition("=")
        if name in ("*", "**kwargs"):
            arguments.append(f"{name}: Any" if name == "**kwargs" else name)
            continue
        annotation = next(a for begins, a in ANNOTATIONS.items() if kinds[name].startswith(begins))
        if default == "None" and annotation != "Any" and "None" not in annotation.split(" | "):
            annotation += " | None"
        arguments.append(f"{name}: {annotation}" + (f" = {default}" if default else ""))
    return [f"def {record.name}({', '.join(arguments)}) -> Any: ..."]


def stub() -> str:
    """The stub's text."""
    table = load_registry(PACKAGE / "_registry.py")
    lines: list[str] = []
    for record in table.ELEMENTWISE:
        for name in (record.name, *record.aliases):
            lines += elementwise(record, name, record.name in table.PAIRS)
    for record in table.ROWWISE:
        for name in (record.name, *record.aliases):
            lines += rowwise(record, name)
    for record in table.GATED:
        for name in (record.name, *record.aliases):
            lines += gated(name)
    for record in table.FUNCTIONS:
        lines += function(record)
    return HEADER + "\n".join(lines) + "\n"


def main() -> int:
    """Write the stub, or with --check compare."""
    target = PACKAGE / "__init__.pyi"
    text = stub()
    if "--check" in sys.argv[1:]:
        if not target.exists() or target.read_text() != text:
            print(f"{target.name} is stale: run python tools/make_stub.py", file=sys.stderr)
            return 1
        return 0
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
