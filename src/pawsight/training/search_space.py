"""The settings that a search of hyperparameters tries, and their values.

Numbers are factors of the value in the network's recipe, so that 1 is always the
default. A setting that the user fixed is not searched. Needs no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, get_args

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.models.registry import find_network
from pawsight.records import Resize

Value = float | str
_SIDE_UNIT = 8  # pixels
_MIN_SIDE, _MAX_SIDE = 32, 384
_SHIFTS = ("width_shift_range", "height_shift_range")
_NOT_RANGES = ("cval", "crop_stretch")  # of the numbers of an augmentation
_MIN_CROP = 0.08  # share of the area; arXiv:1409.4842


class Suggests(Protocol):
    """An object that suggests values, such as an Optuna trial."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Return a number from low to high."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Return one of the choices."""


@dataclass(frozen=True, slots=True)
class SearchedSetting:
    """A setting with the values that are tried."""

    name: str  # its name in tables
    default: Value  # the value of the recipe
    choices: tuple[Value, ...] = ()  # all values; empty for a number from `low` to `high`
    low: float = 0.0
    high: float = 0.0

    def suggest(self, trial: Suggests) -> Value:
        """Return the value to try next."""
        if self.choices:
            value: Value = trial.suggest_categorical(self.name, self.choices)
            return value
        return trial.suggest_float(self.name, self.low, self.high, log=True)


def search_space(config: TrainConfig) -> list[SearchedSetting]:
    """Return the settings to search: those that the user has not fixed in `config`.

    Empty for a pretrained network without fine-tuning, which has no such settings.
    """
    network = find_network(config.model)
    if network.has_weights and not config.finetune:
        return []
    settings = []
    if config.learning_rate is None:
        settings.append(SearchedSetting("learning rate", 1.0, low=0.25, high=4.0))
    if config.augment is None:
        settings.append(SearchedSetting("augmentation", 1.0, low=0.5, high=1.6))
    if config.batch_size is None:
        settings.append(SearchedSetting("batch size", 1.0, choices=(0.5, 1.0, 2.0)))
    if config.image_size is None and network.fits_any_size:
        settings.append(SearchedSetting("image size", 1.0, choices=(0.75, 1.0, 1.25)))
    if "resize" not in config.model_fields_set:
        settings.append(SearchedSetting("resize", "stretch", choices=get_args(Resize)))
    return settings


def settings_of(config: TrainConfig, values: dict[str, Value]) -> TrainConfig:
    """Return `config` with the values of a trial; a default leaves the setting to the recipe."""
    network = find_network(config.model)
    recipe = network.recipe
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name == "resize":
            changes["resize"] = value
            continue
        factor = float(value)
        if factor == 1.0:
            continue
        if name == "learning rate":
            changes["learning_rate"] = recipe.learning_rate * factor
        elif name == "augmentation":
            changes["augment"] = strengthened(recipe.augment, factor)
        elif name == "batch size":
            changes["batch_size"] = max(1, round(recipe.batch_size * factor))
        elif name == "image size":
            changes["image_size"] = tuple(_side(side * factor) for side in network.image_size)
    fixed = {name: getattr(config, name) for name in config.model_fields_set}
    return TrainConfig(**{**fixed, **changes})


def strengthened(augment: AugmentConfig, factor: float) -> AugmentConfig:
    """Return an augmentation whose ranges are `factor` times as wide, with the same flips."""
    changes: dict[str, Any] = {}
    for name, value in augment:
        if not isinstance(value, float) or name in _NOT_RANGES:
            continue
        if name not in _SHIFTS:
            changes[name] = value * factor
        elif 0 < value < 1:  # a share of the side; else in pixels
            changes[name] = min(0.9, value * factor)
    if augment.crop_range is not None:
        low, high = augment.crop_range
        changes["crop_range"] = (max(_MIN_CROP, high - (high - low) * factor), high)
        changes["crop_stretch"] = 1 + (augment.crop_stretch - 1) * factor
    return AugmentConfig(**{**augment.model_dump(), **changes})


def _side(length: float) -> int:
    rounded = round(length / _SIDE_UNIT) * _SIDE_UNIT
    return max(_MIN_SIDE, min(_MAX_SIDE, rounded))
