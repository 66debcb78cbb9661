import pytest

from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.set_checks import mixed_sizes
from pawsight.data.auditing.shortcuts import Shortcut
from pawsight.data.catalog import Catalog
from pawsight.records import Photo

CHECK = {check.id: check for check in CHECKS}
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
        ("truncated", {"flaw": "file ends too early; 91 % of it is intact"}),
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
    cut = Photo("cut.jpg", "cats", problem="file ends too early (91 % of it is intact)")
    broken = Photo("broken.jpg", "cats", problem="empty file")
    catalog = Catalog("pets", "", (broken, cut, photo("kept.jpg", flaw="file ends too early")))
    found = remarks(catalog)["truncated"]
    assert [(item.path, item.value, item.reason) for item in found] == [
        ("cut.jpg", 0.0, "left out: file ends too early (91 % of it is intact)"),
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


@pytest.mark.parametrize(
    ("kind", "usual", "at_limit", "beyond"),
    [
        # The limit of its own, in a class of usual photos.
        ("dark", {}, {"brightness": 30.0, "contrast": 40.0}, {"brightness": 29.9}),
        ("bright", {}, {"brightness": 220.0, "contrast": 40.0}, {"brightness": 220.1}),
        ("blurred", {}, {"sharpness": 200.0}, {"sharpness": 199.0}),
        ("blurred", {}, {"sharpness": 199.0, "width": 63}, {"width": 64}),
        ("tiny", {}, {"width": 64, "height": 100}, {"width": 63}),
        ("odd_aspect", {}, {"width": 1000, "height": 400}, {"width": 1001}),
        # The one relative to its class, where that is the stricter one.
        ("dark", {"brightness": 60.0, "contrast": 40.0}, {"brightness": 10.0}, {"brightness": 9.0}),
        (
            "bright",  # 100 from white, half of that at the limit
            {"brightness": 195.0, "contrast": 40.0},
            {"brightness": 245.0},
            {"brightness": 246.0},
        ),
        ("blurred", {"sharpness": 750.0}, {"sharpness": 150.0}, {"sharpness": 149.0}),
        ("tiny", {"width": 100}, {"width": 50}, {"width": 49}),
        ("odd_aspect", {"width": 600, "height": 300}, {"width": 900}, {"width": 901}),
    ],
)
def test_a_photo_is_remarked_beyond_the_limit_and_not_at_it(kind, usual, at_limit, beyond):
    others = [photo(f"other{i}.jpg", **usual) for i in range(30)]
    kinds = [
        kind in remarked(*others, photo("it.jpg", **usual | facts), usual=0)
        for facts in (at_limit, at_limit | beyond)
    ]
    assert kinds == [False, True]


@pytest.mark.parametrize(
    ("kind", "facts", "values"),
    [
        ("bright", [{"brightness": light} for light in (233.0, 255.0, 244.0)], [205, 194, 183]),
        ("blurred", [{"sharpness": 50.0 * edges} for edges in (3.0, 0.0625, 2.0)], [0.062, 2, 3]),
        ("tiny", [{"width": side} for side in (60, 20, 40)], [20, 40, 60]),
        ("odd_aspect", [{"width": 300 * times} for times in (3, 5, 4)], [5, 4, 3]),
    ],
)
def test_items_have_the_value_that_they_are_sorted_by(kind, facts, values):
    contrast = {"contrast": 50.0}
    photos = [photo(f"{i}.jpg", **contrast | some) for i, some in enumerate(facts)]
    others = [photo(f"usual{i}.jpg") for i in range(30)]
    found = remarks(Catalog("pets", "", (*photos, *others)))[kind]
    assert [item.path for item in found] == ["1.jpg", "2.jpg", "0.jpg"]
    assert [item.value for item in found] == values


@pytest.mark.parametrize(("count", "are_dark"), [(19, True), (20, False)])
def test_what_is_usual_in_a_class_is_known_from_20_photos_on(count, are_dark):
    nights = [photo(f"{i}.jpg", "owls", brightness=30.0, contrast=20.0) for i in range(count)]
    assert ("dark" in remarked(*nights)) is are_dark


@pytest.mark.parametrize(("count", "is_reported"), [(19, False), (20, True)])
def test_sizes_are_compared_from_20_photos_on(count, is_reported):
    sides = [90 if i % 2 else 400 for i in range(count)]
    photos = (photo(f"{i}.jpg", width=side, height=side) for i, side in enumerate(sides))
    assert bool(size_differences(Catalog("pets", "", tuple(photos)))) is is_reported


@pytest.mark.parametrize(
    ("at_limit", "beyond"),
    [
        ([("cats", 400, 400), ("cats", 100, 100)], [("cats", 401, 401), ("cats", 100, 100)]),
        ([("cats", 600, 400), ("cats", 400, 400)] * 2, [("cats", 700, 400), ("cats", 400, 400)]),
        ([("cats", 450, 450), ("dogs", 300, 300)], [("cats", 451, 451), ("dogs", 300, 300)]),
    ],
)
def test_sizes_and_shapes_differ_beyond_the_limits_only(at_limit, beyond):
    assert size_differences(sized(*at_limit)) == []
    assert len(size_differences(sized(*beyond, *beyond[1:]))) == 1


@pytest.mark.parametrize(("narrow", "is_reported"), [(5, False), (6, True)])
def test_shapes_are_reported_of_more_than_a_twentieth_of_the_photos(narrow, is_reported):
    photos = [photo(f"{i}.jpg", width=300, height=1000 if i < narrow else 300) for i in range(100)]
    assert bool(size_differences(Catalog("pets", "", tuple(photos)))) is is_reported


@pytest.mark.parametrize("count", [19, 20])
def test_usual_sizes_of_classes_below_20_photos_are_not_compared(count):
    photos = [photo(f"{i}.jpg", width=300, height=300) for i in range(30)]
    photos += [photo(f"dog{i}.jpg", "dogs", width=900, height=900) for i in range(count)]
    found = size_differences(Catalog("pets", "", tuple(photos)))
    assert len(found) == (count == 20)


@pytest.mark.parametrize(
    ("num_others", "named"),
    [(0, None), (5, "The same is true of '0', '1', '2', '3', '4'."), (7, "'3', '4' and 2 more.")],
)
def test_five_of_the_other_classes_with_a_shortcut_are_named(num_others, named):
    others = [str(i) for i in range(num_others)]
    shortcut = Shortcut("camera", "Camera", 0, "cats", -0.91234, 0.005, 0.5, "Text.", others)
    facts = AuditFacts(Catalog("pets", "", ()))
    facts.__dict__["shortcuts"] = [shortcut]
    (item,) = CHECK["shortcuts"].find(facts)
    assert item.value == 0.912
    assert item.reason.startswith("Camera: Text.")
    assert item.reason.endswith(named or "Text.")


@pytest.mark.parametrize(("count", "values"), [(30, []), (31, [1.55])])
def test_classes_are_uneven_beyond_one_and_a_half_times(count, values):
    photos = [photo(f"dog{i}.jpg", "dogs") for i in range(20)]
    photos += [photo(f"{i}.jpg") for i in range(count)]
    found = CHECK["imbalance"].find(AuditFacts(Catalog("pets", "", tuple(photos))))
    assert [item.value for item in found] == values
    assert not values or found[0].reason.startswith("'cats' has 31 photos, 'dogs' 20: 1.6 times")


@pytest.mark.parametrize(
    ("kind", "facts", "reason"),
    [
        ("tiny", {"width": 40}, "40 x 300 pixels"),
        ("odd_aspect", {"width": 1200}, "1200 x 300 pixels, 4.0 times as long as short"),
        ("blank", {"contrast": 3.25}, "one colour all over; its brightness varies by 3.2 of 255"),
        ("blurred", {"sharpness": 105.0}, "sharpness 2.1, where 10 is usual"),
        ("dark", {"brightness": 15.0}, "mean brightness 15 of 255"),
    ],
)
def test_reasons_state_the_numbers(kind, facts, reason):
    photos = [photo("it.jpg", **facts), *(photo(f"usual{i}.jpg") for i in range(30))]
    (item,) = remarks(Catalog("pets", "", tuple(photos)))[kind]
    assert item.reason == reason


@pytest.mark.parametrize(("num_small", "is_reported"), [(4, False), (8, True), (96, False)])
def test_sizes_differ_where_a_twentieth_is_small_and_a_twentieth_large(num_small, is_reported):
    sides = [90 if i < num_small else 400 for i in range(100)]
    photos = (photo(f"{i}.jpg", width=side, height=side) for i, side in enumerate(sides))
    assert bool(size_differences(Catalog("pets", "", tuple(photos)))) is is_reported
