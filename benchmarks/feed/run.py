"""What the feed costs: read, decode, augment and step rates, and the rate of the whole loop.

    python benchmarks/feed/run.py [SOURCE] [--model colab] [--rounds 8] [--steps 25]

SOURCE is whatever `pawsight train` takes; the built-in sample if left out. The
train step on constant data and the fed loops take turns, a few seconds each,
so that a machine whose speed drifts favours none of them. "Lost to the feed"
compares the two within each round: by the clock, and by processor time, which
other programs on the machine disturb less. Writes results.json and results.md here.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.engine import prepare_tensorflow

prepare_tensorflow()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from pawsight.config import AugmentConfig, TrainConfig  # noqa: E402
from pawsight.models.registry import build_model  # noqa: E402
from pawsight.pictures.reading.ingest import ingest  # noqa: E402
from pawsight.pictures.reading.store import PixelStream  # noqa: E402
from pawsight.pipeline.augment import Augment  # noqa: E402
from pawsight.pipeline.batches import training_batches  # noqa: E402
from pawsight.training import precision, recipe  # noqa: E402
from pawsight.training.optimizers import build_optimizer  # noqa: E402
from pawsight.training.step import build_train_step  # noqa: E402

HERE = Path(__file__).resolve().parent
SCRIPT = AugmentConfig(shear_range=0.2, zoom_range=0.2, horizontal_flip=True)


def main() -> None:
    arguments = parsed()
    catalog, pixels = ingest(arguments.source, (arguments.image_size,) * 2)
    indices = catalog.usable
    labels = catalog.labels(indices)
    batch_size, rounds, steps = arguments.batch_size, arguments.rounds, arguments.steps
    photos = pixels.read(indices[:batch_size])
    augment = Augment(SCRIPT)
    stream = PixelStream(
        catalog.root, [photo.path for photo in catalog.photos], pixels.image_size, "stretch"
    )

    def batches(num_steps: int, changes: Augment | None = augment) -> tf.data.Dataset:
        return training_batches(
            pixels, indices, labels, batch_size, arguments.seed, changes, 0, num_steps
        )

    chosen = np.random.default_rng(arguments.seed).choice(indices, (rounds * steps, batch_size))
    drawn = augment.draw((arguments.seed, 0), batch_size, pixels.image_size)
    constant = tf.constant(photos)
    num_steps = rounds * steps + 1
    milliseconds = {
        "reading from the store": each(lambda k: pixels.read(chosen[k]), num_steps - 1),
        "decoding the files, all cores": each(lambda k: stream.read(chosen[k]), 12),
        "augmentation": each(lambda k: augment.apply(constant, drawn), num_steps),
        "the feed alone (read and augment)": each(calls(batches(num_steps)), num_steps),
    }
    step = build_step(arguments, len(catalog.class_names), len(indices))
    fixed = (tf.constant(photos, tf.float32), tf.constant(labels[:batch_size], tf.int32))
    loops = {
        "the train step alone, constant data": lambda: fixed,
        "fed, photos unchanged": calls(batches(num_steps, None)),
        "fed, photos augmented": calls(batches(num_steps)),
    }
    turns, processor_turns = in_turns(step, loops, rounds, steps)
    results = {
        "machine": describe(),
        "setting": f"{arguments.model}, {arguments.image_size}x{arguments.image_size}, batch "
        f"{batch_size}, {arguments.precision}, shear 0.2, zoom 0.2, horizontal flip; "
        f"{len(indices)} photos; {rounds} rounds of {steps} steps; seed {arguments.seed}",
        "milliseconds_per_batch": {
            name: spread(times) for name, times in (milliseconds | turns).items()
        },
        "processor_milliseconds_per_batch": {
            name: spread(times) for name, times in processor_turns.items()
        },
        "batch_size": batch_size,
        "lost_to_the_feed_percent": spread(losses(turns)),
        "processor_time_lost_to_the_feed_percent": spread(losses(processor_turns)),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (HERE / "results.md").write_text(as_markdown(results))
    print((HERE / "results.md").read_text())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", default="sample")
    parser.add_argument("--model", default="colab")
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--image-size", type=int, default=150)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def build_step(arguments: argparse.Namespace, num_classes: int, num_photos: int) -> Callable:
    """The train step that `pawsight train` takes, with its result waited for."""
    image_size = (arguments.image_size,) * 2
    config = TrainConfig(
        model=arguments.model,
        image_size=image_size,
        precision=arguments.precision,
        batch_size=arguments.batch_size,
        epochs=1,
    )
    names = tuple(f"class {number}" for number in range(num_classes))
    plan = recipe.plan(config, names, num_photos, 1, precision.choose(config.precision))
    model = build_model(plan.model, num_classes, image_size, plan.precision)
    train_step = build_train_step(model, build_optimizer(plan), plan)
    rate = tf.constant(1e-4)

    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        loss, _ = train_step(images, labels, rate)
        float(loss)

    return step


def calls(dataset: tf.data.Dataset) -> Callable:
    """A function that gives the dataset's next batch, whatever it is called with."""
    batches = iter(dataset)
    return lambda *_: next(batches)


def each(work: Callable, count: int) -> list[float]:
    """Milliseconds of each call; the first, which compiles, is left out."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - started) * 1000)
    return times[1:]


def in_turns(step: Callable, loops: dict, rounds: int, steps: int) -> tuple[dict, dict]:
    """Milliseconds per step of each loop in each round: by the clock, and of processor time."""
    for source in loops.values():
        step(*source())
    clock: dict[str, list[float]] = {name: [] for name in loops}
    processor: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds):
        # Every other round goes backwards, against a drift within a round.
        for name in list(loops)[:: 1 if number % 2 == 0 else -1]:
            started, busy = time.perf_counter(), time.process_time()
            for _ in range(steps):
                step(*loops[name]())
            clock[name].append((time.perf_counter() - started) * 1000 / steps)
            processor[name].append((time.process_time() - busy) * 1000 / steps)
    return clock, processor


def losses(turns: dict[str, list[float]]) -> list[float]:
    """Percent of the step's own rate that the fed loop does not reach, in each round."""
    alone, _, fed = turns.values()
    return [100 * (1 - one / other) for one, other in zip(alone, fed, strict=True)]


def spread(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return {
        "median": round(middle, 2),
        "quartile_1": round(low, 2),
        "quartile_3": round(high, 2),
        "n": len(values),
    }


def as_markdown(results: dict) -> str:
    lines = [
        "# What the feed costs",
        "",
        f"Machine: {results['machine']}  ",
        f"Setting: {results['setting']}.",
        "",
        "| stage | photos/s | ms per batch (middle half) | n |",
        "|---|---|---|---|",
    ]
    for name, found in results["milliseconds_per_batch"].items():
        rate = 1000 * results["batch_size"] / found["median"]
        lines.append(
            f"| {name} | {rate:,.0f} | {found['median']:.2f} "
            f"({found['quartile_1']:.2f} to {found['quartile_3']:.2f}) | {found['n']} |"
        )
    lines.append("")
    for key, words in (
        ("lost_to_the_feed_percent", "Lost to the feed"),
        ("processor_time_lost_to_the_feed_percent", "Lost to the feed, in processor time"),
    ):
        lost = results[key]
        lines.append(
            f"{words}: {lost['median']:.1f} % (middle half {lost['quartile_1']:.1f} to "
            f"{lost['quartile_3']:.1f} %, n = {lost['n']} rounds).  "
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
