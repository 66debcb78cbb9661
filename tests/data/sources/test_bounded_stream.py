"""A stream gives no more at once than allowed, and is opened by its first bytes."""

import bz2
import gzip
import io
import lzma

import pytest

from pawsight.data.sources.bounded_stream import BoundedStream, TooLargeError, decompressed


def stream(max_bytes=4):
    return BoundedStream(io.BytesIO(b"abcdefgh"), max_bytes)


def test_as_much_as_allowed_is_read_and_no_more():
    assert stream().read(4) == b"abcd"
    assert stream().read(0) == b""
    with pytest.raises(TooLargeError):
        stream().read(5)
    with pytest.raises(TooLargeError):
        stream().read()
    assert stream(8).read() == stream(8).read(100) == b"abcdefgh"


def test_each_read_is_bounded_by_itself():
    found = stream()
    assert [found.read(4), found.read(4), found.read(4)] == [b"abcd", b"efgh", b""]
    found.seek(2)
    assert found.tell() == 2
    assert found.seekable()


def test_all_reads_of_a_step_are_bounded_together():
    def step(*sizes):
        return lambda: [found.read(size) for size in sizes]

    found = stream()
    assert found.within(5, step(3, 2)) == [b"abc", b"de"]
    assert found.read(3) == b"fgh"  # the bound ends with its step
    found = stream()
    with pytest.raises(TooLargeError):
        found.within(5, step(3, 3))
    assert found.read(2) == b"gh"
    found = stream()
    with pytest.raises(TooLargeError):  # the bound of each read holds as well
        found.within(8, step(5))


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_stream_is_opened_by_its_first_bytes(compress):
    assert decompressed(io.BytesIO(compress(b"photos"))).read() == b"photos"


def test_a_stream_of_fewer_bytes_is_itself():
    assert decompressed(io.BytesIO(b"\x1f")).read() == b"\x1f"
    assert decompressed(io.BytesIO(b"")).read() == b""
