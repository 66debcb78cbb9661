"""What is killed: each task, how it begins, how a user goes on, and what must be the same."""

import contextlib
import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pawsight
from pawsight.progress import Silent
from pawsight.records import Pixels
from pawsight.runs import Run
from pawsight.storage.atomic import make_dir, write_text
from pawsight.training import planning, trainer
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision
from pawsight.workflow.photo_sets import list_photos, read_photos

NUM_PHOTOS = 40
SMALL = pawsight.TrainConfig(
    model="colab", image_size=(32, 32), epochs=2, batch_size=8, precision="float32"
)
STEPS = SMALL.model_copy(
    update={"eager": True, "image_size": (24, 24), "epochs": 1}
)  # nothing to compile
HEAD = pawsight.TrainConfig(model="builtin", image_size=(64, 64))
_TIMES = ("seconds", "images_per_second")  # columns of history.csv that differ from run to run

Folder = Callable[[Path, Path], Any]  # takes the photos, and the folder that is killed


@dataclass(frozen=True)
class Task:
    """One command.

    `prepare` makes the folder that it begins with, `work` is killed, `go_on` is what a user does
    then, and `outcome` is what must be equal to that of a command that was never killed.
    """

    name: str
    prepare: Folder
    work: Folder
    go_on: Folder
    outcome: Folder


def checkpoint_every_step() -> None:
    """Write a checkpoint after every step, so that kills meet many of them."""
    trainer._CHECKPOINT_SECONDS = 0.0


def _nothing(photos: Path, root: Path) -> None:
    """Begin with an empty folder."""


def _photos_read(photos: Path, root: Path) -> None:
    for config in (SMALL, STEPS):
        read_photos(list_photos(photos, Silent()), config, Silent())


def _train(config: pawsight.TrainConfig) -> Folder:
    def work(photos: Path, root: Path) -> None:
        pawsight.train(photos, config, root / "run")

    return work


def _resume_or_train(config: pawsight.TrainConfig) -> Folder:
    def go_on(photos: Path, root: Path) -> None:
        if (root / "run").exists():
            pawsight.resume(root / "run")
        else:
            pawsight.train(photos, config, root / "run")

    return go_on


def _resume(photos: Path, root: Path) -> None:
    pawsight.resume(root / "run")


def _halves(photos: Path) -> tuple[Plan, Pixels, np.ndarray]:
    """Return a plan to learn from 32 photos and validate on the rest, their pixels and labels."""
    catalog, pixels = read_photos(list_photos(photos, Silent()), STEPS, Silent())
    labels = catalog.labels(catalog.usable)
    precision = Precision("float32", "for equal bits")
    plan = planning.plan(STEPS, catalog.class_names, 32, len(labels) - 32, precision)
    return plan, pixels, labels


def _take_steps(photos: Path, root: Path) -> None:
    from pawsight.training.learner import Learner
    from pawsight.training.photos import Subset

    plan, pixels, labels = _halves(photos)
    order = np.random.default_rng(0).permutation(len(labels))
    train, validation = (Subset(i, labels[i]) for i in np.split(order, [32]))
    learner = Learner(plan, pixels, train, validation)
    run = Run(root / "run")
    make_dir(run.path)
    trainer.Trainer(learner, plan).fit(run, Silent())
    _keep_weights(learner.model, root)


def _fit_keras(photos: Path, root: Path) -> None:
    """Fit the same network with Keras: a backup after each batch, and photos in a fixed order."""
    import keras

    from pawsight.models.registry import build_model

    plan, pixels, labels = _halves(photos)
    keras.utils.set_random_seed(0)
    model = build_model(plan.model, len(plan.class_names), plan.image_size, "float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    if model.output_shape[-1] > 1:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(plan.learning_rate), loss, run_eagerly=True)
    backup = keras.callbacks.BackupAndRestore(root / "backup", save_freq=1)
    images = pixels.read(np.arange(len(labels)))
    given = {"batch_size": plan.batch_size, "shuffle": False, "verbose": 0, "callbacks": [backup]}
    model.fit(images, labels, epochs=STEPS.epochs, **given)
    _keep_weights(model, root)


def _keep_weights(model: Any, root: Path) -> None:
    joined = b"".join(np.asarray(weight).tobytes() for weight in model.get_weights())
    write_text(root / "weights", hashlib.sha256(joined).hexdigest())


def _kept_weights(photos: Path, root: Path) -> dict[str, str]:
    return {"weights": (root / "weights").read_text()}


class _Stop(Silent):
    """Press Ctrl-C in the middle of training."""

    def advance(self, done: int, **facts: float | str) -> None:
        if done and facts.get("epoch") == 2:
            raise KeyboardInterrupt


def _stopped_run(photos: Path, root: Path) -> None:
    with contextlib.suppress(pawsight.PawsightError):
        pawsight.train(photos, SMALL, root / "run", _Stop())
    if pawsight.Run.open(root / "run").is_complete:
        raise ValueError("the run was not stopped")


def _finished_run(photos: Path, root: Path) -> None:
    pawsight.train(photos, SMALL, root / "run")


def _trained(photos: Path, root: Path) -> dict[str, str]:
    """Hashes of all that a run computed; what holds times is compared without them."""
    run = Run.open(root / "run")
    found = pawsight.verify(run)
    if not run.is_complete or not found.holds or not found.num_predicted:
        raise ValueError(f"The run does not hold: {found.problems} {found.notes}")
    with run.history_path.open(newline="") as file:
        history = [
            {k: v for k, v in row.items() if k not in _TIMES} for row in csv.DictReader(file)
        ]
    files = [run.onnx_path, run.split_path, run.catalog_path, run.metrics_path, run.curves_path]
    files += [run.predictions_path("validation"), run.predictions_path("test")]
    model = json.loads(run.model_path.read_text())
    del model["created"]
    return {path.name: _sha256(path) for path in files} | {
        "history": repr(history),
        "model.json": repr(sorted(model.items())),
        "names": repr(sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*"))),
    }


def _read(photos: Path, root: Path) -> dict[str, str]:
    catalog, pixels = read_photos(list_photos(photos, Silent()), SMALL, Silent())
    rows = pixels.read(np.arange(len(catalog.photos)))
    return {"catalog": repr(catalog.photos), "pixels": hashlib.sha256(rows).hexdigest()}


def _export(photos: Path, root: Path) -> None:
    if not (root / "export").exists():
        pawsight.export(root / "run", "onnx", root / "export")


def _exported(photos: Path, root: Path) -> dict[str, str]:
    return {path.name: _sha256(path) for path in (root / "export").glob("*.onnx")} | {
        "names": repr(sorted(path.name for path in (root / "export").iterdir()))
    }


def _predict(photos: Path, root: Path) -> None:
    pawsight.predict_folder(photos, root / "run", root / "rows.csv")


def _predicted(photos: Path, root: Path) -> dict[str, str]:
    return {
        "rows.csv": _sha256(root / "rows.csv"),
        "names": repr(sorted(one.name for one in root.iterdir())),
    }


def _report(photos: Path, root: Path) -> None:
    pawsight.write_report(root / "run")


def _evaluate(photos: Path, root: Path) -> None:
    pawsight.evaluate(root / "run")


def leftovers(root: Path) -> list[str]:
    """Temporary files that nobody removed."""
    return [str(path.relative_to(root)) for path in root.rglob(".pawsight-*")]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


TASKS = {
    task.name: task
    for task in (
        Task("ingest", _nothing, _photos_read, _photos_read, _read),
        Task("train", _photos_read, _train(SMALL), _resume_or_train(SMALL), _trained),
        Task("steps", _photos_read, _take_steps, _take_steps, _kept_weights),
        Task("keras", _photos_read, _fit_keras, _fit_keras, _kept_weights),
        Task("head", _photos_read, _train(HEAD), _resume_or_train(HEAD), _trained),
        Task("resume", _stopped_run, _resume, _resume, _trained),
        Task("evaluate", _finished_run, _evaluate, _evaluate, _trained),
        Task("report", _finished_run, _report, _report, _trained),
        Task("export", _finished_run, _export, _export, _exported),
        Task("predict", _finished_run, _predict, _predict, _predicted),
    )
}


def fresh(folder: Path, beginning: Path | None = None) -> Path:
    """Make a folder empty, or a copy of another."""
    shutil.rmtree(folder, ignore_errors=True)
    if beginning is None:
        folder.mkdir(parents=True, mode=0o700)
    else:
        shutil.copytree(beginning, folder)
    return folder
