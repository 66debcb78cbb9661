"""Describe files that pawsight does not read as a source, and what to do with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pawsight.data.file_contents import is_html, is_lfs_pointer
from pawsight.data.file_types import ARCHIVE_ENDINGS, ARCHIVES, TABLES
from pawsight.data.sources.annotations import advice_on_annotations, names_photos
from pawsight.formatting import printable

_TO_TABLE = "Write a .csv with the columns path and label, and give that."
_SHEET = ("a spreadsheet", "Save its sheet as 'CSV UTF-8', and give that.")
_TABLE = ("a table of another format", _TO_TABLE)
_LIST = ("a list of another format", _TO_TABLE)
_ARRAYS = ("a file of arrays", "Save each photo as PNG, in a folder for each class.")
_TEXT = ("a text file", "If it is a table, name it .csv or .tsv: its first line names the columns.")
_DOCUMENT = ("a document", "Save its photos as files, in a folder for each class.")
_KINDS = {
    "spreadsheet": (_SHEET, "xlsx xlsm xlsb xls ods numbers"),
    "table": (_TABLE, "json jsonl ndjson parquet feather arrow"),
    "annotations": (_LIST, "xml yaml yml"),
    "arrays": (_ARRAYS, "npy npz h5 hdf5 mat pkl pickle tfrecord tfrecords lmdb mdb"),
    "text": (_TEXT, "txt lst names"),
    "document": (_DOCUMENT, "pdf docx doc odt pptx ppt odp"),
}
_BY_ENDING = {end: named for named, endings in _KINDS.values() for end in endings.split()}
# Names of the pieces of a divided archive: pets.zip.001, pets.z01, pets.part1.rar.
_PIECE = re.compile(r"\.(?:\d{3}|z\d\d|part\d+\.rar)$", re.IGNORECASE)


def advice_on_files(folder: Path) -> str:
    """Return what to do with an archive, annotations or a list of labels in a folder.

    Returns:
        A line for a message, or "" if there is no such file.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return ""
    names = [name for name in names if not name.startswith(".")]

    def first(is_wanted: Callable[[str], bool]) -> str:
        return next(filter(is_wanted, names), "")

    if archive := first(lambda name: name.lower().endswith(ARCHIVE_ENDINGS)):
        return f"The archive {archive} in it is not unpacked: give it as the source.\n"
    if annotations := advice_on_annotations(folder):
        return annotations
    if labels := first(lambda name: _kind(name) in (_SHEET, _TABLE, _LIST)):
        return _advice(labels)
    if labels := first(lambda name: _kind(name) == _TEXT and names_photos(folder / name)):
        name = printable(labels)
        return f"{name} in it names photos, but is no .csv, so it is not read. {_TO_TABLE}\n"
    return ""


def advice_on_tables(folder: Path) -> str:
    """Return what to do with a spreadsheet, or a table of another format, in a folder of photos.

    JSON files are ignored, since they are mostly no tables there.

    Returns:
        A line for a message, or "" if there is no such file.
    """
    for path in sorted(folder.iterdir()):
        is_other = path.name.startswith(".") or path.suffix.lower() == ".json" or not path.is_file()
        if not is_other and _kind(path.name) in (_SHEET, _TABLE):
            return _advice(path.name)
    return ""


def _advice(name: str) -> str:
    what, advice = _kind(name)
    return f"{printable(name)} in it is {what}, which pawsight does not read. {advice}\n"


def _kind(name: str) -> tuple[str, str]:
    return _BY_ENDING.get(Path(name).suffix.lower().removeprefix("."), _TEXT)


def is_document(path: Path) -> bool:
    """Return whether a file is a spreadsheet or document, which may be packed like an archive."""
    return _kind(path.name) in (_SHEET, _DOCUMENT)


def is_piece(path: Path) -> bool:
    """Return whether a file is one piece of a divided archive, by its name."""
    return bool(_PIECE.search(path.name))


def wrong_download(start: bytes) -> str:
    """Return what a file is that was downloaded instead of another file, and what to do.

    Args:
        start: The first bytes of the file.

    Returns:
        The end of a message, or "" for other files.
    """
    if is_html(start):
        return "a web page, such as one that asks you to sign in.\nDownload the file itself."
    if is_lfs_pointer(start):
        return "a Git LFS pointer.\nGet the file with: git lfs pull"
    return ""


def no_source(path: Path) -> str:
    """Return the message for a file that is no source of photos."""
    if is_piece(path):
        return (
            f"{path} is one piece of a divided archive, which pawsight cannot unpack.\n"
            f"Put all pieces into one folder, unpack them yourself, and give the folder."
        )
    if kind := _BY_ENDING.get(path.suffix.lower().removeprefix(".")):
        return f"{path} is {kind[0]}, which pawsight does not read.\n{kind[1]}"
    return (
        f"{path} is a file, but neither {ARCHIVES} nor {TABLES}.\n"
        f"Give the folder that the photos are in."
    )
