"""Decode photos in worker processes, with the limits of ingest on memory and time.

A photo that crashes, blocks or exhausts the decoder ends its process, not this one, and another
process takes the next photo.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import cast

from pawsight.data.decoding.decode import load_pixels
from pawsight.data.decoding.decode_errors import NO_MEMORY
from pawsight.data.pixel_scale import PixelScale
from pawsight.data.reading.batch import DecodeTimeout
from pawsight.data.reading.reader import reason_for
from pawsight.data.reading.worker_process import DiedError, WorkerProcess
from pawsight.errors import PawsightError, PhotoError, first_line
from pawsight.records import ImageArray, Resize


class NoProcessError(PawsightError):
    """The system starts no worker process."""


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """A photo to decode: the arguments of `load_pixels`."""

    data: bytes
    image_size: tuple[int, int]
    resize: Resize
    max_pixels: int | None
    scale: PixelScale


def load(request: DecodeRequest) -> ImageArray:
    """Return the pixels of a photo, decoded in this process; raises PhotoError."""
    return load_pixels(
        *(request.data, request.image_size, request.resize),
        max_pixels=request.max_pixels,
        scale=request.scale,
    )


def decode_request(request: DecodeRequest, timeout: DecodeTimeout) -> ImageArray | PhotoError:
    """Return the pixels of a photo, or the reason why there are none; runs in a worker process."""
    timeout.begin()
    try:
        return load(request)
    except PhotoError as error:
        return PhotoError(str(error))  # without its cause, which may not be possible to pickle
    except MemoryError:
        return PhotoError(NO_MEMORY)
    finally:
        timeout.end()


class DecodeProcesses:
    """Worker processes that threads decode photos with, one each.

    Args:
        num_kept: How many processes are kept for the next photos, at least 1. More are started
            while more threads decode.
    """

    def __init__(self, num_kept: int) -> None:
        self._num_kept = num_kept
        self._lock = threading.Lock()  # held to read or change all below
        self._idle: list[WorkerProcess] = []
        self._running: set[WorkerProcess] = set()  # the idle ones too
        self._is_closed = False

    def start(self) -> None:
        """Start the processes that are kept, so that the first photos do not wait for that."""
        for process in [self._started() for _ in range(self._num_kept)]:
            self._put_back(process)

    def load_pixels(self, request: DecodeRequest) -> ImageArray:
        """Decode a photo; any number of threads may call this at once.

        Returns:
            RGB pixels, shape [height, width, 3].

        Raises:
            PhotoError: It cannot be decoded, or ended the process.
            NoProcessError: No process could be started.
        """
        process = self._take()
        try:
            process.send(request)
            found = process.receive()
        except DiedError as error:
            raise PhotoError(reason_for(self._end(process))) from error
        except BaseException:
            self._end(process)
            raise
        self._put_back(process)
        if isinstance(found, PhotoError):
            raise found
        return cast("ImageArray", found)

    def close(self) -> None:
        """End all processes; a photo that is being decoded fails."""
        with self._lock:
            self._is_closed = True
            processes = list(self._running)
            idle, self._idle = self._idle, []
        for process in processes:
            process.kill()
        for process in idle:
            self._end(process)

    def _take(self) -> WorkerProcess:
        while True:
            with self._lock:
                if not self._idle:
                    break
                process = self._idle.pop()  # the last one, whose memory is still in the caches
            if process.is_alive:
                return process
            self._end(process)
        return self._started()

    def _started(self) -> WorkerProcess:
        with self._lock:
            if self._is_closed:
                raise NoProcessError("The service is stopping.")
            try:
                process = WorkerProcess()
            except (OSError, ValueError) as error:
                raise NoProcessError(
                    f"No worker process could be started: {first_line(error)}"
                ) from error
            self._running.add(process)
        try:
            process.set_up(decode_request)
        except DiedError as error:
            code = self._end(process)
            raise NoProcessError(f"A worker process ended at once, with code {code}.") from error
        return process

    def _put_back(self, process: WorkerProcess) -> None:
        with self._lock:
            is_kept = len(self._idle) < self._num_kept and not self._is_closed
            if is_kept:
                self._idle.append(process)
        if not is_kept:
            self._end(process)

    def _end(self, process: WorkerProcess) -> int:
        with self._lock, contextlib.suppress(KeyError):
            self._running.remove(process)
        return process.end()
