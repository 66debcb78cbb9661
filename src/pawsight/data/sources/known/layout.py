"""Unpack the archives of a set into class folders, or into photos with a table."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from pawsight.data.file_types import Kind, kind_of
from pawsight.data.sources.known.sets import KnownSet
from pawsight.data.sources.unpack import Limits, unpack
from pawsight.errors import SourceError
from pawsight.progress import Progress
from pawsight.storage.atomic import make_dirs

TABLE = "labels.csv"


def lay_out(
    known_set: KnownSet, archives: Sequence[Path], folder: Path, progress: Progress
) -> None:
    """Unpack a set into a folder for each class, or into photos with a table.

    Args:
        known_set: The set.
        archives: Its archives, in their order. A damaged archive is removed.
        folder: An empty folder.
        progress: Receives the files.

    Raises:
        SourceError: An archive is damaged, or holds no photos.
        DiskError: The disk is too full.
        OSError: The folder cannot be written.
    """
    for path, archive in zip(archives, known_set.archives, strict=True):
        unpacked = folder / ".unpacked"
        make_dirs(unpacked)
        try:
            unpack(path, unpacked, progress, Limits())
        except SourceError as error:
            path.unlink()  # else the next call would use it again
            raise SourceError(
                f"{known_set.name} was fetched, but cannot be used: {error}\n"
                f"Run the command again, or see {known_set.page}"
            ) from error
        inner = _innermost(unpacked)
        if archive.part:
            inner.rename(folder / archive.part)
        else:
            for entry in list(inner.iterdir()):
                entry.rename(folder / entry.name)
        shutil.rmtree(unpacked, ignore_errors=True)
    _rename_classes(known_set, folder)
    if known_set.labels == "names":
        _write_table(folder)


def _innermost(folder: Path) -> Path:
    """Return the first folder, from `folder` inwards, that contains more than another folder."""
    while True:
        entries = list(folder.iterdir())
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        folder = entries[0]


def _rename_classes(known_set: KnownSet, folder: Path) -> None:
    parents = [folder, *(entry for entry in folder.iterdir() if entry.is_dir())]
    for parent in parents:
        for name, shown in known_set.class_names.items():
            if (parent / name).is_dir():
                (parent / name).rename(parent / shown)


def _write_table(folder: Path) -> None:
    names = sorted(entry.name for entry in folder.iterdir() if kind_of(entry.name) is Kind.PHOTO)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows([name, name.rpartition("_")[0]] for name in names)
