"""Read every photo of a source once: facts into a catalog, pixels into a store.

A photo is not read again if the cache has its path with the same size and
modification time. A photo that cannot be read becomes a row with its problem.
Nothing is written into the user's folder.
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
_BATCH_BYTES = 16 * 2**20  # of files: batches of large photos are small, for regular progress
ReadBatches = Callable[[list[Batch]], Generator[Result]]
_SLOWER = "Photos are decoded while training instead, which is slower."


def read_locally(batches: list[Batch]) -> Generator[Result]:
    """Read batches on all cores of this machine."""
    return read_all(batches, min(num_cpus(), len(batches)))


def ingest(
    source: Catalog | Source | str | Path,
    image_size: tuple[int, int],
    resize: Resize = "stretch",
    progress: Progress = SILENT,
    keep_truncated: bool = False,
    scale: PixelScale | None = None,
    bands: tuple[int, ...] = (),
    read: ReadBatches = read_locally,
) -> tuple[Catalog, Pixels]:
    """Read the photos of a source, each once and only if it is new or has changed.

    Args:
        source: A listing, a fetched source, or any source that `fetch` accepts.
        image_size: Working size (height, width) in pixels.
        resize: How a photo of another shape is resized.
        progress: Receives the number of photos read and the rate.
        keep_truncated: Whether to use JPEGs whose end is missing, if most of the picture is there.
        scale: The rule that scales values of more than 8 bits to 0..255; None derives
            the rule from the photos.
        bands: The bands of a TIFF to use if `scale` is None; empty for the bands of the file.
        read: Reads batches of photos, and yields them with their results in any order.

    Returns:
        The catalog, in the order of the listing and with the rule, and its pixels: a
        store, or a stream if the cache cannot be written or the disk is full.

    Raises:
        SourceError, DataError, DiskError: See `fetch` and `scan`.
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
    """One pass over a listing, in which all photos are read."""

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
        self._is_cached = True
        unread = self._look_up()
        self._scale = self.chosen_scale or self._measured_scale()
        self._read(unread)
        # Photos that were read before the final rule was known are read again.
        self._scale = self.chosen_scale or self._measured_scale()
        self._read(self._scaled_otherwise())
        if self.chosen_scale is None:
            self._report_scale()

    def catalog(self) -> Catalog:
        """Return the catalog."""
        photos = tuple(self._photos)
        return replace(self.listing, photos=photos, pixel_scale=self._scale)

    def pixels(self) -> Pixels:
        """Return the pixels: a store, or a stream if there is no complete store."""
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

    def _scaled_otherwise(self) -> list[int]:
        """Return the indices of photos that were scaled by another rule, or by no rule."""
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
        """Note how values of more than 8 bits were scaled, if their kind has no definition."""
        for kind, (black, white) in self._scale.ranges.items():
            if self._scale.ranges[kind] != STANDARD.range_of(kind):
                count = sum(photo.samples.startswith(f"{kind} ") for photo in self._photos)
                no_data = (
                    f" Programs often write {black:g} for missing data; to make it black: "
                    f"--set pixels.range=[0,{white:g}]."
                    if is_usual_no_data(black)
                    else ""
                )
                self.progress.note(
                    f"{counted(count, 'photo has', 'photos have')} values of the kind {kind}. In "
                    f"all of them {black:g} becomes black and {white:g} white. To choose other "
                    f"values for `train` and `audit`: --set pixels.range=[BLACK,WHITE].{no_data}"
                )

    def _look_up(self) -> list[int]:
        """Take cached facts and pixels; return the indices of the photos to read."""
        cached = self.cache.look_up(self.listing.photos, self.keep_truncated)
        self._photos, self._rows, self._applied = cached.photos, cached.rows, cached.applied
        without_pixels = np.flatnonzero(cached.rows < 0).tolist()
        to_read = [i for i in without_pixels if not self._photos[i].problem]
        if self.cache.has_space(len(to_read)):
            return to_read
        self._has_store = False
        if self.cache.store_path is not None:
            num_bytes = len(to_read) * row_bytes(self.image_size)
            self.progress.note(
                f"The disk has no space to keep {num_bytes / 1e6:,.0f} MB of pixels "
                f"in {self.cache.store_path.parent}. {_SLOWER}"
            )
        return [i for i in to_read if not cached.is_known[i]]

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
                for batch, results in read:
                    offset = batch.first_row - first_row
                    self._add(indices[offset : offset + len(results)], batch.first_row, results)
                    num_read += len(results)
                    rate = num_read / elapsed_seconds(start)
                    self.progress.advance(len(results), rate=rate)
                    self._update_cache(self.cache.commit_periodically)
            finally:  # also after Ctrl-C, so that these photos need not be read again
                self._update_cache(self.cache.commit)
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
            for start, stop in _batch_ranges([self._photos[index].size for index in indices])
        ]

    def _add(self, indices: list[int], first_row: int, results: list[ReadResult]) -> None:
        """Add the results of a worker to the photos and to the cache."""
        permanent = []
        for row, (index, result) in enumerate(zip(indices, results, strict=True), first_row):
            facts, problem, is_permanent, is_stored, samples = result
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
                permanent.append((photo, row if is_stored else -1, applied))
        self._update_cache(lambda: self.cache.add(permanent, self.keep_truncated))

    def _update_cache(self, step: Callable[[], None]) -> None:
        """Run a step on the cache; if it fails, continue without the cache."""
        if not self._is_cached:
            return
        try:
            step()
        except (OSError, sqlite3.Error) as error:
            self._is_cached = False
            self._give_up_store(f"The cache cannot be written ({first_line(error)}).")

    def _give_up_store(self, reason: str) -> None:
        if self._has_store:
            self._has_store = False
            self.progress.note(f"{reason} {_SLOWER}")


def _batch_ranges(sizes: list[int]) -> list[tuple[int, int]]:
    """Divide files into batches of at most _BATCH_SIZE files and about _BATCH_BYTES bytes.

    Args:
        sizes: The sizes of the files in bytes.

    Returns:
        Start and stop index of each batch.
    """
    ranges = []
    start = num_bytes = 0
    for index, size in enumerate(sizes):
        if index > start and (index - start == _BATCH_SIZE or num_bytes + size > _BATCH_BYTES):
            ranges.append((start, index))
            start = index
            num_bytes = 0
        num_bytes += size
    return [*ranges, (start, len(sizes))] if sizes else []


def _with_facts(photo: Photo, facts: Facts) -> Photo:
    # dataclasses.replace takes several times as long, and this runs for every photo.
    return Photo(
        *(photo.path, photo.label, photo.part, photo.size, photo.mtime_ns),
        group=photo.group,
        columns=photo.columns,
        **facts.by_name(),
    )
