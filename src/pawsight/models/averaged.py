"""Two networks in one: the shipped one, fine-tuned, and `swift`; their logits are averaged.

Networks that learnt from different beginnings make different mistakes, so the mean of both is
often right where one is wrong. Source: arXiv:1612.01474. It is what `--model auto` makes where
validation shows that it pays.
"""

from __future__ import annotations

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
    # What the logits of the two are multiplied by before they are added: for the mean of calibrated
    # logits, half the inverse of each temperature.
    factors: tuple[float, float] = (0.5, 0.5)

    @property
    def options(self) -> dict[str, Any]:
        """Return the size and the factors; JSON-ready, for model.json."""
        return {"swift_size": list(self.swift_size), "factors": list(self.factors)}

    @property
    def base(self) -> Network:
        """The shipped network: what training goes on with."""
        return family.NETWORK

    def with_options(self, options: dict[str, Any]) -> AveragedNetworks:
        """Return the network that options of model.json describe; raises ModelError."""
        size, factors = _pair(options, "swift_size"), _pair(options, "factors")
        if not all(isinstance(one, int) and 1 <= one <= _MAX_SIDE for one in size):
            raise ModelError(f"model.json is damaged: swift_size is {size}.")
        return replace(
            self,
            swift_size=(int(size[0]), int(size[1])),
            factors=(float(factors[0]), float(factors[1])),
        )

    def check_available(self) -> None:
        """Refuse it as what --model names: it is found by training its two networks.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"The model '{self.name}' is what --model auto makes of two networks, where their "
            f"average is the better model.\nLeave --model out."
        )

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers of both: logits [B, K]."""
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
        """Return the shipped network within a model that was built here, up to its logits."""
        return members(model)[0]


def members(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the two networks within an averaged one, each from images to its own logits."""
    import keras

    first, second = (
        keras.Model(model.input, model.get_layer(name).output, name=name)
        for name in (_BUILTIN_LOGITS, _SWIFT_LOGITS)
    )
    return first, second


def _pair(options: dict[str, Any], name: str) -> Sequence[Any]:
    found = options.get(name)
    numbers = isinstance(found, list) and all(
        isinstance(one, int | float) and 0 < one < float("inf") for one in found
    )
    if not isinstance(found, list) or not numbers or len(found) != 2:
        raise ModelError(f"model.json is damaged: {name} is {found!r}, not two numbers above 0.")
    return found


NETWORK = AveragedNetworks(
    name=NAME,
    summary="The shipped network, fine-tuned, averaged with swift.",
    image_size=family.NETWORK.image_size,
    min_side=family.NETWORK.min_side,
)
