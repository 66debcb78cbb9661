"""What networks refuse before they are built, without TensorFlow."""

import numpy as np
import pytest

from pawsight.errors import ModelError
from pawsight.models.registry import find_network


@pytest.mark.parametrize(("name", "side"), [("swift", 16), ("colab", 22), ("builtin", 32)])
def test_images_that_are_too_small_are_refused(name, side):
    network = find_network(name)
    network.check((side, side))
    for size in ((side - 1, side), (side, side - 1)):
        with pytest.raises(ModelError, match=rf"at least {side} pixels a side, not {size[0]}x"):
            network.check(size)


def test_a_classifier_has_two_classes_and_a_known_precision():
    network = find_network("swift")
    with pytest.raises(ModelError, match="needs at least 2 classes, not 1"):
        network.build(1)
    with pytest.raises(ModelError, match="not 'int8'"):
        network.build(2, precision="int8")
    with pytest.raises(ModelError, match="at least 16 pixels"):
        network.build(2, (8, 8))


def test_a_network_from_scratch_takes_no_weights_and_gives_no_features(tmp_path):
    network = find_network("swift")
    with pytest.raises(ModelError, match="'swift' takes no weights"):
        network.load_weights(None, tmp_path)
    with pytest.raises(ModelError, match="'swift' has no weights to compute features with"):
        network.open_backbone((64, 64), None, None)
    assert (network.options, network.members) == ({}, (network,))
    assert network.with_options({}) is network.base is network.base_model(network) is network
    assert network.find("Swift") is network
    assert network.find("colab") is None
    assert (network.has_weights, network.can_finetune, network.takes_weights) == (False,) * 3
    builtin = find_network("builtin")
    assert (builtin.has_weights, builtin.can_finetune) == (True, True)


def test_a_network_of_any_size_is_built_with_open_sides_on_request():
    model = find_network("swift").build(3, (32, 48), any_size=True)
    assert (model.input_shape, model.output_shape) == ((None, None, None, 3), (None, 3))
    colab = find_network("colab").build(2, (32, 48), any_size=True)
    assert (colab.input_shape, colab.output_shape) == ((None, 32, 48, 3), (None, 1))
    assert find_network("colab").build(2).input_shape == (None, 150, 150, 3)


def test_the_network_of_the_script_has_three_convolutions_and_a_dense_layer():
    model = find_network("colab").build(2)
    # 3 x 3 kernels: 3 to 32, to 64, to 128 channels; 150, 148, 74, 72, 36, 34 and 17 pixels.
    convolutions = 9 * 3 * 32 + 32 + 9 * 32 * 64 + 64 + 9 * 64 * 128 + 128
    assert model.count_params() == convolutions + 17 * 17 * 128 * 256 + 256 + 256 + 1
    assert find_network("colab").build(3).output_shape == (None, 3)
    scaled = model.layers[1](np.full((1, 150, 150, 3), 255.0, np.float32))
    assert float(np.max(scaled)) == float(np.min(scaled)) == 1.0


def test_swift_has_four_residual_blocks():
    def block(before, channels):
        shortcut = 0 if before == channels else before * channels + 4 * channels
        return 9 * before * channels + 9 * channels**2 + 2 * 4 * channels + shortcut

    model = find_network("swift").build(2, (150, 90))
    blocks = block(32, 64) + block(64, 128) + block(128, 256) + block(256, 256)
    assert model.count_params() == 9 * 3 * 32 + 4 * 32 + blocks + 256 * 2 + 2
    # A stride of 2 and three poolings; an odd side is rounded up.
    assert model.layers[-2].input.shape[1:] == (10, 6, 256)
    scaled = [float(np.max(model.layers[1](np.full((1, 150, 90, 3), v)))) for v in (0.0, 255.0)]
    assert scaled == [-1.0, 1.0]
    normalisations = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    assert {layer.momentum for layer in normalisations} == {0.9}
