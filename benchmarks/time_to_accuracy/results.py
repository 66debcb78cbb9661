"""The saved results: one record per (contestant, budget, seed), and tables of them.

The file belongs to one machine, one set of versions and one set of photos;
what was measured elsewhere is never mixed in.
"""

import json
import statistics
from collections.abc import Callable
from pathlib import Path

from pawsight.storage.atomic import write_json, write_text

HERE = Path(__file__).resolve().parent
RESULTS_PATH = HERE / "results.json"
# What this project set out to reach: validation accuracy by the minutes of the whole process.
GOALS = {1.5: 0.869, 4.0: 0.93, 10.0: 0.9575, 30.0: 0.975}
NAMES = {
    "swift": "pawsight, swift",
    "colab_script": "the Colab script, import repaired",
    "keras_io": "keras.io, from scratch",
}
NOTHING_YET = (
    "Nothing measured yet: `make benchmark-time-to-accuracy ARGS=photos.zip` fills this in.\n"
)
_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"


def load(path: Path = RESULTS_PATH) -> dict:
    """The saved results; without a file, none yet."""
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"machine": None, "photos": None, "cells": []}


def open_for(path: Path, machine: str, photos: str) -> dict:
    """The results to go on with, which must be of this machine and these photos.

    Raises:
        SystemExit: They are not.
    """
    results = load(path)
    for what, now in (("machine", machine), ("photos", photos)):
        if results[what] not in (None, now):
            raise SystemExit(
                f"{path} holds results of another {what}:\n  {results[what]}\nand this is\n  {now}"
                f"\nName another file with --results, or remove that one."
            )
    return results | {"machine": machine, "photos": photos}


def find(results: dict, contestant: str, minutes: float | None, seed: int) -> dict | None:
    """The record of one cell, or None."""
    wanted = (contestant, minutes, seed)
    return next((one for one in results["cells"] if key(one) == wanted), None)


def key(record: dict) -> tuple:
    """What a record is one of a kind by."""
    return record["contestant"], record["minutes"], record["seed"]


def put(results: dict, record: dict, path: Path) -> None:
    """Add a record in the place of an earlier one of its cell, and save the file."""
    kept = [one for one in results["cells"] if key(one) != key(record)]
    results["cells"] = sorted([*kept, record], key=lambda one: tuple(map(str, key(one))))
    write_json(path, results)


def groups(results: dict) -> dict[tuple, list[dict]]:
    """Records by (contestant, minutes): contestants as in NAMES, short budgets first."""
    found: dict[tuple, list[dict]] = {}
    for record in results["cells"]:
        found.setdefault((record["contestant"], record["minutes"]), []).append(record)
    names = list(NAMES)
    return dict(sorted(found.items(), key=lambda item: (names.index(item[0][0]), item[0][1] or 0)))


def median(records: list[dict], name: str) -> float:
    return statistics.median(record[name] for record in records)


def middle(records: list[dict]) -> dict:
    """The record of the seed with the median accuracy; of two in the middle the lower one."""
    return sorted(records, key=lambda one: one["accuracy"])[(len(records) - 1) // 2]


def as_markdown(results: dict) -> str:
    """All tables, and what they were measured with."""
    if not results["cells"]:
        return NOTHING_YET
    found = groups(results)
    budgets = {minutes: found[one, minutes] for one, minutes in found if one == "swift"}
    scripts = {one: found[one, minutes] for one, minutes in found if one != "swift"}
    lines = []
    if budgets:
        lines += [
            "| `pawsight train --minutes` | whole process | validation accuracy | mirror image "
            "averaged in | goal | reached | seeds |",
            "|---|---|---|---|---|---|---|",
            *(_budget_row(minutes, records) for minutes, records in budgets.items()),
            "",
        ]
    if scripts:
        lines += [
            "| script | epochs | time | validation accuracy at the end | at its best epoch "
            "| seeds |",
            "|---|---|---|---|---|---|",
            *(_script_row(name, records) for name, records in scripts.items()),
            "",
        ]
    sizes = results.get("sizes", {})
    counted = ", ".join(f"{count:,} {part} photos" for part, count in sizes.items())
    lines += [f"{results['photos']}: {counted}. {results['machine']}  "]
    if results.get("ingest_seconds"):
        seconds = f"{results['ingest_seconds']:.0f} s"
        lines += [f"Reading and comparing the photos the first time took {seconds}.  "]
    commits = sorted({record["commit"] for record in results["cells"]})
    lines += [f"Medians of the seeds, their range in brackets. Measured at {', '.join(commits)}."]
    return "\n".join(lines) + "\n"


def _budget_row(minutes: float, records: list[dict]) -> str:
    accuracy, seconds = median(records, "accuracy"), median(records, "process_seconds")
    goal = GOALS.get(minutes)
    is_reached = goal is not None and accuracy >= goal and seconds <= minutes * 60
    cells = [
        f"{minutes:g}",
        f"{_spread(records, 'process_seconds', _seconds)} ({seconds / minutes / 60:.1%} of it)",
        f"**{_spread(records, 'accuracy', _percent)}**",
        _spread(records, "mirrored_accuracy", _percent),
        "" if goal is None else f"{goal * 100:g} %",
        "" if goal is None else ("yes" if is_reached else "no"),
        _seeds(records),
    ]
    return f"| {' | '.join(cells)} |"


def _script_row(name: str, records: list[dict]) -> str:
    done = [len(record["curve"]) for record in records]
    planned = records[0]["epochs_planned"]
    if min(done) == planned:
        epochs = f"{planned}"
    else:
        counts = " or ".join(map(str, sorted(set(done))))
        epochs = f"stopped after {counts} of {planned} epochs"
    best = [record | {"best": max(one for _, one in record["curve"])} for record in records]
    cells = [
        NAMES[name],
        epochs,
        _spread(records, "process_seconds", _seconds),
        f"**{_spread(records, 'accuracy', _percent)}**",
        _spread(best, "best", _percent),
        _seeds(records),
    ]
    return f"| {' | '.join(cells)} |"


def _spread(records: list[dict], name: str, formatted: Callable[[float], str]) -> str:
    """The median, and the range where it is one."""
    values = [record[name] for record in records]
    text = formatted(statistics.median(values))
    low, high = formatted(min(values)), formatted(max(values))
    return text if low == high else f"{text} ({low} to {high})"


def _seeds(records: list[dict]) -> str:
    return ", ".join(str(record["seed"]) for record in records)


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.1f} s"


def fill_page(page_path: Path, results: dict) -> None:
    """Write the tables into a page, between its two marks."""
    text = page_path.read_text(encoding="utf-8")
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    write_text(page_path, f"{head}{block(results)}{tail}")


def block(results: dict) -> str:
    """What stands in a page from its first mark to its second."""
    picture = (
        "![Validation accuracy over time](images/time_to_accuracy.png)\n\n"
        if results["cells"]
        else ""
    )
    return f"{_BEGIN}\n\n{picture}{as_markdown(results)}\n{_END}"
