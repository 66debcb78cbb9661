"""The worker process that reads photos, and that a photo may kill.

It takes requests, such as batches, from standard input and writes results to standard output, both
pickled, until its input ends: so it ends with the process that started it,
however that one ends. A decoder that crashes, hangs or takes all memory kills
this process only.
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

# Of processor time, so that a busy machine fails no photo. What `limits` accepts takes up to
# about 5 seconds; this is for what it does not cover, and for slower machines.
PROCESSOR_SECONDS = 10.0
# By the clock, for a decoder that waits for ever; a machine short of memory may be slow.
CLOCK_SECONDS = 60.0
# What one photo can need, the file itself and a copy of it included.
MEMORY_BYTES = MAX_MEMORY_BYTES + 2 * MAX_BYTES

Work = Callable[[Any, DecodeTimeout], Any]  # what a process does with each request it gets


def reason_for(exit_code: int) -> str:
    """Return the problem of the photo that this process died of, in plain words."""
    if exit_code == -getattr(signal, "SIGPROF", 0):
        return f"took more than {PROCESSOR_SECONDS:.0f} seconds to decode"
    if exit_code == -getattr(signal, "SIGALRM", 0):
        return f"took more than {CLOCK_SECONDS:.0f} seconds to decode"
    return "reading it crashed the decoder, or took all memory"


def is_permanent(exit_code: int) -> bool:
    """Return whether the same photo would kill it again: a crash may have other causes."""
    return exit_code == -getattr(signal, "SIGPROF", 0)


class SignalTimeout(DecodeTimeout):
    """Ends this process when a photo takes too long, also inside a decoder that blocks Python."""

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
    """Do the work of each request until the input ends."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a decoder that prints must not garble results
    _limit()
    work: Work = pickle.load(requests)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, waiting), daemon=True).start()
    gc.freeze()  # what was imported stays, so the collector can skip it
    _answer(answers, None)
    timeout = SignalTimeout()
    while True:
        try:
            _answer(answers, work(waiting.get(), timeout))
        except MemoryError:
            os._exit(1)
        except BrokenPipeError:
            os._exit(0)
        except Exception:  # noqa: BLE001 - raised again by the parent process
            _answer(answers, traceback.format_exc())


def _answer(answers: BinaryIO, result: Any) -> None:
    pickle.dump(result, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


def _receive(requests: BinaryIO, waiting: queue.SimpleQueue[Any]) -> None:
    """Receive requests ahead, so that the next one is here when this one is done."""
    while True:
        try:
            waiting.put(pickle.load(requests))
        except (EOFError, pickle.UnpicklingError, OSError):
            os._exit(0)


def _limit() -> None:
    """Ignore signals, which the parent handles, and limit the memory to what one photo can need."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group, or service
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
    except (ImportError, OSError, ValueError):  # a system without them
        pass
