"""What is compared of photos does not depend on the size that a network works on."""

import io

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.analysis import ANALYSIS_SIZE, NUM_FIGURES, THUMBNAIL_SIDE, analyse
from pawsight.data.decoding.decode import load_pixels, survey


def photo(size, kind, mode="RGB", **options):
    """A photo of coarse shapes with grain."""
    rng = np.random.default_rng(sum(size))
    image = Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8)).resize(size)
    grain = rng.integers(-9, 9, (size[1], size[0], 3))
    noisy = np.clip(np.asarray(image, np.int16) + grain, 0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(noisy).convert(mode).save(data, kind, **options)
    return data.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo((700, 330), "JPEG", exif=exif)


PHOTOS = {
    "small JPEG": photo((200, 170), "JPEG"),
    "medium JPEG": photo((500, 375), "JPEG"),
    "large JPEG": photo((1500, 900), "JPEG"),
    "huge JPEG": photo((3200, 2500), "JPEG"),
    "turned JPEG": turned(),
    "grey JPEG": photo((640, 480), "JPEG", "L"),
    "PNG with alpha": photo((900, 700), "PNG", "RGBA"),
    "palette PNG": photo((1100, 700), "PNG", "P"),
    "WebP": photo((500, 400), "WEBP"),
    "JPEG 2000": photo((1000, 800), "JPEG2000"),
    "narrow JPEG": photo((2000, 90), "JPEG"),
}


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("image_size", [(24, 24), (96, 128), (150, 150), (224, 224), (400, 300)])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_what_is_compared_is_the_same_for_every_working_size(name, image_size, resize):
    image, surveyed = survey(PHOTOS[name], image_size, resize)

    _, other = survey(PHOTOS[name], ANALYSIS_SIZE, "stretch")
    assert (surveyed.pixels == other.pixels).all()
    assert (surveyed.luma == other.luma).all()
    assert (surveyed.pixels == load_pixels(PHOTOS[name], ANALYSIS_SIZE, "stretch")).all()
    assert (np.asarray(image) == load_pixels(PHOTOS[name], image_size, resize)).all()


def test_a_thumbnail_is_the_mean_of_the_pixels_below_it():
    image = np.zeros((*ANALYSIS_SIZE, 3), np.uint8)
    image[:5, :5] = 200  # 160 / 32 pixels a side
    image[-5:, -5:, 1] = np.arange(25).reshape(5, 5)  # mean 12
    (row,) = analyse(image[None])

    assert row["thumbnail"].shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)
    assert row["thumbnail"][0, 0].tolist() == [200, 200, 200]
    assert row["thumbnail"][-1, -1].tolist() == [0, 12, 0]
    assert row["thumbnail"].sum() == 612
    assert row["figures"].shape == (NUM_FIGURES,)
