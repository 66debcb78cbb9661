"""Fit the shipped model's detector of photos that are neither cats nor dogs, and measure it.

    python builtin/out_of_distribution.py cats-vs-dogs.zip

Fitted to training photos, as they are and varied as in tuning, since photos from elsewhere differ
in sharpness, cut and light. The threshold is that of photos held out of the fit. The rates that
`--max-error` may name are proven on the validation part, which nothing was fitted to; later photos
are compared with scores of that part in the test for drift.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.decode import load_pixels
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.evaluation.ood_fit import fit_detector
from pawsight.evaluation.selective import operating_points
from pawsight.inference.classifier import Classifier
from pawsight.inference.drift import DriftReference
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent
from pawsight.records import FloatArray, Prediction
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

sys.path.insert(0, str(Path(__file__).resolve().parent))
import views

_AT_ONCE = 16
_SEED = 0
_NUM_HELD_OUT = 256  # photos that drift is judged by


def features_of(photos: list[bytes]) -> FloatArray:
    """Compute the features of photos, shape [N, 1280]."""
    network = new_session(builtin.onnx_path().read_bytes())
    found = []
    for start in range(0, len(photos), _AT_ONCE):
        pixels = [
            load_pixels(data, builtin.IMAGE_SIZE, "stretch")
            for data in photos[start : start + _AT_ONCE]
        ]
        images = np.stack(pixels).astype(np.float32)
        found.append(network.run(["features"], {"images": images})[0])
    return np.concatenate(found)


def main() -> None:
    """Write the detector and the operating points into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", help="cats-vs-dogs.zip, with parts train/ and validation/")
    parser.add_argument("--count", type=int, default=2000, help="training photos to fit to")
    arguments = parser.parse_args()
    catalog = scan(fetch(arguments.photos, Silent()))
    run = Run(builtin.folder())
    chosen = np.random.default_rng(_SEED).permutation(catalog.part("train"))[: arguments.count]
    plain = [_read(catalog, index) for index in chosen.tolist()]
    varied = [views.vary(data, (_SEED, number)) for number, data in enumerate(plain)]
    labels = catalog.labels(chosen)
    detector = fit_detector(features_of(plain + varied), np.concatenate([labels, labels]))
    detector.save(run.out_of_distribution_path)

    part = catalog.part("validation")
    held_out = [_read(catalog, index) for index in part.tolist()]
    found = Classifier.load(run).predict(held_out)
    names = [catalog.class_names[label] for label in catalog.labels(part).tolist()]
    is_right = np.array([one.label == name for one, name in zip(found, names, strict=True)])
    points = operating_points(np.array([one.probability for one in found]), is_right)
    ModelDescription.load(run).model_copy(update={"operating_points": points}).save(run)

    drift_reference(found, catalog.class_names).save(run.drift_reference_path)

    altered = [views.vary(data, (1, number)) for number, data in enumerate(held_out)]
    distances = detector.distances(features_of(altered))
    refused = {
        "n": len(found),
        "refused": float(np.mean([one.answer == "none" for one in found])),
        "refused_varied": float((distances > detector.threshold).mean()),
    }
    write_json(Path(__file__).with_name("out_of_distribution.json"), refused)
    print(refused)


def drift_reference(found: list[Prediction], class_names: Sequence[str]) -> DriftReference:
    """Keep the scores of 256 predictions."""
    chosen = np.random.default_rng(_SEED).permutation(len(found))[:_NUM_HELD_OUT]
    some = [found[i] for i in chosen.tolist()]
    return DriftReference(
        classes=np.array([class_names.index(one.label) for one in some], np.float64),
        probabilities=np.array([one.probability for one in some]),
        ood_scores=np.array([one.ood_score for one in some], np.float64),
    )


def _read(catalog: Catalog, index: int) -> bytes:
    return (catalog.root / catalog.photos[index].path).read_bytes()


if __name__ == "__main__":
    main()
