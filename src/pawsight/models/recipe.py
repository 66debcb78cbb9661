"""Default training hyperparameters of each network: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from pawsight.config import AugmentConfig, Optimizer, Schedule


@dataclass(frozen=True, slots=True)
class Sizes:
    """Image sizes in the course of a run: progressive resizing.

    Sizes are shares of the side at which the photos are stored. Small images train
    faster, and early training needs no detail. In a short run, many small
    images are better than few large ones.
    """

    least_epochs: float  # minimum number of epochs, at full size, that the run has time for
    stages: tuple[tuple[float, float], ...]  # (progress 0..1 at the end of the stage, share)
    finished: float = 1.0  # share of the side for the finished model


@dataclass(frozen=True, slots=True)
class Recipe:
    """Default hyperparameters."""

    optimizer: Optimizer
    learning_rate: float  # the peak of the schedule
    schedule: Schedule  # of the learning rate
    batch_size: int  # images per step
    label_smoothing: float  # share of the target that is spread over all classes
    augment: AugmentConfig  # random augmentation
    epochs: int | None  # None: as many as `minutes` and the number of photos allow
    minutes: float  # time for the whole command
    least_batch_size: int = 8  # the batch size is reduced to this for small sets of photos
    warmup: float = 0.15  # share of the run in which the learning rate rises
    # For runs of different lengths, the longest first.
    sizes: tuple[Sizes, ...] = (Sizes(0, ((1.0, 1.0),)),)
    # Smaller sizes, as shares of the side, at which the trained network is also validated; the
    # finished model takes the best size.
    finished_shares: tuple[float, ...] = ()
    grows_stronger: bool = False  # whether few photos are augmented more strongly
    # (progress 0..1 at the end of the stage, share of the layers that are trained, counted from
    # the last): gradual unfreezing of a network that starts from weights.
    shares: tuple[tuple[float, float], ...] = ((1.0, 1.0),)


# For fine-tuning a network with weights after a linear head was fitted to its features. The
# learning rate is low, so that the weights change little.
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
