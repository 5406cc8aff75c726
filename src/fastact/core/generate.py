"""Table + formulas -> one Cython module.

    python generate.py OUT.pyx [DEPFILE]

Reads the table (`_registry.py`), the formulas (`activations*.pxi`), the row kernels (`rowwise.pxi`), the loop driver
(`driver.pxi`) and the names of the primitives in the headers, and writes the source that the build compiles once per
instruction set. Everything that is the same for each function and each dtype is written here, once.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import pathlib
import re
import sys
import tokenize
from types import ModuleType
from typing import Any, NamedTuple

CORE = pathlib.Path(__file__).resolve().parent
HEADERS = ("vmath.h", "gauss.h", "gated.h", "erf.h", "composed.h", "trig.h", "row.h")
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
    body: str
    arguments: tuple[str, ...]                          # of the formula's own, those that it reads
    reads: dict[str, str]                               # what earlier steps left, and its type
    leaves: dict[str, str]                              # what later steps read, and its type


def steps(text: str, suffix: str) -> dict[str, list[Step]]:
    """Formulas that are cut into steps, for floats (f4) or doubles (f8), by name.

    With many operations in a row a processor runs out of places where operations wait before it has enough that are
    independent. So a formula may be cut by lines `# ----`, or `# ---- f8` where only doubles gain from it; each step then
    works on other numbers than the next.
    """
    found: dict[str, list[Step]] = {}
    function = r"^cdef inline (real|float|double) (\w+)\(([^)]*)\) noexcept nogil:\n((?:[ \t]+.*\n|\n)+)"
    for result, name, signature, body in re.findall(function, text, re.M):
        pieces = re.split(rf"^ +# ----(?: {suffix})?\n", re.sub(r"\breal\b", REALS[suffix], body), flags=re.M)
        if len(pieces) == 1 or result not in ("real", REALS[suffix]):
            continue
        arguments = [a.split()[-1] for a in signature.split(",")]
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
            title = f"{name}_{suffix}_step_{k + 1}"
            found[name].append(Step(title, REALS[suffix], piece.rstrip() + "\n", own, reads, leaves))
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
            parameters = [f"{part.result} {a}" for a in part.arguments]
            parameters += [f"{kind} {n}" for n, kind in part.reads.items()] + [f"{kind}* left_{n}" for n, kind in part.leaves.items()]
            lines.append(f"cdef inline {part.result if last else 'void'} {part.name}({', '.join(parameters)}) noexcept nogil:")
            lines.append(part.body.rstrip())
            lines += [f"    left_{n}[0] = {n}" for n in part.leaves]
            lines.append("")
    return "\n".join(lines)


def loop(op: Any, formula: str, form: str, indent: str, count: str) -> list[str]:
    """The contiguous loop of one formula: every operand an array, or the parameters single values."""
    operands = (*op.data, *op.parameters)
    single = op.parameters if form == "scalar" else ()
    call = [name if name in single else f"{name}[i]" for name in operands]
    lines = []
    # A compiler whose alias check refuses out == in gets a loop of its own for each operand that may be out.
    for k, name in enumerate(op.data):
        in_place = ["o[i]" if c == f"{name}[i]" else c for c in call]
        lines += [
            f"{indent}{'elif' if k else 'if'} INPLACE_LOOPS and <const void*>o == <const void*>{name}:",
            f"{indent}    for i in range({count}):",
            f"{indent}        o[i] = {formula}({', '.join(in_place)})",
        ]
    return [*lines, f"{indent}else:", f"{indent}    for i in range({count}):", f"{indent}        o[i] = {formula}({', '.join(call)})"]


def span(op: Any, suffix: str, parts: list[Step]) -> list[str]:
    """SPAN numbers in each step of a formula, one loop for all steps: see `pipeline`."""
    ctype, last = REALS[suffix], len(parts) - 1
    parameters, body = [f"{ctype}* o"], []
    for k, part in enumerate(parts):
        parameters += [f"const {ctype}* {a}_{k}" for a in part.arguments if a in op.data]
        parameters += [f"kept_{kind} read_{n}_{k}" for n, kind in part.reads.items()]
        parameters += [f"kept_{kind} {n}_{k}" for n, kind in part.leaves.items()]
        values = [a if a in op.parameters else f"{a}_{k}[i]" for a in part.arguments] + [f"read_{n}_{k}[i]" for n in part.reads]
        call = f"{part.name}({', '.join([*values, *(f'&{n}_{k}[i]' for n in part.leaves)])})"
        body.append(f"o[i] = {call}" if k == last else call)
    parameters += [f"{ctype} {p}" for p in op.parameters]
    lines = [f"cdef void span_{op.name}_{suffix}({', '.join(parameters)}) noexcept nogil:", "    cdef npy_intp i"]
    branch = "if"
    for a in parts[last].arguments:
        if a in op.data:
            in_place = [*body[:-1], body[-1].replace(f"{a}_{last}[i]", "o[i]")]
            lines += [f"    {branch} INPLACE_LOOPS and <const void*>o == <const void*>{a}_{last}:", "        for i in range(SPAN):"]
            lines += [f"            {line}" for line in in_place]
            branch = "elif"
    indent = "    "
    if branch == "elif":
        lines.append("    else:")
        indent = "        "
    return [*lines, f"{indent}for i in range(SPAN):", *(f"{indent}    {line}" for line in body), ""]


def pipeline(op: Any, suffix: str, parts: list[Step]) -> list[str]:
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
    lines += [f"    cdef {ctype} nowhere[SPAN]", "    cdef npy_intp b, blocks = n // SPAN", "    if blocks >= FEWEST_SPANS:"]
    lines += [f"        memset(ring_{n}, 0, sizeof(ring_{n}))" for n in depth]
    lines.append(f"        for b in range(blocks + {last}):")
    arguments.append(f"o + (b - {last}) * SPAN if b >= {last} else &nowhere[0]")
    for k, part in enumerate(parts):
        arguments += [f"{a} + min(max(b - {k}, 0), blocks - 1) * SPAN" for a in part.arguments if a in op.data]
        for n in part.reads:
            arguments.append(f"&ring_{n}[(b + {depth[n] - k + made[n]}) % {depth[n]} * SPAN]")
        arguments += [f"&ring_{n}[b % {depth[n]} * SPAN]" for n in part.leaves]
    arguments += list(op.parameters)
    lines += [
        f"            span_{op.name}_{suffix}(",
        *(f"                {a}," for a in arguments),
        "            )",
        *(f"        {name} += blocks * SPAN" for name in ("o", *op.data)),
        "        n -= blocks * SPAN",
    ]
    return lines


def kernel(op: Any, suffix: str, form: str, formula: str, parts: list[Step] | None) -> str:
    """A formula over n numbers: whole spans in steps, where the formula is cut into some, and a plain loop."""
    ctype, operands = REALS[suffix], (*op.data, *op.parameters)
    lines = []
    if parts and form == "scalar":
        lines += span(op, suffix, parts)
    lines.append(f"cdef void k_{op.name}_{suffix}_{form}(void* out, const void* const* args, npy_intp n) noexcept nogil:")
    lines.append(f"    cdef {ctype}* o = <{ctype}*>out")
    for k, name in enumerate(operands):
        if form == "scalar" and k >= len(op.data):
            lines.append(f"    cdef {ctype} {name} = (<const {ctype}*>args[{k}])[0]")
        else:
            lines.append(f"    cdef const {ctype}* {name} = <const {ctype}*>args[{k}]")
    lines.append("    cdef npy_intp i")
    if parts and form == "scalar":
        lines += pipeline(op, suffix, parts)
    return "\n".join([*lines, *loop(op, formula, form, "    ", "n"), ""])


def by_stretches(op: Any, suffix: str) -> str:
    """A formula that has another for the usual operands: stretches of which all are usual take that one.

    `name_usual_fN` has to give the same bits as `name_fN` wherever `name_is_usual_fN` says so: only speed depends on the others.
    """
    ctype, last = REALS[suffix], len(op.data)
    lines = [f"cdef void k_{op.name}_{suffix}_scalar(void* out, const void* const* args, npy_intp n) noexcept nogil:"]
    lines += ["    cdef const void* moved[MAX_OPERANDS]", "    cdef npy_intp done = 0, m, i", "    cdef int unusual"]
    lines += [f"    cdef const {ctype}* {name}" for name in op.data]
    lines += [f"    cdef {ctype} {p} = (<const {ctype}*>args[{last + k}])[0]" for k, p in enumerate(op.parameters)]
    lines += [f"    moved[{last + k}] = args[{last + k}]" for k in range(len(op.parameters))]
    lines += ["    while done < n:", "        m = min(n - done, STRETCH)"]
    lines += [f"        {name} = <const {ctype}*>args[{k}] + done" for k, name in enumerate(op.data)]
    lines += [f"        moved[{k}] = {name}" for k, name in enumerate(op.data)]
    call = ", ".join([*(f"{name}[i]" for name in op.data), *op.parameters])
    lines += ["        unusual = 0", "        for i in range(m):"]
    lines.append(f"            unusual |= 0 if {op.formula}_is_usual_{suffix}({call}) else 1")
    for branch, name in (("if unusual", f"{op.name}_any"), ("else", f"{op.name}_usual")):
        lines += [f"        {branch}:", f"            k_{name}_{suffix}_scalar(<{ctype}*>out + done, moved, m)"]
    return "\n".join([*lines, "        done += m", ""])


def elementwise(op: Any, number: int, cut: dict[str, dict[str, list[Step]]], names: set[str]) -> str:
    """Kernels, loops and the registration of one element-by-element ufunc."""
    taken = (op.formula, *KERNEL_NAMES)  # a parameter may be called like its function, or n
    op = dataclasses.replace(op, parameters=tuple(f"{p}_" if p in taken else p for p in op.parameters))
    forms = ("scalar", "array") if op.parameters else ("scalar",)
    parts = []
    for suffix in REALS:
        formula = f"{op.formula}_{suffix}" if f"{op.formula}_{suffix}" in names else op.formula
        usual = f"{op.formula}_usual_{suffix}"
        if usual in names:
            for name, chosen in (("any", formula), ("usual", usual)):
                renamed = dataclasses.replace(op, name=f"{op.name}_{name}")
                parts.append(kernel(renamed, suffix, "scalar", chosen, cut[suffix].get(chosen)))
            parts.append(by_stretches(op, suffix))
        for form in forms if usual not in names else forms[1:]:
            parts.append(kernel(op, suffix, form, formula, cut[suffix].get(formula)))
    for storage, (_, suffix, _) in STORAGES.items():
        slot = 2 * number + (suffix == "f8")
        parts.append(
            f"cdef int loop_{op.name}_{storage}({LOOP}) noexcept nogil:\n"
            f"    return drive(&OPERATIONS[{slot}], STORE_{storage.upper()}, data, n[0], strides)\n"
        )
    return "\n".join(parts)


def elementwise_setup(op: Any, number: int) -> list[str]:
    lines = []
    for suffix in REALS:
        array = "array" if op.parameters else "scalar"
        count = len(op.data) + len(op.parameters)
        lines.append(
            f"OPERATIONS[{2 * number + (suffix == 'f8')}] = "
            f"Operation(k_{op.name}_{suffix}_scalar, k_{op.name}_{suffix}_{array}, {len(op.data)}, {count})"
        )
    loops = ", ".join(f"<void*>loop_{op.name}_{s}" for s in STORAGES)
    lines.append(f'made["{op.name}"] = new_ufunc("{op.name}", {(*op.data, *op.parameters)!r}, docs["{op.name}"], None, False, {loops})')
    return lines


def several(op: Any, names: set[str]) -> tuple[str, list[str]]:
    """Kernels and loops of an element-by-element ufunc of arrays alone, with several results: see several.pxi.

    Three results wait on the stack: then none can lie on an operand, and the loop needs no checks for that, of which a
    compiler makes so many at most.
    """
    parts = []
    for suffix, ctype in REALS.items():
        formula = f"{op.formula}_{suffix}" if f"{op.formula}_{suffix}" in names else op.formula
        lines = [f"cdef void s_{op.name}_{suffix}(void* const* out, const void* const* args, npy_intp n) noexcept nogil:"]
        lines += [f"    cdef const {ctype}* {name} = <const {ctype}*>args[{k}]" for k, name in enumerate(op.data)]
        lines += [f"    cdef {ctype}* to_{name} = <{ctype}*>out[{k}]" for k, name in enumerate(op.results)]
        if len(op.results) < 3:
            given = ", ".join([*(f"{name}[i]" for name in op.data), *(f"&to_{name}[i]" for name in op.results)])
            parts.append("\n".join([*lines, "    cdef npy_intp i", "    for i in range(n):", f"        {formula}({given})", ""]))
            continue
        lines += [f"    cdef {ctype} room_{name}[SPAN]" for name in op.results]
        given = ", ".join([*(f"{name}[b + i]" for name in op.data), *(f"&room_{name}[i]" for name in op.results)])
        lines += [
            "    cdef npy_intp i, m, b = 0",
            "    while b < n:",
            "        m = min(n - b, SPAN)",
            "        for i in range(m):",
            f"            {formula}({given})",
            *(f"        memcpy(to_{name} + b, room_{name}, m * sizeof({ctype}))" for name in op.results),
            "        b += m",
            "",
        ]
        parts.append("\n".join(lines))
    for storage, (_, suffix, _) in STORAGES.items():
        count = f"{len(op.data)}, {len(op.results)}"
        parts.append(
            f"cdef int loop_{op.name}_{storage}({LOOP}) noexcept nogil:\n"
            f"    return drive_several(s_{op.name}_{suffix}, {count}, STORE_{storage.upper()}, data, n[0], strides)\n"
        )
    loops = ", ".join(f"<void*>loop_{op.name}_{s}" for s in STORAGES)
    kinds = "r" * len(op.data) + ">" + "r" * len(op.results)
    return "\n".join(parts), [f'made["{op.name}"] = new_ufunc("{op.name}", {op.data!r}, docs["{op.name}"], None, "{kinds}", {loops})']


def affine(op: Any, number: int) -> tuple[str, list[str]]:
    """The loops and the registration of an operation on scale*x + bias."""
    name, operands = f"{op.name}_affine", (*op.data, "scale", "bias", *op.parameters)
    loops = [
        f"cdef int loop_{name}_{storage}({LOOP}) noexcept nogil:\n"
        f"    return drive_affine(&OPERATIONS[{2 * number + (suffix == 'f8')}], STORE_{storage.upper()}, data, n[0], strides)\n"
        for storage, (_, suffix, _) in STORAGES.items()
    ]
    listed = ", ".join(f"<void*>loop_{name}_{s}" for s in STORAGES)
    return "\n".join(loops), [f'made["{op.name}"] = new_ufunc("{name}", {operands!r}, docs["{op.name}"], None, False, {listed})']


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
    made = f'new_ufunc("{record.name}", {tuple(record.inputs)!r}, docs["{record.name}"], b"{signature}", "{kinds}", {listed})'
    setup.append(f'made["{record.name}"] = {made}')
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
    return "\n".join(loops), [f'made["{name}"] = new_ufunc("{name}", {names!r}, docs["{name}"], b"{signature}", {masked}, {listed})']


def row_kernel(kernel: Any) -> tuple[str, list[str]]:
    """The loops of one ufunc of family.h, which unpacks what NumPy passes by itself."""
    loops = []
    for storage, (_, suffix, _) in STORAGES.items():
        arguments = ", ".join([*kernel.arguments, f"STORE_{storage.upper()}", "data", "n", "strides"])
        loops.append(
            f"cdef int loop_{kernel.name}_{storage}({LOOP}) noexcept nogil:\n"
            f"    cdef unsigned status = fp_status()\n"
            f"    cdef int failed = {kernel.function}_{suffix}({arguments})\n"
            f"    fp_restore(status)\n"
            f"    return no_memory() if failed else 0\n"
        )
    listed = ", ".join(f"<void*>loop_{kernel.name}_{s}" for s in STORAGES)
    made = f'new_ufunc("{kernel.name}", {kernel.operands!r}, docs["{kernel.name}"], b"{kernel.signature}", "{kernel.kinds}", {listed})'
    return "\n".join(loops), [f'made["{kernel.name}"] = {made}']


def row_functions(kernels: Any) -> str:
    """Declarations of the functions of family.h that the table's kernels call."""
    named = {a for k in kernels for a in k.arguments if not a.isdigit()}
    lines = ['cdef extern from "family.h" nogil:', "    enum:", *(f"        {name}" for name in sorted(named))]
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
    names = set(re.findall(r"^cdef inline \w+ (\w+)\(", formulas, re.M))
    cut = {suffix: steps(formulas, suffix) for suffix in REALS}
    parts, setup, affine_setup, gates_setup = [], [], [], []
    number = 0
    for record in registry.ELEMENTWISE:
        for op in registry.operations(record):
            parts.append(elementwise(op, number, cut, names))
            setup += elementwise_setup(op, number)
            if op.data[-1] == "x":
                loops, lines = affine(op, number)
                parts.append(loops)
                affine_setup += lines
            number += 1
    for op in registry.SEVERAL:
        if len(op.results) == 1:
            plain = registry.Operation(op.name, op.formula, op.data, ())
            parts.append(elementwise(plain, number, cut, names))
            setup += elementwise_setup(plain, number)
            number += 1
            continue
        loops, lines = several(op, names)
        parts.append(loops)
        setup += lines
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
            "# Generated by generate.py from the table, the formulas and the drivers.",
            (CORE / "prelude.pxi").read_text(),
            externs,
            faces,
            formulas,
            *(step_functions(c) for c in cut.values()),
            (CORE / "driver.pxi").read_text(),
            (CORE / "several.pxi").read_text(),
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
            "def make_gates(texts):",
            '    """The gates of recurrent cells, by name."""',
            "    docs = {name: text.encode() for name, text in texts.items()}",
            "    made = {}",
            *(f"    {line}" for line in gates_setup),
            "    return made",
            "",
            (CORE / "threads.pxi").read_text(),
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
