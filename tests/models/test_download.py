import base64
import contextlib
import hashlib
import http.server
import threading

import pytest

from pawsight.errors import ModelError
from pawsight.models.weight_downloads import fetch_file
from pawsight.progress import Silent

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
MD5 = hashlib.md5(CONTENT).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Speaks Range; what else it does is on the server: `cut_at`, `answers`, `content`."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range", ""))
        if server.answers:
            status = server.answers.pop(0)
            if status != 200:
                self.send_error(status)
                return
        start = 0
        if (wanted := self.headers.get("Range")) and server.speaks_range:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        content = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if server.states_md5:
            digest = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
            self.send_header("x-goog-hash", f"crc32c=AAAAAA==, md5={digest}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        with contextlib.suppress(OSError):
            self.wfile.write(content[:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as found:
        found.content, found.answers, found.cuts, found.asked = CONTENT, [], [], []
        found.speaks_range, found.states_md5 = True, False
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("PAWSIGHT_WEIGHTS_URL", f"http://127.0.0.1:{found.server_port}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield found
        found.shutdown()
        thread.join()


class _Bytes(Silent):
    def __init__(self):
        self.total = self.done = 0

    def start(self, task, total=None, unit=""):
        self.total, self.done = total, 0

    def advance(self, done, **facts):
        self.done += done
        self.total = facts.get("total", self.total)


def _fetch(path, checksum=MD5, progress=None):
    pauses = []
    fetch_file("net/a.h5", path, checksum, "net", progress or Silent(), pauses.append)
    return pauses


def test_the_file_arrives_whole_and_its_bytes_are_reported(server, tmp_path):
    recorded = _Bytes()
    _fetch(tmp_path / "w" / "a.h5", progress=recorded)
    assert (tmp_path / "w" / "a.h5").read_bytes() == CONTENT
    assert recorded.total == recorded.done == len(CONTENT)
    assert not list(tmp_path.rglob("*.part"))


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [10 << 15, 5 << 15]
    assert _fetch(tmp_path / "a.h5") == [1.0, 1.0]  # each try brought something
    assert (tmp_path / "a.h5").read_bytes() == CONTENT
    assert server.asked == ["", "bytes=327680-", "bytes=491520-"]


def test_a_part_of_an_earlier_process_is_used(server, tmp_path):
    (tmp_path / "a.h5.part").write_bytes(CONTENT[:1000])
    _fetch(tmp_path / "a.h5")
    assert server.asked == ["bytes=1000-"]
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_a_server_without_range_starts_again(server, tmp_path):
    server.speaks_range = False
    (tmp_path / "a.h5.part").write_bytes(b"x" * 1000)
    _fetch(tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_a_wrong_part_is_thrown_away_and_fetched_once_more(server, tmp_path):
    (tmp_path / "a.h5.part").write_bytes(b"x" * 1000)
    _fetch(tmp_path / "a.h5")
    assert server.asked == ["bytes=1000-", ""]
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_a_wrong_byte_is_an_error_and_leaves_nothing(server, tmp_path):
    server.content = b"y" + CONTENT[1:]
    with pytest.raises(ModelError, match="twice with a wrong checksum"):
        _fetch(tmp_path / "a.h5")
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".h5", ".part")]


def test_where_no_checksum_is_known_the_servers_own_counts(server, tmp_path):
    server.states_md5 = True
    server.content = b"y" + CONTENT[1:]
    with pytest.raises(ModelError, match="wrong checksum"):
        _fetch(tmp_path / "a.h5", checksum="")


def test_a_long_checksum_is_sha256(server, tmp_path):
    _fetch(tmp_path / "a.h5", checksum=hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "a.h5").is_file()


def test_a_busy_server_is_asked_again_after_a_pause(server, tmp_path):
    server.answers = [503, 503, 200]
    assert _fetch(tmp_path / "a.h5") == [1.0, 2.0]
    assert (tmp_path / "a.h5").is_file()


def test_a_server_that_stays_busy_is_given_up(server, tmp_path):
    server.answers = [503] * 9
    with pytest.raises(ModelError, match="responds 503"):
        _fetch(tmp_path / "a.h5")
    assert len(server.asked) == 5


def test_a_file_that_is_not_there_is_not_asked_for_again(server, tmp_path):
    server.answers = [404]
    with pytest.raises(ModelError, match=r"(?s)responds 404.*--weights a\.h5"):
        _fetch(tmp_path / "a.h5")
    assert len(server.asked) == 1


def test_offline_the_error_names_the_file_to_bring(monkeypatch, tmp_path):
    monkeypatch.setenv("PAWSIGHT_WEIGHTS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(
        ModelError,
        match=r"(?s)not on this machine.*no connection.*127\.0\.0\.1:9/net/a\.h5.*--weights a\.h5",
    ):
        _fetch(tmp_path / "a.h5")


def test_a_file_that_is_there_is_left_alone(server, tmp_path):
    (tmp_path / "a.h5").write_bytes(b"mine")
    _fetch(tmp_path / "a.h5")
    assert not server.asked
    assert (tmp_path / "a.h5").read_bytes() == b"mine"
