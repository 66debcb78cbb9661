"""The record of a mirrored folder, `.remote.json`: the remote version of each local file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter

from pawsight.storage.atomic import write_json
from pawsight.storage.checksum import has_checksum
from pawsight.storage.json_records import load_record
from pawsight.storage.stores.remote_folder import RemoteVersion

_NAME = ".remote.json"
Stamp = tuple[int, int]  # modification time in nanoseconds, size in bytes
Known = dict[str, tuple[int, int, str]]  # by name: a file's stamp, and the equal remote version


class MirrorRecord(BaseModel, frozen=True, extra="forbid"):
    """The address without secrets, and the stamp and remote version of each file."""

    address: str
    files: Known

    @classmethod
    def load(cls, folder: Path) -> MirrorRecord | None:
        """Read the record of a working folder; return None if there is none.

        Raises:
            RunError: The record is damaged, or cannot be read.
        """
        return load_record(folder / _NAME, _ADAPTER, f"Remove {folder}.")

    def save(self, folder: Path) -> None:
        """Write the record; raises DiskError."""
        write_json(folder / _NAME, self.model_dump(mode="json"))


_ADAPTER = TypeAdapter(MirrorRecord)


def is_same(path: Path, remote: RemoteVersion) -> bool:
    """Return whether a local file has the size and checksum of a remote file.

    False also if the remote checksum is unknown.
    """
    if not remote.checksum or not path.is_file() or path.stat().st_size != remote.size:
        return False
    return has_checksum(path, remote.checksum)


def is_plain(name: str) -> bool:
    """Return whether a relative path stays in its folder, and is no hidden or partial file."""
    parts = PurePosixPath(name).parts
    return not (
        "\\" in name
        or name.endswith(".part")
        or PurePosixPath(name).is_absolute()
        or any(part.startswith(".") or not part for part in parts)
    )


def stamp_of(path: Path) -> Stamp:
    """Return the modification time and size of a file, to detect changes."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size
