"""Measure a run's learning curve with linear heads on features of the shipped network."""

from __future__ import annotations

import time

import numpy as np

from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import group_keys
from pawsight.evaluation.learning_curve import HEAD_NOISE, forecast
from pawsight.evaluation.photo_needs import LearningCurve, Needs, save_curve
from pawsight.formatting import counted, duration
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import IntArray
from pawsight.runs import Run
from pawsight.training.curve_points import CurvePoints, measure_points
from pawsight.training.features import FeatureReader
from pawsight.training.linear_head import START
from pawsight.training.ood_features import can_extract, sample_photos
from pawsight.training.plan import HeadPlan, load_plan

MIN_PHOTOS = 30  # training photos of a class; with fewer, mistakes are too few to show a trend
_MAX_PHOTOS = 2000  # more would take minutes to fit, and hardly narrow the forecast


def measure_learning_curve(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Forecast the accuracy with more photos, and write it to `run.learning_curve_path`.

    A run whose model is a head on the shipped network is measured with at most 2,000 training
    photos; other runs with the 512 photos whose features the out-of-distribution detector has.
    Nothing is measured for multi-label runs, for images below 32 pixels, and for fewer than 30
    training photos of a class.

    Args:
        run: A run with its model.
        dataset: Its photos at the model's size.
        progress: Receives each fit, and a note on the time.

    Raises:
        DiskError: The cache or the run folder cannot be written.
    """
    description = ModelDescription.load(run)
    if not can_extract(description):
        return
    began = time.monotonic()
    catalog, plan = dataset.catalog, load_plan(run)
    train = catalog.part("train")
    counts = np.bincount(catalog.labels(train), minlength=len(catalog.class_names))
    if counts.min() < MIN_PHOTOS:
        return
    if isinstance(plan, HeadPlan) and plan.model == builtin.NAME:
        strength, chosen = plan.head.strength, sample_photos(train, _MAX_PHOTOS)
    else:
        strength, chosen = START, sample_photos(train)
    network = find_network(builtin.NAME)
    backbone = network.open_backbone(description.image_size, None, progress)
    reader = FeatureReader(backbone, description.resize)
    features = reader.read(catalog, dataset.pixels, chosen, progress)
    if not len(features.indices):
        return
    points = measure_points(
        features.rows,
        catalog.labels(features.indices),
        group_keys(catalog, dataset.duplicates, features.indices),
        len(catalog.class_names),
        strength,
        progress,
    )
    if points is None:
        return
    curve = forecast_curve(points, catalog.class_names, counts.tolist(), HEAD_NOISE)
    save_curve(curve, run.learning_curve_path)
    progress.note(
        f"The learning curve took {duration(time.monotonic() - began)} on "
        f"{counted(curve.num_measured, 'photo')}, in addition to the time budget."
    )


def forecast_curve(
    points: CurvePoints, class_names: tuple[str, ...], counts: list[int], noise: float
) -> LearningCurve:
    """Forecast the accuracy, and the recall of each class, with more photos.

    Args:
        points: The measured points.
        class_names: Names of the classes, length K.
        counts: Training photos of each class, length K.
        noise: See `forecast`.
    """
    total = sum(counts)
    num_tested = int(points.num_tested.sum())

    def needs(num_photos: int, wrong: IntArray, tested: int) -> Needs:
        targets = [total, 2 * total, 4 * total]
        forecasts = forecast(points.num_photos, wrong.tolist(), tested, targets, noise)
        return Needs.of(num_photos, forecasts)

    wrong = points.num_wrong.sum(axis=1)
    accuracies = (1 - wrong / num_tested).tolist()
    return LearningCurve(
        num_measured=num_tested,
        points=tuple(zip(points.num_photos, accuracies, strict=True)),
        all=needs(total, wrong, num_tested),
        classes={
            name: needs(counts[k], points.num_wrong[:, k], int(points.num_tested[k]))
            for k, name in enumerate(class_names)
            if points.num_tested[k]
        },
    )
