"""What the average of two networks costs for a photo, and what two runs give when averaged.

    python benchmarks/auto/averaged.py cost PHOTOS RUN RUN ...
    python benchmarks/auto/averaged.py scores RUN RUN

`cost` classifies the first 16 photos of the folder PHOTOS with each run in turn, 8 times, on one
core, and prints the least milliseconds a photo of each. `scores` takes the predictions of two runs
with the same split: accuracy and log loss of each, of the mean of their probabilities, and of the
mean of their logits, each calibrated on the validation photos.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

import pawsight
from pawsight.evaluation.calibration import fit_temperature
from pawsight.evaluation.predictions import Predictions, load_predictions
from pawsight.probabilities import softmax
from pawsight.runs import Run

NUM_PHOTOS = 16
REPEATS = 8


def cost(folder: Path, *runs: str) -> None:
    """Print the milliseconds that each run takes for a photo."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    photos = sorted(path for path in folder.rglob("*") if path.suffix == ".jpg")[:NUM_PHOTOS]
    classifiers = [pawsight.load(Path(run)) for run in runs]
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(REPEATS):
        for found, classifier in zip(seconds, classifiers, strict=True):
            started = time.perf_counter()
            classifier.predict(photos)
            found.append(time.perf_counter() - started)
    for run, found in zip(runs, seconds, strict=True):
        print(f"{run}: {1000 * min(found) / len(photos):.1f} ms a photo")


def scores(*names: str) -> None:
    """Print the scores of two runs and of their averages."""
    runs = [Run.open(name) for name in names]
    validation = [load_predictions(run.predictions_path("validation")) for run in runs]
    factors = [1 / fit_temperature(_logits(one), one.labels) for one in validation]
    for part in ("validation", "test"):
        found = [load_predictions(run.predictions_path(part)) for run in runs]
        first, second = found
        if first.paths != second.paths:
            sys.exit(f"The {part} photos of the runs differ.")
        logits = [factor * _logits(one) for factor, one in zip(factors, found, strict=True)]
        candidates = {name: softmax(one) for name, one in zip(names, logits, strict=True)}
        candidates["mean of the probabilities"] = (first.probs + second.probs) / 2
        candidates["mean of the calibrated logits"] = softmax(sum(logits) / 2)
        for title, probs in candidates.items():
            right = (probs.argmax(axis=1) == first.labels).mean()
            chosen = probs[np.arange(len(probs)), first.labels]
            loss = -np.log(np.maximum(chosen, 1e-7)).mean()
            print(f"{part}, {title}: {100 * right:.1f} %, log loss {loss:.3f}")


def _logits(predictions: Predictions) -> np.ndarray:
    return np.log(np.maximum(predictions.probs, 1e-7))


if __name__ == "__main__":
    if sys.argv[1:2] == ["cost"] and len(sys.argv) > 3:
        cost(Path(sys.argv[2]), *sys.argv[3:])
    elif sys.argv[1:2] == ["scores"] and len(sys.argv) == 4:
        scores(*sys.argv[2:])
    else:
        sys.exit(__doc__)
