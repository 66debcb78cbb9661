"""The camera that EXIF data name, and the quality that the tables of a JPEG are of."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.analysis import ANALYSIS_SIZE
from pawsight.data.decoding.decode import survey
from pawsight.data.decoding.file_origin import camera_of, jpeg_quality_of


def exif_of(make, model, order="<"):
    """EXIF data with both texts after the directory, which has 2 entries and ends at byte 34."""
    texts = [make + b"\0", model + b"\0"]
    at, entries, values = 34, b"", b""
    for tag, text in zip((0x010F, 0x0110), texts, strict=True):
        is_short = len(text) <= 4
        value = text.ljust(4, b"\0") if is_short else struct.pack(order + "I", at + len(values))
        entries += struct.pack(order + "HHI", tag, 2, len(text)) + value
        values += b"" if is_short else text
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, 2) + entries + values


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        (b"NIKON", b"D70", "NIKON D70"),  # the model is short enough to be in its entry
        (b"Canon", b"Canon EOS 350D", "Canon EOS 350D"),
        (b"", b"", ""),
        (b"Evil\x1b[2J", b"", "Evil[2J"),
        (b"x" * 99, b"", "x" * 64),
    ],
)
def test_the_camera_is_make_and_model(order, make, model, camera):
    assert camera_of({"exif": b"Exif\0\0" + exif_of(make, model, order)}) == camera


@pytest.mark.parametrize("length", [0, 5, 9, 20, 33])
def test_damaged_exif_data_name_no_camera(length):
    assert camera_of({"exif": exif_of(b"Olympus", b"Model 500")[:length]}) == ""


def test_a_text_beyond_the_end_is_empty():
    assert camera_of({"exif": exif_of(b"Olympus", b"Model 500")[:34]}) == ""


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 95])
def test_the_quality_of_a_jpeg_comes_from_its_tables(quality):
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    assert abs(jpeg_quality_of(Image.open(data)) - quality) <= 1
    assert jpeg_quality_of(image) == 0


def test_facts_have_the_camera_and_the_quality():
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x010F], exif[0x0110] = "NIKON", "D70"
    Image.new("RGB", (90, 70), "red").save(data, "JPEG", quality=75, exif=exif)
    _, surveyed = survey(data.getvalue(), ANALYSIS_SIZE, "stretch")
    assert surveyed.origin == ("NIKON D70", 75)
