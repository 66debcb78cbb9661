"""How many small faults of the source the tests notice.

    make mutation ARGS="--count 100 --seed 0"

Draws mutants from src/pawsight, each a comparison, an operator, a constant, a
condition or a returned value changed, and runs the tests of the package it is
in, those that import the module first, until one fails. Works on a copy of the
tracked files. Results are written after each mutant, so that a stopped
command goes on where it was; mutants of the same seed stay comparable as long
as the source does.
"""

import argparse
import dataclasses
import json
import os
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

from mutants import Mutant, mutants_of  # noqa: E402

import machine  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Old scripts take minutes a mutant; how a drawn cat looks is a matter of taste.
DEFAULT_EXCLUDED = ("compat", "data/sources/sample_drawing")
SECONDS = 1800  # for the tests of one mutant; a mutant that takes longer counts as noticed


def main() -> None:
    """Run the mutants that have no result yet, then write results.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exclude", nargs="*", default=DEFAULT_EXCLUDED, help="folders left out")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tested at once")
    args = parser.parse_args()
    chosen = draw(args.count, args.seed, args.exclude)
    path = HERE / "results.json"
    known = {}
    if path.exists():
        known = {key(row): row for row in json.loads(path.read_text())["mutants"]}
    facts = {"seed": args.seed, "excluded": list(args.exclude), "machine": machine.describe()}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:
        copies = [fresh_copy(Path(folder) / str(i)) for i in range(args.jobs)]
        todo = [mutant for mutant in chosen if key(dataclasses.asdict(mutant)) not in known]
        futures = [pool.submit(tried, mutant, copies) for mutant in todo]
        for future in as_completed(futures):
            row = future.result()
            known[key(row)] = row
            rows = [known[k] for m in chosen if (k := key(dataclasses.asdict(m))) in known]
            path.write_text(json.dumps(facts | {"mutants": rows}, indent=1) + "\n")
            print(f"{len(rows)}/{len(chosen)} {row['module']}:{row['line']} {row['result']}")
    rows = [known[key(dataclasses.asdict(mutant))] for mutant in chosen]
    (HERE / "results.md").write_text(in_words(rows, facts))


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
    """Return what makes a mutant the same one: its module, its line's text may have moved."""
    return tuple(row[name] for name in ("module", "kind", "line", "column", "before", "after"))


def fresh_copy(folder: Path) -> Path:
    """Copy the tracked files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def tried(mutant: Mutant, copies: list[Path]) -> dict[str, object]:
    """Run the tests on one mutant; return it with its result and the seconds taken."""
    copy = copies.pop()
    path = copy / "src" / "pawsight" / mutant.module
    source = path.read_text(encoding="utf-8")
    begun = time.monotonic()
    unsound: list[str] = []
    result, failed = "missed", ""
    try:
        for tests in tests_of(mutant.module, copy):
            while tests:
                path.write_text(mutant.applied(source), encoding="utf-8")
                result, failed = tested([*tests, *unsound], copy)
                path.write_text(source, encoding="utf-8")
                # A test that fails without the mutant as well has noticed nothing.
                if not failed or tested([failed], copy)[0] == "missed":
                    break
                unsound.append(f"--deselect={failed}" if "::" in failed else f"--ignore={failed}")
            if result != "missed":
                break
    finally:
        path.write_text(source, encoding="utf-8")
        copies.append(copy)
    return dataclasses.asdict(mutant) | {
        "result": result,
        "failed": failed,
        "seconds": round(time.monotonic() - begun),
    }


def tests_of(module: str, root: Path) -> tuple[list[str], list[str]]:
    """Return the arguments of two runs: the tests that import a module, then its package's others.

    A module outside all packages has no folder of tests; those of the
    workflow and of the commands stand for it.
    """
    dotted = "pawsight." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    texts = {path: path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py")}
    near = sorted(str(path.relative_to(root)) for path, text in texts.items() if dotted in text)
    package = module.partition("/")[0]
    folders = [f"tests/{package}"] if (root / "tests" / package).is_dir() else []
    folders = folders or ["tests/workflow", "tests/cli"]
    return near, [*folders, *(f"--ignore={name}" for name in near)]


def tested(arguments: list[str], root: Path) -> tuple[str, str]:
    """Run tests until one fails; return "noticed", "timeout" or "missed", and the test's name."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        command += [f"--basetemp={folder}/tests"]
        try:
            done = subprocess.run(
                command, cwd=root, env=env, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return "timeout", ""
    failed = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.stdout.decode(), re.MULTILINE)
    is_missed = done.returncode in (0, 5)  # 5: there are no tests
    return ("missed", "") if is_missed else ("noticed", failed[0] if failed else "")


def in_words(rows: list[dict[str, object]], facts: dict[str, object]) -> str:
    """Return results.md."""
    missed = [row for row in rows if row["result"] == "missed"]
    share = 100 * (1 - len(missed) / len(rows))
    packages: dict[str, list[str]] = {}
    for row in rows:
        packages.setdefault(str(row["module"]).partition("/")[0], []).append(str(row["result"]))
    lines = [
        "# Mutation testing",
        "",
        f"Of {len(rows)} random mutants of the source (seed {facts['seed']}; without "
        f"{', '.join(facts['excluded']) or 'nothing'}), the tests notice "
        f"{len(rows) - len(missed)}: {share:.0f} %. Made with `make mutation`.",
        "",
        f"{facts['machine']}",
        "",
        "| package | mutants | noticed |",
        "|---|---:|---:|",
        *(
            f"| {name} | {len(results)} | {sum(one != 'missed' for one in results)} |"
            for name, results in sorted(packages.items())
        ),
        "",
        "Not noticed:",
        "",
        "| place | before | after |",
        "|---|---|---|",
        *(
            f"| {row['module']}:{row['line']} | `{flat(row['before'])}` | `{flat(row['after'])}` |"
            for row in missed
        ),
    ]
    return "\n".join(lines) + "\n"


def flat(text: object) -> str:
    """Return source text on one line, as a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")[:80]


if __name__ == "__main__":
    main()
