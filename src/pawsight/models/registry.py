"""The networks by name, for `--model` and for model.json.

A model file stores a name of this registry and plain options, never code or a serialised layer
graph: loading an untrusted run folder can fail, but cannot execute anything. Needs no TensorFlow.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pawsight.errors import ConfigError, ModelError
from pawsight.models import applications, averaged, colab, custom_network, hub, swift
from pawsight.models.builtin import family as builtin
from pawsight.models.network import Family, Network, plain

if TYPE_CHECKING:
    import keras

# The default: the shipped network, trained as the number of photos and the time allow.
AUTO = "auto"

# The network that "auto" trains, and the average of two networks that it may build from it.
_MADE_BY_AUTO: dict[str, Network] = {AUTO: builtin.NETWORK, averaged.NAME: averaged.NETWORK}

NETWORKS: tuple[Network | Family, ...] = (
    Family(AUTO, lambda name: _MADE_BY_AUTO.get(plain(name))),
    swift.NETWORK,
    colab.NETWORK,
    builtin.NETWORK,
    applications.FAMILY,
    hub.FAMILY,
    custom_network.FAMILY,
)


def find_network(name: str) -> Network:
    """Return a network by its name, in any spelling; raises ConfigError."""
    for entry in NETWORKS:
        network = entry.find(name)
        if network is not None:
            return network
    if Path(name).exists():
        raise ConfigError(
            f"--model takes the name of a network, but {name} is a file or folder.\n"
            f"To continue training from a run or a model: --start-from {name}"
        )
    titles = [entry.title for entry in NETWORKS]
    raise ConfigError(
        f"There is no model '{name}'. Choose one of these: {', '.join(titles[:-1])}, or "
        f"{titles[-1]}."
    )


def listed_networks() -> list[Network]:
    """Return the networks whose names are known, in the order of the registry."""
    return [network for entry in NETWORKS for network in entry.members]


def build_model(
    name: str,
    num_classes: int,
    image_size: tuple[int, int] | None = None,
    precision: str = "float32",
    any_size: bool = False,
) -> keras.Model:
    """Build a network with random initial weights; `builtin` has those that ship with pawsight.

    Args:
        name: A name that --model accepts.
        num_classes: K, at least 2.
        image_size: (height, width) in pixels; None takes the network's default.
        precision: "float32"; or "bfloat16" or "float16" for mixed precision,
            with float32 weights.
        any_size: Build the network for images of any size, if its weights are
            independent of the size.

    Returns:
        A model from float32 images [B, H, W, 3], 0..255 (it includes their scaling),
        to float32 logits [B, K]; or [B, 1] for `colab` with two classes, where the
        output is the logit of the second class. Train it with a loss that has
        `from_logits=True`.

    Raises:
        ModelError: Unknown name or precision, or too few classes or pixels.
    """
    try:
        network = find_network(name)
    except ConfigError as error:
        raise ModelError(str(error)) from error
    return network.build(num_classes, image_size, precision, any_size)
