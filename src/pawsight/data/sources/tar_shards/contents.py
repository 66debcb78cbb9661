"""Choose the photos of a packed set, their names in the shards, and the shard of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.data.catalog import Catalog
from pawsight.data.sources.remote_names import safe_path, unique_paths
from pawsight.data.sources.source import Line
from pawsight.errors import DataError
from pawsight.records import Photo

_NONE = "none"  # the label for photos of none of the classes, which `SourceConfig.none` contains


@dataclass(frozen=True, slots=True)
class Member:
    """A photo to pack."""

    file: Path
    num_bytes: int
    mtime_ns: int  # modification time
    lines: tuple[Line, ...]  # a line for each label, with the path in the shard

    @property
    def name(self) -> str:
        """The path in the shard; the same as below the folder of the photos."""
        return self.lines[0].path


def members_of(catalog: Catalog) -> list[Member]:
    """Return the photos of a listing without a problem, including photos of none of the classes.

    A photo outside the folder, which a table may name, gets a path inside.

    Raises:
        DataError: A photo cannot be read.
    """
    photos = [photo for photo in catalog.photos if not photo.problem]
    photos += [Photo(path, _NONE) for path in catalog.none_paths]
    names = unique_paths(_name(photo.path) for photo in photos)
    return [_member(catalog, *pair) for pair in zip(photos, names, strict=True)]


def assigned(members: Sequence[Member], shard_bytes: int) -> list[list[Member]]:
    """Divide photos into shards, each of which is a random sample of all photos.

    The photos are sorted by a hash of their paths, so the result is the same each time.

    Args:
        members: The photos.
        shard_bytes: A shard is full when its photos have this size; the last may be smaller.
    """
    shards: list[list[Member]] = [[]]
    size = 0
    for member in sorted(members, key=lambda m: hashlib.sha256(os.fsencode(m.name)).digest()):
        if size >= shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(member)
        size += member.num_bytes
    return shards


def checksum_of(members: Sequence[Member], shard_bytes: int) -> str:
    """Return the SHA-256 of paths, sizes, modification times and labels, and of `shard_bytes`."""
    digest = hashlib.sha256(f"{shard_bytes}\n".encode())
    for member in sorted(members, key=lambda m: m.name):
        lines = [(line.label, line.part, line.group, line.columns) for line in member.lines]
        facts = [member.name, member.num_bytes, member.mtime_ns, lines]
        digest.update(json.dumps(facts).encode() + b"\n")
    return digest.hexdigest()


def _member(catalog: Catalog, photo: Photo, name: str) -> Member:
    file = catalog.root / photo.path
    try:
        status = file.stat()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error
    lines = (
        Line(name, label, photo.part, photo.group, columns=photo.columns)
        for label in catalog.names_of(photo) or ("",)
    )
    return Member(file, status.st_size, status.st_mtime_ns, tuple(lines))


def _name(path: str) -> str:
    parts = path.split("/")
    if "" not in parts and ".." not in parts:
        return path
    return safe_path([part for part in parts if part not in ("", ".", "..")])
