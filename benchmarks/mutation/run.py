"""How many small faults of the source the tests notice.

    make mutation ARGS="--count 100 --seed 0"

Draws mutants from src/pawsight, each a comparison, an operator, a constant, a
condition or a returned value changed, and runs tests on each until one fails:
those of the module first, then those of modules that import it, up to --seconds
of processor time, so that other work on the machine changes nothing. A test that
does not end notices the mutant as well. Works on a copy of the tracked files. A
test that fails on the copy as it is has noticed nothing: it is left out.

Results are written after each mutant; a stopped command continues where it was, as
long as the commit is the same. `--only-missed` runs the mutants that no test noticed
again, on the source as it is now; the results keep both outcomes.
"""

import argparse
import dataclasses
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from mutants import Mutant, found_again, mutants_of  # noqa: E402
from nearest_tests import NearestTests  # noqa: E402
from results import in_words  # noqa: E402

import machine  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
# Old scripts take minutes a mutant; how a drawn cat looks is a matter of taste.
DEFAULT_EXCLUDED = ("compat", "data/sources/sample_drawing")
HANG_SECONDS = 600  # without a test that starts or ends; generous, as the machine may be busy


def main() -> None:
    """Run the mutants that have no result yet, then write results.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=300, help="of processor time a mutant")
    parser.add_argument("--exclude", nargs="*", default=DEFAULT_EXCLUDED, help="folders left out")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only-missed", action="store_true", help="run missed mutants again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(fresh_copy(Path(folder)), args.seconds)
        (again if args.only_missed else sample)(args, trial)


def sample(args: argparse.Namespace, trial: "Trial") -> None:
    """Try the mutants of a seed and write the results."""
    facts = {
        "seed": args.seed,
        "count": args.count,
        "seconds": args.seconds,
        "excluded": list(args.exclude),
        "commit": commit(),
        "machine": machine.describe(),
    }
    runs = json.loads(args.results.read_text()) if args.results.exists() else []
    earlier = next((run for run in runs if run["seed"] == args.seed), {"mutants": [], "commit": ""})
    done = {key(row): row for row in earlier["mutants"] if earlier["commit"] == facts["commit"]}
    others = [run for run in runs if run["seed"] != args.seed]
    rows = []
    for mutant in draw(args.count, args.seed, args.exclude):
        row = dataclasses.asdict(mutant)
        rows.append(done.get(key(row)) or row | trial.outcome(mutant))
        ordered = sorted([*others, facts | {"mutants": rows}], key=lambda run: run["seed"])
        write(args.results, ordered)
        print(f"{len(rows)}/{args.count} {in_line(rows[-1])}", flush=True)


def again(args: argparse.Namespace, trial: "Trial") -> None:
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
        outcome = trial.outcome(mutant) if mutant else {"result": "gone", "failed": ""}
        row["again"] = {"commit": commit(), **outcome}
        write(args.results, runs)
        print(in_line(row | outcome), flush=True)


def write(path: Path, runs: list[dict[str, object]]) -> None:
    """Write results.json and results.md."""
    path.write_text(json.dumps(runs, indent=1) + "\n")
    path.with_suffix(".md").write_text(in_words(runs))


def in_line(row: dict[str, object]) -> str:
    """Return a mutant and its outcome on one line."""
    change = f"{row['before']} -> {row['after']}"
    return f"{row['module']}:{row['line']} {change} {row['result']} {row['failed']}"


def commit() -> str:
    """Return the commit, marked where the source or the tests differ from it."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src", "tests"], check=False)
    return name.stdout.decode().strip() + (" with changes" if changed.returncode else "")


def draw(count: int, seed: int, excluded: list[str]) -> list[Mutant]:
    """Draw mutants, each module as often as it has places to change."""
    package = ROOT / "src" / "pawsight"
    mutants: list[Mutant] = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not name.startswith(tuple(excluded)):
            mutants += mutants_of(name, path.read_text(encoding="utf-8"))
    return random.Random(seed).sample(mutants, count)


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


class Trial:
    """A copy of the project and the process that runs tests in it."""

    def __init__(self, root: Path, seconds: float) -> None:
        self.root = root
        self._seconds = seconds
        self._tests = NearestTests(root)
        self._sound: set[str] = set()  # tests that pass without a mutant
        self._unsound: set[str] = set()
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "fork_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def outcome(self, mutant: Mutant) -> dict[str, object]:
        """Return the result of a mutant, the test that noticed it, and the seconds taken."""
        path = self.root / "src" / "pawsight" / mutant.module
        source = path.read_text(encoding="utf-8")
        files = self._tests.files(mutant.module)
        begun = time.monotonic()
        while True:
            path.write_text(mutant.applied(source), encoding="utf-8")
            try:
                result, failed = self._run(files) if files else ("missed", "")
            finally:
                path.write_text(source, encoding="utf-8")
            if result == "missed" or self._is_sound(failed):
                break
        return {"result": result, "failed": failed, "seconds": round(time.monotonic() - begun)}

    def _is_sound(self, test: str) -> bool:
        """Return whether a test passes without a mutant; it is left out otherwise."""
        file, separator, _ = test.partition("::")
        if not separator or not (self.root / file).is_file():
            return True  # a module that cannot be imported any more
        if test not in self._sound | self._unsound:
            passes = self._run([test])[0] == "missed"
            (self._sound if passes else self._unsound).add(test)
        return test in self._sound

    def _run(self, tests: list[str]) -> tuple[str, str]:
        """Run test files; return "noticed", "timeout" or "missed", and the test that failed."""
        with tempfile.TemporaryDirectory() as folder:
            request, log, output = (Path(folder) / name for name in ("request", "log", "output"))
            limits = {
                "files": tests,
                "left_out": sorted(self._unsound),
                "seconds": self._seconds,
                "log": str(log),
            }
            request.write_text(json.dumps(limits))
            options = [
                *("-q", "-x", "-n", "0", "-p", "pytest_plugin", "-p", "no:cacheprovider"),
                # The plugins are imported already, see fork_server.
                *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
                f"--basetemp={folder}/tests",
            ]
            line = {
                "folder": str(self.root),
                "arguments": [*options, *tests],
                "environment": {
                    "PYTHONPATH": f"{self.root / 'src'}:{HERE}",
                    "PYTHONDONTWRITEBYTECODE": "1",  # bytecode of a mutant could pass for sound
                    "MUTATION_REQUEST": str(request),
                },
                "output": str(output),
                "log": str(log),
                "seconds": HANG_SECONDS,
            }
            assert self._server.stdin and self._server.stdout
            self._server.stdin.write(json.dumps(line) + "\n")
            self._server.stdin.flush()
            status = self._server.stdout.readline().strip()
            text = output.read_text(encoding="utf-8", errors="replace")
            started = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        if status == "timeout":
            return "timeout", started[-1] if started else ""
        if status in ("0", "5"):  # 5: no tests
            return "missed", ""
        # Another status than 1 and 2: the mutant ended the process of the tests.
        failed = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", text, re.MULTILINE)
        return "noticed", failed[0] if failed else (started or [""])[-1]


if __name__ == "__main__":
    main()
