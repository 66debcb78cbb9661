"""What networks refuse before they are built, without TensorFlow."""

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
    with pytest.raises(ModelError, match="'swift' has no weights to take features from"):
        network.open_backbone((64, 64), None, None)
    assert (network.options, network.members) == ({}, (network,))
    assert network.with_options({}) is network.base is network.base_model(network) is network
    assert network.find("Swift") is network
    assert network.find("colab") is None
    assert (network.has_weights, network.can_finetune, network.takes_weights) == (False,) * 3
    builtin = find_network("builtin")
    assert (builtin.has_weights, builtin.can_finetune) == (True, True)


def test_a_network_of_any_size_is_built_with_open_sides_on_request():
    assert find_network("swift").build(3, (32, 48)).input_shape == (None, 32, 48, 3)
    model = find_network("swift").build(3, (32, 48), any_size=True)
    assert (model.input_shape, model.output_shape) == ((None, None, None, 3), (None, 3))
    colab = find_network("colab").build(2, (32, 48), any_size=True)
    assert (colab.input_shape, colab.output_shape) == ((None, 32, 48, 3), (None, 1))
    assert find_network("colab").build(2).input_shape == (None, 150, 150, 3)
