"""The detector of a trained run on its own features, beside that on the built-in network's.

    python benchmarks/none_of_these/own_features.py RUN --foreign other-photos/ more/

Prints AUROC of validation photos of the run against photos of other things, and the share of both
that is refused at the detector's own threshold. Own features are what the last layer receives.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from pawsight.data.decoding.decode import load_pixels, read_photo
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import PhotoError
from pawsight.evaluation.ood_fit import fit_detector
from pawsight.inference.enlarged_images import enlarge
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.model_files import load_model
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow.run_photos import photos_of

MOST = 300  # validation and foreign photos
PER_CLASS = 100  # photos that the detector is fitted to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--foreign", nargs="+", help="photos of other things")
    args = parser.parse_args()
    run = Run(args.run)
    extractors = extractors_of(run)
    catalog, pixels = photos_of(run, Silent(), image_size=ModelDescription.load(run).image_size)
    random = np.random.default_rng(0)
    train = per_class(catalog, random)
    labels = catalog.labels(train)
    validation = random.permutation(catalog.part("validation"))[:MOST]
    foreign = {Path(place).stem: images_of(place, run, random) for place in args.foreign}
    for name, extract in extractors.items():
        detector = fit_detector(extract(pixels.read(train)), labels)
        own = detector.distances(extract(pixels.read(validation)))
        for place, images in foreign.items():
            other = detector.distances(extract(images))
            truth = np.r_[np.zeros(len(own)), np.ones(len(other))]
            area = roc_auc_score(truth, np.r_[own, other])
            refused, found = ((one > detector.threshold).mean() for one in (own, other))
            print(
                f"{place}, {name}: AUROC {area:.4f}; "
                f"refused {refused:.1%} of the own, {found:.1%} of the others"
            )


def extractors_of(run):
    """Functions from images, uint8 [N, H, W, 3], to features [N, F], by name."""
    model = load_model(run)
    own = keras.Model(model.inputs, model.get_layer("logits").input)
    network = new_session(builtin.onnx_path().read_bytes())

    def of_builtin(images):
        rows = [enlarge(image[None].astype(np.float32)) for image in images]
        return np.concatenate([network.run(["features"], {"images": row})[0] for row in rows])

    return {"own": lambda images: own.predict(images, verbose=0), "built-in": of_builtin}


def per_class(catalog, random):
    """Catalog indices of train photos, so many of each class."""
    train = random.permutation(catalog.part("train"))
    labels = catalog.labels(train)
    return np.concatenate([train[labels == label][:PER_CLASS] for label in np.unique(labels)])


def images_of(place, run, random):
    """Photos of a place, as the run's network takes them: uint8 [N, H, W, 3]."""
    description = ModelDescription.load(run)
    catalog = scan(fetch(place, Silent()))
    images = []
    for i in random.permutation(len(catalog.photos))[:MOST]:
        try:
            data = read_photo(str(catalog.root / catalog.photos[i].path))
            images.append(load_pixels(data, description.image_size, description.resize))
        except PhotoError:
            continue
    return np.stack(images)


if __name__ == "__main__":
    main()
