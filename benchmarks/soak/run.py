"""Whether memory and open files stay flat: a service under load, and a training of short epochs.

    python benchmarks/soak/run.py --minutes 30
    python benchmarks/soak/run.py --minutes 5 --only service

The service answers two clients that send drawn photos on one connection each, a damaged
one among twenty; with the built-in model, or with that of --model: a smaller one
answers more requests in the same time. The training is of the smallest network, on 48 drawn
photos: an epoch is a fraction of a second. Each runs for so many minutes. Every second the
memory (RSS) and the open files of the process and of its children are added up, and what was
done by then is counted.

Flat means: the median of the last quarter is at most 5 % above that of the second quarter, and
the files at most two more. The first quarter is warming up. Writes results.json, results.md and
soak.png into --out, by default here, and exits with 1 where something grew. Needs Linux.
"""

import argparse
import contextlib
import http.client
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pawsight
from pawsight.report.figure_style import new_figure, save_figure

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

MAX_GROWTH = 0.05
MAX_FILES = 2
EPOCHS = 1_000_000  # more than fit into any number of minutes: the training is stopped
CLIENTS = 2

Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="of each part")
    parser.add_argument("--only", choices=("service", "training"), help="only this part")
    parser.add_argument("--model", help="a run for the service; default: the built-in model")
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    from machine import describe

    served = [given.model] if given.model else []
    parts = {"service": partial(soak_service, served), "training": soak_training}
    path = given.out / "results.json"
    results = json.loads(path.read_text()) if path.is_file() else {"parts": {}}
    results["machine"] = describe()
    with tempfile.TemporaryDirectory() as temporary:
        photos = pawsight.draw_sample(Path(temporary, "photos"), 48)
        for name, soak in parts.items():
            if given.only in (None, name):
                rows = list(soak(photos, 60 * given.minutes))
                results["parts"][name] = judged(rows, given.minutes)
    path.write_text(json.dumps(results) + "\n")
    (given.out / "results.md").write_text(as_markdown(results))
    draw(results["parts"], given.out / "soak")
    print(as_markdown(results))
    if not all(part["is_flat"] for part in results["parts"].values()):
        raise SystemExit(1)


def soak_service(served: list[str], photos: Path, seconds: float) -> Iterator[Row]:
    """Send photos to the service, and yield a row each second."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pawsight", "serve", "--port", str(port), *served]
    bodies = [file.read_bytes() for file in sorted(photos.rglob("*.jpg"))][:19]
    bodies.append(bodies[0][: len(bodies[0]) // 2])
    counts = {"answered": 0, "other": 0}
    with ended(subprocess.Popen(command, stderr=subprocess.DEVNULL)) as process:
        wait_for(process, port)
        stop = threading.Event()
        clients = [
            threading.Thread(target=_send, args=(port, bodies, counts, stop), daemon=True)
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        yield from measured(process, seconds, lambda: sum(counts.values()))
        stop.set()
        for client in clients:
            client.join(30)
    if not counts["answered"]:
        raise SystemExit("The service answered nothing.")


def _send(port: int, bodies: list[bytes], counts: dict[str, int], stop: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    number = 0
    while not stop.is_set():
        body = bodies[number % len(bodies)]
        number += 1
        try:
            connection.request("POST", "/predict", body, {"Content-Type": "image/jpeg"})
            answer = connection.getresponse()
            answer.read()
            counts["answered" if answer.status == 200 else "other"] += 1
        except OSError:
            counts["other"] += 1
            connection.close()


def soak_training(photos: Path, seconds: float) -> Iterator[Row]:
    """Train for many short epochs, and yield a row each second."""
    run = photos.parent / "run"
    options = ["--model", "colab", "--image-size", "24", "--epochs", str(EPOCHS), "--out", str(run)]
    command = [sys.executable, "-m", "pawsight", "train", str(photos), *options]
    history = run / "history.csv"

    def epochs() -> int:
        with contextlib.suppress(OSError):
            return max(0, history.read_bytes().count(b"\n") - 1)
        return 0

    log = (photos.parent / "log").open("wb")
    with ended(subprocess.Popen(command, stdout=log, stderr=log)) as process, log:
        while not epochs():
            if process.poll() is not None:
                raise SystemExit((photos.parent / "log").read_text()[-2000:])
            time.sleep(0.5)
        yield from measured(process, seconds, epochs)


@contextlib.contextmanager
def ended(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """Stop a process at the end, as Ctrl-C does."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen, port: int) -> None:
    """Wait until the service is ready."""
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("The service did not start.")


def measured(process: subprocess.Popen, seconds: float, done: Callable[[], int]) -> Iterator[Row]:
    """Yield a row each second: seconds, megabytes, open files, and what was done."""
    start = time.perf_counter()
    while (now := time.perf_counter() - start) < seconds:
        if process.poll() is not None:
            raise SystemExit(f"The process ended by itself, with exit code {process.returncode}.")
        megabytes, files = usage(process.pid)
        yield {"seconds": round(now, 1), "megabytes": megabytes, "files": files, "done": done()}
        time.sleep(1)


def usage(pid: int) -> tuple[float, int]:
    """Return the memory in MB and the open files of a process and all below it."""
    megabytes, files = 0.0, 0
    for one in [pid, *children_of(pid)]:
        with contextlib.suppress(OSError):  # it ended meanwhile
            status = Path(f"/proc/{one}/status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            files += len(list(Path(f"/proc/{one}/fd").iterdir()))
            megabytes += int(resident.split()[1]) / 1024
    return round(megabytes, 2), files


def children_of(pid: int) -> list[int]:
    """Return the processes below one."""
    with contextlib.suppress(OSError):
        found = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        return [one for child in found for one in (child, *children_of(child))]
    return []


def judged(rows: list[Row], minutes: float) -> dict:
    """Compare the last quarter with the second one."""
    quarter = len(rows) // 4
    second, last = rows[quarter : 2 * quarter], rows[3 * quarter :]

    def median(some: list[Row], name: str) -> float:
        return statistics.median(row[name] for row in some)

    growth = median(last, "megabytes") / median(second, "megabytes") - 1
    more_files = median(last, "files") - median(second, "files")
    return {
        "minutes": minutes,
        "rows": rows,
        "done": rows[-1]["done"],
        "megabytes": [median(second, "megabytes"), median(last, "megabytes")],
        "files": [median(second, "files"), median(last, "files")],
        "is_flat": growth <= MAX_GROWTH and more_files <= MAX_FILES,
    }


def as_markdown(results: dict) -> str:
    """Write a page about the results."""
    lines = [
        "# Memory and open files over time",
        "",
        "By `benchmarks/soak/run.py`, which says what is done and what flat means.",
        results["machine"],
        "",
        "| | minutes | done | MB, second quarter | MB, last | files, second | files, last | flat |",
        "|---|---|---|---|---|---|---|---|",
    ]
    units = {"service": "requests", "training": "epochs"}
    for name, part in results["parts"].items():
        megabytes, files = part["megabytes"], part["files"]
        lines.append(
            f"| {name} | {part['minutes']:g} | {part['done']:,} {units[name]} "
            f"| {megabytes[0]:.0f} | {megabytes[1]:.0f} | {files[0]:.0f} | {files[1]:.0f} "
            f"| {'yes' if part['is_flat'] else '**no**'} |"
        )
    return "\n".join([*lines, "", "![memory and open files](soak.png)", ""])


def draw(parts: dict, stem: Path) -> None:
    """Draw memory and files over the minutes, a column for each part."""
    figure, axes = new_figure((4.5 * len(parts), 5), nrows=2, ncols=len(parts), squeeze=False)
    for column, (name, part) in enumerate(parts.items()):
        minutes = [row["seconds"] / 60 for row in part["rows"]]
        for row, (key, label) in enumerate((("megabytes", "memory, MB"), ("files", "open files"))):
            axes[row][column].plot(minutes, [one[key] for one in part["rows"]])
            axes[row][column].set_ylim(bottom=0)
            axes[row][column].set_ylabel(label)
        axes[0][column].set_title(name)
        axes[1][column].set_xlabel("minutes")
    save_figure(figure, stem)


if __name__ == "__main__":
    main()
