import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.errors import ModelError
from pawsight.models.registry import build_model, find_network, listed_networks
from pawsight.progress import Silent

FROM_SCRATCH = [one.name for one in listed_networks() if not one.has_weights]


def test_colab_has_exactly_the_scripts_parameters():
    assert build_model("colab", 2, (150, 150)).count_params() == 9_563_713


def _as_the_script_writes_it():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((40, 40, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(1),
        ]
    )


def test_colab_is_the_scripts_network_in_value_and_gradient():
    theirs, ours = _as_the_script_writes_it(), build_model("colab", 2, (40, 40))
    ours.set_weights(theirs.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (4, 40, 40, 3)).astype(np.float32)
    found = []
    for model in (theirs, ours):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_sum(tf.nn.softplus(logits))
        weights = [weight.value for weight in model.trainable_weights]
        found.append([logits.numpy(), *(one.numpy() for one in tape.gradient(loss, weights))])
    assert len(found[0]) == 11  # logits, and kernel and bias of five layers
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.abs(one).max() > 0


@pytest.mark.parametrize(
    ("name", "num_classes", "num_outputs"),
    [("colab", 2, 1), ("colab", 3, 3), ("swift", 2, 2), ("swift", 200, 200)],
)
def test_the_number_of_logits_follows_the_classes(name, num_classes, num_outputs):
    assert build_model(name, num_classes, (32, 48)).output_shape == (None, num_outputs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_logits_are_float32_and_finite_for_the_whole_range_of_pixels(name, precision):
    model = build_model(name, 3, (33, 47), precision)
    images = np.linspace(0, 255, 2 * 33 * 47 * 3, dtype=np.float32).reshape(2, 33, 47, 3)
    logits = model(images).numpy()
    assert logits.dtype == np.float32
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_the_smallest_allowed_image_works_and_a_smaller_one_is_refused(name):
    least = find_network(name).min_side
    assert build_model(name, 2, (least, least)).count_params() > 0
    with pytest.raises(ModelError, match=rf"at least {least} pixels a side"):
        build_model(name, 2, (least - 1, 64))


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ModelError, match=r"(?s)no model 'resnet'.*swift.*colab"):
        build_model("resnet", 2)


def test_one_class_is_refused():
    with pytest.raises(ModelError, match="at least 2 classes"):
        build_model("swift", 1)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ModelError, match="float32, bfloat16 or float16"):
        build_model("swift", 2, precision="int8")


def test_every_network_has_a_name_of_its_own_by_which_it_is_found():
    names = [network.name for network in listed_networks()]
    assert len(names) == len(set(names)) == 43  # swift, colab, builtin and 40 of Keras
    for network in listed_networks():
        assert find_network(network.name.upper()) is network
        assert network.summary.endswith(".")
        assert min(network.image_size) >= network.min_side


def test_names_and_sizes_are_known_without_tensorflow():
    code = (
        "import sys; from pawsight.models.registry import *; "
        "assert find_network('swift').image_size == (160, 160); "
        "assert find_network('hub:resnet_18_imagenet').can_finetune; "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_networks_with_weights_give_a_backbone():
    with pytest.raises(ModelError, match="'swift' has no weights"):
        find_network("swift").open_backbone((160, 160), None, Silent())


@pytest.mark.slow
def test_a_damaged_backbone_in_the_cache_is_made_again(tmp_path, monkeypatch):
    import keras

    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").write_bytes(b"weights")
    network = find_network("MobileNetV3Small")
    built = []

    def build(self, image_size, policy):
        images = keras.Input((*image_size, 3), name="images")
        pooled = keras.layers.GlobalAveragePooling2D(name="features")(images)
        built.append(image_size)
        return keras.Model(images, pooled)

    monkeypatch.setattr(type(network), "build_features", build)
    monkeypatch.setattr(type(network), "load_weights", lambda *_: None)
    monkeypatch.setattr(type(network), "weights_path", lambda *_: tmp_path / "weights")

    def opened():
        return network.open_backbone((32, 32), None, Silent()).onnx_path

    content = opened().read_bytes()
    assert opened().read_bytes() == content
    assert len(built) == 1
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    opened().write_bytes(damaged)
    assert opened().read_bytes() == content
    opened().with_suffix(".sha256").unlink()  # as one of an earlier version
    assert opened().read_bytes() == content
    assert len(built) == 3
