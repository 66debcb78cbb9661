"""`pawsight.predict_folder` writes a whole file, and resumes after an interruption."""

import csv
import functools
import http.server
import json
import os
import shutil
import threading

import pytest

import pawsight
from pawsight.errors import ConfigError, StoppedError
from pawsight.inference import partial_results
from pawsight.progress import Silent

pytestmark = pytest.mark.usefixtures("decoding_in_threads")


class Interrupting(Silent):
    """Progress of somebody who presses Ctrl-C after so many photos."""

    def __init__(self, num_photos):
        self.num_left = num_photos
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        self.num_left -= done
        if not self.num_left:
            raise KeyboardInterrupt


@pytest.fixture
def folder(save_photo, tmp_path):
    for i in range(6):
        save_photo(f"photos/{i}.png", ("red", "green", "blue")[i % 3])
    return tmp_path / "photos"


def labels_of(path):
    with path.open(newline="") as file:
        return [row["label"] for row in csv.DictReader(file)]


def test_a_folder_becomes_a_file_of_predictions(folder, colour_run, tmp_path):
    (folder / "z.png").write_bytes(b"no photo")
    done = pawsight.predict_folder(folder, colour_run, tmp_path / "out" / "answers.csv")
    assert (done.path, done.num_read, done.num_failed) == (tmp_path / "out" / "answers.csv", 6, 1)
    assert labels_of(done.path) == ["red", "green", "blue"] * 2 + [""]
    assert [path.name for path in done.path.parent.iterdir()] == ["answers.csv"]


def test_kept_predictions_do_not_return_after_a_power_cut(
    folder, colour_run, tmp_path, monkeypatch
):
    flushed = []

    def record(path):
        flushed.append((path, sorted(one.name for one in path.iterdir())))

    monkeypatch.setattr(partial_results, "flush", record)
    pawsight.predict_folder(folder, colour_run, tmp_path / "out" / "answers.csv")
    assert flushed == [(tmp_path / "out", ["answers.csv"])]  # after the removal


def test_the_ending_decides_the_format(folder, colour_run, tmp_path):
    done = pawsight.predict_folder([folder / "0.png"], colour_run, tmp_path / "a.json")
    assert [row["label"] for row in json.loads(done.path.read_text())] == ["red"]
    done = pawsight.predict_folder(folder / "0.png", colour_run, tmp_path / "b", format="jsonl")
    assert json.loads(done.path.read_text())["label"] == "red"


def test_an_interrupted_call_resumes_after_the_last_prediction(folder, colour_run, tmp_path):
    output = tmp_path / "answers.csv"
    with pytest.raises(StoppedError, match="predictions of 4 photos are kept"):
        pawsight.predict_folder(folder, colour_run, output, progress=Interrupting(4))
    assert not output.exists()
    with pytest.raises(ConfigError, match="another --tta"):
        pawsight.predict_folder(folder, colour_run, output, tta=True)
    for i in range(4):  # only their kept predictions can be in the file
        (folder / f"{i}.png").write_bytes((folder / "5.png").read_bytes())
        os.utime(folder / f"{i}.png", (1, 1))
    recorded = Interrupting(-1)
    pawsight.predict_folder(folder, colour_run, output, progress=recorded)
    assert recorded.notes == ["Resuming after 4 photos."]
    assert labels_of(output) == ["red", "green", "blue"] * 2


@pytest.fixture
def site(folder, tmp_path, monkeypatch):
    """The address of a web server for the photos, and of an archive of them beside them."""
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    shutil.make_archive(str(tmp_path / "all"), "zip", folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def paths_of(path):
    with path.open(newline="") as file:
        return [row["path"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "name, shown",
    [
        ("/photos/", "/photos/{}.png"),
        ("/photos/2.png", "/photos/2.png"),
        ("/all.zip", "/all.zip/{}.png"),
        ("/all.zip?token=secret", "/all.zip/{}.png"),
    ],
)
def test_photos_of_an_address_keep_its_names(site, folder, colour_run, tmp_path, name, shown):
    (folder / "5.png").write_bytes(b"no photo")
    done = pawsight.predict_folder(site + name, colour_run, tmp_path / "answers.csv")
    expected = [site + shown.format(i) for i in range(6)] if "{}" in shown else [site + shown]
    assert paths_of(done.path) == expected


@pytest.mark.parametrize(("name", "shown"), [("/photos/", "/photos/"), ("/all.zip", "/all.zip/")])
def test_a_sort_names_the_photos_of_an_address_by_it(
    site, folder, colour_run, tmp_path, name, shown
):
    (folder / "5.png").write_bytes(b"no photo")
    done = pawsight.sort(site + name, tmp_path / "sorted", colour_run)
    found = [done.shown(place.path) for place in done.placements]
    assert found == [f"{site}{shown}{i}.png" for i in range(6)]
    assert done.sources == ((site + name).rstrip("/"),)
    assert done.count("failed") == (name == "/photos/")


def test_photos_of_an_archive_are_named_by_it_and_by_their_path_in_it(
    site, colour_run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = pawsight.predict_folder("all.zip", colour_run, "answers.csv")
    assert paths_of(done.path) == [f"all.zip/{i}.png" for i in range(6)]


def test_predictions_of_an_address_are_resumed(site, colour_run, tmp_path):
    output = tmp_path / "answers.csv"
    with pytest.raises(StoppedError):
        pawsight.predict_folder(f"{site}/photos/", colour_run, output, progress=Stopping(2))
    second = Interrupting(-1)
    pawsight.predict_folder(f"{site}/photos/", colour_run, output, progress=second)
    assert "Resuming after 2 photos." in second.notes
    assert labels_of(output) == ["red", "green", "blue"] * 2


class Stopping(Interrupting):
    """Counts predicted photos only, and not what is copied before."""

    def start(self, task, total=None, unit=""):
        self.is_predicting = task == "Predicting"

    def advance(self, done, **facts):
        if self.is_predicting:
            super().advance(done, **facts)
