"""How good a linear head is after so many photos of each class, and how long the command takes.

    make benchmark-few-photos ARGS="flowers/ ants-bees/"

For each set and each number of photos a class, several draws: the head is fitted to them, as
`pawsight train --model builtin` fits it, and scored on the photos that were not drawn (at most
3,000). Then the whole command is run on folders of 5 and of 50 photos a class, with an empty cache.
Writes results.json and results.md here; sets that are not named keep their rows.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pawsight.config import TrainConfig
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.progress import Silent
from pawsight.training.features import FeatureReader
from pawsight.training.linear_head import Samples, fit_head
from pawsight.workflow.photo_sets import list_photos, read_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
COUNTS = (1, 2, 5, 10, 20, 50, 200)
TIMED = (5, 50)
MAX_SCORED = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path, help="folders")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3, help="of the whole command")
    args = parser.parse_args()
    path = HERE / "results.json"
    facts = json.loads(path.read_text()) if path.is_file() else {"sets": {}}
    facts["machine"] = machine.describe()
    for place in args.photos:
        found = measured(place, args.draws, args.repeats)
        facts["sets"][place.name] = found
        path.write_text(json.dumps(facts, indent=1) + "\n")
        (HERE / "results.md").write_text(as_text(facts))
        print(as_text(facts), flush=True)


def measured(place: Path, num_draws: int, repeats: int) -> dict:
    """The curve of one set, and the seconds of the command."""
    config = TrainConfig(model=builtin.NAME)
    catalog, pixels = read_photos(list_photos(place, Silent()), config, Silent())
    backbone = find_network(builtin.NAME).open_backbone(builtin.IMAGE_SIZE, None, Silent())
    reader = FeatureReader(backbone, config.resize)
    plain = reader.read(catalog, pixels, catalog.usable, Silent())
    mirrored = reader.read(catalog, pixels, plain.indices, Silent(), is_mirrored=True)
    views, labels = (plain.rows, mirrored.rows), catalog.labels(plain.indices)
    curve = {}
    for count in COUNTS:
        if count > np.bincount(labels).min() // 2:
            break
        curve[count] = [accuracy_of(views, labels, count, seed) for seed in range(num_draws)]
        print(place.name, count, f"{100 * np.mean(curve[count]):.1f} %", flush=True)
    photos = [place / catalog.photos[index].path for index in plain.indices]
    seconds = {
        count: [seconds_of(photos, labels, count, seed) for seed in range(repeats)]
        for count in TIMED
        if count in curve
    }
    return {
        "photos": len(labels),
        "classes": len(catalog.class_names),
        "curve": curve,
        "seconds": seconds,
        "load": os.getloadavg()[0],
    }


def drawn(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of so many photos of each class."""
    random = np.random.default_rng(seed)
    classes = range(labels.max() + 1)
    return np.concatenate(
        [random.permutation(np.flatnonzero(labels == one))[:count] for one in classes]
    )


def accuracy_of(views: tuple, labels: np.ndarray, count: int, seed: int) -> float:
    """The share of the photos that were not drawn that the head gets right."""
    chosen = drawn(labels, count, seed)
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    others = np.random.default_rng(seed).permutation(others)[:MAX_SCORED]
    samples = Samples(
        [view[chosen] for view in views], labels[chosen], chosen.tolist(), int(labels.max()) + 1
    )
    head = fit_head(samples, seed, Silent())
    return float(np.mean(head.logits(views[0][others]).argmax(axis=1) == labels[others]))


def seconds_of(photos: list[Path], labels: np.ndarray, count: int, seed: int) -> float:
    """What `pawsight train FOLDER --model builtin` takes with an empty cache."""
    with tempfile.TemporaryDirectory(prefix="few-photos-") as scratch:
        for index in drawn(labels, count, seed):
            folder = Path(scratch) / "photos" / f"class{labels[index]}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos[index], folder / f"{index}{photos[index].suffix}")
        command = [sys.executable, "-m", "pawsight", "train", "photos", "--model", builtin.NAME]
        environment = os.environ | {"PAWSIGHT_CACHE": f"{scratch}/cache"}
        started = time.perf_counter()
        subprocess.run(
            [*command, "--out", "run"],
            cwd=scratch,
            env=environment,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - started


def as_text(facts: dict) -> str:
    """Markdown."""
    lines = [
        "# Few photos: the linear head on the shipped network's features",
        "",
        f"{facts['machine']}",
        "",
        "Accuracy on photos that were not drawn: mean of the draws ± their standard deviation.",
        "",
        "| set | " + " | ".join(f"{count} a class" for count in COUNTS) + " |",
        "|---|" + "---|" * len(COUNTS),
    ]
    for name, found in facts["sets"].items():
        curve = {int(count): 100 * np.asarray(draws) for count, draws in found["curve"].items()}
        cells = (
            f"{curve[count].mean():.1f} ± {curve[count].std(ddof=1):.1f}" if count in curve else "-"
            for count in COUNTS
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Seconds of `pawsight train FOLDER --model builtin`, empty cache, each run:", ""]
    lines += ["| set | photos a class | seconds | load before |", "|---|---|---|---|"]
    for name, found in facts["sets"].items():
        for count, seconds in found["seconds"].items():
            texts = ", ".join(f"{one:.1f}" for one in seconds)
            lines.append(f"| {name} | {count} | {texts} | {found['load']:.1f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
