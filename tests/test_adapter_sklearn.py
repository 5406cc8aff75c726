"""scikit-learn on fastact: the same fits, more activations, nothing left behind."""

from __future__ import annotations

import gc
import threading
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor, _base
from sklearn.neural_network.tests import test_mlp

import fastact as fa
from fastact._registry import NAMES, RECORDS, Record
from fastact.adapters import sklearn as adapter
from fastact.adapters.sklearn import activations

OWN = ("identity", "logistic", "tanh", "relu")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


def _offered():
    """Names of the table that can be given to activation= as they are."""
    found = {n: r for n, own in NAMES.items() if isinstance(r := RECORDS[own], Record) and not r.held_by}
    return [n for n, r in found.items() if all(p.default is not None for p in r.parameters)]


def test_every_activation_without_a_required_parameter_is_offered():
    with activations() as names:
        assert {*OWN, "linear", *_offered()} == set(names)
        assert {"gelu", "mish"} <= set(names) and "logit" not in names


def test_a_function_of_probabilities_is_offered_with_its_margin(digits):
    X, y = digits
    with activations(logit={"eps": 0.1}):
        MLPClassifier((8,), activation="logit", max_iter=2, random_state=0).fit(X, y)
    with activations(logit={"eps": 0.0}) as names:
        assert "logit" not in names


def test_nothing_is_left_behind(digits):
    X, y = digits
    before = dict(_base.ACTIVATIONS), dict(_base.DERIVATIVES), MLPClassifier._parameter_constraints["activation"]
    with activations():
        assert _base.ACTIVATIONS["relu"] is not before[0]["relu"]
        model = MLPClassifier((8,), activation="gelu", max_iter=2, random_state=0).fit(X, y)
        model.predict(X)
        del model
    gc.collect()
    assert not adapter._inputs._of                        # no buffer is kept
    assert before[:2] == (_base.ACTIVATIONS, _base.DERIVATIVES)
    assert MLPClassifier._parameter_constraints["activation"] is before[2]
    for estimator in (MLPClassifier, MLPRegressor):
        with pytest.raises(ValueError, match="'activation' parameter"):
            estimator(activation="gelu").fit(X, y)


@pytest.mark.parametrize("activation", OWN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scikit_learns_own_activations_give_the_same_fit(activation, dtype, digits):
    X, y = digits[0].astype(dtype), digits[1]
    fits = []
    for inside in (False, True):
        with activations() if inside else warnings.catch_warnings():
            model = MLPClassifier((32,), activation=activation, max_iter=5, random_state=0).fit(X, y)
            fits.append((model.loss_curve_, model.predict_proba(X)))
    np.testing.assert_allclose(fits[1][0], fits[0][0], rtol=1e-4 if dtype == "float32" else 1e-9)
    np.testing.assert_allclose(fits[1][1], fits[0][1], atol=1e-3 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize("name", [n for n in _offered() if not RECORDS[NAMES[n]].held_by])
def test_gradients_by_scikit_learns_own_check(name, monkeypatch):
    """test_mlp.test_gradient: the loss's numerical gradient against the one from backpropagation."""
    with activations():
        monkeypatch.setattr(test_mlp, "ACTIVATION_TYPES", [name])
        test_mlp.test_gradient()


def test_hidden_layers_with_new_activations_learn(digits):
    X, y = digits
    with activations():
        for name in ("gelu", "mish", "silu", "softplus"):
            model = MLPClassifier((32, 16), activation=name, max_iter=60, random_state=0, early_stopping=True).fit(X, y)
            assert model.score(X, y) > 0.8
            assert MLPRegressor(hidden_layer_sizes=(16,), activation=name, max_iter=30, random_state=0).fit(X, y).n_iter_ > 1


def test_parameters(digits):
    X, y = digits
    with activations(leaky_relu={"negative_slope": 0.5}):
        buffer = np.array([[-2.0, 3.0]])
        _base.ACTIVATIONS["leaky_relu"](buffer)
        assert buffer.tolist() == [[-1.0, 3.0]]
        delta = np.ones((1, 2))
        _base.DERIVATIVES["leaky_relu"](buffer, delta)
        assert delta.tolist() == [[0.5, 1.0]]
        with activations(leaky_relu={"negative_slope": -0.5}):  # no longer determined by the output
            buffer = np.array([[-2.0, 3.0]])
            _base.ACTIVATIONS["leaky_relu"](buffer)
            delta = np.ones((1, 2))
            _base.DERIVATIVES["leaky_relu"](buffer, delta)
            assert buffer.tolist() == [[1.0, 3.0]] and delta.tolist() == [[-0.5, 1.0]]
        MLPClassifier((8,), activation="leaky_relu", max_iter=2).fit(X, y)


def test_refusals():
    for bad, message in (
        ({"gelo": {}}, "no activation is called 'gelo'; did you mean 'gelu'"),
        ({"elu": {"beta": 1.0}}, "elu has no parameter 'beta', got beta=1.0"),
        ({"elu": {"alpha": np.inf}}, "elu: alpha must be finite, got inf"),
        ({"softmax": {}}, "softmax cannot be a hidden layer's activation"),
    ):
        with pytest.raises(ValueError, match=message), activations(**bad):
            pass
    assert set(_base.DERIVATIVES) == set(OWN)
    with activations(), pytest.raises(RuntimeError, match="whose forward pass did not go through"):
        _base.DERIVATIVES["gelu"](np.zeros((1, 2)), np.zeros((1, 2)))


def test_several_threads(digits):
    """Contexts that overlap in other orders than nesting, while others fit."""
    X, y = digits
    failures = []

    def work(seed):
        try:
            for _ in range(3):
                with activations():
                    model = MLPClassifier((8,), activation="gelu", max_iter=3, random_state=0).fit(X, y)
                losses.add(tuple(model.loss_curve_))
        except Exception as error:
            failures.append(error)

    losses: set[tuple[float, ...]] = set()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not failures and len(losses) == 1
    assert set(_base.DERIVATIVES) == set(OWN)


def test_softmax_has_no_temporaries_of_its_own():
    x = np.random.default_rng(0).standard_normal((5, 7))
    wanted = fa.softmax(x, axis=1)
    with activations():
        _base.ACTIVATIONS["softmax"](x)
    np.testing.assert_array_equal(x, wanted)
