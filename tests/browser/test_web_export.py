"""`pawsight export --format web`: the same page, answering in the browser itself."""

import contextlib
import csv
import functools
import io
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

import pawsight
from pawsight.data.decoding.decode import load_pixels
from pawsight.inference import enlarged_images

from .conftest import WAIT

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.slow

LARGEST_DIFFERENCE = 0.01  # of a probability; 0.001 was seen, of a JPEG


class Quiet(SimpleHTTPRequestHandler):
    """Any file server; `asked` counts what it was asked for."""

    asked: tuple[str, ...] = ()

    def log_message(self, *_):
        Quiet.asked += (self.path,)


@contextlib.contextmanager
def hosted(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The model that ships, exported, and its address."""
    folder = tmp_path_factory.mktemp("web")
    pawsight.draw_sample(folder / "drawn", 4)
    exported = pawsight.export(None, "web", folder / "site", photos=folder / "drawn")
    assert exported.agreement == 1
    with hosted(folder / "site") as address:
        yield folder / "site", address


def picture(height, width):
    """Draw something with edges, slopes and colours, RGB [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    rings = np.sin(np.hypot(x - width / 3, y - height / 2) / (9 + width / 60))
    found = np.stack([128 + 120 * rings, 255 * x / width, 255 * (1 - y / height)], axis=-1)
    found[height // 2 :, width // 2 :] = (200, 170, 120)
    return Image.fromarray(found.clip(0, 255).astype(np.uint8))


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photos():
    """Photos of every kind that a browser and Python might read differently, by name."""
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter
    whole = picture(300, 400)
    glass = whole.convert("RGBA")
    glass.putalpha(Image.linear_gradient("L").resize(glass.size))
    return {
        "turned.jpg": saved(whole, "JPEG", quality=92, exif=turned),
        "glass.png": saved(glass, "PNG"),
        "grey.png": saved(whole.convert("L"), "PNG"),
        "large.jpg": saved(picture(1100, 1500), "JPEG", quality=92),
        "tall.png": saved(picture(900, 90), "PNG"),
        "small.webp": saved(picture(60, 50), "WEBP", lossless=True),
    }


def as_files(photos):
    return [
        {"name": name, "mimeType": f"image/{name.split('.')[1]}", "buffer": data}
        for name, data in photos.items()
    ]


def test_the_browser_answers_what_python_answers_and_asks_nobody(open_page, site, photos):
    _, address = site
    page = open_page(address)
    expect(page.locator("#model-card")).to_be_visible(timeout=3 * WAIT)
    expect(page.locator("#privacy")).to_contain_text("nothing is sent anywhere")
    asked = Quiet.asked
    page.set_input_files("#files", as_files(photos))
    expect(page.locator("#count")).to_have_text("6 photos", timeout=3 * WAIT)
    assert Quiet.asked == asked  # what answers has been loaded: the photos went nowhere
    assert all(url.startswith((address, "blob:")) for url in page.asked)
    with page.expect_download() as download:
        page.get_by_role("button", name="All answers").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    wanted = pawsight.load().predict(photos.values())
    assert [float(row["cats"]) for row in rows] == pytest.approx(
        [one.probabilities["cats"] for one in wanted], abs=LARGEST_DIFFERENCE
    )
    # Drawn pictures are neither cats nor dogs; a score at the threshold may fall on either side.
    clear = [abs(one.ood_score - 1) > 0.05 for one in wanted]
    assert sum(clear) > 3
    assert [row["answer"] for row, is_clear in zip(rows, clear, strict=True) if is_clear] == [
        one.answer for one, is_clear in zip(wanted, clear, strict=True) if is_clear
    ]


@pytest.mark.usefixtures("undrawn")
def test_network_of_its_own_answers_none_in_the_browser(open_page, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(enlarged_images, "NUM_PIXELS", 80 * 80)  # to which 64 x 64 are enlarged
    pawsight.draw_sample(tmp_path / "drawn", 40)
    run = pawsight.train(
        tmp_path / "drawn", model="colab", image_size=64, epochs=1, out=tmp_path / "run"
    )
    pawsight.export(run, "web", tmp_path / "site")
    with hosted(tmp_path / "site") as address:
        page = open_page(address)
        expect(page.locator("#model-card")).to_be_visible(timeout=3 * WAIT)
        page.set_input_files("#files", as_files(photos))
        expect(page.locator("#count")).to_have_text("6 photos", timeout=3 * WAIT)
        with page.expect_download() as download:
            page.get_by_role("button", name="All answers").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    wanted = pawsight.load(run).predict(photos.values())
    clear = [abs(one.ood_score - 1) > 0.05 for one in wanted]
    answers = [row["answer"] for row, is_clear in zip(rows, clear, strict=True) if is_clear]
    assert answers == [one.answer for one, is_clear in zip(wanted, clear, strict=True) if is_clear]
    assert "none" in answers


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_the_browser_sees_the_pixels_that_python_sees(open_page, site, photos, resize):
    _, address = site
    page = open_page(f"{address}card.json")  # beside the page, which would load the model
    for name, data in photos.items():
        pixels = page.evaluate(
            """async ([bytes, isJpeg, resize]) => {
                const { fitted } = await import("./static/resampling.js");
                const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
                return [...fitted(bitmap, isJpeg, [96, 128], resize)];
            }""",
            [list(data), name.endswith("jpg"), resize],
        )
        wanted = load_pixels(data, (96, 128), resize).astype(int).ravel()
        difference = np.abs(np.array(pixels) - wanted)
        is_jpeg = name.endswith("jpg")
        # Browsers decode JPEG by themselves, at full size; all else is the same but for rounding.
        assert difference.mean() < (0.5 if is_jpeg else 0.05), name
        assert difference.max() <= (32 if is_jpeg else 1), name


def test_a_file_that_is_no_photo_is_a_row_with_the_reason(open_page, site):
    page = open_page(site[1])
    page.set_input_files(
        "#files", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}]
    )
    expect(page.locator(".error")).to_contain_text("This browser cannot read it", timeout=3 * WAIT)


def test_the_heat_map_is_made_in_the_browser(open_page, site, photos):
    page = open_page(site[1])
    page.set_input_files("#files", as_files({"tall.png": photos["tall.png"]}))
    page.get_by_role("button", name="Show what counted").click(timeout=3 * WAIT)
    expect(page.locator("canvas.heat")).to_be_visible(timeout=4 * WAIT)


def test_a_missing_model_is_reported(open_page, site, tmp_path):
    page = open_page(site[1] + "nowhere/")
    page.route("**/card.json", lambda route: route.fulfill(status=404))
    page.goto(site[1])
    expect(page.locator("#banner")).to_contain_text("could not be loaded", timeout=WAIT)


def test_the_card_reports_what_the_browser_must_know(site):
    card = json.loads((site[0] / "card.json").read_text())
    model = pawsight.load()
    assert card["class_names"] == list(model.class_names)
    assert card["fingerprint"] == model.fingerprint
    assert (card["resize"], card["image_size"]) == (model.resize, list(model.image_size))
    assert card["sure"] == model.answer_threshold


def test_the_readme_explains_how_to_look_at_it(site):
    text = (site[0] / "README.md").read_text()
    assert "python -m http.server" in text
    assert "```python" not in text
