"""What a report states, computed from the records of a run."""

from dataclasses import replace

import numpy as np
import pytest

from pawsight.evaluation.photo_needs import LearningCurve
from pawsight.records import Photo, Predictions
from pawsight.report.contents import Contents
from pawsight.report.summary import summarise
from pawsight.training.average_choice import AverageChoice
from pawsight.training.plan import FittedHead, HeadPlan

from .conftest import needs, rows_of

NAMES = ("cats", "dogs", "eels")


@pytest.fixture(scope="module")
def contents(make_run):
    """Of a run on four test photos a class, of which one cat was taken for a dog."""
    loaded = Contents.load(make_run(class_names=NAMES, is_short=True, draw=False))
    return replace(loaded, history=rows_of([0.6, 0.9, 0.8]))


CURVE = LearningCurve(
    num_measured=80,
    points=((16, 0.6), (32, 0.7), (64, 0.8)),
    all=needs(80, 0.8, 0.85, 0.88),
    classes={
        "cats": needs(40, 0.5, 0.55, 0.6),
        "dogs": needs(40, 0.7, 0.85, 0.9),
        "eels": needs(40, 0.8, 0.9, 0.96),
    },
)


def changed_metrics(contents, **fields):
    """The contents with other metrics of the test part."""
    evaluation = contents.evaluation
    parts = evaluation.parts | {"test": evaluation.main.model_copy(update=fields)}
    return replace(contents, evaluation=evaluation.model_copy(update={"parts": parts}))


def test_classes_that_gain_most_by_more_photos_come_first(contents):
    found = summarise(replace(contents, learning_curve=CURVE)).more_photos
    assert [
        name for sentence in found[1:] for name in NAMES if f"photos of {name}" in sentence
    ] == [
        *("dogs", "eels", "cats"),
    ]
    assert summarise(contents).more_photos == ()
    later = replace(contents, learning_curve=CURVE, evaluation=None)
    assert summarise(later).more_photos == ()


def test_the_kind_of_photos_that_is_mistaken_most_is_named_of_its_class_alone(contents):
    # Of 36 cats the 12 darkest are mistaken; of 36 dogs the 12 brightest.
    labels, brightness = np.repeat([0, 1], 36), np.tile(np.arange(36), 2)
    answers = np.where(np.repeat([0, 1], 36) == 0, brightness < 12, brightness < 24).astype(int)
    paths = tuple(f"{i:02}.jpg" for i in range(72))
    predictions = Predictions(paths, labels, np.eye(3)[answers] * 0.9 + 0.03, NAMES)
    photos = tuple(
        Photo(path, NAMES[label], "test", brightness=float(value))
        for path, label, value in zip(paths, labels, brightness, strict=True)
    )
    given = {"predictions": predictions, "learning_curve": CURVE}
    catalog = replace(contents.catalog, photos=photos)
    found = summarise(replace(contents, catalog=catalog, **given))
    by_class = {name: one for one in found.more_photos for name in NAMES if f"of {name}" in one}
    assert "above all like" not in by_class["eels"]  # which has no photos here
    assert "cats, above all like the darkest third of them," in by_class["cats"]
    assert "dogs, above all like the brightest third of them," in by_class["dogs"]
    assert "above all" not in " ".join(
        summarise(replace(contents, **(given | {"predictions": None}))).more_photos
    )


def test_the_score_of_the_headline_comes_first(contents):
    assert summarise(contents).scores[0].key == "accuracy"
    uneven = changed_metrics(contents, is_imbalanced=True)
    assert summarise(uneven).scores[0].key == "balanced_accuracy"
    known = summarise(replace(contents, num_network_photos=3))
    assert known.headline.endswith("% of the test photos")
    assert known.caution.startswith("The built-in network was made with about 3 of these photos")


def test_twenty_confusions_are_listed(contents):
    names = tuple("abcdef")
    matrix = tuple(tuple(10 + 6 * i + j for j in range(6)) for i in range(6))
    found = summarise(changed_metrics(contents, class_names=names, confusion_matrix=matrix))
    counts = [one.count for one in found.confusions]
    expected = sorted((10 + 6 * i + j for i in range(6) for j in range(6) if i != j), reverse=True)
    assert counts == expected[:20]
    assert found.confusions[0].share == pytest.approx(44 / sum(range(40, 46)))


def test_answers_and_their_errors_are_those_of_one_label(contents):
    found = summarise(contents).answers
    assert (found.answered, found.wrong) == (1.0, pytest.approx(1 / 12))
    assert summarise(replace(contents, predictions=None)).answers is None
    assert summarise(replace(contents, predictions=None)).slices == ()


def test_what_is_not_evaluated_states_how_to_go_on(contents):
    found = summarise(replace(contents, evaluation=None, predictions=None))
    assert found.headline == "Not evaluated yet: this run did not get that far"
    assert found.caution.startswith("Continue with: pawsight resume ")
    assert (found.part, found.num_photos, found.num_correct, found.classes) == (None, 0, 0, {})
    assert len(found.findings) == 1  # on the curves


@pytest.mark.parametrize(("num_copies", "words"), [(None, ""), (0, ""), (1, "1 photo has copies")])
def test_copies_in_different_parts_are_a_caution(contents, num_copies, words):
    changed = contents.evaluation.model_copy(update={"copies_across_parts": num_copies})
    caution = summarise(replace(contents, evaluation=changed)).caution
    assert caution.startswith(words) and bool(caution) is bool(words)


def test_a_head_has_no_curves_and_no_epoch_was_chosen(contents):
    fields = {name: getattr(contents.plan, name) for name in HeadPlan.model_fields if name != "kind"
              and hasattr(contents.plan, name)}  # fmt: skip
    head = FittedHead(views=("as it is",), num_features=4, strength=0.1, cross_validation=())
    validated = contents.evaluation.model_copy(update={"headline": "validation"})
    trained = replace(contents, evaluation=validated)
    fitted = replace(trained, plan=HeadPlan(**fields, head=head))
    assert "chose the epoch that was kept" in summarise(trained).caution
    assert "calibrated its probabilities" in summarise(fitted).caution
    assert len(summarise(trained).findings) == len(summarise(fitted).findings) + 1


def test_the_curves_are_described_with_what_training_began_with(contents):
    history = [replace(contents.history[1], step=0, epoch=0), *contents.history[1:]]
    worse = [replace(row, validation_accuracy=0.1, is_best=False) for row in history[1:]]
    kept = replace(contents, history=[history[0], *worse])

    def said(**changes):
        return summarise(replace(kept, **changes)).findings[-1]

    grown = {"settings": {"start_from": "/runs/first"}}
    assert "so the linear head on the unchanged network was kept" in said()
    assert "so the model that training started from (/runs/first) was kept" in said(config=grown)
    plan = kept.plan.model_copy(update={"head_strength": 0.1})
    assert "so the linear head on the unchanged" in said(config=grown, plan=plan)
    scores = {"accuracy": 0.9, "log_loss": 0.25}
    choice = AverageChoice(
        first=scores, second=scores, average=scores, num_photos=9, accuracy_title="accuracy",
        is_kept=True, options={},
    )  # fmt: skip
    averaged = said(averaging=choice)
    assert averaged == f"{choice.in_words()} The curves are of the first: {said()}"


def test_weights_of_classes_and_lost_photos_are_among_the_findings(contents):
    photos = tuple(
        Photo(f"{name}/{i}.jpg", name, "train")
        for name, count in (("cats", 9), ("dogs", 3))
        for i in range(count)
    )
    uneven = replace(contents, catalog=replace(contents.catalog, photos=photos))
    assert "; training did not." in " ".join(summarise(uneven).findings)
    weighted = contents.plan.model_copy(update={"class_weights": (0.5, 1.5, 1.0)})
    assert "So did training" in " ".join(summarise(replace(uneven, plan=weighted)).findings)
    assert "training did not" in " ".join(summarise(replace(uneven, plan=None)).findings)
    lost = ({"path": "a.jpg", "problem": "gone"},)
    evaluation = type(contents.evaluation).model_validate(
        contents.evaluation.to_json() | {"lost": lost}
    )
    found = " ".join(summarise(replace(contents, evaluation=evaluation)).findings)
    assert "1 photo could no longer be read during training and was skipped." in found
