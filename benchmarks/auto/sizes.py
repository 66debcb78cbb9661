"""At which image size the features of the built-in network serve a linear head best.

    python benchmarks/auto/sizes.py ants-bees/ cats-vs-dogs.zip [--sizes 224 256 288 320]

For each set and size: a head is fitted to so many photos of each class, drawn several times, and
scored on photos that were not drawn; where a set has a train and a validation part, drawn from the
one and scored on the other. Prints the mean accuracy and the mean log loss after temperature
scaling, fitted on the photos that are scored, and the processor time of a photo's features.
"""

import argparse
import time

import numpy as np

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.evaluation.calibration import fit_temperature
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.progress import Silent
from pawsight.task import SINGLE_LABEL
from pawsight.training.features import FeatureReader, Features
from pawsight.training.linear_head import START, Samples, fit_weights
from pawsight.workflow.photo_sets import list_photos, read_photos

MAX_PHOTOS = 6000  # of a set, or of its train part
MAX_SCORED = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", help="folders or zips")
    parser.add_argument("--sizes", nargs="+", type=int, default=[224, 256, 288, 320])
    parser.add_argument("--counts", nargs="+", type=int, default=[7, 20, 120, 2500])
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    print("| set | pixels | ms a photo | " + " | ".join(f"{n} a class" for n in args.counts) + " |")
    print("|---|" + "---|" * (2 + len(args.counts)))
    for place in args.photos:
        for side in args.sizes:
            catalog, found, milliseconds = features_of(place, side)
            cells = [score(catalog, found, count, args.draws) for count in args.counts]
            print(
                f"| {catalog.name} | {side} | {milliseconds:.0f} | {' | '.join(cells)} |",
                flush=True,
            )


def features_of(place: str, side: int) -> tuple[Catalog, Features, float]:
    """Extract the features of photos at a size, and measure what one takes."""
    size = (side, side)
    config = TrainConfig(model=builtin.NAME, image_size=size)
    catalog, pixels = read_photos(list_photos(place, Silent()), config, Silent())
    parts = np.array([photo.part for photo in catalog.photos])[catalog.usable]
    kept = np.random.default_rng(0).permutation(catalog.usable[parts != "validation"])[:MAX_PHOTOS]
    chosen = np.sort(np.concatenate([kept, catalog.usable[parts == "validation"]]))
    backbone = find_network(builtin.NAME).open_backbone(size, None, Silent())
    began = time.process_time()
    found = FeatureReader(backbone, config.resize).read(catalog, pixels, chosen, Silent())
    spent = time.process_time() - began
    return catalog, found, 1000 * spent / max(1, found.num_computed)


def score(catalog: Catalog, found: Features, count: int, draws: int) -> str:
    """Return accuracy and log loss of heads fitted to so many photos of each class."""
    labels, num_classes = catalog.labels(found.indices), len(catalog.class_names)
    is_held_out = np.array([catalog.photos[i].part == "validation" for i in found.indices])
    accuracies, losses = [], []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        own = [np.flatnonzero((labels == one) & ~is_held_out) for one in range(num_classes)]
        if min(map(len, own)) < count:
            return "-"
        drawn = np.concatenate([random.permutation(rows)[:count] for rows in own])
        others = np.setdiff1d(np.arange(len(labels)), drawn)
        others = np.flatnonzero(is_held_out) if is_held_out.any() else others
        others = random.permutation(others)[:MAX_SCORED]
        samples = Samples([found.rows[drawn]], labels[drawn], drawn.tolist(), num_classes)
        kernel, bias = fit_weights(samples, slice(None), START)
        logits = found.rows[others] @ kernel + bias
        accuracies.append(np.mean(logits.argmax(axis=1) == labels[others]))
        scaled = logits / fit_temperature(logits, labels[others])
        losses.append(np.mean(SINGLE_LABEL.log_losses(scaled, labels[others])))
    return f"{100 * np.mean(accuracies):.1f} %, {np.mean(losses):.3f}"


if __name__ == "__main__":
    main()
