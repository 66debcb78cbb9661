"""Pytest plugin: record which test, or which shared fixture, executes each line.

The context of coverage is the id of the running test, or "fixture:" and the id
of a fixture that several tests share, since all of them rely on what it made.
Appends a line of JSON to MUTATION_OUTCOMES for each test that passed.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import coverage
import pytest

PASSED = pytest.StashKey[bool]()
_kill = subprocess.Popen.kill


def _end(process: subprocess.Popen) -> None:
    """End a process so that it can save what it recorded, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        _kill(process)


subprocess.Popen.kill = _end  # the processes that decode photos are killed when they are done


def _switch(context: str) -> str:
    """Set the context here and for the processes started from here; return the one before."""
    before = os.environ.get("MUTATION_CONTEXT", "")
    os.environ["MUTATION_CONTEXT"] = context
    current = coverage.Coverage.current()
    if current is not None:
        current.switch_context(context)
    return before


def _fixture_id(fixture: pytest.FixtureDef) -> str:
    return f"fixture:{fixture.baseid}:{fixture.argname}"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    """Record what a fixture shared by several tests executes as its own."""
    if fixturedef.scope == "function":
        return (yield)
    before = _switch(_fixture_id(fixturedef))
    try:
        return (yield)
    finally:
        _switch(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep whether every phase of the test passed."""
    report = yield
    item.stash[PASSED] = item.stash.get(PASSED, True) and report.passed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Record a test and, if it passed, its seconds and its shared fixtures."""
    begun = time.perf_counter()
    before = _switch(item.nodeid)
    try:
        result = yield
    finally:
        _switch(before)
    if item.stash.get(PASSED, False):
        definitions = item._fixtureinfo.name2fixturedefs.values()
        fixtures = [f for found in definitions for f in found if f.scope != "function"]
        row = {
            "test": item.nodeid,
            "seconds": round(time.perf_counter() - begun, 3),
            "fixtures": sorted({_fixture_id(fixture) for fixture in fixtures}),
        }
        with Path(os.environ["MUTATION_OUTCOMES"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return result
