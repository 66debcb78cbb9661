"""Whether a model's answers follow a cue that tells the classes apart without their content.

Photos that break the pattern show it: those of other classes that have the cue of
a class, and those of the class without it. Where more of them are mistaken than
of the photos that fit the pattern, the model may be using the cue.
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

_MIN_PHOTOS = 5  # photos that break the pattern, to judge by
_SIGNIFICANT = 0.05


class ShortcutUse(Record):
    """A shortcut, and what the model makes of it, as evaluation/shortcuts.json holds it."""

    cue: str  # id of the cue
    title: str  # of the cue, for display
    label: Text  # the class that it sets apart
    text: Text  # describes how the class differs
    effect: float  # Cliff's delta, -1..1
    p_value: float  # of the difference between the classes
    num_breaking: int = 0  # photos of the part that break the pattern
    # Those of them that the model took for the class, or not for it, as the cue suggests.
    num_breaking_wrong: int = 0
    num_fitting: int = 0  # photos of the part that fit the pattern
    # Those of them that the model took for the class, or not for it, although they are not, or are.
    num_fitting_wrong: int = 0
    # One-sided, of more such mistakes where the pattern is broken; None where too few photos break
    # it.
    use_p_value: float | None = None

    @property
    def is_used(self) -> bool:
        """Whether the model's mistakes follow the cue."""
        return self.use_p_value is not None and self.use_p_value < _SIGNIFICANT

    def sentence(self, part: str) -> str:
        """Describe what the photos of the part show about the model."""
        if self.use_p_value is None:
            found = counted(self.num_breaking, f"{part} photo breaks", f"{part} photos break")
            return (
                f"Only {found} this pattern, so the score does not show whether the model uses it."
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

    Returns:
        The shortcut with the largest effect first; none for several labels a photo.
    """
    shortcuts = find_shortcuts(dataset.catalog, dataset.pixels)
    if not shortcuts:
        return []
    places = {photo.path: place for place, photo in enumerate(dataset.catalog.photos)}
    indices = np.array([places[path] for path in predictions.paths], np.int64)
    columns = {
        (cue.id, place): column.values
        for cue, measured in measure_cues(dataset.catalog, dataset.pixels, indices)
        for place, column in enumerate(measured)
    }
    names = list(predictions.class_names)
    return [_measured(one, columns[one.cue, one.column], predictions, names) for one in shortcuts]


def _measured(
    shortcut: Shortcut,
    values: NDArray[np.float64],
    predictions: Predictions,
    names: Sequence[str],
) -> ShortcutUse:
    label = list(names).index(shortcut.label)
    is_class, is_taken = predictions.labels == label, predictions.probs.argmax(axis=1) == label
    is_known = ~np.isnan(values)
    has_cue = (values > shortcut.border) == (shortcut.effect > 0)
    is_breaking = is_known & (has_cue != is_class)
    is_fitting = is_known & (has_cue == is_class)
    is_wrong = is_taken != is_class
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


def save_shortcuts(found: Sequence[ShortcutUse], path: Path) -> None:
    """Write what was found as JSON; raises DiskError."""
    write_json(path, [one.model_dump() for one in found])


def load_shortcuts(path: Path) -> list[ShortcutUse]:
    """Read what `save_shortcuts` wrote; an empty list where there is no such file.

    Raises:
        RunError: The file is damaged.
    """
    advice = "Write it again with: pawsight evaluate RUN"
    return load_record(path, TypeAdapter(list[ShortcutUse]), advice) or []
