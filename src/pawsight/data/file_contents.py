"""Describe, by its first bytes, the content of a file that pawsight does not read."""

from __future__ import annotations

_CONTENTS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or office document",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"SIMPLE  =": "an astronomical image (FITS)",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip archive",
    b"%!PS": "a PostScript drawing",
    b"Rar!": "a RAR archive",
    b"ID3": "a sound file",
    b"OggS": "a sound or film file",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}


def is_html(data: bytes) -> bool:
    """Return whether bytes are the beginning of a web page."""
    pages = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
    return _text_start(data).startswith(pages)


def is_lfs_pointer(data: bytes) -> bool:
    """Return whether bytes are a Git LFS pointer, which stands for a file that is not fetched."""
    return _text_start(data).startswith(b"version https://git-lfs.github.com/")


def _text_start(data: bytes) -> bytes:
    return data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()


def content_of(data: bytes) -> str:
    """Return a description of content that no decoder reads, such as "a PDF document".

    Args:
        data: A whole file, or at least its first 4,096 bytes.
    """
    start = _text_start(data)
    if is_html(data):
        return "HTML text"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "an SVG drawing"
    if start.startswith(b"<?xml"):
        return "XML text"
    if is_lfs_pointer(data):
        return "a Git LFS pointer, in place of the photo; get the photos with: git lfs pull"
    if not any(data[:4096]):
        return "only zero bytes"
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "a film"
    for first, content in _CONTENTS.items():
        if data.startswith(first):
            return content
    return "text" if _is_text(data[:1024]) else "unknown content"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else only the last character is incomplete
            return False
        text = start[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)
