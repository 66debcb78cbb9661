import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pawsight.data.auditing.audit import audit_photos, summarize_photos
from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.findings import Audit
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import analyse
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL, SINGLE_LABEL

USUAL = {"brightness": 120.0, "contrast": 50.0, "sharpness": 1500.0, "width": 40, "height": 30}


def photo(path, label="cats", part="", sha256="", **facts):
    return Photo(path, label, part, sha256=sha256 or path, format="JPEG", **{**USUAL, **facts})


def catalog_of(*photos):
    return Catalog("pets", Path("/photos"), photos)


def findings(*given, **named):
    """The audit of a catalog, as audit.json holds it."""
    audit = audit_photos(*given, **named)
    found = audit.to_json()
    assert Audit.from_json(json.loads(json.dumps(found, allow_nan=False))) == audit
    return found


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def messy():
    """A photo in two parts and two classes, two exact copies, and a broken one."""
    return catalog_of(
        photo("a.jpg", "cats", "train", "1"),
        photo("b.jpg", "dogs", "validation", "2"),
        photo("c.jpg", "dogs", "train", "3"),
        photo("d.jpg", "dogs", "train", "3"),
        Photo("e.jpg", "cats", "train", problem="empty file"),
        photo("f.jpg", "cats", "validation", "4"),
    )


def test_findings_name_every_kind_with_its_rule(messy):
    found = findings(messy)["findings"]
    assert list(found) == [check.id for check in CHECKS]
    for one in found.values():
        assert one["title"]
        assert one["rule"].endswith(".")
        assert one["count"] == len(one["items"])


def test_copies_are_sorted_into_what_they_mean(messy):
    found = findings(messy, duplicates=[[0, 1], [2, 3]])["findings"]
    both = {
        "photos": [
            {"path": "a.jpg", "label": "cats", "part": "train"},
            {"path": "b.jpg", "label": "dogs", "part": "validation"},
        ]
    }
    assert found["leakage"]["items"] == [both]
    assert found["conflicting_labels"]["items"] == [both]
    assert found["near_copies"]["items"] == [both]
    (exact,) = found["exact_copies"]["items"]
    assert [one["path"] for one in exact["photos"]] == ["c.jpg", "d.jpg"]


def test_broken_photos_have_their_reasons(messy):
    assert findings(messy)["findings"]["broken"]["items"] == [
        {"path": "e.jpg", "label": "cats", "part": "train", "reason": "empty file"}
    ]


def test_findings_can_be_written_as_json_whatever_they_are(messy):
    assert json.loads(json.dumps(findings(messy, duplicates=[[0, 1]]), allow_nan=False))
    assert json.loads(json.dumps(findings(catalog_of()), allow_nan=False))["sizes"] == {}


def test_the_facts_of_a_catalog_are_counted(messy):
    found = findings(messy)
    assert (found["num_photos"], found["classes"]) == (6, {"cats": 2, "dogs": 3})
    assert found["parts"] == {
        "train": {"cats": 1, "dogs": 2},
        "validation": {"cats": 1, "dogs": 1},
    }
    assert found["broken"] == [{"path": "e.jpg", "problem": "empty file"}]
    assert found["exact_copies"] == [["c.jpg", "d.jpg"]]
    assert found["copies_across_parts"] == []
    assert found["sizes"] == {"smallest": [40, 30], "largest": [40, 30]}


def test_a_photo_that_is_remarked_on_has_value_and_reason():
    usual = [photo(f"{i}.jpg") for i in range(30)]
    dark = photo("dark.jpg", brightness=20.0, contrast=10.0)
    (item,) = findings(catalog_of(dark, *usual))["findings"]["dark"]["items"]
    assert item == {
        "path": "dark.jpg",
        "label": "cats",
        "part": "",
        "value": 30.0,
        "reason": "mean brightness 20 of 255",
    }


def test_a_drawing_on_white_paper_is_unlike_and_not_too_bright():
    rng = np.random.default_rng(0)
    images = rng.integers(30, 220, (40, 32, 32, 3), np.uint8)
    images[3] = 255
    images[3, 10:20, 10:12] = 0

    class Memory:
        def analysis(self, indices):
            return analyse(images[indices])

    photos = [photo(f"{i}.jpg", phash=f"{rng.integers(2**60):016x}") for i in range(40)]
    photos[3] = photo("drawing.jpg", brightness=240.0, contrast=20.0, phash="0" * 16)
    found = findings(catalog_of(*photos), Memory())["findings"]
    assert [item["path"] for item in found["unlike"]["items"]] == ["drawing.jpg"]
    assert found["bright"]["items"] == []
    alone = findings(catalog_of(*photos))["findings"]["bright"]["items"]
    assert [item["path"] for item in alone] == ["drawing.jpg"]


def test_near_copies_are_searched_for_where_there_are_pixels():
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)

    class Alike:
        def analysis(self, indices):
            return analyse(image.repeat(len(indices), 0))

    known = {"phash": "0123456789abcdef"}
    catalog = catalog_of(photo("a.jpg", **known), photo("b.jpg", **known))
    assert findings(catalog)["findings"]["near_copies"]["count"] == 0
    assert findings(catalog, Alike())["findings"]["near_copies"]["count"] == 1


@pytest.mark.parametrize(("num_dogs", "is_found"), [(6, False), (7, True)])
def test_classes_are_uneven_beyond_one_and_a_half_to_one(num_dogs, is_found):
    cats = [photo(f"cat{i}.jpg") for i in range(4)]
    dogs = [photo(f"dog{i}.jpg", "dogs") for i in range(num_dogs)]
    items = findings(catalog_of(*cats, *dogs))["findings"]["imbalance"]["items"]
    assert [item["value"] for item in items] == ([1.75] if is_found else [])


def test_unevenness_is_that_of_the_photos_for_training():
    train = [photo(f"cat{i}.jpg", "cats", "train") for i in range(4)]
    train += [photo(f"dog{i}.jpg", "dogs", "train") for i in range(4)]
    held = [photo(f"late{i}.jpg", "dogs", "validation") for i in range(9)]
    assert findings(catalog_of(*train, *held))["findings"]["imbalance"]["items"] == []


def test_a_group_of_the_user_in_two_parts_is_leakage():
    catalog = catalog_of(
        photo("a.jpg", "cats", "train", group="tom"),
        photo("b.jpg", "cats", "test", group="tom"),
        photo("c.jpg", "cats", "test", group="kitty"),
    )
    (item,) = findings(catalog)["findings"]["leakage"]["items"]
    assert item["group"] == "tom"
    assert [one["path"] for one in item["photos"]] == ["a.jpg", "b.jpg"]


def recorded(catalog, copies=None):
    notes = Notes()
    summarize_photos(catalog, notes, copies)
    return notes.texts


def test_train_reports_the_photos_it_uses(messy):
    assert recorded(messy)[:3] == [
        "5 photos of cats, dogs: 3 train, 2 validation, 0 test.",
        "Left out: 1 photo that cannot be used:",
        "  e.jpg: empty file",
    ]


@pytest.mark.parametrize(
    ("count", "last"),
    [(10, "  9.jpg: empty file"), (11, "  ... and 1 more, see catalog.csv")],
)
def test_of_many_unusable_photos_ten_are_named(count, last):
    broken = [Photo(f"{i}.jpg", "cats", problem="empty file") for i in range(count)]
    texts = recorded(catalog_of(photo("a.jpg"), *broken))
    assert texts[1] == f"Left out: {count} photos that cannot be used:"
    assert len(texts) == 2 + min(count, 11)
    assert texts[-1] == last


@pytest.mark.parametrize("count", [8, 9])
def test_up_to_eight_classes_are_named(count):
    text = recorded(catalog_of(*(photo(f"{i}.jpg", f"class{i}") for i in range(count))))[0]
    named = ", ".join(f"class{i}" for i in range(8)) if count == 8 else "9 classes"
    assert text.startswith(f"{count} photos of {named}: ")


def test_train_reports_copies_in_both_parts_and_under_two_labels(messy):
    texts = recorded(messy, [[0, 1], [2, 3]])
    assert any(text.startswith("1 photo has copies, of any size") for text in texts)
    assert any("copies in another part" in text and "a.jpg = b.jpg" in text for text in texts)
    assert any("copies of another class" in text and "a.jpg = b.jpg" in text for text in texts)


def test_train_reports_damaged_photos_that_are_used():
    texts = recorded(catalog_of(photo("a.jpg", flaw="file ends too early; 91 % of it is intact")))
    assert texts[1:] == ["Used although damaged: 1 photo, see catalog.csv."]


def test_a_long_group_is_named_in_short():
    catalog = catalog_of(*(photo(f"{i}.jpg", "cats", ("train", "test")[i % 2]) for i in range(9)))
    assert recorded(catalog, [list(range(9))])[-1].endswith("= 3.jpg and 5 more")


def test_the_smallest_and_the_largest_photo_are_those_of_the_fewest_and_most_pixels():
    sides = [(30, 31), (90, 10), (20, 60)]
    photos = [photo(f"{width}.jpg", width=width, height=height) for width, height in sides]
    assert findings(catalog_of(*photos))["sizes"] == {"smallest": [90, 10], "largest": [20, 60]}


def test_photos_of_none_of_the_classes_are_counted_apart():
    photos = [photo("a.jpg"), photo("b.jpg", ""), photo("none/c.jpg", ""), photo("none/d.jpg", "")]
    catalog = replace(catalog_of(*photos), none_paths=("none/c.jpg", "none/d.jpg"))
    audit = audit_photos(catalog)
    assert (audit.num_none, audit.classes) == (2, {"cats": 1, "": 3})
    rows = [("(no label)", 1, []), ("cats", 1, []), ("none of these", 2, [])]
    assert audit.class_rows() == rows


@pytest.mark.parametrize(("task", "is_advised"), [(SINGLE_LABEL, True), (MULTI_LABEL, False)])
def test_several_labels_are_advised_where_a_photo_may_have_but_one(task, is_advised):
    catalog = replace(catalog_of(photo("a.jpg"), photo("b.jpg", "dogs")), task=task)
    notes = Notes()
    summarize_photos(catalog, notes, [[0, 1]])
    assert any("--multi-label" in text for text in notes.texts) is is_advised


@pytest.mark.parametrize("num_more", [0, 2])
def test_ten_photos_that_are_left_out_are_named_and_the_others_counted(num_more):
    broken = [Photo(f"{i}.jpg", "cats", problem="empty file") for i in range(10 + num_more)]
    notes = Notes()
    summarize_photos(catalog_of(photo("a.jpg"), *broken), notes)
    more = [f"  ... and {num_more} more, see catalog.csv"] if num_more else []
    assert notes.texts[2:] == [f"  {i}.jpg: empty file" for i in range(10)] + more
