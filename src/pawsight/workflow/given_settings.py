"""Merge and check the settings of a run, which may be given in several arguments."""

from __future__ import annotations

from typing import Any

from pawsight.config import SourceConfig, TrainConfig
from pawsight.errors import ConfigError
from pawsight.models.custom_network import Build, register
from pawsight.models.registry import AUTO, find_network
from pawsight.progress import Progress
from pawsight.training.custom_components import CustomComponents
from pawsight.workflow.photo_sets import checked_model


def merged(
    config: TrainConfig | None, source_config: SourceConfig | None, settings: dict[str, Any]
) -> TrainConfig:
    """Return the settings of `config`, overridden by `settings` and `source_config`."""
    source = {} if source_config is None else {"source": source_config}
    if config is None:
        return TrainConfig(**settings, **source)
    if not settings and not source:
        return config
    return TrainConfig(**{**_set_fields(config), **settings, **source})


def with_build(config: TrainConfig, build: Build | str | None) -> TrainConfig:
    """Return the settings with a network that the user's own function builds.

    Raises:
        ConfigError: There is no such function, or another network is set as well.
    """
    if build is None:
        return config
    name = register(build)
    if config.model not in (AUTO, name):
        raise ConfigError(
            f"Give --build or --model, not both: the network is either built by {name}, or "
            f"'{config.model}'."
        )
    return TrainConfig(**{**_set_fields(config), "model": name})


def checked(config: TrainConfig, own: CustomComponents, progress: Progress) -> TrainConfig:
    """Check the network and the user's own components, and return the settings.

    Model "auto" is replaced by the name of the network.

    Raises:
        ConfigError: The network or a component cannot be used.
    """
    is_auto = config.model == AUTO
    config = checked_model(config)
    if is_auto and find_network(config.model).has_weights and not config.finetune:
        progress.note(
            "TensorFlow is not installed: a linear head is fitted, and the network is not "
            'fine-tuned. For that: pip install "pawsight[train]"'
        )
    own.check(config.model)
    if config.source.multi_label and own.metrics:
        raise ConfigError("Your own metrics are for one label a photo; leave metrics out.")
    return config


def _set_fields(config: TrainConfig) -> dict[str, Any]:
    """Return the fields that were set; the others keep the network's own defaults."""
    return {name: getattr(config, name) for name in config.model_fields_set}
