import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pawsight.data.catalog import Catalog
from pawsight.errors import RunError
from pawsight.evaluation.corruptions import CORRUPTIONS
from pawsight.evaluation.robustness import Robustness, measure_robustness
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.storage.atomic import write_json
from pawsight.task import SINGLE_LABEL


class Squares:
    """Photo i is bright if i is odd; those of `lost` cannot be read any more."""

    def __init__(self, *lost):
        self.lost = dict.fromkeys(lost, "gone")

    def read(self, indices):
        levels = np.where(np.asarray(indices) % 2, 200, 60).astype(np.uint8)
        return np.tile(levels[:, None, None, None], (1, 16, 16, 3))


def catalog_of(count):
    photos = (Photo(f"{i:03}.jpg", ("dark", "light")[i % 2], "test") for i in range(count))
    return Catalog("squares", Path("/photos"), tuple(photos))


def is_light(images):
    """The probabilities of dark and light, by the mean of an image."""
    light = (images.mean(axis=(1, 2, 3)) > 128).astype(np.float64)
    return np.stack([1 - light, light], axis=1)


def measured(count=6, *lost):
    return measure_robustness(
        is_light, Squares(*lost), catalog_of(count), "test", SINGLE_LABEL, Silent()
    )


def test_each_corruption_is_measured_at_none_and_five_severities():
    found = measured()
    assert list(found.kinds) == [one.id for one in CORRUPTIONS]
    assert all(len(one.num_correct) == len(one.strengths) == 6 for one in found.kinds.values())
    assert all(one.num_correct[0] == found.num_photos == 6 for one in found.kinds.values())


def test_what_a_change_costs_is_counted():
    # Of 200 levels 70 % are 140, still light; half of them are 100, taken for dark.
    found = measured()
    assert found.kinds["darkness"].num_correct == (6, 6, 3, 3, 3, 3)
    assert found.kinds["blur"].num_correct == (6,) * 6
    assert found.sentence() == (
        "Of 6 test photos, 100.0 % are classified correctly as they are, and 50.0 % with darkness "
        "(35 % of the light), the worst of the 5 corruptions at the middle strength."
    )


def test_lost_photos_are_not_measured():
    assert measured(6, 2).num_photos == 5


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.id)
def test_a_corruption_is_the_same_each_time_and_keeps_the_shape(corruption):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    one, two = (
        corruption.apply(image, corruption.severities[0], np.random.default_rng(1))
        for _ in range(2)
    )
    assert (one == two).all()
    assert (one.shape, one.dtype) == (image.shape, image.dtype)
    assert (one != image).any()


def test_what_is_written_is_loaded(tmp_path):
    found = measured()
    write_json(tmp_path / "robustness.json", found.model_dump())
    assert Robustness.load(tmp_path / "robustness.json") == found
    assert Robustness.load(tmp_path / "none.json") is None
    (tmp_path / "robustness.json").write_text("{}")
    with pytest.raises(RunError, match=r"robustness\.json is damaged"):
        Robustness.load(tmp_path / "robustness.json")


def test_every_corruption_has_five_severities_and_an_id_of_its_own():
    assert {len(one.severities) for one in CORRUPTIONS} == {5}
    assert len({one.id for one in CORRUPTIONS}) == len(CORRUPTIONS)


def corrupted(name, image, severity, seed=0):
    """An image after one corruption."""
    (kind,) = (one for one in CORRUPTIONS if one.id == name)
    return kind.apply(image, severity, np.random.default_rng(seed))


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.id)
def test_each_severity_changes_more_than_the_one_before(corruption):
    across = np.linspace(20, 180, 64)[None, :, None]  # rotations change it more, the farther
    noise = np.random.default_rng(0).integers(0, 60, (64, 64, 3))  # and all else changes this
    pixels = (across + noise).astype(np.uint8)
    changes = [
        np.abs(corrupted(corruption.id, pixels, severity).astype(float) - pixels).mean()
        for severity in corruption.severities
    ]
    assert changes == sorted(set(changes))


def test_darkness_is_a_share_of_the_light_and_jpeg_that_of_pillow():
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    assert corrupted("darkness", np.full((1, 1, 3), 200, np.uint8), 35).tolist() == [[[70] * 3]]
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=30)
    assert (corrupted("jpeg", image, 30.2) == np.asarray(Image.open(data))).all()


def test_every_changed_photo_is_counted():
    counts = []

    class Counting(Silent):
        def start(self, stage, total=None, unit=""):
            counts.append(-total)

        def advance(self, done, **facts):
            counts.append(done)

    measure_robustness(is_light, Squares(), catalog_of(7), "test", SINGLE_LABEL, Counting())
    assert counts[0] == -7 * 26  # as they are, and by five corruptions at five severities
    assert sum(counts) == 0


def test_the_photos_of_the_part_that_are_measured_are_all_up_to_200(monkeypatch):
    monkeypatch.setattr("pawsight.evaluation.robustness.CORRUPTIONS", CORRUPTIONS[3:4])
    read = []

    class Kept(Squares):
        def read(self, indices):
            read.append(list(indices))
            return super().read(indices)

    for count in (200, 201):
        measure_robustness(is_light, Kept(), catalog_of(count), "test", SINGLE_LABEL, Silent())
    assert read[0] == list(range(200))
    assert len(read[1]) == 200 and read[1] == sorted(set(read[1]))


def test_noise_has_the_deviation_of_its_severity_and_stays_within_the_range():
    grey = np.full((100, 100, 3), 128, np.uint8)
    noise = corrupted("noise", grey, 24).astype(float) - 128
    assert noise.mean() == pytest.approx(0, abs=1)
    assert noise.std() == pytest.approx(24, rel=0.03)
    # Where a level beyond 0 or 255 wrapped around, white had black dots.
    assert corrupted("noise", np.zeros_like(grey), 24).max() < 128
    assert corrupted("noise", np.full_like(grey, 255), 24).min() > 128


def test_blur_is_a_share_of_the_shorter_side():
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    expected = Image.fromarray(image).filter(ImageFilter.GaussianBlur(6))
    assert (corrupted("blur", image, 3) == np.asarray(expected)).all()


def test_rotation_goes_either_way_and_fills_with_grey():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = 255  # rotated to the left, white is in the lower corner of the left half
    rotated = [corrupted("rotation", image, 45, seed) for seed in range(40)]
    to_the_left = sum(int(one[36, 20, 0]) > 128 for one in rotated)
    assert 10 < to_the_left < 30
    assert all((one[0, 0] == 128).all() for one in rotated)
