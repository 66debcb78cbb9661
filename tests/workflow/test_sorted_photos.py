"""What a sort plans, without a model: the folders, the notes, and what is refused."""

import shutil
from types import SimpleNamespace

import pytest

from pawsight.errors import ConfigError, StoppedError
from pawsight.inference.drift import DriftTest
from pawsight.progress import Silent
from pawsight.records import Prediction
from pawsight.runs import Run
from pawsight.sorting.journal import Journal
from pawsight.task import MULTI_LABEL, SINGLE_LABEL
from pawsight.workflow import sort, sorted_photos, undo_sort


def answer(photo):
    """A photo whose name has "dog" in it is a dog; a row with an error stays one."""
    if isinstance(photo, Prediction):
        return photo
    label = "dogs" if "dog" in photo.rpartition("/")[2] else "cats"
    return Prediction(photo, label, 0.9, answer=label)


@pytest.fixture
def given(monkeypatch, tmp_path):
    """A model that answers by the names of photos; its task and its drift can be set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    given = SimpleNamespace(task=SINGLE_LABEL, drift=None)

    def load(path):
        return SimpleNamespace(
            class_names=("cats", "dogs"),
            task=given.task,
            drift_monitor=lambda: SimpleNamespace(
                watch=lambda found: found, result=lambda: given.drift
            ),
            predict_iter=lambda photos: map(answer, photos),
        )

    monkeypatch.setattr(sorted_photos, "load", load)
    return given


@pytest.fixture
def plan(given, tmp_path):
    """Plan a sort of photos; one of a format that is not read is a row with an error."""
    (tmp_path / "photos" / "raw.cr2").touch()

    def run(sources="photos", **options):
        return sort(sources, tmp_path / "sorted", dry_run=True, **options)

    return run


def test_a_plan_names_the_model_by_its_path_or_the_one_that_ships(plan, tmp_path):
    found = plan()
    assert (found.model, found.how, len(found.placements)) == ("builtin", "copy", 1)
    assert found.sources == (str(tmp_path / "photos"),)
    assert plan(run_path="runs/first").model == str(tmp_path / "runs" / "first")
    assert plan(run_path=Run(tmp_path / "run")).model == str(tmp_path / "run")
    assert plan(["photos", "photos"]).sources == (str(tmp_path / "photos"),) * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sure": -0.1}, "sure must be a probability from 0 to 1, not -0.1"),
        ({"sure": 1.1}, "not 1.1"),
        ({"how": "burn"}, "how must be one of copy, link, move, not burn"),
    ],
)
def test_what_cannot_be_sorted_is_refused(plan, options, message):
    with pytest.raises(ConfigError, match=message):
        plan(**options)


def test_a_model_of_several_labels_is_refused(plan, given):
    given.task = MULTI_LABEL
    with pytest.raises(ConfigError, match="gives photos several labels"):
        plan()


@pytest.mark.parametrize("sure", [0, 1, None])
def test_any_probability_may_be_the_least(plan, sure):
    assert [one.status for one in plan(sure=sure).placements] == ["failed"]


def test_photos_are_placed_and_the_next_sort_notes_how_many_are(given, save_photo, tmp_path):
    for side, name in enumerate(("cat 1", "cat 2", "dog"), 8):
        save_photo(f"photos/{name}.png", size=(side, 8))
    progress, notes = Counting(), []
    progress.note = notes.append

    done = sort("photos", "photos", progress=progress)

    assert (done.count("placed", "cats"), done.count("placed", "dogs")) == (2, 1)
    assert {one.name for one in (tmp_path / "photos" / "cats").iterdir()} == {
        "cat 1.png",
        "cat 2.png",
    }
    assert progress.done["Listing photos"] == progress.done["Predicting"] == 3
    assert notes == []
    sort("photos", "photos", progress=progress)
    assert notes == ["3 photos are already sorted in photos, and left out."]
    (tmp_path / "photos" / "cats").rename(tmp_path / "elsewhere")
    sort("photos", "photos", progress=progress, dry_run=True)
    assert notes[1:] == ["1 photo is already sorted in photos, and left out."]
    assert undo_sort("photos").num_back == 1


class Counting(Silent):
    """Keeps how far each stage came."""

    def __init__(self):
        self.done = {}

    def start(self, stage, total=None, unit=""):
        self.stage = stage
        self.done[stage] = 0

    def advance(self, done, **facts):
        self.done[self.stage] += done


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            ["cat.mov"],
            "1 film of a Live Photo stays where it is; --companions includes such files.",
        ),
        (["cat.cr2"], "1 raw file stays where it is; --companions includes such files."),
        (
            ["cat.mov", "dog.mov", "cat.cr2"],
            "2 films of Live Photos and 1 raw file stay where they are; --companions includes such "
            "files.",
        ),
    ],
)
def test_files_that_stay_beside_their_photos_are_counted(plan, save_photo, recorded, files, note):
    for name in ("cat", "dog"):
        save_photo(f"photos/{name}.jpg")
    for name in files:
        save_photo("cat.png").rename(f"photos/{name}")
    plan(progress=recorded)
    assert recorded.notes == [note]
    recorded.notes.clear()
    plan(progress=recorded, with_companions=True)
    assert recorded.notes == []


@pytest.mark.parametrize("how", ["link", "move"])
def test_photos_of_an_archive_are_only_copied_and_named_in_it(plan, save_photo, tmp_path, how):
    save_photo("photos/cat.png")
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "photos")
    with pytest.raises(
        ConfigError, match=f"(?s)photos of {archive} are fetched.*Leave --{how} out"
    ):
        plan(["photos", archive], how=how)
    found = plan([archive])
    assert found.sources == (archive,)
    assert found.count("planned", "cats") == 1
    assert plan(how=how).count("planned", "cats") == 1


@pytest.mark.parametrize(("p_value", "is_noted"), [(0.001, True), (0.5, False)])
def test_photos_unlike_those_of_the_validation_are_noted(plan, given, recorded, p_value, is_noted):
    given.drift = DriftTest(40, p_value)
    plan(progress=recorded)
    assert recorded.notes == ([given.drift.sentence()] if is_noted else [])


def test_a_dry_run_leaves_what_a_stopped_sort_left_and_another_finishes_it(
    plan, save_photo, recorded, tmp_path
):
    save_photo("photos/cat.png")
    sort("photos", "sorted")
    (path,) = (tmp_path / "sorted" / ".pawsight-sort").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"end"' not in line))  # as if killed

    plan(progress=recorded)

    left = f"An earlier sort into {tmp_path / 'sorted'} was stopped; its leftovers are not shown"
    assert recorded.notes == [f"{left} here."]
    assert not Journal.newest(str(tmp_path / "sorted")).is_ended
    sort("photos", "sorted")
    assert Journal.newest(str(tmp_path / "sorted")).is_ended


def test_ctrl_c_in_an_undo_explains_how_to_resume(given, monkeypatch):
    def interrupted(into, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(sorted_photos, "undo", interrupted)
    with pytest.raises(StoppedError, match="Run the same command again to resume"):
        undo_sort("sorted")
