"""Predict many photos into a file, resumable after an interruption."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pawsight.data.listing.left_out import LeftOut
from pawsight.errors import SourceError, StoppedError
from pawsight.formatting import counted
from pawsight.inference.addresses import fetch_addresses
from pawsight.inference.classifier import Classifier, load
from pawsight.inference.drift import DriftTest
from pawsight.inference.format_names import OutputFormat
from pawsight.inference.output_formats import FORMATS, check_replaceable, format_of
from pawsight.inference.partial_results import PartialResults
from pawsight.inference.photo_decoder import listed_if_few
from pawsight.inference.photo_inputs import expand
from pawsight.inference.result_rows import Count, count_rows, write_rows
from pawsight.inference.shards import Listing, Shard, ShardEnd
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Prediction
from pawsight.runs import Run
from pawsight.storage.atomic import replacing
from pawsight.workflow.photo_sets import Source


@dataclass(frozen=True, slots=True)
class PredictionFile:
    """A file of predictions.

    Attributes:
        path: The file, with a row for each photo; for a shard, the file that `merge_shards` reads.
        num_read: The number of photos with a prediction.
        num_failed: The number of photos that could not be read; their rows have an error.
        drift: A test of whether the photos as a whole differ from the validation photos of the
            model; None if it was not possible, such as for fewer than 30 photos.
    """

    path: Path
    num_read: int
    num_failed: int
    drift: DriftTest | None = None


@live_in_notebooks
def predict_folder(
    photos: Source | Iterable[Source],
    run_path: Source | Run | None = None,
    output: Source = "predictions.csv",
    format: OutputFormat | None = None,
    tta: bool = False,
    batch_size: int = 4,
    progress: Progress = SILENT,
    max_error: float | None = None,
    shard: tuple[int, int] | None = None,
) -> PredictionFile:
    """Predict all photos of folders into a file, and resume an interrupted call.

    Until `output` is complete, predictions are kept in `<output>.part`; the same call resumes it.

    Args:
        photos: Files, folders (with their subfolders), patterns such as `photos/**/*.jpg`, archives
            and addresses such as `s3://bucket/photos`; "-" is a list on standard input.
        run_path: A finished run; None is the model of cats and dogs that ships with pawsight.
        output: The file; an earlier file of results is replaced, and never anything else.
        format: Name of the format, such as "csv", "json" (a list) or "jsonl" (an object per
            line); None: by the ending of `output`, and "csv" without an ending.
        tta: Average the predictions of each photo and its mirror image.
        batch_size: Photos per run of the model, at least 1.
        progress: Receives the progress.
        max_error: As `load` takes it.
        shard: (3, 8) predicts every eighth photo, beginning with the third, into
            `<output>.shard-3-of-8`; `merge_shards` merges all shards into `output`.

    Raises:
        ConfigError: `<output>.part` has another model, `tta` or `max_error`; `max_error` cannot be
            guaranteed for this model; or `shard` or the format of `output` does not exist.
        DiskError: The file cannot be written, or another process writes it.
        RunError: There is no finished run at `run_path`.
        SourceError: The folders hold no photos, or photos cannot be fetched.
        StoppedError: Ctrl-C was pressed; the predictions so far are kept.
    """
    path, format, part = _checked(Path(output), format, shard)
    classifier = load(run_path, max_error)
    settings = {"model": classifier.fingerprint, "tta": tta, "max_error": max_error}
    class_names, task = classifier.class_names, classifier.task
    listing, monitor = Listing(), classifier.drift_monitor()
    names = [photos] if isinstance(photos, str | os.PathLike) else photos
    local = fetch_addresses(
        [os.fspath(name) for name in names], progress
    )  # before the results, which are newer
    with PartialResults(path, class_names, settings, task, part) as partial_results:
        chosen = listing, part or Shard(1, 1)
        _predict_rest(partial_results, local, *chosen, classifier, tta, batch_size, progress)
        if part is not None:
            partial_results.end(_shard_end(listing, classifier))
        rows = monitor.watch(partial_results.rows())
        if part is None:
            count, written = write_file(path, rows, class_names, format), path
            partial_results.remove()
        else:
            count, written = count_rows(rows), partial_results.path
    if (drift := monitor.result()) and drift.has_drifted:
        progress.note(drift.sentence())
    return PredictionFile(written, count.num_read, count.num_failed, drift)


def _checked(
    path: Path, format: OutputFormat | None, shard: tuple[int, int] | None
) -> tuple[Path, OutputFormat | None, Shard | None]:
    """Check the output before anything is predicted, and choose its format."""
    check_replaceable(path)
    if shard is not None:
        return path, format, Shard(*shard).checked()
    return path, format or format_of(path), None


def _shard_end(listing: Listing, classifier: Classifier) -> ShardEnd:
    names, task = classifier.class_names, classifier.task
    thresholds = task.thresholds_of(len(names)) or []
    return ShardEnd(listing.num_listed, listing.checksum, list(names), task.name, thresholds)


def write_file(
    path: Path,
    predictions: Iterable[Prediction],
    class_names: Sequence[str],
    format: OutputFormat | None,
) -> Count:
    """Write predictions to a file that appears when it is complete, and count them."""
    writer = FORMATS[format or format_of(path)].writer(class_names)
    with replacing(path) as temporary, temporary.open("wb") as file:
        return write_rows(predictions, writer, file.write)


def _predict_rest(
    partial_results: PartialResults,
    photos: Sequence[str],
    listing: Listing,
    shard: Shard,
    classifier: Classifier,
    tta: bool,
    batch_size: int,
    progress: Progress,
) -> None:
    """Add the missing predictions."""
    predict = partial(classifier.predict_iter, batch_size=batch_size, tta=tta)
    # Unbuffered: a thread may still wait for standard input when the process ends.
    stdin = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    left_out = LeftOut()
    listed = listing.photos_of(shard, expand(photos, stdin, left_out))
    try:
        rest = listed_if_few(photos, partial_results.skip(listed))
        with contextlib.closing(predict(rest)) as predictions:
            if partial_results.num_rows:
                progress.note(f"Resuming after {counted(partial_results.num_rows, 'photo')}.")
            progress.start("Predicting", unit="photos")
            for prediction in predictions:
                partial_results.add(prediction)
                progress.advance(1)
        left_out.report(progress)
    except (SourceError, KeyboardInterrupt) as error:
        if is_empty := partial_results.is_empty:
            partial_results.remove()
        if is_empty or isinstance(error, SourceError):
            raise
        number = partial_results.num_rows  # 0 while the photos of an earlier call are listed
        which = f"of {counted(number, 'photo')}" if number else "so far"
        raise StoppedError(
            f"Stopped. The predictions {which} are kept in {partial_results.path}.\n"
            f"Run the same command again to resume."
        ) from error
