"""Pytest plugin: run the tests listed in MUTATION_TESTS only, in the order of that list.

An entry is the id of a test, or the path of a file for all tests in it.
"""

import json
import os
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Deselect what is not listed, and sort what is."""
    listed = json.loads(Path(os.environ["MUTATION_TESTS"]).read_text(encoding="utf-8"))
    place = {name: number for number, name in enumerate(listed)}
    found = [
        (place.get(item.nodeid, place.get(item.nodeid.partition("::")[0])), item) for item in items
    ]
    config.hook.pytest_deselected(items=[item for number, item in found if number is None])
    chosen = [(number, item) for number, item in found if number is not None]
    items[:] = [item for _, item in sorted(chosen, key=lambda pair: pair[0])]
