"""Table + formulas -> one Cython module.

    python generate.py OUT.pyx

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
from typing import Any

CORE = pathlib.Path(__file__).resolve().parent
HEADERS = ("vmath.h", "gauss.h", "row.h")
FORMULAS = ("activations.pxi", "activations_gauss.pxi")

#: storage suffix -> (C type computed in, the suffix of its kernels, NumPy dtype)
STORAGES = {"f2": ("float", "f4", "float16"), "f4": ("float", "f4", "float32"), "f8": ("double", "f8", "float64")}
REALS = {"f4": "float", "f8": "double"}

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
        if set(variants) != {"f4", "f8"} or any("float" in t for t in variants["f8"]):
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


def beginnings(text: str) -> dict[str, list[str]]:
    """Formulas in two steps: what `name_begin` computes from its arguments, and hands to `name` after all others."""
    found = re.findall(r"^cdef inline void (\w+)_begin\(([^)]*)\)", text, re.M)
    return {name: [a.split()[-1] for a in arguments.split(",")] for name, arguments in found}


def kernel(op: Any, suffix: str, form: str, begin: list[str] | None) -> str:
    """The contiguous loop of one formula: every operand an array, or the parameters single values.

    A formula in two steps gets two loops over a block that stays in the first-level cache: with a hundred operations in
    a row the processor runs out of places where operations wait, before it has enough that are independent.
    """
    ctype, operands = REALS[suffix], (*op.data, *op.parameters)
    lines = [f"cdef void k_{op.name}_{suffix}_{form}(void* out, const void* const* args, npy_intp n) noexcept nogil:"]
    lines.append(f"    cdef {ctype}* o = <{ctype}*>out")
    call, aliases = [], []
    for i, name in enumerate(operands):
        if form == "scalar" and i >= len(op.data):
            lines.append(f"    cdef {ctype} {name} = (<const {ctype}*>args[{i}])[0]")
            call.append(name)
        else:
            lines.append(f"    cdef const {ctype}* {name} = <const {ctype}*>args[{i}]")
            call.append(f"{name}[i]")
            aliases.append((name, i))
    lines.append("    cdef npy_intp i")
    indent, count = "    ", "n"
    steps = [a for a in begin or () if a not in operands]
    if begin:
        lines += [f"    cdef {ctype} step_{a}[SPAN]" for a in steps]
        lines += ["    cdef npy_intp m", "    while n > 0:", "        m = min(n, SPAN)", "        for i in range(m):"]
        first = ", ".join(f"&step_{a}[i]" if a in steps else call[operands.index(a)] for a in begin)
        lines.append(f"            {op.formula}_begin({first})")
        call += [f"step_{a}[i]" for a in steps]
        indent, count = "        ", "m"
    # A compiler whose alias check refuses out == in gets a loop of its own for each operand that may be out.
    branch = "if"
    for name, i in aliases[: len(op.data)]:
        in_place = ["o[i]" if c == f"{name}[i]" else c for c in call]
        now = f"<const void*>{name}" if begin else f"args[{i}]"
        lines += [
            f"{indent}{branch} INPLACE_LOOPS and <const void*>o == {now}:",
            f"{indent}    for i in range({count}):",
            f"{indent}        o[i] = {op.formula}({', '.join(in_place)})",
        ]
        branch = "elif"
    lines += [f"{indent}else:", f"{indent}    for i in range({count}):", f"{indent}        o[i] = {op.formula}({', '.join(call)})"]
    if begin:
        lines += [f"{indent}{name} += m" for name, _ in aliases] + [f"{indent}o += m", f"{indent}n -= m"]
    return "\n".join([*lines, ""])


def elementwise(op: Any, number: int, begin: dict[str, list[str]]) -> str:
    """Kernels, loops and the registration of one element-by-element ufunc."""
    forms = ("scalar", "array") if op.parameters else ("scalar",)
    parts = [kernel(op, suffix, form, begin.get(op.formula)) for suffix in REALS for form in forms]
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


def generate(registry: ModuleType) -> str:
    """The module's source."""
    externs, faces = primitives()
    formulas = "\n".join(type_literals((CORE / f).read_text()) for f in FORMULAS if (CORE / f).exists())
    begin = beginnings(formulas)
    parts, setup = [], []
    number = 0
    for record in registry.ELEMENTWISE:
        for op in registry.operations(record):
            parts.append(elementwise(op, number, begin))
            setup += elementwise_setup(op, number)
            number += 1
    rows = CORE / "rowwise.pxi"
    row_text = rows.read_text() if rows.exists() else ""
    if row_text:
        for record in registry.ROWWISE:
            for name, driver, signature, masked in row_operations(record):
                loops, lines = rowwise(record, name, driver, signature, masked)
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
            (CORE / "driver.pxi").read_text(),
            f"cdef Operation OPERATIONS[{2 * number}]",
            row_text,
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
        ]
    )


def main() -> None:
    target = pathlib.Path(sys.argv[1])
    registry = load_registry(pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else CORE.parent / "_registry.py")
    target.write_text(generate(registry))


if __name__ == "__main__":
    main()
