import pytest

from pawsight.training.precision import Precision, choose, of_gpu


def test_what_the_user_asks_for_is_taken():
    assert choose("bfloat16") == Precision("bfloat16", "as set")


def test_auto_measures_and_says_what_it_found():
    chosen = choose("auto")
    assert chosen.name in {"float32", "bfloat16"}
    assert "measured" in chosen.reason
    assert "times as fast" in chosen.reason


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((9, 0), "bfloat16"),
        ((8, 0), "bfloat16"),
        ((7, 5), "float16"),
        ((7, 0), "float16"),
        ((6, 1), "float32"),
        (None, "float32"),
    ],
)
def test_a_gpu_takes_the_format_of_its_generation(capability, expected):
    assert of_gpu("Some GPU", capability).name == expected
