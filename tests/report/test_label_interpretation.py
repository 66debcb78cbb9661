"""What the report states of a model of several labels; numbers are worked out by hand."""

import numpy as np
import pytest

from pawsight.evaluation.metrics import measure
from pawsight.records import Predictions
from pawsight.report.label_figures import draw_label_reliability, draw_thresholds
from pawsight.report.label_interpretation import detail, failures, findings, headline
from pawsight.task import MULTI_LABEL


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def predictions_of(*labels, names=None):
    """Photos 0..19 by label: how many of the first 10 have it, missed ones, wrongly given ones."""
    truth, given = np.zeros((20, len(labels)), np.int64), np.zeros((20, len(labels)), np.int64)
    for k, (support, missed, wrong) in enumerate(labels):
        truth[:support, k] = given[missed:support, k] = 1
        given[10 : 10 + wrong, k] = 1
    probs = np.where(given, 0.9, 0.2)
    names = names or tuple("abcdefghijkl"[: len(labels)])
    return Predictions(tuple(map(str, range(20))), truth, probs, names, MULTI_LABEL)


def metrics_of(*labels):
    return measure(predictions_of(*labels))


def test_the_headline_is_the_mean_average_precision_and_the_detail_the_whole_photos():
    metrics = metrics_of((10, 0, 0), (10, 2, 1))
    # All hits of a come first: 1. Of b 8 right ones and one wrong share 0.9, then all the rest.
    expected = (1 + 0.8 * 8 / 9 + 0.2 * 10 / 20) / 2
    assert headline("test", metrics) == (
        f"Mean average precision {expected:.3f} on photos it had never seen"
    )
    assert plain(detail("test", metrics)) == (
        "All labels right on 17 of 20 test photos: 85.0 % (95 % interval 64.0 to 94.8)."
    )


def test_the_three_labels_of_the_lowest_f1_are_named_the_lowest_first():
    # F1: 2 x 9 / (10 + 9), 2 x 8 / (10 + 9), 2 x 5 / (10 + 7), 1, and 2 x 7 / (10 + 7).
    metrics = metrics_of((10, 1, 0), (10, 2, 1), (10, 5, 2), (10, 0, 0), (10, 3, 0))
    assert failures(metrics) == [
        "c: 5 of 10 photos missed, 2 wrongly given",
        "e: 3 of 10 photos missed, 0 wrongly given",
        "b: 2 of 10 photos missed, 1 wrongly given",
    ]
    said = plain(findings("test", metrics, 0)[1])
    assert said.startswith("The lowest F1: “c” 0.588 (precision 71.4 %, recall 50.0 %); “e” 0.824 ")
    assert "“a”" not in said


def test_labels_without_a_mistake_are_no_failures():
    metrics = metrics_of((10, 0, 0), (10, 0, 0))
    assert failures(metrics) == []
    assert findings("test", metrics, 0)[1] == "Every label was right on each of these photos."


def test_photos_without_labels_have_no_scores():
    said = findings("test", metrics_of((0, 0, 1), (0, 0, 0)), 0)
    assert said[1] == "None of these photos has a label."
    assert "that of random probabilities would be -," in said[0]


def test_chance_is_the_mean_share_of_the_labels_that_photos_have():
    said = plain(findings("test", metrics_of((10, 0, 0), (5, 0, 0), (0, 0, 0)), 0)[0])
    assert "that of random probabilities would be 0.375," in said  # of 1/2 and 1/4


def test_labels_of_fewer_than_ten_photos_are_named_eight_at_most():
    assert "Fewer" not in " ".join(findings("test", metrics_of((10, 0, 0), (10, 1, 0)), 0))
    said = findings("validation", metrics_of((10, 0, 0), *[(9, 0, 0)] * 8), 0)[2]
    assert said == (
        "Fewer than 10 validation photos have “b”, “c”, “d”, “e”, “f”, “g”, “h”, “i”: their scores "
        "are mostly chance."
    )
    said = findings("test", metrics_of((10, 0, 0), *[(9, 0, 0)] * 9), 0)[2]
    assert "“i” and 1 more labels: their" in said


def test_the_label_whose_probability_is_furthest_off_is_named():
    # Of a, 0.9 is always right and 0.2 never: (10 x 0.1 + 10 x 0.2) / 20. Of b, 0.9 is right for
    # 5 of 10 and 0.2 for 5 of 10: (0.4 + 0.3) / 2.
    said = plain(findings("test", metrics_of((10, 0, 0), (10, 5, 5)), 0)[2])
    assert said.startswith(
        "The probability of a label is 25.0 % off on average, that of “b” 35.0 %: the mean gap"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 photo could no longer be read during training and was skipped."), (0, None)],
)
def test_lost_photos_are_counted(count, words):
    said = findings("test", metrics_of((10, 0, 0), (10, 1, 0)), count)
    assert ("no longer be read" in said[-1]) is bool(words)
    assert words is None or said[-1] == words


def test_the_reliability_of_the_labels_furthest_off_is_drawn():
    predictions = predictions_of((10, 0, 0), (10, 5, 5), names=("_a", "b"))
    axes = draw_label_reliability(measure(predictions)).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["b", "_a"]
    _, first, _ = axes.lines
    assert list(first.get_xdata()) == pytest.approx([0.2, 0.9])
    assert list(first.get_ydata()) == pytest.approx([0.5, 0.5])


def test_the_f1_of_each_label_is_drawn_at_every_threshold():
    predictions = predictions_of((10, 0, 0), (10, 5, 5), (0, 0, 1))
    axes = draw_thresholds(predictions, measure(predictions)).axes[0]
    first, second = axes.lines  # none of c, which no photo has
    assert list(first.get_xdata()) == pytest.approx([0.1, 0.55])
    assert list(first.get_ydata()) == pytest.approx([2 / 3, 1])
    assert list(second.get_ydata()) == pytest.approx([2 / 3, 0.5])
