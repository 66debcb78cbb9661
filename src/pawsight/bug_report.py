"""A zip for a bug report: versions, settings and logs, and never a photo.

Passwords, tokens and signatures are left out of addresses, and the user's home
folder is written as "~". Names of photos stay, since log.txt lists those that
cannot be read. Nothing is sent: users can inspect the zip first.
"""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pawsight.addresses import public_text
from pawsight.errors import DiskError
from pawsight.runs import Run
from pawsight.storage.atomic import replacing


def write_bug_report(path: Path, findings: dict[str, Any], run: Run | None = None) -> list[str]:
    """Write the zip.

    Args:
        path: The file to create; its folder is created if needed.
        findings: The result of `doctor.examine`.
        run: The run whose settings and logs are added; missing files are left out.

    Returns:
        The names of the files in the zip.

    Raises:
        DiskError: The file exists already, or cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise DiskError(
            f"{path} exists already, and pawsight never overwrites anything.\n"
            f"Give another name, or remove this file first."
        )
    texts = {"doctor.json": json.dumps(findings, indent=1), "packages.txt": _packages()}
    for file in _files_of(run) if run else ():
        texts[f"run/{file.name}"] = file.read_text(encoding="utf-8", errors="replace")
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, text in texts.items():
            archive.writestr(name, _public(text))
    return list(texts)


def _files_of(run: Run) -> list[Path]:
    """Return the files to add, without links that lead out of the run folder."""
    candidates = (
        *(run.config_path, run.plan_path, run.state_path),
        *(run.log_path, run.history_path, run.model_path),
    )
    folder = run.path.resolve()
    return [path for path in candidates if path.is_file() and path.resolve().is_relative_to(folder)]


def _packages() -> str:
    """Return the installed packages, one `name==version` a line, sorted by name."""
    packages = {f"{distribution.name}=={distribution.version}" for distribution in distributions()}
    return "".join(f"{line}\n" for line in sorted(packages, key=str.lower))


def _public(text: str) -> str:
    home = str(Path.home())
    return public_text(text).replace(home, "~") if len(home) > 1 else public_text(text)
