"""Export a finished model to other formats, and compare each with the model on photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pawsight.config import SourceConfig
from pawsight.data.catalog import Catalog
from pawsight.data.reading.resized import at_size
from pawsight.data.reading.unreadable import LostPhotosReported
from pawsight.errors import DataError, ModelError, PawsightError, RunError, SourceError, first_line
from pawsight.evaluation.predictions import collect
from pawsight.exporting.any_size import add_any_size
from pawsight.exporting.comparison import (
    Exported,
    accuracy,
    check_difference,
    compare,
    time_alternately,
)
from pawsight.exporting.format import Format
from pawsight.exporting.formats import FORMATS, chosen_formats
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.readme import DESCRIPTION_NAME, write_readme
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import ImageArray, Part, Pixels, Predictions
from pawsight.results_folders import check_outside
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.storage.atomic_folder import check_free, new_folder
from pawsight.workflow.finished_runs import other_photos
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.run_photos import photos_of

_ENOUGH_PHOTOS = 64  # with fewer, a note says that they prove little
_CALIBRATION_PHOTOS = 200
_TIMED_PHOTOS = 16


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """The model itself, and its predictions for the photos that exports are compared on."""

    classifier: Classifier
    catalog: Catalog
    pixels: Pixels
    part: Part
    predictions: Predictions


@live_in_notebooks
def export(
    run_path: Source | Run | None = None,
    format: str = "onnx",
    out: Source | None = None,
    photos: Source | None = None,
    progress: Progress = SILENT,
    allow_missing: bool = False,
) -> Exported:
    """Export a model to another format, and compare the export with the model on photos.

    Args:
        run_path: A finished run; None is the model of cats and dogs that ships with pawsight.
        format: A format of `pawsight export --format`: onnx, litert, keras ...
        out: The folder, new or empty. None is `exports/<format>` in the run folder; for the model
            that ships, in the current folder.
        photos: Labelled photos to compare on; None is the run's own validation part.
        progress: Receives the progress.
        allow_missing: Continue without photos that could not be copied from an address.

    Returns:
        The comparison: the largest difference, the agreement, size, time, accuracy.

    Raises:
        ConfigError: There is no such format.
        ExtraError: The format needs packages that are not installed.
        DataError: There are no photos to compare on.
        ModelError: The model cannot be converted, or the export gives other probabilities.
        RunError: There is no finished run at `run_path`.
        DiskError: The folder is not empty, or cannot be written.
    """
    (exported,) = export_all(run_path, [format], out, photos, progress, allow_missing)
    return exported


def export_all(
    run_path: Source | Run | None,
    names: Sequence[str],
    out: Source | None = None,
    photos: Source | None = None,
    progress: Progress = SILENT,
    allow_missing: bool = False,
) -> Iterator[Exported]:
    """Export a model to several formats; the model itself runs on the photos only once.

    Args:
        run_path: As `export` takes it.
        names: The formats.
        out: As `export` takes it; several formats get a folder each in it.
        photos: As `export` takes it.
        progress: Receives the progress.
        allow_missing: As `export` takes it.

    Yields:
        The comparison of each format, as soon as it is written.

    Raises:
        PawsightError: As `export`.
    """
    formats = chosen_formats(names)
    for chosen in formats:
        chosen.check_installed()
    run = run_path if isinstance(run_path, Run) else Run.open(run_path or builtin.folder())
    _check_has_keras(run, formats)
    _check_takes_labels(run, formats)
    folders = [_export_dir(run, chosen, out, len(formats)) for chosen in formats]
    for folder in folders:
        if photos is not None:
            check_outside(folder, photos)
        check_free(folder)
    classifier = Classifier.load(run)
    catalog, pixels, part = _photos(run, classifier, photos, progress, allow_missing)
    progress = LostPhotosReported(progress, catalog, pixels)
    if any(chosen.is_int8 for chosen in formats):
        catalog = reserve_calibration_photos(catalog, part)
    model = ModelFolder.open(run, _calibration(catalog, pixels, formats))
    collected = collect(
        *(classifier.probs, pixels, catalog, part, progress),
        class_names=classifier.class_names,
        task=classifier.task,
        stage=f"Running the model on the photos to compare on ({part} part)",
    )
    if len(collected.paths) < _ENOUGH_PHOTOS:
        progress.note(
            f"There are {len(collected.paths)} photos to compare on; {_ENOUGH_PHOTOS} and more "
            f"would prove more. --photos FOLDER takes others."
        )
    reference = _Reference(classifier, catalog, pixels, part, collected)
    for chosen, folder in zip(formats, folders, strict=True):
        exported = _export(model, chosen, folder, reference, progress)
        run.publish()
        yield exported


def _export(
    model: ModelFolder, format: Format, target: Path, reference: _Reference, progress: Progress
) -> Exported:
    """Write, compare and describe a format; if one of these fails, no files remain."""
    model = model.with_input_range(format.input_range)
    with new_folder(target) as folder:
        try:
            path = format.write(model, folder, progress)
            run = format.open_runner(path)
            collected = collect(
                *(run, reference.pixels, reference.catalog, reference.part, progress),
                class_names=model.description.class_names,
                task=reference.predictions.task,
                stage=f"Comparing {format.name} with the model",
            )
        except (PawsightError, OSError, MemoryError):
            raise
        except Exception as error:  # each converter and engine has its own errors
            raise ModelError(
                f"This model cannot be exported to {format.name}: {first_line(error)}\n"
                f"Use another --format."
            ) from error
        difference, agreement = compare(collected, reference.predictions)
        if not format.is_int8:
            check_difference(difference, len(collected.paths), format.name)
        any_size = None
        if format.has_any_size:
            any_size = _add_any_size(model, folder, reference, progress)
        timed = reference.pixels.read(reference.catalog.part(reference.part)[:_TIMED_PHOTOS])
        seconds, model_seconds = time_alternately(run, reference.classifier.probs, timed)
        exported = Exported(
            path=target,
            format=format.name,
            num_photos=len(collected.paths),
            largest_difference=difference,
            agreement=agreement,
            size=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            seconds_per_photo=seconds,
            model_seconds_per_photo=model_seconds,
            accuracy=accuracy(collected),
            model_accuracy=accuracy(reference.predictions),
        )
        compared = dataclasses.asdict(exported)
        del compared["path"]
        # A format may have a model.json of its own.
        name = "pawsight.json" if (folder / DESCRIPTION_NAME).exists() else DESCRIPTION_NAME
        described = model.with_ood_score() if format.has_ood_score else model
        facts = described.description
        origin = {"architecture": facts.architecture, "options": facts.options}  # to start from
        write_json(folder / name, facts.usage() | origin | {"compared": compared})
        write_readme(described, format, exported, folder, any_size, name)
    return exported


def _add_any_size(
    model: ModelFolder, folder: Path, reference: _Reference, progress: Progress
) -> float | None:
    progress.start("Writing ONNX for photos of any size")
    paths = [reference.catalog.root / path for path in reference.predictions.paths]
    difference = add_any_size(model, folder, reference.classifier, paths)
    if difference is None:
        progress.note(
            "photo.onnx, for photos of any size, was not written: with the resizing in the file, "
            "this model gives other probabilities. Resize photos as README.md shows."
        )
    return difference


def _check_has_keras(run: Run, formats: Sequence[Format]) -> None:
    refused = [format.name for format in formats if format.is_keras]
    if refused and _is_shipped(run):
        others = ", ".join(name for name, format in FORMATS.items() if not format.is_keras)
        raise ModelError(
            f"The model that ships has no Keras weights, which {refused[0]} needs.\n"
            f"Export it with --format {others}; or train on its features (--model builtin) and "
            f"export that run."
        )


def _check_takes_labels(run: Run, formats: Sequence[Format]) -> None:
    refused = [format.name for format in formats if not format.takes_labels]
    if refused and ModelDescription.load(run).labelling.is_multi_label:
        others = ", ".join(name for name, format in FORMATS.items() if format.takes_labels)
        raise ModelError(
            f"This model gives photos several labels, and {refused[0]} shows one.\n"
            f"Export it with --format {others}."
        )


def _is_shipped(run: Run) -> bool:
    return run.path.resolve() == builtin.folder().resolve()


def _export_dir(run: Run, format: Format, out: Source | None, num_formats: int) -> Path:
    if out is not None:
        return Path(out) if num_formats == 1 else Path(out) / format.name
    if _is_shipped(run):  # nothing is written into the package
        return Path("exports") / format.name
    return run.export_dir(format.name)


def _photos(
    run: Run,
    classifier: Classifier,
    photos: Source | None,
    progress: Progress,
    allow_missing: bool,
) -> tuple[Catalog, Pixels, Part]:
    """Return the photos to compare on, at the size of the model, and their part."""
    if photos is not None:
        config = SourceConfig(allow_missing=allow_missing)
        return other_photos(photos, classifier, progress, config)
    needed = (
        "An export is kept only if it was compared with its model on photos.\n"
        "Give labelled photos, in a folder per class: --photos FOLDER."
    )
    if not run.config_path.is_file():
        model = "The model that ships" if _is_shipped(run) else f"The model in {run.place}"
        raise DataError(f"{model} comes without the photos of its training.\n{needed}")
    try:
        catalog, pixels = photos_of(run, progress, allow_missing=allow_missing)
    except (DataError, SourceError, RunError) as error:
        raise DataError(f"{error}\n{needed}") from error
    return catalog, at_size(pixels, classifier.image_size), "validation"


def reserve_calibration_photos(catalog: Catalog, part: Part) -> Catalog:
    """Move up to half of a part to an empty training part, for the calibration of int8 formats."""
    if len(catalog.part("train")):
        return catalog
    indices = catalog.part(part)
    count = min(_CALIBRATION_PHOTOS, len(indices) // 2)
    chosen = np.random.default_rng(0).permutation(indices)[:count].tolist()
    return catalog.with_parts(dict.fromkeys(chosen, "train"))


def _calibration(catalog: Catalog, pixels: Pixels, formats: Sequence[Format]) -> ImageArray | None:
    if not any(format.is_int8 for format in formats):
        return None
    indices = np.random.default_rng(0).permutation(catalog.part("train"))[:_CALIBRATION_PHOTOS]
    if not len(indices):
        raise DataError(
            "There are too few photos to calibrate an int8 format.\n"
            "Give more with --photos FOLDER, or choose another --format."
        )
    return pixels.read(np.sort(indices))
