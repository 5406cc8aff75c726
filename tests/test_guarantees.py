"""docs/guarantees.md is what tools/guarantees.py writes, and names tests and commands that exist."""

from __future__ import annotations

import importlib.util
import shlex
import sys

import pytest
from _support import ROOT

spec = importlib.util.spec_from_file_location("guarantees", ROOT / "tools" / "guarantees.py")
assert spec is not None and spec.loader is not None
guarantees = importlib.util.module_from_spec(spec)
sys.modules["guarantees"] = guarantees
spec.loader.exec_module(guarantees)


def test_the_page_is_fresh():
    page = guarantees.PAGE.read_text()
    assert page == guarantees.render(guarantees.found_last(page)), "run tools/guarantees.py"


def test_every_promise_is_shown_by_something_that_exists():
    assert list(guarantees.PROMISES) == [f"G{k}" for k in range(1, 26)]
    assert guarantees.missing_tests() == []
    used = {c for p in guarantees.PROMISES.values() for c in p.commands}
    assert used == set(guarantees.COMMANDS)
    for promise in guarantees.PROMISES.values():
        assert guarantees.tests_of(promise) or promise.commands
    for command in guarantees.COMMANDS.values():
        first, second, *_ = [*shlex.split(command), ""]
        if first == "python" and second != "-m":
            assert (ROOT / second).exists(), command
        elif first != "python":
            assert (ROOT / first).stat().st_mode & 0o100, command


def test_a_failure_is_told():
    test, command = guarantees.tests_of(guarantees.PROMISES["G24"])[0], guarantees.COMMANDS["fuzz"]
    good = {test: "2 passed (2030-01-01)", command: "10000000 cases, no fault (2030-01-01)"}
    assert not any(map(guarantees.failed, good.values()))
    page = guarantees.render(good)
    assert guarantees.found_last(page) == good
    assert "## G24\n\nArrays of more than 2^31 elements.\n\nHolds.\n" in page
    page = guarantees.render({**good, test: "1 failed, 1 passed (2030-01-01)"})
    assert f"**Not shown:** `{test}` failed." in page
    page = guarantees.render({**good, command: "3 cases, a fault (status 1) (2030-01-01)"})
    assert page.count(f"`{command}` failed.") == 4
    assert guarantees.render({}).count("**Not shown:** nothing was run yet.") + guarantees.render({}).count("**Does not hold.**") == 25


def test_a_promise_that_holds_again_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(guarantees, "PAGE", tmp_path / "page.md")
    monkeypatch.setitem(guarantees.PROMISES, "G24", guarantees.Promise("x", "", ("golden",), broken="so and so"))
    monkeypatch.setattr(sys, "argv", ["guarantees.py", "--found", "golden", "1 of 9 differ (status 1)"])
    assert guarantees.main() == 1 and "**Does not hold.** so and so" in guarantees.PAGE.read_text()
    monkeypatch.setattr(sys, "argv", ["guarantees.py", "--found", "golden", "0 of 9 differ"])
    with pytest.raises(SystemExit, match="G24 holds by now"):
        guarantees.main()


def test_a_test_that_is_gone_is_told(monkeypatch):
    monkeypatch.setitem(guarantees.PROMISES, "G24", guarantees.Promise("x", "test_hygiene: test_gone; test_nowhere: test_it"))
    assert guarantees.missing_tests() == ["tests/test_hygiene.py::test_gone", "tests/test_nowhere.py::test_it"]
    monkeypatch.setattr(sys, "argv", ["guarantees.py"])
    with pytest.raises(SystemExit, match="test_gone"):
        guarantees.main()
