"""Fixtures: one value per variant, dtype, case; the option --slow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from _support import DTYPES, VARIANTS, functions, ufuncs

from fastact import _variants


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow: minutes, and gigabytes")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: not run without --slow")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: needs --slow"))


@pytest.fixture(params=VARIANTS)
def variant(request):
    """The name of each instruction-set variant that this CPU can run."""
    return request.param


@pytest.fixture
def made(variant):
    """That variant's ufuncs, by name."""
    return ufuncs(variant)


@pytest.fixture
def public(variant):
    """The public functions over that variant's ufuncs, by name."""
    return functions(variant)


@pytest.fixture
def write_around(variant):
    """Sets from how many bytes on that variant writes results around the caches (1: as few as it takes), which it leaves as it was."""
    kernels = _variants.load(variant)
    before = kernels.write_around(2**62)
    if before is None:
        pytest.skip("this variant has no such stores")
    yield kernels.write_around
    kernels.write_around(before)


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param
