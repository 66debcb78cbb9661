"""Merge the shards of a prediction into the file that a single process would have written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawsight.errors import DataError
from pawsight.formatting import listed
from pawsight.inference.format_names import OutputFormat
from pawsight.inference.output_formats import check_replaceable
from pawsight.inference.partial_results import (
    differences,
    lines_from,
    parse_head,
    parse_row,
)
from pawsight.inference.shards import Listing, Shard, ShardEnd, found_shards, output_of
from pawsight.records import Prediction
from pawsight.task import task_of
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.predicted_folders import PredictionFile, write_file

_MAX_NAMED = 8  # shards in a message
_END_BYTES = 1 << 16  # read from the end of a file to find its last line; more if needed


@dataclass(frozen=True, slots=True)
class _FinishedShard:
    """A shard: its file, the content of its first and last line, and where its rows begin."""

    shard: Shard
    path: Path
    settings: dict[str, Any]
    end: ShardEnd
    first_row: int

    @property
    def num_rows(self) -> int:
        """The number of photos in this shard."""
        return len(range(self.shard.number - 1, self.end.num_listed, self.shard.count))

    def rows(self) -> Iterator[Prediction]:
        """Yield the predictions of the shard; raises DataError."""
        task = task_of(self.end.task, tuple(self.end.thresholds))
        lines = lines_from(self.path, self.first_row)
        for _ in range(self.num_rows):
            row = parse_row(next(lines, b""), self.end.class_names, task)
            if row is None:
                raise _damaged(self.path)
            yield row


def merge_shards(output: Source, format: OutputFormat | None = None) -> PredictionFile:
    """Write the predictions of all shards to one file, as a single process would have written it.

    Args:
        output: As `predict_folder` took it for each shard; the shards are files beside it, and
            are kept. An earlier file of results is replaced, and never anything else.
        format: As `predict_folder` takes it.

    Raises:
        DataError: A shard is missing, unfinished or damaged, or differs from the others in model,
            settings or photos.
        DiskError: The file cannot be written.
    """
    path = Path(os.fspath(output))
    if (whole := output_of(path)) is not None:
        raise DataError(f"{path} is one of the shards.\nGive the output of all shards: {whole}")
    check_replaceable(path)
    shards = [_opened(shard, path) for shard in _complete(path)]
    _check_agreement(shards)
    count = write_file(path, _merged(shards), shards[0].end.class_names, format)
    return PredictionFile(path, count.num_read, count.num_failed)


def _complete(output: Path) -> list[Shard]:
    """Return all shards of an output, in order; raises DataError if there are others or too few."""
    shards = found_shards(output)
    if not shards:
        raise DataError(
            f"There are no shards of {output}: no file {output.name}.shard-...\n"
            f"Create them with: pawsight predict PHOTOS --output {output} --shard 1/8, 2/8 ..."
        )
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        numbers = " and of ".join(f"{count:,}" for count in counts)
        raise DataError(
            f"There are shards of {numbers} for {output}, and only one set can be merged.\n"
            f"Move those of the other set into another folder: {output.name}.shard-*-of-"
            f"{counts[0]}"
        )
    missing = sorted(set(range(1, counts[0] + 1)) - {shard.number for shard in shards})
    if missing:
        raise DataError(
            f"{_named(missing, counts[0])} missing: {Shard(missing[0], counts[0]).path(output)}\n"
            f"Run the same pawsight predict with --shard {missing[0]}/{counts[0]}, or copy the "
            f"file here."
        )
    return shards


def _named(numbers: Sequence[int], count: int) -> str:
    """Write "Shard 3 of 8 is", or "Shards 3, 4 of 8 are"."""
    is_one = len(numbers) == 1
    named = listed(numbers, _MAX_NAMED)
    return f"Shard{'' if is_one else 's'} {named} of {count:,} {'is' if is_one else 'are'}"


def _opened(shard: Shard, output: Path) -> _FinishedShard:
    """Read the first and the last line of a shard."""
    path = shard.path(output)
    try:
        with path.open("rb") as file:
            line = file.readline()
            head, first_row = parse_head(line), file.tell()
        end = ShardEnd.from_json(_last_line(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if head is None or head[0].get("shard") != str(shard):
        raise DataError(
            f"{path} is not shard {shard.number} of {shard.count}, in spite of its name.\n"
            f"Move it away, and predict that shard."
        )
    if end is None:
        raise DataError(
            f"Shard {shard.number} of {shard.count} is not finished: {path}\n"
            f"Wait for its process, or run the same pawsight predict --shard {shard} again to "
            f"resume it."
        )
    settings = {name: value for name, value in head[0].items() if name != "shard"}
    return _FinishedShard(shard, path, settings, end, first_row)


def _last_line(path: Path) -> bytes:
    """Return the last line of a file that ends with a newline."""
    size = _END_BYTES
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        while True:
            file.seek(max(0, length - size))
            data = file.read()
            if data.count(b"\n") > 1 or len(data) == length:
                return data[data.rfind(b"\n", 0, -1) + 1 :]
            size *= 4


def _check_agreement(shards: Sequence[_FinishedShard]) -> None:
    """Check that all shards have the settings and the listing of the first."""
    first = shards[0]
    for shard in shards[1:]:
        others = differences(shard.settings, first.settings)
        if others:
            raise DataError(
                f"{shard.path} was predicted with {others} than {first.path}.\n"
                f"Remove the wrong file, and predict its shard with the settings of the others."
            )
        if shard.end != first.end:
            raise DataError(
                f"{shard.path} was predicted from another list of photos than {first.path}: "
                f"{shard.end.num_listed:,} and {first.end.num_listed:,} photos, or other paths.\n"
                f"All shards need the same PHOTOS, under the same paths. Run the shards with the "
                f"old list again."
            )


def _merged(shards: Sequence[_FinishedShard]) -> Iterator[Prediction]:
    """Yield the predictions in the order of the listing."""
    readers = [shard.rows() for shard in shards]
    listing = Listing()
    for number in range(shards[0].end.num_listed):
        prediction = next(readers[number % len(readers)])
        listing.add(prediction.path)
        yield prediction
    if listing.checksum != shards[0].end.listing:
        raise DataError(
            f"The paths in the shards are not those of their listing: a file is damaged.\n"
            f"Remove {shards[0].path} and the other shards, and predict them again."
        )


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is damaged.\nRemove it, and predict that shard again.")
