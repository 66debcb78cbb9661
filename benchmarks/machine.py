"""The machine and the versions that a result was measured with."""

import importlib.metadata
import platform

from pawsight import machine

PACKAGES = ("pawsight", "keras", "tensorflow", "tensorflow-cpu", "numpy", "pillow", "onnxruntime")


def describe() -> str:
    """One line: processor, cores, memory, Python and packages."""
    packages = []
    for name in PACKAGES:
        try:
            packages.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{machine.describe()}, Python {platform.python_version()}, {', '.join(packages)}."
