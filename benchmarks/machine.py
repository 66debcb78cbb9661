"""The machine and the versions that a result was measured with."""

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("pawsight", "keras", "tensorflow", "tensorflow-cpu", "numpy", "pillow", "onnxruntime")


def describe() -> str:
    """One line: processor, cores, memory, Python and packages."""
    packages = []
    for name in PACKAGES:
        try:
            packages.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(packages)}."
    )


def processor() -> str:
    """The processor's own name, with what matters most for speed here."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    has_bfloat16 = "avx512_bf16" in text or "amx_bf16" in text
    name = names[0] if names else platform.processor()
    return f"{name} ({'with' if has_bfloat16 else 'without'} bfloat16 instructions)"
