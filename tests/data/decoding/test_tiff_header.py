"""Directories that claim more than their file holds, and raw photos of cameras."""

import struct

import pytest

from pawsight.data.decoding.tiff_header import has_hostile_exif, has_sensor_values, is_oversized

SHORT, LONG, UNKNOWN = 3, 4, 99


def tiff(order, *entries, num_bytes=0, is_big=False):
    """A TIFF of one directory of (tag, kind, number of values, value), filled up with zeros."""
    mark = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if is_big else 42)
    if is_big:
        data = mark + struct.pack(order + "HHQQ", 8, 0, 16, len(entries))
        data += b"".join(struct.pack(order + "HHQQ", *entry) for entry in entries)
    else:
        data = mark + struct.pack(order + "IH", 8, len(entries))
        data += b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return data.ljust(num_bytes, b"\0")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("start", [0, 7])
class TestOversized:
    def test_a_value_may_be_there_two_hundred_thousand_times(self, order, is_big, start):
        for count, expected in ((200_000, False), (200_001, True)):
            data = tiff(order, (1, SHORT, count, 0), num_bytes=500_000, is_big=is_big)
            assert is_oversized(bytes(start) + data, start) is expected

    def test_all_values_together_may_be_twice_the_file_and_64_kib(self, order, is_big, start):
        # Each of 10,000 bytes; 2 x 40,000 + 65,536 bytes hold 14 of them.
        for count, expected in ((14, False), (15, True)):
            entries = [(1, LONG, 2500, 0)] * count
            data = tiff(order, *entries, num_bytes=40_000, is_big=is_big)
            assert is_oversized(bytes(start) + data, start) is expected

    def test_what_is_in_its_entry_or_reaches_beyond_the_file_is_not_loaded(
        self, order, is_big, start
    ):
        inline = [(1, SHORT, 2, 0)] * 3000
        beyond = [(1, UNKNOWN, 10**9, 0)] * 100
        for entries in (inline, beyond):
            assert not is_oversized(bytes(start) + tiff(order, *entries, is_big=is_big), start)


def test_a_file_that_ends_in_its_header_has_nothing_to_load():
    data = tiff("<", (1, LONG, 300_000, 0))
    assert is_oversized(data)
    for end in range(len(data)):
        assert not is_oversized(data[:end])


def test_exif_is_searched_wherever_it_is_and_a_thousand_times_at_most():
    hostile = tiff(">", (1, LONG, 300_000, 0))
    assert has_hostile_exif(b"before" + hostile)
    assert has_hostile_exif(b"II*\0" * 5 + bytes(99) + hostile)
    assert not has_hostile_exif(b"II*\0" * 999 + bytes(99))
    assert has_hostile_exif(b"II*\0" * 1000 + bytes(99))
    assert not has_hostile_exif(b"no header")


@pytest.mark.parametrize("order", "<>")
class TestRaw:
    def value(self, order, number):
        """A number of 16 bits in the four bytes of an entry."""
        return struct.unpack(order + "I", struct.pack(order + "HH", number, 0))[0]

    @pytest.mark.parametrize(
        ("photometric", "expected"), [(2, False), (32803, True), (34892, True), (32804, False)]
    )
    def test_values_of_a_sensor_are_those_of_a_raw_photo(self, order, photometric, expected):
        data = tiff(order, (256, SHORT, 1, 9), (262, SHORT, 1, self.value(order, photometric)))
        assert has_sensor_values(data) is expected
        assert not has_sensor_values(b"XX" + data[2:])

    def test_a_dng_is_a_raw_photo(self, order):
        assert has_sensor_values(tiff(order, (50706, 1, 4, 1)))

    @pytest.mark.parametrize("count", [1, 2, 16])
    def test_the_sensor_may_be_in_a_directory_of_another_one(self, order, count):
        inner = struct.pack(order + "H", 1)
        inner += struct.pack(order + "HHII", 262, SHORT, 1, self.value(order, 32803))
        first = 8 + 2 + 12 + 4  # behind the outer directory
        places = [5] * (count - 1) + [first + 4 * count if count > 1 else first]
        value = places[0] if count == 1 else first
        data = tiff(order, (330, LONG, count, value), num_bytes=first)
        if count > 1:
            data += struct.pack(f"{order}{count}I", *places)
        assert has_sensor_values(data + inner)
        assert not has_sensor_values(data)

    def test_a_directory_that_is_cut_off_is_none(self, order):
        data = tiff(order, (262, SHORT, 1, self.value(order, 32803)))
        assert has_sensor_values(data)
        for end in range(len(data)):
            assert not has_sensor_values(data[:end])
