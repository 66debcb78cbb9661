"""What more workers bring: training and prediction with 1, 2 and 4 processes, and each part's cost.

    make benchmark-scale-out

Processes 1 and 2 have a core each; 4 processes share 2 cores, and are compared with 2. Training
takes real steps of swift at 128 x 128 pixels, with one batch size for all, augmentation included,
on photos in memory; prediction is that of the model that ships, on drawn photos in files. Measured
are the seconds by the clock, of which the least are those least disturbed by other programs, and
the processor seconds, which do not contain the waiting for others. From the parts follow 4
processes, which are compared with what was measured, and 8 and 64 machines. Writes results.json
and results.md here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from worker import BATCH_SIZE, SIZE  # noqa: E402

import machine  # noqa: E402
import pawsight  # noqa: E402
from pawsight.workflow.worker_processes import free_ports  # noqa: E402

COUNTS = (1, 2, 4)
# Of the machines that the model is for; nothing here is measured.
NETWORK_BYTES, NETWORK_SECONDS = 1.25e9, 50e-6  # a second (10 Gb/s), and of a message
CORES = 8  # of a machine
PHOTOS = 100_000_000


def main() -> None:
    """Measure, model and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3, help="of all configurations in turn")
    given = parser.parse_args()
    found: dict[str, Any] = {"load": os.getloadavg()[0], "machine": machine.describe()}
    found["rounds"] = given.rounds
    with tempfile.TemporaryDirectory(prefix="scale-out-") as name:
        pawsight.draw_sample(Path(name) / "photos", given.photos)
        for _ in range(given.rounds):
            for count in COUNTS:
                addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(count))
                for part, commands in (
                    ("train", [["train", str(index), addresses] for index in range(count)]),
                    ("predict", [["predict", f"{name}/photos/cats"]] * count),
                ):
                    group = run_group(commands)
                    print(part, count, group, flush=True)
                    earlier = found.get(f"{part}-{count}", group)
                    found[f"{part}-{count}"] = min(earlier, group, key=seconds_of)
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "results.md").write_text(as_markdown(found))
    print(as_markdown(found))


def run_group(commands: list[list[str]]) -> list[dict]:
    """Run processes, each on a core, that begin to measure when all are ready."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    processes = [
        subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(os.sched_setaffinity, 0, [cores[index % len(cores)]]),
        )
        for index, command in enumerate(commands)
    ]
    for process in processes:
        while process.stdout.readline().strip() != "ready":
            if process.poll() is not None:
                raise RuntimeError("a process ended")
    for process in processes:
        print(file=process.stdin, flush=True)
    found = [json.loads(process.stdout.readline()) for process in processes]
    for process in processes:
        print(file=process.stdin, flush=True)
        process.wait()
    return found


def seconds_of(group: list[dict]) -> float:
    """Return the least seconds of the slowest process."""
    return max(one["step" if "step" in one else "pass"]["least"] for one in group)


def rates(found: dict, part: str, count: int) -> tuple[float, float, float]:
    """Return photos a second by the least and the median time, and processor seconds a photo."""
    group = found[f"{part}-{count}"]
    times = [one["step" if part == "train" else "pass"] for one in group]
    photos = BATCH_SIZE if part == "train" else sum(one["photos"] for one in group)
    least, median = (max(one[name] for one in times) for name in ("least", "median"))
    return photos / least, photos / median, sum(one["processor"] for one in times) / photos


def as_markdown(found: dict) -> str:
    """Write the tables."""
    lines = [
        "# More workers",
        "",
        f"swift at {SIZE} x {SIZE} pixels, batch size {BATCH_SIZE}; prediction by the model that "
        f"ships. Of {found['rounds']} rounds the fastest of each configuration; load average "
        f"before: {found['load']:.1f}.",
        "",
        "| | processes | cores | photos/s, fastest | photos/s, median | processor ms a photo | "
        "efficiency, fastest | median | processor |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for part in ("train", "predict"):
        first = rates(found, part, 1)
        for count in COUNTS:
            one, cores = rates(found, part, count), min(count, 2)
            lines.append(
                f"| {part} | {count} | {cores} | {one[0]:.1f} | {one[1]:.1f} | "
                f"{one[2] * 1e3:.1f} | "
                f"{one[0] / first[0] / cores:.1%} | {one[1] / first[1] / cores:.1%} | "
                f"{first[2] / one[2]:.1%} |"
            )
    lines += [
        "",
        "Efficiency is the rate over that of one process, for each core; of processor time, that "
        "of one process over that of all, which leaves out what they wait for each other.",
        "",
        *parts_of(found),
        *model_of(found),
        "",
        found["machine"],
        "",
    ]
    return "\n".join(lines)


def parts_of(found: dict) -> list[str]:
    """Write what a step consists of, and how well 4 processes follow from it."""
    one = found["train-1"][0]
    step, given = one["step"]["least"], one["input"]["processor"]
    exchange = {n: max(p["exchange"]["least"] for p in found[f"train-{n}"]) for n in (2, 4)}
    lines = [
        "## The parts of a step",
        "",
        "| part | seconds | |",
        "|---|---:|---|",
        f"| step, one core | {step:.4f} | {BATCH_SIZE} photos |",
        f"| of it input (augmentation) | {given:.4f} | processor time |",
        *(
            f"| exchange, {count} processes | {seconds:.4f} | {one['gradient_bytes']:,} bytes of "
            f"gradients, loopback |"
            for count, seconds in exchange.items()
        ),
        f"| checkpoint | {one['checkpoint']['seconds']:.4f} | "
        f"{one['checkpoint']['bytes']:,} bytes, flushed |",
        "",
        "By these parts (the step of one core over 2 cores, and then the exchange):",
        "",
    ]
    for count, seconds in exchange.items():
        expected, measured = BATCH_SIZE / (step / 2 + seconds), rates(found, "train", count)[0]
        lines.append(
            f"- {count} processes on 2 cores: {expected:.1f} photos/s; measured {measured:.1f} "
            f"({measured / expected - 1:+.1%})."
        )
    return lines


def model_of(found: dict) -> list[str]:
    """Write what 8 and 64 machines would take."""
    one = found["train-1"][0]
    compute = one["step"]["least"] / CORES
    predicted = rates(found, "predict", 1)[0] * CORES
    lines = [
        "",
        "## The model",
        "",
        f"Assumed, not measured: machines with {CORES} such cores, each of which brings the rate "
        f"of the one that was measured; one worker a machine; gradients added up in a ring over "
        f"{NETWORK_BYTES * 8 / 1e9:.0f} Gb/s with {NETWORK_SECONDS * 1e6:.0f} us a message, after "
        f"and not during the computation; {BATCH_SIZE} photos of a batch for each machine, so that "
        "the batch grows with them, which needs another learning rate and limits them before the "
        "network does; photos and pixels on storage that keeps up.",
        "",
        f"| machines | step, s | exchange, s | efficiency | an epoch of {PHOTOS:,} photos | "
        "predicted |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for count in (8, 64):
        sent = 2 * (count - 1) / count * one["gradient_bytes"]
        exchange = sent / NETWORK_BYTES + 2 * (count - 1) * NETWORK_SECONDS
        epoch = PHOTOS / (count * BATCH_SIZE) * (compute + exchange)
        hours = PHOTOS / (predicted * count) / 3600
        lines.append(
            f"| {count} | {compute:.4f} | {exchange:.4f} | {compute / (compute + exchange):.1%} | "
            f"{epoch / 3600:,.1f} h | {hours:,.1f} h |"
        )
    return lines


if __name__ == "__main__":
    main()
