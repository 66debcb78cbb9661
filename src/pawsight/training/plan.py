"""The plan of a run, which is decided before training and saved as plan.json.

A plan is either for training in steps, or for a linear head on frozen features.
Everything that changes during training is a function of the progress, 0..1, which is
piecewise linear in the step. If the end of a run moves, the plan gets a new piece from
a coming step to the new end. So a killed run continues exactly as it would have without
the interruption.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pawsight.config import AugmentConfig, Optimizer, PrecisionName, Schedule, StepSettings
from pawsight.errors import RunError
from pawsight.formatting import num_epochs, percent
from pawsight.records import Resize
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import TaskName
from pawsight.text_field import Text
from pawsight.training.linear_head import Trial


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Piece(_Frozen):
    """From `step` on, progress rises from `progress` by `per_step` per step.

    The slope is stored, not derived from the next piece, so that a later piece does not
    change earlier steps in any bit.
    """

    step: int
    progress: float
    per_step: float


class Stage(_Frozen):
    """The image size and the trained layers until the progress is `until`.

    The times are measured before the first step; None if they were not measured.
    """

    until: float
    image_size: tuple[int, int]  # (height, width) in pixels
    share: float = 1.0  # of the layers that are trained, counted from the last
    step_seconds: float | None = None
    validation_seconds: float | None = None  # of all validation photos at this size


class Cut(_Frozen):
    """From `step` on, the learning rate is multiplied by `factor`."""

    step: int  # of the checkpoint that training resumed from
    factor: float
    diverged_at: int  # the step whose loss or weights were not finite


class _AnyPlan(_Frozen):
    """The fields of every plan."""

    model: str
    task: TaskName = "single-label"
    class_names: tuple[Text, ...]
    image_size: tuple[int, int]  # (height, width) in pixels, of the last validation
    resize: Resize
    num_train: int = Field(ge=1)
    num_validation: int = Field(ge=1)
    seed: int
    batch_size: int = Field(ge=1)
    precision: PrecisionName
    class_weights: tuple[float, ...] | None = None  # of a photo of each class, in the loss
    weights: str | None = None  # key of the pretrained weights that the run began with
    num_parameters: int | None = None
    num_head_photos: int | None = None  # number of photos requested for its linear head
    hardware: str = ""
    versions: dict[str, str] = {}  # of the packages that the model depends on


class FittedHead(_Frozen):
    """How a linear head was fitted."""

    views: tuple[str, ...]  # the versions of each photo that it was fitted to
    num_features: int
    strength: float  # the chosen L2 penalty per photo
    cross_validation: tuple[Trial, ...]


class HeadPlan(_AnyPlan):
    """A linear head on the frozen features of a pretrained network."""

    kind: Literal["linear_head"] = "linear_head"
    head: FittedHead


class Plan(_AnyPlan, StepSettings):
    """Training in steps: everything that the training loop needs."""

    kind: Literal["steps"] = "steps"
    precision_reason: str
    optimizer: Optimizer
    learning_rate: float  # the peak of the schedule
    schedule: Schedule
    label_smoothing: float
    augment: AugmentConfig
    num_steps: int = Field(ge=1)
    warmup: float = 0.15  # share of the run in which the learning rate rises
    augment_strength: float = 1.0  # a factor on `augment`: 1 leaves it as it is
    stages: tuple[Stage, ...] = ()
    finished_sizes: tuple[tuple[int, int], ...] = ()  # smaller sizes that are validated at the end
    pieces: tuple[Piece, ...] = ()
    cuts: tuple[Cut, ...] = ()  # one for each divergence
    validate_every: float = 1.0  # epochs between validations
    minutes: float | None = None  # the time budget, if any
    seconds: float | None = None  # time that the budget leaves for steps and validations
    finish_seconds: float = 0.0  # time after training, at the measured speed of the machine
    most_steps: int | None = None  # upper limit, since many epochs gain little; None: no limit
    head_strength: float | None = None  # the L2 penalty of the head that fine-tuning began with
    second_seconds: float | None = None  # time for a second network, to average with this one
    limited_by: str | None = None  # what training waited for, known at its end

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Fill in the stage and the piece of a plan that has none."""
        if not isinstance(values, dict):
            return values
        filled = dict(values)
        if not filled.get("stages") and "image_size" in filled:
            filled["stages"] = [{"until": 1.0, "image_size": filled["image_size"]}]
        num_steps = filled.get("num_steps")
        if not filled.get("pieces") and isinstance(num_steps, int) and num_steps > 0:
            filled["pieces"] = [Piece(step=0, progress=0.0, per_step=1 / num_steps)]
        return filled

    @model_validator(mode="after")
    def _covers_every_step(self) -> Self:
        if not self.pieces or self.pieces[0].step > 0:
            raise ValueError("pieces must cover the run from its first step")
        return self

    @property
    def epochs(self) -> float:
        """Number of epochs, not rounded."""
        return self.num_steps * self.batch_size / self.num_train

    def progress_at(self, step: int) -> float:
        """Return the progress after `step` steps, 0..1."""
        piece = next(piece for piece in reversed(self.pieces) if piece.step <= step)
        return min(1.0, piece.progress + (step - piece.step) * piece.per_step)

    def stage_at(self, step: int) -> int:
        """Return the index of the stage that a step (counted from 0) belongs to."""
        progress = self.progress_at(step)
        return next(
            (number for number, stage in enumerate(self.stages) if progress < stage.until),
            len(self.stages) - 1,
        )

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0.

        It rises linearly to its peak, and falls linearly to 0 at the end of the run.
        Source: arXiv:1708.07120, without its last phase.
        """
        peak = self.learning_rate * math.prod(cut.factor for cut in self.cuts if cut.step <= step)
        if self.schedule == "constant":
            return peak
        rising = self.progress_at(step + 1) / self.warmup if self.warmup else 1.0
        falling = (1 - self.progress_at(step)) / (1 - self.warmup)
        return peak * min(1.0, rising, falling)

    def validations_by(self, step: int) -> int:
        """Return how many validations are due within `step` steps, besides the final one."""
        epochs = step * self.batch_size / self.num_train
        return math.floor(epochs / self.validate_every + 1e-9)  # so that 3 thirds are 1

    def is_validated_after(self, step: int) -> bool:
        """Return whether the model is validated after `step` steps."""
        return step >= self.num_steps or self.validations_by(step) > self.validations_by(step - 1)

    def epochs_at(self, step: int) -> int | float:
        """Return the epochs after `step` steps for the history, as int if it is a whole number.

        An epoch ends with the step that contains its last photo.
        """
        due = self.validations_by(step)
        if due > self.validations_by(step - 1):
            epochs = due * self.validate_every
        else:
            epochs = step * self.batch_size / self.num_train
        return round(epochs) if abs(epochs - round(epochs)) < 1e-6 else round(epochs, 3)

    def replanned(self, step: int, num_steps: int) -> Plan:
        """Return the plan with `num_steps` steps from `step` on; earlier steps are unchanged."""
        progress = self.progress_at(step)
        new = Piece(step=step, progress=progress, per_step=(1 - progress) / num_steps)
        kept = (piece for piece in self.pieces if piece.step < step)
        return self.model_copy(update={"pieces": (*kept, new), "num_steps": step + num_steps})

    def describe(self) -> str:
        """Return the plan as a sentence for the user."""
        first, last = self.stages[0].image_size, self.stages[-1].image_size
        about = "about " if self.seconds is not None else ""
        return (
            f"{f'{self.minutes:g} min: ' if self.minutes else ''}"
            f"{num_epochs(self.epochs_at(self.num_steps))} of {self.num_train:,} photos, "
            f"{f'{_pixels(first)} to ' if first != last else ''}{_pixels(last)} px, "
            f"{about}{_rounded(self.num_steps) if about else self.num_steps:,} steps of "
            f"{self.batch_size}, {self.precision} ({self.precision_reason})"
            f"{self._describe_layers()}{self._describe_weights()}"
        )

    def _describe_layers(self) -> str:
        shares = [percent(stage.share, 0) if stage.share < 1 else "all" for stage in self.stages]
        then = ", then ".join(shares[1:])
        described = f"; the last {shares[0]} of its layers are trained, then {then}"
        return "" if shares[0] == "all" else described

    def _describe_weights(self) -> str:
        if self.class_weights is None:
            return ""
        by_weight = sorted(zip(self.class_weights, self.class_names, strict=True))
        (low, common), (high, rare) = by_weight[0], by_weight[-1]
        return (
            f"; the classes are imbalanced, so a photo of '{rare}' has {high / low:.3g} times the "
            f"weight of one of '{common}'"
        )


def _kind_of(values: Any) -> str:
    """Return the kind of a plan; in files without a kind, only plans of heads have a `head`."""
    if not isinstance(values, dict):
        return ""
    return str(values.get("kind", "linear_head" if "head" in values else "steps"))


_SAVED: TypeAdapter[Plan | HeadPlan] = TypeAdapter(
    Annotated[
        Annotated[Plan, Tag("steps")] | Annotated[HeadPlan, Tag("linear_head")],
        Discriminator(_kind_of),
    ]
)


def save_plan(run: Run, plan: Plan | HeadPlan) -> None:
    """Write plan.json; raises DiskError."""
    write_json(run.plan_path, plan.model_dump(mode="json"))


def load_plan(run: Run) -> Plan | HeadPlan:
    """Read plan.json, of this version or an earlier one; raises RunError."""
    try:
        return _SAVED.validate_python(run.read_json(run.plan_path))
    except ValidationError as error:
        names = ", ".join(dict.fromkeys(".".join(map(str, item["loc"])) for item in error.errors()))
        raise RunError(
            f"{run.plan_path} is damaged or of another version of pawsight ({names or 'kind'}).\n"
            f"Start a new run; --config {run.config_path} takes its settings."
        ) from error


def _pixels(image_size: tuple[int, int]) -> str:
    height, width = image_size
    return f"{width}" if height == width else f"{width}x{height}"


def _rounded(count: int) -> int:
    """Round a count to three significant digits."""
    return round(count, 3 - len(str(count))) if count >= 1000 else count
