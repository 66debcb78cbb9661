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

# The purpose of each extra. Its packages are listed in pyproject.toml alone, and read from the
# metadata of the installation.
_PURPOSES = {
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
_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tf-nightly")}


def examine() -> dict[str, Any]:
    """Check the installation and the machine.

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
        problem, _, remedy = str(error).partition("\n")
        problems.append({"problem": problem, "remedy": remedy})
        return None
    return {"path": str(folder), "free_bytes": free_bytes(folder)}


def _installed(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    for published_name in (name, *_OTHER_NAMES.get(name, ())):
        try:
            return version(published_name)
        except PackageNotFoundError:
            continue
    return None


def _packages(problems: list[dict[str, str]]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Read the requirements from pawsight's own metadata: of the core, and of each extra."""
    try:
        own_metadata = metadata("pawsight")
    except PackageNotFoundError:
        problems.append(
            {
                "problem": "pawsight runs from its source code, without being installed: which "
                "packages it needs is not known.",
                "remedy": "pip install -e . (in the folder that has pyproject.toml)",
            }
        )
        return {"gives": _PURPOSES[""], "install": _install(""), "packages": {}}, {}
    requirements = [Requirement(line) for line in own_metadata.get_all("Requires-Dist") or ()]

    def entry(extra: str) -> dict[str, Any]:
        of_extra = [
            requirement
            for requirement in requirements
            if _applies(requirement, extra) and not (extra and _applies(requirement, ""))
        ]
        return {
            "gives": _PURPOSES.get(extra, ""),
            "install": _install(extra),
            "packages": _versions(of_extra, extra, problems),
        }

    return entry(""), {
        name: entry(name)
        for name in sorted(own_metadata.get_all("Provides-Extra") or (), key=_rank)
    }


def _rank(extra: str) -> tuple[bool, int, str]:
    """Return the sort key: the order of `_PURPOSES`, others after it, and `dev` last."""
    order = list(_PURPOSES)
    return (extra == "dev", order.index(extra) if extra in order else len(order), extra)


def _applies(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement applies on this machine, with this extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _install(extra: str) -> str:
    return f'pip install "pawsight[{extra}]"' if extra else "pip install pawsight"


def _versions(
    requirements: list[Requirement], extra: str, problems: list[dict[str, str]]
) -> dict[str, str | None]:
    """Read the installed versions; a required package that is missing or too old is a problem."""
    versions = {requirement.name: _installed(requirement.name) for requirement in requirements}
    for requirement in requirements:
        name, specifier = requirement.name, requirement.specifier
        installed = versions[name]
        if installed is not None and not specifier.contains(installed, prereleases=True):
            problems.append(
                {
                    "problem": f"{name} {installed} is installed, and {name}{specifier} "
                    f"is needed to {_PURPOSES.get(extra) or f'use the extra {extra}'}.",
                    "remedy": f"{_install(extra)} --upgrade",
                }
            )
    missing = [name for name, installed in versions.items() if installed is None]
    if missing and not extra:
        problems.append(
            {
                "problem": f"Missing, needed to {_PURPOSES['']}: {', '.join(missing)}.",
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
    except Exception as error:  # noqa: BLE001 - a broken installation can raise anything
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
    except Exception as error:  # noqa: BLE001 - as above
        problems.append(
            {
                "problem": f"TensorFlow cannot multiply here: {error}",
                "remedy": 'pip install --force-reinstall "pawsight[train]"',
            }
        )
        return None
    kept = f"; kept in {kept_path()}" if is_kept else ""
    return {"choice": chosen.name, "reason": f"{chosen.reason}{kept}"}
