"""What `pawsight train PHOTOS` gives, beside each single way, in the same minutes.

    python benchmarks/auto/run.py PHOTOS [--models auto builtin swift] [--minutes M] [--seeds 0 1 2]

PHOTOS is whatever `pawsight train` takes. They are read once before. Each run is a process of its
own, with no features in the cache. Adds its rows to results.json here, under the name of PHOTOS,
and prints them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.runs import Run

RESULTS_PATH = Path(__file__).resolve().parent / "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", nargs="+", default=["auto", "builtin", "swift"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auto-") as scratch:
        work = Path(scratch)
        pawsight(work, "audit", arguments.photos)  # reads the photos
        for seed in arguments.seeds:
            for model in arguments.models:
                row = measured(arguments.photos, model, arguments.minutes, seed, work)
                print(json.dumps(row), flush=True)
                save(arguments.photos.name, row)


def measured(photos: Path, model: str, minutes: float, seed: int, work: Path) -> dict:
    """Train once; its time is that of the whole command."""
    shutil.rmtree(work / "cache" / "features", ignore_errors=True)
    options = ["--model", model, "--minutes", minutes, "--seed", seed, "--out", work / "run"]
    started = time.perf_counter()
    pawsight(work, "train", photos, *options)
    seconds = time.perf_counter() - started
    run = Run(work / "run")
    parts = run.metrics["parts"]
    row = {
        "machine": describe(),
        "model": model,
        "minutes": minutes,
        "seed": seed,
        "load": os.getloadavg()[0],  # beside the run itself, which takes all cores
        "process_seconds": round(seconds, 1),
        "plan": run.read_json(run.plan_path)["kind"],
        "history": run.history_path.read_text(encoding="utf-8").splitlines(),
    }
    for part in ("validation", "test"):
        if part in parts:
            row[part] = {name: parts[part][name] for name in ("n", "accuracy", "accuracy_interval")}
    shutil.rmtree(work / "run")
    return row


def pawsight(work: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "pawsight", *map(str, arguments)]
    environment = os.environ | {"PAWSIGHT_CACHE": str(work / "cache"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])


def save(photos: str, row: dict) -> None:
    rows = json.loads(RESULTS_PATH.read_text()) if RESULTS_PATH.is_file() else {}
    rows.setdefault(photos, []).append(row)
    RESULTS_PATH.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
