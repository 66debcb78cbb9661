"""Start a worker process that runs `reader`, and exchange messages with it."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from typing import Any

from pawsight import machine
from pawsight.data.reading.reader import Work

_ENVIRONMENT = {
    # One thread per process, since there is a process for each core.
    **{f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")},
    "MALLOC_MMAP_THRESHOLD_": str(machine.MMAP_THRESHOLD),
    "MALLOC_TRIM_THRESHOLD_": str(machine.TRIM_THRESHOLD),
}
_END_SECONDS = 5.0  # how long to wait for a killed process to end
_PROGRAM = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from pawsight.data.reading.reader import main
main()
"""


class DiedError(Exception):
    """The worker process has died."""


class WorkerProcess:
    """A process that does one kind of work, and the pipes to it.

    Raises:
        OSError, ValueError: The process cannot be started.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # Without "-P", Python would import a file pickle.py from the current folder.
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # discard the decoder's stderr
            env=os.environ | _ENVIRONMENT,
        )

    def set_up(self, work: Work) -> None:
        """Send the function that processes requests, and wait until the process is ready.

        Raises:
            DiedError: The process has died.
        """
        self.send(sys.path)
        self.send(work)
        self.receive()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, message: Any) -> None:
        """Send a message; if the process has died, `receive` raises an error later."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            pickle.dump(message, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()

    def receive(self) -> Any:
        """Wait for the next result, and return it.

        Raises:
            DiedError: The process has died, and all its results were received.
            RuntimeError: The work raised an exception.
        """
        assert self._process.stdout is not None
        try:
            result = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError, OSError, ValueError) as error:
            raise DiedError from error
        if isinstance(result, str):
            raise RuntimeError(f"A worker process failed:\n{result}")
        return result

    def kill(self) -> None:
        """Kill the process, from any thread."""
        self._process.kill()

    def end(self) -> int:
        """Kill the process if it runs, free its resources, and return its exit code."""
        self._process.kill()
        try:
            code = self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:  # the process waits for a drive that does not answer
            code = 1
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return code
