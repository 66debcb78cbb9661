"""Predict 20,000 photos with several workers, and kill one of their processes at a random moment.

    make benchmark-faults ARGS="--trials 100"

In half of the trials the command itself is killed, and run again; in the others one of its workers.
With --cluster (needs the extra `cluster`) the workers are actors of a Ray cluster that is started
on this machine. A trial is right if every photo has one row, equal to that of an undisturbed run.
Writes results.json and results.md here after each trial, and with --continue goes on from there;
exits with 1 if a trial was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pyarrow.parquet as parquet  # noqa: E402

import machine  # noqa: E402
import pawsight  # noqa: E402

CLASSES = ("red", "green", "blue")
BLOCK_SIZE = 250
PROGRAM = """
import sys
from pawsight.workflow import predict_with_workers
if __name__ == "__main__":
    photos, run, output, cluster = sys.argv[1:]
    predict_with_workers(photos, run, output, workers=2, cluster=cluster or None, block_size=%d)
"""


def main() -> int:
    """Run the trials; return 1 if one was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cluster", action="store_true", help="on a Ray cluster of this machine")
    parser.add_argument("--continue", dest="is_continued", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address = start_cluster() if given.cluster else ""
        try:
            found = trials(folder, given, address)
        finally:
            if address:
                subprocess.run(["ray", "stop", "--force"], check=True, capture_output=True)
    return int(bool(found["wrong"]))


def start_cluster() -> str:
    """Start a Ray cluster of this machine alone, and return its address."""
    options = ["--head", "--num-cpus=2", "--include-dashboard=false", "--port=6399"]
    subprocess.run(["ray", "start", *options], check=True, capture_output=True)
    return "127.0.0.1:6399"


def trials(folder: Path, given: argparse.Namespace, address: str) -> dict:
    """Predict without a fault, and then once with each."""
    photos, run = draw_photos(folder / "photos", given.photos), train(folder)
    command = [sys.executable, str(program(folder)), str(photos), str(run)]
    began = time.monotonic()
    subprocess.run([*command, str(folder / "expected"), address], check=True, capture_output=True)
    seconds = time.monotonic() - began
    expected = rows_of(folder / "expected")
    assert len(expected) == given.photos
    found = earlier(given)
    for trial in range(found["trials"], given.trials):
        draw = random.Random(f"{given.seed} {trial}")
        moment, is_command = draw.uniform(0.05, 0.95) * seconds, draw.random() < 0.5
        output = folder / "output"
        hit = disturbed([*command, str(output), address], moment, is_command, draw)
        is_right = rows_of(output) == expected
        found["trials"] = trial + 1
        found["num_right"] += is_right
        found["num_hit"] += hit
        if not is_right:
            found["wrong"].append(trial)
        shutil.rmtree(output)
        save(found | {"seconds": round(seconds, 1)}, given)
        print(
            f"trial {trial}: {'command' if is_command else 'worker'} at {moment:.1f} s, "
            f"{'right' if is_right else 'WRONG'}",
            flush=True,
        )
    return found


def earlier(given: argparse.Namespace) -> dict:
    """Return the counts of the trials that were done before."""
    saved = load_results().get(kind_of(given), {})
    is_same = saved.get("photos") == given.photos and saved.get("seed") == given.seed
    names = ("trials", "num_right", "num_hit", "wrong")
    if given.is_continued and is_same:
        return {name: saved[name] for name in names}
    return dict(zip(names, (0, 0, 0, []), strict=True))


def kind_of(given: argparse.Namespace) -> str:
    """Return what the workers are."""
    return "cluster" if given.cluster else "processes"


def load_results() -> dict:
    """Return what results.json holds."""
    path = HERE / "results.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def disturbed(command: list[str], moment: float, is_command: bool, draw: random.Random) -> bool:
    """Run a command, kill it or a worker at a moment, and see it to its end; whether it was hit."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        process.wait(moment)
        is_hit = False
    except subprocess.TimeoutExpired:
        if is_command:
            process.kill()
            is_hit = True
        else:
            workers = workers_of(process.pid)
            is_hit = bool(workers)
            if workers:
                os.kill(draw.choice(workers), signal.SIGKILL)
    _, messages = process.communicate()
    if process.returncode != 0 and not is_command:
        print(messages.decode(errors="replace")[-2000:])
    if is_command:
        subprocess.run(command, check=True, capture_output=True)
    return is_hit


def workers_of(parent: int) -> list[int]:
    """Return the processes that predict: children of the command, or actors of Ray Data."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "cmdline").read_bytes()
            owner = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        is_child = owner == parent and b"spawn_main" in text
        if is_child or text.startswith(b"ray::MapWorker"):
            found.append(int(entry.name))
    return found


def draw_photos(folder: Path, count: int) -> Path:
    """Draw small photos of one noisy colour each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        pixels = rng.integers(0, 100, (12, 12, 3), np.uint8)
        pixels[..., index % 3] += 120
        Image.fromarray(pixels).save(folder / f"{index:06d}.png")
    return folder


def train(folder: Path) -> Path:
    """Train a small network on a few of such photos."""
    few = draw_photos(folder / "few", 60)
    for path in sorted(few.iterdir()):
        place = few / CLASSES[int(path.stem) % 3]
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)
    settings = {"model": "swift", "epochs": 2, "image_size": 32}
    return pawsight.train(few, out=folder / "run", **settings).path


def program(folder: Path) -> Path:
    """Write the program that predicts; a file, since workers import it."""
    path = folder / "program.py"
    path.write_text(PROGRAM % BLOCK_SIZE)
    return path


def rows_of(output: Path) -> list[tuple]:
    """Return path, label and probability of each row, in the order of the files."""
    rows = []
    for path in sorted(output.glob("part-*.parquet")):
        table = parquet.read_table(path, columns=["path", "label", "probability"])
        rows += [tuple(row.values()) for row in table.to_pylist()]
    return rows


def save(found: dict, given: argparse.Namespace) -> None:
    """Add the results to results.json, and write results.md."""
    path = HERE / "results.json"
    saved = load_results()
    about = {"machine": machine.describe(), "photos": given.photos, "seed": given.seed}
    saved[kind_of(given)] = about | found
    path.write_text(json.dumps(saved, indent=1) + "\n")
    lines = [
        "# Predictions whose processes are killed",
        "",
        "Written by `make benchmark-faults`; run.py describes a trial. Two workers, blocks of "
        f"{BLOCK_SIZE} photos.",
        "",
        "| workers | trials | photos | hit while it ran | all rows once, and right | undisturbed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {one['trials']} | {one['photos']:,} | {one['num_hit']} | {one['num_right']} | "
        f"{one['seconds']} s |"
        for name, one in saved.items()
    ]
    lines += ["", *(f"{name}: {one['machine']}" for name, one in saved.items())]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
