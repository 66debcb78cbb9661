"""Train a run with several worker processes, and start all again if one of them is lost.

This machine and a cluster differ only in how processes are started (`Start`): here with
`subprocess`, on a cluster by `ray_workers`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pawsight import errors, machine
from pawsight.errors import PawsightError, StoppedError, TrainingError
from pawsight.formatting import resume_command
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.workflow.training_worker import FAILED, WorkerSpec

_MAX_FAILURES = 3  # in succession, without a new checkpoint
_WAIT_SECONDS = 0.5  # between two checks for Ctrl-C
_TAIL_LINES = 12
_HOST = "127.0.0.1"
_PROGRAM = "from pawsight.workflow.training_worker import main; main()"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: its exit code, and the end of what it wrote to standard error."""

    code: int
    tail: str = ""

    def __str__(self) -> str:
        last = self.tail.strip().rpartition("\n")[2].strip()
        return f"exit code {self.code}" + (f": {last}" if last else "")


class Started(Protocol):
    """Running worker processes."""

    # The index of a worker with a line of its standard output or, last, with how it ended.
    events: queue.Queue[tuple[int, str | Exit]]

    def stop(self) -> None:
        """Request that the workers write a checkpoint and end."""

    def end(self) -> None:
        """End the workers at once, and release their resources."""


Start = Callable[[Run, int], Started]


class Supervised:
    """A group of workers that is started again when one of them is lost."""

    def __init__(self, count: int, start: Start) -> None:
        self.count = count
        self._start = start

    def train(self, run: Run, progress: Progress) -> None:
        """Train a run to the end of its plan; see `WorkerGroup`."""
        num_failures, reached = 0, _checkpoint_time(run)
        while True:
            progress.start(f"Starting {self.count} workers")
            lost = self._attempt(run, progress)
            if lost is None:
                return
            num_failures = num_failures + 1 if _checkpoint_time(run) == reached else 1
            reached = _checkpoint_time(run)
            index, how = lost
            if num_failures >= _MAX_FAILURES:
                raise TrainingError(
                    f"Worker {index + 1} of {self.count} ended {num_failures} times without a new "
                    f"checkpoint (exit code {how.code}). The end of its messages:\n{how.tail}\n"
                    f"Continue with: {resume_command(run.place)}"
                )
            progress.note(
                f"Worker {index + 1} of {self.count} was lost ({how}); continuing from the last "
                f"checkpoint."
            )

    def _attempt(self, run: Run, progress: Progress) -> tuple[int, Exit] | None:
        """Start all workers; return the first lost worker, or None when all have finished."""
        started = self._start(run, self.count)
        failure: PawsightError | None = None
        try:
            for index, event in _events(started, self.count):
                if isinstance(event, str):
                    failure = failure or _handle(event, progress)
                elif event.code == FAILED and failure is not None:
                    if index == 0 or not isinstance(failure, StoppedError):
                        raise failure
                elif event.code != 0:
                    return index, event
        finally:
            started.end()
        if failure is not None:
            raise failure
        return None


def _events(started: Started, count: int) -> Iterator[tuple[int, str | Exit]]:
    """Yield events until all workers have ended; Ctrl-C requests a stop, a second Ctrl-C raises."""
    is_stopped, num_ended = False, 0
    while num_ended < count:
        try:
            event = started.events.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            continue
        except KeyboardInterrupt:
            if is_stopped:
                raise
            is_stopped = True
            started.stop()
            continue
        num_ended += isinstance(event[1], Exit)
        yield event


def _handle(line: str, progress: Progress) -> PawsightError | None:
    """Pass the message of a worker on to the progress; return it if it is an error."""
    try:
        ((kind, values),) = json.loads(line).items()
    except (ValueError, AttributeError):
        return None
    if kind == "error":
        return rebuilt(*values)
    if kind == "advance":
        done, facts = values
        progress.advance(done, **facts)
    elif kind in ("start", "note"):
        getattr(progress, kind)(*values)
    return None


def rebuilt(name: str, text: str) -> PawsightError:
    """Return the error of another process from the name of its class and its text."""
    kind = getattr(errors, name, PawsightError)
    return kind(text) if kind is not errors.ExtraError else PawsightError(text)


def _checkpoint_time(run: Run) -> int:
    """Return when the last checkpoint was written, in nanoseconds; 0 if there is none."""
    try:
        return (run.checkpoints_dir / "latest.npz").stat().st_mtime_ns
    except OSError:
        return 0


class WorkerProcess:
    """A worker on this machine; `lines` must be read to their end."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._messages = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        text = json.dumps(dataclasses.asdict(spec))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            start_new_session=True,  # the parent process handles Ctrl-C
            env=_environment(spec),
        )

    def lines(self) -> Iterator[str | Exit]:
        """Yield the lines of standard output and, last, how the worker ended."""
        assert self._process.stdout is not None
        for line in self._process.stdout:  # noqa: UP028 - Ray calls send(), which a file does not have
            yield line
        code = self._process.wait()
        self._messages.seek(0)
        yield Exit(code, "".join(self._messages.readlines()[-_TAIL_LINES:]).rstrip())

    def stop(self) -> None:
        """Request that the worker writes a checkpoint and ends."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended
            self._process.stdin.write("stop\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """End the worker at once."""
        self._process.kill()

    def close(self) -> None:
        """Release the resources of the worker, after all its lines were read."""
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._messages):
            with contextlib.suppress(OSError, ValueError):
                assert stream is not None
                stream.close()


def _environment(spec: WorkerSpec) -> dict[str, str]:
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return variables | {"CUDA_VISIBLE_DEVICES": spec.gpu} if spec.gpu else variables


class LocalWorkers:
    """Workers on this machine, which share its cores; each has a GPU if there are enough."""

    def __init__(self, run: Run, count: int) -> None:
        self.events: queue.Queue[tuple[int, str | Exit]] = queue.Queue()
        addresses = [f"{_HOST}:{port}" for port in free_ports(count)]
        gpus = gpus_of(count)
        specs = [
            WorkerSpec(str(run.path.absolute()), addresses, *(index, cores_of(index, count), gpu))
            for index, gpu in enumerate(gpus)
        ]
        self._processes = [WorkerProcess(spec) for spec in specs]
        self._threads = [
            threading.Thread(target=self._read, args=(index, process), daemon=True)
            for index, process in enumerate(self._processes)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Request that the first worker stops; the others stop at the same step."""
        self._processes[0].stop()

    def end(self) -> None:
        """End all workers at once."""
        for process in self._processes:
            process.end()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.close()

    def _read(self, index: int, process: WorkerProcess) -> None:
        for event in process.lines():
            self.events.put((index, event))


def free_ports(count: int) -> list[int]:
    """Return free ports of this machine."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def gpus_of(count: int) -> list[str]:
    """Return the GPU of each worker; "" for all if this machine has fewer GPUs than workers."""
    gpus = machine.gpus()
    return gpus[:count] if len(gpus) >= count else [""] * count


def cores_of(index: int, count: int) -> list[int]:
    """Return the cores of a worker: an equal share, or a single core if there are too few."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))[: machine.num_cpus()]
    share = len(cores) // count
    if share == 0:
        return [cores[index % len(cores)]]
    return cores[index * share : (index + 1) * share]
