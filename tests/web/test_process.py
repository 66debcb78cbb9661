"""`pawsight serve` as a process: it starts, shares work, and stops as it should."""

import contextlib
import signal
import socket
import time

import httpx
import pytest

from .conftest import eventually, form, free_port, png

pytestmark = pytest.mark.slow


def half_sent(child) -> socket.socket:
    """Send the head of a request and half of its photo."""
    photo = png()
    line = socket.create_connection(("127.0.0.1", child.port))
    head = f"Host: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(photo)}\r\n\r\n"
    line.sendall(b"POST /predict HTTP/1.1\r\n" + head.encode() + photo[:20])
    line.settimeout(20)
    time.sleep(0.3)  # for it to be taken
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_what_was_taken_and_takes_no_more(process, number):
    child = process()
    with half_sent(child) as line:
        child.send_signal(number)

        def is_not_ready():
            return httpx.get(f"{child.address}/readyz").status_code == 503

        eventually(is_not_ready)
        refused = httpx.post(f"{child.address}/predict", files=form(png()))
        assert refused.status_code == 503
        assert child.poll() is None
        line.sendall(png()[20:])
        assert line.recv(4000).startswith(b"HTTP/1.1 200 ")
    assert child.wait(20) == 0
    assert "Traceback" not in child.log()
    assert "Stopping after 1 active request." in child.log()


def test_second_signal_ends_it_at_once(process):
    child = process()
    with half_sent(child):
        child.send_signal(signal.SIGTERM)
        eventually(lambda: httpx.get(f"{child.address}/readyz").status_code == 503)
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 130


def test_several_processes_share_the_work_and_add_up_their_figures(process):
    child = process("--workers", 2)
    for _ in range(30):
        answer = httpx.post(f"{child.address}/predict", files=form(png(), png()))
        assert answer.status_code == 200
    lines = httpx.get(f"{child.address}/metrics").text.splitlines()
    assert 'pawsight_requests_total{method="POST",path="/predict",status="200"} 30.0' in lines
    assert 'pawsight_photos_total{outcome="answered"} 60.0' in lines
    assert "pawsight_waiting_photos 0.0" in lines
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{child.address}/healthz")


def test_key_comes_from_the_environment(process):
    child = process(PAWSIGHT_API_KEY="a very long key")
    assert httpx.get(f"{child.address}/model").status_code == 401
    headers = {"x-api-key": "a very long key"}
    assert httpx.get(f"{child.address}/model", headers=headers).status_code == 200
    assert "a very long key" not in child.log()


def test_service_open_to_other_machines_without_a_key_warns(process):
    child = process("--host", "0.0.0.0")
    assert "No API key: everyone who can connect" in child.log()
    assert httpx.get(f"{child.address}/healthz", headers={"host": "any.name"}).status_code == 200


def test_python_serves_until_it_is_stopped(colour_run, tmp_path):
    import subprocess
    import sys

    port = free_port()
    code = f"import pawsight; pawsight.serve({str(colour_run.path)!r}, port={port}); print('done')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:

        def is_ready():
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200

        eventually(is_ready, 60)
        child.send_signal(signal.SIGTERM)
        assert child.stdout.read() == b"done\n"
        assert child.wait(20) == 0
