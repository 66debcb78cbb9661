"""Values of more than 8 bits: one rule for all photos of a set."""

import json
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from pawsight.cli.main import app
from pawsight.config import PixelsConfig, TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.pixel_scale import PixelScale
from pawsight.data.reading import ingest as ingesting
from pawsight.data.reading.ingest import ingest
from pawsight.errors import ConfigError
from pawsight.progress import Silent
from pawsight.workflow.photo_sets import list_photos, read_photos

SIZE = (16, 16)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)


@pytest.fixture
def photos(tmp_path):
    return tmp_path / "photos"


def ramp(low, high, dtype, side=64):
    """Values that grow evenly from left to right."""
    return np.tile(np.linspace(low, high, side), (side, 1)).astype(dtype)


def write(path, array, **options):
    tifffile.imwrite(path, array, **options)


def brightness(catalog: Catalog) -> dict[str, float]:
    return {photo.path: photo.brightness for photo in catalog.photos}


def test_floats_are_scaled_by_the_largest_value_of_the_set(photos):
    for name, largest in (("a/0.tif", 0.5), ("a/1.tif", 1.0), ("b/2.tif", 2.0)):
        write(photos / name, ramp(0, largest, np.float32))
    catalog, pixels = ingest(photos, SIZE)
    # An even ramp from 0 to white is 127.5 bright, and half of it half as bright.
    assert brightness(catalog) == pytest.approx(
        {"a/0.tif": 127.5 / 4, "a/1.tif": 127.5 / 2, "b/2.tif": 127.5}, abs=0.5
    )
    assert catalog.pixel_scale.ranges == {"float": (0.0, 2.0)}
    assert pixels.read(np.arange(3)).max(axis=(1, 2, 3)).tolist() == pytest.approx(
        [62, 124, 248], abs=4
    )


def test_a_larger_value_that_joins_the_set_changes_all_and_then_nothing_is_read_again(
    photos, monkeypatch
):
    write(photos / "a/0.tif", ramp(0, 1, np.float32))
    Image.new("L", (64, 64), 90).save(photos / "b" / "plain.png")
    assert brightness(ingest(photos, SIZE)[0])["a/0.tif"] == pytest.approx(127.5, abs=0.5)
    write(photos / "b/1.tif", ramp(0, 3, np.float64))
    catalog, pixels = ingest(photos, SIZE)
    assert brightness(catalog)["a/0.tif"] == pytest.approx(127.5 / 3, abs=0.5)
    monkeypatch.setattr(ingesting, "read_all", None)
    again, same = ingest(photos, SIZE)
    assert again.photos == catalog.photos and again.pixel_scale == catalog.pixel_scale
    assert (same.read(np.arange(3)) == pixels.read(np.arange(3))).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_white_of_16_bit_files_follows_from_the_bits_that_are_used(photos, bits):
    most = 2**bits - 1
    Image.fromarray(ramp(0, most, np.uint16)).save(photos / "a" / "grey.png")
    write(photos / "a" / "grey.tif", ramp(0, most, np.uint16))
    colours = np.stack([ramp(0, most, np.uint16)] * 3, -1)
    write(photos / "b" / "rgb.tif", colours, photometric="rgb")
    write(
        photos / "b" / "planes.tif",
        np.moveaxis(colours, -1, 0),
        planarconfig="separate",
        photometric="rgb",
    )
    catalog, _ = ingest(photos, SIZE)
    assert list(brightness(catalog).values()) == pytest.approx([127.5] * 4, abs=0.7)
    assert len({photo.phash for photo in catalog.photos}) == 1


def test_negative_unsigned_and_double_values_are_neither_cut_nor_wrapped(photos):
    kinds = {
        "int16": ramp(-1000, 3000, np.int16),
        "uint32": ramp(0, 4_000_000_000, np.uint32),
        "int8": ramp(-100, 100, np.int8),
        "float": ramp(-1, 1, np.float64),
        "uint64": ramp(0, 2**40, np.uint64),
    }
    for kind, values in kinds.items():
        write(photos / "a" / f"{kind}.tif", values)
    catalog, _ = ingest(photos, SIZE)
    assert [photo.problem for photo in catalog.photos] == [""] * 5
    assert list(brightness(catalog).values()) == pytest.approx([127.5] * 5, abs=0.7)
    assert catalog.pixel_scale.ranges["int16"] == (-1000.0, 3000.0)


def test_white_that_is_zero_is_white(photos):
    write(photos / "a" / "x-ray.tif", ramp(0, 1023, np.uint16) // 4, photometric="miniswhite")
    _, pixels = ingest(photos, SIZE)
    row = pixels.read(np.arange(1))[0, 0, :, 0]
    assert row[0] > 240 and row[-1] < 15


def test_what_satellites_call_no_data_is_black_and_not_measured(photos):
    values = ramp(0, 1, np.float32)
    values[:, :32] = -9999
    write(photos / "a" / "map.tif", values, extratags=[(42113, "s", 0, "-9999", True)])
    catalog, pixels = ingest(photos, SIZE)
    assert catalog.pixel_scale.ranges == {"float": (0.0, 1.0)}
    assert (pixels.read(np.arange(1))[0, :, :7] == 0).all()


def test_bands_are_never_guessed_but_named(photos):
    bands = np.zeros((64, 64, 13), np.uint16)
    bands[..., 3], bands[..., 2], bands[..., 1] = 4095, 2000, 1000
    write(photos / "a" / "scene.tif", bands, photometric="minisblack", planarconfig="contig")
    listing = list_photos(photos, Silent())
    catalog, _ = read_photos(listing, TrainConfig(), Silent())
    assert catalog.photos[0].problem.startswith("it has 13 bands: name one or three of them")
    config = TrainConfig(pixels=PixelsConfig(bands=(4, 3, 2)))
    catalog, pixels = read_photos(listing, config, Silent())
    assert catalog.pixel_scale == PixelScale(bands=(4, 3, 2), ranges={"uint16": (0, 4095)})
    # 2000 and 1000 of 4095 are 125 and 62 of 255.
    assert pixels.read(np.arange(1))[0, 0, 0].tolist() == [255, 125, 62]


def test_channels_in_pages_are_bands(photos):
    stack = np.stack([np.full((64, 64), value, np.uint16) for value in (100, 4095, 2000)])
    write(photos / "a" / "cells.tif", stack, photometric="minisblack")
    config = TrainConfig(pixels=PixelsConfig(bands=(2,)))
    _, pixels = read_photos(list_photos(photos, Silent()), config, Silent())
    assert (pixels.read(np.arange(1)) == 255).all()


def test_a_range_of_the_user_s_own_goes_before_what_was_measured(photos):
    write(photos / "a" / "ct.tif", np.full((64, 64), 40, np.int16))
    config = TrainConfig(pixels=PixelsConfig(range=(-160, 240)))
    catalog, pixels = read_photos(list_photos(photos, Silent()), config, Silent())
    assert (pixels.read(np.arange(1)) == 128).all()  # 200 of 400, of 255
    assert catalog.pixel_scale.ranges == {"any": (-160.0, 240.0)}


def test_a_model_of_8_bit_photos_refuses_values_that_have_no_white(photos):
    write(photos / "a" / "float.tif", ramp(0, 1, np.float32))
    catalog, _ = ingest(photos, SIZE, scale=PixelScale())
    assert catalog.photos[0].problem == (
        "float values from 0 to 1, and it is unknown which is white; save it with 8 bits"
    )
    # And the refusal is no property of the file: a set with its own rule reads it.
    assert ingest(photos, SIZE)[0].photos[0].problem == ""


def test_the_rule_is_read_back_from_a_catalog(photos, tmp_path):
    write(photos / "a" / "float.tif", ramp(0, 1.5, np.float32))
    catalog, _ = ingest(photos, SIZE)
    catalog.save(tmp_path / "catalog.csv")
    assert Catalog.load(tmp_path / "catalog.csv", photos).pixel_scale == catalog.pixel_scale


@pytest.mark.parametrize("pixels", [{"bands": [1, 2]}, {"range": [1, 1]}, {"bands": [0]}])
def test_settings_of_pixels_that_cannot_be_are_named(pixels):
    with pytest.raises(ConfigError, match=r"pixels"):
        TrainConfig(pixels=pixels)


def test_a_usual_value_for_nothing_measured_is_named(photos):
    measured = ramp(0, 0.5, np.float32)
    measured[:8] = -9999
    write(photos / "a/0.tif", measured)
    write(photos / "b/1.tif", ramp(0, 1, np.float32))
    notes = []

    class Notes(Silent):
        def note(self, text):
            notes.append(text)

    ingest(photos, SIZE, progress=Notes())
    assert "Programs often write -9999 for missing data" in notes[-1]
    assert "--set pixels.range=[0,1]" in notes[-1]


@pytest.mark.parametrize("bands", ["4,3,2", [4, 3, 2], (4, 3, 2)])
def test_bands_and_ranges_are_also_text(bands):
    assert PixelsConfig(bands=bands, range="0,4095") == PixelsConfig(
        bands=(4, 3, 2), range=(0.0, 4095.0)
    )
    assert PixelsConfig(bands=2).bands == (2,)


def png_of_grey_and_alpha(values, alpha):
    """A PNG of 16-bit grey and alpha, which Pillow does not write."""
    rows = np.stack([values, alpha], -1).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 4, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def test_12_bits_in_a_16_bit_png_of_grey_and_alpha_are_read_as_12_bits(photos):
    opaque = np.full((64, 64), 65535)
    (photos / "a/0.png").write_bytes(png_of_grey_and_alpha(ramp(0, 4095, np.uint16), opaque))
    half = np.where(np.arange(64) < 32, 65535, 0)[:, None] * np.ones((1, 64), int)
    (photos / "b/1.png").write_bytes(png_of_grey_and_alpha(ramp(0, 4095, np.uint16), half))
    catalog, _ = ingest(photos, SIZE)
    assert catalog.pixel_scale.ranges == {"uint16": (0.0, 4095.0)}
    # An even ramp is 127.5 bright; half of the other is transparent, which becomes white.
    assert brightness(catalog) == pytest.approx(
        {"a/0.png": 127.5, "b/1.png": (127.5 + 255) / 2}, abs=0.6
    )


def test_an_audit_takes_bands_by_its_own_set(photos, tmp_path, capsys):
    bands = np.stack([ramp(0, 255, np.uint8)] * 5, -1)
    for name in ("a/0.tif", "b/1.tif"):
        write(photos / name, bands, photometric="minisblack", planarconfig="contig")
    runner = CliRunner()
    done = runner.invoke(app, ["audit", str(photos), "--json"])
    assert len(json.loads(done.stdout)["broken"]) == 2
    done = runner.invoke(app, ["audit", str(photos), "--json", "--set", "pixels.bands=3,2,1"])
    assert json.loads(done.stdout)["broken"] == []
    done = runner.invoke(app, ["audit", str(photos), "--set", "epochs=3"])
    assert (done.exit_code, "An audit has no setting epochs" in done.stderr) == (2, True)
