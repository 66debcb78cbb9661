import re

import pytest

from pawsight.data.listing.label_patterns import found_in, proposed_pattern


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("(cat|dog)[.]", "pets/cat.1.jpg", "cat"),
        ("cat|dog", "pets/dog.1.jpg", "dog"),
        ("x(a)|y(b)", "yb.jpg", "b"),  # the first group that took part
        ("pets", "pets/cat.jpg", ""),  # only the name is searched
        ("([^/]+)/", "pets/cat.jpg", "pets"),  # the path, as the pattern has a slash
        ("_( *cat )", "a_ cat .jpg", "cat"),
    ],
)
def test_a_pattern_is_searched_in_the_name_or_in_the_path(pattern, path, found):
    assert found_in(re.compile(pattern), path) == found


def names(*words, count=2, ending="{}.jpg"):
    return [word + ending.format(i) for word in words for i in range(count)]


@pytest.mark.parametrize(
    ("photos", "pattern"),
    [
        (names("cat.", "dog."), r"(cat|dog)\."),
        (names("cat_", "dog."), "(cat|dog)"),  # each its own mark
        (names("Great Dane ", "pug "), r"(Great\ Dane|pug)\ "),
        (names("cat", count=5), ""),  # one class is none
        ([*names("cat."), "dog.1.jpg"], ""),  # two photos of each are needed
        (names("IMG_", "DSC_"), ""),  # cameras
        ([*names("cat.", "dog."), *names("IMG_")], r"(cat|dog)\."),
        # Without numbers, where all names begin so.
        (["cat_tom.jpg", "cat_kit.jpg", "dog_rex.jpg", "dog_max.jpg"], "(cat|dog)_"),
        (["cat_tom.jpg", "cat_kit.jpg", "dog_rex.jpg", "dog_max.jpg", "x"], ""),
        ([], ""),
    ],
)
def test_a_pattern_is_proposed_for_names_that_begin_with_words(photos, pattern):
    assert proposed_pattern(photos) == pattern


@pytest.mark.parametrize(("count", "is_proposed"), [(50, True), (51, False)])
def test_a_pattern_is_proposed_for_up_to_fifty_classes(count, is_proposed):
    words = [f"{chr(97 + i // 26)}{chr(97 + i % 26)}." for i in range(count)]
    assert bool(proposed_pattern(names(*words))) is is_proposed
