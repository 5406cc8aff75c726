"""The type stub is the table's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_is_fresh():
    tool = Path(__file__).parents[1] / "tools" / "make_stub.py"
    done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
