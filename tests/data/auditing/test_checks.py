import pytest

from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.set_checks import mixed_sizes
from pawsight.data.catalog import Catalog
from pawsight.records import Photo

USUAL = {"brightness": 120.0, "contrast": 50.0, "sharpness": 1500.0, "width": 400, "height": 300}
KINDS = ("dark", "bright", "blurred", "blank", "tiny", "odd_aspect", "truncated")


def photo(name, label="cats", **facts):
    return Photo(name, label, **{**USUAL, **facts})


def remarks(catalog):
    """What the checks of single photos find, by their ids."""
    facts = AuditFacts(catalog)
    return {check.id: check.finding(facts).items for check in CHECKS if check.id in KINDS}


def size_differences(catalog):
    return [item.reason for item in mixed_sizes(AuditFacts(catalog))]


def remarked(*photos, usual=30):
    """What is remarked on photos among usual ones of their class, by their names."""
    others = [photo(f"usual{i}.jpg") for i in range(usual)]
    catalog = Catalog("pets", "", (*photos, *others))
    return {
        kind: [item.path for item in found] for kind, found in remarks(catalog).items() if found
    }


def test_nothing_is_reported_of_usual_photos():
    assert remarked() == {}


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("dark", {"brightness": 30.0, "contrast": 39.0}),  # 69, below 70 and half of 170
        ("bright", {"brightness": 221.0, "contrast": 40.0}),  # 181, above 180
        ("blurred", {"sharpness": 199.0}),  # 199 / 50 is below 4, and a fifth of 30
        ("blank", {"contrast": 3.9, "sharpness": 1.0, "brightness": 255.0}),
        ("tiny", {"width": 63, "height": 100}),
        ("odd_aspect", {"width": 1010, "height": 400}),  # 2.525, above 2.5 and 1.5 x 1.333
        ("truncated", {"flaw": "file ends too early; 91 % of it is there"}),
    ],
)
def test_each_kind_is_found_alone(kind, facts):
    assert remarked(photo("it.jpg", **facts)) == {kind: ["it.jpg"]}


@pytest.mark.parametrize(
    "facts",
    [
        {"brightness": 30.0, "contrast": 41.0},
        {"brightness": 219.0, "contrast": 40.0},
        {"sharpness": 201.0},
        {"width": 64, "height": 100},
        {"width": 990, "height": 400},
    ],
)
def test_what_is_just_within_the_limits_is_not_remarked(facts):
    assert remarked(photo("it.jpg", **facts)) == {}


def test_the_worst_come_first():
    dark = [photo(f"{light}.jpg", brightness=light, contrast=10.0) for light in (40.0, 10.0, 20.0)]
    assert remarked(*dark) == {"dark": ["10.0.jpg", "20.0.jpg", "40.0.jpg"]}


def test_in_a_class_of_night_photos_a_dark_one_is_usual():
    nights = [photo(f"{i}.jpg", "owls", brightness=30.0, contrast=20.0) for i in range(30)]
    darker = photo("darker.jpg", "owls", brightness=15.0, contrast=9.0)
    assert remarked(*nights, darker) == {"dark": ["darker.jpg"]}  # 24, below half of 50


def test_a_small_class_is_judged_by_all_photos():
    nights = [photo(f"{i}.jpg", "owls", brightness=30.0, contrast=20.0) for i in range(3)]
    assert remarked(*nights) == {"dark": ["0.jpg", "1.jpg", "2.jpg"]}


def test_a_set_of_tiny_photos_has_no_tiny_ones():
    assert remarked(*(photo(f"{i}.jpg", width=32, height=32) for i in range(40)), usual=0) == {}


def test_a_file_left_out_for_its_missing_end_is_reported():
    cut = Photo("cut.jpg", "cats", problem="file ends too early (91 % of it is there)")
    broken = Photo("broken.jpg", "cats", problem="empty file")
    catalog = Catalog("pets", "", (broken, cut, photo("kept.jpg", flaw="file ends too early")))
    found = remarks(catalog)["truncated"]
    assert [(item.path, item.value, item.reason) for item in found] == [
        ("cut.jpg", 0.0, "left out: file ends too early (91 % of it is there)"),
        ("kept.jpg", 1.0, "kept: file ends too early"),
    ]


def test_no_photos_give_no_remarks():
    assert remarks(Catalog("pets", "", ())) == dict.fromkeys(KINDS, ())


def sized(*sizes):
    """30 photos of each (label, width, height)."""
    return Catalog(
        "pets",
        "",
        tuple(
            photo(f"{label}{i}.jpg", label, width=width, height=height)
            for label, width, height in sizes
            for i in range(30)
        ),
    )


def test_photos_of_one_size_differ_in_nothing():
    assert size_differences(sized(("cats", 400, 300), ("dogs", 400, 300))) == []


def test_large_and_small_photos_are_reported():
    (said,) = size_differences(sized(("cats", 400, 400), ("cats", 90, 90)))
    assert "smaller than 90 pixels" in said
    assert "larger than 400" in said


def test_landscapes_among_portraits_are_reported():
    (said,) = size_differences(sized(("cats", 400, 300), ("cats", 400, 300), ("cats", 300, 400)))
    assert said.startswith("33 % of the photos have a shape")


def test_classes_of_different_sizes_are_reported():
    (said,) = size_differences(sized(("cats", 400, 300), ("dogs", 800, 600)))
    assert "'dogs' are usually larger (600 pixels" in said
    assert "'cats' (300)" in said
