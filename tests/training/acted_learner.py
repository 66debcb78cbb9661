"""A learner without a network: its weight is the number of steps that it took."""

import numpy as np
import tensorflow as tf

from pawsight.training.checkpoints import Checkpoint
from pawsight.training.communicator import SINGLE_PROCESS
from pawsight.training.photos import Subset
from pawsight.training.score import ValidationScore


def score(accuracy: float, loss: float = 0.5, num_photos: int = 100) -> ValidationScore:
    """The score of two classes of equal size, each with that share of right answers."""
    right = round(accuracy * num_photos)
    return ValidationScore(loss, np.array([right, right]), np.array([num_photos] * 2))


class _State:
    """Acts as `State`."""

    def __init__(self, learner):
        self._learner = learner

    def weights(self):
        return self._learner.weights

    def set_weights(self, arrays):
        self._learner.weights = arrays

    def capture(self, step, facts, best):
        return Checkpoint(step, self.weights(), [], facts, best)

    def restore(self, checkpoint):
        self.set_weights(checkpoint.weights)


class ActedLearner:
    """Acts as `Learner` for a trainer, on a clock of its own.

    Args:
        scores: Results of the validations, in turn; the last one is repeated.
        seconds: What a step takes.
        losses: The loss of a step by its number, counted from 0; 2.0 where there is none.
    """

    def __init__(self, scores=(), seconds=1.0, losses=None, labels=(0, 1) * 320):
        self.now = 1000.0
        self.measured = []  # (number of photos, image size) of every validation
        self.called = []
        self.weights = [np.zeros(1, np.float32)]
        self.rates = []
        self.limited_by = None
        self.initial = self.warm_start = None
        self.communicator = SINGLE_PROCESS
        self.train = Subset(np.arange(len(labels)), np.array(labels))
        self.validation = Subset(np.arange(1000, 1100), np.arange(100) % 2)
        self._scores, self._seconds, self.losses = (
            list(scores) or [score(0.8)],
            seconds,
            losses or {},
        )
        self.validator = self.pixels = self.callbacks = self
        self.state = _State(self)
        self.wants_end = False
        self.on_step = lambda number: None

    # As the feed of batches.
    num_ahead = 5

    def feed(self, plan_now):
        return self

    def batches(self, step):
        while True:
            yield tf.zeros([64, 1, 1, 3]), tf.zeros([64], tf.int32)

    def limit(self, seconds):
        self.loop_seconds = seconds
        return self.limited_by

    # As the network.
    def train_step(self, images, labels, learning_rate, share):
        number = int(self.weights[0][0])
        self.rates.append(float(learning_rate))
        self.weights = [self.weights[0] + 1]
        self.now += self._seconds
        self.on_step(number)
        return self.losses.get(number, 2.0), 16.0

    def num_readable(self, labels):
        return len(labels)

    def learning_rate_at(self, step, plan):
        return plan.learning_rate_at(step)

    # As the validator and the pixels.
    def measure(self, portion, size):
        self.measured.append((len(portion.indices), size))
        self.now += 3.0
        return self._scores.pop(0) if len(self._scores) > 1 else self._scores[0]

    def own_metrics(self):
        return {}

    def check_enough_left(self, portion, run):
        self.called.append("checked")

    # As the callbacks.
    def begin(self, num_epochs):
        self.called.append(("begin", num_epochs))

    def after_step(self, step, loss):
        self.called.append(("step", step, loss))

    def after_epoch(self, row):
        self.called.append(("epoch", row.epoch))
        return self.wants_end

    def end(self):
        self.called.append("end")
