"""Check the machine and the installation, for `pawsight doctor`.

Works without TensorFlow, whose absence is one of the findings. Nothing is
changed; a missing package comes with the command that installs it.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, metadata, version
from importlib.util import find_spec
from typing import Any

from packaging.requirements import Requirement

from pawsight import __version__, machine
from pawsight.errors import DiskError
from pawsight.storage.cache import cache_dir
from pawsight.storage.disk_space import free_bytes
from pawsight.tensorflow_setup import prepare_tensorflow

# What each extra is for. Its packages are listed in pyproject.toml alone, and are read from
# the metadata that an installation keeps of it.
_GIVES = {
    "": "audit photos, predict, sort",
    "train": "train, evaluate, make reports; export to ONNX, Keras, TensorFlow, the web",
    "fit": "train --model builtin, evaluate, make reports; export to ONNX: without TensorFlow",
    "export": "export to LiteRT and OpenVINO, together with train",
    "hub": "presets of KerasHub: --model hub:PRESET, together with train",
    "tune": "search the settings of a recipe: pawsight tune, together with train",
    "tensorboard": "log reports to TensorBoard: pawsight report RUN --to tensorboard:DIR",
    "mlflow": "log reports to MLflow: pawsight report RUN --to mlflow:URI",
    "parquet": "predict with several workers: pawsight predict --workers N",
    "cluster": "train and predict on a Ray cluster: --cluster ADDRESS; to train, with train",
    "serve": "serve a model over HTTP, with a web page",
    "raw": "read the previews in the raw photos of cameras",
    "jxl": "read JPEG XL",
    "tiff": "read TIFFs of many bands that are compressed with LZW, JPEG, zstd and the like",
    "cloud": "read photos from cloud stores and servers: s3://, gs://, sftp://, https:// ...",
    "drive": "read photos from Google Drive: gdrive:PATH and shared links",
    "dev": "work on pawsight itself: tests, checks, documentation",
}
# Other names under which the same package is published.
_ALSO_CALLED = {"tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tf-nightly")}


def examine() -> dict[str, Any]:
    """Check everything that decides how pawsight works here.

    Returns:
        JSON-ready: `pawsight`, `python`, `platform`, `always` (what every
        installation `gives`, the command to `install` it, and its `packages`: name
        to version, None where missing), `extras` (the same of each extra, by
        name), `processor` (`name`, `cores`, `features`),
        `memory_bytes` (None where unknown), `cache` (`path`, `free_bytes`; None
        where it cannot be used), `devices` and
        `precision` (None without TensorFlow; `choice` and `reason`),
        `problems` (each with `problem` and `remedy`).
    """
    problems: list[dict[str, str]] = []
    always, extras = _packages(problems)
    can_train = find_spec("tensorflow") is not None
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
        "always": always,
        "extras": extras,
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
    return {"path": str(folder), "free_bytes": free_bytes(folder)}


def _installed(name: str) -> str | None:
    for called in (name, *_ALSO_CALLED.get(name, ())):
        try:
            return version(called)
        except PackageNotFoundError:
            continue
    return None


def _packages(problems: list[dict[str, str]]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Read the requirements from pawsight's own metadata: of the core, and of each extra."""
    try:
        stated = metadata("pawsight")
    except PackageNotFoundError:
        problems.append(
            {
                "problem": "pawsight runs from its source code, without being installed: which "
                "packages it needs is not known.",
                "remedy": "pip install -e . (in the folder that has pyproject.toml)",
            }
        )
        return {"gives": _GIVES[""], "install": _install(""), "packages": {}}, {}
    needed = [Requirement(line) for line in stated.get_all("Requires-Dist") or ()]

    def entry(extra: str) -> dict[str, Any]:
        own = [one for one in needed if _is_for(one, extra) and not (extra and _is_for(one, ""))]
        return {
            "gives": _GIVES.get(extra, ""),
            "install": _install(extra),
            "packages": _versions(own, extra, problems),
        }

    return entry(""), {
        name: entry(name) for name in sorted(stated.get_all("Provides-Extra") or (), key=_rank)
    }


def _rank(extra: str) -> tuple[bool, int, str]:
    """Return the sort key: the order of `_GIVES`, others after it, and `dev` last."""
    order = list(_GIVES)
    return (extra == "dev", order.index(extra) if extra in order else len(order), extra)


def _is_for(needed: Requirement, extra: str) -> bool:
    """Return whether a requirement applies on this machine, with this extra."""
    return needed.marker is None or needed.marker.evaluate({"extra": extra})


def _install(extra: str) -> str:
    return f'pip install "pawsight[{extra}]"' if extra else "pip install pawsight"


def _versions(
    needed: list[Requirement], extra: str, problems: list[dict[str, str]]
) -> dict[str, str | None]:
    """Read the installed versions; a required package that is missing or too old is a problem."""
    versions = {one.name: _installed(one.name) for one in needed}
    for one in needed:
        there = versions[one.name]
        if there is not None and not one.specifier.contains(there, prereleases=True):
            problems.append(
                {
                    "problem": f"{one.name} {there} is installed, and {one.name}{one.specifier} "
                    f"is needed to {_GIVES.get(extra) or f'use the extra {extra}'}.",
                    "remedy": f"{_install(extra)} --upgrade",
                }
            )
    missing = [name for name, there in versions.items() if there is None]
    if missing and not extra:
        problems.append(
            {
                "problem": f"Missing, needed to {_GIVES['']}: {', '.join(missing)}.",
                "remedy": _install(""),
            }
        )
    return versions


def _devices(problems: list[dict[str, str]]) -> list[str] | None:
    """List the devices TensorFlow finds; None, and a problem, if it cannot be imported."""
    try:
        prepare_tensorflow()
        import tensorflow as tf

        return [
            f"{device.device_type}: {device.name}" for device in tf.config.list_physical_devices()
        ]
    except Exception as error:  # noqa: BLE001 - a broken installation fails in any way it likes
        problems.append(
            {
                "problem": f"TensorFlow is installed but does not start: {error}",
                "remedy": 'pip install --force-reinstall "pawsight[train]"',
            }
        )
        return None


def _precision(problems: list[dict[str, str]]) -> dict[str, str] | None:
    from pawsight.training.precision import choose, kept_path

    try:
        chosen = choose("auto")
        is_kept = kept_path().is_file()
    except Exception as error:  # noqa: BLE001 - as above: TensorFlow fails in its own ways
        problems.append(
            {
                "problem": f"TensorFlow cannot multiply here: {error}",
                "remedy": 'pip install --force-reinstall "pawsight[train]"',
            }
        )
        return None
    kept = f"; kept in {kept_path()}" if is_kept else ""
    return {"choice": chosen.name, "reason": f"{chosen.reason}{kept}"}
