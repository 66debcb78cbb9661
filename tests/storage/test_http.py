"""What answers of a server mean, and where a file goes on."""

import pytest
import requests

from pawsight.storage.download import DownloadError, RetryableError
from pawsight.storage.http import open_http, retry_after_seconds, translated


class Answer:
    def __init__(self, status, content=b"", **headers):
        self.status_code, self.reason, self._content = status, "Reason", content
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}

    def iter_content(self, size):
        yield self._content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def opened(start, *answers):
    """Open with these answers in turn; gives start, total, bytes, MD5, and the ranges asked for."""
    waiting, asked = list(answers), []

    def get(url, headers, **_):
        asked.append(headers.get("Range"))
        return waiting.pop(0)

    with open_http(get, "http://far/a", start) as stream:
        return stream.start, stream.total, b"".join(stream.chunks), stream.md5, asked


def test_a_piece_begins_where_it_was_asked_for():
    answer = Answer(206, b"fg", Content_Range="bytes 5-6/7", Content_Length="2")
    assert opened(5, answer) == (5, 7, b"fg", "", ["bytes=5-"])


def test_a_server_without_ranges_begins_anew():
    answer = Answer(200, b"abcdefg", Content_Length="7", x_goog_hash="crc32c=AA==, md5=AAEC")
    assert opened(5, answer) == (0, 7, b"abcdefg", "000102", ["bytes=5-"])


def test_a_size_is_not_believed_of_what_is_packed_on_the_way():
    answer = Answer(200, b"abcdefg", Content_Length="3", Content_Encoding="gzip")
    assert opened(0, answer)[1] is None


def test_a_malformed_checksum_is_ignored():
    assert opened(0, Answer(200, b"a", x_goog_hash="md5=a"))[3] == ""


def test_what_is_whole_already_needs_no_bytes():
    assert opened(7, Answer(416, Content_Range="bytes */7"))[:3] == (7, 7, b"")


def test_what_is_longer_than_the_file_begins_anew():
    first, second = Answer(416, Content_Range="bytes */7"), Answer(200, b"abcdefg")
    assert opened(9, first, second) == (0, None, b"abcdefg", "", ["bytes=9-", None])


def test_another_piece_than_the_one_asked_for_is_not_taken():
    with pytest.raises(RetryableError, match="another range"):
        opened(5, Answer(206, b"x", Content_Range="bytes 3-6/7"))


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_server_reports_how_long_to_wait(status):
    with pytest.raises(RetryableError, match=f"responds {status}") as caught:
        opened(0, Answer(status, Retry_After="120"))
    assert caught.value.seconds == 120.0


@pytest.mark.parametrize("status", [400, 404, 499])
def test_a_no_is_a_no(status):
    with pytest.raises(DownloadError, match=f"responds {status} Reason") as caught:
        opened(0, Answer(status))
    assert caught.value.status == status


def test_requests_are_streamed_and_may_not_be_packed():
    asked = []

    def get(url, **options):
        asked.append((url, options))
        return Answer(200, b"abc")

    with open_http(get, "http://far/a", 0) as stream:
        assert b"".join(stream.chunks) == b"abc"
    ((url, options),) = asked
    assert (url, options["headers"]) == ("http://far/a", {"Accept-Encoding": "identity"})
    assert options["stream"] and options["timeout"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectionError(), "there is no connection"),
        (requests.Timeout(), "it timed out"),
        (requests.exceptions.ChunkedEncodingError(), "the connection was broken"),
        (requests.RequestException("odd\nlines"), "odd"),
    ],
)
def test_broken_connections_are_tried_again(error, words):
    with pytest.raises(RetryableError) as caught, translated():
        raise error
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_a_time_to_wait_is_a_number_or_a_date(stated, seconds):
    assert retry_after_seconds(stated) == seconds
