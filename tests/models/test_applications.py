import importlib
import inspect

import keras
import numpy as np
import pytest

from pawsight.errors import ConfigError, ModelError
from pawsight.models.applications import APPLICATIONS
from pawsight.models.onnx_convert import export_onnx
from pawsight.models.onnx_session import new_session
from pawsight.models.pretrained import build_features
from pawsight.models.registry import build_model, find_network
from pawsight.models.weight_downloads import ORIGIN


def _constructors():
    return {
        name: found
        for name, found in inspect.getmembers(keras.applications, inspect.isfunction)
        if name[0].isupper()
    }


def test_every_network_of_keras_is_in_the_table():
    assert {one.class_name for one in APPLICATIONS.values()} == set(_constructors())


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_pixels_are_scaled_as_keras_own_preprocess_input_does(name, monkeypatch):
    network = APPLICATIONS[name]
    constructor = _constructors()[network.class_name]
    module = importlib.import_module(constructor.__module__.replace("keras.src", "keras"))
    seen = []

    def _stub(**options):
        images = keras.Input(options["input_shape"])
        return keras.Model(images, keras.layers.Identity()(images))

    monkeypatch.setattr(keras.applications, network.class_name, _stub)
    model = build_features(network, (1, 1), keras.DTypePolicy("float32"))
    for colour in ([0, 0, 0], [255, 128, 10]):
        image = np.array(colour, np.float32).reshape(1, 1, 1, 3)
        expected = module.preprocess_input(image.copy())[0, 0, 0]
        seen.append(np.asarray(model(image))[0])
        np.testing.assert_allclose(seen[-1], [*expected, *expected], atol=1e-4)


@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnetb0"])
def test_weights_lie_where_keras_would_fetch_them(name, monkeypatch):
    class RequestedError(Exception):
        pass

    def get_file(*_, origin=None, file_hash=None, **options):
        raise RequestedError(origin or _[1], file_hash)

    constructor = _constructors()[APPLICATIONS[name].class_name]
    module = inspect.getmodule(constructor)
    monkeypatch.setattr(module.file_utils, "get_file", get_file)
    with pytest.raises(RequestedError) as requested:
        constructor(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    network = APPLICATIONS[name]
    assert requested.value.args == (ORIGIN + network.weights_address, network.checksum or None)


def test_a_network_is_found_however_its_name_is_written():
    for name in ("MobileNetV2", "mobilenet-v2", "mobilenet_v2"):
        assert find_network(name).class_name == "MobileNetV2"
        assert find_network(name).name == "mobilenetv2"
    assert find_network("EfficientNet-V2-B3").image_size == (300, 300)


def test_only_networks_with_weights_are_pretrained():
    assert find_network("builtin").has_weights
    assert find_network("ResNet50").has_weights
    assert not find_network("swift").has_weights


def test_an_unknown_network_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no model 'resnet'.*swift, colab, builtin.*mobilenetv2"):
        find_network("resnet")


def test_images_that_a_network_is_too_deep_for_are_refused_before_it_is_built():
    with pytest.raises(ModelError, match="'xception' needs images of at least 71 pixels"):
        find_network("xception").check((70, 200))


def test_a_network_gives_average_and_largest_of_each_feature_and_a_head_on_them():
    model = build_model("mobilenetv2", 3, (32, 48))
    assert model.output_shape == (None, 3)
    assert model.get_layer("logits").kernel.shape == (2560, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv3small", "densenet121"])  # all: make applications
def test_a_network_is_written_as_onnx_at_its_least_size(name, tmp_path):
    keras.utils.set_random_seed(0)
    network = APPLICATIONS[name]
    size = (network.min_side, network.min_side)
    model = network.build_features(size, keras.DTypePolicy("float32"))
    export_onnx(model, tmp_path / "net.onnx", "features")
    images = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype(np.float32)
    wanted = np.asarray(model(images, training=False))
    session = new_session((tmp_path / "net.onnx").read_bytes())
    (found,) = session.run(["features"], {"images": images})
    np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1.0, np.abs(wanted).max()))
