"""fastact.cython_api: the functions for Cython and C have the ufuncs' bits, all of them, and can be called from compiled code."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.machinery
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import numpy as np
import pytest
from _support import VARIANTS

import fastact as fa
from fastact import cython_api
from fastact._registry import ELEMENTWISE, operations

OPERATIONS = [(record, op) for record in ELEMENTWISE for op in operations(record)]
TYPES = {"f4": (np.float32, ctypes.c_float), "f8": (np.float64, ctypes.c_double)}
EXTENSION = importlib.machinery.EXTENSION_SUFFIXES[0]
COMPILER = os.environ.get("CC", "cc")
needs_compiler = pytest.mark.skipif(shutil.which(COMPILER.split()[0]) is None, reason="no C compiler")


def pointer(name):
    """The address of a function, and its declaration in C without its name."""
    capsule = cython_api.__pyx_capi__[name]
    get_name, get_pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    declaration = get_name(capsule)
    return get_pointer(capsule, declaration), declaration.decode()


def values(dtype, count):
    """Numbers of all sizes, zeros, infinities and NaN."""
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -3.0, 6.0, 88.0, -104.0, 1e-40, -1e-40, 1e30, -1e30]
    drawn = rng.standard_normal(count) * 10.0 ** rng.integers(-6, 3, count)
    return np.concatenate([special, drawn]).astype(dtype)


def same_bits(found, wanted):
    kind = np.uint32 if found.dtype == np.float32 else np.uint64
    np.testing.assert_array_equal(found.view(kind), wanted.view(kind))


def test_the_names_are_the_tables():
    stems = [f"{op.name}_{suffix}" for _, op in OPERATIONS for suffix in TYPES]
    assert set(cython_api.__pyx_capi__) == {f"{stem}{form}" for stem in stems for form in ("", "_array")}
    assert {op.name for _, op in OPERATIONS} <= set(fa._ufuncs)


@pytest.mark.parametrize("suffix", TYPES)
@pytest.mark.parametrize(("record", "op"), OPERATIONS, ids=[op.name for _, op in OPERATIONS])
def test_the_bits_are_the_ufuncs(record, op, suffix):
    dtype, ctype = TYPES[suffix]
    x = values(dtype, 100)
    data = [x if name != "dy" else np.roll(x, 7) for name in op.data]
    for sample in range(2):
        parameters = [dtype(p.default if p.default is not None and sample == 0 else p.samples[0]) for p in record.parameters]
        with np.errstate(all="raise"):
            wanted = fa._ufuncs[op.name](*data, *parameters)
        single, declared = pointer(f"{op.name}_{suffix}")
        real = ctype.__name__.removeprefix("c_")
        assert declared == f"{real} ({', '.join([real] * (len(data) + len(parameters)))})"
        call = ctypes.CFUNCTYPE(ctype, *[ctype] * (len(data) + len(parameters)))(single)
        found = np.array([call(*map(float, row), *map(float, parameters)) for row in zip(*data, strict=True)], dtype)
        same_bits(found, wanted)

        many, declared = pointer(f"{op.name}_{suffix}_array")
        arrays = ", ".join([f"{real} *", *[f"{real} const *"] * len(data)])
        assert declared == f"void ({', '.join([arrays, *[real] * len(parameters), 'Py_ssize_t'])})"
        kinds = [ctypes.c_void_p] * (1 + len(data)) + [ctype] * len(parameters) + [ctypes.c_ssize_t]
        call = ctypes.CFUNCTYPE(None, *kinds)(many)
        for n in (0, 1, 37, len(x)):
            out = np.full(len(x), 7, dtype)
            call(out.ctypes.data, *(a.ctypes.data for a in data), *map(float, parameters), n)
            same_bits(out[:n], wanted[:n])
            assert (out[n:] == 7).all(), "nothing beyond n is written"
        out = data[0].copy()
        call(out.ctypes.data, out.ctypes.data, *(a.ctypes.data for a in data[1:]), *map(float, parameters), len(x))
        same_bits(out, wanted)


def fingerprint():
    """All functions of float32 arrays over some numbers."""
    found = hashlib.sha256()
    x = values(np.float32, 1000)
    for record, op in OPERATIONS:
        call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (1 + len(op.data)), *[ctypes.c_float] * len(op.parameters), ctypes.c_ssize_t)(
            pointer(f"{op.name}_f4_array")[0]
        )
        out = np.empty_like(x)
        call(out.ctypes.data, *[x.ctypes.data] * len(op.data), *(float(p.samples[0]) for p in record.parameters), len(x))
        found.update(np.where(np.isnan(out), np.float32(np.nan), out).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("variant", VARIANTS)
def test_they_are_of_the_variant_that_was_chosen(variant):
    """And all variants give the same."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_cython_api as t; print(t.fa.ISA, t.fingerprint())"
    env = {**os.environ, "FASTACT_ISA": variant}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env)
    assert done.stdout.split() == [variant, fingerprint()], done.stderr


def test_the_package_has_what_a_compiler_needs():
    directory = Path(fa.get_include())
    assert (directory / "fastact_api.h").exists() and (directory / "cython_api.pxd").exists()


def test_scipy_takes_them():
    """LowLevelCallable finds a function by its name."""
    scipy = pytest.importorskip("scipy")
    integrate = pytest.importorskip("scipy.integrate")
    sigmoid = scipy.LowLevelCallable.from_cython(cython_api, "sigmoid_f8")
    assert integrate.quad(sigmoid, -3, 3)[0] == pytest.approx(3.0, abs=1e-12)


# ---- compiled against it -------------------------------------------------------------------------------------------------


def imported(directory, module, program):
    """What a program prints that imports a module from a directory."""
    package = Path(fa.__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(directory), str(package)])}
    code = f"import numpy as np\nimport fastact as fa\nimport {module}\n{textwrap.dedent(program)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CYTHON = '''
# cython: language_level=3
from cython.parallel cimport prange
from fastact cimport cython_api
from fastact.cython_api cimport elu_backward_f8

def gelu_of_each(const float[::1] x, float[::1] out):
    """One by one, in threads."""
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=2):
        out[i] = cython_api.gelu_f4(x[i])

def gelu_of_rows(const float[:, ::1] x, float[:, ::1] out):
    """Row by row, in threads."""
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=2):
        cython_api.gelu_f4_array(&out[i, 0], &x[i, 0], x.shape[1])

def slope(double x, double alpha):
    with nogil:
        x = elu_backward_f8(1.0, x, alpha)
    return x
'''
SETUP = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup

flags = ["-fopenmp"] if sys.platform.startswith("linux") else []
extension = Extension("host", ["host.pyx"], extra_compile_args=flags, extra_link_args=flags)
setup(name="host", ext_modules=cythonize([extension], include_path=[sys.argv.pop()]))
"""


@needs_compiler
def test_a_cython_module_calls_them(tmp_path):
    for module in ("Cython", "setuptools"):
        pytest.importorskip(module)
    (tmp_path / "host.pyx").write_text(CYTHON)
    (tmp_path / "setup.py").write_text(SETUP)
    package = Path(fa.get_include()).parent
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", str(package)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = imported(
        tmp_path,
        "host",
        """
        x = np.random.default_rng(0).standard_normal((50, 333), dtype=np.float32)
        wanted = fa.gelu(x).tobytes()
        each, rows = np.empty_like(x), np.empty_like(x)
        host.gelu_of_each(x.reshape(-1), each.reshape(-1))
        host.gelu_of_rows(x, rows)
        slopes = [host.slope(v, 1.7) for v in x[0].astype(float)]
        print(each.tobytes() == wanted, rows.tobytes() == wanted, slopes == fa.elu_backward(1.0, x=x[0].astype(float), alpha=1.7).tolist())
        """,
    )
    assert printed == "True True True"


C = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "fastact_api.h"

static PyObject *mish_of(PyObject *self, PyObject *argument)
{
    (void)self;
    Py_buffer x;
    if (PyObject_GetBuffer(argument, &x, PyBUF_WRITABLE) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    mish_f4_array((float *)x.buf, (const float *)x.buf, x.len / (Py_ssize_t)sizeof(float));
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&x);
    return PyFloat_FromDouble(mish_backward_f8(1.0, 0.25));
}

static PyMethodDef methods[] = {{"mish_of", mish_of, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "plain", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_plain(void)
{
    if (import_fastact__cython_api() < 0)
        return NULL;
    return PyModule_Create(&definition);
}
"""


@needs_compiler
def test_a_plain_c_module_calls_them(tmp_path):
    (tmp_path / "plain.c").write_text(C)
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        pytest.skip("Python's headers are not installed")
    flags = ["-shared", "-fPIC", "-O2", *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else [])]
    command = [*COMPILER.split(), *flags, f"-I{headers}", f"-I{fa.get_include()}", "plain.c", "-o", f"plain{EXTENSION}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    printed = imported(
        tmp_path,
        "plain",
        """
        x = np.random.default_rng(0).standard_normal(1001, dtype=np.float32)
        wanted = fa.mish(x)
        slope = plain.mish_of(x)
        print(x.tobytes() == wanted.tobytes(), slope == fa.mish_backward(1.0, x=0.25))
        """,
    )
    assert printed == "True True"
