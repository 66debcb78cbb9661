"""Unpack an untrusted archive.

Only regular files with relative names are unpacked. Links, devices, absolute paths and
paths with `..` are left out and counted. Files that are no photos or tables are left out.
Sizes are counted while writing, because a header can state any size, and the size of
headers is limited.
"""

from __future__ import annotations

import contextlib
import errno
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from pawsight.data.file_types import ARCHIVE_ENDINGS, EXAMPLES, is_table_name, is_wanted
from pawsight.data.sources.bounded_stream import BoundedStream, TooLargeError, decompressed
from pawsight.errors import DiskError, SourceError
from pawsight.formatting import counted, listed, printable
from pawsight.progress import Progress
from pawsight.storage.atomic import make_dirs, opener
from pawsight.storage.disk_space import DISK_ERRORS, RESERVE_BYTES, check_space

_CHUNK_BYTES = 1 << 20
_CHECK_DISK_BYTES = 64 << 20
_REPORT_FILES = 100
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    UnicodeError,
    LookupError,  # of an entry without a name
)
_ENCRYPTED_FLAG, _UTF8_FLAG = 0x1, 0x800  # of a zip entry; Source: APPNOTE.TXT 4.4.4


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for unpacking an archive.

    Photos hardly compress, so an archive that unpacks to far more than its own size is a
    mistake or an attack.
    """

    max_files: int = 5_000_000  # entries of any kind
    max_ratio: int = 200  # bytes unpacked per byte of the archive
    floor_bytes: int = 4 << 30  # allowed at any ratio, for small archives of drawings
    max_header_bytes: int = 1 << 20  # of an entry of a tar; a path has some hundred bytes
    max_directory_bytes: int = 256 << 20  # of the directory of a zip
    reserve_bytes: int = RESERVE_BYTES  # of the disk, left free


def unpack(path: Path, folder: Path, progress: Progress, limits: Limits) -> None:
    """Unpack the photos and tables of a zip or tar archive into an empty folder.

    Args:
        path: The archive.
        folder: The folder.
        progress: Receives the files or bytes unpacked, and notes on entries that are left out.
        limits: The limits.

    Raises:
        SourceError: The archive is damaged, needs a password, holds no photos, or exceeds
            the limits.
        DiskError: The folder cannot be written, or the disk is too full.
    """
    writer = _Writer(path, folder, progress, limits)
    try:
        if zipfile.is_zipfile(path) and not _is_tar(path):
            _unpack_zip(path, writer, limits)
        else:
            _unpack_tar(path, writer, limits)
    except _DAMAGE as error:
        raise SourceError(
            f"The archive {path} is damaged or incomplete, or no archive at all"
            f"{f' (in {printable(writer.current)})' if writer.current else ''}.\n"
            f"Download or copy it again."
        ) from error
    except (TooLargeError, RecursionError) as error:  # RecursionError: nested headers
        raise SourceError(
            f"The archive {path} has a header that is far larger than a list of photos needs; it "
            f"was not unpacked.\nIf you trust it, unpack it yourself and give the folder."
        ) from error
    except NotImplementedError as error:  # raised by zipfile for an unsupported compression method
        raise SourceError(
            f"The archive {path} has a compression that pawsight cannot unpack ({error}).\n"
            f"Unpack it yourself and give the folder."
        ) from error
    except OSError as error:
        raise _unpack_error(path, folder, error) from error
    if writer.num_left_out:
        progress.note(
            f"Left out {writer.num_left_out} of the entries of {path.name}: "
            f"links, devices, or names that lead outside or cannot be written."
        )
    if not writer.num_photos:
        if writer.inner_archives:
            raise SourceError(
                f"The archive {path} holds no photos, but archives: "
                f"{listed(writer.inner_archives, 3)}\n"
                f"Unpack it yourself, and give one of these archives, or the folder into which "
                f"you unpacked them."
            )
        raise SourceError(f"There are no photos in the archive {path}.\n{EXAMPLES}")
    if writer.inner_archives:
        progress.note(
            f"Left out: {counted(len(writer.inner_archives), 'archive')} in {path.name}, such as "
            f"{printable(writer.inner_archives[0])}."
        )


def _unpack_zip(path: Path, writer: _Writer, limits: Limits) -> None:
    with path.open("rb") as file, _opened_zip(file, limits) as archive:
        entries = archive.infolist()
        members = {}  # of two entries with the same name, the last counts
        for entry in entries:
            writer.count_entry()
            mode = entry.external_attr >> 16
            if entry.is_dir():
                continue
            is_plain = stat.S_IFMT(mode) in (0, stat.S_IFREG)
            name = writer.accept(_zip_name(entry), is_plain)
            if name:
                members[name] = entry
        for entry in members.values():
            if entry.flag_bits & _ENCRYPTED_FLAG:
                raise SourceError(
                    f"The archive {path} is protected by a password.\n"
                    f"Unpack it yourself and give the folder."
                )
        writer.check_space(sum(entry.file_size for entry in members.values()))
        writer.progress.start("Unpacking", len(members), "files")
        num_done = 0  # including files that cannot be written
        for name, entry in members.items():
            with archive.open(entry) as stream:
                writer.write(name, stream)
            num_done += 1
            if num_done % _REPORT_FILES == 0:
                writer.progress.advance(_REPORT_FILES)
        writer.progress.advance(num_done % _REPORT_FILES)


def _is_tar(path: Path) -> bool:
    """Return whether a file is a tar; if a zip is at its end, it looks like a zip, too."""
    with path.open("rb") as file:
        return file.read(262)[257:] == b"ustar"


def _opened_zip(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    return zipfile.ZipFile(cast(Any, BoundedStream(file, limits.max_directory_bytes)))


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry with forward slashes, in UTF-8 where possible.

    Without the UTF-8 flag the standard encoding is code page 437. Many programs write
    UTF-8 nevertheless, and text in another encoding is rarely valid UTF-8.
    """
    name = entry.filename
    if not entry.flag_bits & _UTF8_FLAG:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _unpack_tar(path: Path, writer: _Writer, limits: Limits) -> None:
    with path.open("rb") as file, decompressed(file) as stream:
        bounded = BoundedStream(stream, _CHUNK_BYTES)
        archive: Any = tarfile.TarFile(fileobj=cast(Any, bounded))  # has nothing to close
        writer.check_space(path.stat().st_size)
        writer.progress.start("Unpacking", path.stat().st_size, "bytes")
        reported = 0
        while (entry := bounded.within(limits.max_header_bytes, archive.next)) is not None:
            writer.count_entry()
            # Otherwise the list of entries and their common headers would grow without limit.
            archive.members.clear()
            archive.pax_headers.clear()
            if entry.isdir():
                continue
            name = writer.accept(entry.name, entry.isreg())
            content = archive.extractfile(entry) if name else None
            if content is None:
                writer.count(entry.size)  # skipping it takes time as well
            else:
                writer.write(name, content)
            if (offset := file.tell()) > reported + _CHUNK_BYTES:
                writer.progress.advance(offset - reported)
                reported = offset
        writer.progress.advance(path.stat().st_size - reported)


class _Writer:
    """Writes files into a folder, never outside of it, and enforces the limits."""

    def __init__(self, path: Path, folder: Path, progress: Progress, limits: Limits) -> None:
        self.progress = progress
        self.num_photos = 0
        self.num_left_out = 0
        self.inner_archives: list[str] = []
        self._num_entries = 0
        self.current = ""
        self._path = path
        self._folder = str(folder)
        self._limits = limits
        self._max_bytes = max(limits.floor_bytes, limits.max_ratio * path.stat().st_size)
        self._bytes = 0
        self._bytes_at_check = 0
        self._made = {""}

    def accept(self, name: str, is_plain: bool) -> str:
        """Return the path to write an entry to, or "" to leave it out."""
        *folders, last = [part for part in name.split("/") if part not in ("", ".")] or [""]
        if not is_wanted([part for part in folders if part != ".."], last):
            is_resource_fork = last.startswith("._")  # macOS writes one for each file
            if not is_resource_fork and last.lower().endswith((*ARCHIVE_ENDINGS, ".7z", ".rar")):
                self.inner_archives.append(name)
            return ""
        leads_outside = name.startswith("/") or ".." in folders or "\0" in name
        # On Windows a colon follows the name of a drive, or precedes that of a stream.
        leads_outside = leads_outside or (os.name == "nt" and ":" in name)
        if leads_outside or not is_plain:
            self.num_left_out += 1
            return ""
        return "/".join((*folders, last))

    def write(self, name: str, stream: IO[bytes]) -> None:
        """Write one file; a file whose name the disk does not allow is left out and counted."""
        self.current = name
        parent = name.rpartition("/")[0]
        target = f"{self._folder}/{name}"
        try:
            if parent not in self._made:
                make_dirs(Path(self._folder, parent))
                self._made.add(parent)
            file = open(target, "wb", opener=opener)  # noqa: SIM115 - closed below; only opening may fail here
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise
            self.num_left_out += 1  # the name is too long, or is that of a folder
            return
        with file:
            while chunk := stream.read(_CHUNK_BYTES):
                self.count(len(chunk))
                file.write(chunk)
        self.num_photos += not is_table_name(name)

    def count_entry(self) -> None:
        """Count an entry of any kind; raises SourceError."""
        self._num_entries += 1
        if self._num_entries > self._limits.max_files:
            self._refuse(f"more than {self._limits.max_files:,} files")

    def count(self, num_bytes: int) -> None:
        """Count bytes that were unpacked; raises SourceError and DiskError."""
        self._bytes += num_bytes
        if self._bytes > self._max_bytes:
            size = f"{self._max_bytes / 1e9:.1f} GB"
            self._refuse(f"more than {size}, far beyond its own size")
        if self._bytes - self._bytes_at_check > _CHECK_DISK_BYTES:
            self._bytes_at_check = self._bytes
            self.check_space(0)

    def check_space(self, num_bytes: int) -> None:
        """Check that the disk has enough space; raises DiskError."""
        check_space(
            Path(self._folder),
            num_bytes,
            f"unpack {self._path}",
            known_bytes=self._bytes,
            reserve=self._limits.reserve_bytes,
        )

    def _refuse(self, what: str) -> None:
        raise SourceError(
            f"The archive {self._path} unpacks to {what}; it was not unpacked.\n"
            f"If you trust it, unpack it yourself and give the folder."
        )


def _unpack_error(path: Path, folder: Path, error: OSError) -> SourceError | DiskError:
    if error.errno == errno.ENOSPC:
        return DiskError(f"The disk is full: {path} could not be unpacked into {folder.parent}.")
    if error.errno is None:  # gzip and bz2 raise an OSError for a damaged stream
        return SourceError(
            f"The archive {path} is damaged or incomplete.\nDownload or copy it again."
        )
    return SourceError(f"The archive {path} could not be unpacked: {error.strerror}.")
