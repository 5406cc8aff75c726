"""Keras' NumPy backend on fastact: installed and uninstalled in a process of its own, whose backend Keras fixes at import."""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys

import pytest

if any(importlib.util.find_spec(name) is None for name in ("keras", "jax")):     # the NumPy backend imports jax
    pytest.skip("Keras is not installed, or jax, which its NumPy backend imports", allow_module_level=True)


def _in_a_process(code: str) -> str:
    path = os.pathsep.join([*(p for p in sys.path if p)])
    environment = os.environ | {"KERAS_BACKEND": "numpy", "PYTHONPATH": path}
    command = [sys.executable, "-c", inspect.cleandoc(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


COMMON = """
import inspect
import numpy as np
import keras
from keras.src.backend.numpy import nn
import fastact as fa
from fastact.adapters.keras import install, uninstall
before = dict(vars(nn))
"""


def test_install_and_uninstall():
    """Importing patches nothing; every function of the backend that the table has is replaced, and put back."""
    _in_a_process(COMMON + """
assert dict(vars(nn)) == before
names = install()
assert names == install()
assert {"relu", "gelu", "softmax", "silu", "leaky_relu"} <= set(names), names
assert {n for n in vars(nn) if vars(nn)[n] is not before.get(n)} == set(names)
own = {n for n, f in before.items() if inspect.isfunction(f) and f.__module__ == nn.__name__ and n in fa.names()}
assert own <= set(names), own - set(names)
uninstall()
assert dict(vars(nn)) == before
uninstall()
    """)


def test_every_function_agrees_with_keras():
    """Signatures, types and values, at the defaults and at other arguments; away from the tails, where Keras' lose digits."""
    _in_a_process(COMMON + """
names = install()
rng = np.random.default_rng(0)
other = {"alpha": 0.5, "negative_slope": 0.3, "threshold": 0.8, "b": 2.0, "axis": 0, "approximate": False}
for name in names:
    ours, theirs = getattr(nn, name), before[name]
    shown = lambda f: [(p.name, p.default) for p in inspect.signature(f).parameters.values()]
    assert shown(ours) == shown(theirs), (name, shown(ours), shown(theirs))
    required = {n: v for n, v in (("threshold", 0.2), ("default_value", -1.0)) if (n, inspect.Parameter.empty) in shown(theirs)}
    choices = [required] + [required | {n: v} for n, v in other.items() if n in dict(shown(theirs))]
    if name == "sparsemax":                                       # Keras' rows do not add up to 1 where two numbers share them
        np.testing.assert_array_equal(ours(x := np.eye(3, 4, dtype="f4")), fa.sparsemax(x))
        continue
    for dtype, tolerance in (("float32", 3e-6), ("float64", 1e-13)):
        x = (rng.standard_normal((4, 6)) * 2).astype(dtype)
        for given in choices:
            a, b = ours(x, **given), theirs(x, **given)
            assert a.dtype == b.dtype and a.shape == b.shape, (name, given)
            near = tolerance if a.dtype == dtype else 3e-6            # some of Keras' round float64 to its floatx
            np.testing.assert_allclose(a, b, rtol=near, atol=near, err_msg=f"{name} {given}")
    """)


def test_layers_and_operations_take_them():
    _in_a_process(COMMON + """
x = np.linspace(-9, 3, 12, dtype="f4").reshape(3, 4)
install()
np.testing.assert_array_equal(keras.ops.gelu(x, approximate=False), fa.gelu(x))
np.testing.assert_array_equal(keras.activations.gelu(x), fa.gelu(x))
np.testing.assert_array_equal(keras.ops.gelu(x), fa.gelu_tanh(x))
np.testing.assert_array_equal(keras.layers.Activation("softmax")(x), fa.softmax(x))
np.testing.assert_array_equal(keras.ops.log_softmax(x, axis=0), fa.log_softmax(x, 0))
assert (np.asarray(keras.activations.gelu(x))[0] < 0).all()       # 1 + erf is 0 there
for value in (np.arange(-2, 3), np.arange(-2, 3).astype("float16")):
    np.testing.assert_array_equal(keras.ops.relu(value), before["relu"](value))
    assert keras.ops.relu(value).dtype == before["relu"](value).dtype
uninstall()
np.testing.assert_array_equal(keras.ops.gelu(x, approximate=False), before["gelu"](x, False))
    """)


def test_bfloat16_is_float32_rounded_once():
    """Of every function; and a layer under the policy that asks for it."""
    _in_a_process(COMMON + """
import ml_dtypes
names = install()
x = (np.random.default_rng(0).standard_normal((6, 40)) * 3).astype(ml_dtypes.bfloat16)
for name in names:
    given = {"threshold": {"threshold": 0.5, "default_value": -1.0}, "leaky_relu": {"negative_slope": 0.25}}.get(name, {})
    if name == "hard_sigmoid":                                    # a slope of 1/6 has the array's type
        np.testing.assert_array_equal(getattr(nn, name)(x).astype("f4"), fa.hard_sigmoid(x, 1 / 6, 0.5).astype("f4"))
        continue
    got = getattr(nn, name)(x, **given)
    wide = getattr(nn, name)(x.astype("f4"), **given)
    assert got.dtype == x.dtype, name
    np.testing.assert_array_equal(got.astype("f4"), wide.astype(x.dtype).astype("f4"), err_msg=name)
layer = keras.layers.Dense(8, activation="silu", dtype="mixed_bfloat16")
assert str(layer(np.ones((2, 4), "f4")).dtype) == "bfloat16"
    """)
