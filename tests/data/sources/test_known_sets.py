"""Well-known sets by name, against servers on this machine that speak HTTP as those far away do."""

import contextlib
import hashlib
import http.server
import io
import re
import socket
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from pawsight.data.cache_contents import clear_cache, list_cache
from pawsight.data.listing.scan import scan
from pawsight.data.sources import Source, known
from pawsight.data.sources import fetch as fetch_source
from pawsight.data.sources.known import KnownSet, copy_into, fetch, find, known_sets
from pawsight.data.sources.known.archives import fetch_archives
from pawsight.data.sources.known.sets import SetArchive
from pawsight.errors import ConfigError, DiskError, SourceError
from pawsight.progress import Silent
from pawsight.storage import disk_space, download


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, f"photo {name} " * 2000)  # stored, so of some size
    return file.getvalue()


def tarred(*names):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"photo"))
    return file.getvalue()


PETS = zipped("Pets/Cat/1.jpg", "Pets/Dog/1.jpg", "Pets/Dog/2.jpg", "readme.txt")


class _Handler(http.server.BaseHTTPRequestHandler):
    """Gives the files of its server; `cuts` says after how many bytes each answer breaks off."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range", "")
        server.asked.append((self.path, wanted))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        rest = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        with contextlib.suppress(OSError):
            self.wfile.write(rest[:cut])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(files):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.files, server.cuts, server.asked = files, [], []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server():
    with serving({"/pets.zip": PETS}) as found:
        yield found


@pytest.fixture
def dead():
    """An address where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: connections are refused
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("PAWSIGHT_DATA_URL", raising=False)
    monkeypatch.setattr(download, "jittered", lambda _: 0.0)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def archive_of(content, *urls, part="", checksum=None):
    checksum = hashlib.sha256(content).hexdigest() if checksum is None else checksum
    return SetArchive(urls, len(content), checksum, part)


def pets(*urls, **changes):
    facts = {
        "name": "pets",
        "title": "A few pets",
        "licence": "CC BY 9.0",
        "page": "http://pets.example",
        "num_photos": 3,
        "num_classes": 2,
        "archives": (archive_of(PETS, *urls),),
        "labels": "folders",
        "class_names": {},
        "origin": ("this file",),
        "is_verified": False,
    }
    return KnownSet(**facts | changes)


def rows(folder_or_source):
    source = folder_or_source
    if not isinstance(source, Source):
        source = fetch_source(source, Silent())
    return [(photo.path, photo.label, photo.part) for photo in scan(source).photos]


class Bytes(Silent):
    def __init__(self):
        self.total, self.done, self.notes = None, 0, []

    def start(self, task, total=None, unit=""):
        if unit == "bytes":
            self.total = total

    def advance(self, done, **facts):
        self.done += done if self.total is not None else 0

    def note(self, text):
        self.notes.append(text)


def test_a_set_is_fetched_once_and_scanned_as_a_folder_per_class(server):
    known_pets = pets(f"{server.url}/pets.zip")
    source = fetch(known_pets, Silent())
    assert source.name == "pets"
    assert rows(source) == [
        ("Cat/1.jpg", "Cat", ""),
        ("Dog/1.jpg", "Dog", ""),
        ("Dog/2.jpg", "Dog", ""),
    ]
    assert fetch(known_pets, Silent()) == source
    assert server.asked == [("/pets.zip", "")]


def test_size_host_and_licence_are_reported_before_and_only_where_it_is_fetched(server, recorded):
    known_pets = pets(f"{server.url}/pets.zip")
    fetch(known_pets, recorded)
    fetch(known_pets, recorded)
    (note,) = recorded.notes
    assert "pets (A few pets)" in note and server.url.removeprefix("http://") in note
    assert "Licence: CC BY 9.0. See http://pets.example" in note


def test_only_the_photos_stay_in_the_cache_not_the_archive(server):
    root = fetch(pets(f"{server.url}/pets.zip"), Silent()).root
    left = [path.name for path in root.parent.rglob("*") if path.is_file()]
    assert sorted(left) == [".lock", "1.jpg", "1.jpg", "2.jpg"]


def test_a_cut_connection_is_taken_up_where_it_broke(server):
    server.cuts = [40_000]
    fetch(pets(f"{server.url}/pets.zip"), Silent())
    assert server.asked == [("/pets.zip", ""), ("/pets.zip", "bytes=32768-")]


def test_what_an_interrupted_command_fetched_is_gone_on_with(server, monkeypatch):
    known_pets = pets(f"{server.url}/pets.zip")
    server.cuts = [40_000]

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(download.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(known_pets, Silent())
    fetch(known_pets, Silent())
    assert server.asked[-1] == ("/pets.zip", "bytes=32768-")


def test_a_dead_mirror_is_left_at_once_for_the_next(server, dead, recorded):
    source = fetch(pets(f"{dead}/pets.zip", f"{server.url}/pets.zip"), recorded)
    assert len(rows(source)) == 3
    assert any(
        f"pets cannot be fetched from {dead}/pets.zip: there is no" in n for n in recorded.notes
    )


def test_a_mirror_that_lacks_the_file_is_left_for_the_next(server):
    fetch(pets(f"{server.url}/moved.zip", f"{server.url}/pets.zip"), Silent())
    assert [path for path, _ in server.asked] == ["/moved.zip", "/pets.zip"]


def test_a_mirror_continues_with_the_part_that_another_gave(server):
    with serving({"/pets.zip": PETS}) as first:
        first.cuts = [40_000]
        first.files = _OnceOnly(first.files)
        progress = Bytes()
        fetch(pets(f"{first.url}/pets.zip", f"{server.url}/pets.zip"), progress)
    assert server.asked == [("/pets.zip", "bytes=32768-")]
    assert progress.done - 3 == progress.total == len(PETS)  # and three files unpacked


class _OnceOnly(dict):
    """Files that are gone when asked for again."""

    def get(self, path):
        return self.pop(path, None)


def test_a_page_instead_of_the_archive_is_refused_before_it_is_fetched(server, recorded):
    server.files["/login.zip"] = b"<html>Please log in</html>"
    fetch(pets(f"{server.url}/login.zip", f"{server.url}/pets.zip"), recorded)
    assert any("has 26 bytes, not" in note for note in recorded.notes)


def test_another_checksum_reports_what_happened_and_that_the_set_may_have_changed(server):
    server.files["/pets.zip"] = bytes(len(PETS))
    digest = hashlib.sha256(PETS).hexdigest()
    with pytest.raises(SourceError) as caught:
        fetch(pets(f"{server.url}/pets.zip"), Silent())
    text = str(caught.value)
    assert f"{server.url}/pets.zip: it arrived twice with a wrong checksum" in text
    assert f"{len(PETS):,} bytes and the SHA-256 {digest}" in text
    assert "changed at its source" in text and "http://pets.example" in text


def test_without_a_known_checksum_the_size_must_do(server):
    archive = archive_of(PETS, f"{server.url}/pets.zip", checksum="")
    assert len(rows(fetch(pets(archives=(archive,)), Silent()))) == 3


def test_a_damaged_archive_without_a_known_checksum_is_not_found_again(server):
    archive = archive_of(PETS, f"{server.url}/pets.zip", checksum="")
    server.files["/pets.zip"] = PETS[:-100] + b"?" * 100
    with pytest.raises(
        SourceError, match=r"(?s)pets was fetched, but cannot be used: .*damaged.*Run"
    ):
        fetch(pets(archives=(archive,)), Silent())
    server.files["/pets.zip"] = PETS
    assert len(rows(fetch(pets(archives=(archive,)), Silent()))) == 3


def test_offline_reports_that_there_is_no_connection_and_what_to_do(dead):
    with pytest.raises(SourceError) as caught:
        fetch(pets(f"{dead}/pets.zip"), Silent())
    text = str(caught.value)
    assert "not on this machine" in text and "there is no connection" in text
    assert "run the command again" in text and "PAWSIGHT_DATA_URL" in text


def test_a_set_that_has_moved_names_its_page(server):
    with pytest.raises(SourceError, match=r"responds 404[^\n]*\nPerhaps .* moved.*pets\.example"):
        fetch(pets(f"{server.url}/gone.zip"), Silent())


def test_a_server_of_ones_own_is_asked_alone(server, dead, monkeypatch):
    server.files["/sets/pets/pets.zip"] = PETS
    monkeypatch.setenv("PAWSIGHT_DATA_URL", f"{server.url}/sets/")
    fetch(pets(f"{dead}/a/b/pets.zip"), Silent())
    assert server.asked == [("/sets/pets/pets.zip", "")]


def test_a_server_of_ones_own_that_is_no_address_is_refused(monkeypatch):
    monkeypatch.setenv("PAWSIGHT_DATA_URL", "/mnt/sets")
    with pytest.raises(ConfigError, match=r"is '/mnt/sets'.*\n.*http://"):
        fetch(pets("http://127.0.0.1/pets.zip"), Silent())


def test_archives_of_parts_become_parts_whatever_encloses_their_classes(server):
    first = zipped("cats/1.jpg", "dogs/1.jpg")
    second = zipped("pets-test-set/cats/9.jpg", "pets-test-set/dogs/9.jpg")
    server.files |= {"/train.zip": first, "/test.zip": second}
    archives = (
        archive_of(first, f"{server.url}/train.zip", part="train"),
        archive_of(second, f"{server.url}/test.zip", part="test"),
    )
    assert rows(fetch(pets(archives=archives), Silent())) == [
        ("test/cats/9.jpg", "cats", "test"),
        ("test/dogs/9.jpg", "dogs", "test"),
        ("train/cats/1.jpg", "cats", "train"),
        ("train/dogs/1.jpg", "dogs", "train"),
    ]


def test_an_archive_that_came_is_kept_when_the_next_does_not(server):
    first, second = zipped("cats/1.jpg", "dogs/1.jpg"), zipped("cats/9.jpg", "dogs/9.jpg")
    server.files |= {"/train.zip": first}
    archives = (
        archive_of(first, f"{server.url}/train.zip", part="train"),
        archive_of(second, f"{server.url}/test.zip", part="test"),
    )
    with pytest.raises(SourceError, match="responds 404"):
        fetch(pets(archives=archives), Silent())
    server.files["/test.zip"] = second
    fetch(pets(archives=archives), Silent())
    assert [path for path, _ in server.asked] == ["/train.zip", "/test.zip", "/test.zip"]


def test_labels_in_names_become_a_table_beside_the_photos(server, tmp_path):
    content = tarred("images/Sphynx_1.jpg", "images/great_pyrenees_12.jpg", "images/Sphynx_1.mat")
    server.files["/images.tar.gz"] = content
    archive = archive_of(content, f"{server.url}/images.tar.gz")
    breeds = pets(archives=(archive,), labels="names")
    expected = [
        ("Sphynx_1.jpg", "Sphynx", ""),
        ("great_pyrenees_12.jpg", "great_pyrenees", ""),
    ]
    assert rows(fetch(breeds, Silent())) == expected
    into = copy_into(breeds, tmp_path / "breeds", Silent())
    assert (into / "labels.csv").read_text(encoding="utf-8").splitlines() == [
        "path,label",
        "Sphynx_1.jpg,Sphynx",
        "great_pyrenees_12.jpg,great_pyrenees",
    ]
    assert rows(into) == expected


def test_folders_get_the_names_that_people_know(server):
    content = zipped("n/train/n01/1.jpg", "n/train/n02/1.jpg", "n/val/n01/2.jpg", "n/val/n02/2.jpg")
    server.files["/n.zip"] = content
    archive = archive_of(content, f"{server.url}/n.zip")
    named = pets(archives=(archive,), class_names={"n01": "tench", "n02": "gas pump"})
    found = {(label, part) for _, label, part in rows(fetch(named, Silent()))}
    assert found == {
        (label, part) for label in ("tench", "gas pump") for part in ("train", "validation")
    }


def test_a_set_can_be_brought_into_a_folder_of_ones_own_and_the_cache_stays_empty(server, tmp_path):
    into = copy_into(pets(f"{server.url}/pets.zip"), tmp_path / "a" / "pets", Silent())
    assert sorted(path.name for path in into.iterdir()) == ["Cat", "Dog"]
    assert not list((tmp_path / "cache").rglob("*.jpg"))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["pets"]


def test_a_set_in_the_cache_is_copied_without_fetching(server, tmp_path):
    known_pets = pets(f"{server.url}/pets.zip")
    fetch(known_pets, Silent())
    (tmp_path / "pets").mkdir()
    copy_into(known_pets, tmp_path / "pets", Silent())
    assert len(list((tmp_path / "pets").rglob("*.jpg"))) == 3
    assert len(server.asked) == 1


def test_a_folder_that_holds_something_is_left_alone(server, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    with pytest.raises(DiskError, match="is not empty"):
        copy_into(pets(f"{server.url}/pets.zip"), tmp_path / "mine", Silent())
    assert server.asked == []


def test_a_disk_too_full_is_reported_before_anything_is_fetched(server, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskError, match="too full to fetch pets"):
        fetch(pets(f"{server.url}/pets.zip"), Silent())
    assert server.asked == []


def test_a_set_is_listed_and_cleared_with_the_cache(server):
    root = fetch(pets(f"{server.url}/pets.zip"), Silent()).root
    (entry,) = list_cache()
    assert (entry.kind, entry.path) == ("known set", root.parent)
    assert clear_cache(["pets"])[0].problem == "a running pawsight uses it"


def test_a_name_is_a_source_and_other_spellings_of_it_too(monkeypatch):
    asked = []
    monkeypatch.setattr(known, "fetch", lambda one, _: asked.append(one.name))
    for text in ("cats-vs-dogs", "Cats_vs_Dogs", "cats-vs-dogs:"):
        fetch_source(text, Silent())
    assert asked == ["cats-vs-dogs"] * 3


def test_a_folder_of_that_name_comes_first(tmp_path, recorded):
    photo = tmp_path / "here" / "flowers" / "roses" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"x")
    assert fetch_source("flowers", recorded).root == tmp_path / "here" / "flowers"
    assert "For the well-known set, write flowers: with a colon" in recorded.notes[0]


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(SourceError, match=r"Did you mean the well-known set oxford-pets\?"):
        fetch_source("oxford-pet", Silent())


@pytest.mark.parametrize("one", known_sets(), ids=lambda one: one.name)
def test_the_facts_of_a_set_have_their_form(one):
    assert find(one.name) is one
    assert one.title and one.licence and one.origin
    assert one.page.startswith("https://")
    assert one.labels in ("folders", "names")
    assert len({archive.file_name for archive in one.archives}) == len(one.archives)
    for archive in one.archives:
        assert archive.num_bytes > 0 and archive.part in ("", "train", "validation", "test")
        assert re.fullmatch(r"|[0-9a-f]{32}|[0-9a-f]{64}", archive.checksum)
        for url in archive.urls:
            assert re.fullmatch(r"https?://[^ ]+\.(zip|tgz|tar\.gz)", url)
    page = Path(__file__).parents[3] / "docs" / "known-sets.md"
    size = f"{one.num_bytes / 1e6:,.0f} MB"
    row = f"| {one.num_photos:,} | {one.num_classes} | {size} | {one.licence} |"
    assert f"| `{one.name}` | [{one.title}]({one.page}) {row}" in page.read_text(encoding="utf-8")
    assert not one.class_names or len(one.class_names) == one.num_classes


@pytest.mark.parametrize(("is_here", "num_missing"), [((), 2), ((0,), 1), ((0, 1), 0)])
def test_space_is_needed_for_the_archives_that_are_not_here(
    tmp_path, server, monkeypatch, is_here, num_missing
):
    server.files["/more.zip"] = PETS
    urls = (f"{server.url}/pets.zip", f"{server.url}/more.zip")
    known_pets = pets(archives=tuple(archive_of(PETS, url) for url in urls))
    needed = []
    monkeypatch.setattr(
        "pawsight.data.sources.known.archives.check_space",
        lambda folder, num_bytes, task: needed.append(num_bytes),
    )
    for number in is_here:
        (tmp_path / known_pets.archives[number].file_name).write_bytes(PETS)
    progress = Bytes()
    fetch_archives(known_pets, tmp_path, progress)
    assert needed == [num_missing * len(PETS)]
    assert progress.done == progress.total == 2 * len(PETS)
