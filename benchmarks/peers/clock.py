"""The clock of a peer's process, and the lines in which it reports to run.py.

Imports nothing but the standard library: the peers run in environments of their own.
"""

import importlib.metadata
import json
import sys
import time

MARK = "PEER "


class Clock:
    """The time since the process was started, and whether its minutes are over.

    Args:
        started: `time.time()` when the process was started, by its parent.
        limit: Seconds that it may train.
    """

    def __init__(self, started: float, limit: float) -> None:
        self.started = started
        self.limit = limit

    @property
    def seconds(self) -> float:
        """Seconds since the process was started."""
        return time.time() - self.started

    @property
    def is_over(self) -> bool:
        """Whether it must not train any more."""
        return self.seconds >= self.limit


def report(**facts: object) -> None:
    """Write one line that run.py reads; all other lines are for a person."""
    print(MARK + json.dumps(facts), flush=True)


def report_versions(*packages: str) -> None:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    report(versions=", ".join([f"Python {sys.version.split()[0]}", *versions]))
