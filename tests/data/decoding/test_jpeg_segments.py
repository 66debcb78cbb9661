"""The parts of a JPEG, from bytes written by hand."""

import pytest

from pawsight.data.decoding.jpeg_segments import SOS, Scan, num_components, scans, segments

COMMENT = b"\xff\xfe\x00\x04hi"
FRAME = b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + b"\x01\x11\x00" * 3
SCAN = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"


def test_segments_follow_each_other_up_to_the_first_scan():
    data = b"\xff\xd8" + COMMENT + FRAME + SCAN + COMMENT
    assert list(segments(data)) == [(0xFE, 6, 8), (0xC0, 12, 27), (SOS, 31, 41)]


@pytest.mark.parametrize(
    "between", [b"", b"\xff", b"\xff\xff\xff", b"\xff\xd0", b"\xff\x01", b"junk", b"\xff\x00"]
)
def test_padding_and_markers_without_content_are_passed_over(between):
    shift = len(between)
    data = b"\xff\xd8" + between + COMMENT + SCAN
    assert list(segments(data)) == [(0xFE, 6 + shift, 8 + shift), (SOS, 12 + shift, 22 + shift)]


def test_a_marker_whose_length_is_cut_is_no_segment():
    assert list(segments(b"\xff\xd8" + COMMENT)) == [(0xFE, 6, 8)]
    assert list(segments(b"\xff\xd8\xff\xfe\x00\x02")) == [(0xFE, 6, 6)]
    assert list(segments(b"\xff\xd8\xff\xfe\x00")) == []
    # A length below its own two bytes moves on all the same.
    assert list(segments(b"\xff\xd8\xff\xfe\x00\x00" + COMMENT)) == [(0xFE, 6, 4), (0xFE, 10, 12)]


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xCF])
def test_the_channels_are_those_of_any_kind_of_frame(marker):
    assert num_components(b"\xff\xd8" + COMMENT + bytes((0xFF, marker)) + FRAME[2:]) == 3


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xDB])
def test_other_segments_are_no_frames(marker):
    assert num_components(b"\xff\xd8" + bytes((0xFF, marker)) + FRAME[2:] + SCAN) == 0


def test_a_frame_cut_before_its_channels_has_none():
    head = b"\xff\xd8" + FRAME
    assert num_components(head[:12]) == 3
    assert num_components(head[:11]) == 0


def test_each_scan_has_its_channels_and_frequencies():
    second = b"\xff\xda\x00\x08\x01\x02\x11\x01\x05\x00"
    data = b"\xff\xd8" + FRAME + SCAN + b"\x12\xff\x00\x34" + second + b"\x56"
    assert scans(data) == [Scan((1, 2, 3), 0, 63), Scan((2,), 1, 5)]


@pytest.mark.parametrize(("kept", "count"), [(0, 2), (1, 2), (2, 1), (4, 1)])
def test_a_scan_counts_once_its_frequencies_are_there(kept, count):
    second = b"\xff\xda\x00\x08\x01\x02\x11\x01\x05\x00"
    data = b"\xff\xd8" + FRAME + SCAN + second
    assert len(scans(data[: len(data) - kept])) == count


def test_a_file_without_a_picture_has_no_scans():
    assert scans(b"\xff\xd8" + COMMENT) == []
    assert scans(b"\xff\xd8" + FRAME + b"\xff\xda\x00") == []
