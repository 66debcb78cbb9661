"""What a person does on the page, in a real browser, with the real server."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pawsight
from pawsight.data.decoding.decode import decode
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.data.sources.table import read_table
from pawsight.inference.provenance import provenance
from pawsight.inference.result_rows import FIXED_COLUMNS
from pawsight.progress import Silent
from pawsight.runs import Run

from ..conftest import write_colour_model
from .conftest import BLUE, GREEN, GREY, RED, WAIT, free_port, photo, serving

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=WAIT)
pytestmark = pytest.mark.slow

STATIC = Path(__file__).parents[2] / "src" / "pawsight" / "web" / "static"
MODEL = (
    '{"format_version": 1, "architecture": "swift", "class_names": ["red", "green", "blue"], '
    '"image_size": [8, 8], "resize": "stretch", "input": "images", "output": "logits"}'
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model that says which colour a photo has most of."""
    run = Run(tmp_path_factory.mktemp("page") / "colours")
    write_colour_model(run.onnx_path)
    run.model_path.write_text(MODEL)
    return run


@pytest.fixture(scope="module")
def address(run):
    with serving(run.path, free_port()) as found:
        yield found


def give(page, *photos):
    """Choose photos, as with the button."""
    page.set_input_files("#files", list(photos))


def card(page, name):
    return page.locator(".photo", has=page.get_by_role("heading", name=name, exact=True))


def test_each_photo_gets_its_answer_with_a_bar_for_each_class(open_page, address):
    page = open_page(address)
    give(page, photo("tom.png", RED), photo("sky.png", BLUE))
    # Of a plain photo: exp(4) / (exp(4) + 2) = 96.5 %, and 1 / (exp(4) + 2) = 1.8 % twice.
    expect(card(page, "tom.png").locator(".answer")).to_have_text("red")
    expect(card(page, "tom.png").locator(".share")).to_have_text(["96.5 %", "1.8 %", "1.8 %"])
    expect(card(page, "sky.png").locator(".answer")).to_have_text("blue")
    expect(page.locator("#count")).to_have_text("2 photos")


def test_an_unsure_answer_is_shown_in_words(open_page, address):
    page = open_page(address)
    give(page, photo("fog.png", GREY))
    expect(card(page, "fog.png").locator(".answer")).to_have_text("Not sure, perhaps red")
    expect(page.locator("#live")).to_have_text("fog.png: not sure, perhaps red, 33.3 %")


def test_model_card_reports_what_it_knows_and_what_it_does_not(open_page, address, run):
    page = open_page(address)
    page.locator("#model-card summary").click()
    expect(page.locator("#model-card summary")).to_contain_text("red, green and blue")
    expect(page.locator(".facts")).to_contain_text("trained on red, green and blue only")
    assert provenance(run).metrics is None
    expect(page.locator(".facts")).to_contain_text("was not measured")


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_picture_comes_in_without_a_button(open_page, address, how):
    page = open_page(address)
    page.evaluate(
        """async ([how, bytes]) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "image.png", {type: "image/png"}));
            const event = how === "paste"
                ? new ClipboardEvent("paste", {clipboardData: files, bubbles: true})
                : new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true});
            document.body.dispatchEvent(event);
        }""",
        [how, list(photo("x", GREEN)["buffer"])],
    )
    expect(card(page, "image.png").locator(".answer")).to_have_text("green")


def test_a_folder_comes_in_with_its_photos_alone(open_page, address, tmp_path):
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b.png").write_bytes(photo("b", BLUE)["buffer"])
    (folder / "a.png").write_bytes(photo("a", RED)["buffer"])
    (folder / "notes.txt").write_text("no photo")
    page = open_page(address)
    page.set_input_files("#folder", folder)
    expect(page.locator(".photo h3")).to_have_text(["a.png", "b.png"])
    expect(page.locator(".answer")).to_have_text(["red", "blue"])


def test_a_picture_is_taken_with_the_camera(open_page, address):
    page = open_page(address)
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("button", name="Take the picture").click()
    page.get_by_role("button", name="Done").click()
    expect(card(page, "camera-1.jpg").locator(".answer")).to_be_visible()


def test_many_photos_are_answered_in_order_a_few_at_a_time(open_page, address):
    page = open_page(address)
    under_way, most = set(), []

    def follow(request):
        if request.url.endswith("/predict"):
            under_way.add(request)
            most.append(len(under_way))

    page.on("request", follow)
    page.on("requestfinished", lambda request: under_way.discard(request))
    names = [f"{number:03}.png" for number in range(120)]
    give(page, *(photo(name, (RED, GREEN)[number % 2]) for number, name in enumerate(names)))
    expect(page.locator("#filters button")).to_have_text(["all 120", "red 60", "green 60"])
    expect(page.locator("#count")).to_have_text("120 photos")
    assert page.locator(".photo h3").all_text_contents() == names
    assert max(most) <= 5  # four, and one whose end the browser has told the page but not us
    page.get_by_role("button", name="green 60").click()
    expect(page.locator(".photo:visible")).to_have_count(60)


def test_a_broken_photo_is_a_row_with_the_reason_and_holds_up_no_other(open_page, address):
    page = open_page(address)
    broken = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff no photo"}
    give(page, broken, photo("tom.png"))
    expect(card(page, "tom.png").locator(".answer")).to_have_text("red")
    expect(card(page, "broken.jpg").locator(".error")).to_have_text("No answer. Damaged JPEG data")
    expect(page.locator("#filters")).to_contain_text("no answer 1")


def test_a_name_is_never_read_as_html(open_page, address):
    page = open_page(address)
    name = "<img src=x onerror=alert(1)>.png"
    give(page, photo(name))
    expect(page.locator(".photo h3")).to_have_text(name)
    assert page.locator(".photo h3 img").count() == 0


def test_photos_wait_while_offline_and_continue_afterwards(open_page, address):
    page = open_page(address)
    expect(page.locator("#model-card")).to_be_visible()
    page.context.set_offline(True)
    give(page, photo("tom.png"), photo("sky.png", BLUE))
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    page.context.set_offline(False)
    # Twice as long: where the first try comes too early, the next one is 10 seconds later.
    expect(page.locator(".answer")).to_have_text(["red", "blue"], timeout=2 * WAIT)
    expect(page.locator("#banner")).to_be_hidden()


def test_nothing_is_lost_when_the_server_goes_and_comes_back(open_page, run):
    port = free_port()
    with serving(run.path, port) as found:
        page = open_page(found)
        expect(page.locator("#model-card")).to_be_visible()
    give(page, photo("tom.png"))
    expect(page.locator("#banner")).to_contain_text("your photos wait here")
    with serving(run.path, port):
        # Not as a person would: by now the page may have tried again itself, and be done.
        page.locator("#again").dispatch_event("click")
        expect(card(page, "tom.png").locator(".answer")).to_have_text("red")
        expect(page.locator("#banner")).to_be_hidden()


def test_a_failure_from_before_a_pause_does_not_bring_another_one(open_page, address):
    page = open_page(address)
    # Whatever waits for seconds waits for ever here.
    page.add_init_script(
        "const real = setTimeout; setTimeout = (f, ms) => (ms < 3000 ? real(f, ms) : 0);"
    )
    page.reload()
    asked = []
    page.route("**/predict", lambda route: asked.append(route))

    def wait_for(count):
        for _ in range(WAIT // 50):
            if len(asked) == count:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{len(asked)} photos were asked about, not {count}")

    give(page, photo("tom.png"), photo("sky.png", BLUE))
    wait_for(2)
    asked[0].abort()
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    page.get_by_role("button", name="Try again now").click()
    wait_for(3)
    asked[1].abort()  # that of sky.png, from before
    wait_for(4)
    expect(page.locator("#banner")).to_be_hidden()
    for route in asked[2:]:
        route.continue_()
    expect(page.locator(".answer")).to_have_text(["red", "blue"])


def test_a_busy_server_is_retried_after_its_retry_after(open_page, address):
    page = open_page(address)
    refuse = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"detail": "Too busy."}}
    page.route("**/predict", lambda route: route.fulfill(**refuse), times=1)
    give(page, photo("tom.png"))
    expect(page.locator("#banner")).to_contain_text("Too busy. Trying again in 1 s.")
    expect(card(page, "tom.png").locator(".answer")).to_have_text("red")


def test_photos_that_were_stopped_can_be_tried_again(open_page, address):
    page = open_page(address)
    page.route("**/predict", lambda route: None)  # never answered
    give(page, photo("a.png"), photo("b.png", BLUE))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".shown")).to_have_text(["Stopped", "Stopped"])
    page.unroute("**/predict")
    page.get_by_role("button", name="Try again: b.png").click()
    expect(card(page, "b.png").locator(".answer")).to_have_text("blue")
    page.get_by_role("button", name="Remove a.png").click()
    expect(page.locator(".photo h3")).to_have_text(["b.png"])


def test_heat_map_glows_where_the_colour_is(open_page, address):
    image = Image.new("RGB", (64, 64), "black")
    image.paste(RED, (0, 0, 32, 64))
    file = io.BytesIO()
    image.save(file, "PNG")
    page = open_page(address)
    give(page, {"name": "half.png", "mimeType": "image/png", "buffer": file.getvalue()})
    button = page.get_by_role("button", name="Show what counted in half.png")
    button.click()
    heat = page.get_by_role("img", name="left of the photo speaks most for red")
    expect(heat).to_be_visible()
    row = heat.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 4, 8, 1).data]"
        ".filter((_, index) => index % 4 === 3)"
    )
    # 0.42 * 255 = 107 where it is hottest; at the border a part of the patch is off the photo.
    assert min(row) == row[1] == 107
    assert all(opacity < 130 for opacity in row[:3])
    assert all(opacity > 190 for opacity in row[5:])  # 0.78 * 255 = 199 where it is cold
    button.click()
    expect(heat).to_have_count(0)


def test_corrections_are_a_folder_and_a_table_that_pawsight_reads(open_page, address, tmp_path):
    page = open_page(address)
    photos = [photo("tom.png"), photo("tom.png", BLUE), photo("rex, old.png", GREEN)]
    give(page, *photos)
    expect(page.locator(".answer")).to_have_text(["red", "blue", "green"])
    for number, label in enumerate(["green", "green", "blue"]):
        page.locator(".photo select").nth(number).select_option(label)
    with page.expect_download() as download:
        page.get_by_role("button", name="Labelled folder").click()
    download.value.save_as(tmp_path / "labelled.zip")
    with zipfile.ZipFile(tmp_path / "labelled.zip") as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "green/tom.png": photos[0]["buffer"],
            "green/tom-2.png": photos[1]["buffer"],
            "blue/rex, old.png": photos[2]["buffer"],
        }
    listing = scan(fetch(tmp_path / "labelled.zip", Silent()))
    assert sorted(one.label for one in listing.photos) == ["blue", "green", "green"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Table of corrections").click()
    download.value.save_as(tmp_path / "labels.csv")
    assert [(one.path, one.label) for one in read_table(tmp_path / "labels.csv").lines] == [
        ("tom.png", "green"),
        ("tom.png", "green"),
        ("rex, old.png", "blue"),
    ]


@pytest.fixture
def save_corrections(tmp_path):
    """Say on a page what each photo shows, and save the labelled folder; gives the zip."""

    def save(page, labels):
        page.evaluate(
            """labels => document.querySelectorAll(".photo select").forEach((choice, index) => {
                choice.value = labels[index];
                choice.dispatchEvent(new Event("change", {bubbles: true}));
            })""",
            labels,
        )
        with page.expect_download() as download:
            page.get_by_role("button", name="Labelled folder").click()
        download.value.save_as(tmp_path / "labelled.zip")
        return tmp_path / "labelled.zip"

    return save


@pytest.mark.usefixtures("undrawn")
def test_corrections_are_audited_and_trained_on(open_page, address, save_corrections, tmp_path):
    page = open_page(address)
    rng = np.random.default_rng(0)
    labels = ["red", "blue"] * 12
    photos = []
    for label in labels:
        pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
        pixels[..., 2 if label == "red" else 0] //= 4
        file = io.BytesIO()
        Image.fromarray(pixels).resize((60, 60), Image.Resampling.NEAREST).save(file, "PNG")
        photos.append({"name": "image.png", "mimeType": "image/png", "buffer": file.getvalue()})
    give(page, *photos)  # all of one name, as pasted ones are
    expect(page.locator(".photo select")).to_have_count(24)
    expect(page.locator(".answer")).to_have_count(24)
    source = save_corrections(page, labels)
    found = pawsight.audit(source)
    assert (found["num_photos"], found["classes"]) == (24, {"red": 12, "blue": 12})
    assert found["broken"] == []
    config = pawsight.TrainConfig(model="builtin", image_size=(32, 32))
    run = pawsight.train(source, config, tmp_path / "run")
    assert pawsight.load(run).class_names == ("blue", "red")


def test_corrections_are_read_whatever_photos_and_classes_are_called(
    open_page, tmp_path, save_corrections
):
    classes = ["a/b", "a:b", "A:B"]
    run = Run(tmp_path / "odd")
    write_colour_model(run.onnx_path)
    run.model_path.write_text(MODEL.replace('["red", "green", "blue"]', json.dumps(classes)))
    names = ["notes.txt", "🐱" * 120 + ".png", ".hidden.png", 'say "hi", tom.PNG', "no ending"]
    labels = ["a/b", "a:b", "A:B", "A:B", "a/b"]
    with serving(run.path, free_port()) as found:
        page = open_page(found)
        give(page, *(photo(name, size=(40 + i, 30)) for i, name in enumerate(names)))
        expect(page.locator(".answer")).to_have_count(5)
        listing = scan(fetch(save_corrections(page, labels), Silent()))
        assert [one.problem for one in listing.photos] == [""] * 5
        by_width = {
            decode((listing.root / one.path).read_bytes()).width: one.label
            for one in listing.photos
        }
        # In a table, labels that differ in capital letters only are one class: the usual one.
        assert [by_width[40 + i] for i in range(5)] == ["a/b", "A:B", "A:B", "A:B", "a/b"]


@pytest.mark.parametrize("name", ["notes.txt", "photo.cr2", "🐱" * 120 + ".png"])
def test_a_corrected_photo_of_any_name_is_read_from_its_class_folder(
    open_page, address, save_corrections, name
):
    page = open_page(address)
    give(page, photo(name), photo(name, BLUE))
    expect(page.locator(".answer")).to_have_count(2)
    listing = scan(fetch(save_corrections(page, ["green", "red"]), Silent()))
    assert [(one.label, one.problem) for one in listing.photos] == [("green", ""), ("red", "")]


def test_all_answers_are_a_table_with_the_columns_of_predict(open_page, address, tmp_path):
    page = open_page(address)
    give(page, photo("tom.png"))
    expect(page.locator(".answer")).to_have_text("red")
    with page.expect_download() as download:
        page.get_by_role("button", name="All answers").click()
    download.value.save_as(tmp_path / "answers.csv")
    (row,) = csv.DictReader((tmp_path / "answers.csv").read_text().splitlines())
    assert list(row) == [*FIXED_COLUMNS, "red", "green", "blue"]
    assert [row[name] for name in ("path", "label", "answer", "error")] == [
        *("tom.png", "red", "red", ""),
    ]
    assert float(row["red"]) == pytest.approx(0.9647, abs=1e-4)


def test_the_key_is_asked_for_until_it_is_right(open_page, run):
    with serving(run.path, free_port(), "--api-key", "open sesame") as found:
        page = open_page(found)
        expect(page.get_by_role("textbox", name="Key")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#banner")).to_contain_text("only those who have its key")
        page.get_by_role("button", name="Try again now").click()
        for key in ("wrong key", "open sesame"):
            page.get_by_role("textbox", name="Key").fill(key)
            page.get_by_role("button", name="Continue").click()
        give(page, photo("tom.png"))
        expect(card(page, "tom.png").locator(".answer")).to_have_text("red")


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_sticks_out_of_the_screen(open_page, address, width):
    page = open_page(address, viewport={"width": width, "height": 740})
    give(page, photo("a-very-long-name-" * 8 + ".png", size=(300, 20)), photo("b.png", GREY))
    expect(page.locator(".answer")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_dark_mode_is_dark(open_page, address):
    page = open_page(address, color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 25)"


def test_the_page_is_used_with_the_keyboard_alone(open_page, address):
    page = open_page(address)
    expect(page.locator("#model-card")).to_be_visible()
    chosen = []
    # Before all else: the browser is told to hand choosers over without a word when it does.
    page.on("filechooser", lambda chooser: chosen.append(chooser))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose photos")).to_be_focused()
    page.wait_for_timeout(200)
    with page.expect_event("filechooser"):
        page.keyboard.press("Enter")
    chosen[0].set_files([photo("tom.png")])
    expect(card(page, "tom.png").locator(".answer")).to_have_text("red")
    passed = []
    for _ in range(14):
        page.keyboard.press("Tab")
        passed.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if passed[-1] == "SELECT":
            page.keyboard.press("ArrowDown")
    expect(card(page, "tom.png").locator("select")).to_have_value("red")
    wanted = ["pick-folder", "take", "SUMMARY", "clear", "SELECT", "save-folder", "save-answers"]
    assert [name for name in passed if name in wanted][: len(wanted)] == wanted
    assert "BODY" in passed  # past the last one the focus leaves the page: no trap


def test_the_page_asks_nobody_but_its_own_server(open_page, address):
    page = open_page(address)
    give(page, photo("tom.png"))
    expect(card(page, "tom.png").locator(".answer")).to_have_text("red")
    assert all(url.startswith((address, "blob:")) for url in page.asked)


def test_no_file_of_the_page_names_another_address():
    for path in STATIC.iterdir():
        found = re.findall(r"https?://[^\s\"'`]+", path.read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(mode):
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[mode]))
    pairs = [
        (front, back) for front in ("ink", "soft", "blue", "orange") for back in ("paper", "card")
    ]
    for front, back in [*pairs, ("on-blue", "blue"), ("ink", "warn")]:
        assert contrast(colours[front], colours[back]) >= 4.5, f"{front} on {back}"


def contrast(one, other):
    """The contrast of two colours, 1..21. Source: WCAG 2.2, "contrast ratio"."""
    lights = sorted((luminance(one), luminance(other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def luminance(colour):
    values = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_several_labels_are_listed_and_those_given_are_marked(open_page, tmp_path):
    several = Run(tmp_path / "several")
    write_colour_model(several.onnx_path)
    facts = {"format_version": 2, "task": "multi-label", "thresholds": [0.5, 0.6, 0.4]}
    several.model_path.write_text(json.dumps(json.loads(MODEL) | facts))
    with serving(several.path, free_port()) as address:
        page = open_page(address)
        give(page, photo("a.png", RED))
        found = card(page, "a.png")
        expect(found.locator(".answer")).to_have_text("red, blue")
        expect(found.locator(".given .label")).to_have_text(["✓ red", "✓ blue"])
        expect(found.locator(".bars li")).to_have_count(3)
        expect(found.locator(".truth")).to_be_hidden()
        expect(page.locator("#model-card .facts")).to_contain_text("may have several of the labels")
