"""Draw images/page.png: the page, with answers for pictures that pawsight drew.

Needs Chromium, and a run on drawn photos, from the repository:

    pawsight train sample --model builtin --out runs/drawn
    .venv/bin/python docs/draw_page.py runs/drawn
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from pawsight import draw_sample

PICTURE = Path(__file__).with_name("images") / "page.png"
PORT = 8763


def main() -> None:
    """Serve the run, and photograph its page."""
    command = [sys.executable, "-m", "pawsight", "serve", sys.argv[1], "--port", str(PORT)]
    server = subprocess.Popen(command)
    try:
        while socket.socket().connect_ex(("127.0.0.1", PORT)):
            time.sleep(0.1)
        with tempfile.TemporaryDirectory() as folder:
            draw_sample(folder, 8, seed=8)  # not those it was trained on
            _photograph(sorted(Path(folder).rglob("*.jpg"))[:8])
    finally:
        server.terminate()
        server.wait()


def _photograph(photos: list[Path]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1120})
        page.goto(f"http://127.0.0.1:{PORT}/")
        page.set_input_files("#files", photos)
        expect(page.locator("#count")).to_have_text(f"{len(photos)} photos", timeout=60_000)
        page.get_by_role("button", name="Show what counted").first.click()
        expect(page.locator("canvas.heat")).to_be_visible(timeout=60_000)
        page.mouse.move(0, 0)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
