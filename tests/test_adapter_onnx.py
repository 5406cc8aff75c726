"""onnx.reference on fastact: the backend's node cases for the operators, and what fastact leaves to onnx."""

from __future__ import annotations

import functools
import importlib
import warnings

import numpy as np
import pytest

pytest.importorskip("onnx")
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import fastact as fa
from fastact._elsewhere import ONNX
from fastact.adapters.onnx import OPS

NAMES = {op.__name__ for op in OPS}
#: Operators whose float64 onnx computes with constants rounded to float32.
_ROUNDED = ("Erf", "Gelu", "HardSwish", "Selu")
DTYPES_ONNX = {"float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
OTHERS = {"bfloat16": TensorProto.BFLOAT16, "int32": TensorProto.INT32}


@functools.cache
def _cases():
    """The node cases in whose model there is one of the operators."""
    node = pytest.importorskip("onnx.backend.test.case.node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in NAMES:                                       # its cases are made as the operator's module is imported
            importlib.import_module(f"{node.__name__}.{name.lower()}")
    found = [c for c in node._NodeTestCases if c.model is not None and not c.name.endswith("_expanded")]
    return [c for c in found if {n.op_type for n in c.model.graph.node} <= NAMES]


def _evaluate(model, feeds, ops=OPS):
    return ReferenceEvaluator(model, new_ops=ops).run(None, feeds)


def _model(op, inputs, opset, **attributes):
    types = DTYPES_ONNX | OTHERS
    values = [helper.make_tensor_value_info(f"x{i}", types[x.dtype.name], x.shape) for i, x in enumerate(inputs)]
    node = helper.make_node(op, [v.name for v in values], ["y"], **attributes)
    graph = helper.make_graph([node], "g", values, [helper.make_tensor_value_info("y", types[inputs[0].dtype.name], None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def test_every_operator_that_the_table_has():
    assert {s.name for s in ONNX if s.function in {*fa.names()} and onnx.defs.has(s.name)} == NAMES
    assert all(issubclass(op, onnx.reference.op_run.OpRun) and op.op_domain == "" for op in OPS)


def test_the_backend_has_cases():
    assert len(_cases()) > 20


@pytest.mark.parametrize("name", sorted(NAMES))
def test_node_cases(name):
    """The cases of the wheel, with onnx's tolerances; only our operators run."""
    cases = [c for c in _cases() if {n.op_type for n in c.model.graph.node} == {name}]
    if not cases:
        pytest.skip("the wheel ships no case with a model of its own")
    ran = 0
    for case in cases:
        for inputs, outputs in case.data_sets:
            feeds = dict(zip([i.name for i in case.model.graph.input], inputs, strict=True))
            for got, wanted in zip(_evaluate(case.model, feeds), outputs, strict=True):
                assert got.dtype == wanted.dtype and got.shape == wanted.shape
                np.testing.assert_allclose(got, wanted, rtol=max(case.rtol, 1e-3 if wanted.dtype == np.float16 else 1e-6), atol=case.atol)
                ran += 1
    assert ran


@pytest.mark.parametrize("dtype", DTYPES_ONNX)
@pytest.mark.parametrize("op", sorted(NAMES - {"PRelu"}))
def test_against_onnx(op, dtype):
    """The same as the evaluator without us, where it has the operator; attributes at their defaults and at other values."""
    x = (np.random.default_rng(0).standard_normal((3, 4, 5)) * 3).astype(dtype)
    opset = onnx.defs.onnx_opset_version()
    attributes = onnx.defs.get_schema(op).attributes
    choices = [{}]
    floats = [n for n, a in attributes.items() if a.type == onnx.defs.OpSchema.AttrType.FLOAT]
    if floats:
        choices.append(dict.fromkeys(floats, 0.75))
        choices += [{n: 0.3} for n in floats]
    if "axis" in attributes:
        choices += [{"axis": a} for a in (0, 1, -2)]
    if "approximate" in attributes:
        choices.append({"approximate": "tanh"})
    for given in choices:
        model = _model(op, [x], opset, **given)
        (got,) = _evaluate(model, {"x0": x})
        (wanted,) = _evaluate(model, {"x0": x}, None)
        tolerance = {"float16": 4e-3, "float32": 3e-6, "float64": 1e-6 if op in _ROUNDED else 1e-12}[dtype]
        assert got.dtype == wanted.dtype == np.dtype(dtype)
        np.testing.assert_allclose(got.astype("f8"), wanted.astype("f8"), rtol=tolerance, atol=tolerance, err_msg=f"{op} {given}")


def test_prelu():
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("f4")
    for slope in (np.full((1,), 0.25, "f4"), np.linspace(0, 1, 4, dtype="f4"), np.linspace(0, 1, 12, dtype="f4").reshape(3, 4)):
        model = _model("PRelu", [x, slope], 16)
        feeds = {"x0": x, "x1": slope}
        np.testing.assert_array_equal(_evaluate(model, feeds)[0], _evaluate(model, feeds, None)[0])
    slope = np.linspace(0, 1, 3, dtype="f4")                     # onnx looks for a dimension of this length
    model, feeds = _model("PRelu", [x, slope], 16), {"x0": x, "x1": slope}
    np.testing.assert_array_equal(_evaluate(model, feeds)[0], _evaluate(model, feeds, None)[0])


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_before_opset_13_the_last_axes_are_one(op):
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("f4")
    function = fa.softmax if op == "Softmax" else fa.log_softmax
    for given, axes in (({}, (1, 2)), ({"axis": 2}, (2,)), ({"axis": 0}, (0, 1, 2)), ({"axis": -1}, (2,))):
        np.testing.assert_array_equal(_evaluate(_model(op, [x], 11, **given), {"x0": x})[0], function(x, axes))
    np.testing.assert_array_equal(_evaluate(_model(op, [x], 13, axis=0), {"x0": x})[0], function(x, 0))
    np.testing.assert_array_equal(_evaluate(_model(op, [x], 13), {"x0": x})[0], function(x, -1))


def test_the_tail_keeps_its_digits():
    """What plugging in is for besides speed: LogSoftmax as log(Softmax) gives -inf, gelu through 1 + erf gives 0."""
    x = np.array([[0.0, 200.0]], "f4")
    assert _evaluate(_model("LogSoftmax", [x], 13), {"x0": x})[0][0, 0] == -200
    assert _evaluate(_model("Gelu", [x - 8], 20), {"x0": x - 8})[0][0, 0] < 0


def _attributes(op):
    """Choices of them: the defaults, and some values."""
    known = onnx.defs.get_schema(op).attributes
    floats = [n for n, a in known.items() if a.type == onnx.defs.OpSchema.AttrType.FLOAT]
    return [{}, *({n: 0.3} for n in floats), *([{"axis": 0}] if "axis" in known else [])]


@pytest.mark.parametrize("op", sorted(NAMES - {"PRelu"}))
def test_bfloat16_is_float32_rounded_once(op):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = (np.random.default_rng(0).standard_normal((3, 40)) * 3).astype(ml_dtypes.bfloat16)
    opset = onnx.defs.onnx_opset_version()
    known = {n: a.default_value for n, a in onnx.defs.get_schema(op).attributes.items()}
    defaults = {n: value.f for n, value in known.items() if value.type == value.FLOAT}
    for given in _attributes(op):
        if op == "Shrink" and "bias" in given:
            continue                                             # onnx's own: the table has no shrinking of that kind
        (got,) = _evaluate(_model(op, [x], opset, **given), {"x0": x})
        # a number as a parameter has the array's type; Selu, which is two operations, is computed in float32 as a whole
        typed = {n: v if n == "axis" or op == "Selu" else float(np.asarray(v, x.dtype)) for n, v in (defaults | given).items()}
        (wide,) = _evaluate(_model(op, [x.astype("f4")], opset, **typed), {"x0": x.astype("f4")})
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got.astype("f4"), wide.astype(x.dtype).astype("f4"), err_msg=f"{op} {given}")


@pytest.mark.parametrize("op", sorted(NAMES - {"PRelu"}))
def test_types_that_fastact_does_not_compute_go_to_onnx(op, monkeypatch):
    x = np.array([[-1.5, 0.5, 3.0]], "f4")
    monkeypatch.setattr("fastact.adapters.onnx._float", lambda x: False)
    for given in _attributes(op):
        model = _model(op, [x], onnx.defs.onnx_opset_version(), **given)
        np.testing.assert_array_equal(_evaluate(model, {"x0": x})[0], _evaluate(model, {"x0": x}, None)[0], err_msg=f"{op} {given}")


def test_integers_go_to_onnx():
    x = np.arange(-2, 3, dtype="i4")
    (got,) = _evaluate(_model("Relu", [x], 14), {"x0": x})
    assert got.dtype == np.int32 and got.tolist() == [0, 0, 0, 1, 2]
