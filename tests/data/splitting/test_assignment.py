"""Groups move only where chance left a subset with too few, and then the nearest ones."""

from pathlib import Path

import pytest

from pawsight.data.catalog import Catalog
from pawsight.data.splitting.assignment import Assignment, Subset
from pawsight.data.splitting.grouping import Group
from pawsight.records import Photo

THIRDS = tuple(Subset(name, ((i / 3, (i + 1) / 3),)) for i, name in enumerate("abc"))
HALVES = (Subset("test", ((0, 0.5),)), Subset("train", ((0.5, 1),), takes_dominant=True))


def assigned(draws, subsets, labels=None, sizes=None):
    """An assignment of groups with these draws, each of one photo unless sizes are given."""
    sizes = sizes or [1] * len(draws)
    labels = labels or ["cats"] * len(draws)
    photos, groups = [], []
    for number, (label, size) in enumerate(zip(labels, sizes, strict=True)):
        groups.append(Group(f"{number:02}", tuple(range(len(photos), len(photos) + size))))
        photos += [Photo(f"{number}-{i}.jpg", label) for i in range(size)]
    return Assignment(Catalog("pets", Path("/photos"), tuple(photos)), groups, draws, subsets, {})


def evened(draws):
    """The third that each group is on in the end."""
    assignment = assigned(draws, THIRDS)
    assignment.even_out(["cats"])
    subsets = assignment.subset_of()
    return "".join(subsets[i] for i in range(len(draws)))


@pytest.mark.parametrize(
    ("draws", "subsets"),
    [
        # b has four too many, c four too few: three move, those nearest to c. One more or less
        # than the share of four is even enough.
        ([0.1, 0.15, 0.2, 0.25, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.64, 0.66], "aaaabbbbbccc"),
        # c has none; of a and b, which have two more each, the nearest give until b has its share.
        ([0.01, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65], "aaaaacbbbbcc"),
        # b has four too many: one goes to a, which is nearer and lacks one, then two go to c.
        ([0.1, 0.15, 0.2, 0.34, 0.36, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.9], "aaaabbbbbccc"),
        # Even enough: nothing moves.
        ([0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55, 0.7, 0.8, 0.9], "aaaaabbbbccc"),
    ],
)
def test_the_nearest_groups_make_up_for_chance(draws, subsets):
    assert evened(draws) == subsets


def test_a_tenth_of_a_large_share_is_even_enough():
    # Shares of 20; with 24 and 16 two groups move.
    draws = [0.01 * i for i in range(24)] + [0.6 + 0.01 * i for i in range(16)]
    assignment = assigned(draws, HALVES)
    assignment.even_out(["cats"])
    subsets = assignment.subset_of()
    assert [subsets[i] for i in range(40)] == ["test"] * 22 + ["train"] * 18


@pytest.mark.parametrize(
    ("size", "others", "subset"),
    [
        (2, 2, "test"),  # half of its class
        (2, 1, "train"),  # more than half
        (1, 0, "test"),  # one photo is no group that would take its class along
    ],
)
def test_a_group_of_more_than_half_of_a_class_goes_to_train_whatever_it_drew(size, others, subset):
    assignment = assigned([0.1] * (1 + others), HALVES, sizes=[size] + [1] * others)
    assert assignment.subset_of()[0] == subset


def test_the_nearest_groups_that_can_be_spared_fill_an_empty_side():
    # The two rarest classes have nothing to spare, and a class of one group cannot fill both.
    assignment = assigned(
        [0.6, 0.7, 0.9, 0.1, 0.8], HALVES, labels=["cats", "cats", "cats", "dogs", "dogs"]
    )
    assert list(assignment.fill_empty_subsets(["cats", "dogs"])) == []
    assert [assignment.subset_of()[i] for i in range(5)] == [
        *("test", "train", "train"),
        *("test", "train"),
    ]
    lonely = assigned([0.6], HALVES)
    assert list(lonely.fill_empty_subsets(["cats"])) == [("cats", "test")]


@pytest.mark.parametrize(
    ("labels", "sizes", "dominant"),
    [
        (["cats", "cats"], [2, 1], {0}),  # two of three cats
        (["cats", "cats"], [2, 2], set()),  # half is not most
        (["cats", "cats"], [1, 0], set()),  # a photo alone is no group
        (["cats", "dogs", "dogs"], [3, 1, 5], {0, 2}),
    ],
)
def test_a_group_of_most_photos_of_a_class_is_kept_for_training(labels, sizes, dominant):
    draws = [0.1] * len(labels)
    assert assigned(draws, HALVES, labels, sizes)._find_dominant_groups() == dominant
    assert assigned(draws, THIRDS, labels, sizes)._find_dominant_groups() == set()
