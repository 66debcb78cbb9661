"""What is known of the working folder of an address: `.remote.json` in it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter

from pawsight.storage.atomic import write_json
from pawsight.storage.checksum import has_checksum
from pawsight.storage.json_records import load_record
from pawsight.storage.stores.remote_folder import RemoteVersion

_NAME = ".remote.json"
Stamp = tuple[int, int]  # time of change in nanoseconds, bytes
Known = dict[str, tuple[int, int, str]]  # a file's stamp, and the remote version that it equals


class MirrorRecord(BaseModel, frozen=True, extra="forbid"):
    """The address without secrets, and what is known of each file."""

    address: str
    files: Known

    @classmethod
    def load(cls, folder: Path) -> MirrorRecord | None:
        """Read the record of a working folder; None where there is none.

        Raises:
            RunError: It is damaged.
        """
        return load_record(folder / _NAME, _ADAPTER, f"Remove {folder}.")

    def save(self, folder: Path) -> None:
        """Write the record; raises DiskError."""
        write_json(folder / _NAME, self.model_dump(mode="json"))


_ADAPTER = TypeAdapter(MirrorRecord)


def is_same(path: Path, found: RemoteVersion) -> bool:
    """Return whether a file here is known to equal one at an address, by its checksum there."""
    if not found.checksum or not path.is_file() or path.stat().st_size != found.size:
        return False
    return has_checksum(path, found.checksum)


def is_plain(name: str) -> bool:
    """Return whether a path stays in its folder, and is no hidden or partial file."""
    parts = PurePosixPath(name).parts
    return not (
        "\\" in name
        or name.endswith(".part")
        or PurePosixPath(name).is_absolute()
        or any(part.startswith(".") or not part for part in parts)
    )


def stamp_of(path: Path) -> Stamp:
    """Return what changes when a file does."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size
