"""The records that pass from one stage to the next, and their array types.

Plain frozen dataclasses: they can be compared, pickled, and written to CSV or
JSON independently of the stage that made them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from pawsight.formatting import percent
from pawsight.task import SINGLE_LABEL, Task

ImageArray = NDArray[np.uint8]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.floating[Any]]
AnalysisArray = NDArray[np.void]  # rows of `data.decoding.analysis.ROW`

OpenSize = tuple[int | None, int | None]  # (height, width) in pixels; None leaves it open

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

Resize = Literal["stretch", "crop", "pad"]


class Pixels(Protocol):
    """The decoded photos of a catalog, all at one size, by catalog index; any thread may read."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""

    @property
    def lost(self) -> Mapping[int, str]:
        """The reason for each photo that can no longer be read, by catalog index."""

    @property
    def batches_at_once(self) -> int:
        """How many batches to read at a time, at least 1."""

    def read(self, indices: IntArray) -> ImageArray:
        """Return the photos with these catalog indices, in this order: uint8 [N, H, W, 3].

        A photo that can no longer be read is returned grey, and added to `lost`.
        """

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what audits and the search for duplicates compare; independent of `image_size`."""


class WrappedPixels(Pixels):
    """Pixels that delegate to another object; a subclass overrides what differs."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self._pixels.image_size

    @property
    def lost(self) -> Mapping[int, str]:
        """The reason for each photo that can no longer be read, by catalog index."""
        return self._pixels.lost

    @property
    def batches_at_once(self) -> int:
        """How many batches to read at a time, at least 1."""
        return self._pixels.batches_at_once

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what audits and the search for duplicates compare."""
        return self._pixels.analysis(indices)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: a row of a catalog.

    `path` is relative to the catalog's root, with forward slashes; bytes of a
    name that are not UTF-8 are kept as surrogates (`os.fsdecode`). `label` is
    "" where the photo has none and `part` is "" before the split, unless the source
    has parts. `problem` is "" for a photo that was read, else the reason why not; then
    the facts after it are zero or "". `flaw` is the defect of a photo that was read
    nevertheless. `group` is the user's own key: photos with the same key (same animal,
    same burst) stay in one part; "" is no group.
    """

    path: str
    label: str = ""
    part: Part | Literal[""] = ""
    size: int = 0  # bytes
    mtime_ns: int = 0
    problem: str = ""
    format: str = ""  # Pillow's name: JPEG, PNG, ...
    width: int = 0  # pixels, after the EXIF orientation is applied
    height: int = 0
    sha256: str = ""
    phash: str = ""  # 64-bit difference hash, 16 hex digits
    brightness: float = 0.0  # mean luma, 0 black .. 255 white
    sharpness: float = 0.0  # variance of the Laplacian of the luma
    contrast: float = 0.0  # standard deviation of the luma, 0 for a blank photo
    flaw: str = ""
    group: str = ""
    samples: str = ""  # values of the file as "kind smallest largest", "" for 8 bits
    camera: str = ""  # make and model, from the EXIF data
    jpeg_quality: int = 0  # 1..100, estimated from its tables; 0 for other formats
    columns: str = ""  # the other columns of the user's table, as a JSON object of texts

    @property
    def pixels_key(self) -> str:
        """A key of the decoded pixels, which depend on the decoder and the scale as well."""
        scaled = f" {self.brightness} {self.contrast}" if self.samples else ""
        return f"{self.sha256} {self.phash}{scaled}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction of a classifier for one photo.

    `probabilities` has one entry per class, in the order of the model's class
    names, and sums to 1. For a photo that could not be read it is empty,
    `label` is "" and `error` is the reason.
    `answer` is the label, "unsure" where the label is not probable enough, or "none"
    where the photo is unlike all training photos.
    `ood_score` is the distance from the training photos relative to the largest accepted
    distance: above 1 the answer is "none". It is None for models without a detector.
    With several labels a photo, `labels` are those whose probability reaches their
    threshold, `label` and `answer` are these labels as one text with ";" between them,
    `probability` is that of the least certain decision, and `probabilities` do not sum to 1.
    """

    path: str
    label: str = ""
    probability: float = 0.0
    probabilities: dict[str, float] = field(default_factory=dict)
    error: str = ""
    answer: str = ""
    ood_score: float | None = None
    labels: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if self.error:
            return f"Prediction({self.path!r}, error={self.error!r})"
        return f"Prediction({self.path!r}, {self.label!r}, {self.probability:.4f})"

    def _repr_html_(self) -> str:
        """Return HTML for a notebook: every class, the most probable first."""
        if self.error:
            return f"<p>{_as_html(self.path)}: <em>{_as_html(self.error)}</em></p>"
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        rows = "".join(
            f"<tr><td>{_as_html(label)}</td><td>{percent(probability)}</td>"
            f'<td><meter value="{probability:.4f}"></meter></td></tr>'
            for label, probability in ranked
        )
        return f"<table><caption>{_as_html(self.path)}</caption><tbody>{rows}</tbody></table>"


class PredictionList(list[Prediction]):
    """Predictions of several photos: a list that a notebook shows as a table."""

    _MAX_ROWS = 100  # of the table

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_as_html(row.path)}</td>"
            + (
                f"<td colspan=2><em>{_as_html(row.error)}</em></td></tr>"
                if row.error
                else f"<td>{_as_html(row.label)}</td><td>{percent(row.probability)}</td></tr>"
            )
            for row in self[: self._MAX_ROWS]
        )
        num_more = len(self) - self._MAX_ROWS
        more = f"<tr><td colspan=3>and {num_more:,} more</td></tr>" if num_more > 0 else ""
        head = "<thead><tr><th>path</th><th>label</th><th>probability</th></tr></thead>"
        return f"<table>{head}<tbody>{rows}{more}</tbody></table>"


def _as_html(text: str) -> str:
    # Undecodable bytes of a name cannot be written in a page.
    return escape(text.encode("utf-8", "backslashreplace").decode())


def class_columns(class_names: Iterable[str], other_columns: Container[str]) -> list[str]:
    """Return unique names of the columns of classes in a table of predictions.

    A class with the name of another column gets the column `class NAME`; a class
    that is itself called `class NAME` then gets `class class NAME`.
    """
    return [
        f"class {name}" if _CLASS.sub("", name) in other_columns else name for name in class_names
    ]


def classes_of(columns: Iterable[str], other_columns: Container[str]) -> list[str]:
    """Return the classes of such columns: the inverse of `class_columns`."""
    return [
        name.removeprefix("class ") if _CLASS.sub("", name) in other_columns else name
        for name in columns
    ]


_CLASS = re.compile("^(class )+")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """True labels and probabilities of the photos of one part."""

    paths: tuple[str, ...]  # paths relative to the catalog's root, length N
    # True class indices, shape [N], values 0..K-1; with several labels a photo, 1 or 0 for each
    # class, shape [N, K].
    labels: IntArray
    # Probabilities, shape [N, K]; each row sums to 1, except with several labels a photo.
    probs: FloatArray
    class_names: tuple[str, ...]  # `class_names[i]` is class i, length K
    task: Task = SINGLE_LABEL  # how labels are encoded, and how probabilities become answers

    def only(self, is_kept: NDArray[np.bool_]) -> Predictions:
        """Return the predictions of the photos that a mask, shape [N], selects."""
        paths = tuple(path for path, kept in zip(self.paths, is_kept, strict=True) if kept)
        return replace(self, paths=paths, labels=self.labels[is_kept], probs=self.probs[is_kept])
