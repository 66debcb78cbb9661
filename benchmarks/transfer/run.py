"""How good a last layer on frozen features is, and how long the whole command takes.

    python benchmarks/transfer/run.py PHOTOS --weights FILE [--model mobilenetv2] [--seeds 0 1 2]
                                      [--builtin-per-class 200]

PHOTOS is a folder with train/ and validation/. They are read once before, in a
process of their own. Each run is a cold process with no features and no
network in the cache: its time holds TensorFlow's start, the network written as
ONNX, the features of all photos (of the training photos also in the mirror),
cross-validation, the exported model, the evaluation and the report.

The shipped model then gets N photos of each class to train on, and a quarter as
many for validation, drawn again for each seed from train/. That command is
timed; then its model is scored on all of validation/ by `pawsight evaluate`.
Writes results.json here.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--builtin-per-class", type=int, default=200)
    arguments = parser.parse_args()
    photos, count = arguments.photos, arguments.builtin_per_class
    results = {"machine": describe(), "photos": photos.name, "runs": []}
    with tempfile.TemporaryDirectory(prefix="transfer-") as scratch:
        work = Path(scratch)
        settings = {"model": arguments.model, "weights": str(arguments.weights)}
        for seed in arguments.seeds if arguments.weights else ():
            one = cold_run(photos, settings, seed, work)
            shutil.rmtree(work / "run")
            results["runs"].append({"weights": arguments.weights.name} | one)
            save(results)
        for seed in arguments.seeds if count else ():
            few = draw(photos, count, seed, work / f"few-{seed}")
            one = cold_run(few, {"model": "builtin"}, seed, work)
            scored = score(work / "run", photos / "validation", work)
            shutil.rmtree(work / "run")
            results["runs"].append({"per_class": count} | one | scored)
            save(results)


def draw(photos: Path, count: int, seed: int, folder: Path) -> Path:
    """Some training photos of each class, and a quarter as many for validation."""
    for kind in sorted(path for path in (photos / "train").iterdir() if path.is_dir()):
        chosen = random.Random(seed).sample(sorted(kind.iterdir()), count + count // 4)
        for part, paths in (("train", chosen[:count]), ("validation", chosen[count:])):
            (folder / part / kind.name).mkdir(parents=True)
            for path in paths:
                shutil.copy(path, folder / part / kind.name)
    return folder


READ = """
import json, sys
from pawsight.config import TrainConfig
from pawsight.progress import Silent
from pawsight.workflow.photo_sets import checked_model, list_photos, read_photos

if __name__ == "__main__":
    config = checked_model(TrainConfig(**json.loads(sys.argv[2])))
    read_photos(list_photos(sys.argv[1], Silent()), config, Silent())
"""


def cold_run(photos: Path, settings: dict, seed: int, work: Path) -> dict:
    """Train once with photos that were read before and nothing else in the cache."""
    run([sys.executable, "-c", READ, photos, json.dumps(settings)], work)
    shutil.rmtree(work / "cache" / "features", ignore_errors=True)
    options = [text for name, value in settings.items() for text in (f"--{name}", value)]
    command = [sys.executable, "-m", "pawsight", "train", photos, *options]
    started = time.perf_counter()
    run([*command, "--seed", str(seed), "--out", work / "run"], work)
    seconds = time.perf_counter() - started
    from pawsight.runs import Run

    done = Run(work / "run")
    plan = done.read_json(done.plan_path)
    return {
        "model": plan["model"],
        "image_size": plan["image_size"],
        "seed": seed,
        "num_train": plan["num_train"],
        "process_seconds": seconds,
        "n": done.metrics["parts"]["validation"]["n"],
        "accuracy": done.metrics["parts"]["validation"]["accuracy"],
        "accuracy_interval": done.metrics["parts"]["validation"]["accuracy_interval"],
        "cross_validation": plan["head"]["cross_validation"],
        "log": done.log_path.read_text(encoding="utf-8").splitlines(),
    }


def score(folder: Path, photos: Path, work: Path) -> dict:
    """The accuracy on photos that were not used for training or selection."""
    printed = run([sys.executable, "-m", "pawsight", "evaluate", folder, photos, "--json"], work)
    found = json.loads(printed)
    part = found["parts"][found["headline"]]
    return {name: part[name] for name in ("n", "accuracy", "accuracy_interval")}


def run(command: list, work: Path) -> str:
    environment = os.environ | {"PAWSIGHT_CACHE": str(work / "cache"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return done.stdout


def save(results: dict) -> None:
    for model in sorted({one["model"] for one in results["runs"]}):
        some = [one for one in results["runs"] if one["model"] == model]
        results[f"{model}_median"] = {
            "runs": len(some),
            "accuracy": statistics.median(one["accuracy"] for one in some),
            "process_seconds": statistics.median(one["process_seconds"] for one in some),
        }
        print(model, results[f"{model}_median"], flush=True)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
