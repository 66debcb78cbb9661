"""Default training hyperparameters of each network: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pawsight.config import AugmentConfig

Optimizer = Literal["adam", "scaled_adam", "muon", "own"]
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large images are in the course of a run, for runs of some length.

    Shares are of the side at which the photos are kept. Small images are quick,
    and early training needs no detail; in little time it is better to train on
    all photos small than on few of them large.

    Attributes:
        least_epochs: For runs whose time allows so many epochs at the full size.
        stages: (until which progress, share of the side).
        finished: Share of the side that the finished model takes.
    """

    least_epochs: float
    stages: tuple[tuple[float, float], ...]
    finished: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The defaults of training.

    Attributes:
        optimizer: The optimizer.
        learning_rate: The highest of the run.
        schedule: How it falls.
        batch_size: Images a step.
        label_smoothing: Share of the target that is spread over all classes.
        augment: Random changes to images.
        epochs: Passes; None: as many as `minutes` and the number of photos allow.
        minutes: Of the whole command.
        least_batch_size: Small sets get smaller batches, so that an epoch still has steps.
        warmup: Share of the run in which the learning rate rises.
        sizes: For runs of different lengths, the longest first.
        finished_shares: Shares of the side, besides the whole, at which the trained network is
            scored; the finished model takes the size that validates best.
        grows_stronger: Whether few photos are augmented more strongly.
        shares: (until which progress, share of the layers that are trained, counted from the
            last); where a network has weights, its first layers are left to the end.
    """

    optimizer: Optimizer
    learning_rate: float
    schedule: Schedule
    batch_size: int
    label_smoothing: float
    augment: AugmentConfig
    epochs: int | None
    minutes: float
    least_batch_size: int = 8
    warmup: float = 0.15
    sizes: tuple[Sizes, ...] = (Sizes(0, ((1.0, 1.0),)),)
    finished_shares: tuple[float, ...] = ()
    grows_stronger: bool = False
    shares: tuple[tuple[float, float], ...] = ((1.0, 1.0),)


# Of a network that has weights, once a linear head is fitted to its features. Low rates, since
# its weights are to change little.
FINETUNING = Recipe(
    optimizer="adam",
    learning_rate=3e-5,
    schedule="linear",
    batch_size=32,
    label_smoothing=0.0,  # the fitted head is calibrated already
    augment=AugmentConfig(crop_range=(0.7, 1.0), crop_stretch=1.15, horizontal_flip=True),
    epochs=None,
    minutes=10,
    shares=((0.4, 1 / 3), (1.0, 1.0)),
)
