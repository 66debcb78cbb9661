"""Which mistakes are shown; the pictures themselves are those of `draw_thumbnail`."""

from pathlib import Path

import numpy as np
import pytest

from pawsight.data.pixel_scale import STANDARD
from pawsight.records import Predictions
from pawsight.report import gallery
from pawsight.report.gallery import most_confident_label_mistakes, most_confident_mistakes
from pawsight.task import MultiLabel


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Draw nothing, and keep which photos were to be drawn."""
    paths = []

    def draw(path, side, scale):
        paths.append(path)
        return f"picture of {path.name}"

    monkeypatch.setattr(gallery, "draw_thumbnail", draw)
    return paths


def predictions(labels, probs, names, *task):
    paths = tuple(f"{i}.jpg" for i in range(len(labels)))
    return Predictions(paths, np.array(labels), np.array(probs, float), names, *task)


def test_mistakes_come_in_the_order_of_the_probability_of_the_wrong_answer(drawn):
    found = most_confident_mistakes(
        predictions(
            [0, 0, 1, 1, 2],
            [
                [0.3, 0.6, 0.1],
                [0.8, 0.1, 0.1],  # right
                [0.6, 0.1, 0.3],  # as sure as the first, and its own class is less probable
                [0.9, 0.05, 0.05],
                [0.4, 0.4, 0.2],  # a tie goes to the lower class
            ],
            ("a", "b", "c"),
        ),
        Path("/photos"),
        3,
        STANDARD,
    )
    assert [(one.path, one.truth, one.predicted) for one in found] == [
        ("3.jpg", "b", "a"),
        ("2.jpg", "b", "a"),
        ("0.jpg", "a", "b"),
    ]
    assert [(one.probability, one.truth_probability) for one in found] == [
        (0.9, 0.05),
        (0.6, 0.1),
        (0.6, 0.3),
    ]
    assert drawn == [Path("/photos/3.jpg"), Path("/photos/2.jpg"), Path("/photos/0.jpg")]
    assert found[0].picture == "picture of 3.jpg"


LABELS = [[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1]]
PROBS = [[0.9, 0.2, 0.1], [0.2, 0.8, 0.2], [0.6, 0.1, 0.4], [0.7, 0.1, 0.9]]


def wrong_labels(most, thresholds=(0.5, 0.5, 0.5)):
    """The wrong labels shown: photo, label, whether it is missed, and its probability."""
    found = most_confident_label_mistakes(
        predictions(LABELS, PROBS, ("a", "b", "c"), MultiLabel(thresholds)),
        Path("/photos"),
        most,
        STANDARD,
    )
    return [(one.path[0], one.label, one.is_missed, one.probability) for one in found]


def test_each_label_has_as_many_of_its_worst_mistakes():
    # Wrong are a of 1 (missed), 2 and 3 (given), b of 1 (given), and c of 0 and 2 (missed).
    first_of_each = [("1", "a", True, 0.2), ("1", "b", False, 0.8), ("0", "c", True, 0.1)]
    assert wrong_labels(3) == first_of_each
    assert wrong_labels(5) == first_of_each
    assert wrong_labels(6) == [
        ("1", "a", True, 0.2),
        ("3", "a", False, 0.7),
        ("1", "b", False, 0.8),
        ("0", "c", True, 0.1),
        ("2", "c", True, 0.4),
    ]


def test_of_many_labels_those_with_the_most_mistakes_are_shown():
    assert wrong_labels(2) == [("1", "a", True, 0.2), ("0", "c", True, 0.1)]
    assert wrong_labels(1) == [("1", "a", True, 0.2)]


def test_labels_without_a_mistake_have_no_place():
    # At 0.85 b is right everywhere, and a wrong where it is missed.
    assert wrong_labels(4, (0.85, 0.85, 0.05)) == [
        ("1", "a", True, 0.2),
        ("1", "c", False, 0.2),
    ]
