import numpy as np
import pytest

from pawsight.errors import ModelError
from pawsight.models.registry import ARCHITECTURES, build_model
from pawsight.models.sizes import IMAGE_SIZES


def test_colab_has_exactly_the_scripts_parameters():
    assert build_model("colab", 2, (150, 150)).count_params() == 9_563_713


def test_colab_has_the_scripts_layers_in_the_scripts_order():
    layers = [type(layer).__name__ for layer in build_model("colab", 2).layers]
    convolutions = ["Conv2D", "MaxPooling2D"] * 3
    assert layers == ["InputLayer", "Rescaling", *convolutions, "Flatten", "Dense", "Dense"]


@pytest.mark.parametrize(
    ("name", "num_classes", "num_outputs"),
    [("colab", 2, 1), ("colab", 3, 3), ("swift", 2, 2), ("swift", 200, 200)],
)
def test_the_number_of_logits_follows_the_classes(name, num_classes, num_outputs):
    assert build_model(name, num_classes, (32, 48)).output_shape == (None, num_outputs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_logits_are_float32_and_finite_for_the_whole_range_of_pixels(name, precision):
    model = build_model(name, 3, (33, 47), precision)
    images = np.linspace(0, 255, 2 * 33 * 47 * 3, dtype=np.float32).reshape(2, 33, 47, 3)
    logits = model(images).numpy()
    assert logits.dtype == np.float32
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_smallest_allowed_image_works_and_a_smaller_one_is_refused(name):
    least = ARCHITECTURES[name].min_image_side
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
    with pytest.raises(ModelError, match="float32 or bfloat16"):
        build_model("swift", 2, precision="float16")


def test_every_network_has_an_image_size_that_is_known_without_tensorflow():
    assert {name: one.image_size for name, one in ARCHITECTURES.items()} == IMAGE_SIZES
