"""Photos from Azurite, Microsoft's own double of Azure Blob Storage, on loopback.

Install it with `npm install --global azurite`, or name its folder by PATH.
"""

import os
import shutil
import subprocess

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError

from .conftest import await_server, contents, free_port

pytest.importorskip("adlfs")
AZURITE = shutil.which("azurite-blob")
if AZURITE is None:
    pytest.skip("Azurite is not installed (npm install azurite)", allow_module_level=True)

ACCOUNT = "devstoreaccount1"  # the account and key that every Azurite has
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def _connection(port, key=KEY):
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running Azurite with a container of photos; gives its port and the process."""
    from azure.storage.blob import BlobServiceClient

    port = free_port()
    place = tmp_path_factory.mktemp("azurite")
    options = ["--silent", "--skipApiVersionCheck", "--blobPort", str(port), "--location", place]
    process = subprocess.Popen([AZURITE, *options], stdout=subprocess.DEVNULL)
    await_server(process, port)
    BlobServiceClient.from_connection_string(_connection(port)).create_container("pets")
    yield port
    process.kill()
    process.wait()


@pytest.fixture
def store(server, pets, monkeypatch):
    """A container with four photos; gives a function that sets the key to sign in with."""
    from azure.storage.blob import BlobServiceClient

    container = BlobServiceClient.from_connection_string(_connection(server)).get_container_client(
        "pets"
    )
    for path, content in pets.items():
        container.upload_blob(path, content, overwrite=True)
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)

    def sign_in(key=KEY):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", _connection(server, key))

    sign_in()
    return sign_in


def test_a_container_is_copied(store, pets, recorded):
    assert contents(fetch("az://pets", recorded).root) == pets


def test_a_container_that_is_not_there_is_named(store, recorded):
    with pytest.raises(SourceError, match=r"There is no az://others.*\nCheck the names"):
        fetch("az://others/cats", recorded)


def test_a_wrong_key_is_named(store, recorded):
    store(key="AAAA" + KEY[4:])
    with pytest.raises(SourceError, match=r"credentials are wrong\.\nName the account"):
        fetch("az://pets", recorded)
