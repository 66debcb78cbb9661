"""What is at an address, by the names and the first bytes of its files."""

import base64

import pytest

from pawsight.data.file_types import SHARD_INDEX
from pawsight.data.sources.cloud import matches
from pawsight.data.sources.cloud.location import one_file, wanted_files
from pawsight.errors import SourceError
from pawsight.storage.stores.file_versions import checksum_of, version_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def made(path):
    return f"record of {path}"


def test_an_archive_is_unpacked_and_a_photo_is_one_photo():
    found = one_file("pets.zip", b"PK\x03\x04", "s3://b/pets.zip", made)
    assert (found.name, found.archive, found.photo) == ("pets", "pets.zip", None)
    assert found.files == ["record of pets.zip"]
    found = one_file("a b.JPG", b"anything", "s3://b/a b.JPG", made)
    assert (found.name, found.archive, found.photo) == ("a b", None, "a b.JPG")
    assert one_file("nameless", PNG, "s3://b/nameless", made).photo == "nameless"


@pytest.mark.parametrize(("name", "start"), [("notes.txt", PNG), ("nameless", b"text")])
def test_another_file_is_refused(name, start):
    with pytest.raises(SourceError, match=r"s3://b/x is a file, but neither"):
        one_file(name, start, "s3://b/x", made)


def test_photos_and_tables_of_a_listing_are_wanted_under_safe_paths():
    paths = ["a/x.jpg", "a//y.png", "notes.doc", "labels.csv", "a/", ".hidden/z.jpg", "A/x.jpg"]
    found = wanted_files([(path, made) for path in paths])
    assert found == [
        f"record of {path}" for path in ("a/x.jpg", "a/y.png", "labels.csv", "A/x (2).jpg")
    ]


def test_of_a_packed_set_only_its_index_and_shards_are_wanted():
    paths = [SHARD_INDEX, "photos-00000.tar", "a/x.jpg", "notes.txt"]
    found = wanted_files([(path, made) for path in paths])
    assert found == [f"record of {SHARD_INDEX}", "record of photos-00000.tar"]


@pytest.mark.parametrize(
    ("text", "is_address"),
    [
        ("s3://bucket/pets", True),
        ("GS://bucket", True),
        ("https://example.org/", True),
        ("s3:bucket", False),
        ("photos/", False),
        ("gdrive:/x", False),
    ],
)
def test_addresses_are_known_by_their_scheme(text, is_address):
    assert matches(text) is is_address


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"ETag": '"abc"', "size": 3}, "abc"),
        ({"ETag": '"abc"', "has_opaque_etag": True, "size": 3}, "abc opaque"),
        ({"etag": "", "generation": 17, "size": 3}, "17"),
        ({"blob_id": "f0", "size": 3}, "f0"),
        ({"last_modified": "yesterday", "size": 3}, "yesterday 3"),
        ({"mtime": 5.5, "size": 4}, "5.5 4"),
        ({"size": 4}, "None 4"),
    ],
)
def test_a_version_is_what_the_store_states_else_time_and_size(info, version):
    assert version_of(info) == version


MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("info", "checksum"),
    [
        ({"md5Hash": base64.b64encode(bytes.fromhex(MD5)).decode()}, MD5),
        ({"content_settings": {"content_md5": bytearray.fromhex(MD5)}}, MD5),
        ({"content_settings": {"content_md5": None}}, ""),
        ({"lfs": {"sha256": "ab" * 32}}, "ab" * 32),
        ({"ETag": f'"{MD5}"'}, MD5),
        ({"ETag": f'"{MD5}"', "has_opaque_etag": True}, ""),
        ({"ETag": f'"{MD5}-2"'}, ""),  # of a file that came in pieces
        ({}, ""),
    ],
)
def test_a_checksum_is_what_the_store_states(info, checksum):
    assert checksum_of(info) == checksum
