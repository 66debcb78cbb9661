"""What processes do together in test_communicator.py; one process alone does the same."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from squares import Squares, trainer_of  # noqa: E402

from pawsight.config import TrainConfig  # noqa: E402
from pawsight.models.normalization import FusedBatchNormalization  # noqa: E402
from pawsight.pipeline.batches import training_batches  # noqa: E402
from pawsight.training import planning  # noqa: E402
from pawsight.training.communicator import Decision, WorkerCommunicator  # noqa: E402
from pawsight.training.precision import Precision  # noqa: E402
from pawsight.training.step import build_train_step  # noqa: E402

BATCH_SIZE = 8


def _plan():
    config = TrainConfig(model="swift", image_size=(24, 24), epochs=2)
    return planning.plan(config, ("cats", "dogs"), 32, 8, Precision("float32", "for a test"))


def trained(communicator, dtype, normalization):
    """Take six steps with a tiny network; its weights afterwards, and what the steps gave."""
    keras.utils.set_random_seed(0)
    policy = keras.DTypePolicy(dtype)
    layers = [
        keras.layers.Conv2D(6, 3, dtype=policy),
        normalization(dtype=policy),
        keras.layers.ReLU(dtype=policy),
        keras.layers.GlobalAveragePooling2D(dtype=policy),
        keras.layers.Dense(2, dtype=policy),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    communicator.prepare(model)
    optimizer = keras.optimizers.SGD(1.0, momentum=0.9)
    optimizer.build(model.trainable_variables)
    step = build_train_step(model, optimizer, _plan(), 1.0, communicator)
    random = np.random.default_rng(0)
    given = []
    for number in range(6):
        images = random.normal(size=(BATCH_SIZE, 8, 8, 3)).astype(np.float32) + 3
        labels = random.integers(0, 2, BATCH_SIZE).astype(np.int32)
        labels[number] = -1  # a lost photo
        part = communicator.part.of(BATCH_SIZE)
        loss, right = step(tf.constant(images[part]), tf.constant(labels[part]), tf.constant(0.1))
        given.append([float(loss), float(right)])
    return [variable.value.numpy() for variable in model.variables] + [np.array(given)]


def augmented(communicator):
    """The photos and labels of this process in two batches, augmented."""
    from pawsight.pipeline.augment import Augment

    photos = Squares(16, 12)
    batches = training_batches(
        photos,
        np.arange(16),
        photos.labels,
        BATCH_SIZE,
        seed=3,
        augment=Augment(_plan().augment),
        start_step=0,
        num_steps=3,
        part=communicator.part,
    )
    return [array.numpy() for batch in batches for array in batch]


def fitted(communicator, folder):
    """Train a run of squares to its end; the weights, and the history's decisive numbers."""
    from pawsight.progress import Silent
    from pawsight.runs import Run

    trainer = trainer_of("colab", epochs=2, batch_size=16, communicator=communicator)
    history = trainer.fit(Run(folder), Silent())
    rows = [[one.step, one.train_loss, one.train_accuracy, one.validation_loss] for one in history]
    rows = [[*row, one.validation_accuracy] for row, one in zip(rows, history, strict=True)]
    return [np.array(weight) for weight in trainer.learner.model.get_weights()] + [np.array(rows)]


def agreed(communicator):
    """What is decided where each process wants something else."""
    index = communicator.part.index
    plan = _plan().model_copy(update={"num_steps": 7 + index})
    found = [
        communicator.agree(Decision(plan if index == 0 else None, index == 0, index == 1)),
        communicator.agree(Decision(plan if index == 1 else None, index == 1, False)),
    ]
    return [
        np.array([one.plan.num_steps if one.plan else 0, one.is_saved, one.is_stopped])
        for one in found
    ]


def results(communicator, folder):
    """Everything, by name."""
    return {
        "exact": trained(communicator, "float64", keras.layers.BatchNormalization),
        "fused": trained(communicator, "float32", FusedBatchNormalization),
        "augmented": augmented(communicator),
        "fitted": fitted(communicator, folder),
        "agreed": agreed(communicator),
    }


def save(found, path):
    """Write the arrays into one file."""
    np.savez(path, **{f"{name}-{i}": one for name in found for i, one in enumerate(found[name])})


if __name__ == "__main__":
    folder, index, addresses = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    communicator = WorkerCommunicator(addresses, index)
    save(results(communicator, folder / str(index)), folder / f"{index}.npz")
