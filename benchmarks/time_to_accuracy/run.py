"""Accuracy over time: pawsight, the Colab script and keras.io's recipe on one machine.

    python benchmarks/time_to_accuracy/run.py PHOTOS [--only swift] [--seeds 0 1 2]
        [--budgets 1.5 4 10 30] [--epochs-at-most N] [--minutes-at-most M] [--again]

PHOTOS is a .zip or a folder with train/ and validation/. Each (contestant,
budget, seed) is a cell; its result is saved when it is done, and a cell that is
there is not run again, so that a benchmark that was stopped goes on. The two
scripts report epoch by epoch, which is saved as well; the limits stop them
early, and the tables then say so. All of it takes many hours on two cores.

Writes results.json and results.md here, the picture and the tables of
docs/accuracy.md. `--only` without a name runs nothing and writes those again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import contestants  # noqa: E402
import curves  # noqa: E402
import results as saved  # noqa: E402

from machine import describe  # noqa: E402

ROOT = HERE.parents[1]


def main() -> None:
    arguments = parsed()
    os.environ["PAWSIGHT_CACHE"] = str(arguments.work.absolute() / "cache")
    found = saved.open_for(arguments.results, describe(), arguments.photos.name)
    limits = contestants.Limits(arguments.epochs_at_most, arguments.minutes_at_most)
    todo = [cell for cell in cells(arguments) if arguments.again or is_open(found, cell, limits)]
    if todo:
        folder, seconds, sizes = contestants.ingest(arguments.photos, "swift")
        # Later calls find the photos read: the longest time is that of reading them.
        found["ingest_seconds"] = max(seconds, found.get("ingest_seconds", 0.0))
        found["sizes"] = sizes
    try:
        for number, cell in enumerate(todo, start=1):
            print(f"{number} of {len(todo)}: {in_words(*cell)}", flush=True)
            run_cell(cell, folder, limits, arguments, found)
            print(f"  {summary(saved.find(found, *cell))}", flush=True)
    finally:  # stopped or not: the page and the picture say what is saved
        publish(found, arguments.results, arguments.docs)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--only", nargs="*", choices=contestants.CONTESTANTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budgets", type=float, nargs="+", default=list(saved.GOALS))
    parser.add_argument("--epochs-at-most", type=int, help="stop the scripts after so many epochs")
    parser.add_argument("--minutes-at-most", type=float, help="stop them with the epoch after that")
    parser.add_argument("--again", action="store_true", help="run what there are results of, too")
    parser.add_argument("--results", type=Path, default=saved.RESULTS_PATH)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "time-to-accuracy")
    arguments = parser.parse_args()
    if not arguments.photos.exists():
        parser.error(f"there is no {arguments.photos}")
    return arguments


def cells(arguments: argparse.Namespace) -> list[tuple[str, float | None, int]]:
    """Every (contestant, minutes, seed), seed by seed: a machine that drifts favours none."""
    chosen = contestants.CONTESTANTS if arguments.only is None else arguments.only
    return [
        (name, minutes, seed)
        for seed in arguments.seeds
        for name in chosen
        for minutes in (sorted(arguments.budgets) if name == "swift" else [None])
    ]


def is_open(found: dict, cell: tuple, limits: contestants.Limits) -> bool:
    """Whether a cell is still to be run: not there, or stopped before these limits."""
    record = saved.find(found, *cell)
    return record is None or (cell[1] is None and not limits.are_reached(record))


def run_cell(
    cell: tuple,
    folder: Path,
    limits: contestants.Limits,
    arguments: argparse.Namespace,
    found: dict,
) -> None:
    """Run one cell and save its record; that of a script is saved with every epoch."""
    name, minutes, seed = cell
    earlier = saved.find(found, *cell)
    commit = commit_in_words()

    def save(record: dict) -> None:
        # A script that begins again does not take away what it showed before it was stopped.
        shown = 0 if arguments.again or not earlier else len(earlier["curve"])
        if minutes is not None or len(record["curve"]) >= shown:
            saved.put(found, record | {"commit": commit}, arguments.results)

    if minutes is None:
        save(contestants.run_script(name, folder, seed, limits, save))
    else:
        save(contestants.run_pawsight(arguments.photos, name, minutes, seed, arguments.work))


def commit_in_words() -> str:
    """The commit that is measured, and whether files were changed since."""
    git = ["git", "-C", str(ROOT)]
    said = [
        subprocess.run([*git, *words], capture_output=True, text=True, check=False).stdout.strip()
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "src"))
    ]
    return (said[0] or "no commit") + (" with changes" if said[1] else "")


def publish(found: dict, results_path: Path, docs: Path) -> None:
    """Write the tables beside the results and into the page, and draw the picture."""
    heading = "# Accuracy over time\n\n"
    results_path.with_suffix(".md").write_text(heading + saved.as_markdown(found))
    if found["cells"]:
        curves.save_picture(found, docs / "images" / "time_to_accuracy.png")
    saved.fill_page(docs / "accuracy.md", found)


def in_words(name: str, minutes: float | None, seed: int) -> str:
    budget = "" if minutes is None else f" with {minutes:g} minutes"
    return f"{saved.NAMES[name]}{budget}, seed {seed}"


def summary(record: dict) -> str:
    return f"{record['accuracy']:.2%} after {record['process_seconds']:.1f} s"


if __name__ == "__main__":
    main()
