"""thinc and spaCy on fastact: thinc's definitions and signatures, what it overwrites, and trained models."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tomllib
import warnings

import numpy as np
import pytest
from _support import ROOT

pytest.importorskip("thinc")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from thinc.api import Adam, Mish, NumpyOps, Ops, Relu, Softmax, chain, get_current_ops, use_ops

    from fastact.adapters.thinc import FastactOps

OPS, THINC, VANILLA = FastactOps(), NumpyOps(), Ops()
VANILLA.xp = np
METHODS = [n for n in vars(FastactOps) if callable(getattr(FastactOps, n)) and not n.startswith("_")]
BACKWARD = [n for n in METHODS if n.startswith("backprop") and "sequences" not in n]
FORWARD = [n for n in METHODS if n not in BACKWARD and "sequences" not in n]
#: Where thinc approximates erf by 7 digits, clips at 20, or rounds constants to 6 digits.
COARSE = {"erf": 2e-6, "gelu": 2e-6, "backprop_gelu": 2e-6, "backprop_gelu_approx": 2e-5, "swish": 1e-6, "backprop_swish": 1e-6}


def _x(dtype, seed=0, shape=(40, 25)):
    """Away from the kinks, where conventions differ."""
    x = np.random.default_rng(seed).uniform(-7, 7, shape)
    for kink in (-3, -2.5, -1, 0, 1, 2.5, 3, 6):
        x[np.abs(x - kink) < 1e-3] += 0.01
    return x.astype(dtype)


def _operands(name, dtype):
    """A backward function's arrays by thinc's names for them, in its order."""
    x = _x(dtype)
    wanted = list(inspect.signature(getattr(Ops, name)).parameters)[1:]
    forward = name.removeprefix("backprop_")
    made = {"dY": _x(dtype, 1), "X": x, "Y": getattr(VANILLA, forward)(x)}
    return [made[n] for n in wanted if n in made]


@pytest.mark.parametrize("name", METHODS)
def test_signatures(name):
    """Those of the base class: names, order, kinds, defaults and annotations."""
    def shown(function):
        return [(p.name, p.kind, p.default, str(p.annotation)) for p in inspect.signature(function).parameters.values()]

    assert shown(getattr(FastactOps, name)) == shown(getattr(Ops, name))


@pytest.mark.parametrize("name", FORWARD)
def test_forward(name, dtype):
    if dtype == "float16":
        pytest.skip("thinc's own are not accurate in float16")
    x = _x(dtype)
    if name in ("dsigmoid", "dtanh"):
        x = x / 8
    wanted = getattr(VANILLA, name)(x.copy())
    got = getattr(OPS, name)(x)
    assert got.dtype == wanted.dtype and got is not x
    tolerance = COARSE.get(name, 2e-6 if dtype == "float32" else 1e-13)
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
    if "inplace" in inspect.signature(getattr(OPS, name)).parameters:
        overwritten = getattr(OPS, name)(x, inplace=True)
        assert overwritten is x
        np.testing.assert_array_equal(x, got)


@pytest.mark.parametrize("name", BACKWARD)
def test_backward(name, dtype):
    if dtype == "float16":
        pytest.skip("thinc's own are not accurate in float16")
    operands = _operands(name, dtype)
    wanted = getattr(VANILLA, name)(*(a.copy() for a in operands))
    got = getattr(OPS, name)(*operands)
    assert got.dtype == wanted.dtype
    tolerance = COARSE.get(name, 4e-6 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * 7)
    if "inplace" in inspect.signature(getattr(OPS, name)).parameters:
        overwritten = getattr(OPS, name)(*operands, inplace=True)
        assert overwritten is operands[1 if name == "backprop_sigmoid" else 0]  # thinc's writes into Y
        np.testing.assert_array_equal(overwritten, got)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("axis", [0, -1])
def test_softmax_with_a_temperature(temperature, axis):
    x, dY = _x("float32"), _x("float32", 1)
    y = OPS.softmax(x, axis=axis, temperature=temperature)
    np.testing.assert_allclose(y, THINC.softmax(x, axis=axis, temperature=temperature), rtol=2e-6, atol=1e-30)
    wanted = THINC.backprop_softmax(y, dY, axis=axis, temperature=temperature)
    np.testing.assert_allclose(OPS.backprop_softmax(y, dY, axis=axis, temperature=temperature), wanted, atol=2e-6)
    overwritten = OPS.softmax(x, axis=axis, temperature=temperature, inplace=True)
    assert overwritten is x
    np.testing.assert_array_equal(x, y)


def test_softmax_of_sequences():
    lengths = np.array([3, 1, 36], "i")
    x, dY = _x("float32") * 4, _x("float32", 1)
    y = OPS.softmax_sequences(x, lengths)
    np.testing.assert_allclose(y, THINC.softmax_sequences(x, lengths), rtol=3e-6, atol=1e-30)
    wanted = THINC.backprop_softmax_sequences(dY, y, lengths)
    np.testing.assert_allclose(OPS.backprop_softmax_sequences(dY, y, lengths), wanted, atol=3e-6)


def test_sigmoid_is_clipped_at_20():
    x = np.array([-1e4, -20.0, 20.0, 1e4])
    assert OPS.sigmoid(x).tolist() == [OPS.sigmoid(x)[1]] * 2 + [OPS.sigmoid(x)[2]] * 2
    assert (OPS.backprop_sigmoid(np.ones(4), OPS.sigmoid(x)) > 0).all()


def test_mish_has_thincs_threshold():
    x = _x("float32")
    np.testing.assert_allclose(OPS.mish(x, threshold=2.0), THINC.mish(x, threshold=2.0))
    dY = _x("float32", 1)
    np.testing.assert_allclose(OPS.backprop_mish(dY, x, threshold=2.0), THINC.backprop_mish(dY, x, threshold=2.0))


def test_other_types_go_to_thinc():
    x = np.array([[-2, 3]])
    assert OPS.relu(x).tolist() == THINC.relu(x).tolist() == [[0, 3]]
    assert OPS.relu(x).dtype == x.dtype


def test_shapes_that_do_not_fit_are_refused():
    for name in BACKWARD:
        if name in ("backprop_softmax", "backprop_sigmoid"):
            continue
        count = len(_operands(name, "float32"))
        with pytest.raises(ValueError, match="incompatible shapes"):
            getattr(OPS, name)(np.zeros(10, "f4"), *[np.zeros(1, "f4")] * (count - 1))


def test_thinc_finds_it_by_its_entry_point(tmp_path):
    """With the package's metadata installed, use_ops works without an import of fastact."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["thinc_ops"]
    folder = tmp_path / "fastact_entry-0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: fastact-entry\nVersion: 0\n")
    (folder / "entry_points.txt").write_text("[thinc_ops]\n" + "".join(f"{k} = {v}\n" for k, v in entry.items()))
    code = "from thinc.api import use_ops, get_current_ops, NumpyOps\nwith use_ops('fastact'): print(type(get_current_ops()).__name__)"
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path})
    assert done.stdout.strip() == "FastactOps", done.stderr


def _train(ops: str):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 10)).astype("f4")
    Y = np.eye(3, dtype="f4")[np.argmax(X[:, :3], axis=1)]
    with use_ops(ops):
        model = chain(Mish(16, 10), Relu(16, 16), Softmax(3, 16))
        model.initialize(X=X[:5], Y=Y[:5])
        for node, seed in zip(model.walk(), range(10), strict=False):
            for name in node.param_names:
                shape = node.get_param(name).shape
                node.set_param(name, (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype("f4"))
        optimizer = Adam(0.01)
        losses = []
        for _ in range(30):
            guess, backprop = model.begin_update(X)
            backprop((guess - Y) / len(X))
            model.finish_update(optimizer)
            losses.append(float(-np.log(guess[np.arange(200), Y.argmax(1)]).mean()))
        assert all(type(node.ops).name == ops for node in model.walk())
    return losses


def test_a_model_trains_alike():
    before = get_current_ops()
    ours, theirs = _train("fastact"), _train("numpy")
    assert type(get_current_ops()) is type(before)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert ours[-1] < ours[0] / 2


@pytest.mark.filterwarnings("ignore")
def test_spacy_trains_a_text_classifier():
    spacy = pytest.importorskip("spacy")
    from spacy.training import Example

    texts = [("good fine great", "POS"), ("bad awful poor", "NEG"), ("great and good", "POS"), ("poor and awful", "NEG")] * 4
    with use_ops("fastact"):
        spacy.util.fix_random_seed(0)
        nlp = spacy.blank("en")
        tok2vec = {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy.MultiHashEmbed.v2", "width": 32, "attrs": ["ORTH"], "rows": [500], "include_static_vectors": False,
            },
            "encode": {"@architectures": "spacy.MishWindowEncoder.v2", "width": 32, "depth": 1, "window_size": 1},
        }
        reduce = {f"use_reduce_{how}": how == "mean" for how in ("first", "last", "max", "mean")}
        model = {"@architectures": "spacy.TextCatReduce.v1", "exclusive_classes": True, "tok2vec": tok2vec, **reduce}
        pipe = nlp.add_pipe("textcat", config={"model": model})
        for label in ("POS", "NEG"):
            pipe.add_label(label)
        examples = [Example.from_dict(nlp.make_doc(t), {"cats": {"POS": c == "POS", "NEG": c == "NEG"}}) for t, c in texts]
        optimizer = nlp.initialize(lambda: examples)
        for _ in range(40):
            nlp.update(examples, sgd=optimizer)
        assert any(isinstance(node.ops, FastactOps) for node in pipe.model.walk())
        assert nlp("good and great").cats["POS"] > 0.8 and nlp("awful poor").cats["NEG"] > 0.8
