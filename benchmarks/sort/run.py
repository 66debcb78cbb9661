"""How fast `pawsight sort` goes through a folder, beside what it does taken by itself.

    python benchmarks/sort/run.py PHOTOS [--model RUN] [--count 2500] [--rounds 3]

Whole processes, from start to end, which take turns:

- sort: `pawsight sort FOLDER --into NEW --yes`, which copies; and with `--link`
- undo: `pawsight sort --undo --into NEW --yes`, of the copies
- predict: `pawsight predict FOLDER`, which says the same of the same photos
- cp: `cp -r FOLDER NEW`; and with `sync -f`, since a sort too ends only when its
  photos are on the disk, which it looks after every 64 files

A sort cannot be faster than predicting and copying, one after the other. All ways
find the photos in the system's cache. PHOTOS is a folder, or an archive as it was
downloaded; --count of its JPEGs are drawn by lot with --seed. They are sorted in
the folder for temporary files: set TMPDIR to try another disk. Writes results.json
and results.md into --out, by default here.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from predict.run import choose, clocked

HERE = Path(__file__).resolve().parent
WAYS = {
    "copy": "`pawsight sort`, copies",
    "link": "`pawsight sort --link`",
    "undo": "`pawsight sort --undo`, of the copies",
    "predict": "`pawsight predict`",
    "cp": "`cp -r`",
    "cp_sync": "`cp -r`, `sync -f`",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="builtin", help="a run folder; else the package's own")
    parser.add_argument("--count", type=int, default=2500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sort-") as scratch:
        photos = unpacked(arguments.photos)
        folder = choose(photos, Path(scratch), arguments.count, arguments.seed)
        results = measure(folder, Path(scratch), arguments)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.out / "results.md").write_text(as_markdown(results))
    print((arguments.out / "results.md").read_text())


def unpacked(photos: Path) -> Path:
    """Give the folder of the photos."""
    from pawsight.data.sources import fetch
    from pawsight.progress import Silent

    return fetch(photos, Silent()).root


def measure(folder: Path, scratch: Path, arguments: argparse.Namespace) -> dict:
    of_model = [] if arguments.model == "builtin" else ["--model", arguments.model]
    pawsight = [sys.executable, "-m", "pawsight"]
    into = scratch / "into"
    sort = [*pawsight, "sort", folder, "--into", into, "--yes", *of_model]
    commands = {
        "copy": sort,
        "undo": [*pawsight, "sort", "--undo", "--into", into, "--yes"],
        "link": [*sort, "--link"],
        "predict": [*pawsight, "predict", folder, "--format", "csv", *of_model],
        "cp": ["cp", "-r", folder, into],
        "cp_sync": ["sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', folder, into],
    }
    count = len(list(folder.iterdir()))
    found: dict[str, list] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way, command in commands.items():
            if way != "undo":
                shutil.rmtree(into, ignore_errors=True)
            os.sync()  # what the way before left for later is not this one's
            found[way].append(clocked(command))
            left = num_photos(into)
            if left != {"undo": 0, "predict": 0}.get(way, count):
                raise SystemExit(f"{' '.join(map(str, command))} left {left} photos of {count}.")
    return {
        "machine": describe(),
        "model": arguments.model,
        "photos": count,
        "megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "ways": found,
    }


def num_photos(folder: Path) -> int:
    return sum(path.suffix == ".jpg" for path in folder.rglob("*"))


def as_markdown(results: dict) -> str:
    count = results["photos"]
    seconds = {
        way: statistics.median(one["seconds"] for one in found)
        for way, found in results["ways"].items()
    }
    rows = []
    for way, words in WAYS.items():
        # Of so small a program the system tells what the process that started it took.
        memory = "" if "cp" in way else max(one["megabytes"] for one in results["ways"][way])
        spread = [one["seconds"] for one in results["ways"][way]]
        rows.append(
            f"| {words} | {count / seconds[way]:,.0f} | {seconds[way]:.2f} "
            f"({min(spread):.2f} to {max(spread):.2f}) | {memory} |"
        )
    copying = seconds["predict"] + seconds["cp_sync"]
    return "\n".join(
        [
            "# Sorting a folder",
            "",
            f"{count:,} photos of {results['megabytes']:,} MB together, model {results['model']}, "
            f"seed {results['seed']}. Medians of {results['rounds']} rounds, whole processes.",
            "",
            "| | photos/s | seconds | MB, at most |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Sorting by copies takes {seconds['copy'] / copying:.0%} of the time of predicting "
            f"and copying with `cp` and `sync`, one after the other ({copying:.2f} s); by links "
            f"{seconds['link'] / seconds['predict']:.0%} of the time of predicting alone.",
            "",
            results["machine"],
            "",
        ]
    )


if __name__ == "__main__":
    main()
