"""Presets of KerasHub: names and plain values; and where it is installed, whole networks."""

import importlib.util
import json
import sys
import types

import keras
import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError, ModelError
from pawsight.exporting.formats import FORMATS
from pawsight.inference.classifier import Classifier
from pawsight.models import hub
from pawsight.models.model_files import load_model
from pawsight.models.pretrained import compute_groups_depthwise
from pawsight.models.registry import find_network
from pawsight.progress import Silent
from pawsight.training.features import FeatureReader
from pawsight.workflow import draw_sample, train
from pawsight.workflow.exports import export_all

has_keras_hub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None, reason="the extra hub is not installed"
)
OPTIONS = {
    "class_name": "ResNetBackbone",
    "config": {"block_type": "basic_block"},
    "scale": [1.0, 2.0, 3.0],
    "offset": [0.0, 0.0, -1.0],
}

SMALL = {
    "MobileNet": {
        "stackwise_expansion": [[40, 56], [64, 144]],
        "stackwise_num_blocks": [2, 2],
        "stackwise_num_filters": [[16, 16], [24, 24]],
        "stackwise_kernel_size": [[3, 3], [5, 5]],
        "stackwise_num_strides": [[2, 1], [2, 1]],
        "stackwise_se_ratio": [[None, None], [0.25, 0.25]],
        "stackwise_activation": [["relu", "relu"], ["hard_swish", "hard_swish"]],
        "stackwise_padding": [[1, 1], [2, 2]],
        "output_num_filters": 64,
        "depthwise_filters": 8,
        "depthwise_stride": 2,
        "depthwise_residual": False,
        "last_layer_filter": 64,
        "squeeze_and_excite": 0.5,
    },
    "HGNetV2": {
        "depths": [1, 2],
        "embedding_size": 16,
        "hidden_sizes": [32, 64],
        "stem_channels": [3, 8, 16],
        "hidden_act": "relu",
        "use_learnable_affine_block": True,
        "stackwise_stage_filters": [(16, 16, 32, 1, 1, 3), (32, 16, 64, 2, 1, 3)],
        "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, True],
    },
}


def test_what_is_kept_of_a_network_is_read_back_the_same():
    network = hub.HubNetwork.from_options(OPTIONS)
    assert network.offset == (0.0, 0.0, -1.0)
    assert json.loads(json.dumps(network.as_options())) == OPTIONS


@pytest.mark.parametrize("name", ["scale", "config", "class_name"])
def test_a_damaged_description_is_refused(name):
    damaged = {key: value for key, value in OPTIONS.items() if key != name}
    with pytest.raises(ModelError, match="damaged"):
        hub.HubNetwork.from_options(damaged)


@pytest.mark.parametrize("value", [{"class_name": "Lambda"}, [1, [{"class_name": "Lambda"}]]])
def test_what_could_stand_for_an_object_is_refused(value):
    with pytest.raises(ModelError, match="damaged"):
        hub.HubNetwork.from_options(OPTIONS | {"config": {"activation": value}})


def test_a_class_that_is_not_in_the_table_is_never_looked_up():
    with pytest.raises(ModelError, match="WhisperBackbone of KerasHub cannot be used"):
        hub.HubNetwork.from_options(OPTIONS | {"class_name": "WhisperBackbone"})


def test_a_preset_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="needs a preset"):
        find_network("hub:")


def test_a_folder_is_written_out_and_a_name_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "preset").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_network("hub:preset").name == f"hub:{tmp_path / 'preset'}"
    named = find_network("hub:resnet_18_imagenet")
    assert named.name == "hub:resnet_18_imagenet"
    assert named.has_weights and named.can_finetune


def test_the_size_is_that_of_the_folder_and_else_224(tmp_path):
    (tmp_path / "image_converter.json").write_text('{"config": {"image_size": [48, 64]}}')
    assert find_network(f"hub:{tmp_path}").image_size == (48, 64)
    assert find_network("hub:resnet_18_imagenet").image_size == (224, 224)


def test_another_preset_in_the_same_folder_is_kept_apart(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = hub.preset_dir(f"hub:{tmp_path}")
    assert hub.preset_dir(f"hub:{tmp_path}") == before
    (tmp_path / "config.json").write_text('{"more": 1}')
    assert hub.preset_dir(f"hub:{tmp_path}") != before


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no preset folder"):
        find_network(f"hub:{tmp_path / 'gone'}").check_available()


def test_without_keras_hub_the_extra_is_named_before_photos_are_read(tmp_path, monkeypatch):
    photos = draw_sample(tmp_path / "pets", count=20)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraError, match=r'pip install "pawsight\[hub\]"'):
        train(photos, TrainConfig(model="hub:resnet_18_imagenet"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_groups_of_one_channel_are_computed_without_xla_and_give_the_same():
    convolution = keras.layers.Conv2D(8, 3, 2, "same", groups=4)
    model = keras.Sequential([keras.Input((9, 7, 4)), convolution])
    images = np.random.default_rng(0).normal(size=(2, 9, 7, 4)).astype(np.float32)
    kernel, bias = model.get_weights()
    wanted = np.concatenate(
        [
            keras.ops.conv(images[..., c : c + 1], kernel[..., 2 * c : 2 * c + 2], 2, "same")
            for c in range(4)
        ],
        axis=-1,
    )
    compute_groups_depthwise(model)
    np.testing.assert_allclose(model(images), wanted + bias, atol=1e-5)
    assert convolution.convolution_op.func.__module__ == compute_groups_depthwise.__module__


def test_groups_of_several_channels_are_refused_in_words():
    model = keras.Sequential([keras.Input((9, 9, 4)), keras.layers.Conv2D(4, 3, groups=2)])
    with pytest.raises(ModelError, match="grouped convolutions with several channels"):
        compute_groups_depthwise(model)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A folder with a small network, its weights drawn by lot, and its converter."""
    import keras_hub

    folder = tmp_path_factory.mktemp("presets") / "small"
    keras.utils.set_random_seed(1)
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )
    converter = keras_hub.layers.ResNetImageConverter(
        image_size=(32, 32), scale=[0.017, 0.018, 0.019], offset=[-2.1, -2.0, -1.8]
    )
    folder.mkdir()
    backbone.save_to_preset(str(folder))
    converter.save_to_preset(str(folder))
    return folder, backbone, converter


@has_keras_hub
@pytest.mark.slow
def test_the_features_are_those_of_the_preset_with_its_own_scaling(preset):
    folder, backbone, converter = preset
    opened = find_network(f"hub:{folder}").open_backbone((32, 32), None, Silent())
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    found = FeatureReader(opened, "stretch").compute(images)
    seen = np.asarray(backbone(converter(images.astype(np.float32)), training=False))
    wanted = np.concatenate([seen.mean(axis=(1, 2)), seen.max(axis=(1, 2))], axis=-1)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.abs(wanted).max() > 0.1


@has_keras_hub
@pytest.mark.slow
def test_a_fine_tuned_preset_is_loaded_without_the_preset(preset, tmp_path, monkeypatch):
    folder, _, _ = preset
    photos = draw_sample(tmp_path / "pets", count=60)
    config = TrainConfig(model=f"hub:{folder}", finetune=True, epochs=1)
    run = train(photos, config, tmp_path / "run")
    assert run.is_complete
    description = run.read_json(run.model_path)
    assert description["options"]["class_name"] == "ResNetBackbone"
    assert description["onnx_largest_difference"] < 1e-4
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "empty"))
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        load_model(run)(images.astype(np.float32)), Classifier.load(run).logits(images), atol=1e-3
    )


@has_keras_hub
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["MobileNet", "HGNetV2"])  # layers of their own, groups, stages
def test_a_preset_is_exported_to_every_format(kind, tmp_path):
    import keras_hub

    keras.utils.set_random_seed(1)
    folder = tmp_path / "preset"
    folder.mkdir()
    getattr(keras_hub.models, f"{kind}Backbone")(**SMALL[kind]).save_to_preset(str(folder))
    converter = getattr(keras_hub.layers, f"{kind}ImageConverter")(image_size=(64, 64))
    converter.save_to_preset(str(folder))
    photos = draw_sample(tmp_path / "pets", count=40)
    run = train(photos, TrainConfig(model=f"hub:{folder}", finetune=True, epochs=1), tmp_path / "r")
    for exported in export_all(run, list(FORMATS), tmp_path / "out"):
        assert exported.agreement == 1 or exported.format.endswith("int8")
    readme = (tmp_path / "out" / "keras" / "README.md").read_text()
    assert readme.index("import keras_hub") < readme.index("load_model")


@has_keras_hub
@pytest.mark.slow
def test_a_preset_without_a_converter_is_refused(preset, tmp_path):
    _, backbone, _ = preset
    backbone.save_to_preset(str(tmp_path / "bare"))
    with pytest.raises(ModelError, match="with its image converter"):
        find_network(f"hub:{tmp_path / 'bare'}").open_backbone((32, 32), None, Silent())


@has_keras_hub
@pytest.mark.slow
def test_a_converter_that_does_more_than_scale_is_refused(preset, tmp_path, monkeypatch):
    import keras_hub

    folder, _, _ = preset
    kind = keras_hub.layers.ResNetImageConverter
    monkeypatch.setattr(kind, "call", lambda self, images: images[..., ::-1])
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="does more than scale each colour"):
        find_network(f"hub:{folder}").open_backbone((32, 32), None, Silent())


def test_weights_that_are_kept_are_not_fetched_again(monkeypatch, tmp_path):
    fetched, path = [], tmp_path / "preset" / "backbone.weights.h5"
    modules = types.SimpleNamespace(cache_preset=lambda name, progress: fetched.append(name))
    monkeypatch.setitem(sys.modules, "pawsight.models.hub_networks", modules)
    monkeypatch.setattr(hub, "preset_weights_path", lambda name: path)
    preset = hub.find_preset("hub:resnet_18_imagenet")
    path.parent.mkdir()
    assert preset.weights_path(None, Silent()) == path
    assert fetched == ["hub:resnet_18_imagenet"]
    path.touch()
    assert preset.weights_path(None, Silent()) == path
    assert len(fetched) == 1
