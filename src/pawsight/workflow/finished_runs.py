"""Evaluate a finished run, and write its report."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

from pawsight.addresses import public_address
from pawsight.checksums import evaluation_files, report_files, update_checksums
from pawsight.config import SourceConfig
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import find_duplicates
from pawsight.data.listing.corrections import corrected, corrections_path
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.resized import at_size
from pawsight.data.reading.unreadable import LostPhotosReported
from pawsight.errors import ConfigError
from pawsight.formatting import duration
from pawsight.inference.classifier import Classifier
from pawsight.inference.ood_score import detector_of
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Pixels
from pawsight.runs import Run
from pawsight.storage.atomic import check_writable, write_json
from pawsight.workflow.photo_sets import Source, list_photos
from pawsight.workflow.run_photos import keep_classes, photos_of

COPY_RUN = "Copy the run to a folder that you can write to."
_CORRECTED = "corrected labels"


@live_in_notebooks
def evaluate(
    run_path: Source,
    source: Source | None = None,
    progress: Progress = SILENT,
    source_config: SourceConfig | None = None,
    robustness: bool = False,
) -> dict[str, Any]:
    """Evaluate a finished run on its own photos, or on others.

    Args:
        run_path: The run folder.
        source: Labelled photos of the model's classes; their test part if they have one, else
            their validation part, else all. None: the run's own validation and test parts; a
            detector of photos unlike the training set that was fitted by an earlier version is
            fitted again.
        progress: Receives every stage.
        source_config: What the folders or the table of the source mean, and which photos are used.
            Its `labels` apply to the run's own photos, too: None is corrections.csv in the run
            folder. With corrections, the run's own metrics are not changed, and the new metrics
            are written to `evaluation/corrected labels`.
        robustness: Also measure at most 200 of the run's own photos with each corruption (blur,
            noise, ...) at five severities. The result is written to `evaluation/robustness.json`
            and to the report.

    Returns:
        The metrics, as in metrics.json: {"headline": part, "parts": {part: {...}}}. For a source,
        `training_copies` has the number of photos that the model was trained on and the metrics
        of the other photos.

    Raises:
        ConfigError: `robustness` is given with a source or with corrections, or a setting cannot
            be used.
        RunError: The run is not complete.
        DataError: The run's photos are gone or changed, or the source has a class that the model
            lacks.
    """
    run = Run.open(run_path)
    check_writable(run.path, COPY_RUN)
    classifier = Classifier.load(run)
    from pawsight.evaluation.run_evaluation import evaluate_others

    corrections = None if source else corrections_path(run.path, source_config or SourceConfig())
    if robustness and (source is not None or corrections):
        raise ConfigError(
            "Robustness is measured on the run's own photos with their own labels.\n"
            "Leave the other photos or the corrections out."
        )
    if source is None:
        catalog, pixels = photos_of(run, progress)
        if corrections:
            return _evaluate_corrected(run, classifier, catalog, pixels, corrections, progress)
        return _evaluate_own(run, classifier, catalog, pixels, robustness, progress)
    catalog, pixels, part = other_photos(source, classifier, progress, source_config)
    progress = LostPhotosReported(progress, catalog, pixels)
    return evaluate_others(
        *(run, public_address(str(source)), classifier.probs, classifier.class_names),
        *(catalog, pixels, part, progress),
        task=classifier.task,
    ).to_json()


def _evaluate_own(
    run: Run,
    classifier: Classifier,
    catalog: Catalog,
    pixels: Pixels,
    robustness: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Evaluate a run on its own validation and test parts."""
    from pawsight.evaluation.run_evaluation import evaluate_run

    duplicates = find_duplicates(catalog, pixels, progress)
    dataset = Dataset(catalog, pixels, duplicates).at_size(classifier.image_size)
    progress = LostPhotosReported(progress, catalog, pixels)
    evaluation = evaluate_run(run, classifier.logits, dataset, progress)
    _update_detector(run, dataset, progress)
    if robustness:
        _measure_robustness(run, Classifier.load(run), dataset, evaluation.headline, progress)
    return evaluation.to_json()


def _update_detector(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Fit the detector of a run again if its features are of an earlier built-in network."""
    if not run.out_of_distribution_path.is_file() or detector_of(run) is not None:
        return
    from pawsight.training.ood_features import detector_files, fit_out_of_distribution

    with update_checksums(run, detector_files):
        fit_out_of_distribution(run, dataset, progress)
    progress.note(
        f"{run.out_of_distribution_path} was written again, for the built-in network of this "
        f"version."
    )


def _measure_robustness(
    run: Run, classifier: Classifier, dataset: Dataset, part: Part, progress: Progress
) -> None:
    """Measure corrupted photos of a part, and write the report again."""
    from pawsight.evaluation.robustness import measure_robustness

    began = time.monotonic()
    catalog, pixels = dataset.catalog, dataset.pixels
    result = measure_robustness(classifier.probs, pixels, catalog, part, classifier.task, progress)
    with update_checksums(run, evaluation_files):
        write_json(run.robustness_path, result.model_dump())
    progress.note(f"{result.sentence()} It took {duration(time.monotonic() - began)}.")
    write_report(run)


def _evaluate_corrected(
    run: Run,
    classifier: Classifier,
    catalog: Catalog,
    pixels: Pixels,
    corrections: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Evaluate a run on its own test part, or validation part, with corrected labels."""
    from pawsight.evaluation.run_evaluation import evaluate_others

    photos = corrected(catalog.photos, catalog.root, corrections, progress, is_required=True)
    catalog = dataclasses.replace(catalog, name=_CORRECTED, photos=tuple(photos))
    pixels = at_size(pixels, classifier.image_size)
    part: Part = "test" if len(catalog.part("test")) else "validation"
    progress = LostPhotosReported(progress, catalog, pixels)
    return evaluate_others(
        *(run, _CORRECTED, classifier.probs, classifier.class_names),
        *(catalog, pixels, part, progress),
    ).to_json()


def other_photos(
    source: Source,
    classifier: Classifier,
    progress: Progress,
    source_config: SourceConfig | None = None,
) -> tuple[Catalog, Pixels, Part]:
    """Read labelled photos at a model's size, and choose the part to evaluate the model on.

    It is the test part if there is one, else the validation part, else all photos.

    Raises:
        DataError: A photo of the part has no label, or one that the model was not trained on.
    """
    from pawsight.evaluation.predictions import labels_among

    listing = list_photos(source, progress, config=_for_model(source_config, classifier))
    listing, part = _with_part(listing)
    labels_among(classifier.class_names, listing, listing.part(part))  # before the photos are read
    catalog, pixels = ingest(
        *(listing, classifier.image_size, classifier.resize, progress),
        scale=classifier.pixel_scale,
    )
    catalog, part = _with_part(catalog)
    return catalog, pixels, part


def _with_part(catalog: Catalog) -> tuple[Catalog, Part]:
    if not catalog.has_parts:
        catalog = catalog.with_parts(dict.fromkeys(range(len(catalog.photos)), "test"))
    return catalog, "test" if len(catalog.part("test")) else "validation"


def _for_model(config: SourceConfig | None, classifier: Classifier) -> SourceConfig:
    """Return the settings with the task of the model, for photos of its classes."""
    config = config or SourceConfig()
    if config.multi_label and not classifier.task.is_multi_label:
        raise ConfigError(
            "This model gives each photo one class, so it cannot be evaluated on several labels.\n"
            "Leave --multi-label out, or train a model with it."
        )
    config = config.model_copy(update={"multi_label": classifier.task.is_multi_label})
    return keep_classes(config, classifier.class_names)


def write_report(run_path: Source | Run) -> Path:
    """Write the report of a run again, and return its path."""
    from pawsight.report.page import write_report as write_page

    run = Run.open(run_path)
    with update_checksums(run, report_files):
        return write_page(run)


def log_report(run_path: Source | Run, to: str) -> str:
    """Log the numbers of a run's report to TensorBoard or MLflow.

    Args:
        run_path: A run with a report, as after training.
        to: "tensorboard:DIR" creates a folder in DIR that is named after the run; "mlflow:URI"
            creates an MLflow run in an experiment named after the photos; "mlflow" uses the
            server of MLFLOW_TRACKING_URI.

    Returns:
        The folder, or the address of the MLflow run, without a password.

    Raises:
        ConfigError: `to` has another form.
        ExtraError: The extra `tensorboard` or `mlflow` is not installed.
        RunError: The run has no report yet.
        DiskError: The folder cannot be written.
        PawsightError: MLflow, or its server, failed.
    """
    from pawsight.report import tracking

    run = Run.open(run_path)
    return tracking.log_report(run, to)
