"""Fixtures: one value per variant, dtype, case."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from _support import DTYPES, VARIANTS, functions, ufuncs


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


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param
