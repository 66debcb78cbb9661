"""How fast ingest reads photos, beside Pillow alone on the same files and cores.

    python benchmarks/ingest/run.py [--photos FOLDER] [--rounds 3] [--seed 0]

"Pillow alone" opens each file, asks for JPEG's draft mode, converts to RGB,
resizes and makes an array, in as many processes; nothing is checked or kept.
It is given twice: draft at the working size, and draft at twice that size, as
Pillow's own `thumbnail` asks for. Ingest does all it does for a user: listing,
facts, the store on disk, the index. Its first pass counts from an empty cache
and includes starting its processes; so does Pillow's. The ways take turns. The
ratios compare by the clock and by processor time, all processes together,
which other programs on the machine disturb less. Between two ways the system
writes to the disk what it still has to.

The drawn photos are 500 x 375 JPEGs: 400 different ones, each 20 times under
another name. --photos adds a folder of real ones, as they are and brought to the
same size. Writes results.json and
results.md here.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.machine import num_cpus

HERE = Path(__file__).resolve().parent
DRAWN, TIMES = 400, 20
ENLARGED = 4000  # real photos brought to 500 x 375
CHUNK = 128
WAYS = {
    "pillow": "Pillow alone, draft",
    "pillow_2x": "Pillow alone, draft at twice the size",
    "ingest": "ingest, first time",
    "unchanged": "ingest, nothing changed",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of real photos")
    parser.add_argument("--image-size", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    size = arguments.image_size
    with tempfile.TemporaryDirectory(prefix="ingest-") as scratch:
        folders = {"drawn, 500 x 375": draw(Path(scratch) / "photos", arguments.seed)}
        if arguments.photos:
            enlarged = Path(scratch) / "enlarged"
            folders["real, 500 x 375"] = enlarge(arguments.photos, enlarged, arguments.seed)
            folders["real, as they are"] = arguments.photos
        sets = {
            name: measure(folder, size, arguments.rounds, Path(scratch))
            for name, folder in folders.items()
        }
    results = {
        "machine": describe(),
        "workers": num_cpus(),
        "image_size": size,
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "sets": sets,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (HERE / "results.md").write_text(as_markdown(results))
    print((HERE / "results.md").read_text())


def draw(folder: Path, seed: int) -> Path:
    """Draw photos of soft shapes on a soft ground."""
    rng = random.Random(seed)
    for number in range(DRAWN):
        image = Image.linear_gradient("L").resize((500, 375)).convert("RGB")
        pen = ImageDraw.Draw(image)
        for _ in range(25):
            x, y, r = rng.randrange(500), rng.randrange(375), rng.randrange(8, 110)
            colour = tuple(rng.randrange(256) for _ in range(3))
            shape = rng.choice((pen.ellipse, pen.rectangle))
            shape((x - r, y - r // 2, x + r, y + r), fill=colour)
        label = folder / f"class{number % 2}"
        label.mkdir(parents=True, exist_ok=True)
        image.save(label / f"{number:04}-00.jpg", quality=90)
        data = (label / f"{number:04}-00.jpg").read_bytes()
        for time_ in range(1, TIMES):
            (label / f"{number:04}-{time_:02}.jpg").write_bytes(data)
    return folder


def enlarge(photos: Path, folder: Path, seed: int) -> Path:
    """Bring real photos, drawn by lot, to the size of the others, each under two names."""
    paths = sorted(photos.rglob("*.jpg"))
    for number, path in enumerate(random.Random(seed).sample(paths, min(ENLARGED, len(paths)))):
        label = folder / f"class{number % 2}"
        label.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("RGB").resize((500, 375)).save(label / f"{number:05}-0.jpg", quality=90)
        data = (label / f"{number:05}-0.jpg").read_bytes()
        (label / f"{number:05}-1.jpg").write_bytes(data)
    return folder


def measure(folder: Path, size: int, rounds: int, scratch: Path) -> dict:
    """Time each way in turns; the seconds of every round."""
    from pawsight.data.reading.ingest import (
        ingest,  # here, since Pillow's processes need none of it
    )

    paths = sorted(map(str, folder.rglob("*.jpg")))
    for path in paths:  # into the system's cache, for all alike
        Path(path).read_bytes()
    seconds: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}

    def clock(name: str, work) -> None:
        os.sync()  # what the way before it wrote is not this one's work
        start, before = time.perf_counter(), sum(os.times()[:4])
        count = work()
        taken, used = time.perf_counter() - start, sum(os.times()[:4]) - before
        assert count == len(paths), (name, count, len(paths))
        seconds.setdefault(name, []).append(round(taken, 2))
        processor.setdefault(name, []).append(round(used, 2))

    for _ in range(rounds):
        cache = scratch / "cache"
        os.environ["PAWSIGHT_CACHE"] = str(cache)
        clock("pillow", lambda: pillow_alone(paths, size, 1))
        clock("ingest", lambda: len(ingest(folder, (size, size))[0].usable))
        clock("pillow_2x", lambda: pillow_alone(paths, size, 2))
        clock("unchanged", lambda: len(ingest(folder, (size, size))[0].usable))
        shutil.rmtree(cache)
    return {"photos": len(paths), "seconds": seconds, "processor_seconds": processor}


def pillow_alone(paths: list[str], size: int, times: int) -> int:
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    with ProcessPoolExecutor(num_cpus(), get_context("spawn")) as pool:
        return sum(pool.map(plain_chunk, chunks, [size] * len(chunks), [times] * len(chunks)))


def plain_chunk(paths: list[str], size: int, times: int) -> int:
    done = 0
    for path in paths:
        with Image.open(path) as image:
            image.draft("RGB", (size * times, size * times))
            small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            done += np.asarray(small).shape == (size, size, 3)
    return done


def as_markdown(results: dict) -> str:
    size = results["image_size"]
    rows = []
    for name, found in results["sets"].items():
        clock = {way: statistics.median(times) for way, times in found["seconds"].items()}
        used = {way: statistics.median(times) for way, times in found["processor_seconds"].items()}
        for way in ("pillow", "pillow_2x", "ingest", "unchanged"):
            count = found["photos"]
            rows.append(
                f"| {name}, {count:,} | {WAYS[way]} | {count / clock[way]:,.0f} "
                f"| {used[way] / count * 1e6:,.0f} "
                f"| {clock['pillow'] / clock[way]:.0%} "
                f"| {used['pillow'] / used[way]:.0%} |"
            )
    return "\n".join(
        [
            "# Ingest against Pillow alone",
            "",
            f"At {size} x {size}, {results['workers']} processes, median of "
            f"{results['rounds']} rounds in one run, seed {results['seed']}.",
            "",
            "| photos | way | photos/s | processor us a photo | by the clock | by processor time |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            results["machine"],
            "",
        ]
    )


if __name__ == "__main__":
    main()
