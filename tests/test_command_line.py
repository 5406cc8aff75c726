"""``python -m fastact``: each command's output, exit status and JSON; names that are misspelt."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

import fastact as fa
from fastact import bench
from fastact.__main__ import _parser, main

COMMANDS = ("info", "demo", "plot", "gallery", "verify", "golden", "bench")


def say(capsys, *arguments):
    """The status, and what was printed."""
    status = main(list(arguments))
    return status, *capsys.readouterr()


def refused(capsys, *arguments):
    """The message of a command line that makes no sense."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert f"python -m fastact {command}" in shown and len(shown.split()) > 20
    assert command in _parser().format_help()


def test_no_command_and_an_unknown_one(capsys):
    assert "required" in refused(capsys)
    assert "invalid choice: 'plto'; did you mean 'plot'?" in refused(capsys, "plto")
    assert "did you mean 'float32'?" in refused(capsys, "bench", "--dtype", "float3")


def test_as_a_process():
    run = [sys.executable, "-m", "fastact"]
    assert subprocess.run([*run, "--version"], capture_output=True, text=True, timeout=60).stdout == f"fastact {fa.__version__}\n"
    assert subprocess.run([*run, "plot", "gelo"], capture_output=True, timeout=60).returncode == 2
    closed = subprocess.run(["sh", "-c", f"{sys.executable} -m fastact info --json | true"], capture_output=True, text=True, timeout=60)
    assert not closed.stderr, "a reader that stops early is no error to trace"


@pytest.mark.parametrize("command", ["info", "config"])
def test_info(command, capsys):
    status, shown, _ = say(capsys, command)
    assert status == 0 and fa.ISA in shown and np.__version__ in shown
    status, shown, _ = say(capsys, command, "--json")
    facts = json.loads(shown)
    assert status == 0 and facts["version"] == fa.__version__ and facts["isa"] == fa.ISA and fa.ISA in facts["isa_usable"]


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_plot(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, shown, _ = say(capsys, "plot", "expit")
    assert status == 0 and shown == "fastact-sigmoid.png: sigmoid\n" and (tmp_path / "fastact-sigmoid.png").read_bytes()[1:4] == b"PNG"
    status, shown, _ = say(capsys, "plot", "elu", "--set", "alpha=2", "-o", "e.svg", "--json")
    assert status == 0 and json.loads(shown) == {"function": "elu", "file": "e.svg"} and "<svg" in (tmp_path / "e.svg").read_text()
    assert "did you mean 'gelu'?" in refused(capsys, "plot", "gelo")
    assert "as alpha=2, got 'alpha'" in refused(capsys, "plot", "elu", "--set", "alpha")
    for arguments, message in (
        (["elu", "--set", "aleph=2"], "has no parameter 'aleph'"),
        (["softplus", "--set", "beta=0"], "beta must be finite and not 0"),
        (["elu", "-o", "nowhere/e.png"], "nowhere"),
        (["elu", "-o", "e.nothing"], "nothing"),
    ):
        status, shown, wrong = say(capsys, "plot", *arguments)
        assert status == 1 and not shown and message in wrong


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_plot_errors(capsys, tmp_path):
    pytest.importorskip("scipy")
    path = tmp_path / "e.png"
    status, shown, _ = say(capsys, "plot", "gelu", "--errors", "--gradient", "--count", "4000", "-o", str(path), "--json")
    found = json.loads(shown)
    assert status == 0 and path.exists() and found["function"] == "gelu_backward" and found["dtype"] == "float32"
    assert 0 < found["max_ulp"] <= fa.get("gelu").bounds["float32"] and found["points"] > 3000
    status, _, wrong = say(capsys, "plot", "softmax", "--errors", "-o", str(path))
    assert status == 1 and "works on several numbers" in wrong


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_gallery(capsys, tmp_path):
    path = tmp_path / "g.png"
    status, shown, _ = say(capsys, "gallery", "--functions", "relu, expit", "-o", str(path), "--json")
    assert status == 0 and path.exists() and json.loads(shown) == {"file": str(path), "functions": ["relu", "sigmoid"]}
    assert "did you mean 'relu'?" in refused(capsys, "gallery", "--functions", "gelu,relo")


def test_without_matplotlib(capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    for command in (["plot", "relu"], ["gallery"]):
        status, _, wrong = say(capsys, *command)
        assert status == 1 and "pip install matplotlib" in wrong


# ---- the race --------------------------------------------------------------------------------------------------------


def test_bench_races_every_function_that_takes_one_array(capsys):
    status, shown, _ = say(capsys, "bench", "--size", "2000", "--rounds", "1", "--json")
    found = json.loads(shown)
    assert status == 0 and found["isa"] == fa.ISA
    rows = {row["function"]: row for row in found["rows"]}
    for name in fa._registry.RECORDS:
        for row in (name, f"{name}_backward"):
            assert rows[row]["fastact_ns"] > 0 and rows[row]["peers_ns"]["NumPy"] > 0


def test_bench_as_text(capsys):
    status, shown, _ = say(capsys, "bench", "--functions", "gelu", "--forward", "--size", "1000", "--rounds", "1", "--dtype", "float64")
    assert status == 0 and "geometric mean" in shown and "float64" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("gelu")] == ["gelu"]
    assert "did you mean 'gelu'" in refused(capsys, "bench", "--functions", "gelo")
    assert "did you mean 'gelu'" in refused(capsys, "demo", "--activations", "gelo")
    assert "at least 1" in refused(capsys, "bench", "--size", "0")


def test_the_table_says_how_many_times():
    shown = bench.table([bench.Timing("a", "float32", 8, 0.5, {"NumPy": 2.0}), bench.Timing("b", "float32", 8, 0.5, {"NumPy": 8.0})])
    assert "4.0x" in shown and "16.0x" in shown and "take 8.0 times" in shown


# ---- golden ----------------------------------------------------------------------------------------------------------


def test_golden_json(capsys, tmp_path):
    path = tmp_path / "g.json"
    assert main(["golden", str(path), "--write"]) == 0
    capsys.readouterr()
    status, shown, _ = say(capsys, "golden", str(path), "--json")
    found = json.loads(shown)
    assert status == 0 and found[fa.ISA]["different"] == [] and found[fa.ISA]["fingerprints"] > 100


def test_golden_needs_only_numpy(monkeypatch):
    """On a foreign machine there may be nothing else."""
    code = """if True:
        import sys
        sys.modules.update(dict.fromkeys(("mpmath", "gmpy2", "scipy", "ml_dtypes")))    # importing them is an ImportError
        import fastact.verify.golden
    """
    subprocess.run([sys.executable, "-c", code], check=True)
