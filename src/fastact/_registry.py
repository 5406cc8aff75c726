"""The table: every activation function, once.

The build reads it to generate kernels, loops and ufuncs; the package reads it to make the public functions, their
docstrings, the reference expressions, the tests, the benchmarks and the accuracy table. No other file lists functions.

A record's expressions are Python, over ``x`` (or ``y``, ``dy``), the parameters, the elementary functions of
`fastact.reference` and the other records' names. Evaluated with mpmath they are the proof, with NumPy the teaching form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, dataclass_transform

#: Largest error promised, in units in the last place, per dtype. A record may promise less, with a reason.
BOUNDS = {"float16": 0.51, "bfloat16": 0.51, "float32": 2.0, "float64": 2.0}


@dataclass_transform(frozen_default=True)
class Entry:
    """What the table's classes have in common: the annotated fields, given in order or by name, and never changed.

    `dataclasses` would do the same, but writes and compiles code for each class: a third of the time that importing fastact took.
    """

    _fields: tuple[str, ...]

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields, given = self._fields, dict(zip(self._fields, values, strict=False))
        unknown = named.keys() - fields
        missing = [n for n in fields if n not in given and n not in named and not hasattr(type(self), n)]
        if len(values) > len(fields) or unknown or missing or given.keys() & named:
            wrong = f"unknown {sorted(unknown)}, missing {missing}, twice {sorted(given.keys() & named)}"
            raise TypeError(f"{type(self).__name__}: fields are {', '.join(fields)}; {wrong}, {len(values)} given in order")
        self.__dict__.update(given, **named)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, n) for n in self._fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in zip(self._fields, self._values(), strict=True))})"


class Gradient(Entry):
    """The derivative of a function by one of its parameters: as a reader would write it, and the reference expression."""

    maths: str
    expression: str
    #: Where its terms cancel: what the error counts in the ulp of, if that is larger than the result.
    beside: str = ""


class Parameter(Entry):
    """A parameter of an activation: broadcasts like any operand."""

    name: str
    default: float | None
    meaning: str
    #: What is accepted, one of the checks in `fastact._validate`.
    check: str = "finite"
    #: Values besides the default that tests, accuracy runs and benchmarks also use.
    samples: tuple[float, ...] = ()
    #: The derivative of f by it, which the backward function returns on request (formula ``<name>_backward_<parameter>``).
    gradient: Gradient | None = None
    #: True when that is returned unasked, and the parameter may lie along an axis.
    learned: bool = False


class FromOutput(Entry):
    """The gradient as a function of the saved output ``y``."""

    expression: str
    #: Condition on the parameters, as (parameter, comparison, bound), under which the output determines the gradient.
    requires: tuple[str, str, float] | None = None
    note: str = ""

    def holds(self, value: Any) -> bool:
        """Whether the parameter that the condition is on, a number or an array, meets it (everywhere)."""
        if self.requires is None:
            return True
        _, comparison, bound = self.requires
        met = value > bound if comparison == ">" else value >= bound
        return bool(met.all() if hasattr(met, "all") else met)


class Drawn(Entry):
    """In training a value per element is drawn, uniformly between two parameters, and then stands for both."""

    name: str
    low: str
    high: str


class Record(Entry):
    """One activation function."""

    name: str
    summary: str
    #: The definition as a reader would write it.
    maths: str
    #: The derivative as a reader would write it.
    gradient_maths: str
    #: Reference expressions: f(x) and f'(x), short and stable.
    forward: str
    derivative: str
    source: str
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    from_output: FromOutput | None = None
    odd: bool = False
    #: Pairs of parameters of which the first must not be above the second.
    ordered: tuple[tuple[str, str], ...] = ()
    drawn: Drawn | None = None
    #: (parameter, value, name): at that value it is the function of that name, bit for bit, and takes its loops. So are gradients of
    #: doubles; floats' take a formula name_backward_one where there is one, with the bits of their own.
    special: tuple[str, float, str] | None = None
    #: Points where f or f' jumps, or expressions of the parameters that say where, and what the gradient is there.
    kinks: tuple[float | str, ...] = ()
    #: The open interval on which f and f' are numbers, where that is not everything, infinities included; at its ends see `edges`.
    domain: tuple[float, float] | None = None
    convention: str = "Differentiable everywhere."
    #: (x, f(x), f'(x)) that must come out exactly (-0.0 and NaN included); None: not stated.
    edges: tuple[tuple[float, float | None, float | None], ...] = ()
    #: (x, f(x), f'(x)) to four places, for the docstring's examples.
    example: tuple[tuple[float, float, float], ...] = ()
    bounds: Mapping[str, float] = BOUNDS
    #: A line for the docstring, where libraries differ or a trap waits.
    notes: str = ""
    #: A usual choice for hidden layers: the demo trains one network with each.
    hidden: bool = False

    @property
    def saves(self) -> str:
        """What backward needs saved: the output will do ("y") or only the input ("x")."""
        return "y" if self.from_output else "x"

    @property
    def held_by(self) -> str | None:
        """Of a function of probabilities: the parameter that holds x among them. Without it the function refuses other x."""
        return next((p.name for p in self.parameters if p.check == "margin"), None)

    def kinks_at(self, parameters: Mapping[str, float]) -> tuple[float, ...]:
        """The kinks at some values of the parameters."""
        return tuple(float(eval(k, {}, dict(parameters)) if isinstance(k, str) else k) for k in self.kinks)

    def output_determines(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the gradient can be taken from the output at these parameters."""
        form = self.from_output
        if form is None or form.requires is None:
            return form is not None
        return form.holds(parameters[form.requires[0]])


class RowRecord(Entry):
    """One function over an axis: ``(n)->(n)``, or ``(n)->()`` when it reduces."""

    name: str
    summary: str
    maths: str
    gradient_maths: str
    #: Reference expressions over x, dy, y with ``max(...)`` and ``sum(...)`` taken along the axis, kept as length one.
    forward: str
    backward: str
    source: str
    reduces: bool = False
    #: What the masked-out entries, and a fully masked row, become.
    masked: float = 0.0
    aliases: tuple[str, ...] = ()
    #: The backward kernel's second operand: the output "y" or the input "x".
    saves: str = "y"
    #: f([1, 2, 3]), and the gradient there for dy = [1, 0, 0] (1 if it reduces), to four places.
    example_output: tuple[float, ...] = ()
    example_gradient: tuple[float, ...] = ()
    bounds: Mapping[str, float] = {"float16": 1.0, "bfloat16": 1.0, "float32": 4.0, "float64": 4.0}
    notes: str = ""
    #: What the bounds count in: ulps of the result, or of the larger of |result| and |max(x)|, where their difference cancels.
    ulp_of: str = "result"
    #: Whether it has a ``temperature``, and a kernel ``<name>_tempered`` of (x, temperature, where).
    tempered: bool = False


INF = float("inf")
NAN = float("nan")
_SLOPE = 0.01
#: The double next above 1/6, so that 3 times it is not below 1/2: 1/6 itself is no double.
_SIXTH = 0.16666666666666669

#: expm1(u) - u exp(u), about 0 the first terms of its series.
_CELU_ALPHA = (
    "(lambda u: where(abs(u) < 1e-6, -u * u * (1 / 2 + u * (1 / 3 + u * (1 / 8 + u * (1 / 30 + u / 144)))), expm1(u) - u * exp(u)))"
    "(minimum(x, 0) / alpha)"
)
_SOFTPLUS_BETA = "-(abs(beta * x) * exp(-abs(beta * x)) / (1 + exp(-abs(beta * x))) + log1p(exp(-abs(beta * x)))) / beta / beta"

ELEMENTWISE: tuple[Record, ...] = (
    Record(
        name="relu",
        summary="Rectified linear unit.",
        hidden=True,
        maths="max(x, 0)",
        gradient_maths="1 if x > 0 else 0",
        forward="maximum(x, 0)",
        derivative="where(x > 0, 1, 0)",
        from_output=FromOutput("where(y > 0, 1, 0)"),
        kinks=(0.0,),
        convention="The gradient at 0 is 0.",
        edges=((-INF, 0.0, 0.0), (0.0, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, ICML 2010.",
    ),
    Record(
        name="leaky_relu",
        summary="Leaky rectified linear unit.",
        hidden=True,
        maths="x if x > 0 else negative_slope * x",
        gradient_maths="1 if x > 0 else negative_slope",
        forward="where(x > 0, x, negative_slope * x)",
        derivative="where(x > 0, 1, negative_slope)",
        parameters=(
            Parameter(
                "negative_slope", _SLOPE, "slope for x <= 0", samples=(0.3, 1.5), gradient=Gradient("x if x < 0 else 0", "minimum(x, 0)")
            ),
        ),
        from_output=FromOutput("where(y > 0, 1, negative_slope)", requires=("negative_slope", ">", 0.0)),
        kinks=(0.0,),
        convention="The gradient at 0 is `negative_slope`.",
        edges=((INF, INF, 1.0), (-INF, -INF, None)),
        example=((-1.0, -0.0100, 0.0100), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013.",
        notes="The default slope is 0.01 as in PyTorch, JAX, ONNX and MLX; TensorFlow uses 0.2, Keras layers 0.3.",
    ),
    Record(
        name="prelu",
        summary="Parametric rectified linear unit, with a learned slope.",
        maths="x if x > 0 else weight * x",
        gradient_maths="1 if x > 0 else weight",
        forward="where(x > 0, x, weight * x)",
        derivative="where(x > 0, 1, weight)",
        parameters=(
            Parameter(
                "weight",
                None,
                "slope for x <= 0, of any shape that broadcasts",
                samples=(0.25, -0.5),
                gradient=Gradient("x if x < 0 else 0", "minimum(x, 0)"),
                learned=True,
            ),
        ),
        kinks=(0.0,),
        convention="The gradient at 0 is `weight`.",
        edges=((INF, INF, 1.0),),
        example=((-1.0, -0.2500, 0.2500), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015.",
    ),
    Record(
        name="elu",
        summary="Exponential linear unit.",
        hidden=True,
        maths="x if x > 0 else alpha * expm1(x)",
        gradient_maths="1 if x > 0 else alpha * exp(x)",
        forward="maximum(x, 0) + alpha * expm1(minimum(x, 0))",
        derivative="where(x > 0, 1, alpha * exp(minimum(x, 0)))",
        parameters=(
            Parameter(
                "alpha",
                1.0,
                "scale of the negative part",
                samples=(0.3, 2.5),
                gradient=Gradient("expm1(x) if x < 0 else 0", "expm1(minimum(x, 0))"),
            ),
        ),
        from_output=FromOutput("where(y > 0, 1, y + alpha)", requires=("alpha", ">=", 0.0)),
        kinks=(0.0,),
        convention="The gradient at 0 is `alpha`.",
        edges=((INF, INF, 1.0), (-INF, -1.0, 0.0), (0.0, 0.0, 1.0)),
        example=((-1.0, -0.6321, 0.3679), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by exponential linear units, ICLR 2016.",
    ),
    Record(
        name="celu",
        summary="Continuously differentiable exponential linear unit.",
        maths="max(x, 0) + min(0, alpha * expm1(x / alpha))",
        gradient_maths="1 if x > 0 else exp(x / alpha)",
        forward="maximum(x, 0) + alpha * expm1(minimum(x, 0) / alpha)",
        derivative="where(x > 0, 1, exp(minimum(x, 0) / alpha))",
        parameters=(
            Parameter(
                "alpha",
                1.0,
                "scale of the negative part",
                check="nonzero",
                samples=(0.3, 2.5),
                gradient=Gradient("expm1(u) - u * exp(u) if x < 0 else 0, u = x / alpha", _CELU_ALPHA),
            ),
        ),
        from_output=FromOutput("where(y > 0, 1, y / alpha + 1)", requires=("alpha", ">", 0.0)),
        convention="The gradient at 0 is 1.",
        edges=((INF, INF, 1.0), (-INF, -1.0, 0.0), (0.0, 0.0, 1.0)),
        example=((-1.0, -0.6321, 0.3679), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Barron, Continuously differentiable exponential linear units, arXiv:1704.07483, 2017.",
        notes="With an alpha between -1e-5 and 0, exp(x / alpha) counts no further than 1e44 (1e313 in float64).",
    ),
    Record(
        name="selu",
        summary="Scaled exponential linear unit.",
        hidden=True,
        maths="lambda * (x if x > 0 else alpha * expm1(x)), lambda = 1.0507..., alpha = 1.6733...",
        gradient_maths="lambda if x > 0 else lambda * alpha * exp(x)",
        forward="1.0507009873554804934193349852946 * (maximum(x, 0) + 1.6732632423543772848170429916717 * expm1(minimum(x, 0)))",
        derivative="1.0507009873554804934193349852946 * where(x > 0, 1, 1.6732632423543772848170429916717 * exp(minimum(x, 0)))",
        from_output=FromOutput(
            "where(y > 0, 1.0507009873554804934193349852946, y + 1.0507009873554804934193349852946 * 1.6732632423543772848170429916717)"
        ),
        kinks=(0.0,),
        convention="The gradient at 0 is lambda * alpha.",
        edges=((INF, INF, None), (0.0, 0.0, None)),
        example=((-1.0, -1.1113, 0.6468), (0.5, 0.5254, 1.0507), (2.0, 2.1014, 1.0507)),
        source="Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks, NeurIPS 2017.",
        notes="The constants are the paper's to 32 digits; ONNX and MLX round them.",
    ),
    Record(
        name="sigmoid",
        aliases=("expit", "logistic"),
        summary="Logistic sigmoid.",
        hidden=True,
        maths="1 / (1 + exp(-x))",
        gradient_maths="sigmoid(x) * sigmoid(-x)",
        forward="where(x >= 0, 1, exp(-abs(x))) / (1 + exp(-abs(x)))",
        derivative="exp(-abs(x)) / (1 + exp(-abs(x)))**2",
        from_output=FromOutput("y * (1 - y)", note="From y the gradient cancels where y is close to 1: x > 17 in float32, 37 in float64."),
        edges=((-INF, 0.0, 0.0), (0.0, 0.5, 0.25), (INF, 1.0, 0.0)),
        example=((-1.0, 0.2689, 0.1966), (0.5, 0.6225, 0.2350), (2.0, 0.8808, 0.1050)),
        source="Verhulst, Notice sur la loi que la population suit dans son accroissement, 1838.",
    ),
    Record(
        name="log_sigmoid",
        aliases=("log_expit",),
        summary="Logarithm of the logistic sigmoid.",
        maths="log(sigmoid(x))",
        gradient_maths="sigmoid(-x)",
        forward="minimum(x, 0) - log1p(exp(-abs(x)))",
        derivative="sigmoid(-x)",
        from_output=FromOutput("-expm1(y)"),
        edges=((-INF, -INF, 1.0), (INF, -0.0, 0.0)),
        example=((-1.0, -1.3133, 0.7311), (0.5, -0.4741, 0.3775), (2.0, -0.1269, 0.1192)),
        source="Maechler, Accurately computing log(1 - exp(-|a|)), 2012.",
    ),
    Record(
        name="tanh",
        summary="Hyperbolic tangent.",
        hidden=True,
        maths="tanh(x)",
        gradient_maths="1 - tanh(x)**2",
        forward="tanh(x)",
        derivative="4 * exp(-2 * abs(x)) / (1 + exp(-2 * abs(x)))**2",
        from_output=FromOutput("(1 - y) * (1 + y)"),
        odd=True,
        edges=((-INF, -1.0, 0.0), (-0.0, -0.0, 1.0), (0.0, 0.0, 1.0), (INF, 1.0, 0.0)),
        example=((-1.0, -0.7616, 0.4200), (0.5, 0.4621, 0.7864), (2.0, 0.9640, 0.0707)),
        source="LeCun, Bottou, Orr and Mueller, Efficient backprop, 1998.",
    ),
    Record(
        name="silu",
        summary="Sigmoid linear unit: swish with beta = 1.",
        hidden=True,
        maths="x * sigmoid(x)",
        gradient_maths="sigmoid(x) * (1 + x * sigmoid(-x))",
        forward="x * sigmoid(x)",
        derivative="sigmoid(x) * (1 + x * sigmoid(-x))",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.2689, 0.0723), (0.5, 0.3112, 0.7400), (2.0, 1.7616, 1.0908)),
        source="Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, Neural Networks 107, 2018.",
    ),
    Record(
        name="swish",
        summary="Swish: x times the sigmoid of beta x.",
        maths="x * sigmoid(beta * x)",
        gradient_maths="sigmoid(beta x) * (1 + beta x * sigmoid(-beta x))",
        forward="x * sigmoid(beta * x)",
        derivative="sigmoid(beta * x) * (1 + beta * x * sigmoid(-beta * x))",
        special=("beta", 1.0, "silu"),
        parameters=(
            Parameter(
                "beta",
                1.0,
                "slope of the gate",
                samples=(0.3, 1.702),
                gradient=Gradient("x**2 * s(beta x) * s(-beta x), s the sigmoid", "x * x * sigmoid_backward(1, beta * x)"),
            ),
        ),
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.2689, 0.0723), (0.5, 0.3112, 0.7400), (2.0, 1.7616, 1.0908)),
        source="Ramachandran, Zoph and Le, Searching for activation functions, arXiv:1710.05941, 2017.",
        notes="ONNX and oneDNN call beta `alpha`. With beta other than 1 the bound on the derivative holds only away from its root: no"
        " floating-point root is exact enough. With beta = 0 an infinite x gives NaN, value and gradient.",
    ),
    Record(
        name="gelu",
        summary="Gaussian error linear unit, exact.",
        hidden=True,
        maths="x * Phi(x), Phi the standard normal distribution function",
        gradient_maths="Phi(x) + x * phi(x)",
        forward="x * (erfc(-x / sqrt(2)) / 2)",
        derivative="erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi)",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.1587, -0.0833), (0.5, 0.3457, 0.8675), (2.0, 1.9545, 1.0852)),
        source="Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415, 2016.",
        notes="Computed through erfc, so the negative tail keeps its relative accuracy; 1 + erf loses all of it by x = -6.",
    ),
    Record(
        name="gelu_tanh",
        summary="Gaussian error linear unit, tanh approximation.",
        maths="x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x**3)))",
        gradient_maths="s(u) * (1 + x u' s(-u)), s the sigmoid, u = 2 sqrt(2 / pi) (x + 0.044715 x**3)",
        forward="x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x**3))",
        derivative="sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x**3))"
        " * (1 + 2 * sqrt(2 / pi) * (x + 3 * 0.044715 * x**3) * sigmoid(-2 * sqrt(2 / pi) * (x + 0.044715 * x**3)))",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.1588, -0.0830), (0.5, 0.3457, 0.8674), (2.0, 1.9546, 1.0861)),
        source="Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415, 2016.",
        notes="An approximation of `gelu`; GPT-2 and jax.nn.gelu use it by default.",
    ),
    Record(
        name="mish",
        summary="Mish.",
        hidden=True,
        maths="x * tanh(softplus(x))",
        gradient_maths="t + x * sigmoid(x) * (1 - t**2), t = tanh(softplus(x))",
        forward="x * tanh(softplus(x))",
        derivative="tanh(softplus(x)) + x * sigmoid(x) * tanh_backward(1, softplus(x))",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.6), (INF, INF, 1.0)),
        example=((-1.0, -0.3034, 0.0592), (0.5, 0.3752, 0.8864), (2.0, 1.9440, 1.0693)),
        source="Misra, Mish: a self regularized non-monotonic activation function, BMVC 2020.",
    ),
    Record(
        name="softplus",
        summary="Softplus: a smooth relu.",
        hidden=True,
        maths="log(1 + exp(beta * x)) / beta",
        gradient_maths="sigmoid(beta * x)",
        forward="maximum(beta * x, 0) / beta + log1p(exp(-abs(beta * x))) / beta",
        derivative="sigmoid(beta * x)",
        parameters=(
            Parameter(
                "beta",
                1.0,
                "sharpness",
                check="nonzero",
                samples=(0.3, 2.5),
                gradient=Gradient("-(|u| t / (1 + t) + log1p(t)) / beta**2, u = beta x, t = exp(-|u|)", _SOFTPLUS_BETA),
            ),
        ),
        from_output=FromOutput("-expm1(-beta * y)"),
        edges=((-INF, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, 0.3133, 0.2689), (0.5, 0.9741, 0.6225), (2.0, 2.1269, 0.8808)),
        source="Dugas, Bengio, Belisle, Nadeau and Garcia, Incorporating second-order functional knowledge, NeurIPS 2000.",
        notes="No threshold: PyTorch's returns x from beta * x > 20. NaN where 1 / beta is beyond the type's largest number.",
    ),
    Record(
        name="exp",
        aliases=("exponential",),
        summary="Exponential.",
        maths="exp(x)",
        gradient_maths="exp(x)",
        forward="exp(x)",
        derivative="exp(x)",
        from_output=FromOutput("y"),
        edges=((-INF, 0.0, 0.0), (0.0, 1.0, 1.0), (INF, INF, INF)),
        example=((-1.0, 0.3679, 0.3679), (0.5, 1.6487, 1.6487), (2.0, 7.3891, 7.3891)),
        source="Euler, Introductio in analysin infinitorum, 1748.",
    ),
    Record(
        name="identity",
        aliases=("linear",),
        summary="Identity: no activation.",
        maths="x",
        gradient_maths="1",
        forward="x",
        derivative="1",
        from_output=FromOutput("1"),
        odd=True,
        edges=((-INF, -INF, 1.0), (-0.0, -0.0, 1.0), (0.0, 0.0, 1.0), (INF, INF, 1.0)),
        example=((-1.0, -1.0000, 1.0000), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Widrow and Hoff, Adaptive switching circuits, IRE WESCON convention record 4, 1960.",
    ),
    Record(
        name="relu6",
        summary="Rectified linear unit that stops at 6.",
        maths="min(max(x, 0), 6)",
        gradient_maths="1 if 0 < x < 6 else 0",
        forward="minimum(maximum(x, 0), 6)",
        derivative="where(x > 0, where(x < 6, 1, 0), 0)",
        from_output=FromOutput("where(y > 0, where(y < 6, 1, 0), 0)"),
        kinks=(0.0, 6.0),
        convention="The gradient at 0 and at 6 is 0.",
        edges=((-INF, 0.0, 0.0), (0.0, 0.0, 0.0), (6.0, 6.0, 0.0), (INF, 6.0, 0.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.5000, 1.0000), (7.0, 6.0000, 0.0000)),
        source="Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.",
    ),
    Record(
        name="relu_k",
        summary="Rectified linear unit that stops at n.",
        maths="min(max(x, 0), n)",
        gradient_maths="1 if 0 < x < n else 0",
        forward="minimum(maximum(x, 0), n)",
        derivative="where(x > 0, where(x < n, 1, 0), 0)",
        parameters=(
            Parameter(
                "n",
                None,
                "where it stops",
                check="nonnegative",
                samples=(20.0, 1.0),
                gradient=Gradient("1 if x > n else 0", "where(x > n, 1, 0)"),
            ),
        ),
        from_output=FromOutput("where(y > 0, where(y < n, 1, 0), 0)"),
        kinks=(0.0, "n"),
        convention="The gradient at 0 and at `n` is 0.",
        edges=((-INF, 0.0, 0.0), (0.0, 0.0, 0.0), (20.0, 20.0, 0.0), (INF, 20.0, 0.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.5000, 1.0000), (21.0, 20.0000, 0.0000)),
        source="Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.",
    ),
    Record(
        name="relu_squared",
        summary="Square of the rectified linear unit.",
        maths="max(x, 0)**2",
        gradient_maths="2 max(x, 0)",
        forward="maximum(x, 0)**2",
        derivative="2 * maximum(x, 0)",
        from_output=FromOutput("2 * sqrt(y)", note="From y the gradient is lost where the square underflows or overflows."),
        edges=((-INF, 0.0, 0.0), (0.0, 0.0, 0.0), (INF, INF, INF)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.2500, 1.0000), (2.0, 4.0000, 4.0000)),
        source="So, Manke, Liu, Dai, Shazeer and Le, Primer: searching for efficient transformers, NeurIPS 2021.",
    ),
    Record(
        name="star_relu",
        summary="Scaled and shifted square of the rectified linear unit.",
        maths="scale * max(x, 0)**2 + bias",
        gradient_maths="2 scale * max(x, 0)",
        forward="scale * maximum(x, 0)**2 + bias",
        derivative="2 * scale * maximum(x, 0)",
        parameters=(
            Parameter("scale", 0.8944, "factor of the square", samples=(1.25,), gradient=Gradient("max(x, 0)**2", "maximum(x, 0)**2")),
            Parameter("bias", -0.4472, "value for x <= 0", samples=(0.3,), gradient=Gradient("1", "1")),
        ),
        edges=((-INF, None, 0.0), (0.0, None, 0.0), (INF, INF, INF)),
        example=((-1.0, -0.4472, 0.0000), (0.5, -0.2236, 0.8944), (2.0, 3.1304, 3.5776)),
        source="Yu, Si, Zhou, Luo, Zhou, Feng, Yan and Wang, MetaFormer baselines for vision, IEEE TPAMI 46, 2024.",
        notes="The paper's constants, rounded as there, give mean 0 and variance 1 for normally distributed x.",
    ),
    Record(
        name="rrelu",
        summary="Randomized leaky rectified linear unit.",
        maths="x if x > 0 else slope * x, slope = (lower + upper) / 2",
        gradient_maths="1 if x > 0 else slope",
        forward="where(x > 0, x, (lower + upper) / 2 * x)",
        derivative="where(x > 0, 1, (lower + upper) / 2)",
        parameters=(
            Parameter("lower", 1 / 8, "least slope for x <= 0", samples=(0.05,)),
            Parameter("upper", 1 / 3, "largest slope for x <= 0", samples=(0.9,)),
        ),
        ordered=(("lower", "upper"),),
        drawn=Drawn("slope", "lower", "upper"),
        kinks=(0.0,),
        convention="The gradient at 0 is the slope.",
        edges=((-INF, -INF, None), (0.0, 0.0, None), (INF, INF, 1.0)),
        example=((-1.0, -0.2292, 0.2292), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Xu, Wang, Chen and Li, Empirical evaluation of rectified activations in convolutional network, arXiv:1505.00853, 2015.",
    ),
    Record(
        name="threshold",
        summary="Threshold: x above it, else a fixed value.",
        maths="x if x > threshold else value",
        gradient_maths="1 if x > threshold else 0",
        forward="where(x > threshold, x, value)",
        derivative="where(x > threshold, 1, 0)",
        parameters=(
            Parameter("threshold", None, "the value above which x is kept", samples=(0.25, -1.0)),
            Parameter(
                "value",
                None,
                "what replaces x up to the threshold",
                samples=(0.125, -20.0),
                gradient=Gradient("0 if x > threshold else 1", "where(x > threshold, 0, 1)"),
            ),
        ),
        kinks=("threshold",),
        convention="The gradient at the threshold is 0.",
        edges=((-INF, 0.125, 0.0), (0.25, 0.125, 0.0), (INF, INF, 1.0)),
        example=((-1.0, 0.1250, 0.0000), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Konda, Memisevic and Krueger, Zero-bias autoencoders and the benefits of co-adapting features, ICLR 2015.",
    ),
    Record(
        name="thresholded_relu",
        summary="Thresholded rectified linear unit.",
        maths="x if x > alpha else 0",
        gradient_maths="1 if x > alpha else 0",
        forward="where(x > alpha, x, 0)",
        derivative="where(x > alpha, 1, 0)",
        parameters=(Parameter("alpha", 1.0, "the value above which x is kept", samples=(0.25, -0.5)),),
        kinks=("alpha",),
        convention="The gradient at `alpha` is 0.",
        edges=((-INF, 0.0, 0.0), (1.0, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.0000, 0.0000), (2.0, 2.0000, 1.0000)),
        source="Konda, Memisevic and Krueger, Zero-bias autoencoders and the benefits of co-adapting features, ICLR 2015.",
    ),
    Record(
        name="hard_tanh",
        summary="Hyperbolic tangent in three straight lines.",
        maths="min if x < min else max if x > max else x",
        gradient_maths="1 if min < x < max else 0",
        forward="minimum(maximum(x, min), max)",
        derivative="where(x > min, where(x < max, 1, 0), 0)",
        parameters=(
            Parameter("min", -1.0, "least value", samples=(-0.3,), gradient=Gradient("1 if x < min else 0", "where(x < min, 1, 0)")),
            Parameter("max", 1.0, "largest value", samples=(2.5,), gradient=Gradient("1 if x > max else 0", "where(x > max, 1, 0)")),
        ),
        ordered=(("min", "max"),),
        from_output=FromOutput("where(y > min, where(y < max, 1, 0), 0)"),
        kinks=("min", "max"),
        convention="The gradient at `min` and at `max` is 0.",
        edges=((-INF, -1.0, 0.0), (-1.0, -1.0, 0.0), (-0.0, -0.0, 1.0), (1.0, 1.0, 0.0), (INF, 1.0, 0.0)),
        example=((-1.5, -1.0000, 0.0000), (0.5, 0.5000, 1.0000), (2.0, 1.0000, 0.0000)),
        source="Collobert, Large scale machine learning, thesis, Universite de Paris VI, 2004.",
    ),
    Record(
        name="hard_sigmoid",
        summary="Logistic sigmoid in three straight lines.",
        maths="min(max(slope * x + offset, 0), 1)",
        gradient_maths="slope if 0 < slope * x + offset < 1 else 0",
        forward="minimum(maximum(slope * x + offset, 0), 1)",
        derivative="where(slope * x + offset > 0, where(slope * x + offset < 1, slope, 0), 0)",
        parameters=(
            Parameter(
                "slope",
                _SIXTH,
                "slope of the middle line",
                check="nonzero",
                samples=(0.2,),
                gradient=Gradient(
                    "x if 0 < slope * x + offset < 1 else 0", "where(slope * x + offset > 0, where(slope * x + offset < 1, x, 0), 0)"
                ),
            ),
            Parameter(
                "offset",
                0.5,
                "value at 0",
                samples=(0.3,),
                gradient=Gradient(
                    "1 if 0 < slope * x + offset < 1 else 0", "where(slope * x + offset > 0, where(slope * x + offset < 1, 1, 0), 0)"
                ),
            ),
        ),
        from_output=FromOutput(
            "where(y > 0, where(y < 1, slope, 0), 0)", note="From y it is 0 also where slope * x + offset is rounded to 1."
        ),
        kinks=("-offset / slope", "(1 - offset) / slope"),
        convention="The gradient at both kinks is 0. They are where slope * x + offset is 0 and 1 before it is rounded, with the slope as"
        " a number of x's type. The default is the double next above 1/6, so that the kinks are -3 and 3 in float32 and float64;"
        " the number of float16 nearest to it is below 1/6, so there -3 and 3 are just inside.",
        edges=((-INF, 0.0, 0.0), (0.0, 0.5, None), (INF, 1.0, 0.0)),
        example=((-1.0, 0.3333, 0.1667), (0.5, 0.5833, 0.1667), (4.0, 1.0000, 0.0000)),
        source="Howard and others, Searching for MobileNetV3, ICCV 2019.",
        notes="The slope is 1/6 in PyTorch, JAX, MLX and Keras 3, and 0.2 by default in ONNX, in Keras 2 and in thinc.",
    ),
    Record(
        name="hard_swish",
        aliases=("hard_silu",),
        summary="Swish in straight lines and a parabola.",
        maths="x * min(max(x / 6 + 1/2, 0), 1)",
        gradient_maths="0 if x <= -3 else 1 if x >= 3 else x / 3 + 1/2",
        forward="x * minimum(maximum(x + 3, 0), 6) / 6",
        derivative="where(x <= -3, 0, where(x >= 3, 1, (2 * x + 3) / 6))",
        kinks=(-3.0, 3.0),
        convention="The gradient at -3 is 0, at 3 it is 1.",
        edges=((-INF, -0.0, 0.0), (-3.0, -0.0, 0.0), (0.0, 0.0, 0.5), (3.0, 3.0, 1.0), (INF, INF, 1.0)),
        example=((-1.0, -0.3333, 0.1667), (0.5, 0.2917, 0.6667), (2.0, 1.6667, 1.1667)),
        source="Howard and others, Searching for MobileNetV3, ICCV 2019.",
        notes="thinc's hard_swish is another function, x times min(max(0.2 x + 0.5, 0), 1).",
    ),
    Record(
        name="squareplus",
        summary="Squareplus: a smooth relu from a square root.",
        maths="(x + sqrt(x**2 + b)) / 2",
        gradient_maths="(1 + x / sqrt(x**2 + b)) / 2",
        forward="where(x < 0, b / (sqrt(x * x + b) + abs(x)), sqrt(x * x + b) + x) / 2",
        derivative="where(x > 0, sqrt(x * x + b) + x, b / (sqrt(x * x + b) + abs(x))) / (2 * sqrt(x * x + b))",
        parameters=(
            Parameter(
                "b",
                4.0,
                "how round the corner is",
                check="nonnegative",
                samples=(0.3, 2.5),
                gradient=Gradient("1 / (4 sqrt(x**2 + b))", "1 / (4 * sqrt(x * x + b))"),
            ),
        ),
        edges=((-INF, 0.0, 0.0), (0.0, 1.0, 0.5), (INF, INF, 1.0)),
        convention="Differentiable everywhere; with b = 0 it is relu, and the gradient at 0 is 0.",
        example=((-1.0, 0.6180, 0.2764), (0.5, 1.2808, 0.6213), (2.0, 2.4142, 0.8536)),
        source="Barron, Squareplus: a softplus-like algebraic rectifier, arXiv:2112.11687, 2021.",
    ),
    Record(
        name="sparse_plus",
        summary="A relu with a parabola about 0: zero up to -1.",
        maths="0 if x <= -1 else x if x >= 1 else (x + 1)**2 / 4",
        gradient_maths="sparse_sigmoid(x)",
        forward="where(x <= -1, 0, where(x >= 1, x, (x + 1)**2 / 4))",
        derivative="minimum(maximum((x + 1) / 2, 0), 1)",
        edges=((-INF, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.25, 0.5), (1.0, 1.0, 1.0), (INF, INF, 1.0)),
        example=((-0.5, 0.0625, 0.2500), (0.5, 0.5625, 0.7500), (2.0, 2.0000, 1.0000)),
        source="Blondel, Martins and Niculae, Learning with Fenchel-Young losses, JMLR 21, 2020.",
    ),
    Record(
        name="sparse_sigmoid",
        summary="A sigmoid in three straight lines: the gradient of sparse_plus.",
        maths="min(max((x + 1) / 2, 0), 1)",
        gradient_maths="1/2 if -1 < x < 1 else 0",
        forward="minimum(maximum((x + 1) / 2, 0), 1)",
        derivative="where(x > -1, where(x < 1, 1 / 2, 0), 0)",
        from_output=FromOutput("where(y > 0, where(y < 1, 1 / 2, 0), 0)", note="From y it is 0 also where (x + 1) / 2 is rounded to 1."),
        kinks=(-1.0, 1.0),
        convention="The gradient at -1 and at 1 is 0.",
        edges=((-INF, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.5, 0.5), (1.0, 1.0, 0.0), (INF, 1.0, 0.0)),
        example=((-0.5, 0.2500, 0.5000), (0.5, 0.7500, 0.5000), (2.0, 1.0000, 0.0000)),
        source="Blondel, Martins and Niculae, Learning with Fenchel-Young losses, JMLR 21, 2020.",
    ),
    Record(
        name="softsign",
        summary="Softsign.",
        maths="x / (1 + |x|)",
        gradient_maths="1 / (1 + |x|)**2",
        forward="x / (1 + abs(x))",
        derivative="1 / (1 + abs(x))**2",
        from_output=FromOutput("(1 - abs(y))**2", note="From y the gradient loses its digits where |y| is close to 1."),
        odd=True,
        edges=((-INF, -1.0, 0.0), (-0.0, -0.0, 1.0), (0.0, 0.0, 1.0), (1.0, 0.5, 0.25), (INF, 1.0, 0.0)),
        example=((-1.0, -0.5000, 0.2500), (0.5, 0.3333, 0.4444), (2.0, 0.6667, 0.1111)),
        source="Turian, Bergstra and Bengio, Quadratic features and deep architectures for chunking, NAACL 2009.",
    ),
    Record(
        name="hard_shrink",
        summary="Hard shrinkage: what is small becomes 0.",
        maths="x if |x| > lambd else 0",
        gradient_maths="1 if |x| > lambd else 0",
        forward="where(abs(x) > lambd, x, 0)",
        derivative="where(abs(x) > lambd, 1, 0)",
        parameters=(Parameter("lambd", 0.5, "size up to which x becomes 0", check="nonnegative", samples=(0.0, 1.25)),),
        from_output=FromOutput("where(abs(y) > 0, 1, 0)"),
        odd=True,
        kinks=("-lambd", "lambd"),
        convention="The gradient at -`lambd` and at `lambd` is 0.",
        edges=((-INF, -INF, 1.0), (-0.5, -0.0, 0.0), (-0.0, -0.0, 0.0), (0.5, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, -1.0000, 1.0000), (0.25, 0.0000, 0.0000), (2.0, 2.0000, 1.0000)),
        source="Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81, 1994.",
        notes="ONNX's Shrink with bias 0.",
    ),
    Record(
        name="soft_shrink",
        summary="Soft shrinkage: x moved towards 0.",
        maths="sign(x) * max(|x| - lambd, 0)",
        gradient_maths="1 if |x| > lambd else 0",
        forward="where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))",
        derivative="where(abs(x) > lambd, 1, 0)",
        parameters=(
            Parameter(
                "lambd",
                0.5,
                "by how much",
                check="nonnegative",
                samples=(0.0, 1.25),
                gradient=Gradient("-1 if x > lambd else 1 if x < -lambd else 0", "where(x > lambd, -1, where(x < -lambd, 1, 0))"),
            ),
        ),
        from_output=FromOutput("where(abs(y) > 0, 1, 0)"),
        odd=True,
        kinks=("-lambd", "lambd"),
        convention="The gradient at -`lambd` and at `lambd` is 0.",
        edges=((-INF, -INF, 1.0), (-0.5, -0.0, 0.0), (-0.0, -0.0, 0.0), (0.5, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, -0.5000, 1.0000), (0.25, 0.0000, 0.0000), (2.0, 1.5000, 1.0000)),
        source="Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81, 1994.",
        notes="ONNX's Shrink with bias = lambd.",
    ),
    Record(
        name="bent_identity",
        summary="Bent identity: slope 1/2 on the left, 3/2 on the right.",
        maths="(sqrt(x**2 + 1) - 1) / 2 + x",
        gradient_maths="x / (2 sqrt(x**2 + 1)) + 1",
        forward="x + x * x / (2 * (sqrt(x * x + 1) + 1))",
        derivative="1 + x / (2 * sqrt(x * x + 1))",
        edges=((-INF, -INF, 0.5), (0.0, 0.0, 1.0), (INF, INF, 1.5)),
        example=((-1.0, -0.7929, 0.6464), (0.5, 0.5590, 1.2236), (2.0, 2.6180, 1.4472)),
        source="Kunc and Klema, Three decades of activations: a comprehensive survey of 400 activation functions, arXiv:2402.09092, 2024.",
    ),
    Record(
        name="step",
        summary="Step: a threshold unit.",
        maths="1 if x >= threshold else 0",
        gradient_maths="0",
        forward="where(x >= threshold, 1, 0)",
        derivative="0",
        parameters=(Parameter("threshold", 0.0, "where it steps up", samples=(0.75,)),),
        from_output=FromOutput("0"),
        kinks=("threshold",),
        convention="The gradient at the threshold, as everywhere, is 0.",
        edges=((-INF, 0.0, 0.0), (0.0, 1.0, 0.0), (-0.0, 1.0, 0.0), (INF, 1.0, 0.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 1.0000, 0.0000), (2.0, 1.0000, 0.0000)),
        source="McCulloch and Pitts, A logical calculus of the ideas immanent in nervous activity, 1943.",
    ),
    Record(
        name="quick_gelu",
        summary="Gaussian error linear unit, sigmoid approximation.",
        maths="x * sigmoid(1.702 x)",
        gradient_maths="s(u) * (1 + u * s(-u)), s the sigmoid, u = 1.702 x",
        forward="x * sigmoid(1.702 * x)",
        derivative="sigmoid(1.702 * x) * (1 + 1.702 * x * sigmoid(-1.702 * x))",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.1542, -0.0678), (0.5, 0.3504, 0.8792), (2.0, 1.9357, 1.0738)),
        source="Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415, 2016.",
        notes="An approximation of `gelu`, coarser than `gelu_tanh`; CLIP uses it.",
    ),
    Record(
        name="gaussian",
        summary="Gaussian bell.",
        maths="exp(-x**2)",
        gradient_maths="-2 x * exp(-x**2)",
        forward="exp(-x * x)",
        derivative="-2 * x * exp(-x * x)",
        edges=((-INF, 0.0, 0.0), (0.0, 1.0, -0.0), (INF, 0.0, -0.0)),
        example=((-1.0, 0.3679, 0.7358), (0.5, 0.7788, -0.7788), (2.0, 0.0183, -0.0733)),
        source="Broomhead and Lowe, Multivariable functional interpolation and adaptive networks, Complex Systems 2, 1988.",
    ),
    Record(
        name="laplace",
        summary="Laplace attention function: a smooth step.",
        maths="(1 + erf((x - mu) / (sigma * sqrt(2)))) / 2",
        gradient_maths="exp(-((x - mu) / sigma)**2 / 2) / (sigma * sqrt(2 pi))",
        forward="erfc((mu - x) / (sigma * sqrt(2))) / 2",
        derivative="exp(-((x - mu) / sigma)**2 / 2) / (sigma * sqrt(2 * pi))",
        parameters=(
            Parameter(
                "mu",
                0.7071067811865476,
                "where the value is 1/2",
                samples=(-0.5,),
                gradient=Gradient(
                    "-exp(-t**2 / 2) / (sigma * sqrt(2 pi)), t = (x - mu) / sigma",
                    "-exp(-((x - mu) / sigma)**2 / 2) / (sigma * sqrt(2 * pi))",
                ),
            ),
            Parameter(
                "sigma",
                0.28209479177387814,
                "width",
                check="nonzero",
                samples=(1.5,),
                gradient=Gradient(
                    "-t * exp(-t**2 / 2) / (sigma * sqrt(2 pi)), t = (x - mu) / sigma",
                    "(mu - x) / sigma * exp(-((x - mu) / sigma)**2 / 2) / (sigma * sqrt(2 * pi))",
                ),
            ),
        ),
        edges=((-INF, 0.0, 0.0), (INF, 1.0, 0.0)),
        example=((-1.0, 0.0000, 0.0000), (0.5, 0.2314, 1.0801), (2.0, 1.0000, 0.0000)),
        source="Ma, Zhou, Kong, He, Gui, Neubig, May and Zettlemoyer, Mega: moving average equipped gated attention, ICLR 2023.",
        notes="The defaults, sqrt(1/2) and sqrt(1/(4 pi)), are the paper's: there value and slope are those of x**2 at x = mu.",
    ),
    Record(
        name="snake",
        summary="Snake: x and a periodic part.",
        maths="x + sin(alpha x)**2 / alpha",
        gradient_maths="1 + sin(2 alpha x)",
        forward="x + sin(alpha * x)**2 / alpha",
        derivative="1 + sin(2 * alpha * x)",
        parameters=(
            Parameter(
                "alpha",
                1.0,
                "frequency of the periodic part",
                check="nonzero",
                samples=(0.5, 5.0),
                gradient=Gradient(
                    "(u sin(2 u) - sin(u)**2) / alpha**2, u = alpha x",
                    "(alpha * x * sin(2 * alpha * x) - sin(alpha * x)**2) / alpha**2",
                    beside="minimum(x * x, 1 / alpha**2)",
                ),
            ),
        ),
        domain=(-INF, INF),
        edges=((-INF, -INF, NAN), (0.0, 0.0, None), (INF, INF, NAN)),
        example=((-1.0, -0.2919, 0.0907), (0.5, 0.7298, 1.8415), (2.0, 2.8268, 0.2432)),
        source="Ziyin, Hartwig and Ueda, Neural networks fail to learn periodic functions and how to fix it, NeurIPS 2020.",
        notes="At infinite x the gradient has no limit and is NaN.",
    ),
    Record(
        name="serf",
        summary="Serf: x times the error function of softplus.",
        maths="x * erf(softplus(x))",
        gradient_maths="erf(s) + x * 2 / sqrt(pi) * exp(-s**2) * sigmoid(x), s = softplus(x)",
        forward="x * erf(softplus(x))",
        derivative="erf(softplus(x)) + x * 2 / sqrt(pi) * exp(-softplus(x) * softplus(x)) * sigmoid(x)",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, None), (INF, INF, 1.0)),
        example=((-1.0, -0.3422, 0.0671), (0.5, 0.4158, 0.9676), (2.0, 1.9947, 1.0189)),
        source="Nag et al., SERF: better training of deep networks using the log-softplus error activation function, WACV 2023.",
    ),
    Record(
        name="dish",
        summary="Dish: like gelu, without an exponential.",
        maths="x / 2 * (1 + x / sqrt(1 + x**2))",
        gradient_maths="(1 + 2 u - u**3) / 2, u = x / sqrt(1 + x**2)",
        forward="where(x < 0, x / (1 + x * x + abs(x) * sqrt(1 + x * x)), x * (1 + abs(x) / sqrt(1 + x * x))) / 2",
        derivative="(lambda w: where(x < 0, w * (3 * w - 1 - w * w), (2 - w) * (1 + w - w * w)) / 2)"
        "(1 / (1 + x * x + abs(x) * sqrt(1 + x * x)))",
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.1464, -0.0303), (0.5, 0.3618, 0.9025), (2.0, 1.8944, 1.0367)),
        source="de Kok, Dish (Daniel's swish-like activation), in thinc, Explosion, 2022.",
        notes="In the expressions w = 1 - |u|, which does not cancel.",
    ),
    Record(
        name="erf",
        summary="Error function.",
        maths="erf(x)",
        gradient_maths="2 / sqrt(pi) * exp(-x**2)",
        forward="erf(x)",
        derivative="2 / sqrt(pi) * exp(-x * x)",
        odd=True,
        edges=((-INF, -1.0, 0.0), (-0.0, -0.0, None), (0.0, 0.0, None), (INF, 1.0, 0.0)),
        example=((-1.0, -0.8427, 0.4151), (0.5, 0.5205, 0.8788), (2.0, 0.9953, 0.0207)),
        source="Glaisher, On a class of definite integrals, Philosophical Magazine 42, 1871.",
    ),
    Record(
        name="erfc",
        summary="Complementary error function.",
        maths="1 - erf(x)",
        gradient_maths="-2 / sqrt(pi) * exp(-x**2)",
        forward="erfc(x)",
        derivative="-2 / sqrt(pi) * exp(-x * x)",
        edges=((-INF, 2.0, -0.0), (0.0, 1.0, None), (INF, 0.0, -0.0)),
        example=((-1.0, 1.8427, -0.4151), (0.5, 0.4795, -0.8788), (2.0, 0.0047, -0.0207)),
        source="Glaisher, On a class of definite integrals, Philosophical Magazine 42, 1871.",
    ),
    Record(
        name="ndtr",
        summary="Normal distribution function.",
        maths="Phi(x) = erfc(-x / sqrt(2)) / 2",
        gradient_maths="phi(x) = exp(-x**2 / 2) / sqrt(2 pi)",
        forward="erfc(-x / sqrt(2)) / 2",
        derivative="exp(-x * x / 2) / sqrt(2 * pi)",
        edges=((-INF, 0.0, 0.0), (0.0, 0.5, None), (INF, 1.0, 0.0)),
        example=((-1.0, 0.1587, 0.2420), (0.5, 0.6915, 0.3521), (2.0, 0.9772, 0.0540)),
        source="Laplace, Theorie analytique des probabilites, 1812.",
    ),
    Record(
        name="log_ndtr",
        summary="Logarithm of the normal distribution function.",
        maths="log(Phi(x)), Phi the standard normal distribution function",
        gradient_maths="phi(x) / Phi(x), phi the standard normal density",
        forward="where(x < 0, log(erfcx(maximum(-x, 0) / sqrt(2)) / 2) - x * x / 2, log1p(-erfc(maximum(x, 0) / sqrt(2)) / 2))",
        derivative="where(x < 0, sqrt(2 / pi) / erfcx(maximum(-x, 0) / sqrt(2)),"
        " exp(-x * x / 2) / (sqrt(2 * pi) * (1 - erfc(maximum(x, 0) / sqrt(2)) / 2)))",
        edges=((-INF, -INF, INF), (INF, -0.0, 0.0)),
        example=((-1.0, -1.8410, 1.5251), (0.5, -0.3689, 0.5092), (2.0, -0.0230, 0.0552)),
        source="Gordon, Values of Mills' ratio of area to bounding ordinate, Annals of Mathematical Statistics 12, 1941.",
    ),
    Record(
        name="logit",
        summary="Logit: the inverse of sigmoid.",
        maths="log(x / (1 - x))",
        gradient_maths="1 / (x (1 - x))",
        forward="(lambda c: where(abs(c - 0.5) < 0.25, log1p(2 * c - 1) - log1p(1 - 2 * c), log(c / (1 - c))))"
        "(where(eps > 0, minimum(1 - eps, maximum(x, eps)), x))",
        derivative="where(x < eps, 0, where(x > 1 - eps, 0, 1 / (x * (1 - x))))",
        parameters=(Parameter("eps", 0.0, "if above 0, x is held in [eps, 1 - eps]", check="margin", samples=(0.01,)),),
        domain=(0.0, 1.0),
        convention="The gradient is 0 where `eps` holds x.",
        edges=((0.0, -INF, INF), (0.5, 0.0, 4.0), (1.0, INF, INF), (INF, NAN, NAN)),
        example=((0.1, -2.1972, 11.1111), (0.5, 0.0000, 4.0000), (0.75, 1.0986, 5.3333)),
        source="Berkson, Application of the logistic function to bio-assay, Journal of the American Statistical Association 39, 1944.",
        notes="The raw ufunc and `fastact.special.logit` give NaN outside [0, 1], as SciPy and PyTorch do. PyTorch's eps=None is 0 here.",
    ),
    Record(
        name="tanh_shrink",
        summary="What tanh takes away.",
        maths="x - tanh(x)",
        gradient_maths="tanh(x)**2",
        forward="less_tanh(x)",
        derivative="tanh(x)**2",
        odd=True,
        edges=((-INF, -INF, 1.0), (-0.0, -0.0, 0.0), (0.0, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, -0.2384, 0.5800), (0.5, 0.0379, 0.2136), (2.0, 1.0360, 0.9293)),
        source="Collobert, Kavukcuoglu and Farabet, Torch7: a Matlab-like environment for machine learning, 2011.",
        notes="Near 0 it is x**3 / 3, of which x - tanh(x) as written keeps no digit.",
    ),
    Record(
        name="sine",
        summary="Sine of omega x.",
        maths="sin(omega x)",
        gradient_maths="omega * cos(omega x)",
        forward="sin(omega * x)",
        derivative="omega * cos(omega * x)",
        parameters=(
            Parameter("omega", 1.0, "angular frequency", samples=(30.0, 0.3), gradient=Gradient("x * cos(omega x)", "x * cos(omega * x)")),
        ),
        odd=True,
        domain=(-INF, INF),
        edges=((-0.0, -0.0, 1.0), (0.0, 0.0, 1.0), (INF, NAN, NAN)),
        example=((-1.0, -0.8415, 0.5403), (0.5, 0.4794, 0.8776), (2.0, 0.9093, -0.4161)),
        source="Sitzmann, Martel, Bergman, Lindell and Wetzstein, Implicit neural representations with periodic activations, NeurIPS 2020.",
        notes="Accurate for every finite omega x, however large: the product is not rounded. At infinite x value and gradient have no limit"
        " and are NaN, with omega = 0 too. SIREN uses omega = 30.",
    ),
)

ROWWISE: tuple[RowRecord, ...] = (
    RowRecord(
        name="softmax",
        summary="Softmax over an axis.",
        tempered=True,
        maths="exp(x - m) / sum(exp(x - m)), m = max(x)",
        gradient_maths="y * (dy - sum(y * dy))",
        forward="exp(x - max(x)) / sum(exp(x - max(x)))",
        backward="y * (dy - sum(y * dy))",
        example_output=(0.0900, 0.2447, 0.6652),
        example_gradient=(0.0819, -0.0220, -0.0599),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.",
        notes="A row that holds +inf, or only -inf, gives NaN. SciPy's default axis is None.",
    ),
    RowRecord(
        name="log_softmax",
        summary="Logarithm of softmax over an axis.",
        maths="(x - m) - log(sum(exp(x - m))), m = max(x)",
        gradient_maths="dy - exp(y) * sum(dy)",
        forward="(x - max(x)) - log(sum(exp(x - max(x))))",
        backward="dy - exp(y) * sum(dy)",
        masked=-INF,
        example_output=(-2.4076, -1.4076, -0.4076),
        example_gradient=(0.9100, -0.2447, -0.6652),
        source="Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.",
        notes="The shift comes first and the sum goes through log1p, so a tiny result keeps its digits. A row that holds +inf, or only"
        " -inf, gives NaN.",
    ),
    RowRecord(
        name="logsumexp",
        summary="Logarithm of the sum of exponentials over an axis.",
        maths="m + log(sum(exp(x - m))), m = max(x)",
        gradient_maths="dy * softmax(x)",
        forward="max(x) + log(sum(exp(x - max(x))))",
        backward="dy * exp(x - max(x)) / sum(exp(x - max(x)))",
        masked=-INF,
        reduces=True,
        saves="x",
        example_output=(3.4076,),
        example_gradient=(0.0900, 0.2447, 0.6652),
        source="Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.",
        ulp_of="larger",
        notes="A row of zero length gives -inf. Where max(x) and the logarithm cancel, the error is that of the larger of the two.",
    ),
)


class Operation(Entry):
    """One ufunc to build: a formula applied to data operands, then parameters."""

    name: str
    formula: str
    data: tuple[str, ...]
    parameters: tuple[str, ...]
    results: tuple[str, ...] = ("y",)
    #: (parameter, value, ufunc) of its record's `special`.
    special: tuple[str, float, str] | None = None


def operations(record: Record) -> list[Operation]:
    """The ufuncs of an element-by-element record: forward, backward, and the backward forms that it offers."""
    parameters = tuple(p.name for p in record.parameters)
    backward = f"{record.name}_backward"
    special = [record.special and (*record.special[:2], record.special[2] + form) for form in ("", "_backward")]
    ops = [
        Operation(record.name, record.name, ("x",), parameters, special=special[0]),
        Operation(backward, backward, ("dy", "x"), parameters, special=special[1]),
    ]
    if record.from_output:
        ops.append(Operation(f"{backward}_y", f"{backward}_y", ("dy", "y"), parameters))
    ops += [Operation(f"{backward}_{p.name}", f"{backward}_{p.name}", ("dy", "x"), parameters) for p in record.parameters if p.gradient]
    return ops


def pair(record: Record) -> Operation | None:
    """The ufunc that gives value and slope in one pass: from a formula of that name, or else from the forward and the backward one."""
    if record.drawn:
        return None
    name = f"{record.name}_value_and_grad"
    special = record.special and (*record.special[:2], f"{record.special[2]}_value_and_grad")
    return Operation(name, name, ("x",), tuple(p.name for p in record.parameters), ("y", "dydx"), special)


#: The value and the slope in one pass, of every element-by-element function but those that draw something.
PAIRS: dict[str, Operation] = {record.name: op for record in ELEMENTWISE if (op := pair(record))}


class GateRecord(Entry):
    """One operation on the gates of a recurrent cell: names of operands, (k) for a buffer that holds `gates` times n numbers."""

    name: str
    gates: int
    inputs: dict[str, str]
    outputs: dict[str, str]


GATES: tuple[GateRecord, ...] = (
    GateRecord("lstm_gates", 4, {"gates": "(k)", "c": "(n)"}, {"gates": "(k)", "h": "(n)", "c": "(n)"}),
    GateRecord(
        "lstm_gates_backward",
        4,
        {"gates": "(k)", "c": "(n)", "c_new": "(n)", "dh": "(n)", "dc": "(n)"},
        {"gates": "(k)", "dc": "(n)"},
    ),
    GateRecord("gru_gates", 3, {"gates": "(k)", "hidden": "(k)", "h": "(n)"}, {"gates": "(k)", "h": "(n)"}),
    GateRecord(
        "gru_gates_backward",
        3,
        {"gates": "(k)", "hidden": "(k)", "h": "(n)", "dh": "(n)"},
        {"gates": "(k)", "hidden": "(k)", "dh": "(n)"},
    ),
)


_ALL: tuple[Record | RowRecord, ...] = (*ELEMENTWISE, *ROWWISE)
RECORDS: dict[str, Record | RowRecord] = {r.name: r for r in _ALL}
#: Every accepted name, aliases included, to the record's own name.
NAMES: dict[str, str] = {n: r.name for r in RECORDS.values() for n in (r.name, *r.aliases)}


# ---- gated units, losses and what else runs over an axis ---------------------------------------------------------------


class Several(Entry):
    """One ufunc of arrays alone, of one result or several, computed together from what they share."""

    name: str
    formula: str
    data: tuple[str, ...]
    results: tuple[str, ...]


class GatedRecord(Entry):
    """A gated unit: ``a * act(gate)``, with `a` and `gate` two arrays or the two halves of one."""

    name: str
    summary: str
    #: The gate's activation: another record's name, or None for the gate itself.
    activation: str | None
    maths: str
    gradient_maths: str
    #: f([1, -2, 3, 0.5]), and the gradient there for dy = [1, 1], to four places.
    example_output: tuple[float, ...]
    example_gradient: tuple[float, ...]
    source: str
    aliases: tuple[str, ...] = ()
    #: Of the result, and of both gradients for dy = 1.
    bounds: Mapping[str, float] = {"float16": 0.51, "bfloat16": 0.51, "float32": 2.0, "float64": 2.0}
    notes: str = ""


GATED: tuple[GatedRecord, ...] = (
    GatedRecord(
        name="glu",
        summary="Gated linear unit.",
        activation="sigmoid",
        maths="a * sigmoid(gate)",
        gradient_maths="da = dy * sigmoid(gate), dgate = dy * a * sigmoid(gate) * sigmoid(-gate)",
        example_output=(0.9526, -1.2449),
        example_gradient=(0.9526, 0.6225, 0.0452, -0.4700),
        source="Dauphin, Fan, Auli and Grangier, Language modeling with gated convolutional networks, ICML 2017.",
    ),
    GatedRecord(
        name="swiglu",
        summary="Gated linear unit with silu.",
        activation="silu",
        maths="a * silu(gate) = a * gate * sigmoid(gate)",
        gradient_maths="da = dy * silu(gate), dgate = dy * a * sigmoid(gate) * (1 + gate * sigmoid(-gate))",
        example_output=(2.8577, -0.6225),
        example_gradient=(2.8577, 0.3112, 1.0881, -1.4799),
        source="Shazeer, GLU variants improve transformer, arXiv:2002.05202, 2020.",
        notes="In float64, where silu'(gate) is below the smallest normal number (gate < -708), dgate has that number's error.",
    ),
    GatedRecord(
        name="geglu",
        summary="Gated linear unit with gelu.",
        activation="gelu",
        maths="a * gelu(gate) = a * gate * Phi(gate)",
        gradient_maths="da = dy * gelu(gate), dgate = dy * a * (Phi(gate) + gate * phi(gate))",
        example_output=(2.9960, -0.6915),
        example_gradient=(2.9960, 0.3457, 1.0119, -1.7350),
        source="Shazeer, GLU variants improve transformer, arXiv:2002.05202, 2020.",
        notes="Where gelu(gate) is below the smallest subnormal number the result is 0, whatever a is (gate < -14.625 in float32).",
    ),
    GatedRecord(
        name="reglu",
        summary="Gated linear unit with relu.",
        activation="relu",
        maths="a * max(gate, 0)",
        gradient_maths="da = dy * max(gate, 0), dgate = dy * a where gate > 0, else 0",
        example_output=(3.0000, -1.0000),
        example_gradient=(3.0000, 0.5000, 1.0000, -2.0000),
        source="Shazeer, GLU variants improve transformer, arXiv:2002.05202, 2020.",
        bounds={"float16": 0.51, "bfloat16": 0.51, "float32": 0.5, "float64": 0.5},
        notes="An infinite a times a closed gate is NaN, as any product of infinity and 0.",
    ),
    GatedRecord(
        name="bilinear",
        summary="Bilinear gated unit: no activation on the gate.",
        activation=None,
        maths="a * gate",
        gradient_maths="da = dy * gate, dgate = dy * a",
        example_output=(3.0000, -1.0000),
        example_gradient=(3.0000, 0.5000, 1.0000, -2.0000),
        source="Mnih and Hinton, Three new graphical models for statistical language modelling, ICML 2007.",
        bounds={"float16": 0.51, "bfloat16": 0.51, "float32": 0.5, "float64": 0.5},
    ),
)


def gated_operations(record: GatedRecord) -> list[Several]:
    """The ufuncs of a gated unit: the product, and both gradients in one pass."""
    backward = f"{record.name}_backward"
    return [Several(record.name, record.name, ("a", "gate"), ("y",)), Several(backward, backward, ("dy", "a", "gate"), ("da", "dgate"))]


#: Elementwise ufuncs of several arrays, the gated units' among them.
SEVERAL: tuple[Several, ...] = (
    *(op for record in GATED for op in gated_operations(record)),
    Several("sigmoid_cross_entropy", "sigmoid_cross_entropy", ("logits", "targets"), ("loss",)),
    Several("sigmoid_cross_entropy_gradient", "sigmoid_cross_entropy_gradient", ("logits", "targets", "dy"), ("loss", "gradient")),
    Several("sigmoid_cross_entropy_hessian", "sigmoid_cross_entropy_hessian", ("logits", "targets", "dy"), ("loss", "gradient", "hessian")),
)

#: Every gated unit by name and alias.
GATED_NAMES: dict[str, GatedRecord] = {n: r for r in GATED for n in (r.name, *r.aliases)}


class RowKernel(Entry):
    """One ufunc over an axis: a function of family.h, its leading arguments, and what NumPy needs to know."""

    name: str
    function: str
    arguments: tuple[str, ...]
    signature: str
    #: A letter for each operand and result: r for the floating type, b for bool, l for 64-bit integers.
    kinds: str
    operands: tuple[str, ...]


def _entropy_kernels(name: str, ids: bool) -> list[RowKernel]:
    """Loss alone; with the gradient; with the Hessian's diagonal too."""
    kind, labels, letter = ("ids", "()", "l") if ids else ("shares", "(n)", "r")
    operands = ("logits", "labels", "where")
    first = (str(int(ids)),)
    return [
        RowKernel(f"{name}_{kind}", "cross_entropy", (*first, "1"), f"(n),{labels},(n)->()", f"r{letter}b>r", operands),
        RowKernel(
            f"{name}_{kind}_gradient",
            "cross_entropy",
            (*first, "2"),
            f"(n),{labels},(n),()->(),(n)",
            f"r{letter}br>rr",
            (*operands, "dy"),
        ),
        RowKernel(
            f"{name}_{kind}_hessian",
            "cross_entropy",
            (*first, "3"),
            f"(n),{labels},(n),()->(),(n),(n)",
            f"r{letter}br>rrr",
            (*operands, "dy"),
        ),
    ]


ROW_KERNELS: tuple[RowKernel, ...] = (
    *_entropy_kernels("softmax_cross_entropy", True),
    *_entropy_kernels("softmax_cross_entropy", False),
    RowKernel("softmax_tempered", "tempered", (), "(n),(),(n)->(n)", "rrb>r", ("x", "temperature", "where")),
    RowKernel("hardmax", "simplex", ("HARDMAX",), "(n),(n)->(n)", "rb>r", ("x", "where")),
    RowKernel("sparsemax", "simplex", ("SPARSEMAX",), "(n),(n)->(n)", "rb>r", ("x", "where")),
    RowKernel("sparsemax_backward_y", "simplex_gradients", ("SPARSEMAX",), "(n),(n)->(n)", "rr>r", ("dy", "y")),
    RowKernel("entmax15", "simplex", ("ENTMAX",), "(n),(n)->(n)", "rb>r", ("x", "where")),
    RowKernel("entmax15_backward_y", "simplex_gradients", ("ENTMAX",), "(n),(n)->(n)", "rr>r", ("dy", "y")),
    RowKernel("segment_softmax", "segments", ("0",), "(n),(m)->(n)", "rl>r", ("x", "offsets")),
    RowKernel("segment_softmax_backward_y", "segments", ("1",), "(n),(n),(m)->(n)", "rrl>r", ("dy", "y", "offsets")),
    RowKernel("maxout", "pieces", (), "(p)->(),()", "r>rl", ("x",)),
)


class FunctionRecord(Entry):
    """A function of `fastact._family`: its signature and its documentation. One that is an activation has a definition, too."""

    name: str
    signature: str
    summary: str
    #: (name, type, meaning) of each argument and of each result.
    arguments: tuple[tuple[str, str, str], ...]
    returns: tuple[tuple[str, str, str], ...]
    raises: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    source: str
    #: Lines of a doctest after the imports.
    example: str
    see: tuple[str, ...] = ()
    #: The function of `ROWWISE` whose kernels and gradient it is built on.
    over: str | None = None
    #: Of activations: definition, gradient, bounds in ulp, and what backward wants saved.
    maths: str = ""
    gradient_maths: str = ""
    bounds: Mapping[str, float] = {}
    saves: str = "y"
    aliases: tuple[str, ...] = ()


_X = ("x", "array_like of float16, bfloat16, float32 or float64; integers and bool are computed in float64", "Input.")
_DY = ("dy", "array_like", "Gradient of the loss with respect to the output.")
_SAVED = (("x", "array_like", "The saved input."), ("y", "array_like", "The saved output, instead of x."))
_OVER = ("axis", "int, tuple of int or None, default -1", "The axis or axes over which a row runs; None: all of x is one row.")
_ONE_AXIS = ("axis", "int, default -1", "The axis over which a row runs.")
_WHERE = (
    "where",
    "array_like of bool, optional",
    "Which entries take part; broadcasts to x. The others have no effect, whatever they hold.",
)
_PUT = ("out", "ndarray, optional", "Where to put the result; may be the first argument itself.")
_DX = ("dx", "ndarray", "Of the input's shape.")
_ROW_RESULT = ("y", "ndarray", "Of x's shape and type.")
_TYPES = ("TypeError", "For types that are not accepted, or a mask that is not boolean.")
_SHAPES = ("ValueError", "If a mask or a gradient does not fit the shape, naming both.")
_AXES = ("AxisError", "If an axis is out of range.")
_ONE_SAVED = ("TypeError", "Unless exactly one of `x` and `y` is given.")
_NO_FULLY_MASKED = "Masked entries and fully masked rows give 0; the gradient there is 0."
_SOFTMAX_BOUNDS = {"float16": 1.0, "bfloat16": 1.0, "float32": 4.0, "float64": 4.0}
_LOGITS = (
    "logits",
    "array_like of float16, bfloat16, float32 or float64; integers and bool are computed in float64",
    "Unnormalised logarithms of probabilities.",
)
_LABELS = (
    "labels",
    "array_like",
    "Integers: the class of each row, of the logits' shape without the axis. Floats: a distribution a row, that broadcasts to the logits; "
    "not of the shape that class numbers have.",
)
_CLASSES = ("axis", "int, default -1", "The axis over which the classes run.")
_CLASS_MASK = ("where", "array_like of bool, optional", "Which classes take part; broadcasts to the logits. The others have no effect.")
_IGNORED = ("ignore_index", "int, optional", "A label whose rows count for nothing: loss 0, gradient 0.")
_DY_LOSS = (
    "dy",
    "array_like, default 1.0",
    "What gradient and Hessian are multiplied by; a number (1/rows for the mean), or one for each loss.",
)
_HESSIAN = ("hessian", "bool, default False", "Whether to return the diagonal of the Hessian too, as boosting wants it.")
_LOSSES_OUT = (
    "out",
    "ndarray or tuple of ndarray, optional",
    "Where to put the gradient, perhaps the logits themselves; or a tuple for all results, in which None leaves one out.",
)
_LABEL_ERRORS = (
    ("TypeError", "For labels that are neither integers nor floats, and other types that are not accepted."),
    (
        "ValueError",
        "For a label that is no class, is masked out or is a negative or infinite share, naming it and its index; for shapes.",
    ),
    _AXES,
)
_ENTROPY_NOTES = (
    "loss = -log(softmax(logits)[label]), or -sum(labels * log(softmax(logits))), where a share of 0 counts nothing.",
    "Accuracy of the loss: at most 2 ulp in float32 and float64, 0.51 ulp in float16, down to losses near 0, "
    "where the label is all but certain.",
)
_SIGMOID_NOTES = "With u = 1 - target for logits from 0 on, target below: loss = u |x| + log1p(exp(-|x|)), without cancellation."


def _projection(
    name: str, summary: str, maths: str, gradient: str, notes: str, source: str, shown: tuple[str, str]
) -> list[FunctionRecord]:
    """A projection on the simplex and its gradient."""
    limits = {"float16": 1.0, "bfloat16": 1.0, "float32": 1.0, "float64": 4.0}
    bound = (
        "Accuracy: at most 1 ulp in float16 and float32, where an entry is not within 2**-26 of the threshold; "
        "in float64 2**-51 at most, in all."
    )
    return [
        FunctionRecord(
            name=name,
            signature="x, axis=-1, *, where=None, out=None",
            summary=summary,
            maths=maths,
            gradient_maths=gradient,
            bounds=limits,
            arguments=(_X, _OVER, _WHERE, _PUT),
            returns=(_ROW_RESULT,),
            raises=(_TYPES, _SHAPES, _AXES),
            notes=(f"f(x) = {maths}", notes, _NO_FULLY_MASKED, "A row that holds NaN, +inf or nothing but -inf gives NaN.", bound),
            source=source,
            example=f">>> for v in fa.{name}(np.array([1.0, 0.5, -1.0])):\n...     print(f'{{v:.4f}}')\n{shown[0]}",
            see=(f"{name}_backward : the gradient.",),
        ),
        FunctionRecord(
            name=f"{name}_backward",
            signature="dy, *, x=None, y=None, axis=-1, where=None, out=None",
            summary=f"Gradient of `{name}`: {gradient}",
            arguments=(_DY, *_SAVED, _OVER, _WHERE, _PUT),
            returns=(_DX,),
            raises=(_ONE_SAVED, _SHAPES, _AXES),
            notes=(f"dx = {gradient}", "Entries outside the support have gradient 0. Sums are added in float64."),
            source=source,
            example=f">>> for v in fa.{name}_backward(np.array([1.0, 0.0, 0.0]), x=np.array([1.0, 0.5, -1.0])):\n"
            f"...     print(f'{{v:.4f}}')\n{shown[1]}",
            see=(f"{name} : the function.",),
        ),
    ]


FUNCTIONS: tuple[FunctionRecord, ...] = (
    FunctionRecord(
        name="softmax_cross_entropy",
        signature="logits, labels, axis=-1, *, where=None, ignore_index=None, out=None",
        summary="Cross-entropy of softmax, a loss for each row.",
        arguments=(_LOGITS, _LABELS, _CLASSES, _CLASS_MASK, _IGNORED, ("out", "ndarray, optional", "Where to put the losses.")),
        returns=(("loss", "ndarray", "A loss for each row: of the logits' shape without the axis."),),
        raises=_LABEL_ERRORS,
        notes=(*_ENTROPY_NOTES, "A fully masked row has loss 0. A row that holds +inf, or only -inf, gives NaN."),
        source="Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.",
        example=">>> logits = np.array([[2.0, 1.0, 0.0], [0.0, 30.0, 0.0]])\n"
        ">>> for v in fa.softmax_cross_entropy(logits, np.array([0, 1])):\n...     print(f'{v:.4g}')\n0.4076\n1.872e-13",
        see=("softmax_cross_entropy_value_and_grad : the loss and its gradient in one pass.", "log_softmax : the logarithms themselves."),
    ),
    FunctionRecord(
        name="softmax_cross_entropy_value_and_grad",
        signature="logits, labels, axis=-1, *, where=None, ignore_index=None, dy=1.0, hessian=False, out=None",
        summary="Cross-entropy of softmax with its gradient, and the Hessian's diagonal on request, in one pass.",
        arguments=(_LOGITS, _LABELS, _CLASSES, _CLASS_MASK, _IGNORED, _DY_LOSS, _HESSIAN, _LOSSES_OUT),
        returns=(
            ("loss", "ndarray", "A loss for each row, not multiplied by dy."),
            ("gradient", "ndarray", "dy (p - onehot(label)), or dy (p sum(labels) - labels), p = softmax(logits); of the logits' shape."),
            ("hessian", "ndarray", "dy p (1 - p), times sum(labels) for a distribution; only if asked for."),
        ),
        raises=(*_LABEL_ERRORS, ("ValueError", "If dy does not fit the losses' shape.")),
        notes=(
            *_ENTROPY_NOTES,
            "Gradient and Hessian: at most 4 ulp in float32 and float64, 1 ulp in float16, p - 1 at a certain label included; "
            "for a distribution, of the larger of the two terms whose difference it is.",
            "The loss has the same bits as `softmax_cross_entropy`.",
        ),
        source="Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.",
        example=">>> loss, gradient = fa.softmax_cross_entropy_value_and_grad(np.array([2.0, 1.0, 0.0]), 0)\n"
        ">>> for v in (loss, *gradient):\n...     print(f'{v:.4f}')\n0.4076\n-0.3348\n0.2447\n0.0900",
        see=("softmax_cross_entropy : the loss alone.",),
    ),
    FunctionRecord(
        name="sigmoid_cross_entropy",
        signature="logits, targets, *, out=None, **kwargs",
        summary="Cross-entropy of sigmoid, element by element.",
        arguments=(
            _LOGITS,
            ("targets", "array_like", "Numbers from 0 to 1; broadcast against the logits."),
            ("out", "ndarray, optional", "Where to put the losses. Other ufunc arguments work as in NumPy."),
        ),
        returns=(("loss", "ndarray", "Of the broadcast shape."),),
        raises=(
            ("TypeError", "For types that are not accepted."),
            ("ValueError", "For a target that is not from 0 to 1, naming it and its index."),
        ),
        notes=(
            "loss = -target log(sigmoid(x)) - (1 - target) log(1 - sigmoid(x))",
            _SIGMOID_NOTES,
            "Accuracy: at most 2.5 ulp in float32 and float64, 0.51 ulp in float16.",
        ),
        source="Good, Rational decisions, 1952.",
        example=">>> for v in fa.sigmoid_cross_entropy(np.array([2.0, -100.0, 40.0]), np.array([1.0, 0.0, 1.0])):\n"
        "...     print(f'{v:.4g}')\n0.1269\n3.72e-44\n4.248e-18",
        see=("sigmoid_cross_entropy_value_and_grad : the loss and its gradient in one pass.",),
    ),
    FunctionRecord(
        name="sigmoid_cross_entropy_value_and_grad",
        signature="logits, targets, *, dy=1.0, hessian=False, out=None, **kwargs",
        summary="Cross-entropy of sigmoid with its gradient, and the Hessian's diagonal on request, in one pass.",
        arguments=(
            _LOGITS,
            ("targets", "array_like", "Numbers from 0 to 1; broadcast against the logits."),
            ("dy", "array_like, default 1.0", "What gradient and Hessian are multiplied by."),
            _HESSIAN,
            _LOSSES_OUT,
        ),
        returns=(
            ("loss", "ndarray", "Of the broadcast shape, not multiplied by dy."),
            ("gradient", "ndarray", "dy (sigmoid(x) - target)."),
            ("hessian", "ndarray", "dy sigmoid(x) sigmoid(-x); only if asked for."),
        ),
        raises=(
            ("TypeError", "For types that are not accepted."),
            ("ValueError", "For a target that is not from 0 to 1, naming it and its index."),
        ),
        notes=(
            _SIGMOID_NOTES,
            "Accuracy: at most 2.5 ulp in float32 and float64, 0.51 ulp in float16; of a gradient, of the larger of sigmoid(x) and the "
            "target, unless the target is 0 or 1, where it is the gradient's own ulp.",
        ),
        source="Good, Rational decisions, 1952.",
        example=">>> loss, gradient = fa.sigmoid_cross_entropy_value_and_grad(np.array([2.0, -1.0]), np.array([1.0, 0.5]))\n"
        ">>> for v in gradient:\n...     print(f'{v:.4f}')\n-0.1192\n-0.2311",
        see=("sigmoid_cross_entropy : the loss alone.",),
    ),
    FunctionRecord(
        name="softmin",
        signature="x, axis=-1, *, temperature=1.0, where=None, out=None",
        summary="Softmin over an axis: softmax of -x.",
        over="softmax",
        maths="exp(m - x) / sum(exp(m - x)), m = min(x)",
        gradient_maths="-y * (dy - sum(y * dy))",
        bounds=_SOFTMAX_BOUNDS,
        arguments=(
            _X,
            _OVER,
            ("temperature", "float or array_like, default 1", "Greater than 0; divides x. One number, or one for each row."),
            _WHERE,
            _PUT,
        ),
        returns=(_ROW_RESULT,),
        raises=(_TYPES, _SHAPES, _AXES),
        notes=("f(x) = exp(m - x) / sum(exp(m - x)), m = min(x)", _NO_FULLY_MASKED, "Accuracy: as softmax."),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.",
        example=">>> for v in fa.softmin(np.array([1.0, 2.0, 3.0])):\n...     print(f'{v:.4f}')\n0.6652\n0.2447\n0.0900",
        see=("softmin_backward : the gradient.",),
    ),
    FunctionRecord(
        name="softmin_backward",
        signature="dy, *, x=None, y=None, axis=-1, temperature=1.0, where=None, out=None",
        summary="Gradient of `softmin`: -y * (dy - sum(y * dy))",
        over="softmax",
        arguments=(
            _DY,
            *_SAVED,
            _OVER,
            ("temperature", "float or array_like, default 1", "The forward function's."),
            _WHERE,
            _PUT,
        ),
        returns=(_DX,),
        raises=(_ONE_SAVED, _SHAPES, _AXES),
        notes=("dx = -y * (dy - sum(y * dy)) / temperature",),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.",
        example=">>> for v in fa.softmin_backward(np.array([1.0, 0.0, 0.0]), x=np.array([1.0, 2.0, 3.0])):\n"
        "...     print(f'{v:.4f}')\n-0.2227\n0.1628\n0.0599",
        see=("softmin : the function.",),
    ),
    FunctionRecord(
        name="hardmax",
        signature="x, axis=-1, *, where=None, out=None",
        summary="One for the first maximum of each row, 0 elsewhere.",
        over="softmax",
        maths="1 if x is the first max(x) else 0",
        gradient_maths="0; straight through: the gradient of softmax",
        bounds={"float16": 0.0, "bfloat16": 0.0, "float32": 0.0, "float64": 0.0},
        saves="x",
        arguments=(_X, _OVER, _WHERE, _PUT),
        returns=(_ROW_RESULT,),
        raises=(_TYPES, _SHAPES, _AXES),
        notes=("f(x) = 1 if x is the first max(x) else 0", "A fully masked row gives 0, a row that holds NaN gives NaN."),
        source="Bengio, Leonard and Courville, Estimating or propagating gradients through stochastic neurons, arXiv:1308.3432, 2013.",
        example=">>> fa.hardmax(np.array([1.0, 3.0, 3.0]))\narray([0., 1., 0.])",
        see=("hardmax_backward : the gradient.", "softmax : the smooth form."),
    ),
    FunctionRecord(
        name="hardmax_backward",
        signature="dy, *, x, axis=-1, straight_through=False, where=None, out=None",
        summary="Gradient of `hardmax`: 0, or that of `softmax` straight through.",
        over="softmax",
        arguments=(
            _DY,
            ("x", "array_like", "The saved input."),
            _OVER,
            ("straight_through", "bool, default False", "Whether to return the gradient of softmax at x in place of 0."),
            _WHERE,
            _PUT,
        ),
        returns=(_DX,),
        raises=(_TYPES, _SHAPES, _AXES),
        notes=(
            "The function is constant wherever it has a gradient, so that is 0; of a row with a NaN it is NaN.",
            "Straight through it can be trained.",
        ),
        source="Bengio, Leonard and Courville, Estimating or propagating gradients through stochastic neurons, arXiv:1308.3432, 2013.",
        example=">>> for v in fa.hardmax_backward(np.array([1.0, 0.0, 0.0]), x=np.array([1.0, 2.0, 3.0]), straight_through=True):\n"
        "...     print(f'{v:.4f}')\n0.0819\n-0.0220\n-0.0599",
        see=("hardmax : the function.",),
    ),
    *_projection(
        "sparsemax",
        "Euclidean projection on the simplex: sparse probabilities.",
        "max(x - t, 0), with t such that the sum is 1",
        "s * (dy - sum(s * dy) / sum(s)), s = 1 where y > 0 else 0",
        "The threshold is exact: found on the support, by Newton's method from below, in float64.",
        "Martins and Astudillo, From softmax to sparsemax, ICML 2016.",
        ("0.7500\n0.2500\n0.0000", "0.5000\n-0.5000\n0.0000"),
    ),
    *_projection(
        "entmax15",
        "1.5-entmax: sparse probabilities between softmax and sparsemax.",
        "max(x / 2 - t, 0)**2, with t such that the sum is 1",
        "s * (dy - sum(s * dy) / sum(s)), s = sqrt(y)",
        "The threshold is found by Newton's method from below, in float64.",
        "Peters, Niculae and Martins, Sparse sequence-to-sequence models, ACL 2019.",
        ("0.6740\n0.3260\n0.0000", "0.3368\n-0.3368\n0.0000"),
    ),
    FunctionRecord(
        name="gumbel_softmax",
        signature="x, tau=1.0, axis=-1, *, hard=False, rng=None, where=None, out=None",
        summary="A sample of the concrete distribution: softmax of x and Gumbel noise, over tau.",
        over="softmax",
        arguments=(
            _X,
            ("tau", "float, default 1", "Temperature, greater than 0."),
            _OVER,
            ("hard", "bool, default False", "Whether to return the sample as one and zeros as well."),
            ("rng", "int, Generator or None", "As `numpy.random.default_rng` takes it."),
            _WHERE,
            ("out", "ndarray, optional", "Where to put the smooth sample."),
        ),
        returns=(("y", "ndarray", "The sample, of x's shape and type; with hard=True a pair: `hardmax` of it, and the sample."),),
        raises=(_TYPES, ("ValueError", "If tau is not greater than 0, naming it; if a mask does not fit."), _AXES),
        notes=(
            "y = softmax((x - log(e)) / tau), e exponentially distributed: -log(e) is Gumbel noise.",
            "Straight through: give the gradient with respect to the hard sample to `gumbel_softmax_backward`, with the smooth one as y.",
        ),
        source="Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, ICLR 2017.",
        example=">>> y = fa.gumbel_softmax(np.zeros((2, 3)), tau=0.5, rng=0)\n>>> for v in y.sum(axis=-1):\n"
        "...     print(f'{v:.4f}')\n1.0000\n1.0000",
        see=("gumbel_softmax_backward : the gradient.",),
    ),
    FunctionRecord(
        name="gumbel_softmax_backward",
        signature="dy, *, y, tau=1.0, axis=-1, where=None, out=None",
        summary="Gradient of `gumbel_softmax`, through the smooth sample.",
        over="softmax",
        arguments=(
            _DY,
            ("y", "array_like", "The smooth sample."),
            ("tau", "float, default 1", "The forward function's."),
            _OVER,
            _WHERE,
            _PUT,
        ),
        returns=(_DX,),
        raises=(_TYPES, ("ValueError", "If tau is not greater than 0, naming it; if shapes do not fit."), _AXES),
        notes=("dx = y * (dy - sum(y * dy)) / tau",),
        source="Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, ICLR 2017.",
        example=">>> for v in fa.gumbel_softmax_backward(np.array([1.0, 0.0]), y=np.array([0.5, 0.5]), tau=0.5):\n"
        "...     print(f'{v:.4f}')\n0.5000\n-0.5000",
        see=("gumbel_softmax : the function.",),
    ),
    FunctionRecord(
        name="segment_softmax",
        signature="x, offsets, axis=-1, *, out=None",
        summary="Softmax of each segment of an axis: a ragged batch.",
        arguments=(
            _X,
            ("offsets", "array_like of int", "Where segments begin, and the axis' length: segment k is from offsets[k] to offsets[k + 1]."),
            ("axis", "int, default -1", "The axis along which the segments follow each other."),
            _PUT,
        ),
        returns=(_ROW_RESULT,),
        raises=(
            ("TypeError", "For offsets that are not a row of integers, and types that are not accepted."),
            ("ValueError", "If the offsets fall, or do not run from 0 to the axis' length, naming the offset and its index."),
            _AXES,
        ),
        notes=("Each segment has the bits that `softmax` gives for it alone.", "An empty segment is no error."),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.",
        example=">>> for v in fa.segment_softmax(np.array([1.0, 1.0, 1.0, 2.0, 3.0]), [0, 2, 5]):\n"
        "...     print(f'{v:.4f}')\n0.5000\n0.5000\n0.0900\n0.2447\n0.6652",
        see=("segment_softmax_backward : the gradient.",),
    ),
    FunctionRecord(
        name="segment_softmax_backward",
        signature="dy, *, x=None, y=None, offsets, axis=-1, out=None",
        summary="Gradient of `segment_softmax`.",
        arguments=(
            _DY,
            *_SAVED,
            ("offsets", "array_like of int", "The forward function's."),
            ("axis", "int, default -1", "The axis along which the segments follow each other."),
            _PUT,
        ),
        returns=(_DX,),
        raises=(
            ("TypeError", "Unless exactly one of `x` and `y` is given; for offsets that are not a row of integers."),
            ("ValueError", "If the offsets fall, or do not run from 0 to the axis' length, naming the offset and its index."),
            _AXES,
        ),
        notes=("dx = y * (dy - sum(y * dy)), the sum over each segment.",),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.",
        example=">>> for v in fa.segment_softmax_backward(np.array([1.0, 0.0, 1.0]), y=np.array([0.5, 0.5, 1.0]), offsets=[0, 2, 3]):\n"
        "...     print(f'{v:.4f}')\n0.2500\n-0.2500\n0.0000",
        see=("segment_softmax : the function.",),
    ),
    FunctionRecord(
        name="maxout",
        signature="x, pieces, axis=-1",
        summary="Maxout: the largest of each group of neighbours along an axis.",
        arguments=(
            _X,
            ("pieces", "int", "How many neighbours make a group; divides the axis' length."),
            ("axis", "int, default -1", "The axis of the groups."),
        ),
        returns=(
            ("best", "ndarray", "Of x's shape, the axis divided by `pieces`, and type."),
            ("which", "ndarray of int64", "The largest one's place in its group, from 0; the first of equals. For the gradient."),
        ),
        raises=(
            ("TypeError", "For types that are not accepted."),
            ("ValueError", "If `pieces` does not divide the length, naming both."),
            _AXES,
        ),
        notes=("best = max of each group; a group that holds NaN gives NaN.",),
        source="Goodfellow, Warde-Farley, Mirza, Courville and Bengio, Maxout networks, ICML 2013.",
        example=">>> best, which = fa.maxout(np.array([1.0, 3.0, -1.0, -2.0]), 2)\n>>> best, which\n(array([ 3., -1.]), array([1, 0]))",
        see=("maxout_backward : the gradient.",),
    ),
    FunctionRecord(
        name="maxout_backward",
        signature="dy, *, which, pieces, axis=-1, out=None",
        summary="Gradient of `maxout`: dy where the largest was, 0 elsewhere.",
        arguments=(
            _DY,
            ("which", "array_like of int", "The saved places of the largest."),
            ("pieces", "int", "The forward function's."),
            ("axis", "int, default -1", "The axis of the groups."),
            ("out", "ndarray, optional", "Where to put the result."),
        ),
        returns=(_DX,),
        raises=(
            ("TypeError", "For places that are not integers."),
            ("ValueError", "For a place outside its group, naming it and its index."),
            _AXES,
        ),
        notes=("dx = dy for the largest of each group, 0 for the others.",),
        source="Goodfellow, Warde-Farley, Mirza, Courville and Bengio, Maxout networks, ICML 2013.",
        example=">>> fa.maxout_backward(np.array([1.0, 2.0]), which=np.array([1, 0]), pieces=2)\narray([0., 1., 2., 0.])",
        see=("maxout : the function.",),
    ),
)
