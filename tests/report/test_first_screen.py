"""The first screen of the report, and the same as JSON."""

import html
import os
import sys
from pathlib import Path

import pytest

from pawsight.evaluation.photo_needs import LearningCurve, save_curve
from pawsight.evaluation.results import PartMetrics
from pawsight.evaluation.shortcut_use import ShortcutUse, save_shortcuts
from pawsight.report.first_screen import failures, next_steps
from pawsight.report.page import write_report
from pawsight.report.report_fields import ReportSummary

from .conftest import needs

DOCS = Path(__file__).parents[2] / "docs"


def metrics_of(matrix, interval):
    n = sum(map(sum, matrix))
    return PartMetrics(
        n=n,
        num_correct=sum(row[i] for i, row in enumerate(matrix)),
        scores={},
        intervals={"accuracy": interval},
        class_names=("cats", "dogs", "eels")[: len(matrix)],
        confusion_matrix=tuple(map(tuple, matrix)),
    )


def test_failures_are_counted_the_most_frequent_first():
    metrics = metrics_of([[7, 2, 1], [0, 4, 0], [1, 1, 8]], (0.6, 0.9))

    # Of equal counts the larger share comes first; all three have 10 photos.
    assert failures(metrics) == [
        "cats taken for dogs: 2 of 10 photos (20.0 %)",
        "cats taken for eels: 1 of 10 photos (10.0 %)",
        "eels taken for cats: 1 of 10 photos (10.0 %)",
    ]
    assert failures(metrics_of([[3, 0], [0, 3]], (0.6, 1.0))) == []


def test_next_steps_name_labels_the_commonest_confusion_and_too_few_photos():
    labels, confusion, photos = next_steps(
        metrics_of([[10, 0], [10, 20]], (0.6, 0.87)), False, "runs/a"
    )

    assert (labels.title, labels.command) == (
        "Check labels that may be wrong",
        "pawsight doubts runs/a",
    )
    assert confusion.title == "Add photos of dogs that look like cats"
    assert confusion.reason == "33.3 % of the photos of dogs (10) were taken for cats."
    assert photos.reason == (
        "with 40 the accuracy lies anywhere from 60.0 % to 87.0 %; four times as many of each "
        "class would halve that range."
    )


@pytest.mark.parametrize(("has_none_photos", "num_steps"), [(True, 1), (False, 2)])
def test_a_faultless_model_is_measured_on_photos_of_other_things(has_none_photos, num_steps):
    steps = next_steps(metrics_of([[99, 0], [0, 99]], (0.98, 1.0)), has_none_photos, "runs/a")

    assert len(steps) == num_steps
    assert ("folder none/" in steps[-1].title) != has_none_photos


def test_labels_of_very_few_photos_are_not_to_be_checked():
    metrics = metrics_of([[1, 0], [0, 1]], (0.2, 1.0))
    few, enough = (next_steps(metrics, True, "runs/a", num_photos=n) for n in (4, 5))
    assert [step.title for step in few] == ["Test on more photos"]
    assert enough[0].title == "Check labels that may be wrong"


def test_two_mistakes_of_one_kind_advise_nothing():
    two, three = (
        next_steps(metrics_of([[60, n], [0, 60]], (0.9, 0.95)), True, "runs/a") for n in (2, 3)
    )
    assert [step.title for step in two] == ["Check labels that may be wrong"]
    assert three[1].title == "Add photos of cats that look like dogs"


def test_report_json_holds_what_the_page_states(make_run):
    run = make_run(num_wrong=2, broken=[("cats/x.jpg", "the file is empty")])
    page = write_report(run).read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")

    found = ReportSummary.model_validate(run.read_json(run.report_json_path))

    for sentence in (found.headline, *found.failures, *(step.title for step in found.steps)):
        assert sentence in page
    assert all(f'id="{step.link}"' in page for step in found.steps)
    assert found.headline == "Right on 75.0 % of photos it had never seen"
    assert (found.num_correct, found.num_photos, found.scores[0].value) == (6, 8, 0.75)
    assert found.classes["cats"].recall == 0.5
    assert found.photos["cats"] == {"train": 4, "validation": 4, "test": 4, "broken": 1}
    assert found.answers is not None and found.answers.answered == 1.0


def test_names_of_any_bytes_are_valid_json(make_run):
    run = make_run(class_names=("cats", os.fsdecode(b"d\xff")), draw=False, is_short=True)
    write_report(run)

    found = run.read_json(run.report_json_path)

    assert list(found["classes"]) == list(found["photos"]) == ["cats", os.fsdecode(b"d\xff")]


def test_a_run_that_was_stopped_has_the_same_fields(make_run):
    run = make_run(parts=(), draw=False)
    write_report(run)

    found = ReportSummary.model_validate(run.read_json(run.report_json_path))

    assert (found.part, found.scores, found.steps, found.answers) == (None, (), (), None)


def test_the_schema_and_the_page_describe_every_field(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    from generate_report_schema import schema

    assert (DOCS / "report.schema.json").read_text(encoding="utf-8") == schema()
    described = (DOCS / "run-folder.md").read_text().partition("## report.json")[2]
    described = described.partition("\n## ")[0]
    assert [name for name in ReportSummary.model_fields if f"`{name}`" not in described] == []


def test_shortcuts_are_a_section_and_the_first_step(make_run):
    run = make_run(draw=False, is_short=True)
    use = ShortcutUse(
        cue="camera",
        title="Camera",
        label="cats",
        text="100 % of the photos of 'cats' are taken with D70, and 0 % of the others.",
        effect=1.0,
        p_value=0.005,
        num_breaking=6,
        num_breaking_wrong=5,
        num_fitting=90,
        num_fitting_wrong=2,
        use_p_value=1e-5,
    )
    save_shortcuts([use], run.shortcuts_path)
    page = write_report(run).read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")

    found = ReportSummary.model_validate(run.read_json(run.report_json_path))

    assert 'id="shortcuts"' in page
    assert "The model may be using this: 5 of 6 photos that break the pattern" in page
    assert found.shortcuts[0].is_used
    assert found.steps[0].title == (
        "Take photos of all classes in the same way: they differ in camera"
    )
    assert found.steps[0].link == "shortcuts"


def test_what_more_photos_would_bring_is_a_section(make_run):
    run = make_run(draw=False, is_short=True, num_wrong=3)  # all four dogs, one cat are right

    curve = LearningCurve(
        num_measured=80,
        points=((16, 0.6), (32, 0.7), (64, 0.8)),
        all=needs(80, 0.8, 0.85, 0.88),
        classes={"cats": needs(40, 0.5, 0.55, 0.6), "dogs": needs(40, 0.9, 0.95, 0.96)},
    )
    save_curve(curve, run.learning_curve_path)
    page = write_report(run).read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")

    found = ReportSummary.model_validate(run.read_json(run.report_json_path))

    assert found.learning_curve == curve
    assert all(sentence in html.unescape(page) for sentence in found.more_photos)
    assert 'id="more"' in page and 'id="figure-learning-curve"' in page
    assert found.steps[1].link == "more"  # three cats were taken for dogs
    assert found.steps[1].reason.endswith("its expected recall from 50.0 % to about 55.0 %.")

    sure = curve.model_copy(update={"all": needs(80, 0.1, 0.2, 0.3)})
    save_curve(sure, run.learning_curve_path)
    page = write_report(run).read_text(encoding="utf-8")
    found = ReportSummary.model_validate(run.read_json(run.report_json_path))
    (sentence,) = found.more_photos
    assert sentence.startswith("Unknown: ") and "62.5 % of the test photos" in sentence
    assert 'id="more"' in page and 'id="figure-learning-curve"' not in page
    assert found.steps[1].link == "classes"


def test_a_curve_is_compared_with_the_scores_of_the_photos_it_was_measured_on(make_run):
    # All 8 validation photos are right (67.6 to 100 %), and 1 of 8 test photos (0.3 to 52.7 %).
    run = make_run(draw=False, is_short=True, num_wrong=7)
    curve = LearningCurve(
        num_measured=8,
        points=((40, 0.8), (80, 1.0)),
        all=needs(80, 0.8, 0.8, 0.8),
        classes={},
        network="swift",
    )

    def sentence(part):
        save_curve(curve.model_copy(update={"part": part}), run.learning_curve_path)
        write_report(run)
        return run.read_json(run.report_json_path)["more_photos"][0]

    assert sentence("test").startswith("Unknown: ")
    assert "this model: 100.0 % of the validation photos" in sentence("validation")


@pytest.mark.parametrize(("high", "is_advised"), [(0.06, False), (0.07, True)])
def test_more_test_photos_are_advised_where_the_interval_is_wider_than_6_points(high, is_advised):
    steps = next_steps(metrics_of([[9, 0], [0, 9]], (0.0, high)), True, "runs/a", num_photos=1)
    assert [step.title for step in steps] == ["Test on more photos"] * is_advised


def test_the_rarest_class_is_named_where_the_classes_are_uneven():
    metrics = metrics_of([[20, 0, 0], [0, 3, 0], [0, 0, 0]], (0.0, 0.0)).model_copy(
        update={"is_imbalanced": True, "intervals": {"balanced_accuracy": (0.5, 0.9)}}
    )
    (step,) = next_steps(metrics, True, "runs/a", num_photos=1)
    assert step.reason.startswith("with 23, of which 3 of dogs, the balanced accuracy lies")


def used(title, is_used):
    """A shortcut that the model may use, or not."""
    return ShortcutUse(
        cue=title,
        title=title,
        label="cats",
        text="",
        effect=1.0,
        p_value=0.005,
        use_p_value=0.01 if is_used else 0.5,
    )


def test_three_shortcuts_are_named_those_that_the_model_may_use_first():
    metrics = metrics_of([[99, 0], [0, 99]], (0.98, 1.0))
    shortcuts = [used(name, name == "Size") for name in ("Camera", "Border", "Size", "File names")]
    step, *_ = next_steps(metrics, True, "runs/a", shortcuts)
    assert step.title.endswith("they differ in size, camera, border and 1 more")
    assert step.reason == "the model may be using this instead of the content."
    step, *_ = next_steps(metrics, True, "runs/a", shortcuts[:2])
    assert step.title.endswith("they differ in camera, border")
    assert step.reason == "a model can learn this instead of the content."
