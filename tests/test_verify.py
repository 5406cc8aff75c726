"""The verifier verified: it catches one wrong bit in one result, its references are right, and it can stop and go on."""

from __future__ import annotations

import itertools
import json
import math
import re

import mpmath as mp
import numpy as np
import pytest
from _support import VARIANTS, exactly, inside, pairs, ufuncs

import fastact as fa
from fastact import _proof
from fastact.__main__ import main
from fastact.verify import cases, command, enclosure, golden, inputs, mpfr, report, sweep, types

ROWS = list(cases.elementwise_rows())
GOLDEN = "golden.json"


def by_label(row):
    return row.label.replace(" ", "_") if isinstance(row, cases.Row) else str(row)


def planted(row, point, wrong):
    """The kernel with one wrong result, at one operand."""
    honest = cases.kernel(row)

    def compute(x):
        y = np.array(honest(x))
        y[x == point] = wrong
        return y

    return compute


def run(row, dtype, compute=None, parts=None):
    measured, tally = sweep.Sweep(row, dtype, compute), sweep.Tally()
    for part in parts or [sweep.Part("ranks", 0, inputs.finite_count(dtype), 1 if dtype in ("float16", "bfloat16") else 65_537)]:
        tally.add(part.tally(measured, tally.worst))
    return tally


def units(row, point, true, dtype):
    """How many of the units that errors count in an ulp of the result is: less than 1 where its terms cancel."""
    beside = cases.beside(row, dtype)
    largest = abs(true) if beside is None else max(abs(true), _proof.exact(beside(np.float64(point))))
    return float(_proof.ulp(true, dtype) / _proof.ulp(largest, dtype))


# ---- a wrong bit is found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=by_label)
def test_one_fault_of_one_ulp_is_caught_in_float32(row):
    """One result, moved by one ulp away from the truth where the error is largest: it is found, and no other figure moves."""
    honest = run(row, "float32")
    point = np.float32(0.3) if honest.at == "-" else np.float32(float.fromhex(honest.at))
    rank = int(abs(point).view(np.uint32)) + (inputs.finite_count("float32") // 2 if point < 0 else 0)
    part = sweep.Part("ranks", max(0, rank - 40), rank + 40)
    before = run(row, "float32", parts=[part])
    true = cases.exact(row, "float32")(float(point))
    value = cases.kernel(row)(np.array([point]))[0]
    wrong = np.nextafter(value, np.float32(np.inf if value >= true else -np.inf))
    after = run(row, "float32", planted(row, point, wrong), [part])
    expected = float(abs(_proof.exact(float(wrong)) - true) / _proof.ulp(true, "float32")) * units(row, point, true, "float32")
    assert after.worst == pytest.approx(expected)
    assert after.worst >= before.worst + 0.45           # a binade's lower neighbour is half as far
    assert float.fromhex(after.at) == point
    assert not after.disagreement
    assert np.abs(after.histogram - before.histogram).sum() == 2


@pytest.mark.parametrize("row", [row for row in ROWS if row.form != "backward_y"], ids=by_label)
def test_one_fault_of_one_ulp_breaks_the_bound_in_float16(row):
    """Anywhere: at ordinary, tiny, subnormal and huge operands."""
    for point in inside(row.record, np.array([0.37, -1.25, 6e-8, -3e-5, 700, -60000], np.float16)):
        value = cases.kernel(row)(np.array([point]))[0]
        if np.isinf(value):
            continue
        for towards in (np.float16(np.inf), np.float16(-np.inf)):
            with np.errstate(all="ignore"):
                wrong = np.nextafter(value, towards)
            tally = run(row, "float16", planted(row, point, wrong))
            true = cases.exact(row, "float16")(float(point))
            exact = _proof.error(wrong, true, "float16") * units(row, point, true, "float16")
            assert (tally.worst > row.record.bounds["float16"]) == (exact > row.record.bounds["float16"])
            assert exact <= 0.5 or tally.worst >= exact - sweep.SLACK


@pytest.mark.parametrize("dtype", types.TYPES)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 0.0, 1.0])
def test_gross_faults_are_caught(dtype, wrong):
    (row,) = (row for row in ROWS if row.ufunc == "gelu_backward")
    point = np.dtype(dtype).type(1.5)
    x = inputs.in_rows(np.sort(np.linspace(1, 2, 1025).astype(dtype)), 8)
    measured = sweep.Sweep(row, dtype, planted(row, point, wrong))
    tally = measured.run([x])
    assert tally.worst > 10          # a wrong 1.0 is 16 ulp of bfloat16 away
    assert float.fromhex(tally.at) == point


def test_a_nan_that_gets_lost_is_caught():
    (row,) = (row for row in ROWS if row.ufunc == "relu")
    for dtype in types.TYPES:
        lost = sweep.Sweep(row, dtype, lambda x: np.fmax(x, x.dtype.type(0)))
        assert sweep.Part("nan", 0, 100).tally(lost).worst == np.inf
        assert sweep.Part("nan", 0, 100).tally(sweep.Sweep(row, dtype)).worst == 0


def test_references_that_disagree_are_reported(monkeypatch):
    """A derivative that is not the forward expression's: no kernel can be right by both."""
    (row,) = (row for row in ROWS if row.ufunc == "tanh_backward")
    monkeypatch.setattr(_proof, "gradient", lambda name, x, **parameters: _proof.forward("sigmoid", x))
    assert run(row, "float32").disagreement


@pytest.mark.parametrize("name", ["exp", "gelu", "silu_backward"])
def test_every_error_is_counted_in_its_own_ulp(name):
    """Rows in which results cross from one binade to the next: the histogram is that of the points one by one."""
    (row,) = (row for row in ROWS if row.ufunc == name)
    measured = sweep.Sweep(row, "float32")
    rank = int(np.float32(60).view(np.uint32)) + (0 if name == "exp" else inputs.finite_count("float32") // 2)
    x = np.concatenate([a.ravel() for a in inputs.ranks("float32", rank, rank + (1 << 17))])
    with np.errstate(all="ignore"):
        box, value = measured.reference.enclose(x, x), measured.reference.values(x.astype(float))
        ulp, doubt = sweep.errors(measured.compute(x), value, box.error)
    assert doubt.max() < 1e-3
    wanted = np.bincount((ulp * sweep.STEPS + 1 - 2.0**-8).astype(int), minlength=sweep.BINS + 1)
    assert np.abs(measured.run([x.reshape(-1, 1 << 14)]).histogram - wanted).sum() <= 4      # at a step's edge, by the analysis' grain


def test_what_nothing_decides_is_counted(monkeypatch):
    (row,) = (row for row in ROWS if row.ufunc == "gelu")
    monkeypatch.setattr(sweep, "BUDGET", 0)
    tally = run(row, "float32")
    assert tally.undecided > 0
    assert "UNDECIDED" in report.Entry(row, "float32", tally).verdict


# ---- the references are right --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", list(cases.elementwise_rows(samples=True)), ids=by_label)
def test_reference_is_as_good_as_it_says(row, dtype):
    """At random and hard points: mpmath's value lies in the interval, the computed one as near it as proved; rows and points."""
    rng = np.random.default_rng(1)
    reference, exact = sweep.Sweep(row, dtype).reference, cases.exact(row, dtype)
    kinds = inputs.clusters(row, dtype, 2000), inputs.magnitudes(row, dtype, 0, 2000)
    x = np.concatenate([numbers[rng.integers(0, numbers.shape[0], 5)] for numbers in kinds])
    with np.errstate(all="ignore"):
        whole, single = reference.enclose(x.min(1), x.max(1)), reference.enclose(x.ravel(), x.ravel())
        value = np.array(reference.values(x.astype(reference.kind)))
    with mp.workprec(300):
        for i, j in zip(np.repeat(np.arange(10), 3), np.tile([0, 3, 7], 10), strict=True):
            true = exact(float(x[i, j]))
            if abs(true) > exactly(np.finfo(reference.kind).max) / 4:
                continue
            k = i * 8 + j
            for box, at in ((whole, i), (single, k)):
                if np.isfinite(box.error[at]):
                    assert exactly(box.lo[at]) <= true <= exactly(box.hi[at]), x[i, j]
                    assert abs(exactly(value[i, j]) - true) <= exactly(box.error[at]), x[i, j]
            (precise,) = mpfr.evaluate(reference.root, [x[i, j]], reference.parameters)
            assert abs(exactly(precise) - true) <= exactly(single.error[k]) * mp.mpf(mpfr.GAIN), x[i, j]


@pytest.mark.parametrize("kind", [np.float64, np.longdouble], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", enclosure.PRIMITIVES)
def test_primitives_are_as_good_as_stated(name, kind):
    """NumPy's and SciPy's functions within half of what the analysis assumes of them, and their slopes within theirs."""
    primitive, rng = enclosure.PRIMITIVES[name], np.random.default_rng(2)
    function = _proof._MP[name]
    x = np.concatenate([rng.uniform(-26, 26, 300), rng.uniform(-1, 1, 200), np.ldexp(rng.uniform(-1, 1, 200), rng.integers(-60, 3, 200))])
    if name in ("sin", "cos"):
        x = np.concatenate([x, np.ldexp(rng.uniform(-1, 1, 200), rng.integers(0, 1000, 200))])
    x = np.abs(x) if name in ("log", "sqrt") else np.where((x <= -1) & (name == "log1p"), -x, x)
    x = x.astype(kind)
    with mp.workprec(250):
        for point, value in zip(x, primitive.compute(x), strict=True):
            true = function(exactly(point))
            own = primitive.own(point) if callable(primitive.own) else primitive.own
            assert abs(exactly(value) - true) <= abs(true) * float(np.finfo(kind).eps) * float(own) / 2, point
    with mp.workprec(1200):
        for point in x[::10]:
            slope = abs(mp.diff(function, exactly(point)))
            assert slope <= exactly(kind(primitive.slope(point, point))) * (1 + mp.mpf(2) ** -40), point


def test_all_numbers_are_taken():
    """Parts follow each other without a gap, and every finite number comes once."""
    for stride in (1, 4099):
        parts = [part for part in sweep.parts("float32", stride, 0) if part.kind == "ranks"]
        assert parts[0].start == 0
        assert parts[-1].stop == inputs.finite_count("float32") == 2 * 255 * 2**23
        assert all(a.stop == b.start for a, b in itertools.pairwise(parts))
        assert all(part.start % stride == 0 for part in parts)
    for dtype, ends in (("float16", [(0, 63488)]), ("float32", [(0, 70_000), (255 * 2**23 - 70_000, 255 * 2**23 + 70_000)])):
        for start, stop in ends:
            found = np.concatenate([x.ravel() for x in inputs.ranks(dtype, start, stop)])
            half = inputs.finite_count(dtype) // 2
            magnitudes = np.arange(start, stop) % half
            wanted = magnitudes.astype(types.UNSIGNED[dtype]).view(dtype)
            wanted = np.where(np.arange(start, stop) >= half, -wanted, wanted)
            assert np.array_equal(np.unique(found.view(types.UNSIGNED[dtype])), np.unique(wanted.view(types.UNSIGNED[dtype])))
    payloads = inputs.not_numbers("float16", 2**10)
    assert np.unique(payloads.view(np.uint16)).size == 2 * (2**10 - 1)
    assert np.isnan(payloads).all()


def test_strided_numbers_are_a_selection():
    all_of_them = np.concatenate([x.ravel() for x in inputs.ranks("float16", 0, inputs.finite_count("float16"))])
    some = np.concatenate([x.ravel() for x in inputs.ranks("float16", 0, inputs.finite_count("float16"), 7)])
    assert np.array_equal(np.unique(some.view(np.uint16)), np.unique(all_of_them[::7].view(np.uint16)))


def test_closer_looks_find_a_narrow_peak():
    """Errors that rise to 7 ulp within 5e-3 of one point: numbers from everywhere miss the top, as many of the worst cells do not."""
    row = next(row for row in ROWS if row.ufunc == "softsign")
    honest = cases.kernel(row)

    def peaked(x):
        bits = np.array(honest(x)).view(np.int64)
        return (bits + np.rint(7 * np.maximum(0, 1 - np.abs(x - 0.52) * 200)).astype(np.int64)).view(np.float64)

    sparse = sweep.Part("random", 0, 600_000).tally(sweep.Sweep(row, "float64", peaked))
    tally = sweep.Part("cells", 0, 600_000).tally(sweep.Sweep(row, "float64", peaked))
    assert sparse.worst < tally.worst - 0.05
    assert 7.5 < tally.worst < 8
    assert abs(float.fromhex(tally.at) - 0.52) < 4e-4       # where 7 is the nearest
    assert tally.points > 5_000_000
    assert not tally.histogram.any()        # the shares that are reported are of numbers from everywhere
    for label in ("logit", "softplus_backward_y"):      # not outside of what there is
        row = next(row for row in ROWS if row.ufunc == label)
        low, high = cases.image(row, "float64")
        x = next(inputs.Cells(row, "float64", 4096).rounds())
        assert low <= x.min() <= x.max() <= high


# ---- the command ---------------------------------------------------------------------------------------------------

QUICK = ["verify", "--processes", "1", "--stride", "2000003", "--points", "2000"]


def test_command_reports(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command.over_axis, "LENGTHS", (10, 1000))
    others = {"about": "Somelib 1.0: tried by hand.", "float32": {"Somelib": {"sigmoid": 12.5}}}
    (tmp_path / "others.json").write_text(json.dumps(others))
    files = ["--json", str(tmp_path / "a.json"), "--markdown", str(tmp_path / "a.md"), "--others", str(tmp_path / "others.json")]
    assert main([*QUICK, "--functions", "logistic,logsumexp", "--dtype", "float32,float16", *files]) == 0
    found = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert {r["function"] for r in found} == {"sigmoid", "sigmoid_backward", "sigmoid_backward_y", "logsumexp"}
    assert {r["dtype"] for r in found} == {"float32", "float16"}
    assert all(0 <= r["ulp_99.9"] <= r["max_ulp"] <= r["bound"] and r["undecided"] == 0 and r["verdict"] == "ok" for r in found)
    text = (tmp_path / "a.md").read_text()
    assert "| sigmoid_backward " in text and "rows are within their bounds" in text
    assert str(tmp_path) not in text and "--markdown a.md" in text
    assert "python -m fastact verify" in text and "Somelib 1.0: tried by hand." in text
    for line in (r"^\| function .*\| Somelib *\|$", r"^\| sigmoid .*\| 12.500 *\|$"):
        assert len(re.findall(line, text, re.M)) == 1
    out = capsys.readouterr()
    assert "| sigmoid_backward " in out.out
    assert "sigmoid float32: " in out.err


def test_command_fails_for_a_broken_bound(monkeypatch, capsys):
    """One result of 16-bit tanh, one ulp off: status 1, and the input is named."""
    honest, point = fa.ufuncs.tanh, np.float16(0.5)

    def faulty(x):
        y = np.array(honest(x))
        y[x == point] = np.nextafter(honest(point), np.float16(1))
        return y

    monkeypatch.setitem(fa.ufuncs.__dict__, "tanh", faulty)
    assert main([*QUICK, "--functions", "tanh", "--dtype", "float16"]) == 1
    out = capsys.readouterr()
    assert "BOUND BROKEN" in out.out
    assert "0x1.0000000000000p-1" in out.out


def test_command_resumes(tmp_path, monkeypatch, capsys):
    """Interrupted, it goes on where it was, and finds the same."""
    arguments = [*QUICK, "--functions", "exp", "--dtype", ",".join(types.TYPES)]
    whole, state = tmp_path / "whole.json", tmp_path / "state.json"
    assert main([*arguments, "--json", str(whole)]) == 0
    honest, fingerprint, calls = command.work, command.fingerprint, []

    def interrupted(task, known):
        calls.append(task)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return honest(task, known)

    monkeypatch.setattr(command, "work", interrupted)
    assert main([*arguments, "--resume", str(state)]) == 130
    first = len(calls)
    resumed = tmp_path / "resumed.json"
    assert main([*arguments, "--resume", str(state), "--json", str(resumed)]) == 0
    assert sum(map(len, json.loads(state.read_text())["done"].values())) == len(calls) - 1      # each once, but the interrupted one
    assert first == 6
    of = [[r | {"seconds": 0} for r in json.loads(f.read_text())["rows"]] for f in (whole, resumed)]
    assert of[0] == of[1]
    monkeypatch.setattr(command, "fingerprint", lambda row, dtype: "another" if row.ufunc == "exp" else fingerprint(row, dtype))
    calls.clear()
    monkeypatch.setattr(command, "work", lambda task, known: (calls.append(task), honest(task, known))[1])
    assert main([*arguments, "--resume", str(state)]) == 0
    assert {task.key for task in calls} == {f"exp {t}" for t in types.TYPES}       # a kernel that has changed is begun anew
    assert capsys.readouterr().err.count("begun anew") == len(types.TYPES)
    with pytest.raises(SystemExit, match="float64_points differ"):
        main([*QUICK[:-1], "3000", "--functions", "exp", "--resume", str(state)])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")      # of JAX, if a test before imported it: about fork
def test_processes_find_the_same(tmp_path):
    arguments = ["verify", "--stride", "2000003", "--points", "2000", "--functions", "silu", "--dtype", "float32"]
    found = []
    for processes in ("1", "2"):
        path = tmp_path / processes
        assert main([*arguments, "--processes", processes, "--json", str(path)]) == 0
        found.append([(r["max_ulp"], r["worst_input"], r["points"]) for r in json.loads(path.read_text())["rows"]])
    assert found[0] == found[1]


def test_missing_packages_are_named(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["verify"]) == 1
    assert capsys.readouterr().err.strip() == "verify needs mpmath and gmpy2 and scipy: pip install mpmath gmpy2 scipy"


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--functions", "gelo"])
    assert stop.value.code == 2 and "no such function: gelo; did you mean 'gelu'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["verify", "--dtype", "float8"])
    assert f"must be among {', '.join(types.TYPES)}, got 'float8'" in capsys.readouterr().err


def test_tally_keeps_its_figures():
    tally = sweep.Tally(worst=2.5, at="0x1p+0", points=1000)
    tally.histogram[0], tally.histogram[256], tally.histogram[257], tally.histogram[-1] = 900, 97, 2, 1
    assert sweep.Tally.from_json(json.loads(json.dumps(tally.to_json()))).to_json() == tally.to_json()
    assert tally.above(0.5) == 3 / 1000
    assert tally.above(1) == 1 / 1000
    assert tally.quantile(0.9) == 0
    assert tally.quantile(0.99) == 0.5
    assert tally.quantile(0.999) == 257 / 512
    assert tally.quantile(1) == 2.5


# ---- the same bits everywhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_fingerprints(variant, request):
    """After a formula was changed on purpose: ``python -m fastact golden --write``."""
    wanted = golden.read(request.path.parent / GOLDEN)
    assert not golden.differences(wanted, golden.compute(ufuncs(variant) | pairs(variant)))


def test_golden_command(tmp_path, capsys):
    path = tmp_path / "golden.json"
    assert main(["golden", str(path)]) == 1
    assert main(["golden", str(path), "--write"]) == 0
    assert main(["golden", str(path)]) == 0
    found = golden.read(path)
    found["gelu"]["float32"] = "0" * 16
    golden.write(path, found)
    assert main(["golden", str(path)]) == 1
    assert "gelu float32: " in capsys.readouterr().out


def test_golden_stream_is_fixed():
    """Integers of splitmix64, and numbers of every kind."""
    assert [hex(v) for v in golden.integers(0, 3)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]
    for dtype in types.DTYPES:
        x = golden.stream(1, dtype)
        info = np.finfo(dtype)
        assert np.isnan(x).any() and np.isinf(x).any()
        assert ((x != 0) & (np.abs(x) < info.tiny)).any()
        ordinary = np.abs(golden.usual(3, 1000, dtype, -3, 3)).astype(float)
        assert ordinary.min() >= 0.125 and ordinary.max() < 8
        assert math.isclose(np.mean(golden.usual(3, 1000, dtype) > 0), 0.5, abs_tol=0.1)


def test_a_fingerprint_sees_one_bit():
    x = golden.stream(1, "float32")
    y = x.copy()
    y[-1] = np.nextafter(y[-1], np.float32(np.inf))
    assert golden.fingerprint([x]) != golden.fingerprint([y])
    assert golden.fingerprint([np.float32([np.nan, 0.0])]) == golden.fingerprint([-np.float32([np.nan, -0.0])])
    assert golden.fingerprint([np.float32([0.0])]) != golden.fingerprint([np.float32([-0.0])])
