"""The command line: ``python -m fastact``."""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastact
from fastact import _config, _docs, _variants, bench, demo, plot
from fastact.verify import command as verification
from fastact.verify import golden


def _at_least(least: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` upwards."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {value}")
        return value

    return number


def _names(text: str) -> list[str]:
    """An argparse type: names separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"must be names separated by commas, got {text!r}")
    return names


def _known_names(text: str) -> list[str]:
    """An argparse type: names of activations, separated by commas."""
    return [_known(name) for name in _names(text)]


def _known(name: str) -> str:
    """An argparse type: the own name of an activation; a misspelt one suggests the right one."""
    try:
        return fastact.get(name).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("name: ")) from None


def _setting(text: str) -> tuple[str, float]:
    """An argparse type: ``alpha=2``."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a parameter and its value, as alpha=2, got {text!r}") from None


def _missing(command: str, modules: Sequence[str]) -> bool:
    """Say what a command lacks, if it lacks anything."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{command} needs {' and '.join(missing)}: pip install {' '.join(missing)}", file=sys.stderr)
    return bool(missing)


def _info(arguments: argparse.Namespace) -> int:
    print(json.dumps(_config.facts(), indent=1) if arguments.json else _config.describe())
    return 0


def _plot(arguments: argparse.Namespace) -> int:
    if _missing("plot", ["matplotlib", *(["scipy"] if arguments.errors else [])]):
        return 1
    name, parameters = arguments.name, dict(arguments.set)
    path: Path = arguments.output or Path(f"fastact-{name}{'-errors' if arguments.errors else ''}.png")
    report: dict[str, object] = {"function": name, "file": str(path)}
    try:
        figure = plot.new_figure((5.2, 3.6))
        axes = figure.subplots()
        if arguments.errors:
            count = None if arguments.exhaustive else arguments.count
            progress = demo.Progress(100, sys.stderr)
            progress.label = name
            try:
                kind = {"gradient": arguments.gradient, "dtype": arguments.dtype}
                found = plot.measure(name, count=count, progress=progress.reach, **kind, **parameters)
            finally:
                progress.clear()
            plot.errors(found, axes=axes)
            report |= {"function": found.name, "dtype": found.dtype, "points": found.points}
            report |= {"max_ulp": found.worst, "worst_input": found.at}
            report |= {} if found.peer_worst is None else {"pytorch_max_ulp": found.peer_worst}
        else:
            plot.curve(name, axes=axes, **parameters)
        plot.save(figure, path)
    except (ValueError, TypeError, OSError) as error:
        print(f"plot: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(report))
    else:
        print(f"{path}: {axes.get_title()}")
    return 0


def _gallery(arguments: argparse.Namespace) -> int:
    if _missing("gallery", ["matplotlib"]):
        return 1
    try:
        names = arguments.functions or [name for name in fastact.names() if plot.drawable(name)]
        columns = round((1.3 * len(names)) ** 0.5) or 1
        figure = plot.new_figure((2.7 * min(columns, len(names)), 2.1 * -(-len(names) // columns)))
        plot.save(plot.gallery(names, columns=columns, figure=figure), arguments.output)
    except (ValueError, OSError) as error:
        print(f"gallery: {error}", file=sys.stderr)
        return 1
    report = {"file": str(arguments.output), "functions": names}
    print(json.dumps(report) if arguments.json else f"{arguments.output}: {len(names)} functions")
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    names = arguments.functions or fastact.names()
    kinds = (False,) if arguments.forward else (False, True)
    progress = demo.Progress(len(names) * len(kinds), sys.stderr)
    timings: list[bench.Timing] = []
    left_out: list[str] = []
    try:
        for name in names:
            progress.label = name
            for gradient in kinds:
                timing = bench.race(name, gradient, arguments.dtype, arguments.size, arguments.rounds)
                if timing is None:
                    left_out.append(name)
                else:
                    timings.append(timing)
                progress.tick()
    finally:
        progress.clear()
    if arguments.json:
        rows = [t.to_json() for t in timings]
        print(json.dumps({**_config.facts(), "rows": rows}, indent=1))
        return 0
    print(f"fastact {fastact.__version__} ({fastact.ISA}), {arguments.dtype}, {arguments.size} numbers, one thread, normally distributed\n")
    print(bench.table(timings))
    if left_out:
        print(f"Not raced, for they take other operands: {', '.join(dict.fromkeys(left_out))}.")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    epochs = arguments.epochs or (5 if arguments.quick else demo.EPOCHS)
    turns = 1 if arguments.quick else demo.TURNS
    try:
        demo.run(arguments.activations, epochs, arguments.seed, arguments.picture, turns)
    except demo.DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    if _missing("verify", ("mpmath", "gmpy2", "scipy")):
        return 1
    return verification.run(arguments)


def _golden(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    if arguments.write:
        golden.write(path, golden.compute(fastact._ufuncs | fastact._pairs))
        return 0
    try:
        wanted = golden.read(path)
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    results = {}
    for variant in _variants.available():
        kernels = _variants.load(variant)
        found = golden.compute(kernels.make_ufuncs(_docs.ufunc_docs()) | kernels.make_pairs(_docs.pair_docs()))
        different = golden.differences(wanted, found)
        results[variant] = {"fingerprints": sum(map(len, found.values())), "different": different}
        if not arguments.json:
            print("\n".join([f"{variant}: {len(different)} of {results[variant]['fingerprints']} fingerprints differ", *different]))
    if arguments.json:
        print(json.dumps(results, indent=1))
    return int(any(r["different"] for r in results.values()))


class _Parser(argparse.ArgumentParser):
    """Suggests the right one for a command or a choice that is misspelt, as Python 3.14's does on request."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(c) for c in action.choices]
            near = difflib.get_close_matches(str(value), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{hint} (choose from {', '.join(known)})")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m fastact", description="Activation functions for NumPy arrays: forward and backward, accurate, fast."
    )
    parser.add_argument("--version", action="version", version=f"fastact {fastact.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    train = commands.add_parser(
        "demo",
        help="train small networks on handwritten digits, one per activation, and compare",
        description="Train a multilayer perceptron on scikit-learn's handwritten digits, once per hidden activation, in NumPy "
        "with fastact. Prints held-out accuracy, seconds per epoch (fastact, plain NumPy/SciPy, PyTorch if it is installed) "
        "and dead units, and saves a picture of the learning curves.",
        epilog="Needs scikit-learn, SciPy and matplotlib: pip install scikit-learn scipy matplotlib",
    )
    train.add_argument("--activations", type=_known_names, metavar="NAME,NAME", help="which to train (default: the usual choices)")
    train.add_argument("--epochs", type=_at_least(1), metavar="N", help=f"passes over the training images (default: {demo.EPOCHS})")
    train.add_argument("--seed", type=_at_least(0), default=0, metavar="N", help="for the split, the weights and the order (default: 0)")
    train.add_argument("--picture", default="fastact-demo.png", metavar="PATH", help="where the curves go (default: %(default)s)")
    train.add_argument("--quick", action="store_true", help="5 epochs and one timed epoch each: a look, not a result")
    train.set_defaults(run=_demo)

    check = commands.add_parser(
        "verify",
        help="measure the error of every function and gradient against exact arithmetic",
        description="Compare every function and gradient with a reference that shares no code with the kernels and knows its own "
        "error; MPFR decides what that leaves in doubt. Takes all float16 numbers, every Nth or all float32 numbers, and random and "
        "clustered float64 numbers, with parameters at their defaults and at the registry's samples. Prints the largest error in units "
        "in the last place (ulp), where it is, the error that 99.9 % do not exceed, and the shares above 0.5 and 1 ulp.",
        epilog="Exit status 1 if a promised bound is broken, a point near one stays undecided, or two references disagree. "
        "Needs mpmath, gmpy2 and SciPy: pip install mpmath gmpy2 scipy",
    )
    verification.add_arguments(check, _at_least(1), _names)
    check.set_defaults(run=_verify)

    hashes = commands.add_parser(
        "golden",
        help="compare fingerprints of all results with a file: the same bits on every CPU",
        description="Hash the results of every ufunc on a fixed stream of operands, once per instruction set that this CPU can run, and "
        "compare with the file. Exit status 1 if any differs.",
    )
    hashes.add_argument("file", type=Path, nargs="?", default=Path("tests/golden.json"), help="the fingerprints (default: %(default)s)")
    hashes.add_argument("--write", action="store_true", help="write the file instead, after a formula was changed on purpose")
    hashes.add_argument("--json", action="store_true", help="print the comparison for a program")
    hashes.set_defaults(run=_golden)

    race = commands.add_parser(
        "bench",
        help="time the functions against NumPy's expressions, and SciPy and PyTorch where installed",
        description="Time every function and its gradient on this machine, on one thread, against the NumPy expression of "
        "fastact.reference and against SciPy's and PyTorch's function of the same name, if there is one. All take turns; the shortest "
        "round counts. Run it on a quiet machine. The race with more peers, and with errors, is bench/peers.py of the source tree.",
    )
    race.add_argument("--functions", type=_known_names, metavar="NAME,NAME", help="which (default: all)")
    race.add_argument("--dtype", choices=tuple(plot.REACH), default="float32", help="type of the numbers (default: %(default)s)")
    race.add_argument("--size", type=_at_least(1), default=1 << 18, metavar="N", help="how many numbers (default: %(default)s)")
    race.add_argument("--rounds", type=_at_least(1), default=7, metavar="N", help="turns that each takes (default: %(default)s)")
    race.add_argument("--forward", action="store_true", help="leave out the gradients")
    race.add_argument("--json", action="store_true", help="print the figures for a program, with what `info` says")
    race.set_defaults(run=_bench)

    picture = commands.add_parser(
        "plot",
        help="draw a function and its gradient, or its error over all inputs",
        description="Draw a function and its gradient, with the gradient at kinks as dots; with --errors its largest and mean error in "
        "ulp, beside PyTorch's if that is installed. Writes a picture and prints its name.",
        epilog="Needs matplotlib, with --errors SciPy: pip install matplotlib scipy",
    )
    picture.add_argument("name", type=_known, metavar="NAME", help="a name or alias, as in fastact.names()")
    picture.add_argument("--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a parameter (may be repeated)")
    picture.add_argument("-o", "--output", type=Path, metavar="FILE", help="its ending chooses the format (default: fastact-NAME.png)")
    picture.add_argument("--errors", action="store_true", help="draw the error in ulp instead of the function")
    picture.add_argument("--gradient", action="store_true", help="with --errors: of the gradient")
    picture.add_argument("--dtype", choices=tuple(plot.REACH), default="float32", help="with --errors: in which type (default: float32)")
    inputs = picture.add_mutually_exclusive_group()
    count = "with --errors: how many numbers (default: %(default)s)"
    inputs.add_argument("--count", type=_at_least(2), default=1 << 17, metavar="N", help=count)
    inputs.add_argument("--exhaustive", action="store_true", help="with --errors: all numbers of the type (float32: up to an hour)")
    picture.add_argument("--json", action="store_true", help="print what was drawn for a program")
    picture.set_defaults(run=_plot)

    pictures = commands.add_parser(
        "gallery",
        help="draw all functions in one picture",
        description="Draw every function with its gradient.",
        epilog="Needs matplotlib: pip install matplotlib",
    )
    pictures.add_argument("--functions", type=_known_names, metavar="NAME,NAME", help="which (default: all that can be drawn)")
    pictures.add_argument("-o", "--output", type=Path, default=Path("fastact-gallery.png"), metavar="FILE", help="default: %(default)s")
    pictures.add_argument("--json", action="store_true", help="print what was drawn for a program")
    pictures.set_defaults(run=_gallery)

    info = commands.add_parser(
        "info",
        aliases=["config"],
        help="what this installation is and runs on",
        description="Print version, instruction set in use and available, CPU features, NumPy, threads and compiler.",
    )
    info.add_argument("--json", action="store_true", help="print it for a program")
    info.set_defaults(run=_info)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    status : int
        0 if it worked, 1 if the command could not run as asked, 2 for a command line that makes no sense.
    """
    arguments = _parser().parse_args(argv)
    # as it stands in what is written: a path of this machine by its file's name alone
    given = (Path(a).name if Path(a).is_absolute() else a for a in (sys.argv[1:] if argv is None else argv))
    arguments.command_line = shlex.join(["python", "-m", "fastact", *given])
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
