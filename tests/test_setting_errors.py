"""Every kind of mistake in a setting is one line that names it, the limit and the value."""

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from pawsight.setting_errors import describe_error

UNKNOWN = "there is no such setting"


class Inner(BaseModel, extra="forbid"):
    rotation_range: float = 0.0
    sides: tuple[int, int] = (1, 2)


class Settings(BaseModel, extra="forbid"):
    above: float = Field(1, gt=0)
    least: int = Field(1, ge=1)
    below: float = Field(0.5, lt=1.5)
    most: int = Field(1, le=100)
    kind: str = "a"
    whole: int = 1
    needed: int = Field()
    inner: Inner | None = None
    groups: dict[str, int] = {}

    @field_validator("kind")
    @classmethod
    def _known(cls, value):
        if value == "b":
            raise ValueError("b is no kind")
        return value


def mistakes(**values):
    with pytest.raises(ValidationError) as caught:
        Settings(**({"needed": 1} | values))
    return [describe_error(Settings, found) for found in caught.value.errors()]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"above": 0}, "above: must be above 0, not 0"),
        ({"least": 0}, "least: must be at least 1, not 0"),
        ({"below": 1.5}, "below: must be below 1.5, not 1.5"),
        ({"most": 101}, "most: must be at most 100, not 101"),
        ({"whole": 1.5}, "whole: must be a whole number, not 1.5"),
        ({"whole": [1]}, "whole: must be a whole number, not [1]"),
        ({"kind": 3}, "kind: must be text, not 3"),
        ({"kind": "b"}, "kind: b is no kind"),
        ({"groups": 3}, "groups: must be a group of settings, not 3"),
        ({"inner": {"sides": [1, 2, 3]}}, "inner.sides: must have 2 values, not 3"),
        ({"inner": {"sides": 7}}, "inner.sides: must be a list, such as [1, 2], not 7"),
        ({"inner": {"rotation_range": {}}}, "inner.rotation_range: must be a number, not {}"),
        ({"wholy": 1}, f"wholy: {UNKNOWN}; is it whole?"),
        ({"rotation_range": 1}, f"rotation_range: {UNKNOWN}; is it inner.rotation_range?"),
        ({"rotation_rang": 1}, f"rotation_rang: {UNKNOWN}; is it inner.rotation_range?"),
        (
            {"inner": {"rotation": 1}},
            f"inner.rotation: {UNKNOWN}; is it inner.rotation_range?",
        ),
        ({"zzz": 1}, "zzz: there is no such setting"),
    ],
)
def test_a_mistake_is_one_line(values, line):
    assert mistakes(**values) == [line]


def test_a_missing_value_and_several_mistakes_are_all_named():
    with pytest.raises(ValidationError) as caught:
        Settings(above=-1)
    lines = [describe_error(Settings, found) for found in caught.value.errors()]
    assert lines == ["above: must be above 0, not -1", "needed: a value is missing"]


@pytest.mark.parametrize(
    ("length", "shown"), [(58, '"' + "x" * 58 + '"'), (59, '"' + "x" * 56 + "...")]
)
def test_a_long_value_is_cut_at_sixty_characters(length, shown):
    assert mistakes(whole="x" * length) == [f"whole: must be a whole number, not {shown}"]


def test_a_value_that_is_no_json_is_shown_all_the_same():
    assert mistakes(whole={1, 2}) == ['whole: must be a whole number, not "{1, 2}"']
