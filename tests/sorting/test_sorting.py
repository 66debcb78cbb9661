"""What a sort does with photos, and an undo after what the user did since."""

import dataclasses
import os
import shutil
import stat
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pawsight.errors import DataError, DiskError
from pawsight.records import Prediction
from pawsight.sorting import execution, file_operations
from pawsight.sorting.execution import carry_out
from pawsight.sorting.file_operations import Placer
from pawsight.sorting.journal import Journal, only_sort
from pawsight.sorting.sort_plan import check_folder

from .conftest import SILENT, read_tree

SORTED = {
    "cats/IMG.jpg",
    "cats/IMG (2).jpg",
    "dogs/rex.jpg",
    "dogs/dél \n.jpg",
    "unsure/what.jpg",
}


@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_each_photo_goes_to_its_class_and_the_doubtful_to_unsure(library, how):
    photos = read_tree(library.home)
    found = library.sort(how)
    assert library.sorted_names() == SORTED
    assert found.count("placed") == 5
    assert found.count("placed", "cats") == 2
    assert {(library.into / name).read_bytes() for name in SORTED} == set(photos.values())
    left = {"copy": photos, "link": photos, "move": {}}[how]
    assert read_tree(library.home) == left


def test_copy_has_the_time_and_permissions_of_its_photo(library):
    photo = library.home / "b" / "rex.jpg"
    photo.chmod(0o440)
    library.sort()
    copy = (library.into / "dogs" / "rex.jpg").stat()
    assert copy.st_mtime_ns == photo.stat().st_mtime_ns
    assert stat.S_IMODE(copy.st_mode) == 0o640  # its owner may change it


def test_link_leads_to_the_photo_from_anywhere(library, monkeypatch):
    monkeypatch.chdir(library.home)
    library.home = Path()
    library.sort("link")
    link = library.into / "dogs" / "rex.jpg"
    assert link.is_symlink()
    assert link.readlink().is_absolute()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_of_any_bytes_are_kept_and_undone(library):
    name = os.fsdecode(b"caf\xe9 \xff\n.jpg")
    (library.home / name).write_bytes(b"cats 0.9 odd")
    library.sort("move")
    assert (library.into / "cats" / name).read_bytes() == b"cats 0.9 odd"
    library.undo()
    assert (library.home / name).read_bytes() == b"cats 0.9 odd"


def test_second_sort_does_nothing(library):
    library.sort()
    before = library.tree()
    journals = list(library.into.glob(".pawsight-sort/*"))
    found = library.sort()
    assert found.count("there") == 5
    assert library.tree() == before
    assert list(library.into.glob(".pawsight-sort/*")) == journals


def test_file_of_the_user_is_never_overwritten(library):
    mine = library.into / "cats" / "IMG.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    library.sort()
    assert mine.read_bytes() == b"mine"
    assert (library.into / "cats" / "IMG (3).jpg").is_file()


@pytest.mark.parametrize("how", ["copy", "link", "move"])
@pytest.mark.parametrize("content", [b"mine", None], ids=["other", "same"])
def test_file_that_comes_after_the_plan_is_never_overwritten(library, how, content):
    planned = library.plan(how)
    mine = library.into / "dogs" / "rex.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(content or b"dogs 0.99 b/rex.jpg")
    before = mine.read_bytes()
    found = carry_out(planned, SILENT)
    assert mine.read_bytes() == before
    assert not mine.is_symlink()
    (rex,) = [place for place in found.placements if place.path.endswith("rex.jpg")]
    if content is None:
        assert (rex.status, rex.target) == ("there", "dogs/rex.jpg")
    else:
        assert (rex.status, rex.target) == ("placed", "dogs/rex (2).jpg")
        assert (library.into / rex.target).read_bytes() == b"dogs 0.99 b/rex.jpg"
    assert library.undo().left == {}
    assert library.sorted_names() == {"dogs/rex.jpg"}


def test_moved_photo_whose_content_is_there_already_stays(library):
    library.sort("copy")
    found = library.sort("move")
    assert found.count("there") == 5
    assert len(read_tree(library.home)) == 5


def test_places_are_counted_by_status_and_folder_without_sidecars(make_library):
    found = make_library(sidecar="rex.xmp").sort()
    assert (found.count("placed"), found.count("planned"), found.count("failed")) == (5, 0, 0)
    assert [found.count("placed", name) for name in ("cats", "dogs", "unsure", "none")] == [
        *(2, 2, 1, 0)
    ]
    assert (found.count_sidecars("placed"), found.count_sidecars("there")) == (1, 0)


def test_a_photo_that_was_fetched_is_shown_by_its_address(library):
    cache = str(library.home)
    found = dataclasses.replace(library.plan(), fetched={cache: "s3://bucket/photos"})
    assert found.shown(f"{cache}/a/IMG.jpg") == "s3://bucket/photos/a/IMG.jpg"
    assert found.shown(cache) == "s3://bucket/photos"
    assert found.shown(f"{cache}2/IMG.jpg") == f"{cache}2/IMG.jpg"


def test_photo_that_could_not_be_read_stays_with_its_reason(library):
    bad = Prediction(str(library.home / "bad.jpg"), error="not a photo")
    planned = library.plan("move", extra=[bad])
    assert planned.placements[-1].status == "failed"
    assert planned.placements[-1].reason == "not a photo"
    assert carry_out(planned, SILENT).count("placed") == 5


@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_photo_that_changed_since_it_was_planned_stays(library, how):
    planned = library.plan(how)
    (library.home / "b" / "rex.jpg").write_bytes(b"something else")
    (library.home / "what.jpg").unlink()
    found = carry_out(planned, SILENT)
    reasons = {Path(p.path).name: p.reason for p in found.placements if p.status == "failed"}
    assert reasons == {
        "rex.jpg": "the file changed while photos were sorted; sort again",
        "what.jpg": "file not found",
    }
    assert (library.home / "b" / "rex.jpg").read_bytes() == b"something else"
    assert "dogs/rex.jpg" not in library.sorted_names()


def test_pipe_in_the_place_of_a_photo_does_not_hang(library):
    planned = library.plan()
    path = library.home / "what.jpg"
    facts = path.stat()
    path.unlink()
    os.mkfifo(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert carry_out(planned, SILENT).count("failed") == 1


def test_link_among_the_photos_is_copied_but_not_moved(library):
    (library.home / "zlink.jpg").symlink_to(library.home / "b" / "rex.jpg")
    copied = library.plan("copy").placements[-1]
    assert (copied.status, copied.target) == ("planned", "dogs/zlink.jpg")
    moved = library.plan("move").placements[-1]
    assert (moved.status, moved.reason) == (
        "failed",
        "it is reached by a link, and link targets are not moved",
    )


def test_photo_behind_a_linked_folder_is_not_moved(library, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "tom.jpg").write_bytes(b"cats 0.9 tom")
    (library.home / "more").symlink_to(other)
    path = str(library.home / "more" / "tom.jpg")
    planned = library.plan("move", extra=[Prediction(path, "cats", 0.9)])
    assert planned.placements[-1].status == "failed"


def test_photo_that_may_not_leave_its_folder_stays_and_is_not_doubled(library, apart, monkeypatch):
    real = os.unlink
    photo = str(library.home / "b" / "rex.jpg")

    def unlink(path, **options):
        if os.fspath(path) == photo:
            raise PermissionError(13, "Permission denied", path)
        real(path, **options)

    monkeypatch.setattr(os, "unlink", unlink)
    found = library.sort("move")
    (rex,) = [place for place in found.placements if place.path == photo]
    assert (rex.status, rex.reason) == ("failed", "it cannot be moved: no permission")
    assert Path(photo).is_file()
    assert "dogs/rex.jpg" not in library.sorted_names()


def test_copy_that_reads_back_wrong_stops_before_the_photo_goes(library, apart, monkeypatch):
    monkeypatch.setattr("pawsight.sorting.file_contents.hash_file", lambda path: "another")
    before = read_tree(library.home)
    with pytest.raises(DiskError, match="the copy does not read back as written"):
        library.sort("move")
    assert read_tree(library.home) == before


def test_disk_without_links_advises_to_copy(library, monkeypatch):
    def symlink(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", symlink)
    with pytest.raises(DiskError, match="leave --link out to copy"):
        library.sort("link")


def test_name_that_the_disk_refuses_is_made_plain(library, monkeypatch):
    for name in ("what?.jpg", "b/what:.jpg"):
        (library.home / name).write_bytes(f"dogs 0.9 {name}".encode())
    real = os.open

    def refusing(path, *arguments, **options):
        if any(sign in os.path.basename(path) for sign in "?:\n") and arguments[0] & os.O_EXCL:  # noqa: PTH119
            raise OSError(22, "Invalid argument", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)
    assert library.sort("move").count("placed") == 7
    names = {"dogs/what_.jpg", "dogs/what_ (2).jpg", "dogs/dél _.jpg"}
    assert names <= library.sorted_names()
    monkeypatch.setattr(os, "open", real)
    assert library.undo().left == {}
    assert (library.home / "b" / "what:.jpg").is_file()


@pytest.mark.parametrize("place", ["sorted", "sorted/cats"])
def test_file_in_the_place_of_a_folder_is_refused(library, place):
    path = library.home.parent / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is a file"):
        check_folder(str(library.into), ["cats"])


def test_too_full_a_disk_is_reported_before_anything_is_done(library, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DiskError, match="Nothing was done"):
        library.sort()
    assert not library.into.exists()
    assert library.sort("link").count("placed") == 5


def test_undo_leaves_no_trace(library):
    before = library.tree()
    library.sort()
    assert library.undo().num_back == 5
    assert library.tree() == before
    assert not library.into.exists()


def test_undo_removes_the_new_folders_above_the_sorted_one(library):
    outer = library.home.parent / "outer"
    outer.mkdir()
    library.into = outer / "a" / "b" / "sorted"
    library.sort()
    assert library.sorted_names() == SORTED
    library.undo()
    assert list(outer.iterdir()) == []
    library.sort()
    (outer / "a" / "mine.txt").touch()
    library.undo()
    assert [path.name for path in outer.rglob("*")] == ["a", "mine.txt"]


def test_undo_keeps_folders_that_were_there(library):
    (library.into / "cats").mkdir(parents=True)
    library.sort()
    library.undo()
    assert sorted(path.name for path in library.into.rglob("*")) == ["cats"]


def test_undo_leaves_what_was_changed_or_moved_and_names_it(library):
    library.sort("move")
    (library.into / "dogs" / "rex.jpg").write_bytes(b"painted over")
    (library.into / "cats" / "IMG.jpg").rename(library.home / "elsewhere.jpg")
    (library.home / "what.jpg").write_bytes(b"a new one")
    undone = library.undo()
    assert undone.num_back == 2
    assert undone.left == {
        "dogs/rex.jpg": "it was modified since the sort",
        "cats/IMG.jpg": "it is no longer where the sort put it",
        "unsure/what.jpg": "its old name is taken",
    }
    assert (library.home / "what.jpg").read_bytes() == b"a new one"
    assert (library.into / "unsure" / "what.jpg").read_bytes() == b"dogs 0.6 what.jpg"
    with pytest.raises(DataError, match="no sort to undo"):
        library.undo()


def test_undo_keeps_a_copy_whose_photo_is_gone(library):
    library.sort("copy")
    (library.home / "b" / "rex.jpg").unlink()
    (library.home / "what.jpg").write_bytes(b"changed")
    undone = library.undo()
    assert undone.num_back == 3
    assert set(undone.left) == {"dogs/rex.jpg", "unsure/what.jpg"}
    assert (library.into / "dogs" / "rex.jpg").read_bytes() == b"dogs 0.99 b/rex.jpg"


def test_undo_keeps_a_file_that_took_the_place_of_a_link(library):
    library.sort("link")
    link = library.into / "dogs" / "rex.jpg"
    link.unlink()
    link.write_bytes(b"mine")
    assert library.undo().left == {"dogs/rex.jpg": "it was modified since the sort"}
    assert link.read_bytes() == b"mine"


def test_undo_makes_folders_again_that_were_removed(library):
    library.sort("move")
    (library.home / "b").rmdir()
    assert library.undo().left == {}
    assert (library.home / "b" / "rex.jpg").is_file()


def test_undo_finds_photos_again_in_a_sorted_folder_that_was_moved(library):
    library.into = library.home.parent  # photos are sorted within one folder
    sort_all = library.plan("move", predictions=library.predictions(library.home / "nowhere"))
    assert carry_out(sort_all, SILENT).count("placed") == 5
    moved = library.into.with_name("moved")
    library.into.rename(moved)
    library.into, library.home = moved, moved / "home"
    assert library.undo().left == {}
    assert (library.home / "b" / "rex.jpg").is_file()
    assert not (library.into / "dogs").exists()


def test_undo_takes_back_the_last_sort_first(library):
    library.sort()
    (library.home / "new.jpg").write_bytes(b"cats 0.9 new")
    library.sort()
    assert library.undo().num_back == 1
    assert library.sorted_names() == SORTED
    assert library.undo().num_back == 5


def test_journal_with_a_torn_line_is_still_understood(library):
    library.sort()
    (journal,) = library.into.glob(".pawsight-sort/*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + b'{"number": 99, "act": "co')
    assert library.sort().count("there") == 5
    assert library.undo().left == {}
    assert not library.into.exists()


def test_journal_cannot_lead_out_of_its_folder(library):
    library.sort()
    (journal,) = library.into.glob(".pawsight-sort/*.jsonl")
    text = journal.read_text().replace('"dogs/rex.jpg"', '"../home"')
    journal.write_text(text)
    targets = {entry.target for entry in Journal.newest(str(library.into)).entries.values()}
    assert targets == SORTED - {"dogs/rex.jpg"}
    assert library.undo().num_back == 4
    assert (library.home / "b" / "rex.jpg").is_file()


def test_journal_of_a_newer_pawsight_is_left_alone(library):
    library.sort()
    (journal,) = library.into.glob(".pawsight-sort/*.jsonl")
    journal.write_text(journal.read_text().replace('"journal": 1', '"journal": 2'))
    with pytest.raises(DataError, match="newer pawsight"):
        library.undo()


def test_two_sorts_of_one_folder_take_turns(library):
    with only_sort(str(library.into), SILENT):
        thread = threading.Thread(target=library.sort)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert library.sorted_names() <= {".pawsight-sort/lock"}
    thread.join()
    assert library.sorted_names() == SORTED


def test_sort_that_ended_while_another_waited_for_it_is_not_finished_again(
    library, monkeypatch, recorded
):
    library.sort()
    monkeypatch.setattr(execution, "is_stopped", lambda into: True)  # as before the wait
    execution.recover_earlier(str(library.into), recorded)
    assert recorded.notes == []


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second disk")
@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_sort_and_undo_across_two_disks(make_library, tmp_path_factory, how):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if Path(other).stat().st_dev == tmp_path_factory.getbasetemp().stat().st_dev:
            pytest.skip("it is the same disk")
        library = make_library(Path(other) / "sorted")
        before = library.tree()
        assert library.sort(how).count("placed") == 5
        if how == "move":
            assert read_tree(library.home) == {}
        assert library.undo().left == {}
        assert library.tree() == before


def test_photos_are_placed_in_small_batches(library, monkeypatch):
    sizes = []
    real = Placer.place

    def place(self, batch):
        sizes.append(len(batch))
        return real(self, batch)

    monkeypatch.setattr(file_operations.Placer, "place", place)
    monkeypatch.setattr("pawsight.sorting.execution._BATCH", 2)
    assert library.sort().count("placed") == 5
    assert sizes == [2, 2, 1]


def test_sort_of_other_photos_does_not_continue_with_the_one_that_was_stopped(library, kill_at):
    assert kill_at(40, library.sort)  # while copies get their names
    (journal,) = library.into.glob(".pawsight-sort/*.jsonl")
    assert b'"end"' not in journal.read_bytes()
    assert library.sort("link").count("planned") == 0
    assert b'"end"' in journal.read_bytes()
    assert len(list(library.into.glob(".pawsight-sort/*.jsonl"))) == 2
    while list(library.into.glob(".pawsight-sort/*.jsonl")):
        assert library.undo().left == {}
    assert not library.into.exists()


def test_what_lies_in_a_library_is_never_moved_even_when_it_is_named(library):
    package = library.home / "Photos Library.photoslibrary"
    (package / "originals").mkdir(parents=True)
    photo = package / "originals" / "a.jpg"
    photo.write_bytes(b"cats 0.9 mine")
    found = library.plan("move")
    (placement,) = [place for place in found.placements if place.path == str(photo)]
    assert (placement.status, placement.reason) == (
        "failed",
        "it belongs to Photos Library.photoslibrary (library of Apple Photos), which moving it "
        "would break",
    )
    assert library.plan("copy").count("planned") == 6
