"""The changes that shim.c recorded, and the folder as a power cut would leave it after any of them.

Three ways of what a disk holds when the power fails after the first k changes:

    kept     everything: what a killed process leaves, too
    content  the names as they are, but of each file only what was flushed
    all      of each file only what was flushed, of each folder only the names it had then

A real file system loses something between `kept` and `all`: these are its bounds.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

HEAD = struct.Struct("<QQQQIIc7x")
LOSSES = ("kept", "content", "all")


class Change(NamedTuple):
    """One recorded change; `op` is a letter of shim.c."""

    number: int
    op: str
    inode: int
    offset: int
    path: str
    second: str
    data: bytes


def read_log(path: Path) -> list[Change]:
    """All changes of a log, in the order in which they happened."""
    raw, found, at = path.read_bytes(), [], 0
    while at < len(raw):
        number, inode, offset, size, first, second, op = HEAD.unpack_from(raw, at)
        at += HEAD.size
        names = raw[at : at + first + second]
        at += first + second
        change = Change(
            *(number, op.decode(), inode, offset),
            *(one.decode("utf-8", "surrogateescape") for one in (names[:first], names[first:])),
            raw[at : at + size],
        )
        at += size
        found.append(change)
    return found


@dataclass(eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    flushed: bytes = b""


@dataclass(eq=False)
class _Folder:
    names: dict[str, "_File | _Folder"] = field(default_factory=dict)
    flushed: dict[str, "_File | _Folder"] = field(default_factory=dict)


class Replay:
    """A folder, change by change, from the state in which it was copied before."""

    def __init__(self, root: Path, beginning: Path) -> None:
        self._root = str(root)
        self._top = _read(beginning)
        self._open: dict[int, _File] = {}  # by inode, as the log names them

    def note_inodes(self, inodes: dict[str, int]) -> None:
        """Learn which inodes the files of the beginning had while the log was written."""
        for path, inode in inodes.items():
            found = self._at(f"{self._root}/{path}")
            if isinstance(found, _File):
                self._open[inode] = found

    def apply(self, change: Change) -> None:
        """Make one change."""
        match change.op:
            case "C":
                made = self._open[change.inode] = _File()
                self._put(change.path, made)
            case "T":
                self._open[change.inode].content.clear()
            case "S":
                content = self._open[change.inode].content
                del content[change.offset :]
                content.extend(bytes(change.offset - len(content)))
            case "W":
                content = self._open[change.inode].content
                content.extend(bytes(max(0, change.offset - len(content))))
                content[change.offset : change.offset + len(change.data)] = change.data
            case "F":
                found = self._at(change.path)
                self._flush(self._open.get(change.inode) if found is None else found)
            case "Y":
                self._flush_all(self._top)
            case "R":
                self._put(change.second, self._take(change.path))
            case "L":
                self._put(change.second, self._at(change.path))
            case "U" | "D":
                self._take(change.path)
            case "M":
                self._put(change.path, _Folder())
            case other:
                raise ValueError(f"unknown change {other}")

    def digest(self, loss: str) -> str:
        """A hash of what a power cut with this loss leaves: equal states need one trial."""
        found = hashlib.sha256()
        for name, content in self.files(loss):
            found.update(
                f"{name}\0{-1 if content is None else len(content)}\0".encode(
                    "utf-8", "surrogateescape"
                )
            )
            found.update(content or b"")
        return found.hexdigest()

    def files(self, loss: str) -> Iterator[tuple[str, bytes | None]]:
        """Relative path and content of each file that is left; None is a folder."""
        yield from _walk(self._top, "", loss)

    def write(self, folder: Path, loss: str) -> None:
        """Write what is left into a new folder."""
        folder.mkdir(mode=0o700)
        for name, content in self.files(loss):
            path = folder / name
            if content is None:
                path.mkdir(mode=0o700)
            else:
                path.write_bytes(content)

    def _parts(self, path: str) -> list[str]:
        return [one for one in path.removeprefix(self._root).split("/") if one]

    def _at(self, path: str) -> "_File | _Folder | None":
        found: _File | _Folder | None = self._top
        for name in self._parts(path):
            found = found.names.get(name) if isinstance(found, _Folder) else None
        return found

    def _parent(self, path: str) -> tuple[_Folder, str]:
        *folders, name = self._parts(path)
        parent = self._at("/".join([self._root, *folders]))
        if not isinstance(parent, _Folder):
            raise ValueError(f"{path} has no folder in the replay")
        return parent, name

    def _put(self, path: str, what: "_File | _Folder | None") -> None:
        parent, name = self._parent(path)
        if what is None:
            raise ValueError(f"nothing to put at {path}")
        parent.names[name] = what

    def _take(self, path: str) -> "_File | _Folder":
        parent, name = self._parent(path)
        return parent.names.pop(name)

    def _flush(self, what: "_File | _Folder | None") -> None:
        if isinstance(what, _Folder):
            what.flushed = dict(what.names)
        elif what is not None:
            what.flushed = bytes(what.content)

    def _flush_all(self, folder: _Folder) -> None:
        self._flush(folder)
        for one in folder.names.values():
            if isinstance(one, _Folder):
                self._flush_all(one)
            else:
                self._flush(one)


def inodes_of(root: Path) -> dict[str, int]:
    """The inode of each file of a folder, by its path in it."""
    return {
        str(path.relative_to(root)): path.stat().st_ino
        for path in root.rglob("*")
        if path.is_file()
    }


def _read(folder: Path) -> _Folder:
    """A folder that is on the disk, flushed."""
    found = _Folder()
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found.names[path.name] = _read(path)
        else:
            content = path.read_bytes()
            found.names[path.name] = _File(bytearray(content), content)
    found.flushed = dict(found.names)
    return found


def _walk(folder: _Folder, at: str, loss: str) -> Iterator[tuple[str, bytes | None]]:
    names = folder.flushed if loss == "all" else folder.names
    for name, one in sorted(names.items()):
        if isinstance(one, _Folder):
            yield f"{at}{name}", None
            yield from _walk(one, f"{at}{name}/", loss)
        else:
            yield f"{at}{name}", bytes(one.content) if loss == "kept" else one.flushed
