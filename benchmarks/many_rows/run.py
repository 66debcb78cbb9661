"""Many photos predicted in shards: time and memory of listing, splitting and merging their rows.

    make benchmark-many-rows ARGS="--rows 1000000 --files 200000"

Rows are synthetic: paths and probabilities of two classes without photos. They are split into 64
shards as `predict --shard` keeps them, and merged as `pawsight merge` does; the listing of real
files is measured with hard links, 10,000 in a folder. Every step runs in a process of
its own, and the peak of memory is that process's. Writes results.json and results.md here.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import machine  # noqa: E402
from pawsight.inference.partial_results import PartialResults  # noqa: E402
from pawsight.inference.photo_inputs import expand  # noqa: E402
from pawsight.inference.shards import Listing, Shard, ShardEnd  # noqa: E402
from pawsight.records import Prediction  # noqa: E402
from pawsight.workflow import merge_shards  # noqa: E402

SHARDS, PER_FOLDER = 64, 10_000
CLASSES = ("cats", "dogs")
TARGET = 100_000_000


def main() -> None:
    """Run each step, and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--files", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder, given.rows[0])))
        return
    found: list[dict] = []
    for step, counts in (("files", given.files), ("rows", given.rows)):
        for count in counts:
            with tempfile.TemporaryDirectory(prefix="many-rows-") as name:
                steps = ("list",) if step == "files" else ("split", "merge")
                if step == "files":
                    make_files(Path(name), count)
                for one in steps:
                    found.append({"step": one, "count": count, **run_step(one, name, count)})
                    print(found[-1], flush=True)
                    save(found)  # the next step may take an hour


def save(found: list[dict]) -> None:
    """Write what was measured so far."""
    results = {"machine": machine.describe(), "load": os.getloadavg()[0], "steps": found}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "results.md").write_text(as_markdown(results))


def run_step(step: str, folder: str, count: int) -> dict:
    """Run a step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", folder, "--rows", str(count)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def make_files(folder: Path, count: int) -> None:
    """Write a file into each folder, and give it many names."""
    for number in range(count):
        inner = folder / "photos" / f"{number // PER_FOLDER:05}"
        path = f"{inner}/{number:09}.jpg"
        if number % PER_FOLDER == 0:
            inner.mkdir(parents=True)
            one = path
            Path(one).write_bytes(b"not looked into")
        else:
            os.link(one, path)


def names(count: int) -> Iterator[str]:
    """Yield the paths of synthetic photos, in order."""
    for number in range(count):
        yield f"/data/photos/{number // PER_FOLDER:05}/{number:09}.jpg"


def list_files(folder: Path, count: int) -> dict:
    """List the files, and take those of one shard."""

    def run() -> None:
        listing = Listing()
        photos = expand([str(folder / "photos")], io.BytesIO())
        taken = sum(1 for _ in listing.photos_of(Shard(1, SHARDS), photos))
        assert (listing.num_listed, taken) == (count, -(-count // SHARDS))

    return measured(run)


def split(folder: Path, count: int) -> dict:
    """Write the rows of each photo into its shard, as 64 processes would."""

    def run() -> None:
        listing = Listing()
        shards = [Shard(number, SHARDS) for number in range(1, SHARDS + 1)]
        settings = {"model": "synthetic", "tta": False, "max_error": None}
        opened = [
            PartialResults(folder / "answers.csv", CLASSES, settings, shard=shard)
            for shard in shards
        ]
        for place, name in enumerate(names(count)):
            listing.add(name)
            probability = 0.5 + (place % 1000) / 2001
            probs = {"cats": probability, "dogs": 1 - probability}
            opened[place % SHARDS].add(Prediction(name, "cats", probability, probs, "", "cats"))
        end = ShardEnd(listing.num_listed, listing.checksum, list(CLASSES), "single-label", [])
        for one in opened:
            one.end(end)

    return measured(run)


def merge(folder: Path, count: int) -> dict:
    """Merge the shards."""

    def run() -> None:
        assert merge_shards(folder / "answers.csv").num_read == count

    return measured(run)


STEPS = {"list": list_files, "split": split, "merge": merge}


def measured(run: object) -> dict:
    """Return the seconds of a step, and this process's peak of memory before and after."""
    scale = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    start, clock = time.process_time(), time.perf_counter()
    run()
    return {
        "processor_s": round(time.process_time() - start, 2),
        "clock_s": round(time.perf_counter() - clock, 2),
        "start_mb": round(before / 1e6),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6),
    }


def as_markdown(results: dict) -> str:
    """Write the table."""
    rows = []
    for one in results["steps"]:
        each = one["processor_s"] / one["count"]
        rows.append(
            f"| {one['step']} | {one['count']:,} | {one['processor_s']} | {one['clock_s']} | "
            f"{each * 1e6:.1f} | {one['start_mb']} | {one['peak_mb']} | "
            f"{each * TARGET / 3600:.1f} h |"
        )
    return "\n".join(
        [
            "# Many rows",
            "",
            f"{SHARDS} shards; each step once, in a process of its own. The last column is the "
            f"time of a row {TARGET:,} times, computed and not measured.",
            "",
            f"| step | rows | processor, s | clock, s | us a row | MB at start | MB at peak | "
            f"{TARGET:,} rows |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"Load average {results['load']:.1f}. {results['machine']}",
            "",
        ]
    )


if __name__ == "__main__":
    main()
