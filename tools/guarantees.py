"""What fastact promises, which tests and commands show each promise, and what they last found: writes docs/guarantees.md.

    python tools/guarantees.py                       # write the page anew; what was found last stays
    python tools/guarantees.py --tests [--slow]      # run the tests of all promises and put down how they ended
    python tools/guarantees.py --run golden --run fuzz           # run commands and put down the last line that each prints
    python tools/guarantees.py --found verify "171 of 171 ..."   # put down what a command found elsewhere

The promises and what shows them stand here, what was found stands in the page only. Status 1 if a test or a command failed.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "guarantees.md"

#: name -> the command
COMMANDS = {
    "verify": "python -m fastact verify --defaults --exhaustive --points 1000000 --markdown docs/accuracy.md",
    "golden": "python -m fastact golden",
    "aarch64": "tools/aarch64.sh",
    "old-cpu": "tools/old_cpu.sh",
    "sanitize": "tools/sanitize.sh",
    "fuzz": "python tools/fuzz.py --cases 10_000_000 --processes 2 --state build/fuzz.json",
    "threads": "tools/threads.sh",
    "values": "python bench/ratios.py values",
    "in-place": "python bench/ratios.py in-place",
    "axes": "python bench/ratios.py axes",
}


@dataclass(frozen=True)
class Promise:
    """A promise, what shows it, and in which respect it does not hold."""

    text: str
    tests: str
    commands: tuple[str, ...] = ()
    except_for: str = ""
    broken: str = ""


PROMISES = {
    "G1": Promise(
        "Accuracy relative to the result, forward and gradient, from overflow down to the subnormals: at most 2 ulp in float32, for "
        "all 2^32 inputs, and in float64; at most 0.51 ulp in the half types, for all inputs.",
        "test_accuracy: test_float32 test_float64 test_all_of_float16; test_bfloat16: test_all_numbers; test_worst_cases: test_worst_case; "
        "test_parameters: test_values_at_extreme_parameters; test_edges: test_subnormals_come_out test_known_tails; "
        "test_verify: test_one_fault_of_one_ulp_is_caught_in_float32 "
        "test_one_fault_of_one_ulp_breaks_the_bound_in_float16 test_reference_is_as_good_as_it_says",
        ("verify",),
        except_for="the gradient of swish with a beta other than 1 is bounded only away from its root.",
    ),
    "G2": Promise(
        "logsumexp and log_softmax subtract the maximum first and use log1p; x + c gives the result of x; each entry of softmax is within "
        "4 ulp for rows of up to 10^6 numbers.",
        "test_rows: test_accuracy test_accuracy_of_a_million test_shift_invariance test_log_softmax_of_equal_pairs; "
        "test_reductions: test_hard_rows test_hard_rows_of_ten_million test_equal_numbers_of_every_exponent",
    ),
    "G3": Promise(
        "The gradient from x is accurate in both tails; the gradient from y is a separate, documented formula.",
        "test_accuracy: test_float32 test_float64; test_edges: test_odd_functions_are_odd_bit_for_bit; "
        "test_parameters: test_exactly_one_of_x_and_y test_from_output_agrees_with_from_input",
    ),
    "G4": Promise(
        "Odd functions are odd bit for bit, and keep -0.0.", "test_edges: test_odd_functions_are_odd_bit_for_bit test_edge_table"
    ),
    "G5": Promise(
        "At infinity and at huge finite numbers the limit, not NaN, forward and gradient.",
        "test_edges: test_edge_table test_no_nan_from_numbers; test_registry: test_edges_are_the_limits_of_the_reference; "
        "test_rows: test_edges test_gradient_edges",
        except_for="there is none of sine and of snake's gradient at infinity, nor of softmax of a row with +inf or nothing but -inf, and "
        "0 times infinity is NaN (a gated unit, swish with beta = 0, sine with omega = 0).",
    ),
    "G6": Promise(
        "NaN in, NaN out, in the body and the tail of every loop, in every type; a NaN takes its whole row, and no other.",
        "test_edges: test_nan_in_nan_out test_nan_takes_its_row_only; test_reductions: test_a_nan_takes_its_whole_row; test_verify: "
        "test_a_nan_that_gets_lost_is_caught",
        except_for="a masked NaN has no part in its row, and where a softmax is 0, or on a flat branch such as relu's for x < 0, the "
        "gradient is 0 whatever dy is there.",
    ),
    "G7": Promise(
        "A result never depends on position, length, alignment, stride, out=, the number of rows or of threads.",
        "test_layout: test_lengths_offsets_strides test_in_place test_long_calls test_shapes_orders_and_memory test_overlap "
        "test_broadcasting; test_rows: test_rows_do_not_know_their_neighbours test_in_place test_any_axis; "
        "test_reductions: test_any_number_of_rows; "
        "test_threads: test_elements_same_bits test_rows_same_bits test_accumulate_stays_in_order; test_fuzz: test_random_calls",
        ("fuzz",),
    ),
    "G8": Promise(
        "The same bits on every instruction set and architecture.",
        "test_variants: test_elementwise_bits_are_the_same test_row_bits_are_the_same; test_verify: test_golden_fingerprints",
        ("golden", "aarch64", "old-cpu"),
        except_for="a variant that this CPU cannot run is compared where one can; the last result says which ran here.",
    ),
    "G9": Promise(
        "One table says what the gradient is at each kink.",
        "test_registry: test_kinks_are_where_the_references_kink; test_gradients: test_gradient_at_zero_follows_the_convention; "
        "test_edges: test_edge_table test_a_dead_unit_stays_dead",
    ),
    "G10": Promise(
        "where= masks: 0, or -inf for log_softmax; a fully masked row is that throughout; masked gradients are 0; no initial= is needed.",
        "test_rows: test_masked_entries_have_no_part test_gradients_behind_masks_are_zero test_masks_broadcast_and_follow_the_axis "
        "test_refused_masks; test_layout: test_where_leaves_the_rest_alone",
    ),
    "G11": Promise(
        "Empty arrays, axes of length 0, tuples of axes and axis=None work, and 0-d arrays, of functions over an axis with axis=None.",
        "test_rows: test_empty test_zero_dimensional test_any_axis test_refused_axes; test_layout: test_shapes_orders_and_memory",
    ),
    "G12": Promise(
        "Half types are computed in float32, and summed in more; a softmax sums to 1.",
        "test_rows: test_softmax_sums_to_one; test_parameters: test_half_precision_sums_of_parameters; "
        "test_accuracy: test_all_of_float16; test_bfloat16: test_all_numbers test_rows test_softmax_rows_sum_to_one",
    ),
    "G13": Promise(
        "Speed does not depend on the values: huge, subnormal, NaN and infinite inputs take at most 1.5 times as long as usual ones.",
        "",
        ("values",),
        broken="NaN costs nothing, and infinite and huge inputs little in most rows, but where an operand or a result is subnormal, "
        "many CPUs take longer, Intel's some 150 cycles a product, and a large argument of sine takes a longer reduction. The command "
        "lists each function with its times.",
    ),
    "G14": Promise(
        "In place is one call with out=x, needs no memory and is as fast as out of place; a gradient that y does not determine is refused.",
        "test_layout: test_in_place; test_rows: test_in_place; test_parameters: test_gradient_in_place_of_dy "
        "test_output_that_cannot_give_the_gradient test_parameters_under_which_the_output_does_not_do; test_hygiene: test_without_memory",
        ("in-place",),
    ),
    "G15": Promise(
        "Parameters are checked; the error names the parameter and the value.",
        "test_parameters: test_bad_values test_arrays_with_a_bad_entry test_values_that_only_a_wider_type_holds "
        "test_extreme_parameters_give_numbers; test_types: test_refused_parameters_of_the_public_functions",
    ),
    "G16": Promise(
        "No floating-point warning from any input, masked ones included.",
        "test_edges: test_no_floating_point_warning test_no_floating_point_warning_from_rows; test_fuzz: test_random_calls",
        ("fuzz",),
    ),
    "G17": Promise(
        "Importing and calling never change how the process computes; the baseline needs nothing but the oldest x86-64; nothing but the "
        "module's init is exported.",
        "test_edges: test_floating_point_environment_is_left_alone; test_hygiene: test_the_baseline_has_no_newer_instruction "
        "test_the_other_variants_have_them test_nothing_is_exported_but_the_init test_what_the_kernels_take_from_outside "
        "test_no_executable_stack_and_no_writable_code test_no_flag_that_changes_arithmetic",
        ("old-cpu",),
    ),
    "G18": Promise(
        "Forking after use never hangs; the interpreter's lock is released; threads are opt-in, without a data race; an interrupt arrives.",
        "test_threads: test_setting test_fork_does_not_hang test_many_python_threads test_the_interpreter_is_released "
        "test_seen_and_limited_by_threadpoolctl; test_hygiene: test_other_processes_give_the_same test_an_interrupt_arrives",
        ("threads",),
    ),
    "G19": Promise(
        "Any stride, sign, order, broadcast, alignment and byte order, read-only inputs, overlapping outputs.",
        "test_layout: test_lengths_offsets_strides test_shapes_orders_and_memory test_overlap test_broadcasting test_rows_in_any_memory "
        "test_reductions_of_binary_ufuncs; test_fuzz: test_random_calls test_every_kind_of_case_comes_up",
        ("fuzz",),
    ),
    "G20": Promise(
        "softmax and its like over any axis, at no less than 80 % of the speed over the last.",
        "",
        ("axes",),
        broken="The command lists what is slower over axis 0.",
    ),
    "G21": Promise(
        "An approximation has a name of its own; the default is exact.",
        "test_registry: test_headline_functions_are_there test_every_record_is_public_with_its_gradient; test_accuracy: test_float32",
    ),
    "G22": Promise(
        "Floating types stay what they are, integers and bool give float64, Python numbers never widen, and all else is a TypeError.",
        "test_types: test_floating_types_are_kept test_integers_and_bool_are_computed_in_float64 test_lists_and_python_numbers "
        "test_python_numbers_never_widen test_mixed_types_take_the_wider test_refused_types test_public_functions_refuse_them_too "
        "test_dtype_and_casting_arguments; test_bfloat16: test_public_functions_keep_the_type test_mixed_types",
    ),
    "G23": Promise(
        "Gradients are checked three ways: the derivative of the exact forward function, central differences, another library's.",
        "test_gradients: test_table_states_the_derivative test_table_states_the_derivative_from_the_output test_gradient_of_a_parameter "
        "test_kernels_against_central_differences test_scipy_agrees test_torch_agrees test_torch_agrees_on_rows; "
        "test_rows: test_gradient_is_the_derivative test_accuracy_of_the_gradient_from_the_output "
        "test_accuracy_of_the_gradient_of_a_reduction",
    ),
    "G24": Promise("Arrays of more than 2^31 elements.", "test_hygiene: test_beyond_2_to_the_31"),
    "G25": Promise(
        "No crash, hang, or read or write out of bounds on any input.",
        "test_fuzz: test_random_calls test_faults_are_seen test_rows_that_know_their_neighbours_are_seen test_memory_is_guarded",
        ("sanitize", "fuzz"),
    ),
}


def tests_of(promise: Promise) -> list[str]:
    """``tests/test_x.py::test_y`` for each."""
    found = []
    for part in filter(None, promise.tests.split("; ")):
        module, names = part.split(": ")
        found += [f"tests/{module}.py::{name}" for name in names.split()]
    return found


def missing_tests() -> list[str]:
    """Tests that are named here and do not exist."""
    defined: dict[str, set[str]] = {}
    missing = []
    for test in dict.fromkeys(t for p in PROMISES.values() for t in tests_of(p)):
        path, name = test.split("::")
        if path not in defined:
            file = ROOT / path
            tree = ast.parse(file.read_text()) if file.exists() else ast.Module([], [])
            defined[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if name not in defined[path]:
            missing.append(test)
    return missing


def found_last(page: str) -> dict[str, str]:
    """What each test and command last found, and on what it was (under ""), from the page."""
    found = {name: result for name, result in re.findall(r"^- `([^`]+)`: (.*)$", page, re.M) if result != NOT_RUN}
    where = re.search(r"^Tests last run on (.*)\.$", page, re.M)
    return found | ({"": where[1]} if where and where[1] != NOTHING else {})


TODAY = datetime.date.today()
NOT_RUN, NOTHING = "not run", "nothing yet"


def failed(result: str) -> bool:
    """Whether this is bad news."""
    return bool(re.search(r"\bfailed\b|\berrors?\b|status [1-9-]", result))


def render(found: dict[str, str]) -> str:
    """The page."""
    lines = [
        "# What is promised, and what shows it",
        "",
        "Written by `tools/guarantees.py`, which also runs what is listed here. Each test and command stands with what it found last.",
        "",
        f"Tests last run on {found.get('', NOTHING)}.",
        "",
    ]
    for number, promise in PROMISES.items():
        evidence = [*tests_of(promise), *(COMMANDS[c] for c in promise.commands)]
        bad = [e for e in evidence if failed(found.get(e, ""))]
        unknown = [e for e in evidence if e not in found]
        if promise.broken:
            verdict = f"**Does not hold.** {promise.broken}"
        elif bad:
            verdict = f"**Not shown:** {', '.join(f'`{e}`' for e in bad)} failed."
        elif len(unknown) == len(evidence):
            verdict = "**Not shown:** nothing was run yet."
        else:
            verdict = "Holds" + (f", but {promise.except_for}" if promise.except_for else ".")
            verdict += f" Not run yet: {len(unknown)} of {len(evidence)}." if unknown else ""
        lines += [f"## {number}", "", promise.text, "", verdict, ""]
        lines += [f"- `{e}`: {found.get(e, NOT_RUN)}" for e in evidence]
        lines.append("")
    return "\n".join(lines)


def run_tests(tests: list[str], slow: bool) -> dict[str, str]:
    """Run some tests; how each ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *(["--slow"] if slow else []), *tests]
        subprocess.run(command, cwd=ROOT, check=False)
        counts: dict[str, Counter[str]] = {}
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').split('[')[0]}"
            ended = {child.tag for child in case}
            how = next((h for tag, h in (("error", "errors"), ("failure", "failed"), ("skipped", "skipped")) if tag in ended), "passed")
            counts.setdefault(test, Counter())[how] += 1
    return {
        test: ", ".join(f"{count[how]} {how}" for how in ("failed", "errors", "passed", "skipped") if count[how]) + f" ({TODAY})"
        for test, count in counts.items()
        if set(count) != {"skipped"}                    # those say nothing
    }


def where() -> str:
    """What the tests run on."""
    import numpy

    import fastact
    from fastact import _variants

    variants, python = ", ".join(_variants.available()), platform.python_version()
    return f"fastact {fastact.__version__} ({variants}), Python {python}, NumPy {numpy.__version__}, {platform.machine()}"


def run_command(name: str) -> str:
    """The last line that it prints."""
    arguments = shlex.split(COMMANDS[name])
    if arguments[0] == "python":
        arguments[0] = sys.executable
    done = subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    last = next((line.strip() for line in reversed(done.stdout.splitlines()) if line.strip()), "nothing printed")
    return last.replace("`", "'") + (f" (status {done.returncode})" if done.returncode else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", action="store_true", help="run the tests")
    parser.add_argument("--file", action="append", metavar="tests/test_x.py", help="only the tests of this file")
    parser.add_argument("--slow", action="store_true", help="also the slow ones")
    parser.add_argument("--run", action="append", default=[], choices=COMMANDS, help="run a command")
    parser.add_argument("--found", action="append", default=[], nargs=2, metavar=("NAME", "TEXT"), help="what a command found elsewhere")
    options = parser.parse_args()
    if missing_tests():
        raise SystemExit(f"no such tests: {', '.join(missing_tests())}")
    found = found_last(PAGE.read_text()) if PAGE.exists() else {}
    if options.tests:
        by_file: dict[str, list[str]] = {}
        for test in dict.fromkeys(t for p in PROMISES.values() for t in tests_of(p)):
            by_file.setdefault(test.split("::")[0], []).append(test)
        for path, tests in by_file.items():
            if not options.file or path in options.file:
                found |= run_tests(tests, options.slow) | {"": where()}
                write(found)                            # a run that is stopped keeps what it has found
    for name in options.run:
        found[COMMANDS[name]] = f"{run_command(name)} ({TODAY})"
        write(found)
    found |= {COMMANDS[name]: f"{text} ({TODAY})" for name, text in options.found}
    write(found)
    return 1 if any(failed(result) for result in found.values()) else 0


def write(found: dict[str, str]) -> None:
    """The page, without what is no longer named."""
    for number, promise in PROMISES.items():
        evidence = [found.get(e) for e in [*tests_of(promise), *(COMMANDS[c] for c in promise.commands)]]
        if promise.broken and all(e is not None and not failed(e) for e in evidence):
            raise SystemExit(f"{number} holds by now: take out that it does not")
    named = {e for p in PROMISES.values() for e in [*tests_of(p), *(COMMANDS[c] for c in p.commands)]}
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render({e: result for e, result in found.items() if e in named or not e}))


if __name__ == "__main__":
    sys.exit(main())
