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

from .conftest import ROOT


@pytest.fixture
def room(monkeypatch):
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


def test_checkpoint_gives_its_arrays_by_name(room, checkpoint):
    arrays = room("torch_weights").load_arrays(checkpoint(OrderedDict(kernel=_Tensor())))
    assert list(arrays) == ["kernel"]
    assert arrays["kernel"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_checkpoint_that_names_anything_else_is_refused(room, tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(pickle.UnpicklingError, match="no place in a file of weights"):
        room("torch_weights").load_arrays(path)
    assert not (tmp_path / "harm").exists()


def test_normalisation_is_folded_into_the_convolution(room):
    # Twice the normalised value, plus 1: scale 2 / sqrt(0.249 + 0.001) = 4, shift 1 - 3 * 4.
    arrays = {
        "convolution.weight": np.full((1, 1, 1, 1), 5.0),
        "normal.weight": np.array([2.0]),
        "normal.bias": np.array([1.0]),
        "normal.running_mean": np.array([3.0]),
        "normal.running_var": np.array([0.249]),
    }
    folded = room("efficientnet_lite")._folded(arrays, "x", "convolution", "normal")
    assert folded.kernel.item() == pytest.approx(20)
    assert folded.bias.item() == pytest.approx(-11)


def test_unfamiliar_photo_comes_out_at_half_and_half(room):
    import onnxruntime

    lite, made = room("efficientnet_lite"), room("graph")
    kernel = np.ones((made.NUM_FEATURES, 3, 1, 1), np.float32)
    network = [[lite.Convolution("only", kernel, np.zeros(made.NUM_FEATURES, np.float32), 2)]]
    head = np.zeros((made.NUM_FEATURES, 2)), np.array([-3.0, 3.0])
    imagenet = np.ones((made.NUM_FEATURES, 1000)) / 1e6, np.zeros(1000)
    images = np.zeros((1, 4, 4, 3), np.float32)

    def asked(logit_of_animals):
        imagenet[1][made.ANIMALS] = logit_of_animals
        content = made.graph(network, head, imagenet).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        logits, features, familiar = session.run(
            ["logits", "features", "familiarity"], {"images": images}
        )
        assert familiar == pytest.approx(made.familiarity(features, imagenet), abs=1e-4)
        return logits[0].tolist()

    assert asked(20) == pytest.approx([-3, 3], abs=1e-3)
    assert asked(-20) == pytest.approx([0, 0], abs=1e-3)


def test_varied_photo_is_the_same_for_the_same_seed_and_another_for_another(room):
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    vary = room("views").vary
    first, again, other = (vary(file.getvalue(), seed) for seed in ((0, 1), (0, 1), (0, 2)))
    assert first == again
    assert first != other


def test_card_says_what_was_measured():
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
