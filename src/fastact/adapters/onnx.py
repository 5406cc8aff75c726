"""onnx.reference: ``ReferenceEvaluator(model, new_ops=OPS)`` computes a model's activations with fastact.

>>> from onnx.reference import ReferenceEvaluator  # doctest: +SKIP
>>> from fastact.adapters.onnx import OPS  # doctest: +SKIP
>>> ReferenceEvaluator(model, new_ops=OPS).run(None, {"x": x})  # doctest: +SKIP

An input whose type fastact does not compute (integers for Relu, ...) goes to onnx's own implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx.defs
from onnx import helper
from onnx.reference.op_run import OpRun
from onnx.reference.ops import load_op

import fastact as _fa
from fastact._elsewhere import ONNX, Spelling
from fastact._registry import NAMES, RECORDS, Record

_LATEST = onnx.defs.onnx_opset_version()


def _float(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic) and (x.dtype in (np.float16, np.float32, np.float64) or x.dtype.name == "bfloat16")


class _Activation(OpRun):  # type: ignore[misc]
    """An operator, its attributes, and where to go with other types."""

    spelling: Spelling

    def compute(self, *inputs: Any, **attributes: Any) -> Any:
        raise NotImplementedError

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
        if all(_float(x) for x in inputs):
            result = self.compute(*(np.asarray(x) for x in inputs), **attributes)
            if result is not None:
                return (np.asarray(result),)
        return tuple(self._own(inputs)(self.onnx_node, self.run_params).run(*inputs))

    def _own(self, inputs: tuple[Any, ...]) -> Any:
        """onnx's implementation of the operator, or its expansion into others."""
        types = [helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for x in inputs]
        return load_op(
            self.onnx_node.domain,
            self.spelling.name,
            self._opset(),
            node=self.onnx_node,
            input_types=types,
            evaluator_cls=self.run_params["evaluator_cls"],
        )

    def _opset(self) -> int:
        return int(self.run_params["opsets"].get(self.onnx_node.domain, _LATEST))


def _elementwise(spelling: Spelling) -> Callable[..., Any]:
    function = _fa.get(spelling.function).forward

    def compute(self: Any, x: Any, **attributes: Any) -> Any:
        return function(x, **spelling.parameters({k: v for k, v in attributes.items() if v is not None}))

    return compute


def _chosen(spelling: Spelling) -> Callable[..., Any]:
    assert spelling.choice is not None
    argument, default, functions = spelling.choice

    def compute(self: Any, x: Any, **attributes: Any) -> Any:
        return _fa.get(functions[attributes.get(argument) or default])(x)

    return compute


def _over_axis(spelling: Spelling) -> Callable[..., Any]:
    function = _fa.get(spelling.function).forward

    def compute(self: Any, x: Any, axis: int | None = None) -> Any:
        if not x.size:
            return x
        if self._opset() >= 13:
            return function(x, -1 if axis is None else axis)
        # before opset 13 the default is 1, and the axes from this one on are taken as one
        if axis is None or not any(a.name == "axis" for a in self.onnx_node.attribute):
            axis = 1
        return function(x, tuple(range(axis % x.ndim, x.ndim)))

    return compute


def _selu(self: Any, x: Any, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Any:
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x  # rounded once
    y = _fa.elu(wide, alpha)
    return np.multiply(y, y.dtype.type(gamma), out=y if y.ndim else None).astype(x.dtype, copy=False)


def _shrink(self: Any, x: Any, bias: float = 0.0, lambd: float = 0.5) -> Any:
    if bias == 0 and "hard_shrink" in NAMES:
        return _fa.get("hard_shrink")(x, lambd)
    return _fa.get("soft_shrink")(x, lambd) if bias == lambd else None


def _prelu(self: Any, x: Any, slope: Any) -> Any:
    try:
        np.broadcast_to(slope, x.shape)
    except ValueError:
        return None  # onnx's implementation looks for a dimension that fits
    return _fa.prelu(x, slope)


_OWN = {"Selu": _selu, "Shrink": _shrink, "PRelu": _prelu}


def _make(spelling: Spelling) -> type[OpRun]:
    record = RECORDS.get(NAMES.get(spelling.function, ""))
    if spelling.name in _OWN:
        compute = _OWN[spelling.name]
    elif spelling.choice:
        compute = _chosen(spelling)
    else:
        compute = _elementwise(spelling) if isinstance(record, Record) else _over_axis(spelling)
    # the class has the operator's name, by which onnx finds it
    return type(spelling.name, (_Activation,), {"op_domain": "", "spelling": spelling, "compute": compute, "__module__": __name__})


def _there(spelling: Spelling) -> bool:
    functions = spelling.choice[2].values() if spelling.choice else (spelling.function,)
    return all(f in _names for f in functions) and onnx.defs.has(spelling.name)


_names = {*_fa.names(), *NAMES}
OPS: list[type[OpRun]] = [_make(s) for s in ONNX if _there(s)]
"""The operators, for ``new_ops=``."""
