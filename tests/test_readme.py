"""The README's example runs as it stands."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs():
    (first, *_) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    printed = io.StringIO()
    scope: dict = {}
    with contextlib.redirect_stdout(printed):
        exec(compile(first, "README.md", "exec"), scope)
    assert scope["p"].shape == scope["x"].shape
    assert scope["p"][0, 1:].max() == 0, "masked entries are 0"
    assert "erfc" in printed.getvalue() and "instruction set" in printed.getvalue()
