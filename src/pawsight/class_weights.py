"""Detect imbalanced classes, and compute class weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pawsight.errors import ConfigError

IMBALANCED_RATIO = 1.5  # photos of the most frequent class over those of the rarest


def imbalance_ratio(counts: Iterable[int]) -> float:
    """Return the ratio of the most frequent class to the rarest, empty classes ignored.

    Returns:
        1 or more; 1 if fewer than two classes have photos.
    """
    present = [count for count in counts if count]
    return max(present) / min(present) if present else 1.0


def is_imbalanced(counts: Iterable[int]) -> bool:
    """Return whether class sizes differ by more than 1.5 to 1."""
    return imbalance_ratio(counts) > IMBALANCED_RATIO


def class_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Compute weights that balance the classes; their mean over the photos is 1.

    Source: scikit-learn's class_weight="balanced": n / (K * n_c), with n photos
    in all, n_c of class c, and K classes.

    Args:
        counts: Photos of each class; a class without photos gets the weight 0.
    """
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)


def resolve_class_weights(
    setting: str | Mapping[str, float], class_names: Sequence[str], counts: Sequence[int]
) -> tuple[float, ...] | None:
    """Return the weights of the classes, length K; None where all photos count alike.

    Args:
        setting: "auto", "none", or weights by class name; a class that is not named has 1.
        class_names: The classes, length K.
        counts: Training photos of each class; empty for photos with several labels.

    Raises:
        ConfigError: The setting names a class that does not exist.
    """
    if isinstance(setting, str):
        return class_weights(counts) if setting == "auto" and is_imbalanced(counts) else None
    unknown = [name for name in setting if name not in class_names]
    if unknown:
        raise ConfigError(
            f"class_weights names the class '{unknown[0]}', which does not exist.\n"
            f"The classes are: {', '.join(class_names)}."
        )
    return tuple(float(setting.get(name, 1.0)) for name in class_names)
