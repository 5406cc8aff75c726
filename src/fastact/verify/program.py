"""The registry's expressions as programs: traced once, common parts computed once, run on whole arrays without temporaries.

A program is what the expression says and nothing else. The same one runs in NumPy's arithmetic (`Program.__call__`) and
in the arithmetic of `fastact.verify.enclosure`, which bounds how far the first can be from the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastact import reference

#: What the expressions may call, besides arithmetic; each is a primitive of `fastact.verify.enclosure` or one of its operations.
FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "less_tanh", "erf", "erfc", "erfcx"),
    *("where", "maximum", "minimum"),
)


class Node:
    """One step of a program: an operation on earlier steps. Equal steps of one trace are the same node."""

    __slots__ = ("args", "op", "table", "varies")

    def __init__(self, table: dict[Any, Node], op: str, args: tuple[Any, ...]) -> None:
        self.table = table
        self.op = op
        self.args = args
        self.varies: bool = op == "operand" or any(isinstance(a, Node) and a.varies for a in args)

    def make(self, op: str, *args: Any) -> Node:
        """The node of an operation on nodes or plain numbers."""
        return node_of(self.table, op, *(a if isinstance(a, Node) else node_of(self.table, "number", repr(a)) for a in args))

    def __add__(self, other: Any) -> Node:
        return self.make("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return self.make("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return self.make("subtract", self, other)

    def __rsub__(self, other: Any) -> Node:
        return self.make("subtract", other, self)

    def __mul__(self, other: Any) -> Node:
        return self.make("multiply", self, other)

    def __rmul__(self, other: Any) -> Node:
        return self.make("multiply", other, self)

    def __truediv__(self, other: Any) -> Node:
        return self.make("divide", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return self.make("divide", other, self)

    def __neg__(self) -> Node:
        return self.make("negative", self)

    def __abs__(self) -> Node:
        return self.make("absolute", self)

    def __gt__(self, other: Any) -> Node:
        return self.make("greater", self, other)

    def __ge__(self, other: Any) -> Node:
        return self.make("greater_equal", self, other)

    def __lt__(self, other: Any) -> Node:
        return self.make("greater", other, self)

    def __le__(self, other: Any) -> Node:
        return self.make("greater_equal", other, self)

    def __eq__(self, other: Any) -> Node:  # type: ignore[override]
        return self.make("equal", self, other)

    __hash__ = object.__hash__

    def __pow__(self, power: Any) -> Node:
        """A whole power, by multiplication."""
        n = int(power.args[0]) if isinstance(power, Node) else int(power)
        result = self
        for _ in range(n - 1):
            result = result * self
        return result

    def __bool__(self) -> bool:
        raise TypeError("an expression of the registry must not branch: write where()")


def node_of(table: dict[Any, Node], op: str, *args: Any) -> Node:
    """The one node of a trace for this operation; a product with 1 is the other factor."""
    if op == "multiply":
        for one, other in (args, args[::-1]):
            if (one.op, *one.args) == ("number", "1"):
                return other    # type: ignore[no-any-return]
    key = (op, *(id(a) if isinstance(a, Node) else a for a in args))
    if key not in table:
        table[key] = Node(table, op, args)
    return table[key]


def trace(ufunc: str, parameters: tuple[str, ...]) -> Node:
    """The expression of an element-by-element ufunc, dy = 1, as a node over ``operand`` and its parameters.

    Parameters
    ----------
    ufunc : str
        A function of `fastact.reference`: a record's name, ``<name>_backward``, ``<name>_backward_y`` or ``<name>_backward_<parameter>``.
    parameters : tuple of str
        The names of its parameters.
    """
    table: dict[Any, Node] = {}

    def function(name: str) -> Callable[..., Node]:
        return lambda *args: node_of(table, name, *(a if isinstance(a, Node) else node_of(table, "number", repr(a)) for a in args))

    scope: dict[str, Any] = {name: function(name) for name in FUNCTIONS}
    scope |= {"abs": abs, "pi": node_of(table, "pi")}
    functions = reference.evaluate_with(scope, lambda text: node_of(table, "number", text))
    values = {name: node_of(table, "parameter", name) for name in parameters}
    x, one = node_of(table, "operand"), node_of(table, "number", "1")
    root: Node = functions[ufunc](*((one,) if "_backward" in ufunc else ()), x, **values)
    return root


def steps_of(root: Node) -> list[Node]:
    """Every node that the root needs, operands before what uses them."""
    order: list[Node] = []
    seen: set[int] = set()

    def visit(node: Node) -> None:
        if id(node) not in seen:
            seen.add(id(node))
            for a in node.args:
                if isinstance(a, Node):
                    visit(a)
            order.append(node)

    visit(root)
    return order


class Program:
    """A traced expression in NumPy's arithmetic of one type.

    Parameters
    ----------
    root : Node
        What to compute.
    kind : type
        `numpy.float64` or `numpy.longdouble`.
    functions : mapping
        Operation to NumPy function; all but ``where`` and comparisons take ``out=``.
    constants : mapping
        The values of the nodes that do not vary, by `id`.
    """

    def __init__(self, root: Node, kind: Any, functions: Mapping[str, Callable[..., Any]], constants: Mapping[int, Any]) -> None:
        self.kind = kind
        self.root = root
        self.constants = constants
        steps = [n for n in steps_of(root) if n.varies and n.op != "operand"]
        last = {id(a): i for i, n in enumerate(steps) for a in n.args if isinstance(a, Node)}
        free: list[int] = []
        place: dict[int, int] = {}
        self.slots = 0
        self.plan: list[tuple[Callable[..., Any], bool, tuple[tuple[bool, Any], ...], int]] = []
        for i, node in enumerate(steps):
            arguments = tuple((True, place.get(id(a), -1)) if a.varies else (False, constants[id(a)]) for a in node.args)
            for a in {id(a): a for a in node.args}.values():
                if last[id(a)] == i and id(a) in place:
                    free.append(place[id(a)])
            if not free:
                free.append(self.slots)
                self.slots += 1
            place[id(node)] = free.pop()
            self.plan.append((functions[node.op], node.op not in _FRESH, arguments, place[id(node)]))
        self.buffers: dict[tuple[int, ...], list[Any]] = {}

    def __call__(self, x: Any) -> Any:
        """The values for operands of this type; valid until the next call."""
        if not self.root.varies:
            return np.broadcast_to(self.constants[id(self.root)], x.shape)
        if x.shape not in self.buffers:
            self.buffers = {x.shape: [np.empty(x.shape, self.kind) for _ in range(self.slots)]}
        buffers = self.buffers[x.shape]
        values: list[Any] = [*buffers, x]       # slot -1 is the operand
        place = -1
        for function, into, arguments, place in self.plan:
            chosen = [values[a] if varies else a for varies, a in arguments]
            values[place] = function(*chosen, out=buffers[place]) if into else function(*chosen)
        return values[place]


#: Operations that return a new array: `numpy.where`, and comparisons, whose type is another.
_FRESH = ("where", "greater", "greater_equal", "equal")
