"""Predict many photos with several workers into a folder of Parquet files."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, Field

from pawsight.data.listing.left_out import LeftOut
from pawsight.errors import ConfigError, DataError, DiskError, StoppedError
from pawsight.formatting import counted
from pawsight.inference.addresses import FetchedPath, fetch_addresses
from pawsight.inference.classifier import Classifier, load
from pawsight.inference.output_formats import FORMATS
from pawsight.inference.parquet import check_parquet, read_parquet
from pawsight.inference.partial_results import differences
from pawsight.inference.photo_inputs import expand
from pawsight.inference.result_rows import count_rows
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.runs import Run
from pawsight.storage.atomic import make_dir, write_json
from pawsight.storage.locks import locked
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.predicted_folders import PredictionFile
from pawsight.workflow.prediction_blocks import Block, BlockJob, write_listing
from pawsight.workflow.worker_groups import Workers

_HEAD_NAME = "predictions.json"
_LOCK_NAME = ".lock"
_BLOCK_SIZE = 500
_FILE_ENDINGS = {".parquet", *(end for format in FORMATS.values() for end in format.endings)} - {""}


class _Head(BaseModel):
    """The content of predictions.json: model, settings and photos and, at the end, the counts."""

    kind: Literal["predictions of pawsight predict --workers"] = (
        "predictions of pawsight predict --workers"
    )
    settings: dict[str, Any]
    block_size: int = Field(ge=1)
    num_listed: int
    listing: str  # SHA-256 of the paths
    num_read: int | None = None
    num_failed: int | None = None
    is_complete: bool = False

    @classmethod
    def load(cls, folder: Path) -> _Head | None:
        """Read predictions.json; None if it does not exist.

        Raises:
            DataError: The file is damaged.
        """
        path = folder / _HEAD_NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} is damaged.\nGive --output a new folder, or remove this one."
            ) from error

    def save(self, folder: Path) -> None:
        """Write predictions.json; raises DiskError."""
        write_json(folder / _HEAD_NAME, self.model_dump(mode="json"))


@live_in_notebooks
def predict_with_workers(
    photos: Source | Iterable[Source],
    run_path: Source | Run | None = None,
    output: Source = "predictions",
    workers: int = 1,
    cluster: str | None = None,
    tta: bool = False,
    batch_size: int = 4,
    progress: Progress = SILENT,
    max_error: float | None = None,
    block_size: int = _BLOCK_SIZE,
) -> PredictionFile:
    """Predict all photos of folders into a folder of Parquet files, with several workers.

    Each file has the rows of a block of photos, in order, and appears when it is complete. If an
    interrupted call is repeated, only missing blocks are predicted; blocks of lost workers are
    repeated. Every photo has exactly one row.

    Args:
        photos: As `predict_folder` takes them.
        run_path: As `predict_folder` takes it.
        output: The folder: new, empty, or of an interrupted call with the same arguments.
        workers: The largest number of workers, 1 to 256: processes on this machine, which share its
            cores, or actors on the cluster, each with all cores but one of a node.
        cluster: The address of a Ray cluster, such as "auto"; None is this machine.
        tta: As `predict_folder` takes it.
        batch_size: As `predict_folder` takes it.
        progress: Receives the progress.
        max_error: As `load` takes it.
        block_size: Photos in a block, at least 1; when a worker is lost, at most one block is
            repeated.

    Returns:
        The folder, and the numbers of photos that could and could not be read.

    Raises:
        ExtraError: Packages of the extra `parquet` or `cluster` are missing.
        ConfigError: The number of workers is out of range, there is no cluster, or the folder
            has predictions of other photos, another model or other settings.
        DiskError: A file cannot be written, or another process writes to the folder.
        RunError: There is no finished run at `run_path`.
        SourceError: The folders hold no photos, or photos cannot be fetched.
        StoppedError: Ctrl-C was pressed; finished blocks are kept.
    """
    if block_size < 1:
        raise ConfigError(f"A block has at least 1 photo, not {block_size}.")
    check_parquet()
    group = Workers(workers, cluster)
    folder = Path(os.fspath(output)).absolute()
    _check_folder(folder)
    run_name = None if run_path is None else str(Run.open(run_path).path.absolute())
    classifier = load(run_name, max_error)
    job = BlockJob(str(folder), run_name, tta, max_error, batch_size)
    make_dir(folder)
    with locked(folder / _LOCK_NAME, partial(_refuse, folder)):
        blocks = _blocks(photos, folder, _settings(classifier, job), block_size, progress)
        _predict_missing(job, blocks, group, progress)
        return _summary(folder, blocks, classifier, progress)


def _settings(classifier: Classifier, job: BlockJob) -> dict[str, Any]:
    return {"model": classifier.fingerprint, "tta": job.tta, "max_error": job.max_error}


def _check_folder(folder: Path) -> None:
    """Check that the folder is new, is empty, or has predictions."""
    if folder.suffix.lower() in _FILE_ENDINGS and not folder.is_dir():
        raise ConfigError(
            f"{folder.name} is the name of a file, and several workers write a folder of Parquet "
            f"files.\nGive --output a folder, such as {folder.stem}, or leave --workers out."
        )
    if folder.exists() and not folder.is_dir():
        raise DiskError(f"{folder} is a file.\nWith --workers, give --output a folder.")
    has_predictions = (folder / _HEAD_NAME).is_file() or (folder / _LOCK_NAME).is_file()
    if folder.is_dir() and not has_predictions and any(folder.iterdir()):
        raise DiskError(
            f"{folder} is not empty, and has no earlier predictions.\nGive --output a new folder."
        )


def _refuse(folder: Path, owner: str) -> NoReturn:
    raise DiskError(
        f"Another process writes to {folder}: {owner}.\n"
        f"Wait until it has ended, or give --output another folder."
    )


def _blocks(
    photos: Source | Iterable[Source],
    folder: Path,
    settings: dict[str, Any],
    block_size: int,
    progress: Progress,
) -> list[Block]:
    """List the photos in blocks, and check that earlier blocks are of the same prediction."""
    names = [photos] if isinstance(photos, str | os.PathLike) else photos
    local = fetch_addresses([os.fspath(name) for name in names], progress)
    left_out = LeftOut()
    progress.start("Listing photos")
    # Workers may have another current folder.
    listed = expand((_absolute(name) for name in local), sys.stdin.buffer, left_out)
    earlier = _Head.load(folder)
    if earlier is not None:
        if others := differences(earlier.settings, settings):
            raise ConfigError(
                f"{folder} was begun with {others}.\n"
                f"Finish it with the same model and options, or give --output a new folder."
            )
        block_size = earlier.block_size
    blocks, listing = write_listing(folder, listed, block_size)
    left_out.report(progress)
    if earlier is not None and earlier.listing != listing.checksum:
        raise ConfigError(
            f"{folder} was begun with another list of photos: {earlier.num_listed:,}, now "
            f"{listing.num_listed:,}, or other paths.\nGive --output a new folder."
        )
    _Head(
        settings=settings,
        block_size=block_size,
        num_listed=listing.num_listed,
        listing=listing.checksum,
    ).save(folder)
    return blocks


def _absolute(name: str) -> str:
    if name == "-" or isinstance(name, FetchedPath):
        return name
    return os.path.abspath(name)  # noqa: PTH100 - patterns stay as they are


def _predict_missing(
    job: BlockJob, blocks: list[Block], group: Workers, progress: Progress
) -> None:
    """Predict the blocks whose files are missing."""
    folder = Path(job.folder)
    missing = [block for block in blocks if not block.path(folder).is_file()]
    num_photos = sum(block.num_photos for block in blocks)
    num_done = num_photos - sum(block.num_photos for block in missing)
    if num_done and missing:
        progress.note(f"Resuming after {counted(num_done, 'photo')}.")
    progress.start("Predicting", num_photos, "photos")
    progress.advance(num_done)
    if not missing:
        return

    def lost(how: str, _: Block) -> None:
        progress.note(f"{how}; another worker predicts its photos again.")

    with contextlib.closing(group.run(job, missing, lost)) as finished:
        try:
            for block, _ in finished:
                progress.advance(block.num_photos)
                num_done += block.num_photos
        except KeyboardInterrupt as error:
            raise StoppedError(
                f"Stopped. The predictions of {counted(num_done, 'photo')} are kept in {folder}.\n"
                f"Run the same command again to resume."
            ) from error


def _summary(
    folder: Path, blocks: list[Block], classifier: Classifier, progress: Progress
) -> PredictionFile:
    """Count the rows, test for drift, and mark the folder as complete."""
    monitor = classifier.drift_monitor()
    count = count_rows(
        monitor.watch(row for block in blocks for row in read_parquet(block.path(folder)))
    )
    if (drift := monitor.result()) and drift.has_drifted:
        progress.note(drift.sentence())
    head = _Head.load(folder)
    assert head is not None
    counts = {"num_read": count.num_read, "num_failed": count.num_failed}
    head.model_copy(update=counts | {"is_complete": True}).save(folder)
    return PredictionFile(folder, count.num_read, count.num_failed, drift)
