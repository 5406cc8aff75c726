"""The command line: ``python -m fastact``."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import fastact
from fastact import _docs, _variants, demo
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


def _config(_: argparse.Namespace) -> int:
    fastact.show_config()
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
    missing = [name for name in ("mpmath", "gmpy2", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        print(f'verify needs {" and ".join(missing)}: pip install "fastact[test]"', file=sys.stderr)
        return 1
    return verification.run(arguments)


def _golden(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    if arguments.write:
        golden.write(path, golden.compute(fastact.ufuncs.__dict__))
        return 0
    try:
        wanted = golden.read(path)
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    status = 0
    for variant in _variants.available():
        found = golden.compute(_variants.load(variant).make_ufuncs(_docs.ufunc_docs()))
        different = golden.differences(wanted, found)
        status = status or int(bool(different))
        print("\n".join([f"{variant}: {len(different)} of {sum(map(len, found.values()))} fingerprints differ", *different]))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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
        epilog='Needs scikit-learn, SciPy and matplotlib: pip install "fastact[demo]"',
    )
    train.add_argument("--activations", type=_names, metavar="NAME,NAME", help="which to train (default: the usual choices)")
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
        epilog='Exit status 1 if a promised bound is broken, a point near one stays undecided, or two references disagree. '
        'Needs mpmath, gmpy2 and SciPy: pip install "fastact[test]"',
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
    hashes.set_defaults(run=_golden)

    config = commands.add_parser(
        "config",
        help="what this installation is and runs on",
        description="Print version, instruction set in use and available, CPU features, NumPy, threads and compiler.",
    )
    config.set_defaults(run=_config)
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
    arguments.command_line = shlex.join(["python", "-m", "fastact", *(sys.argv[1:] if argv is None else argv)])
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
