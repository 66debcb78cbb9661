"""Look at the machine and the installation, for `pawsight doctor`.

Works where TensorFlow is not installed: that is one of the findings. Nothing
is changed; what is missing comes with the command that installs it.
"""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pawsight import __version__, machine
from pawsight.engine import prepare_tensorflow
from pawsight.errors import DiskError
from pawsight.pictures.cache import cache_dir

_PREDICTING = ("numpy", "pillow", "pillow-heif", "onnxruntime", "pydantic")
_TRAINING = ("tensorflow", "keras", "scikit-learn", "matplotlib", "jinja2", "onnx", "tf2onnx")
# Other names under which the same package is published.
_ALSO_CALLED = {"tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tf-nightly")}


def examine() -> dict[str, Any]:
    """Look at everything that decides how pawsight works here.

    Returns:
        JSON-ready: `pawsight`, `python`, `platform`, `packages` (by name; None
        where missing), `processor` (`name`, `cores`, `features`), `memory_bytes`
        (None where unknown), `cache` (`path`, `free_bytes`; None
        where it cannot be used), `devices` and
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
    cache = _cache(problems)
    return {
        "pawsight": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "packages": packages,
        "processor": {
            "name": machine.processor(),
            "cores": machine.num_cpus(),
            "features": machine.features(),
        },
        "memory_bytes": machine.memory(),
        "cache": cache,
        "devices": devices,
        "precision": precision,
        "problems": problems,
    }


def _cache(problems: list[dict[str, str]]) -> dict[str, Any] | None:
    try:
        folder = cache_dir()
    except DiskError as error:
        what, _, remedy = str(error).partition("\n")
        problems.append({"problem": what, "remedy": remedy})
        return None
    return {"path": str(folder), "free_bytes": _free(folder)}


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


def _free(folder: Path) -> int | None:
    """The free bytes of the disk a folder is on, or will be on."""
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return None
