"""Read batches of photos on other machines, which return the rows of pixels.

They need the photos under the same paths, and nothing of the cache: the rows are written into the
store by the process that asked.
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
_PORTIONS = 4  # for each worker, so that none waits long for the last

RunJob = Callable[[Any, Iterable[Any]], Iterator[tuple[Any, Any]]]


class ReadBatch(NamedTuple):
    """What a worker read of a batch: the results, and the rows of pixels; b"" without a store."""

    batch: Batch
    results: list[ReadResult]
    rows: bytes


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """The job of reading photos, one at a time."""

    is_single_core: ClassVar[bool] = True

    def worker(self) -> Callable[[Sequence[Batch]], list[ReadBatch]]:
        """Return what reads batches that follow each other."""
        return _read


def read_shared(run: RunJob, num_workers: int, batches: Sequence[Batch]) -> Generator[Result]:
    """Read batches with the workers of a cluster; see `read_all`.

    Args:
        run: Runs a job on items; yields each item and its result, in any order.
        num_workers: How many read at the same time.
        batches: The batches, in the order of their rows.
    """
    for _, found in run(ReadingJob(), _portions(batches, num_workers)):
        for one in found:
            yield one.batch, _stored(one)


def _portions(batches: Sequence[Batch], num_workers: int) -> list[Sequence[Batch]]:
    """Divide batches into portions that a worker reads at once."""
    num_bytes = max((len(one.paths) * row_bytes(one.image_size) for one in batches), default=1)
    length = min(_PORTION_BYTES // num_bytes, len(batches) // (_PORTIONS * num_workers))
    length = max(1, length)
    return [batches[at : at + length] for at in range(0, len(batches), length)]


def _read(batches: Sequence[Batch]) -> list[ReadBatch]:
    first, size = batches[0].first_row, row_bytes(batches[0].image_size)
    with tempfile.TemporaryDirectory(prefix="pawsight-") as folder:
        path = Path(folder) / "pixels"
        path.touch()
        local = [
            replace(one, store_path=one.store_path and str(path), first_row=one.first_row - first)
            for one in batches
        ]
        found = []
        for batch, results in read_all(local, 1):
            with path.open("rb") as file:
                file.seek(batch.first_row * size)
                rows = file.read(len(batch.paths) * size) if batch.store_path else b""
            whole = replace(
                batch,
                store_path=batches[0].store_path,
                first_row=batch.first_row + first,
            )
            found.append(ReadBatch(whole, results, rows))
        return found


def _stored(found: ReadBatch) -> list[ReadResult]:
    """Write the rows of a batch into the store; the results tell whether that was possible."""
    if found.batch.store_path is None or not any(one.is_stored for one in found.results):
        return found.results
    with contextlib.suppress(OSError), open(found.batch.store_path, "r+b", buffering=0) as store:
        store.seek(found.batch.first_row * row_bytes(found.batch.image_size))
        if store.write(found.rows) == len(found.rows):
            return found.results
    return [one._replace(is_stored=False) for one in found.results]
