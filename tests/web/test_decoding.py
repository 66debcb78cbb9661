"""Photos that crash, block or exhaust the decoder: a row with the reason, others are answered."""

import os
import struct
import sys
import threading
import zlib
from pathlib import Path

import httpx
import pytest

from pawsight import machine
from pawsight.data.pixel_scale import STANDARD
from pawsight.data.reading import worker_process
from pawsight.inference import decode_processes

from .conftest import eventually, form, png


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I4s", len(content), name)
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def large_png(text: bytes = b"") -> bytes:
    """Draw a black PNG of 17 million pixels, with a text in it."""
    header = struct.pack(">IIBBBBB", 5000, 3400, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(5001 * 3400), 1)
    chunks = chunk(b"IHDR", header) + chunk(b"tEXt", b"k\0" + text) + chunk(b"IDAT", rows)
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def running(client: httpx.Client) -> list:
    return list(client.service._processes._running)


@pytest.mark.skipif(sys.platform == "win32", reason="there a process has no such limits")
def test_a_photo_that_harms_the_decoder_is_a_row_and_all_others_are_answered(
    serve, colour_run, planted
):
    client = serve(colour_run.path)
    harms = [png() + how for how in (b"CRASH", b"HANG", b"SLEEP", b"MEMORY")]
    rows = client.post("/predict", files=form(png(), *harms, png())).json()["predictions"]
    assert [row["error"] for row in rows] == [
        "",
        "reading it crashed the decoder, or took all memory",
        "took more than 10 seconds to decode",
        "took more than 60 seconds to decode",
        "needs more memory than there is",
        "",
    ]
    assert client.post("/predict", files=form(png())).json()["predictions"][0]["label"] == "red"


def test_a_large_photo_delays_no_other_client_even_on_one_core(
    serve, colour_run, planted, monkeypatch
):
    monkeypatch.setattr(machine, "num_cpus", lambda: 1)
    client = serve(colour_run.path)
    answers = []
    url, large = f"{client.base_url}/predict", form(large_png(b"WAIT"), large_png(b"WAIT"))
    waiting = threading.Thread(
        target=lambda: answers.append(httpx.post(url, files=large, timeout=60))
    )
    waiting.start()
    eventually(lambda: client.service.num_active == 1)
    assert client.post("/predict", files=form(png())).json()["predictions"][0]["label"] == "red"
    assert not answers
    planted.touch()
    waiting.join(60)
    assert [row["error"] for row in answers[0].json()["predictions"]] == ["", ""]


def test_large_photos_that_fill_their_queue_keep_no_others_out(serve, colour_run, planted):
    client = serve(colour_run.path, max_waiting=4)
    url, large = f"{client.base_url}/predict", form(*[large_png(b"WAIT")] * 6)
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(httpx.post(url, files=large, timeout=60))
    )
    waiting.start()
    eventually(lambda: client.service._pool.num_waiting >= 4)
    assert client.post("/predict", files=form(png())).status_code == 200
    refused = client.post("/predict", files=form(large_png()))
    assert refused.status_code == 503 and refused.headers["retry-after"]
    planted.touch()
    waiting.join(60)
    assert answers[0].status_code == 200


def test_a_process_that_was_killed_while_idle_harms_no_photo(client):
    client.post("/predict", files=form(png()))
    assert running(client)
    for process in running(client):
        process.kill()
    eventually(lambda: not any(process.is_alive for process in running(client)))
    assert client.post("/predict", files=form(png())).json()["predictions"][0]["label"] == "red"


def test_no_more_processes_are_kept_than_there_are_cores(serve, colour_run, planted, monkeypatch):
    monkeypatch.setattr(machine, "num_cpus", lambda: 2)
    client = serve(colour_run.path)
    client.service._processes.start()
    assert len(running(client)) == 2
    waiting = [
        threading.Thread(
            target=client.service._processes.load_pixels,
            args=(
                decode_processes.DecodeRequest(png() + b"WAIT", (8, 8), "stretch", 1000, STANDARD),
            ),
        )
        for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: len(running(client)) == 3)
    planted.touch()
    for thread in waiting:
        thread.join(20)
    assert len(running(client)) == 2


def test_a_service_that_can_start_no_process_refuses_photos_and_recovers(
    serve, colour_run, monkeypatch
):
    def refuse(*arguments: object, **settings: object):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(worker_process.subprocess, "Popen", refuse)
        client = serve(colour_run.path)
        answer = client.post("/predict", files=form(png()))
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert answer.json()["detail"].startswith("No worker process could be started: ")
    assert client.post("/predict", files=form(png())).status_code == 200


def children(parent: int) -> set[int]:
    found = set()
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        found |= {int(number) for number in path.read_text().split()}
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_the_processes_end_with_a_service_that_is_killed(process):
    child = process()
    assert httpx.post(f"{child.address}/predict", files=form(png())).status_code == 200
    started = children(child.pid)
    assert started
    child.kill()
    child.wait(20)
    eventually(lambda: not any(is_running(one) for one in started))


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
