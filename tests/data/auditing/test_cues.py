"""What the cues measure; all numbers are worked out by hand."""

import numpy as np
import pytest

from pawsight.data.auditing import image_cues
from pawsight.data.auditing.cue import CueInput
from pawsight.records import Photo


def columns(cue, **traces):
    """The columns of a cue on two photos with these traces."""
    photos = [Photo("a.jpg", "cats"), Photo("b.jpg", "dogs")]
    return [
        (column.values.tolist(), column.more)
        for column in cue(CueInput(photos, photos, {"traces": traces} | traces))
    ]


def texts(counts):
    """The texts that become columns, of photos with a label and a camera."""
    photos = [
        Photo(f"{label}{camera}{i}.jpg", label, camera=camera)
        for (label, camera), count in counts.items()
        for i in range(count)
    ]
    found = CueInput(photos, photos, None).indicators(lambda photo: photo.camera, str)
    return {column.more: column.values.sum() for column in found}


@pytest.mark.parametrize(("count", "is_compared"), [(2, True), (1, False)])
def test_a_text_is_compared_that_a_tenth_of_a_class_has(count, is_compared):
    found = texts({("cats", "D70"): count, ("cats", ""): 20 - count, ("dogs", ""): 50})
    assert found == ({"D70": count} if is_compared else {})


def test_the_twelve_commonest_texts_are_compared_the_commonest_first():
    # Seven cameras of cats and seven of dogs; those of an odd number have one photo more.
    counts = {("cats" if i < 7 else "dogs", f"C{i:02}"): 10 + i % 2 for i in range(14)}
    found = texts(counts | {("dogs", "C04"): 3})
    cameras = (4, *(1, 3, 5, 7, 9, 11, 13), *(0, 2, 6, 8))
    assert found == {f"C{i:02}": 10 + i % 2 + 3 * (i == 4) for i in cameras}
    assert list(found) == [f"C{i:02}" for i in cameras]


def test_the_border_of_each_side_is_a_column():
    borders = np.array([[1, 2, 3, 4], [0, 0, 0, 9]])
    found = columns(image_cues.border, borders=borders)
    assert [values for values, _ in found] == [[1, 0], [2, 0], [3, 0], [4, 9]]


def test_a_corner_is_compared_with_its_mirror_image_where_one_is_twice_the_other():
    # Added to each share: 0.004. At the top 0.02 and 0.08, at the bottom 0.01 and 0.019.
    shares = np.array([[0.016, 0.076, 0.006, 0.015], [0, 0, 0.096, 0.046]])
    (top, _), (bottom, _) = columns(image_cues.corner_mark, corners=shares)
    assert top == pytest.approx([np.log(4), 0])
    assert bottom == pytest.approx([0, -np.log(2)])


def test_casts_are_those_of_the_lightest_and_of_the_darkest_places():
    # A hundred pixels: three dark, three light, the others grey.
    thumbnails = np.full((2, 10, 10, 3), 128.0)
    thumbnails[0, 0, :3], thumbnails[0, 1, :3] = (30, 20, 6), (250, 200, 240)
    thumbnails[1, 0, :3], thumbnails[1, 1, :3] = (8, 8, 8), (255, 255, 255)
    found = columns(image_cues.colour_cast, thumbnail=thumbnails)
    assert [(values, words.split(" ")[0]) for values, words in found] == [
        ([10, 0], "reddish"),
        ([200 - 245, 0], "greenish"),
        ([24, 0], "reddish"),
        ([2, 0], "greenish"),
    ]
    (light, _), (dark, _) = columns(image_cues.brightness, thumbnail=thumbnails)
    assert light == [230, 255]
    assert dark == pytest.approx([56 / 3, 8])


def test_detail_is_the_power_of_finer_bands_against_coarser_ones():
    spectrum = np.array([[1, 8.0, 1, 1, 2.0, 1, 6.0], [1, 0, 1, 1, 0, 1, 1e-9]])
    (finest, _), (fine, _) = columns(image_cues.fine_detail, spectrum=spectrum)
    assert finest == pytest.approx([np.log(3), 0])
    assert fine == pytest.approx([-np.log(4), 0])
