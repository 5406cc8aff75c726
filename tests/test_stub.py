"""The type stub is the table's, and mypy, pyright and stubtest have nothing against it. See tools/check_types.py."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"


def test_the_stub_is_fresh():
    done = subprocess.run([sys.executable, str(TOOLS / "make_stub.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def check_types(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("check_types")


@pytest.mark.parametrize(("check", "needs"), [("mypy", "mypy"), ("pyright", "pyright"), ("stubtest", "mypy")])
def test_no_complaint(check, needs, check_types, tmp_path):
    """Of every function the type of what comes back, under each name; and the stub against the package as it is imported."""
    pytest.importorskip(needs)
    said = getattr(check_types, check)(tmp_path)
    assert not said, said


@pytest.mark.parametrize("check", ["mypy", "pyright"])
def test_a_wrong_type_is_seen(check, check_types, tmp_path, monkeypatch):
    pytest.importorskip(check)
    wrong = check_types.HEADER + "    assert_type(fa.gelu(single), NDArray[np.float64])\n"
    monkeypatch.setattr(check_types, "asserts", lambda: wrong)
    assert "float64" in getattr(check_types, check)(tmp_path)
