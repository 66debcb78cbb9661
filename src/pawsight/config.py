"""Every setting: typed, frozen, and checked when a config is built.

All mistakes of a config are reported together. A config is passed whole, saved
in the run folder, and together with the photos and the seed it determines the
result. `None` means that the model's own recipe decides (`models/recipe.py`,
applied by `training/planning.py`); plan.json in the run folder has the decisions.
"""

from __future__ import annotations

import codecs
import os
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from pawsight.records import Part, Resize
from pawsight.setting_errors import Settings
from pawsight.setting_texts import (
    as_tuple,
    parse_assignments,
    parse_columns,
    parse_names,
    parse_parts,
)
from pawsight.task import MULTI_LABEL, SINGLE_LABEL, Task

FillMode = Literal["nearest", "constant", "reflect", "wrap"]
PrecisionName = Literal["float32", "bfloat16", "float16"]
PrecisionChoice = Literal["auto", PrecisionName]
Optimizer = Literal["adam", "scaled_adam", "muon", "own"]
Schedule = Literal["constant", "linear"]  # of the learning rate
Staging = Literal["auto", "always", "never"]
Range = float | tuple[float, float]
Band = Annotated[int, Field(ge=1, le=1000)]  # of a TIFF, counted from 1


class AugmentConfig(Settings):
    """Augmentation of training photos, in the vocabulary of Keras' ImageDataGenerator."""

    rotation_range: float = Field(0.0, ge=0, le=180)  # degrees, both ways
    width_shift_range: Range = 0.0  # below 1: share of the width, else pixels; or (low, high)
    height_shift_range: Range = 0.0
    brightness_range: tuple[float, float] | None = None  # factors; 1 leaves a photo as it is
    shear_range: float = Field(0.0, ge=0, lt=90)  # degrees, both ways
    zoom_range: Range = 0.0  # z means (1 - z, 1 + z); below 1 magnifies
    channel_shift_range: float = Field(0.0, ge=0, le=255)  # added to all channels, 0..255
    fill_mode: FillMode = "nearest"
    cval: float = Field(0.0, ge=0, le=255)  # the colour outside, for fill_mode "constant"
    horizontal_flip: bool = False
    vertical_flip: bool = False
    # Not in Keras' generator. A crop takes a share of the picture's area, from anywhere in it,
    # with sides stretched by up to crop_stretch; 1 is the whole picture.
    crop_range: tuple[float, float] | None = None
    crop_stretch: float = Field(1.0, ge=1, le=4)
    erase: float = Field(0.0, ge=0, lt=1)  # side of a grey square, as a share of the picture's

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for name in ("width_shift_range", "height_shift_range", "zoom_range", "brightness_range"):
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name} must be (low, high), got {value}")
        if isinstance(self.zoom_range, float) and not 0 <= self.zoom_range < 1:
            raise ValueError("zoom_range must be at least 0 and below 1, or a pair of factors")
        if isinstance(self.zoom_range, tuple) and self.zoom_range[0] <= 0:
            raise ValueError("zoom_range factors must be above 0")
        if self.crop_range is not None:
            low, high = self.crop_range
            if not 0 < low <= high <= 1:
                raise ValueError("crop_range must be (low, high), shares of the area up to 1")
            if self.zoom_range or self.width_shift_range or self.height_shift_range:
                raise ValueError(
                    "crop_range zooms and shifts: leave zoom_range and the shift ranges out"
                )
        if self.brightness_range is not None and self.brightness_range[0] < 0:
            raise ValueError("brightness_range factors must be at least 0")
        return self


class SplitConfig(Settings):
    """How photos are divided where the source has no parts; fractions are of the whole set."""

    validation_fraction: float = Field(0.15, gt=0, lt=1)
    test_fraction: float = Field(0.15, ge=0, lt=1)
    seed: int = 0  # same photos and seed: same split on any machine
    # "folder", a column of the table, or a pattern of file names with a group: such photos stay
    # together.
    group_by: str | None = None
    folds: int | None = Field(None, ge=2, le=20)  # of cross-validation; the test part stays apart
    fold: int = Field(1, ge=1)  # the fold that is the validation part, counted from 1
    keep: str | None = None  # a run, or a split.csv, whose photos stay in their parts

    @model_validator(mode="after")
    def _check_fractions_and_fold(self) -> Self:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction + test_fraction must be below 1")
        if self.fold > (self.folds or 1):
            raise ValueError(f"fold is {self.fold}, but there are {self.folds or 'no'} folds")
        return self


ColumnRole = Literal["path", "label", "labels", "part", "group"]


class SourceConfig(Settings):
    """What the folders or the table of a source mean, and which of its photos are used.

    Every field also takes the text that the option of its name takes, such as
    `SourceConfig(parts="train=training_set,test=test_set")`.
    """

    # The folders, or the values of the table's column, of each part; "none": no folder is a part.
    parts: Annotated[
        dict[Part, tuple[str, ...]] | Literal["none"] | None, BeforeValidator(parse_parts)
    ] = None
    class_level: int | None = Field(None, ge=1)  # which folder below the source names the class
    label_pattern: str | None = None  # finds the class in a file's name; in its path if it has a /
    # Headings by role; `labels` is one column for each class, "a+b+c", that holds 1 or 0.
    columns: Annotated[dict[ColumnRole, str], BeforeValidator(parse_columns)] = Field({})
    # A table of corrected labels; None: corrections.csv among the photos, if any; "none": no table.
    labels: str | None = None
    multi_label: bool = False  # a photo may have several labels, or none
    label_separator: str | None = Field(None, min_length=1)  # between labels in one cell of a table
    encoding: str | None = None  # of a table, such as cp1252; None: UTF-8 or UTF-16
    # Continue without photos that could not be copied from an address or a network drive.
    allow_missing: bool = False
    exclude: Annotated[
        tuple[str, ...], BeforeValidator(as_tuple)
    ] = ()  # names or paths; may have * and ?
    classes: Annotated[tuple[str, ...], BeforeValidator(parse_names)] = ()  # only these; (): all
    # Folders, in upper or lower case, of photos of none of the classes; a name that `classes` or
    # `merge` has is an ordinary class.
    none: Annotated[tuple[str, ...], BeforeValidator(parse_names)] = ("none", "other", "neither")
    # By new name: the classes that are joined under it.
    merge: Annotated[dict[str, tuple[str, ...]], BeforeValidator(parse_assignments)] = Field({})

    @field_validator("label_pattern")
    @classmethod
    def _check_label_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"'{pattern}' is not a valid regular expression: {error}") from error
        return pattern

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError as error:
            raise ValueError(f"there is no encoding '{encoding}'; an example is cp1252") from error
        return encoding

    @model_validator(mode="after")
    def _check_multi_label(self) -> Self:
        if self.label_separator is not None and not self.multi_label:
            raise ValueError(
                "label_separator is for photos with several labels: set multi_label, too"
            )
        if self.multi_label and self.labels not in (None, "none"):
            raise ValueError(
                "labels corrects photos with one label: leave out labels or multi_label"
            )
        return self

    @property
    def task(self) -> Task:
        """Whether photos have one label or several."""
        return MULTI_LABEL if self.multi_label else SINGLE_LABEL


def _path_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _square(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


class PixelsConfig(Settings):
    """How files that are not 8-bit grey or RGB are read; see `data.pixel_scale`."""

    # One band is grey, three are red, green and blue.
    bands: Annotated[tuple[Band, ...] | None, BeforeValidator(parse_names)] = None
    # (black, white) of values of more than 8 bits; None measures the photos of the set.
    range: Annotated[tuple[float, float] | None, BeforeValidator(parse_names)] = None

    @model_validator(mode="after")
    def _check_bands_and_range(self) -> Self:
        if self.bands is not None and len(self.bands) not in (1, 3):
            raise ValueError("bands must be one or three numbers, such as [4, 3, 2]")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError("range must be [black, white] with black below white")
        return self


class StepSettings(BaseModel):
    """Settings of training in steps that its plan takes over as they are."""

    target_accuracy: float | None = Field(None, gt=0, lt=1)  # stop at this lower 95 % bound
    eager: bool = False  # step through Python instead of a compiled graph: slow, for debugging


class TrainConfig(Settings, StepSettings):
    """Everything that decides a training run, besides the photos."""

    model: str = "auto"  # the best that the photos and the time allow; else a network's name
    weights: str | None = None  # a file of a network's weights, instead of those it comes with
    # A run, or a file of a pawsight model's weights, to grow: its parts and weights are kept.
    start_from: Annotated[str | None, BeforeValidator(_path_text)] = None
    finetune: bool | Literal["auto"] = (
        False  # train the network after its head; auto: with enough photos
    )
    # (height, width) in pixels; one number is a square
    image_size: Annotated[tuple[int, int] | None, BeforeValidator(_square)] = None
    resize: Resize = "stretch"  # how a photo of another shape is resized to image_size
    keep_truncated: bool = (
        False  # train on JPEGs whose end is missing, if most of the file is there
    )
    pixels: PixelsConfig = PixelsConfig()
    stage: Staging = "auto"  # copy photos to this machine first; auto: from a slow network drive
    # auto: rare classes count more, beyond 1.5 : 1; or the weight of a photo by class name
    class_weights: Literal["auto", "none"] | dict[str, Annotated[float, Field(ge=0)]] = "auto"
    epochs: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0, le=600)
    batch_size: int | None = Field(None, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0)
    precision: PrecisionChoice = "auto"
    augment: AugmentConfig | None = None
    # average the logits of each photo and of its mirror image, where validation shows a gain
    average_mirrored: Literal["auto", "none"] = "auto"
    source: SourceConfig = SourceConfig()
    split: SplitConfig = SplitConfig()
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.epochs is not None and self.minutes is not None:
            raise ValueError("give epochs or minutes, not both")
        if self.start_from is not None and self.split.folds is not None:
            raise ValueError(
                "folds need models that were trained on none of the photos: leave start_from out"
            )
        if self.image_size is not None and not all(16 <= side <= 1024 for side in self.image_size):
            raise ValueError("image_size must be 16 to 1024 pixels on each side")
        return self
