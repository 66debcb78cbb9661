import pytest

from pawsight.data.part_names import without_part


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("pug_train", "pug"),
        ("train_pug", "pug"),
        ("trainA", "A"),
        ("big_train_pug", "big_pug"),  # one separator stays
        ("pug-2019.test", "pug-2019"),
        ("pug", ""),
    ],
)
def test_a_part_is_taken_from_a_name_with_one_separator(name, rest):
    assert without_part(name) == rest
