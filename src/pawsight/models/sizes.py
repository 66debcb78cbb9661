"""The networks' names and image sizes, known without TensorFlow.

Ingest needs the size before training starts TensorFlow, which takes seconds.
"""

from __future__ import annotations

from pawsight.errors import ConfigError, ModelError
from pawsight.models import builtin, hub
from pawsight.models.applications import application, plain

IMAGE_SIZES: dict[str, tuple[int, int]] = {  # (height, width) in pixels
    "swift": (160, 160),
    "colab": (150, 150),
}


def is_pretrained(name: str) -> bool:
    """Whether a network comes with weights: then its features are kept and a head is fitted."""
    return plain(name) == builtin.NAME or application(name) is not None or hub.is_hub(name)


def can_be_finetuned(name: str) -> bool:
    """Whether a network comes with weights that can be trained on."""
    return application(name) is not None or hub.is_hub(name)


def takes_weights(name: str) -> bool:
    """Whether a network can be given other weights than its own."""
    return application(name) is not None


def canonical_name(name: str) -> str:
    """A network's name as pawsight writes it.

    Raises:
        ConfigError: There is no such network.
    """
    if name in IMAGE_SIZES:
        return name
    if hub.is_hub(name):
        return hub.canonical_name(name)
    if is_pretrained(name):
        return plain(name)
    raise ConfigError(
        f"There is no model '{name}'. Choose one of these: {', '.join(IMAGE_SIZES)}, "
        f"{builtin.NAME}, a network of keras.applications, such as mobilenetv2, or a preset of "
        f"KerasHub, such as hub:resnet_18_imagenet."
    )


def image_size_of(name: str) -> tuple[int, int]:
    """The (height, width) that a network works on where the user gives none.

    Raises:
        ConfigError: There is no such network.
    """
    name = canonical_name(name)
    if hub.is_hub(name):
        return hub.image_size_of(name)
    found = application(name)
    if found is not None:
        return found.side, found.side
    return builtin.IMAGE_SIZE if name == builtin.NAME else IMAGE_SIZES[name]


def check_image_size(name: str, image_size: tuple[int, int]) -> None:
    """Refuse images that a network with weights is too deep for.

    Raises:
        ModelError: They are too small.
    """
    found = application(name)
    is_deep = name == builtin.NAME or hub.is_hub(name)
    least = found.min_side if found else hub.MIN_SIDE if is_deep else 1
    if min(image_size) < least:
        raise ModelError(
            f"Model '{name}' needs images of at least {least} pixels a side, "
            f"not {image_size[0]}x{image_size[1]}.\nChoose a larger --image-size."
        )
