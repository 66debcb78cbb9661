"""Photos from s3rver, an S3 server of another author than moto's, on loopback.

Install it with `npm install --global s3rver`, or name its folder by PATH.
"""

import shutil
import subprocess

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError

from .conftest import await_server, contents, free_port

pytest.importorskip("s3fs")
S3RVER = shutil.which("s3rver")
if S3RVER is None:
    pytest.skip("s3rver is not installed (npm install s3rver)", allow_module_level=True)

KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # those it accepts


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a running s3rver with an empty bucket of the name photos."""
    port = free_port()
    place = tmp_path_factory.mktemp("s3rver")
    options = ["--directory", place, "--address", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [S3RVER, *options, "--silent", "--configure-bucket", "photos"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await_server(process, port)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
def bucket(server, pets, monkeypatch):
    """The client of a bucket with four photos."""
    import boto3

    others = {
        "AWS_ENDPOINT_URL": server,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in (KEYS | others).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=server)
    for path, content in pets.items():
        client.put_object(Bucket="photos", Key=f"pets/{path}", Body=content)
    yield client
    client.close()


def test_a_folder_of_a_bucket_is_copied_and_then_only_what_changed(bucket, pets, recorded):
    assert contents(fetch("s3://photos/pets", recorded).root) == pets
    bucket.put_object(Bucket="photos", Key="pets/cats/tom.jpg", Body=pets["dogs/rex#2.jpg"])
    found = contents(fetch("s3://photos/pets", recorded).root)
    assert found == pets | {"cats/tom.jpg": pets["dogs/rex#2.jpg"]}
    assert recorded.notes == []


@pytest.mark.parametrize("address", ["s3://others/pets", "s3://photos/nothing"])
def test_what_is_not_there_is_named(bucket, recorded, address):
    with pytest.raises(SourceError, match=rf"There is no {address}.*\nCheck the names"):
        fetch(address, recorded)


def test_a_wrong_key_is_named(bucket, recorded, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OTHER")
    with pytest.raises(SourceError, match=r"does not let you read .*the credentials are wrong"):
        fetch("s3://photos/pets", recorded)
