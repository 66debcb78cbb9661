"""How many images a second the shipped network is fine-tuned on, in each way to compute a step.

    python benchmarks/auto/speed.py [--sides 160 192 224] [--batch 32]

Rates are by processor time, with all cores counted, so other work on the machine changes them
little; forward, backward and gradients of all that learns, without the optimizer.
"""

import argparse
import os
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pawsight.models.builtin.network import build_features

_REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[160, 192, 224])
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    print("| side | layers | format | ms of a core an image | images/s on all cores |")
    print("|---|---|---|---|---|")
    for side in arguments.sides:
        for is_tuned in (False, True):
            for name in ("float32", "mixed_bfloat16"):
                seconds = step_seconds(side, is_tuned, name, arguments.batch)
                kind = "as fine-tuned" if is_tuned else "Keras' own, all learn"
                rate = (os.cpu_count() or 1) / seconds
                print(
                    f"| {side} | {kind} | {name} | {1000 * seconds:.1f} | {rate:.0f} |", flush=True
                )


def step_seconds(side: int, is_tuned: bool, policy: str, batch: int) -> float:
    """Processor time of a step for one image; the least of several."""
    keras.backend.clear_session()
    step = compiled(build_features((side, side), keras.DTypePolicy(policy), is_tuned=is_tuned))
    images = tf.constant(
        np.random.default_rng(0).uniform(0, 255, (batch, side, side, 3)), "float32"
    )
    for _ in range(2):
        step(images)
    found = []
    for _ in range(_REPEATS):
        started = time.process_time()
        float(step(images))
        found.append(time.process_time() - started)
    return min(found) / batch


def compiled(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function
    def step(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images, training=True) ** 2)
        gradients = tape.gradient(loss, variables)
        # Something of each must be asked for, or the graph would leave it out.
        return loss + tf.add_n([tf.reduce_sum(tf.cast(one, tf.float32)) for one in gradients])

    return step


if __name__ == "__main__":
    main()
