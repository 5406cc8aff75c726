"""onnx.reference: a transformer block with Softmax and Gelu, and single operators. python bench/hosts/onnx_model.py"""

from __future__ import annotations

import sys
import time

import numpy as np
from _race import header
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fastact.adapters.onnx import OPS


def block(gelu: str, tokens: int = 256, width: int = 256) -> object:
    """Self-attention and a perceptron of four times the width; gelu as one operator, or spelt with Erf as exporters used to."""
    rng = np.random.default_rng(0)
    weights = {"wq": (width, width), "wk": (width, width), "wv": (width, width), "w1": (width, 4 * width), "w2": (4 * width, width)}
    made = [numpy_helper.from_array((rng.standard_normal(s) / np.sqrt(s[0])).astype("f4"), n) for n, s in weights.items()]
    constants = {"scale": width**-0.5, "root2": 2**0.5, "one": 1.0, "half": 0.5}
    made += [numpy_helper.from_array(np.array(v, "f4"), n) for n, v in constants.items()]
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "wq"], ["q"]), node("MatMul", ["x", "wk"], ["k"]), node("MatMul", ["x", "wv"], ["v"]),
        node("Transpose", ["k"], ["kt"], perm=[1, 0]), node("MatMul", ["q", "kt"], ["s"]), node("Mul", ["s", "scale"], ["t"]),
        node("Softmax", ["t"], ["p"], axis=-1), node("MatMul", ["p", "v"], ["a"]), node("Add", ["a", "x"], ["h"]),
        node("MatMul", ["h", "w1"], ["u"]),
    ]  # fmt: skip
    if gelu == "Gelu":
        nodes.append(node("Gelu", ["u"], ["g"]))
    else:
        nodes += [
            node("Div", ["u", "root2"], ["e0"]), node("Erf", ["e0"], ["e1"]), node("Add", ["e1", "one"], ["e2"]),
            node("Mul", ["u", "e2"], ["e3"]), node("Mul", ["e3", "half"], ["g"]),
        ]  # fmt: skip
    nodes += [node("MatMul", ["g", "w2"], ["m"]), node("Add", ["m", "h"], ["y"])]
    shape = [tokens, width]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "block", [value("x", TensorProto.FLOAT, shape)], [value("y", TensorProto.FLOAT, shape)], made)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def single(op: str, shape: tuple[int, int] = (256, 1024)) -> object:
    """One operator."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "one", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def compare(title: str, model: object, shape: tuple[int, int], rounds: int = 4) -> None:
    """Both evaluators in turns."""
    x = {"x": np.random.default_rng(1).standard_normal(shape).astype("f4")}
    evaluators = [ReferenceEvaluator(model), ReferenceEvaluator(model, new_ops=OPS)]
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, evaluator in enumerate(evaluators):
            start = time.perf_counter()
            evaluator.run(None, x)
            best[i] = min(best[i], time.perf_counter() - start)
    print(f"| {title} | {best[0]:.4f} | {best[1]:.4f} | {best[0] / best[1]:.1f} |", flush=True)


def main() -> int:
    """Print a row for each model."""
    header("onnx.reference")
    compare("transformer block, 256 tokens of 256, Gelu", block("Gelu"), (256, 256))
    compare("the same, gelu spelt with Erf", block("Erf"), (256, 256))
    for op in sorted(o.__name__ for o in OPS):
        if op not in ("PRelu",):
            compare(f"{op}, 256 x 1024", single(op), (256, 1024))
    return 0


if __name__ == "__main__":
    sys.exit(main())
