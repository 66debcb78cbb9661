"""Read every photo of a source once: facts into a catalog, pixels into a store.

A photo whose path, size and time are in the cache is not read again. A photo
that cannot be read is a row with its problem. Nothing is ever written into the
user's folder.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.photo_statistics import Facts
from pawsight.data.listing.scan import scan
from pawsight.data.pixel_scale import STANDARD, PixelScale, is_usual_no_data, measured_scale
from pawsight.data.reading.batch import Batch, ReadResult
from pawsight.data.reading.ingest_cache import IngestCache, open_cache
from pawsight.data.reading.store import PixelStore, row_bytes
from pawsight.data.reading.stream import PixelStream
from pawsight.data.reading.workers import Result, read_all
from pawsight.data.sources import Source, fetch
from pawsight.errors import first_line
from pawsight.formatting import counted
from pawsight.machine import elapsed_seconds, num_cpus
from pawsight.progress import SILENT, Progress
from pawsight.records import Photo, Pixels, Resize

_BATCH_SIZE = 128
_BATCH_BYTES = 16 * 2**20  # of files: large photos take long, and progress is reported per batch
ReadBatches = Callable[[list[Batch]], Generator[Result]]
_SLOWER = "Photos are decoded while training instead, which is slower."


def read_here(batches: list[Batch]) -> Generator[Result]:
    """Read batches with all cores of this machine."""
    return read_all(batches, min(num_cpus(), len(batches)))


def ingest(
    source: Catalog | Source | str | Path,
    image_size: tuple[int, int],
    resize: Resize = "stretch",
    progress: Progress = SILENT,
    keep_truncated: bool = False,
    scale: PixelScale | None = None,
    bands: tuple[int, ...] = (),
    read: ReadBatches = read_here,
) -> tuple[Catalog, Pixels]:
    """Read the photos of a source, each once and only if it is new or has changed.

    Args:
        source: A listing, a fetched source, or whatever `fetch` takes.
        image_size: Working size (height, width) in pixels.
        resize: How a photo of another shape is resized.
        progress: Receives the photos read, with the rate.
        keep_truncated: Use a JPEG whose end is missing, where most of it is there.
        scale: Scales values of more than 8 bits to 0..255; None measures the
            photos; the rule is in the catalog.
        bands: Where `scale` is None: the bands of a TIFF that are used.
        read: Reads batches of photos, and yields them with their results in any order.

    Returns:
        The catalog, in the order of the listing, and its pixels: a store, or a
        stream where the cache cannot be written or the disk is full.

    Raises:
        SourceError, DataError, DiskError: As `fetch` and `scan`.
    """
    listing = _listing(source, progress)
    bands = bands if scale is None else scale.bands
    with open_cache(listing.root, image_size, resize, progress, bands) as cache:
        reading = _IngestPass(
            listing, cache, image_size, resize, progress, keep_truncated, scale, bands, read
        )
        return reading.catalog(), reading.pixels()


def _listing(source: Catalog | Source | str | Path, progress: Progress) -> Catalog:
    if isinstance(source, str | Path):
        source = fetch(source, progress)
    return scan(source, progress) if isinstance(source, Source) else source


@dataclass(eq=False)
class _IngestPass:
    """One pass over a listing, which reads everything."""

    listing: Catalog
    cache: IngestCache
    image_size: tuple[int, int]
    resize: Resize
    progress: Progress
    keep_truncated: bool
    chosen_scale: PixelScale | None
    bands: tuple[int, ...]
    read_batches: ReadBatches

    def __post_init__(self) -> None:
        self._has_store = True
        self._is_kept = True
        unread = self._look_up()
        self._scale = self.chosen_scale or self._measured_scale()
        self._read(unread)
        # What was read before the rule was known is read again, by the rule.
        self._scale = self.chosen_scale or self._measured_scale()
        self._read(self._out_of_scale())
        if self.chosen_scale is None:
            self._report_scale()

    def catalog(self) -> Catalog:
        """Return the rows."""
        photos = tuple(self._photos)
        return replace(self.listing, photos=photos, pixel_scale=self._scale)

    def pixels(self) -> Pixels:
        """Return the pixels: a store, or a stream where there is none."""
        paths = ["" if photo.problem else photo.path for photo in self._photos]
        stream = PixelStream(
            *(self.listing.root, paths, self.image_size, self.resize, self.keep_truncated),
            scale=self._scale,
        )
        if self._has_store and self.cache.store_path is not None:
            return PixelStore(self.cache.store_path, self.image_size, self._rows, stream)
        return stream

    def _measured_scale(self) -> PixelScale:
        return measured_scale((photo.samples for photo in self._photos), self.bands)

    def _out_of_scale(self) -> list[int]:
        """Return the indices of photos whose values were scaled by another rule, or by none."""
        indices = [
            index
            for index, applied in self._applied.items()
            if applied != self._scale.applied_to(self._photos[index].samples)
        ]
        if indices and self._has_store and not self.cache.has_space(len(indices)):
            self._give_up_store("The disk has no space to keep all pixels.")
        for index in indices:
            self._photos[index] = replace(self._photos[index], problem="")
        return sorted(indices)

    def _report_scale(self) -> None:
        """Print how values of more than 8 bits were scaled, where the files do not define it."""
        for kind, (black, white) in self._scale.ranges.items():
            if self._scale.ranges[kind] != STANDARD.range_of(kind):
                count = sum(photo.samples.startswith(f"{kind} ") for photo in self._photos)
                missing = (
                    f" {black:g} often stands for a missing value: then it is black by "
                    f"--set pixels.range=[0,{white:g}]."
                    if is_usual_no_data(black)
                    else ""
                )
                self.progress.note(
                    f"{counted(count, 'photo has', 'photos have')} values of the kind {kind}: "
                    f"{black:g} is black and {white:g} is white, in all of them. "
                    f"`train` and `audit` take others: --set pixels.range=[BLACK,WHITE].{missing}"
                )

    def _look_up(self) -> list[int]:
        """Read what is in the cache; return the indices of the photos to read."""
        known = self.cache.look_up(self.listing.photos, self.keep_truncated)
        self._photos, self._rows, self._applied = known.photos, known.rows, known.applied
        without_pixels = np.flatnonzero(known.rows < 0).tolist()
        to_read = [i for i in without_pixels if not self._photos[i].problem]
        if self.cache.has_space(len(to_read)):
            return to_read
        self._has_store = False
        if self.cache.store_path is not None:
            num_bytes = len(to_read) * row_bytes(self.image_size)
            self.progress.note(
                f"The disk has no space to keep {num_bytes / 1e6:,.0f} MB of pixels "
                f"in {self.cache.store_path.parent} and stay usable. {_SLOWER}"
            )
        return [i for i in to_read if not known.is_known[i]]

    def _read(self, indices: list[int]) -> None:
        if not indices:
            return
        self.progress.start("Reading photos", len(self._photos), "photos")
        self.progress.advance(len(self._photos) - len(indices))
        start, num_read = time.perf_counter(), 0
        first_row = self.cache.next_row
        batches = self._batches(indices)
        with contextlib.closing(self.read_batches(batches)) as read:
            try:
                for batch, findings in read:
                    place = batch.first_row - first_row
                    self._take(indices[place : place + len(findings)], batch.first_row, findings)
                    num_read += len(findings)
                    rate = num_read / elapsed_seconds(start)
                    self.progress.advance(len(findings), rate=rate)
                    self._keep(self.cache.commit_periodically)
            finally:  # after Ctrl-C too: what was read need not be read again
                self._keep(self.cache.commit)
        self.cache.next_row = first_row + len(indices)

    def _batches(self, indices: list[int]) -> list[Batch]:
        """Divide the photos to read; each has its own row in the store."""
        root, first_row = str(self.listing.root), self.cache.next_row
        store_path = str(self.cache.store_path) if self._has_store else None
        return [
            Batch(
                root=root,
                paths=tuple(self._photos[index].path for index in indices[start:stop]),
                first_row=first_row + start,
                image_size=self.image_size,
                resize=self.resize,
                store_path=store_path,
                keep_truncated=self.keep_truncated,
                scale=self._scale,
            )
            for start, stop in _portions([self._photos[index].size for index in indices])
        ]

    def _take(self, indices: list[int], first_row: int, findings: list[ReadResult]) -> None:
        """Store the findings of a worker in the table and in the cache."""
        lasting = []
        for row, (index, finding) in enumerate(zip(indices, findings, strict=True), first_row):
            facts, problem, is_permanent, is_stored, samples = finding
            if facts is None:
                photo = replace(self._photos[index], problem=problem, samples=samples)
            else:
                photo = _with_facts(self._photos[index], facts)
                if not is_stored and self._has_store:
                    self._give_up_store("The disk became too full to keep pixels.")
            self._photos[index] = photo
            self._rows[index] = row if is_stored else -1
            applied = self._scale.applied_to(photo.samples)
            if photo.samples:
                self._applied[index] = applied
            if is_permanent:
                lasting.append((photo, row if is_stored else -1, applied))
        self._keep(lambda: self.cache.add(lasting, self.keep_truncated))

    def _keep(self, step: Callable[[], None]) -> None:
        """Run a step on the cache; where it fails, continue without the cache."""
        if not self._is_kept:
            return
        try:
            step()
        except (OSError, sqlite3.Error) as error:
            self._is_kept = False
            self._give_up_store(f"The cache cannot be written ({first_line(error)}).")

    def _give_up_store(self, why: str) -> None:
        if self._has_store:
            self._has_store = False
            self.progress.note(f"{why} {_SLOWER}")


def _portions(sizes: list[int]) -> list[tuple[int, int]]:
    """Divide files into runs of 1.._BATCH_SIZE files and few bytes: start and stop of each."""
    portions = []
    start = num_bytes = 0
    for place, size in enumerate(sizes):
        if place > start and (place - start == _BATCH_SIZE or num_bytes + size > _BATCH_BYTES):
            portions.append((start, place))
            start = place
            num_bytes = 0
        num_bytes += size
    return [*portions, (start, len(sizes))] if sizes else []


def _with_facts(photo: Photo, facts: Facts) -> Photo:
    # Not dataclasses.replace: this runs for every photo, and that takes several times as long.
    return Photo(
        *(photo.path, photo.label, photo.part, photo.size, photo.mtime_ns),
        group=photo.group,
        columns=photo.columns,
        **facts.by_name(),
    )
