"""Archives: unpacked once, and safe whoever made them."""

import gzip
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.data.sources.unpack import Limits, unpack
from pawsight.errors import DiskError, SourceError
from pawsight.progress import Silent


class Notes(Silent):
    def __init__(self):
        self.texts = []
        self.started = []
        self.done = 0

    def start(self, task, total=None, unit=""):
        self.started.append((task, total, unit))

    def advance(self, done, **facts):
        self.done += done

    def note(self, text):
        self.texts.append(text)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def paths_in(source):
    return sorted(p.relative_to(source.root).as_posix() for p in source.root.rglob("*.jpg"))


PETS = {"cats/a.jpg": b"cat", "dogs/b.jpg": b"dog"}


@pytest.mark.parametrize(
    ("ending", "mode"),
    [
        *((".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")),
        *((".tar.xz", "w:xz"), (".tar.bz2", "w:bz2"), (".tgz", "w:xz")),
    ],
)
def test_a_tar_is_unpacked_by_its_content_whatever_its_ending(tmp_path, ending, mode):
    source = fetch(make_tar(tmp_path / f"pets{ending}", PETS, mode), Silent())
    assert source.name == "pets"
    assert paths_in(source) == ["cats/a.jpg", "dogs/b.jpg"]
    assert (source.root / "dogs" / "b.jpg").read_bytes() == b"dog"


@pytest.mark.parametrize("name", ["pets.zip", "pets", "pets.tar"])
def test_a_zip_is_unpacked_by_its_content_whatever_its_ending(tmp_path, name):
    assert paths_in(fetch(make_zip(tmp_path / name, PETS), Silent())) == list(PETS)


def test_the_second_time_nothing_is_unpacked(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", PETS)
    first, recorded = fetch(archive, Silent()), Notes()
    second = fetch(archive, recorded)
    assert second == first
    assert recorded.started == []


def test_an_archive_that_changed_is_unpacked_again(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", PETS)
    first = fetch(archive, Silent())
    make_zip(archive, PETS | {"dogs/c.jpg": b"more"})
    second = fetch(archive, Silent())
    assert second.root != first.root
    assert paths_in(second) == ["cats/a.jpg", "dogs/b.jpg", "dogs/c.jpg"]


def test_progress_counts_every_file_of_a_zip(tmp_path):
    recorded = Notes()
    fetch(make_zip(tmp_path / "a.zip", {f"c/{i}.jpg": b"x" for i in range(250)}), recorded)
    assert recorded.started == [("Unpacking", 250, "files")]
    assert recorded.done == 250


def test_progress_counts_every_byte_of_a_tar(tmp_path):
    recorded, archive = Notes(), make_tar(tmp_path / "a.tar.gz", PETS, "w:gz")
    fetch(archive, recorded)
    assert recorded.started == [("Unpacking", archive.stat().st_size, "bytes")]
    assert recorded.done == archive.stat().st_size


def test_only_photos_and_tables_are_unpacked(tmp_path):
    members = PETS | {
        "README.txt": b"x",
        "labels.csv": b"x",
        "__MACOSX/cats/._a.jpg": b"x",
        "cats/.DS_Store": b"x",
        "cats/._a.jpg": b"x",
        "cats/raw.nef": b"x",
        "cats/nameless": b"x",
    }
    root = fetch(make_zip(tmp_path / "pets.zip", members), Silent()).root
    found = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert found == {*PETS, "labels.csv", "cats/raw.nef", "cats/nameless"}


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_of_archives_names_them(tmp_path, make):
    path = make(tmp_path / "all.zip", {"train.zip": b"x", "test.tar.gz": b"x", "._train.zip": b"x"})
    with pytest.raises(SourceError, match=r"no photos, but archives: train.zip, test.tar.gz\n"):
        fetch(path, Silent())


EVIL = {
    "../evil.jpg": b"x",
    "cats/../../evil.jpg": b"x",
    "/tmp/pawsight-evil.jpg": b"x",
    "..": b"x",
}


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_lead_outside_are_left_out_and_counted(tmp_path, make):
    recorded, archive = Notes(), make(tmp_path / "pets.zip", PETS | EVIL)
    source = fetch(archive, recorded)
    assert paths_in(source) == list(PETS)
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/pawsight-evil.jpg").exists()
    assert "Left out 3 of the entries" in recorded.texts[0]  # ".." itself names no photo


def test_backslashes_of_windows_make_folders_and_do_not_escape(tmp_path):
    members = {"cats\\a.jpg": b"x", "..\\..\\evil.jpg": b"x"}
    assert paths_in(fetch(make_zip(tmp_path / "pets.zip", members), Silent())) == ["cats/a.jpg"]
    assert not list(tmp_path.rglob("*evil*"))


def test_links_and_devices_of_a_tar_are_left_out(tmp_path):
    archive = make_tar(tmp_path / "pets.tar", PETS)
    kinds = {
        "cats/soft.jpg": tarfile.SYMTYPE,
        "cats/hard.jpg": tarfile.LNKTYPE,
        "cats/pipe.jpg": tarfile.FIFOTYPE,
        "cats/device.jpg": tarfile.CHRTYPE,
    }
    with tarfile.open(archive, "a") as opened:
        for name, kind in kinds.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            opened.addfile(entry)
    recorded = Notes()
    assert paths_in(fetch(archive, recorded)) == list(PETS)
    assert "Left out 4 of the entries" in recorded.texts[0]


def test_a_file_cannot_be_written_through_a_link_of_the_archive(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = make_tar(tmp_path / "pets.tar", PETS)
    with tarfile.open(archive, "a") as opened:
        link = tarfile.TarInfo("birds")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        opened.addfile(link)
        opened.addfile(tarfile.TarInfo("birds/c.jpg"))
    assert "birds/c.jpg" in paths_in(fetch(archive, Silent()))
    assert list(outside.iterdir()) == []


def test_links_of_a_zip_are_left_out(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", PETS)
    with zipfile.ZipFile(archive, "a") as opened:
        link = zipfile.ZipInfo("cats/soft.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    recorded = Notes()
    assert paths_in(fetch(archive, recorded)) == list(PETS)
    assert "Left out 1 of the entries" in recorded.texts[0]


def test_a_name_too_long_for_the_disk_is_left_out_and_counted(tmp_path):
    recorded = Notes()
    source = fetch(make_zip(tmp_path / "p.zip", PETS | {f"cats/{'x' * 300}.jpg": b"x"}), recorded)
    assert paths_in(source) == list(PETS)
    assert "Left out 1 of the entries" in recorded.texts[0]


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize(("limit", "is_refused"), [(3000, False), (2999, True)])
def test_as_many_bytes_as_the_limit_are_unpacked(tmp_path, out, make, limit, is_refused):
    archive = make(tmp_path / "a.zip", {"a/1.jpg": bytes(1000), "a/2.jpg": bytes(2000)})
    limits = Limits(max_ratio=0, floor_bytes=limit)
    if is_refused:
        with pytest.raises(SourceError, match="unpacks to more than"):
            unpack(archive, out, Silent(), limits)
    else:
        unpack(archive, out, Silent(), limits)
        assert (out / "a" / "2.jpg").stat().st_size == 2000


def test_the_limit_of_bytes_grows_with_the_archive(tmp_path, out):
    archive = make_zip(tmp_path / "a.zip", {"a/1.jpg": os.urandom(1000)})
    unpack(archive, out, Silent(), Limits(max_ratio=2, floor_bytes=0))


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize(("limit", "is_refused"), [(4, False), (3, True)])
def test_as_many_entries_as_the_limit_are_unpacked(tmp_path, out, make, limit, is_refused):
    archive = make(tmp_path / "a.zip", {**PETS, "notes.txt": b"", "a/1.jpg": b"x"})
    if is_refused:
        with pytest.raises(SourceError, match="more than 3 files"):
            unpack(archive, out, Silent(), Limits(max_files=limit))
    else:
        unpack(archive, out, Silent(), Limits(max_files=limit))


@pytest.mark.parametrize(("count", "end"), [(3, "2.zip\n"), (4, "2.zip and 1 more\n")])
def test_three_of_the_archives_in_an_archive_are_named(tmp_path, out, count, end):
    archive = make_zip(tmp_path / "a.zip", {f"{number}.zip": b"x" for number in range(count)})
    with pytest.raises(SourceError) as raised:
        unpack(archive, out, Silent(), Limits())
    assert f"holds no photos, but archives: 0.zip, 1.zip, {end}" in str(raised.value)


def test_archives_beside_photos_are_counted_but_for_those_of_macos(tmp_path, out, recorded):
    names = ("a.7z", "b.RAR", "c.tar.gz", "._d.zip", "e.txt")
    unpack(make_zip(tmp_path / "a.zip", PETS | dict.fromkeys(names, b"")), out, recorded, Limits())
    assert recorded.notes == ["Left out: 3 archives in a.zip, such as a.7z."]


def test_of_two_entries_of_one_name_the_last_counts(tmp_path, out):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/1.jpg", "first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/1.jpg", "second")
    unpack(tmp_path / "a.zip", out, Silent(), Limits())
    assert (out / "a" / "1.jpg").read_text() == "second"


@pytest.mark.parametrize("count", [1, 99, 100, 101, 200])
def test_files_of_a_zip_are_counted_a_hundred_at_a_time(tmp_path, out, count):
    steps = []

    class Counting(Silent):
        def advance(self, done, **facts):
            steps.append(done)

    # Every other name is too long for the disk, and counted as well.
    names = [f"c/{i}.jpg" if i % 2 == 0 else f"c/{i:0300}.jpg" for i in range(count)]
    unpack(make_zip(tmp_path / "a.zip", dict.fromkeys(names, b"")), out, Counting(), Limits())
    assert sum(steps) == count
    assert all(0 <= step <= 100 for step in steps)


def test_bytes_of_a_tar_are_counted_as_they_are_read(tmp_path, out):
    steps = []

    class Counting(Silent):
        def advance(self, done, **facts):
            steps.append(done)

    archive = make_tar(tmp_path / "a.tar", {f"c/{i}.jpg": bytes(3 << 19) for i in range(4)})
    unpack(archive, out, Counting(), Limits())
    assert sum(steps) == archive.stat().st_size
    assert len(steps) >= 3 and all(step >= 0 for step in steps)


def test_a_disk_that_fills_up_while_unpacking_is_reported(tmp_path, out, monkeypatch):
    usage = namedtuple("usage", "total used free")
    free = iter([10**9, 10**9, 50])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, next(free)))
    monkeypatch.setattr("pawsight.data.sources.unpack._CHECK_DISK_BYTES", 1000)
    archive = make_zip(tmp_path / "a.zip", {f"c/{i}.jpg": bytes(600) for i in range(9)})
    with pytest.raises(DiskError, match="too full to unpack"):  # after 1,200 and 2,400 bytes
        unpack(archive, out, Silent(), Limits(reserve_bytes=100))
    assert sorted(path.name for path in (out / "c").iterdir()) == [f"{i}.jpg" for i in range(4)]


def test_a_bomb_is_stopped_while_writing(tmp_path):
    archive = make_zip(tmp_path / "b.zip", {"a/0.jpg": bytes(3 << 20)}, zipfile.ZIP_DEFLATED)
    (tmp_path / "out").mkdir()
    limits = Limits(max_ratio=100, floor_bytes=1 << 20)  # about 3 kB, so at most 1 MiB
    with pytest.raises(SourceError, match=r"unpacks to more than 0\.0 GB"):
        unpack(archive, tmp_path / "out", Silent(), limits)
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*.jpg")) <= 1 << 20


def test_a_bomb_of_what_is_not_unpacked_is_stopped_too(tmp_path):
    archive = make_tar(tmp_path / "b.tar.gz", {"a.txt": bytes(3 << 20)}, "w:gz")
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="unpacks to more than"):
        unpack(archive, tmp_path / "out", Silent(), Limits(max_ratio=100, floor_bytes=1 << 20))


def test_too_many_files_are_stopped(tmp_path):
    archive = make_zip(tmp_path / "b.zip", {f"a/{i}.jpg": b"" for i in range(11)})
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="more than 10 files"):
        unpack(archive, tmp_path / "out", Silent(), Limits(max_files=10))


def test_a_disk_too_full_is_reported_before_unpacking(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", PETS)
    (tmp_path / "out").mkdir()
    with pytest.raises(DiskError, match=r"too full to unpack(.|\n)*PAWSIGHT_CACHE"):
        unpack(archive, tmp_path / "out", Silent(), Limits(reserve_bytes=1 << 60))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_zip_with_a_password_is_named(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", PETS)
    data = bytearray(archive.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(header)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(header, at + 1)
    archive.write_bytes(data)
    with pytest.raises(SourceError, match=r"pets\.zip is protected by a password"):
        fetch(archive, Silent())


def test_the_damaged_entry_of_an_archive_is_named_on_one_line(tmp_path, cache):
    path, name = tmp_path / "pets.zip", "cats/a\nFORGED line.jpg"
    make_zip(path, {name: bytes(range(256)) * 9})
    data = path.read_bytes()
    at = data.index(b"FORGED line.jpg") + 40
    path.write_bytes(data[:at] + bytes(20) + data[at + 20 :])
    with pytest.raises(SourceError, match="is damaged or incomplete") as error:
        fetch(path, Silent())
    assert r"(in cats/a\nFORGED line.jpg)" in str(error.value)


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
def test_half_an_archive_is_called_damaged_and_leaves_nothing(tmp_path, cache, ending):
    path = tmp_path / f"pets{ending}"
    noise = {f"cats/{i}.jpg": os.urandom(20_000) for i in range(4)}
    if ending == ".zip":
        make_zip(path, noise)
    else:
        make_tar(path, noise, "w:" + ending.removeprefix(".tar").removeprefix("."))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match=f"pets{ending} is damaged or incomplete"):
        fetch(path, Silent())
    assert list((cache / "unpacked").iterdir()) == []


def test_an_entry_without_a_name_is_a_damaged_archive(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", {"a": b"A" * 10})
    content = archive.read_bytes()
    # The lengths of the name, in both of its headers, and the name itself.
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[local + 26 : local + 28] = changed[central + 28 : central + 30] = b"\0\0"
    changed[local + 28 : local + 30] = changed[central + 30 : central + 32] = b"\x01\0"
    archive.write_bytes(changed)
    with pytest.raises(SourceError):
        fetch(archive, Silent())


def test_a_damaged_photo_in_a_zip_is_named(tmp_path):
    archive = make_zip(tmp_path / "pets.zip", {"cats/a.jpg": b"A" * 1000})
    archive.write_bytes(archive.read_bytes().replace(b"A" * 1000, b"B" * 1000))
    with pytest.raises(SourceError, match=r"damaged or incomplete.*\(in cats/a\.jpg\)"):
        fetch(archive, Silent())


@pytest.mark.parametrize("name", ["pets.zip", "pets.tar.gz"])
def test_a_file_that_only_claims_to_be_an_archive_is_named(tmp_path, name):
    (tmp_path / name).write_text("<html>Please log in</html>")
    with pytest.raises(SourceError, match="is no archive, but a web page"):
        fetch(tmp_path / name, Silent())


def test_an_archive_of_another_kind_explains_what_to_do(tmp_path):
    (tmp_path / "pets.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\0\0")
    with pytest.raises(SourceError, match=r"a \.7z archive, .*\nUnpack it yourself"):
        fetch(tmp_path / "pets.7z", Silent())


def test_an_archive_without_photos_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"no photos in the archive .*notes\.zip"):
        fetch(make_zip(tmp_path / "notes.zip", {"a.txt": b"x"}), Silent())


def test_names_in_utf8_without_the_flag_survive(tmp_path):
    archive = make_zip(tmp_path / "p.zip", {"chats/Zoe.jpg": b"x"})
    data = archive.read_bytes().replace(b"Zoe", "Zé".encode())  # as long: three bytes
    archive.write_bytes(data)
    assert paths_in(fetch(archive, Silent())) == ["chats/Zé.jpg"]


def test_names_in_no_known_encoding_survive(tmp_path):
    archive = make_zip(tmp_path / "p.zip", {"chats/Zoe.jpg": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"Zoe", b"Zo\xe9"))
    assert paths_in(fetch(archive, Silent())) == ["chats/ZoΘ.jpg"]  # as code page 437 reads it


def test_a_tar_with_names_of_any_bytes_survives(tmp_path):
    name = os.fsdecode(b"chats/Zo\xe9.jpg")
    with tarfile.open(tmp_path / "p.tar", "w", format=tarfile.GNU_FORMAT) as opened:
        opened.addfile(tarfile.TarInfo(name))
    assert paths_in(fetch(tmp_path / "p.tar", Silent())) == [name]


def test_an_enclosing_folder_is_looked_through(tmp_path):
    members = {f"PetImages/data/{name}": data for name, data in PETS.items()}
    listing = scan(fetch(make_zip(tmp_path / "pets.zip", members), Silent()))
    assert listing.root.name == "data"
    assert [(p.path, p.label) for p in listing.photos] == [
        ("cats/a.jpg", "cats"),
        ("dogs/b.jpg", "dogs"),
    ]


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_counts(tmp_path, cache):
    archive = make_zip(tmp_path / "pets.zip", {f"c{i % 2}/{i}.jpg": b"x" for i in range(8_000)})
    program = (
        "import sys; from pawsight.data.sources import fetch; "
        "from pawsight.progress import Silent; fetch(sys.argv[1], Silent())"
    )
    running = subprocess.Popen([sys.executable, "-c", program, str(archive)])
    while running.poll() is None and not list(cache.glob("unpacked/.pawsight-*/c0/*")):
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert [p.name[0] for p in (cache / "unpacked").iterdir()] == ["."]
    assert len(paths_in(fetch(archive, Silent()))) == 8_000
    assert [p.name[0] for p in (cache / "unpacked").iterdir()] == ["p"]  # the leftover is gone


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, "many"])
def test_a_header_that_states_a_gigabyte_is_refused_before_it_is_in_memory(tmp_path, kind):
    path = make_tar(tmp_path / "pets.tar", {"cats/a.jpg": b"cat"})
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE if kind == "many" else kind
    header.size = 0 if kind == "many" else 1 << 30
    with gzip.open(tmp_path / "pets.tar.gz", "wb", compresslevel=1) as file:
        file.write(path.read_bytes()[:1024])  # one entry, without the end of the archive
        if kind == "many":  # a header of a header of a header ...
            file.write(header.tobuf(tarfile.USTAR_FORMAT) * 3000)
        else:
            file.write(header.tobuf(tarfile.USTAR_FORMAT) + bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="header that is far larger"):
            fetch(tmp_path / "pets.tar.gz", Silent())
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_entries_of_every_kind_are_bounded(tmp_path):
    path = make_tar(tmp_path / "pets.tar", {f"{i}/notes.txt": b"" for i in range(30)})
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="more than 20 files"):
        unpack(path, tmp_path / "out", Silent(), Limits(max_files=20))


def test_the_directory_of_a_zip_is_bounded(tmp_path):
    path = make_zip(tmp_path / "pets.zip", {f"cats/{i}.jpg": b"cat" for i in range(30)})
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="header that is far larger"):
        unpack(path, tmp_path / "out", Silent(), Limits(max_directory_bytes=1000))


def test_a_tar_that_ends_with_a_zip_is_read_as_a_tar(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"cats/other.jpg": b"x"}).read_bytes()
    notes = Notes()
    source = fetch(make_tar(tmp_path / "pets.tar", {**PETS, "inner.zip": inner}), notes)
    assert paths_in(source) == ["cats/a.jpg", "dogs/b.jpg"]
    assert notes.texts == ["Left out: 1 archive in pets.tar, such as inner.zip."]


def test_an_archive_of_archives_and_a_table_names_the_archives(tmp_path):
    path = make_zip(tmp_path / "all.zip", {"train.zip": b"x", "sampleSubmission.csv": b"id,label"})
    with pytest.raises(SourceError, match=r"no photos, but archives: train\.zip\n"):
        fetch(path, Silent())
