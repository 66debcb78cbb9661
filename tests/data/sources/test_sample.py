"""The built-in sample: what is drawn, where, and that it is the same each time."""

import numpy as np
import pytest
from PIL import Image

from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch, sample
from pawsight.data.sources.sample import draw_picture, draw_sample
from pawsight.errors import ConfigError, DiskError
from pawsight.progress import Silent


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))


def test_half_are_cats_and_half_are_dogs(tmp_path):
    folder = draw_sample(tmp_path / "pets", 5, progress=Silent())
    assert names(folder) == [
        *("cats/cat0001.jpg", "cats/cat0002.jpg", "cats/cat0003.jpg"),
        *("dogs/dog0001.jpg", "dogs/dog0002.jpg"),
    ]


def test_each_sixteenth_is_a_png_and_all_can_be_read(tmp_path):
    folder = draw_sample(tmp_path / "pets", 32, progress=Silent())
    formats = []
    for name in names(folder):
        with Image.open(folder / name) as image:
            image.load()
            formats.append(image.format)
            assert image.mode == "RGB"
            assert all(160 <= side <= 320 for side in image.size)
    assert sorted(set(formats)) == ["JPEG", "PNG"]
    assert formats.count("PNG") == 2


def test_the_same_seed_draws_the_same_bytes_and_more_begins_with_the_same(tmp_path):
    one = draw_sample(tmp_path / "one", 4, seed=3, progress=Silent())
    two = draw_sample(tmp_path / "two", 6, seed=3, progress=Silent())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names(one))


@pytest.mark.parametrize(
    ("name", "number", "size", "means"),
    [
        ("cat", 0, (266, 218), [121, 150, 147, 112, 143, 136, 94, 121, 118]),
        ("dog", 1, (303, 210), [155, 131, 127, 141, 154, 132, 102, 146, 100]),
        ("cat", 6, (316, 320), [130, 123, 126, 126, 137, 126, 154, 139, 165]),
        ("dog", 9, (239, 320), [66, 67, 65, 97, 125, 113, 118, 155, 93]),
    ],
)
def test_pictures_are_those_that_the_cache_has_under_the_number_of_the_drawing(
    name, number, size, means
):
    """Where this fails on purpose, `_VERSION` must be increased: caches hold older samples."""
    picture = draw_picture(name, number)
    found = np.asarray(picture.convert("L").resize((3, 3), Image.Resampling.BOX), float).ravel()
    assert picture.size == size
    assert np.abs(found - means).max() < 4  # another Pillow may smooth edges in another way


def test_another_seed_draws_other_pictures():
    assert draw_picture("cat", 0, seed=0) != draw_picture("cat", 0, seed=1)


def test_no_two_pictures_are_alike():
    pictures = {draw_picture(name, i).tobytes() for name in ("cat", "dog") for i in range(20)}
    assert len(pictures) == 40


def test_colour_alone_does_not_separate_cats_from_dogs():
    """The mean colours of the classes are closer than a third of their spread."""
    means = {
        name: np.array([np.asarray(draw_picture(name, i)).mean((0, 1)) for i in range(80)])
        for name in ("cat", "dog")
    }
    gap = np.abs(means["cat"].mean(0) - means["dog"].mean(0))
    spread = np.concatenate(list(means.values())).std(0)
    # 80 pictures leave the gap a standard error of spread * sqrt(2 / 80) = 0.16 spread.
    assert (gap < 0.33 * spread).all()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DiskError, match="is not empty"):
        draw_sample(tmp_path, 4, progress=Silent())
    assert names(tmp_path) == ["mine.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DiskError, match="is not empty"):
        draw_sample(tmp_path / "mine.txt", 4, progress=Silent())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"Cannot make the folder .*file: a file has that name"):
        draw_sample(tmp_path / "file" / "pets", 4, progress=Silent())


@pytest.mark.parametrize("count", [1, 0, -3])
def test_fewer_than_two_pictures_are_refused(tmp_path, count):
    with pytest.raises(ConfigError, match="at least 2"):
        draw_sample(tmp_path / "pets", count, progress=Silent())
    assert not (tmp_path / "pets").exists()


def test_progress_counts_every_picture(tmp_path):
    class Count(Silent):
        done = 0

        def advance(self, done, **facts):
            self.done += done

    recorded = Count()
    draw_sample(tmp_path / "pets", 23, progress=recorded)
    assert recorded.done == 23


@pytest.mark.parametrize("word", ["sample", "sample:"])
def test_the_word_sample_draws_into_the_cache_once(tmp_path, monkeypatch, word):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sample, "DEFAULT_COUNT", 8)
    monkeypatch.chdir(tmp_path)
    source = fetch(word, Silent())
    times = [p.stat().st_mtime_ns for p in sorted(source.root.rglob("*.jpg"))]
    assert len(times) == 8
    drawn = draw_sample(tmp_path / "drawn", 2, progress=Silent())
    for path in names(drawn):
        assert (source.root / path).read_bytes() == (drawn / path).read_bytes()
    assert fetch(word, Silent()) == source
    assert [p.stat().st_mtime_ns for p in sorted(source.root.rglob("*.jpg"))] == times
    assert {p.name for p in (tmp_path / "cache").iterdir()} == {source.root.name, "in-use"}
    check_classes(scan(source))


def test_a_picture_is_that_of_the_first_sample_unless_another_is_named():
    first = draw_picture("cat", 3)
    assert first.tobytes() == draw_picture("cat", 3, seed=0).tobytes()
    assert first.tobytes() != draw_picture("cat", 3, seed=1).tobytes()
