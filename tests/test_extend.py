"""Adding an activation touches two files: the table and the formulas. Everything else follows from them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from _support import ROOT

RECORD = '''    Record(
        name="sqnl",
        aliases=("square_nonlinearity",),
        summary="Square nonlinearity of adjustable width.",
        maths="x - x |x| / (2 width) up to |x| = width, and then width / 2 with x's sign",
        gradient_maths="max(1 - |x| / width, 0)",
        forward="where(x < 0, -1, 1) * (minimum(abs(x), width) - minimum(abs(x), width)**2 / (2 * width))",
        derivative="(width - minimum(abs(x), width)) / width",
        parameters=(Parameter("width", 2.0, "where it stops", check="nonzero", samples=(0.5,)),),
        odd=True,
        edges=((-0.0, -0.0, 1.0), (1.0, 0.75, 0.5), (INF, 1.0, 0.0)),
        example=((-1.0, -0.7500, 0.5000), (0.5, 0.4375, 0.7500), (2.0, 1.0000, 0.0000)),
        source="Wuraola and Patel, SQNL: a new computationally efficient activation function, IJCNN 2018.",
    ),
'''
FORMULAS = """

cdef inline real sqnl(real x, real width) noexcept nogil:
    cdef real size = abs(x)
    cdef real a = width if size > width else size
    return copysign(fma(-a, a / (width + width), a), x)

cdef inline real sqnl_backward(real dy, real x, real width) noexcept nogil:
    cdef real size = abs(x)
    cdef real a = width if size > width else size
    return dy * ((width - a) / width)
"""
USE = """
    import mpmath, numpy as np, sys
    import fastact as fa
    from fastact import _proof

    assert fa.__file__.startswith(sys.argv[1]), fa.__file__
    assert fa.names()[fa.names().index("softmax") - 1] == "sqnl" and fa.square_nonlinearity is fa.sqnl
    assert fa.get("square_nonlinearity").backward is fa.sqnl_backward and fa.get("sqnl").parameters == {"width": 2.0}
    assert fa.sqnl.ufunc is fa.ufuncs.sqnl and fa.ufuncs.sqnl_backward.nin == 3
    rng = np.random.default_rng(0)
    for dtype in ("f2", "f4", "f8"):
        x = rng.standard_normal(1003).astype(dtype)
        y = fa.sqnl(x)
        dx = fa.sqnl_backward(np.ones_like(x), x=x)
        assert y.dtype == dx.dtype == x.dtype
        assert (fa.sqnl(-x) == -y).all()
        value, slope = fa.sqnl_value_and_grad(x)
        assert np.array_equal(value, y) and np.array_equal(slope, dx)
        assert np.array_equal(fa.sqnl(x[::-3]), y[::-3])
        for i in range(0, 1003, 20):
            true = _proof.forward("sqnl", float(x[i]), width=2.0)
            slope = _proof.gradient("sqnl", float(x[i]), width=2.0)
            assert _proof.error(y[i], true, x.dtype.name) <= fa.get("sqnl").bounds[x.dtype.name]
            assert _proof.error(dx[i], slope, x.dtype.name) <= fa.get("sqnl").bounds[x.dtype.name]
        tolerance = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(fa.reference.sqnl(x), y, rtol=tolerance)
        np.testing.assert_allclose(fa.reference.sqnl_backward(x, x), fa.sqnl_backward(x, x=x), rtol=tolerance)
        widths = rng.uniform(0.5, 2, 1003).astype(dtype)
        assert fa.sqnl(x, widths)[5] == fa.sqnl(x[5], float(widths[5]))
        assert fa.sqnl(x, out=x) is x and np.array_equal(x, y)
    assert fa.sqnl(np.arange(3)).dtype == np.float64
    for bad in (lambda: fa.sqnl(1.0, width=0.0), lambda: fa.get("sqml")):
        try:
            bad()
        except ValueError as error:
            assert "width" in str(error) or "did you mean 'sqnl'" in str(error)
        else:
            raise AssertionError("not refused")
    try:
        fa.sqnl_backward(1.0, y=0.5)
    except TypeError as error:
        assert "save the input" in str(error)
    assert "where it stops" in fa.sqnl.__doc__.lower() and "sqnl(x)" not in fa.gelu.__doc__
    assert fa.reference.source("sqnl").startswith("def sqnl(x, width=2.0):")
    assert np.array_equal(fa.gelu(np.float32([1.0, -1.0])), fa.ufuncs.gelu(np.float32([1.0, -1.0])))
    print("works")
"""
#: From the repository: the sources and what builds them.
NEEDED = ("src", "meson.build", "pyproject.toml", "README.md", "LICENSE")


def tools() -> dict[str, str]:
    """The build's tools, or a skip that says which one is missing."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = {name: shutil.which(name, path=path) for name in ("meson", "ninja")}
    found["a C compiler"] = next((c for c in (shutil.which(n, path=path) for n in ("cc", "gcc", "clang")) if c), None)
    found["cython"] = shutil.which("cython", path=path) if importlib.util.find_spec("Cython") else None
    missing = [name for name, where in found.items() if not where]
    if missing:
        pytest.skip(f"the package cannot be built here: no {', '.join(missing)}")
    if not all((ROOT / name).exists() for name in NEEDED):
        pytest.skip("needs the source tree")
    return {"PATH": path, **{k: v for k, v in found.items() if v}}


def run(command: list[str], cwd: Path, path: str, **environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FASTACT_ISA")}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, env={**env, "PATH": path, **environment})
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_adding_an_activation_touches_two_files(tmp_path):
    found = tools()
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / name, tree / name)
    package = tree / "src/fastact"

    # the two files
    table = package / "_registry.py"
    text = table.read_text()
    assert text.count("\n)\n\nROWWISE") == 1
    table.write_text(text.replace("\n)\n\nROWWISE", f"\n{RECORD})\n\nROWWISE"))
    formulas = package / "core/activations.pxi"
    formulas.write_text(formulas.read_text() + FORMULAS)

    # less optimised than a release, because this is not about speed: each result is the same
    recipe = package / "meson.build"
    assert "'-O3'" in recipe.read_text()
    recipe.write_text(recipe.read_text().replace("'-O3'", "'-O1'"))
    python = f"[binaries]\npython = {sys.executable!r}\ncython = {found['cython']!r}\n"
    (tmp_path / "native.ini").write_text(python)
    run([found["meson"], "setup", "build", "--native-file", str(tmp_path / "native.ini")], tree, found["PATH"])
    targets = run([found["ninja"], "-C", "build", "-t", "targets", "all"], tree, found["PATH"])
    modules = ("_kernels_baseline", "/_cpu", "/_quick")
    wanted = [t.partition(":")[0] for t in targets.splitlines() if "LINKER" in t and any(m in t for m in modules)]
    assert len(wanted) == len(modules), targets
    run([found["ninja"], "-C", "build", *wanted], tree, found["PATH"])
    for module in wanted:
        shutil.copy(tree / "build" / module, package)
    shutil.copy(tree / "build/src/fastact/_version.py", package)

    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(USE), str(tree)]
    shown = run(command, tmp_path, found["PATH"], PYTHONPATH=str(tree / "src"))
    assert shown.split() == ["works"]
