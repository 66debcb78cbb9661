"""Read the facts of this machine from the system: processor, cores, GPUs, memory."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import sys
import time
from pathlib import Path, PurePosixPath

_CGROUPS, _CGROUPS_OF_PROCESS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
_IMPORTED = time.monotonic()


def processor() -> str:
    """Return the name of the processor."""
    for line in _lines(_CPUINFO):
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model") and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def features() -> list[str]:
    """Return the instruction sets that make networks fast; empty where the system hides them."""
    relevant = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
    for line in _lines(_CPUINFO):
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return [flag for flag in relevant if flag in value.split()]
    return []


def num_cpus() -> int:
    """Return the cores that this process and its control groups may use, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = [cores or 1]
    for text in _cgroup_values("cpu", "cpu.max"):
        with contextlib.suppress(ValueError):  # the word "max"
            quota, period = map(int, text.split())
            limits.append(math.ceil(quota / period))
    quotas = _cgroup_values("cpu", "cpu.cfs_quota_us")  # -1: no limit
    periods = _cgroup_values("cpu", "cpu.cfs_period_us")
    limits += [
        math.ceil(int(quota) / int(period))
        for quota, period in zip(quotas, periods, strict=False)
        if int(quota) > 0
    ]
    return max(1, min(limits))


def gpus() -> list[str]:
    """Return the NVIDIA GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))
        return names[:end]
    try:
        count = len(list(Path("/proc/driver/nvidia/gpus").iterdir()))
    except OSError:  # there is no driver
        count = 0
    return [str(number) for number in range(count)]


def memory() -> int | None:
    """Return the bytes of memory that this process and its control groups may use, if known."""
    limits = []
    try:
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        limits += _windows_memory()
    for name in ("memory.max", "memory.limit_in_bytes"):
        limits += [int(text) for text in _cgroup_values("memory", name) if text.isdigit()]
    return min(limits, default=None)


def _cgroup_values(controller: str, name: str) -> list[str]:
    """Read the first line of a file in the control group of this process and in its ancestors.

    In a container the group is at the root of the file system of control groups; under a batch
    system such as Slurm it is further down. Source: cgroups(7).

    Args:
        controller: The controller of version 1, which has a folder for each; version 2 has a
            single folder.
        name: The name of the file.
    """
    values = []
    for line in _lines(_CGROUPS_OF_PROCESS):
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controller if controllers else _CGROUPS
        innermost = PurePosixPath("/", path.lstrip("/"))
        for group in (innermost, *innermost.parents):
            values += _lines(root / group.relative_to("/") / name)[:1]
    return values


def _lines(path: Path) -> list[str]:
    """Read the lines of a file; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    except OSError:
        return []


# Thresholds of glibc's malloc, in bytes, below which it keeps freed memory for the next photo.
# Returned to the system, and cleared by it when it is requested again, memory costs a tenth of the
# time of a photo.
MMAP_THRESHOLD, TRIM_THRESHOLD = 32 * 2**20, 64 * 2**20


def keep_memory() -> None:
    """Set these thresholds in this process; child processes get them from their environment."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(-3, MMAP_THRESHOLD)  # M_MMAP_THRESHOLD, as malloc.h numbers it
            mallopt(-1, TRIM_THRESHOLD)  # M_TRIM_THRESHOLD


def process_started() -> float:
    """Return when this process started, on the clock of `time.monotonic()`.

    Where the system does not report it, the time of the import of pawsight is returned, some
    tenths of a second later.
    """
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        # After the name, which may have any characters, the 20th number is the start in clock ticks
        # since the machine was started. Source: proc_pid_stat(5).
        text = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(text.rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - max(0.0, age)
    return _IMPORTED


def elapsed_seconds(since: float) -> float:
    """Return the seconds since a value of `time.perf_counter()`, to divide by: never 0.

    The clock of a virtual machine may stand still for a while.
    """
    return max(1e-9, time.perf_counter() - since)


def describe() -> str:
    """Return one line for a report: processor, instruction sets, cores, memory."""
    instructions = f" ({', '.join(features())})" if features() else ""
    size = memory()
    gibibytes = f", {size / 2**30:.0f} GiB memory" if size else ""
    return f"{processor()}{instructions}, {num_cpus()} cores{gibibytes}, {platform.system()}"


def _windows_memory() -> list[int]:
    import ctypes

    windows = getattr(ctypes, "windll", None)
    if windows is None:
        return []
    kilobytes = ctypes.c_ulonglong()
    answered = windows.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return [kilobytes.value * 1024] if answered else []
