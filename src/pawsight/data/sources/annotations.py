"""Recognise annotation files of object detection: COCO, Pascal VOC, YOLO, LabelMe and VIA."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from pawsight.data.file_types import Kind, kind_of
from pawsight.formatting import printable

_MAX_DEPTH = 3  # levels of folders below the source that are searched
_MAX_FOLDERS = 50
_MAX_FILES = 3  # files of one ending that are read in a folder
_START_BYTES = 8192
_YOLO_LINE = re.compile(r"\d+( +[01]?\.?\d+(e-?\d+)?){4,}", re.IGNORECASE)
_ADVICE = (
    "pawsight classifies whole photos, and does not read boxes.\n"
    "Write a .csv with the columns path and label and a line for each photo (with --multi-label, a "
    "line for each label of a photo); or save the content of each box as a photo, in a folder for "
    "each class."
)


def advice_on_annotations(folder: Path) -> str:
    """Return what to do with the annotations in a folder or below; "" if there are none."""
    for path in _candidates(folder):
        if kind := _kind(path):
            name = printable(path.relative_to(folder).as_posix())
            return f"{name} holds {kind} annotations: {_ADVICE}\n"
    return ""


def names_photos(path: Path) -> bool:
    """Return whether each of the first lines of a text file names a photo."""
    words = [line.replace(",", " ").split() for line in _start(path).splitlines()[:20]]
    lines = [line for line in words if line]
    return bool(lines) and all(
        any(kind_of(word) is Kind.PHOTO for word in line) for line in lines[:-1] or lines
    )


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield a few files of each ending in each folder, outer folders first."""
    folders = [(folder, 0)]
    for current, depth in folders:
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError:
            continue
        num_left = dict.fromkeys((".json", ".xml", ".yaml", ".yml", ".txt"), _MAX_FILES)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _MAX_DEPTH and len(folders) < _MAX_FOLDERS:
                    folders.append((Path(entry.path), depth + 1))
                continue
            ending = Path(entry.name).suffix.lower()
            if num_left.get(ending, 0) and entry.is_file():
                num_left[ending] -= 1
                yield Path(entry.path)


def _kind(path: Path) -> str:
    """Return the format of an annotation file; "" if it is none."""
    text = _start(path)
    match path.suffix.lower():
        case ".json":
            return _json_kind(text)
        case ".xml":
            return "Pascal VOC" if "<annotation" in text and "<object" in text else ""
        case ".txt":
            lines = [line.strip() for line in text.splitlines()[:20] if line.strip()]
            return "YOLO" if lines and all(map(_YOLO_LINE.fullmatch, lines[:-1] or lines)) else ""
        case _:
            is_yolo = re.search(r"^names:", text, re.M) and re.search(
                r"^(nc|train|val):", text, re.M
            )
            return "YOLO" if is_yolo else ""


def _start(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_START_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _json_kind(text: str) -> str:
    def has(*names: str) -> bool:
        return all(f"{json.dumps(name)}:" in re.sub(r'"\s+:', '":', text) for name in names)

    if has("file_name") or has("image_id") or has("images", "annotations"):
        return "COCO"
    if has("shapes", "imagePath"):
        return "LabelMe"
    return "VIA" if has("regions", "shape_attributes") else ""
