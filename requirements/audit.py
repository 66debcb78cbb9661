"""Look every pinned package up in the advisories on known vulnerabilities.

    make audit-dependencies

Runs pip-audit, which uv fetches for the occasion, on requirements/lock.txt.
"""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent / "lock.txt"
UV = Path(sys.executable).parent / "uv"
OFFLINE = (
    "Failed to fetch",
    "dns error",
    "ConnectionError",
    "Could not connect",
    "Max retries",
    "not found on PyPI",
)


def main():
    """Run pip-audit; exit with its code, and with advice where it could not be run."""
    lock = sys.argv[1] if len(sys.argv) > 1 else LOCK
    command = [UV, "tool", "run", "--from", "pip-audit", "pip-audit", "--progress-spinner", "off"]
    # --strict: a package that the service does not know must not pass as one without advisories.
    command += ["--strict", "--disable-pip", "--require-hashes", "--requirement", lock]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    if done.returncode and any(sign in done.stderr for sign in OFFLINE):
        sys.exit(
            "The advisories of PyPI cannot be reached from here, or not all of them.\n"
            "Run this again where there is a connection to the package index itself."
        )
    print(done.stderr, end="", file=sys.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
