"""Predict many photos into a file, resumable after an interruption."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pawsight.data.listing.left_out import LeftOut
from pawsight.errors import StoppedError
from pawsight.inference.addresses import fetch_addresses
from pawsight.inference.classifier import Classifier, load
from pawsight.inference.crash_guard import tried_apart
from pawsight.inference.partial_results import PartialResults, check_replaceable
from pawsight.inference.photo_inputs import expand
from pawsight.inference.result_rows import WRITERS, Format, format_of, write_rows
from pawsight.notebook import live_in_notebooks
from pawsight.progress import Progress, Silent
from pawsight.runs import Run
from pawsight.storage.atomic import replacing
from pawsight.workflow.photo_sets import Source

_SILENT = Silent()


@dataclass(frozen=True, slots=True)
class PredictionFile:
    """A file of predictions.

    Attributes:
        path: The file, with a row for each photo.
        num_read: Photos that have a prediction.
        num_failed: Photos that could not be read; their rows have an error.
    """

    path: Path
    num_read: int
    num_failed: int


@live_in_notebooks
def predict_folder(
    photos: Source | Iterable[Source],
    run_path: Source | Run | None = None,
    output: Source = "predictions.csv",
    format: Format | None = None,
    tta: bool = False,
    batch_size: int = 4,
    progress: Progress = _SILENT,
    max_error: float | None = None,
) -> PredictionFile:
    """Predict all photos of folders into a file, and resume an interrupted call.

    The predictions made so far are kept in `<output>.part`; the same call
    continues after them, also after a crash. `output` appears when it is complete.

    Args:
        photos: Files, folders with all below them, patterns such as `photos/**/*.jpg`, archives
            and addresses such as `s3://bucket/photos`; "-" is a list on standard input.
        run_path: A finished run; None takes the model of cats and dogs that ships.
        output: The file; earlier results are replaced, and never anything else.
        format: "csv", "json" (one list), "jsonl" (an object a line) or "table"; None takes that
            of the ending of `output`, csv for an unknown one.
        tta: Average the predictions of the photo and of its mirror image.
        batch_size: Photos per run of the model, at least 1.
        progress: Receives the progress.
        max_error: As `load` takes it.

    Raises:
        ConfigError: The predictions so far were made with another model, `tta` or `max_error`;
            or that is out of range, or not proven for this model.
        DiskError: The file cannot be written, or another process writes it.
        RunError: There is no finished run there.
        StoppedError: Ctrl-C was pressed; the predictions so far are kept.
    """
    path = Path(output)
    check_replaceable(path)
    classifier = load(run_path, max_error)
    names = [photos] if isinstance(photos, str | os.PathLike) else photos
    settings = {"model": classifier.fingerprint, "tta": tta, "max_error": max_error}
    writer = WRITERS[format or format_of(path)](classifier.class_names)
    class_names, task = classifier.class_names, classifier.task
    with PartialResults(path, class_names, settings, task) as partial_results:
        _predict_rest(partial_results, names, classifier, tta, batch_size, progress)
        with replacing(path) as temporary, temporary.open("wb") as file:
            count = write_rows(
                partial_results.rows(),
                writer,
                lambda text: file.write(text.encode("utf-8", "surrogateescape")),
            )
        partial_results.remove()
    return PredictionFile(path, count.num_read, count.num_failed)


def _predict_rest(
    partial_results: PartialResults,
    names: Iterable[Source],
    classifier: Classifier,
    tta: bool,
    batch_size: int,
    progress: Progress,
) -> None:
    """Add the predictions that are missing.

    Raises:
        StoppedError: Ctrl-C was pressed.
    """
    predict = partial(classifier.predict_iter, batch_size=batch_size, tta=tta)
    # Unbuffered: a thread may still wait for standard input when the process ends.
    stdin = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    left_out = LeftOut()
    local = fetch_addresses([os.fspath(name) for name in names], progress)
    listed = expand(local, stdin, left_out)
    try:
        rest = partial_results.skip(listed)
        if partial_results.was_begun:
            rest = tried_apart(rest, classifier, batch_size)
        with contextlib.closing(predict(rest)) as found:
            if partial_results.num_rows:
                progress.note(f"Resuming after {partial_results.num_rows:,} photos.")
            progress.start("Predicting", unit="photos")
            for prediction in found:
                partial_results.add(prediction)
                progress.advance(1)
        left_out.report(progress)
    except KeyboardInterrupt as error:
        if not partial_results.num_rows:
            partial_results.remove()
            raise
        raise StoppedError(
            f"Stopped. The predictions of {partial_results.num_rows:,} photos are kept in "
            f"{partial_results.path}.\nRun the same command again to resume."
        ) from error
