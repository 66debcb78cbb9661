"""Pytest plugin: run tests in the order of their files, until a budget of processor time is spent.

MUTATION_REQUEST names a JSON file with `files`, tests to leave out (`left_out`), `seconds` of
processor time, and `log`, a file to which the id of each test is appended when it starts.
"""

import json
import os
from pathlib import Path

import pytest

_REQUEST = json.loads(Path(os.environ["MUTATION_REQUEST"]).read_text(encoding="utf-8"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Sort the tests: slow ones last, then by the order of the files."""
    place = {name: number for number, name in enumerate(_REQUEST["files"])}
    left_out = [item for item in items if item.nodeid in _REQUEST["left_out"]]
    config.hook.pytest_deselected(items=left_out)
    kept = [item for item in items if item not in left_out]
    items[:] = sorted(
        kept,
        key=lambda item: (
            item.get_closest_marker("slow") is not None,
            place.get(item.nodeid.partition("::")[0], len(place)),
        ),
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """Skip what is left once the budget is spent."""
    if sum(os.times()[:4]) > _REQUEST["seconds"]:
        return True
    with Path(_REQUEST["log"]).open("a", encoding="utf-8") as file:
        file.write(item.nodeid + "\n")
    return None
