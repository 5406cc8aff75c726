"""The documentation's sources: examples that run, names that exist, versions that agree.

The build itself, without a warning and with every docstring's example, is ``tools/task docs``.
"""

from __future__ import annotations

import csv
import doctest
import importlib.util
import re
import sys

import pytest
from _support import ROOT

import fastact as fa

DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="needs the source tree")
PAGES = sorted(DOCS.glob("*.rst"))
EXPERIMENTS = sorted((DOCS / "experiments").glob("*.py"))
KNOWN = {n for name in fa.names() for n in (name, *fa.get(name).aliases)}


@pytest.mark.parametrize("page", [p for p in PAGES if ">>>" in p.read_text()], ids=lambda p: p.stem)
def test_examples_of_pages_run(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, verbose=False)
    assert tried and not failed


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_pages_name_only_functions_that_exist(page):
    for name in re.findall(r"\bfa\.([a-z]\w*)", page.read_text()):
        assert hasattr(fa, name) or importlib.util.find_spec(f"fastact.{name}"), f"{page.name}: fa.{name}"


def test_the_table_of_other_libraries():
    header, *rows = list(csv.reader((DOCS / "peers.csv").read_text().splitlines()))
    names = [row[0] for row in rows]
    assert len(names) == len(set(names)) and set(names) <= KNOWN
    assert all(len(row) == len(header) for row in rows)
    assert all(any(row[1:]) for row in rows), "a row that says nothing"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_experiments_are_used_and_name_functions_that_exist(path):
    text = path.read_text()
    assert f"generated/experiments/{path.stem}.inc" in (DOCS / "choosing.rst").read_text()
    for names in re.findall(r"^NAMES = (\(.*\))$", text, re.M):
        assert set(re.findall(r'"(\w+)"', names)) <= KNOWN
    assert re.match(r'"""[^"]+"""\n', text) and "def measure():" in text and "def draw(" in text


def test_versions_agree():
    (version,) = re.findall(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())
    assert fa.__version__.startswith(version)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_commands_of_the_contributing_page_exist():
    script = (ROOT / "tools/task").read_text()
    for task in re.findall(r"^\| `tools/task (\w+)", (ROOT / "CONTRIBUTING.md").read_text(), re.M):
        assert re.search(rf"^{task}\)", script, re.M), task


@pytest.fixture(scope="module")
def pages():
    for needed in ("sphinx", "matplotlib"):
        pytest.importorskip(needed)
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import pages
    finally:
        sys.path.pop(0)
    return pages


@pytest.mark.parametrize("name", fa.names())
def test_every_function_has_its_page(pages, name):
    text = "\n".join(pages.function_page(fa.get(name), [(name, "a picture")], []))
    record = fa.get(name).record
    assert text.startswith(f"{name}\n{'=' * len(name)}\n")
    for part in (record.maths, record.gradient_maths):
        assert f"``{part}``" in text
    assert f".. autofunction:: {name}\n" in text and f".. autofunction:: {name}_backward\n" in text
    assert all(f"``{alias}``" in text for alias in record.aliases)
    assert f"/generated/pictures/{name}-light.svg" in text and f"/generated/pictures/{name}-dark.svg" in text
    assert all(f"{p.name}" in text for p in getattr(record, "parameters", ()))
    assert f":doc:`{name}`" in "\n".join(pages.index_page({n: [] for n in fa.names()}, []))


def test_formulas_are_no_markup(pages):
    assert pages.escaped("|x| + x**2, y_ and f_1") == r"\|x\| + x\*\*2, y\_ and f_1"
    lines = ["f(x) = |x|**2, not ``|x|``", "", ">>> print(2**3)", "8"]
    pages.escape_docstring(None, "", "", None, None, lines)
    assert lines == [r"f(x) = \|x\|\*\*2, not ``|x|``", "", ">>> print(2**3)", "8"]
    assert [pages.number(v) for v in (-0.0, 0.0, float("-inf"), None, 0.25)] == ["-0", "0", "-∞", "", "0.25"]
