"""The worker process that reads photos; a decoder that crashes or hangs ends only this process.

It reads requests, such as batches, from standard input and writes results to standard
output, both pickled, until its input ends. So it ends when the process that started it
ends, however that happens.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from pawsight import machine
from pawsight.data.decoding.limits import MAX_MEMORY_BYTES
from pawsight.data.decoding.photo_file import MAX_BYTES
from pawsight.data.reading.batch import DecodeTimeout

# Processor time for a photo, so that photos do not fail on a busy machine. Photos that `limits`
# accepts take up to about 5 seconds; the rest is for slower machines, and for other cases.
PROCESSOR_SECONDS = 10.0
# Wall-clock time for a photo, for a decoder that waits for ever; swapping makes a machine slow.
CLOCK_SECONDS = 60.0
# Memory for a photo, including the file and a copy of it.
MEMORY_BYTES = MAX_MEMORY_BYTES + 2 * MAX_BYTES

Work = Callable[[Any, DecodeTimeout], Any]  # computes the result of a request


def reason_for(exit_code: int) -> str:
    """Return the problem of the photo that ended this process, by its exit code."""
    if exit_code == -getattr(signal, "SIGPROF", 0):
        return f"took more than {PROCESSOR_SECONDS:.0f} seconds to decode"
    if exit_code == -getattr(signal, "SIGALRM", 0):
        return f"took more than {CLOCK_SECONDS:.0f} seconds to decode"
    return "reading it crashed the decoder, or took all memory"


def is_permanent(exit_code: int) -> bool:
    """Return whether the photo would end the process again; a crash may have other causes."""
    return exit_code == -getattr(signal, "SIGPROF", 0)


class SignalTimeout(DecodeTimeout):
    """Ends this process if a photo takes too long, even while a decoder blocks Python."""

    def begin(self) -> None:
        """Start the clock of the next photo."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
            signal.setitimer(signal.ITIMER_REAL, CLOCK_SECONDS)
        else:
            faulthandler.dump_traceback_later(CLOCK_SECONDS, exit=True)

    def end(self) -> None:
        """Stop the clock."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Process requests until the input ends."""
    requests = sys.stdin.buffer
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # output of a decoder must not mix with results
    _set_limits()
    work: Work = pickle.load(requests)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, waiting), daemon=True).start()
    gc.freeze()  # imported objects stay, so the garbage collector can skip them
    _send(results, None)
    timeout = SignalTimeout()
    while True:
        try:
            _send(results, work(waiting.get(), timeout))
        except MemoryError:
            os._exit(1)
        except BrokenPipeError:
            os._exit(0)
        except Exception:  # noqa: BLE001 - raised again by the parent process
            _send(results, traceback.format_exc())


def _send(results: BinaryIO, result: Any) -> None:
    pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
    results.flush()


def _receive(requests: BinaryIO, waiting: queue.SimpleQueue[Any]) -> None:
    """Receive requests ahead, so that the next request is ready when the current one is done."""
    while True:
        try:
            waiting.put(pickle.load(requests))
        except (EOFError, pickle.UnpicklingError, OSError):
            os._exit(0)


def _set_limits() -> None:
    """Ignore signals that the parent process handles, and limit the memory to MEMORY_BYTES."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole process group or service
        signal.signal(number, signal.SIG_IGN)
    for name in ("SIGPROF", "SIGALRM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
        used = pages * resource.getpagesize()
        most = min(MEMORY_BYTES, (machine.memory() or MEMORY_BYTES) * 3 // 4)
        resource.setrlimit(resource.RLIMIT_DATA, (used + most, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):  # a system without such limits
        pass
