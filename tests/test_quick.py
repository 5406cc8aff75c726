"""Functions that call their ufuncs at once where all is usual: they are, and do, what the Python functions under them do."""

from __future__ import annotations

import copy
import inspect
import pickle
import weakref

import numpy as np
import pytest

import fastact as fa
from fastact import _quick
from fastact._registry import ELEMENTWISE

QUICK = sorted(
    name
    for record in ELEMENTWISE
    for name in (record.name, f"{record.name}_backward", f"{record.name}_value_and_grad")
    if isinstance(getattr(fa, name, None), _quick.Quick)
)


def test_most_functions_are():
    assert {"elu", "elu_backward", "elu_value_and_grad", "exp_backward", "sine", "laplace"} <= set(QUICK)
    # what is learned is to be given; a ufunc needs no help
    assert not {"prelu", "prelu_backward", "prelu_value_and_grad", "exp", "exp_value_and_grad"} & set(QUICK)


@pytest.mark.parametrize("name", QUICK)
def test_they_are_what_they_wrap(name):
    function = getattr(fa, name)
    wrapped = function.__wrapped__
    assert inspect.signature(function) == inspect.signature(wrapped)
    assert (function.__name__, function.__qualname__, function.__module__) == (name, name, "fastact")
    assert function.__doc__ and function.ufunc is wrapped.ufunc
    assert pickle.loads(pickle.dumps(function)) is function is copy.deepcopy(function)
    assert weakref.ref(function)() is function
    assert name in repr(function)


def calls(name, x, dy, out):
    """Ways to call it, as (positional, keywords): usual ones, and such as go to the Python function."""
    plain = {} if out is None else {"out": out}
    if name.endswith("_value_and_grad"):
        given = [None] if out is None else [(out, np.empty_like(out)), (out, None)]
        yield from (((x,), {"out": pair}) for pair in given)
        yield (x,), {} if out is None else {"out": [out, out]}
        yield (x,), {"where": True} if out is None else {"out": out}
        return
    if not name.endswith("_backward"):
        yield (x,), plain
        yield (x,), {**plain, "where": True}
        yield (x,), {"x": x} if out is None else {"out": (out,)}
        return
    yield (dy,), {"x": x, **plain}
    yield (dy,), {**plain, "x": x}
    yield (dy,), {"x": x, "y": None, **plain}
    yield (dy,), {"y": x, **plain}
    yield (dy,), {"x": x, "y": x}
    yield (dy,), plain
    yield (dy.astype(np.float16),), {"x": x}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f4", np.int32])
def test_they_do_what_they_wrap(name, kind):
    x, dy = (np.linspace(a, b, 23).astype(kind) for a, b in ((-3, 4), (2, -5)))
    function = getattr(fa, name)
    floats = np.dtype(kind).kind == "f"
    for made in ((None, None), (np.empty_like(x), np.empty_like(x)) if floats else (None, None)):
        for (args, given), (_, expected) in zip(calls(name, x, dy, made[0]), calls(name, x, dy, made[1]), strict=True):
            results = []
            for f, keywords in ((function, given), (function.__wrapped__, expected)):
                try:
                    results.append(f(*args, **keywords))
                except TypeError as error:
                    results.append(str(error))
            if isinstance(results[0], str) or isinstance(results[1], str):
                assert results[0] == results[1]
                continue
            pairs = [result if isinstance(result, tuple) else (result,) for result in results]
            for first, second in zip(*pairs, strict=True):
                assert first.dtype == second.dtype
                np.testing.assert_array_equal(first, second)
            if "out" in given and made[0] is not None:
                assert pairs[0][0] is made[0]


def test_of_a_class_it_is_no_method():
    class Layer:
        activation = fa.elu

    np.testing.assert_array_equal(Layer().activation(np.float32([-1, 1])), fa.elu(np.float32([-1, 1])))


def test_numbers_and_subclasses():
    class Array(np.ndarray):
        pass

    x = np.float32([-1, 1]).view(Array)
    assert type(fa.elu(x)) is Array
    assert type(fa.elu(-1.0)) is np.float64
    assert type(fa.elu(np.float32(-1))) is np.float32
    assert type(fa.exp_backward(1.0, y=x)) is Array


def test_its_type_refuses_what_it_cannot_call():
    with pytest.raises(TypeError, match="ready"):
        _quick.Quick(fa.elu.__wrapped__, fa.ufuncs.elu, None, ((np.dtype("f4"),),), False)
    with pytest.raises(TypeError, match="result"):
        _quick.Quick(fa.elu.__wrapped__, fa.ufuncs.sigmoid_cross_entropy_hessian, None, None, False)
    with pytest.raises(TypeError, match="keywords"):
        _quick.Quick(wrapped=fa.elu)
    with pytest.raises(TypeError, match="type"):
        _quick.for_arrays(1)
