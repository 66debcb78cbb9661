"""Which tests execute each line of the source, so that only they are run on a mutant."""

from __future__ import annotations

import ast
import gzip
import itertools
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants import Mutant, moved_lines

RECORD = Path(__file__).resolve().parent / "record"
# Tests of the page need a browser; those of compat and of the project hold no module's promises.
LEFT_OUT = ("tests/browser", "tests/compat", "tests/project")
SETTINGS = """[run]
include = {copy}/src/pawsight/*
data_file = {data}/lines
parallel = true
sigterm = true
concurrency = thread
patch = _exit, fork
context = ${{MUTATION_CONTEXT-}}
disable_warnings = no-data-collected, module-not-imported, module-not-measured, dynamic-conflict
"""


@dataclass(frozen=True)
class TestMap:
    """The recorded tests.

    Attributes:
        seconds: Of each test that passed, by its id.
        files: The text of each test file that was recorded.
        sources: The text of each module, as it was recorded.
        lines: By module and line (from 1), the tests that execute it.
    """

    seconds: dict[str, float]
    files: dict[str, str]
    sources: dict[str, str]
    lines: dict[str, dict[int, set[str]]]

    def tests_of(self, mutant: Mutant, source: str) -> list[str]:
        """Return the ids of the tests that execute the mutant, those of its module's files first.

        What runs while the module is imported belongs to every test that
        executes a function of it. Then come the tests in the module's folder, and within each
        group quick tests first.
        """
        recorded = self.lines.get(mutant.module, {})
        moved = moved_lines(source, self.sources.get(mutant.module, ""))
        wanted = _statement_lines(source, mutant) or _function_lines(source)
        found = {test for line in wanted for test in recorded.get(moved.get(line, 0), ())}
        name = dotted(mutant.module)
        near = {file for file, text in self.files.items() if name in text}
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(found, key=lambda test: self.seconds[test]):
            files[test.partition("::")[0]].append(test)
        mean = {
            file: sum(self.seconds[test] for test in tests) / len(tests)
            for file, tests in files.items()
        }

        def order(file: str) -> tuple[bool, int, float]:
            return file not in near, -_num_shared(file, mutant.module), mean[file]

        ordered = sorted(files, key=order)
        return [test for file in ordered for test in files[file]]


def _num_shared(test_file: str, module: str) -> int:
    """Return how many folders the paths of a test file and a module begin with together."""
    pairs = zip(test_file.split("/")[1:-1], module.split("/")[:-1], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def dotted(module: str) -> str:
    """Return the name by which a module of pawsight is imported."""
    return "pawsight." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def record(copy: Path, data: Path) -> None:
    """Run the tests of a copy of the project under coverage; twice as long as the suite alone."""
    data.mkdir(parents=True, exist_ok=True)
    # Installed for the occasion: nothing else of the project needs it.
    target = ["--quiet", "--target", data / "coverage", "coverage>=7.10"]
    subprocess.run([Path(sys.executable).parent / "uv", "pip", "install", *target], check=True)
    (data / "settings.ini").write_text(SETTINGS.format(copy=copy, data=data), encoding="utf-8")
    env = {
        "PYTHONPATH": f"{copy / 'src'}:{RECORD}:{data / 'coverage'}",
        "COVERAGE_PROCESS_START": str(data / "settings.ini"),
        "MUTATION_OUTCOMES": str(data / "outcomes.jsonl"),
    }
    ignored = [f"--ignore={name}" for name in LEFT_OUT]
    subprocess.run(
        [
            *("env", *(f"{name}={value}" for name, value in env.items())),
            *(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "contexts"),
            *("-p", "no:cacheprovider", f"--basetemp={data / 'tests'}", *ignored),
        ],
        cwd=copy,
        check=False,  # tests that fail are left out of the map
    )


def save_map(copy: Path, data: Path, path: Path) -> None:
    """Write what `record` recorded as one file."""
    sys.path.append(str(data / "coverage"))
    import coverage

    lines_of_file = (data / "outcomes.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["test"]: row for row in map(json.loads, lines_of_file)}
    users = defaultdict(set)
    for test, row in rows.items():
        for fixture in row["fixtures"]:
            users[fixture].add(test)
    package = copy / "src" / "pawsight"
    lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for part in sorted(data.glob("lines.*")):
        recorded = coverage.CoverageData(str(part))
        try:
            recorded.read()
        except coverage.exceptions.DataError:  # of a process that was killed while it saved
            continue
        for file in recorded.measured_files():
            module = Path(file).relative_to(package).as_posix()
            for line, contexts in recorded.contexts_by_lineno(file).items():
                for context in contexts:
                    lines[module][line] |= users.get(context, set()) | ({context} & rows.keys())
    numbers = {test: number for number, test in enumerate(rows)}
    content = {
        "tests": [[test, row["seconds"]] for test, row in rows.items()],
        "files": {name: (copy / name).read_text(encoding="utf-8") for name in _files(rows)},
        "sources": {name: (package / name).read_text(encoding="utf-8") for name in lines},
        "lines": {
            module: {line: sorted(numbers[test] for test in tests) for line, tests in found.items()}
            for module, found in lines.items()
        },
    }
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        json.dump(content, stream)


def load_map(path: Path) -> TestMap:
    """Read a map that `save_map` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        content = json.load(stream)
    names = [test for test, _ in content["tests"]]
    lines = {
        module: {int(line): {names[i] for i in tests} for line, tests in found.items()}
        for module, found in content["lines"].items()
    }
    return TestMap(dict(content["tests"]), content["files"], content["sources"], lines)


def _files(tests: Iterable[str]) -> set[str]:
    return {test.partition("::")[0] for test in tests}


def _statement_lines(source: str, mutant: Mutant) -> range | None:
    """Return the lines of the innermost statement around a mutant; None outside of functions."""
    found: range | None = None
    for function in _functions(ast.parse(source)):
        if not function.body[0].lineno <= mutant.line <= (function.end_lineno or 0):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.stmt) or node is function:
                continue
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            if node.lineno <= mutant.line and mutant.end_line <= end:
                found = range(node.lineno, end + 1)
    return found


def _function_lines(source: str) -> list[int]:
    """Return the lines of all functions' bodies."""
    return [
        line
        for function in _functions(ast.parse(source))
        for line in range(function.body[0].lineno, (function.end_lineno or 0) + 1)
    ]


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
