"""Jobs in threads: each is done once, errors come with their job, and all stops at once."""

import threading
from types import SimpleNamespace

import pytest

from pawsight.errors import DiskError
from pawsight.storage import disk_space
from pawsight.storage.disk_space import check_space
from pawsight.storage.threads import map_in_threads


def nothing():
    pass


@pytest.mark.parametrize("num_threads", [1, 3])
def test_each_job_is_done_once_and_its_end_is_reported(num_threads):
    done, ticks, stop = [], [], threading.Event()
    ended = list(map_in_threads(done.append, range(20), num_threads, stop, lambda: ticks.append(1)))
    assert sorted(done) == sorted(job for job, _ in ended) == list(range(20))
    assert all(error is None for _, error in ended)
    assert stop.is_set()
    assert len(ticks) >= 21  # before each job, and at the end


def test_one_thread_works_in_the_order_of_the_jobs():
    done = []
    list(map_in_threads(done.append, [3, 1, 2], 1, threading.Event(), nothing))
    assert done == [3, 1, 2]


def test_an_error_comes_with_its_job_and_the_others_are_done():
    def work(job):
        if job == 1:
            raise ValueError(job)

    ended = dict(map_in_threads(work, [0, 1, 2], 2, threading.Event(), nothing))
    assert str(ended[1]) == "1"
    assert ended[0] is ended[2] is None


def test_several_jobs_run_at_a_time_but_no_more_than_asked():
    barrier = threading.Barrier(3)
    list(map_in_threads(lambda _: barrier.wait(20), range(3), 3, threading.Event(), nothing))
    running, most = [], []

    def work(job):
        running.append(job)
        most.append(len(running))
        running.remove(job)

    list(map_in_threads(work, range(50), 1, threading.Event(), nothing))
    assert max(most) == 1


def test_a_caller_that_leaves_stops_what_is_not_begun():
    done, stop = [], threading.Event()
    gate = threading.Semaphore(1)

    def work(job):
        gate.acquire(timeout=20)
        done.append(job)

    jobs = map_in_threads(work, range(100), 1, stop, nothing)
    assert next(jobs) == (0, None)
    stop.set()
    gate.release()
    jobs.close()
    assert done in ([0], [0, 1])


def test_a_thread_that_hangs_is_not_waited_for():
    forever = threading.Event()
    jobs = map_in_threads(
        lambda job: job and forever.wait(60), [0, 1], 2, threading.Event(), nothing
    )
    assert next(jobs) == (0, None)
    jobs.close()
    forever.set()


def usage(monkeypatch, free):
    asked = []

    def disk_usage(folder):
        asked.append(folder)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(disk_space.shutil, "disk_usage", disk_usage)
    return asked


def test_a_quarter_of_a_gibibyte_is_left_free(monkeypatch, tmp_path):
    asked = usage(monkeypatch, 1000 + 268_435_456)
    check_space(tmp_path / "not" / "yet", 1000, "unpack pets.zip")
    assert asked == [tmp_path]
    with pytest.raises(DiskError, match=r"too full to unpack pets\.zip"):
        check_space(tmp_path, 1001, "unpack pets.zip")


def test_what_is_needed_and_what_is_free_is_reported(monkeypatch, tmp_path):
    usage(monkeypatch, 1_540_000_000)
    with pytest.raises(DiskError) as caught:
        check_space(
            tmp_path / "a", 2_000_000_000, "do it", known_bytes=3_250_000_000, advice="Do less."
        )
    assert str(caught.value) == (
        f"The disk is too full to do it: it needs 3.2 GB, and 1.5 GB are free in {tmp_path}, "
        f"of which 0.3 GB stay free.\n"
        f"Do less."
    )
    with pytest.raises(DiskError, match=r"needs 2\.0 GB"):
        check_space(tmp_path, 2_000_000_000, "do it", known_bytes=1)
    check_space(tmp_path, 1_540_000_000, "do it", reserve=0)


def test_small_amounts_of_the_disk_are_reported_in_megabytes(monkeypatch, tmp_path):
    usage(monkeypatch, 300_000)
    with pytest.raises(DiskError, match=r"needs 1\.1 MB, and 0\.3 MB are free in [^,]*\.\n"):
        check_space(tmp_path, 1_100_000, "do it", reserve=0)
