"""Every instruction-set variant gives the same bits; FASTACT_ISA chooses one or says why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest
from _support import OPERATIONS, ROW_UFUNCS, VARIANTS, assert_same_bits, hard_values, operands, operation_id, random_bits, ufuncs

from fastact import _cpu, _variants
from fastact._registry import ROW_KERNELS, SEVERAL


@pytest.mark.parametrize("op_case", OPERATIONS, ids=operation_id)
def test_elementwise_bits_are_the_same(op_case, dtype):
    """Random bit patterns, ordinary numbers and hard values, parameters as numbers and as arrays."""
    op, case = op_case
    rng = np.random.default_rng(20)
    x = np.concatenate([random_bits(100_000, dtype, seed=21), (rng.standard_normal(30_000) * 8).astype(dtype), hard_values(dtype)])
    data = operands(op, case, x, rng)
    wild = tuple(random_bits(x.size, dtype, seed=22 + i) if np.ndim(d) else d for i, d in enumerate(data[:-1])) + data[-1:]
    spread = data[: len(op.data)] + tuple((rng.uniform(0.1, 3, x.size) * v).astype(dtype) for v in case.parameters.values())
    for chosen in (data, wild, spread):
        first = ufuncs(VARIANTS[0])[op.name](*chosen)
        for variant in VARIANTS[1:]:
            assert_same_bits(ufuncs(variant)[op.name](*chosen), first, op.name, variant)


@pytest.mark.parametrize("row_suffix", ROW_UFUNCS, ids=lambda v: v[0].name + v[1])
def test_row_bits_are_the_same(row_suffix, dtype):
    row, suffix = row_suffix
    name = row.name + suffix
    rng = np.random.default_rng(23)
    for n in (1, 2, 3, 8, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 1000, 2049, 5000):
        rows = max(2, 20000 // n)
        for scale in (1, 30):
            x = (rng.standard_normal((rows, n)) * scale).astype(dtype)
            x[0, :] = random_bits(n, dtype, seed=n)
            lead = (rng.standard_normal((rows,) if row.reduces else (rows, n)).astype(dtype),) if "backward" in suffix else ()
            mask = (rng.random((rows, n)) < 0.7,) if "masked" in suffix else ()
            for data in ((*lead, x, *mask), tuple(np.asfortranarray(a) for a in (*lead, x, *mask))):
                first = ufuncs(VARIANTS[0])[name](*data)
                for variant in VARIANTS[1:]:
                    assert_same_bits(ufuncs(variant)[name](*data), first, name, variant, n)


def test_floats_whose_exponential_is_subnormal():
    """Vectors that have some, or some that are 0, are computed in another way: the bits are those of every variant."""
    rng = np.random.default_rng(24)
    x = (rng.standard_normal(1 << 15) * 8).astype(np.float32).reshape(-1, 64)
    for k, (low, high) in enumerate([(-106, -86), (-87.34, -87.3), (-104, -103.9), (-1e30, -104), (87, 90)]):
        some = rng.random(x.shape) < rng.choice([0.02, 0.3, 1], (len(x), 1)) * (rng.integers(5, size=(len(x), 1)) == k)
        x[some] = rng.uniform(low, high, x.shape)[some]
    x = x.ravel()
    x[::1001], x[5::1003] = -np.nan, -np.inf
    dy = (rng.standard_normal(x.size) * np.exp(rng.uniform(-80, 80, x.size))).astype(np.float32)
    dy[::7], dy[1::77], dy[2::97], dy[3::101] = 1, -0.0, np.inf, 1e-41
    order = rng.permutation(x.size)
    for name, given in (("exp", (x,)), ("exp_backward", (dy, x))):
        first = ufuncs(VARIANTS[0])[name](*given)
        for variant in VARIANTS:
            function = ufuncs(variant)[name]
            assert_same_bits(function(*given), first, name, variant)
            assert_same_bits(function(*(a[order] for a in given)), first[order], name, variant)
            assert_same_bits(function(*(a[:999] for a in given)), first[:999], name, variant)


def test_all_variants_of_this_cpu_are_tested():
    assert VARIANTS[0] == "baseline"
    assert set(VARIANTS) <= set(_variants.built())
    assert list(VARIANTS) == [v for v in _variants.built() if _variants.REQUIRES[v] <= _cpu.features()]
    names = {op.name for op, _ in OPERATIONS} | {row.name + suffix for row, suffix in ROW_UFUNCS}
    names |= {op.name for op in SEVERAL} | {kernel.name for kernel in ROW_KERNELS}
    for variant in VARIANTS:
        assert set(ufuncs(variant)) == names


def run(isa: str | None, code: str) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k != _variants.VARIABLE}
    if isa is not None:
        env[_variants.VARIABLE] = isa
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env, cwd=os.path.dirname(__file__))


@pytest.mark.parametrize("asked", [*VARIANTS, VARIANTS[-1].upper(), f" {VARIANTS[0]} ", "", None])
def test_the_variable_chooses(asked):
    wanted = (asked or "").strip().lower() or VARIANTS[-1]
    code = "import fastact as fa, sys; print(fa.ISA, [m for m in sys.modules if m.startswith('fastact._kernels')], float(fa.sigmoid(0.0)))"
    done = run(asked, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(maxsplit=1)[0] == wanted
    assert done.stdout.strip().endswith(f"['fastact._kernels_{wanted}'] 0.5"), done.stdout


def test_an_unknown_variant_is_an_import_error():
    done = run("sse9", "import fastact")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: FASTACT_ISA='sse9' is not a variant of fastact; choose one of ")
    assert all(name in last for name in _variants.REQUIRES)


def test_a_variant_that_cannot_run_is_an_import_error(monkeypatch):
    """A sentence, never an illegal instruction."""
    strongest = _variants.built()[-1]
    if not _variants.REQUIRES[strongest]:
        pytest.skip("this build has no variant with requirements")
    monkeypatch.setattr(_variants, "_cpu", types.SimpleNamespace(features=lambda: frozenset({"sse2"})))
    assert _variants.available() == ["baseline"]
    monkeypatch.delenv(_variants.VARIABLE, raising=False)
    assert _variants.choose() == "baseline"
    monkeypatch.setenv(_variants.VARIABLE, strongest)
    with pytest.raises(ImportError, match=rf"FASTACT_ISA='{strongest}' cannot run on this CPU: it lacks .*; usable are baseline") as caught:
        _variants.choose()
    assert all(feature in str(caught.value) for feature in _variants.REQUIRES[strongest])


def test_a_variant_that_is_not_built_is_an_import_error(monkeypatch):
    monkeypatch.setattr(_variants, "built", lambda: ["baseline"])
    monkeypatch.setenv(_variants.VARIABLE, "avx512")
    with pytest.raises(ImportError, match="is not in this build of fastact, which has baseline"):
        _variants.choose()
