"""Write a shard; the same photos and labels always give the same bytes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pawsight.data.sources.tar_shards.contents import Member
from pawsight.data.sources.tar_shards.index import ShardFile
from pawsight.data.sources.tar_shards.labels import labels_name, labels_table
from pawsight.errors import DataError
from pawsight.storage.checksum import file_digest

_MODE = 0o644


def write_shard(
    path: Path, name: str, members: Sequence[Member], advance: Callable[[int], None]
) -> ShardFile:
    """Write a shard into a file.

    Args:
        path: The file.
        name: The name of the shard.
        members: The photos, in order.
        advance: Receives the number of bytes of each photo.

    Returns:
        The entry of the shard for the index.

    Raises:
        DataError: A photo cannot be read, or was changed meanwhile.
        OSError: The file cannot be written.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        table = labels_table(line for member in members for line in member.lines)
        archive.addfile(_entry(labels_name(name), len(table)), io.BytesIO(table))
        for member in members:
            try:
                content = member.file.read_bytes()
            except OSError as error:
                raise DataError(
                    f"{member.file} cannot be read: {error.strerror or error}.\n"
                    f"Repair it, or leave it out with --exclude, and run the same command again: "
                    f"finished shards are kept."
                ) from error
            if len(content) != member.num_bytes:
                raise DataError(
                    f"{member.file} was changed while the photos were packed.\n"
                    f"Pack them again, into another folder, when nothing writes there."
                )
            archive.addfile(_entry(member.name, len(content)), io.BytesIO(content))
            advance(len(content))
    return ShardFile(
        file=name,
        num_photos=len(members),
        num_bytes=path.stat().st_size,
        sha256=file_digest(path),
    )


def _entry(name: str, num_bytes: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # with modification time 0 and owner 0
    entry.size, entry.mode = num_bytes, _MODE
    return entry
