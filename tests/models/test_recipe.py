"""The recipes of the networks: what was measured to be best, or what the old script had."""

import pytest

from pawsight.config import AugmentConfig
from pawsight.models.recipe import FINETUNING, Recipe, Sizes
from pawsight.models.registry import find_network

RECIPES = {
    "pawsight.models.swift": Recipe(
        optimizer="muon",
        learning_rate=0.12,
        schedule="linear",
        batch_size=128,
        label_smoothing=0.1,
        augment=AugmentConfig(crop_range=(0.35, 1.0), crop_stretch=1.15, horizontal_flip=True),
        epochs=None,
        minutes=10,
        least_batch_size=8,
        warmup=0.15,
        # Of 160 pixels: 64, 96, 128 and 144; in short runs 48 and 64.
        sizes=(
            Sizes(8, ((0.5, 64 / 160), (0.8, 96 / 160), (0.92, 128 / 160), (1.0, 144 / 160)), 1.0),
            Sizes(1.2, ((0.5, 64 / 160), (0.8, 96 / 160), (1.0, 128 / 160)), 144 / 160),
            Sizes(0, ((0.5, 48 / 160), (1.0, 64 / 160)), 80 / 160),
        ),
        finished_shares=(),
        grows_stronger=True,
        shares=((1.0, 1.0),),
    ),
    "pawsight.models.colab": Recipe(
        optimizer="adam",
        learning_rate=0.001,
        schedule="constant",
        batch_size=32,
        label_smoothing=0.0,
        augment=AugmentConfig(shear_range=0.2, zoom_range=0.2, horizontal_flip=True),
        epochs=10,
        minutes=10,
        least_batch_size=32,
        warmup=0.15,
        sizes=(Sizes(0, ((1.0, 1.0),), 1.0),),
        grows_stronger=False,
    ),
}


@pytest.mark.parametrize("module", RECIPES)
def test_recipe_of_a_network_is_the_documented_one(module):
    assert find_network(module.rpartition(".")[2]).recipe == RECIPES[module]


def test_fine_tuning_moves_weights_little_and_the_first_layers_last():
    assert FINETUNING.learning_rate == 3e-5
    assert (FINETUNING.batch_size, FINETUNING.minutes, FINETUNING.epochs) == (32, 10, None)
    assert FINETUNING.label_smoothing == 0.0
    assert FINETUNING.shares == ((0.4, pytest.approx(1 / 3)), (1.0, 1.0))
    augment = FINETUNING.augment
    assert (augment.crop_range, augment.crop_stretch) == ((0.7, 1.0), 1.15)
    assert augment.horizontal_flip and not augment.vertical_flip


@pytest.mark.parametrize(
    ("name", "size", "least", "fits_any"),
    [("swift", 160, 16, True), ("colab", 150, 22, False), ("builtin", 288, 32, True)],
)
def test_networks_have_their_sizes(name, size, least, fits_any):
    network = find_network(name)
    assert network.image_size == (size, size)
    assert (network.min_side, network.fits_any_size) == (least, fits_any)
    assert network.has_weights == (name == "builtin")
