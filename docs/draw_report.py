"""Draw the pictures of report.md: what the report of a run shows, question by question.

    .venv/bin/python docs/draw_report.py

Needs Chromium. Draws 400 pictures of cats and dogs, puts six of each into the folder of the
other class, trains on 48 x 48 pixels, and photographs parts of the report and of the page
of doubts. Every number in them is that of this run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from pawsight import draw_sample

PICTURES = Path(__file__).with_name("images")
NUM_MISPLACED = 6  # of each class
WIDTH, HEIGHT = 1040, 620
MARGIN = 14
COLOURS = 64  # of a PNG: flat colours and small photos need no more


def main() -> None:
    """Train, and photograph the pages."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _draw_photos(Path("photos"))
        _run("train", "photos", "--model", "builtin", "--image-size", "48", "--out", "runs/pets")
        _run("doubts", "runs/pets", "--out", "doubts")
        report, doubts = Path("runs/pets/report.html"), Path("doubts/doubts.html")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            _photograph(browser, report, "report.png", "header", 800)
            _photograph(browser, report, "report-photos.png", "#photos")
            _photograph(browser, report, "report-classes.png", "#classes", 1000)
            _photograph(browser, report, "report-mistakes.png", "#mistakes", 800)
            _photograph(browser, doubts, "report-labels.png", "body")
            browser.close()


def _draw_photos(folder: Path) -> None:
    draw_sample(folder, 400, seed=3)
    cats, dogs = (sorted((folder / name).iterdir())[:NUM_MISPLACED] for name in ("cats", "dogs"))
    for path, other in [(path, "dogs") for path in cats] + [(path, "cats") for path in dogs]:
        path.rename(folder / other / f"from-elsewhere-{path.name}")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pawsight", *arguments], check=True)


def _photograph(browser: Browser, page: Path, name: str, selector: str, most: int = HEIGHT) -> None:
    """Photograph an element of a page, at most so many pixels of its height."""
    shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    shown.goto(page.resolve().as_uri())
    box = shown.locator(selector).first.bounding_box()
    assert box is not None
    top = max(0, box["y"] - MARGIN)
    clip = {"x": 0, "y": top, "width": WIDTH, "height": min(box["height"] + 2 * MARGIN, most)}
    path = PICTURES / name
    shown.screenshot(path=path, clip=clip, full_page=True)
    shown.close()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
