import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageOps

from pawsight.data.decoding.analysis import ANALYSIS_SIZE
from pawsight.data.duplicates.training_copies import copies_of_training
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.stream import PixelStream


def picture(seed):
    """A picture of many soft shapes; another seed gives another picture."""
    cells = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
    return Image.fromarray(cells).resize((240, 200), Image.Resampling.BICUBIC)


@pytest.fixture
def training(tmp_path):
    """Six training photos, and a test photo of the run, as its catalog has them."""
    folder = tmp_path / "photos" / "cats"
    folder.mkdir(parents=True)
    for seed in range(7):
        picture(seed).save(folder / f"{seed}.png")
    catalog, _ = ingest(tmp_path / "photos", ANALYSIS_SIZE)
    parts = ["train"] * 6 + ["test"]
    photos = tuple(
        dataclasses.replace(photo, part=part)
        for photo, part in zip(catalog.photos, parts, strict=True)
    )
    return dataclasses.replace(catalog, photos=photos)


@pytest.fixture
def others(tmp_path):
    """New photos, and copies of the training photos 1 to 4 and of the test photo."""
    folder = tmp_path / "others" / "cats"
    folder.mkdir(parents=True)
    picture(1).save(folder / "a same.png")
    picture(2).save(folder / "b saved again.jpg", quality=60)
    ImageOps.mirror(picture(3)).resize((150, 120)).save(folder / "c mirrored, smaller.jpg")
    picture(4).crop((4, 2, 237, 196)).save(folder / "d cropped.png")
    picture(6).save(folder / "e of the test part.jpg", quality=60)
    picture(20).save(folder / "f new.png")
    return ingest(tmp_path / "others", ANALYSIS_SIZE)


def copies(training, others):
    paths = [photo.path for photo in training.photos]
    stream = PixelStream(training.root, paths, ANALYSIS_SIZE, "stretch")
    return copies_of_training(*others, training, stream)


def test_copies_of_training_photos_are_found_whatever_was_done_to_the_file(training, others):
    found = copies(training, others)

    assert found.is_exact.tolist() == [True, False, False, False, False, False]
    assert found.is_near.tolist() == [False, True, True, True, False, False]


def test_training_photos_that_are_gone_are_judged_by_their_hashes(training, others):
    found = copies(dataclasses.replace(training, root=training.root / "moved"), others)

    # A cropped copy has another hash; one of few different bits is still certain.
    assert found.is_exact.tolist() == [True, False, False, False, False, False]
    assert found.is_near.tolist()[:2] == [False, True]
    assert found.is_near.tolist()[4:] == [False, False]
