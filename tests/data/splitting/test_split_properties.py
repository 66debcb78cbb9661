"""What holds of every split, whatever the photos are."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import groups_of
from pawsight.data.splitting.split import split
from pawsight.records import Photo

SEEDS = st.integers(0, 1000)


def catalog_of(photos) -> Catalog:
    return Catalog("pets", Path("/photos"), tuple(photos))


@cache
def many(label: str, count: int) -> list[Photo]:
    """So many photos that chance leaves no part empty."""
    return [Photo(f"{label}/{n}.jpg", label, sha256=f"{label}{n}") for n in range(count)]


# Up to 60 photos more, of any class; some are copies of each other, some have a group.
EXTRA = st.lists(
    st.tuples(
        st.sampled_from(["cats", "dogs"]),
        st.integers(0, 40),
        st.sampled_from(["", "", "", *(f"g{n}" for n in range(8))]),
    ),
    max_size=60,
).map(
    lambda drawn: [
        Photo(f"extra/{n}.jpg", label, sha256=f"x{content}", group=group)
        for n, (label, content, group) in enumerate(drawn)
    ]
)
PAIRS = st.lists(st.lists(st.integers(0, 300), min_size=2, max_size=4, unique=True), max_size=20)


@settings(max_examples=60, deadline=None)
@given(EXTRA, PAIRS, SEEDS, st.sampled_from([None, 3]))
def test_no_group_is_ever_torn_apart(extra, pairs, seed, folds):
    catalog = catalog_of([*many("cats", 150), *many("dogs", 150), *extra])
    copies = [[i for i in pair if i < len(catalog.photos)] for pair in pairs]
    chosen = split(catalog, SplitConfig(seed=seed, folds=folds), copies)
    assert all(photo.part for photo in chosen.photos)
    for group in groups_of(catalog, range(len(catalog.photos)), copies):
        assert len({chosen.photos[i].part for i in group.indices}) == 1


def draw_of(key, seed, purpose="part"):
    digest = hashlib.sha256(f"{seed}:{purpose}:{key}".encode()).hexdigest()
    return int(digest[:14], 16) / 16**14


@settings(max_examples=60, deadline=None)
@given(EXTRA, EXTRA, SEEDS)
def test_photos_that_come_or_go_move_only_a_few_others_near_a_bound(extra, more, seed):
    # The new ones copy none of the old ones and have groups of their own.
    more = [
        replace(
            p, path=f"more/{p.path}", sha256=f"more {p.sha256}", group=p.group and f"m{p.group}"
        )
        for p in more
    ]
    config = SplitConfig(seed=seed)
    old = [*many("cats", 900), *many("dogs", 900), *extra]
    before = split(catalog_of(old), config).photos
    after = {p.path: p.part for p in split(catalog_of([*more, *old]), config).photos}
    # The smallest key of a user's among the copies of a photo, or the photo's own.
    keys = {i: one.key for one in groups_of(catalog_of(old), range(len(old))) for i in one.indices}
    moved = [i for i, photo in enumerate(before) if after[photo.path] != photo.part]
    # The share of 135 photos varies by 11; a tenth of it is left to chance.
    assert len(moved) <= 40
    for i in moved:
        assert min(abs(draw_of(keys[i], seed) - bound) for bound in (0.15, 0.3)) < 0.06


@settings(max_examples=6, deadline=None)  # of half a million photos in all
@given(EXTRA, SEEDS)
def test_photos_that_come_to_a_large_class_move_no_other(more, seed):
    # The share of 1,800 photos varies by 39, and a tenth is 180: nothing is ever corrected.
    more = [replace(p, path=f"more/{p.path}", group="") for p in more]
    old = [*many("cats", 12_000), *many("dogs", 12_000)]
    config = SplitConfig(seed=seed)
    before = {p.path: p.part for p in split(catalog_of(old), config).photos}
    after = {p.path: p.part for p in split(catalog_of([*more, *old]), config).photos}
    assert after.items() >= before.items()


@settings(max_examples=40, deadline=None)
@given(EXTRA, SEEDS, st.randoms(use_true_random=False), st.sampled_from([None, 4]))
def test_names_and_order_do_not_matter(extra, seed, random, folds):
    config = SplitConfig(seed=seed, folds=folds)
    photos = [*many("cats", 30), *many("dogs", 40), *extra]
    numbered = list(enumerate(photos))
    random.shuffle(numbered)
    renamed = [replace(photo, path=f"{random.random()}.jpg") for _, photo in numbered]
    before = split(catalog_of(photos), config).photos
    after = split(catalog_of(renamed), config).photos
    assert [before[i].part for i, _ in numbered] == [photo.part for photo in after]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(2, 30), SEEDS)
def test_every_class_is_in_every_part_however_few_photos_there_are(cats, dogs, eels, seed):
    catalog = catalog_of([*many("cats", cats), *many("dogs", dogs), *many("eels", eels)])
    chosen = split(catalog, SplitConfig(seed=seed))
    has_test = cats + dogs + eels >= 20 and min(cats, dogs, eels) >= 4
    wanted = {"train", "validation", "test"} if has_test else {"train", "validation"}
    for label in ("cats", "dogs", "eels"):
        assert {photo.part for photo in chosen.photos if photo.label == label} == wanted
