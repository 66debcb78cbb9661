"""What a run does, decided before it begins and saved as plan.json.

There are two kinds of plans: training in steps, and a linear head that is fitted
to frozen features.

Everything that changes in the course of training is a function of its progress
p, which goes from 0 to 1. Progress is piecewise linear in the step: a run whose
time turns out longer or shorter gets a new piece, from where it stands to its
new end. So a run that was killed continues exactly as it would have gone on,
whatever was decided on the way.
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

from pawsight.config import AugmentConfig
from pawsight.errors import RunError
from pawsight.formatting import percent
from pawsight.models.recipe import Optimizer, Schedule
from pawsight.records import Resize, Text
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.training.linear_head import Trial

PrecisionName = Literal["float32", "bfloat16", "float16"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Piece(_Frozen):
    """From `step` on, progress rises from `progress` by `per_step` a step.

    The slope is kept, not worked out from the next piece: so what comes later
    changes no bit of what came before.
    """

    step: int
    progress: float
    per_step: float


class Stage(_Frozen):
    """Photos are seen at `image_size`, and some layers learn, until the progress is `until`.

    The two times are what was measured before the first step; None where nothing was.
    """

    until: float
    image_size: tuple[int, int]  # (height, width) in pixels
    share: float = 1.0  # of the layers that learn, counted from the last
    step_seconds: float | None = None
    validation_seconds: float | None = None  # of all validation photos at this size


class _AnyPlan(_Frozen):
    """What every plan holds."""

    model: str
    class_names: tuple[Text, ...]
    image_size: tuple[int, int]  # of the finished model, and of the last validation
    resize: Resize
    num_train: int = Field(ge=1)
    num_validation: int = Field(ge=1)
    seed: int
    batch_size: int = Field(ge=1)
    precision: PrecisionName
    class_weights: tuple[float, ...] | None = None  # of a photo of each class, in the loss
    weights: str | None = None  # key of the pretrained weights that the run began with
    num_parameters: int | None = None
    hardware: str = ""
    versions: dict[str, str] = {}  # of the packages that shape a model


class FittedHead(_Frozen):
    """How a linear head was fitted."""

    views: tuple[str, ...]  # in which its photos were seen
    num_features: int
    strength: float  # the L2 penalty per photo that cross-validation chose
    cross_validation: tuple[Trial, ...]


class HeadPlan(_AnyPlan):
    """A linear head on the frozen features of a pretrained network."""

    kind: Literal["linear_head"] = "linear_head"
    head: FittedHead


class Plan(_AnyPlan):
    """Training in steps: all that the training loop needs to know."""

    kind: Literal["steps"] = "steps"
    precision_reason: str
    eager: bool
    optimizer: Optimizer
    learning_rate: float  # the highest of the run
    schedule: Schedule
    label_smoothing: float
    augment: AugmentConfig
    num_steps: int = Field(ge=1)
    warmup: float = 0.15  # share of the run in which the learning rate rises
    augment_strength: float = 1.0  # how strongly photos are changed; 1 is what `augment` says
    stages: tuple[Stage, ...] = ()
    pieces: tuple[Piece, ...] = ()
    validate_every: float = 1.0  # epochs
    target_accuracy: float | None = None
    minutes: float | None = None  # the budget, where there is one
    seconds: float | None = None  # what the budget leaves for the steps and their validations
    finish_seconds: float = 0.0  # what comes after, on a machine as fast as it was measured
    most_steps: int | None = None  # more of the same photos teach little; None: as time allows
    head_strength: float | None = None  # the L2 penalty of the head that fine-tuning began with
    limited_by: str | None = None  # the stage that training waited for, once it ended

    @model_validator(mode="before")
    @classmethod
    def _whole_and_straight(cls, values: Any) -> Any:
        """Fill in the one stage and the one piece of a plan that names none."""
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
        if not self.stages or not self.pieces or self.pieces[0].step > 0:
            raise ValueError("stages and pieces must cover the run from its first step")
        return self

    @property
    def epochs(self) -> float:
        """How often each training photo is seen, on average."""
        return self.num_steps * self.batch_size / self.num_train

    def progress_at(self, step: int) -> float:
        """How far the run is when `step` steps are done, 0 to 1."""
        piece = next(piece for piece in reversed(self.pieces) if piece.step <= step)
        return min(1.0, piece.progress + (step - piece.step) * piece.per_step)

    def stage_at(self, step: int) -> int:
        """The number of the stage that a step (counted from 0) belongs to."""
        progress = self.progress_at(step)
        return next(
            (number for number, stage in enumerate(self.stages) if progress < stage.until),
            len(self.stages) - 1,
        )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        It rises in a straight line to its peak and falls in one to 0, which ends a
        run annealed however short it is. Source: arXiv:1708.07120, without its last phase.
        """
        if self.schedule == "constant":
            return self.learning_rate
        rising = self.progress_at(step + 1) / self.warmup if self.warmup else 1.0
        falling = (1 - self.progress_at(step)) / (1 - self.warmup)
        return self.learning_rate * min(1.0, rising, falling)

    def validations_by(self, step: int) -> int:
        """How many validations are due by the time `step` steps are done, the last one apart."""
        shown = step * self.batch_size / self.num_train
        return math.floor(shown / self.validate_every + 1e-9)  # a third three times is one

    def is_validated_after(self, step: int) -> bool:
        """Whether the validation photos are looked at when `step` steps are done."""
        return step >= self.num_steps or self.validations_by(step) > self.validations_by(step - 1)

    def epochs_at(self, step: int) -> int | float:
        """How many epochs `step` steps are, as the history says it: a whole number where it can.

        An epoch ends within the step that shows its last photo, and counts as whole with it.
        """
        due = self.validations_by(step)
        if due > self.validations_by(step - 1):
            epochs = due * self.validate_every
        else:
            epochs = step * self.batch_size / self.num_train
        return round(epochs) if abs(epochs - round(epochs)) < 1e-6 else round(epochs, 3)

    def replanned(self, step: int, num_steps: int) -> Plan:
        """Take `num_steps` more steps from `step` on; what comes before stays as it is."""
        progress = self.progress_at(step)
        piece = Piece(step=step, progress=progress, per_step=(1 - progress) / num_steps)
        kept = tuple(one for one in self.pieces if one.step < step)
        return self.model_copy(update={"pieces": (*kept, piece), "num_steps": step + num_steps})

    def in_words(self) -> str:
        """The plan as a sentence, shown before the first step."""
        first, last = self.stages[0].image_size, self.stages[-1].image_size
        about = "about " if self.seconds is not None else ""
        return (
            f"{f'{self.minutes:g} min: ' if self.minutes else ''}"
            f"{self.epochs:.3g} epochs of {self.num_train:,} photos, "
            f"{f'{_pixels(first)} to ' if first != last else ''}{_pixels(last)} px, "
            f"{about}{_rounded(self.num_steps) if about else self.num_steps:,} steps of "
            f"{self.batch_size}, {self.precision} ({self.precision_reason})"
            f"{self._layers_in_words()}{self._weights_in_words()}"
        )

    def _layers_in_words(self) -> str:
        shares = [
            f"{percent(stage.share, 0)}" if stage.share < 1 else "all" for stage in self.stages
        ]
        if shares[0] == "all":
            return ""
        return f"; of its layers the last {shares[0]} learn, then {', then '.join(shares[1:])}"

    def _weights_in_words(self) -> str:
        if self.class_weights is None:
            return ""
        by_weight = sorted(zip(self.class_weights, self.class_names, strict=True))
        (low, common), (high, rare) = by_weight[0], by_weight[-1]
        return (
            f"; the classes are uneven, so a photo of '{rare}' counts {high / low:.3g} times "
            f"one of '{common}'"
        )


def _kind_of(values: Any) -> str:
    """Return the kind of a plan; those written before plans had kinds differ by their head."""
    if isinstance(values, dict):
        return str(values.get("kind", "linear_head" if "head" in values else "steps"))
    return str(getattr(values, "kind", ""))


_SAVED: TypeAdapter[Plan | HeadPlan] = TypeAdapter(
    Annotated[
        Annotated[Plan, Tag("steps")] | Annotated[HeadPlan, Tag("linear_head")],
        Discriminator(_kind_of),
    ]
)


def save_plan(run: Run, plan: Plan | HeadPlan) -> None:
    """Write plan.json.

    Raises:
        DiskError: It cannot be written.
    """
    write_json(run.plan_path, plan.model_dump(mode="json"))


def load_plan(run: Run) -> Plan | HeadPlan:
    """Read plan.json, of this version or an earlier one.

    Raises:
        RunError: It is missing, damaged, or of a version that is not known.
    """
    try:
        return _SAVED.validate_python(run.read_json(run.plan_path))
    except ValidationError as error:
        names = ", ".join(dict.fromkeys(".".join(map(str, one["loc"])) for one in error.errors()))
        raise RunError(
            f"{run.plan_path} is damaged or of another version of pawsight ({names or 'kind'}).\n"
            f"Start a new run; --config {run.config_path} takes its settings."
        ) from error


def _pixels(image_size: tuple[int, int]) -> str:
    height, width = image_size
    return f"{width}" if height == width else f"{width}x{height}"


def _rounded(count: int) -> int:
    """Three digits of a number that is an estimate."""
    return round(count, 3 - len(str(count))) if count >= 1000 else count
