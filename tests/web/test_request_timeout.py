"""A client that never finishes the head of a request holds its connection for a while only."""

import socket

import pytest

from pawsight.web import request_timeout

from .conftest import form, png

LATE = b"HTTP/1.1 408 Request Timeout"


@pytest.fixture
def connect(serve, colour_run, monkeypatch):
    """Open connections to a service that waits one second for a head."""
    monkeypatch.setattr(request_timeout, "HEAD_SECONDS", 1.0)
    client = serve(colour_run.path)
    opened = []

    def open_it():
        line = socket.create_connection(("127.0.0.1", client.base_url.port), 20)
        opened.append(line)
        return line

    open_it.client = client
    yield open_it
    for line in opened:
        line.close()


def rest(line):
    """All that comes until the other side closes."""
    found = b""
    while more := line.recv(4000):
        found += more
    return found


def test_a_client_that_sends_nothing_is_disconnected(connect):
    assert rest(connect()) == b""


def test_a_head_that_never_ends_is_not_waited_for_however_it_comes(connect):
    line = connect()
    line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
    line.settimeout(0.2)
    for _ in range(50):
        try:
            assert line.recv(4000).startswith(LATE)
            break
        except TimeoutError:
            line.sendall(b"X: y\r\n")  # something comes all the time
    else:
        pytest.fail("it was waited for")
    assert connect.client.post("/predict", files=form(png())).status_code == 200


def test_a_second_request_has_its_own_time(connect):
    line = connect()
    line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert line.recv(4000).startswith(b"HTTP/1.1 200")
    line.sendall(b"GET /healthz HTTP/1.1\r\n")
    assert LATE in rest(line)


def test_a_photo_that_is_long_on_its_way_is_waited_for(connect):
    photo = png()
    line = connect()
    head = f"Host: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(photo)}\r\n\r\n"
    line.sendall(b"POST /predict HTTP/1.1\r\n" + head.encode() + photo[:20])
    line.settimeout(1.5)
    with pytest.raises(TimeoutError):  # longer than a head may take, and nothing is said
        line.recv(4000)
    line.settimeout(20)
    line.sendall(photo[20:])
    assert line.recv(4000).startswith(b"HTTP/1.1 200")


def test_the_rest_of_a_refused_body_is_not_waited_for(connect):
    line = connect()
    head = b"Host: localhost\r\nContent-Type: image/png\r\nContent-Length: 999999999\r\n\r\n"
    line.sendall(b"POST /predict HTTP/1.1\r\n" + head)
    assert line.recv(4000).startswith(b"HTTP/1.1 413")
    line.settimeout(0.2)
    for _ in range(50):
        try:
            if line.recv(4000) == b"":
                break
            continue
        except TimeoutError:
            line.sendall(b"x")
        except ConnectionResetError:
            break
    else:
        pytest.fail("it was waited for")
