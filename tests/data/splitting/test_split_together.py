"""Photos that must stay together: copies, and groups of the user's."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import groups_of
from pawsight.data.splitting.split import split
from pawsight.errors import DataError
from pawsight.records import Photo


def photos_of(label: str, count: int, group: str = "") -> list[Photo]:
    return [
        Photo(f"{label}/{group}{n}.jpg", label, sha256=f"{label}{group}{n}", group=group)
        for n in range(count)
    ]


def catalog_of(*photos: Photo) -> Catalog:
    return Catalog("pets", Path("/photos"), photos)


def indices_where(catalog: Catalog, **facts: str) -> list[int]:
    return [
        index
        for index, photo in enumerate(catalog.photos)
        if all(getattr(photo, name) == value for name, value in facts.items())
    ]


def parts_of(catalog: Catalog, indices) -> set[str]:
    return {catalog.photos[index].part for index in indices}


@pytest.fixture
def bursts() -> Catalog:
    """Twenty bursts of three photos a class, and twenty photos of no burst."""
    photos = []
    for label in ("cats", "dogs"):
        photos += photos_of(label, 20)
        for number in range(20):
            photos += photos_of(label, 3, f"{label} burst {number}")
    return catalog_of(*photos)


@pytest.mark.parametrize("seed", range(5))
def test_photos_of_one_group_stay_together_and_groups_go_all_ways(bursts, seed):
    chosen = split(bursts, SplitConfig(seed=seed))
    groups = {photo.group for photo in bursts.photos if photo.group}
    where = [parts_of(chosen, indices_where(bursts, group=group)) for group in groups]
    assert all(len(parts) == 1 for parts in where)
    assert set.union(*where) == {"train", "validation", "test"}


@pytest.mark.parametrize("seed", range(5))
def test_near_copies_stay_together(bursts, seed):
    alone = indices_where(bursts, group="")
    pairs = [alone[k : k + 2] for k in range(0, len(alone), 2)]
    chosen = split(bursts, SplitConfig(seed=seed), pairs)
    where = [parts_of(chosen, pair) for pair in pairs]
    assert all(len(parts) == 1 for parts in where)
    assert set.union(*where) == {"train", "validation", "test"}


def test_a_copy_in_two_groups_joins_them(bursts):
    one, other = (indices_where(bursts, group=f"cats burst {n}") for n in (0, 1))
    groups = groups_of(bursts, range(len(bursts.photos)), [[one[2], other[0]]])
    assert [*one, *other] in [list(group.indices) for group in groups]
    assert len(groups) == 40 + 40 - 1  # 20 bursts and 20 single photos a class, two joined


def test_copies_of_copies_are_one_group():
    catalog = catalog_of(*photos_of("cats", 6))
    groups = groups_of(catalog, range(6), [[0, 3], [4, 5], [3, 4]])
    assert [group.indices for group in groups] == [(0, 3, 4, 5), (1,), (2,)]


def test_copies_among_photos_that_are_not_divided_join_nothing():
    catalog = catalog_of(*photos_of("cats", 4))
    assert [g.indices for g in groups_of(catalog, [0, 1, 3], [[0, 2], [2, 3]])] == [
        (0,),
        (1,),
        (3,),
    ]


def test_a_group_is_known_by_the_users_key_or_else_by_its_smallest_sha256():
    catalog = catalog_of(*photos_of("cats", 3), *photos_of("cats", 2, "Tom"))
    groups = groups_of(catalog, range(5), [[1, 2]])
    assert [group.key for group in groups] == ["photo:cats0", "photo:cats1", "group:Tom"]
    joined = groups_of(catalog, range(5), [[1, 2], [2, 4]])
    assert [group.key for group in joined] == ["photo:cats0", "group:Tom"]


def test_a_group_is_trained_on_when_it_is_more_than_half_of_a_class():
    catalog = catalog_of(
        *photos_of("cats", 30, "burst"), *photos_of("cats", 20), *photos_of("dogs", 30)
    )
    for seed in range(20):
        chosen = split(catalog, SplitConfig(seed=seed))
        assert parts_of(chosen, indices_where(catalog, group="burst")) == {"train"}


def test_two_groups_of_a_class_fill_train_and_validation():
    catalog = catalog_of(
        *photos_of("cats", 9, "Tom"), *photos_of("cats", 3, "Kitty"), *photos_of("dogs", 12)
    )
    for seed in range(20):
        chosen = split(catalog, SplitConfig(seed=seed))
        assert parts_of(chosen, indices_where(catalog, group="Tom")) == {"train"}
        assert parts_of(chosen, indices_where(catalog, group="Kitty")) == {"validation"}


def test_a_group_across_classes_stays_together():
    photos = [
        photo
        for animal in range(12)
        for label in ("ill", "well")
        for photo in photos_of(label, 2, f"animal {animal}")
    ]
    catalog = catalog_of(*photos)
    for seed in range(10):
        chosen = split(catalog, SplitConfig(seed=seed))
        for animal in range(12):
            together = indices_where(catalog, group=f"animal {animal}")
            assert len(together) == 4
            assert len(parts_of(chosen, together)) == 1
        used = Counter((photo.label, photo.part) for photo in chosen.photos)
        assert len(used) == 6  # both classes in all three parts


def test_a_class_in_one_group_is_named_with_the_group():
    catalog = catalog_of(*photos_of("cats", 12, "Tom"), *photos_of("dogs", 12))
    with pytest.raises(
        DataError,
        match=r"The 12 different photos of class 'cats' belong to 1 group(.|\n)*the group 'Tom'",
    ):
        split(catalog, SplitConfig(group_by="animal"))


def test_a_class_of_near_copies_is_named_with_a_photo():
    catalog = catalog_of(*photos_of("cats", 12), *photos_of("dogs", 12))
    with pytest.raises(DataError, match=r"(.|\n)*the copies of dogs/0\.jpg(.|\n)*Add other photos"):
        split(catalog, SplitConfig(), [indices_where(catalog, label="dogs")])


def test_groups_that_tie_the_classes_together_are_named():
    # Each class has two groups, and whichever two of the three go one way, a class is torn.
    photos = [
        *(photos_of("a", 2, "ab") + photos_of("a", 2, "ac")),
        *(photos_of("b", 2, "ab") + photos_of("b", 2, "bc")),
        *(photos_of("c", 2, "ac") + photos_of("c", 2, "bc")),
    ]
    with pytest.raises(DataError, match=r"form only 2 groups(.|\n)*the group '"):
        split(catalog_of(*photos), SplitConfig())


def test_groups_stay_together_when_validation_is_taken_out_of_a_given_train_part(bursts):
    given = [
        replace(photo, part="test" if photo.group.endswith("9") else "train")
        for photo in bursts.photos
    ]
    chosen = split(replace(bursts, photos=tuple(given)), SplitConfig())
    for group in {photo.group for photo in bursts.photos if photo.group}:
        parts = parts_of(chosen, indices_where(bursts, group=group))
        assert parts == {"test"} if group.endswith("9") else len(parts) == 1
    assert parts_of(chosen, range(len(given))) == {"train", "validation", "test"}


def test_given_parts_stay_even_where_they_tear_a_group_apart(bursts):
    given = [
        replace(photo, part=("train", "validation")[number % 2])
        for number, photo in enumerate(bursts.photos)
    ]
    catalog = replace(bursts, photos=tuple(given))
    assert split(catalog, SplitConfig()).photos == catalog.photos
