"""Predictions in order: streaming, and photos that block a thread for ever."""

import itertools
import queue
import threading
import time

import pytest

from pawsight.errors import PhotoError
from pawsight.inference import decode_timeout, ordered_predictions
from pawsight.inference.decode_pool import DecodePool, Job
from pawsight.inference.ordered_predictions import predict_in_order
from pawsight.records import Prediction


def number_of(photo):
    return int(photo)


def echo(names, decoded):
    return [Prediction(name, str(2 * number)) for name, number in zip(names, decoded, strict=True)]


def answers(photos, decode=number_of, answer=echo, num_threads=2, at_once=3):
    return predict_in_order(iter(photos), decode, answer, num_threads, at_once)


def labels(found):
    return [prediction.label for prediction in found]


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("pawsight-")]


@pytest.fixture
def stuck():
    """Decodes a number, but "9" only once the test is over."""
    release = threading.Event()

    def decode(photo):
        if photo == "9":
            release.wait(60)
        return int(photo)

    yield decode
    release.set()
    for thread in own_threads():
        thread.join(10)


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_answers_come_in_the_order_of_the_photos(count):
    def uneven(photo):
        time.sleep(0.002 * (int(photo) % 3))
        return int(photo)

    found = answers(map(str, range(count)), uneven)
    assert labels(found) == [str(2 * number) for number in range(count)]


def test_every_thread_takes_part_when_photos_are_few():
    both = threading.Barrier(2, timeout=20)

    def meet(photo):
        both.wait()  # passes only if two threads are here
        return int(photo)

    assert labels(answers(["1", "2"], meet)) == ["2", "4"]


def test_answer_comes_while_the_source_waits_for_its_next_photo():
    source = queue.SimpleQueue()
    found = answers(iter(source.get, None))
    for number in ("1", "2"):
        source.put(number)
        assert next(found).label == str(2 * int(number))
    source.put(None)
    assert list(found) == []


def test_few_photos_are_taken_before_answers_are():
    taken = itertools.count()
    found = answers((str(next(taken)) for _ in range(1000)), num_threads=2, at_once=3)
    next(found)
    time.sleep(0.2)
    assert next(taken) <= 4 * 3 * 2 + 1


def test_photo_that_cannot_be_decoded_is_a_row():
    def decode(photo):
        if photo == "1":
            raise PhotoError("no photo")
        if photo == "2":
            raise MemoryError
        return int(photo)

    _, bad, large, good = answers("0123", decode)
    assert bad == Prediction("1", error="no photo")
    assert large.error == "needs more memory than there is"
    assert good.label == "6"


def test_failure_of_the_decoder_is_raised_in_its_place():
    found = answers(["1", "x", "3"])
    assert next(found).label == "2"
    with pytest.raises(ValueError, match="invalid literal"):
        next(found)
    assert not own_threads()


def test_failure_of_the_source_is_raised_after_the_photos_before_it():
    def source():
        yield "1"
        raise OSError("the drive is gone")

    found = answers(source())
    assert next(found).label == "2"
    with pytest.raises(OSError, match="drive is gone"):
        next(found)


def test_failure_of_the_model_is_raised():
    def fail(names, decoded):
        raise RuntimeError("damaged")

    with pytest.raises(RuntimeError, match="damaged"):
        list(answers(["1"], answer=fail))


def test_photo_that_takes_for_ever_is_a_row_and_holds_up_no_other(stuck, monkeypatch):
    monkeypatch.setattr(decode_timeout, "CLOCK_SECONDS", 1.0)
    monkeypatch.setattr(ordered_predictions, "_CHECK_SECONDS", 0.05)
    found = list(answers("1293456", stuck, num_threads=1))
    assert labels(found) == ["2", "4", "", "6", "8", "10", "12"]
    assert found[2].path == "9"
    assert found[2].error.startswith("took more than 1 seconds")


def test_more_photos_than_threads_may_take_for_ever(stuck, monkeypatch):
    monkeypatch.setattr(decode_timeout, "CLOCK_SECONDS", 1.0)
    monkeypatch.setattr(ordered_predictions, "_CHECK_SECONDS", 0.05)
    assert labels(answers("9991", stuck)) == ["", "", "", "2"]


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no such clock here")
def test_photo_that_takes_too_much_of_the_processor_is_a_row(monkeypatch):
    monkeypatch.setattr(decode_timeout, "PROCESSOR_SECONDS", 0.2)
    monkeypatch.setattr(ordered_predictions, "_CHECK_SECONDS", 0.05)
    is_over = threading.Event()

    def spin(photo):
        while photo == "9" and not is_over.is_set():
            pass
        return int(photo)

    found = list(answers("91", spin, num_threads=1))
    is_over.set()
    assert labels(found) == ["", "2"]


def test_photo_that_waits_for_a_busy_machine_is_not_blamed(monkeypatch):
    monkeypatch.setattr(decode_timeout, "PROCESSOR_SECONDS", 0.1)
    monkeypatch.setattr(ordered_predictions, "_CHECK_SECONDS", 0.05)

    def wait(photo):
        time.sleep(0.4)
        return int(photo)

    assert labels(answers("12", wait)) == ["2", "4"]


def test_no_thread_is_left_when_the_photos_end_or_nobody_wants_more():
    list(answers("12345"))
    assert not own_threads()
    found = answers(map(str, itertools.count()))
    next(found)
    found.close()
    assert not own_threads()


def test_leaving_does_not_wait_for_a_source_that_waits(monkeypatch):
    monkeypatch.setattr(ordered_predictions, "_END_SECONDS", 0.1)
    source = queue.SimpleQueue()
    found = answers(iter(source.get, None))
    source.put("1")
    next(found)
    found.close()
    waiting = own_threads()
    assert waiting
    source.put(None)
    for thread in waiting:
        thread.join(60)
    assert not own_threads()


def test_jobs_of_other_groups_are_never_run_together():
    batches = []
    is_ready = threading.Event()

    def run(numbers):
        batches.append(numbers)
        return numbers

    pool = DecodePool(1, 4)
    jobs = [Job(0, lambda: is_ready.wait(20), run)]
    jobs += [Job(group, lambda group=group: group, run) for group in (1, 1, 2, 1)]
    pool.submit(jobs)
    is_ready.set()
    assert [job.future.result(20) for job in jobs] == [True, 1, 1, 2, 1]
    assert [batch for batch in batches if len(set(batch)) > 1] == []
    pool.close(10)


def test_a_withdrawn_job_is_not_decoded_and_waits_no_more():
    is_ready = threading.Event()
    decoded = []
    pool = DecodePool(1, 1)
    first = Job(None, lambda: is_ready.wait(20), lambda values: values)
    second = Job(None, lambda: decoded.append(2), lambda values: values, weight=16)
    pool.submit([first])
    while pool.num_waiting:
        time.sleep(0.01)
    pool.submit([second])
    assert pool.num_waiting == 16
    pool.withdraw([first, second])
    assert pool.num_waiting == 0
    is_ready.set()
    pool.close(10)
    assert decoded == [] and second.future.cancelled()


@pytest.mark.parametrize("num_threads", [1, 2])
def test_large_jobs_never_occupy_all_threads(num_threads):
    is_over = threading.Event()
    pool = DecodePool(num_threads, 4, num_large=1)
    large = [
        Job(None, lambda: is_over.wait(30), lambda values: values, is_large=True) for _ in range(3)
    ]
    light = [Job(None, lambda: 1, lambda values: values) for _ in range(5)]
    pool.submit(large)
    pool.submit(light)
    assert [job.future.result(20) for job in light] == [1] * 5
    assert not any(job.future.done() for job in large)
    is_over.set()
    assert [job.future.result(20) for job in large] == [True] * 3
    pool.close(10)


def test_threads_decode_large_jobs_where_none_are_reserved_for_them():
    pool = DecodePool(1, 4)
    jobs = [Job(None, lambda: 1, lambda values: values, is_large=True) for _ in range(2)]
    pool.submit(jobs)
    assert [job.future.result(20) for job in jobs] == [1, 1]
    pool.close(10)
