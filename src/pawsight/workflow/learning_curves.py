"""Measure the learning curve of a run's own network, from runs on nested parts of its photos.

Each part is trained as a run in a subfolder, with the same plan, number of epochs, validation and
test photos, so that a killed measurement resumes at its last checkpoint. The run itself is the
last point of the curve.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pawsight.checksums import update_checksums
from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import find_duplicates
from pawsight.errors import ConfigError, RunError, StoppedError
from pawsight.evaluation.learning_curve import NETWORK_NOISE
from pawsight.evaluation.photo_needs import LearningCurve, save_curve
from pawsight.evaluation.predictions import load_predictions
from pawsight.formatting import duration, num_epochs, resume_command, shell_quoted
from pawsight.history import load_history
from pawsight.models.custom_network import PREFIX, Build
from pawsight.models.registry import find_network
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Part
from pawsight.runs import Run
from pawsight.storage.atomic import check_writable
from pawsight.training.average_choice import AverageChoice
from pawsight.training.curve_points import CurvePoints
from pawsight.training.custom_components import CustomComponents
from pawsight.training.learning_curve import forecast_curve
from pawsight.training.plan import Plan, load_plan
from pawsight.workflow.curve_parts import MIN_PARTS, CurvePart, parts_of, train_part
from pawsight.workflow.finished_runs import COPY_RUN, write_report
from pawsight.workflow.given_settings import with_build
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.run_photos import photos_of
from pawsight.workflow.uploaded_runs import uploaded

if TYPE_CHECKING:
    import keras

_MIN_TESTED = 100  # photos; with fewer, the test part is used if validation has no more
_OVERHEAD_SECONDS = 15.0  # of each training: building, export, evaluation


@live_in_notebooks
def learning_curve(
    run_path: Source | Run,
    minutes: float | None = None,
    progress: Progress = SILENT,
    build: Build | str | None = None,
    optimizer: keras.Optimizer | None = None,
) -> LearningCurve:
    """Measure whether more photos would help the network of a run, and write its report again.

    The network is trained with the plan of the run on an eighth, a quarter and half of its
    training photos, for as many epochs, in `learning_curve` in the run folder. If it is called
    again, trained parts are kept and a stopped part is resumed.

    Args:
        run_path: A finished run whose network was trained in steps.
        minutes: The time limit, without reading photos; the largest part is left out if its
            training would exceed it. None: no limit.
        progress: Receives every stage.
        build: As `train` took it, for a run that began with it.
        optimizer: As `train` took it, for a run that began with it.

    Returns:
        The curve, as in `evaluation/learning_curve.json`.

    Raises:
        ConfigError: `minutes` are not above 0, or too short for two parts.
        RunError: The run is not complete, its network cannot be trained on parts of its photos,
            or another process trains it.
        DataError: A class has too few training photos, or photos are gone.
        StoppedError: The user stopped it; the same call continues it.
        PawsightError: As `resume`.
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"minutes must be above 0, got {minutes:g}.")
    run = Run.open(run_path)
    check_writable(run.path, COPY_RUN)
    with _resumable(run), run.locked(), uploaded(run, progress) as progress:
        plan, config = _plan_of(run), with_build(run.load_config().settings, build)
        find_network(config.model).check_available()
        own = CustomComponents(optimizer)
        own.check(config.model)
        if plan.optimizer == "own" and optimizer is None:
            raise RunError(
                f"{run.place} was trained with an optimizer of your own.\nGive it again: "
                f"pawsight.learning_curve(..., optimizer=...)."
            )
        catalog, pixels = photos_of(run, progress)
        dataset = Dataset(catalog, pixels, find_duplicates(catalog, pixels, progress))
        parts = parts_of(run, dataset)
        trained = _train_parts(run, parts, plan, config, minutes, dataset, own, progress)
        curve = _measured(run, trained, catalog, plan)
        with update_checksums(run, lambda run: [run.learning_curve_path]):
            save_curve(curve, run.learning_curve_path)
        progress.start("Writing the report")
        write_report(run)
    return curve


@contextlib.contextmanager
def _resumable(run: Run) -> Iterator[None]:
    """Raise a StoppedError that names the command to continue with, if the block is stopped."""
    try:
        yield
    except (KeyboardInterrupt, StoppedError) as error:
        raise StoppedError(
            f"Stopped; what was done so far is kept.\nContinue with the same command: "
            f"pawsight learning-curve {shell_quoted(run.place)}"
        ) from error


def _plan_of(run: Run) -> Plan:
    """Return the plan of a run that can be trained again on parts of its photos."""
    if not run.is_complete:
        raise RunError(
            f"The run {run.place} is not complete.\nFinish it with: {resume_command(run.place)}"
        )
    plan, config = load_plan(run), run.load_config().settings
    reason = ""
    if plan.task == "multi-label":
        reason = "its photos have several labels, and a learning curve is for one label a photo"
    elif not isinstance(plan, Plan):
        reason = (
            "its model is a fitted head. The curve of a head is measured at the end of training: "
            + (
                f"it is in {run.report_path}"
                if run.learning_curve_path.is_file()
                else "this run had too few photos of a class, or images below 32 pixels"
            )
        )
    elif config.start_from is not None:
        reason = "it started from a model that may have been trained on any of its photos"
    elif (choice := AverageChoice.load(run)) is not None and choice.is_kept:
        reason = "its model is the average of two networks; train one with --model to measure it"
    elif plan.progress_at(plan.num_steps) < 0.99:
        reason = "its target accuracy or a callback stopped its training before the last epoch"
    if reason or not isinstance(plan, Plan):
        raise RunError(f"{run.place} cannot be trained on parts of its photos: {reason}.")
    return plan


def _train_parts(
    run: Run,
    parts: Sequence[CurvePart],
    plan: Plan,
    config: TrainConfig,
    minutes: float | None,
    dataset: Dataset,
    own: CustomComponents,
    progress: Progress,
) -> list[CurvePart]:
    """Train on as many parts as the minutes allow, and return these parts."""
    seconds = _expected_seconds(run, plan, parts)
    left = float("inf") if minutes is None else 60 * minutes
    if left < (least := sum(seconds[:MIN_PARTS])):
        raise ConfigError(
            f"{minutes:g} min is too short: two parts of the photos take about "
            f"{duration(least)}, all {len(parts)} about {duration(sum(seconds))}.\n"
            f"Give more --minutes, or leave the option out."
        )
    if any(seconds):
        progress.note(
            f"Training {plan.model} on {len(parts)} parts of the {plan.num_train:,} training "
            f"photos, {num_epochs(plan.epochs_at(plan.num_steps))} each: about "
            f"{duration(sum(seconds))}."
        )
    slowness = 1.0
    for number, (part, expected) in enumerate(zip(parts, seconds, strict=True)):
        if number >= MIN_PARTS and expected * slowness > left:
            progress.note(
                f"The rest of {minutes:g} min is too short for {part.title}, which take about "
                f"{duration(expected * slowness)}."
            )
            return list(parts[:number])
        if not part.run.is_complete:
            progress.note(f"Part {number + 1} of {len(parts)}: {part.title}.")
            began = time.monotonic()
            train_part(part, run, plan, config, dataset, own, progress)
            left -= (spent := time.monotonic() - began)
            slowness = spent / expected
    return list(parts)


def _expected_seconds(run: Run, plan: Plan, parts: Sequence[CurvePart]) -> list[float]:
    """Estimate the seconds to train each part; 0 for parts that are already trained."""
    history = load_history(run.history_path)
    steps_seconds = sum(
        (row.step - before) * plan.batch_size / row.images_per_second
        for before, row in zip([0, *(row.step for row in history)], history, strict=False)
        if row.images_per_second
    )
    # Each part is validated as often as the run was, on as many photos.
    others = max(0, history[-1].seconds - steps_seconds) + _OVERHEAD_SECONDS
    return [0 if part.run.is_complete else part.share * steps_seconds + others for part in parts]


def _measured(run: Run, parts: Sequence[CurvePart], catalog: Catalog, plan: Plan) -> LearningCurve:
    """Compute the curve from the mistakes of the parts and of the run on the same photos."""
    num_test, num_validation = len(catalog.part("test")), len(catalog.part("validation"))
    tested: Part = "test" if num_test >= min(_MIN_TESTED, num_validation) else "validation"
    runs = [*(part.run for part in parts), run]
    loaded = [load_predictions(run.predictions_path(tested)) for run in runs]
    common = set.intersection(*(set(predictions.paths) for predictions in loaded))
    names = catalog.class_names
    wrong = []
    for predictions in loaded:
        # Photos that could not be read for one of the runs are left out for all.
        predictions = predictions.only(np.array([path in common for path in predictions.paths]))
        labels, task = predictions.labels, predictions.task
        is_wrong = ~task.is_right(task.decide(predictions.probs), labels)
        wrong.append(np.bincount(labels[is_wrong], minlength=len(names)))
    counts = np.bincount(catalog.labels(catalog.part("train")), minlength=len(names)).tolist()
    numbers = (*(sum(part.counts) for part in parts), sum(counts))
    num_tested = np.bincount(labels, minlength=len(names))
    points = CurvePoints(numbers, np.stack(wrong), num_tested)
    curve = forecast_curve(points, names, counts, NETWORK_NOISE)
    network = plan.model.removeprefix(PREFIX)
    return curve.model_copy(
        update={"network": network, "epochs": plan.epochs_at(plan.num_steps), "part": tested}
    )
