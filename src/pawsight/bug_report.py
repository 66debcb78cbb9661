"""A zip for a bug report: versions, settings and logs, and never a photo.

Passwords, tokens and signatures are left out of addresses, and the user's home
folder is written as "~". What photos are called stays, since log.txt names
those that cannot be read, so that users can inspect the file before sending it.
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
        path: The file to make; its folder is made as well.
        findings: What `pawsight doctor` found, JSON-ready.
        run: A run whose settings and logs are to be added; those of its files
            that are missing are left out.

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
    """Return the files to add; no link in a copied run folder leads to a file outside it."""
    named = (
        *(run.config_path, run.plan_path, run.state_path),
        *(run.log_path, run.history_path, run.model_path),
    )
    inside = run.path.resolve()
    return [one for one in named if one.is_file() and one.resolve().is_relative_to(inside)]


def _packages() -> str:
    """Return the installed packages, one `name==version` a line, in the order of their names."""
    packages = {f"{distribution.name}=={distribution.version}" for distribution in distributions()}
    return "".join(f"{line}\n" for line in sorted(packages, key=str.lower))


def _public(text: str) -> str:
    home = str(Path.home())
    return public_text(text).replace(home, "~") if len(home) > 1 else public_text(text)
