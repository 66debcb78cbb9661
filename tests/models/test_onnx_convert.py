import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from pawsight.config import TrainConfig
from pawsight.errors import ModelError
from pawsight.exporting.bundle import save_model
from pawsight.models import swift
from pawsight.models.description import ModelDescription
from pawsight.models.model_files import load_model
from pawsight.models.onnx_convert import check_convertible, check_onnx, export_onnx
from pawsight.models.registry import build_model, listed_networks
from pawsight.runs import Run
from pawsight.workflow import draw_sample, train

FROM_SCRATCH = [one.name for one in listed_networks() if not one.has_weights]


def _images(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 40, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_the_onnx_file_computes_what_the_model_computes(tmp_path, name, num_classes):
    model = build_model(name, num_classes, (32, 40))
    export_onnx(model, tmp_path / "model.onnx")
    assert check_onnx(model, tmp_path / "model.onnx", _images()) < 1e-5
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    logits = session.run(["logits"], {"images": _images(1).astype(np.float32)})[0]
    assert logits.shape == (1, num_classes)


@pytest.mark.slow
def test_a_model_that_differs_from_its_file_is_found_out(tmp_path):
    model = build_model("swift", 2, (32, 40))
    export_onnx(model, tmp_path / "model.onnx")
    last = model.get_layer("logits")
    # A shift alone is not seen where an untrained model's logits happen to be huge.
    last.kernel.assign(-last.kernel.value)
    last.bias.assign([0.0, 3.0])
    with pytest.raises(ModelError, match="does not compute what the model computes"):
        check_onnx(model, tmp_path / "model.onnx", _images())


@pytest.mark.slow
def test_a_model_trained_in_bfloat16_is_saved_whole_and_comes_back(tmp_path):
    run = Run(tmp_path)
    trained = build_model("swift", 2, (32, 40), "bfloat16")
    described = ModelDescription(
        architecture="swift", class_names=("a", "b"), image_size=(32, 40), resize="stretch"
    )
    assert save_model(run, trained, described, _images()).onnx_largest_difference < 1e-5
    loaded = load_model(run)
    for before, after in zip(trained.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert loaded.compute_dtype == "float32"


def _network_of(layer):
    images = keras.Input((32, 40, 3), name="images")
    x = keras.layers.GlobalAveragePooling2D()(layer(images))
    return keras.Model(images, keras.layers.Dense(3, name="logits")(x), name="odd")


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 3, activation="gelu"),  # exact: erfc in TensorFlow, which ONNX lacks
        keras.layers.LayerNormalization(),
        keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]),
        keras.layers.SeparableConv2D(4, 3, activation="silu"),
    ],
)
def test_layers_of_other_networks_go_through_the_converter(tmp_path, layer):
    model = _network_of(layer)
    export_onnx(model, tmp_path / "model.onnx")
    assert check_onnx(model, tmp_path / "model.onnx", _images()) < 1e-5


class Counts(keras.layers.Layer):
    """Uses an operator of TensorFlow that ONNX has no counterpart for."""

    def call(self, images):
        return tf.math.bessel_i0(images)


@pytest.mark.slow
def test_an_operator_that_onnx_lacks_is_named():
    with pytest.raises(ModelError, match=r"odd cannot be written as ONNX.*BesselI0"):
        check_convertible(_network_of(Counts()))


@pytest.mark.slow
def test_a_network_that_onnx_cannot_express_is_refused_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(
        type(swift.NETWORK), "build_layers", lambda *_: _network_of(Counts()), raising=True
    )
    photos = draw_sample(tmp_path / "pets", count=20)
    config = TrainConfig(model="swift", image_size=(32, 40), epochs=1)
    with pytest.raises(ModelError, match="BesselI0"):
        train(photos, config, tmp_path / "run")
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.slow
def test_the_converter_too_gives_the_same_bytes_for_the_same_weights(tmp_path):
    first = _network_of(keras.layers.SeparableConv2D(4, 3, activation="silu"))
    again = _network_of(keras.layers.SeparableConv2D(4, 3, activation="silu"))
    again.set_weights(first.get_weights())
    for name, model in (("one", first), ("other", again)):
        export_onnx(model, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
