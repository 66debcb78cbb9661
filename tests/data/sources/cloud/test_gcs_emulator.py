"""Photos from gcp-storage-emulator, a double of Google Cloud Storage, on loopback.

Install it with `pip install gcp-storage-emulator`.
"""

import os
from urllib.parse import quote

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError

from .conftest import contents, free_port

pytest.importorskip("gcsfs")
requests = pytest.importorskip("requests")
emulator = pytest.importorskip(
    "gcp_storage_emulator.server", reason="needs gcp-storage-emulator, from PyPI"
)


@pytest.fixture(scope="module")
def server():
    """The address of a running emulator with an empty bucket of the name pets."""
    port = free_port()
    running = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="pets")
    running.start()
    yield f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def bucket(server, pets, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GOOGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server)
    for path, content in pets.items():
        name = quote(f"all/{path}", safe="")
        target = f"{server}/upload/storage/v1/b/pets/o?uploadType=media&name={name}"
        requests.post(target, data=content, timeout=10).raise_for_status()
    return server


@pytest.mark.parametrize("address", ["gs://pets/all", "gs://pets/all?anonymous", "gs://pets"])
def test_a_folder_of_a_bucket_is_copied(bucket, pets, recorded, address):
    found = contents(fetch(address, recorded).root)
    before = "" if "all" in address else "all/"
    assert found == {before + path: content for path, content in pets.items()}
    assert recorded.notes == []


def test_the_libraries_print_nothing(bucket, recorded, capfd, caplog):
    fetch("gs://pets/all?anonymous", recorded)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["gs://others/all", "gs://pets/nothing"])
def test_what_is_not_there_is_named(bucket, recorded, address):
    with pytest.raises(SourceError, match=rf"There is no {address}.*\nCheck the names"):
        fetch(address, recorded)
