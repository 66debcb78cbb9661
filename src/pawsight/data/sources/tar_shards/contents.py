"""Which photos a packed set holds, under which names, and in which shard each is."""

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

_NONE = "none"  # the class of photos of none of the classes; the default of `SourceConfig.none`


@dataclass(frozen=True, slots=True)
class Member:
    """A photo that is packed."""

    file: Path  # where it is now
    num_bytes: int
    mtime_ns: int  # when it was changed, in ns
    lines: tuple[Line, ...]  # its labels; the path of each is its name in the shard

    @property
    def name(self) -> str:
        """Its path in the shard, which is that below the folder of the photos."""
        return self.lines[0].path


def members_of(catalog: Catalog) -> list[Member]:
    """Return the photos of a listing that have no problem, those of none of the classes included.

    Those outside the folder, which a table may name, get a path inside.

    Raises:
        DataError: A photo cannot be found.
    """
    photos = [photo for photo in catalog.photos if not photo.problem]
    photos += [Photo(path, _NONE) for path in catalog.none_paths]
    names = unique_paths(_name(photo.path) for photo in photos)
    return [_member(catalog, *pair) for pair in zip(photos, names, strict=True)]


def assigned(members: Sequence[Member], shard_bytes: int) -> list[list[Member]]:
    """Divide photos into shards, each of which is a random sample of them.

    The order is that of a hash of their paths, so that it is the same each time.

    Args:
        members: The photos.
        shard_bytes: The size from which a shard is full; the last one may be smaller.
    """
    shards: list[list[Member]] = [[]]
    size = 0
    for member in sorted(members, key=lambda one: hashlib.sha256(os.fsencode(one.name)).digest()):
        if size >= shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(member)
        size += member.num_bytes
    return shards


def checksum_of(members: Sequence[Member], shard_bytes: int) -> str:
    """Return SHA-256 of what is to be packed: paths, sizes, times, labels, size of the shards."""
    digest = hashlib.sha256(f"{shard_bytes}\n".encode())
    for member in sorted(members, key=lambda one: one.name):
        lines = [(one.label, one.part, one.group, one.columns) for one in member.lines]
        facts = [member.name, member.num_bytes, member.mtime_ns, lines]
        digest.update(json.dumps(facts).encode() + b"\n")
    return digest.hexdigest()


def _member(catalog: Catalog, photo: Photo, name: str) -> Member:
    file = catalog.root / photo.path
    try:
        facts = file.stat()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error
    lines = (
        Line(name, label, photo.part, photo.group, columns=photo.columns)
        for label in catalog.names_of(photo) or ("",)
    )
    return Member(file, facts.st_size, facts.st_mtime_ns, tuple(lines))


def _name(path: str) -> str:
    parts = path.split("/")
    if "" not in parts and ".." not in parts:
        return path
    return safe_path([part for part in parts if part not in ("", ".", "..")])
