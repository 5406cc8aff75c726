"""What the build makes from the table: a page for each function, the gallery, the pictures, the experiments' results.

Everything goes to ``docs/generated``, which is not committed. No function is named here.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import importlib
import importlib.util
import io
import os
import pkgutil
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.display import status_iterator

import fastact as fa
from fastact import plot
from fastact._registry import NAMES, PAIRS, RECORDS, Record

DOCS = Path(__file__).resolve().parents[1]
OUT = DOCS / "generated"
#: The menu: the pages that exist, of these, and then whatever else lies in docs/.
ORDER = {
    "start": "Start",
    "choosing": "Choosing",
    "generated/gallery": "Gallery",
    "generated/api/index": "Functions",
    "generated/guarantees": "Guarantees",
    "generated/accuracy": "Accuracy",
    "generated/speed": "Speed",
    "examples": "Examples",
    "adapters": "Inside other libraries",
    "compiled": "From Cython and C",
    "coming": "Coming from another library",
    "adding": "Adding an activation",
    "pictures": "Pictures and the command line",
    "generated/changes": "Changes",
    "generated/contributing": "Contributing",
}
#: Documents of the repository that are pages here, too.
INCLUDED = {
    "guarantees": DOCS / "guarantees.md",
    "accuracy": DOCS / "accuracy.md",
    "changes": DOCS.parent / "CHANGELOG.md",
    "contributing": DOCS.parent / "CONTRIBUTING.md",
}
#: Text and frames of pictures on light and on dark pages.
INK = {"light": "#323232", "dark": "#ced6dd"}
log = logging.getLogger(__name__)


# ---- pictures ----------------------------------------------------------------------------------------------------------


def draw(stem: str, size: tuple[float, float], painter: Callable[[Figure], Any]) -> None:
    """One picture twice: for light pages and for dark ones."""
    for mode, ink in INK.items():
        style = {
            "text.color": ink,
            "axes.labelcolor": ink,
            "axes.edgecolor": ink,
            "xtick.color": ink,
            "ytick.color": ink,
            "axes.prop_cycle": matplotlib.cycler(color=[*plot.COLOURS, "#8f7fd6", "#a89030", "#4fb3bf", "#8a8a8a"]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.fonttype": "path",
            "svg.hashsalt": stem,
        }
        with matplotlib.rc_context(style):
            figure = plot.new_figure(size)
            painter(figure)
            figure.savefig(OUT / f"pictures/{stem}-{mode}.svg", transparent=True, metadata={"Date": None})


def image(stem: str, alt: str, target: str = "", indent: str = "") -> list[str]:
    """The directives that show a picture."""
    lines = []
    for mode in INK:
        lines += [f".. image:: /generated/pictures/{stem}-{mode}.svg", f"   :class: only-{mode} picture", f"   :alt: {alt}"]
        lines += [f"   :target: {target}"] if target else []
        lines.append("")
    return [indent + line if line else "" for line in lines]


def draw_function(activation: fa.Activation) -> list[tuple[str, str]]:
    """All pictures of one function: their stems and what they show."""
    name, made = activation.name, []
    if plot.drawable(name):
        draw(name, (4.6, 3.3), lambda figure: plot.curve(name, axes=figure.subplots()))
        made.append((name, f"{name} and its gradient"))
    if isinstance(activation.record, Record):
        for gradient in (False, True):
            found = plot.measure(name, gradient=gradient)
            draw(f"{found.name}-errors", (4.6, 3.3), functools.partial(_draw_errors, found))
            made.append((f"{found.name}-errors", f"error of {found.name} in ulp over float32 inputs"))
    return made


def _draw_errors(found: plot.Errors, figure: Figure) -> None:
    plot.errors(found, axes=figure.subplots())


# ---- text ----------------------------------------------------------------------------------------------------------------


def heading(text: str, line: str = "=") -> list[str]:
    return [text, line * len(text), ""]


def escaped(text: str) -> str:
    """Plain text in which formulas stand, as reStructuredText."""
    return re.sub(r"(\*\*|\||(?<=\w)_(?!\w))", lambda m: "".join("\\" + c for c in m.group()), text)


def escape_docstring(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings hold formulas as a reader would write them; powers and bars are no markup."""
    code = False
    for i, line in enumerate(lines):
        code = line.lstrip().startswith((">>>", "...")) or (code and bool(line.strip()))
        if not code:
            literals = re.split(r"(``.*?``)", line)
            lines[i] = "".join(part if part.startswith("``") else escaped(part) for part in literals)


def number(value: float | None) -> str:
    """An edge value, a signed zero included."""
    if value is None:
        return ""
    if value == 0:
        return "-0" if np.signbit(value) else "0"
    return f"{value:.6g}".replace("inf", "∞")


def table(rows: list[list[str]], widths: str = "auto") -> list[str]:
    """A list-table."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        lines += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(row)]
    return [*lines, ""]


def facts(activation: fa.Activation) -> list[str]:
    """The record as a field list."""
    record: Any = activation.record
    fields = {"Definition": f"``{record.maths}``", "Gradient": f"``{record.gradient_maths}``"}
    parameters = getattr(record, "parameters", ())
    if parameters:
        usual = ["no default" if p.default is None else f"default {p.default:g}" for p in parameters]
        fields["Parameters"] = "; ".join(f"``{p.name}``, {escaped(p.meaning)} ({u})" for p, u in zip(parameters, usual, strict=True))
    if record.aliases:
        fields["Also called"] = ", ".join(f"``{alias}``" for alias in record.aliases)
    if getattr(record, "convention", ""):
        fields["At kinks"] = escaped(record.convention)
    if getattr(record, "domain", None):
        fields["Domain"] = f"``{record.domain[0]:g}`` to ``{record.domain[1]:g}``"
    if getattr(record, "odd", False):
        fields["Symmetry"] = "odd, bit for bit"
    fields["Saved for the gradient"] = "the output is enough" if activation.saves == "y" else "the input"
    requires = getattr(getattr(record, "from_output", None), "requires", None)
    if requires:
        fields["Saved for the gradient"] += f", if ``{requires[0]} {requires[1]} {requires[2]:g}``"
    counted = " of the larger of the result and max(x)" if getattr(record, "ulp_of", "result") == "larger" else ""
    if record.bounds:
        fields["Error at most"] = ", ".join(f"{b:g} ulp in {dtype}" for dtype, b in record.bounds.items()) + counted
    if isinstance(record, Record) is False and hasattr(record, "masked"):
        fields["Masked out"] = number(record.masked)
    notes = record.notes if isinstance(getattr(record, "notes", ""), str) else ""
    if notes:
        fields["Note"] = escaped(notes)
    fields["Source"] = escaped(record.source)
    return [f":{label}: {text}" for label, text in fields.items()] + [""]


def function_page(activation: fa.Activation, pictures: list[tuple[str, str]], others: list[str]) -> list[str]:
    """The page of one function."""
    name, record = activation.name, activation.record
    lines = [*heading(name), escaped(record.summary), "", *facts(activation)]
    if pictures:
        lines += [".. container:: pictures", ""]
        for stem, alt in pictures:
            lines += image(stem, alt, indent="   ")
    edges = getattr(record, "edges", ())
    if edges:
        lines += heading("Values at the edges", "-")
        chosen = [f"{p.name} = {p.samples[0]:g}" for p in getattr(record, "parameters", ()) if p.default is None]
        lines += [f"For ``{', '.join(chosen)}``:", ""] if chosen else []
        lines += table([["x", f"``{name}(x)``", "gradient"], *([number(v) for v in row] for row in edges)])
    lines += [*heading("Reference", "-"), ".. currentmodule:: fastact", ""]
    pair = [f"{name}_value_and_grad"] if name in PAIRS else []
    for function in (name, f"{name}_backward", *pair, *others):
        lines += [f".. autofunction:: {function}", ""]
    if name in RECORDS:
        lines += heading("As NumPy that one can read", "-")
        lines += ["From `fastact.reference`, which the proofs and the races use:", "", ".. code-block:: python", ""]
        lines += [f"   {line}" for line in fa.reference.source(name).splitlines()] + [""]
    return lines


def gallery_page(pictures: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Every function with its gradient and its error."""
    torch = importlib.util.find_spec("torch") is not None
    beside = (
        " Where PyTorch has the function, its error stands beside."
        if torch
        else " PyTorch was not installed when this page was built; with it, its error stands beside."
    )
    lines = [
        *heading("Gallery"),
        ".. currentmodule:: fastact",
        "",
        "Each function (blue) with its gradient (orange, dashed; dots: the gradient at kinks), and its error in ulp over float32"
        " inputs: the largest in each part of the axis, the mean, and what is promised. The axis of errors is logarithmic where"
        f" another library's are large.{beside} `fastact.plot` draws these.",
        "",
        ".. container:: gallery",
        "",
    ]
    for name, made in pictures.items():
        if made:
            lines += ["   .. container:: entry", "", f"      :doc:`{name} <api/{name}>`", ""]
            for stem, alt in made[:2]:
                lines += image(stem, alt, f"api/{name}.html", "      ")
    return lines


def index_page(pictures: dict[str, list[tuple[str, str]]], modules: list[str]) -> list[str]:
    """The list of all functions."""
    rows = [["function", "definition", "also called"]]
    for name in pictures:
        maths, aliases = fa.get(name).formulas["forward"], fa.get(name).aliases
        rows.append([f":doc:`{name}`", f"``{maths}``" if maths else "", ", ".join(f"``{alias}``" for alias in aliases)])
    lines = [
        *heading("Functions"),
        "Every function has a gradient, ``<name>_backward``; those of single elements also give value and slope in one pass,"
        " ``<name>_value_and_grad``. An alias is the same object.",
        "",
        *table(rows, "20 60 20"),
        ".. toctree::",
        "   :hidden:",
        "",
        *(f"   {name}" for name in pictures),
        "",
        *heading("The rest", "-"),
        ".. toctree::",
        "",
        "   more",
        *(f"   {module}" for module in modules),
        "",
    ]
    return lines


def members(module: Any) -> list[str]:
    """What a module has to show of its own."""
    own = [n for n in getattr(module, "__all__", ()) if callable(getattr(module, n))]
    if module in (fa.reference, fa.ufuncs):  # the functions once more: their pages say all
        own = [n for n in own if not isinstance(getattr(module, n), np.ufunc)]
        own = [n for n in own if not any(n == m or n.startswith(f"{m}_") for m in fa.names())]
    return own


def module_page(name: str, module: Any) -> list[str]:
    lines = [*heading(name), f".. automodule:: {name}", "   :no-members:", "", f".. currentmodule:: {name}", ""]
    for member in members(module):
        kind = "autoclass" if isinstance(getattr(module, member), type) else "autofunction"
        lines += [f".. {kind}:: {member}", *(["   :members:"] if kind == "autoclass" else []), ""]
    return lines


def more_page(covered: set[str]) -> list[str]:
    """Public functions that are no activation."""
    lines = [*heading("Other functions"), ".. currentmodule:: fastact", ""]
    for name in fa.__all__:
        thing = getattr(fa, name)
        if name in covered or not callable(thing):
            continue
        kind = "autoclass" if isinstance(thing, type) else "autofunction"
        lines += [f".. {kind}:: {name}", *(["   :members:"] if kind == "autoclass" else []), ""]
    return lines


def public_modules() -> Iterator[tuple[str, Any]]:
    """The package's modules and packages that say in ``__all__`` what they offer, imported if what they need is there."""
    for found in pkgutil.iter_modules(fa.__path__):
        if found.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"fastact.{found.name}")
        except ImportError as error:
            log.info("fastact.%s is left out: %s", found.name, error)
            continue
        if hasattr(module, "__all__"):
            yield module.__name__, module


# ---- experiments, tables, documents ------------------------------------------------------------------------------------


def experiment(path: Path) -> list[str]:
    """Run one: what it prints, what it draws, and its source to unfold."""
    scope: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        results = scope["measure"]()
    draw(path.stem, (6.4, 3.4), lambda figure: scope["draw"](results, figure))
    lines = [".. code-block:: text", "", *(f"   {line}" for line in printed.getvalue().splitlines()), ""]
    lines += image(path.stem, scope["__doc__"].strip().rstrip("."))
    lines += [".. raw:: html", "", f"   <details><summary>The program: docs/experiments/{path.name}</summary>", ""]
    lines += [f".. literalinclude:: /experiments/{path.name}", "   :language: python", "", ".. raw:: html", "", "   </details>", ""]
    return lines


def peers_table(path: Path) -> list[str]:
    """The names and differences of other libraries, from a CSV whose first column is fastact's name."""
    header, *rows = list(csv.reader(path.read_text().splitlines()))
    known = {*NAMES, *(n for name in fa.names() for n in (name, *fa.get(name).aliases))}
    for row in rows:
        if row[0] not in known:
            log.warning("%s: no activation is called %s", path.name, row[0])
    body = [["fastact", "elsewhere", "what differs"]]
    for name, *elsewhere, differs in rows:
        if name in known:
            called = [f"{where}: ``{what}``" for where, what in zip(header[1:-1], elsewhere, strict=True) if what]
            page = f":doc:`{name} </generated/api/{fa.get(name).name}>`"
            body.append([page, "\n       ".join(f"| {line}" for line in called), escaped(differs)])
    return table(body, "12 44 44")


def speed_page(path: Path) -> list[str]:
    """The results of the race, with a class for its tables: their last column is long."""
    lines = path.read_text().splitlines()
    marked = []
    for i, line in enumerate(lines):
        if line.startswith("|") and not lines[i - 1].startswith("|"):
            marked += ["```{rst-class} race", "```", ""]
        marked.append(line)
    return marked


def document(path: Path) -> list[str] | None:
    """A page that includes a document of the repository."""
    if not path.exists():
        return None
    return [f".. include:: /{os.path.relpath(path, DOCS)}", "   :parser: myst_parser.sphinx_", ""]


def menu() -> list[str]:
    """The pages that there are, in order; documents that are included elsewhere are none."""
    own = {str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*") if p.suffix in (".rst", ".md") and OUT not in p.parents}
    own -= {p.stem for p in INCLUDED.values() if p.parent == DOCS}
    made = {"generated/gallery", "generated/api/index", "generated/speed"}
    made |= {f"generated/{stem}" for stem, path in INCLUDED.items() if path.exists()}
    found, rest = own | made, sorted(own - {"index"})
    ordered = [f"   {title} </{page}>" for page, title in ORDER.items() if page in found]
    return [".. toctree::", "   :hidden:", "", *ordered, *(f"   /{p}" for p in rest if p not in ORDER), ""]


def write(path: str, lines: list[str]) -> None:
    target = OUT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines).rstrip() + "\n")


def fingerprint() -> str:
    """Of the package, of everything in docs/ that is made into something, and of which pages there are."""
    package = [*Path(fa.__file__).parent.rglob("*.py"), Path(fa._kernels.__file__)]
    own = [p for pattern in ("peers.csv", "experiments/*.py", "_ext/*.py", "../bench/RESULTS.md") for p in DOCS.glob(pattern)]
    digest = hashlib.sha256("".join(menu()).encode())
    for path in sorted({*package, *own}):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def generate(app: Sphinx) -> None:
    """Make everything, unless it was made from the same files before."""
    stamp = OUT / "stamp"
    if stamp.exists() and stamp.read_text() == fingerprint():
        return
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "pictures").mkdir(parents=True)
    matplotlib.use("Agg")
    show = functools.partial(status_iterator, verbosity=app.verbosity)
    names = fa.names()
    pictures = {name: draw_function(fa.get(name)) for name in show(names, "drawing... ", "brown", len(names))}
    suffixes = ("", "_backward", "_value_and_grad")
    covered = {own + suffix for name in names for own in (name, *fa.get(name).aliases) for suffix in suffixes}
    public = [n for n in fa.__all__ if callable(getattr(fa, n)) and n not in covered]
    for name, made in pictures.items():
        others = [n for n in public if n.startswith(f"{name}_") and not any(n.startswith(f"{m}_") for m in names if len(m) > len(name))]
        covered |= set(others)
        write(f"api/{name}.rst", function_page(fa.get(name), made, others))
    modules = dict(public_modules())
    for name, module in modules.items():
        write(f"api/{name}.rst", module_page(name, module))
    write("api/more.rst", more_page(covered))
    write("api/index.rst", index_page(pictures, list(modules)))
    write("gallery.rst", gallery_page(pictures))
    experiments = sorted((DOCS / "experiments").glob("*.py"))
    for path in show(experiments, "experiments... ", "brown", len(experiments), stringify_func=lambda p: p.stem):
        write(f"experiments/{path.stem}.inc", experiment(path))
    write("peers.inc", peers_table(DOCS / "peers.csv"))
    write("speed.md", speed_page(DOCS.parent / "bench/RESULTS.md"))
    for stem, path in INCLUDED.items():
        lines = document(path)
        if lines is not None:
            write(f"{stem}.rst", lines)
    write("menu.inc", menu())
    stamp.write_text(fingerprint())


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx's entry point."""
    sys.dont_write_bytecode = True
    app.connect("builder-inited", generate)
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
