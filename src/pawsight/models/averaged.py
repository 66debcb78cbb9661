"""The average of two networks' logits: the fine-tuned shipped network and `swift`.

Networks that were trained from different initial weights make different mistakes, so their average
is often right where one of them is wrong. Source: arXiv:1612.01474. `--model auto` builds it where
its validation accuracy is higher.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pawsight.errors import ConfigError, ModelError
from pawsight.models import builtin, swift
from pawsight.models.builtin import family
from pawsight.models.network import Network
from pawsight.models.recipe import Recipe
from pawsight.records import OpenSize

if TYPE_CHECKING:
    import keras

NAME = f"{builtin.NAME}+{swift.NETWORK.name}"
_BUILTIN_LOGITS, _SWIFT_LOGITS = "builtin_logits", "swift_logits"
_MAX_SIDE = 4096


@dataclass(frozen=True, kw_only=True)
class AveragedNetworks(Network):
    """The shipped network and `swift`, each with a last layer of its own."""

    recipe: Recipe = family.NETWORK.recipe
    # (height, width) in pixels, to which images are resized for `swift`.
    swift_size: tuple[int, int] = (144, 144)
    # Factors of the two networks' logits before they are added. For the mean of calibrated logits,
    # each is half the inverse of the network's temperature.
    factors: tuple[float, float] = (0.5, 0.5)

    @property
    def options(self) -> dict[str, Any]:
        """The size and the factors; JSON-ready, for model.json."""
        return {"swift_size": list(self.swift_size), "factors": list(self.factors)}

    @property
    def base(self) -> Network:
        """The shipped network, with which a further training continues."""
        return family.NETWORK

    def with_options(self, options: dict[str, Any]) -> AveragedNetworks:
        """Return the network that options of model.json describe; raises ModelError."""
        size, factors = _pair(options, "swift_size"), _pair(options, "factors")
        if not all(isinstance(side, int) and 1 <= side <= _MAX_SIDE for side in size):
            raise ModelError(f"model.json is damaged: swift_size is {size}.")
        return replace(
            self,
            swift_size=(int(size[0]), int(size[1])),
            factors=(float(factors[0]), float(factors[1])),
        )

    def check_available(self) -> None:
        """Refuse the network as a value of --model: only --model auto builds it.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"The model '{self.name}' cannot be chosen: --model auto builds it from two networks, "
            f"where their average is the better model.\nLeave --model out."
        )

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers of both networks: logits [B, K]."""
        import keras
        from keras import layers

        features = family.NETWORK.build_features(image_size, policy)
        images = features.input
        first = layers.Dense(num_classes, dtype="float32", name=_BUILTIN_LOGITS)(features.output)
        smaller = layers.Resizing(*self.swift_size, dtype="float32", name="smaller")(images)
        second = swift.NETWORK.connect(smaller, num_classes, policy, _SWIFT_LOGITS)
        scaled = [
            layers.Rescaling(factor, dtype="float32", name=f"{name}_scaled")(logits)
            for factor, name, logits in zip(
                self.factors, (_BUILTIN_LOGITS, _SWIFT_LOGITS), (first, second), strict=True
            )
        ]
        logits = layers.Add(dtype="float32", name="logits")(scaled)
        return keras.Model(images, logits, name="averaged")

    def base_model(self, model: keras.Model) -> keras.Model:
        """Return the shipped network within a model of `build_layers`, up to its logits."""
        return members(model)[0]


def members(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the two networks within an averaged model, each from the images to its logits."""
    import keras

    first, second = (
        keras.Model(model.input, model.get_layer(name).output, name=name)
        for name in (_BUILTIN_LOGITS, _SWIFT_LOGITS)
    )
    return first, second


def _pair(options: dict[str, Any], name: str) -> Sequence[Any]:
    pair = options.get(name)
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(isinstance(number, int | float) and 0 < number < math.inf for number in pair)
    ):
        raise ModelError(f"model.json is damaged: {name} is {pair!r}, not two numbers above 0.")
    return pair


NETWORK = AveragedNetworks(
    name=NAME,
    summary="The shipped network, fine-tuned, averaged with swift.",
    image_size=family.NETWORK.image_size,
    min_side=family.NETWORK.min_side,
)
