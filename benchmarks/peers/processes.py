"""Run one peer as a process: its lines, its memory and its processor time. Linux only."""

import contextlib
import json
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from clock import MARK

_SAMPLE_SECONDS = 1.0
_GIB_IN_KB = 1024**2


class StoppedError(Exception):
    """A process was ended because the machine had too little memory left."""


def run(
    command: list, environment: dict[str, str], log_path: Path, on_line: Callable[[dict], None]
) -> dict[str, float]:
    """Run a command to its end; its output goes to a file, its reports to `on_line`.

    Args:
        command: Program and arguments.
        environment: What to set beside the variables of this process.
        log_path: Output is added to it.
        on_line: Receives the facts of each line of `clock.report`, as soon as it is written.

    Returns:
        seconds by the clock, processor seconds and the highest memory in GiB of the process
        and its children together (proportional set size, sampled once a second).

    Raises:
        StoppedError: Less than 1 GiB of the machine's memory was left.
        SystemExit: The command failed.
    """
    began, used = time.perf_counter(), _processor_seconds()
    with (
        log_path.open("a") as log,
        subprocess.Popen(
            [str(one) for one in command],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | environment,
        ) as process,
    ):
        memory = _Memory(process)
        for line in process.stdout:
            log.write(line)
            if line.startswith(MARK):
                on_line(json.loads(line.removeprefix(MARK)))
    memory.join()
    if memory.is_short:
        raise StoppedError(f"stopped at {memory.peak_gib:.1f} GiB, since 1 GiB was left")
    if process.returncode:
        raise SystemExit(f"{log_path.read_text()[-3000:]}\nexit code {process.returncode}")
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": _processor_seconds() - used,
        "peak_gib": memory.peak_gib,
    }


class _Memory(threading.Thread):
    """Samples the memory of a process and its children; ends it before the machine has none."""

    def __init__(self, process: subprocess.Popen) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.peak_gib = 0.0
        self.is_short = False
        self.start()

    def run(self) -> None:
        while self.process.poll() is None:
            pids = _with_children(self.process.pid)
            self.peak_gib = max(self.peak_gib, sum(map(_pss_kb, pids)) / _GIB_IN_KB)
            if _field(Path("/proc/meminfo"), "MemAvailable") < _GIB_IN_KB:
                self.is_short = True
                self.process.kill()
            time.sleep(_SAMPLE_SECONDS)


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [
                one for child in path.read_text().split() for one in _with_children(int(child))
            ]
    return found


def _pss_kb(pid: int) -> int:
    try:
        return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")
    except OSError:  # it ended
        return 0


def _field(path: Path, name: str) -> int:
    lines = path.read_text().splitlines()
    return next((int(one.split()[1]) for one in lines if one.startswith(f"{name}:")), 0)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
