"""Measure whether a model's mistakes follow a shortcut: a cue that separates the classes.

Photos that break the pattern show it: photos of other classes with the cue of a
class, and photos of the class without it. If more of these are mistaken than of the
photos that fit the pattern, the model may be using the cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pawsight.data.auditing.shortcuts import Shortcut, find_shortcuts, measure_cues
from pawsight.data.dataset import Dataset
from pawsight.formatting import counted
from pawsight.records import Predictions
from pawsight.significance import excess_p_value
from pawsight.storage.atomic import write_json
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text

_MIN_PHOTOS = 5  # photos that break the pattern, and photos that fit it, for a test
_SIGNIFICANT = 0.05


class ShortcutUse(Record):
    """A shortcut, and whether the model uses it: an entry of evaluation/shortcuts.json."""

    cue: str  # id of the cue
    title: str  # of the cue, for display
    label: Text  # the class that differs from the others in the cue
    text: Text  # describes how the class differs
    effect: float  # Cliff's delta, -1..1
    p_value: float  # of the difference between the classes
    num_breaking: int = 0  # photos of the part that break the pattern
    # Of these, photos that the model wrongly assigned to the class, or to another, as the cue
    # suggests.
    num_breaking_wrong: int = 0
    num_fitting: int = 0  # photos of the part that fit the pattern
    # Of these, photos that the model wrongly assigned to the class, or to another, against the cue.
    num_fitting_wrong: int = 0
    # One-sided, that photos that break the pattern have no larger share of mistakes; None if there
    # are too few photos of a kind.
    use_p_value: float | None = None

    @property
    def is_used(self) -> bool:
        """Whether the model's mistakes follow the cue."""
        return self.use_p_value is not None and self.use_p_value < _SIGNIFICANT

    def sentence(self, part: str) -> str:
        """Describe whether the photos of a part show that the model uses the shortcut."""
        if self.use_p_value is None:
            breaking = counted(self.num_breaking, f"{part} photo breaks", f"{part} photos break")
            return (
                f"Only {breaking} this pattern, so the score does not show whether the model uses "
                f"it."
            )
        counts = (
            f"{self.num_breaking_wrong:,} of {counted(self.num_breaking, 'photo')} that break the "
            f"pattern are mistaken as it suggests, {self.num_fitting_wrong:,} of "
            f"{self.num_fitting:,} that fit it are mistaken"
        )
        if self.is_used:
            return f"The model may be using this: {counts} (p = {self.use_p_value:.1g})."
        return f"No sign that the model uses this: {counts}."


def measure_shortcuts(predictions: Predictions, dataset: Dataset) -> list[ShortcutUse]:
    """Find the shortcuts of a set of photos, and whether the model's mistakes follow them.

    Args:
        predictions: The model's answers to photos of the dataset.
        dataset: The photos.

    Returns:
        The shortcut with the largest effect first; none for photos with several labels.
    """
    catalog = dataset.catalog
    shortcuts = find_shortcuts(catalog, dataset.pixels)
    if not shortcuts:
        return []
    index_of = {photo.path: index for index, photo in enumerate(catalog.photos)}
    indices = np.array([index_of[path] for path in predictions.paths], np.int64)
    columns = {
        (cue.id, number): column.values
        for cue, measured in measure_cues(catalog, dataset.pixels, indices)
        for number, column in enumerate(measured)
    }
    return [
        _measure(shortcut, columns[shortcut.cue, shortcut.column], predictions)
        for shortcut in shortcuts
    ]


def _measure(
    shortcut: Shortcut, values: NDArray[np.float64], predictions: Predictions
) -> ShortcutUse:
    label = predictions.class_names.index(shortcut.label)
    is_class = predictions.labels == label
    is_wrong = (predictions.probs.argmax(axis=1) == label) != is_class
    is_known = ~np.isnan(values)
    has_cue = (values > shortcut.border) == (shortcut.effect > 0)
    is_breaking = is_known & (has_cue != is_class)
    is_fitting = is_known & (has_cue == is_class)
    counts = {
        "num_breaking": int(is_breaking.sum()),
        "num_breaking_wrong": int((is_breaking & is_wrong).sum()),
        "num_fitting": int(is_fitting.sum()),
        "num_fitting_wrong": int((is_fitting & is_wrong).sum()),
    }
    p_value = None
    if min(counts["num_breaking"], counts["num_fitting"]) >= _MIN_PHOTOS:
        p_value = excess_p_value(
            *(counts["num_fitting_wrong"], counts["num_fitting"]),
            *(counts["num_breaking_wrong"], counts["num_breaking"]),
        )
    return ShortcutUse(
        cue=shortcut.cue,
        title=shortcut.title,
        label=shortcut.label,
        text=shortcut.text,
        effect=shortcut.effect,
        p_value=shortcut.p_value,
        use_p_value=p_value,
        **counts,
    )


def save_shortcuts(shortcuts: Sequence[ShortcutUse], path: Path) -> None:
    """Write shortcuts as JSON.

    Raises:
        DiskError: The file cannot be written.
    """
    write_json(path, [shortcut.model_dump() for shortcut in shortcuts])


def load_shortcuts(path: Path) -> list[ShortcutUse]:
    """Read what `save_shortcuts` wrote; an empty list if there is no such file.

    Raises:
        RunError: The file is damaged.
    """
    advice = "Write it again with: pawsight evaluate RUN"
    return load_record(path, TypeAdapter(list[ShortcutUse]), advice) or []
