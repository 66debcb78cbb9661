"""What is at an address, once it was listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pawsight.data.file_types import ARCHIVES, TABLES, Kind, is_wanted, kind_of, sniff
from pawsight.data.sources import archive, tar_shards
from pawsight.data.sources.mirror import RemoteFile, safe_path, unique_paths
from pawsight.errors import SourceError


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """Remote files that belong together."""

    name: str  # what to call them
    address: str  # where they are, without secrets
    files: Sequence[RemoteFile]  # what is to be copied
    hint: str = "Give the folder that the photos are in."  # what to do where there is none
    archive: str | None = None  # the path of the one file that is an archive to unpack
    table: str | None = None  # the path of the table that lists the photos
    photo: str | None = None  # the path of the one file that is a photo


def one_file(
    name: str, start: bytes, address: str, make: Callable[[str], RemoteFile]
) -> RemoteFolder:
    """Return an archive or a photo that is at an address itself.

    Args:
        name: That of the file.
        start: Its first bytes.
        address: Where it is, without secrets.
        make: Makes a record of it, given the path it gets here.

    Raises:
        SourceError: It is neither.
    """
    here = safe_path([name])
    if archive.is_archive(Path(name), start):
        return RemoteFolder(archive.stem_of(name), address, [make(here)], archive=here)
    kind = kind_of(name)
    if kind is Kind.PHOTO or (kind is Kind.UNKNOWN and sniff(start)[0] is Kind.PHOTO):
        return RemoteFolder(safe_path([Path(name).stem]), address, [make(here)], photo=here)
    refuse_file(address)


def wanted_files(
    files: Sequence[tuple[str, Callable[[str], RemoteFile]]],
) -> list[RemoteFile]:
    """Choose the photos and tables of a listing, each under its own safe path, or its shards.

    Args:
        files: For each file its path below the folder, "/" between, and what
            makes a record of it, given the path it gets here.
    """
    if shards := tar_shards.wanted(path for path, _ in files):
        return [make(path) for path, make in files if path in shards]
    split = ((path.split("/"), make) for path, make in files)
    # Twice a slash is a folder without a name; a store may have it, a disk not.
    named = [([part for part in parts if part], make) for parts, make in split if parts[-1]]
    kept = [(parts, make) for parts, make in named if is_wanted(parts[:-1], parts[-1])]
    paths = unique_paths(safe_path(parts) for parts, _ in kept)
    return [make(path) for path, (_, make) in zip(paths, kept, strict=True)]


def refuse_file(address: str) -> NoReturn:
    """Refuse a file that photos cannot come from; raises SourceError."""
    raise SourceError(
        f"{address} is a file, but neither {ARCHIVES} nor {TABLES}.\n"
        f"Give the folder that the photos are in."
    )
