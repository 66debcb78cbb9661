"""Downloads: what is retried, how long is waited, what is reported, and which bytes count."""

import hashlib
from contextlib import contextmanager

import pytest

from pawsight.storage.download import (
    ChecksumError,
    DownloadError,
    RetriesExhaustedError,
    RetryableError,
    Stream,
    fetch_resumed,
    jittered,
    part_of,
    with_retries,
)

CONTENT = b"abcdefghij"
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves CONTENT in chunks of 4 bytes; `breaks[i]` bytes of the i-th try arrive, None all."""

    def __init__(self, *breaks, total=10, md5="", content=CONTENT, ranges=True, seconds=None):
        self.breaks, self.total, self.md5, self.content = list(breaks), total, md5, content
        self.ranges, self.seconds, self.starts = ranges, seconds, []

    @contextmanager
    def open(self, start):
        self.starts.append(start)
        start = start if self.ranges else 0
        arriving = self.breaks.pop(0) if self.breaks else None
        yield Stream(start, self.total, self._chunks(start, arriving), self.md5)

    def _chunks(self, start, arriving):
        end = len(self.content) if arriving is None else start + arriving
        for place in range(start, end, 4):
            yield self.content[place : min(place + 4, end)]
        if arriving is not None:
            raise RetryableError("broken", self.seconds)


def fetch(server, path, **options):
    """Fetch; return the bytes reported and the seconds waited."""
    reported, waited = [], []
    fetch_resumed(server.open, path, advance=reported.append, pause=waited.append, **options)
    return reported, waited


@pytest.fixture
def path(tmp_path):
    return tmp_path / "photo.jpg"


def test_all_bytes_are_reported_as_they_arrive(path):
    reported, waited = fetch(Server(), path)
    assert (reported, waited, path.read_bytes()) == ([4, 4, 2], [], CONTENT)
    assert not part_of(path, "").exists()


def test_a_broken_connection_is_resumed_at_the_byte_it_broke_at(path):
    server = Server(6)
    reported, waited = fetch(server, path)
    assert (server.starts, reported, waited) == ([0, 6], [4, 2, 4], [1.0])
    assert path.read_bytes() == CONTENT


def test_the_bytes_of_an_earlier_process_are_reported_first(path):
    part_of(path, "v1").write_bytes(CONTENT[:3])
    server = Server()
    assert fetch(server, path, version="v1")[0] == [3, 4, 3]
    assert server.starts == [3]


def test_a_part_of_another_version_is_not_resumed(path):
    part_of(path, "v1").write_bytes(b"xyz")
    server = Server()
    assert fetch(server, path, version="v2")[0] == [4, 4, 2]
    assert server.starts == [0]


def test_a_server_that_begins_anew_takes_back_what_was_reported(path):
    server = Server(6, ranges=False)
    assert fetch(server, path)[0] == [4, 2, -6, 4, 4, 2]
    assert path.read_bytes() == CONTENT


def test_five_tries_without_progress_are_all_and_waits_double(path):
    server, waited = Server(0, 0, 0, 0, 0, 0), []
    with pytest.raises(RetriesExhaustedError, match="broken"):
        fetch_resumed(server.open, path, advance=lambda _: None, pause=waited.append)
    assert (server.starts, waited) == ([0] * 5, [1.0, 2.0, 4.0, 8.0])


def test_progress_begins_the_count_of_tries_anew(path):
    server = Server(0, 0, 0, 0, 1, 0, 0, 0)
    assert fetch(server, path)[1] == [1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("asked", "waited"), [(0.5, 1.0), (7.0, 7.0), (300.0, 300.0), (9e9, 300.0)]
)
def test_the_server_s_wait_counts_up_to_five_minutes(path, asked, waited):
    assert fetch(Server(0, seconds=asked), path)[1] == [waited]


@pytest.mark.parametrize(
    "checksum",
    [MD5, MD5.upper(), hashlib.sha256(CONTENT).hexdigest()],
    ids=["md5", "MD5", "sha256"],
)
def test_a_right_checksum_is_accepted(path, checksum):
    assert fetch(Server(), path, checksum=checksum)[0] == [4, 4, 2]


def test_the_stated_md5_is_checked_where_no_checksum_is_given(path):
    server = Server(md5="0" * 32)
    with pytest.raises(ChecksumError, match="arrived twice with a wrong checksum"):
        fetch(server, path)
    assert server.starts == [0, 0]
    assert not path.exists()
    fetch(Server(md5="0" * 32), path, checksum=MD5)  # the one given goes before


def test_a_damaged_part_is_fetched_once_more_from_its_start(path):
    part_of(path, "").write_bytes(b"XYZ")
    server = Server()
    reported, _ = fetch(server, path, checksum=MD5)
    assert (server.starts, reported) == ([3, 0], [3, 4, 3, -10, 4, 4, 2])
    assert path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_dropped(path):
    part_of(path, "").write_bytes(b"x" * 12)
    server = Server()
    reported, waited = fetch(server, path)
    assert (server.starts, sum(reported), waited) == ([12, 0], 10, [1.0])
    assert path.read_bytes() == CONTENT


def test_an_unknown_total_is_taken_as_it_comes(path):
    assert fetch(Server(total=None), path)[0] == [4, 4, 2]


def test_too_few_bytes_are_no_file(path):
    with pytest.raises(RetriesExhaustedError, match="the connection ended after 10 of 1,011 bytes"):
        fetch(Server(total=1011), path)


def test_a_call_is_tried_five_times():
    waited, calls = [], []

    def call():
        calls.append(1)
        raise RetryableError("busy")

    with pytest.raises(RetriesExhaustedError, match="busy"):
        with_retries(call, waited.append)
    assert (len(calls), waited) == (5, [1.0, 2.0, 4.0, 8.0])


def test_a_refusal_is_not_retried():
    waited = []

    def call():
        raise DownloadError("no")

    with pytest.raises(DownloadError, match="no"):
        with_retries(call, waited.append)
    assert waited == []
    assert with_retries(lambda: 7, waited.append) == 7


def test_waits_are_spread_up_to_half_longer():
    waits = [jittered(10.0) for _ in range(200)]
    assert 10.0 <= min(waits) < 11.0 < 14.0 < max(waits) <= 15.0
