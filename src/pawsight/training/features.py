"""Extract features of photos with a backbone: computed once, cached, and reused.

Features are rows of float16 under the photo's own hash, so they serve any
source, split or order; new photos alone are computed, and an interrupted pass
continues where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
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

_AT_ONCE = 64  # photos read, and reported, at a time
_CHUNK = 1024  # photos in a file: at most this much work is lost
_FLOAT16_MAX = 65504.0  # of float16


@dataclass(frozen=True, slots=True)
class Features:
    """Features of photos."""

    indices: IntArray  # their catalog indices, [N]; without lost photos
    rows: FloatArray  # float32 [N, F]
    num_computed: int  # how many of them were not in the cache
    images_per_second: float  # the rate of those, 0 if there were none


class OnnxNetwork:
    """An ONNX file in ONNX Runtime, for images of any number.

    Each core runs one photo at a time: what a core holds of more falls out of its cache, and
    cores that share a photo wait for each other. And what comes out for a photo never depends
    on those beside it.

    Args:
        path: The file; it takes "images".
        output: What of it is wanted.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """

    def __init__(self, path: Path, output: str) -> None:
        self._output = output
        try:
            self._session = session_of_file(path)
        except (OSError, ModelError) as error:
            raise ModelError(
                f"{path} cannot be run. {error}\nRemove that file, and it is made again."
            ) from error

    def run(self, images: ImageArray | FloatArray) -> FloatArray:
        """Return its output for images [N, H, W, 3], 0..255, N at least 1: float32 [N, ...]."""
        with ThreadPoolExecutor(num_cpus(), thread_name_prefix="features") as pool:
            return np.concatenate(list(pool.map(self._run_one, images)))

    def _run_one(self, image: ImageArray | FloatArray) -> FloatArray:
        found: FloatArray = self._session.run(
            [self._output], {"images": image[None].astype(np.float32)}
        )[0]
        return found


@dataclass(frozen=True, slots=True)
class FeatureChunk:
    """Photos whose features a worker extracts, and saves in one file."""

    open_pixels: Callable[[], Pixels]  # opens the pixels of these photos alone
    keys: list[bytes]  # their keys in the cache
    is_mirrored: bool  # whether they are mirrored, left for right


@dataclass(frozen=True, slots=True)
class FeatureJob:
    """The job of extracting the features of chunks into the cache."""

    backbone: Backbone
    resize: str
    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[FeatureChunk], None]:
        """Return what extracts and saves the features of a chunk; see `Job`."""
        reader = FeatureReader(self.backbone, self.resize)

        def work(chunk: FeatureChunk) -> None:
            reader.extract(
                chunk.open_pixels(), np.arange(len(chunk.keys)), chunk.keys, chunk.is_mirrored
            )

        return work


class FeatureReader:
    """Runs a backbone over photos.

    Args:
        backbone: The network.
        resize: How photos were brought to its size; other pixels, other features.
        group: The workers that extract features; None is this process.

    Raises:
        ModelError: ONNX Runtime cannot run the backbone.
    """

    def __init__(self, backbone: Backbone, resize: str, group: WorkerGroup | None = None) -> None:
        self.backbone = backbone
        self._group = group
        self._folder: Path | None = None  # where no cache can be used
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
            indices: Which of them, [N].
            progress: Receives the photos done, and their rate.
            is_mirrored: Mirror the photos, left for right.

        Raises:
            DiskError: The pixels are gone.
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
            if len(missing):  # lost by the workers, and counted again below
                report(num_missing - len(missing) - num_done)
        for at in range(0, len(missing), _CHUNK):
            chunk = missing[at : at + _CHUNK]
            names = [keys[i] for i in chunk.tolist()]
            known |= self.extract(pixels, chunk, names, is_mirrored, report)
        rate = num_done / elapsed_seconds(started) if num_done else 0.0
        there = np.array([i for i in indices.tolist() if keys[i] in known], np.int64)
        rows_there = [known[keys[i]] for i in there.tolist()]
        found = np.stack(rows_there).astype(np.float32) if rows_there else np.empty((0, 0), "f4")
        return Features(there, found, num_done, rate)

    def extract(
        self,
        pixels: Pixels,
        indices: IntArray,
        keys: list[bytes],
        is_mirrored: bool,
        report: Callable[[int], None] = lambda count: None,
    ) -> dict[bytes, NDArray[np.float16]]:
        """Extract and save features of photos; lost ones are left out.

        Args:
            pixels: Their pixels.
            indices: Which of them, [N], N at least 1.
            keys: Their keys in the cache, N of them.
            is_mirrored: Mirror the photos, left for right.
            report: Receives the number of photos that are done.

        Returns:
            Rows of F values by key.
        """
        rows: list[FloatArray] = []
        for start in range(0, len(indices), _AT_ONCE):
            some = indices[start : start + _AT_ONCE]
            images = pixels.read(some)
            rows.append(self.compute(images[:, :, ::-1] if is_mirrored else images))
            report(len(some))
        table = np.clip(np.concatenate(rows), -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16)
        is_there = ~is_lost(pixels, indices)
        names = [key for key, there in zip(keys, is_there, strict=True) if there]
        self._save(self._kind(is_mirrored), names, table[is_there])
        return dict(zip(names, table[is_there], strict=True))

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
        """Extract features by the workers into the cache, in chunks that are enough for all."""
        length = min(_CHUNK, max(_AT_ONCE, len(indices) // (2 * group.count)))
        chunks = []
        for at in range(0, len(indices), length):
            some = indices[at : at + length]
            open_pixels = opener(pixels, some)
            if open_pixels is not None:
                names = [keys[i] for i in some.tolist()]
                chunks.append(FeatureChunk(open_pixels, names, is_mirrored))
        job = FeatureJob(self.backbone, self._resize)

        def lost(how: str, chunk: FeatureChunk) -> None:
            note(f"{how}; another one extracts its features again.")

        with contextlib.closing(group.run(job, chunks, lost)) as done:
            for chunk, _ in done:
                report(len(chunk.keys))

    def _kind(self, is_mirrored: bool) -> str:
        return f"{self._resize}{'-mirrored' if is_mirrored else ''}"

    def _load(self, kind: str, wanted: set[bytes]) -> dict[bytes, NDArray[np.float16]]:
        """Read cached rows by the photos' keys; damaged files are skipped.

        What a killed process left is removed here, too: with all rows cached nothing is written.
        """
        known: dict[bytes, NDArray[np.float16]] = {}
        if self._folder is None:
            return known
        with contextlib.suppress(OSError):
            remove_abandoned(self._folder / kind)
        for path in sorted((self._folder / kind).glob("*.npz")):
            with contextlib.suppress(*NPZ_ERRORS):
                with path.open("rb") as file, arrays_of(file) as found:
                    names, rows = found["keys"], found["rows"]
                if names.shape == (len(rows), 16) and np.isfinite(rows).all():
                    named = zip(map(bytes, names), rows, strict=True)
                    # Copied: a view would keep all rows of the file in memory.
                    known |= {name: row.copy() for name, row in named if name in wanted}
        return known

    def _save(self, kind: str, names: list[bytes], rows: NDArray[np.float16]) -> None:
        if not names or self._folder is None:
            return
        digest = hashlib.sha256(b"".join(names)).hexdigest()[:16]
        path = self._folder / kind / f"{digest}.npz"
        keys = np.frombuffer(b"".join(names), np.uint8).reshape(-1, 16)
        # Where they cannot be cached, they are computed again the next time.
        with (
            contextlib.suppress(DiskError),
            replacing(path) as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, allow_pickle=False, keys=keys, rows=rows)


def _key(catalog: Catalog, index: int) -> bytes:
    return hashlib.sha256(catalog.photos[index].pixels_key.encode()).digest()[:16]
