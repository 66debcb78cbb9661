import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.auditing.audit import audit_photos
from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.findings import Audit, Finding, GroupItem, PhotoItem, SentenceItem
from pawsight.data.catalog import Catalog
from pawsight.errors import RunError
from pawsight.records import Photo
from pawsight.report.data_page import audit_folder, save_audit, write_data_page

USUAL = {"brightness": 120.0, "contrast": 50.0, "sharpness": 1500.0, "width": 40, "height": 30}


class Reader(HTMLParser):
    """What a browser would see: tags in balance, ids, links, pictures, text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.tags = [], [], [], [], set()
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        if tag not in ("meta", "img", "br", "wbr", "ellipse", "path"):
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if "href" in values:
            self.links.append(values["href"])
        if "src" in values:
            self.sources.append(values["src"])

    def handle_endtag(self, tag):
        if tag not in ("ellipse", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data


def photo(path, label="cats", part="", sha256="", **facts):
    return Photo(path, label, part, sha256=sha256 or path, format="JPEG", **{**USUAL, **facts})


@pytest.fixture
def written(tmp_path):
    """Write the page of some photos, of which those named are drawn; gives what is read in it."""

    def write(*photos, draw=(), copies=(), name="pets"):
        for path in draw:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            with (tmp_path / path).open("wb") as file:
                Image.new("RGB", (40, 30), "red").save(file, "PNG")
        catalog = Catalog(name, tmp_path, photos)
        write_data_page(audit_photos(catalog, duplicates=copies), catalog, tmp_path / "audit.html")
        return Reader((tmp_path / "audit.html").read_text(encoding="utf-8"))

    return write


def test_a_page_without_findings_reports_it(written):
    page = written(photo("a.jpg"), photo("b.jpg"))
    assert "No problems found." in page.text
    assert "2 photos in 1 class" in page.text
    assert page.sources == []
    assert not any(link.startswith("#") for link in page.links)


def test_a_page_of_no_photos_is_one(written):
    assert "0 photos without classes" in written().text


def test_every_check_stands_in_the_table(written):
    page = written(photo("a.jpg"))
    for check in CHECKS:
        assert check.title in page.text


def test_links_lead_to_the_sections_of_what_was_found(written):
    page = written(
        photo("a.jpg", part="train"),
        photo("b.jpg", part="test"),
        Photo("c.jpg", "cats", problem="empty file"),
        copies=[[0, 1]],
    )
    inside = {link for link in page.links if link.startswith("#")}
    assert inside == {"#broken", "#leakage", "#near_copies"}
    assert {link[1:] for link in inside} <= set(page.ids)
    assert "Begin with: cannot be used, the same photo, or group, in several parts." in page.text


def test_groups_show_their_photos_with_class_and_part(written):
    page = written(
        photo("x/a.png", "cats", "train"),
        photo("x/b.png", "dogs", "test"),
        draw=("x/a.png", "x/b.png"),
        copies=[[0, 1]],
    )
    # In three sections: parts, classes, near copies.
    assert len(page.sources) == 6
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "cats · train" in page.text
    assert "dogs · test" in page.text


def test_a_photo_that_is_gone_leaves_its_name(written):
    page = written(photo("gone.jpg"), photo("as well.jpg"), copies=[[0, 1]])
    assert "cannot be shown" in page.text
    assert "as well.jpg" in page.text


def test_broken_photos_stand_in_a_table_with_their_reasons(written):
    many = [Photo(f"{i}.jpg", "cats", problem=f"reason {i}") for i in range(30)]
    page = written(*many)
    assert "reason 0" in page.text
    assert "reason 29" in page.text
    assert "10 more" in page.text
    assert page.sources == []


def test_nothing_is_loaded_from_outside_and_nothing_runs(written):
    page = written(photo("a.jpg"), photo("b.jpg"), copies=[[0, 1]])
    assert "script" not in page.tags
    assert all(link.startswith("#") for link in page.links)


def test_names_are_shown_and_never_obeyed(written):
    odd = os.fsdecode(b"<script>alert(1)</script>/{{ 7 * 7 }}\xff\x1b[31m.png")
    page = written(
        photo(odd, "<b>cats</b>"),
        photo("b.png", "<b>cats</b>"),
        copies=[[0, 1]],
        name="<i>pets</i>",
    )
    assert not page.tags & {"script", "b", "i"}
    assert "<script>alert(1)</script>/{{ 7 * 7 }}\N{REPLACEMENT CHARACTER}" in page.text
    assert "\x1b" not in page.text
    assert "<i>pets</i>" in page.text


def test_a_long_list_is_cut_and_reports_how_much_is_left_out(written):
    dark = [photo(f"dark{i}.jpg", brightness=20.0, contrast=10.0) for i in range(57)]
    usual = [photo(f"{i}.jpg") for i in range(100)]
    page = written(*dark, *usual)
    assert page.text.count("mean brightness 20 of 255") == 50
    assert "and 7 more; audit.json beside this page names them all." in page.text


def test_a_large_group_shows_its_first_photos(written):
    page = written(*(photo(f"{i}.jpg") for i in range(9)), copies=[list(range(9))])
    assert "and 5 more" in page.text
    assert "1 (9 photos)" in re.sub(r"\s+", " ", page.text)


@pytest.mark.slow
def test_the_page_stays_small_however_much_is_found(tmp_path):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (200, 200, 3), np.uint8))  # the hardest to shrink
    noise.save(tmp_path / "noise.png")
    named = [PhotoItem(path=f"{i % 300}.png", label="cats", reason="so it is") for i in range(2000)]
    of_photos = Finding(title="Odd", rule="It is odd.", items=named)
    of_groups = Finding(
        title="Alike",
        rule="They are alike.",
        items=[GroupItem(photos=named[i : i + 3]) for i in range(1998)]
        + [GroupItem(photos=())] * 2,
    )
    of_sentences = Finding(title="Mixed", rule="All.", items=[SentenceItem(reason="so")] * 2000)
    for number in range(300):
        os.link(tmp_path / "noise.png", tmp_path / f"{number}.png")
    found = Audit(
        name="pets",
        root="photos",
        num_photos=10**6,
        classes={f"{'long' * 20} {i}": 1 for i in range(3000)},
        findings={
            **{f"photos{i}": of_photos for i in range(8)},
            **{f"groups{i}": of_groups for i in range(4)},
            **{f"sentences{i}": of_sentences for i in range(2)},
        },
    )
    write_data_page(found, Catalog("pets", tmp_path, ()), tmp_path / "audit.html")
    page = Reader((tmp_path / "audit.html").read_text(encoding="utf-8"))
    assert (tmp_path / "audit.html").stat().st_size < 10e6
    assert 8 * 50 < len(page.sources) <= 8 * 50 + 4 * 100
    assert "and 2,800 more" in page.text


def test_an_audit_is_saved_as_page_table_and_json(tmp_path):
    catalog = Catalog("pets", tmp_path, (photo("a.jpg"),))
    folder = tmp_path / "new" / "audit"
    save_audit(audit_folder(folder), audit_photos(catalog), catalog)
    assert json.loads((folder / "audit.json").read_text())["num_photos"] == 1
    assert [p.path for p in Catalog.load(folder / "catalog.csv", tmp_path).photos] == ["a.jpg"]
    assert audit_folder(folder) == folder  # an earlier audit may be replaced


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("keep")
    with pytest.raises(RunError, match="is not empty"):
        audit_folder(tmp_path)
    with pytest.raises(RunError, match="is not empty"):
        audit_folder(tmp_path / "notes.txt")
    assert audit_folder(Path(tmp_path / "new")) == tmp_path / "new"
    assert not (tmp_path / "new").exists()


def page_of(tmp_path, catalog_photos=(), **facts):
    """What is read on the page of an audit."""
    found = Audit(**{"name": "pets", "root": "photos", "num_photos": 9} | facts)
    path = tmp_path / "page.html"
    assert write_data_page(found, Catalog("pets", tmp_path, catalog_photos), path) == path
    return Reader(path.read_text(encoding="utf-8"))


def items(count, prefix="photo"):
    return [
        PhotoItem(path=f"{prefix} {i}.jpg", reason=f"{prefix} reason {i};") for i in range(count)
    ]


def finding(*found):
    return Finding(title="Odd", rule="It is odd.", items=found)


@pytest.mark.parametrize(("count", "left"), [(50, ""), (51, "and 1 more; audit.json")])
def test_fifty_items_of_a_finding_are_shown(tmp_path, count, left):
    text = page_of(tmp_path, findings={"odd": finding(*items(count))}).text
    assert text.count("photo reason") == 50
    assert "photo reason 49;" in text
    assert left in text and ("audit.json beside this page names them all" in text) is bool(left)


@pytest.mark.parametrize(("count", "folded"), [(6, False), (7, True)])
def test_what_is_behind_the_first_six_items_is_folded_away(tmp_path, count, folded):
    page = page_of(tmp_path, findings={"odd": finding(*items(count))})
    assert ("details" in page.tags, "1 more" in page.text) == (folded, folded)


@pytest.mark.parametrize("last", [4, 5])
def test_groups_are_shown_up_to_a_hundred_photos_of_at_most_four_a_group(tmp_path, last):
    groups = [GroupItem(photos=items(4, f"{i} of a group")) for i in range(24)]
    groups.append(GroupItem(photos=items(last, "last")))
    text = page_of(tmp_path, findings={"odd": finding(*groups)}).text
    assert "names them all" not in text
    assert text.count("last ") == 4
    assert ("and 1 more" in text) is (last == 5)


def test_of_more_than_a_hundred_photos_of_groups_the_first_groups_are_shown(tmp_path):
    groups = [GroupItem(photos=items(4, f"{i} of a group")) for i in range(24)]
    groups += [GroupItem(photos=items(3, "last shown")), GroupItem(photos=items(2, "cut"))]
    text = page_of(tmp_path, findings={"odd": finding(*groups)}).text
    assert "last shown 2.jpg" in text and "cut 0.jpg" not in text
    assert "and 1 more; audit.json beside this page names them all." in text


@pytest.mark.parametrize(("count", "left"), [(20, ""), (21, "1 more")])
def test_a_table_shows_twenty_files_and_folds_the_rest_away(tmp_path, count, left):
    page = page_of(tmp_path, findings={"broken": finding(*items(count))})
    assert ("details" in page.tags) is bool(left)
    assert left in page.text and "photo reason 19;" in page.text
    assert "cannot be shown" not in page.text  # a table has no pictures


def test_photos_of_a_finding_are_pictures_each_with_its_reason(written):
    page = written(
        photo("dark.png", brightness=20.0, contrast=10.0),
        *(photo(f"{i}.jpg") for i in range(30)),
        draw=("dark.png",),
    )
    assert len(page.sources) == 1
    assert "mean brightness 20 of 255" in page.text


def test_sentences_are_a_list(tmp_path):
    found = finding(SentenceItem(reason="One class has more photos."))
    page = page_of(tmp_path, findings={"mixed": found})
    assert "One class has more photos." in page.text
    assert re.search(r"Odd\s*yes", page.text)


def test_checks_that_are_not_serious_are_counted_only(tmp_path):
    found = {"dark": finding(*items(2)), "blank": finding(), "odd": finding(*items(1))}
    text = page_of(tmp_path, findings=found).text
    assert "2 of 3 checks found something to look at." in text
    assert "Begin with" not in text


def test_cards_count_files_sizes_and_formats(tmp_path):
    page = page_of(
        tmp_path,
        classes={"cats": 1200, "dogs": 34},
        num_ignored=5678,
        formats={"GIF": 3, "JPEG": 1200, "PNG": 30, "BMP": 1, "WebP": 2, "TIFF": 4},
        sizes={"smallest": (40, 30), "largest": (4000, 3000)},
        broken=[{"path": "a", "problem": "empty"}] * 2,
    )
    text = page.text
    assert "1,234can be used" in text
    assert "2cannot be used" in text
    assert "5,678other files" in text
    assert "40 × 30pixelsthe smallest; the largest 4000 × 3000" in text
    assert "JPEGformatbesides 30 PNG, 4 TIFF, 3 GIF and 2 more" in text


@pytest.mark.parametrize(
    ("formats", "words"),
    [
        ({"PNG": 9}, "PNGformatof all photos"),
        ({"PNG": 9, "GIF": 1, "BMP": 3, "JPEG": 2}, "PNGformatbesides 3 BMP, 2 JPEG, 1 GIF"),
    ],
)
def test_few_formats_are_named_all(tmp_path, formats, words):
    sizes = {"smallest": (40, 30), "largest": (40, 30)}
    text = page_of(tmp_path, formats=formats, sizes=sizes).text
    assert f"{words}\n" in text
    assert "40 × 30pixelsall alike" in text


def test_classes_are_listed_with_their_parts_the_largest_first(tmp_path):
    page = page_of(
        tmp_path,
        num_photos=1,
        classes={"ants": 2, "bees": 7, "cats": 5},
        parts={"train": {"ants": 1, "bees": 6, "cats": 5}, "test": {"ants": 1, "bees": 1}},
    )
    text = re.sub(r"\s+", " ", page.text)
    assert "classphotostraintest bees761 cats550 ants211" in text
    assert "1 photo in 3 classes" in text


@pytest.mark.parametrize("is_made", [False, True])
def test_an_audit_may_go_into_an_absent_or_empty_folder(tmp_path, is_made):
    folder = tmp_path / "audit"
    if is_made:
        folder.mkdir()
    assert audit_folder(folder) == folder
