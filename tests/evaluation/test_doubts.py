"""Photos whose labels the others contradict, and the table of them."""

import csv

import numpy as np
import pytest

from pawsight.data.catalog import Catalog
from pawsight.evaluation.doubts import Doubt, Doubts, rank_doubts
from pawsight.records import Photo


def doubt(margin=-1.0, probability=0.9, path="a.jpg", label="cats"):
    return Doubt(path, label, "dogs", probability, 1 - probability, margin)


def test_a_label_is_contradicted_where_another_class_is_more_probable():
    photos = (doubt(-0.1), doubt(0.0), doubt(0.1))
    assert Doubts("pets", "/photos", photos, 0).contradicted == photos[:1]


def test_a_contradiction_is_strong_from_95_percent_on():
    photos = tuple(doubt(probability=share) for share in (0.949, 0.95, 1.0))
    assert Doubts("pets", "/photos", photos, 0).num_strong == 2


def test_the_table_has_four_digits_and_no_formulas(tmp_path):
    photos = (doubt(-1.23456, 0.98768, "=a.jpg", "@cats"), doubt(2, 0.25))
    Doubts("pets", "/photos", photos, 0).save_csv(tmp_path / "doubts.csv")
    with (tmp_path / "doubts.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["path", "label", "suggested", "probability", "label_probability", "margin"],
        ["./=a.jpg", "'@cats", "dogs", "0.9877", "0.0123", "-1.2346"],
        ["a.jpg", "cats", "dogs", "0.2500", "0.7500", "2.0000"],
    ]


def test_the_most_doubtful_photo_comes_first_with_its_nearest_ones():
    random = np.random.default_rng(0)
    labels = ["cats"] * 20 + ["dogs"] * 20 + ["owls"] * 3
    rows = np.eye(8)[np.repeat([0, 1, 2], [20, 20, 3])] + 0.1 * random.normal(size=(43, 8))
    rows[4] = rows[30] + 0.01  # a cat like the eleventh dog
    catalog = Catalog(
        "pets",
        "/photos",
        (
            Photo("broken.jpg", "cats", problem="empty file"),
            *(Photo(f"{i}.jpg", label) for i, label in enumerate(labels)),
        ),
    )
    found = rank_doubts(catalog, catalog.usable, rows, list(range(43)))
    assert (found.name, found.root, found.num_unjudged) == ("pets", "/photos", 3)
    assert len(found.photos) == 40  # three owls are too few
    first, *others = found.photos
    assert (first.path, first.label, first.suggested) == ("4.jpg", "cats", "dogs")
    assert first.is_contradicted and first.probability > 0.5 > first.label_probability
    assert first.nearest_of_suggested == "30.jpg"
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = unit[:20] @ unit[4]
    likeness[4] = -1
    assert first.nearest_of_label == f"{likeness.argmax()}.jpg"
    margins = [one.margin for one in found.photos]
    assert margins == sorted(margins)
    assert not any(one.is_contradicted or one.nearest_of_label for one in others)
    assert first.margin == pytest.approx(
        np.log(first.label_probability / first.probability), rel=1e-6
    )
