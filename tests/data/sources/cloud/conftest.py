"""Photos to put somewhere, and the cache they come into."""

import io
import socket
import subprocess
import threading
import time
import zipfile
from http.server import ThreadingHTTPServer

import pytest
from PIL import Image

from pawsight.storage import download


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def await_server(process: subprocess.Popen, port: int) -> None:
    """Wait until a server listens on a port; skip where it does not start."""
    for _ in range(400):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    process.wait()
    pytest.skip(f"{process.args[0]} does not start here")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "jittered", lambda _: 0.0)


def photo(shade: int) -> bytes:
    """A grey JPEG; no two shades give the same bytes."""
    file = io.BytesIO()
    Image.new("L", (8, 8), shade).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def pets():
    """Four photos of two classes, by path."""
    return {
        "cats/tom.jpg": photo(10),
        "cats/kitty 1.jpg": photo(20),
        "dogs/rex#2.jpg": photo(30),
        "dogs/größe?.jpg": photo(40),
    }


@pytest.fixture
def pets_zip(pets):
    """The same as an archive, long enough to be cut in two."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in pets.items():
            archive.writestr(path, content)
        archive.writestr("readme.txt", bytes(60_000))
    return file.getvalue()


@pytest.fixture
def serve():
    """Serve with an HTTP handler on loopback; gives the address."""
    servers = []

    def start(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def contents(root):
    """The photos and tables of a folder, by path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.relative_to(root).as_posix().startswith(".")
    }
