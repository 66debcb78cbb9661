"""What a search tries, and the settings that its values stand for."""

import pytest

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.models.registry import find_network
from pawsight.training.search_space import search_space, settings_of, strengthened


class Lowest:
    """Suggests the lowest number and the first choice."""

    def suggest_float(self, name, low, high, *, log=False):
        assert log  # half and twice the recipe are tried equally often
        return low

    def suggest_categorical(self, name, choices):
        return choices[0]


class Fixed:
    """Suggests the highest number and the last choice."""

    def suggest_float(self, name, low, high, *, log=False):
        return high

    def suggest_categorical(self, name, choices):
        return choices[-1]


def test_default_values_leave_all_to_the_recipe():
    config = TrainConfig(model="swift", seed=3)
    defaults = {one.name: one.default for one in search_space(config)}
    assert list(defaults) == ["learning rate", "augmentation", "batch size", "image size", "resize"]
    assert settings_of(config, defaults) == config


def test_values_are_relative_to_the_recipe():
    config = TrainConfig(model="swift")
    values = {one.name: one.suggest(Fixed()) for one in search_space(config)}
    found, recipe = settings_of(config, values), find_network("swift").recipe
    assert found.learning_rate == pytest.approx(4 * recipe.learning_rate)
    assert found.batch_size == 2 * recipe.batch_size
    assert (found.image_size, found.resize) == ((200, 200), "pad")  # of 160


def test_settings_of_the_user_are_not_searched():
    config = TrainConfig(
        model="swift", learning_rate=0.1, augment=AugmentConfig(), image_size=64, resize="crop"
    )
    assert [one.name for one in search_space(config)] == ["batch size"]


def test_image_size_of_a_network_that_fits_one_size_is_not_searched():
    assert "image size" not in [one.name for one in search_space(TrainConfig(model="colab"))]


def test_a_linear_head_has_nothing_to_search():
    assert search_space(TrainConfig(model="builtin")) == []
    assert search_space(TrainConfig(model="builtin", finetune=True)) != []


def test_stronger_augmentation_widens_every_range_and_keeps_flips():
    augment = AugmentConfig(
        rotation_range=10.0, width_shift_range=0.8, horizontal_flip=True, zoom_range=0.2
    )
    found = strengthened(augment, 1.5)
    assert (found.rotation_range, found.zoom_range) == (15.0, pytest.approx(0.3))
    assert (found.width_shift_range, found.horizontal_flip) == (0.9, True)  # below 1: a share


def test_every_range_grows_with_the_strength():
    numbers = {name for name, value in AugmentConfig() if isinstance(value, float)}
    augment = AugmentConfig(**dict.fromkeys(numbers - {"crop_stretch"}, 0.5))
    found = dict(strengthened(augment, 1.5))
    kept = {name for name in numbers if found[name] == getattr(augment, name)}
    assert kept == {"cval", "crop_stretch"}


def test_stronger_crops_take_less_of_the_photo():
    augment = AugmentConfig(crop_range=(0.4, 1.0), crop_stretch=1.2)
    found = strengthened(augment, 1.5)  # 1 - 1.5 * 0.6
    assert found.crop_range == (pytest.approx(0.1), 1.0)
    assert found.crop_stretch == pytest.approx(1.3)
    assert strengthened(augment, 2.0).crop_range == (0.08, 1.0)  # the smallest crop


def test_lowest_values_are_relative_to_the_recipe():
    config = TrainConfig(model="swift")
    values = {one.name: one.suggest(Lowest()) for one in search_space(config)}
    found, recipe = settings_of(config, values), find_network("swift").recipe
    assert values["augmentation"] == 0.5
    assert found.augment == strengthened(recipe.augment, 0.5)
    assert found.learning_rate == pytest.approx(recipe.learning_rate / 4)
    assert found.batch_size == recipe.batch_size / 2
    assert (found.image_size, found.resize) == ((120, 120), "stretch")  # of 160


def test_only_numbers_have_bounds():
    space = search_space(TrainConfig(model="swift"))
    assert [(one.low, one.high) for one in space if one.choices] == [(0.0, 0.0)] * 3


@pytest.mark.parametrize(
    ("side", "factor", "found"),
    [
        (160, 0.83, 136),  # 132.8: 16.6 times 8
        (160, 0.1, 32),  # the smallest side
        (160, 3.0, 384),  # the largest
    ],
)
def test_sides_are_multiples_of_eight_pixels_within_bounds(side, factor, found):
    assert find_network("swift").image_size == (side, side)
    values = {"image size": factor}
    assert settings_of(TrainConfig(model="swift"), values).image_size == (found, found)


def test_a_batch_has_at_least_one_photo():
    assert settings_of(TrainConfig(model="swift"), {"batch size": 1e-6}).batch_size == 1


def test_every_range_is_as_much_wider():
    names = ("rotation_range", "shear_range", "channel_shift_range", "zoom_range", "erase")
    augment = AugmentConfig(**dict.fromkeys(names, 0.2), height_shift_range=0.1)
    found = strengthened(augment, 0.5)
    assert [getattr(found, name) for name in names] == [0.1] * 5
    assert (found.height_shift_range, found.width_shift_range) == (0.05, augment.width_shift_range)
    pixels = strengthened(AugmentConfig(width_shift_range=3.0), 0.5)
    assert pixels.width_shift_range == 3.0  # pixels are no share: left alone
    assert strengthened(AugmentConfig(), 2.0) == AugmentConfig()
