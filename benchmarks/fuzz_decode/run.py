"""Decode damaged files by the thousand: none may crash, hang, or take memory without bound.

    python benchmarks/fuzz_decode/run.py [--count 100000] [--photos FOLDER] [--seed 0]

Pictures are drawn and written as every kind of file that pawsight reads; --photos
adds real ones, written again in the same way. File i is damaged as `seed` and i say,
and decoded as ingest does it, in a process that may not take more memory than
pawsight promises. Warnings count as errors, and what a library prints is caught.
`--only i` decodes one file again, in this process, to look into it.

Counts what came of them by kind of file, and names the slowest and the hungriest.
The bytes of a culprit are saved below --culprits. Writes results.json and
results.md here. Exits with 1 if there was a culprit.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from kinds_of_file import every_kind
from mutate import mutate

from machine import describe
from pawsight.data.decoding.decode import examine
from pawsight.data.decoding.limits import MAX_MEMORY_BYTES
from pawsight.errors import PhotoError

HERE = Path(__file__).resolve().parent
SLOW_SECONDS = 5.0
HANG_SECONDS = 60.0
CULPRITS = ("crash", "hang", "slow", "memory", "printed", "unexpected")
GOALS = (((150, 150), "stretch"), ((40, 60), "crop"), ((300, 200), "pad"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--photos", type=Path, help="a folder of real photos")
    parser.add_argument("--num-photos", type=int, default=10, help="how many of them are used")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--culprits", type=Path, default=HERE / "culprits")
    parser.add_argument("--only", type=int, help="decode this file alone, here")
    parser.add_argument("--out", type=Path, default=HERE, help="where the results go")
    arguments = parser.parse_args()
    originals = draw_originals() + real_originals(arguments.photos, arguments.num_photos)
    if arguments.only is not None:
        kind, how, data = damaged(originals, arguments.seed, arguments.only)
        print(kind, how, len(data), "bytes")
        print(decode_one(data, arguments.only))
        return 0
    start = time.monotonic()
    records = fuzz(originals, arguments.seed, arguments.count, arguments.workers)
    results = {
        "machine": describe(),
        "count": len(records),
        "seed": arguments.seed,
        "originals": len(originals),
        "with_photos": arguments.photos is not None,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "worst": worst(records),
        "kinds": by_kind(records),
        "reasons": dict(Counter(r["said"] for r in records).most_common()),
        "culprits": [r for r in records if r["outcome"] in CULPRITS],
    }
    for record in results["culprits"]:
        arguments.culprits.mkdir(parents=True, exist_ok=True)
        name = f"{arguments.seed}-{record['index']}-{record['outcome']}"
        data = damaged(originals, arguments.seed, record["index"])[2]
        (arguments.culprits / name).write_bytes(data)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.out / "results.md").write_text(as_markdown(results))
    print(as_markdown(results))
    return 1 if results["culprits"] else 0


def draw_originals() -> list[tuple[str, bytes]]:
    """Two pictures of soft shapes, small and larger, as every kind of file."""
    found = []
    for width, height in ((96, 64), (500, 375)):
        yy, xx = np.mgrid[0:height, 0:width]
        waves = [np.sin(xx / 9 + k) * 60 + np.cos(yy / 7 - k) * 50 + 128 for k in range(3)]
        picture = Image.fromarray(np.stack(waves, -1).astype(np.uint8))
        found += every_kind(picture).items()
    return found


def real_originals(folder: Path | None, count: int) -> list[tuple[str, bytes]]:
    """Some photos of a folder, as every kind of file."""
    if folder is None:
        return []
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    found = []
    for path in random.Random(0).sample(paths, min(count, len(paths))):
        with Image.open(path) as image:
            image.thumbnail((640, 640))
            found += every_kind(image).items()
    return found


def damaged(originals: list[tuple[str, bytes]], seed: int, index: int) -> tuple[str, str, bytes]:
    """Give the kind of file i, what was done to it, and its bytes."""
    rng = random.Random(f"{seed}-{index}")
    kind, data = rng.choice(originals)
    how, data = mutate(data, rng.choice(originals)[1], rng)
    return kind, how, data


def fuzz(originals: list, seed: int, count: int, num_workers: int) -> list[dict]:
    """Decode files 0..count-1; a worker that dies or hangs is replaced."""
    waiting = list(range(count))[::-1]
    records, workers = [], {}
    while waiting or workers:
        while waiting and len(workers) < num_workers:
            share = [waiting.pop() for _ in range(min(500, len(waiting)))]
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=work, args=(theirs, originals, seed, share))
            process.start()
            theirs.close()
            workers[ours] = [process, share, time.monotonic()]
        for ours in wait(list(workers), timeout=1):
            process, share, _ = workers[ours]
            try:
                records.append(ours.recv())
                share.remove(records[-1]["index"])
                workers[ours][2] = time.monotonic()
            except EOFError:
                process.join()
                del workers[ours]
                if share:  # it died over the first of the rest
                    records.append(lost(originals, seed, share[0], "crash", process.exitcode))
                    waiting += share[:0:-1]
        for ours, (process, share, since) in list(workers.items()):
            if share and time.monotonic() - since > HANG_SECONDS:
                process.kill()
                process.join()
                del workers[ours]
                records.append(lost(originals, seed, share[0], "hang", HANG_SECONDS))
                waiting += share[:0:-1]
        if len(records) % 5000 < num_workers and records:
            print(f"{len(records):,} of {count:,}", end="\r", file=sys.stderr)
    return sorted(records, key=lambda record: record["index"])


def lost(originals: list, seed: int, index: int, outcome: str, detail: float) -> dict:
    kind, how, data = damaged(originals, seed, index)
    reason = f"{outcome} ({detail})"
    return {
        **{"index": index, "kind": kind, "how": how, "bytes": len(data), "outcome": outcome},
        **{"said": reason, "seconds": 0.0, "megabytes": 0.0},
    }


def work(pipe: Connection, originals: list, seed: int, share: list[int]) -> None:
    """Decode a share of the files, in a process of its own."""
    warnings.simplefilter("error")
    caught = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
    os.dup2(caught.fileno(), 2)
    examine(originals[0][1], (64, 64), "stretch")  # loads what is loaded once
    for index in share:
        kind, how, data = damaged(originals, seed, index)
        record = {"index": index, "kind": kind, "how": how, "bytes": len(data)}
        pipe.send(record | decode_one(data, index))
    pipe.close()


def decode_one(data: bytes, index: int) -> dict:
    """Decode, and record the outcome."""
    image_size, resize = GOALS[index % len(GOALS)]
    before_text = os.lseek(2, 0, os.SEEK_CUR) if not sys.stderr.isatty() else 0
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is taken now
    before = peak_megabytes()
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MAX_MEMORY_BYTES, resource.RLIM_INFINITY))
    start = time.process_time()
    try:
        facts, pixels = examine(data, image_size, resize, keep_truncated=index % 2 == 0)
        assert pixels.shape == (*image_size, 3) and pixels.dtype == np.uint8
        outcome, reason = "decoded", "decoded" + (" with a flaw" if facts.flaw else "")
    except PhotoError as error:
        outcome, reason = "refused", re.sub(r"(?<!JPEG )\b\d+", "N", str(error))
        if "more memory" in reason:
            outcome = "memory"
    except Exception as error:  # noqa: BLE001 - what must never happen, and is counted
        outcome, reason = "unexpected", f"{type(error).__name__}: {error}"[:200]
    seconds = time.process_time() - start
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    megabytes = peak_megabytes() - before
    if seconds > SLOW_SECONDS:
        outcome = "slow"
    if not sys.stderr.isatty() and os.lseek(2, 0, os.SEEK_CUR) != before_text:
        length = os.lseek(2, 0, os.SEEK_CUR) - before_text
        outcome, reason = "printed", repr(os.pread(2, min(length, 200), before_text))
    return {
        **{"outcome": outcome, "said": reason},
        **{"seconds": round(seconds, 3), "megabytes": round(megabytes, 1)},
    }


def peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def worst(records: list[dict]) -> dict[str, list[dict]]:
    return {
        key: sorted(records, key=lambda record: -record[key])[:10]
        for key in ("seconds", "megabytes")
    }


def by_kind(records: list[dict]) -> dict[str, dict[str, int]]:
    kinds: dict[str, Counter] = {}
    for record in records:
        kinds.setdefault(record["kind"], Counter())[record["outcome"]] += 1
    return {kind: dict(kinds[kind]) for kind in sorted(kinds)}


def as_markdown(results: dict) -> str:
    kinds, worst_ = results["kinds"], results["worst"]
    lines = [
        "# Damaged files, decoded",
        "",
        f"{results['count']:,} files from {results['originals']} originals "
        f"({'drawn and real' if results['with_photos'] else 'drawn'}), seed {results['seed']}, "
        f"{results['minutes']} minutes.",
        "",
        f"Crashes, hangs over {SLOW_SECONDS:.0f} s, memory over "
        f"{MAX_MEMORY_BYTES / 2**30:.0f} GiB, printed warnings, unexpected errors: "
        f"**{len(results['culprits'])}**. Slowest {worst_['seconds'][0]['seconds']:.2f} s, "
        f"most memory {worst_['megabytes'][0]['megabytes']:,.0f} MB.",
        "",
        "| kind of file | files | decoded | refused | culprits |",
        "|---|---|---|---|---|",
    ]
    for kind, found in kinds.items():
        bad = sum(found.get(name, 0) for name in CULPRITS)
        row = (sum(found.values()), found.get("decoded", 0), found.get("refused", 0), bad)
        lines.append(f"| {kind} | " + " | ".join(f"{n:,}" for n in row) + " |")
    lines += ["", "| what came of them | files |", "|---|---|"]
    lines += [f"| {said} | {count:,} |" for said, count in results["reasons"].items()]
    for key, unit in (("seconds", "s"), ("megabytes", "MB")):
        lines += [
            "",
            f"| most {key} | kind of file | damage | bytes | index |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {r[key]:,.2f} {unit} | {r['kind']} | {r['how']} | {r['bytes']:,} | {r['index']} |"
            for r in worst_[key]
        ]
    return "\n".join([*lines, "", results["machine"], ""])


if __name__ == "__main__":
    sys.exit(main())
