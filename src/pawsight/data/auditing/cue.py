"""Define cues: numbers of each photo that are compared between the classes."""

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

_COMMON = 0.1  # share of the photos of a class that have a text; rarer texts are not compared
_MAX_TEXTS = 12  # of a cue, the most frequent first
_LIGHT, _DARK = 98, 2  # percentiles of a thumbnail's pixels: its lightest and darkest places


@dataclass(frozen=True, slots=True)
class Column:
    """A number of each photo."""

    values: Values  # shape [N]; NaN if unknown
    more: str  # describes photos with a high value; "{}" stands for the usual value
    less: str  # describes photos with a low value
    write: Callable[[float], str] = "{:.3g}".format  # formats a value for display


@dataclass(frozen=True)
class CueInput:
    """The photos that cues are measured on."""

    photos: Sequence[Photo]  # N photos with one class each
    # The photos on which the classes are compared; common texts are determined from them.
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
    def darkest_and_lightest(self) -> tuple[Values, Values]:
        """Colours of the darkest and of the lightest places, each of shape [N, 3], 0..255."""
        if self.analyses is None:
            raise ValueError("no pixels")
        pixels = self.analyses["thumbnail"].reshape(len(self.photos), -1, 3)
        dark, light = np.percentile(pixels, [_DARK, _LIGHT], axis=1)
        return dark, light

    def indicators(
        self, text_of: Callable[[Photo], str], words: Callable[[str], str]
    ) -> Iterator[Column]:
        """Yield an indicator, 1 or 0, of each text that is common in at least one class.

        Args:
            text_of: Returns the text of a photo; "" is not compared.
            words: Describes photos with a text.
        """
        sizes = Counter(photo.label for photo in self.compared)
        pairs = Counter((photo.label, text_of(photo)) for photo in self.compared)
        counts = Counter(text_of(photo) for photo in self.compared)
        common = {
            text for (label, text), n in pairs.items() if text and n >= _COMMON * sizes[label]
        }
        texts = np.array([text_of(photo) for photo in self.photos], np.object_)
        for text in sorted(common, key=lambda text: (-counts[text], text))[:_MAX_TEXTS]:
            description = words(text).replace("{", "").replace("}", "")
            yield Column((texts == text).astype(np.float64), description, f"not {description}")


@dataclass(frozen=True, slots=True)
class Cue:
    """A property that is compared between the classes."""

    id: str  # for programs
    title: str  # for display
    min_effect: float  # Cliff's delta of a finding, 0..1
    measure: Callable[[CueInput], Iterable[Column]]  # returns its columns
    needs_pixels: bool = False  # whether the facts of the files are not enough to measure it
