"""Decode photos in worker processes, with the same limits on memory and time as ingest.

A photo that crashes or blocks the decoder, or exhausts the memory, ends only its worker process.
Another process decodes the next photo.
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
    """No worker process can be started."""


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
    """Return the pixels of a photo, or the error; runs in a worker process."""
    timeout.begin()
    try:
        return load(request)
    except PhotoError as error:
        return PhotoError(str(error))  # without its cause, which may not be picklable
    except MemoryError:
        return PhotoError(NO_MEMORY)
    finally:
        timeout.end()


class DecodeProcesses:
    """Worker processes that decode photos for threads, each for one thread at a time.

    Args:
        num_kept: Number of processes that are kept for the next photos, at least 1. More
            processes are started while more threads decode.
    """

    def __init__(self, num_kept: int) -> None:
        self._num_kept = num_kept
        self._lock = threading.Lock()  # for everything below
        self._idle: list[WorkerProcess] = []
        self._running: set[WorkerProcess] = set()  # all processes, including the idle
        self._is_closed = False

    def start(self) -> None:
        """Start the kept processes, so that the first photos do not wait for them."""
        for process in [self._started() for _ in range(self._num_kept)]:
            self._put_back(process)

    def load_pixels(self, request: DecodeRequest) -> ImageArray:
        """Decode a photo; any number of threads may call this concurrently.

        Returns:
            RGB pixels, uint8 [height, width, 3].

        Raises:
            PhotoError: The photo cannot be decoded, or ended the process.
            NoProcessError: No process could be started.
        """
        process = self._take()
        try:
            process.send(request)
            result = process.receive()
        except DiedError as error:
            raise PhotoError(reason_for(self._end(process))) from error
        except BaseException:
            self._end(process)
            raise
        self._put_back(process)
        if isinstance(result, PhotoError):
            raise result
        return cast("ImageArray", result)

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
                process = self._idle.pop()  # the last used, whose memory is still in the CPU caches
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
