from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact

from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.errors import RunError
from pawsight.evaluation.shortcut_use import (
    ShortcutUse,
    load_shortcuts,
    measure_shortcuts,
    save_shortcuts,
)
from pawsight.records import Photo, Predictions

NIKON = "NIKON D70"


def measured(cats_without, dogs_with, is_taken):
    """The one shortcut of 30 cats and 30 dogs, most cats and few dogs taken with a Nikon.

    The model takes a photo for a cat where `is_taken` says so of its class and camera.
    """
    kinds = [("cats", "" if i < cats_without else NIKON) for i in range(30)]
    kinds += [("dogs", NIKON if i < dogs_with else "") for i in range(30)]
    photos = tuple(
        Photo(f"{i:02}.jpg", label, "test", width=4, height=3, camera=camera)
        for i, (label, camera) in enumerate(kinds)
    )
    taken = np.array([is_taken(label, camera) for label, camera in kinds])
    predictions = Predictions(
        tuple(photo.path for photo in photos),
        np.repeat([0, 1], 30),
        np.where(taken[:, None], [0.9, 0.1], [0.1, 0.9]),
        ("cats", "dogs"),
    )
    (found,) = measure_shortcuts(
        predictions, Dataset(Catalog("pets", Path("/photos"), photos), None)
    )
    return found


def test_mistakes_that_follow_the_cue_show_that_the_model_may_use_it():
    found = measured(5, 3, lambda label, camera: camera == NIKON)
    assert (found.num_breaking, found.num_breaking_wrong) == (8, 8)
    assert (found.num_fitting, found.num_fitting_wrong) == (52, 0)
    assert found.is_used
    assert found.sentence("test").startswith(
        "The model may be using this: 8 of 8 photos that break the pattern are mistaken as it "
        "suggests, 0 of 52 that fit it are mistaken (p = "
    )


def test_right_answers_in_spite_of_the_cue_show_no_sign():
    found = measured(5, 3, lambda label, camera: label == "cats")
    assert not found.is_used
    assert found.use_p_value == 1
    assert found.sentence("test").startswith("No sign that the model uses this: 0 of 8 photos")


@pytest.mark.parametrize(("dogs_with", "is_judged"), [(2, True), (1, False)])
def test_five_photos_that_break_the_pattern_are_judged_by(dogs_with, is_judged):
    found = measured(3, dogs_with, lambda label, camera: camera == NIKON)
    assert found.num_breaking == 3 + dogs_with
    assert (found.use_p_value is not None) is is_judged


def test_the_probability_is_that_of_fisher_s_exact_test():
    # Of 3 dogs with the camera all are taken for cats, and of 5 cats without it none is.
    found = measured(5, 3, lambda label, camera: label == "cats" or camera == NIKON)
    assert (found.num_breaking_wrong, found.num_fitting_wrong) == (3, 0)
    expected = fisher_exact([[3, 5], [0, 52]], alternative="greater").pvalue
    assert found.use_p_value == pytest.approx(expected)


def test_a_photo_without_the_fact_neither_fits_nor_breaks_the_pattern():
    qualities = [0, *[90] * 24, *[60] * 5, *[60] * 27, *[90] * 3]  # 0 is unknown
    photos = tuple(
        Photo(f"{i:02}.jpg", name, "test", format="JPEG", jpeg_quality=quality, width=4, height=3)
        for i, (name, quality) in enumerate(
            zip(["cats"] * 30 + ["dogs"] * 30, qualities, strict=True)
        )
    )
    predictions = Predictions(
        tuple(photo.path for photo in photos),
        np.repeat([0, 1], 30),
        np.tile([0.2, 0.8], (60, 1)),  # all are taken for dogs
        ("cats", "dogs"),
    )
    (found,) = measure_shortcuts(
        predictions, Dataset(Catalog("pets", Path("/photos"), photos), None)
    )
    # A quality above 75 is that of cats: 5 cats and 3 dogs break this.
    assert (found.num_breaking, found.num_breaking_wrong) == (8, 5)
    assert (found.num_fitting, found.num_fitting_wrong) == (51, 24)


def test_without_photos_that_break_the_pattern_nothing_can_be_said():
    found = measured(1, 0, lambda label, camera: label == "cats")
    assert (found.use_p_value, found.is_used) == (None, False)
    assert found.sentence("test") == (
        "Only 1 test photo breaks this pattern, so the score does not show whether the model uses "
        "it."
    )


def test_a_camera_that_no_photo_of_the_part_has_is_compared_all_the_same():
    # Of 60 cats 50 have the Nikon, all for training; those of the test part have other cameras.
    kinds = [("cats", "train", NIKON)] * 50 + [("cats", "test", "PHONE")] * 10
    kinds += [("dogs", "test", "PHONE")] * 30 + [("dogs", "test", "TABLET")] * 30
    photos = tuple(
        Photo(f"{i:03}.jpg", label, part, width=4, height=3, camera=camera)
        for i, (label, part, camera) in enumerate(kinds)
    )
    tested = photos[50:]
    predictions = Predictions(
        tuple(photo.path for photo in tested),
        np.repeat([0, 1], [10, 60]),
        np.repeat([[0.9, 0.1], [0.1, 0.9]], [10, 60], axis=0),
        ("cats", "dogs"),
    )

    found = measure_shortcuts(predictions, Dataset(Catalog("pets", Path("/photos"), photos), None))

    (camera,) = found
    assert camera.text.startswith("83 % of the photos of 'cats' are taken with NIKON D70")
    assert (camera.num_breaking, camera.num_fitting) == (10, 60)


def test_what_is_saved_is_loaded(tmp_path):
    found = [measured(5, 3, lambda label, camera: camera == NIKON)]
    save_shortcuts(found, tmp_path / "shortcuts.json")
    assert load_shortcuts(tmp_path / "shortcuts.json") == found
    assert load_shortcuts(tmp_path / "none.json") == []  # a run of an earlier version


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "shortcuts.json").write_text("[{}]")
    with pytest.raises(RunError, match=r"shortcuts\.json is damaged"):
        load_shortcuts(tmp_path / "shortcuts.json")


@pytest.mark.parametrize(("p_value", "is_used"), [(0.049, True), (0.05, False), (None, False)])
def test_mistakes_that_chance_explains_are_no_sign_of_a_shortcut(p_value, is_used):
    fields = dict.fromkeys(("cue", "title", "label", "text"), "x")
    found = ShortcutUse(**fields, effect=0.5, p_value=0.001, use_p_value=p_value)
    assert found.is_used is is_used
    assert (found.num_breaking, found.num_fitting_wrong) == (0, 0)
