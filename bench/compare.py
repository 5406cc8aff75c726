"""Build two revisions and time them against each other, row by row; status 1 if the second is slower beyond the noise.

    python bench/compare.py main                            # the working tree against main
    python bench/compare.py v0.1.0 HEAD --functions gelu softmax --sizes 1000 262144
    python bench/compare.py HEAD --dtype float32 float64 --rounds 41 --markdown FILE --json FILE

Both revisions are built (only the instruction set that is timed) into directories of their own under `build/compare`,
and run in long-lived processes on one CPU: two of the reference and one of the candidate. Each round times all three one
after another, in changing order, so that a disturbance hits all. How far the reference is from itself is the noise.

A row's change is the median over the rounds of log(candidate / reference). Its limit is what the reference deviates from
itself, in this row or in 80 % of the rows, whichever is more, plus three standard errors of the row's median. Rows beyond
their limit are timed again, twice, in new processes, which have other memory; only what is beyond it each time is a
slowdown. Rows that one revision does not have are listed, and not compared.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import gc
import json
import math
import mmap
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import IO, Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "compare"
WORKING_TREE = "working tree"
DTYPES = ("float16", "float32", "float64")

#: A round's time is the shortest of so many: others who take the CPU for a moment only make times longer.
PARTS = 5
#: How often a change must be seen.
LOOKS = 3

#: ufunc and parameters, dtype, elements
Key = tuple[str, str, int]


# ---- judging times: no clock, no process --------------------------------------------------------------------------


@dataclass(frozen=True)
class Timing:
    """Nanoseconds per element of one row, each list a round after another: reference, reference again, candidate."""

    reference: Sequence[float]
    again: Sequence[float]
    candidate: Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """What one row's times say; changes are natural logarithms of ratios."""

    change: float                                       # candidate against reference
    itself: float                                       # reference against itself
    error: float                                        # standard error of the change
    limit: float

    @property
    def slower(self) -> bool:
        return self.change > self.limit

    @property
    def faster(self) -> bool:
        return self.change < -self.limit


def paired(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """The median of log(b / a) over the rounds, and its standard error, neither moved by a few disturbed rounds."""
    logs = [math.log(y / x) for x, y in zip(a, b, strict=True)]
    middle = statistics.median(logs)
    spread = 1.4826 * statistics.median(abs(v - middle) for v in logs)  # the standard deviation, if normal
    return middle, 1.2533 * spread / math.sqrt(len(logs))               # of a median


def noise_of(timings: Sequence[Timing]) -> float:
    """What the reference deviates from itself: in 80 % of the rows no more than this. With fewer than five, the largest."""
    deviations = sorted(abs(paired(t.reference, t.again)[0]) for t in timings)
    return deviations[math.ceil(0.8 * len(deviations)) - 1]


def judge(timing: Timing, noise: float) -> Verdict:
    # both processes of the reference are its times: with one of them, half of its own deviation would count as change
    both = [math.sqrt(a * b) for a, b in zip(timing.reference, timing.again, strict=True)]
    change, error = paired(both, timing.candidate)
    itself, _ = paired(timing.reference, timing.again)
    return Verdict(change, itself, error, max(noise, abs(itself)) + 3 * error)


def agreed(looks: Sequence[Verdict]) -> str:
    """'slower' or 'faster', if LOOKS measurements in different processes agree on it."""
    if len(looks) < LOOKS:
        return ""
    return "slower" if all(v.slower for v in looks) else "faster" if all(v.faster for v in looks) else ""


# ---- building -----------------------------------------------------------------------------------------------------


def stop(message: str) -> Any:
    print(message, file=sys.stderr)
    raise SystemExit(2)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def run(command: list[str], **keywords: Any) -> str:
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path}, **keywords)
    if done.returncode:
        stop(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return str(done.stdout)


def commit(revision: str) -> str:
    return run(["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]).strip()


@dataclass(frozen=True)
class Build:
    """A revision that can be imported from `site`."""

    name: str
    commit: str
    site: pathlib.Path


def build(revision: str, isa: str) -> Build:
    """The revision's package with one variant; what was built before is taken as it is."""
    if revision == WORKING_TREE:
        sha, tree = "", ROOT
    else:
        try:
            sha = commit(revision)
        except SystemExit:
            stop(f"there is no revision {revision!r}")
        tree = PLACE / sha / "tree"
    place = PLACE / (sha or "working-tree")
    if tree != ROOT and not tree.exists():
        unpacked = place / "unpacking"
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        archive = place / "tree.tar"
        run(["git", "-C", str(ROOT), "archive", f"--output={archive}", sha])
        shutil.unpack_archive(archive, unpacked)
        archive.unlink()
        unpacked.rename(tree)
    made = place / "build"
    say(f"building {revision}" + (f" ({sha[:10]})" if sha else ""))
    if not (made / "build.ninja").exists():
        run([sys.executable, "-m", "mesonbuild.mesonmain", "setup", str(made), str(tree)])
    modules = ("_cpu", f"_kernels_{isa}") if isa else ("_cpu",)
    targets = re.findall(r"^(\S+): \S*LINKER", run(["ninja", "-C", str(made), "-t", "targets", "all"]), re.M)
    wanted = [t for t in targets if pathlib.Path(t).name.split(".")[0] in modules]
    if len(wanted) != len(modules):
        stop(f"{revision} does not build {' and '.join(modules)}")
    run(["ninja", "-C", str(made), *wanted])
    site = place / "site"
    shutil.rmtree(site, ignore_errors=True)
    package = site / "fastact"
    shutil.copytree(tree / "src/fastact", package, ignore=shutil.ignore_patterns("*.so", "*.pxi", "*.h", "__pycache__", "coefficients"))
    for path in (*(made / t for t in wanted), made / "src/fastact/_version.py"):
        shutil.copy(path, package)
    return Build(revision, sha, site)


STRONGEST = """
import sys, types
package = types.ModuleType("fastact")
package.__path__ = [sys.argv[1]]
sys.modules["fastact"] = package
from fastact import _cpu, _variants
print([name for name, needs in _variants.REQUIRES.items() if needs <= _cpu.features()][-1])
"""


def strongest(revision: str) -> str:
    """The strongest instruction set of this CPU that the revision knows."""
    made = build(revision, "")
    return run([sys.executable, "-c", STRONGEST, str(made.site / "fastact")]).strip()


# ---- the process that times ---------------------------------------------------------------------------------------


def worker(options: argparse.Namespace) -> None:
    """Answers requests, a line of JSON each: the rows that there are; operands for one; the time of some calls."""
    from rows import call, data

    from fastact.verify.cases import axis_rows, elementwise_rows

    gc.disable()
    rows: dict[str, Any] = {}
    functions = known(options.functions)
    if functions is None or functions:
        for row in (*elementwise_rows(functions), *axis_rows(functions, options.lengths, options.axes)):
            rows[row.label] = row
    f, size = None, 0
    for line in sys.stdin:
        request = json.loads(line)
        answer: Any = None
        if request["do"] == "rows":
            answer = [(label, row.length) for label, row in rows.items()]
        elif request["do"] == "prepare":
            label, dtype, elements = request["key"]
            f = None  # the memory of the row before is free for this one
            d = placed(data(rows[label], dtype, elements))
            f, size = call(rows[label], d), d.x.size
            f()
        elif request["do"] == "time":
            assert f is not None
            f()  # brings the caches to this row's state
            turns, parts = range(request["repeats"]), []
            for _ in range(PARTS):
                start = time.perf_counter_ns()
                for _ in turns:
                    f()
                parts.append(time.perf_counter_ns() - start)
            answer = min(parts) / request["repeats"] / size
        print(json.dumps(answer), flush=True)


HUGE = 1 << 21


def placed(d: Any) -> Any:
    """The operands one after another in huge pages: with small ones each process meets other conflicts in its caches."""
    import numpy as np

    arrays = [getattr(d, f.name) for f in fields(d)]
    total = sum(a.nbytes + 4 * 4096 for a in arrays if a is not None)
    pages = mmap.mmap(-1, (total // HUGE + 2) * HUGE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(pages, np.uint8)
    start = -memory.ctypes.data % HUGE
    moved: list[Any] = []
    for k, a in enumerate(arrays):
        if a is None:
            moved.append(None)
            continue
        copy = memory[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
        copy[...] = a
        moved.append(copy)
        start += a.nbytes
        start += -start % 4096 + 1024 * (k + 1)  # not equal in the 12 bits by which a processor tells loads from stores
    return type(d)(*moved)


def known(functions: list[str] | None) -> list[str] | None:
    """Those that this revision has."""
    from fastact._registry import NAMES

    return None if functions is None else [f for f in functions if f in NAMES]


class Process:
    """A revision in a process of its own."""

    def __init__(self, made: Build, isa: str, cpu: int | None, options: argparse.Namespace) -> None:
        self.name = made.name
        command = [sys.executable, "-P", __file__, "--worker", made.name, "--lengths", *map(str, options.lengths)]
        command += ["--axes", *map(str, options.axes), *(["--functions", *options.functions] if options.functions else [])]
        threads = {f"{v}_NUM_THREADS": "1" for v in ("FASTACT", "OMP", "OPENBLAS", "MKL")}
        path = os.pathsep.join([str(made.site), str(ROOT / "bench")])
        environment = {**os.environ, **threads, "PYTHONPATH": path, "FASTACT_ISA": isa, "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        if cpu is not None:
            os.sched_setaffinity(self.process.pid, {cpu})

    def ask(self, do: str, **what: Any) -> Any:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin and stdout
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **what}), file=stdin, flush=True)
        answer = stdout.readline()
        if not answer:
            stop(f"the process of {self.name} ended, status {self.process.wait()}, at: {do} {what}")
        return json.loads(answer)

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


# ---- the race -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def processes(a: Build, b: Build, isa: str, options: argparse.Namespace) -> Iterator[list[Process]]:
    cpu = max(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else None
    started = [Process(made, isa, cpu, options) for made in (a, a, b)]
    try:
        yield started
    finally:
        for p in started:
            p.end()


def race(three: list[Process], key: Key, rounds: int, slice_seconds: float) -> Timing:
    """The times of one row in three processes, by turns."""
    for p in three:
        p.ask("prepare", key=key)
    once = min(three[0].ask("time", repeats=2) for _ in range(3)) * key[2] / 1e9
    repeats = max(1, min(100_000, round(slice_seconds / PARTS / max(once, 1e-8))))
    times: list[list[float]] = [[], [], []]
    orders = ([0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2])
    for k in range(rounds):
        for which in orders[k % len(orders)]:
            times[which].append(three[which].ask("time", repeats=repeats))
    return Timing(*times)


def keys_of(three: list[Process], options: argparse.Namespace) -> tuple[list[Key], list[str]]:
    """Rows that both revisions have, and what only one has."""
    a, b = dict(three[0].ask("rows")), dict(three[2].ask("rows"))
    alone = [f"only in {p.name}: {label}" for p, own, other in ((three[0], a, b), (three[2], b, a)) for label in own if label not in other]
    keys = [(label, d, s) for d in options.dtype for s in options.sizes for label, length in a.items() if label in b and length <= s]
    return keys, alone


@dataclass(frozen=True)
class Result:
    key: Key
    reference: float                                    # ns per element, medians
    candidate: float
    looks: list[Verdict]                                # more than one where the first was beyond its limit
    verdict: str


def measure(a: Build, b: Build, isa: str, options: argparse.Namespace) -> tuple[list[Result], float, list[str]]:
    with processes(a, b, isa, options) as three:
        keys, alone = keys_of(three, options)
        if not keys:
            stop("the revisions have no row in common" + (f" among {', '.join(options.functions)}" if options.functions else ""))
        timings = {}
        for number, key in enumerate(keys, 1):
            timings[key] = race(three, key, options.rounds, options.slice / 1e3)
            if number % 20 == 0 or number == len(keys):
                say(f"{number} of {len(keys)} rows timed")
    noise = noise_of(list(timings.values()))
    looks = {key: [judge(t, noise)] for key, t in timings.items()}
    for _ in range(1, LOOKS):
        suspects = [key for key, seen in looks.items() if all(v.slower for v in seen) or all(v.faster for v in seen)]
        if not suspects:
            break
        say(f"{len(suspects)} rows beyond their limit are timed again in new processes")
        with processes(a, b, isa, options) as three:
            for key in suspects:
                looks[key].append(judge(race(three, key, options.rounds, options.slice / 1e3), noise))
    results = []
    for key, t in timings.items():
        middles = statistics.median([*t.reference, *t.again]), statistics.median(t.candidate)
        results.append(Result(key, *middles, looks[key], agreed(looks[key])))
    return results, noise, alone


# ---- what is printed ----------------------------------------------------------------------------------------------


def percent(logarithm: float) -> str:
    return f"{100 * math.expm1(logarithm):+.1f} %"


def table(results: list[Result]) -> list[str]:
    """Markdown that reads as plain text; slower rows first."""
    lines = [["row", "dtype", "elements", "reference, ns", "candidate, ns", "change", "again", "A against A", "limit", ""]]
    order = {"slower": 0, "faster": 1, "": 2}
    for r in sorted(results, key=lambda r: (order[r.verdict], -r.looks[0].change if r.verdict else 0)):
        label, dtype, size = r.key
        first, again = r.looks[0], ", ".join(percent(v.change) for v in r.looks[1:])
        changes = [percent(first.change), again, percent(first.itself), percent(first.limit).lstrip("+")]
        lines.append([label, dtype, str(size), f"{r.reference:.3f}", f"{r.candidate:.3f}", *changes, r.verdict])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * max(3, w) for w in widths])
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


def summary(results: list[Result], noise: float, alone: list[str]) -> list[str]:
    slower = [r for r in results if r.verdict == "slower"]
    faster = [r for r in results if r.verdict == "faster"]
    mean = statistics.fmean(r.looks[0].change for r in results)
    seen = statistics.median(r.looks[0].limit for r in results)
    return [
        *alone,
        f"{len(results)} rows: {len(slower)} slower, {len(faster)} faster; geometric mean of the change {percent(mean)}.",
        f"Noise, the reference against itself: {percent(noise).lstrip('+')} in 80 % of the rows. A typical row's limit is"
        f" {percent(seen).lstrip('+')}; smaller changes are not seen.",
    ]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", metavar="REV", help="a revision of git")
    parser.add_argument("candidate", metavar="REV2", nargs="?", default=WORKING_TREE, help="another (default: the working tree)")
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="names of the registry (default: all)")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["float32"], metavar="DTYPE", help="default: float32")
    parser.add_argument("--sizes", nargs="+", type=int, default=[16_384], metavar="N", help="elements (default: 16384)")
    parser.add_argument("--lengths", nargs="+", type=int, default=[64, 1_000], metavar="N", help="row lengths over an axis")
    parser.add_argument("--axes", nargs="+", type=int, default=[-1, 0], choices=(-1, 0))
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--slice", type=float, default=1.0, metavar="MS", help="milliseconds per process and round (default: 1)")
    parser.add_argument("--isa", default="", choices=("baseline", "avx2", "avx512"), help="default: the strongest of this CPU")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    parser.add_argument("--json", metavar="FILE", help="also write every number there")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.rounds < 5:
        parser.error(f"--rounds is {options.rounds}: noise cannot be judged from fewer than 5")
    if min(options.sizes) < 1 or min(options.lengths) < 1 or options.slice <= 0:
        parser.error("--sizes, --lengths and --slice take positive numbers")
    return options


def write(path: str, text: str) -> None:
    file: IO[str]
    with open(path, "w") as file:
        file.write(text)


def main() -> None:
    options = parse()
    if options.worker:
        return worker(options)
    isa = options.isa or strongest(options.reference)
    a, b = build(options.reference, isa), build(options.candidate, isa)
    results, noise, alone = measure(a, b, isa, options)
    names = [f"{made.name}" + (f" ({made.commit[:10]})" if made.commit else "") for made in (a, b)]
    about = f"{datetime.date.today()}: reference {names[0]}, candidate {names[1]}; {isa}, {platform.machine()}, {options.rounds} rounds."
    text = [about, "", *table(results), "", *summary(results, noise, alone)]
    print("\n".join(text))
    if options.markdown:
        write(options.markdown, "# Two revisions\n\n" + "\n".join(text) + "\n")
    if options.json:
        head = {"reference": asdict(a), "candidate": asdict(b), "isa": isa, "date": str(datetime.date.today())}
        rows = [asdict(r) for r in results]
        write(options.json, json.dumps({**head, "noise": noise, "alone": alone, "rows": rows}, indent=1, default=str) + "\n")
    raise SystemExit(any(r.verdict == "slower" for r in results))


if __name__ == "__main__":
    main()
