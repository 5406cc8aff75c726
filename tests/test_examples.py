"""What stands beside the activations is documented as they are: numpydoc's sections, every argument, examples that run."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

import fastact as fa
from fastact import _dense, _dropout, _recurrent, functional, init, monitor, special

HOMES = {m.__name__ for m in (_dense, _dropout, _recurrent)}
FUNCTIONS = [
    *(function for function in map(fa.__dict__.get, fa.__all__) if getattr(function, "__module__", "") in HOMES),
    *(getattr(init, name) for name in init.__all__),
    monitor.ActivationMonitor,
    *(getattr(monitor.ActivationMonitor, name) for name in ("update", "merge", "report", "plot")),
]


def test_all_of_them_are_looked_at():
    assert len(FUNCTIONS) == 10 + len(init.__all__) + 5


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_docstrings(function):
    doc = inspect.getdoc(function)
    assert doc
    found = re.findall(r"^([A-Z][A-Za-z ]+)\n(-+)$", doc, re.M)
    titles = [title for title, _ in found]
    order = ["Parameters", "Attributes", "Returns", "Raises", "See Also", "Notes", "References", "Examples"]
    assert titles == [t for t in order if t in titles] and all(len(title) == len(line) for title, line in found)
    arguments = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    if arguments:
        part = doc.partition("Parameters\n")[2].partition("\n\n")[0]
        described = [n for line in re.findall(r"^(\S[^:\n]*?)(?: : |$)", part, re.M) for n in line.split(", ") if n.strip("-")]
        assert described == [("**" if p.kind is p.VAR_KEYWORD else "") + p.name for p in arguments]
    if "." not in function.__qualname__ and not isinstance(function, type):
        assert {"Returns", "Raises", "Examples"} <= set(titles)
    assert max(map(len, doc.splitlines())) <= 140


@pytest.mark.parametrize(
    "thing", [functional, init, monitor, special, *(f for f in FUNCTIONS if ">>>" in f.__doc__)], ids=lambda f: getattr(f, "__name__", "")
)
def test_examples_run(thing):
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(thing), {}, thing.__name__, None, 0)
    report: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=report.append)
    assert test.examples and failed == 0, "".join(report)
