"""Measure a run's learning curve, on features of the built-in network that are cached already."""

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

MIN_PHOTOS = 30  # training photos of a class: fewer make too few mistakes to see a course
_MAX_PHOTOS = 2000  # more hardly narrow the forecast, and take minutes to fit


def measure_learning_curve(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Measure what more photos would bring, and write it to `run.learning_curve_path`.

    A head on the built-in network is measured on its own features, at most 2,000 training
    photos; other runs on the features that their detector of unfamiliar photos has, of 512.
    Nothing is measured for several labels a photo, for images below 32 pixels, and for fewer
    than 30 training photos of a class.

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
    is_own = isinstance(plan, HeadPlan) and plan.model == builtin.NAME
    strength = plan.head.strength if isinstance(plan, HeadPlan) and is_own else START
    chosen = sample_photos(train, _MAX_PHOTOS) if is_own else sample_photos(train)
    network = find_network(builtin.NAME)
    backbone = network.open_backbone(description.image_size, None, progress)
    found = FeatureReader(backbone, description.resize).read(
        catalog, dataset.pixels, chosen, progress
    )
    if not len(found.indices):
        return
    points = measure_points(
        found.rows,
        catalog.labels(found.indices),
        group_keys(catalog, dataset.duplicates, found.indices),
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
        f"{counted(curve.num_measured, 'photo')}, beside the time budget."
    )


def forecast_curve(
    points: CurvePoints, class_names: tuple[str, ...], counts: list[int], noise: float
) -> LearningCurve:
    """Forecast the accuracy, and the recall of each class, with more photos.

    Args:
        points: What was measured.
        class_names: K classes.
        counts: Training photos of each.
        noise: As `forecast` takes it.
    """
    total = sum(counts)
    num_tested = int(points.num_tested.sum())

    def needs(num_photos: int, wrong: IntArray, tested: int) -> Needs:
        wanted = [total, 2 * total, 4 * total]
        forecasts = forecast(points.num_photos, wrong.tolist(), tested, wanted, noise)
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
