"""Cross-validation: the rest beside the test part, divided into folds."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.split import split
from pawsight.errors import DataError
from pawsight.records import Photo


def catalog_of(**counts: int) -> Catalog:
    photos = [
        Photo(f"{label}/{n:04}.jpg", label, sha256=f"{label}{n}")
        for label, count in counts.items()
        for n in range(count)
    ]
    return Catalog("pets", Path("/photos"), tuple(photos))


def folds_of(catalog: Catalog, folds: int, **settings) -> list[Catalog]:
    return [
        split(catalog, SplitConfig(folds=folds, fold=fold, **settings))
        for fold in range(1, folds + 1)
    ]


def in_part(catalog: Catalog, part: str) -> set[int]:
    return set(catalog.part(part).tolist())


@pytest.mark.parametrize("folds", [2, 5, 20])
def test_each_photo_beside_the_test_part_is_validated_in_exactly_one_fold(folds):
    made = folds_of(catalog_of(cats=100, dogs=150), folds)
    validated = Counter(i for one in made for i in in_part(one, "validation"))
    test = in_part(made[0], "test")
    assert set(validated) == set(range(250)) - test
    assert set(validated.values()) == {1}
    for one in made:
        assert in_part(one, "test") == test
        assert in_part(one, "train") == set(range(250)) - test - in_part(one, "validation")


def test_the_test_part_of_the_folds_is_that_of_a_plain_split():
    catalog = catalog_of(cats=100, dogs=150)
    plain = split(catalog, SplitConfig())
    assert in_part(folds_of(catalog, 5)[2], "test") == in_part(plain, "test")


def test_folds_are_as_large_as_chance_makes_them():
    made = folds_of(catalog_of(cats=4000, dogs=4000), 4, test_fraction=0)
    for one in made:
        labels = Counter(one.photos[i].label for i in in_part(one, "validation"))
        # A quarter of 4000, give or take four times sqrt(0.25 * 0.75 * 4000) = 27.4.
        assert labels["cats"] == pytest.approx(1000, abs=110)
        assert labels["dogs"] == pytest.approx(1000, abs=110)


def test_each_fold_has_each_class_however_few_there_are():
    for seed in range(20):
        made = folds_of(catalog_of(cats=5, dogs=40), 5, seed=seed)
        for one in made:
            assert {one.photos[i].label for i in in_part(one, "validation")} == {"cats", "dogs"}
            assert not in_part(one, "test")  # no cat could be spared


def test_a_test_part_is_made_when_the_folds_leave_photos_for_it():
    for seed in range(10):
        made = folds_of(catalog_of(cats=6, dogs=40), 5, seed=seed)
        assert {made[0].photos[i].label for i in in_part(made[0], "test")} == {"cats", "dogs"}
        for one in made:
            assert {one.photos[i].label for i in in_part(one, "validation")} == {"cats", "dogs"}


def test_a_class_with_fewer_photos_than_folds_is_named():
    with pytest.raises(DataError, match=r"Class 'cats' has 4 photos, but 5 .* to fill 5 folds"):
        folds_of(catalog_of(cats=4, dogs=40), 5)


def test_a_class_with_fewer_groups_than_folds_is_named():
    catalog = catalog_of(cats=12, dogs=40)
    photos = [
        replace(photo, group=f"Tom {i % 3}" if i < 12 else "")
        for i, photo in enumerate(catalog.photos)
    ]
    with pytest.raises(
        DataError, match=r"12 different photos of class 'cats' belong to 3 group(.|\n)*fewer folds"
    ):
        folds_of(replace(catalog, photos=tuple(photos)), 5)


def test_given_train_and_validation_photos_are_folded_together_and_a_given_test_part_stays():
    catalog = catalog_of(cats=40, dogs=40)
    photos = tuple(
        replace(photo, part=("train", "train", "validation", "test")[i % 4])
        for i, photo in enumerate(catalog.photos)
    )
    made = folds_of(replace(catalog, photos=photos), 3)
    given_test = {i for i, photo in enumerate(photos) if photo.part == "test"}
    assert all(in_part(one, "test") == given_test for one in made)
    assert set.union(*(in_part(one, "validation") for one in made)) == set(range(80)) - given_test
