"""A real server on a free port of this machine, and photos to send it."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from PIL import Image

from pawsight.inference.decode_processes import DecodeProcesses, DecodeRequest
from pawsight.web import request_timeout
from pawsight.web.app import build_app
from pawsight.web.settings import ServeSettings

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def png(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (16, 12)) -> bytes:
    """Draw a photo of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def form(*photos: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """Give photos as a form, named 0.png, 1.png, ..."""
    return [("photos", (f"{number}.png", photo)) for number, photo in enumerate(photos)]


def free_port() -> int:
    """Find a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(holds, seconds: float = 20.0):
    """Wait until something holds, and give it."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, "it never held"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def served(run: object, **changes: object) -> Iterator[httpx.Client]:
    """Serve a run in a thread of this process; gives a client of it."""
    settings = ServeSettings(run=str(run) if run else None, **changes)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = build_app(settings)
    # With the first photo instead: many tests send none, and few need one for each core.
    app.state.service._start_processes = lambda: None
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=request_timeout.HeadTimeoutProtocol,
            ws="none",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        eventually(lambda: server.started or not thread.is_alive())
        with httpx.Client(base_url=address, timeout=30) as client:
            client.service = app.state.service
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


@pytest.fixture
def serve():
    """Serve runs until the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda run, **changes: stack.enter_context(served(run, **changes))


@pytest.fixture
def client(serve, colour_run):
    """A client of a service that tells red, green and blue apart."""
    return serve(colour_run.path)


@pytest.fixture
def gate(monkeypatch):
    """Hold all photos back until `open()`; `num_begun` says how many are being looked at."""
    opened, load_pixels = threading.Event(), DecodeProcesses.load_pixels
    found = SimpleNamespace(open=opened.set, num_begun=0)

    def wait(processes: DecodeProcesses, request: DecodeRequest):
        found.num_begun += 1
        assert opened.wait(30)
        return load_pixels(processes, request)

    monkeypatch.setattr(DecodeProcesses, "load_pixels", wait)
    yield found
    opened.set()


@pytest.fixture
def process(colour_run, tmp_path):
    """Start `pawsight serve` as a process of its own, and end it with the test."""
    started = []

    def start(*options: object, run: object = colour_run.path, **environment: str):
        port = free_port()
        log = (tmp_path / f"log-{len(started)}").open("w+")
        child = subprocess.Popen(
            [sys.executable, "-m", "pawsight", "serve", str(run), "--port", str(port)]
            + [str(option) for option in options],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )
        child.address, child.port = f"http://127.0.0.1:{port}", port
        child.log = lambda: (tmp_path / log.name).read_text()
        started.append((child, log))

        def is_ready():
            assert child.poll() is None, child.log()
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{child.address}/readyz").status_code == 200

        eventually(is_ready, 60)
        return child

    yield start
    for child, log in started:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
        log.close()
