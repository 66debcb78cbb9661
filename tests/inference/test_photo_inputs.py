"""What a person types, and the photos it means."""

import functools
import http.server
import io
import os
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from pawsight.errors import SourceError
from pawsight.inference.addresses import fetch_addresses, is_fetched
from pawsight.inference.photo_inputs import expand
from pawsight.progress import Silent
from pawsight.records import Prediction


@pytest.fixture
def web_server():
    """Serve a folder on this machine; gives its address."""
    servers = []

    def serve(folder):
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files to name, and that folder as the current one."""
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "sub/c.jpeg", "sub/deep/d.webp"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked into")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(*arguments, stdin=b""):
    """The paths, with an error's text in place of a row that is decided."""
    return [
        found.error if isinstance(found, Prediction) else found
        for found in expand(arguments, io.BytesIO(stdin))
    ]


def test_files_come_as_typed_and_in_order(folder):
    assert named("photos/b.jpg", "./photos//a.PNG") == ["photos/b.jpg", "./photos//a.PNG"]


def test_file_that_is_no_photo_by_name_is_taken_when_named(folder):
    assert named("photos/notes.txt") == ["photos/notes.txt"]


def test_missing_file_is_left_for_the_reader_to_report(folder):
    assert named("gone.jpg") == ["gone.jpg"]


def test_folder_gives_its_photos_sorted_with_all_below(folder):
    assert named("photos/") == [
        "photos/a.PNG",
        "photos/b.jpg",
        "photos/sub/c.jpeg",
        "photos/sub/deep/d.webp",
    ]


def test_folders_without_photos_are_named_once_no_other_photo_is(folder):
    (folder / "empty" / "Photos Library.photoslibrary").mkdir(parents=True)
    assert named("empty", "photos/b.jpg", "empty") == ["photos/b.jpg"]
    with pytest.raises(SourceError, match=r"no photos in empty\.\nLeft out: Photos Library"):
        named("empty")
    assert named("-") == []


def test_picture_of_a_format_that_is_not_read_is_a_row_with_the_reason(folder):
    (folder / "photos" / "raw.cr2").write_bytes(b"raw")
    assert any("camera's raw format" in row for row in named("photos"))


def test_star_gives_photos_and_the_folders_beside_them(folder):
    assert named("photos/*") == [
        "photos/a.PNG",
        "photos/b.jpg",
        "photos/sub/c.jpeg",
        "photos/sub/deep/d.webp",
    ]


def test_two_stars_name_each_photo_once(folder):
    assert named("photos/**") == named("photos/**/*") == named("photos")


def test_pattern_with_an_ending_takes_just_those_files(folder):
    assert named("photos/*.txt") == ["photos/notes.txt"]
    assert named("**/*.jp*g") == ["photos/b.jpg", "photos/sub/c.jpeg"]


def test_pattern_that_matches_nothing_is_a_row_with_an_error(folder):
    assert named("photos/*.tif", "photos/b.jpg") == [
        "no photo matches this pattern",
        "photos/b.jpg",
    ]


def test_file_whose_name_looks_like_a_pattern_is_itself(folder):
    (folder / "photos" / "cat[1].jpg").write_bytes(b"")
    assert named("photos/cat[1].jpg") == ["photos/cat[1].jpg"]


@pytest.mark.parametrize(
    "stdin", [b"a.jpg\nb c.jpg\n", b"a.jpg\r\n\r\nb c.jpg", b"a.jpg\0b c.jpg\0", b"a.jpg\0b c.jpg"]
)
def test_dash_reads_a_list_from_standard_input(folder, stdin):
    assert named("-", stdin=stdin) == ["a.jpg", "b c.jpg"]


def test_name_with_a_newline_passes_through_a_list_separated_by_nul(folder):
    assert named("-", stdin=b"a\nb.jpg\0c.jpg\0") == ["a\nb.jpg", "c.jpg"]


def test_list_may_name_folders_but_holds_no_patterns(folder):
    assert named("-", stdin=b"photos/sub\nphotos/*\n") == [
        "photos/sub/c.jpeg",
        "photos/sub/deep/d.webp",
        "photos/*",
    ]


def test_list_longer_than_one_read_is_whole(folder):
    paths = [f"some/folder/photo-{i:06}.jpg" for i in range(10_000)]
    assert named("-", stdin="\n".join(paths).encode()) == paths


def test_empty_list_names_nothing(folder):
    assert named("-", stdin=b"") == []


def test_list_is_given_out_before_its_end_is_there(folder):
    reader, writer = os.pipe()
    with open(reader, "rb") as stdin, open(writer, "wb", buffering=0) as source:
        found = expand(["-"], stdin)
        source.write(b"first.jpg\nsecond.jpg\n")
        assert next(found) == "first.jpg"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_name_that_is_not_utf8_passes(folder):
    name = os.fsdecode(b"photos/caf\xe9.jpg")
    (folder / name).write_bytes(b"")
    assert name in named("photos")
    assert named("photos/caf*") == [name]
    assert named("-", stdin=b"photos/caf\xe9.jpg") == [name]


def test_archives_are_unpacked_and_addresses_fetched_before_anything_is_predicted(
    tmp_path, web_server
):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr("pets/a.jpg", b"x")
        archive.writestr("pets/b.jpg", b"y")
    folder, other = fetch_addresses([str(tmp_path / "pets.zip"), "c.jpg"], Silent())
    assert other == "c.jpg"
    assert sorted(path.name for path in Path(folder).rglob("*.jpg")) == ["a.jpg", "b.jpg"]
    (folder,) = fetch_addresses([f"{web_server(tmp_path)}/pets.zip"], Silent())
    assert sorted(path.name for path in Path(folder).rglob("*.jpg")) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("name", ["a.jpg", "C:\\photos\\a.jpg", "photos/*.jpg", "-", "x.zip"])
def test_names_that_are_no_addresses_are_left_as_they_are(name):
    assert not is_fetched(name)
