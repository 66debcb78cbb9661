"""How many small faults of the source the tests notice.

    make mutation ARGS="--count 100 --seed 0"

Draws mutants from src/pawsight, each a comparison, an operator, a constant, a
condition or a returned value changed, and runs on each the tests that execute
the changed line, until one fails. Which tests do is recorded once, in map/, by
running them all under coverage (`--record`); test files that changed since are
run whole. Works on a copy of the tracked files. A test that fails on the copy
as it is has noticed nothing: such tests are left out. Results are written
after each mutant; a stopped command goes on where it was, as long as the commit
is the same. `--only-missed` runs the mutants that no test noticed again, on the
source as it is now; the results keep both outcomes.
"""

import argparse
import collections
import dataclasses
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from mutants import Mutant, found_again, mutants_of  # noqa: E402
from results import in_words  # noqa: E402
from test_map import LEFT_OUT, RECORD, TestMap, dotted, load_map, record, save_map  # noqa: E402

import machine  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MAP = HERE / "map"
RESULTS = HERE / "results.json"
# Old scripts take minutes a mutant; how a drawn cat looks is a matter of taste.
DEFAULT_EXCLUDED = ("compat", "data/sources/sample_drawing")
SECONDS = 900  # for the tests of one mutant; a mutant that takes longer counts as noticed
MAX_TEST_SECONDS = 300  # of the tests run on one mutant, by their recorded seconds
MAX_FILE_SECONDS = 20  # of a test file that changed since it was recorded; others are left out
FIRST_SECONDS = 10  # of the tests run first, as most mutants fail one of them


def main() -> None:
    """Run the mutants that have no result yet, then write results.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exclude", nargs="*", default=DEFAULT_EXCLUDED, help="folders left out")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tested at once")
    parser.add_argument("--record", action="store_true", help="record anew which tests run what")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only-missed", action="store_true", help="run missed mutants again")
    parser.add_argument("--tests", nargs="*", help="with --only-missed: files of tests to run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = MAP / "tests.json.gz"
        if args.only_missed:
            copy = Copy(fresh_copy(Path(folder) / "0"), is_compiled=path.exists())
            again(args, load_map(path) if path.exists() else TestMap({}, {}, {}, {}), copy)
            return
        if args.record or not path.exists():
            shutil.rmtree(MAP, ignore_errors=True)
            copy = fresh_copy(Path(folder) / "recorded")
            record(copy, MAP)
            save_map(copy, MAP, path)
        copies = [Copy(fresh_copy(Path(folder) / str(i))) for i in range(args.jobs)]
        sample(args, load_map(path), copies)


def sample(args: argparse.Namespace, test_map: TestMap, copies: list["Copy"]) -> None:
    """Try the mutants of a seed and write the results."""
    chosen = draw(args.count, args.seed, args.exclude)
    facts = {
        "seed": args.seed,
        "count": args.count,
        "excluded": list(args.exclude),
        "commit": commit(),
        "machine": machine.describe(),
    }
    runs = json.loads(args.results.read_text()) if args.results.exists() else []
    known = {
        key(row): row
        for run in runs
        if (run["seed"], run["commit"]) == (args.seed, facts["commit"])
        for row in run["mutants"]
    }
    runs = [run for run in runs if run["seed"] != args.seed]

    def keep(row: dict[str, object]) -> None:
        known[key(row)] = row
        rows = [known[k] for m in chosen if (k := key(dataclasses.asdict(m))) in known]
        ordered = sorted([*runs, facts | {"mutants": rows}], key=lambda run: run["seed"])
        args.results.write_text(json.dumps(ordered, indent=1) + "\n")
        args.results.with_suffix(".md").write_text(in_words(ordered))
        place = f"{row['module']}:{row['line']} {row['before']} -> {row['after']}"
        print(f"{len(rows)}/{len(chosen)} {place} {row['result']} {row['failed']}", flush=True)

    def try_all(todo: list[Mutant], left_out: set[str]) -> None:
        with ThreadPoolExecutor(len(copies)) as pool:
            futures = [pool.submit(tried, one, test_map, copies, left_out) for one in todo]
            for future in as_completed(futures):
                keep(future.result())

    try_all([one for one in chosen if key(dataclasses.asdict(one)) not in known], set())
    left_out: set[str] = set()
    while unsound := failing({str(row["failed"]) for row in known.values()} - {""}, copies[0]):
        left_out |= unsound
        again = {key(row) for row in known.values() if row["failed"] in unsound}
        try_all([one for one in chosen if key(dataclasses.asdict(one)) in again], left_out)


def again(args: argparse.Namespace, test_map: TestMap, copy: "Copy") -> None:
    """Run the missed mutants of a seed on the present source and tests, and add the outcomes."""
    runs = json.loads(args.results.read_text())
    (run,) = [one for one in runs if one["seed"] == args.seed]
    for row in [one for one in run["mutants"] if one["result"] == "missed"]:
        path = ROOT / "src" / "pawsight" / row["module"]
        before = ["git", "-C", str(ROOT), "show", f"{run['commit'].split()[0]}:./src/pawsight/"]
        before[-1] += row["module"]
        old = subprocess.run(before, capture_output=True, check=True, text=True).stdout
        new = path.read_text(encoding="utf-8") if path.exists() else ""
        mutant = found_again(row, old, new)
        outcome = {"result": "gone", "failed": ""}
        if mutant:
            found = tried(mutant, test_map, [copy], set(), args.tests)
            while unsound := failing({str(found["failed"])} - {""}, copy):
                found = tried(mutant, test_map, [copy], unsound, args.tests)
            outcome = {name: found[name] for name in outcome}
        row["again"] = {"commit": commit(), **outcome}
        args.results.write_text(json.dumps(runs, indent=1) + "\n")
        args.results.with_suffix(".md").write_text(in_words(runs))
        print(
            f"{row['module']}:{row['line']} {row['before']} -> {row['after']} {outcome}", flush=True
        )


def commit() -> str:
    """Return the commit, marked where the source or the tests differ from it."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src", "tests"], check=False)
    return name.stdout.decode().strip() + (" with changes" if changed.returncode else "")


def draw(count: int, seed: int, excluded: list[str]) -> list[Mutant]:
    """Draw mutants, each module as often as it has places to change."""
    package = ROOT / "src" / "pawsight"
    found: list[Mutant] = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not name.startswith(tuple(excluded)):
            found += mutants_of(name, path.read_text(encoding="utf-8"))
    return random.Random(seed).sample(found, count)


def key(row: dict[str, object]) -> tuple[object, ...]:
    """Return what makes a mutant the same one."""
    return tuple(row[name] for name in ("module", "kind", "line", "column", "before", "after"))


def fresh_copy(folder: Path) -> Path:
    """Copy the tracked files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


class Copy:
    """A copy of the project and the process that runs tests in it."""

    def __init__(self, root: Path, is_compiled: bool = True) -> None:
        self.root = root
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "fork_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._environment = {"PYTHONPATH": f"{root / 'src'}:{RECORD}"}
        if is_compiled:
            # Once: the runs on mutants write no bytecode, which could be taken for sound.
            tests = (root / "tests").rglob("test_*.py")
            files = [path.relative_to(root).as_posix() for path in tests]
            self.tested([f for f in files if not f.startswith(LEFT_OUT)], "--collect-only")
        self._environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def tested(self, tests: list[str], *options: str) -> tuple[str, list[str]]:
        """Run tests; return "noticed", "timeout" or "missed", and the names of those that failed.

        Args:
            tests: Ids of tests, or files of tests; only files that exist.
            options: Further arguments of pytest.
        """
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        with tempfile.TemporaryDirectory() as folder:
            chosen, output = Path(folder) / "chosen.json", Path(folder) / "output"
            chosen.write_text(json.dumps(tests))
            request = {
                "folder": str(self.root),
                "arguments": [
                    *("-q", "-n", "0", "-p", "chosen", "-p", "no:cacheprovider", *options),
                    # The plugins are imported already, see fork_server.
                    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
                    *(f"--basetemp={folder}/tests", *files),
                ],
                "environment": self._environment | {"MUTATION_TESTS": str(chosen)},
                "output": str(output),
                "seconds": SECONDS,
            }
            assert self._server.stdin and self._server.stdout
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            status = self._server.stdout.readline().strip()
            text = output.read_text(encoding="utf-8", errors="replace")
        if status == "timeout":
            return "timeout", []
        if status not in "0125":
            raise RuntimeError(f"pytest ended with {status}:\n{text[-2000:]}")
        failed = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", text, re.MULTILINE)
        return ("missed", []) if status in ("0", "5") else ("noticed", failed)  # 5: no tests


def tried(
    mutant: Mutant,
    test_map: TestMap,
    copies: list[Copy],
    left_out: set[str],
    chosen: list[str] | None = None,
) -> dict[str, object]:
    """Run the tests on one mutant; return it with its result and the seconds taken."""
    copy = copies.pop()
    path = copy.root / "src" / "pawsight" / mutant.module
    source = path.read_text(encoding="utf-8")
    begun = time.monotonic()
    result, failed = "missed", [""]
    tests = chosen or tests_of(mutant, source, test_map, copy.root)
    tests = [test for test in tests if test not in left_out]
    first, rest = first_of(tests, test_map)
    try:
        path.write_text(mutant.applied(source), encoding="utf-8")
        for some in filter(None, (first, rest)):
            result, failed = copy.tested(some, "-x")
            if result != "missed":
                break
    finally:
        path.write_text(source, encoding="utf-8")
        copies.append(copy)
    return dataclasses.asdict(mutant) | {
        "result": result,
        "failed": failed[0] if failed else "",
        "num_tests": len(tests),
        "seconds": round(time.monotonic() - begun),
    }


def tests_of(mutant: Mutant, source: str, test_map: TestMap, root: Path) -> list[str]:
    """Return the tests to run on a mutant.

    These are the tests that execute it, up to MAX_TEST_SECONDS, and then all of
    the quick files that name its module and changed since they were recorded. Where
    none executes it, the files that name its module.
    """
    files = {
        path.relative_to(root).as_posix(): path for path in (root / "tests").rglob("test_*.py")
    }
    texts = {file: files[file].read_text(encoding="utf-8") for file in sorted(files)}
    found: list[str] = []
    seconds = 0.0
    for test in test_map.tests_of(mutant, source):
        seconds += test_map.seconds[test]
        if seconds > MAX_TEST_SECONDS:
            break
        if test.partition("::")[0] in texts:  # else it is gone
            found.append(test)
    near = [file for file, text in texts.items() if dotted(mutant.module) in text]
    recorded: dict[str, float] = collections.defaultdict(float)
    for test, needed in test_map.seconds.items():
        recorded[test.partition("::")[0]] += needed
    changed = [
        file
        for file in near
        if test_map.files.get(file) != texts[file] and recorded[file] <= MAX_FILE_SECONDS
    ]
    return [*found, *changed] if found else near


def first_of(tests: list[str], test_map: TestMap) -> tuple[list[str], list[str]]:
    """Divide tests into some that are quick and the others, in the order given."""
    first, rest, seconds = [], [], 0.0
    for test in tests:
        needed = test_map.seconds.get(test, FIRST_SECONDS)  # of a whole file, unknown
        if needed < FIRST_SECONDS / 5 and seconds + needed <= FIRST_SECONDS:
            first.append(test)
            seconds += needed
        else:
            rest.append(test)
    return first, rest


def failing(tests: set[str], copy: Copy) -> set[str]:
    """Return which of the tests fail without any mutant."""
    files = {test for test in tests if (copy.root / test.partition("::")[0]).is_file()}
    return set(copy.tested(sorted(files))[1]) & tests if files else set()


if __name__ == "__main__":
    main()
