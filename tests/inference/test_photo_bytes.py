"""What a Python user may hand in as a photo, and the bytes it becomes."""

import io

import numpy as np
import PIL.Image
import pytest

from pawsight.errors import InputTypeError, PhotoError, ShapeError
from pawsight.inference import photo_inputs
from pawsight.inference.photo_inputs import as_photos, file_bytes, name_of, read_opened
from pawsight.records import Prediction

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


class Chunks:
    """A stream that cannot be sought and gives little at a time."""

    name = "pipe.jpg"

    def __init__(self, *chunks):
        self.chunks = list(chunks)

    def read(self, size):
        return self.chunks.pop(0) if self.chunks else b""


def pixels_of(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("content", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_bytes_are_the_file(content):
    assert file_bytes(content) == b"abc"


def test_a_path_is_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"abc")
    assert file_bytes(tmp_path / "a.jpg") == file_bytes(str(tmp_path / "a.jpg")) == b"abc"
    with pytest.raises(PhotoError):
        file_bytes(tmp_path / "gone.jpg")


def test_an_array_keeps_its_pixels():
    assert (pixels_of(file_bytes(PIXELS)) == PIXELS).all()


@pytest.mark.parametrize(
    "array",
    [
        PIXELS.astype(np.float32),
        PIXELS[0],
        PIXELS[:, :, :2],
        PIXELS[None],
        PIXELS[:0],
        PIXELS[:, :0],
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_that_is_no_photo_is_named_with_its_shape(array):
    with pytest.raises(ShapeError) as caught:
        file_bytes(array)
    assert f"not {array.dtype} of shape {list(array.shape)}." in str(caught.value)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_a_picture_of_pillow_is_kept_without_loss(mode):
    image = PIL.Image.new(mode, (3, 2), 1)
    found = PIL.Image.open(io.BytesIO(file_bytes(image)))
    assert found.mode == mode
    assert (np.asarray(found) == np.asarray(image)).all()


@pytest.mark.parametrize(
    ("mode", "other"), [("HSV", "RGB"), ("YCbCr", "RGB"), ("RGBa", "RGBA"), ("I", "L"), ("F", "L")]
)
def test_a_picture_of_another_mode_is_converted(mode, other):
    assert PIL.Image.open(io.BytesIO(file_bytes(PIL.Image.new(mode, (3, 2))))).mode == other


def test_a_picture_keeps_its_orientation():
    image = PIL.Image.fromarray(PIXELS)
    image.getexif()[0x0112] = 6
    assert PIL.Image.open(io.BytesIO(file_bytes(image))).getexif()[0x0112] == 6


def test_an_opened_file_is_read_from_its_start():
    stream = io.BytesIO(b"abc")
    stream.read(2)
    assert file_bytes(stream) == b"abc"


def test_a_pipe_is_read_to_its_end():
    found = file_bytes(Chunks(b"ab", b"c", b"de"))
    assert found == b"abcde"
    assert name_of(found) == "pipe.jpg"


def test_an_opened_file_may_have_so_many_bytes(monkeypatch):
    monkeypatch.setattr(photo_inputs, "MAX_BYTES", 5)
    assert file_bytes(Chunks(b"abc", b"de")) == b"abcde"
    for stream in (Chunks(b"abc", b"def"), io.BytesIO(b"abcdef")):
        with pytest.raises(PhotoError, match=photo_inputs.TOO_LARGE):
            file_bytes(stream)


def test_a_file_opened_as_text_is_refused():
    with pytest.raises(InputTypeError, match=r'StringIO returns str\. Open files with mode "rb"'):
        file_bytes(io.StringIO("abc"))


def test_a_closed_file_has_a_reason():
    stream = io.BytesIO(b"abc")
    stream.close()
    with pytest.raises(PhotoError, match="cannot be read: I/O operation on closed file"):
        file_bytes(stream)


@pytest.mark.parametrize("one", ["a.jpg", b"abc", PIXELS, PIL.Image.new("L", (1, 1)), io.BytesIO()])
def test_one_photo_is_a_list_of_one(one):
    assert as_photos(one) == [one]


@pytest.mark.parametrize("many", [["a.jpg"], ("a", "b"), PIXELS[None]])
def test_many_photos_stay_as_they_are(many):
    assert as_photos(many) is many


@pytest.mark.parametrize("found", [7, None, {"a": 1}])
def test_what_is_no_photo_is_named_by_its_type(found):
    with pytest.raises(InputTypeError, match=f"not {type(found).__name__}"):
        as_photos(found)


def test_opened_files_are_read_in_their_order_and_damaged_ones_become_results():
    closed = io.BytesIO()
    closed.close()
    found = list(read_opened(["a.jpg", Chunks(b"ab"), closed, b"c"]))
    assert (found[0], found[1], found[3]) == ("a.jpg", b"ab", b"c")
    assert isinstance(found[2], Prediction)
    assert found[2].error.startswith("cannot be read")


def test_a_name_is_that_of_the_file(tmp_path):
    assert name_of("a.jpg") == "a.jpg"
    assert name_of(tmp_path / "a.jpg") == str(tmp_path / "a.jpg")
    assert name_of(Prediction("b.jpg", error="x")) == "b.jpg"
    assert name_of(b"abc") == name_of(PIXELS) == ""
    with (tmp_path / "c.jpg").open("wb") as file:
        assert name_of(file) == str(tmp_path / "c.jpg")
