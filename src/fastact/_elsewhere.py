"""What other libraries call the functions of the table, where their definitions differ from it, and how.

A row here says only what differs: a function whose name and parameters are another library's own needs none. A row may
name a function before the table has it; it comes into force with the record. The namespaces `fastact.special` and
`fastact.functional` and the adapters are made from the table and these rows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of theirs, and the parameter of ours that it gives."""

    name: str
    parameter: str
    #: None: it has to be given.
    default: float | None = None


@dataclass(frozen=True)
class Spelling:
    """Another library's name for a function of the table."""

    name: str
    function: str
    #: Their arguments in order; None: ours, as they are.
    arguments: tuple[Argument, ...] | None = None
    #: Parameters of ours that have one fixed value in their definition.
    fixed: Mapping[str, float] = field(default_factory=dict)
    #: An argument that chooses between functions of ours: its name, its default, value -> function.
    choice: tuple[str, str | int | bool, Mapping[str | int | bool, str]] | None = None

    def parameters(self, given: Mapping[str, float]) -> dict[str, float]:
        """Our parameters for these arguments of theirs; those not given have their defaults."""
        found = {a.parameter: given.get(a.name, a.default) for a in self.arguments or ()}
        return {name: value for name, value in found.items() if value is not None} | dict(self.fixed)


def written(module: str, name: str, signature: str, body: str, **scope: Any) -> Any:
    """A function written out: with another library's signature, and no argument juggling at call time."""
    exec(compile(f"def {name}({signature}):\n{textwrap.indent(textwrap.dedent(body), '    ')}", f"<{module}.{name}>", "exec"), scope)
    function = scope[name]
    function.__module__ = module
    return function


_SIXTH = 1 / 6

SCIPY: tuple[Spelling, ...] = (
    Spelling("erf", "erf"),
    Spelling("erfc", "erfc"),
    Spelling("expit", "sigmoid"),
    Spelling("log_expit", "log_sigmoid"),
    Spelling("log_ndtr", "log_ndtr"),
    Spelling("log_softmax", "log_softmax"),
    Spelling("logit", "logit", (), {"eps": 0.0}),
    Spelling("logsumexp", "logsumexp"),
    Spelling("ndtr", "ndtr"),
    Spelling("softmax", "softmax"),
    Spelling("softplus", "softplus", (), {"beta": 1.0}),
)

TORCH: tuple[Spelling, ...] = (
    Spelling("bilinear_glu", "bilinear"),  # PyTorch's own bilinear is a layer of two inputs and a weight
    Spelling("gelu", "gelu", choice=("approximate", "none", {"none": "gelu", "tanh": "gelu_tanh"})),
    Spelling("hardshrink", "hard_shrink"),
    Spelling("hardsigmoid", "hard_sigmoid", (), {"slope": _SIXTH, "offset": 0.5}),
    Spelling("hardswish", "hard_swish"),
    Spelling("hardtanh", "hard_tanh", (Argument("min_val", "min", -1.0), Argument("max_val", "max", 1.0))),
    Spelling("logsigmoid", "log_sigmoid"),
    Spelling("softshrink", "soft_shrink"),
    Spelling("tanhshrink", "tanh_shrink"),
)

#: The operators of ONNX and their attributes.
ONNX: tuple[Spelling, ...] = (
    Spelling("Celu", "celu", (Argument("alpha", "alpha", 1.0),)),
    Spelling("Elu", "elu", (Argument("alpha", "alpha", 1.0),)),
    Spelling("Erf", "erf"),
    Spelling("Exp", "exp"),
    Spelling("Gelu", "gelu", choice=("approximate", "none", {"none": "gelu", "tanh": "gelu_tanh"})),
    Spelling("HardSigmoid", "hard_sigmoid", (Argument("alpha", "slope", 0.2), Argument("beta", "offset", 0.5))),
    Spelling("HardSwish", "hard_swish"),
    Spelling("Hardmax", "hardmax"),
    Spelling("LeakyRelu", "leaky_relu", (Argument("alpha", "negative_slope", 0.01),)),
    Spelling("LogSoftmax", "log_softmax"),
    Spelling("Mish", "mish"),
    Spelling("PRelu", "prelu"),
    Spelling("Relu", "relu"),
    Spelling("Selu", "elu"),
    Spelling("Shrink", "soft_shrink"),
    Spelling("Sigmoid", "sigmoid"),
    Spelling("Softmax", "softmax"),
    Spelling("Softplus", "softplus", (), {"beta": 1.0}),
    Spelling("Softsign", "softsign"),
    Spelling("Swish", "swish", (Argument("alpha", "beta", 1.0),)),
    Spelling("Tanh", "tanh"),
    Spelling("ThresholdedRelu", "thresholded_relu", (Argument("alpha", "alpha", 1.0),)),
)

#: keras.ops; what is not here has the table's name and parameters, see `fastact.adapters.keras`.
KERAS: tuple[Spelling, ...] = (
    Spelling("gelu", "gelu", choice=("approximate", True, {True: "gelu_tanh", False: "gelu"})),
    Spelling("hard_shrink", "hard_shrink", (Argument("threshold", "lambd", 0.5),)),
    Spelling("hard_sigmoid", "hard_sigmoid", (), {"slope": _SIXTH, "offset": 0.5}),
    Spelling("hard_silu", "hard_swish"),
    Spelling("hard_tanh", "hard_tanh", (), {"min": -1.0, "max": 1.0}),
    Spelling("leaky_relu", "leaky_relu", (Argument("negative_slope", "negative_slope", 0.2),)),
    Spelling("soft_shrink", "soft_shrink", (Argument("threshold", "lambd", 0.5),)),
    Spelling("softplus", "softplus", (), {"beta": 1.0}),
    Spelling("threshold", "threshold", (Argument("threshold", "threshold"), Argument("default_value", "value"))),
)

#: thinc's Ops, of which some fix parameters of ours or clip; `fastact.adapters.thinc` does the rest.
THINC: tuple[Spelling, ...] = (
    Spelling("gelu_approx", "gelu_tanh"),
    Spelling("hard_sigmoid", "hard_sigmoid", (), {"slope": 0.2, "offset": 0.5}),
    Spelling("hard_swish_mobilenet", "hard_swish"),
    Spelling("hard_tanh", "hard_tanh", (), {"min": -1.0, "max": 1.0}),
)
