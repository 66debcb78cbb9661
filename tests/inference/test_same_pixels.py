"""All that read a photo see the same pixels: ingest, the stream of training, prediction."""

import functools
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.decode import decode, examine, load_pixels
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.store import PixelStore
from pawsight.data.reading.stream import PixelStream
from pawsight.inference.classifier import Classifier

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "fuzz_decode"))
from kinds_of_file import encode, every_kind


def picture() -> Image.Image:
    yy, xx = np.mgrid[0:150, 0:200]
    waves = [np.sin(xx / 9 + k) * 60 + np.cos(yy / 7 - k) * 50 + 128 for k in range(3)]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))


def turned(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture(), kind, exif=exif.tobytes() if kind == "HEIF" else exif)


@functools.cache
def files() -> dict[str, bytes]:
    """The picture as every kind of file; not made before a test needs it."""
    return every_kind(picture()) | {
        f"{kind} turned": turned(kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Each kind of file as a photo, with a name that says nothing of its format."""
    root = tmp_path_factory.mktemp("photos")
    for number, data in enumerate(files().values()):
        folder = root / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:03}.jpg").write_bytes(data)
    return root


def paths_of(catalog) -> list[Path]:
    return [catalog.root / photo.path for photo in catalog.photos]


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_ingest_and_the_stream_see_what_the_decoder_gives(photos, resize, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path))
    catalog, store = ingest(photos, (48, 64), resize)
    assert isinstance(store, PixelStore)
    assert not any(photo.problem for photo in catalog.photos)
    indices = np.arange(len(catalog.photos))
    scale = catalog.pixel_scale
    paths = [photo.path for photo in catalog.photos]
    stream = PixelStream(catalog.root, paths, (48, 64), resize, scale=scale)
    expected = [
        load_pixels(path.read_bytes(), (48, 64), resize, scale=scale) for path in paths_of(catalog)
    ]
    assert (store.read(indices) == np.stack(expected)).all()
    assert (stream.read(indices) == np.stack(expected)).all()
    for photo, path in zip(catalog.photos, paths_of(catalog), strict=True):
        facts, pixels = examine(path.read_bytes(), (48, 64), resize, scale=scale)
        size = decode(path.read_bytes(), scale=scale).size
        assert size == (facts.width, facts.height) == (photo.width, photo.height)
        again = load_pixels(path.read_bytes(), (48, 64), resize, scale=scale)
        assert (pixels == again).all()


def test_prediction_sees_what_the_model_was_trained_on(
    photos, make_colour_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path))
    catalog, store = ingest(photos, (8, 8))
    scale = asdict(catalog.pixel_scale)
    classifier = Classifier.load(make_colour_run(pixel_scale=scale))
    trained_on = classifier.probs(store.read(np.arange(len(catalog.photos))))
    as_paths = classifier.predict(paths_of(catalog))
    as_bytes = classifier.predict([path.read_bytes() for path in paths_of(catalog)])
    for probs, *predictions in zip(trained_on, as_paths, as_bytes, strict=True):
        for prediction in predictions:
            assert prediction.error == ""
            assert list(prediction.probabilities.values()) == probs.tolist()


def test_prediction_leaves_out_a_photo_whose_end_is_missing(colour_run):
    data = files()["JPEG baseline"]
    (prediction,) = Classifier.load(colour_run).predict([data[: int(len(data) * 0.9)]])
    assert prediction.error.startswith("file ends too early (")
