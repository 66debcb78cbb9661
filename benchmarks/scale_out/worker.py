"""A process of run.py: takes training steps with the others, or predicts photos beside them.

    worker.py train INDEX ADDRESS,ADDRESS...
    worker.py predict FOLDER

Prints "ready", waits for a line, and prints what it measured as JSON.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from types import MappingProxyType

import numpy as np

SIZE, BATCH_SIZE = 128, 128
STEPS, ROUNDS = 5, 12


class Noise:
    """Photos of noise in memory."""

    image_size = (SIZE, SIZE)
    lost = MappingProxyType({})
    batches_at_once = 1

    def __init__(self) -> None:
        self._images = np.random.default_rng(0).integers(0, 256, (64, SIZE, SIZE, 3), np.uint8)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return photos."""
        return self._images[np.asarray(indices) % 64]


def train(index: int, addresses: list[str]) -> dict:
    """Measure steps, the exchange alone and the input alone."""
    from pawsight.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow()
    import tensorflow as tf

    from pawsight.config import TrainConfig
    from pawsight.pipeline.augment import Augment
    from pawsight.pipeline.batches import training_batches
    from pawsight.training import planning
    from pawsight.training.communicator import SINGLE_PROCESS, WorkerCommunicator
    from pawsight.training.learner import Learner
    from pawsight.training.photos import Subset
    from pawsight.training.precision import Precision

    communicator = WorkerCommunicator(addresses, index) if len(addresses) > 1 else SINGLE_PROCESS
    config = TrainConfig(model="swift", image_size=(SIZE, SIZE), epochs=1, batch_size=BATCH_SIZE)
    count = BATCH_SIZE * (STEPS + 2)
    precision = Precision("float32", "for all the same")
    plan = planning.plan(config, ("cats", "dogs"), count, BATCH_SIZE, precision)
    photos, labels = Noise(), np.arange(count) % 2
    subset = Subset(np.arange(count), labels)
    learner = Learner(plan, photos, subset, subset, communicator=communicator)

    def batches() -> object:
        return iter(
            training_batches(
                *(photos, np.arange(count), labels, BATCH_SIZE),
                seed=0,
                augment=Augment(plan.augment),
                start_step=0,
                num_steps=STEPS + 2,
                part=communicator.part,
            )
        )

    rate = tf.constant(0.001)
    feed = batches()
    for _ in range(2):
        learner.train_step(*next(feed), rate, 1.0)
    wait()
    steps = measured(lambda: [x.numpy() for x in learner.train_step(*next(feed), rate, 1.0)], STEPS)
    variables = learner.model.trainable_variables
    gradients = [tf.zeros(one.shape) for one in variables]
    total = tf.function(lambda: communicator.run(communicator.all_reduce, gradients))
    total()
    exchange = measured(lambda: [one.numpy() for one in total()][:1], ROUNDS)
    feed = batches()
    next(feed)
    given = measured(lambda: next(feed), STEPS)
    return {
        "step": steps,
        "exchange": exchange,
        "input": given,
        "gradient_bytes": sum(4 * int(np.prod(one.shape)) for one in variables),
        "checkpoint": checkpoint(sum(one.nbytes for one in learner.model.get_weights())),
    }


def checkpoint(weight_bytes: int) -> dict:
    """Write a file as large as the weights and two values of the optimizer for each."""
    content = os.urandom(3 * weight_bytes)
    with tempfile.NamedTemporaryFile() as file:
        began = time.perf_counter()
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return {"bytes": len(content), "seconds": time.perf_counter() - began}


def predict(folder: str) -> dict:
    """Measure predictions by the model that ships."""
    import pawsight

    photos = sorted(os.path.join(folder, name) for name in os.listdir(folder))  # noqa: PTH118, PTH208
    model = pawsight.load()
    model.predict(photos[0])
    wait()
    found = measured(lambda: list(model.predict_iter(photos)), 2)
    return {"photos": len(photos), "pass": found}


def measured(run: object, times: int) -> dict:
    """Return the median and the least seconds, and the processor seconds of this process, once."""
    seconds, began = [], time.process_time()
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    processor = (time.process_time() - began) / times
    return {"median": statistics.median(seconds), "least": min(seconds), "processor": processor}


def wait() -> None:
    """Wait until all processes are ready."""
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    if sys.argv[1] == "train":
        found = train(int(sys.argv[2]), sys.argv[3].split(","))
    else:
        found = predict(sys.argv[2])
    print(json.dumps(found), flush=True)
    sys.stdin.readline()  # no process of a group ends before the others are done
    os._exit(0)
