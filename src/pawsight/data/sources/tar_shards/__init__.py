"""Packed sets: labelled photos in tar files (shards) of some hundred megabytes, with an index.

A folder of millions of photos takes long to list and to copy. In shards, the same photos are a
few files. Each shard begins with a table of its labels, so it can be used without the others.
`pawsight pack` writes packed sets (`contents`, `writing`, `destinations`). Every kind of source
may be a packed set: its shards are verified and unpacked into the cache.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pawsight.data.file_types import SHARD_INDEX
from pawsight.data.sources.source import Line, Source
from pawsight.data.sources.tar_shards.index import ShardFile, ShardIndex, parse_index
from pawsight.data.sources.tar_shards.labels import labels_name, read_labels
from pawsight.data.sources.unpack import Limits, unpack
from pawsight.errors import DataError
from pawsight.progress import Progress, Silent
from pawsight.storage.atomic_folder import new_folder
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.checksum import file_digest

_MAX_INDEX_BYTES = 64 << 20


def may_belong(parts: Sequence[str]) -> bool:
    """Return whether a remote file may belong to a packed set, by the names of its path."""
    return len(parts) == 1 and (parts[0] == SHARD_INDEX or parts[0].endswith(".tar"))


def wanted(paths: Iterable[str]) -> set[str]:
    """Return the paths of a remote folder that belong to a packed set; empty without an index."""
    files = {path for path in paths if may_belong(path.split("/"))}
    return files if SHARD_INDEX in files else set()


def fetch(folder: Path, progress: Progress, with_labels: bool = True) -> Source:
    """Unpack all shards into the cache, unless they were unpacked before.

    Args:
        folder: The packed set.
        progress: Receives the number of bytes unpacked.
        with_labels: Whether to read the labels; without labels the source is a folder of photos.

    Raises:
        DataError: The index or a shard is damaged, or a shard is missing.
        SourceError: A shard cannot be unpacked.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    root = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.absolute keeps ".."
    content = _read_index(root / SHARD_INDEX)
    index = parse_index(content, str(root / SHARD_INDEX))
    if not index.is_complete:
        raise DataError(
            f"{root} holds {len(index.shards)} of {index.num_shards} shards: pawsight pack was "
            f"interrupted.\nRun the same command again to finish it."
        )
    name = hashlib.sha256(content).hexdigest()[:16]
    target = cache_dir("unpacked") / f"shards-{name}"
    mark_in_use(target)
    if not target.is_dir():
        with new_folder(target, keep_existing=True) as temporary:
            _unpack_all(root, index, temporary, progress)
    return Source(index.name, target, lines=tuple(_lines(target, index)) if with_labels else None)


def _read_index(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_INDEX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(content) > _MAX_INDEX_BYTES:
        raise DataError(f"{path} is too large to be an index of shards.")
    return content


def _unpack_all(root: Path, index: ShardIndex, folder: Path, progress: Progress) -> None:
    progress.start("Unpacking", sum(shard.num_bytes for shard in index.shards), "bytes")
    for shard in index.shards:
        path = root / shard.file
        _check(path, shard)
        unpack(path, folder, Silent(), Limits())
        progress.advance(shard.num_bytes)


def _check(path: Path, shard: ShardFile) -> None:
    """Check that a shard has the size and checksum of the index; raises DataError."""
    try:
        is_same = path.stat().st_size == shard.num_bytes and file_digest(path) == shard.sha256
    except OSError as error:
        raise DataError(
            f"The shard {path} cannot be read: {error.strerror or error}.\n"
            f"Copy it again from where the set was packed."
        ) from error
    if not is_same:
        raise DataError(
            f"The shard {path} is damaged: its size or checksum differs from the index.\n"
            f"Copy it again from where the set was packed."
        )


def _lines(folder: Path, index: ShardIndex) -> list[Line]:
    lines: list[Line] = []
    for shard in index.shards:
        path = folder / labels_name(shard.file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"The shard {shard.file} has no table of labels.\n"
                f"Pack the photos again with pawsight pack."
            ) from error
        lines += read_labels(content, f"{shard.file}/{path.name}", len(lines) + 1)
    return lines
