"""The contestants, each run as a process of its own and timed by the clock of its parent.

`swift` is `pawsight train --minutes M`, from photos that were read before. The
two Keras scripts know no budget: they have so many epochs, and each line of
Keras' own report is stamped when it arrives. All give the same kind of record.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.config import TrainConfig
from pawsight.data.auditing.audit import audit_photos
from pawsight.data.reading.resized import at_size
from pawsight.history import load_history
from pawsight.inference.classifier import Classifier
from pawsight.probabilities import softmax
from pawsight.progress import Silent
from pawsight.records import FloatArray
from pawsight.runs import Run
from pawsight.workflow.photo_sets import divide, list_photos, read_photos
from pawsight.workflow.run_photos import photos_of

HERE = Path(__file__).resolve().parent
# As Keras writes an epoch with verbose=2: "155/155 - 62s - 99ms/step - ... - val_accuracy: 0.8690".
_EPOCH_LINE = re.compile(r"^\s*(\d+)/\1 - .*\bval_accuracy: ([\d.e+-]+)")
_MODEL_BATCH = 256


@dataclass(frozen=True)
class Script:
    """A Keras script that takes FOLDER EPOCHS and reports with verbose=2."""

    path: Path
    epochs: int  # as published


SCRIPTS = {
    "colab_script": Script(HERE.parent / "colab_script" / "script.py", 10),
    "keras_io": Script(HERE / "keras_io.py", 25),
}
CONTESTANTS = ("swift", *SCRIPTS)


@dataclass(frozen=True)
class Limits:
    """Where a Keras script may be stopped before its last epoch."""

    epochs: int | None = None
    minutes: float | None = None  # it ends with the epoch that passes them

    def are_reached(self, record: dict) -> bool:
        """Whether a record is as long as the script or these limits ask for."""
        epochs = min(record["epochs_planned"], self.epochs or record["epochs_planned"])
        is_late = self.minutes is not None and record["process_seconds"] >= self.minutes * 60
        return len(record["curve"]) >= epochs or is_late


def ingest(photos: Path, model: str) -> tuple[Path, float, dict[str, int]]:
    """Read and compare the photos as `pawsight train` does first, so that no run waits for it.

    Returns:
        The folder that holds train/ and validation/, the seconds it took, and
        the number of photos in each part.
    """
    started = time.perf_counter()
    config = TrainConfig(model=model)
    listing = list_photos(photos, Silent())
    catalog, pixels = read_photos(listing, config, Silent())
    dataset = divide(catalog, pixels, config.split, Silent())
    audit_photos(dataset.catalog, pixels, dataset.duplicates)  # kept, as what `divide` compares is
    sizes = {part: len(catalog.part(part)) for part in ("train", "validation")}
    return listing.root, time.perf_counter() - started, sizes


def run_script(
    name: str, folder: Path, seed: int, limits: Limits, on_epoch_end: Callable[[dict], None]
) -> dict:
    """Run a Keras script to its last epoch, or to its limits.

    Args:
        name: One of SCRIPTS.
        folder: It holds train/ and validation/.
        seed: For weights, order and changes.
        limits: Where to stop it.
        on_epoch_end: Receives the record so far at the end of every epoch.
    """
    script = SCRIPTS[name]
    record = {"contestant": name, "minutes": None, "seed": seed, "epochs_planned": script.epochs}
    epochs = min(script.epochs, limits.epochs or script.epochs)
    command = [sys.executable, "-u", HERE / "with_seed.py", str(seed), script.path, folder]
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, str(epochs)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
    ) as process:
        curve: list[list[float]] = []
        for accuracy in epochs_in(process.stdout):
            curve.append([time.perf_counter() - started, accuracy])
            seconds = curve[-1][0]
            record = record | {"process_seconds": seconds, "accuracy": accuracy, "curve": [*curve]}
            on_epoch_end(record)
            if limits.are_reached(record) and len(curve) < epochs:
                process.terminate()
                break
    if len(curve) < epochs and not (curve and limits.are_reached(record)):
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return record


def epochs_in(lines: Iterable[str]) -> Iterator[float]:
    """The validation accuracy of each epoch, as soon as Keras writes its line."""
    for line in lines:
        found = _EPOCH_LINE.match(line)
        if found:
            yield float(found[2])


def run_pawsight(photos: Path, model: str, minutes: float, seed: int, work: Path) -> dict:
    """Run `pawsight train --minutes M` as a cold process, and read what came out.

    Args:
        photos: As the user would give them; read before, see `ingest`.
        model: A network of pawsight.
        minutes: The budget.
        seed: For everything drawn at random.
        work: Where the run folder goes; one of that name from a stopped benchmark is replaced.
    """
    out = work / f"{model}-{minutes:g}-minutes-seed-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pawsight", "train", photos, "--model", model]
    command += ["--minutes", f"{minutes:g}", "--seed", str(seed), "--out", out]
    log_path = work / f"{out.name}.log"
    with log_path.open("w") as log:
        began, started = time.time(), time.perf_counter()
        code = subprocess.call(command, stdout=log, stderr=log)
        seconds = time.perf_counter() - started
    if code:
        raise SystemExit(f"{log_path.read_text()}\npawsight ended with exit code {code}.")
    run = Run.open(out)
    accuracy = run.metrics["parts"]["validation"]["accuracy"]
    plan = run.read_json(run.plan_path)
    facts = ("precision", "image_size", "batch_size", "num_steps", "num_parameters")
    return {
        "contestant": model,
        "minutes": minutes,
        "seed": seed,
        "process_seconds": seconds,
        "accuracy": accuracy,
        "mirrored_accuracy": mirrored_accuracy(run),
        "curve": curve_of(run, began, seconds),
        "plan": {name: plan[name] for name in facts if name in plan},
    }


def curve_of(run: Run, began: float, process_seconds: float) -> list[list[float]]:
    """Seconds since the process began, and the accuracy then; the exported model ends it.

    The history counts from the first step. It is written as soon as a row is
    known, so the time of its file says when that was by the clock.

    Args:
        run: A finished run.
        began: `time.time()` when its process began.
        process_seconds: How long that took.
    """
    history = load_history(run.history_path)
    last_row = run.history_path.stat().st_mtime - began
    before = min(max(0.0, last_row - history[-1].seconds), process_seconds - history[-1].seconds)
    curve = [[before + row.seconds, row.validation_accuracy] for row in history]
    return [*curve, [process_seconds, run.metrics["parts"]["validation"]["accuracy"]]]


def mirrored_accuracy(run: Run) -> float:
    """Accuracy on the validation part with the probabilities of photo and mirror image averaged."""
    classifier = Classifier.load(run)
    catalog, pixels = photos_of(run, Silent())
    pixels = at_size(pixels, classifier.image_size)
    indices = catalog.part("validation")
    right = 0
    for start in range(0, len(indices), _MODEL_BATCH):
        some = indices[start : start + _MODEL_BATCH]
        both = average_of_mirrored(classifier.logits, pixels.read(some))
        right += int((both.argmax(axis=1) == catalog.labels(some)).sum())
    return right / len(indices)


def average_of_mirrored(logits: Callable[..., FloatArray], images: np.ndarray) -> FloatArray:
    """Mean probabilities, [N, K], of uint8 images [N, H, W, 3] and of their mirror images."""
    return (softmax(logits(images)) + softmax(logits(images[:, :, ::-1]))) / 2
