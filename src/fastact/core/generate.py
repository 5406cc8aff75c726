"""Table + formulas -> one Cython module.

    python generate.py OUT.pyx [DEPFILE]

Reads the table (`_registry.py`), the formulas (`activations*.pxi`), the row kernels (`rowwise.pxi`), the loop driver
(`driver.pxi`) and the names of the primitives in the headers, and writes the source that the build compiles once per
instruction set. Everything that is the same for each function and each dtype is written here, once.
"""

from __future__ import annotations

import importlib.util
import io
import pathlib
import re
import sys
import tokenize
from types import ModuleType
from typing import Any, NamedTuple

CORE = pathlib.Path(__file__).resolve().parent
HEADERS = ("vmath.h", "gauss.h", "tables.h", "gated.h", "erf.h", "composed.h", "trig.h", "row.h")
#: Formulas that floats and doubles have for themselves, `name_f4` and `name_f8` in place of `name`. Their literals are doubles.
APART = tuple(p.name for p in sorted(CORE.glob("activations*_apart.pxi")))
#: Gates of recurrent cells, over blocks: `real` and `_fX` stand for either type.
GATES = "activations_gates.pxi"
#: All other formulas.
FORMULAS = tuple(p.name for p in sorted(CORE.glob("activations*.pxi")) if p.name not in (*APART, GATES))

#: storage suffix -> (C type computed in, the suffix of its kernels, NumPy dtype)
STORAGES = {
    "f2": ("float", "f4", "float16"),
    "b2": ("float", "f4", "bfloat16"),
    "f4": ("float", "f4", "float32"),
    "f8": ("double", "f8", "float64"),
}
REALS = {"f4": "float", "f8": "double"}

#: Primitives that there are in two ways, which give the same bits: of each turn's numbers some take the other one, `name_else`.
TWO_WAYS = re.compile(r"\b(normal_root|wide_root|lone_root)(_f[48])?\(")

#: Spans from which on two steps pay, and more: at both ends some steps have none to work on.
FEWEST = {"f4": (8, 24), "f8": (8, 16)}

#: Kernels of explicit.h, by ufunc and type.
EXPLICIT = frozenset(re.findall(r"^static void explicit_(\w+_f[48])\(", (CORE / "explicit.h").read_text(), re.M))

#: Kernels of tabled.h, by ufunc and type.
TABLED = frozenset(re.findall(r"^KERNEL\((\w+_f[48]),", (CORE / "tabled.h").read_text(), re.M))

#: What a kernel uses itself.
KERNEL_NAMES = ("out", "args", "n", "o", "i")
#: What NumPy passes to an inner loop.
LOOP = "void* context, char** data, const npy_intp* n, const npy_intp* strides, void* aux"


def load_registry(path: pathlib.Path) -> ModuleType:
    """The table, without importing the package that is being built."""
    spec = importlib.util.spec_from_file_location("_registry", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["_registry"] = module
    spec.loader.exec_module(module)
    return module


def type_literals(text: str) -> str:
    """`1 + t` -> `(<real>1) + t`: a bare literal would be a C double and drag float code into double."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for before, token in reversed(list(zip(["", *(t.string for t in tokens)], tokens, strict=False))):
        if token.type == tokenize.NUMBER and before != "[":
            row, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
            lines[row] = f"{lines[row][:start]}(<real>{token.string}){lines[row][end:]}"
    return "".join(lines)


def primitives() -> tuple[str, str]:
    """Cython declarations of the headers' functions, and a type-generic face for each _f4/_f8 pair."""
    prototype = re.compile(r"^VM_INLINE (float|double) (\w+)_(f4|f8)\(([^)]*)\)", re.M)
    externs: list[str] = []
    faces: list[str] = []
    seen: dict[str, dict[str, list[str]]] = {}
    for header in HEADERS:
        path = CORE / header
        if not path.exists():
            continue
        externs.append(f'cdef extern from "{header}" nogil:')
        for result, name, suffix, arguments in prototype.findall(path.read_text()):
            types = [re.sub(r"\w+$", "", a.strip()).replace("const ", "").strip() for a in arguments.split(",")]
            if any(not re.fullmatch(r"(float|double)\s*\*?", t) for t in types):
                continue
            externs.append(f"    {result} {name}_{suffix}({', '.join(types)}) noexcept")
            seen.setdefault(name, {})[suffix] = types
    for name, variants in seen.items():
        if set(variants) != {"f4", "f8"} or [t.replace("float", "double") for t in variants["f4"]] != variants["f8"]:
            continue
        parameters = ", ".join(f"real{'*' if '*' in t else ''} a{i}" for i, t in enumerate(variants["f8"]))
        arguments = ", ".join(f"a{i}" for i in range(len(variants["f8"])))
        faces += [
            f"cdef inline real {name}({parameters}) noexcept nogil:",
            "    if real is float:",
            f"        return {name}_f4({arguments})",
            "    else:",
            f"        return {name}_f8({arguments})",
            "",
        ]
    return "\n".join(externs), "\n".join(faces)


class Step(NamedTuple):
    """A stretch of a formula between two cuts."""

    name: str
    result: str                                         # the formula's type
    outputs: tuple[str, ...]                            # what a formula with several results writes to
    body: str
    arguments: tuple[str, ...]                          # of the formula's own, those that it reads
    reads: dict[str, str]                               # what earlier steps left, and its type
    leaves: dict[str, str]                              # what later steps read, and its type


def the_other_way(text: str) -> str:
    """The text with the other way of its primitives, or nothing where it has none."""
    return TWO_WAYS.sub(r"\1_else\2(", text) if TWO_WAYS.search(text) else ""


def taking_the_other(text: str, suffix: str) -> str:
    """How many of a turn's numbers do, see vmath.h, where a quotient keeps the divider busy already or not."""
    found = TWO_WAYS.search(text)
    return f"{found[1]}_{'beside' if ' / ' in text else 'else'}_{suffix}".upper() if found else ""


def each(count: str, lines: list[str]) -> list[str]:
    """A loop over i, no turn of which needs another's results: see independent.py."""
    return ["independent_turns()", f"for i in range({count}):", *(f"    {line}" for line in lines)]


def indented(lines: list[str], by: int = 4) -> list[str]:
    return [" " * by + line for line in lines]


def two_loops(body: list[str], second: list[str], others: str, suffix: str) -> list[str]:
    """A span's numbers in turns, of which `others` take the second way."""
    turn = f"TURN_{suffix.upper()}"
    parts = ((f"j * {turn}, (j + 1) * {turn} - {others}", body), (f"(j + 1) * {turn} - {others}, (j + 1) * {turn}", second))
    return [f"for j in range(SPAN // {turn}):", *indented([line for which, lines in parts for line in each(which, lines)])]


#: A formula: its type, name, arguments and body.
FUNCTION = r"^cdef inline (real|float|double|void) (\w+)\(([^)]*)\) noexcept nogil:\n((?:[ \t]+.*\n|\n)+)"


#: Formulas that AVX-512 takes whole where they are of floats.
WHOLE = frozenset(
    name
    for path in (*FORMULAS, *APART)
    for _, name, _, body in re.findall(FUNCTION, (CORE / path).read_text(), re.M)
    if "# ---- 256\n" in body
)


#: A formula of fewer operations for each array waits for memory rather than for them.
CHEAP = 8


def costs(formulas: str) -> dict[str, int]:
    """About how many operations a formula takes, those of what it calls among them."""
    bodies = {name: body for _, name, _, body in re.findall(FUNCTION, formulas, re.M)}
    for header in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", (CORE / header).read_text(), flags=re.S)
        bodies |= dict(re.findall(r"^VM_INLINE \w+ (\w+)\([^)]*\)\s*(\{.*\}|\{(?:\n[^}].*)*)", text, re.M))
    found: dict[str, int] = {}

    def count(name: str) -> int:
        name = name if name in bodies else f"{name}_f4"
        if name.startswith("fma_"):
            return 1
        if name in bodies and name not in found:
            body = re.sub(r"#.*", "", bodies[name])
            found[name] = len(re.findall(r" (?:[-+*/<>&|^?]|[<>=]=|<<|>>|if) ", body))
            found[name] += sum(count(called) for called in re.findall(r"(\w+)\(", body) if called != name)
        return found.get(name, 0)

    for name in bodies:
        count(name)
    return found


def cuts(body: str, suffix: str) -> list[str]:
    """The pieces of a formula's body, for floats (f4) or doubles (f8)."""
    return re.split(rf"^ +# ----(?: {suffix}| 256)?\n", re.sub(r"\breal\b", REALS[suffix], body), flags=re.M)


def steps(text: str, suffix: str) -> dict[str, list[Step]]:
    """Formulas that are cut into steps, for floats (f4) or doubles (f8), by name.

    With many operations in a row a processor runs out of places where operations wait before it has enough that are
    independent. So a formula may be cut by lines `# ----`, or `# ---- f8` where only doubles gain from it, `# ---- 256` where floats
    do but in AVX-512's vectors; each step then works on other numbers than the next.
    """
    found: dict[str, list[Step]] = {}
    for result, name, signature, body in re.findall(FUNCTION, text, re.M):
        pieces = cuts(body, suffix)
        kind = signature.split("*")[0].split()[-1] if result == "void" and "*" in signature else result
        if len(pieces) == 1 or kind not in ("real", REALS[suffix]):
            continue
        arguments = [a.split()[-1] for a in signature.split(",") if "*" not in a]
        outputs = tuple(a.split()[-1] for a in signature.split(",") if "*" in a)
        words = [set(re.findall(r"[A-Za-z_]\w*", re.sub(r"#.*", "", piece))) for piece in pieces]
        kept: dict[str, str] = {}
        found[name] = []
        for k, piece in enumerate(pieces):
            declared = {
                n.split("=")[0].strip(): kind
                for kind, line in re.findall(r"^ +cdef (float|double) ([^#\n]*)", piece, re.M)
                for n in _declarations(line)
            }
            reads = {n: kind for n, kind in kept.items() if n in words[k]}
            leaves = {n: kind for n, kind in declared.items() if any(n in w for w in words[k + 1 :])}
            kept |= leaves
            own = tuple(a for a in arguments if a in words[k])
            title, to = f"{name.removesuffix(f'_{suffix}')}_{suffix}_step_{k + 1}", outputs if piece is pieces[-1] else ()
            found[name].append(Step(title, REALS[suffix], to, piece.rstrip() + "\n", own, reads, leaves))
    return found


def _declarations(line: str) -> list[str]:
    """`a, b = f(c, d)` -> `a`, `b = f(c, d)`"""
    parts, depth = [""], 0
    for c in line:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def step_functions(cut: dict[str, list[Step]]) -> str:
    """Each step as a function: what it leaves goes to pointers."""
    lines = []
    for parts in cut.values():
        for part in parts:
            last = part is parts[-1]
            parameters = [f"{part.result} {a}" for a in part.arguments] + [f"{part.result}* {o}" for o in part.outputs]
            parameters += [f"{kind} {n}" for n, kind in part.reads.items()] + [f"{kind}* left_{n}" for n, kind in part.leaves.items()]
            result = part.result if last and not part.outputs else "void"
            for name, body in ((part.name, part.body), (f"{part.name}_else", the_other_way(part.body))):
                if body:
                    lines += [f"cdef inline {result} {name}({', '.join(parameters)}) noexcept nogil:", body.rstrip()]
                    lines += [*(f"    left_{n}[0] = {n}" for n in part.leaves), ""]
    return "\n".join(lines)


def targets(op: Any) -> list[str]:
    """What a kernel calls the memory of its results."""
    return ["o"] if len(op.results) == 1 else [f"to_{name}" for name in op.results]


def written(op: Any, formula: str, given: str, prefix: str = "") -> str:
    """The statement that puts a formula's results where they belong: one is returned, several go to pointers."""
    places = [f"{prefix}{o}[i]" for o in targets(op)]
    if len(places) == 1:
        return f"{places[0]} = {formula}({given})"
    return f"{formula}({', '.join((given, *(f'&{place}' for place in places)))})"


def loop(op: Any, formula: str, form: str) -> list[str]:
    """The contiguous loop of one formula: every operand an array, or the parameters single values.

    Drivers pass whole vectors, and a count of which a compiler sees that needs no code for what is left of them.
    """
    single = op.parameters if form == "scalar" else ()
    given = ", ".join(name if name in single else f"{name}[i]" for name in (*op.data, *op.parameters))
    return each("n & -LANES", [written(op, formula, given)])


def span(op: Any, suffix: str, parts: list[Step]) -> list[str]:
    """SPAN numbers in each step of a formula, one loop for all steps: see `pipeline`."""
    ctype, last = REALS[suffix], len(parts) - 1
    parameters, body = [f"{ctype}* {o}" for o in targets(op)], []
    single = not parts[last].outputs
    for k, part in enumerate(parts):
        parameters += [f"const {ctype}* {a}_{k}" for a in part.arguments if a in op.data]
        parameters += [f"kept_{kind} read_{n}_{k}" for n, kind in part.reads.items()]
        parameters += [f"kept_{kind} {n}_{k}" for n, kind in part.leaves.items()]
        values = [a if a in op.parameters else f"{a}_{k}[i]" for a in part.arguments]
        values += [f"&{o}[i]" for o in targets(op)] if part.outputs else []
        values += [*(f"read_{n}_{k}[i]" for n in part.reads), *(f"&{n}_{k}[i]" for n in part.leaves)]
        call = f"{part.name}({', '.join(values)})"
        body.append(f"o[i] = {call}" if k == last and single else call)
    parameters += [f"{ctype} {p}" for p in op.parameters]
    lines = [f"cdef inline void span_{op.name}_{suffix}({', '.join(parameters)}) noexcept nogil:"]
    others = taking_the_other("".join(part.body for part in parts), suffix)
    lines.append("    cdef npy_intp i" + (", j" if others else ""))
    has_two = "|".join(part.name for part in parts if the_other_way(part.body))
    if not others:
        return [*lines, *indented(each("SPAN", body)), ""]
    second = [re.sub(rf"\b({has_two})\(", r"\1_else(", line) for line in body]
    return [*lines, *indented(two_loops(body, second, others, suffix)), ""]


def written_around(op: Any, suffix: str, formula: str, parts: list[Step] | None) -> list[str]:
    """The kernel of a formula for results far larger than the caches: see stream.h and drive_around().

    Lines go by way of a stage, which a compiler keeps in registers where it can. A result may lie where an operand does.
    """
    ctype, stage = REALS[suffix], f"STAGE_{suffix.upper()}"
    given = ", ".join(f"{name}[i]" if name in op.data else name for name in (*op.data, *op.parameters))
    lines = [
        f"cdef void around_{op.name}_{suffix}(void* const* out, const void* const* args, npy_intp n, bint stays) noexcept nogil:",
        *(f"    cdef {ctype}* {o} = <{ctype}*>out[{k}]" for k, o in enumerate(targets(op))),
        *(f"    cdef const {ctype}* {name} = <const {ctype}*>args[{k}]" for k, name in enumerate(op.data)),
        *(f"    cdef {ctype} {name} = (<const {ctype}*>args[{len(op.data) + k}])[0]" for k, name in enumerate(op.parameters)),
    ]
    if parts:
        return [*lines, *pipeline(op, suffix, parts, False, around=True), ""]
    tabled = ""
    if f"{op.name}_{suffix}" in TABLED:
        lines.append("    cdef const void* read[MAX_OPERANDS]")
        lines += [f"    read[{len(op.data) + k}] = args[{len(op.data) + k}]" for k in range(len(op.parameters))]
        reads = "; ".join(f"read[{k}] = {name}" for k, name in enumerate(op.data))
        tabled = f"{reads}; tabled_{op.name}_{suffix}(staged, read, {stage})"
        lines.append("    cdef void* staged[2]")
    return [
        *lines,
        "    cdef npy_intp i, ahead = NEAR_AHEAD if stays else AHEAD",
        *(f"    cdef stage_{suffix} stage_{o}" for o in targets(op)),
        *(f"    staged[{k}] = stage_{o}" for k, o in enumerate(targets(op)) if tabled),
        "    while n > 0:",
        "        if stays:",
        *(f"            claim_ahead({o}, {stage} * <npy_intp>sizeof({ctype}))" for o in targets(op)),
        "        if not stays:" if len(op.data) == 1 else "        if True:",
        *(f"            fetch_ahead({name}, {stage} * <npy_intp>sizeof({ctype}), ahead)" for name in op.data),
        *(["        if HAS_TABLED:", f"            {tabled}", "        else:"] if tabled else ["        if True:"]),
        f"            for i in range({stage}):",
        f"                {written(op, formula, given, 'stage_')}",
        *(f"        leave_{suffix}({o}, stage_{o}, {stage}, stays)" for o in targets(op)),
        *(f"        {name} += {stage}" for name in (*targets(op), *op.data)),
        f"        n -= {stage}",
        "",
    ]


def pipeline(op: Any, suffix: str, parts: list[Step], apart: bool, around: bool = False) -> list[str]:
    """Whole spans: while one is in the first step, the span before it is in the second, and so on.

    What a step leaves waits in a ring of spans. At both ends some steps have no span to work on: they read zeros, or the
    last span once more, and nobody takes the result.
    """
    ctype, last = REALS[suffix], len(parts) - 1
    lines, arguments = [], []
    made = {n: j for j, p in enumerate(parts) for n in p.leaves}
    kinds = {n: kind for p in parts for n, kind in p.leaves.items()}
    depth = {n: max(k for k, q in enumerate(parts) if n in q.reads) - j + 1 for n, j in made.items()}
    lines += [f"    cdef {kinds[n]} ring_{n}[{d} * SPAN]" for n, d in depth.items()]
    lines += [f"    cdef {f'stage_{suffix} nowhere_{o}' if around else f'{ctype} nowhere_{o}[SPAN]'}" for o in targets(op)]
    # where fma is software, the loops of pairs that are one type's own formulas are so long that a second one is not worth its room
    where = "HAS_FMA and " if len(op.results) == 2 and apart else ""
    if suffix == "f4" and {op.formula, f"{op.formula}_f4"} & WHOLE:
        where = "not HAS_AVX512 and "
    fewest = FEWEST[suffix][min(last, 2) - 1]
    lines += ["    cdef npy_intp turn, blocks = n // SPAN", "    if True:" if around else f"    if {where}blocks >= {fewest}:"]
    lines += [f"        memset(ring_{n}, 0, sizeof(ring_{n}))" for n in depth]
    lines.append(f"        for turn in range(blocks + {last}):")
    if around:
        lines += [f"            fetch_ahead({name} + turn * SPAN, SPAN * <npy_intp>sizeof({ctype}), AHEAD)" for name in op.data]
    written = "False" if around else f"turn >= {last}"
    arguments += [f"{o} + (turn - {last}) * SPAN if {written} else &nowhere_{o}[0]" for o in targets(op)]
    for k, part in enumerate(parts):
        arguments += [f"{a} + min(max(turn - {k}, 0), blocks - 1) * SPAN" for a in part.arguments if a in op.data]
        for n in part.reads:
            arguments.append(f"&ring_{n}[(turn + {depth[n] - k + made[n]}) % {depth[n]} * SPAN]")
        arguments += [f"&ring_{n}[turn % {depth[n]} * SPAN]" for n in part.leaves]
    arguments += list(op.parameters)
    lines += [
        f"            span_{op.name}_{suffix}(",
        *(f"                {a}," for a in arguments),
        "            )",
    ]
    if around:
        results = (f"                leave_{suffix}({o} + (turn - {last}) * SPAN, nowhere_{o}, SPAN, stays)" for o in targets(op))
        return [*lines, f"            if turn >= {last}:", *results]
    return [*lines, *(f"        {name} += blocks * SPAN" for name in (*targets(op), *op.data)), "        n -= blocks * SPAN"]


def remainder(op: Any, suffix: str) -> list[str]:
    """What is left of whole spans, by the kernel for arrays, for which the parameters are spread over a span: a loop less to compile."""
    moving = (*op.data, *targets(op))
    return [
        *(f"    cdef {REALS[suffix]} all_{p}[SPAN]" for p in op.parameters),
        "    cdef const void* read[MAX_OPERANDS]",
        "    cdef void* written[2]",
        "    cdef npy_intp m = min(n, SPAN)",
        "    for i in range(m):",
        *(f"        all_{p}[i] = {p}" for p in op.parameters),
        *(f"    read[{len(op.data) + k}] = all_{p}" for k, p in enumerate(op.parameters)),
        "    while n > 0:",
        "        m = min(n, SPAN)",
        *(f"        read[{k}] = {name}" for k, name in enumerate(op.data)),
        *(f"        written[{k}] = {o}" for k, o in enumerate(targets(op))),
        f"        k_{op.name}_{suffix}_array(written, read, m)",
        *(f"        {name} += m" for name in moving),
        "        n -= m",
    ]


def kernel(op: Any, suffix: str, form: str, formula: str, parts: list[Step] | None, others: str, cost: int) -> str:
    """A formula over n numbers: whole spans in steps, where the formula is cut into some, and a plain loop.

    A cheap one waits for memory already where that is the second cache: it takes the kernel of stream.h, whose results then stay.
    """
    ctype, operands = REALS[suffix], (*op.data, *op.parameters)
    lines = []
    if parts and form == "scalar":
        lines += span(op, suffix, parts)
    around = form == "scalar" and len(op.results) < 3
    if around:
        lines += written_around(op, suffix, formula, parts)
    lines.append(f"cdef void k_{op.name}_{suffix}_{form}(void* const* out, const void* const* args, npy_intp n) noexcept nogil:")
    lines += [f"    cdef {ctype}* {o} = <{ctype}*>out[{k}]" for k, o in enumerate(targets(op))]
    for k, name in enumerate(operands):
        if form == "scalar" and k >= len(op.data):
            lines.append(f"    cdef {ctype} {name} = (<const {ctype}*>args[{k}])[0]")
        else:
            lines.append(f"    cdef const {ctype}* {name} = <const {ctype}*>args[{k}]")
    lines.append("    cdef npy_intp i" + (", j" if others else ""))
    if op.special and form == "scalar":
        parameter, value, other = op.special            # which has the same operands, and not the parameter
        lines += [f"    if {parameter} == <{ctype}>{value!r}:", f"        k_{other}_{suffix}_scalar(out, args, n)", "        return"]
    if around:
        described = f"{len(op.data)}, {len(operands)}, {len(op.results)}, sizeof({ctype})"
        arrays = len(op.data) + len(op.results)
        bytes_ = f"n * {arrays} * <npy_intp>sizeof({ctype})"
        cheap = cost < CHEAP * arrays and not parts and not others and f"{op.name}_{suffix}" not in EXPLICIT
        far = f"spills({bytes_}, {len(op.results)}, out)" if cheap else f"streams({bytes_})"
        lines += [
            f"    if {far}:",
            f"        drive_around(k_{op.name}_{suffix}_scalar, around_{op.name}_{suffix}, {described}, out, args, n)",
            "        return",
        ]
    if f"{op.name}_{suffix}" in EXPLICIT and form == "scalar":
        lines += ["    if HAS_AVX512:", f"        explicit_{op.name}_{suffix}(out, args, n)", "        return"]
    if f"{op.name}_{suffix}" in TABLED and form == "scalar":
        lines += ["    if HAS_TABLED:", f"        tabled_{op.name}_{suffix}(out, args, n)", "        return"]
    if parts and form == "scalar":
        lines += pipeline(op, suffix, parts, formula.endswith(f"_{suffix}"))
        if len(op.results) == 2 and op.parameters:
            return "\n".join([*lines, *remainder(op, suffix), ""])
    if others and form == "scalar" and not parts:
        lines += in_two_ways(op, suffix, formula, others)
    return "\n".join([*lines, *indented(loop(op, formula, form)), ""])


def in_two_ways(op: Any, suffix: str, formula: str, others: str) -> list[str]:
    """Whole spans of a formula that has two ways: see TWO_WAYS."""
    call = ", ".join(f"{name}[i]" if name in op.data else name for name in (*op.data, *op.parameters))
    return [
        f"    while {others} and n >= SPAN:",
        *indented(two_loops([f"o[i] = {formula}({call})"], [f"o[i] = {formula}_else({call})"], others, suffix), 8),
        *(f"        {name} += SPAN" for name in (*targets(op), *op.data)),
        "        n -= SPAN",
    ]


def by_blocks(op: Any, suffix: str, form: str, formula: str) -> str:
    """A formula over a span at a time. Form "either" spreads parameters over it where they are `single` values: one loop does for both.

    For what is seldom called, or is left of whole spans. `single` must not be a number that the compiler sees, or it makes two of this.
    """
    ctype, operands = REALS[suffix], (*op.data, *op.parameters)
    moving = op.data if form == "scalar" else operands
    given = ", ".join(f"from_{name}[i]" if name in moving else name for name in operands)
    title = f"blocks_{op.name}_{suffix}_{form}(void* const* out, const void* const* args, npy_intp n"
    lines = [f"cdef void {title}{', bint single' if form == 'either' else ''}) noexcept nogil:"]
    lines += [f"    cdef {ctype}* {o}" for o in targets(op)]
    lines += [f"    cdef const {ctype}* from_{name}" for name in moving]
    lines += [f"    cdef {ctype} {name} = (<const {ctype}*>args[{k}])[0]" for k, name in enumerate(operands) if name not in moving]
    lines.append("    cdef npy_intp i, m, done = 0")
    if form == "either":
        lines += [f"    cdef {ctype} all_{name}[SPAN]" for name in op.parameters]
        lines += ["    if single:", "        for i in range(min(n, SPAN)):"]
        lines += [f"            all_{name}[i] = (<const {ctype}*>args[{len(op.data) + k}])[0]" for k, name in enumerate(op.parameters)]
    lines += ["    while done < n:", "        m = min(n - done, SPAN)"]
    for k, name in enumerate(moving):
        spread = f"<const {ctype}*>all_{name} if single else " if form == "either" and k >= len(op.data) else ""
        lines.append(f"        from_{name} = {spread}<const {ctype}*>args[{k}] + done")
    lines += [f"        {o} = <{ctype}*>out[{k}] + done" for k, o in enumerate(targets(op))]
    lines += indented(each("m & -LANES", [written(op, formula, given)]), 8)
    return "\n".join([*lines, "        done += m", ""])


def usual_kernel(op: Any, suffix: str, parts: list[Step]) -> str:
    """The usual formula with single parameters: whole spans in steps, and the rest by blocks."""
    ctype = REALS[suffix]
    lines = span(op, suffix, parts)
    lines.append(f"cdef void k_{op.name}_{suffix}_scalar(void* const* out, const void* const* args, npy_intp n) noexcept nogil:")
    lines += [f"    cdef {ctype}* {o} = <{ctype}*>out[{k}]" for k, o in enumerate(targets(op))]
    lines += [f"    cdef const {ctype}* {name} = <const {ctype}*>args[{k}]" for k, name in enumerate(op.data)]
    lines += [f"    cdef {ctype} {name} = (<const {ctype}*>args[{len(op.data) + k}])[0]" for k, name in enumerate(op.parameters)]
    lines += ["    cdef const void* read[MAX_OPERANDS]", "    cdef void* written[MAX_OPERANDS]"]
    lines += pipeline(op, suffix, parts, True)
    lines += [f"    written[{k}] = {o}" for k, o in enumerate(targets(op))]
    lines += [f"    read[{k}] = {name}" for k, name in enumerate(op.data)]
    lines += [f"    read[{len(op.data) + k}] = &{name}" for k, name in enumerate(op.parameters)]
    return "\n".join([*lines, f"    blocks_{op.name}_{suffix}_scalar(written, read, n)", ""])


def statements(text: str, name: str, suffix: str) -> tuple[set[str], bool]:
    """The statements of the formula of that name, or of that name and type, and whether it is cut."""
    bodies = {n: body for _, n, _, body in re.findall(FUNCTION, text, re.M)}
    pieces = cuts(bodies.get(f"{name}_{suffix}") or bodies[name], suffix)
    return {line.partition("#")[0].strip() for piece in pieces for line in piece.splitlines()}, len(pieces) > 1


def same(first: set[str], second: set[str]) -> set[str]:
    """The statements of both that read nothing but what such statements compute."""
    found, either = first & second, first | second
    while True:
        other = {
            p.split("=")[0].strip()
            for s in either - found
            if (m := re.match(r"cdef \w+ (.*=.*)", s))
            for p in _declarations(m[1])
            if "=" in p
        }
        kept = {s for s in found if not other & set(re.findall(r"[A-Za-z_]\w*", s))}
        if kept == found:
            return found
        found = kept


def pair(op: Any, name: str, suffix: str, formulas: str, names: set[str]) -> str | None:
    """A formula for value and slope, where none is written: the two that are, so that what they share is computed once.

    None if both are cut into steps, of doubles one, and they reduce their arguments in different ways: then there is nothing
    to share, and each is quicker in its own steps. A statement that reduces an argument leaves several numbers behind, hence
    the "&", and is the same if what it reads is. Nor if one has another formula for usual operands, or a kernel of tabled.h.
    """
    ctype, both = REALS[suffix], (name, f"{name}_backward")
    if names & {f"{f}_usual_{suffix}" for f in both} or TABLED & {f"{f}_{suffix}" for f in both}:
        return None
    (first, cut_first), (second, cut_second) = (statements(formulas, f, suffix) for f in both)
    cut = cut_first and cut_second if suffix == "f4" else cut_first or cut_second
    if cut and not any("&" in s for s in same(first, second)):
        return None
    forward, backward = (f"{f}_{suffix}" if f"{f}_{suffix}" in names else f for f in both)
    parameters = [f"{p}_" if p == forward else p for p in op.parameters]
    arguments = ", ".join([*(f"{ctype} {a}" for a in ("x", *parameters)), *(f"{ctype}* to_{r}" for r in op.results)])
    given, (value, slope) = ", ".join(("x", *parameters)), op.results
    return (
        f"cdef inline void {op.formula}_{suffix}({arguments}) noexcept nogil:\n"
        f"    to_{value}[0] = {forward}({given})\n"
        f"    to_{slope}[0] = {backward}(<{ctype}>1.0, {given})\n"
    )


def in_turn(op: Any, value: str, suffix: str, form: str) -> str:
    """Value and slope by the kernels of each."""
    kernels = ", ".join(f"k_{name}_{suffix}_{form}" for name in (value, f"{value}_backward"))
    operands = 1 + len(op.parameters)
    counts = f"{operands}, {operands if form == 'array' else 1}"
    return (
        f"cdef void k_{op.name}_{suffix}_{form}(void* const* out, const void* const* args, npy_intp n) noexcept nogil:\n"
        f"    in_turn({kernels}, {counts}, <{REALS[suffix]}>1.0, out, args, n)\n"
    )


def by_stretches(op: Any, suffix: str, form: str, any_by_blocks: bool, unit: bool) -> str:
    """A formula that has another for the usual operands: stretches of which all are usual take that one.

    `name_usual_fN` has to give the same bits as `name_fN` wherever `name_is_usual_fN` says so: only speed depends on the others.
    A pair may do without `name_fN`; then its usual formula has to give the bits of the function and of its gradient.
    `name_unit_fN` is the usual formula where the one parameter is 1.
    """
    ctype, operands = REALS[suffix], (*op.data, *op.parameters)
    single = op.parameters if form == "scalar" else ()
    lines = [f"cdef void k_{op.name}_{suffix}_{form}(void* const* out, const void* const* args, npy_intp n) noexcept nogil:"]
    lines += ["    cdef const void* moved[MAX_OPERANDS]", "    cdef void* to[MAX_OPERANDS]"]
    lines += ["    cdef npy_intp done = 0, m, i", "    cdef int unusual"]
    inside = ["    while done < n:", "        m = min(n - done, STRETCH)"]
    for k, name in enumerate(operands):
        if name in single:
            lines += [f"    cdef {ctype} {name} = (<const {ctype}*>args[{k}])[0]", f"    moved[{k}] = args[{k}]"]
        else:
            lines.append(f"    cdef const {ctype}* {name}")
            inside += [f"        {name} = <const {ctype}*>args[{k}] + done", f"        moved[{k}] = {name}"]
    call = ", ".join(name if name in single else f"{name}[i]" for name in operands)
    lines += [*inside, "        unusual = 0", "        for i in range(m):"]
    lines.append(f"            unusual |= 0 if {op.formula}_is_usual_{suffix}({call}) else 1")
    lines += [f"        to[{k}] = <{ctype}*>out[{k}] + done" for k in range(len(op.results))]
    rare = f"k_{op.name}_any_{suffix}_{form}(to, moved, m)"
    if any_by_blocks:
        rare = f"blocks_{op.name}_any_{suffix}_either(to, moved, m, {int(form == 'scalar')} + fastact_nothing)"
    usual = f"{'k' if form == 'scalar' else 'blocks'}_{op.name}_usual_{suffix}_{form}(to, moved, m)"
    lines += ["        if unusual:", f"            {rare}"]
    if unit and form == "scalar":
        lines += [f"        elif {op.parameters[0]} == <{ctype}>1:", f"            k_{op.name}_unit_{suffix}_scalar(to, moved, m)"]
    lines += ["        else:", f"            {usual}"]
    return "\n".join([*lines, "        done += m", ""])


def elementwise(
    op: Any, number: int, cut: dict[str, dict[str, list[Step]]], names: set[str], two_ways: dict[str, str], cost: dict[str, int]
) -> str:
    """Kernels, loops and the registration of one element-by-element ufunc."""
    taken = (op.formula, *KERNEL_NAMES)  # a parameter may be called like its function, or n
    renamed = tuple(f"{p}_" if p in taken else p for p in op.parameters)
    op = type(op)(op.name, op.formula, op.data, renamed, op.results, op.special)
    forms = ("scalar", "array") if op.parameters else ("scalar",)
    parts = []
    for suffix in REALS:
        formula = f"{op.formula}_{suffix}" if f"{op.formula}_{suffix}" in names else op.formula
        usual = f"{op.formula}_usual_{suffix}"
        if usual in names:
            seldom, often = (type(op)(f"{op.name}_{kind}", op.formula, op.data, op.parameters, op.results) for kind in ("any", "usual"))
            if formula in names:
                parts.append(by_blocks(seldom, suffix, "either", formula))
            else:
                parts += [in_turn(seldom, op.formula.removesuffix("_value_and_grad"), suffix, form) for form in forms]
            parts += [by_blocks(often, suffix, form, usual) for form in forms]
            parts.append(usual_kernel(often, suffix, cut[suffix][usual]))
            unit = f"{op.formula}_unit_{suffix}"
            if unit in names:
                plain = type(op)(f"{op.name}_unit", op.formula, op.data, (), op.results)
                parts += [by_blocks(plain, suffix, "scalar", unit), usual_kernel(plain, suffix, cut[suffix][unit])]
            parts += [by_stretches(op, suffix, form, formula in names, unit in names) for form in forms]
        elif formula in names:
            one, which = f"{op.formula}_one_{suffix}", op           # at its special value, with the same bits
            if one in names:
                plain = type(op)(f"{op.name}_one", op.formula, op.data, (), op.results)
                parts.append(kernel(plain, suffix, "scalar", one, cut[suffix].get(one), "", cost[one]))
                which = type(op)(op.name, op.formula, op.data, op.parameters, op.results, (*op.special[:2], plain.name))
            others = taking_the_other(two_ways.get(formula, ""), suffix)
            parts += [kernel(which, suffix, form, formula, cut[suffix].get(formula), others, cost[formula]) for form in forms]
        else:
            parts += [in_turn(op, op.formula.removesuffix("_value_and_grad"), suffix, form) for form in forms]
    for storage, (_, suffix, _) in STORAGES.items():
        slot = 2 * number + (suffix == "f8")
        parts.append(
            f"cdef int loop_{op.name}_{storage}({LOOP}) noexcept nogil:\n"
            f"    return drive(&OPERATIONS[{slot}], STORE_{storage.upper()}, data, n[0], strides)\n"
        )
    return "\n".join(parts)


def elementwise_setup(op: Any, number: int) -> list[str]:
    count = len(op.data) + len(op.parameters)
    forms = ("scalar", "array" if op.parameters else "scalar")
    kernels = ", ".join(f"k_{op.name}_{suffix}_{form}" for suffix in REALS for form in forms)
    lines = [f"set_operations({number}, {kernels}, {len(op.data)}, {count}, {len(op.results)})"]
    loops, kinds = ", ".join(f"<void*>loop_{op.name}_{s}" for s in STORAGES), "r" * count + ">" + "r" * len(op.results)
    lines.append(f'add_ufunc(made, docs, "{op.name}", "{op.name}", {(*op.data, *op.parameters)!r}, None, "{kinds}", {loops})')
    return lines


def affine(op: Any, number: int) -> tuple[str, list[str]]:
    """The loops and the registration of an operation on scale*x + bias."""
    name, operands = f"{op.name}_affine", (*op.data, "scale", "bias", *op.parameters)
    loops = [
        f"cdef int loop_{name}_{storage}({LOOP}) noexcept nogil:\n"
        f"    return drive_affine(&OPERATIONS[{2 * number + (suffix == 'f8')}], STORE_{storage.upper()}, data, n[0], strides)\n"
        for storage, (_, suffix, _) in STORAGES.items()
    ]
    listed = ", ".join(f"<void*>loop_{name}_{s}" for s in STORAGES)
    return "\n".join(loops), [f'add_ufunc(made, docs, "{op.name}", "{name}", {operands!r}, None, False, {listed})']


def gates(record: Any, number: int) -> tuple[str, list[str]]:
    """The loops and the registration of one operation on the gates of a recurrent cell."""
    held = [record.gates if signature == "(k)" else 1 for signature in (*record.inputs.values(), *record.outputs.values())]
    buffers = len(held)
    loops = [
        f"cdef int loop_{record.name}_{storage}({LOOP}) noexcept nogil:\n"
        f"    return drive_gates(&GATES[{number}], STORE_{storage.upper()}, data, n[0], n[2], strides, strides + {buffers})\n"
        for storage in STORAGES
    ]
    setup = [
        f"GATES[{number}].f4, GATES[{number}].f8 = <gates_t>{record.name}_f4, <gates_t>{record.name}_f8",
        f"GATES[{number}].inputs, GATES[{number}].buffers = {len(record.inputs)}, {buffers}",
        *(f"GATES[{number}].held[{k}] = {count}" for k, count in enumerate(held)),
    ]
    signature = f"{','.join(record.inputs.values())}->{','.join(record.outputs.values())}"
    kinds = "r" * len(record.inputs) + ">" + "r" * len(record.outputs)
    listed = ", ".join(f"<void*>loop_{record.name}_{s}" for s in STORAGES)
    setup.append(f'add_ufunc(made, docs, "{record.name}", "{record.name}", {tuple(record.inputs)!r}, b"{signature}", "{kinds}", {listed})')
    return "\n".join(loops), setup


def of_both_types(text: str) -> str:
    """Blocks' formulas for floats and for doubles."""
    return "\n".join(re.sub(r"\breal\b", ctype, text).replace("_fX", f"_{suffix}") for suffix, ctype in REALS.items())


#: row kernels: suffix of the ufunc -> (extra operands before x/y, signature pieces)
def row_operations(record: Any) -> list[tuple[str, str, str, bool]]:
    """(ufunc, driver in rowwise.pxi, gufunc signature, masked) for each ufunc of a row record."""
    out = "()" if record.reduces else "(n)"
    ops = [
        (record.name, f"{record.name}_rows", f"(n)->{out}", False),
        (f"{record.name}_masked", f"{record.name}_rows", f"(n),(n)->{out}", True),
    ]
    if record.saves == "y":
        ops.append((f"{record.name}_backward_y", f"{record.name}_backward_y_rows", "(n),(n)->(n)", False))
    else:
        ops.append((f"{record.name}_backward", f"{record.name}_backward_rows", "(),(n)->(n)", False))
        ops.append((f"{record.name}_backward_masked", f"{record.name}_backward_rows", "(),(n),(n)->(n)", True))
    return ops


def rowwise(record: Any, name: str, driver: str, signature: str, masked: bool) -> tuple[str, list[str]]:
    """The loops of one gufunc: unpack outer and core strides, and hand over to the row driver."""
    cores = [group != "" for group in re.findall(r"\((\w*)\)", signature)]
    operands = len(cores)                               # inputs, mask included, and the output
    core_index, k = {}, operands
    for i, has_core in enumerate(cores):
        if has_core:
            core_index[i], k = k, k + 1
    mask_at = operands - 2 if masked else -1
    inputs = [i for i in range(operands - 1) if i != mask_at]
    pointers = [f"data[{i}]" for i in inputs]
    outer = [f"strides[{i}]" for i in inputs]
    core = [f"strides[{core_index[i]}]" for i in inputs if i in core_index]
    takes_mask = "backward_y" not in driver
    if takes_mask:
        pointers.append(f"data[{mask_at}]" if masked else "NULL")
        outer.append(f"strides[{mask_at}]" if masked else "0")
        core.append(f"strides[{core_index[mask_at]}]" if masked else "0")
    pointers.append(f"data[{operands - 1}]")
    outer.append(f"strides[{operands - 1}]")
    if operands - 1 in core_index:
        core.append(f"strides[{core_index[operands - 1]}]")
    loops = []
    for storage in STORAGES:
        arguments = [f"STORE_{storage.upper()}", *pointers, "n[0]", "n[1]", *outer, *core]
        loops.append(
            f"cdef int loop_{name}_{storage}({LOOP}) noexcept nogil:\n"
            f"    cdef unsigned status = fp_status()\n"
            f"    {driver}({', '.join(arguments)})\n"
            f"    fp_restore(status)\n"
            f"    return 0\n"
        )
    listed = ", ".join(f"<void*>loop_{name}_{s}" for s in STORAGES)
    names = (("dy",) if "backward" in name else ()) + (("y",) if name.endswith("_y") else ("x",)) + (("where",) if masked else ())
    return "\n".join(loops), [f'add_ufunc(made, docs, "{name}", "{name}", {names!r}, b"{signature}", {masked}, {listed})']


def unfit(kernel: Any) -> tuple[str, str] | None:
    """What is not to be taken from a caller of this ufunc, who may be anybody: the condition, and the refusal."""
    nargs = len(kernel.kinds.replace(">", ""))
    cores = [i for i, core in enumerate(re.findall(r"\((\w*)\)", kernel.signature)) if core]
    if "labels" in kernel.operands and kernel.kinds[at := kernel.operands.index("labels")] == "l":
        return f"not labels_fit(data[{at}], n[0], strides[{at}], n[1])", "labels must be less than the number of classes"
    if "offsets" in kernel.operands:
        at = kernel.operands.index("offsets")
        called = f"data[{at}], n[0], strides[{at}], n[2], strides[{nargs + cores.index(at)}], n[1]"
        return f"not offsets_fit({called})", "offsets must run from 0 to the axis' length and not fall"
    if kernel.signature.startswith("(p)"):
        return "n[0] > 0 and n[1] == 0", "x must have at least one piece"
    return None


def row_kernel(kernel: Any) -> tuple[str, list[str]]:
    """The loops of one ufunc of family.h, whose functions unpack what NumPy passes: see drive_rows() in rowwise.pxi."""
    passed = "char** data, const npy_intp* n, const npy_intp* strides"
    called = ", ".join([*kernel.arguments, "storage", "data", "n", "strides"])
    loops = [
        f"cdef int rows_{kernel.name}_{suffix}(int storage, {passed}) noexcept nogil:\n    return {kernel.function}_{suffix}({called})\n"
        for suffix in REALS
    ]
    operands, sizes = len(kernel.kinds.replace(">", "")), 1 + len(set(re.findall(r"\w+", kernel.signature)))
    wrong = unfit(kernel)
    for storage, (_, suffix, _) in STORAGES.items():
        arguments = f"rows_{kernel.name}_{suffix}, STORE_{storage.upper()}, {operands}, {sizes}, data, n, strides"
        loops.append(
            f"cdef int loop_{kernel.name}_{storage}({LOOP}) noexcept nogil:\n"
            + (f'    if {wrong[0]}:\n        return refused(b"{kernel.name}: {wrong[1]}")\n' if wrong else "")
            + f"    return no_memory() if drive_rows({arguments}) else 0\n"
        )
    listed = ", ".join(f"<void*>loop_{kernel.name}_{s}" for s in STORAGES)
    given = f'"{kernel.name}", "{kernel.name}", {kernel.operands!r}, b"{kernel.signature}", "{kernel.kinds}", {listed}'
    return "\n".join(loops), [f"add_ufunc(made, docs, {given})"]


def row_functions(kernels: Any) -> str:
    """Declarations of the functions of family.h that the table's kernels call."""
    named = {a for k in kernels for a in k.arguments if not a.isdigit()}
    lines = ['cdef extern from "family.h" nogil:', "    enum:", *(f"        {name}" for name in sorted(named))]
    lines += [
        "    bint labels_fit(const char* labels, npy_intp rows, npy_intp next, npy_intp n) noexcept",
        "    bint offsets_fit(const char* offsets, npy_intp rows, npy_intp line, npy_intp m, npy_intp next, npy_intp n) noexcept",
    ]
    for function, leading in sorted({(k.function, len(k.arguments)) for k in kernels}):
        integers = ", ".join(["int"] * (leading + 1))
        arguments = f"{integers}, char** data, const npy_intp* n, const npy_intp* strides"
        lines += [f"    int {function}_{suffix}({arguments}) noexcept" for suffix in REALS]
    return "\n".join(lines)


def generate(registry: ModuleType) -> str:
    """The module's source."""
    externs, faces = primitives()
    formulas = "\n".join(type_literals((CORE / f).read_text()) for f in FORMULAS if (CORE / f).exists())
    formulas += "".join("\n" + (CORE / f).read_text() for f in APART)
    shared: dict[str, list[str]] = {}
    for name, suffix in re.findall(r"^cdef inline void (\w+)_value_and_slope(?:_(f4|f8))?\(", formulas, re.M):
        shared.setdefault(name, []).extend(kind for _, computed, kind in STORAGES.values() if suffix in ("", computed))
    formulas = formulas.replace("_value_and_slope", "_value_and_grad")
    names = set(re.findall(r"^cdef inline \w+ (\w+)\(", formulas, re.M))
    for name, op in registry.PAIRS.items():
        for suffix in REALS:
            if not names & {op.formula, f"{op.formula}_{suffix}"}:
                formulas += "\n" + (pair(op, name, suffix, formulas, names) or "")
    names = set(re.findall(r"^cdef inline \w+ (\w+)\(", formulas, re.M))
    cut = {suffix: steps(formulas, suffix) for suffix in REALS}
    two_ways = {name: body for _, name, _, body in re.findall(FUNCTION, formulas, re.M) if TWO_WAYS.search(body)}
    for kind, name, signature, body in re.findall(FUNCTION, formulas, re.M):
        if name in two_ways and name not in cut["f4"]:
            formulas += f"\ncdef inline {kind} {name}_else({signature}) noexcept nogil:\n{the_other_way(body)}"
    cost = costs(formulas)
    parts, setup, affine_setup, pairs_setup, gates_setup = [], [], [], [], []
    number, slots = 0, {}
    for record in registry.ELEMENTWISE:
        for op in registry.operations(record):
            parts.append(elementwise(op, number, cut, names, two_ways, cost))
            setup += elementwise_setup(op, number)
            slots[op.name] = 2 * number
            if op.data[-1] == "x":
                loops, lines = affine(op, number)
                parts.append(loops)
                affine_setup += lines
            number += 1
    for op in registry.PAIRS.values():
        parts.append(elementwise(op, number, cut, names, two_ways, cost))
        pairs_setup += elementwise_setup(op, number)
        number += 1
    for several_op in registry.SEVERAL:
        op = registry.Operation(several_op.name, several_op.formula, several_op.data, (), several_op.results)
        parts.append(elementwise(op, number, cut, names, two_ways, cost))
        setup += elementwise_setup(op, number)
        number += 1
    for k, record in enumerate(registry.GATES):
        loops, lines = gates(record, k)
        parts.append(loops)
        gates_setup += lines
    rows = CORE / "rowwise.pxi"
    row_text = rows.read_text() if rows.exists() else ""
    if row_text:
        for record in registry.ROWWISE:
            for name, driver, signature, masked in row_operations(record):
                loops, lines = rowwise(record, name, driver, signature, masked)
                parts.append(loops)
                setup += lines
    for row in registry.ROW_KERNELS:
        loops, lines = row_kernel(row)
        parts.append(loops)
        setup += lines
    return "\n".join(
        [
            "# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False",
            "# cython: freethreading_compatible=True",
            "# Generated by generate.py from the table, the formulas and the drivers.",
            (CORE / "prelude.pxi").read_text(),
            externs,
            faces,
            formulas,
            *(step_functions(c) for c in cut.values()),
            'cdef extern from "explicit.h" nogil:',
            *(f"    void explicit_{name}(void* const* out, const void* const* args, npy_intp n) noexcept" for name in sorted(EXPLICIT)),
            'cdef extern from "tabled.h" nogil:',
            "    bint HAS_TABLED",
            *(f"    void tabled_{name}(void* const* out, const void* const* args, npy_intp n) noexcept" for name in sorted(TABLED)),
            (CORE / "driver.pxi").read_text(),
            f"cdef Operation OPERATIONS[{2 * number}]",
            (CORE / "affine.pxi").read_text(),
            (CORE / "gates.pxi").read_text(),
            f"cdef Gates GATES[{len(registry.GATES)}]",
            of_both_types((CORE / GATES).read_text()),
            row_text,
            row_functions(registry.ROW_KERNELS),
            (CORE / "ufuncs.pxi").read_text(),
            *parts,
            "",
            "def make_ufuncs(texts):",
            '    """Every ufunc of this variant by name, with the docstrings given by name."""',
            "    stream_beyond(0)",
            "    docs = {name: text.encode() for name, text in texts.items()}",
            "    made = {}",
            *(f"    {line}" for line in setup),
            "    return made",
            "",
            "def make_affine(texts):",
            '    """The operations on scale*x + bias, by the name of the operation; after make_ufuncs()."""',
            "    docs = {name: text.encode() for name, text in texts.items()}",
            "    made = {}",
            *(f"    {line}" for line in affine_setup),
            "    return made",
            "",
            "def make_pairs(texts):",
            '    """The operations that give value and slope, by name."""',
            "    docs = {name: text.encode() for name, text in texts.items()}",
            "    made = {}",
            *(f"    {line}" for line in pairs_setup),
            "    return made",
            "",
            "#: The types in which value and slope of a function come from a formula of their own, within the bounds, with other bits.",
            f"SHARED = {shared!r}",
            "",
            "def make_gates(texts):",
            '    """The gates of recurrent cells, by name."""',
            "    docs = {name: text.encode() for name, text in texts.items()}",
            "    made = {}",
            *(f"    {line}" for line in gates_setup),
            "    return made",
            "",
            (CORE / "threads.pxi").read_text(),
            f"cdef dict SLOTS = {slots!r}",
            (CORE / "interface.pxi").read_text(),
        ]
    )


def main() -> None:
    target, table = pathlib.Path(sys.argv[1]), CORE.parent / "_registry.py"
    target.write_text(generate(load_registry(table)))
    if len(sys.argv) > 2:  # what the build has to watch, so that no list of files has to be kept
        read = [table, *sorted(CORE.glob("*.pxi")), *sorted(CORE.glob("*.h"))]
        pathlib.Path(sys.argv[2]).write_text(f"{sys.argv[1]}: {' '.join(str(p).replace(' ', chr(92) + ' ') for p in read)}\n")


if __name__ == "__main__":
    main()
