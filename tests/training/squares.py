"""Photos that the tests of training learn from, and a trainer for them."""

from types import MappingProxyType

import numpy as np

from pawsight.config import TrainConfig
from pawsight.training import planning
from pawsight.training.communicator import SINGLE_PROCESS
from pawsight.training.learner import Learner
from pawsight.training.photos import Subset
from pawsight.training.precision import Precision
from pawsight.training.trainer import Trainer


class Squares:
    """Noisy squares, every other one of class 1, which have a bright upper half."""

    lost = MappingProxyType({})
    batches_at_once = 1

    def __init__(self, num_photos: int = 120, side: int = 24) -> None:
        self.image_size = (side, side)
        random = np.random.default_rng(0)
        self.labels = np.arange(num_photos) % 2
        self.images = random.integers(0, 160, (num_photos, side, side, 3), dtype=np.uint8)
        self.images[self.labels == 1, : side // 2] += 90

    def read(self, indices):
        return self.images[indices]


def trainer_of(model="swift", epochs=3, plan=None, communicator=SINGLE_PROCESS, **settings):
    """Make a trainer that learns from 96 squares, by a plan made from the settings or given."""
    photos = Squares()
    config = TrainConfig(model=model, image_size=(24, 24), epochs=epochs, **settings)
    precision = Precision("float32", "for a test")
    plan = plan or planning.plan(config, ("dark", "light"), 96, 24, precision)
    train, validation = (Subset(i, photos.labels[i]) for i in np.split(np.arange(120), [96]))
    return Trainer(Learner(plan, photos, train, validation, communicator=communicator), plan)
