"""Blocks of a prediction by several workers: a list of photos in, a Parquet file out.

The file of a block appears when it is complete, and has the same rows whichever worker predicts
it. A block that was lost, or begun twice, can therefore be predicted again: every photo has
exactly one row.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pawsight.errors import DataError
from pawsight.inference.addresses import FetchedPath
from pawsight.inference.classifier import Classifier, load
from pawsight.inference.ood_score import already_warned
from pawsight.inference.parquet import write_parquet
from pawsight.inference.photo_decoder import num_processes_for
from pawsight.inference.shards import Listing
from pawsight.records import Prediction
from pawsight.storage.atomic import disk_errors, replacing

LISTING_NAME = "photos.jsonl"
_MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Block:
    """Photos that follow each other in the listing."""

    number: int  # from 0
    start: int  # the byte of the listing where it begins
    num_photos: int

    def path(self, folder: Path) -> Path:
        """Return the path of the predictions."""
        return folder / f"part-{self.number:06d}.parquet"

    def photos(self, folder: Path) -> Iterator[str | Prediction]:
        """Yield the photos, and results for files that are not photos; raises DataError."""
        path = folder / LISTING_NAME
        try:
            with path.open("rb") as file:
                file.seek(self.start)
                for _ in range(self.num_photos):
                    name, problem, shown = json.loads(file.readline())
                    photo = FetchedPath(name, shown) if shown else str(name)
                    yield Prediction(name, error=problem) if problem else photo
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                f"{path} is damaged.\nRemove {folder}, and run the same command again."
            ) from error


def write_listing(
    folder: Path, photos: Iterable[str | Prediction], block_size: int
) -> tuple[list[Block], Listing]:
    """Write the list of all photos, one per line, and divide it into blocks; raises DiskError."""
    blocks: list[Block] = []
    listing = Listing()
    start = end = count = 0
    with replacing(folder / LISTING_NAME) as temporary, temporary.open("wb") as file:
        for photo in photos:
            entry = photo if isinstance(photo, Prediction) else Prediction(photo)
            shown = photo.shown if isinstance(photo, FetchedPath) else ""
            listing.add(shown or entry.path)
            row = json.dumps([entry.path, entry.error, shown])
            end += file.write(row.encode("ascii") + b"\n")
            count += 1
            if count == block_size:
                blocks.append(Block(len(blocks), start, count))
                start, count = end, 0
    if count:
        blocks.append(Block(len(blocks), start, count))
    return blocks, listing


@dataclass(frozen=True, slots=True)
class BlockJob:
    """The settings that all blocks of a prediction share; paths must exist on every machine."""

    folder: str  # of the predictions
    run_path: str | None  # of the run; None is the model that ships
    tta: bool  # as `Classifier.predict_iter` takes it
    max_error: float | None  # as `Classifier.load` takes it
    batch_size: int  # as `Classifier.predict_iter` takes it
    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[Block], None]:
        """Return the function that predicts a block; see `Job`."""
        return BlockPredictor(self).predict


class BlockPredictor:
    """Predicts blocks, one after another, with the same model and decoding processes.

    Raises:
        RunError: There is no finished run at the job's `run_path`.
    """

    def __init__(self, job: BlockJob) -> None:
        self._job = job
        self._folder = Path(job.folder)
        with already_warned():
            self._classifier: Classifier = load(job.run_path, job.max_error)
        self._decoder = self._classifier.open_decoder(num_processes_for(None))
        weakref.finalize(self, self._decoder.close)

    def predict(self, block: Block) -> None:
        """Write the file of a block, unless it exists.

        Raises:
            DataError: The block ended its process five times, or the listing is damaged.
            DiskError: The file cannot be written.
        """
        path = block.path(self._folder)
        if path.is_file():
            return
        attempts = path.with_suffix(".attempts")
        num_attempts = _count(attempts)
        if num_attempts >= _MAX_ATTEMPTS:
            raise DataError(
                f"The photos of {path.name} ended their process {num_attempts} times.\n"
                f"Predict them one by one to find which: {self._folder / LISTING_NAME}"
            )
        with disk_errors(attempts):
            attempts.write_text("|" * (num_attempts + 1), encoding="ascii")
        predictions = self._classifier.predict_iter(
            block.photos(self._folder), self._job.batch_size, self._job.tta, self._decoder
        )
        write_parquet(path, predictions, self._classifier.class_names)
        attempts.unlink(missing_ok=True)


def _count(attempts: Path) -> int:
    """Return the number of attempts: the size of their file in bytes."""
    try:
        return attempts.stat().st_size
    except OSError:
        return 0
