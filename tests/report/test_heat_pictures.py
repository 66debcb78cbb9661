"""Heat maps in the report: of the surest mistakes, and of right answers chosen at random."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pawsight.records import Predictions
from pawsight.report.gallery import Mistake
from pawsight.report.heat_pictures import draw_heat_pictures
from pawsight.runs import Run


@pytest.fixture
def root(tmp_path):
    """Photos of 8 x 8 pixels, black but for a green quarter: of "a.png" the upper left one."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4, :4, 1] = 255
    for name, turned in (("a.png", 0), ("b.png", 2), ("c.png", 2)):
        Image.fromarray(np.rot90(pixels, turned)).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def predictions():
    """ "a" is green; "b" is said to be red, and taken for green; "c" is no longer there."""
    probs = np.array([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1], [0.1, 0.7, 0.2]])
    names = ("red", "green", "blue")
    return Predictions(("a.png", "b.png", "c.png"), np.array([1, 0, 1]), probs, names)


def _pixels(uri):
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.float32)


def test_heat_is_where_the_colour_of_the_answer_is(colour_run, predictions, root):
    (root / "c.png").unlink()
    mistake = Mistake("b.png", "red", "green", 0.8, 0.1, "")
    wrong, right = draw_heat_pictures(colour_run, predictions, [mistake], root, most=4)
    assert (wrong.path, wrong.truth, wrong.label, wrong.is_right) == (
        "b.png",
        "red",
        "green",
        False,
    )
    assert (right.path, right.truth, right.label, right.probability, right.is_right) == (
        "a.png",
        "green",
        "green",
        0.6,
        True,
    )
    for one, quarter in ((wrong, np.s_[4:, 4:]), (right, np.s_[:4, :4])):
        shown = _pixels(one.heat)
        assert shown[quarter].mean() > 3 * shown.mean() / 2
        assert _pixels(one.picture).shape == (8, 8)


def test_no_more_than_asked_of_each_kind(colour_run, predictions, root):
    mistake = Mistake("b.png", "red", "green", 0.8, 0.1, "")
    assert len(draw_heat_pictures(colour_run, predictions, [mistake] * 3, root, most=1)) == 2


def test_run_without_a_model_has_none(predictions, root, tmp_path):
    assert draw_heat_pictures(Run(tmp_path / "none"), predictions, [], root, most=4) == []


def test_heat_is_orange_where_most_counts_and_dark_blue_where_nothing_does(
    colour_run, predictions, root
):
    (picture, *_) = draw_heat_pictures(colour_run, predictions, [], root, most=1)
    data = base64.b64decode(picture.heat.removeprefix("data:image/jpeg;base64,"))
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
    if picture.path == "c.png":
        shown = np.rot90(shown, 2)
    pixels = shown[:4, :4].reshape(-1, 3)
    # 0.42 of (255, 140, 0) over the green of the photo, and 0.78 of (6, 10, 40) over its black.
    np.testing.assert_allclose(pixels[pixels[:, 0].argmax()], [107, 207, 0], atol=35)
    np.testing.assert_allclose(shown[7, 7], [5, 8, 31], atol=20)


def test_a_photo_that_is_cut_is_shown_and_one_that_is_gone_is_left_out(
    colour_run, predictions, root
):
    (root / "a.png").unlink()
    (root / "c.png").unlink()
    mistake = Mistake("b.png", "red", "green", 0.8, 0.1, "data:given")
    (only,) = draw_heat_pictures(colour_run, predictions, [mistake], root, most=4)
    assert only.picture == "data:given"  # it is drawn already
