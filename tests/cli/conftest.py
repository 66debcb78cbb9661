"""Run the real command line, inside this process or as one of its own."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from pawsight.cli.main import app


@pytest.fixture
def pawsight():
    """Run a command inside this process; what it prints is no terminal's."""

    def run(*arguments: object, stdin: bytes | str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def pawsight_process():
    """Run a command as a process of its own, as a shell would."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "pawsight", *arguments]
        return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)

    return run
