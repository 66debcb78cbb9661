"""The networks by name: what `--model` takes and what model.json may name.

A model file stores a name from this table and plain options, never code or a
serialised layer graph: loading an untrusted run folder can fail, it can not
execute anything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras

from pawsight.errors import ModelError
from pawsight.models import colab, hub, pretrained, swift
from pawsight.models.applications import Application, application
from pawsight.models.sizes import IMAGE_SIZES

# (number of classes, (height, width) or (None, None), policy)
Builder = Callable[[int, tuple[int | None, int | None], keras.DTypePolicy], keras.Model]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that pawsight can build."""

    name: str
    summary: str
    image_size: tuple[int, int]  # (height, width) used where the user gives none
    min_image_side: int  # pixels; below it nothing is left after the poolings
    build: Builder
    fits_any_size: bool = False  # its weights do not depend on the size of the images


ARCHITECTURES: dict[str, Architecture] = {
    found.name: found
    for found in (
        Architecture(
            "swift",
            "Residual network of 2.4 million parameters, trained from scratch.",
            IMAGE_SIZES["swift"],
            16,
            swift.build,
            fits_any_size=True,
        ),
        Architecture(
            "colab",
            "The Colab script's own network: three convolutions and a dense layer of 256.",
            IMAGE_SIZES["colab"],
            22,
            colab.build,
        ),
    )
}


def architecture(name: str, network: hub.HubNetwork | None = None) -> Architecture:
    """Look a network up by its name.

    Args:
        name: One of `ARCHITECTURES`, of keras.applications, or "hub:" and a preset.
        network: What a preset of KerasHub is; None takes what is kept of it.

    Raises:
        ModelError: There is none of that name; the text lists those there are.
    """
    if hub.is_hub(name):
        return _of_hub(name, network or hub.kept_network(name))
    applied = application(name)
    if applied is not None:
        return _pretrained(applied)
    try:
        return ARCHITECTURES[name]
    except KeyError:
        known = "\n".join(f"  {one.name:8} {one.summary}" for one in ARCHITECTURES.values())
        raise ModelError(
            f"There is no model '{name}'. Choose one of these:\n{known}\n"
            f"or a network of keras.applications, such as mobilenetv2."
        ) from None


def _pretrained(network: Application) -> Architecture:
    return Architecture(
        network.name,
        f"{network.class_name} of keras.applications, whose weights are brought along.",
        (network.side, network.side),
        network.min_side,
        functools.partial(pretrained.build, network),
    )


def _of_hub(name: str, network: hub.HubNetwork) -> Architecture:
    def build(
        num_classes: int, image_size: tuple[int | None, int | None], policy: keras.DTypePolicy
    ) -> keras.Model:
        from pawsight.models import hub_networks  # here: it needs an extra

        return hub_networks.build(network, num_classes, image_size, policy)

    return Architecture(name, "A preset of KerasHub.", hub.image_size_of(name), hub.MIN_SIDE, build)


def build_model(
    name: str,
    num_classes: int,
    image_size: tuple[int, int] | None = None,
    precision: str = "float32",
    any_size: bool = False,
    network: hub.HubNetwork | None = None,
) -> keras.Model:
    """Build a network with fresh weights.

    The model takes float32 images [B, H, W, 3] with values 0..255 (scaling is
    inside) and gives float32 logits: [B, num_classes], or [B, 1] for `colab`
    with two classes, whose single output is the logit of the second class.
    Train it with a loss that has `from_logits=True`.

    Args:
        name: As `architecture` takes it.
        num_classes: K, at least 2.
        image_size: (height, width) in pixels; None takes the network's own.
        precision: "float32", or "bfloat16" or "float16" to multiply in that
            with float32 weights.
        any_size: Leave the size of the images open where the network allows
            it; the weights are those of the network of one size.
        network: What a preset of KerasHub is; None takes what is kept of it.

    Raises:
        ModelError: Unknown name or precision, too few classes or pixels.
    """
    found = architecture(name, network)
    size = image_size or found.image_size
    if num_classes < 2:
        raise ModelError(f"A classifier needs at least 2 classes, not {num_classes}.")
    if min(size) < found.min_image_side:
        raise ModelError(
            f"Model '{name}' needs images of at least {found.min_image_side} pixels a side, "
            f"not {size[0]}x{size[1]}.\nChoose a larger --image-size."
        )
    policies = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
    if precision not in policies:
        raise ModelError(f"Precision is float32, bfloat16 or float16, not '{precision}'.")
    shape = (None, None) if any_size and found.fits_any_size else size
    return found.build(num_classes, shape, keras.DTypePolicy(policies[precision]))
