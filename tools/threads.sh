#!/usr/bin/env bash
# Data races: the threaded loops under valgrind's helgrind, on the package that python3 imports. Some minutes.
#
#     apt-get install valgrind
#     tools/threads.sh
#
# Every ufunc runs in two and three threads of its own, and in several Python threads at once on shared operands. Status 1 if
# helgrind sees a race in the kernels. That it would see one is tried first, on a program that has one.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/build/threads
mkdir -p "$work"
cc=${CC:-gcc}
$cc -O1 -g -fPIC -shared -pthread -o "$work/pthread_gomp.so" tools/pthread_gomp.c

check() { # LOG COMMAND...
    local log=$1
    shift
    LD_PRELOAD=$work/pthread_gomp.so valgrind --tool=helgrind --log-file="$log" --num-callers=20 "$@"
}

cat >"$work/race.c" <<'C'
void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);
static volatile int shared;
static void work(void *p) { (void)p; shared++; }
int main(void) { GOMP_parallel(work, 0, 2, 0); return 0; }
C
$cc -O1 -g -o "$work/race" "$work/race.c" "$work/pthread_gomp.so" -Wl,-rpath,"$work"
check "$work/race.log" "$work/race"
grep -q "Possible data race" "$work/race.log" || { echo "helgrind did not see the race of $work/race.c" >&2; exit 1; }

PYTHONPATH=${PYTHONPATH:-} PYTHONMALLOC=malloc check "$work/helgrind.log" python3 - <<'PYTHON'
import threading
import numpy as np
import fastact as fa
from fastact.verify.cases import kernel_operands, kernel_rows

operands = {}
for dtype in ("f2", "f4", "f8"):
    rng = np.random.default_rng(0)
    operands[dtype] = rng.standard_normal(40_000).astype(dtype), rng.standard_normal((400, 100)).astype(dtype), rng.random((400, 100)) < 0.9

kernels = {row.ufunc: row for row in kernel_rows(None, (100,))}


def operands_of(name, dtype):
    """Of one ufunc: along memory, and across it."""
    flat, table, mask = operands[dtype]
    ufunc = getattr(fa.ufuncs, name)
    if name in kernels:
        rng, row = np.random.default_rng(1), kernels[name]

        def real(name, shape):
            return np.asarray(0.5, dtype) if name == "temperature" else rng.random(shape).astype(dtype)

        rows = 400 if row.length else flat.size
        given = list(kernel_operands(row, rows, 100, real, lambda _, shape, limit: rng.integers(0, limit, shape)))
        return given, [np.asfortranarray(a) if a.ndim == 2 else a for a in given]
    if ufunc.signature is None:
        return [flat] * ufunc.nin, [flat[::-1]] * ufunc.nin
    given = [table] * ufunc.nin
    if ufunc.nin > 1 and "backward" in name:
        given[0] = table[:, 0] if ufunc.signature.startswith("()") else table
    if name.endswith("masked"):
        given[-1] = mask
    return given, [np.asfortranarray(a) for a in given]


def call(name, dtype):
    """One ufunc in several threads: along memory, across it, in place."""
    along, across = operands_of(name, dtype)
    ufunc = getattr(fa.ufuncs, name)
    results = [ufunc(*along), ufunc(*across)]
    if ufunc.signature is None:
        copy = along[0].copy()
        results.append(ufunc(copy, *along[1:], out=(copy,) + (None,) * (ufunc.nout - 1)))
    return [np.array(r) for found in results for r in (found if isinstance(found, tuple) else (found,))]


for name in fa.ufuncs.__all__:
    for dtype in operands:
        for n in (2, 3):
            with fa.num_threads(n):
                call(name, dtype)
print("every ufunc in 2 and 3 threads")

wrong = []
expected = {name: [r.tobytes() for r in call(name, "f4")] for name in fa.ufuncs.__all__[::5]}

def work(k):
    with fa.num_threads(1 + k % 2):
        for name, wanted in expected.items():
            if [r.tobytes() for r in call(name, "f4")] != wanted:
                wrong.append((k, name))

workers = [threading.Thread(target=work, args=(k,)) for k in range(6)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert not wrong, wrong
print("six Python threads on shared operands")
PYTHON

# helgrind also reports Python and NumPy themselves. Ours are the reports in which one of the accesses is made in the kernels.
python3 - "$work/helgrind.log" <<'PYTHON'
import re
import sys

text = open(sys.argv[1]).read()
reports = [r for r in re.split(r"==\d+== -{20,}\n", text) if "Possible data race" in r or "lock order" in r]

def in_kernels(report):
    for stack in re.split(r"\n==\d+==    at ", report)[1:]:
        frames = [f for f in stack.split("\n") if "vgpreload" not in f and re.search(r"\((in |\w+\.)", f)]
        if frames and "_kernels_" in frames[0]:
            return True
    return False

ours = [r for r in reports if in_kernels(r)]
if ours:
    print(ours[0])
print(f"{len(ours)} races in the kernels ({len(reports) - len(ours)} reports of Python and NumPy)")
sys.exit(1 if ours or "ERROR SUMMARY" not in text else 0)
PYTHON
