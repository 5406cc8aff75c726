"""Run the hosts' own tests, as their wheels ship them, with fastact in place.

python tools/host_suites.py                 every host that is installed
python tools/host_suites.py thinc sklearn   these
python tools/host_suites.py keras -- -k gelu -x    with arguments for pytest
python tools/host_suites.py --plain thinc   without fastact: what fails there is the host's own

Each host runs in its own process. Status 1 if any test fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def _where(package: str, *parts: str) -> str:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent.joinpath(*parts))


def thinc(plain: bool, arguments: list[str]) -> int:
    """Everything but what needs other frameworks, with FastactOps wherever a test or layer takes NumpyOps."""
    import pytest
    import thinc.api
    import thinc.backends

    if not plain:
        from fastact.adapters.thinc import FastactOps

        for module in (thinc.api, thinc.backends):
            module.NumpyOps = FastactOps
        thinc.backends.set_current_ops(FastactOps())
    # test_get_ops asks that get_ops("numpy") be what it imports as NumpyOps, which here is another class
    arguments = ["-k", "not test_get_ops", *arguments]
    return pytest.main([_where("thinc", "tests", "backends", "test_ops.py"), _where("thinc", "tests", "layers"), *arguments])


def sklearn(plain: bool, arguments: list[str]) -> int:
    """The perceptrons' tests."""
    import pytest

    with contextlib.ExitStack() as stack:
        if not plain:
            from fastact.adapters.sklearn import activations

            stack.enter_context(activations())
        return pytest.main(["-p", "sklearn.conftest", _where("sklearn", "neural_network", "tests"), *arguments])


def onnx(plain: bool, arguments: list[str]) -> int:
    """The backend's node cases, through the reference evaluator."""
    import pytest

    return pytest.main([str(Path(__file__).parents[1] / "tests" / "test_adapter_onnx.py"), *arguments])


def keras(plain: bool, arguments: list[str]) -> int:
    """The tests of keras.ops.nn and of the activations, on the NumPy backend."""
    os.environ["KERAS_BACKEND"] = "numpy"
    import pytest

    if not plain:
        from fastact.adapters.keras import install

        install()
    files = [_where("keras", "src", "ops", "nn_test.py"), _where("keras", "src", "activations", "activations_test.py")]
    return pytest.main([*files, *arguments])


HOSTS = {function.__name__: function for function in (thinc, sklearn, onnx, keras)}


def main(arguments: list[str]) -> int:
    extra: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, extra = arguments[:at], arguments[at + 1 :]
    plain = "--plain" in arguments
    names = [a for a in arguments if a != "--plain"]
    if "--here" in names:
        names.remove("--here")
        return int(HOSTS[names[0]](plain, ["-q", "-p", "no:cacheprovider", *extra]))
    for name in names:
        if name not in HOSTS:
            print(f"no host is called {name!r}; there are {', '.join(HOSTS)}", file=sys.stderr)
            return 2
    worst = 0
    for name in names or [n for n in HOSTS if importlib.util.find_spec(n)]:
        print(f"==== {name}{' as it is' if plain else ''}", flush=True)
        command = [sys.executable, __file__, "--here", *(["--plain"] if plain else []), name, "--", *extra]
        with tempfile.TemporaryDirectory() as empty:  # so that no configuration of ours, nor this folder, is found
            path = os.pathsep.join(p or os.getcwd() for p in sys.path[1:])
            worst = max(worst, subprocess.run(command, cwd=empty, env=os.environ | {"PYTHONPATH": path}, check=False).returncode)
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
