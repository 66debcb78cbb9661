"""How much processor time a photo costs: pawsight.compat beside Keras' own legacy generator.

    python benchmarks/compat/run.py PHOTOS [--rounds 10] [--batches 20]

PHOTOS is a folder that holds a folder per class. Both generators have the
settings of the Colab script (rescale, shear, zoom, flip; 150 x 150 pixels;
batches of 32) and take turns, so that a machine whose speed drifts favours
neither. Processor time of the whole process is counted, so that several cores
win nothing. The first epoch, in which photos are decoded, is counted apart from
later ones. Writes results.json and results.md here.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.compat import ImageDataGenerator

HERE = Path(__file__).resolve().parent
GOAL = 4.0
SETTINGS = {"rescale": 1 / 255, "shear_range": 0.2, "zoom_range": 0.2, "horizontal_flip": True}
FLOW = {"target_size": (150, 150), "batch_size": 32, "class_mode": "binary", "shuffle": False}


def main() -> None:
    arguments = parsed()
    from keras.src.legacy.preprocessing.image import ImageDataGenerator as Reference

    warnings.simplefilter("ignore", DeprecationWarning)  # Keras calls SciPy by an old name
    ours = ImageDataGenerator(**SETTINGS).flow_from_directory(arguments.photos, **FLOW)
    theirs = Reference(**SETTINGS).flow_from_directory(arguments.photos, **FLOW)
    count = min(arguments.batches, ours.n // ours.batch_size)
    if count == 0:
        sys.exit(f"{arguments.photos} holds fewer than {ours.batch_size} photos; give more.")
    compiling(arguments.photos)
    first = milliseconds(ours, count)
    rounds = [
        {"pawsight": milliseconds(ours, count), "keras": milliseconds(theirs, count)}
        for _ in range(arguments.rounds)
    ]
    ratios = [one["keras"] / one["pawsight"] for one in rounds]
    keras = statistics.median(one["keras"] for one in rounds)
    save(
        {
            "machine": describe(),
            "photos": count * ours.batch_size,
            "rounds": rounds,
            "first_epoch": first,
            "later_epochs": statistics.median(one["pawsight"] for one in rounds),
            "keras": keras,
            "times_as_fast_in_the_first_epoch": keras / first,
            "times_as_fast": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
        }
    )


def compiling(photos: str) -> None:
    """Let the warp be compiled before anything is counted."""
    next(ImageDataGenerator(**SETTINGS).flow_from_directory(photos, **FLOW))


def milliseconds(batches: Any, count: int) -> float:
    """Processor time per photo, over the first `count` batches."""
    started = time.process_time()
    for index in range(count):
        batches[index]
    return (time.process_time() - started) / (count * batches.batch_size) * 1000


def save(found: dict[str, Any]) -> None:
    """Write what was found, and show it."""
    (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    later = f"{found['times_as_fast']:.1f} ({found['lowest']:.1f} to {found['highest']:.1f})"
    first = f"{found['times_as_fast_in_the_first_epoch']:.1f}"
    verdict = "reached" if found["times_as_fast"] >= GOAL else "not reached"
    text = f"""\
# The old generator, beside Keras' own

{found["machine"]}

Processor time per photo; {found["photos"]} photos, {len(found["rounds"])} rounds in turns,
the settings of the Colab script.

| | ms per photo | times as fast as Keras |
|---|---|---|
| Keras' legacy generator | {found["keras"]:.2f} | 1 |
| pawsight.compat, first epoch | {found["first_epoch"]:.2f} | {first} |
| pawsight.compat, later epochs | {found["later_epochs"]:.2f} | {later} |

Goal: {GOAL:.0f} times as fast in later epochs: {verdict}.
"""
    (HERE / "results.md").write_text(text, encoding="utf-8")
    print(text)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--batches", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
