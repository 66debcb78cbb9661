"""Photos enlarged from small pictures are found by the detail that they lack."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.auditing.detail import detail_sides, enlarged
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import analyse
from pawsight.data.decoding.traces import trace
from pawsight.records import Photo


def picture(seed, side=160, small=None):
    """A picture whose power falls as photos' does, with f to the -2.2nd; enlarged from `small`."""
    random = np.random.default_rng(seed)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    # Along a line, the power of a plane of f to the -3.2nd falls with the -2.2nd.
    waves = np.fft.fft2(random.normal(size=(side, side))) / np.maximum(f, 1 / side) ** 1.6
    plane = np.fft.ifft2(waves).real
    image = Image.fromarray(np.clip(128 + 40 * plane / plane.std(), 0, 255).astype(np.uint8))
    if small is not None:
        image = image.resize((small, small), Image.Resampling.BOX)
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("small", "side"), [(None, 0), (120, 0), (32, 32), (16, 16)])
def test_a_picture_has_the_detail_of_the_one_it_was_enlarged_from(small, side):
    images = np.stack([picture(seed, small=small) for seed in range(4)])
    assert detail_sides(trace(images)["spectrum"]).tolist() == [side] * 4


class Pictures:
    """Pixels of which only the analysis is asked."""

    def __init__(self, images):
        self.rows = analyse(images)

    def analysis(self, indices):
        return self.rows[indices]


def test_large_photos_with_little_detail_are_found():
    facts = {"contrast": 40.0, "brightness": 128.0, "sharpness": 99.0}
    photos = (
        Photo("enlarged.jpg", "cats", width=300, height=200, **facts),
        Photo("sharp.jpg", "cats", width=300, height=200, **facts),
        Photo("small.jpg", "cats", width=300, height=127, **facts),
        Photo("least.jpg", "cats", width=300, height=128, **facts),
    )
    images = np.stack([picture(0, small=32), picture(1), *[picture(2, small=32)] * 2])
    found, least = enlarged(AuditFacts(Catalog("pets", Path("/photos"), photos), Pictures(images)))
    assert (found.path, found.value) == ("enlarged.jpg", 32)
    assert least.path == "least.jpg"
    assert found.reason == "300 x 200 pixels with the detail of about 32 x 32"


def test_without_pixels_nothing_is_judged():
    assert enlarged(AuditFacts(Catalog("pets", Path("/photos"), (Photo("a.jpg", "cats"),)))) == []
