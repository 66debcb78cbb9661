"""Fit a run's detector of photos unlike its training set, on features of the built-in network.

The built-in network is used whatever network was trained: one trained on a few
classes alone keeps what distinguishes these, and little of what other things
look like.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from pawsight.data.dataset import Dataset
from pawsight.data.decoding.decode import load_pixels
from pawsight.data.decoding.photo_file import read_photo
from pawsight.data.duplicates.near_duplicates import group_keys
from pawsight.errors import PhotoError
from pawsight.evaluation.none_measurement import NoneMeasurement
from pawsight.evaluation.ood_fit import MIN_FOREIGN, fit_detector
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.unknown_classes import measure_unknown_classes
from pawsight.inference.drift import DriftReference
from pawsight.inference.enlarged_images import enlarge, enlarged_size, features_key
from pawsight.inference.ood_score import gives_features
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray, IntArray, Part
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.training.features import FeatureReader

_MIN_SIDE = 32  # pixels; the built-in network takes no smaller images
_MAX_PHOTOS = 512  # whose features may have to be computed for this alone
_MAX_HELD_OUT = 256  # for the test for drift: twice as many hardly find more


class _EnlargingReader(FeatureReader):
    def compute(self, images: ImageArray | FloatArray) -> FloatArray:
        return super().compute(enlarge(images.astype(np.float32)))


def fit_out_of_distribution(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Fit the detector to the training photos of a run and save it beside the model.

    Beside it go the scores of held-out photos, which later photos are compared with.

    Models of images below 32 pixels a side, those of several labels a photo, for
    which "none of them" is an answer like others, and runs with fewer than two
    training photos that can be read, get none. Photos of none of the classes choose
    the threshold, where there are enough, and measure it; the result is written to
    `run.none_path`. With three classes or more each is left out in turn, and what becomes of its
    photos is written to `run.unknown_classes_path`.

    Args:
        run: A run with its model and its evaluation.
        dataset: Its photos at the model's size.
        progress: Receives the number of photos.

    Raises:
        DiskError: The cache or the run folder cannot be written.
    """
    description = ModelDescription.load(run)
    if not can_extract(description):
        return
    reader = _reader(run, description, progress)
    catalog = dataset.catalog
    chosen = sample_photos(catalog.part("train"))
    found = reader.read(catalog, dataset.pixels, chosen, progress)
    if len(found.indices) < 2:
        return
    foreign = _none_features(reader, dataset, description, progress)
    # One half chooses the threshold, the other one measures it.
    chooses = foreign[::2] if len(foreign) >= 2 * MIN_FOREIGN else foreign[:0]
    measures = foreign[1::2] if len(chooses) else foreign
    fitted = fit_detector(found.rows, catalog.labels(found.indices), foreign=chooses)
    detector = dataclasses.replace(fitted, network=features_key(description.image_size))
    detector.save(run.out_of_distribution_path)
    _measure_unknown_classes(run, dataset, found.rows, found.indices)
    _save_drift_reference(run, reader, dataset, detector, progress)
    if len(measures):
        num_refused = int((detector.distances(measures) > detector.threshold).sum())
        measured = NoneMeasurement(
            num_photos=len(measures), num_refused=num_refused, num_chosen_on=len(chooses)
        )
        write_json(run.none_path, measured.model_dump(mode="json"))
        progress.note(measured.sentence())


def _reader(run: Run, description: ModelDescription, progress: Progress) -> FeatureReader:
    """Return what extracts features as `OutOfDistributionScorer` and heads do."""
    network = find_network(builtin.NAME)
    backbone = network.open_backbone(description.image_size, None, progress)
    height, width = enlarged_size(description.image_size)
    if (height, width) == description.image_size or gives_features(run):
        return FeatureReader(backbone, description.resize)
    backbone = dataclasses.replace(backbone, key=f"{backbone.key}-as-{height}x{width}")
    return _EnlargingReader(backbone, description.resize)


def detector_files(run: Run) -> list[Path]:
    """Return the files that `fit_out_of_distribution` writes."""
    own = (run.out_of_distribution_path, run.drift_reference_path)
    measured = (run.none_path, run.unknown_classes_path)
    return [path for path in (*own, *measured) if path.is_file()]


def _measure_unknown_classes(
    run: Run, dataset: Dataset, rows: FloatArray, indices: IntArray
) -> None:
    catalog = dataset.catalog
    measured = measure_unknown_classes(
        rows,
        catalog.labels(indices),
        group_keys(catalog, dataset.duplicates, indices),
        catalog.class_names,
    )
    if measured is not None:
        write_json(run.unknown_classes_path, measured.model_dump(mode="json"))


def can_extract(description: ModelDescription) -> bool:
    """Return whether features of a model's photos are extracted: of one label and large enough."""
    is_large = min(description.image_size) >= _MIN_SIDE
    return is_large and not description.labelling.is_multi_label


def _save_drift_reference(
    run: Run,
    reader: FeatureReader,
    dataset: Dataset,
    detector: OutOfDistributionDetector,
    progress: Progress,
) -> None:
    """Save the predictions and scores of held-out photos, those of the validation part first."""
    places: dict[str, tuple[int, float]] = {}
    parts: tuple[Part, ...] = ("validation", "test")
    for part in parts:
        if len(places) < _MAX_HELD_OUT and run.predictions_path(part).is_file():
            found = load_predictions(run.predictions_path(part))
            rows = zip(found.paths, found.probs, strict=True)
            places |= {path: (int(row.argmax()), float(row.max())) for path, row in rows}
    catalog = dataset.catalog
    held_out = [
        i
        for part in parts
        for i in sample_photos(catalog.part(part), _MAX_HELD_OUT).tolist()
        if catalog.photos[i].path in places
    ]
    features = reader.read(
        catalog, dataset.pixels, np.array(held_out[:_MAX_HELD_OUT], np.int64), progress
    )
    if not len(features.indices):
        return
    predicted = [places[catalog.photos[i].path] for i in features.indices.tolist()]
    DriftReference(
        classes=np.array([index for index, _ in predicted], np.float64),
        probabilities=np.array([probability for _, probability in predicted], np.float64),
        ood_scores=detector.distances(features.rows) / detector.threshold,
    ).save(run.drift_reference_path)


def _none_features(
    reader: FeatureReader, dataset: Dataset, description: ModelDescription, progress: Progress
) -> FloatArray:
    """Compute features [M, F] of at most 512 photos of none of the classes; unreadable ones not."""
    catalog = dataset.catalog
    paths = [
        catalog.none_paths[i] for i in sample_photos(np.arange(len(catalog.none_paths))).tolist()
    ]
    if not paths:
        return np.empty((0, 0), np.float32)
    progress.start("Photos of none of the classes", len(paths), "photos")
    rows = []
    for path in paths:
        with contextlib.suppress(PhotoError):
            image = load_pixels(
                read_photo(catalog.root / path),
                description.image_size,
                description.resize,
                scale=catalog.pixel_scale,
            )
            rows.append(reader.compute(image[None])[0])
        progress.advance(1)
    return np.stack(rows) if rows else np.empty((0, 0), np.float32)


def sample_photos(indices: IntArray, most: int = _MAX_PHOTOS) -> IntArray:
    """Return at most so many of the indices, ascending; always the same ones."""
    if len(indices) <= most:
        return indices
    return np.sort(np.random.default_rng(0).choice(indices, most, replace=False))
