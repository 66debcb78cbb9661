"""The kinds of files that are damaged: sound originals, and how pawsight opens each."""

import csv
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pawsight.checksums import load_checksums
from pawsight.data.catalog import Catalog
from pawsight.data.sources.table import read_table
from pawsight.data.sources.unpack import Limits, unpack
from pawsight.data.splitting.saved_split import restore
from pawsight.evaluation.curve_records import load_curves
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.results import Evaluation
from pawsight.history import load_history
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_safety import read_onnx
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent
from pawsight.report.page import write_report
from pawsight.runs import Run
from pawsight.training.checkpoints import load_checkpoint
from pawsight.training.plan import load_plan

Opener = Callable[[Path], Any]
Seal = Callable[[bytes], bytes]
_MOST_REPORTS = 1000  # each takes about half a second
_SEAL = b"sha256:"  # precedes the checksum of a checkpoint


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        originals: Sound files.
        place: Its path below the folder that a case is written to.
        opens: Opens that folder, as the command that reads such a file does.
        needs_keras: Whether it takes Keras, which takes seconds to import.
        is_zip: Whether it is a zip archive of which single members are damaged, too: with
            right checksums of the archive, so that what reads the members receives them.
        seal: Appends the right checksum to what was damaged before it.
        beside: A folder whose files lie beside the damaged one.
        most: Cases at most.
    """

    originals: tuple[bytes, ...]
    place: str
    opens: Opener
    needs_keras: bool = False
    is_zip: bool = False
    seal: Seal | None = None
    beside: Path | None = None
    most: int = 10**9


def kinds_of(run_path: Path) -> dict[str, Kind]:
    """Return the kinds by name; those of a run are taken from a finished one."""
    run = Run.open(run_path)

    def of_run(path: Path, opens: Callable[[Run], Any], **facts: Any) -> Kind:
        place = str(path.relative_to(run.path))
        return Kind((path.read_bytes(),), place, lambda folder: opens(_run(folder)), **facts)

    catalog = Catalog.load(run.catalog_path, run.path)
    predictions = run.predictions_path("validation")
    return {
        "model.json": of_run(run.model_path, ModelDescription.load),
        "config.json": of_run(run.config_path, Run.load_config),
        "state.json": of_run(run.state_path, lambda one: one.is_complete),
        "plan.json": of_run(run.plan_path, load_plan),
        "checksums.json": of_run(run.checksums_path, load_checksums),
        "metrics.json": of_run(run.metrics_path, Evaluation.load),
        "curves.json": of_run(run.curves_path, load_curves),
        "history.csv": of_run(run.history_path, lambda one: load_history(one.history_path)),
        "catalog.csv": of_run(
            run.catalog_path, lambda one: Catalog.load(one.catalog_path, one.path)
        ),
        "split.csv": of_run(run.split_path, lambda one: restore(catalog, str(one.split_path))),
        "predictions.csv": of_run(
            predictions, lambda one: load_predictions(one.predictions_path("validation"))
        ),
        "checkpoint": of_run(
            run.checkpoints_dir / "latest.npz",
            lambda one: load_checkpoint(one.checkpoints_dir, Silent()),
            is_zip=True,
            seal=_sealed,
        ),
        "detector": of_run(
            run.out_of_distribution_path,
            lambda one: OutOfDistributionDetector.load(one.out_of_distribution_path),
            is_zip=True,
        ),
        "model.onnx": of_run(run.onnx_path, lambda one: new_session(read_onnx(one.onnx_path))),
        "table": Kind(_tables(), "photos.csv", lambda folder: read_table(folder / "photos.csv")),
        "zip": Kind((_zip(),), "photos.zip", lambda folder: _unpack(folder, "photos.zip")),
        "tar": Kind(_tars(), "photos.tar", lambda folder: _unpack(folder, "photos.tar")),
        "weights.h5": of_run(
            run.weights_path, lambda one: _load_weights(one.weights_path), needs_keras=True
        ),
        "model.keras": Kind(
            (),
            "model.keras",
            lambda folder: _load_weights(folder / "model.keras"),
            needs_keras=True,
            is_zip=True,
        ),
    } | {
        f"{path.name} in a report": of_run(path, write_report, beside=run.path, most=_MOST_REPORTS)
        for path in (
            run.metrics_path,
            run.curves_path,
            run.learning_curve_path,
            run.shortcuts_path,
            run.audit_path,
            run.config_path,
            run.history_path,
            predictions,
        )
        if path.is_file()
    }


@cache
def _run(folder: Path) -> Run:
    return Run(folder)


def _sealed(data: bytes) -> bytes:
    """Return a checkpoint whose npz was damaged, with the checksum that fits."""
    content = data.rpartition(_SEAL)[0] or data
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode()


def saved_by_keras(folder: Path) -> bytes:
    """Return a .keras file of the network that the damaged ones are loaded into."""
    path = folder / "original.keras"
    _network().save(path)
    return path.read_bytes()


def _network() -> Any:
    from pawsight.models.registry import build_model

    return build_model("colab", 2, (32, 32))


_built: list[Any] = []


def _load_weights(path: Path) -> None:
    from pawsight.models.weight_files import load_backbone

    if not _built:
        _built.append(_network())
    load_backbone(_built[0], path, "colab")


def _unpack(folder: Path, name: str) -> None:
    shutil.rmtree(folder / "unpacked", ignore_errors=True)
    (folder / "unpacked").mkdir()
    # Smaller than real ones, so that a bomb shows at once.
    unpack(folder / name, folder / "unpacked", Silent(), Limits(floor_bytes=64 << 20))


def _tables() -> tuple[bytes, ...]:
    rows = [["path", "label", "split"]]
    rows += [
        [f"pets/{i}.jpg", ("cat", "dog")[i % 2], ("train", "test")[i % 5 == 0]] for i in range(30)
    ]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    one_hot = "file;cat;dog\n" + "".join(f"{i}.jpg;{i % 2};{1 - i % 2}\n" for i in range(30))
    return text.getvalue().encode(), one_hot.encode("utf-16"), one_hot.encode("utf-8-sig")


def _photos() -> list[tuple[str, bytes]]:
    found = []
    for i in range(6):
        data = io.BytesIO()
        Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)).save(data, "PNG")
        found.append((f"{('cats', 'dogs')[i % 2]}/{i}.png", data.getvalue()))
    return found


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _photos():
            archive.writestr(name, content)
    return data.getvalue()


def _tars() -> tuple[bytes, ...]:
    found = []
    for mode in ("w", "w:gz", "w:xz"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=mode) as archive:
            for name, content in _photos():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        found.append(data.getvalue())
    return tuple(found)


def trained(folder: Path) -> Path:
    """Train a small run on drawn photos, to take the files from.

    In a process of its own: the threads that TensorFlow starts would be missing in the forked
    processes that load weights, which would wait for them for ever.
    """
    command = [sys.executable, "-m", "pawsight"]
    photos, run = folder / "photos", folder / "run"
    options = ["--model", "colab", "--image-size", "32", "--epochs", "1", "--batch-size", "8"]
    drawing, training = (
        ["sample", photos, "--count", "40"],
        ["train", photos, *options, "--out", run],
    )
    for arguments in (drawing, training):
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)
    return run
