"""The benchmark of accuracy over time: what it reads, saves, says and draws."""

import importlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pawsight.data.sources.sample import draw_sample
from pawsight.history import Epoch, save_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

from .conftest import ROOT

FOLDER = ROOT / "benchmarks" / "time_to_accuracy"
EPOCH = "2/2 - 3s - 2s/step - accuracy: 0.5 - loss: 0.7 - val_accuracy: {} - val_loss: 0.69"


@pytest.fixture
def load_module(monkeypatch):
    """Import a module of the benchmark by its name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name in {"contestants", "curves", "flops", "keras_io", "machine", "results", "run"}:
            del sys.modules[name]


@pytest.fixture
def fake_script(load_module, monkeypatch, tmp_path):
    """A script of four epochs that reports as Keras does, and a Keras that only takes the seed."""
    contestants = load_module("contestants")
    lines = [EPOCH.format(share) for share in (0.6, 0.8, 0.7, 0.75)]
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text(
        "class utils:\n    def set_random_seed(seed): print('seed', seed)\n"
    )
    path = tmp_path / "script.py"
    path.write_text(
        f"import sys, time\nlines = {lines!r}\n"
        "for line in lines[: int(sys.argv[2])]:\n    print('Epoch'), print(line)\n"
        "    time.sleep(0.2)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(contestants.SCRIPTS, "keras_io", contestants.Script(path, 4))
    return contestants


def swift(minutes, seed, accuracy, seconds):
    return {
        "contestant": "swift",
        "minutes": minutes,
        "seed": seed,
        "process_seconds": seconds,
        "accuracy": accuracy,
        "mirrored_accuracy": accuracy + 0.002,
        "curve": [[seconds / 2, 0.7], [seconds, accuracy]],
        "plan": {},
        "commit": "abc1234",
    }


@pytest.fixture
def measured():
    """Three seeds of two budgets, and a script that was stopped after two of ten epochs."""
    return {
        "machine": "A machine.",
        "photos": "photos.zip",
        "ingest_seconds": 12.0,
        "sizes": {"train": 100, "validation": 50},
        "cells": [
            swift(1.5, 0, 0.88, 80.0),
            swift(1.5, 1, 0.86, 95.0),
            swift(1.5, 2, 0.87, 85.0),
            swift(4.0, 0, 0.91, 230.0),
            {
                "contestant": "colab_script",
                "minutes": None,
                "seed": 0,
                "process_seconds": 400.0,
                "accuracy": 0.7,
                "epochs_planned": 10,
                "curve": [[200.0, 0.8], [400.0, 0.7]],
                "commit": "abc1234",
            },
        ],
    }


def test_epochs_are_read_from_the_report_of_keras(load_module):
    report = [
        "Found 2 files belonging to 2 classes.\n",
        "Epoch 1/2\n",
        EPOCH.format("0.8690") + "\n",
        "1/2 - 3s - accuracy: 0.1 - val_accuracy: 0.2\n",  # not the end of an epoch
        EPOCH.format("9.1000e-01") + "\n",
    ]
    assert list(load_module("contestants").epochs_in(report)) == [0.869, 0.91]


def test_script_gives_its_whole_curve_and_the_accuracy_of_its_end(fake_script, tmp_path):
    recorded = []
    record = fake_script.run_script("keras_io", tmp_path, 3, fake_script.Limits(), recorded.append)
    assert [accuracy for _, accuracy in record["curve"]] == [0.6, 0.8, 0.7, 0.75]
    assert record["accuracy"] == 0.75
    assert record["process_seconds"] == record["curve"][-1][0] > record["curve"][0][0] > 0
    assert [len(one["curve"]) for one in recorded] == [1, 2, 3, 4]


def test_script_is_stopped_at_its_limits(fake_script, tmp_path):
    for limits in (fake_script.Limits(epochs=2), fake_script.Limits(minutes=0.3 / 60)):
        record = fake_script.run_script("keras_io", tmp_path, 0, limits, lambda _: None)
        assert 1 <= len(record["curve"]) < 4
        assert record["epochs_planned"] == 4
        assert limits.are_reached(record)
        assert not fake_script.Limits().are_reached(record)


def test_script_that_fails_is_no_result(fake_script, tmp_path):
    (tmp_path / "script.py").write_text("raise SystemExit(3)")
    with pytest.raises(fake_script.subprocess.CalledProcessError):
        fake_script.run_script("keras_io", tmp_path, 0, fake_script.Limits(), lambda _: None)


def test_curve_of_a_run_counts_from_the_start_of_its_process(load_module, tmp_path):
    run = Run(tmp_path)
    rows = [
        Epoch(number, 10 * number, 5.0 * number, 100.0, 0.1, 0.6, 0.6, 0.6, 0.5 + number / 10, True)
        for number in (1, 2)
    ]
    save_history(rows, run.history_path)
    write_json(run.metrics_path, {"parts": {"validation": {"accuracy": 0.72}}})
    # The process began at 1000; the second row was written at 1018, when training was 10 s old.
    os.utime(run.history_path, (1018, 1018))
    curve = load_module("contestants").curve_of(run, began=1000.0, process_seconds=25.0)
    assert curve == [[13.0, 0.6], [18.0, 0.7], [25.0, 0.72]]


def test_mirror_image_is_averaged_by_probability(load_module):
    images = np.zeros((1, 1, 2, 3), np.uint8)
    images[0, 0, 0] = 1  # the left pixel; it is the right one of the mirror image

    def logits(some):
        return np.log([[0.9, 0.1]]) if some[0, 0, 0, 0] else np.log([[0.3, 0.7]])

    found = load_module("contestants").average_of_mirrored(logits, images)
    assert np.allclose(found, [[0.6, 0.4]])


def test_cells_that_are_there_are_not_run_again(load_module, measured):
    run, limits = load_module("run"), load_module("contestants").Limits
    assert not run.is_open(measured, ("swift", 4.0, 0), limits())
    assert run.is_open(measured, ("swift", 4.0, 1), limits())
    assert run.is_open(measured, ("colab_script", None, 0), limits())
    assert not run.is_open(measured, ("colab_script", None, 0), limits(epochs=2))
    assert not run.is_open(measured, ("colab_script", None, 0), limits(minutes=5))


def test_results_of_another_machine_are_not_mixed_in(load_module, measured, tmp_path):
    results = load_module("results")
    path = tmp_path / "results.json"
    results.put(measured, swift(1.5, 0, 0.9, 70.0), path)
    assert results.open_for(path, "A machine.", "photos.zip") == measured
    with pytest.raises(SystemExit, match="another machine"):
        results.open_for(path, "Another machine.", "photos.zip")
    with pytest.raises(SystemExit, match="another photos"):
        results.open_for(path, "A machine.", "other.zip")


def test_a_cell_measured_again_takes_the_place_of_the_first(load_module, measured, tmp_path):
    results = load_module("results")
    results.put(measured, swift(1.5, 0, 0.9, 70.0), tmp_path / "results.json")
    assert len(measured["cells"]) == 5
    assert results.find(measured, "swift", 1.5, 0)["accuracy"] == 0.9
    assert json.loads((tmp_path / "results.json").read_text()) == measured


def test_table_gives_medians_and_reports_whether_the_goal_is_reached(load_module, measured):
    lines = load_module("results").as_markdown(measured).splitlines()
    short, longer = (next(line for line in lines if line.startswith(f"| {m} |")) for m in (1.5, 4))
    # 86.9 % in 90 s: 87 % in 85 s reaches it. 93 % in 240 s: 91 % does not.
    assert "**87.00 % (86.00 % to 88.00 %)** | 87.20 % (86.20 % to 88.20 %)" in short
    assert "85.0 s (80.0 s to 95.0 s) (94.4% of it)" in short
    assert short.endswith("| 86.9 % | yes | 0, 1, 2 |")
    assert longer.endswith("| 93 % | no | 0 |")


def test_table_reports_that_a_script_was_stopped(load_module, measured):
    text = load_module("results").as_markdown(measured)
    assert "stopped after 2 of 10 epochs | 400 s | **70.00 %** | 80.00 %" in text


def test_page_holds_the_results(load_module):
    results = load_module("results")
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert results.block(results.load()) in page, "run: make benchmark-time-to-accuracy"


def test_page_is_filled_between_its_marks_alone(load_module, measured, tmp_path):
    results = load_module("results")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n")
    results.fill_page(page, measured)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "old" not in text
    assert results.as_markdown(measured) in text


def test_picture_shows_every_budget_and_script(load_module, measured):
    curves = load_module("curves")
    figure = curves.draw(measured)
    words = {text.get_text() for text in figure.axes[0].texts}
    assert words == {"87.0 %", "91.0 %", "70.0 %"}
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend[0] == "pawsight, swift, given 1.5, 4 min"
    assert legend[1].endswith("stopped after 2 of 10 epochs")


def test_picture_is_opaque_so_that_it_reads_on_dark_pages(load_module, measured, tmp_path):
    load_module("curves").save_picture(measured, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        corners = [picture.convert("RGBA").getpixel(xy) for xy in ((0, 0), (5, 5))]
    assert corners == [(255, 255, 255, 255)] * 2


@pytest.mark.slow
def test_benchmark_goes_from_photos_to_tables_and_runs_nothing_twice(tmp_path):
    for seed, part in enumerate(("train", "validation")):
        draw_sample(tmp_path / "photos" / part, 24, seed, progress=Silent())
    page = tmp_path / "accuracy.md"
    page.write_text((ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8"))
    command = [sys.executable, FOLDER / "run.py", tmp_path / "photos", "--only", "swift"]
    command += ["--seeds", "0", "--budgets", "0.05", "--results", tmp_path / "results.json"]
    command += ["--docs", tmp_path, "--work", tmp_path / "work"]
    first, second = (subprocess.run(command, capture_output=True, text=True) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert "1 of 1: pawsight, swift with 0.05 minutes, seed 0" in first.stdout
    assert (second.returncode, second.stdout) == (0, "")
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["sizes"] == {"train": 24, "validation": 24}
    [record] = found["cells"]
    assert record["curve"][-1] == [record["process_seconds"], record["accuracy"]]
    parts = Run(tmp_path / "work" / "swift-0.05-minutes-seed-0").metrics["parts"]
    assert record["accuracy"] == parts["validation"]["accuracy"]
    assert record["mirrored_accuracy"] * 24 == round(record["mirrored_accuracy"] * 24)
    assert "| 0.05 | " in page.read_text()
    assert (tmp_path / "images" / "time_to_accuracy.png").is_file()


def small_network(image_size):
    import keras

    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((*image_size, 3)), *layers])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.shuffle=True. was passed:UserWarning")  # fit's own default
def test_keras_io_network_is_the_published_one_and_its_report_is_understood(
    load_module, monkeypatch, tmp_path, capsys
):
    from pawsight.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow()
    keras_io, contestants = load_module("keras_io"), load_module("contestants")
    # All convolutions have biases; a normalisation has 4 numbers a channel.
    # First: 3*9*128+128 + 4*128 = 4,096. Dense: 1,025.
    # Last: 9*728+728*1024+1024 + 4*1024 = 757,144.
    # A block of n to m: the shortcut, two separable convolutions, two normalisations.
    blocks = [
        n * m + m + (9 * n + n * m + m) + (9 * m + m * m + m) + 8 * m
        for n, m in ((128, 256), (256, 512), (512, 728))
    ]
    assert keras_io.build_network((32, 32)).count_params() == 4096 + sum(blocks) + 757_144 + 1025
    for part in ("train", "validation"):
        for name, colour in (("cats", "red"), ("dogs", "blue")):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), colour).save(tmp_path / part / name / "one.png")
    monkeypatch.setattr(keras_io, "IMAGE_SIZE", (32, 32))
    monkeypatch.setattr(keras_io, "build_network", small_network)  # any network is reported alike
    monkeypatch.setattr(sys, "argv", ["keras_io.py", str(tmp_path), "1"])
    keras_io.main()
    report = io.StringIO(capsys.readouterr().out)
    assert list(contestants.epochs_in(report)) in ([0.0], [0.5], [1.0])
