import re
from importlib.resources import files

import pytest

from pawsight.data import file_types
from pawsight.data.file_types import Kind, foreign_reason, kind_of, sniff


@pytest.fixture
def without_extras(monkeypatch):
    monkeypatch.setattr(file_types, "_is_read", lambda reason: False)


@pytest.fixture
def with_extras(monkeypatch):
    monkeypatch.setattr(file_types, "_is_read", lambda reason: reason in file_types._EXTRAS)


@pytest.mark.parametrize("name", ["a.JPG", "a.heic", "a.avif", "a.jp2", "a.tif", "a.webp"])
def test_a_format_that_is_read_is_a_photo(name):
    assert kind_of(name) is Kind.PHOTO


def test_the_page_of_the_service_takes_the_same_endings():
    script = files("pawsight").joinpath("web/static/intake.js").read_text()
    endings = re.search(r"ENDINGS = `(.*?)`", script, re.DOTALL)[1].split()
    # Raw photos of cameras are mostly beside a JPEG of the same.
    foreign = file_types._FOREIGN[file_types._JXL]
    assert sorted(endings) == sorted(file_types._PHOTO.split() + foreign.split())


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "._a.jpg", "notes.txt", "film.mp4"])
def test_what_is_no_picture_is_counted_apart(name):
    assert kind_of(name) is Kind.OTHER


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "a.cr2",
            ".cr2 is a camera's raw format; save it as JPEG, or read its preview: "
            'pip install "pawsight[raw]"',
        ),
        ("a.svg", ".svg is a drawing, not a photo; save it as JPEG or PNG"),
        ("a.psd", ".psd is an editor's own format; save it as JPEG or PNG"),
        (
            "a.JXL",
            '.jxl is JPEG XL; save it as JPEG, or read it: pip install "pawsight[jxl]"',
        ),
        ("a.dds", ".dds is a format that pawsight does not read; save it as JPEG or PNG"),
    ],
)
def test_a_picture_that_is_not_read_is_named(name, reason, without_extras):
    assert kind_of(name) is Kind.FOREIGN
    assert foreign_reason(name) == reason


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"8BPS\0\1", "a Photoshop file"),
        (b"DDS |\0\0\0", "a DirectDraw surface"),
    ],
)
def test_a_picture_without_extension_that_is_not_read_is_named(start, named):
    expected = f"it is {named}, which pawsight does not read; save it as JPEG"
    assert sniff(start) == (Kind.FOREIGN, expected)
    assert kind_of("photo") is Kind.UNKNOWN


_OF_EXTRAS = [
    (b"\xff\x0a\0\0", "it is JPEG XL; save it as JPEG, or read it", "a.jxl"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1", "it is a camera's raw format; save it as JPEG", "a.CR3"),
    (b"II*\0\x10\0\0\0CR\2\0", "it is a camera's raw format; save it as JPEG", "a.cr2"),
]


@pytest.mark.parametrize(("start", "named", "name"), _OF_EXTRAS)
def test_what_an_extra_would_read_is_named_with_it(start, named, name, without_extras):
    kind, reason = sniff(start)
    assert kind is kind_of(name) is Kind.FOREIGN
    assert reason.startswith(named) and "pip install" in reason


@pytest.mark.parametrize(("start", "named", "name"), _OF_EXTRAS)
def test_what_an_installed_extra_reads_is_a_photo(start, named, name, with_extras):
    assert sniff(start) == (Kind.PHOTO, "")
    assert kind_of(name) is Kind.PHOTO


@pytest.mark.parametrize(
    "start", [b"", b"II", b"MZ\x90\0", b"\0\0\0\x18ftypisom", b"RIFF\0\0\0\0WAVE"]
)
def test_other_content_without_extension_is_no_picture(start):
    assert sniff(start) == (Kind.OTHER, "")
