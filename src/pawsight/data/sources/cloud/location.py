"""The result of listing a remote address, and the choice of the files to copy."""

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
    """The files at an address. Paths are those of the copies, relative to their folder."""

    name: str  # the name of the folder, for display
    address: str  # the address without secrets
    files: Sequence[RemoteFile]  # the files to copy
    hint: str = "Give the folder that the photos are in."  # advice if there are no files
    archive: str | None = None  # the path of the only file, if that is an archive
    table: str | None = None  # the path of the table that names the photos
    photo: str | None = None  # the path of the only file, if that is a photo


def one_file(
    name: str, start: bytes, address: str, make: Callable[[str], RemoteFile]
) -> RemoteFolder:
    """Return the record of an address that is an archive or a photo.

    Args:
        name: The name of the file.
        start: The first bytes of the file.
        address: The address without secrets.
        make: Returns the `RemoteFile` for a given path of the copy.

    Raises:
        SourceError: The file is neither an archive nor a photo.
    """
    path = safe_path([name])
    if archive.is_archive(Path(name), start):
        return RemoteFolder(archive.stem_of(name), address, [make(path)], archive=path)
    kind = kind_of(name)
    if kind is Kind.PHOTO or (kind is Kind.UNKNOWN and sniff(start)[0] is Kind.PHOTO):
        return RemoteFolder(safe_path([Path(name).stem]), address, [make(path)], photo=path)
    refuse_file(address)


def wanted_files(
    files: Sequence[tuple[str, Callable[[str], RemoteFile]]],
) -> list[RemoteFile]:
    """Return the files of a listing to copy: its photos and tables, or the shards of a packed set.

    Args:
        files: For each file its path in the folder, with "/", and a function that
            returns its `RemoteFile` for a given path of the copy.
    """
    if shards := tar_shards.wanted(path for path, _ in files):
        return [make(path) for path, make in files if path in shards]
    split = ((path.split("/"), make) for path, make in files)
    # Two slashes enclose a folder without a name, which a store may have and a disk may not.
    named = [([part for part in parts if part], make) for parts, make in split if parts[-1]]
    kept = [(parts, make) for parts, make in named if is_wanted(parts[:-1], parts[-1])]
    paths = unique_paths(safe_path(parts) for parts, _ in kept)
    return [make(path) for path, (_, make) in zip(paths, kept, strict=True)]


def refuse_file(address: str) -> NoReturn:
    """Raise SourceError for a file that is no archive or table."""
    raise SourceError(
        f"{address} is a file, but neither {ARCHIVES} nor {TABLES}.\n"
        f"Give the folder that the photos are in."
    )
