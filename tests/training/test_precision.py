from pawsight.training.precision import Precision, choose


def test_what_the_user_asks_for_is_taken():
    assert choose("bfloat16") == Precision("bfloat16", "as asked for")


def test_auto_measures_and_says_what_it_found():
    chosen = choose("auto")
    assert chosen.name in {"float32", "bfloat16"}
    assert "measured" in chosen.reason
    assert "times as fast" in chosen.reason
