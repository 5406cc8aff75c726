"""The gates of `bench/` that stop a slowdown: their judgement, on made-up times and counts."""

from __future__ import annotations

import importlib
import json
import math
import random
import sys

import pytest
from _support import ROOT

BENCH = ROOT / "bench"
if not BENCH.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def _path():
    """The scripts import each other as neighbours."""
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


@pytest.fixture(scope="module")
def compare(_path):
    return importlib.import_module("compare")


@pytest.fixture(scope="module")
def instructions(_path):
    return importlib.import_module("instructions")


# ---- compare.py ---------------------------------------------------------------------------------------------------


class Machine:
    """Times as a machine gives them: each process a little off, each part of a round too, and a third of the parts disturbed."""

    def __init__(self, seed, process=0.01, spread=0.01, disturbed=0.3):
        self.rng = random.Random(seed)
        self.process, self.spread, self.disturbed = process, spread, disturbed

    def part(self):
        pushed = self.rng.uniform(1.2, 3) if self.rng.random() < self.disturbed else 1.0
        return pushed * math.exp(self.rng.gauss(0, self.spread))

    def rounds(self, compare, drift, ns):
        own = math.exp(self.rng.gauss(0, self.process))
        return [ns * own * d * min(self.part() for _ in range(compare.PARTS)) for d in drift]

    def timing(self, compare, slowdown, rounds=21, ns=0.5):
        drift = [1 + 0.3 * self.rng.random() for _ in range(rounds)]      # of the clock: the same for all three
        return compare.Timing(*(self.rounds(compare, drift, t) for t in (ns, ns, ns * (1 + slowdown))))

    def verdicts(self, compare, slowdowns):
        """What measure() does: all rows once, then those beyond their limit again in other processes."""
        first = [self.timing(compare, s) for s in slowdowns]
        noise = compare.noise_of(first)
        found = []
        for timing, s in zip(first, slowdowns, strict=True):
            looks = [compare.judge(timing, noise)]
            while len(looks) < compare.LOOKS and (looks[-1].slower or looks[-1].faster):
                looks.append(compare.judge(self.timing(compare, s), noise))
            found.append(compare.agreed(looks))
        return found


def test_a_slowdown_of_five_per_cent_is_found_among_equal_rows(compare):
    found = 0
    for seed in range(40):
        verdicts = Machine(seed, process=0.004).verdicts(compare, [0.0] * 50 + [0.05])
        assert set(verdicts[:50]) <= {""}, seed
        found += verdicts[50] == "slower"
    assert found >= 38


def test_equal_revisions_pass_on_a_noisy_machine(compare):
    alarms = sum(v != "" for seed in range(40) for v in Machine(seed, process=0.05, spread=0.1).verdicts(compare, [0.0] * 50))
    assert alarms <= 10                                                     # of 2 000 rows


def test_noise_hides_what_is_smaller(compare):
    """The limit is measured: where the reference is 10 % from itself, 2 % more time is no finding, and 100 % is one."""
    hidden = seen = 0
    for seed in range(40):
        *_, small, large = Machine(seed, process=0.1).verdicts(compare, [0.0] * 30 + [0.02, 1.0])
        hidden += small == ""
        seen += large == "slower"
    assert hidden >= 38 and seen >= 38


def test_a_speedup_is_faster_and_no_failure(compare):
    assert Machine(0, process=0.002).verdicts(compare, [0.0] * 10 + [-0.2])[10] == "faster"


def test_all_rows_slower_is_found(compare):
    """Noise is the reference against itself: it does not grow with the change."""
    verdicts = Machine(3, process=0.002).verdicts(compare, [0.05] * 30)
    assert verdicts.count("slower") >= 28


def test_paired_change_and_its_error(compare):
    change, error = compare.paired([1.0, 2.0, 4.0, 1.0, 1.0], [1.1, 2.2, 4.4, 1.1, 9.0])
    assert change == pytest.approx(math.log(1.1)) and error == pytest.approx(0)     # one disturbed round of five does nothing
    rng = random.Random(1)
    medians, errors = [], []
    for _ in range(2_000):
        a = [math.exp(rng.gauss(0, 0.05)) for _ in range(41)]
        change, error = compare.paired([1.0] * 41, a)
        medians.append(change)
        errors.append(error)
    true = math.sqrt(sum(m * m for m in medians) / len(medians))
    assert sum(errors) / len(errors) == pytest.approx(true, rel=0.1)


def test_noise_leaves_out_a_fifth_of_the_rows(compare):
    def row(deviation):
        return compare.Timing([1.0] * 5, [math.exp(deviation)] * 5, [1.0] * 5)

    assert compare.noise_of([row(d) for d in (0.01, -0.02, 0.03, -0.04, 0.9)]) == pytest.approx(0.04)
    assert compare.noise_of([row(d) for d in (0.01, -0.5)]) == pytest.approx(0.5)
    # a row that deviates from itself gets that as its limit, whatever the others do
    assert compare.judge(row(0.9), 0.04).limit == pytest.approx(0.9)


def test_every_look_has_to_agree(compare):
    slower, faster = compare.Verdict(0.1, 0.0, 0.0, 0.05), compare.Verdict(-0.1, 0.0, 0.0, 0.05)
    within = compare.Verdict(0.04, 0.0, 0.0, 0.05)
    assert compare.agreed([slower] * compare.LOOKS) == "slower" and compare.agreed([faster] * compare.LOOKS) == "faster"
    for looks in ([slower, within, slower], [slower, slower, faster], [slower, slower], [within], []):
        assert compare.agreed(looks) == ""


def test_rows_that_one_revision_lacks_are_listed_and_left_out(compare):
    class Told:
        def __init__(self, name, rows):
            self.name, self.rows = name, rows

        def ask(self, do):
            assert do == "rows"
            return self.rows

    old, new = Told("old", [["a", 0], ["gone", 0], ["rows", 64]]), Told("new", [["a", 0], ["added", 0], ["rows", 64]])
    options = compare.parse(["old", "--sizes", "10", "1000", "--dtype", "float64"])
    keys, alone = compare.keys_of([old, old, new], options)
    assert keys == [("a", "float64", 10), ("a", "float64", 1000), ("rows", "float64", 1000)]
    assert alone == ["only in old: gone", "only in new: added"]


def test_slower_rows_come_first_and_are_counted(compare):
    def result(name, change, verdict):
        return compare.Result((name, "float32", 1000), 1.0, 1.1, [compare.Verdict(change, 0.0, 0.0, 0.05)], verdict)

    results = [result("b", 0.0, ""), result("c", -0.2, "faster"), result("a", 0.1, "slower")]
    lines = compare.table(results)
    assert [line.split()[1] for line in lines[2:]] == ["a", "c", "b"] and lines[2].rstrip(" |").endswith("slower")
    text = "\n".join(compare.summary(results, 0.01, ["only in HEAD: d"]))
    assert "3 rows: 1 slower, 1 faster" in text and "only in HEAD: d" in text and "1.0 %" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["HEAD", "--rounds", "4"], "--rounds is 4"),
        (["HEAD", "--sizes", "0"], "positive"),
        (["HEAD", "--slice", "-1"], "positive"),
        (["HEAD", "--dtype", "int8"], "int8"),
        ([], "REV"),
    ],
)
def test_bad_arguments_are_refused(compare, capsys, arguments, said):
    with pytest.raises(SystemExit) as stopped:
        compare.parse(arguments)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


# ---- instructions.py ----------------------------------------------------------------------------------------------

DUMP = """
desc: Trigger: Client Request: 16 4 relu, float32
ob=/lib/fastact/_kernels_avx2.so
fl=???
fn=loop_relu_f4
0x10 0 1
cfn=drive
calls=1 0x20
0x11 0 90

fn=drive
0x20 0 40
0x24 0 20
cob=/lib/libc.so
cfn=memset
calls=1 0x900
0x28 0 7

ob=/lib/libc.so
fl=???
fn=memset
0x900 0 7

ob=/usr/bin/python
fl=???
fn=eval
0x5 0 1000
cob=/lib/fastact/_kernels_avx2.so
cfn=loop_relu_f4
calls=1 0x10
0x6 0 98
"""


def test_a_dump_is_counted_once_and_only_the_kernels(instructions):
    total, executed, module = instructions.totals(DUMP.splitlines())
    assert total == 1 + 40 + 20 + 7                     # the kernels' own and memset; not drive twice, not Python
    assert executed == {0x10: 1, 0x20: 40, 0x24: 20} and module == "/lib/fastact/_kernels_avx2.so"


def test_kinds_of_instructions(instructions, tmp_path, monkeypatch):
    listing = """
      10:\tvfmadd213ps 0x1b4(%rip),%ymm1,%ymm0        # 2000 <k>
      18:\tvmovups %ymm0,(%rdi,%rax,1)
      20:\tvmovups (%rsi,%rax,1),%ymm1
      28:\tvdivps %ymm1,%ymm0,%ymm0
      30:\tvaddpd %ymm1,%ymm0,%ymm0
      38:\tvmaxps %ymm1,%ymm0,%ymm0
      40:\tadd    $0x20,%rax
      48:\tvmulps %ymm1,%ymm0,%ymm0
    """
    monkeypatch.setattr(instructions.subprocess, "run", lambda *_, **__: type("Done", (), {"stdout": listing}))
    assert instructions.disassembly("") == {
        0x10: ("multiply", True, False),
        0x18: ("move", False, True),
        0x20: ("move", True, False),
        0x28: ("divide", False, False),
        0x30: ("add", False, False),
        0x38: ("other", False, False),
        0x40: ("scalar", False, False),
        0x48: ("multiply", False, False),
    }


def test_one_instruction_more_in_a_loop_is_over_the_budget(instructions):
    vectors = 16_384 * 4 // 32

    def count(more=0, multiply=20, divide=1):
        return instructions.Count(40 * vectors + more, 16_384, 4, {"multiply": multiply * vectors, "divide": divide * vectors})

    names = ("same", "call", "loop", "less", "multiplies instead of moving", "divides instead of multiplying")
    budget = json.loads(instructions.dump(dict.fromkeys(names, count()), "gcc 12"))
    changed = (count(), count(40), count(vectors), count(-vectors), count(multiply=21), count(multiply=19, divide=2))
    over, new, under = instructions.judge({**dict(zip(names, changed, strict=True)), "new": count()}, budget)
    assert over == ["loop", *names[4:]] and new == ["new"] and under == ["less"]


def test_the_budget_is_read_as_it_was_written(instructions, tmp_path):
    counts = {"relu, float32": instructions.Count(14_576, 16_384, 4, {"multiply": 2_048, "load": 2_048, "store": 1_024})}
    path = tmp_path / "instructions.json"
    path.write_text(instructions.dump(counts, "gcc 12"))
    budget = instructions.load(path)
    assert budget["compiler"] == "gcc 12" and instructions.judge(counts, budget) == ([], [], [])
    vector = budget["rows"]["relu, float32"]["vector"]
    assert (vector["multiply"], vector["load"], vector["store"], vector["divide"]) == (1.0, 1.0, 0.5, 0.0)


def test_the_committed_budget_names_rows_that_exist(instructions):
    """What has no budget yet, `--check` refuses; here only that nobody is held to a row that is gone."""
    budget = json.loads(instructions.BUDGET.read_text())
    assert budget["isa"] == instructions.ISA and budget["compiler"]
    assert set(budget["rows"]) <= {label for label, _, _ in instructions.rows_of(None)}
    for label, row in budget["rows"].items():
        assert row["instructions"] > 0 and row["elements"] > 0 and set(row["vector"]) >= set(instructions.ARITHMETIC), label


# ---- floor.py -----------------------------------------------------------------------------------------------------


def test_the_floor_is_what_the_slowest_kind_takes(_path):
    floor = importlib.import_module("floor")
    rates = {"multiply": 2.0, "add": 2.0, "integer": 4.0, "divide_4": 0.25, "divide_8": 0.125, "load": 2.0, "store": 1.0}
    vector = {"multiply": 8.0, "add": 2.0, "divide": 1.0, "other": 5.0, "load": 3.0, "store": 1.0}
    ns = {"multiply": 4.0, "add": 1.0, "divide": 4.0, "arithmetic": 4.0, "load": 1.5, "store": 1.0}
    assert floor.compute_floors(vector, 4, rates) == {kind: t / 8 for kind, t in ns.items()}
    assert floor.compute_floors(vector, 8, rates)["divide"] == 8.0 / 4
