"""How fast `pawsight predict` goes through a folder, beside its own ceilings and beside Keras.

    python benchmarks/predict/run.py PHOTOS [--model RUN] [--count 2500] [--rounds 3]

Everything is measured in processes of their own, which take turns:

- one photo: `pawsight predict PHOTO`, from the start of the process to its end
- folder: `pawsight predict FOLDER`, the whole process, and its largest memory;
  and the same folder named four times, to see whether memory grows
- stream: `predict_iter` over the same photos, in a process that has loaded the
  model and looked at a few of them
- decode ceiling: reading and decoding the same photos, and nothing else, with a
  process for each core, which is running already
- model ceiling: the model on pixels that are decoded already; the faster of
  pawsight's way (a call of 4 photos on each core) and ONNX Runtime's own (calls
  of 32 photos, all cores share each)
- Keras: the same network from a .keras file, `load_model` and `predict` over
  `image_dataset_from_directory` in batches of 32; the whole process

The ceiling of the model is without its detector of photos unlike the training set, which predicting
runs as well; the rate of both together stands beside it.

Decoding and model share the cores. So beside each ceiling stands what both
together allow: 1 / (1 / decode + 1 / model).

PHOTOS is a folder; --count of its JPEGs are drawn by lot with --seed. Without
--model it is the model in the package; Keras then stays out, since no .keras
file is made of it. Writes results.json and results.md into --out, by default
here.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
WAYS = ("folder", "stream", "decode", "model", "four_times", "keras")
PART = (sys.executable, str(HERE / "parts.py"))  # one way, in a process of its own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="builtin", help="a run folder; else the package's own")
    parser.add_argument("--count", type=int, default=2500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", type=int, default=10, help="how often one photo is predicted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="predict-") as scratch:
        folder = choose(arguments.photos, Path(scratch), arguments.count, arguments.seed)
        results = measure(folder, arguments, Path(scratch))
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.out / "results.md").write_text(as_markdown(results))
    print((arguments.out / "results.md").read_text())


def choose(photos: Path, scratch: Path, count: int, seed: int) -> Path:
    """Draw photos by lot, and put them into a folder of their own."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    folder = scratch / "folder" / "photos"
    folder.mkdir(parents=True)
    for number, path in enumerate(random.Random(seed).sample(found, min(count, len(found)))):
        target = folder / f"{number:05}.jpg"
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
        target.read_bytes()  # into the system's cache, for all ways alike
    return folder


def measure(folder: Path, arguments: argparse.Namespace, scratch: Path) -> dict:
    from machine import describe

    model = arguments.model
    of_model = [] if model == "builtin" else ["--model", model]
    predict = [sys.executable, "-m", "pawsight", "predict", *of_model]
    one = next(folder.iterdir())
    alone = [clocked([*predict, one])["seconds"] for _ in range(arguments.cold + 1)][1:]
    keras_model = scratch / "model.keras"
    trouble = part("save_keras", keras_model, model).get("error")
    has_keras = trouble is None
    found: dict[str, list] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        found["folder"].append(clocked([*predict, folder, "--format", "csv"]))
        found["stream"].append(part("stream", folder, model))
        found["decode"].append(part("decode", folder, model))
        found["model"].append(part("model", folder, model))
        if has_keras:
            found["keras"].append(clocked([*PART, "keras", folder, keras_model]))
    found["four_times"].append(clocked([*predict, *[folder] * 4, "--format", "csv"]))
    agreement = agreement_with_keras(predict, folder, keras_model) if has_keras else None
    return {
        "machine": describe(),
        "model": model,
        "photos": len(list(folder.iterdir())),
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "one_photo_seconds": alone,
        "ways": found,
        "same_answer_as_keras": agreement,
        "no_keras": trouble,
    }


def clocked(command: list) -> dict:
    """Run a command; the seconds from its start to its end, and its largest memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    message = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{command} failed:\n{message.decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": round(seconds, 3), "megabytes": round(used.ru_maxrss * unit / 1e6)}


def part(name: str, folder: Path, model: str) -> dict:
    command = [*PART, name, str(folder), str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def agreement_with_keras(predict: list, folder: Path, keras_model: Path) -> float:
    """The share of photos for which both predict the same class."""
    text = subprocess.run(
        [*predict, str(folder), "--format", "jsonl"], capture_output=True, text=True, check=True
    ).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    names = list(rows[0])[list(rows[0]).index("error") + 1 :]
    ours = [names.index(row["label"]) if row["label"] else -1 for row in rows]
    theirs = part("keras", folder, str(keras_model))["labels"]
    return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)


def as_markdown(results: dict) -> str:
    count, ways = results["photos"], results["ways"]
    middle = statistics.median
    seconds = middle(one["seconds"] for one in ways["folder"])
    running, decode, model = (
        middle(one["rate"] for one in ways[way]) for way in ("stream", "decode", "model")
    )
    both = 1 / (1 / decode + 1 / model)
    answered = middle(one["answered"] for one in ways["model"])
    whole = count / seconds
    slower = min(decode, model)
    lines = [
        "# Prediction of a folder",
        "",
        f"{count:,} photos, model {results['model']}, seed {results['seed']}. "
        f"Medians of {results['rounds']} rounds in one run.",
        "",
        "| | photos/s | of the slower ceiling | of what both allow |",
        "|---|---|---|---|",
        f"| `pawsight predict FOLDER`, the whole process ({seconds:.1f} s) | {whole:,.0f} "
        f"| {whole / slower:.0%} | {whole / both:.0%} |",
        f"| `predict_iter`, the model loaded | {running:,.0f} "
        f"| {running / slower:.0%} | {running / both:.0%} |",
        f"| ceiling: decoding alone, all cores | {decode:,.0f} | | |",
        f"| ceiling: the model alone, all cores | {model:,.0f} | | |",
        f"| the model and its detector of other photos, without decoding | {answered:,.0f} | | |",
        f"| ceiling: one after the other, all cores | {both:,.0f} | | |",
    ]
    if ways["keras"]:
        theirs = middle(one["seconds"] for one in ways["keras"])
        memory = max(one["megabytes"] for one in ways["keras"])
        lines += [
            f"| Keras, `load_model` and `predict`, the whole process ({theirs:.1f} s) "
            f"| {count / theirs:,.0f} | {count / theirs / slower:.0%} "
            f"| {count / theirs / both:.0%} |",
            "",
            f"pawsight is {theirs / seconds:.1f} times as fast as Keras, which takes "
            f"{memory:,} MB at most. Both say the same of "
            f"{results['same_answer_as_keras']:.1%} of the photos.",
        ]
    else:
        lines += ["", f"Without Keras: {results['no_keras']}"]
    alone = results["one_photo_seconds"]
    lines += [
        "",
        f"Memory: {max(one['megabytes'] for one in ways['folder']):,} MB at most; "
        f"{ways['four_times'][0]['megabytes']:,} MB for {4 * count:,} photos.",
        "",
        f"One photo, from the start of the process to its end: {middle(alone):.2f} s "
        f"(median of {len(alone)}; {min(alone):.2f} to {max(alone):.2f} s).",
        "",
        results["machine"],
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
