"""Measure the shipped model on the validation part, as it is and as other sources would have it.

    python builtin/score.py cats-vs-dogs.zip

Reads the very file that ships, through the same classifier that `pawsight predict` uses, and
writes results.json, and the package's evaluation/metrics.json, as of any run.
Nothing in the model was chosen by these figures, but that it is right on more
of these photos than the model before it is why it ships.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from PIL import Image, ImageDraw, ImageFilter

from pawsight.data.catalog import Catalog
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.evaluation.intervals import wilson_interval
from pawsight.evaluation.metrics import measure
from pawsight.evaluation.results import Evaluation
from pawsight.evaluation.scores import Answers, log_loss
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin
from pawsight.progress import Silent
from pawsight.records import Predictions
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import machine


def _saved(image: Image.Image, quality: int = 92) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _resized(image: Image.Image, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


# What other cameras and websites do to a photo.
VARIANTS: dict[str, Callable[[Image.Image], bytes]] = {
    "enlarged 4 times": lambda image: _saved(_resized(image, 4)),
    "made half as large": lambda image: _saved(_resized(image, 0.5)),
    "blurred, radius 2 px": lambda image: _saved(image.filter(ImageFilter.GaussianBlur(2))),
    "JPEG quality 20": lambda image: _saved(image, 20),
    "middle 70 % of each side": lambda image: _saved(_middle(image, 0.7, 0.7)),
    "widened to 16:9": lambda image: _saved(image.resize((320, 180), Image.Resampling.BICUBIC)),
    "black and white": lambda image: _saved(image.convert("L").convert("RGB")),
}


def _middle(image: Image.Image, width: float, height: float) -> Image.Image:
    left, top = image.width * (1 - width) / 2, image.height * (1 - height) / 2
    return image.crop(
        (round(left), round(top), round(image.width - left), round(image.height - top))
    )


def main() -> None:
    """Write results.json, the model's metrics.json, and the mistakes as a contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", help="cats-vs-dogs.zip, with parts train/ and validation/")
    parser.add_argument("--variants-on", type=int, default=500, help="photos to try variants on")
    parser.add_argument("--timings", action="store_true", help="the machine does nothing else")
    parser.add_argument("--sheet", type=Path, help="draw the mistakes here")
    arguments = parser.parse_args()

    classifier = Classifier.load(builtin.folder())
    listing = scan(fetch(arguments.photos, Silent()), Silent())
    catalog = Catalog(listing.name, listing.root, listing.photos)
    indices = catalog.part("validation")
    paths = [catalog.root / catalog.photos[i].path for i in indices]
    labels = catalog.labels(indices)
    probs, seconds = probs_of(classifier, [path.read_bytes() for path in paths])
    write_json(Run(builtin.folder()).metrics_path, metrics(classifier, paths, labels, probs))
    some = np.random.default_rng(0).permutation(len(paths))[: arguments.variants_on]
    write_json(
        Path(__file__).parent / "results.json",
        {
            "validation": describe_photos(probs, labels),
            "variants": {
                name: describe_photos(
                    probs_of(classifier, [vary(Image.open(paths[i])) for i in some])[0],
                    labels[some],
                )
                for name, vary in {"as it is": lambda image: _saved(image, 95), **VARIANTS}.items()
            },
            "neither": neither(classifier),
            "num_weights": num_weights(),
            "bytes": builtin.onnx_path().stat().st_size,
            "timings": timings(seconds / len(paths), paths[0]) if arguments.timings else None,
            "machine": machine.describe(),
        },
    )
    if arguments.sheet:
        draw_mistakes(paths, labels, probs).save(arguments.sheet)
    print((Path(__file__).parent / "results.json").read_text())


def probs_of(classifier: Classifier, photos: list[bytes]) -> tuple[np.ndarray, float]:
    """Classify; also gives the seconds it took, decoding included."""
    started = time.perf_counter()
    found = classifier.predict(photos)
    seconds = time.perf_counter() - started
    names = classifier.class_names
    return np.array([[row.probabilities[name] for name in names] for row in found]), seconds


def metrics(
    classifier: Classifier, paths: list[Path], labels: np.ndarray, probs: np.ndarray
) -> dict[str, object]:
    """Give what a run's metrics.json holds; nothing was trained on copies of these photos."""
    names = tuple(path.name for path in paths)
    measured = measure(Predictions(names, labels, probs, classifier.class_names))
    return Evaluation(
        headline="validation",
        parts={"validation": measured},
        temperature=classifier.temperature,
        copies_across_parts=0,
    ).to_json()


def describe_photos(probs: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    """Compute the scores of one set of photos."""
    is_correct = probs.argmax(axis=1) == labels
    is_sure = probs.max(axis=1) >= 0.9
    return {
        "n": len(labels),
        "num_correct": int(is_correct.sum()),
        "accuracy": round(float(is_correct.mean()), 4),
        "accuracy_interval": [
            round(end, 4) for end in wilson_interval(int(is_correct.sum()), len(labels))
        ],
        "log_loss": round(log_loss(Answers(labels, probs)), 4),
        "share_sure": round(float(is_sure.mean()), 4),
        "accuracy_where_sure": round(float(is_correct[is_sure].mean()), 4),
    }


def neither(classifier: Classifier) -> dict[str, float]:
    """Give the probability of the likelier class for pictures of neither."""
    from drawings import DRAWINGS

    found = classifier.predict([np.asarray(draw()) for draw in DRAWINGS.values()])
    return {name: round(row.probability, 3) for name, row in zip(DRAWINGS, found, strict=True)}


def num_weights() -> int:
    """Count the numbers in the file."""
    stored = onnx.load(builtin.onnx_path()).graph.initializer
    return int(sum(np.prod(one.dims) for one in stored))


def timings(seconds: float, photo: Path, runs: int = 5) -> dict[str, float]:
    """Give the time of a photo among many, and of a whole `pawsight predict PHOTO` (median)."""
    command = [sys.executable, "-m", "pawsight", "predict", str(photo)]
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return {
        "ms_a_photo_in_batches": round(seconds * 1000, 1),
        "cold_process_seconds": round(float(np.median(times)), 2),
    }


def draw_mistakes(paths: list[Path], labels: np.ndarray, probs: np.ndarray) -> Image.Image:
    """Draw the photos that were taken for the other class, the surest first."""
    wrong = np.flatnonzero(probs.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(-probs[wrong].max(axis=1))]
    sheet = Image.new("RGB", (8 * 150, -(-len(wrong) // 8) * 165), "white")
    draw = ImageDraw.Draw(sheet)
    for number, i in enumerate(wrong):
        left, top = number % 8 * 150, number // 8 * 165
        sheet.paste(Image.open(paths[i]).convert("RGB").resize((148, 148)), (left, top))
        draw.text((left, top + 150), f"{paths[i].name} dog {probs[i, 1]:.2f}", fill="black")
    return sheet


if __name__ == "__main__":
    main()
