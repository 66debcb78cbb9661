"""The benchmark beside other libraries: how photos are divided, what is measured and drawn."""

import importlib
import sys

import pytest

from .conftest import ROOT

FOLDER = ROOT / "benchmarks" / "peers"
MODULES = {"clock", "curves", "machine", "peer_results", "picture", "processes", "results", "run"}


@pytest.fixture
def load_module(monkeypatch):
    """Import a module of the benchmark by its name."""
    before = set(sys.modules)
    for folder in (FOLDER.parent, FOLDER.parent / "time_to_accuracy", FOLDER):
        monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for name in MODULES & (set(sys.modules) - before):
        del sys.modules[name]


def names(folder):
    return {path.name for path in folder.iterdir()}


def fill(folder, count):
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{folder.parent.name}-{number}.jpg").write_text(folder.name)


def test_photos_without_parts_are_drawn_by_class_and_each_is_in_one_part(load_module, tmp_path):
    for kind in ("cats", "dogs"):
        fill(tmp_path / "photos" / kind, 20)
    folder = load_module("run").divided(tmp_path / "photos", tmp_path / "work" / "photos")
    parts = [names(folder / part / "dogs") for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [14, 3, 3]
    assert set.union(*parts) == names(tmp_path / "photos" / "dogs")
    assert not list(tmp_path.glob("work/*.part"))


def test_the_validation_part_becomes_the_test_part_and_a_tenth_of_train_validation(
    load_module, tmp_path
):
    for kind in ("cats", "dogs"):
        fill(tmp_path / "photos" / "train" / kind, 20)
        fill(tmp_path / "photos" / "validation" / kind, 4)
    folder = load_module("run").divided(tmp_path / "photos", tmp_path / "work" / "photos")
    assert names(folder / "test" / "cats") == names(tmp_path / "photos" / "validation" / "cats")
    counts = [len(names(folder / part / "cats")) for part in ("train", "validation")]
    assert counts == [18, 2]


def test_a_process_reports_and_its_memory_and_processor_time_are_measured(load_module, tmp_path):
    program = (
        f"import sys, time; sys.path.insert(0, {str(FOLDER)!r})\n"
        "from clock import Clock, report\n"
        "clock = Clock(time.time() - 90, 60)\n"
        "held = bytearray(b'x' * 200_000_000)\n"
        "report(validation=0.5, is_over=clock.is_over)\n"
        "print('for a person')\n"
        "time.sleep(1.5)\n"
    )
    found = []
    command = [sys.executable, "-c", program]
    measured = load_module("processes").run(command, {}, tmp_path / "log", found.append)
    assert found == [{"validation": 0.5, "is_over": True}]
    assert "for a person" in (tmp_path / "log").read_text()
    assert 0.19 < measured["peak_gib"] < 1
    assert 0 < measured["processor_seconds"] < measured["seconds"]


def test_a_process_that_fails_ends_the_benchmark_with_its_output(load_module, tmp_path):
    command = [sys.executable, "-c", "raise ValueError('no photos')"]
    with pytest.raises(SystemExit, match="no photos"):
        load_module("processes").run(command, {}, tmp_path / "log", print)


@pytest.fixture
def results():
    shared = {
        "photos": "cats.zip",
        "minutes": 3.0,
        "seed": 0,
        "commit": "abc1234",
        "machine": "Two cores.",
        "parts": {"train": 700, "validation": 150, "test": 100},
    }
    measured = {"peak_gib": 1.26, "processor_seconds": 300.0, "seconds": 185.0}
    return [
        shared
        | {"peer": "fastai", "curve": [[90.0, 0.6], [180.0, 0.7]], "epochs": 1.5, "test": 0.72}
        | measured
        | {"versions": "Python 3.11, fastai 2.8"},
        shared
        | {"peer": "auto", "curve": [[60.0, 0.9]], "epochs": 1, "test": 0.9, "kind": "linear_head"}
        | measured,
        shared | {"peer": "keras_io", "curve": [], "seconds": 60.0, "stopped": "stopped at 21 GiB"},
    ]


def test_the_table_has_a_row_for_each_peer_in_one_order(load_module, results):
    text = load_module("peer_results").as_markdown(results)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    # Wilson intervals of 90 and 72 of 100, to a tenth: (82.6, 94.5) and (62.5, 79.9).
    assert rows == [
        "| **pawsight, default** | built-in network | **90.0 %** (82.6 to 94.5) | 90.0 % | 60 s "
        "| linear head | 1.3 GiB | 300 s in 185 s |",
        "| fastai, xresnet18 | random weights | **72.0 %** (62.5 to 79.9) | 70.0 % | 180 s "
        "| 1.5 | 1.3 GiB | 300 s in 185 s |",
        "| keras.io, from scratch | random weights | stopped at 21 GiB | | | | | |",
    ]
    assert "fastai, xresnet18: Python 3.11, fastai 2.8." in text


def test_a_new_record_takes_the_place_of_that_of_the_same_peer(load_module, results, tmp_path):
    module = load_module("peer_results")
    again = results[0] | {"test": 0.8}
    module.put(results, again, tmp_path / "results.json")
    kept = module.load(tmp_path / "results.json")
    assert len(kept) == 3
    assert module.find(kept, ("cats.zip", "fastai", 3.0, 0))["test"] == 0.8


def test_the_picture_names_every_peer_that_was_scored(load_module, results):
    figure = load_module("picture").draw(results)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == ["90.0 %  pawsight, default", "72.0 %  fastai, xresnet18"]
