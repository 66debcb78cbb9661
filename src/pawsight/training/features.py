"""Extract features of photos with a backbone, and cache them.

The cache maps a hash of each photo to a row of float16, independent of source, split
and order. Only new photos are computed, and an interrupted extraction continues where
it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.reading.resized import opener
from pawsight.data.reading.stream import is_lost
from pawsight.errors import DiskError, ModelError
from pawsight.machine import elapsed_seconds, num_cpus
from pawsight.models.backbone import Backbone
from pawsight.models.onnx_session import session_of_file
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray, IntArray, Pixels
from pawsight.storage.atomic import remove_abandoned, replacing
from pawsight.storage.npz import NPZ_ERRORS, arrays_of
from pawsight.training.worker_group import WorkerGroup

_BATCH_SIZE = 64  # photos read, and reported, at a time
_CHUNK = 1024  # photos per file; an interruption loses at most this many
_FLOAT16_MAX = 65504.0


@dataclass(frozen=True, slots=True)
class Features:
    """Features of photos."""

    indices: IntArray  # catalog indices of the photos, [N]; without lost photos
    rows: FloatArray  # float32 [N, F]
    num_computed: int  # number of photos that were not in the cache
    images_per_second: float  # rate of their extraction; 0 if all were in the cache


class OnnxNetwork:
    """An ONNX file in ONNX Runtime, for any number of images.

    Each core runs one image at a time: the intermediate results of several images would not
    fit into its cache, and cores that share an image would wait for each other. So the output
    for an image never depends on the other images.

    Args:
        path: The file, with the input "images".
        output: The name of the output to compute.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """

    def __init__(self, path: Path, output: str) -> None:
        self._output = output
        try:
            self._session = session_of_file(path)
        except (OSError, ModelError) as error:
            raise ModelError(
                f"{path} cannot be run. {error}\nRemove that file; it will be made again."
            ) from error

    def run(self, images: ImageArray | FloatArray) -> FloatArray:
        """Return the output for images [N, H, W, 3], 0..255, N at least 1: float32 [N, ...]."""
        with ThreadPoolExecutor(num_cpus(), thread_name_prefix="features") as pool:
            return np.concatenate(list(pool.map(self._run_single, images)))

    def _run_single(self, image: ImageArray | FloatArray) -> FloatArray:
        inputs = {"images": image[None].astype(np.float32)}
        output: FloatArray = self._session.run([self._output], inputs)[0]
        return output


@dataclass(frozen=True, slots=True)
class FeatureChunk:
    """Photos whose features a worker extracts, and saves in one file."""

    open_pixels: Callable[[], Pixels]  # opens the pixels of these photos only
    keys: list[bytes]  # their keys in the cache
    is_mirrored: bool  # whether the photos are mirrored horizontally


@dataclass(frozen=True, slots=True)
class FeatureJob:
    """The job of extracting the features of chunks into the cache; see `worker_group.Job`."""

    backbone: Backbone
    resize: str
    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[FeatureChunk], None]:
        """Return a function that extracts and saves the features of a chunk."""
        reader = FeatureReader(self.backbone, self.resize)

        def work(chunk: FeatureChunk) -> None:
            reader.extract(
                chunk.open_pixels(), np.arange(len(chunk.keys)), chunk.keys, chunk.is_mirrored
            )

        return work


class FeatureReader:
    """Extracts features with a backbone, or reads them from the cache.

    Args:
        backbone: The network.
        resize: How the photos were resized, which affects their features.
        group: Workers that extract features; None extracts in this process.

    Raises:
        ModelError: ONNX Runtime cannot run the backbone.
    """

    def __init__(self, backbone: Backbone, resize: str, group: WorkerGroup | None = None) -> None:
        self.backbone = backbone
        self._group = group
        self._folder: Path | None = None  # None: there is no usable cache
        with contextlib.suppress(DiskError):
            self._folder = backbone.features_dir
        self._resize = resize
        self._network = OnnxNetwork(backbone.onnx_path, "features")

    def compute(self, images: ImageArray | FloatArray) -> FloatArray:
        """Compute features of images [N, H, W, 3], 0..255, N at least 1: float32 [N, F]."""
        return self._network.run(images)

    def read(
        self,
        catalog: Catalog,
        pixels: Pixels,
        indices: IntArray,
        progress: Progress,
        is_mirrored: bool = False,
    ) -> Features:
        """Read features of photos from the cache, and compute those that are not in it.

        Args:
            catalog: The photos.
            pixels: Their pixels at the backbone's size.
            indices: Catalog indices of the photos to read, [N].
            progress: Receives the number of photos, and their rate.
            is_mirrored: Mirror the photos horizontally.

        Raises:
            DiskError: The stored pixels do not exist any more.
        """
        keys = {i: _key(catalog, i) for i in indices.tolist()}
        known = self._load(self._kind(is_mirrored), set(keys.values()))
        missing = np.array([i for i in indices.tolist() if keys[i] not in known], np.int64)
        started = time.perf_counter()
        if len(missing):
            task = f"Extracting features{' (mirrored)' if is_mirrored else ''}"
            progress.start(task, len(indices), "photos")
            progress.advance(len(indices) - len(missing))
        num_done = 0

        def report(count: int) -> None:
            nonlocal num_done
            num_done += count
            rate = num_done / elapsed_seconds(started)
            progress.advance(count, images_per_second=rate)

        if self._group is not None and self._folder is not None:
            num_missing = len(missing)
            self._share(self._group, pixels, missing, keys, is_mirrored, report, progress.note)
            known |= self._load(self._kind(is_mirrored), {keys[i] for i in missing.tolist()})
            missing = np.array([i for i in missing.tolist() if keys[i] not in known], np.int64)
            if len(missing):  # the workers did not save these; they are counted again below
                report(num_missing - len(missing) - num_done)
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            chunk_keys = [keys[i] for i in chunk.tolist()]
            known |= self.extract(pixels, chunk, chunk_keys, is_mirrored, report)
        rate = num_done / elapsed_seconds(started) if num_done else 0.0
        readable = np.array([i for i in indices.tolist() if keys[i] in known], np.int64)
        rows = [known[keys[i]] for i in readable.tolist()]
        table = np.stack(rows).astype(np.float32) if rows else np.empty((0, 0), np.float32)
        return Features(readable, table, num_done, rate)

    def extract(
        self,
        pixels: Pixels,
        indices: IntArray,
        keys: list[bytes],
        is_mirrored: bool,
        report: Callable[[int], None] = lambda count: None,
    ) -> dict[bytes, NDArray[np.float16]]:
        """Extract and save the features of photos; lost photos are left out.

        Args:
            pixels: The pixels of the photos.
            indices: Indices of the photos in `pixels`, [N], N at least 1.
            keys: Keys of the photos in the cache, length N.
            is_mirrored: Mirror the photos horizontally.
            report: Receives the number of photos of each batch.

        Returns:
            Rows of F values by key.
        """
        rows: list[FloatArray] = []
        for start in range(0, len(indices), _BATCH_SIZE):
            batch = indices[start : start + _BATCH_SIZE]
            images = pixels.read(batch)
            rows.append(self.compute(images[:, :, ::-1] if is_mirrored else images))
            report(len(batch))
        table = np.clip(np.concatenate(rows), -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16)
        is_readable = ~is_lost(pixels, indices)
        kept = list(itertools.compress(keys, is_readable))
        self._save(self._kind(is_mirrored), kept, table[is_readable])
        return dict(zip(kept, table[is_readable], strict=True))

    def _share(
        self,
        group: WorkerGroup,
        pixels: Pixels,
        indices: IntArray,
        keys: dict[int, bytes],
        is_mirrored: bool,
        report: Callable[[int], None],
        note: Callable[[str], None],
    ) -> None:
        """Extract features into the cache on the workers, at least two chunks for each."""
        length = min(_CHUNK, max(_BATCH_SIZE, len(indices) // (2 * group.count)))
        chunks = []
        for start in range(0, len(indices), length):
            chunk = indices[start : start + length]
            open_pixels = opener(pixels, chunk)
            if open_pixels is not None:
                chunk_keys = [keys[i] for i in chunk.tolist()]
                chunks.append(FeatureChunk(open_pixels, chunk_keys, is_mirrored))
        job = FeatureJob(self.backbone, self._resize)

        def lost(how: str, _: FeatureChunk) -> None:
            note(f"{how}; another worker extracts its features again.")

        with contextlib.closing(group.run(job, chunks, lost)) as done:
            for chunk, _ in done:
                report(len(chunk.keys))

    def _kind(self, is_mirrored: bool) -> str:
        return f"{self._resize}{'-mirrored' if is_mirrored else ''}"

    def _load(self, kind: str, keys: set[bytes]) -> dict[bytes, NDArray[np.float16]]:
        """Read cached rows by the photos' keys; damaged files are skipped.

        Temporary files of killed processes are removed here, too, because nothing is written
        where all rows are cached.
        """
        known: dict[bytes, NDArray[np.float16]] = {}
        if self._folder is None:
            return known
        with contextlib.suppress(OSError):
            remove_abandoned(self._folder / kind)
        for path in sorted((self._folder / kind).glob("*.npz")):
            with contextlib.suppress(*NPZ_ERRORS):
                with path.open("rb") as file, arrays_of(file) as arrays:
                    stored_keys, rows = arrays["keys"], arrays["rows"]
                if stored_keys.shape == (len(rows), 16) and np.isfinite(rows).all():
                    by_key = zip(map(bytes, stored_keys), rows, strict=True)
                    # Copied: a view would keep all rows of the file in memory.
                    known |= {key: row.copy() for key, row in by_key if key in keys}
        return known

    def _save(self, kind: str, keys: list[bytes], rows: NDArray[np.float16]) -> None:
        """Write rows to the cache; if that fails, they are computed again the next time."""
        if not keys or self._folder is None:
            return
        joined = b"".join(keys)
        path = self._folder / kind / f"{hashlib.sha256(joined).hexdigest()[:16]}.npz"
        table = np.frombuffer(joined, np.uint8).reshape(-1, 16)
        with (
            contextlib.suppress(DiskError),
            replacing(path) as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, allow_pickle=False, keys=table, rows=rows)


def _key(catalog: Catalog, index: int) -> bytes:
    return hashlib.sha256(catalog.photos[index].pixels_key.encode()).digest()[:16]
