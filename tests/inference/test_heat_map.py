"""Heat maps point at what a model looks at."""

import numpy as np
import pytest

from pawsight.errors import ConfigError, PhotoError, ShapeError
from pawsight.inference.classifier import Classifier
from pawsight.inference.heat_map import heat_map


@pytest.fixture
def red_corner():
    """A black photo of 8 x 8 pixels whose upper left quarter is red."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4, :4, 0] = 255
    return pixels


@pytest.fixture
def classifier(colour_run):
    """A model whose logits are 4 times the mean red, green and blue, 0..1."""
    return Classifier.load(colour_run)


def test_patch_that_speaks_for_the_class_is_the_hottest(classifier, red_corner):
    found = heat_map(classifier.probs, classifier.class_names, red_corner, "red", grid=2)
    # The mean red is 1/4: 255 / 4 rounds to 64. Pixel i of a side is (i + 0.5) / 4 - 0.5 cells from
    # the centre of the first patch. Of the 64 pixels 16 are red.
    # The deviation of a patch is 1.3 cells.
    away = np.array([-0.375, -0.125, 0.125, 0.375, 0.625, 0.875, 1.125, 1.375])
    opacity = np.exp(-0.5 * (away / 1.3) ** 2)
    change = np.outer(opacity, opacity) * (64 - red_corner[..., 0].astype(float))
    red = (red_corner[..., 0] + change).round().mean() / 255
    covered = np.array([4 * red, 0, 0])
    plain = np.array([1.0, 0, 0])
    drop = np.exp(plain)[0] / np.exp(plain).sum() - np.exp(covered)[0] / np.exp(covered).sum()
    assert found.values == pytest.approx(np.array([[1, 0], [0, 0]]))
    assert found.largest_drop == pytest.approx(drop, abs=1e-6)
    assert found.probability == pytest.approx(np.e / (np.e + 2))


def test_values_are_drops_of_the_log_odds_and_patches_fade_out():
    def probs(images):
        """Return 1/2 in two classes, and log-odds of up to 20 and 10 for two pixels."""
        sure = images[:, 1, 1, 0] / 255 * 20 + images[:, 6, 6, 0] / 255 * 10
        sure = 1 / (1 + np.exp(-sure.astype(np.float64)))
        return np.stack([sure, 1 - sure], axis=1)

    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[1, 1] = pixels[6, 6] = 255
    found = heat_map(probs, ["a", "b"], pixels, "a", grid=4)
    # Cells of 2 pixels; the mean of 2 white ones among 64 is 8. The pixel at 1 is 0.25, 0.75, 1.75
    # and 2.75 cells from the centres of the patches along a side, that at 6 the reverse. A patch
    # of opacity a on a white pixel leaves 255 - 247 a of it. The plain log-odds are 30, cut at
    # log(1e12) = 27.631.
    away = np.array([0.25, 0.75, 1.75, 2.75])
    opacity = np.exp(-((away / 1.3) ** 2))  # half the square, twice; the deviation is 1.3 cells
    left = (255 - 247 * opacity).round() / 255
    drops = 27.631 - (20 * left + 10 * left[::-1])
    assert found.values.diagonal() == pytest.approx(drops.clip(0) / drops[0], abs=1e-4)
    assert found.largest_drop == pytest.approx(np.exp(drops[0] - 27.631), rel=1e-3)


def test_without_a_label_it_is_that_of_the_answer(classifier, red_corner):
    assert heat_map(classifier.probs, classifier.class_names, red_corner).label == "red"


def test_class_that_nothing_speaks_for_has_no_heat_where_covering_helps_it(classifier, red_corner):
    found = heat_map(classifier.probs, classifier.class_names, red_corner, "blue", grid=2)
    # Covering the red corner makes blue likelier; elsewhere the cover is redder than black.
    assert found.values[0, 0] == 0
    assert found.values[1, 1] == 1


def test_photo_in_one_colour_has_no_heat(classifier, plain_pixels):
    found = heat_map(classifier.probs, classifier.class_names, plain_pixels((9, 99, 200))[0])
    assert found.values.shape == (8, 8)
    assert not found.values.any()
    assert found.largest_drop == 0


def test_patches_are_never_smaller_than_pixels(classifier, red_corner):
    assert heat_map(classifier.probs, classifier.class_names, red_corner, grid=32).values.shape == (
        8,
        8,
    )


def test_patches_cover_photos_they_do_not_divide(classifier, red_corner):
    assert heat_map(classifier.probs, classifier.class_names, red_corner, grid=3).values.shape == (
        3,
        3,
    )


def test_classifier_draws_it_of_whatever_is_a_photo(classifier, save_photo, tmp_path):
    assert classifier.heat_map(save_photo("a.png", "blue")).label == "blue"
    with pytest.raises(PhotoError):
        classifier.heat_map(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "cow"}, r"no class 'cow'. Its classes: red, green, blue"),
        ({"grid": 0}, "1 to 32 patches along a side, not 0"),
        ({"grid": 33}, "not 33"),
    ],
)
def test_what_cannot_be_drawn_is_reported(classifier, red_corner, options, message):
    with pytest.raises(ConfigError, match=message):
        heat_map(classifier.probs, classifier.class_names, red_corner, **options)


def test_pixels_of_another_size_are_refused(classifier):
    with pytest.raises(ShapeError):
        heat_map(classifier.probs, classifier.class_names, np.zeros((9, 8, 3), np.uint8))


def test_a_class_that_every_cover_helps_has_no_heat_and_no_drop(red_corner):
    def probs(images):
        is_plain = (images == red_corner).all(axis=(1, 2, 3))
        return np.stack([np.where(is_plain, 0.2, 0.6), np.where(is_plain, 0.8, 0.4)], axis=1)

    found = heat_map(probs, ["a", "b"], red_corner, "a")
    assert not found.values.any()
    assert (found.probability, found.largest_drop) == (0.2, 0.0)
