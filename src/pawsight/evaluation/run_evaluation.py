"""Measure a run's model on the run's own photos, which also calibrates it, or on other photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.checksums import evaluation_files, update_checksums
from pawsight.class_weights import is_imbalanced
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.decoding.analysis import ANALYSIS_SIZE
from pawsight.data.duplicates.near_duplicates import across_parts
from pawsight.data.duplicates.training_copies import copies_of_training
from pawsight.data.reading.stream import PixelStream
from pawsight.data.reading.unreadable import lost_rows
from pawsight.evaluation.calibration import fit_label_temperature, fit_temperature
from pawsight.evaluation.metrics import measure, save_evaluation
from pawsight.evaluation.predictions import Classify, collect, save_predictions
from pawsight.evaluation.results import Evaluation, LostPhoto, PartMetrics, TrainingCopies
from pawsight.evaluation.selective import operating_points
from pawsight.evaluation.shortcut_use import measure_shortcuts, save_shortcuts
from pawsight.evaluation.thresholds import fit_thresholds
from pawsight.formatting import counted, percent
from pawsight.models.description import ModelDescription
from pawsight.progress import Progress
from pawsight.records import Part, Pixels, Predictions
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import SINGLE_LABEL, Task, task_of


def evaluate_run(run: Run, logits: Classify, dataset: Dataset, progress: Progress) -> Evaluation:
    """Measure the validation part and, if there is one, the test part: each photo once.

    The temperature is fitted on the validation part and written into model.json;
    everything that is measured and saved is calibrated with it. It is fitted without
    class weights: a model trained with class weights returns probabilities as if the
    classes were equally frequent, and a single number for all classes cannot and should
    not undo that. For photos with several labels, all labels share a temperature, and
    each label has its own threshold.

    Args:
        run: A finished run; its evaluation is written.
        logits: The model: uint8 images [N, H, W, 3] to logits [N, K].
        dataset: The run's photos with their parts, at the model's size.
        progress: Receives progress.

    Returns:
        The content of metrics.json.

    Raises:
        DataError: A part is empty, or none of its photos can be read any more.
    """
    catalog, pixels = dataset.catalog, dataset.pixels
    parts: list[Part] = ["validation", "test"] if len(catalog.part("test")) else ["validation"]
    # These predictions have logits, which become probabilities once the temperature is known.
    uncalibrated = {part: collect(logits, pixels, catalog, part, progress) for part in parts}
    fields = _fit_decision(uncalibrated["validation"])
    temperature, thresholds = fields["temperature"], fields.get("thresholds", ())
    task = task_of(catalog.task.name, thresholds)
    calibrated = {
        part: dataclasses.replace(p, probs=task.probabilities(p.probs, temperature), task=task)
        for part, p in uncalibrated.items()
    }
    train_labels = catalog.labels(catalog.part("train"))
    num_copies = len(across_parts(catalog, dataset.duplicates))
    with update_checksums(run, evaluation_files):
        ModelDescription.load(run).model_copy(update=fields).save(run)
        save_shortcuts(measure_shortcuts(calibrated[parts[-1]], dataset), run.shortcuts_path)
        return save_evaluation(
            run,
            calibrated,
            temperature,
            num_copies,
            is_imbalanced(task.counts(train_labels, len(catalog.class_names)).tolist()),
            [LostPhoto.model_validate(row) for row in lost_rows(pixels, catalog)],
        )


def _fit_decision(held_out: Predictions) -> dict[str, Any]:
    """Fit the fields of model.json that are chosen by the logits of the validation photos."""
    logits, labels, task = held_out.probs, held_out.labels, held_out.task
    if task.is_multi_label:
        temperature = fit_label_temperature(logits, labels)
        probs = task.probabilities(logits, temperature)
        return {"temperature": temperature, "thresholds": fit_thresholds(probs, labels)}
    temperature = fit_temperature(logits, labels)
    probs = task.probabilities(logits, temperature)
    is_right = task.is_right(task.decide(probs), labels)
    points = operating_points(probs.max(axis=1), is_right)
    return {"temperature": temperature, "operating_points": points}


def evaluate_others(
    run: Run,
    source: str,
    probs: Classify,
    class_names: Sequence[str],
    catalog: Catalog,
    pixels: Pixels,
    part: Part,
    progress: Progress,
    task: Task = SINGLE_LABEL,
) -> Evaluation:
    """Measure a run's model on photos that are not the run's own.

    Copies of training photos make the score look better than it is, so they are
    counted, and the other photos are also measured without them.

    Args:
        run: A finished run; the evaluation is written into a subfolder of it.
        source: The user's name of the photos, such as their folder.
        probs: The model: uint8 images [N, H, W, 3] to probabilities [N, K].
        class_names: The model's classes.
        catalog: The photos.
        pixels: Their pixels.
        part: The part to measure.
        progress: Receives progress, and a note on copies of training photos.
        task: How the model's probabilities become an answer.

    Returns:
        The content of metrics.json in that subfolder.

    Raises:
        DataError: The part is empty, or has a class that the model lacks.
    """
    predictions = collect(
        probs, pixels, catalog, part, progress, class_names=class_names, task=task
    )
    metrics = measure(predictions)
    copies = _training_copies(run, predictions, catalog, pixels)
    if copies:
        progress.note(_copies_note(copies, metrics))
    evaluation = Evaluation(
        headline=part, parts={part: metrics}, source=source, training_copies=copies
    )
    folder = run.evaluation_dir(catalog.name)
    save_predictions(predictions, folder / f"predictions-{part}.csv")
    write_json(folder / "metrics.json", evaluation.to_json())
    run.publish()
    return evaluation


def _training_copies(
    run: Run, predictions: Predictions, catalog: Catalog, pixels: Pixels
) -> TrainingCopies | None:
    """Return the copies of training photos among predictions; None if there are none.

    A run without a catalog, such as the shipped model, does not list its training photos.
    """
    if not run.catalog_path.is_file():
        return None
    config = run.read_json(run.config_path) if run.config_path.is_file() else {}
    training = Catalog.load(run.catalog_path, Path(config.get("root", "")))
    paths = ["" if photo.problem else photo.path for photo in training.photos]
    keep_truncated = config.get("settings", {}).get("keep_truncated", False)
    stream = PixelStream(
        *(training.root, paths, ANALYSIS_SIZE, "stretch", keep_truncated), training.pixel_scale
    )
    copies = copies_of_training(catalog, pixels, training, stream)
    index_of = {photo.path: index for index, photo in enumerate(catalog.photos)}
    indices = np.array([index_of[path] for path in predictions.paths], np.int64)
    is_exact, is_near = copies.is_exact[indices], copies.is_near[indices]
    is_new = ~(is_exact | is_near)
    if is_new.all():
        return None
    return TrainingCopies(
        num_photos=int((~is_new).sum()),
        num_near=int(is_near.sum()),
        without=measure(predictions.only(is_new)) if is_new.any() else None,
    )


def _copies_note(copies: TrainingCopies, metrics: PartMetrics) -> str:
    of_all = f"of {metrics.n:,}"
    score = " exact match" if metrics.task == "multi-label" else ""
    note = counted(
        copies.num_photos,
        f"photo {of_all} is a copy of a photo",
        f"photos {of_all} are copies of photos",
    )
    note += " that this model was trained on"
    if copies.num_near:
        note += f" ({copies.num_near:,} of them re-saved, resized, mirrored or cropped)"
    without = copies.without
    if without is None or without.accuracy < metrics.accuracy:
        note += f", so {percent(metrics.accuracy)}{score} is too high"
    if without is None:
        return f"{note}. There are no other photos."
    return f"{note}. Without them: {percent(without.accuracy)}{score}."
