"""What the feed costs: the network alone, fed from the store, and fed without one.

    python benchmarks/feed/run.py [PHOTOS] [--only swift] [--rounds 12] [--seconds 2]

PHOTOS is whatever `pawsight train` takes; the built-in sample if left out. Each
network is measured at every size its recipe trains at, with its own batch size,
optimizer and random changes. Without a store photos are decoded in the first
epoch, and later ones come from memory as far as there is room: both are
measured. The train step on constant data and the fed loops take turns of a few
seconds, so that a machine whose speed drifts favours none of them; what is lost
is compared within each round: by the clock, and by processor time, which other
programs disturb less. The stages of the feed are timed alone as well. Writes
results.json and results.md here.
"""

import argparse
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()

import tensorflow as tf  # noqa: E402

from pawsight.config import TrainConfig  # noqa: E402
from pawsight.data.catalog import Catalog  # noqa: E402
from pawsight.data.reading.ingest import ingest  # noqa: E402
from pawsight.data.reading.stream import PixelStream  # noqa: E402
from pawsight.models.registry import build_model, find_network, listed_networks  # noqa: E402
from pawsight.pipeline.augment import Augment  # noqa: E402
from pawsight.pipeline.batches import training_batches  # noqa: E402
from pawsight.records import Pixels  # noqa: E402
from pawsight.training import planning, precision  # noqa: E402
from pawsight.training.optimizers import build_optimizer  # noqa: E402
from pawsight.training.plan import Plan  # noqa: E402
from pawsight.training.step import build_train_step  # noqa: E402

HERE = Path(__file__).resolve().parent
GOAL = 3.0  # percent
ALONE, STORE = "the network alone", "from the store"
DECODED, KEPT = "without a store, first epoch", "without a store, later epochs"
FED = (STORE, DECODED, KEPT)
FROM_SCRATCH = [one.name for one in listed_networks() if not one.has_weights]


class Case(NamedTuple):
    """A network with its recipe, at one of the sizes it is trained at."""

    plan: Plan
    size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.plan.model}, {self.size[0]} px, batches of {self.plan.batch_size}"


def main() -> None:
    arguments = parsed()
    chosen = precision.choose(arguments.precision)
    rows, stages = [], {}
    for model in arguments.only or FROM_SCRATCH:
        plan = plan_of(model, arguments, chosen)
        catalog, store = ingest(arguments.photos, plan.image_size)
        paths = [photo.path for photo in catalog.photos]
        sources = {
            STORE: store,
            DECODED: PixelStream(catalog.root, paths, plan.image_size, "stretch", memory_bytes=0),
            KEPT: PixelStream(catalog.root, paths, plan.image_size, "stretch"),
        }
        sources[KEPT].read(catalog.usable)  # the first epoch
        step = train_step(plan)
        for size in sizes_of(plan):
            case = Case(plan, size)
            print(f"{case} ...", flush=True)
            rows.append(measured(case, step, catalog, sources, arguments))
        stages[str(case)] = stage_times(case, catalog, sources)
    results = {
        "machine": describe(),
        "photos": f"{Path(arguments.photos).name}, {len(catalog.usable):,} photos",
        "setting": f"{plan.precision}; {arguments.rounds} rounds, each loop {arguments.seconds:g} "
        f"seconds a round; seed {arguments.seed}",
        "note": arguments.note,
        "loops": rows,
        "stages_milliseconds_per_batch": stages,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (HERE / "results.md").write_text(as_markdown(results))
    print((HERE / "results.md").read_text())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="?", default="sample")
    parser.add_argument("--only", nargs="+", choices=FROM_SCRATCH)
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each loop in a round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", default="", help="to be said beside the result: what else ran")
    return parser.parse_args()


def plan_of(model: str, arguments: argparse.Namespace, chosen: precision.Precision) -> Plan:
    """The recipe of a network for a set of photos that takes its full batches."""
    config = TrainConfig(model=model, seed=arguments.seed, epochs=1)
    return planning.plan(config, ("a", "b"), 20_000, 1, chosen)


def sizes_of(plan: Plan) -> list[tuple[int, int]]:
    """Every size of a photo that runs of any length are trained at, the smallest first."""
    config = TrainConfig(model=plan.model)
    found = set()
    for sizes in find_network(plan.model).recipe.sizes:
        found |= {s.image_size for s in planning.sized(plan, config, sizes.least_epochs).stages}
    return sorted(found)


def train_step(plan: Plan) -> Callable[[tuple[tf.Tensor, tf.Tensor]], None]:
    """The train step that `pawsight train` takes, with its result waited for."""
    model = build_model(
        plan.model, len(plan.class_names), plan.image_size, plan.precision, any_size=True
    )
    compiled = build_train_step(model, build_optimizer(plan), plan)
    rate = tf.constant(1e-4)

    def step(batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        loss, _ = compiled(*batch, rate)
        float(loss)

    return step


def measured(
    case: Case,
    step: Callable,
    catalog: Catalog,
    sources: dict[str, Pixels],
    arguments: argparse.Namespace,
) -> dict:
    """One row: the rates of all loops, and what the fed ones lose."""
    fed = {name: batches(case, catalog, pixels) for name, pixels in sources.items()}
    constant = next(fed[STORE])
    loops: dict[str, Callable] = {ALONE: lambda: constant}
    loops |= {name: functools.partial(next, stream) for name, stream in fed.items()}
    clock, processor = in_turns(step, loops, arguments.rounds, arguments.seconds)
    row: dict = {"name": str(case)}
    row["images_per_second"] = {
        name: round(1000 * case.plan.batch_size / statistics.median(times))
        for name, times in clock.items()
    }
    for name in FED:
        row[name] = {
            "lost_percent": spread(losses(clock[ALONE], clock[name])),
            "processor_time_lost_percent": spread(losses(processor[ALONE], processor[name])),
        }
    return row


def batches(case: Case, catalog: Catalog, pixels: Pixels) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    labels = catalog.labels(catalog.usable) % len(case.plan.class_names)
    augment = Augment(case.plan.augment)
    return iter(
        training_batches(
            pixels,
            catalog.usable,
            labels,
            case.plan.batch_size,
            case.plan.seed,
            augment,
            start_step=0,
            num_steps=2**40,
            sizes=(case.size,),
        )
    )


def in_turns(
    step: Callable, loops: dict[str, Callable], rounds: int, seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds per step of each loop in each round: by the clock, and of processor time."""
    for source in loops.values():
        step(source())
    started = time.perf_counter()
    step(loops[ALONE]())
    steps = max(3, round(seconds / (time.perf_counter() - started)))
    clock: dict[str, list[float]] = {name: [] for name in loops}
    processor: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds):
        # Every other round goes backwards, against a drift within a round.
        for name in list(loops)[:: 1 if number % 2 == 0 else -1]:
            # The batches made while the other loops ran are no work of this turn.
            for _ in range(3):
                step(loops[name]())
            started, busy = time.perf_counter(), time.process_time()
            for _ in range(steps):
                step(loops[name]())
            clock[name].append((time.perf_counter() - started) * 1000 / steps)
            processor[name].append((time.process_time() - busy) * 1000 / steps)
    return clock, processor


def stage_times(case: Case, catalog: Catalog, sources: dict[str, Pixels]) -> dict[str, dict]:
    """Milliseconds a batch of each stage of the feed, with nothing else running."""
    batch_size = case.plan.batch_size
    chosen = catalog.usable[:batch_size]
    store, decoded = sources[STORE], sources[DECODED]
    photos = tf.constant(store.read(chosen))
    augment = Augment(case.plan.augment)
    source = batches(case, catalog, store)
    return {
        "reading from the store": each(lambda _: store.read(chosen)),
        "decoding the files, all cores": each(lambda _: decoded.read(chosen)),
        "changing": each(lambda k: augment(photos, (case.plan.seed, k), case.size)),
        "reading and changing": each(lambda _: next(source)),
    }


def each(work: Callable[[int], object], count: int = 60) -> dict[str, float]:
    """Milliseconds of a call; the first ones, which compile, are left out."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - started) * 1000)
    return spread(times[3:])


def losses(alone: list[float], fed: list[float]) -> list[float]:
    """Percent of the network's own rate that a fed loop does not reach, in each round."""
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
        f"Photos: {results['photos']}. Setting: {results['setting']}."
        + (f"  \n{results['note']}" if results["note"] else ""),
        "",
        "Lost: by how much the fed rate is below that of the network alone on constant data, "
        "median of the rounds (middle half); in square brackets the same by processor time. "
        f"The goal is {GOAL:g} %.",
        "",
        f"| network | {ALONE}, images/s |" + "".join(f" {name} | lost |" for name in FED),
        "|---" * (2 + 2 * len(FED)) + "|",
    ]
    for row in results["loops"]:
        rates = row["images_per_second"]
        cells = "".join(f" {rates[name]:,} | {lost_in_words(row[name])} |" for name in FED)
        lines.append(f"| {row['name']} | {rates[ALONE]:,} |{cells}")
    for case, found in results["stages_milliseconds_per_batch"].items():
        lines += ["", f"The stages alone, {case}:", "", "| stage | ms a batch (middle half) | n |"]
        lines.append("|---|---|---|")
        for name, times in found.items():
            lines.append(
                f"| {name} | {times['median']:.2f} ({times['quartile_1']:.2f} to "
                f"{times['quartile_3']:.2f}) | {times['n']} |"
            )
    return "\n".join(lines) + "\n"


def lost_in_words(found: dict) -> str:
    lost, processor = found["lost_percent"], found["processor_time_lost_percent"]
    return (
        f"{lost['median']:.1f} % ({lost['quartile_1']:.1f} to {lost['quartile_3']:.1f}) "
        f"[{processor['median']:.1f} %]"
    )


if __name__ == "__main__":
    main()
