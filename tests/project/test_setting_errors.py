"""Mistakes in settings are told in the words of their user."""

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"epoch": 3}, "epoch: there is no such setting; is it epochs?"),
        (
            {"test_fraction": 0.2},
            "test_fraction: there is no such setting; is it split.test_fraction?",
        ),
        (
            {"split": {"test_fractoin": 0.2}},
            "split.test_fractoin: there is no such setting; is it split.test_fraction?",
        ),
        ({"qqq": 1}, "qqq: there is no such setting"),
        ({"epochs": "many"}, 'epochs: must be a whole number, not "many"'),
        ({"minutes": -1}, "minutes: must be above 0, not -1"),
        ({"resize": "fit"}, "resize: must be one of 'stretch', 'crop', 'pad', not \"fit\""),
        ({"eager": "maybe"}, 'eager: must be true or false, not "maybe"'),
        ({"augment": {"rotation_range": "a"}}, 'augment.rotation_range: must be a number, not "a"'),
        ({"split": 3}, "split: must be a group of settings, not 3"),
        (
            {"source": {"multi_label": True, "label_separator": ""}},
            "source.label_separator: must have at least 1 character",
        ),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(settings, line):
    with pytest.raises(ConfigError) as raised:
        TrainConfig(**settings)
    assert str(raised.value) == f"These settings cannot be used:\n  {line}"
