"""The page in a real browser: the Chromium that is installed, driven by Playwright."""

import contextlib
import io
import shutil
import socket
import subprocess
import sys
import time

import pytest
from PIL import Image

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)
NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = 20_000  # milliseconds, for what takes a fraction of a second on an idle machine


def photo(name, colour=RED, size=(40, 30)):
    """Draw a photo of one colour, as Playwright hands files to a page."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


@contextlib.contextmanager
def chromium():
    """Open the browser, with a camera that shows a moving test picture."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"the page is tested in Chromium, and none of {', '.join(NAMES)} is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",  # needed by root, and all that it opens is our own
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )


@pytest.fixture(scope="module")  # Playwright's loop must not outlive the module's tests
def browser():
    with chromium() as opened:
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Open an address; gives the page, whose `asked` lists every address it asked for.

    A mistake in a script fails the test.
    """
    contexts, mistakes = [], []

    def open_it(address, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert mistakes == []


def free_port():
    """Find a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(run, port, *options):
    """Run `pawsight serve` as a process of its own; gives its address."""
    command = [sys.executable, "-m", "pawsight", "serve", str(run), "--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < until and process.poll() is None, "it never listened"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(30)
