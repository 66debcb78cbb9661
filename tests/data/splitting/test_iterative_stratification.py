from collections import Counter
from pathlib import Path
from random import Random

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import groups_of
from pawsight.data.splitting.iterative_stratification import stratified
from pawsight.data.splitting.split import split
from pawsight.errors import DataError
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL


def catalog_of(*labels: str) -> Catalog:
    photos = [
        Photo(f"{number:04}.jpg", label, sha256=f"photo {number}")
        for number, label in enumerate(labels)
    ]
    return Catalog("shapes", Path("/photos"), tuple(photos), task=MULTI_LABEL)


def subsets(catalog, shares, fixed=(), copies=()):
    """The subset of each photo, where groups are drawn in the order of their first photos."""
    groups = groups_of(catalog, range(len(catalog.photos)), copies)
    draws = [group.indices[0] / 1000 for group in groups]
    found = stratified(catalog, groups, draws, shares, dict(fixed))
    return [found[index] for index in range(len(catalog.photos))]


def test_rarest_label_is_divided_first_and_each_goes_where_it_is_wanted_most():
    catalog = catalog_of("a;b", "a", "b", "b", "b", "b", "", "")
    # Wanted in validation: 0.5 a, 1.25 b, 2 photos; in training 1.5 a, 3.75 b, 6 photos.
    # a: photo 0 trains, as few groups go there first; photo 1 is the last a, so it validates.
    # b: training wants 2.75, 1.75 and then 0.75 of them, so photo 4 validates; photo 5 trains.
    # Photos 6 and 7 have no label: validation has its two photos.
    assert subsets(catalog, {"validation": 0.25, "train": 0.75}) == [
        *("train", "validation", "train", "train", "validation", "train", "train", "train")
    ]


def test_a_label_of_three_photos_is_in_all_three_parts():
    catalog = catalog_of("rare", "rare;a", "rare", *["a"] * 40)
    found = subsets(catalog, {"test": 0.15, "validation": 0.15, "train": 0.7})
    assert found[:3] == ["train", "validation", "test"]


def test_photos_that_have_a_side_keep_it_and_take_their_copies_along():
    catalog = catalog_of("a", "b", "a;b", "a", "b", "")
    found = subsets(catalog, {"validation": 0.5, "train": 0.5}, {1: "validation"}, [[1, 5]])
    assert found[1] == found[5] == "validation"


def test_every_label_has_its_share_of_each_part():
    random = Random(0)
    rates = {"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.05}
    labels = [
        ";".join(name for name, rate in rates.items() if random.random() < rate) for _ in range(600)
    ]
    for seed in range(5):
        chosen = split(catalog_of(*labels), SplitConfig(seed=seed))
        found = Counter(
            (name, photo.part) for photo in chosen.photos for name in photo.label.split(";")
        )
        for name in rates:
            total = sum(name in label.split(";") for label in labels)
            for part, share in (("test", 0.15), ("validation", 0.15), ("train", 0.7)):
                assert abs(found[name, part] - share * total) <= 2, (seed, name, part)


def test_the_same_photos_and_seed_give_the_same_parts_and_another_seed_others():
    catalog = catalog_of(*["a", "b", "a;b", ""] * 25)
    first, again, other = (split(catalog, SplitConfig(seed=seed)) for seed in (1, 1, 2))
    assert first.photos == again.photos
    assert first.photos != other.photos


def test_split_names_the_label_that_has_too_few_photos():
    with pytest.raises(DataError, match=r"'rare' has 1 photo"):
        split(catalog_of("rare;a", *["a", "b"] * 20), SplitConfig())
