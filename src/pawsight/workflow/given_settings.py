"""The settings of a run from what was given in several places."""

from __future__ import annotations

from typing import Any

from pawsight.config import SourceConfig, TrainConfig
from pawsight.errors import ConfigError
from pawsight.models.own import Build, give
from pawsight.models.registry import AUTO


def merged(
    config: TrainConfig | None, source_config: SourceConfig | None, settings: dict[str, Any]
) -> TrainConfig:
    """Return the settings of `config`, with those that were given beside it in their place."""
    given = {} if source_config is None else {"source": source_config}
    if config is None:
        return TrainConfig(**settings, **given)
    if not settings and not given:
        return config
    # Only the fields that were set: a network's own defaults stay.
    kept = {name: getattr(config, name) for name in config.model_fields_set}
    return TrainConfig(**{**kept, **settings, **given})


def with_build(config: TrainConfig, build: Build | str | None) -> TrainConfig:
    """Return the settings with the network that a function of the user's builds.

    Raises:
        ConfigError: There is no such function, or another network is set as well.
    """
    if build is None:
        return config
    name = give(build)
    if config.model not in (AUTO, name):
        raise ConfigError(
            f"Give --build or --model, not both: the network is built by {name} or is "
            f"'{config.model}'."
        )
    return TrainConfig(
        **{**{one: getattr(config, one) for one in config.model_fields_set}, "model": name}
    )
