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
    taken = []

    def source():
        for number in range(1000):
            taken.append(number)
            yield str(number)

    found = answers(source(), num_threads=2, at_once=3)
    next(found)
    ahead = 4 * 3 * 2
    until = time.monotonic() + 20
    while len(taken) < ahead and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(taken) == ahead
    found.close()


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
    assert batches == [[True], [1, 1], [2], [1]]
    pool.close(10)


def _begin(pool, jobs):
    """Submit jobs, and wait until threads have taken them."""
    pool.submit(jobs)
    while pool.num_waiting:
        time.sleep(0.001)


def plain(decode=int, **settings):
    return Job(None, decode, lambda values: values, **settings)


@pytest.mark.parametrize(("is_large", "sizes"), [(False, [1, 4, 1]), (True, [1] * 6)])
def test_a_thread_takes_a_batch_of_photos_at_a_time_and_one_large_one(is_large, sizes):
    found, is_ready = [], threading.Event()
    pool = DecodePool(1, 4, found.append, num_large=1)
    first = plain(lambda: is_ready.wait(20), is_large=is_large)
    _begin(pool, [first])
    jobs = [plain(is_large=is_large) for _ in range(5)]
    pool.submit(jobs)
    is_ready.set()
    assert [job.future.result(20) for job in jobs] == [0] * 5
    pool.close(10)
    assert found == sizes


def test_waiting_photos_are_divided_among_the_threads():
    both = threading.Barrier(2, timeout=10)
    pool = DecodePool(2, 4)
    jobs = [plain(both.wait) for _ in range(4)]  # done only if each thread takes two of them
    pool.submit(jobs)
    assert sorted(job.future.result(20) for job in jobs) == [0, 0, 1, 1]
    pool.close(10)


def test_waiting_photos_count_by_their_weight_large_ones_by_themselves():
    is_over = threading.Event()
    pool = DecodePool(1, 1, num_large=1)
    _begin(pool, [plain(lambda: is_over.wait(20), is_large=is_large) for is_large in (False, True)])
    pool.submit([plain(), plain(), plain(weight=5), plain(weight=7, is_large=True)])
    counts = pool.num_waiting_of(False), pool.num_waiting_of(True), pool.num_waiting
    is_over.set()
    pool.close(10)
    assert counts == (7, 7, 14)


def test_large_photos_are_photos_as_any_other_without_threads_of_their_own():
    is_over = threading.Event()
    pool = DecodePool(1, 1)
    _begin(pool, [plain(lambda: is_over.wait(20))])
    pool.submit([plain(is_large=True)])
    counts = pool.num_waiting_of(False), pool.num_waiting_of(True)
    is_over.set()
    pool.close(10)
    assert counts == (1, 0)


def test_an_abandoned_thread_ends_after_its_photo_and_leaves_the_others_to_its_successor(
    monkeypatch,
):
    monkeypatch.setattr(decode_timeout, "CLOCK_SECONDS", 0.05)
    is_over, decoded = threading.Event(), []
    pool = DecodePool(1, 3)
    (thread,) = own_threads()
    stuck = plain(lambda: is_over.wait(20))
    others = [plain(lambda number=number: decoded.append(number) or number) for number in (1, 2)]
    pool.submit([stuck, *others])
    until = time.monotonic() + 20
    while not stuck.future.done() and time.monotonic() < until:
        time.sleep(0.01)
        pool.replace_stuck()
    with pytest.raises(PhotoError, match="to decode"):
        stuck.future.result(0)
    assert [job.future.result(20) for job in others] == [1, 2]
    is_over.set()
    thread.join(10)
    assert not thread.is_alive()
    assert decoded == [1, 2]
    pool.close(10)
    assert not own_threads()


def test_closing_waits_no_longer_than_it_may_for_a_photo():
    is_over = threading.Event()
    pool = DecodePool(1, 1)
    _begin(pool, [plain(lambda: is_over.wait(5))])
    threads = own_threads()
    assert all(thread.daemon for thread in threads)  # nor does the process wait for them
    pool.close(0.01)
    assert threads[0].is_alive()
    is_over.set()
    threads[0].join(10)


def test_too_few_results_of_the_model_are_an_error_of_each_photo_without_one():
    pool, is_ready = DecodePool(1, 3), threading.Event()
    first = plain(lambda: is_ready.wait(20))
    _begin(pool, [first])
    jobs = [Job(None, int, lambda values: values[:1]) for _ in range(2)]
    pool.submit(jobs)
    is_ready.set()
    with pytest.raises(ValueError, match="shorter"):
        jobs[1].future.result(10)
    pool.close(10)


def test_a_withdrawn_job_is_not_decoded_and_waits_no_more():
    is_ready = threading.Event()
    decoded = []
    pool = DecodePool(1, 1)
    first = Job(None, lambda: is_ready.wait(20), lambda values: values)
    second = Job(None, lambda: decoded.append(2), lambda values: values, weight=16)
    _begin(pool, [first])
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
