"""autograd's own check of every primitive: value, gradient and second derivatives, forward and reverse mode."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("autograd")
import autograd.numpy as anp
from autograd import grad, hessian
from autograd.test_util import check_grads

import fastact as fa
from fastact._registry import ELEMENTWISE, ROWWISE
from fastact.adapters import autograd as ad


def _x(name, shape=(3, 4)):
    rng = np.random.default_rng(0)
    if name == "logit":
        return rng.uniform(0.05, 0.95, shape)
    x = rng.uniform(0.05, 2.0, shape) * rng.choice([-1, 1], shape)
    kinks = fa.get(name).record.kinks if hasattr(fa.get(name).record, "kinks") else ()
    for kink in kinks if isinstance(kinks, tuple) else ():
        if isinstance(kink, float):
            x[np.abs(x - kink) < 0.02] += 0.05
    return x


def _values(record):
    return [p.default if p.default is not None else p.samples[0] for p in record.parameters]


def test_every_name_is_there():
    assert set(ad.__all__) == {n for r in (*ELEMENTWISE, *ROWWISE) for n in (r.name, *r.aliases)}


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_elementwise(record):
    function, x, values = getattr(ad, record.name), _x(record.name), _values(record)
    np.testing.assert_array_equal(function(x, *values), fa.get(record.name)(x, *values))
    check_grads(lambda x: function(x, *values), modes=["fwd", "rev"], order=2)(x)


@pytest.mark.parametrize("record", [r for r in ELEMENTWISE if r.parameters], ids=lambda r: r.name)
def test_parameters(record):
    """With respect to each parameter, a number or broadcast, and with respect to x where the parameter is larger."""
    function, x, values = getattr(ad, record.name), _x(record.name), _values(record)
    for k, value in enumerate(values):
        def along(v, k=k):
            return function(x, *values[:k], v, *values[k + 1 :])

        if record.name not in ("step", "threshold", "thresholded_relu", "hard_shrink", "rrelu"):  # jumps; where x lies between is chance
            check_grads(along, modes=["rev"], order=1)(np.array(value + 0.0123))
            check_grads(along, modes=["rev"], order=1)(np.full((1, 4), value + 0.0123))
    first = np.full((3, 1), values[0])
    check_grads(lambda x: function(x, first, *values[1:]), modes=["rev"], order=1)(_x(record.name, (4,)))


@pytest.mark.parametrize("record", ROWWISE, ids=lambda r: r.name)
@pytest.mark.parametrize("axis", [-1, 0, None, (0, 1)])
def test_over_an_axis(record, axis):
    function, x = getattr(ad, record.name), _x(record.name)
    np.testing.assert_array_equal(function(x, axis), fa.get(record.name)(x, axis))
    check_grads(lambda x: function(x, axis), modes=["fwd", "rev"], order=2)(x)
    if record.reduces:
        check_grads(lambda x: function(x, axis, keepdims=True), modes=["fwd", "rev"], order=2)(x)


def test_the_gradient_is_fastacts():
    """Also where naive expressions lose it: far to the left, and at infinity."""
    x = np.array([-30.0, -12.0, -3.0, 0.5])
    np.testing.assert_array_equal(grad(lambda x: anp.sum(ad.gelu(x)))(x), fa.gelu_backward(np.ones(4), x=x))
    assert grad(lambda x: anp.sum(ad.mish(x)))(np.array([-np.inf]))[0] == 0


def test_keywords_and_refusals():
    x = _x("elu")
    np.testing.assert_array_equal(ad.elu(x, alpha=0.5), fa.elu(x, alpha=0.5))
    with pytest.raises(TypeError, match="elu: got an unexpected argument 'beta'"):
        ad.elu(x, beta=1.0)
    with pytest.raises(TypeError, match="prelu: pass weight"):
        ad.prelu(x)
    with pytest.raises(TypeError, match="at most 1 parameters, got 2"):
        ad.elu(x, 1.0, 2.0)
    with pytest.raises(ValueError, match="alpha must be finite"):
        ad.elu(x, alpha=np.inf)


def test_a_hessian():
    """Of a small network, which needs second derivatives of activation and loss."""
    rng = np.random.default_rng(0)
    X, Y, W2 = rng.standard_normal((6, 3)), np.eye(2)[rng.integers(0, 2, 6)], rng.standard_normal((4, 2))

    def loss(w):
        return -anp.sum(Y * ad.log_softmax(anp.dot(ad.gelu(anp.dot(X, w.reshape(3, 4))), W2)))

    w = rng.standard_normal(12)
    found = hessian(loss)(w)
    step = 1e-5 * np.eye(12)
    numerical = np.array([(grad(loss)(w + s) - grad(loss)(w - s)) / 2e-5 for s in step])
    np.testing.assert_allclose(found, numerical, atol=1e-6)
