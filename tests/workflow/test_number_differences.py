"""Where two JSON documents differ: numbers may by a little, keys that only one has may."""

import pytest

from pawsight.workflow.number_differences import differences


@pytest.mark.parametrize(
    ("saved", "again", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "c": 3}, []),
        ({"a": {"b": [1.0, 2.0]}}, {"a": {"b": [1.0, 2.1]}}, ["x.a.b.1 is 2 instead of 2.1"]),
        ([1, 2], [1, 2, 3], ["x has 2 entries instead of 3"]),
        ([1, 2, 4], [1, 3], ["x has 3 entries instead of 2", "x.1 is 2 instead of 3"]),
        ((1.5,), [1.5], []),
        (1000.0, 1000.0009, []),  # a millionth of it
        (1000.0, 1000.0011, ["x is 1000 instead of 1000.001"]),
        (0.0, 0.0000019, []),  # or two millionths
        (0.0, 0.0000021, ["x is 0 instead of 2.1e-06"]),
        (1.0, 1, []),
        (1.0, 2, ["x is 1 instead of 2"]),
        (1, 2, ["x is 1 instead of 2"]),
        (1, 1, []),
        ("a", "b", ["x is 'a' instead of 'b'"]),
        (None, 0.5, ["x is None instead of 0.5"]),
        ({"a": 1}, [1], ["x is {'a': 1} instead of [1]"]),
    ],
)
def test_values_that_differ_are_named_with_their_place(saved, again, found):
    assert list(differences(saved, again, "x.")) == found
