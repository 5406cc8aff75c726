"""The table: every activation function, once.

The build reads it to generate kernels, loops and ufuncs; the package reads it to make the public functions, their
docstrings, the reference expressions, the tests, the benchmarks and the accuracy table. No other file lists functions.

A record's expressions are Python, over ``x`` (or ``y``, ``dy``), the parameters, the elementary functions of
`fastact.reference` and the other records' names. Evaluated with mpmath they are the proof, with NumPy the teaching form.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Largest error promised, in units in the last place, per dtype. A record may promise less, with a reason.
BOUNDS = {"float16": 0.51, "float32": 2.0, "float64": 2.0}


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
    #: Points where f or f' has a kink or a jump, and what the gradient is there.
    kinks: tuple[float, ...] = ()
    #: The open interval on which f and f' are numbers, where that is not everything, infinities included; at its ends see `edges`.
    domain: tuple[float, float] | None = None
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
    bounds: dict[str, float] = field(default_factory=lambda: {"float16": 1.0, "float32": 4.0, "float64": 4.0})
    notes: str = ""
    #: What the bounds count in: ulps of the result, or of the larger of |result| and |max(x)|, where their difference cancels.
    ulp_of: str = "result"


INF = float("inf")
NAN = float("nan")
_SLOPE = 0.01

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
            Parameter("mu", 0.7071067811865476, "where the value is 1/2", samples=(-0.5,)),
            Parameter("sigma", 0.28209479177387814, "width", check="nonzero", samples=(1.5,)),
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
        parameters=(Parameter("alpha", 1.0, "frequency of the periodic part", check="nonzero", samples=(0.5, 5.0)),),
        domain=(-INF, INF),
        edges=((-INF, -INF, NAN), (0.0, 0.0, None), (INF, INF, NAN)),
        example=((-1.0, -0.2919, 0.0907), (0.5, 0.7298, 1.8415), (2.0, 2.8268, 0.2432)),
        source="Ziyin, Hartwig and Ueda, Neural networks fail to learn periodic functions and how to fix it, NeurIPS 2020.",
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
        source="Nag, Bhattacharyya, Mukherjee and Kundu, SERF: towards better training of deep neural networks using log-softplus"
        " error activation function, WACV 2023.",
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
        parameters=(Parameter("eps", 0.0, "where above 0, x is held in [eps, 1 - eps]", check="margin", samples=(0.01,)),),
        domain=(0.0, 1.0),
        convention="The gradient is 0 where `eps` holds x.",
        edges=((0.0, -INF, INF), (0.5, 0.0, 4.0), (1.0, INF, INF), (INF, NAN, NAN)),
        example=((0.1, -2.1972, 11.1111), (0.5, 0.0000, 4.0000), (0.75, 1.0986, 5.3333)),
        source="Berkson, Application of the logistic function to bio-assay, Journal of the American Statistical Association 39, 1944.",
        notes="Outside [0, 1] it is NaN unless eps holds x. PyTorch's eps=None is 0 here.",
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
        parameters=(Parameter("omega", 1.0, "angular frequency", samples=(30.0, 0.3)),),
        odd=True,
        domain=(-INF, INF),
        edges=((-0.0, -0.0, 1.0), (0.0, 0.0, 1.0), (INF, NAN, NAN)),
        example=((-1.0, -0.8415, 0.5403), (0.5, 0.4794, 0.8776), (2.0, 0.9093, -0.4161)),
        source="Sitzmann, Martel, Bergman, Lindell and Wetzstein, Implicit neural representations with periodic activations, NeurIPS 2020.",
        notes="Accurate for every finite omega x, however large: the product is not rounded. SIREN uses omega = 30.",
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
