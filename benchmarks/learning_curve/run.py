"""How often the accuracy with four times the photos lies in the interval that was forecast.

    python benchmarks/learning_curve/run.py FOLDER [--trials 100] [--most 2000]

FOLDER holds photos or archives of them, each with a folder per class. In each trial some photos of
one of them are drawn, the learning curve is measured on these alone, and a head is fitted to four
times as many photos, which include them, and tested on all others. Writes results.json and
results.md here.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from pawsight.config import TrainConfig
from pawsight.evaluation.learning_curve import forecast
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.progress import Silent
from pawsight.training.curve_points import measure_points
from pawsight.training.features import FeatureReader
from pawsight.training.linear_head import START, Samples, fit_weights
from pawsight.workflow.photo_sets import list_photos, read_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
MIN_PHOTOS = 40  # photos that a curve is measured on
MIN_TESTED = 150  # photos that the fourfold number is tested on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--most", type=int, default=2000, help="photos of a source")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.monotonic()
    sources = sorted(p for p in args.photos.iterdir() if p.is_dir() or p.suffix == ".zip")
    sets = {path.stem: features_of(path, args.most) for path in sources}
    sets = {
        name: found for name, found in sets.items() if len(found[1]) >= 4 * MIN_PHOTOS + MIN_TESTED
    }
    trials = []
    for number in range(args.trials):
        name = list(sets)[number % len(sets)]
        trials.append({"set": name} | tried(*sets[name], [args.seed, number]))
        print(trials[-1], flush=True)
    facts = {
        "machine": machine.describe(),
        "seed": args.seed,
        "seconds": round(time.monotonic() - start),
        "photos": {name: len(labels) for name, (_, labels) in sets.items()},
        "trials": trials,
    }
    (HERE / "results.json").write_text(json.dumps(facts, indent=1) + "\n")
    (HERE / "results.md").write_text(as_table(facts))


def features_of(path, most):
    """Features of the built-in network [N, F] and class indices [N]."""
    config = TrainConfig(model=builtin.NAME)
    catalog, pixels = read_photos(list_photos(str(path), Silent()), config, Silent())
    chosen = catalog.usable
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, most, replace=False))
    backbone = find_network(builtin.NAME).open_backbone(builtin.IMAGE_SIZE, None, Silent())
    found = FeatureReader(backbone, config.resize).read(catalog, pixels, chosen, Silent())
    return found.rows, catalog.labels(found.indices)


def tried(features, labels, seed):
    """Forecast from some photos, and measure with four times as many."""
    random = np.random.default_rng(seed)
    num_classes = int(labels.max()) + 1
    most = (len(labels) - MIN_TESTED) // 4
    fewest = max(MIN_PHOTOS, 18 * num_classes)
    count = int(np.exp(random.uniform(np.log(fewest), np.log(most))))
    order = random.permutation(len(labels))
    some, more, rest = order[:count], order[: 4 * count], order[4 * count :]
    points = measure_points(
        features[some], labels[some], range(count), num_classes, START, Silent(), seed[1]
    )
    if points is None:
        return tried(features, labels, [seed[0], seed[1] + 10_000])
    wrong = points.num_wrong.sum(axis=1).tolist()
    (found,) = forecast(points.num_photos, wrong, count, [4 * count])
    samples = Samples([features[more]], labels[more], (), num_classes)
    kernel, bias = fit_weights(samples, slice(None), START)
    right = ((features[rest] @ kernel + bias).argmax(axis=1) == labels[rest]).mean()
    return {
        "photos": count,
        "measured": round(1 - wrong[-1] / count, 4),
        "forecast": [round(x, 4) for x in (found.low, found.accuracy, found.high)],
        "fourfold": round(float(right), 4),
        "tested": len(rest),
        "is_inside": bool(found.low <= right <= found.high),
    }


def as_table(facts) -> str:
    names = list(facts["photos"])
    rows = [
        "| photos | trials | inside | mean width of the interval | mean error |",
        "|---|---|---|---|---|",
    ]
    for name in [*names, "all"]:
        some = [t for t in facts["trials"] if name in (t["set"], "all")]
        width = np.mean([t["forecast"][2] - t["forecast"][0] for t in some])
        error = np.mean([t["fourfold"] - t["forecast"][1] for t in some])
        inside = sum(t["is_inside"] for t in some)
        rows.append(
            f"| {name} | {len(some)} | {inside} ({100 * inside / len(some):.0f} %) | "
            f"{100 * width:.1f} points | {100 * error:+.1f} points |"
        )
    return "\n".join(
        [
            "# The accuracy with four times the photos, and the 90 % interval forecast for it",
            "",
            f"{facts['machine']} Seed {facts['seed']}, {facts['seconds']} s. Made by "
            f"`python benchmarks/learning_curve/run.py FOLDER`. Linear heads on features of the "
            f"built-in network. The error is that of the fourfold accuracy less the forecast.",
            "",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
