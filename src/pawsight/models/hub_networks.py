"""Build KerasHub's networks: a preset is read once, and its network then built from plain data.

KerasHub downloads a preset with its image converter. pawsight replaces the converter by a factor
and an offset for each colour, and checks that they compute the same.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
from keras import layers

from pawsight.errors import ExtraError, ModelError, first_line
from pawsight.models.hub import (
    PREFIX,
    HubNetwork,
    check_class,
    image_size_of,
    preset_dir,
    preset_weights_path,
)
from pawsight.models.pretrained import compute_groups_depthwise, pooled
from pawsight.progress import Progress
from pawsight.records import OpenSize
from pawsight.storage.atomic import replacing, write_json

_PROBE_SIZE = (64, 64)  # (height, width) in pixels of the image that a converter is checked on
_TOLERANCE = 1e-3  # largest difference of scaled pixels
# Arguments that pawsight chooses itself: precision, names, and the size of the images.
_NOT_KEPT = ("dtype", "name", "trainable", "image_shape")


def cache_preset(name: str, progress: Progress) -> None:
    """Download a preset, and cache its network and weights.

    Args:
        name: The model's name: "hub:" and KerasHub's name of the preset.
        progress: Receives the step.

    Raises:
        ExtraError: KerasHub is not installed.
        ModelError: There is no such preset, or it cannot be used.
        DiskError: The cache cannot be written.
    """
    preset = name.removeprefix(PREFIX)
    progress.start(f"Fetching {preset} with KerasHub")
    hub = _keras_hub(name)
    try:
        backbone = hub.models.Backbone.from_preset(preset)
        converter = hub.layers.ImageConverter.from_preset(preset)
    except Exception as error:  # errors of KerasHub, and of the packages it downloads with
        raise ModelError(
            f"KerasHub cannot load the preset '{preset}' with its image converter: "
            f"{first_line(error)}\n"
            f"https://keras.io/keras_hub/presets lists the presets. Without a connection, give "
            f"a folder that `save_to_preset` wrote: --model hub:FOLDER."
        ) from error
    network = _describe(backbone, converter)
    preset_size = converter.image_size
    if preset_size is not None and tuple(preset_size) != image_size_of(name):
        height, width = preset_size
        progress.note(f"{preset} was made for images of {height}x{width} (--image-size) pixels.")
    write_json(preset_dir(name) / "network.json", network.as_options())
    # Written last: if the weights exist, network.json does too.
    with replacing(preset_weights_path(name)) as temporary:
        backbone.save_weights(temporary, overwrite=True)


def build_features(
    network: HubNetwork, image_size: OpenSize, policy: keras.DTypePolicy
) -> keras.Model:
    """Build a network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F].

    Raises:
        ExtraError: KerasHub is not installed.
        ModelError: KerasHub cannot build it at this size.
    """
    kind = getattr(_keras_hub(network.class_name).models, network.class_name)
    images = keras.Input((*image_size, 3), name="images")
    scaled = layers.Rescaling(list(network.scale), list(network.offset), dtype="float32")(images)
    try:
        backbone = kind(**network.config, image_shape=(*image_size, 3), dtype=policy)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"KerasHub cannot build this {network.class_name} for images of "
            f"{image_size[0]}x{image_size[1]} pixels: {error}"
        ) from error
    compute_groups_depthwise(backbone)
    features = backbone(scaled)
    if isinstance(features, dict):  # HGNetV2 returns a map for each of its stages
        features = features[backbone.stage_names[-1]]
    return keras.Model(images, pooled(features), name="hub_features")


def _keras_hub(needed_for: str) -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise ExtraError(f"The model '{needed_for}'", "hub") from error
    return keras_hub


def _describe(backbone: keras.Model, converter: Any) -> HubNetwork:
    class_name = type(backbone).__name__
    check_class(class_name)
    options = backbone.get_config()
    config = {key: value for key, value in options.items() if key not in _NOT_KEPT}
    scale = _per_colour(converter.scale, 1.0)
    offset = _per_colour(converter.offset, 0.0)
    _check_scaling(converter, scale, offset)
    network = HubNetwork(class_name, config, scale, offset)
    try:
        return HubNetwork.from_options(json.loads(json.dumps(network.as_options())))
    except (TypeError, ValueError, ModelError) as error:
        raise ModelError(
            f"This {class_name} of KerasHub is built from more than plain values, so it cannot be "
            f"saved in a run.\nChoose another preset."
        ) from error


def _per_colour(value: Any, default: float) -> tuple[float, float, float]:
    red, green, blue = np.broadcast_to(default if value is None else value, (3,)).tolist()
    return red, green, blue


def _check_scaling(converter: Any, scale: tuple[float, ...], offset: tuple[float, ...]) -> None:
    """Check that factor and offset compute what the converter does to an image of its own size."""
    images = np.random.default_rng(0).integers(0, 256, (1, *_PROBE_SIZE, 3)).astype(np.float32)
    preset_size = converter.image_size
    converter.image_size = _PROBE_SIZE  # so that it does not resize
    try:
        expected = np.asarray(converter(images), np.float32)
    finally:
        converter.image_size = preset_size
    scaled = images * np.asarray(scale, np.float32) + np.asarray(offset, np.float32)
    if expected.shape != scaled.shape or not np.abs(expected - scaled).max() <= _TOLERANCE:
        raise ModelError(
            "The image converter of this preset does more than scale each colour by a factor and "
            "an offset, which pawsight does not support.\nChoose another preset."
        )
