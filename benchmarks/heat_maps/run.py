"""Heat maps on drawn photos whose cue is known: is the heat where the cue is?

    make benchmark-heat-maps

Trains the built-in network with a linear head and swift on drawn photos (draw.py), and compares on
others, which neither has seen, the heat maps of pawsight with those of patches side by side and
drops of the probability. Writes results.json and results.md here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from draw import CLASSES, draw, save_training_photos  # noqa: E402

import machine  # noqa: E402
import pawsight  # noqa: E402
from pawsight.inference.classifier import Classifier  # noqa: E402
from pawsight.inference.heat_map import heat_map  # noqa: E402

Method = Callable[[Classifier, np.ndarray, str], np.ndarray]

TOP = 0.05  # share of the pixels that counts as the top heat
DELETED = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)  # shares of the pixels
NUM_RANDOM = 5  # random maps that deletion is compared with
MODELS = {"builtin": {"model": "builtin"}, "swift": {"model": "swift", "epochs": 12}}


def pawsights(classifier: Classifier, pixels: np.ndarray, label: str) -> np.ndarray:
    """Return the values that pawsight gives, [8, 8]."""
    return heat_map(classifier.probs, classifier.class_names, pixels, label).values


def side_by_side(classifier: Classifier, pixels: np.ndarray, label: str) -> np.ndarray:
    """Return the drops of the probability under 8 x 8 patches that do not overlap."""
    index = classifier.class_names.index(label)
    colour = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    plain = classifier.probs(pixels[None])[0, index]
    rows, columns = (np.linspace(0, side, 9).round().astype(int) for side in pixels.shape[:2])
    drops = []
    for top, bottom in pairwise(rows):
        covered = np.repeat(pixels[None], 8, axis=0)
        for one, (left, right) in zip(covered, pairwise(columns), strict=True):
            one[top:bottom, left:right] = colour
        drops.append(plain - classifier.probs(covered)[:, index])
    return np.array(drops).clip(0)


METHODS: dict[str, Method] = {"pawsight": pawsights, "side by side": side_by_side}


def main() -> None:
    """Train, measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=200, help="photos to measure on")
    parser.add_argument("--train", type=int, default=300, help="photos of each class to learn from")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        save_training_photos(photos, given.train, seed=0)
        for name, settings in MODELS.items():
            run = pawsight.train(photos, out=Path(folder) / name, **settings)
            classifier = pawsight.load(run)
            for method in METHODS:
                rows.append({"model": name, "method": method, **measure(classifier, method, given)})
                print(rows[-1], flush=True)
    save(rows, given)


def measure(classifier: Classifier, method: str, given: argparse.Namespace) -> dict[str, float]:
    """Return the means over photos that nobody trained on; those answered wrongly are left out."""
    rng = np.random.default_rng(99)
    found: dict[str, list[float]] = {"top heat on the cue": [], "deletion": [], "seconds": []}
    num_wrong = 0
    for number in range(given.photos):
        label = CLASSES[number % len(CLASSES)]
        photo, box = draw(label, rng)
        height, width = classifier.image_size
        pixels = np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC))
        if classifier.class_names[int(classifier.probs(pixels[None])[0].argmax())] != label:
            num_wrong += 1
            continue
        began = time.perf_counter()
        values = METHODS[method](classifier, pixels, label)
        found["seconds"].append(time.perf_counter() - began)
        heat = enlarged(values, (width, height))
        left, top, right, bottom = (
            edge * side / one
            for edge, side, one in zip(box, (width, height) * 2, photo.size * 2, strict=True)
        )
        cue = np.zeros(heat.shape, bool)
        cue[round(top) : round(bottom), round(left) : round(right)] = True
        hottest = np.argsort(-heat, axis=None)[: int(TOP * heat.size)]
        found["top heat on the cue"].append(float(cue.ravel()[hottest].mean()))
        by_chance = [
            deleted(classifier, pixels, label, enlarged(rng.random((8, 8)), (width, height)))
            for _ in range(NUM_RANDOM)
        ]
        is_better = deleted(classifier, pixels, label, heat) < np.mean(by_chance)
        found["deletion"].append(float(is_better))
    return {key: round(float(np.mean(one)), 4) for key, one in found.items()} | {"wrong": num_wrong}


def enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return values at the size (width, height) of the photo, as they are shown."""
    small = Image.fromarray(values.astype(np.float32))
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def deleted(classifier: Classifier, pixels: np.ndarray, label: str, heat: np.ndarray) -> float:
    """Return the mean probability of a class while the hottest pixels get the mean colour."""
    order = np.argsort(-heat, axis=None, kind="stable")
    colour = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    images = np.repeat(pixels[None], len(DELETED), axis=0)
    for image, share in zip(images, DELETED, strict=True):
        image.reshape(-1, 3)[order[: int(share * heat.size)]] = colour
    return float(classifier.probs(images)[:, classifier.class_names.index(label)].mean())


def save(rows: list[dict], given: argparse.Namespace) -> None:
    """Write results.json and results.md."""
    (HERE / "results.json").write_text(
        json.dumps({"machine": machine.describe(), "photos": given.photos, "rows": rows}, indent=1)
        + "\n"
    )
    lines = [
        "# Heat maps on photos whose cue is known",
        "",
        f"{machine.describe()} Written by `make benchmark-heat-maps`: {given.photos} drawn photos",
        f"that no model was trained on (trained on {given.train} of each of 2 classes, seed 0).",
        f"Top heat: the hottest {TOP:.0%} of the pixels; the share on the cue, which covers",
        "3 to 9 % of the photo. Deletion: the share of photos in which covering the hottest 2 to",
        f"30 % of the pixels lowers the probability more than {NUM_RANDOM} random maps on average.",
        "",
        "| model | method | top heat on the cue | deletion beats chance | seconds a map | wrong |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['model']} | {row['method']} | {row['top heat on the cue']:.1%} | "
        f"{row['deletion']:.1%} | {row['seconds']:.2f} | {row['wrong']} |"
        for row in rows
    ]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
