"""A million photos: how long listing and ingest take, and how much memory.

    python benchmarks/million_files/run.py [--count 1000000] [--image-size 32] [--seed 0]

Draws 2,000 small JPEGs of 96 x 72 pixels and gives each many names (hard links),
in ten classes and in folders of 10,000. Every step runs in a fresh process, as a
user's command does: the first ingest, twice an unchanged one, and one after one
photo was added, one changed and one removed. Timed are listing, ingest and what
training asks of the catalog; the peak of memory is the process's own. Python's
start and imports are left out. Needs about 4 KB a photo in the temporary folder.
Writes results.json and results.md here.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe

HERE = Path(__file__).resolve().parent
DIFFERENT, CLASSES, PER_FOLDER = 2_000, 10, 10_000
STEPS = {
    "first": "first ingest",
    "unchanged": "nothing changed",
    "again": "nothing changed, once more",
    "three": "one photo added, one changed, one removed",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(step(arguments.step, arguments.image_size)))
        return
    with tempfile.TemporaryDirectory(prefix="million-files-") as scratch:
        photos = Path(scratch) / "photos"
        start = time.perf_counter()
        make(photos, arguments.count, arguments.seed)
        print(f"{arguments.count:,} photos made in {time.perf_counter() - start:.0f} s", flush=True)
        found = {}
        for name in STEPS:
            if name == "three":
                change_three(photos)
            found[name] = run_step(photos, arguments.image_size, Path(scratch) / "cache")
            print(STEPS[name], found[name], flush=True)
    results = {
        "machine": describe(),
        "photos": arguments.count,
        "image_size": arguments.image_size,
        "seed": arguments.seed,
        "steps": found,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (HERE / "results.md").write_text(as_markdown(results))
    print((HERE / "results.md").read_text())


def make(folder: Path, count: int, seed: int) -> None:
    """Draw the photos and give them their names."""
    rng = random.Random(seed)
    originals = folder.with_name("originals")
    originals.mkdir(parents=True)
    for number in range(min(DIFFERENT, count)):
        image = Image.new("RGB", (96, 72), tuple(rng.randrange(256) for _ in range(3)))
        pen = ImageDraw.Draw(image)
        for _ in range(6):
            x, y, r = rng.randrange(96), rng.randrange(72), rng.randrange(4, 30)
            colour = tuple(rng.randrange(256) for _ in range(3))
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        image.save(originals / f"{number}.jpg", quality=85)
    names = [str(originals / f"{number}.jpg") for number in range(min(DIFFERENT, count))]
    for number in range(count):
        label, place = number % CLASSES, number // CLASSES
        inner = f"{folder}/class{label}/{place // PER_FOLDER:03}"
        if place % PER_FOLDER == 0:
            os.makedirs(inner)  # noqa: PTH103 - as the next line, for speed
        os.link(names[number % len(names)], f"{inner}/IMG_{place:07}.jpg")


def change_three(folder: Path) -> None:
    """Add a photo, change one, remove one."""
    inner = folder / "class0" / "000"
    Image.new("RGB", (50, 40), "red").save(inner / "added.jpg")
    changed = inner / "IMG_0000003.jpg"
    changed.unlink()  # its other names stay as they are
    Image.new("RGB", (60, 40), "blue").save(changed)
    (inner / "IMG_0000005.jpg").unlink()


def run_step(photos: Path, size: int, cache: Path) -> dict:
    command = [sys.executable, __file__, "--step", photos, "--image-size", str(size)]
    done = subprocess.run(
        command, env=os.environ | {"PAWSIGHT_CACHE": str(cache)}, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def step(photos: Path, size: int) -> dict:
    """List, ingest, and make the queries of training; in a separate process."""
    from pawsight.data.listing.scan import scan
    from pawsight.data.reading.ingest import ingest
    from pawsight.data.sources import Source
    from pawsight.progress import Silent

    class Counting(Silent):
        num_read = 0

        def advance(self, done: int, **facts: float | str) -> None:
            self.num_read += done if "rate" in facts else 0

    counting = Counting()
    times = [time.perf_counter()]
    listing = scan(Source("photos", photos))
    times.append(time.perf_counter())
    catalog, pixels = ingest(listing, (size, size), progress=counting)
    times.append(time.perf_counter())
    labels = catalog.labels(catalog.usable)
    assert len(labels) == len(catalog.photos) - len(catalog.broken)
    assert len(catalog.class_names) == CLASSES
    times.append(time.perf_counter())
    spent = [round(after - before, 2) for before, after in pairwise(times)]
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "photos": len(catalog.photos),
        "photos_read": counting.num_read,
        "pixels": type(pixels).__name__,
        **dict(zip(("listing_s", "ingest_s", "catalog_s"), spent, strict=True)),
        "files_per_second": round(len(catalog.photos) / (times[-1] - times[0])),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6),
    }


def as_markdown(results: dict) -> str:
    rows = [
        f"| {STEPS[name]} | {found['photos_read']:,} | {found['listing_s']} | {found['ingest_s']} "
        f"| {found['catalog_s']} | {found['files_per_second']:,} | {found['peak_memory_mb']:,} |"
        for name, found in results["steps"].items()
    ]
    return "\n".join(
        [
            f"# {results['photos']:,} photos",
            "",
            f"JPEGs of 96 x 72, working size {results['image_size']} x {results['image_size']}, "
            f"seed {results['seed']}, each step once and in a process of its own.",
            "",
            "| step | read | listing, s | ingest, s | catalog, s | files/s, all | memory, MB |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            results["machine"],
            "",
        ]
    )


if __name__ == "__main__":
    main()
