"""Classify the photos of a part, keeping path, label and probabilities of a photo together.

Every number and every figure of an evaluation comes from this record, so none of them
can refer to another photo. It is saved as CSV for spreadsheets, and loaded
from there for the report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pawsight.data.reading.stream import is_lost
from pawsight.errors import DataError, RunError, ShapeError, first_line
from pawsight.formatting import (
    exclude_options,
    inert_cell,
    inert_path,
    listed,
    original_cell,
    original_path,
    printable,
    shell_quoted,
)
from pawsight.progress import Progress
from pawsight.records import (
    FloatArray,
    ImageArray,
    IntArray,
    Part,
    Pixels,
    Predictions,
    class_columns,
    classes_of,
)
from pawsight.storage.atomic import write_text
from pawsight.task import SINGLE_LABEL, Task

if TYPE_CHECKING:
    from pawsight.data.catalog import Catalog

Classify = Callable[[ImageArray], FloatArray]
_FIXED_COLUMNS = ["path", "truth", "label", "probability"]


def collect(
    classify: Classify,
    pixels: Pixels,
    catalog: Catalog,
    part: Part,
    progress: Progress,
    batch_size: int = 64,
    class_names: Sequence[str] | None = None,
    task: Task | None = None,
    stage: str = "",
) -> Predictions:
    """Classify every photo of a part once.

    Args:
        classify: Maps uint8 images [N, H, W, 3] to probabilities or logits [N, K].
        pixels: The pixels of the photos.
        catalog: The photos.
        part: The part to classify.
        progress: Receives progress; photos that can no longer be read are left out.
        batch_size: Photos per call of `classify`, at least 1.
        class_names: The classes of the model, if they differ from
            `catalog.class_names`: labels are matched by name.
        task: How probabilities become an answer; None is `catalog.task`, with even thresholds.
        stage: The name of the stage in the progress; "" names the part.

    Returns:
        The predictions for the photos that can be read, in the order of the catalog.

    Raises:
        DataError: The part is empty, none of its photos can be read any more,
            or it has a class that the model was not trained on.
        ShapeError: `classify` did not return a column for each class.
    """
    indices = catalog.part(part)
    if not len(indices):
        broken = [photo for photo in catalog.broken if photo.part in (part, "")]
        lines = [f"The {part} part of {catalog.name} has no readable photo to evaluate on."]
        if broken:
            path, problem = printable(broken[0].path), broken[0].problem
            lines.append(f"The first of {len(broken):,}: {path}: {problem}")
        raise DataError("\n".join(lines))
    names = tuple(catalog.class_names if class_names is None else class_names)
    labels = labels_among(names, catalog, indices)
    stage = stage or f"Evaluating on the {part} part"
    progress.start(stage, total=len(indices), unit="photos")
    probs, is_there = _classify_all(classify, pixels, indices, len(names), progress, batch_size)
    if not len(probs):
        raise DataError(
            f"No photo of the {part} part can be read any more.\n"
            f"Photos: {catalog.root}\nRestore them (is their drive still connected?)."
        )
    return Predictions(
        paths=tuple(catalog.photos[i].path for i in indices[is_there]),
        labels=labels[is_there],
        probs=probs,
        class_names=names,
        task=task or catalog.task,
    )


def save_predictions(predictions: Predictions, path: Path) -> None:
    """Write a row for each photo: path, truth, label, probability, and a column for each class.

    For photos with several labels, truth and label are lists separated by ";", and the
    probability is that of the least certain decision. `class_columns` names the columns
    of the classes. Probabilities have as many digits as their type can distinguish. No
    cell is a formula for a spreadsheet.

    Raises:
        DiskError: The file cannot be written.
    """
    names = predictions.class_names
    text = io.StringIO(newline="")
    # Text is always quoted, since an unquoted carriage return in a name would be lost.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(map(inert_cell, [*_FIXED_COLUMNS, *class_columns(names, _FIXED_COLUMNS)]))
    truths = predictions.task.texts(predictions.labels, names)
    for photo, truth, row in zip(predictions.paths, truths, predictions.probs, strict=True):
        digits = [float(str(value)) for value in row]  # a float32 has fewer digits as text
        label, probability, _ = predictions.task.describe(np.array(digits), names)
        texts = (inert_path(photo), inert_cell(truth), inert_cell(label))
        writer.writerow([*texts, probability, *digits])
    write_text(path, text.getvalue())


def load_predictions(path: Path, task: Task = SINGLE_LABEL) -> Predictions:
    """Read what `save_predictions` wrote.

    Args:
        path: The file.
        task: The task of the run.

    Raises:
        RunError: The file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *rows = csv.reader(file)
        columns = map(original_cell, header[len(_FIXED_COLUMNS) :])
        names = tuple(classes_of(columns, _FIXED_COLUMNS))
        if header[: len(_FIXED_COLUMNS)] != _FIXED_COLUMNS or len(names) < 2:
            raise ValueError("the first line is not the header that pawsight writes")
        labels = task.encode([original_cell(row[1]) for row in rows], names)
        if (labels < 0).any():
            raise ValueError("a true class has no column")
        return Predictions(
            paths=tuple(original_path(row[0]) for row in rows),
            labels=labels,
            probs=np.array([row[len(_FIXED_COLUMNS) :] for row in rows], np.float64).reshape(
                len(rows), len(names)
            ),
            class_names=names,
            task=task,
        )
    except FileNotFoundError as error:
        raise RunError(
            f"There are no predictions at {path}.\nMake them with: pawsight evaluate RUN"
        ) from error
    except (OSError, ValueError, KeyError, IndexError, csv.Error) as error:
        raise RunError(
            f"{path} cannot be read as predictions ({first_line(error)}).\n"
            f"Make the file again with: pawsight evaluate RUN"
        ) from error


def _classify_all(
    classify: Classify,
    pixels: Pixels,
    indices: IntArray,
    num_classes: int,
    progress: Progress,
    batch_size: int,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the probabilities [M, K] of readable photos, and which photos are readable [N]."""
    batches = [np.empty((0, num_classes), np.float32)]
    readable = []
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        images, is_readable = pixels.read(chosen), ~is_lost(pixels, chosen)
        readable.append(is_readable)
        progress.advance(len(chosen))
        if not is_readable.any():
            continue
        if not is_readable.all():
            images = images[is_readable]
        probs = np.asarray(classify(images))
        if probs.shape != (len(images), num_classes):
            raise ShapeError(
                f"The model returned an array of shape {probs.shape} for {len(images)} photos; "
                f"{(len(images), num_classes)} was expected."
            )
        batches.append(probs)
    return np.concatenate(batches), np.concatenate(readable)


def labels_among(names: tuple[str, ...], catalog: Catalog, indices: IntArray) -> IntArray:
    """Return the labels of photos, encoded by the classes of a model.

    Args:
        names: The model's classes.
        catalog: The photos, whose classes may be in another order.
        indices: Catalog indices of the photos, shape [N].

    Raises:
        DataError: A photo has no label, or a label that the model was not trained on.
    """
    labels = np.asarray(catalog.labels(indices), np.int64)
    if names == tuple(catalog.class_names):
        return labels
    texts = catalog.task.texts(labels, catalog.class_names)
    present = {name for text in texts for name in catalog.task.names_of(text)}
    unknown = sorted(present - set(names))
    if unknown:
        raise DataError(
            f"The model was not trained on {_quoted(unknown)}; its classes are {_quoted(names)}.\n"
            f"Photos: {catalog.root}\n"
            f"Map them to the model's classes, such as --merge "
            f"{shell_quoted(f'{names[0]}={unknown[0]}')}, or leave them out: "
            f"{exclude_options(unknown)}"
        )
    return catalog.task.encode(texts, names)


def _quoted(names: Sequence[str]) -> str:
    return listed((f"'{name}'" for name in names), most=20)
