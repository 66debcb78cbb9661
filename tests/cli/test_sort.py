"""`pawsight sort`: the table, the question, the rows, and a process that is killed."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

import pawsight as package


@pytest.fixture
def photos(save_photo, tmp_path):
    """Photos of three colours, two of a name, one mixed, one broken."""
    save_photo("in/1/IMG.png", "red")
    save_photo("in/2/IMG.png", "red", (20, 20))
    save_photo("in/2/sky.png", "blue")
    save_photo("in/grey.png", "grey")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path / "in"


@pytest.fixture
def sort(pawsight, colour_run, tmp_path, decoding_in_threads):
    def run(*arguments, stdin=None):
        model = [] if "--undo" in arguments else ["--model", colour_run.path]
        return pawsight("sort", *arguments, "--into", tmp_path / "out", *model, stdin=stdin)

    return run


def names(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".pawsight-sort" not in path.parts
    }


def test_dry_run_shows_a_table_and_changes_nothing(sort, photos, tmp_path):
    result = sort(photos, "--dry-run")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["folder", "copy", "renamed", "skipped"] in rows
    assert ["red/", "2", "1", "0"] in rows
    assert ["unsure/", "1", "0", "0"] in rows
    assert "broken.jpg" in result.stdout
    assert "This was a dry run: nothing was changed." in result.stderr
    assert not (tmp_path / "out").exists()


def test_sort_copies_and_explains_how_to_undo_it(sort, photos, tmp_path):
    before = names(photos)
    result = sort(photos, "--yes")
    assert result.exit_code == 0
    sorted_photos = {"red/IMG.png", "red/IMG (2).png", "blue/sky.png", "unsure/grey.png"}
    assert names(tmp_path / "out") == sorted_photos
    assert names(photos) == before
    assert "4 photos copied into" in result.stderr
    assert f"pawsight sort --undo --into {tmp_path / 'out'}" in result.stderr
    assert sort("--undo", "--yes").exit_code == 0
    assert not (tmp_path / "out").exists()


def test_move_leaves_only_what_could_not_be_read(sort, photos, tmp_path):
    assert sort(photos, "--move", "--yes").exit_code == 0
    assert names(photos) == {"broken.jpg"}
    assert sort("--undo", "--yes").exit_code == 0
    assert "2/IMG.png" in names(photos)


def test_sort_inside_the_folder_of_the_photos_is_repeatable(pawsight, photos, colour_run):
    arguments = ["sort", photos, "--into", photos, "--model", colour_run.path, "--move", "--yes"]
    assert pawsight(*arguments).exit_code == 0
    found = names(photos)
    assert "red/IMG (2).png" in found
    assert pawsight(*arguments).exit_code == 1  # only the broken one is left to read
    assert names(photos) == found


def test_lower_bar_leaves_fewer_unsure(sort, photos):
    grey = sort(photos, "--dry-run", "--sure", "0.3", "--format", "csv").stdout
    row = next(row for row in csv.DictReader(io.StringIO(grey)) if "grey" in row["path"])
    assert row["target"].endswith("/grey.png")
    assert not row["target"].startswith("unsure")


def test_rows_for_each_photo(sort, photos):
    rows = list(csv.DictReader(io.StringIO(sort(photos, "--dry-run", "--format", "csv").stdout)))
    by_name = {row["path"].removeprefix(f"{photos}/"): row for row in rows}
    assert len(rows) == 5
    assert by_name["2/IMG.png"]["target"] == "red/IMG (2).png"
    assert by_name["2/IMG.png"]["status"] == "planned"
    assert by_name["broken.jpg"] | {"path": "", "reason": ""} == dict.fromkeys(
        ("path", "label", "probability", "target", "reason"), ""
    ) | {"status": "failed"}
    lines = sort(photos, "--yes", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["status"] for line in lines].count("placed") == 4


def test_list_on_standard_input(sort, photos, tmp_path):
    result = sort("-", "--yes", stdin=f"{photos}/2/sky.png\0{photos}/1/IMG.png\0")
    assert result.exit_code == 0
    assert names(tmp_path / "out") == {"blue/sky.png", "red/IMG.png"}


def test_without_a_terminal_nobody_is_asked_and_nothing_done(sort, photos, tmp_path):
    result = sort(photos)
    assert result.exit_code == 2
    assert "use --yes" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        (["in"], "--into DIR"),
        (["--into", "out"], "No photos were given"),
        (["in", "--into", "out", "--link", "--move"], "not both"),
        (["in", "--into", "out", "--undo"], "--undo takes only"),
        (["--into", "out", "--undo", "--format", "csv"], "--undo takes only"),
        (["in", "--into", "out", "--format", "csv"], "needs --dry-run"),
    ],
)
def test_an_invalid_value_is_reported(pawsight, arguments, recorded):
    result = pawsight("sort", *arguments)
    assert result.exit_code == 2
    assert recorded in result.stderr


def test_undo_without_a_sort_is_reported(sort):
    result = sort("--undo", "--yes")
    assert result.exit_code == 1
    assert "There is no sort to undo" in result.stderr


def test_undo_names_what_it_left(sort, photos, tmp_path):
    sort(photos, "--yes")
    (tmp_path / "out" / "blue" / "sky.png").write_bytes(b"painted")
    result = sort("--undo", "--yes")
    assert result.exit_code == 1
    assert "blue/sky.png" in result.stdout
    assert "it was modified since the sort" in result.stdout


def test_nothing_that_can_be_read_is_exit_code_1(sort, photos):
    assert sort(photos / "broken.jpg", "--yes").exit_code == 1


def test_python_sorts_and_takes_back(photos, colour_run, tmp_path):
    into = tmp_path / "out"
    planned = package.sort(photos, into, colour_run, dry_run=True)
    assert planned.count("planned") == 4
    assert not into.exists()
    done = package.sort([photos / "1", photos / "2"], into, colour_run.path, how="link")
    assert done.count("placed", "red") == 2
    assert package.undo_sort(into).num_back == 3


@pytest.mark.parametrize("setting", [{"how": "hardlink"}, {"sure": 80}])
def test_python_names_a_setting_that_makes_no_sense(photos, colour_run, tmp_path, setting):
    with pytest.raises(package.PawsightError, match=next(iter(setting))):
        package.sort(photos, tmp_path / "out", colour_run, **setting)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "num_files"), [(b"n\n", 0), (b"y\n", 4)])
def test_terminal_is_asked_once(photos, colour_run, tmp_path, answer, num_files):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pawsight", "sort", photos, "--into", tmp_path / "out"]
    process = subprocess.Popen(
        [*command, "--model", colour_run.path], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answer)
    said = read_all(ours)
    assert process.wait() == (0 if num_files else 1)
    assert said.count(b"Copy 4 photos into") == 1
    assert len(names(tmp_path / "out") if num_files else ()) == num_files
    assert (tmp_path / "out").exists() == bool(num_files)


def read_all(handle) -> bytes:
    said = b""
    while True:
        try:
            chunk = os.read(handle, 4096)
        except OSError:  # how Linux says that the other end is closed
            chunk = b""
        if not chunk:
            os.close(handle)
            return said
        said += chunk


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--move"]], ids=["copy", "move"])
def test_killed_process_is_finished_and_undone(sort, save_photo, colour_run, tmp_path, how):
    for number in range(400):
        save_photo(f"in/{number}.png", ("red", "green", "blue")[number % 3], (9, 9 + number))
    photos, out = tmp_path / "in", tmp_path / "out"
    held = {path.name: path.read_bytes() for path in photos.iterdir()}
    command = [sys.executable, "-m", "pawsight", "sort", photos, "--into", out, "--yes", *how]
    process = subprocess.Popen(
        [*command, "--model", colour_run.path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (out / "green").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sort(photos, "--yes", *how).exit_code == 0
    assert {name.partition("/")[2] for name in names(out)} == set(held)
    assert names(photos) == (set() if how else set(held))
    while (out / ".pawsight-sort").exists():
        assert sort("--undo", "--yes").exit_code == 0
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == held
    assert not out.exists()


def test_sidecar_files_are_named_beside_the_photos(sort, photos, tmp_path):
    (photos / "2" / "sky.xmp").write_bytes(b"settings")
    result = sort(photos, "--yes", "--move")
    assert "4 photos and 1 of their sidecar files moved into" in result.stderr
    assert "blue/sky.xmp" in names(tmp_path / "out")
    assert "5 files undone." in sort("--undo", "--yes").stderr


def test_one_companion_is_counted_as_one(sort, photos, tmp_path):
    (photos / "grey.mov").write_bytes(b"film")
    result = sort(photos / "grey.png", "--dry-run")
    assert "1 film of a Live Photo stays where it is; --companions includes such" in result.stderr
