"""The table and everything that is made from it: names, documentation, references, and no second list of functions."""

from __future__ import annotations

import ast
import concurrent.futures
import doctest
import inspect
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from _support import CASES, DEFAULT_CASES, ELEMENTWISE, ROOT, ROWWISE, accepted, assert_same_bits, build_script, inside

import fastact as fa
from fastact import _docs, _functions, _proof, _registry, reference
from fastact._registry import BOUNDS, FUNCTIONS, GATED, GATED_NAMES, NAMES, RECORDS, Parameter, operations

SECTIONS = ("Parameters", "Returns", "Raises", "See Also", "Notes", "References", "Examples")
PUBLIC = [f"{name}{suffix}" for name in RECORDS for suffix in ("", "_backward")]
PRIMITIVES = set(reference.NUMPY)


# ---- names -------------------------------------------------------------------------------------------------------


def test_every_record_is_public_with_its_gradient():
    assert fa.names() == [*RECORDS, *(unit.name for unit in GATED), *(f.name for f in FUNCTIONS if f.maths)]
    for name, own in NAMES.items():
        assert getattr(fa, name) is getattr(fa, own)
        assert getattr(fa, f"{name}_backward") is getattr(fa, f"{own}_backward")
        assert fa.get(name) is fa.get(own)
        assert {name, f"{name}_backward"} <= set(fa.__all__)
    assert len(set(fa.__all__)) == len(fa.__all__)
    assert all(hasattr(fa, name) for name in fa.__all__)
    assert len(NAMES) == sum(1 + len(r.aliases) for r in RECORDS.values()), "a name is used twice"


def test_headline_functions_are_there():
    """The catalogue's names and aliases that users rely on."""
    assert fa.expit is fa.sigmoid is fa.logistic
    assert fa.log_expit is fa.log_sigmoid
    assert fa.exponential is fa.exp
    assert fa.linear is fa.identity
    assert fa.hard_silu is fa.hard_swish
    assert len(RECORDS) >= 19


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda r: r.name)
def test_activation_objects(record):
    activation = fa.get(record.name)
    assert isinstance(activation, fa.Activation)
    assert activation.forward is getattr(fa, record.name) and activation.backward is getattr(fa, f"{record.name}_backward")
    assert activation.name == record.name and activation.aliases == record.aliases and activation.summary == record.summary
    assert activation.formulas == {"forward": record.maths, "backward": record.gradient_maths}
    assert activation.bounds == record.bounds and activation.bounds is not record.bounds
    assert activation.saves == record.saves
    assert activation.parameters == {p.name: p.default for p in getattr(record, "parameters", ())}
    assert record.name in repr(activation) and record.maths in repr(activation)
    extra = {p.name: p.samples[0] for p in getattr(record, "parameters", ()) if p.default is None}
    x = accepted(record, np.array([0.5, -1.0]))
    assert_same_bits(activation(x, **extra), getattr(fa, record.name)(x, **extra))


@pytest.mark.parametrize("name", NAMES)
def test_activations_by_their_functions(name):
    activation = fa.get(name)
    assert fa.get(getattr(fa, name)) is fa.get(activation) is activation


def test_functions_as_arguments():
    """Wherever a name is taken."""
    x, W = np.random.default_rng(0).standard_normal((5, 6)).astype("f4"), np.eye(6, 3, dtype="f4")
    assert_same_bits(fa.dense(x, W, activation=fa.gelu), fa.dense(x, W, activation="gelu"))
    assert_same_bits(fa.dense(x, W, activation=fa.elu, alpha=2.0), fa.dense(x, W, activation="elu", alpha=2.0))
    assert_same_bits(fa.fused(fa.silu, x, bias=x[0]), fa.fused("silu", x, bias=x[0]))
    assert fa.init.gain(fa.leaky_relu, negative_slope=0.2) == fa.init.gain("leaky_relu", negative_slope=0.2)
    reports = [fa.monitor.ActivationMonitor(activation).update(np.tanh(x)).report() for activation in (fa.tanh, "tanh")]
    assert reports[0] == reports[1]
    with pytest.raises(ValueError, match=r"dense: activation: no activation is called <ufunc 'tanh'>; did you mean 'tanh'\?"):
        fa.dense(x, W, activation=np.tanh)


def test_unknown_names_get_a_suggestion():
    near = {"gelo": "gelu", "GELU": "gelu", "leaky-relu": "leaky_relu", "softmaxx": "softmax", "sigmoid_": "sigmoid", "ReLU": "relu"}
    for asked, meant in near.items():
        with pytest.raises(ValueError, match=rf"name: no activation is called '{asked}'; did you mean '{meant}'\?"):
            fa.get(asked)
    with pytest.raises(ValueError, match=r"no activation is called <ufunc 'tanh'>; did you mean 'tanh'\?"):
        fa.get(np.tanh)
    for asked in ("qqqqqqqq", "nope", "", 3, None, ["gelu"], ("a",), fa.gelu_backward, lambda x: x):
        with pytest.raises(ValueError, match="name: no activation is called"):
            fa.get(asked)
    with pytest.raises(ValueError, match="no activation is called"):
        reference.source("qqqqqqqq")
    for asked in ("maxout", "gelu_backward", fa.gumbel_softmax, fa.softmax_cross_entropy):
        own = asked if isinstance(asked, str) else asked.__name__
        with pytest.raises(ValueError, match=rf"no activation is called .*; fastact\.{own} is a function with arguments of its own"):
            fa.get(asked)
    assert reference.source(fa.gelu) == reference.source(fa.get("gelu")) == reference.source("gelu")
    with pytest.raises(ValueError, match=r"name: 'glu' has no expression in fastact\.reference"):
        reference.source("glu")


# ---- the records themselves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda r: r.name)
def test_records_are_complete(record):
    assert record.name.isidentifier() and record.name == record.name.lower()
    for text in (record.summary, record.maths, record.gradient_maths, record.forward, record.source):
        assert text.strip() == text and text
    assert record.summary.endswith(".") and re.search(r"\b(1[6-9]|20)\d\d\.$", record.source), "a source ends with its year"
    assert set(record.bounds) == set(BOUNDS)
    if record in ROWWISE:
        assert record.bounds["float32"] <= 4 and record.bounds["float64"] <= 4 and record.bounds["float16"] <= 1
    else:
        assert all(record.bounds[dtype] <= BOUNDS[dtype] for dtype in BOUNDS)
        assert record.edges and record.example
        assert all(isinstance(p, Parameter) and (p.samples or p.default is not None) for p in record.parameters)
        assert any(x == math.inf for x, _, _ in record.edges)
        if record.kinks:
            assert "gradient at" in record.convention


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_edges_are_the_limits_of_the_reference(case):
    """The table's edge values are what the exact reference tends to (at 1e12 for infinity, on the scale of 1)."""
    record = case.record
    for x, value, slope in record.edges:
        at = math.copysign(1e12, x) if math.isinf(x) else x
        if not inside(record, [at]).size:
            continue
        for wanted, kind in ((value, "forward"), (slope, "backward")):
            if wanted is None or math.isnan(wanted) or (math.isinf(wanted) and record.name == "exp"):
                continue
            if kind == "forward":
                true = float(_proof.forward(record.name, at, **case.parameters))
            else:
                true = float(_proof.stated(f"{record.name}_backward", at, **case.parameters))
            if math.isinf(wanted):
                assert abs(true) > 1e3 and (true > 0) == (wanted > 0), (record.name, x)
            else:
                assert abs(true - wanted) < 1e-9, (record.name, x, kind, true)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_examples_are_right(case):
    for x, value, slope in case.record.example:
        parameters = case.parameters
        assert abs(float(_proof.forward(case.record.name, x, **parameters)) - value) <= 0.500001e-4
        assert abs(float(_proof.stated(f"{case.record.name}_backward", x, **parameters)) - slope) <= 0.500001e-4


def test_kinks_are_where_the_references_kink():
    """Left and right derivative differ at each kink, and at no other whole number."""
    for case in CASES:
        for x in inside(case.record, range(-6, 7)).tolist():
            left = _proof.gradient(case.record.name, x - 1e-12, **case.parameters)
            right = _proof.gradient(case.record.name, x + 1e-12, **case.parameters)
            if abs(left - right) > 1e-6:
                assert float(x) in np.round(case.kinks, 12), (str(case), x)
        if case is next(c for c in CASES if c.record is case.record) and case.record.kinks:
            for place in range(len(case.record.kinks)):
                jumps = []
                for other in (c for c in CASES if c.record is case.record):
                    for f in (_proof.forward, _proof.gradient):
                        left, right = (f(other.record.name, other.kinks[place] + h, **other.parameters) for h in (-1e-12, 1e-12))
                        jumps.append(abs(left - right) > 1e-6)
                assert any(jumps), case.record.name


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_ufuncs_of_a_record(record):
    """Data first (dy before x or y), then the parameters in the table's order; as many operands as the formula has."""
    ops = operations(record)
    assert ops[0].name == record.name and ops[0].data == ("x",)
    assert ops[1].name == f"{record.name}_backward" and ops[1].data == ("dy", "x")
    assert any(op.data == ("dy", "y") for op in ops) == (record.from_output is not None)
    for op in ops:
        ufunc = getattr(fa.ufuncs, op.name)
        assert isinstance(ufunc, np.ufunc) and ufunc.__name__ == op.name
        assert ufunc.nin == len(op.data) + len(op.parameters) and ufunc.nout == 1
        assert op.parameters == tuple(p.name for p in record.parameters)
        if (ROOT / "src").exists():
            formulas = re.findall(rf"^cdef inline (real|float|double) {op.formula}(?:_f[48])?\(([^)]*)\)", _formulas(), re.M)
            assert sorted(kind for kind, _ in formulas) in (["real"], ["double", "float"]), op.formula
            for kind, arguments in formulas:
                assert arguments == ", ".join(f"{kind} {name}" for name in (*op.data, *op.parameters))


def _formulas() -> str:
    return "\n".join(p.read_text() for p in sorted((ROOT / "src/fastact/core").glob("activations*.pxi")))


def test_raw_ufuncs_are_listed():
    assert set(fa.ufuncs.__all__) == {*fa._ufuncs, *fa._pairs} and set(dir(fa.ufuncs)) >= set(fa.ufuncs.__all__)
    for record in RECORDS.values():
        forward = getattr(fa, record.name)
        assert (forward if isinstance(forward, np.ufunc) else forward.ufunc) is getattr(fa.ufuncs, record.name)
        assert isinstance(getattr(fa, f"{record.name}_backward").ufunc, np.ufunc)
    for record in ELEMENTWISE:
        assert isinstance(getattr(fa, record.name), np.ufunc) == (not record.parameters)


# ---- documentation -----------------------------------------------------------------------------------------------


def _doc(name: str) -> str:
    doc = getattr(fa, name).__doc__
    if isinstance(getattr(fa, name), np.ufunc):
        head, _, doc = doc.partition("\n\n")
        assert head.startswith(f"{name}(")
    return doc


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings(name):
    """numpydoc's sections, in order, underlined; every argument described."""
    doc = _doc(name)
    record = RECORDS[name.removesuffix("_backward")]
    found = re.findall(r"^([A-Z][A-Za-z ]+)\n(-+)$", doc, re.M)
    assert tuple(title for title, _ in found) == SECTIONS
    assert all(len(title) == len(line) for title, line in found)
    assert doc.splitlines()[0].endswith((record.maths, "dy * f'(x).", record.gradient_maths))
    described = re.findall(r"^(\w+) : ", doc.partition("Parameters\n")[2].partition("Returns\n")[0], re.M)
    function = getattr(fa, name)
    if isinstance(function, np.ufunc):
        assert described == ["x", "out"]
    else:
        arguments = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        if "y" in arguments and record.saves == "x":
            arguments.remove("y")
        assert sorted(described) == sorted(arguments)
    partner = name.removesuffix("_backward") if name.endswith("_backward") else f"{name}_backward"
    assert partner in doc.partition("See Also\n")[2].partition("Notes\n")[0]
    notes = doc.partition("\nNotes\n")[2].partition("\nReferences\n")[0]
    assert f"{record.bounds['float32']:g} ulp in float32" in notes
    assert record.source.split(",")[0] in doc.partition("References\n")[2]
    assert max(map(len, doc.splitlines())) <= 140


@pytest.mark.parametrize("record", FUNCTIONS, ids=lambda r: r.name)
def test_functions_with_their_own_record(record):
    """The signature is the record's, and every argument is described, in order."""
    function = getattr(fa, record.name)
    parameters = inspect.signature(function).parameters.values()
    shown, star = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not star:
            shown.append("*")
            star = True
        shown.append(f"**{p.name}" if p.kind is p.VAR_KEYWORD else p.name + ("" if p.default is p.empty else f"={p.default!r}"))
    assert ", ".join(shown) == record.signature
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    assert [name for name, _, _ in record.arguments] == names
    doc = function.__doc__
    found = re.findall(r"^([A-Z][A-Za-z ]+)\n(-+)$", doc, re.M)
    assert tuple(title for title, _ in found) == SECTIONS
    assert all(len(title) == len(line) for title, line in found)
    assert max(map(len, doc.splitlines())) <= 140
    assert re.search(r"\b(1[6-9]|20)\d\d\.$", record.source)
    assert record.summary.splitlines() == [record.summary] and record.see
    for line in record.see:
        assert hasattr(fa, line.partition(" : ")[0])


@pytest.mark.parametrize("record", GATED, ids=lambda r: r.name)
def test_docstrings_of_gated_units(record):
    for suffix in ("", "_backward"):
        function = getattr(fa, record.name + suffix)
        doc = function.__doc__
        assert tuple(title for title, _ in re.findall(r"^([A-Z][A-Za-z ]+)\n(-+)$", doc, re.M)) == SECTIONS
        described = re.findall(r"^(\w+) : ", doc.partition("Parameters\n")[2].partition("Returns\n")[0], re.M)
        arguments = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        assert described == arguments
        assert f"{record.bounds['float32']:g} ulp in float32" in doc
        assert max(map(len, doc.splitlines())) <= 140


def _check_doctest(text: str, name: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples, f"{name} has no example"
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
    assert failed == 0, "".join(report)


OWN = [*(f"{unit.name}{suffix}" for unit in GATED for suffix in ("", "_backward")), *(f.name for f in FUNCTIONS)]


@pytest.mark.parametrize("name", [*PUBLIC, *OWN, "get", "names"])
def test_examples_of_functions_run(name):
    _check_doctest(getattr(fa, name).__doc__, name)


@pytest.mark.parametrize("module", [fa, reference, fa.ufuncs], ids=lambda m: m.__name__)
def test_examples_of_modules_run(module):
    _check_doctest(module.__doc__, module.__name__)


def test_example_of_reference_source_runs():
    _check_doctest(reference.source.__doc__, "reference.source")


def test_every_ufunc_has_a_docstring():
    texts = _docs.ufunc_docs() | _docs.pair_docs()
    assert set(texts) >= set(fa.ufuncs.__all__)
    for name in fa.ufuncs.__all__:
        assert texts[name].splitlines()[0] in getattr(fa.ufuncs, name).__doc__


def test_show_config(capsys):
    fa.show_config()
    shown = capsys.readouterr().out
    for word in (fa.__version__, fa.ISA, np.__version__, "threads", "compiler", "Python", "CPU"):
        assert word in shown
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", fa.__version__)


# ---- the teaching form -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reference_functions_agree_with_kernels(case, dtype):
    """The readable NumPy expressions give the kernels' values to what NumPy's rounding allows, and keep the type."""
    name, extra = case.record.name, case.parameters
    fastest = max([1.0, *map(abs, extra.values())])       # rounding of 30 x is 30 roundings of x
    low, high = np.clip(case.record.domain or (-np.inf, np.inf), -4 / fastest, 4)
    x = inside(case.record, np.random.default_rng(30).uniform(low, min(high, 4 / fastest), 300).astype(dtype))
    dy = np.random.default_rng(31).standard_normal(x.size).astype(dtype)
    tolerance = {"rtol": 40 * np.finfo(dtype).eps, "atol": 40 * np.finfo(dtype).eps}
    got = getattr(reference, name)(x, **extra)
    assert got.dtype == np.dtype(dtype)
    np.testing.assert_allclose(got, getattr(fa, name)(x, **extra), **tolerance)
    gradient = getattr(reference, f"{name}_backward")(dy, x, **extra)
    assert gradient.dtype == np.dtype(dtype)
    kernel = getattr(fa, f"{name}_backward")(dy, x=x, **extra)
    np.testing.assert_allclose(gradient, kernel[0] if isinstance(kernel, tuple) else kernel, **tolerance)
    if case.output_determines:
        y = getattr(fa, name)(x, **extra)
        from_y = getattr(reference, f"{name}_backward_y")(dy, y, **extra)
        np.testing.assert_allclose(from_y, getattr(fa, f"{name}_backward")(dy, y=y, **extra), **tolerance)


@pytest.mark.parametrize("row", ROWWISE, ids=lambda r: r.name)
def test_row_references_agree_with_kernels(row):
    x = np.random.default_rng(32).standard_normal((6, 20)) * 3
    for axis in (-1, 0, None, (0, 1)):
        got = getattr(fa, row.name)(x, axis=axis)
        np.testing.assert_allclose(getattr(reference, row.name)(x, axis=axis, keepdims=not row.reduces), got, rtol=1e-13)
        saved = x if row.saves == "x" else got
        dy = np.random.default_rng(33).standard_normal(got.shape)
        wanted = getattr(fa, f"{row.name}_backward")(dy, **{row.saves: saved}, axis=axis)
        shaped = dy if not row.reduces else dy.reshape(getattr(fa, row.name)(x, axis=axis, keepdims=True).shape)
        np.testing.assert_allclose(getattr(reference, f"{row.name}_backward")(shaped, saved, axis=axis), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_reference_sources_are_python(name):
    text = reference.source(name)
    functions = [node.name for node in ast.parse(text).body]
    own = NAMES[name]
    assert functions[:2] == [own, f"{own}_backward"]
    assert set(reference.__all__) >= set(functions)
    assert getattr(reference, name) is getattr(reference, own)


# ---- no other list of functions ----------------------------------------------------------------------------------


def _strings_and_names(path: Path) -> set[str]:
    """String constants (docstrings aside) and identifiers of a Python file."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found.update(re.findall(r"\w+", node.value))
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return found


@pytest.mark.skipif(not (ROOT / "src/fastact/_registry.py").exists(), reason="needs the source tree")
def test_no_other_file_lists_functions():
    """Only the table and the formulas know the functions' names (elementary functions of NumPy's own aside).

    Other libraries' names stand in the table of spellings and where their interfaces are met: the namespaces and the adapters.
    """
    elsewhere = ("_elsewhere.py", "functional.py", "special.py")
    words = {w for name in NAMES for w in (name, f"{name}_backward", f"{name}_backward_y")} - PRIMITIVES
    source = ROOT / "src/fastact"
    files = [p for p in sorted(source.rglob("*.py")) if p.name not in ("_registry.py", "demo.py") and "coefficients" not in p.parts]
    files = [p for p in files if p.name not in elsewhere and "adapters" not in p.parts[len(source.parts):]]
    assert {"__init__.py", "_functions.py", "_rows.py", "_docs.py", "generate.py", "reference.py"} <= {p.name for p in files}
    for path in files:
        named = _strings_and_names(path) & words
        assert not named, f"{path.name} names {sorted(named)}"
    for path in sorted(source.rglob("*.pxi")) + sorted(source.rglob("*.pyx")) + sorted(source.rglob("meson.build")):
        if path.name.startswith("activations") or path.name == "rowwise.pxi":
            continue
        code = "\n".join(line.partition("#")[0] for line in path.read_text().splitlines())
        named = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", code))) & words
        assert not named, f"{path.name} names {sorted(named)}"


def test_generator_and_package_read_the_same_table():
    generate = build_script("generate")
    text = generate.generate(_registry)
    for name in fa.ufuncs.__all__:
        assert f'add_ufunc(made, docs, "{name}", "{name}", ' in text
    assert text == generate.generate(_registry), "the generator gives the same source each time"
    assert generate.type_literals("1 + t * 0.5 - x1") == "(<real>1) + t * (<real>0.5) - x1"


def test_steps_of_a_formula():
    """What a step reads, and what it leaves for later ones, follows from the text."""
    generate = build_script("generate")
    text = """cdef inline real f(real dy, real x, real a) noexcept nogil:
    cdef real s, unused
    cdef real z = reduced(x, a, &s)
    # ----
    cdef real w = poly(z)  # not s
    # ---- f8
    cdef real y = s + w
    return dy * y

cdef inline real whole(real x) noexcept nogil:
    return x
"""
    short, long = generate.steps(text, "f4"), generate.steps(text, "f8")
    assert short.keys() == long.keys() == {"f"}
    assert [(p.arguments, [*p.reads], [*p.leaves]) for p in short["f"]] == [(("x", "a"), [], ["s", "z"]), (("dy",), ["s", "z"], [])]
    assert [(p.arguments, p.reads, p.leaves) for p in long["f"]] == [
        (("x", "a"), {}, {"s": "double", "z": "double"}),
        ((), {"z": "double"}, {"w": "double"}),
        (("dy",), {"s": "double", "w": "double"}, {}),
    ]
    assert "double w = poly(z)" in long["f"][1].body and "real" not in generate.step_functions(long)


def test_functions_are_built_from_any_ufuncs():
    public, activations = _functions.build(fa._ufuncs)
    names = {f"{name}{suffix}" for name in (*NAMES, *GATED_NAMES) for suffix in ("", "_backward")}
    assert set(public) == names | {f.name for f in FUNCTIONS}
    assert len(public) == len(names) + len(FUNCTIONS), "a name is used twice"
    assert set(activations) == {*NAMES, *GATED_NAMES, *(f.name for f in FUNCTIONS if f.maths)}


def test_functions_are_written_when_they_are_asked_for():
    """Nothing is compiled by an import; afterwards everything is where one looks for it."""
    code = """if True:
        import sys, numpy
        before = set(sys.modules)
        import fastact as fa
        assert not fa._public._made and "elu" not in vars(fa)
        assert not {"dataclasses", "difflib", "fastact._family"} & (sys.modules.keys() - before)
        assert {"elu", "elu_backward", "expit", "maxout"} <= set(dir(fa))
        import pickle
        function = pickle.loads(pickle.dumps(fa.elu))
        assert function is fa.elu is fa.get("elu").forward is vars(fa)["elu"] and fa.expit is fa.sigmoid is vars(fa)["sigmoid"]
        assert pickle.loads(pickle.dumps(fa.get("elu"))) is fa.get("elu")
        from fastact import *
        assert mish_backward is fa.get("mish").backward and mish_backward.__doc__.startswith("Gradient of `mish`")
        assert set(fa._public) <= set(vars(fa)) and len(fa._public._made) == len(fa._public)
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_threads_that_ask_at_once_get_the_same_function():
    for _ in range(20):
        public, _ = _functions.build(fa._ufuncs)
        start = threading.Barrier(4)

        def ask(public=public, start=start):
            start.wait()
            return public["elu_backward"]

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert len({id(done.result()) for done in [pool.submit(ask) for _ in range(4)]}) == 1


def test_importing_is_quick(tmp_path):
    """Beside NumPy: about a tenth of its time; a quarter is too much."""
    code = "from time import perf_counter as t; a = t(); import numpy; b = t(); import fastact; print((t() - b) / (b - a))"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    found = [
        float(subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60, capture_output=True, text=True).stdout)
        for _ in range(6)
    ]
    assert min(found[1:]) < 1 / 4, found  # the first one compiles both


def test_entries_of_the_table_are_frozen():
    entry = Parameter("a", 1.0, "what it means", samples=(2.0,))
    assert (entry.name, entry.default, entry.check, entry.samples) == ("a", 1.0, "finite", (2.0,))
    assert entry == Parameter(name="a", default=1.0, meaning="what it means", samples=(2.0,)) != Parameter("a", 1.0, "what it means")
    assert hash(entry) == hash(pickle.loads(pickle.dumps(entry))) and "default=1.0" in repr(entry)
    for change in (lambda: setattr(entry, "name", "b"), lambda: delattr(entry, "name")):
        with pytest.raises(AttributeError, match=r"Parameter\.name cannot be"):
            change()
    for wrong in ({"name": "b"}, {"more": 1}):
        with pytest.raises(TypeError, match="Parameter: fields are name, default, meaning"):
            Parameter("a", 1.0, "what it means", **wrong)
    for values in (("a", 1.0), ("a", 1.0, "m", "finite", (), None, False, 0)):
        with pytest.raises(TypeError, match="Parameter: fields are"):
            Parameter(*values)


def test_modules_that_are_imported_when_they_are_asked_for():
    code = """if True:
        import sys, fastact
        assert not {"fastact.plot", "fastact.reference"} & set(sys.modules)
        assert {"plot", "reference"} <= set(dir(fastact)) and "plot" in fastact.__all__
        assert fastact.reference.source("relu") and callable(fastact.plot.curve)
        try:
            fastact.nothing
        except AttributeError as error:
            assert "'fastact' has no attribute 'nothing'" in str(error)
        else:
            raise AssertionError("found")
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_loops_that_are_said_to_be_independent():
    independent = build_script("independent")
    bounds = '/* "k.pyx":2\n * for i in range(n): */\n  __pyx_t_1 = n;\n  __pyx_t_2 = __pyx_t_1;\n'
    loop = bounds + "  for (__pyx_t_3 = 0; __pyx_t_3 < __pyx_t_2; __pyx_t_3+=1) {\n  }\n"
    assert independent.marked(loop) == loop
    text = independent.marked("  independent_turns();\n" + loop + loop)
    assert text == loop.replace("  for (", "  INDEPENDENT\nfor (") + loop
    for between in ("  x = 1;\n", "  while (1) {\n", "  if (x) {\n", "  f();\n"):
        with pytest.raises(SystemExit, match="stands before no loop"):
            independent.marked("  independent_turns();\n" + between + loop)
