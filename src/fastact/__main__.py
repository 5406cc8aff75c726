"""The command line: ``python -m fastact``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import fastact
from fastact import demo


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
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
