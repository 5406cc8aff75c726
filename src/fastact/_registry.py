"""The table: every activation function, once.

The build reads it to generate kernels, loops and ufuncs; the package reads it to make the public functions, their
docstrings, the reference expressions, the tests, the benchmarks and the accuracy table. No other file lists functions.

A record's expressions are Python, over ``x`` (or ``y``, ``dy``), the parameters, the elementary functions of
`fastact.reference` and the other records' names. Evaluated with mpmath they are the proof, with NumPy the teaching form.
"""

from __future__ import annotations

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
    bounds: dict[str, float] = field(default_factory=lambda: {"float16": 1.0, "bfloat16": 1.0, "float32": 4.0, "float64": 4.0})
    notes: str = ""
    #: What the bounds count in: ulps of the result, or of the larger of |result| and |max(x)|, where their difference cancels.
    ulp_of: str = "result"


INF = float("inf")
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
