"""How the shipped model is made: the checkpoint is read, the graph computes what it should."""

import importlib
import io
import json
import os
import pickle
import struct
import sys
from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

from pawsight.evaluation.intervals import wilson_interval
from pawsight.evaluation.scores import Answers, log_loss
from pawsight.models import builtin
from pawsight.probabilities import softmax
from pawsight.runs import Run

from .conftest import ROOT


@pytest.fixture
def load_module(monkeypatch):
    """Import a module of builtin/ by its name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "builtin"))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(ROOT / "builtin") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class _Tensor:
    """Pickles as PyTorch's tensors do: columns of [[0, 1, 2], [3, 4, 5]], so strides 1 and 3."""

    def __reduce__(self):
        sys.modules["torch._utils"] = torch_utils = type(sys)("torch._utils")
        torch_utils._rebuild_tensor_v2 = _rebuild_tensor_v2
        return _rebuild_tensor_v2, ("weights", 0, (3, 2), (1, 3), False, OrderedDict())


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("only the reader's own stand-in is called")


_rebuild_tensor_v2.__module__ = "torch._utils"


class FloatStorage:
    """Named as PyTorch's."""


FloatStorage.__module__ = "torch"


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        return ("storage", FloatStorage, "0", "cpu", 6, None) if thing == "weights" else None


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """Write a checkpoint of the old format that holds one array, [[0, 3], [1, 4], [2, 5]]."""
    torch = type(sys)("torch")
    torch.FloatStorage = FloatStorage
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", torch)

    def write(content):
        file = io.BytesIO()
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content, ["0"]):
            _Pickler(file, protocol=2).dump(part)
        file.write(struct.pack("<q", 6) + np.arange(6, dtype="<f4").tobytes())
        path = tmp_path / "weights.pth"
        path.write_bytes(file.getvalue())
        return path

    return write


def test_checkpoint_gives_its_arrays_by_name(load_module, checkpoint):
    arrays = load_module("torch_weights").load_arrays(checkpoint(OrderedDict(kernel=_Tensor())))
    assert list(arrays) == ["kernel"]
    assert arrays["kernel"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_checkpoint_that_names_anything_else_is_refused(load_module, tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(pickle.UnpicklingError, match="no place in a file of weights"):
        load_module("torch_weights").load_arrays(path)
    assert not (tmp_path / "harm").exists()


def test_normalisation_is_folded_into_the_convolution(load_module):
    # Twice the normalised value, plus 1: scale 2 / sqrt(0.249 + 0.001) = 4, shift 1 - 3 * 4.
    arrays = {
        "convolution.weight": np.full((1, 1, 1, 1), 5.0),
        "normal.weight": np.array([2.0]),
        "normal.bias": np.array([1.0]),
        "normal.running_mean": np.array([3.0]),
        "normal.running_var": np.array([0.249]),
    }
    folded = load_module("efficientnet_lite")._folded(arrays, "x", "convolution", "normal")
    assert folded.kernel.item() == pytest.approx(20)
    assert folded.bias.item() == pytest.approx(-11)


def test_unfamiliar_photo_comes_out_at_half_and_half(load_module):
    import onnxruntime

    lite, made = load_module("efficientnet_lite"), load_module("graph")
    kernel = np.ones((made.NUM_FEATURES, 3, 1, 1), np.float32)
    network = [[lite.Convolution("only", kernel, np.zeros(made.NUM_FEATURES, np.float32), 2)]]
    head = np.zeros((made.NUM_FEATURES, 2)), np.array([-3.0, 3.0])
    imagenet = np.ones((made.NUM_FEATURES, 1000)) / 1e6, np.zeros(1000)
    images = np.zeros((1, 4, 4, 3), np.float32)

    def head_logits(logit_of_animals):
        imagenet[1][made.ANIMALS] = logit_of_animals
        content = made.graph(network, head, imagenet).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        logits, features, familiar = session.run(
            ["logits", "features", "familiarity"], {"images": images}
        )
        assert familiar == pytest.approx(made.familiarity(features, imagenet), abs=1e-4)
        return logits[0].tolist()

    assert head_logits(20) == pytest.approx([-3, 3], abs=1e-3)
    assert head_logits(-20) == pytest.approx([0, 0], abs=1e-3)


def test_varied_photo_is_the_same_for_the_same_seed_and_another_for_another(load_module):
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    vary = load_module("views").vary
    first, again, other = (vary(file.getvalue(), seed) for seed in ((0, 1), (0, 1), (0, 2)))
    assert first == again
    assert first != other


def test_card_reports_what_was_measured():
    folder = ROOT / "src" / "pawsight" / "models" / "builtin" / "cats-dogs"
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "builtin" / "results.json").read_text(encoding="utf-8"))
    for name, said in {
        "validation part, measured once | 2,679 |": measured["validation"],
        "none |": measured["variants"]["as it is"],
        "enlarged 4 times |": measured["variants"]["enlarged 4 times"],
        "blurred by 2 pixels |": measured["variants"]["blurred, radius 2 px"],
    }.items():
        low, high = said["accuracy_interval"]
        figures = f"{said['accuracy']:.1%} | {low * 100:.1f} to {high:.1%} |".replace("%", " %")
        assert f"| {name} {figures}" in card


def test_model_comes_with_the_figures_that_were_measured():
    measured = json.loads((ROOT / "builtin" / "results.json").read_text(encoding="utf-8"))
    recorded = Run.open(builtin.folder()).metrics["parts"]["validation"]
    for name in ("n", "num_correct", "accuracy", "accuracy_interval", "log_loss"):
        assert recorded[name] == pytest.approx(measured["validation"][name], abs=5e-5), name


def test_card_reports_how_many_of_the_photos_held_out_were_right():
    folder = ROOT / "src" / "pawsight" / "models" / "builtin" / "cats-dogs"
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    made = json.loads((folder / "model" / "model.json").read_text(encoding="utf-8"))
    found = made["tuning"]["held_out_plain"]["tuned"]
    low, high = wilson_interval(found["num_correct"], found["n"])
    figures = f"{found['num_correct'] / found['n']:.1%} | {low * 100:.1f} to {high:.1%} |"
    assert f"| train part, held out | {found['n']:,} | {figures.replace('%', ' %')}" in card
    assert f"{made['tuning']['num_tuned_on']:,} photos" in card


def test_photo_put_farther_away_is_whole_on_a_larger_one(load_module):
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    farther = load_module("views")._farther(Image.fromarray(noise), np.random.default_rng(1))
    seen = np.lib.stride_tricks.sliding_window_view(np.asarray(farther), noise.shape)
    assert farther.width > 40
    assert farther.height > 30
    assert (seen == noise).all(axis=(-3, -2, -1)).sum() == 1


@pytest.fixture
def small(load_module, tmp_path):
    """Draw a network with a few layers before and after the cut; also the graph of it, and a file.

    Gives the network, a function that gives its graph with a head of its own, and the path of
    that graph with a head of zeros.
    """
    lite, made = load_module("efficientnet_lite"), load_module("graph")
    rng = np.random.default_rng(0)

    def layer(name, channels, out, side=1, stride=1, **kinds):
        kernel = rng.normal(0, 0.5, (out, channels, side, side)).astype(np.float32)
        return lite.Convolution(name, kernel, rng.normal(0, 0.1, out).astype("f"), stride, **kinds)

    network = [
        [layer("stem", 3, 4, 3, 16)],
        [layer("block14_expand", 4, 8), layer("block14_project", 8, 4, is_activated=False)],
        [
            layer("block15_expand", 4, 6),
            layer("block15_depthwise", 1, 6, 3, 2, is_depthwise=True),
            layer("block15_project", 6, 5, is_activated=False),
        ],
        [layer("top", 5, made.NUM_FEATURES)],
    ]
    imagenet = np.full((made.NUM_FEATURES, 1000), 1e-3, np.float32), np.zeros(1000, np.float32)

    def written(network, head):
        return made.graph(network, head, imagenet)

    untrained = np.zeros((made.NUM_FEATURES, 2), np.float32), np.zeros(2, np.float32)
    path = tmp_path / "start.onnx"
    path.write_bytes(written(network, untrained).SerializeToString())
    return network, written, path


def _run_onnx(load_module, model, output, images):
    return load_module("features").session(model, output).run(None, {"images": images})[0]


def _tail_and_photos(load_module, small, num_photos):
    """Give a tail of the small network, photos of noise, and their pixels."""
    import onnx

    tuning = load_module("tune")
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (num_photos, *builtin.IMAGE_SIZE, 3)).astype(np.float32)
    images *= rng.uniform(0, 1, (num_photos, 1, 1, 3))
    start = onnx.load(small[2])
    maps = _run_onnx(load_module, start, tuning.CUT, images)
    features = _run_onnx(load_module, start, "features", images)
    labels = (images[..., 0].mean(axis=(1, 2)) > images[..., 2].mean(axis=(1, 2))).astype(int)
    head = np.zeros((features.shape[1], 2), np.float32), np.zeros(2, np.float32)
    return tuning.Tail(small[2], head), tuning.Photos((maps, maps), features, labels), images


@pytest.mark.slow
def test_tail_gives_the_features_of_the_graph_also_once_it_has_changed(load_module, small):
    tail, photos, images = _tail_and_photos(load_module, small, 3)
    network, written, _ = small
    everyone = np.arange(3)
    assert tail.features(photos, everyone, 0) == pytest.approx(photos.features, abs=1e-3)

    rng = np.random.default_rng(2)
    for layer in tail.model.layers:
        layer.set_weights([one + rng.normal(0, 0.1, one.shape) for one in layer.get_weights()])
    tuned = tail.put_into(network)
    expected = tail.features(photos, everyone, 0)
    assert np.abs(expected - photos.features).max() > 0.1
    graph = written(tuned, tail.head())
    assert _run_onnx(load_module, graph, "features", images) == pytest.approx(expected, abs=0.01)
    weights, biases = tail.head()
    assert _run_onnx(load_module, graph, "head", images) == pytest.approx(
        expected @ weights + biases, abs=0.2
    )


@pytest.mark.slow
def test_averaged_tail_is_half_way_between_two_weights(load_module, small):
    tail, _, _ = _tail_and_photos(load_module, small, 1)
    before = tail.model.get_weights()
    tail.model.set_weights([one + 3 for one in before])
    tail.average_with(before)
    for found, one in zip(tail.model.get_weights(), before, strict=True):
        np.testing.assert_allclose(found, one + 1.5, rtol=1e-5)


@pytest.mark.slow
def test_what_comes_before_the_cut_stays_as_it_was(load_module, small):
    tail, _, _ = _tail_and_photos(load_module, small, 2)
    network = small[0]
    for layer in tail.model.layers:
        layer.set_weights([one + 1 for one in layer.get_weights()])
    tuned = tail.put_into(network)
    changed = {
        one.name: not np.allclose(one.kernel, two.kernel, atol=0.01)
        for block, again in zip(network, tuned, strict=True)
        for one, two in zip(block, again, strict=True)
    }
    assert changed == {
        "stem": False,
        "block14_expand": False,
        "block14_project": False,
        "block15_expand": True,
        "block15_depthwise": True,
        "block15_project": True,
        "top": True,
    }


@pytest.mark.slow
def test_tuning_brings_the_logits_nearer_the_labels(load_module, small):
    tail, photos, _ = _tail_and_photos(load_module, small, 192)
    learn = np.arange(192)
    imagenet = np.zeros((photos.features.shape[1], 1000)), np.zeros(1000)
    load_module("tune").tune(tail, photos, learn, imagenet, seed=0)
    weights, biases = tail.head()
    logits = tail.features(photos, learn, 0) @ weights + biases
    assert log_loss(Answers(photos.labels, softmax(logits))) < np.log(
        2
    )  # that of the head of zeros
