"""Kill pawsight before each change of a file, and cut the power after each: nothing may be lost.

    make kill ARGS="--most 200 --random 100"

For each task of tasks.py, on 40 drawn photos and a plan of fixed epochs:

1.  Its changes of the file system are recorded by shim.c: creating, writing, cutting, renaming,
    linking, removing, and flushing a file or folder.
2.  It is killed with SIGKILL before each of them (with --most, before so many, spread evenly).
3.  The record is replayed to each prefix, and what a power cut may take is taken (replay.py).
    Equal states are tried once.
4.  From each of them on (with --most, from so many) the disk is full (ENOSPC for what needs
    space), or cannot be written at all (EROFS). The command ends by itself or with an error for
    people, never with a traceback. With --files the places are the first change of each file and
    folder, by its name. The two take turns, so that --minutes cuts off both alike, and with
    --continue the places that were tried are left out.
5.  All tasks in turn are killed at random moments, 50 of each. The moments of a task are drawn by
    --seed and recorded; a task that ends before its moment does not count. Each kill is written to
    the results at once: with --continue the command goes on after those that are there, and
    keeps the rest of the results.

The task "keras" is fit() with BackupAndRestore, for comparison: its failures are its own.

    make kill ARGS="--most 0 --random 50 --continue --minutes 60"

After each, what a user would do next is done (`resume`, or the same command), and what was
computed must be the same, bit for bit, as without the kill; `pawsight verify` must hold, and no
temporary file may stay. Needs a C compiler and Linux.
"""

import argparse
import errno
import functools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
FAULTS = ("ENOSPC", "EROFS")
_TEMPORARY = re.compile(r"^\.pawsight-[0-9a-f]{6}-\d+-[0-9a-f]{8}-")
NAMED = ("full", "space left", "Read-only file system")  # one of these is in the message
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]


def main() -> None:
    """Run all tasks, and write results.json and results.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tasks", default="", help="names, separated by commas; default: all")
    parser.add_argument("--most", type=int, default=10**9, help="kills, and states, of a task")
    parser.add_argument("--faults", type=int, help="faults of the disk of a task; default: --most")
    parser.add_argument(
        "--files", action="store_true", help="faults of the disk once for each file"
    )
    parser.add_argument("--random", type=int, default=50, help="kills at random moments of a task")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument(
        "--minutes", type=float, default=10**6, help="of a task, and of all random kills, at most"
    )
    parser.add_argument(
        "--continue", dest="goes_on", action="store_true", help="go on with the random kills"
    )
    parser.add_argument("--out", type=Path, default=FOLDER / "results.json")
    given = parser.parse_args()
    if "KILL_SHIM" not in os.environ:
        _start_with_shim()
    import tasks
    import trials

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    trials.import_everything()
    tasks.checkpoint_every_step()
    with tempfile.TemporaryDirectory(prefix="pawsight-kill-") as name:
        work = Path(name)
        photos = work / "photos"
        child = trials.Child(work / "drawing", lambda: _draw(photos, tasks.NUM_PHOTOS))
        if child.wait():
            sys.exit(child.answer())
        chosen = given.tasks.split(",") if given.tasks else list(tasks.TASKS)
        faults = given.most if given.faults is None else given.faults
        benches = [Bench(tasks.TASKS[one], photos, work / one) for one in chosen]
        for bench in benches:
            found = _saved(given.out).get(bench.name, {}) if given.goes_on else {}
            save = functools.partial(_save, given.out, bench.name, found)
            random_kills = found.get("random", {})
            if random_kills.get("seed") != given.seed or "moments" not in random_kills:
                found["random"] = {"seed": given.seed, "tried": 0, "moments": [], "failures": []}
            if given.most or faults or "changes" not in found:
                end = time.monotonic() + 60 * given.minutes
                bench.run(found, given.most, faults, given.files, end, save)
            save()
        _kill_at_random(benches, given.random, given.out, time.monotonic() + 60 * given.minutes)


def _kill_at_random(benches: list["Bench"], count: int, out: Path, end: float) -> None:
    """Kill each task once in turn, until each was killed so often; save after each kill."""
    for number in range(count):
        for bench in benches:
            found = _saved(out)[bench.name]
            while found["random"]["tried"] <= number and time.monotonic() < end:
                bench.kill_at_random(found["random"])
                _save(out, bench.name, found)


def _start_with_shim() -> None:
    """Compile the shim, and start this program again with it."""
    library = Path(tempfile.mkdtemp(prefix="pawsight-shim-")) / "shim.so"
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", library, FOLDER / "shim.c"]
    subprocess.run(command, check=True)
    more = {"LD_PRELOAD": str(library), "KILL_SHIM": str(library), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # A full disk would leave half a compiled module, which Python writes without looking.
    more["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, *sys.argv], env=os.environ | more, check=False)
    shutil.rmtree(library.parent)
    sys.exit(done.returncode)


def _draw(photos: Path, count: int) -> None:
    import pawsight

    pawsight.draw_sample(photos, count)


class Bench:
    """The trials of one task."""

    def __init__(self, task: Any, photos: Path, work: Path) -> None:
        self._task, self._photos, self._work = task, photos, work
        work.mkdir()
        self._beginning = work / "beginning"
        self._counter = work / "counter"
        self._log = work / "log"
        self._expected: Any = None  # until the task has run undisturbed
        self._seconds = 0.0
        self.name = task.name

    def run(
        self,
        found: dict[str, Any],
        most: int,
        most_faults: int,
        by_file: bool,
        end: float,
        save: Callable[[], None],
    ) -> None:
        """Record, kill, cut the power; the counts and every failure are added to what was found."""
        import replay

        inodes = self._undisturbed()
        changes = replay.read_log(self._log)
        print(f"{self.name}: {len(changes):,} changes in {self._seconds:.1f} s", flush=True)
        found |= {"changes": _by_kind(changes), "seconds": round(self._seconds, 2)}
        if most:
            found["states"] = self._cut_power(changes, inodes, most, end)
            found["kills"] = self._kill_each(len(changes), most, end)
        if most_faults:
            places = (
                _first_of_each(changes) if by_file else {str(i): i for i in range(len(changes))}
            )
            self._fail_each(found, places, most_faults, " files" if by_file else "", end, save)

    def kill_at_random(self, found: dict[str, Any]) -> None:
        """Kill the task at a moment drawn from its duration; count it where it still ran."""
        import tasks
        import trials

        if self._expected is None:
            self._undisturbed()
        number = found["tried"] + found.get("ended", 0)
        moment = random.Random(f"{self.name} {found['seed']} {number}").uniform(0, self._seconds)
        root = tasks.fresh(self._work / "killed", self._beginning)
        child = trials.Child(root, lambda: self._task.work(self._photos, root))
        code = child.wait(moment)
        if code == 0:
            self._seconds = time.monotonic() - child.started
            found["ended"] = found.get("ended", 0) + 1
            return
        found["tried"] += 1
        found["moments"].append(round(moment, 3))
        what = f"killed after {moment:.3f} s"
        if code != -signal.SIGKILL:
            self._failed(found, what, f"exit code {code}: {child.answer()}")
        elif wrong := self._goes_on(root):
            self._failed(found, what, wrong)

    def _undisturbed(self) -> dict[str, int]:
        """Run the task once, and keep its outcome; the inodes of the files it began with."""
        import replay
        import tasks
        import trials

        tasks.fresh(self._beginning)
        self._do(self._beginning, "prepare")
        root = tasks.fresh(self._work / "root", self._beginning)
        inodes = replay.inodes_of(root)
        counter = trials.new_counter(self._counter)
        child = trials.Child(root, lambda: self._task.work(self._photos, root), counter, self._log)
        if code := child.wait():
            raise SystemExit(f"{self._task.name} failed by itself ({code}): {child.answer()}")
        self._seconds = time.monotonic() - child.started
        self._expected = self._do(root, "outcome")
        return inodes

    def _do(self, root: Path, what: str) -> Any:
        """Do one thing to a folder in a child; what it returned, or SystemExit."""
        import trials

        child = trials.Child(root, lambda: getattr(self._task, what)(self._photos, root))
        if code := child.wait():
            raise SystemExit(f"{self._task.name}: {what} failed ({code}): {child.answer()}")
        return child.answer()

    def _goes_on(self, root: Path) -> str:
        """Go on after a kill; returns what is wrong then, or ""."""
        import tasks
        import trials

        def work() -> Any:
            self._task.go_on(self._photos, root)
            return [self._task.outcome(self._photos, root), tasks.leftovers(root)]

        child = trials.Child(root, work)
        if code := child.wait():
            return f"exit code {code}: {child.answer()}"
        outcome, left = child.answer()
        differing = [name for name in self._expected if outcome.get(name) != self._expected[name]]
        wrong = [f"differs: {', '.join(differing)}"] if differing else []
        return "; ".join(wrong + ([f"left: {', '.join(left)}"] if left else []))

    def _cut_power(
        self, changes: list[Any], inodes: dict[str, int], most: int, end: float
    ) -> dict[str, Any]:
        """Replay the record to each prefix; each different state is tried once."""
        places = self._states(changes, inodes)
        chosen = set(_spread(len(places), most))
        found = {"different": len(places), "tried": 0, "failures": []}
        wanted: dict[int, list[str]] = {}
        for i, (number, loss) in enumerate(places):
            if i in chosen:
                wanted.setdefault(number, []).append(loss)
        again = self._replay(inodes)
        for number in range(len(changes) + 1):
            for loss in wanted.get(number, ()):
                if time.monotonic() > end:
                    return found
                root = self._work / "cut"
                shutil.rmtree(root, ignore_errors=True)
                again.write(root, loss)
                found["tried"] += 1
                is_last = number == len(changes)
                if wrong := self._is_outcome(root) if is_last else self._goes_on(root):
                    self._failed(
                        found, f"power cut ({loss}) after change {number}", wrong, changes, number
                    )
            if number < len(changes):
                again.apply(changes[number])
        return found

    def _is_outcome(self, root: Path) -> str:
        """Check what is there once the command has returned: nothing needs to be done again."""
        import trials

        child = trials.Child(root, lambda: self._task.outcome(self._photos, root))
        if code := child.wait():
            return f"exit code {code}: {child.answer()}"
        return "" if child.answer() == self._expected else "the finished work is lost"

    def _states(self, changes: list[Any], inodes: dict[str, int]) -> list[tuple[int, str]]:
        """The prefixes and losses that leave different states, in order."""
        import replay

        seen: set[str] = set()
        found, again = [], self._replay(inodes)
        for number in range(len(changes) + 1):
            for loss in replay.LOSSES:
                digest = again.digest(loss)
                # The last ones are judged more strictly, so they are tried in any case.
                if digest not in seen or number == len(changes):
                    seen.add(digest)
                    found.append((number, loss))
            if number < len(changes):
                again.apply(changes[number])
        return found

    def _replay(self, inodes: dict[str, int]) -> Any:
        import replay

        again = replay.Replay(self._work / "root", self._beginning)
        again.note_inodes(inodes)
        return again

    def _kill_each(self, num_changes: int, most: int, end: float) -> dict[str, Any]:
        """Kill the task before its first, second, ... change."""
        import tasks
        import trials

        found = {"possible": num_changes, "tried": 0, "failures": []}
        for i in _spread(num_changes, most):
            if time.monotonic() > end:
                break
            root = tasks.fresh(self._work / "killed", self._beginning)
            counter = trials.new_counter(self._counter, i + 1)
            child = trials.Child(
                root, lambda root=root: self._task.work(self._photos, root), counter
            )
            child.wait()
            found["tried"] += 1
            if wrong := self._goes_on(root):
                self._failed(found, f"killed before change {i + 1}", wrong)
        return found

    def _fail_each(
        self,
        found: dict[str, Any],
        places: dict[str, int],
        most: int,
        of: str,
        end: float,
        save: Callable[[], None],
    ) -> None:
        """Let all changes of files fail from each of these changes on, in each way in turn.

        What was tried before, by the names of the places, is not tried again.
        """
        for name in FAULTS:
            earlier = found.get(name, {})
            if earlier.get("of") != of:
                found[name] = {"tried": 0, "places": [], "failures": [], "of": of}
            # Results without the names are of the first places.
            found[name].setdefault("places", list(places)[: found[name]["tried"]])
            found[name]["possible"] = len(places)
        chosen = [list(places)[k] for k in _spread(len(places), most)]
        for place in chosen:
            for name in FAULTS:
                if place not in found[name]["places"] and time.monotonic() < end:
                    self._fail_from(found[name], name, place, places[place])
                    save()

    def _fail_from(self, found: dict[str, Any], name: str, place: str, number: int) -> None:
        import tasks
        import trials

        root = tasks.fresh(self._work / "failed", self._beginning)
        counter = trials.new_counter(self._counter, number + 1, getattr(errno, name))
        child = trials.Child(root, lambda: self._task.work(self._photos, root), counter)
        code = child.wait()
        found["tried"] += 1
        found["places"].append(place)
        what = f"{name} from change {number + 1} on ({place})"
        if code not in (0, trials.REFUSED):
            self._failed(found, what, f"exit code {code}: {child.answer()}")
        elif code and not any(word in child.answer() for word in NAMED):
            self._failed(found, what, f"does not name the disk: {child.answer()}")
        if wrong := self._goes_on(root):
            self._failed(found, what, wrong)

    def _failed(
        self, found: dict[str, Any], what: str, wrong: str, changes: Any = (), number: int = 0
    ) -> None:
        near = [
            f"{one.op} {Path(one.path).name}" for one in changes[max(0, number - 3) : number + 1]
        ]
        print(f"  {self._task.name}, {what}: {wrong}  {near or ''}", flush=True)
        found["failures"].append(f"{what}: {wrong}")


def _by_kind(changes: list[Any]) -> dict[str, int]:
    names = {"C": "create", "T": "cut", "S": "resize", "W": "write", "F": "flush", "Y": "flush all"}
    names |= {"R": "rename", "L": "link", "U": "unlink", "D": "rmdir", "M": "mkdir"}
    found: dict[str, int] = {}
    for change in changes:
        found[names[change.op]] = found.get(names[change.op], 0) + 1
    return found


def _first_of_each(changes: list[Any]) -> dict[str, int]:
    """The first change of each file and folder, by its name, in their order."""
    first: dict[str, int] = {}
    for number, change in enumerate(changes):
        name = _TEMPORARY.sub("", Path(change.second or change.path).name)
        first.setdefault(name, number)
    return first


def _spread(count: int, most: int) -> Iterator[int]:
    """So many numbers below count, evenly spread; the first and the last among them."""
    if count <= most:
        return iter(range(count))
    return iter(sorted({round(i * (count - 1) / max(1, most - 1)) for i in range(most)}))


def _saved(path: Path) -> dict[str, Any]:
    """The results of the tasks that are in the file, by name."""
    return json.loads(path.read_text())["tasks"] if path.is_file() else {}


def _save(path: Path, name: str, found: dict[str, Any]) -> None:
    import machine

    saved = {"machine": machine.describe(), "tasks": _saved(path) | {name: found}}
    for file, text in (
        (path, json.dumps(saved, indent=1) + "\n"),
        (path.with_suffix(".md"), _page(saved)),
    ):
        new = file.with_name(f"{file.name}.new")
        new.write_text(text)
        new.replace(file)


_UNTRIED: dict[str, Any] = {"possible": 0, "tried": 0, "failures": []}


def _page(saved: dict[str, Any]) -> str:
    lines = [
        "# Kills and power cuts",
        "",
        f"{saved['machine']} Written by `make kill`; run.py says what is done. "
        "With --continue, earlier counts may be of other machines than this one, the last.",
        "",
        "| task | changes | power cuts: tried of different states | kills before a change: tried "
        "of possible | full disk: tried of possible | read-only disk: tried of possible | kills at "
        "random moments | failures |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in saved["tasks"].items():
        states, kills = (one.get(what, _UNTRIED) for what in ("states", "kills"))
        by_chance = one["random"]
        faults = [one.get(code, _UNTRIED) for code in FAULTS]
        failures = sum(len(each["failures"]) for each in (states, kills, *faults, by_chance))
        lines.append(
            f"| {name} | {sum(one['changes'].values()):,} | {states['tried']:,} of "
            f"{states.get('different', 0):,} | {kills['tried']:,} of {kills['possible']:,} | "
            + "".join(
                f"{each['tried']:,} of {each['possible']:,}{each.get('of', '')} | "
                for each in faults
            )
            + f"{by_chance['tried']:,} (seed {by_chance['seed']}) | {failures} |"
        )
    total = sum(one["random"]["tried"] for one in saved["tasks"].values())
    lines += ["", f"Kills at random moments in all: {total:,}."]
    if "keras" in saved["tasks"]:
        lines += ["", "keras is fit() with Keras' own BackupAndRestore, for comparison."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
