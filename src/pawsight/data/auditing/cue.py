"""What a cue is: numbers of each photo that are compared between the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawsight.records import AnalysisArray, Photo

Values = NDArray[np.float64]

_COMMON = 0.1  # share of the photos of a class from which a text is compared
_MAX_TEXTS = 12  # of one cue, the most frequent first
_LIGHT, _DARK = 98, 2  # percentiles of a thumbnail's pixels: its lightest and darkest places


@dataclass(frozen=True, slots=True)
class Column:
    """One number of each photo."""

    values: Values  # shape [N]; NaN where it is unknown
    more: str  # describes photos with a high value; "{}" stands for the usual value
    less: str  # describes photos with a low value
    write: Callable[[float], str] = "{:.3g}".format  # writes a value for display


@dataclass(frozen=True)
class CueInput:
    """The photos that cues are measured on."""

    photos: Sequence[Photo]  # N photos with one class each
    # The photos that the classes are compared on: their texts become columns.
    compared: Sequence[Photo]
    # Rows of `analysis.ROW` of `photos`, shape [N]; None without pixels.
    analyses: AnalysisArray | None

    def traces(self, name: str) -> NDArray[Any]:
        """Return a field of `traces.ROW` of each photo, shape [N, ...]."""
        if self.analyses is None:
            raise ValueError("no pixels")
        values: NDArray[Any] = self.analyses["traces"][name]
        return values

    @cached_property
    def darkest_and_lightest(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean colours of the darkest and of the lightest places, each of shape [N, 3]."""
        if self.analyses is None:
            raise ValueError("no pixels")
        pixels = self.analyses["thumbnail"].reshape(len(self.photos), -1, 3)
        dark, light = np.percentile(pixels, [_DARK, _LIGHT], axis=1)
        return dark, light

    def indicators(
        self, text_of: Callable[[Photo], str], words: Callable[[str], str]
    ) -> Iterator[Column]:
        """Yield a column of 1 or 0 for each text that a tenth of a class's compared photos have."""
        sizes = Counter(photo.label for photo in self.compared)
        pairs = Counter((photo.label, text_of(photo)) for photo in self.compared)
        common: Counter[str] = Counter()
        for (_, text), count in pairs.items():
            common[text] += count
        wanted = {
            text for (label, text), n in pairs.items() if text and n >= _COMMON * sizes[label]
        }
        texts = [text_of(photo) for photo in self.photos]
        for text in sorted(wanted, key=lambda one: (-common[one], one))[:_MAX_TEXTS]:
            has_it = np.array([float(one == text) for one in texts])
            described = words(text).replace("{", "").replace("}", "")
            yield Column(has_it, described, f"not {described}")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is compared between the classes."""

    id: str  # for programs
    title: str  # for display
    least_effect: float  # the effect from which it is a finding, 0..1
    measure: Callable[[CueInput], Iterable[Column]]  # measures its columns
    needs_pixels: bool = False  # whether it cannot be measured from the facts of the files alone
