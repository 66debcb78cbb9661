"""Default training hyperparameters of each network: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from pawsight.config import AugmentConfig, Optimizer, Schedule


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large images are in the course of a run, for runs of some length.

    Shares are of the side at which the photos are kept. Small images are quick,
    and early training needs no detail; in little time it is better to train on
    all photos small than on few of them large.
    """

    least_epochs: float  # for runs whose time allows so many epochs at the full size
    stages: tuple[tuple[float, float], ...]  # (until which progress, share of the side)
    finished: float = 1.0  # share of the side that the finished model takes


@dataclass(frozen=True, slots=True)
class Recipe:
    """The defaults of training."""

    optimizer: Optimizer
    learning_rate: float  # the highest of the run
    schedule: Schedule  # how it falls
    batch_size: int  # images a step
    label_smoothing: float  # share of the target that is spread over all classes
    augment: AugmentConfig  # random changes to images
    epochs: int | None  # passes; None: as many as `minutes` and the number of photos allow
    minutes: float  # of the whole command
    least_batch_size: int = 8  # small sets get smaller batches, so that an epoch still has steps
    warmup: float = 0.15  # share of the run in which the learning rate rises
    # For runs of different lengths, the longest first.
    sizes: tuple[Sizes, ...] = (Sizes(0, ((1.0, 1.0),)),)
    # Shares of the side, besides the whole, at which the trained network is scored; the finished
    # model takes the size that validates best.
    finished_shares: tuple[float, ...] = ()
    grows_stronger: bool = False  # whether few photos are augmented more strongly
    # (until which progress, share of the layers that are trained, counted from the last); where a
    # network has weights, its first layers are left to the end.
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
