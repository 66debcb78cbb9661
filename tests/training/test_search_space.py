"""What a search tries, and the settings that its values stand for."""

import pytest

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.models.registry import find_network
from pawsight.training.search_space import search_space, settings_of, strengthened


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


def test_stronger_crops_take_less_of_the_photo():
    augment = AugmentConfig(crop_range=(0.4, 1.0), crop_stretch=1.2)
    found = strengthened(augment, 1.5)  # 1 - 1.5 * 0.6
    assert found.crop_range == (pytest.approx(0.1), 1.0)
    assert found.crop_stretch == pytest.approx(1.3)
    assert strengthened(augment, 2.0).crop_range == (0.08, 1.0)  # the smallest crop
