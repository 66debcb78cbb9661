"""How fast features of keras.applications are computed by ONNX Runtime and by Keras.

    python benchmarks/transfer/speed.py [NAME ...]

Each network has random weights and takes 256 images of 160 x 160 pixels: ONNX Runtime one image on
each core, as pawsight extracts features, and Keras `predict` in batches of 32. Both take turns;
the median of the rounds is kept. Writes speed.md here.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from pawsight.models.applications import APPLICATIONS
from pawsight.models.onnx_convert import export_onnx
from pawsight.training.features import OnnxNetwork

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe

SIZE = (160, 160)
COUNT = 256
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["mobilenetv2", "efficientnetb0", "resnet50"])
    lines = [
        "# Features of keras.applications: ONNX Runtime and Keras\n",
        f"Made by `benchmarks/transfer/speed.py`: {COUNT} images of {SIZE[0]} x {SIZE[1]} pixels, "
        f"images/s, medians of {ROUNDS} rounds.\n",
        "| network | ONNX Runtime | Keras | ratio |",
        "|---|---:|---:|---:|",
    ]
    for name in parser.parse_args().names:
        ours, theirs = rates(name)
        lines.append(f"| {name} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.1f} |")
        print(lines[-1], flush=True)
    lines += ["", describe()]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


def rates(name: str) -> tuple[float, float]:
    """Images/s of ONNX Runtime and of Keras."""
    model = APPLICATIONS[name].build_features(SIZE, keras.DTypePolicy("float32"))
    images = np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path, "features")
        network = OnnxNetwork(path, "features")
        ways = (network.run, lambda images: model.predict(images, batch_size=32, verbose=0))
        seconds: tuple[list[float], list[float]] = ([], [])
        for way in ways:
            way(images[:64])
        for _ in range(ROUNDS):
            for way, found in zip(ways, seconds, strict=True):
                started = time.perf_counter()
                way(images)
                found.append(time.perf_counter() - started)
    ours, theirs = (COUNT / statistics.median(found) for found in seconds)
    return ours, theirs


if __name__ == "__main__":
    main()
