import pytest

from pawsight.errors import RunError
from pawsight.evaluation.photo_needs import Expected, LearningCurve, Needs, load_curve, save_curve


def needs(count, *accuracies):
    now, twice, four_times = (
        Expected(num_photos=count * n, accuracy=a, low=a - 0.02, high=a + 0.01)
        for n, a in zip((1, 2, 4), accuracies, strict=True)
    )
    return Needs(num_photos=count, now=now, twice=twice, four_times=four_times)


def curve(**classes):
    return LearningCurve(
        num_measured=80,
        points=((16, 0.7), (32, 0.75), (64, 0.8)),
        all=needs(80, 0.8, 0.85, 0.9),
        classes=classes,
    )


def test_what_all_photos_would_bring_is_one_sentence():
    assert curve().sentence(0.785, "test") == (
        "Twice as many training photos would change the accuracy by about +5.0 points, to 85.0 % "
        "(90 % interval 83.0 to 86.0); four times as many by about +10.0, to 90.0 % (90 % interval "
        "88.0 to 91.0). With today's 80, 80.0 % is expected (this model: 78.5 % of the test "
        "photos, which agrees within the uncertainty of both). Measured with linear heads on the "
        "built-in network's features of 80 training photos."
    )


@pytest.mark.parametrize(
    ("interval", "agrees"),
    [((0.7, 0.79), True), ((0.79, 0.9), True), ((0.82, 0.9), False), ((0.6, 0.77), False)],
)
def test_a_forecast_agrees_with_a_model_where_the_intervals_meet(interval, agrees):
    assert curve().agrees_with(interval) is agrees  # today's photos: 78 to 81 %


def test_a_forecast_that_a_model_contradicts_is_unknown():
    assert curve().disagreement(0.9, "test") == (
        "Unknown: 80.0 % (90 % interval 78.0 to 81.0) is expected with today's 80 training photos, "
        "but this model is right on 90.0 % of the test photos. Measured with linear heads on the "
        "built-in network's features of 80 training photos. To find out, add photos and train "
        "again."
    )


def test_photos_that_would_change_little_are_said_to():
    settled = curve().model_copy(update={"all": needs(80, 0.99, 0.991, 0.993)})
    assert settled.sentence(0.985, "test").startswith(
        "More training photos would change the accuracy little: to 99.3 % (90 % interval 97.3 to "
        "100.3) with four times as many. With today's 80, 99.0 % is expected (this model: 98.5 % "
        "of the test photos, which agrees within the uncertainty of both)."
    )


def test_a_curve_of_the_own_network_names_what_was_trained_and_tested():
    own = curve().model_copy(update={"network": "swift", "epochs": 4.53, "part": "test"})
    sentence = own.sentence(0.785, "test")
    assert "(this model: 78.5 % of the test photos, the last point of the curve)" in sentence
    assert sentence.endswith(
        "Measured with swift itself, trained on 16 and 32 of the 64 training photos for 4.53 "
        "epochs each, and tested on 80 test photos. With twice as many photos, the same number of "
        "epochs takes twice the time."
    )
    assert "on the test photos; the last point is this run" in own.caption
    assert "each on held-out photos" in curve().caption


def test_a_forecast_with_a_wide_interval_is_unknown():
    twice = Expected(num_photos=160, accuracy=0.8, low=0.5, high=0.92)
    wide = curve().model_copy(update={"all": curve().all.model_copy(update={"twice": twice})})
    assert curve().is_certain
    assert not wide.is_certain
    assert "an accuracy of 50.0 to 92.0 % is expected" in wide.disagreement(0.8, "test")


def test_classes_are_kept_where_the_model_finds_as_many_as_expected():
    found = curve(cats=needs(40, 0.8, 0.85, 0.9), dogs=needs(40, 0.6, 0.65, 0.7))
    # Of today's photos of dogs 60 % are expected to be found: the model finds 75 to 90 %.
    kept = found.only_classes_of({"cats": (0.75, 0.9), "dogs": (0.75, 0.9)})
    assert list(kept.classes) == ["cats"]
    assert found.only_classes_of({"cats": None}).classes == {}


@pytest.mark.parametrize(
    ("accuracies", "kind", "sentence"),
    [
        (
            (0.8, 0.85, 0.9),
            "the darkest third",
            "About 40 more photos of cats, above all like the darkest third of them, would raise "
            "its expected recall from 80.0 % to 85.0 % (90 % interval 83.0 to 86.0).",
        ),
        (
            (0.8, 0.804, 0.81),
            "",
            "About 120 more photos of cats would raise its expected recall from 80.0 % to 81.0 % "
            "(90 % interval 79.0 to 82.0).",
        ),
        (
            (0.8, 0.801, 0.804),
            "the darkest third",
            "More photos of cats would change little: its expected recall is 80.0 %, and 80.4 % "
            "with four times as many.",
        ),
    ],
)
def test_each_class_has_its_sentence(accuracies, kind, sentence):
    assert curve(cats=needs(40, *accuracies)).class_sentence("cats", kind) == sentence


def test_what_is_saved_is_loaded(tmp_path):
    save_curve(curve(cats=needs(40, 0.8, 0.85, 0.9)), tmp_path / "curve.json")
    assert load_curve(tmp_path / "curve.json") == curve(cats=needs(40, 0.8, 0.85, 0.9))
    assert load_curve(tmp_path / "none.json") is None


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "curve.json").write_text("{")
    with pytest.raises(RunError, match=r"curve\.json is damaged"):
        load_curve(tmp_path / "curve.json")


@pytest.mark.parametrize(
    ("accuracies", "num_more"),
    [((0, 0.005, 0.005), 40), ((0, 0.004, 0.005), 120), ((0, 0.004, 0.0049), 0)],
)
def test_photos_are_asked_for_from_a_gain_of_half_a_percent_on(accuracies, num_more):
    assert needs(40, *accuracies).num_more == num_more


@pytest.mark.parametrize(("high", "is_certain"), [(0.2, True), (0.21, False)])
def test_a_forecast_is_stated_up_to_an_interval_of_20_percent(high, is_certain):
    twice = Expected(num_photos=80, accuracy=0.1, low=0.0, high=high)
    one = needs(40, 0.1, 0.1, 0.1).model_copy(update={"twice": twice})
    found = curve(cats=one).model_copy(update={"all": one})
    assert found.is_certain is is_certain
    assert ("cats" in found.only_classes_of({"cats": (0.0, 1.0)}).classes) is is_certain


def test_a_recall_at_the_end_of_its_interval_is_as_expected():
    found = curve(cats=needs(40, 0.8, 0.85, 0.9))
    for interval, is_kept in (((0.8, 0.9), True), ((0.7, 0.8), True), ((0.7, 0.79), False)):
        assert ("cats" in found.only_classes_of({"cats": interval}).classes) is is_kept


def test_intervals_that_touch_agree():
    now = curve().all.now
    assert curve().agrees_with((now.high, 0.99))
    assert curve().agrees_with((0.1, now.low))
