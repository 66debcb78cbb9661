"""Photos small enough to travel inside a page."""

import base64
import io

import pytest
from PIL import Image

from pawsight.data.pixel_scale import STANDARD
from pawsight.report.thumbnails import data_uri, draw_thumbnail, draw_thumbnails


def image_of(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize(
    ("size", "shown"), [((400, 200), (100, 50)), ((50, 400), (12, 100)), ((40, 30), (40, 30))]
)
def test_a_picture_fits_a_square_and_is_never_enlarged(size, shown):
    picture = Image.new("RGB", size, "red")
    assert image_of(data_uri(picture, 100)).size == shown
    assert picture.size == size  # it is copied


def test_a_better_quality_takes_more_bytes():
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    assert (
        len(data_uri(picture, 64, 30)) < len(data_uri(picture, 64)) < len(data_uri(picture, 64, 95))
    )
    assert data_uri(picture, 64) == data_uri(picture, 64, 78)


def test_photos_are_drawn_once_each_and_those_that_are_gone_are_empty(tmp_path):
    Image.new("RGB", (300, 200), "blue").save(tmp_path / "a.png")
    found = draw_thumbnails(tmp_path, ["a.png", "gone.jpg", "a.png"], 60, 70, STANDARD)
    assert list(found) == ["a.png", "gone.jpg"]
    assert found["gone.jpg"] == draw_thumbnail(tmp_path / "gone.jpg", 60) == ""
    assert found["a.png"] == draw_thumbnail(tmp_path / "a.png", 60, 70)
    assert image_of(found["a.png"]).size == (60, 40)


def test_a_cut_photo_is_shown_as_far_as_it_is_there(tmp_path):
    Image.effect_noise((200, 200), 90).convert("RGB").save(tmp_path / "cut.jpg")
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 97 // 100])
    assert draw_thumbnail(tmp_path / "cut.jpg", 60)
