"""What a file contains that no decoder reads, by its first bytes."""

import pytest

from pawsight.data.file_contents import content_of, is_html, is_lfs_pointer

LFS = b"version https://git-lfs.github.com/spec/v1\n"


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML>", "HTML text"),
        (b"<html lang=en>", "HTML text"),
        (b"<svg xmlns=", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<svg>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<a>", "XML text"),
        (LFS, "a Git LFS pointer, in place of the photo; get the photos with: git lfs pull"),
        (bytes(4096), "only zero bytes"),
        (bytes(4096) + b"x", "only zero bytes"),
        (bytes(4095) + b"\xff", "unknown content"),
        (b"\0\0\0\x20ftypmp42", "a film"),
        (b"RIFF\1\2\3\4AVI ", "a film"),
        (b"RIFF\1\2\3\4WAVE", "unknown content"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a zip archive or office document"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"MZ\x90", "a program"),
        (b"some words\n", "text"),
        ("größe".encode(), "text"),
        ("größ".encode()[:-1], "text"),  # a letter cut in two
        (b"words \x80 more words", "unknown content"),
        (b"words\x00", "unknown content"),
        (b"x" * 1024 + b"\xff\xfe", "text"),
        ("x" * 1023 + "ß", "text"),
    ],
)
def test_what_is_no_photo_is_named(data, content):
    assert content_of(data.encode() if isinstance(data, str) else data) == content


def test_pages_and_pointers_are_known():
    assert is_html(b"  <BODY>") and not is_html(b"body")
    assert is_lfs_pointer(LFS) and not is_lfs_pointer(b"version 1")
