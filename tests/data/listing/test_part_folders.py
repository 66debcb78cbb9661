"""Which folders are parts, and how the option for them is written."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.part_folders import as_option, is_alike, parts_of_paths


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("ab", "ab", True),
        ("a", "a", False),  # one folder in common is chance
        ("ab", "abcdefgh", True),  # all of the smaller one
        ("abcd", "abxy", True),  # half of it
        ("abcde", "abxyz", False),  # less than half
        ("", "ab", False),
    ],
)
def test_folders_are_alike_that_share_two_and_half_of_the_smaller_one(first, second, expected):
    assert is_alike(frozenset(first), frozenset(second)) is expected
    assert is_alike(frozenset(second), frozenset(first)) is expected


@pytest.mark.parametrize(
    ("parts", "option"),
    [
        ({"b": "test", "a": "train"}, "train=a,test=b"),
        ({"z": "train", "a": "train"}, "train=a+z"),
        ({"x-1.y": "validation"}, "validation=x-1.y"),
        ({"my photos": "train"}, "'train=my photos'"),
    ],
)
def test_the_option_names_the_folders_of_each_part_and_is_quoted_where_needed(parts, option):
    assert as_option(parts) == option


@pytest.mark.parametrize(
    ("paths", "parts", "expected"),
    [
        (["train/1.jpg", "test/2.jpg"], None, ["train", "test"]),
        (["x/train/1.jpg", "y/val/2.jpg"], None, ["train", "validation"]),
        (["train/1.jpg", "cats/2.jpg"], None, []),  # one without a part
        (["train/1.jpg", "train/2.jpg"], None, []),  # all the same part
        (["val/1.jpg", "test/2.jpg"], None, []),  # none to train on
        (["train/1.jpg", "x/test/2.jpg"], None, []),  # at another depth
        (["train/1.jpg", "test/2.jpg"], "none", []),
        (["a/1.jpg", "x/b/2.jpg"], "train=a,test=b", ["train", "test"]),
        (["a/1.jpg", "c/2.jpg"], "train=a,test=b", []),
    ],
)
def test_photos_have_the_parts_of_their_folders_where_all_have_one(paths, parts, expected):
    assert parts_of_paths(paths, SourceConfig(parts=parts)) == expected
