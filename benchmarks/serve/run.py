"""How much of the model's speed `pawsight serve` keeps, and what it does with too much to do.

    python benchmarks/serve/run.py PHOTOS [--model RUN] [--seconds 8] [--rounds 3]
    python benchmarks/serve/run.py PHOTOS --requests 200000

The load comes from hey (Debian: apt install hey), on the same machine, so that
it takes some of the cores' time away from what it metrics. Each request is one
photo, sent as it is. In turns, a round after the other:

- bare: decode and model in one process, `predict_iter` over the same photo
- full: 16 clients, each sends its next photo when it has an answer
- alone: the same against a service whose threads take one photo at a time, so
  that nothing is gathered

and then:

- single: one client, nothing else to do: the latency of a photo
- half: half of the full rate, by 8 clients that each keep a steady pace, one
  after the other
- overload: five times the full rate, by 200 clients

With --requests nothing of that: so many requests by 16 clients, and the memory
of the service after each tenth of them, added to the results that are there.

PHOTOS is a folder; the photo is one of its JPEGs, of middle size. Writes
results.json and results.md into --out, by default here.
"""

import argparse
import contextlib
import csv
import io
import json
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from results import as_markdown

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

CLIENTS = 16
# No batches: each thread takes one photo.
ALONE = (
    "import sys, pawsight, pawsight.web.service as service; service._BATCH_SIZE = 1; "
    "pawsight.serve(sys.argv[1] or None, port=int(sys.argv[2]))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="", help="a run folder; else the package's own")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=0, help="watch the memory over so many")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    if not shutil.which("hey"):
        raise SystemExit("This needs the load tool hey. Install it: apt install hey")
    photos = sorted(arguments.photos.rglob("*.jpg"), key=lambda path: path.stat().st_size)
    if not photos:
        raise SystemExit(f"There is no JPEG in {arguments.photos}.")
    photo = photos[len(photos) // 2]
    if arguments.requests:
        results = json.loads((arguments.out / "results.json").read_text())
        with serving(arguments.model) as service:
            results["memory"] = watched(service, photo, arguments.requests)
    else:
        results = measure(photo, arguments)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.out / "results.md").write_text(as_markdown(results))
    print(as_markdown(results))


def measure(photo: Path, arguments: argparse.Namespace) -> dict:
    from machine import describe

    seconds, model = arguments.seconds, arguments.model
    rates: dict[str, list[float]] = {"bare": [], "full": [], "alone": []}
    with serving(model) as service:
        for _ in range(arguments.rounds):
            rates["bare"].append(bare(photo, model, seconds))
            full = load_test(service, photo, CLIENTS, seconds)
            rates["full"].append(full["rate"])
            with serving(model, is_alone=True) as other:
                rates["alone"].append(load_test(other, photo, CLIENTS, seconds)["rate"])
        rate = statistics.median(rates["full"])
        single = load_test(service, photo, 1, seconds)
        half = at_a_pace(service, photo, rate / 2, seconds)
        overload = load_test(service, photo, 200, seconds, pace=5 * rate / 200)
        after = load_test(service, photo, 1, 2)
    return {
        "machine": describe(),
        "hey": version(),
        "model": model or "builtin",
        "photo_bytes": photo.stat().st_size,
        "seconds": seconds,
        "rounds": arguments.rounds,
        "rates": rates,
        "full": full,
        "single": single,
        "half": half,
        "overload": overload,
        "after_overload": after,
    }


class Serving:
    """A service that runs: where, and as which process."""

    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.address = process, f"http://127.0.0.1:{port}"

    def megabytes(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6


@contextlib.contextmanager
def serving(model: str, is_alone: bool = False):
    """Start a service, as a process of its own, on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "pawsight", "serve", *([model] if model else []), "--port", str(port)]
    if is_alone:
        command = ["-c", ALONE, model, str(port)]
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    found = Serving(process, port)
    try:
        until = time.monotonic() + 60
        while not is_ready(found):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The service does not start: try `pawsight serve` by hand.")
            time.sleep(0.1)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_ready(service: Serving) -> bool:
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"{service.address}/readyz").status == 200
    return False


def bare(photo: Path, model: str, seconds: float) -> float:
    """Photos a second without HTTP, in a process of its own."""
    command = [sys.executable, HERE / "bare.py", photo, model, str(seconds)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def command(service: Serving, photo: Path, clients: int, *options: str) -> list[str]:
    fixed = ["-m", "POST", "-T", "image/jpeg", "-D", str(photo), "-o", "csv"]
    return ["hey", *options, "-c", str(clients), *fixed, f"{service.address}/predict"]


def load_test(
    service: Serving, photo: Path, clients: int, seconds: float, pace: float | None = None
) -> dict:
    """Send requests for some seconds, each client as fast as it can or at a fixed rate."""
    paced = [] if pace is None else ["-q", f"{pace:.3f}"]
    options = ["-z", f"{seconds:g}s", *paced]
    done = subprocess.run(
        command(service, photo, clients, *options), capture_output=True, text=True, check=True
    )
    return summary([done.stdout])


def at_a_pace(service: Serving, photo: Path, rate: float, seconds: float, clients: int = 8) -> dict:
    """Send requests at a steady rate: each client by itself, begun one after the other."""
    options = ["-z", f"{seconds:g}s", "-q", f"{rate / clients:.3f}"]
    started = []
    for _ in range(clients):
        started.append(
            subprocess.Popen(
                command(service, photo, 1, *options), stdout=subprocess.PIPE, text=True
            )
        )
        time.sleep(1 / rate)
    return summary([process.communicate()[0] for process in started]) | {"asked_rate": rate}


def summary(texts: list[str]) -> dict:
    """Sum up what hey wrote: a row for each request."""
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    taken = sorted(float(row["response-time"]) for row in rows if row["status-code"] == "200")
    refused = sorted(float(row["response-time"]) for row in rows if row["status-code"] == "503")
    span = max(float(row["offset"]) + float(row["response-time"]) for row in rows)
    return {
        "rate": len(taken) / span,
        "asked": len(rows) / span,
        "answered": len(taken),
        "refused": len(refused),
        "other": len(rows) - len(taken) - len(refused),
        "p50_ms": 1e3 * at(taken, 0.5),
        "p99_ms": 1e3 * at(taken, 0.99),
        "refused_p99_ms": 1e3 * at(refused, 0.99) if refused else None,
    }


def at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def watched(service: Serving, photo: Path, requests: int) -> list[dict]:
    """The memory of the service after each tenth of many requests."""
    found = [{"requests": 0, "megabytes": service.megabytes()}]
    for tenth in range(1, 11):
        options = ["-n", str(requests // 10)]
        text = subprocess.run(
            command(service, photo, CLIENTS, *options), capture_output=True, text=True, check=True
        ).stdout
        entry = {"requests": tenth * (requests // 10), "megabytes": service.megabytes()}
        found.append(entry | {"answered": summary([text])["answered"]})
        print(entry, file=sys.stderr)
    return found


def version() -> str:
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "hey"], capture_output=True, text=True, check=False
    )
    return found.stdout or "unknown"


if __name__ == "__main__":
    main()
