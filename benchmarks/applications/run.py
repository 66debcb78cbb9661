"""Train, save and export every network of keras.applications once.

    make applications ARGS="--names mobilenetv2 resnet50"

Each row of applications.csv goes through the whole of `pawsight train` at the least
size of the network, in a process of its own: a backbone with random weights is
saved as a file, a head is fitted to its features, one epoch of fine-tuning follows,
the run is written, and the model that is loaded from it is compared with its
model.onnx on photos. Nothing is downloaded. The batch normalisation has the statistics
of the photos, since the features of deep networks overflow without any.

A result is kept by the pawsight source it was made with, so a stopped command
continues; `--again` runs the names anew. Writes results.json and results.md here.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.data.decoding.decode import load_pixels
from pawsight.models.applications import APPLICATIONS

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
NUM_PHOTOS = 60
TIMEOUT_SECONDS = 3600
# Of logits, between the model that is loaded and model.onnx; relative to the largest one where that
# is above 1: random weights of deep networks give logits of any size.
MAX_DIFFERENCE = 1e-3


def main() -> None:
    """Run the networks that have no result yet, and write results.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", nargs="+", default=sorted(APPLICATIONS), choices=APPLICATIONS)
    parser.add_argument("--again", action="store_true", help="run those with a result, too")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(train_one(arguments.one[0], Path(arguments.one[1]))))
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in arguments.names:
        if name in results and not arguments.again:
            continue
        results[name] = {**in_process(name), "machine": describe()}
        print(name, results[name], flush=True)
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        (HERE / "results.md").write_text(page(results), encoding="utf-8")


def in_process(name: str) -> dict:
    """Run one network in a process of its own; return its figures, or its last line of error."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="applications-") as folder:
        command = [sys.executable, __file__, "--one", name, folder]
        environment = os.environ | {"PAWSIGHT_CACHE": f"{folder}/cache"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, timeout=TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return {"error": f"took over {TIMEOUT_SECONDS} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"error": lines[-1][:300]}
    return {**json.loads(done.stdout.splitlines()[-1]), "seconds": round(time.monotonic() - begun)}


def train_one(name: str, folder: Path) -> dict:
    """Train, save and export a network in a folder; return its figures."""
    from pawsight.config import TrainConfig
    from pawsight.inference.classifier import Classifier
    from pawsight.models.model_files import load_model
    from pawsight.workflow import draw_sample, train

    network = APPLICATIONS[name]
    size = (network.min_side, network.min_side)
    photos = draw_sample(folder / "photos", count=NUM_PHOTOS)
    weights = folder / "random.weights.h5"
    save_random_weights(name, size, photos, weights)
    config = TrainConfig(
        model=name, weights=str(weights), image_size=size, finetune=True, epochs=1, batch_size=16
    )
    run = train(photos, config, folder / "run")
    images = photos_of(photos, 8, size)
    model = load_model(run)
    wanted = np.asarray(model(images.astype(np.float32), training=False))
    difference = float(np.abs(Classifier.load(run).logits(images) - wanted).max())
    largest = float(np.abs(wanted).max())
    if not difference <= MAX_DIFFERENCE * max(1.0, largest):
        raise ValueError(f"logits differ by {difference:.2g}; the largest is {largest:.2g}")
    return {
        "side": size[0],
        "parameters": model.count_params(),
        "layers": len(list(model._flatten_layers())),
        "difference": difference,
        "largest_logit": largest,
        "onnx_mb": round(run.onnx_path.stat().st_size / 1e6, 1),
    }


def save_random_weights(name: str, size: tuple[int, int], photos: Path, path: Path) -> None:
    """Build a network with random weights and save its backbone."""
    import keras

    from pawsight.models.pretrained import backbone_of

    keras.utils.set_random_seed(0)
    model = APPLICATIONS[name].build_features(size, keras.DTypePolicy("float32"))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics become those of the batch
    model(photos_of(photos, 32, size).astype("float32"), training=True)
    backbone_of(model).save_weights(path)


def photos_of(folder: Path, count: int, size: tuple[int, int]) -> np.ndarray:
    """Return photos of all classes: uint8 [count, H, W, 3]."""
    files = sorted(folder.rglob("*.jpg"))
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, count).round().astype(int)]
    return np.stack([load_pixels(one.read_bytes(), size, "stretch") for one in chosen])


def page(results: dict) -> str:
    """Return results.md."""
    passed = [row for row in results.values() if "error" not in row]
    lines = [
        "# Every network of keras.applications\n",
        "Written by `benchmarks/applications/run.py`: trained for an epoch with a random backbone "
        "at its least size, saved, loaded again and compared with its model.onnx on 8 photos. "
        f"Of {len(results)} networks, {len(passed)} pass.\n",
        "| network | least side | parameters | layers | model.onnx, MB | largest difference "
        "of logits | seconds |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in sorted(results.items()):
        cells = (
            [row["error"], *[""] * 5]
            if "error" in row
            else [
                *(row["side"], f"{row['parameters']:,}", row["layers"], row["onnx_mb"]),
                *(f"{row['difference']:.1e}", row["seconds"]),
            ]
        )
        lines.append(f"| {' | '.join(map(str, [name, *cells]))} |")
    machines = sorted({row["machine"] for row in results.values()})
    return "\n".join([*lines, "", "Beside other work on: " + " ".join(machines)]) + "\n"


if __name__ == "__main__":
    main()
