"""Imports go downwards only, as docs/design.md and pyproject.toml describe it."""

import subprocess
import sys


def test_every_import_contract_is_kept(root):
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; exit(lint_imports())"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    num_contracts = (root / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    assert f"{num_contracts} kept, 0 broken" in done.stdout
