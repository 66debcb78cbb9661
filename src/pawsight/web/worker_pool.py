"""Threads that look at the photos of all requests, and the queue before them.

A thread takes up to four photos that wait, of whatever requests, decodes them and
runs the model on them together, on a core of its own. It never waits for more
photos to come, so being gathered delays no answer. The queue has an end: what does
not fit is refused at once. What nobody waits for any more is taken out of it.

A photo that keeps a thread for ever is answered with a reason; the thread is left
to itself, and another one takes its place.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from pawsight.data.reading.batch import NO_MEMORY
from pawsight.errors import PawsightError, PhotoError
from pawsight.inference.decode_timeout import Stopwatch

_AT_ONCE = 4  # as for a folder: more photos fall out of a core's cache


class BusyError(PawsightError):
    """There is more work waiting than may wait."""


class Job:
    """A photo to look at.

    Args:
        group: Jobs of an equal one may be answered together.
        decode: Gives what `answer` needs of the photo, or raises PhotoError.
        answer: Gives the answers to what was decoded, in order.
        weight: How many photos it counts for in the queue.
    """

    __slots__ = ("answer", "decode", "done", "group", "weight")

    def __init__(
        self,
        group: Hashable,
        decode: Callable[[], Any],
        answer: Callable[[list[Any]], Sequence[Any]],
        weight: int = 1,
    ) -> None:
        self.group, self.decode, self.answer, self.weight = group, decode, answer, weight
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


Outcome = tuple[Job, Any, BaseException | None]


class Crew:
    """The threads and their queue; all but what the threads do is called in the event loop.

    Args:
        num_threads: At least 1.
        most_waiting: Photos that may wait, at least 1.
        tell: Is told how many photos each call of the model had.
    """

    def __init__(self, num_threads: int, most_waiting: int, tell: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._most_waiting, self._tell = most_waiting, tell
        self._changed = threading.Condition()  # held to read or change all below
        self._waiting: deque[Job] = deque()
        self._weight = 0
        self._is_closed = False
        self._lookers = [_Looker(self) for _ in range(num_threads)]
        for looker in self._lookers:
            looker.start()

    @property
    def num_waiting(self) -> int:
        """How many photos wait."""
        return self._weight

    @property
    def is_full(self) -> bool:
        """Whether not one more photo may wait."""
        return self._weight >= self._most_waiting

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put the photos of a request in the queue, all or none.

        Raises:
            BusyError: There is no room for all of them. A request of more photos
                than may wait finds room when nothing else waits.
        """
        weight = sum(job.weight for job in jobs)
        with self._changed:
            if self._weight and self._weight + weight > self._most_waiting:
                raise BusyError("There is more to do than can wait here. Try again in a second.")
            self._waiting.extend(jobs)
            self._weight += weight
            self._changed.notify(len(jobs))

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Take out what nobody waits for any more, as far as no thread has begun it."""
        gone = {job for job in jobs if not job.done.done()}
        if not gone:
            return
        with self._changed:
            left = [job for job in self._waiting if job not in gone]
            self._waiting = deque(left)
            self._weight = sum(job.weight for job in left)
        for job in gone:
            job.done.cancel()

    def leave_late_ones(self) -> None:
        """Answer photos that keep a thread for too long; to be called now and then."""
        with self._changed:
            for index, looker in enumerate(self._lookers):
                reason = looker.watch.complaint() if looker.at is not None else ""
                if not reason or looker.at is None:
                    continue
                looker.is_left = True
                _settle([(looker.at, None, PhotoError(reason))])
                rest = [job for job in looker.jobs if job is not looker.at and not job.done.done()]
                self._waiting.extendleft(reversed(rest))
                self._weight += sum(job.weight for job in rest)
                self._lookers[index] = _Looker(self)
                self._lookers[index].start()

    def close(self) -> None:
        """End the threads, when they are done with what they took."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def following(self) -> list[Job]:
        """Wait for photos, and give a thread's share of them; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return []
            # While there are few, each thread gets some.
            share = min(_AT_ONCE, math.ceil(len(self._waiting) / len(self._lookers)))
            jobs = [self._waiting.popleft()]
            while len(jobs) < share and self._waiting[0].group == jobs[0].group:
                jobs.append(self._waiting.popleft())
            self._weight -= sum(job.weight for job in jobs)
            return jobs

    def begin(self, looker: _Looker, job: Job | None) -> bool:
        """Note that a thread is at a photo now, or at none; False if it was left to itself."""
        with self._changed:
            if looker.is_left:
                return False
            looker.at, looker.watch = job, Stopwatch()
            return True

    def finish(self, outcomes: list[Outcome], num_together: int) -> None:
        """Hand answers over to those who wait for them."""
        self._loop.call_soon_threadsafe(self._hand_over, outcomes, num_together)

    def _hand_over(self, outcomes: list[Outcome], num_together: int) -> None:
        if num_together:
            self._tell(num_together)
        _settle(outcomes)


class _Looker(threading.Thread):
    """A thread that looks at photos."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(name="pawsight-serving", daemon=True)
        self._crew = crew
        self.jobs: list[Job] = []
        self.at: Job | None = None  # the photo being decoded
        self.watch = Stopwatch()
        self.is_left = False

    def run(self) -> None:
        while jobs := self._crew.following():
            self.jobs = jobs
            if not self._look(jobs):
                return

    def _look(self, jobs: list[Job]) -> bool:
        """Look at some photos; False if nobody waits for this thread any more."""
        decoded: list[tuple[Job, Any]] = []
        outcomes: list[Outcome] = []
        for job in jobs:
            if job.done.done():  # its client went away
                continue
            if not self._crew.begin(self, job):
                return False
            try:
                decoded.append((job, job.decode()))
            except MemoryError:
                outcomes.append((job, None, PhotoError(NO_MEMORY)))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
                outcomes.append((job, None, error))
        if not self._crew.begin(self, None):
            return False
        if decoded:
            together = [job for job, _ in decoded]
            try:
                found = together[0].answer([value for _, value in decoded])
                outcomes += [(job, one, None) for job, one in zip(together, found, strict=True)]
            except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
                outcomes += [(job, None, error) for job in together]
        self._crew.finish(outcomes, len(decoded))
        return True


def _settle(outcomes: Sequence[Outcome]) -> None:
    for job, answer, error in outcomes:
        if job.done.done():
            continue
        if error is not None:
            job.done.set_exception(error)
        else:
            job.done.set_result(answer)
