"""What share of this processor's speed a run uses, and where the rest goes.

    python benchmarks/time_to_accuracy/flops.py RUN [--steps 20]

RUN is a finished run folder of this machine. Counts the operations of its
training step, forward and backward, from the graph; measures how fast this
processor multiplies large matrices and convolves; takes the run's own rates
from its history; and lets TensorFlow's profiler say what a step of each size
spends its time on. A multiply-add is two operations (FLOP). Writes flops.json
and flops.md here.
"""

import argparse
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pawsight.tensorflow_setup import prepare_tensorflow  # noqa: E402

prepare_tensorflow()

import tensorflow as tf  # noqa: E402
from op_times import kind_of, op_times  # noqa: E402

from machine import describe  # noqa: E402
from pawsight.history import Epoch, load_history  # noqa: E402
from pawsight.models.registry import build_model  # noqa: E402
from pawsight.runs import Run  # noqa: E402
from pawsight.storage.atomic import write_json, write_text  # noqa: E402
from pawsight.training.optimizers import build_optimizer  # noqa: E402
from pawsight.training.plan import Plan  # noqa: E402
from pawsight.training.step import build_train_step  # noqa: E402

_FORMATS = {"float32": tf.float32, "bfloat16": tf.bfloat16, "float16": tf.float16}
# Channels and pixels a side; batches of 64, kernels of 3x3: the range that our networks use.
_CONVOLUTIONS = ((64, 64), (128, 32), (256, 16), (512, 16))
_ROUNDS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=20, help="that are profiled at each size")
    arguments = parser.parse_args()
    found = measure(Run.open(arguments.run), arguments.steps)
    write_json(HERE / "flops.json", found)
    write_text(HERE / "flops.md", as_markdown(found))
    print((HERE / "flops.md").read_text())


def measure(run: Run, num_steps: int) -> dict:
    """The findings on a run, ready for JSON."""
    plan = Plan.model_validate(run.read_json(run.plan_path))
    seconds, photos = time_of_steps(load_history(run.history_path), plan.batch_size)
    if not photos:
        raise SystemExit(f"{run.path} is too short a run: none of its steps was timed.")
    counts = Counter(plan.stage_at(step) for step in range(plan.num_steps))
    sizes = []
    for number, count in sorted(counts.items()):
        image_size = plan.stages[number].image_size
        flop = flop_of_a_photo(plan, image_size)
        sizes.append(
            {
                "image_size": list(image_size),
                "share_of_steps": count / plan.num_steps,
                "flop_per_photo": flop,
                "profile": profile(plan, image_size, num_steps),
            }
        )
    mean = sum(one["share_of_steps"] * one["flop_per_photo"]["training"] for one in sizes)
    return {
        "machine": describe(),
        "model": plan.model,
        "precision": plan.precision,
        "batch_size": plan.batch_size,
        "minutes": plan.minutes,
        "seed": plan.seed,
        "photos_shown": photos,
        "step_seconds": seconds,
        "flop_per_photo": mean,
        "flop_per_second": mean * photos / seconds,
        "peaks": {
            name: {"matrix_product": peak_of_matrices(_FORMATS[name]),
                   "convolution": peak_of_convolutions(_FORMATS[name])}
            for name in sorted({"float32", plan.precision})
        },
        "sizes": sizes,
    }  # fmt: skip


def time_of_steps(history: list[Epoch], batch_size: int) -> tuple[float, int]:
    """Seconds that a run's steps took, with what fed them, and the photos shown in them."""
    seconds, photos, before = 0.0, 0, 0
    for row in history:
        if row.images_per_second:
            shown = (row.step - before) * batch_size
            seconds, photos = seconds + shown / row.images_per_second, photos + shown
        before = row.step
    return seconds, photos


def flop_of_a_photo(plan: Plan, image_size: tuple[int, int]) -> dict[str, int]:
    """Operations per photo: of inference, and of training (forward, backward)."""
    model = build_model(plan.model, len(plan.class_names), image_size)
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function
    def infer(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=False)

    @tf.function
    def learn(images: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images, training=True))
        return tape.gradient(loss, variables)

    photo = tf.TensorSpec((1, *image_size, 3))
    looking, training = (
        multiply_adds(function.get_concrete_function(photo).graph) for function in (infer, learn)
    )
    return {
        "looking": 2 * looking.total(),
        "training": 2 * training.total(),
        "convolutions_of_training": 2 * training["convolutions"],
    }


def multiply_adds(graph: tf.Graph) -> Counter[str]:
    """Multiply-adds, by kind, of the convolutions and matrix products that the outputs need.

    The rest of a graph is small beside them. What no output needs, such as the
    gradient of the photos, never runs.

    Raises:
        ValueError: There is an operation whose inside this cannot see.
    """
    needed, waiting = set(), [tensor.op for tensor in graph.outputs]
    while waiting:
        op = waiting.pop()
        if op not in needed:
            needed.add(op)
            waiting += [tensor.op for tensor in op.inputs]
    counts: Counter[str] = Counter()
    for op in needed:
        counts[kind_of(op.type)] += _multiply_adds_of(op)
    return counts


def _multiply_adds_of(op: tf.Operation) -> int:
    if re.search("PartitionedCall|While|^If$|BatchMatMul|Einsum|Conv3D", op.type):
        raise ValueError(f"{op.name} ({op.type}) holds operations that are not counted here")
    shapes = [tensor.shape for tensor in op.inputs]
    if op.type == "MatMul":
        return (
            op.outputs[0].shape.num_elements() * shapes[0][0 if op.get_attr("transpose_a") else 1]
        )
    if not op.type.startswith(("Conv2D", "DepthwiseConv2d")):
        return 0
    # A convolution and its two gradients take as many: for every number the convolution
    # gives, one for every weight that leads to it.
    given, kernel = op.outputs[0].shape, shapes[1]
    if op.type.endswith("BackpropInput"):
        given = shapes[2]
    elif op.type.endswith("BackpropFilter"):
        given, kernel = shapes[2], op.outputs[0].shape
    height, width, channels, _ = kernel
    is_depthwise = op.type.startswith("Depthwise")
    return given.num_elements() * height * width * (1 if is_depthwise else channels)


def peak_of_matrices(dtype: tf.DType, side: int = 4096) -> float:
    """FLOP a second of a product of two large square matrices, the best of some."""
    one = tf.cast(tf.random.normal((side, side), seed=0), dtype)
    return 2 * side**3 / best_seconds(tf.function(lambda: tf.matmul(one, one)))


def peak_of_convolutions(dtype: tf.DType, convolutions: tuple = _CONVOLUTIONS) -> float:
    """FLOP a second of the best of some 3x3 convolutions, forward."""
    best = 0.0
    for channels, side in convolutions:
        images = tf.cast(tf.random.normal((64, side, side, channels), seed=0), dtype)
        kernel = tf.cast(tf.random.normal((3, 3, channels, channels), seed=1), dtype)
        work = tf.function(lambda x=images, k=kernel: tf.nn.conv2d(x, k, 1, "SAME"))
        flop = 2 * 64 * side * side * 9 * channels * channels
        best = max(best, flop / best_seconds(work))
    return best


def best_seconds(work: Callable[[], tf.Tensor]) -> float:
    """The shortest of a few calls; the first, which compiles, is left out."""
    work()
    best = math.inf
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work().numpy()
        best = min(best, time.perf_counter() - started)
    return best


def profile(plan: Plan, image_size: tuple[int, int], num_steps: int) -> dict:
    """Time of a training step on constant photos, in all and by kind of operation."""
    model = build_model(plan.model, len(plan.class_names), plan.image_size, plan.precision, True)
    step = build_train_step(model, build_optimizer(plan), plan)
    images = tf.random.uniform((plan.batch_size, *image_size, 3), 0, 255, seed=0)
    labels = tf.range(plan.batch_size) % len(plan.class_names)
    seconds, kinds = op_times(lambda: float(step(images, labels, tf.constant(0.0))[0]), num_steps)
    return {"step_seconds": seconds, "seconds_by_kind": kinds, "num_steps": num_steps}


def as_markdown(found: dict) -> str:
    """The findings in sentences, and a table of a step's time by kind of operation."""
    precision, rate = found["precision"], found["flop_per_second"]
    peaks = found["peaks"][precision]
    speeds = "; ".join(
        f"{name} {one['matrix_product'] / 1e9:,.0f} GFLOP/s in a large matrix product and "
        f"{one['convolution'] / 1e9:,.0f} in its best convolution"
        for name, one in found["peaks"].items()
    )
    lines = [
        "# What share of the processor's speed training uses",
        "",
        f"{found['machine']}  ",
        f"{found['model']}, {precision}, batch {found['batch_size']}, seed {found['seed']}"
        f"{', ' + format(found['minutes'], 'g') + ' min' if found['minutes'] else ''}. "
        "A multiply-add is two FLOP; the network's convolutions and matrix products are counted, "
        "nothing else.",
        "",
        f"This processor reaches {speeds}. The run's steps learnt from {found['photos_shown']:,} "
        f"photos in {found['step_seconds']:.0f} s at {found['flop_per_photo'] / 1e9:.2f} GFLOP "
        f"each, which makes "
        f"{rate / 1e9:,.0f} GFLOP/s, **{rate / peaks['matrix_product']:.0%} of the peak** and "
        f"{rate / peaks['convolution']:.0%} of the best convolution.",
        "",
        *(_size_in_words(size, found["batch_size"]) for size in found["sizes"]),
        "",
        *_table(found["sizes"]),
    ]
    return "\n".join(lines) + "\n"


def _size_in_words(size: dict, batch_size: int) -> str:
    height, width = size["image_size"]
    flop, times = size["flop_per_photo"], size["profile"]["seconds_by_kind"]
    text = (
        f"- {width}x{height} px, {size['share_of_steps']:.0%} of the steps: "
        f"{flop['looking'] / 1e9:.2f} GFLOP for inference on a photo, "
        f"{flop['training'] / 1e9:.2f} to learn from it."
    )
    convolving = times.get("convolutions", 0.0)
    if convolving:
        share = convolving / size["profile"]["step_seconds"]
        rate = flop["convolutions_of_training"] * batch_size / convolving
        text += f" Convolutions take {share:.0%} of a step, and run at {rate / 1e9:,.0f} GFLOP/s."
    return text


def _table(sizes: list[dict]) -> list[str]:
    kinds = dict.fromkeys(kind for one in sizes for kind in one["profile"]["seconds_by_kind"])
    heads = [f"{one['image_size'][1]}x{one['image_size'][0]} px" for one in sizes]
    rows = []
    for kind in kinds:
        shares = [f"{_shares(one['profile']).get(kind, 0.0):.1%}" for one in sizes]
        rows.append(f"| {kind} | {' | '.join(shares)} |")
    steps = [f"{1000 * one['profile']['step_seconds']:.0f} ms" for one in sizes]
    return [
        f"| of a step, on photos that are there already | {' | '.join(heads)} |",
        f"|---|{'---|' * len(sizes)}",
        *rows,
        f"| a step, with the profiler watching | {' | '.join(steps)} |",
    ]


def _shares(profile: dict) -> dict[str, float]:
    return {
        kind: seconds / profile["step_seconds"]
        for kind, seconds in profile["seconds_by_kind"].items()
    }


if __name__ == "__main__":
    main()
