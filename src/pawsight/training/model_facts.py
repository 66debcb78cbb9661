"""The description of a trained model, for its model.json."""

from __future__ import annotations

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.models.description import ModelDescription
from pawsight.models.network import Network


def describe_model(
    config: TrainConfig, catalog: Catalog, image_size: tuple[int, int], network: Network
) -> ModelDescription:
    """Return the description of a trained model.

    Args:
        config: The settings it was trained with.
        catalog: The photos it was trained on.
        image_size: (height, width) in pixels of its input.
        network: Its network.
    """
    return ModelDescription(
        architecture=network.name,
        options=network.options,
        class_names=catalog.class_names,
        task=catalog.task.name,
        image_size=image_size,
        resize=config.resize,
        pixel_scale=catalog.pixel_scale,
        source=catalog.name,
    )
