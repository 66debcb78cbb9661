"""A finished run is compared with its checksums, and its numbers are computed again."""

import json
import os
import shutil

import pytest

from pawsight.checksums import all_files, name_of
from pawsight.errors import DataError, RunError
from pawsight.evaluation.predictions import load_predictions
from pawsight.runs import Run
from pawsight.workflow import evaluate, resume, verification, verify, write_report

_FILES = (
    *("config.json", "plan.json", "catalog.csv", "split.csv", "history.csv", "audit.json"),
    *("data.html", "report.html", "checkpoints/latest.npz", "figures/accuracy.png"),
    *("figures/accuracy.svg", "model/model.json", "model/model.weights.h5", "model/model.onnx"),
    *("model/out_of_distribution.npz", "model/drift_reference.npz", "report.json"),
    *("evaluation/metrics.json", "evaluation/curves.json"),
    *("evaluation/predictions-test.csv", "evaluation/predictions-validation.csv"),
)


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the finished run, to damage."""
    return Run(shutil.copytree(run.path, tmp_path / "copy"))


def _flip(path, place=2):
    """Flip the lowest bit of a byte: 2 is the middle of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // place] ^= 1
    path.write_bytes(content)


def test_a_finished_run_holds_with_its_photos(run):
    found = verify(run.path)
    assert found.holds, found.problems
    assert found.notes == ()
    assert found.num_files == len(all_files(run)) >= len(_FILES)
    num_photos = sum(part["n"] for part in run.metrics["parts"].values())
    assert found.num_measured == found.num_predicted == num_photos
    assert found.largest_difference == 0


def test_every_file_of_a_run_has_a_checksum_but_the_log_the_state_and_the_lock(run):
    names = {name_of(run, path) for path in run.path.rglob("*") if path.is_file()}
    # Other tests evaluate the shared run on photos of their own; such results have no checksum.
    names = {name for name in names if not name.startswith("evaluation/pets/")}
    summed = {name_of(run, path) for path in all_files(run)}
    assert names - summed == {"log.txt", "state.json", "checksums.json", ".lock"}
    assert set(_FILES) <= summed


@pytest.mark.parametrize("name", _FILES)
def test_one_bit_of_any_file_is_found(copy, name):
    _flip(copy.path / name)
    found = verify(copy.path)
    assert not found.holds
    assert any(name in problem for problem in found.problems)
    assert len(set(found.problems)) == len(found.problems)


@pytest.mark.parametrize("name", _FILES)
def test_a_missing_file_is_named(copy, name):
    (copy.path / name).unlink()
    found = verify(copy.path)
    assert f"{name} is missing." in found.problems


def test_a_file_that_cannot_be_read_hides_no_other(copy, monkeypatch):
    def fail(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(verification, "file_digest", fail)
    problems = verify(copy).problems
    assert len([one for one in problems if "Input/output error" in one]) > 10


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"sha256": [1]}', b"\xff\x00", b'{"a'])
@pytest.mark.parametrize("name", ["checksums.json", "state.json"])
def test_a_damaged_list_of_checksums_or_state_is_a_problem(copy, name, content):
    (copy.path / name).write_bytes(content)
    found = verify(copy.path)
    assert any(name in problem for problem in found.problems)


def test_a_name_that_was_damaged_in_the_list_is_found(copy):
    text = copy.checksums_path.read_text()
    copy.checksums_path.write_text(text.replace("model/model.onnx", "model/nodel.onnx"))
    problems = verify(copy.path).problems
    assert "model/nodel.onnx is missing." in problems
    assert "model/model.onnx has no checksum." in problems


def test_changed_metrics_are_found_without_checksums(copy):
    copy.checksums_path.unlink()
    metrics = json.loads(copy.metrics_path.read_text())
    metrics["parts"]["test"]["accuracy"] += 0.01
    copy.metrics_path.write_text(json.dumps(metrics))
    found = verify(copy.path)
    assert found.notes == ("An earlier version made this run: its files have no checksums.",)
    (problem,) = found.problems
    assert problem.startswith("metrics.json disagrees with the saved predictions: test.accuracy is")


def test_changed_predictions_are_found_without_checksums(copy):
    copy.checksums_path.unlink()
    path = copy.predictions_path("test")
    head, first, *rest = path.read_text().splitlines()
    fields = first.split(",")
    swapped = ",".join([*fields[:4], fields[5], fields[4]])
    path.write_text("\n".join([head, swapped, *rest]) + "\n")
    problems = " ".join(verify(copy.path).problems)
    assert "metrics.json disagrees" in problems
    assert "The model gives other probabilities for the test photos" in problems


def test_photos_elsewhere_are_named(copy, photos, tmp_path):
    moved = shutil.copytree(photos, tmp_path / "moved")
    config = json.loads(copy.config_path.read_text())
    gone = {"source": "/gone", "root": "/gone"}
    copy.config_path.write_text(json.dumps(config | gone))
    copy.checksums_path.unlink()
    found = verify(copy.path)
    assert found.holds
    assert found.num_predicted == 0
    assert "--photos SOURCE" in found.notes[1]
    again = verify(copy.path, moved)
    assert again.holds
    assert again.num_predicted == found.num_measured


def test_a_photo_that_changed_within_its_size_and_time_is_found_where_photos_are_named(
    copy, photos, tmp_path
):
    moved = shutil.copytree(photos, tmp_path / "moved")
    assert verify(copy.path, moved).holds
    photo = next((moved / "cats").glob("cat*"))
    before = photo.stat()
    _flip(photo)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    (problem,) = verify(copy.path, moved).problems
    assert problem.startswith("1 photo in ")
    assert problem.endswith(f"changed without a change of size and time: cats/{photo.name}")


def test_other_photos_are_refused(copy, photos, tmp_path):
    other = shutil.copytree(photos, tmp_path / "other")
    next((other / "cats").glob("cat*")).unlink()
    with pytest.raises(DataError, match="are not those that"):
        verify(copy.path, other)


def test_photos_that_are_missing_may_be_allowed_and_are_counted(copy, photos, tmp_path):
    other = shutil.copytree(photos, tmp_path / "other")
    validated = load_predictions(copy.predictions_path("validation")).paths
    (other / validated[0]).unlink()
    found = verify(copy.path, other, allow_missing=True)
    assert found.holds
    assert found.num_predicted == found.num_measured - 1
    assert found.notes == ("1 validation photo is missing, and not predicted again.",)
    for path in validated[1:]:
        (other / path).unlink()
    found = verify(copy.path, other, allow_missing=True)
    assert found.notes == ("All validation photos are missing, and were not predicted again.",)
    _flip(other / load_predictions(copy.predictions_path("test")).paths[0])
    with pytest.raises(DataError, match="are not those that"):
        verify(copy.path, other, allow_missing=True)


def test_photos_that_changed_where_they_were_are_a_note(copy, photos, tmp_path):
    other = shutil.copytree(photos, tmp_path / "other")
    next((other / "cats").glob("cat*")).unlink()
    config = json.loads(copy.config_path.read_text()) | {"source": str(other), "root": str(other)}
    copy.config_path.write_text(json.dumps(config))
    copy.checksums_path.unlink()
    found = verify(copy.path)
    assert found.holds
    assert "are not those that" in found.notes[1]


def test_a_run_is_not_verified_before_its_end(copy):
    copy.checksums_path.unlink()
    copy.state_path.write_text('{"stage": "training"}')
    with pytest.raises(RunError, match=r"not finished\.\nContinue with: pawsight resume"):
        verify(copy.path)


def test_the_folder_model_alone_is_compared_with_its_own_checksums(run, tmp_path):
    alone = shutil.copytree(run.path / "model", tmp_path / "alone")
    found = verify(alone)
    assert found.holds
    assert found.num_files == 2
    assert "without its run" in found.notes[0]
    _flip(alone / "model.weights.h5")
    assert "model.weights.h5 is damaged" in verify(alone).problems[0]


def test_what_is_written_again_has_new_checksums_and_hides_no_damage(copy):
    _flip(copy.split_path)
    write_report(copy.path)
    evaluate(copy.path)
    resume(copy.path)
    assert verify(copy.path).problems == (
        "split.csv is not what was written: its checksum differs.",
    )


def test_a_report_that_was_killed_leaves_files_without_a_checksum(copy, monkeypatch):
    from pawsight.report import page

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(page, "write_data_page", killed)
    with pytest.raises(KeyboardInterrupt):
        write_report(copy.path)
    assert "report.html has no checksum." in verify(copy.path).problems
    monkeypatch.undo()
    write_report(copy.path)
    assert verify(copy.path).holds


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("count", "end"), [(5, "."), (6, " and 1 more.")])
def test_five_numbers_of_a_file_that_disagree_are_named(copy, count, end):
    copy.checksums_path.unlink()

    def change(metrics):
        names = [name for name, one in metrics["parts"]["test"].items() if type(one) is float]
        for name in names[:count]:
            metrics["parts"]["test"][name] += 0.25
        assert len(names) >= count

    change_json(copy.metrics_path, change)
    (problem,) = verify(copy.path).problems
    assert problem.count(" instead of ") == 5
    assert problem.endswith(end) and ("more" in problem) is (count > 5)


def test_five_photos_that_changed_are_named(copy, photos, tmp_path):
    moved = shutil.copytree(photos, tmp_path / "moved")
    assert verify(copy.path, moved).holds
    for count, photo in enumerate(sorted((moved / "cats").glob("cat*"))[:6], 1):
        before = photo.stat()
        _flip(photo)
        os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
        if count >= 5:
            (problem,) = verify(copy.path, moved).problems
            assert problem.startswith(f"{count} photos in {moved} changed")
            assert problem.count("cats/") == 5
            assert problem.endswith(" and 1 more") is (count > 5)


def test_the_largest_difference_of_a_probability_is_measured(copy):
    path = copy.predictions_path("validation")
    head, first, *rest = path.read_text().splitlines()
    *facts, one, two = first.split(",")
    step = 0.03 if float(one) < 0.5 else -0.03
    changed = ",".join([*facts, f"{float(one) + step:.9f}", f"{float(two) - step:.9f}"])
    path.write_text("\n".join([head, changed, *rest]) + "\n")
    found = verify(copy.path)
    assert found.largest_difference == pytest.approx(0.03, rel=1e-4)
    assert found.num_predicted == found.num_measured
    other = [one for one in found.problems if one.startswith("The model gives other")]
    assert other == [
        "The model gives other probabilities for the validation photos than were saved: they "
        "differ by up to 0.03, where 0.0001 is allowed."
    ]


def test_a_temperature_that_is_not_the_models_is_found(copy):
    copy.checksums_path.unlink()

    def change(metrics):
        metrics["temperature"] += 1

    change_json(copy.metrics_path, change)
    problems = verify(copy.path).problems
    assert problems == ("The temperature in metrics.json is not that of model.json.",)


def test_curves_of_a_part_without_predictions_are_found(copy):
    copy.checksums_path.unlink()

    def change(metrics):
        del metrics["parts"]["validation"]

    change_json(copy.metrics_path, change)
    problems = verify(copy.path).problems
    assert problems == ("curves.json has a part without predictions: validation.",)


def test_photos_that_were_lost_in_training_are_not_expected_among_the_predictions(copy):
    copy.checksums_path.unlink()
    path = copy.predictions_path("test")
    head, first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, *rest]) + "\n")
    missing = "predictions-test.csv has other photos or classes than catalog.csv."
    assert missing in verify(copy.path).problems

    def change(metrics):
        lost = {"path": first.split(",")[0].strip('"'), "part": "test", "reason": "gone"}
        metrics["lost"] = [lost]

    change_json(copy.metrics_path, change)
    assert missing not in verify(copy.path).problems


def test_photos_that_are_not_the_runs_are_a_note_once_there_is_a_problem(copy, photos, tmp_path):
    other = shutil.copytree(photos, tmp_path / "other")
    next((other / "cats").glob("cat*")).unlink()
    copy.split_path.unlink()
    found = verify(copy.path, other)
    assert not found.holds
    assert found.num_predicted == 0
