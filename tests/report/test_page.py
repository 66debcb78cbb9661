import html
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pawsight.data.auditing.audit import audit_photos
from pawsight.data.catalog import Catalog
from pawsight.data.pixel_scale import STANDARD
from pawsight.errors import RunError
from pawsight.history import Epoch, save_history
from pawsight.records import Photo, Predictions
from pawsight.report.gallery import most_confident_mistakes
from pawsight.report.page import write_report
from pawsight.storage.atomic import write_json

VOID = {"meta", "img", "br", "hr", "input", "link"}
NASTY = '<script>alert("x")</script>'


class Page(HTMLParser):
    """The elements, links and text of a page; fails on tags that do not match."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.links, self.ids, self.open, self.words = [], [], [], [], []
        self.source = Path(path).read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.links += [value for name, value in attributes if name in ("src", "href")]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def run(make_run):
    broken = [(f"cats/broken {i}.jpg", "the file is empty") for i in range(25)]
    made = make_run(num_wrong=2, broken=broken, copies=3)
    (Path(made.read_json(made.config_path)["root"]) / "cats" / "test 1.jpg").unlink()
    write_report(made)
    return made


@pytest.fixture(scope="module")
def page(run):
    return Page(run.report_path)


@pytest.fixture(scope="module")
def nasty_page(make_run):
    """Every name is an attack or cannot be shown."""
    run = make_run(
        class_names=(f"a{NASTY}", '"><img src=x onerror=alert(1)>', "_c", os.fsdecode(b"d\xff")),
        num_wrong=4,
        photo_names=[f"{NASTY}.jpg", "{{ 7 * 7 }}.jpg", os.fsdecode(b"\xe9.jpg"), "' onload=x.jpg"],
        broken=[(f"{NASTY}.png", f"bad {NASTY}")],
        draw=False,
    )
    return Page(write_report(run))


@pytest.mark.parametrize(
    "section",
    [
        "says",
        "photos",
        "course",
        "classes",
        "curves",
        "trust",
        "mistakes",
        "unreadable",
        "use",
        "settings",
    ],
)
def test_every_section_is_there_and_linked(page, section):
    assert section in page.ids
    assert f"#{section}" in page.links


def test_the_contents_name_every_section_in_its_order(page):
    contents = page.source.partition("<nav")[2].partition("</nav>")[0]
    sections = [of["id"] for tag, of in page.elements if tag == "section"]
    assert re.findall(r'href="#(.+?)"', contents) == sections


def test_the_headline_is_in_plain_words(page):
    assert "Right on 75.0 % of photos it had never seen 95 % interval" in page.text
    assert "%: right on 6 of 8 test photos." in page.text


def test_nothing_is_loaded_from_elsewhere(page):
    assert page.links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in page.links)
    assert "url(http" not in page.source
    assert page.count("script") == page.count("link") == page.count("iframe") == 0


def test_ids_are_not_used_twice(page):
    assert len(set(page.ids)) == len(page.ids)


def test_what_is_linked_inside_the_page_exists(page):
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_all_seven_figures_are_inside_and_in_the_run_folder(run, page):
    assert page.count("figure") == 7
    names = {"accuracy", "loss", "confusion", "roc", "precision-recall", "reliability", "coverage"}
    assert {path.name for path in run.figures_dir.iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    }


def test_the_table_of_photos_counts_each_part(page):
    assert "cats 4 4 4 25" in page.text
    assert "all 8 8 8 25" in page.text


def test_mistakes_are_shown_with_truth_answer_and_path(page):
    assert "All 2 mistakes on the test photos" in page.text
    assert "said dogs 90 % is cats 10 % cats/test 0.jpg" in page.text


def test_a_photo_that_is_gone_is_named_without_a_picture(page):
    assert page.count("img") == 1
    assert "no longer there said dogs 90 % is cats 10 % cats/test 1.jpg" in page.text


def test_unreadable_photos_beyond_twenty_are_folded_away(page):
    assert "25 files were left out, and not changed." in page.text
    assert "cats/broken 24.jpg the file is empty" in page.text
    assert "The other 5" in page.text


def test_copies_in_different_parts_are_reported(page):
    assert "3 photos have copies in different parts" in page.text


def test_the_predict_command_can_be_pasted(run, page):
    assert f"pawsight predict my-photos/ --model '{run.path}'" in page.text


def test_settings_and_versions_are_listed(page):
    for words in ("split.seed 7", "parameters 2,034,882", "96 × 128 pixels", "keras 3.15.1"):
        assert words in page.text
    assert "why that precision twice as fast here" in page.text


def test_the_page_on_the_photos_is_a_link(make_run):
    run = make_run(is_short=True)
    catalog = Catalog.load(run.catalog_path, Path("gone"))
    first = replace(catalog.photos[0], problem="the file is empty", part="")
    copies = (replace(photo, sha256="a" * 64) for photo in catalog.photos[1:3])
    audit = audit_photos(replace(catalog, photos=(first, *copies)))
    write_json(run.audit_path, audit.to_json())

    page = Page(write_report(run))

    assert "data.html" in page.links
    assert "Cannot be used 1 photo" in page.text
    assert "1 group" in page.text
    assert run.data_page_path.is_file()
    run.data_page_path.unlink()
    run.catalog_path.unlink()
    write_report(run)
    assert not run.data_page_path.exists()


def test_a_report_is_small(run):
    assert run.report_path.stat().st_size < 500_000


def test_names_with_markup_are_shown_and_never_obeyed(nasty_page):
    assert NASTY in nasty_page.text
    assert nasty_page.count("script") == nasty_page.count("img") == 0
    assert not any(
        name.startswith("on") for _, attributes in nasty_page.elements for name in attributes
    )


def test_names_are_not_read_as_template(nasty_page):
    assert "{{ 7 * 7 }}.jpg" in nasty_page.text


def test_names_that_are_not_utf8_are_shown_with_a_replacement_sign(nasty_page):
    assert "�.jpg" in nasty_page.text


def test_the_page_itself_forbids_scripts(page):
    policies = [attributes.get("content") for tag, attributes in page.elements if tag == "meta"]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in policies


def test_a_run_without_test_part_reports_it(make_run):
    page = Page(write_report(make_run(parts=("validation",))))

    assert "Right on 87.5 % of the validation photos" in page.text
    assert "right on 7 of 8 validation photos." in page.text
    assert "they chose the epoch that was kept" in page.text
    assert "Its only mistake on the validation photos" in page.text


@pytest.fixture(scope="module")
def head_page(make_run):
    """Of a run whose last layer alone was fitted, and that has no test part."""
    run = make_run(parts=("validation",), is_short=True)
    trials = [
        {"strength": 0.01, "log_loss": 0.0412, "accuracy": 0.985},
        {"strength": 0.1, "log_loss": 0.0353, "accuracy": 0.984},
    ]
    head = {"views": ["as it is"], "num_features": 1280, "strength": 0.1}
    head["cross_validation"] = trials
    write_json(run.plan_path, run.read_json(run.plan_path) | {"head": head})
    save_history([Epoch(1, 1, 2.0, 300.0, 0.0, 0.01, 0.998, 0.05, 0.875, True)], run.history_path)
    return Page(write_report(run))


def test_a_linear_head_is_reported_by_its_trials_instead_of_curves(head_page):
    assert "#course" in head_page.links
    assert "it is right on 99.8 %, of the validation photos on 87.5 %" in head_page.text
    assert "0.01 98.5 % 0.0412" in head_page.text
    assert "0.1 (chosen) 98.4 % 0.0353" in head_page.text
    assert "epoch that was kept" not in head_page.text
    assert "There was no test part." in head_page.text
    assert "used once, at the end" not in head_page.text


def test_a_run_that_was_stopped_gets_a_report_of_what_there_is(make_run):
    run = make_run(parts=(), draw=False)
    run.history_path.unlink()

    page = Page(write_report(run))

    assert "Not evaluated yet" in page.text
    assert f"Continue with: pawsight resume '{run.path}'" in page.text
    assert page.count("figure") == 0
    assert "mistakes" not in page.ids


def test_a_run_without_a_mistake_has_an_empty_gallery(make_run):
    page = Page(write_report(make_run(num_wrong=0, is_short=True)))

    assert "None: it was right on every photo of the test part." in page.text
    assert page.count("img") == 0


@pytest.mark.parametrize("num_classes", [12, 60])
def test_many_classes_stay_readable(make_run, num_classes):
    names = [f"species {i:03d}" for i in range(num_classes)]

    page = Page(
        write_report(make_run(class_names=names, draw=False, is_short=True), worst_images=0)
    )

    assert ("figure-confusion" in page.ids) == (num_classes == 12)
    assert ("The other 40 classes" in page.text) == (num_classes == 60)
    assert "species 000 species 001 1 25.0 %" in page.text


def test_only_so_many_mistakes_are_shown(make_run):
    page = Page(write_report(make_run(num_wrong=5, is_short=True), worst_images=3))

    assert page.count("img") == 3
    assert "The 3 surest of 5 mistakes" in page.text


def test_the_photos_are_left_as_they_were(make_run):
    run = make_run(is_short=True)
    root = Path(run.read_json(run.config_path)["root"])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*.jpg")}

    write_report(run)

    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*.jpg")
    }


def test_a_damaged_run_is_an_error_for_people(make_run):
    run = make_run(draw=False)
    run.metrics_path.write_text("{")

    with pytest.raises(RunError, match="damaged"):
        write_report(run)


def test_photos_that_went_bad_during_training_are_listed(make_run):
    run = make_run(is_short=True)
    metrics = run.metrics
    lost = [{"path": f"cats/{i}.jpg", "problem": "the file is no longer there"} for i in range(22)]
    write_json(run.metrics_path, metrics | {"lost": lost})

    page = Page(write_report(run))

    assert "22 photos could no longer be read during training and were skipped." in page.text
    assert (
        "22 photos could no longer be read during training and were skipped from then on."
        in page.text
    )
    assert "cats/21.jpg the file is no longer there" in page.text
    assert "unreadable" in page.ids and "#unreadable" in page.links
    assert "The other 2" in page.text


def test_uneven_classes_change_the_headline_and_the_first_card(make_run):
    run = make_run(is_short=True)
    metrics = run.metrics
    metrics["parts"]["test"]["is_imbalanced"] = True
    write_json(run.metrics_path, metrics)

    page = Page(write_report(run))

    # 3 of 4 cats and 4 of 4 dogs.
    assert "Balanced accuracy 87.5 % on photos it had never seen 95 % interval" in page.text
    assert "right on 7 of 8 test photos, 87.5 %" in page.text
    assert "every photo has the same weight" in page.text


def test_a_run_of_an_earlier_version_still_gets_its_report(make_run):
    run = make_run(is_short=True)
    metrics = run.metrics
    del metrics["lost"]
    for part in metrics["parts"].values():
        del part["is_imbalanced"], part["balanced_accuracy_interval"]
    write_json(run.metrics_path, metrics)

    assert "right on 7 of 8 test photos" in Page(write_report(run)).text


def test_the_pages_own_lines_of_python_run(make_colour_run, save_photo, tmp_path, monkeypatch):
    run = make_colour_run("it's a run")
    write_json(run.config_path, {"source": "photos", "root": "photos", "settings": {}})
    save_photo("my-photos/one.jpg", "green")
    save_photo("my-photos/more/two.png", "red")
    page = write_report(run).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    scripts = [
        html.unescape(code)
        for code in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
        if "import pawsight" in code
    ]
    printed = []
    for script in scripts:
        exec(script, {"print": lambda *values: printed.append(values)})

    assert len(scripts) == 2
    rows = Path("predictions.csv").read_text().splitlines()
    assert sorted(row.split(",")[1].strip('"') for row in rows[1:]) == ["green", "red"]
    assert printed[0] == (Path("predictions.csv"),)
    assert printed[1][0] == "green"


def test_each_class_has_intervals(page):
    # 2 of 4 cats were found, and no dog was taken for one.
    row = page.text.partition("avg. prec. cats ")[2]
    assert row.startswith("4 100.0 % 34.2 to 100.0 50.0 % 15.0 to 85.0")


def test_of_many_classes_the_lowest_recall_comes_first_and_those_without_photos_last(make_run):
    names = [f"species {i:02}" for i in range(22)]
    run = make_run(class_names=names, num_wrong=0, is_short=True, draw=False)
    metrics = run.metrics
    for name, recall in (("species 00", None), ("species 09", 0.5), ("species 19", 0.25)):
        metrics["parts"]["test"]["per_class"][name]["recall"] = recall
    write_json(run.metrics_path, metrics)
    text = Page(write_report(run)).text.partition("avg. prec. ")[2]
    ranked = ["species 19", "species 09", "species 01", "species 21", "species 00"]
    places = [text.index(f"{name} 4 ") for name in ranked]
    assert places == sorted(places)


def test_the_mistakes_it_was_surest_of_come_first():
    probs = np.array([[0.5, 0.3, 0.2], [0.9, 0.08, 0.02], [0.6, 0.01, 0.39], [0.1, 0.8, 0.1]])
    predictions = Predictions(tuple("abcd"), np.array([1, 1, 1, 1]), probs, ("x", "y", "z"))

    found = most_confident_mistakes(predictions, Path("gone"), 2, STANDARD)

    assert [(one.path, one.probability) for one in found] == [("b", 0.9), ("c", 0.6)]


def test_heat_maps_are_one_for_250_photos_up_to_four(make_run, monkeypatch, undrawn):
    run, drawn = make_run(is_short=True, draw=False), []
    monkeypatch.setattr(
        "pawsight.report.page.draw_heat_pictures", lambda *given: drawn.append(given[-1]) or []
    )
    for count in (0, 499, 500, 1500):
        photos = tuple(Photo(f"{i}.jpg", "cats", "train") for i in range(count))
        catalog = Catalog("pets", Path(), photos)
        monkeypatch.setattr(Catalog, "load", lambda *_, catalog=catalog: catalog)
        write_report(run)
    assert drawn == [1, 1, 2, 4]


@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_hollow_dots_are_explained_where_there_are_some(make_run, make_history, monkeypatch, scale):
    monkeypatch.setattr(
        "pawsight.report.page.save_figure", lambda *_: '<svg viewBox="0 0 1 1"></svg>'
    )
    run = make_run(is_short=True, draw=False)
    first, *others = make_history([0.6, 0.9, 0.8])
    save_history([replace(first, validation_scale=scale), *others], run.history_path)
    page = Page(write_report(run))
    assert ("Hollow dots: validated at another image size" in page.text) is (scale != 1.0)
