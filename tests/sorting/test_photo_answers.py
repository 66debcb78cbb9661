"""A photo goes where the answer to it says."""

import pytest

from pawsight.records import Prediction
from pawsight.sorting.sort_plan import Planner

FOLDERS = {"cats": "Cats", "dogs": "Dogs"}


@pytest.fixture
def folder_of(save_photo, tmp_path):
    """Return the folder that a photo with this answer is planned to go to."""

    def find(sure, probability=0.9, answer="cats", ood_score=0.5):
        path = str(save_photo("in/photo.png"))
        planner = Planner(str(tmp_path / "out"), "copy", FOLDERS, sure)
        found = Prediction(path, "cats", probability, {}, "", answer, ood_score)
        return planner.plan(found, str(tmp_path / "in"))[0].folder

    return find


@pytest.mark.parametrize(
    ("answer", "folder"), [("cats", "Cats"), ("unsure", "unsure"), ("none", "none")]
)
def test_without_a_threshold_the_answer_of_the_model_decides(folder_of, answer, folder):
    assert folder_of(None, answer=answer) == folder


def test_threshold_of_the_user_overrides_unsure_but_not_none(folder_of):
    assert folder_of(0.5, probability=0.6, answer="unsure") == "Cats"
    assert folder_of(0.95, probability=0.9, answer="cats") == "unsure"
    assert folder_of(0.0, answer="none", ood_score=1.2) == "none"
