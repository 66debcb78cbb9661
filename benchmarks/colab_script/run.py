"""The Colab script against `pawsight train --model colab`, on the same photos in one run.

    python benchmarks/colab_script/run.py PHOTOS [--epochs 10] [--seeds 0 1 2] [--script-epochs N]
                                          [--swift-minutes 5]

PHOTOS is a .zip or a folder with train/ and validation/. The script gets them
unpacked, before its clock starts; pawsight gets what the user gave, with an
empty cache, so its time holds unpacking and reading the photos, training, the
exported model, the evaluation and the report. Takes about an hour and a half
with cats-vs-dogs.zip on two cores; `--script-epochs 4` stops the script earlier,
and the times are then compared by the epoch. `--swift-minutes 5` adds the default
network with that budget. Writes results.json and results.md here.
"""

import argparse
import json
import os
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
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--script-epochs", type=int, help="fewer epochs for the script")
    parser.add_argument("--swift-minutes", type=float, help="train the default network too")
    arguments = parser.parse_args()
    script_epochs = arguments.script_epochs or arguments.epochs
    with tempfile.TemporaryDirectory(prefix="colab-script-") as scratch:
        folder = unpacked(arguments.photos, Path(scratch) / "unpacked")
        results = {
            "machine": describe(),
            "photos": arguments.photos.name,
            "epochs": arguments.epochs,
            "script_epochs": script_epochs,
            "script": None,
            "pawsight": [],
            "swift": [],
        }
        # The script runs in the middle, so that a machine that drifts favours neither.
        halfway = len(arguments.seeds) // 2
        for number, seed in enumerate(arguments.seeds):
            if number == halfway:
                results["script"] = run_script(folder, script_epochs)
                save(results)
            work = Path(scratch) / f"seed-{seed}"
            options = ["--model", "colab", "--epochs", arguments.epochs]
            results["pawsight"].append(run_pawsight(arguments.photos, options, seed, work))
            save(results)
            if arguments.swift_minutes:
                options = ["--minutes", arguments.swift_minutes]
                work = Path(scratch) / f"swift-{seed}"
                results["swift"].append(run_pawsight(arguments.photos, options, seed, work))
                save(results)


def save(results: dict) -> None:
    """Write what is known so far; the table once the script's time is known."""
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    if results["script"]:
        (HERE / "results.md").write_text(as_markdown(results))
        print((HERE / "results.md").read_text(), flush=True)


def unpacked(photos: Path, scratch: Path) -> Path:
    """The folder with train/ and validation/ that the script needs."""
    if photos.is_dir():
        return photos
    import zipfile

    with zipfile.ZipFile(photos) as archive:
        archive.extractall(scratch)
    return scratch


def run_script(folder: Path, epochs: int) -> dict:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, HERE / "script.py", folder, str(epochs)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"process_seconds": time.perf_counter() - started}


def run_pawsight(photos: Path, options: list, seed: int, work: Path) -> dict:
    command = [sys.executable, "-m", "pawsight", "train", photos, *map(str, options)]
    command += ["--seed", str(seed), "--out", work / "run"]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | {"PAWSIGHT_CACHE": str(work / "cache")})
    seconds = time.perf_counter() - started
    from pawsight.history import load_history
    from pawsight.runs import Run

    run = Run(work / "run")
    history = load_history(run.history_path)
    plan = run.read_json(run.plan_path)
    return {
        "seed": seed,
        "process_seconds": seconds,
        "training_seconds": history[-1].seconds,
        "precision": plan["precision"],
        "train_accuracy": [row.train_accuracy for row in history],
        "validation_accuracy": [row.validation_accuracy for row in history],
        "exported_model_validation_accuracy": run.metrics["parts"]["validation"]["accuracy"],
    }


def as_markdown(results: dict) -> str:
    script, epochs = results["script"], results["epochs"]
    script_epochs = results["script_epochs"]
    per_epoch = script["process_seconds"] / script_epochs
    rows = [
        "# The Colab script against `pawsight train --model colab`",
        "",
        f"{results['photos']}. {results['machine']}",
        "",
        "| | epochs | whole process | per epoch | share of the script's time per epoch "
        "| best validation accuracy | at the last epoch |",
        "|---|---|---|---|---|---|---|",
        f"| the script, import repaired | {script_epochs} | {script['process_seconds']:.0f} s "
        f"| {per_epoch:.1f} s | 1 | {max(script['validation_accuracy']):.1%} "
        f"| {script['validation_accuracy'][-1]:.1%} |",
    ]
    rows += [
        f"| pawsight, seed {one['seed']} ({one['precision']}) | {epochs} "
        f"| {one['process_seconds']:.0f} s | {one['process_seconds'] / epochs:.1f} s "
        f"| {one['process_seconds'] / epochs / per_epoch:.3f} "
        f"| {one['exported_model_validation_accuracy']:.1%} "
        f"| {one['validation_accuracy'][-1]:.1%} |"
        for one in results["pawsight"]
    ]
    rows += [
        f"| pawsight's default network, swift, seed {one['seed']} ({one['precision']}) "
        f"| {len(one['validation_accuracy'])} | {one['process_seconds']:.0f} s | | "
        f"| {one['exported_model_validation_accuracy']:.1%} "
        f"| {one['validation_accuracy'][-1]:.1%} |"
        for one in results["swift"]
    ]
    rows += [
        "",
        "The script starts with the photos unpacked. pawsight starts with the archive and an "
        "empty cache; its time holds unpacking, reading, training, export, evaluation and report.",
        "Its best accuracy is that of the exported model.",
    ]
    if script_epochs < epochs:
        rows += [
            "",
            f"The script was stopped after {script_epochs} epochs to save time: its accuracy is "
            f"not that of {epochs} epochs, and times compare by the epoch.",
        ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
