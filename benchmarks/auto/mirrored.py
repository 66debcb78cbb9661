"""How good the mean of the logits of each photo and its mirror image is, for a finished run.

    python benchmarks/auto/mirrored.py RUN

Prints accuracy and log loss of both on the validation and the test part, calibrated on validation,
and the gain in log loss with its standard error. For a run whose model does not average yet.
"""

import sys
from pathlib import Path

import numpy as np

from pawsight.evaluation.calibration import fit_temperature
from pawsight.inference.classifier import Classifier
from pawsight.models.description import ModelDescription
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.task import SINGLE_LABEL
from pawsight.workflow.run_photos import photos_of

BATCH_SIZE = 64


def main() -> None:
    run = Run(Path(sys.argv[1]))
    catalog, pixels = photos_of(run, Silent(), image_size=ModelDescription.load(run).image_size)
    classifier = Classifier.load(run)
    temperatures: list[float] = []
    for part in ("validation", "test"):
        indices = catalog.part(part)
        if not len(indices):
            continue
        plain, flipped = logits_of(classifier, pixels, indices)
        labels, losses = catalog.labels(indices), []
        for place, logits in enumerate((plain, (plain + flipped) / 2)):
            if len(temperatures) <= place:
                temperatures.append(fit_temperature(logits, labels))
            losses.append(SINGLE_LABEL.log_losses(logits / temperatures[place], labels))
            accuracy = (logits.argmax(axis=1) == labels).mean()
            name = "as they are" if place == 0 else "mean with mirror images"
            print(f"{part}, {name}: accuracy {accuracy:.2%}, log loss {losses[-1].mean():.4f}")
        gains = losses[0] - losses[1]
        print(f"{part}, gain {gains.mean():.4f} ± {gains.std() / np.sqrt(len(gains)):.4f}")


def logits_of(classifier, pixels, indices):
    """Logits [N, K] of photos and of their mirror images."""
    rows = []
    for start in range(0, len(indices), BATCH_SIZE):
        images = pixels.read(indices[start : start + BATCH_SIZE])
        flipped = np.ascontiguousarray(images[:, :, ::-1])
        rows.append((classifier.logits(images), classifier.logits(flipped)))
    return (np.concatenate(batches) for batches in zip(*rows, strict=True))


if __name__ == "__main__":
    main()
