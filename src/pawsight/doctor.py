"""Look at the machine and the installation, for `pawsight doctor`.

Works where TensorFlow is not installed: that is one of the findings. Nothing
is changed; what is missing comes with the command that installs it.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs

from pawsight import __version__
from pawsight.engine import prepare_tensorflow

_PREDICTING = ("numpy", "pillow", "pillow-heif", "onnxruntime", "pydantic")
_TRAINING = ("tensorflow", "keras", "scikit-learn", "matplotlib", "jinja2", "onnx", "tf2onnx")
# Other names under which the same package is published.
_ALSO_CALLED = {"tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tf-nightly")}


def examine() -> dict[str, Any]:
    """Look at everything that decides how pawsight works here.

    Returns:
        JSON-ready: `pawsight`, `python`, `platform`, `packages` (by name; None
        where missing), `processor` (`name`, `cores`, `features`), `memory_bytes`
        (None where unknown), `cache` (`path`, `free_bytes`), `devices` and
        `precision` (None without TensorFlow; `choice` and `reason`),
        `problems` (each with `problem` and `remedy`).
    """
    packages = {name: _installed(name) for name in (*_PREDICTING, *_TRAINING)}
    can_train = find_spec("tensorflow") is not None
    problems = _missing(packages)
    devices, precision = None, None
    if can_train:
        devices = _devices(problems)
        precision = _precision(problems) if devices is not None else None
    if can_train and sys.platform == "win32":
        problems.append(
            {
                "problem": "TensorFlow uses no graphics card on Windows itself.",
                "remedy": "Training works on the processor. For the card, use WSL2: wsl --install",
            }
        )
    cache = Path(platformdirs.user_cache_dir("pawsight"))
    return {
        "pawsight": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "packages": packages,
        "processor": {"name": _processor(), "cores": _cores(), "features": _features()},
        "memory_bytes": _memory(),
        "cache": {"path": str(cache), "free_bytes": _free(cache)},
        "devices": devices,
        "precision": precision,
        "problems": problems,
    }


def _installed(name: str) -> str | None:
    for called in (name, *_ALSO_CALLED.get(name, ())):
        try:
            return version(called)
        except PackageNotFoundError:
            continue
    return None


def _missing(packages: dict[str, str | None]) -> list[dict[str, str]]:
    problems = []
    for names, extra, what in ((_PREDICTING, "", "predict"), (_TRAINING, "[train]", "train")):
        missing = [name for name in names if packages[name] is None]
        if missing:
            problems.append(
                {
                    "problem": f"Missing, needed to {what}: {', '.join(missing)}.",
                    "remedy": f'pip install "pawsight{extra}"',
                }
            )
    return problems


def _devices(problems: list[dict[str, str]]) -> list[str] | None:
    """Name the devices TensorFlow sees; None, and a problem more, if it cannot be imported."""
    try:
        prepare_tensorflow()
        import tensorflow as tf

        return [f"{found.device_type}: {found.name}" for found in tf.config.list_physical_devices()]
    except Exception as error:  # noqa: BLE001 - a broken installation fails in any way it likes
        problems.append(
            {
                "problem": f"TensorFlow is installed but does not start: {error}",
                "remedy": 'pip install --force-reinstall "pawsight[train]"',
            }
        )
        return None


def _precision(problems: list[dict[str, str]]) -> dict[str, str] | None:
    from pawsight.training.precision import choose

    try:
        chosen = choose("auto")
    except Exception as error:  # noqa: BLE001 - as above: TensorFlow fails in its own ways
        problems.append(
            {
                "problem": f"TensorFlow cannot multiply here: {error}",
                "remedy": 'pip install --force-reinstall "pawsight[train]"',
            }
        )
        return None
    return {"choice": chosen.name, "reason": chosen.reason}


def _processor() -> str:
    for line in _cpuinfo():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model") and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _features() -> list[str]:
    """Name the instructions that make networks fast; empty where the system hides them."""
    telling = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
    for line in _cpuinfo():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return [flag for flag in telling if flag in value.split()]
    return []


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    """The memory this process may use, in bytes: the machine's, or less in a container."""
    found = []
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        found += _windows_memory()
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            found.append(int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
    return min(found, default=None)


def _windows_memory() -> list[int]:
    import ctypes

    windows = getattr(ctypes, "windll", None)
    if windows is None:
        return []
    kilobytes = ctypes.c_ulonglong()
    answered = windows.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return [kilobytes.value * 1024] if answered else []


def _free(folder: Path) -> int | None:
    """The free bytes of the disk a folder is on, or will be on."""
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return None
