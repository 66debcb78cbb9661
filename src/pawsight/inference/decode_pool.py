"""Photos in a line: threads look at them side by side, and answers come in their order.

Each thread takes a few photos, decodes them and runs the model on them, on a
core of its own: so decoding and the model share the cores without a rule of how.
A further thread takes photos from the source, so that one that waits for its
next photo (a pipe) holds up nobody.

A thread cannot be ended. One that a photo keeps for ever is left to itself: the
photo gets a row that says so, and another thread takes its place.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

from pawsight.data.reading.batch import NO_MEMORY
from pawsight.errors import PhotoError
from pawsight.inference.decode_timeout import Stopwatch
from pawsight.inference.photo_inputs import PhotoLike, name_of
from pawsight.records import Prediction

_LOOK_SECONDS = 0.5  # between two looks whether a photo takes too long
_END_SECONDS = 2.0  # for threads to finish their photo, when nobody wants more answers

Decoded = TypeVar("Decoded")
Decode = Callable[[PhotoLike], Decoded]
Answer = Callable[[list[str], list[Decoded]], list[Prediction]]


def most_in_line(num_threads: int, at_once: int) -> int:
    """How many photos may have been taken without their answers being taken yet."""
    return 4 * at_once * num_threads


class Line(Generic[Decoded]):
    """Photos that wait, are being looked at, or have an answer that was not taken yet.

    Args:
        photos: Taken one by one, by a thread; at most `most_in_line` are in line.
        decode: Gives what `answer` needs of a photo, or raises PhotoError.
        answer: Gives the predictions of the photos with these names.
        num_threads: How many threads look at photos, at least 1.
        at_once: Photos that a thread takes at a time, at least 1.
    """

    def __init__(
        self,
        photos: Iterator[PhotoLike],
        decode: Decode[Decoded],
        answer: Answer[Decoded],
        num_threads: int,
        at_once: int,
    ) -> None:
        self.decode, self.answer = decode, answer
        self._source = photos
        self._num_threads, self._at_once = num_threads, at_once
        self._most = most_in_line(num_threads, at_once)
        self._changed = threading.Condition()  # held to read or change all below
        self._places: deque[_Place] = deque()
        self._todo: deque[_Place] = deque()  # those of them that nobody has begun
        self._is_over = self._is_closed = False
        self._lookers = [_Looker(self) for _ in range(num_threads)]
        self._taker = threading.Thread(target=self._take, name="pawsight-taking", daemon=True)

    def answers(self) -> Generator[Prediction]:
        """Give the answers, in the order of the photos.

        What the source, `decode` (but for PhotoError) or `answer` raises is
        raised here, in its place. Closing the iterator ends the threads.
        """
        try:
            self._taker.start()
            for looker in self._lookers:
                looker.start()
            while (place := self._first()) is not None:
                if isinstance(place.answer, BaseException):
                    raise place.answer
                assert place.answer is not None
                yield place.answer
        finally:
            self._close()

    def following(self) -> list[_Place]:
        """Wait for photos to look at, and give a thread's share of them; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._todo or self._is_over or self._is_closed)
            if self._is_closed:
                return []
            # While there are few, each thread gets some.
            share = min(self._at_once, math.ceil(len(self._todo) / self._num_threads))
            return [self._todo.popleft() for _ in range(share)]

    def begin(self, looker: _Looker[Decoded], place: _Place | None) -> bool:
        """Note that a thread is at a photo now, or at none; False if it was left to itself."""
        with self._changed:
            if looker.is_left or self._is_closed:
                return False
            looker.at, looker.watch = place, Stopwatch()
            return True

    def finish(self, answered: list[tuple[_Place, Prediction | BaseException]]) -> None:
        """Take answers."""
        with self._changed:
            for place, answer in answered:
                place.answer = answer
            self._changed.notify_all()

    def _first(self) -> _Place | None:
        """Wait for the answer to the first photo in line; None at the end."""
        with self._changed:
            while True:
                if self._places and self._places[0].answer is not None:
                    self._changed.notify_all()  # the source's thread: there is room
                    return self._places.popleft()
                if self._is_over and not self._places:
                    return None
                self._changed.wait(_LOOK_SECONDS)
                self._leave_late_ones()

    def _leave_late_ones(self) -> None:
        for index, looker in enumerate(self._lookers):
            reason = looker.watch.complaint() if looker.at is not None else ""
            if not reason or looker.at is None:
                continue
            looker.is_left = True
            looker.at.answer = Prediction(looker.at.name, error=reason)
            self._todo.extendleft(p for p in reversed(looker.places) if p.answer is None)
            self._lookers[index] = _Looker(self)
            self._lookers[index].start()
            self._changed.notify_all()

    def _take(self) -> None:
        """Put the photos of the source in line, while there is room."""
        failure: BaseException | None = None
        try:
            for photo in self._source:
                place = _Place(photo)
                with self._changed:
                    self._places.append(place)
                    self._todo.append(place)
                    self._changed.notify_all()
                    self._changed.wait_for(
                        lambda: len(self._places) < self._most or self._is_closed
                    )
                    if self._is_closed:
                        return
        except BaseException as error:  # noqa: BLE001 - raised again where answers are taken
            failure = error
        with self._changed:
            if failure is not None:
                self._places.append(_Place("", failure))
            self._is_over = True
            self._changed.notify_all()

    def _close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        until = time.monotonic() + _END_SECONDS
        for thread in (*self._lookers, self._taker):
            # One that waits for a pipe, or is at a photo for ever, ends with the process.
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))


class _Place:
    """A photo's place in line, and its answer once there is one."""

    __slots__ = ("answer", "name", "photo")

    def __init__(self, photo: PhotoLike, answer: Prediction | BaseException | None = None) -> None:
        self.photo, self.name = photo, name_of(photo)
        self.answer = answer


class _Looker(threading.Thread, Generic[Decoded]):
    """A thread that looks at photos."""

    def __init__(self, line: Line[Decoded]) -> None:
        super().__init__(name="pawsight-looking", daemon=True)
        self._line = line
        self.places: list[_Place] = []  # what it took and has not answered
        self.at: _Place | None = None  # the photo being decoded
        self.watch = Stopwatch()
        self.is_left = False

    def run(self) -> None:
        while self._answer(self._line.following()):
            pass

    def _answer(self, places: list[_Place]) -> bool:
        """Look at some photos; False if there are none, or nobody waits for this thread."""
        self.places = places
        decoded: list[tuple[_Place, Decoded]] = []
        answered: list[tuple[_Place, Prediction | BaseException]] = []
        for place in places:
            if not self._line.begin(self, place):
                return False
            try:
                if isinstance(place.photo, Prediction):
                    answered.append((place, place.photo))
                else:
                    decoded.append((place, self._line.decode(place.photo)))
            except PhotoError as error:
                answered.append((place, Prediction(place.name, error=str(error))))
            except MemoryError:
                answered.append((place, Prediction(place.name, error=NO_MEMORY)))
            except BaseException as error:  # noqa: BLE001 - raised again in its place
                answered.append((place, error))
        if not places or not self._line.begin(self, None):
            return False
        if decoded:
            try:
                names = [place.name for place, _ in decoded]
                found = self._line.answer(names, [pixels for _, pixels in decoded])
                answered += zip([place for place, _ in decoded], found, strict=True)
            except BaseException as error:  # noqa: BLE001 - raised again in its place
                answered += [(place, error) for place, _ in decoded]
        self._line.finish(answered)
        return True
