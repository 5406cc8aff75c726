"""Write src/fastact/__init__.pyi from the table: run after changing it (a test keeps the stub fresh).

python tools/make_stub.py          writes the stub
python tools/make_stub.py --check  fails if it is stale
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
from typing import Any

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "src" / "fastact"
sys.path.insert(0, str(PACKAGE / "core"))

from generate import load_registry  # noqa: E402  (the generator reads the table without the compiled package too)

HEADER = '''# Written by tools/make_stub.py from the table.
#
# The type of what comes back is that of the arrays that go in. Of arrays of several types, lists of lists of lists, other
# libraries' arrays and the rest that a ufunc takes it is Any. As in NumPy's own stubs, arrays without axes count as arrays.
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload, type_check_only

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

_F = TypeVar("_F", bound=np.floating[Any])
_A = TypeVar("_A", bound=np.ndarray[Any, np.dtype[np.floating[Any]]])
_O = TypeVar("_O", bound=NDArray[Any])
_P = TypeVar("_P", bound=NDArray[Any])
_D = TypeVar("_D", bound=np.generic)
_Number = float | np.integer[Any] | np.bool
_Scalar = float | np.floating[Any] | np.integer[Any]
_Numbers = NDArray[np.integer[Any] | np.bool] | Sequence[float] | Sequence[Sequence[float]]
_Axes = int | tuple[int, ...] | None

__version__: str
ISA: str
_kernels: Any
_ufuncs: dict[str, np.ufunc]
_affine: dict[str, np.ufunc]
_pairs: dict[str, np.ufunc]
_gates: dict[str, np.ufunc]

def get(name: str | Activation | Callable[..., Any]) -> Activation: ...
def get_include() -> str: ...
def names() -> list[str]: ...
def show_config() -> None: ...
'''

#: Ufuncs that are public as they are: the class of their type in the stub.
UNARY, UNARY_PAIR = "_Unary", "_UnaryPair"
F8 = "np.float64"


def array(kind: str) -> str:
    return f"NDArray[{kind}]"


def twice(kind: str) -> str:
    return f"tuple[{kind}, {kind}]"


def overloads(name: str, cases: list[tuple[list[str], str]], indent: str = "") -> list[str]:
    """A function with several signatures: (arguments, result) of each."""
    lines = []
    for arguments, result in cases:
        lines += [f"{indent}@overload", f"{indent}def {name}({', '.join(arguments)}) -> {result}: ..."]
    return lines


def given(record: Any, kind: str) -> list[str]:
    """The parameters as arguments."""
    return [f"{p.name}: {kind}" + ("" if p.default is None else f" = {p.default!r}") for p in record.parameters]


def of_one_array(record: Any, pairs: bool, positional: bool = False) -> list[tuple[list[str], str]]:
    """What a function of x and of parameters gives, or value and slope of it."""
    learned, parameters = any(p.learned for p in record.parameters), record.parameters
    more = ["axis: int | None = None"] if learned else []
    nothing = "out: tuple[None, None] | None = None" if pairs else "out: None = None"
    result = twice if pairs else str
    drawn = bool(record.drawn) and not pairs
    still = ["training: Literal[False] = False", "rng: Any = None"] if drawn else []

    def case(x: str, parameter: str, to: str, *last: str, kept: list[str] = still) -> tuple[list[str], str]:
        return [f"x: {x}", *(["/"] if positional else []), *given(record, parameter), "*", *more, *kept, *last], to

    plain = (nothing, "where: ArrayLike = True")
    cases = [case("_A", "_Scalar", result("_A"), *plain)]
    if parameters:
        cases.append(case(array("_F"), f"_Scalar | {array('_F')}", result(array("_F")), *plain))
    cases.append(case("_F", "_Scalar", result("_F"), *plain))
    cases.append(case("_Number", "_Scalar", result(F8), *plain))
    cases.append(case("_Numbers", "_Scalar", result(array(F8)), *plain))
    if drawn:
        train = ["training: Literal[True]", "rng: Any = None"]
        cases.append(case(array("_F"), "_Scalar", twice(array("_F")), nothing, kept=train))
        cases.append(case("ArrayLike", "ArrayLike", "tuple[Any, Any]", "out: Any = None", "**kwargs: Any", kept=train))
    if pairs:
        cases.append(case("ArrayLike", "ArrayLike", "tuple[_O, _P]", "out: tuple[_O, _P]", "**kwargs: Any"))
    else:
        cases.append(case("ArrayLike", "ArrayLike", "_O", "out: _O", "**kwargs: Any"))
    cases.append(case(array("Any"), "ArrayLike", result(array("_D")), nothing, "dtype: type[_D] | np.dtype[_D]", "**kwargs: Any"))
    anything = ["training: bool = False", "rng: Any = None"] if drawn else []
    cases.append(case("Any", "Any", result("Any"), "out: Any = None", "**kwargs: Any", kept=anything))
    return cases


def ufunc_classes(record: Any) -> list[str]:
    """The classes of ufuncs of one array."""
    lines = []
    for name, pairs in ((UNARY, False), (UNARY_PAIR, True)):
        cases = [(["self", *arguments], result) for arguments, result in of_one_array(record, pairs, positional=True)]
        # NumPy's stub calls ufunc final, and derives from it in the same way
        ignored = "  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]"
        lines += ["@type_check_only", f"class {name}(np.ufunc):{ignored}", *overloads("__call__", cases, "    ")]
    return lines


def gradient(record: Any, name: str) -> list[str]:
    """The backward function of an element-by-element record."""
    trained = [p for p in record.parameters if p.gradient]
    learned = any(p.learned for p in trained)
    axis = ["axis: int | None = None"] if learned else []
    asks = bool(trained) and not learned

    def case(dy: str, x: str, y: str, parameter: str, to: str, *last: str, grad: str = "Literal[False] = False") -> tuple[list[str], str]:
        asked = [f"param_grad: {grad}"] if asks else []
        drawn = [f"{record.drawn.name}: {'Any' if parameter == 'Any' else parameter + ' | None'} = None"] if record.drawn else []
        return [f"dy: {dy}", "*", f"x: {x}", f"y: {y}", *given(record, parameter), *axis, *asked, *drawn, *last], to

    all_of = f"tuple[{{0}}, {', '.join('{0}' for _ in trained)}]" if trained else ""
    result = all_of if learned else "{0}"
    plain, unset = ("out: None = None", "where: ArrayLike = True"), "None = None"
    cases = []
    # a gradient from the output of a function whose parameters learn there is not
    for x, y in (("{0}", unset), *(((unset, "{0}"),) if record.from_output is not None and not learned else ())):
        cases.append(case("float", x.format("float"), y.format("float"), "_Scalar", result.format(F8), *plain))
        many = f"_Scalar | {array('_F')}"
        to = result.format(array("_F"))
        cases.append(case("float | _F | " + array("_F"), x.format(array("_F")), y.format(array("_F")), many, to, *plain))
        if y == unset and asks:
            to = all_of.format(array("_F"))
            cases.append(case("float | _F | " + array("_F"), array("_F"), unset, many, to, *plain, grad="Literal[True]"))
    saved = ("ArrayLike | None = None",) * 2
    to = "_O" if not learned else all_of.format("Any").replace("Any", "_O", 1)
    cases.append(case("ArrayLike", *saved, "ArrayLike", to, "out: _O", "**kwargs: Any"))
    to = result.format("Any")
    cases.append(case("Any", "Any = None", "Any = None", "Any", to, "out: Any = None", "**kwargs: Any", grad="bool = False"))
    return overloads(name, cases)


def elementwise(record: Any, pairs: bool) -> list[str]:
    """Forward, backward, and value and slope in one pass of an element-by-element record."""
    name = record.name
    lines = overloads(name, of_one_array(record, False)) if record.parameters else [f"{name}: {UNARY}"]
    lines += gradient(record, f"{name}_backward")
    if pairs:
        both = f"{name}_value_and_grad"
        lines += overloads(both, of_one_array(record, True)) if record.parameters else [f"{both}: {UNARY_PAIR}"]
    return lines


def rowwise(record: Any) -> list[str]:
    """The same of a function over an axis."""
    name, where = record.name, "where: ArrayLike | None = None"
    axis = "axis: _Axes = -1"

    def case(x: str, to: str, *last: str, heat: str = "_Scalar", over: str = axis, keep: str = "bool = False") -> tuple[list[str], str]:
        tempered = [f"temperature: {heat} = 1.0"] if record.tempered else []
        kept = [f"keepdims: {keep}"] if record.reduces else []
        return [f"x: {x}", over, "*", *tempered, *kept, where, *last], to

    nothing = "out: None = None"
    if record.reduces:
        cases = [
            case(array("_F"), array("_F"), nothing, keep="Literal[True]"),
            case(array("_F"), "_F", nothing, over="axis: None", keep="Literal[False] = False"),
            case("_Numbers", array(F8), nothing, keep="Literal[True]"),
            case("_Numbers", F8, nothing, over="axis: None", keep="Literal[False] = False"),
        ]
    else:
        cases = [case("_A", "_A", nothing), case("_Numbers", array(F8), nothing)]
    cases.append(case("ArrayLike", "_O", "out: _O", "**kwargs: Any", heat="ArrayLike"))
    cases.append(case("Any", "Any", "out: Any = None", "**kwargs: Any", heat="Any"))
    lines = overloads(name, cases)
    cases = []

    def back(dy: str, x: str, y: str, to: str, *last: str, heat: str = "_Scalar") -> tuple[list[str], str]:
        arguments, _ = case("", "", *last, heat=heat)
        return [f"dy: {dy}", "*", f"x: {x}", f"y: {y}", *(a for a in arguments[1:] if a != "*")], to

    for x, y in ((array("_F"), "None = None"), ("None = None", array("_F"))):
        cases.append(back("float | _F | " + array("_F"), x, y, array("_F"), nothing))
    saved = ("ArrayLike | None = None",) * 2
    cases.append(back("ArrayLike", *saved, "_O", "out: _O", "**kwargs: Any", heat="ArrayLike"))
    cases.append(back("Any", "Any = None", "Any = None", "Any", "out: Any = None", "**kwargs: Any", heat="Any"))
    return lines + overloads(f"{name}_backward", cases)


def gated(name: str) -> list[str]:
    """A gated unit and its gradients."""
    axis, one, f4 = "axis: int = -1", "gate: None = None", array("_F")
    forward = [
        ([f"x: {f4}", f"gate: {f4} | None = None", axis, "*", "out: None = None"], f4),
        (["x: _Numbers", "gate: _Numbers | None = None", axis, "*", "out: None = None"], array(F8)),
        (["x: ArrayLike", "gate: ArrayLike | None = None", axis, "*", "out: _O", "**kwargs: Any"], "_O"),
        (["x: Any", "gate: Any = None", axis, "*", "out: Any = None", "**kwargs: Any"], "Any"),
    ]
    dy, pair = f"dy: float | _F | {f4}", "out: tuple[_O, _P]"
    backward = [
        ([dy, "*", f"x: {f4}", one, axis, "out: None = None"], f4),
        ([dy, "*", f"x: {f4}", f"gate: {f4}", axis, "out: tuple[None, None] | None = None"], twice(f4)),
        (["dy: ArrayLike", "*", "x: ArrayLike", one, axis, "out: _O", "**kwargs: Any"], "_O"),
        (["dy: ArrayLike", "*", "x: ArrayLike", "gate: ArrayLike", axis, pair, "**kwargs: Any"], "tuple[_O, _P]"),
        (["dy: Any", "*", "x: Any", "gate: Any = None", axis, "out: Any = None", "**kwargs: Any"], "Any"),
    ]
    return overloads(name, forward) + overloads(f"{name}_backward", backward)


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


def function(record: Any, table: Any) -> list[str]:
    """A function with a signature of its own; typed where the result is of the input's shape and type."""
    kinds = {name: kind for name, kind, _ in record.arguments}
    arguments, typed = [], []
    for argument in record.signature.split(", "):
        name, _, default = argument.partition("=")
        if name in ("*", "**kwargs"):
            arguments.append(f"{name}: Any" if name == "**kwargs" else name)
            typed.append(arguments[-1])
            continue
        annotation = next(a for begins, a in ANNOTATIONS.items() if kinds[name].startswith(begins))
        if default == "None" and annotation != "Any" and "None" not in annotation.split(" | "):
            annotation += " | None"
        arguments.append(f"{name}: {annotation}" + (f" = {default}" if default else ""))
        narrow = {"x": array("_F"), "y": array("_F"), "dy": f"float | _F | {array('_F')}", "out": "None"}.get(name)
        typed.append(arguments[-1] if narrow is None else f"{name}: {narrow}" + (" | None = None" if default and name != "out" else ""))
        typed[-1] += " = None" if name == "out" else ""
    if record.returns in ((table._ROW_RESULT,), (table._DX,)):
        return overloads(record.name, [(typed, array("_F")), (arguments, "Any")])
    return [f"def {record.name}({', '.join(arguments)}) -> Any: ..."]


def aliases(record: Any, suffixes: tuple[str, ...]) -> list[str]:
    """Other names of the same functions."""
    return [f"{alias}{suffix} = {record.name}{suffix}" for alias in record.aliases for suffix in suffixes]


def stub() -> str:
    """The stub's text."""
    table = load_registry(PACKAGE / "_registry.py")
    lines = ufunc_classes(next(r for r in table.ELEMENTWISE if not r.parameters))
    both = ("", "_backward")
    for record in table.ELEMENTWISE:
        pairs = record.name in table.PAIRS
        lines += elementwise(record, pairs) + aliases(record, (*both, "_value_and_grad") if pairs else both)
    for record in table.ROWWISE:
        lines += rowwise(record) + aliases(record, both)
    for record in table.GATED:
        lines += gated(record.name) + aliases(record, both)
    for record in table.FUNCTIONS:
        lines += function(record, table)
    return HEADER + "\n".join([*lines, *exported(lines)]) + "\n"


def exported(lines: list[str]) -> list[str]:
    """``__all__`` as the package has it: what its source lists, and the functions."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    listed = next(n.value for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "__all__")
    own = [e.value for e in getattr(listed, "elts", []) if isinstance(e, ast.Constant)]
    made = dict.fromkeys(re.sub(r"^def |[ :(=].*", "", line) for line in lines if re.match(r"(def )?[a-z]\w*[:(]|\w+ = ", line))
    return ["__all__ = [", *(f"    {name!r}," for name in (*own, *made)), "]"]


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
