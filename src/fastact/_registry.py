"""The table: every activation function, once.

The build reads it to generate kernels, loops and ufuncs; the package reads it to make the public functions, their
docstrings, the reference expressions, the tests, the benchmarks and the accuracy table. No other file lists functions.

A record's expressions are Python, over ``x`` (or ``y``, ``dy``), the parameters, the elementary functions of
`fastact.reference` and the other records' names. Evaluated with mpmath they are the proof, with NumPy the teaching form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Largest error promised, in units in the last place, per dtype. A record may promise less, with a reason.
BOUNDS = {"float16": 0.51, "bfloat16": 0.51, "float32": 2.0, "float64": 2.0}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an activation: broadcasts like any operand."""

    name: str
    default: float | None
    meaning: str
    #: What is accepted, one of the checks in `fastact._validate`.
    check: str = "finite"
    #: Values besides the default that tests, accuracy runs and benchmarks also use.
    samples: tuple[float, ...] = ()
    #: True when the backward function also returns this parameter's gradient (formula ``<name>_backward_<parameter>``).
    gradient: bool = False


@dataclass(frozen=True)
class FromOutput:
    """The gradient as a function of the saved output ``y``."""

    expression: str
    #: Condition on the parameters, as (parameter, comparison, bound), under which the output determines the gradient.
    requires: tuple[str, str, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Drawn:
    """In training a value per element is drawn, uniformly between two parameters, and then stands for both."""

    name: str
    low: str
    high: str


@dataclass(frozen=True)
class Record:
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
    #: Points where f or f' jumps, or expressions of the parameters that say where, and what the gradient is there.
    kinks: tuple[float | str, ...] = ()
    convention: str = "Differentiable everywhere."
    #: (x, f(x), f'(x)) that must come out exactly (-0.0 and NaN included); None: not stated.
    edges: tuple[tuple[float, float | None, float | None], ...] = ()
    #: (x, f(x), f'(x)) to four places, for the docstring's examples.
    example: tuple[tuple[float, float, float], ...] = ()
    bounds: dict[str, float] = field(default_factory=lambda: dict(BOUNDS))
    #: A line for the docstring, where libraries differ or a trap waits.
    notes: str = ""
    #: A usual choice for hidden layers: the demo trains one network with each.
    hidden: bool = False

    @property
    def saves(self) -> str:
        """What backward needs saved: the output will do ("y") or only the input ("x")."""
        return "y" if self.from_output else "x"

    def kinks_at(self, parameters: Mapping[str, float]) -> tuple[float, ...]:
        """The kinks at some values of the parameters."""
        return tuple(float(eval(k, {}, dict(parameters)) if isinstance(k, str) else k) for k in self.kinks)


@dataclass(frozen=True)
class RowRecord:
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
    bounds: dict[str, float] = field(default_factory=lambda: {"float16": 1.0, "bfloat16": 1.0, "float32": 4.0, "float64": 4.0})
    notes: str = ""
    #: What the bounds count in: ulps of the result, or of the larger of |result| and |max(x)|, where their difference cancels.
    ulp_of: str = "result"


INF = float("inf")
_SLOPE = 0.01
#: The double next above 1/6, so that 3 times it is not below 1/2: 1/6 itself is no double.
_SIXTH = 0.16666666666666669

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
        parameters=(Parameter("negative_slope", _SLOPE, "slope for x <= 0", samples=(0.3, 1.5)),),
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
        gradient_maths="1 if x > 0 else weight; for the weight: sum of x * dy over x < 0",
        forward="where(x > 0, x, weight * x)",
        derivative="where(x > 0, 1, weight)",
        parameters=(Parameter("weight", None, "slope for x <= 0, of any shape that broadcasts", samples=(0.25, -0.5), gradient=True),),
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
        parameters=(Parameter("alpha", 1.0, "scale of the negative part", samples=(0.3, 2.5)),),
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
        parameters=(Parameter("alpha", 1.0, "scale of the negative part", check="nonzero", samples=(0.3, 2.5)),),
        from_output=FromOutput("where(y > 0, 1, y / alpha + 1)", requires=("alpha", ">", 0.0)),
        convention="The gradient at 0 is 1.",
        edges=((INF, INF, 1.0), (-INF, -1.0, 0.0), (0.0, 0.0, 1.0)),
        example=((-1.0, -0.6321, 0.3679), (0.5, 0.5000, 1.0000), (2.0, 2.0000, 1.0000)),
        source="Barron, Continuously differentiable exponential linear units, arXiv:1704.07483, 2017.",
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
        parameters=(Parameter("beta", 1.0, "slope of the gate", samples=(0.3, 1.702)),),
        edges=((-INF, -0.0, -0.0), (0.0, 0.0, 0.5), (INF, INF, 1.0)),
        example=((-1.0, -0.2689, 0.0723), (0.5, 0.3112, 0.7400), (2.0, 1.7616, 1.0908)),
        source="Ramachandran, Zoph and Le, Searching for activation functions, arXiv:1710.05941, 2017.",
        notes="ONNX and oneDNN call beta `alpha`.",
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
        parameters=(Parameter("beta", 1.0, "sharpness", check="nonzero", samples=(0.3, 2.5)),),
        from_output=FromOutput("-expm1(-beta * y)"),
        edges=((-INF, 0.0, 0.0), (INF, INF, 1.0)),
        example=((-1.0, 0.3133, 0.2689), (0.5, 0.9741, 0.6225), (2.0, 2.1269, 0.8808)),
        source="Dugas, Bengio, Belisle, Nadeau and Garcia, Incorporating second-order functional knowledge, NeurIPS 2000.",
        notes="No threshold: PyTorch's returns x from beta * x > 20.",
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
        parameters=(Parameter("n", None, "where it stops", check="nonnegative", samples=(20.0, 1.0)),),
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
            Parameter("scale", 0.8944, "factor of the square", samples=(1.25,)),
            Parameter("bias", -0.4472, "value for x <= 0", samples=(0.3,)),
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
            Parameter("threshold", None, "x is kept above it", samples=(0.25, -1.0)),
            Parameter("value", None, "what x is replaced by up to the threshold", samples=(0.125, -20.0)),
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
        parameters=(Parameter("alpha", 1.0, "x is kept above it", samples=(0.25, -0.5)),),
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
            Parameter("min", -1.0, "least value", samples=(-0.3,)),
            Parameter("max", 1.0, "largest value", samples=(2.5,)),
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
            Parameter("slope", _SIXTH, "slope of the middle line", check="nonzero", samples=(0.2,)),
            Parameter("offset", 0.5, "value at 0", samples=(0.3,)),
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
        parameters=(Parameter("b", 4.0, "how round the corner is", check="nonnegative", samples=(0.3, 2.5)),),
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
        parameters=(Parameter("lambd", 0.5, "by how much", check="nonnegative", samples=(0.0, 1.25)),),
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
)

ROWWISE: tuple[RowRecord, ...] = (
    RowRecord(
        name="softmax",
        summary="Softmax over an axis.",
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
        notes="The shift comes first and the sum goes through log1p, so a tiny result keeps its digits.",
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


@dataclass(frozen=True)
class Operation:
    """One ufunc to build: a formula applied to data operands, then parameters."""

    name: str
    formula: str
    data: tuple[str, ...]
    parameters: tuple[str, ...]


def operations(record: Record) -> list[Operation]:
    """The ufuncs of an element-by-element record: forward, backward, and the backward forms that it offers."""
    parameters = tuple(p.name for p in record.parameters)
    backward = f"{record.name}_backward"
    ops = [Operation(record.name, record.name, ("x",), parameters), Operation(backward, backward, ("dy", "x"), parameters)]
    if record.from_output:
        ops.append(Operation(f"{backward}_y", f"{backward}_y", ("dy", "y"), parameters))
    ops += [
        Operation(f"{backward}_{p.name}", f"{backward}_{p.name}", ("dy", "x"), parameters) for p in record.parameters if p.gradient
    ]
    return ops


_ALL: tuple[Record | RowRecord, ...] = (*ELEMENTWISE, *ROWWISE)
RECORDS: dict[str, Record | RowRecord] = {r.name: r for r in _ALL}
#: Every accepted name, aliases included, to the record's own name.
NAMES: dict[str, str] = {n: r.name for r in RECORDS.values() for n in (r.name, *r.aliases)}
