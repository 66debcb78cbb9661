"""What libraries log is not printed by the command line."""

import subprocess
import sys

CODE = """
import logging, sys
from pawsight.cli.main import main
sys.argv = ["pawsight", "--version"]
try:
    main()
except SystemExit:
    pass
for name in ("gcsfs", "azure.core.pipeline", "asyncio"):
    logging.getLogger(name).error("a line of a library")
"""


def test_log_lines_of_cloud_libraries_do_not_reach_the_terminal():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "a line of a library" not in done.stdout + done.stderr
