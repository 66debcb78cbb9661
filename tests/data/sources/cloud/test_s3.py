"""Photos from S3, by s3fs, against moto's server: a whole S3 on loopback."""

import subprocess
import sys

import pytest

from pawsight.data import sources
from pawsight.errors import SourceError
from pawsight.storage import atomic
from pawsight.storage.cache import cache_dir

from ....s3_server import bucket_of, serving, sign_in
from .conftest import contents, photo

pytest.importorskip("s3fs")


class Gate:
    """Stands before the server: keeps what is asked, and answers in its place where told to."""

    def __init__(self, app):
        self._app = app
        self.asked = []
        self.faults = []  # (method, end of the path, a function of start_response), each once

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path, environ.get("HTTP_RANGE", "")))
        for fault in self.faults:
            if method == fault[0] and path.endswith(fault[1]):
                self.faults.remove(fault)
                return fault[2](start_response)
        return self._app(environ, start_response)

    def got(self):
        return [path for method, path, _ in self.asked if method == "GET" and path.count("/") > 1]


def _answer(status, code):
    def answer(start_response):
        body = f"<Error><Code>{code}</Code><Message>{code}.</Message></Error>".encode()
        start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


@pytest.fixture(scope="module")
def gate():
    gates = []

    def wrap(app):
        gates.append(Gate(app))
        return gates[0]

    with serving(wrap) as url:
        gates[0].url = url
        yield gates[0]


@pytest.fixture
def bucket(gate, pets, monkeypatch):
    sign_in(monkeypatch, gate.url)
    with bucket_of(gate.url, "photos") as client:
        for path, content in pets.items():
            client.put_object(Bucket="photos", Key=f"pets/{path}", Body=content)
        gate.asked.clear()
        yield client
        gate.faults.clear()


@pytest.mark.usefixtures("bucket")
def test_folder_of_a_bucket_is_copied(pets, recorded):
    source = sources.fetch("s3://photos/pets", recorded)
    assert (source.name, contents(source.root)) == ("pets", pets)
    assert recorded.notes == []


@pytest.mark.usefixtures("bucket")
def test_a_whole_bucket_is_copied(pets, recorded):
    source = sources.fetch("s3://photos/", recorded)
    assert source.name == "photos"
    assert contents(source.root) == {f"pets/{path}": content for path, content in pets.items()}


def test_second_time_only_what_changed_is_copied(bucket, gate, pets, recorded):
    sources.fetch("s3://photos/pets", recorded)
    bucket.put_object(Bucket="photos", Key="pets/cats/tom.jpg", Body=photo(99))
    bucket.delete_object(Bucket="photos", Key="pets/cats/kitty 1.jpg")
    gate.asked.clear()
    source = sources.fetch("s3://photos/pets", recorded)
    del pets["cats/kitty 1.jpg"]
    assert contents(source.root) == pets | {"cats/tom.jpg": photo(99)}
    assert gate.got() == ["/photos/pets/cats/tom.jpg"]


def test_archive_is_unpacked_and_not_fetched_twice(bucket, gate, pets, pets_zip, recorded):
    bucket.put_object(Bucket="photos", Key="packed/pets.zip", Body=pets_zip)
    source = sources.fetch("s3://photos/packed/pets.zip", recorded)
    assert (source.name, contents(source.root)) == ("pets", pets)
    gate.asked.clear()
    again = sources.fetch("s3://photos/packed/pets.zip", recorded)
    assert again == source
    ranges = [asked[2] for asked in gate.asked if asked[0] == "GET" and asked[2]]
    assert ranges == ["bytes=0-511"]  # what kind of file it is


def test_table_is_taken_with_the_photos_beside_it(bucket, pets, recorded):
    table = b"path,label\ncats/tom.jpg,cat\n"
    bucket.put_object(Bucket="photos", Key="pets/labels.csv", Body=table)
    source = sources.fetch("s3://photos/pets/labels.csv", recorded)
    assert source.table == source.root / "labels.csv"
    assert contents(source.root) == pets | {"labels.csv": table}


def test_files_that_are_no_photos_stay_where_they_are(bucket, pets, recorded):
    for key in ("pets/readme.md", "pets/.hidden/a.jpg", "pets/empty/"):
        bucket.put_object(Bucket="photos", Key=key, Body=b"")
    source = sources.fetch("s3://photos/pets", recorded)
    assert contents(source.root) == pets


@pytest.mark.usefixtures("bucket")
def test_busy_server_is_asked_again(gate, pets, recorded):
    gate.faults += [("GET", "/tom.jpg", _answer("503 Slow Down", "SlowDown"))] * 2
    source = sources.fetch("s3://photos/pets", recorded)
    assert contents(source.root) == pets
    assert gate.faults == []


@pytest.mark.usefixtures("bucket")
def test_wrong_bytes_are_noticed_and_copied_again(gate, pets, recorded):
    size = str(len(pets["cats/tom.jpg"]))

    def wrong(start_response):
        start_response("206 Partial Content", [("Content-Length", size)])
        return [bytes(int(size))]

    gate.faults += [("GET", "/tom.jpg", wrong)]
    source = sources.fetch("s3://photos/pets", recorded)
    assert contents(source.root) == pets
    assert gate.got().count("/photos/pets/cats/tom.jpg") == 2


@pytest.mark.usefixtures("bucket")
def test_photo_one_may_not_read_is_named_and_left_out(gate, pets, recorded):
    gate.faults += [("GET", "/tom.jpg", _answer("403 Forbidden", "AccessDenied"))]
    source = sources.fetch("s3://photos/pets", recorded)
    del pets["cats/tom.jpg"]
    assert contents(source.root) == pets
    assert recorded.notes == [
        "1 of 4 files of pets could not be copied; they are left out, or an earlier copy is used: "
        "cats/tom.jpg: AccessDenied."
    ]


def test_etag_of_a_file_encrypted_with_a_key_is_not_taken_for_its_md5(bucket, gate, pets, recorded):
    for path, content in pets.items():
        bucket.put_object(
            Bucket="photos", Key=f"pets/{path}", Body=content, ServerSideEncryption="aws:kms"
        )
    size = str(len(pets["cats/tom.jpg"]))

    def other(start_response):
        start_response("206 Partial Content", [("Content-Length", size)])
        return [bytes(int(size))]

    gate.faults += [("GET", "/tom.jpg", other)]
    source = sources.fetch("s3://photos/pets", recorded)
    assert contents(source.root)["cats/tom.jpg"] == bytes(int(size))


def test_public_bucket_is_read_without_keys(bucket, pets, recorded, monkeypatch):
    bucket.put_bucket_acl(Bucket="photos", ACL="public-read")
    for path in pets:
        bucket.put_object_acl(Bucket="photos", Key=f"pets/{path}", ACL="public-read")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source = sources.fetch("s3://photos/pets?anonymous", recorded)
    assert contents(source.root) == pets


@pytest.mark.usefixtures("bucket")
def test_missing_keys_explain_how_to_sign_in(recorded, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceError, match=r"(?s)S3 does not let you read.*aws configure.*anonym"):
        sources.fetch("s3://photos/pets", recorded)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("address", ["s3://no-such-bucket/pets", "s3://photos/no-such-folder"])
def test_what_is_not_there_is_reported(recorded, address):
    with pytest.raises(SourceError, match=rf"There is no {address} .*\nCheck the names"):
        sources.fetch(address, recorded)


@pytest.mark.usefixtures("bucket")
def test_forbidden_bucket_is_reported(gate, recorded):
    gate.faults += [("GET", "/photos", _answer("403 Forbidden", "AccessDenied"))] * 4
    with pytest.raises(SourceError, match="S3 does not let you read s3://photos: "):
        sources.fetch("s3://photos", recorded)


def test_folder_without_photos_is_reported(bucket, recorded):
    bucket.put_object(Bucket="photos", Key="text/readme.md", Body=b"hello")
    with pytest.raises(SourceError, match=r"There are no photos in s3://photos/text\.\nGive the"):
        sources.fetch("s3://photos/text", recorded)


def test_file_of_another_kind_is_refused(bucket, recorded):
    bucket.put_object(Bucket="photos", Key="readme.md", Body=b"hello")
    with pytest.raises(SourceError, match="is a file, but neither an archive"):
        sources.fetch("s3://photos/readme.md", recorded)


def test_address_without_a_bucket_is_refused(recorded):
    with pytest.raises(SourceError, match=r"names no bucket.\nGive it as s3://bucket/folder"):
        sources.fetch("s3://", recorded)


@pytest.mark.usefixtures("bucket")
def test_photos_are_packed_into_a_bucket_and_read_from_there(pets, recorded):
    import pawsight

    packed = pawsight.pack("s3://photos/pets", "s3://photos/packed")
    assert (packed.place, packed.num_photos, packed.num_shards) == ("s3://photos/packed", 4, 1)
    source = sources.fetch("s3://photos/packed", recorded)
    assert {line.path: line.label for line in source.lines} == {
        path: path.partition("/")[0] for path in pets
    }
    assert {path: (source.root / path).read_bytes() for path in pets} == pets


def test_interrupted_packing_into_a_bucket_is_resumed(bucket, gate, pets):
    import pawsight

    pawsight.pack("s3://photos/pets", "s3://photos/packed")
    bucket.delete_object(Bucket="photos", Key="packed/photos-00000.tar")
    gate.asked.clear()
    pawsight.pack("s3://photos/pets", "s3://photos/packed")
    written = [path for method, path, _ in gate.asked if method == "PUT"]
    assert written == ["/photos/packed/photos-00000.tar", "/photos/packed/shards.json"]


@pytest.mark.usefixtures("bucket")
def test_a_shard_that_a_killed_process_left_in_the_cache_is_removed():
    import pawsight

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = cache_dir("packing") / f".pawsight-{atomic._HOST}-{ended.pid}-00000000-photos-00000.tar"
    left.write_bytes(b"half")
    pawsight.pack("s3://photos/pets", "s3://photos/packed")
    assert list(cache_dir("packing").iterdir()) == []


@pytest.mark.usefixtures("bucket")
def test_upload_that_fails_once_is_tried_again(gate):
    import pawsight

    busy = ("PUT", "photos-00000.tar", _answer("503 Slow Down", "SlowDown"))
    gate.faults += [busy, busy, busy]  # the library tries twice itself
    assert pawsight.pack("s3://photos/pets", "s3://photos/packed").num_photos == 4
    assert gate.faults == []


@pytest.mark.usefixtures("bucket")
def test_bucket_that_is_not_there_is_named(pets, recorded):
    import pawsight

    with pytest.raises(SourceError, match=r"s3://nowhere/packed cannot be written"):
        pawsight.pack("s3://photos/pets", "s3://nowhere/packed")
