"""Why a class cannot fill the parts: few photos, copies, broken ones, or groups that are tied."""

from pathlib import Path

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import groups_of
from pawsight.data.splitting.shortage import check_enough, groups_too_large
from pawsight.errors import DataError
from pawsight.records import Photo


def catalog_of(*photos):
    """Photos by their label; the bytes of each differ, unless a mark for them is given."""
    rows = []
    for number, (label, facts) in enumerate(photos):
        rows.append(Photo(f"{number:02}.jpg", label, **{"sha256": f"{number:064}"} | facts))
    return Catalog("pets", Path("/pets"), tuple(rows))


def checked(catalog, needed=2, kept=(), **config):
    groups = groups_of(catalog, catalog.usable)
    return check_enough(catalog, groups, needed, SplitConfig(**config), kept)


CATS = [("cats", {})] * 3


def test_groups_of_each_class_are_counted():
    catalog = catalog_of(
        *CATS, ("dogs", {"group": "rex"}), ("dogs", {"group": "rex"}), ("dogs", {})
    )
    assert checked(catalog) == {"cats": 3, "dogs": 2}


@pytest.mark.parametrize(
    ("dogs", "text"),
    [
        ([{}], "Class 'dogs' has 1 photo, but 2 different photos"),
        (
            [{"sha256": "a"}] * 4,
            "Class 'dogs' has 4 photos, of which 3 are copies of others, but 2 different photos",
        ),
        (
            [{"sha256": "a"}, {"sha256": "a"}, {"problem": "empty file"}],
            "Class 'dogs' has 3 photos, of which 1 cannot be read and 1 are copies of others, but",
        ),
        (
            [{}, {"problem": "empty file"}, {"problem": "empty file"}],
            "Class 'dogs' has 3 photos, of which 2 cannot be read, but 2 different photos are need",
        ),
    ],
)
def test_too_few_photos_are_counted_with_copies_and_broken_ones(dogs, text):
    with pytest.raises(DataError) as raised:
        checked(catalog_of(*CATS, *(("dogs", facts) for facts in dogs)))
    assert str(raised.value).startswith(text)
    assert "are needed to fill the train and validation parts.\nFolder: /pets\n" in str(
        raised.value
    )
    assert str(raised.value).endswith("or leave the class out: --exclude dogs")


@pytest.mark.parametrize(
    ("config", "needed", "parts", "advice"),
    [
        ({}, 2, "the train and validation parts", "or remove some of these photos."),
        ({"group_by": "folder"}, 2, "the train and validation parts", "or use smaller groups."),
        ({"folds": 3}, 3, "3 folds", "choose fewer folds, or remove some of these photos."),
    ],
)
def test_photos_that_are_tied_together_are_named(config, needed, parts, advice):
    dogs = [("dogs", {"group": "rex"})] * 3
    with pytest.raises(DataError) as raised:
        checked(catalog_of(*CATS, *dogs), needed, **config)
    text = str(raised.value)
    assert text.startswith(
        f"The 3 different photos of class 'dogs' belong to 1 group that must stay together, but "
        f"{needed} groups are needed to fill {parts}.\nFolder: /pets\n"
        f"Groups: the group 'rex'.\nAdd other photos of 'dogs', "
    )
    assert advice in text


@pytest.mark.parametrize(
    ("labels", "others"),
    [(["dogs"], None), (["ants", "bees", "dogs"], "bees, dogs")],
)
def test_all_classes_with_too_few_are_named(labels, others):
    with pytest.raises(DataError) as raised:
        checked(catalog_of(*CATS, *((label, {}) for label in labels)))
    first, *rest = str(raised.value).split("\nOther classes with too few: ")
    assert first.startswith(f"Class '{labels[0]}' has 1 photo")
    without = "Without all of these: --exclude ants --exclude bees --exclude dogs"
    assert rest == ([f"{others}. {without}"] if others else [])


def test_a_class_whose_photos_have_their_parts_already_is_not_refused_but_for_folds():
    catalog = catalog_of(*CATS, ("dogs", {}))
    assert checked(catalog, kept={3}) == {"cats": 3, "dogs": 1}
    with pytest.raises(DataError, match="Class 'dogs' has 1 photo"):
        checked(catalog, kept={0})
    with pytest.raises(DataError, match="to fill 2 folds"):
        checked(catalog, kept={3}, folds=2)


def test_the_largest_of_the_groups_that_leave_a_class_without_photos_is_named():
    catalog = catalog_of(
        ("dogs", {"group": "few"}),
        *[("dogs", {"group": "many"})] * 2,
        ("ants", {"group": "many"}),
        *[("cats", {"group": "most"})] * 9,
    )
    groups = groups_of(catalog, catalog.usable)
    assert str(groups_too_large(catalog, groups, "dogs")).startswith(
        "The photos of class 'dogs' form only 2 groups that must stay together, and cannot fill "
        "every part: the group 'many' has 3 photos, also of class ants.\nFolder: /pets\n"
    )
    assert "the group 'most' has 9 photos.\n" in str(groups_too_large(catalog, groups, "cats"))
