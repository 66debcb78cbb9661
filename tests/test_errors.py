import pydantic
import pytest

from pawsight.errors import first_line, first_problem


def test_the_first_line_of_an_error_is_cut_after_200_characters():
    assert first_line(ValueError("a" * 201 + "\nb")) == "a" * 200
    assert first_line(ValueError(" one\ntwo")) == "one"


def test_an_error_without_a_message_is_named_by_its_type():
    assert first_line(KeyError()) == "KeyError"


def test_the_first_line_of_an_error_of_the_system_is_its_reason_alone():
    assert first_line(OSError(5, "Input/output error", "pixels-1.u8")) == "Input/output error"
    assert first_line(OSError("no route")) == "no route"


def test_the_first_problem_of_a_record_is_named_by_its_place_on_one_line():
    numbers = pydantic.TypeAdapter(dict[str, int])
    with pytest.raises(pydantic.ValidationError) as error:
        numbers.validate_python({"a\nFORGED": "x", "b": "y"})
    assert first_problem(error.value).startswith(r"a\nFORGED: Input should be a valid integer")
    with pytest.raises(pydantic.ValidationError) as error:
        numbers.validate_python([])
    assert first_problem(error.value).startswith("Input should be a valid dictionary")
