"""Read batches of photos with workers on other machines, which return the rows of pixels.

The workers need the photos under the same paths. They do not need the cache: the process that
uses them writes the rows into the store.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pawsight.data.reading.batch import Batch, ReadResult
from pawsight.data.reading.store import row_bytes
from pawsight.data.reading.workers import Result, read_all

_PORTION_BYTES = 96 * 2**20  # of pixels that a worker returns at once
_PORTIONS = 4  # for each worker, so that the last worker ends soon after the others

RunJob = Callable[[Any, Iterable[Any]], Iterator[tuple[Any, Any]]]


class ReadBatch(NamedTuple):
    """The result of a worker for a batch."""

    batch: Batch
    results: list[ReadResult]
    rows: bytes  # the rows of pixels; b"" without a store


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """The job of reading photos, one at a time."""

    is_single_core: ClassVar[bool] = True

    def worker(self) -> Callable[[Sequence[Batch]], list[ReadBatch]]:
        """Return a function that reads consecutive batches."""
        return _read


def read_shared(run: RunJob, num_workers: int, batches: Sequence[Batch]) -> Generator[Result]:
    """Read batches with the workers of a cluster; see `read_all`.

    Args:
        run: Runs a job on items; yields each item and its result, in any order.
        num_workers: The number of workers.
        batches: The batches, in the order of their rows.
    """
    for _, portion in run(ReadingJob(), _portions(batches, num_workers)):
        for read in portion:
            yield read.batch, _store(read)


def _portions(batches: Sequence[Batch], num_workers: int) -> list[Sequence[Batch]]:
    """Divide batches into portions, each of which is one item of the job."""
    num_bytes = max((len(b.paths) * row_bytes(b.image_size) for b in batches), default=1)
    length = min(_PORTION_BYTES // num_bytes, len(batches) // (_PORTIONS * num_workers))
    length = max(1, length)
    return [batches[start : start + length] for start in range(0, len(batches), length)]


def _read(batches: Sequence[Batch]) -> list[ReadBatch]:
    first, size = batches[0].first_row, row_bytes(batches[0].image_size)
    with tempfile.TemporaryDirectory(prefix="pawsight-") as folder:
        path = Path(folder) / "pixels"
        path.touch()
        local = [
            replace(b, store_path=b.store_path and str(path), first_row=b.first_row - first)
            for b in batches
        ]
        portion = []
        for batch, results in read_all(local, 1):
            with path.open("rb") as file:
                file.seek(batch.first_row * size)
                rows = file.read(len(batch.paths) * size) if batch.store_path else b""
            original = replace(
                batch,
                store_path=batches[0].store_path,
                first_row=batch.first_row + first,
            )
            portion.append(ReadBatch(original, results, rows))
        return portion


def _store(read: ReadBatch) -> list[ReadResult]:
    """Write the rows of a batch into the store; return the results, `is_stored` updated."""
    batch, results, rows = read
    if batch.store_path is None or not any(result.is_stored for result in results):
        return results
    with contextlib.suppress(OSError), open(batch.store_path, "r+b", buffering=0) as store:
        store.seek(batch.first_row * row_bytes(batch.image_size))
        if store.write(rows) == len(rows):
            return results
    return [result._replace(is_stored=False) for result in results]
