"""Predict photos as they are and altered, and keep what the test for drift uses of each.

    python benchmarks/drift/scores.py RUN OWN FOREIGN OUT.json [--own 1000] [--altered 250]

OWN and FOREIGN are folders with a folder per class; a photo of OWN is one that the run was
neither trained nor validated on. RUN "builtin" is the shipped model.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

import pawsight

ALTERATIONS = {
    "as they are": lambda image: image,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 100)),
    "a little blurred": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 250)),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.35),
    "a little dark": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
}


def main() -> None:
    """Write {kind: [[label, probability, ood score], ...]}."""
    parser = argparse.ArgumentParser()
    for name in ("run", "own", "foreign", "out"):
        parser.add_argument(name)
    parser.add_argument("--own-photos", type=int, default=1000)
    parser.add_argument("--altered", type=int, default=250)
    given = parser.parse_args()
    classifier = pawsight.load(None if given.run == "builtin" else given.run)
    own, foreign = (_photos(Path(folder)) for folder in (given.own, given.foreign))
    own, foreign = own[: given.own_photos], foreign[: given.altered]
    found = {}
    for name, alter in ALTERATIONS.items():
        some = own if name == "as they are" else own[: given.altered]
        found[name] = _scores(classifier, some, alter)
        print(name, len(found[name]), flush=True)
    found["foreign"] = _scores(classifier, foreign, lambda image: image)
    Path(given.out).write_text(json.dumps(found) + "\n")


def _photos(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in (".jpg", ".png"))
    random.Random(0).shuffle(paths)
    return paths


def _scores(classifier, paths, alter):
    def images():
        for path in paths:
            with Image.open(path) as image:
                yield alter(image.convert("RGB"))

    return [
        [one.label, one.probability, one.ood_score] for one in classifier.predict_iter(images())
    ]


if __name__ == "__main__":
    main()
