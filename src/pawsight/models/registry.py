"""The networks by name: what `--model` takes and what model.json may name.

A model file stores a name from here and plain options, never code or a serialised layer graph:
loading an untrusted run folder can fail, it cannot execute anything. Needs no TensorFlow.
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

# The default: the best that the photos and the time allow, on the shipped network.
AUTO = "auto"

# What "auto" trains, and what it makes of that where the average of two networks is better.
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
    """Return a network by its name, however it is written; raises ConfigError."""
    for entry in NETWORKS:
        network = entry.find(name)
        if network is not None:
            return network
    if Path(name).exists():
        raise ConfigError(
            f"--model takes the name of a network, and {name} is a file or folder.\n"
            f"To train a run or a model further: --start-from {name}"
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
    """Build a network with fresh weights, or with those that ship with pawsight.

    The model takes float32 images [B, H, W, 3] with values 0..255 (scaling is
    inside) and gives float32 logits: [B, num_classes], or [B, 1] for `colab`
    with two classes, whose single output is the logit of the second class.
    Train it with a loss that has `from_logits=True`.

    Args:
        name: What --model takes.
        num_classes: K, at least 2.
        image_size: (height, width) in pixels; None takes the network's own.
        precision: "float32", or "bfloat16" or "float16" to multiply in that
            with float32 weights.
        any_size: Leave the size of the images open where the network allows
            it; the weights are those of the network of one size.

    Raises:
        ModelError: Unknown name or precision, too few classes or pixels.
    """
    try:
        network = find_network(name)
    except ConfigError as error:
        raise ModelError(str(error)) from error
    return network.build(num_classes, image_size, precision, any_size)
