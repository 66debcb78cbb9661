import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from pawsight.models.normalization import FusedBatchNormalization
from pawsight.models.onnx_writer import UnsupportedLayerError, onnx_model
from pawsight.models.registry import build_model, listed_networks

FROM_SCRATCH = [one.name for one in listed_networks() if not one.has_weights]
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 17, 22, 3)).astype(np.float32)


def _randomised(model):
    """Give a model weights under which no part of a layer is without effect."""
    model.set_weights([RNG.uniform(0.1, 1.0, one.shape) for one in model.get_weights()])
    return model


def _model(*stack, size=(17, 22)):
    images = x = keras.Input((*size, 3))
    for layer in stack:
        x = layer(x)
    return _randomised(keras.Model(images, x))


def _run(proto, images=IMAGES):
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["logits"], {"images": images})[0]


def _kinds(proto):
    return [node.op_type for node in proto.graph.node]


def _assert_equal(model, images=IMAGES):
    found = _run(onnx_model(model, "logits"), images)
    np.testing.assert_allclose(found, np.asarray(model(images)), rtol=1e-4, atol=1e-5)


POOL = layers.GlobalAveragePooling2D


@pytest.mark.parametrize(
    "stack",
    [
        (layers.Rescaling(1 / 255), layers.Conv2D(4, 3, padding="same"), POOL()),
        (layers.Rescaling([1.0, 2.0, 3.0], [0.0, -1.0, 1.0]), layers.Conv2D(4, (2, 3)), POOL()),
        (layers.Conv2D(4, 3), layers.Rescaling([1.0, 2.0, 3.0, 4.0], 5.0), POOL()),
        (layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False), POOL()),
        (layers.Conv2D(6, 3, groups=3, activation="relu"), POOL()),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), POOL()),
        (layers.DepthwiseConv2D(5, strides=2, padding="same"), layers.BatchNormalization(), POOL()),
        (layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU(6.0), POOL()),
        (layers.Conv2D(4, 1), layers.BatchNormalization(scale=False, center=False), POOL()),
        (layers.BatchNormalization(), layers.Identity(), POOL()),
        (layers.Rescaling(0.01), layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten()),
        (layers.MaxPooling2D(3, strides=2, padding="same"), layers.GlobalMaxPooling2D()),
        (layers.Conv2D(2, 3), layers.Flatten(), layers.Dropout(0.5), layers.Dense(4, "relu")),
        (POOL(), layers.BatchNormalization(), layers.Dense(2, use_bias=False)),
    ],
)
def test_layers_are_written_as_they_compute(stack):
    _assert_equal(_model(*stack))


def test_branches_are_added_and_concatenated_channel_by_channel():
    images = keras.Input((17, 22, 3))
    left = layers.Conv2D(3, 3, padding="same")(images)
    both = layers.Add()([images, left])
    x = layers.Concatenate()([both, left, images])
    x = layers.Concatenate()([POOL()(x), layers.GlobalMaxPooling2D()(x)])
    model = _randomised(keras.Model(images, x))
    assert model.output_shape == (None, 18)
    _assert_equal(model)


def test_normalisation_is_folded_into_the_convolution_before_it_and_only_there():
    model = _model(layers.Conv2D(4, 3, use_bias=False), FusedBatchNormalization(), POOL())
    assert _kinds(onnx_model(model, "logits")) == [
        "Transpose",
        "Conv",
        "GlobalAveragePool",
        "Flatten",
        "Identity",
    ]
    _assert_equal(model)
    images = keras.Input((17, 22, 3))
    x = layers.Conv2D(4, 3)(images)  # used twice, so it must stay as it is
    joined = layers.Add()([x, layers.BatchNormalization()(x)])
    _assert_equal(_randomised(keras.Model(images, POOL()(joined))))


def test_a_layer_of_another_kind_or_option_is_refused_by_name():
    class Own(layers.ReLU):
        def call(self, images):
            return images + 1

    shared = layers.Conv2D(3, 1)
    for stack in (
        (Own(name="odd"), POOL()),
        (layers.Conv2D(4, 3, dilation_rate=2, name="odd"), POOL()),
        (layers.Conv2D(4, 3, activation="gelu", name="odd"), POOL()),
        (layers.ReLU(negative_slope=0.1, name="odd"), POOL()),
        (layers.Dense(2, name="odd"), POOL()),
    ):
        with pytest.raises(UnsupportedLayerError, match="'odd'"):
            onnx_model(_model(*stack), "logits")
    with pytest.raises(UnsupportedLayerError, match="is a shared layer"):
        onnx_model(_model(shared, shared, POOL()), "logits")


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_own_networks_are_written_and_the_same_weights_give_the_same_bytes(name):
    first = _randomised(build_model(name, 3, (32, 40)))
    again = build_model(name, 3, (32, 40))  # its layers have other numbers in their names
    again.set_weights(first.get_weights())
    images = np.resize(IMAGES, (2, 32, 40, 3))
    one, other = (onnx_model(model, "logits") for model in (first, again))
    assert one.SerializeToString() == other.SerializeToString()
    assert "BatchNormalization" not in _kinds(one)
    np.testing.assert_allclose(_run(one, images), np.asarray(first(images)), rtol=1e-3)


def test_the_built_in_network_with_a_layer_on_it_is_written():
    from pawsight.models.builtin.network import build_features

    features = build_features((64, 96), keras.DTypePolicy("float32"))
    model = keras.Model(features.input, layers.Dense(3, name="logits")(features.output))
    images = RNG.integers(0, 256, (2, 64, 96, 3)).astype(np.float32)
    _assert_equal(model, images)


def test_a_model_in_mixed_precision_and_of_any_size_is_written_in_float32():
    model = build_model("swift", 2, precision="bfloat16", any_size=True)
    proto = onnx_model(model, "logits")
    assert {one.data_type for one in proto.graph.initializer} == {onnx.TensorProto.FLOAT}
    assert _run(proto, IMAGES).shape == (3, 2)
