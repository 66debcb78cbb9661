"""Open damaged files of every kind that pawsight reads besides photos: none may do more than fail.

    make fuzz-files ARGS="--count 50000 --kinds plan.json,model.onnx"

The files of a finished run, tables, archives and weights are damaged as `seed` and a number say
(bytes as in fuzz_decode; JSON also by odd values in the place of others) and opened as the command
that reads them does, in a process with a limit on its memory. Of half the files that are zip
archives a single member is damaged, and most checkpoints have a checksum that fits: else hardly
one would come further than that. Each may open, or end in an error
for people (PawsightError). Culprits are any other exception, a crash, more than 10 seconds of
processor time, memory beyond 2 GiB, text on standard output or error, and a program, a pickle
or a connection begun while it is opened. `--only KIND:i` opens one again, in this process.

A process that ends or hangs is recorded with what it printed last, and its case is opened once
more in a new process: a culprit says what came of that, too. What goes wrong beside the opening,
such as a full disk, is the outcome "harness".

Writes results.json and results.md here; exits with 1 if there was a culprit.
"""

import argparse
import contextlib
import copy
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "fuzz_decode")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from kinds import Kind, kinds_of, saved_by_keras, trained  # noqa: E402
from mutate import mutate  # noqa: E402

from pawsight.errors import PawsightError  # noqa: E402

MAX_SECONDS = 10.0  # of processor time
HANG_SECONDS = 120.0
ENDING = ("crash", "hang", "harness")  # outcomes after which the process is replaced
MEMORY_BYTES = 2 << 30  # beyond what the process has before
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class")
FORBIDDEN += ("socket.connect", "code.__new__", "import.exec")
ODD = (
    None,
    True,
    -1,
    0,
    1e308,
    2**63,
    10**400,
    "",
    "x" * 5000,
    "\0",
    "\ud800",
    [],
    {},
    [[]],
    {"": 0},
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50_000, help="cases of each kind")
    parser.add_argument("--kinds", default="", help="names, separated by commas; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10**6, help="of a kind, at most")
    parser.add_argument("--run", type=Path, help="a finished run; default: a small one is trained")
    parser.add_argument("--only", help="KIND:i, opened here, with its traceback")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pawsight-fuzz-") as name:
        work = Path(name)
        kinds = kinds_of(given.run or trained(work))
        if given.only:
            kind, _, index = given.only.partition(":")
            with_originals = _with_originals(kinds[kind], work)
            how, _ = _write(work, kind, with_originals, given.seed, int(index))
            print(how)
            print(with_originals.opens(work))
            return 0
        chosen = given.kinds.split(",") if given.kinds else list(kinds)
        failures = 0
        for kind in chosen:
            found = fuzz(kind, kinds[kind], given.seed, given.count, given.minutes, work / kind)
            failures += len(found["culprits"])
            print(
                f"{kind}: {found['count']:,} cases, {len(found['culprits'])} culprits", flush=True
            )
            _save(given.out, kind, found)
    return 1 if failures else 0


def _with_originals(kind: Kind, work: Path) -> Kind:
    if kind.originals:
        return kind
    return replace(kind, originals=(saved_by_keras(work),))


def _write(work: Path, name: str, kind: Kind, seed: int, index: int) -> tuple[str, int]:
    """Write case i; returns what was done to the file, and its size."""
    draw = random.Random(f"{name} {seed} {index}")
    original = draw.choice(kind.originals)
    if name.endswith(".json") and draw.random() < 0.6:
        how, data = _odd_json(original, draw)
    else:
        how, data = _damaged(kind, original, draw.choice(kind.originals), draw)
    path = work / kind.place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return how, len(data)


def _damaged(kind: Kind, original: bytes, other: bytes, draw: random.Random) -> tuple[str, bytes]:
    """Damage the file, or one member of a zip archive with the archive's checksums right."""
    if kind.is_zip and draw.random() < 0.5:
        how, data = _damaged_member(original, draw)
    else:
        how, data = mutate(original, other, draw)
    if kind.seal and draw.random() < 0.8:
        return f"{how}, sealed", kind.seal(data)
    return how, data


def _damaged_member(original: bytes, draw: random.Random) -> tuple[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(original)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(list(members))
    if name.endswith(".json") and draw.random() < 0.6:
        how, members[name] = _odd_json(members[name], draw)
    else:
        how, members[name] = mutate(members[name], draw.choice(list(members.values())), draw)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for one, content in members.items():
            archive.writestr(zipfile.ZipInfo(one), content)
    return f"{how} in {name}", data.getvalue()


def _odd_json(original: bytes, draw: random.Random) -> tuple[str, bytes]:
    """Put odd values in the place of some, drop some, or add some."""
    whole = json.loads(original)
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        places = list(_places(whole))
        if not places:
            break
        inside, key = draw.choice(places)
        way = draw.choice(("replace", "replace", "replace", "drop", "add"))
        if way == "replace":
            inside[key] = copy.deepcopy(draw.choice((*ODD, inside)))
            with contextlib.suppress(ValueError):
                json.dumps(whole)
                continue
            inside[key] = None
        elif way == "drop":
            del inside[key]
        elif isinstance(inside, dict):
            inside[draw.choice(("", "x", "kind", "__class__"))] = copy.deepcopy(draw.choice(ODD))
        else:
            inside.append(copy.deepcopy(draw.choice(ODD)))
    return "odd values", json.dumps(whole).encode()


def _places(value: Any) -> Any:
    """Yield each container and key within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def fuzz(name: str, kind: Kind, seed: int, count: int, minutes: float, work: Path) -> dict:
    """Open the cases 0..count-1 of a kind; a process that dies or hangs is replaced."""
    began, index, counts, culprits = time.monotonic(), 0, Counter(), []
    count = min(count, kind.most)
    most = {"seconds": 0.0, "megabytes": 0.0}
    while index < count and time.monotonic() - began < 60 * minutes:
        opener = _Opener(name, kind, seed, range(index, min(count, index + 5000)), work)
        for index in opener.share:
            if time.monotonic() - began > 60 * minutes:
                count = index
                break
            outcome, said, seconds, megabytes = opener.result()
            counts[outcome] += 1
            most = {
                "seconds": max(most["seconds"], seconds),
                "megabytes": max(most["megabytes"], megabytes),
            }
            if outcome not in ("opened", "refused"):
                culprits.append({"index": index, "outcome": outcome, "said": said})
            if outcome in ENDING:
                opener.close()
                again = _Opener(name, kind, seed, range(index, index + 1), work)
                culprits[-1]["again"] = again.result()[:2]
                again.close()
                break
        opener.close()
        index += 1
    index = min(index, count)
    return {"count": index, "seed": seed, "outcomes": dict(counts), **most, "culprits": culprits}


class _Opener:
    """A process that opens a share of the cases; its standard error is kept in a file."""

    def __init__(self, name: str, kind: Kind, seed: int, share: range, work: Path) -> None:
        self.share = share
        self._caught = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        fork = multiprocessing.get_context("fork")
        self._ours, theirs = fork.Pipe()
        self._process = fork.Process(
            target=_work, args=(theirs, self._caught.fileno(), name, kind, seed, share, work)
        )
        self._process.start()
        theirs.close()

    def result(self) -> tuple[str, str, float, float]:
        """Return the outcome of the next case, what is said of it, its seconds and megabytes."""
        try:
            if self._ours.poll(HANG_SECONDS):
                found: tuple[str, str, float, float] = self._ours.recv()
                return found
        except (EOFError, ConnectionError):
            self._process.join()
            return "crash", f"exit code {self._process.exitcode}: {self._printed()}", 0.0, 0.0
        return "hang", f"more than {HANG_SECONDS:.0f} s: {self._printed()}", HANG_SECONDS, 0.0

    def _printed(self) -> str:
        """Return the end of what the process printed."""
        size = os.fstat(self._caught.fileno()).st_size
        text = os.pread(self._caught.fileno(), 4000, max(0, size - 4000))
        return text.decode(errors="replace").strip()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()
        self._caught.close()


def _work(
    pipe: Connection, caught: int, name: str, kind: Kind, seed: int, share: range, work: Path
) -> None:
    for descriptor in (1, 2):
        os.dup2(caught, descriptor)
    try:
        _open_all(pipe, caught, name, kind, seed, share, work)
    except Exception:  # noqa: BLE001 - of this program, or the machine: not of what it opens
        pipe.send(("harness", traceback.format_exc(), 0.0, 0.0))


def _open_all(
    pipe: Connection, caught: int, name: str, kind: Kind, seed: int, share: range, work: Path
) -> None:
    begun: list[str] = []
    sys.addaudithook(lambda event, _: begun.append(event) if event in FORBIDDEN else None)
    if kind.beside:
        shutil.copytree(kind.beside, work, dirs_exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    kind = _with_originals(kind, work)
    path = work / kind.place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(kind.originals[0])
    kind.opens(work)  # loads what is loaded once
    memory = _Memory()
    for index in share:
        _write(work, name, kind, seed, index)
        begun.clear()
        printed = os.fstat(caught).st_size
        outcome, said, seconds, megabytes = _open_one(kind, work, memory)
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fstat(caught).st_size > printed:
            text = os.pread(caught, 200, printed)
            outcome, said = "printed", text.decode(errors="replace")
        if begun:
            outcome, said = "executed", ", ".join(begun)
        pipe.send((outcome, said, seconds, megabytes))


class _Memory:
    """Measures and limits the memory that this process takes while it opens a case."""

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._clear_refs = os.open("/proc/self/clear_refs", os.O_WRONLY)
        self._limit = self._bytes(b"VmSize") + MEMORY_BYTES
        self._before = 0

    def start(self) -> None:
        """Set the peak back to what is taken now, and the limit to that and MEMORY_BYTES."""
        resource.setrlimit(resource.RLIMIT_AS, (self._limit, resource.RLIM_INFINITY))
        os.pwrite(self._clear_refs, b"5", 0)
        self._before = self._bytes(b"VmHWM")

    def taken(self) -> float:
        """Lift the limit; return the peak since `start` beyond what was taken then, in MB."""
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return round((self._bytes(b"VmHWM") - self._before) / 1e6, 1)

    def _bytes(self, key: bytes) -> int:
        found = re.search(rb"%s:\s+(\d+)" % key, os.pread(self._status, 4096, 0))
        return 1024 * int(found[1]) if found else 0


def _open_one(kind: Kind, work: Path, memory: _Memory) -> tuple[str, str, float, float]:
    memory.start()
    began, said = time.process_time(), ""
    try:
        kind.opens(work)
        outcome = "opened"
    except PawsightError:
        outcome = "refused"
    except MemoryError:
        outcome = "memory"
    except BaseException as error:  # noqa: BLE001 - what must never happen, and is counted
        at = traceback.extract_tb(error.__traceback__)[-1]
        outcome = "unexpected"
        said = f"{type(error).__name__}: {error}"[:200] + f" ({Path(at.filename).name}:{at.lineno})"
    seconds = time.process_time() - began
    if seconds > MAX_SECONDS:
        outcome, said = "slow", f"{seconds:.1f} s"
    return outcome, said, round(seconds, 3), memory.taken()


def _save(path: Path, kind: str, found: dict) -> None:
    import machine

    saved = json.loads(path.read_text()) if path.is_file() else {}
    saved["machine"] = machine.describe()
    saved.setdefault("kinds", {})[kind] = found
    path.write_text(json.dumps(saved, indent=1) + "\n")
    lines = [
        "# Damaged files, opened",
        "",
        f"{saved['machine']} Written by `make fuzz-files`; run.py says what counts as a culprit.",
        "",
        "| file | cases | seed | opened | refused | culprits | longest | most memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in saved["kinds"].items():
        opened, refused = (one["outcomes"].get(key, 0) for key in ("opened", "refused"))
        lines.append(
            f"| {name} | {one['count']:,} | {one['seed']} | {opened:,} | {refused:,} | "
            f"{len(one['culprits'])} | {one['seconds']:.2f} s | {one['megabytes']:,.0f} MB |"
        )
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
