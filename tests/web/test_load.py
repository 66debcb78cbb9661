"""More than can be done, clients that go away, photos that take for ever."""

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import eventually, form, png


def figure(client: httpx.Client, name: str) -> float:
    """Read one of the service's own figures; 0 where it was never counted."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return 0.0


def post(client: httpx.Client, count: int = 1) -> httpx.Response:
    return httpx.post(f"{client.base_url}/predict", files=form(*[png()] * count), timeout=30)


def test_what_does_not_fit_the_queue_is_refused_at_once_and_the_rest_is_answered(
    serve, colour_run, gate
):
    client = serve(colour_run.path, max_waiting=4)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(post, client) for _ in range(30)]
        # Those refused are answered while all the others are held back.
        eventually(lambda: sum(answer.done() for answer in answers) >= 15)
        refused = [answer.result() for answer in answers if answer.done()]
        gate.open()
        statuses = [answer.result().status_code for answer in answers]
    assert {answer.status_code for answer in refused} == {503}
    assert refused[0].headers["retry-after"] == "1"
    assert "Try again" in refused[0].json()["detail"]
    assert 4 <= statuses.count(200) <= 15
    assert set(statuses) == {200, 503}
    assert post(client).status_code == 200


def test_request_that_finds_no_room_is_refused_by_its_head(serve, colour_run, gate):
    client = serve(colour_run.path, max_waiting=2)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(post, client, 12)
        eventually(lambda: client.service._pool.num_waiting >= 2)
        with socket.create_connection((client.base_url.host, client.base_url.port)) as line:
            line.sendall(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Content-Length: 30000000\r\n\r\n"
            )
            line.settimeout(20)
            assert line.recv(1000).startswith(b"HTTP/1.1 503 ")
        gate.open()
        assert first.result().status_code == 200


def test_bytes_of_all_requests_together_have_a_limit(serve, colour_run):
    client = serve(colour_run.path)
    client.service._memory._max_bytes = len(png()) - 1
    headers = {"content-type": "image/png"}
    answer = client.post("/predict", content=png(), headers=headers)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    client.service._memory._max_bytes += 1
    assert client.post("/predict", content=png(), headers=headers).status_code == 200


def test_photos_of_a_request_are_taken_together_or_not_at_all(serve, colour_run, gate):
    client = serve(colour_run.path, max_waiting=4)
    with ThreadPoolExecutor(4) as pool:
        # Every thread of the crew has its photos, and then two more wait.
        first = [pool.submit(post, client, 8)]
        eventually(lambda: gate.num_begun >= 1)
        eventually(lambda: client.service._pool.num_waiting > 0)
        assert post(client, 3).status_code == 503
        gate.open()
        assert first[0].result().status_code == 200


def test_client_that_goes_away_costs_nothing_more(serve, colour_run, gate):
    client = serve(colour_run.path)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{client.base_url}/predict", files=form(*[png()] * 30), timeout=0.5)
    eventually(lambda: figure(client, 'pawsight_photos_total{outcome="abandoned"}') == 30)
    assert client.service._pool.num_waiting == 0
    assert client.service._memory.num_bytes == 0
    num_begun = gate.num_begun
    gate.open()
    assert post(client).status_code == 200
    assert gate.num_begun <= num_begun + 1


def test_photos_that_do_not_arrive_in_time_are_not_waited_for(serve, colour_run):
    client = serve(colour_run.path, timeout=0.3)
    with socket.create_connection((client.base_url.host, client.base_url.port)) as line:
        line.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            b"Content-Length: 1000\r\n\r\nhalf"
        )
        line.settimeout(20)
        answer = line.recv(1000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    eventually(lambda: client.service.num_active == 0)


def test_an_answer_that_takes_too_long_is_reported_as_a_timeout(serve, colour_run, gate):
    client = serve(colour_run.path, timeout=0.3)
    answer = post(client)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("No result within 0.3 seconds")
    assert answer.headers["retry-after"]


def test_photos_that_wait_are_looked_at_together(serve, colour_run, gate):
    client = serve(colour_run.path)
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(post, client) for _ in range(12)]
        eventually(lambda: client.service.num_active == 12)
        time.sleep(0.2)
        gate.open()
        assert [answer.result().status_code for answer in answers] == [200] * 12
    assert figure(client, "pawsight_batch_photos_sum") == 12
    assert figure(client, "pawsight_batch_photos_count") < 12
    assert figure(client, 'pawsight_photos_total{outcome="answered"}') == 12
    assert figure(client, "pawsight_waiting_photos") == 0


STALLED = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    b"Content-Length: 100000\r\n\r\nhalf"
)


@pytest.mark.skipif(sys.platform != "linux", reason="one loopback address elsewhere")
def test_one_client_that_stalls_does_not_keep_others_out(serve, colour_run, monkeypatch):
    from pawsight.web import uploads

    monkeypatch.setattr(uploads, "_GRACE_SECONDS", 3.0)
    client = serve(colour_run.path, max_waiting=4)
    address = (client.base_url.host, client.base_url.port)
    lines = [socket.create_connection(address, 20) for _ in range(8)]
    try:
        for line in lines:
            line.sendall(STALLED)
        eventually(lambda: client.service.num_active == 6)  # three quarters of twice four
        answers = [line.recv(12) for line in lines[6:]]
        assert answers == [b"HTTP/1.1 503"] * 2
        with socket.socket() as other:
            other.bind(("127.0.0.2", 0))  # another client
            other.connect(address)
            other.sendall(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(png()), png())
            )
            assert other.recv(12) == b"HTTP/1.1 200"
        # Long before the timeout of half a minute, those that stall are let go.
        assert [line.recv(12) for line in lines[:6]] == [b"HTTP/1.1 408"] * 6
        eventually(lambda: client.service.num_active == 0)
    finally:
        for line in lines:
            line.close()
    assert not client.service._num_active_of
