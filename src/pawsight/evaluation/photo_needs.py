"""What more photos would bring, as evaluation/learning_curve.json holds it, and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.learning_curve import Forecast
from pawsight.formatting import counted, num_epochs, percent, percent_interval
from pawsight.records import Part
from pawsight.storage.atomic import write_json
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text

_WORTH = 0.005  # gain in accuracy from which more photos are advised
_MAX_WIDTH = 0.2  # 90 % interval of the accuracy with twice the photos; a wider one tells nothing


class _Record(Record, from_attributes=True):
    """A record that is also built from the attributes of a forecast."""


class Expected(_Record):
    """The accuracy to expect with a number of training photos of all classes; 90 % interval."""

    num_photos: int
    accuracy: float
    low: float
    high: float

    def text(self) -> str:
        """Write the accuracy and its interval."""
        return f"{percent(self.accuracy)} (90 % interval {percent_interval((self.low, self.high))})"


class Needs(_Record):
    """The accuracy, or the recall of a class, with as many, twice and four times the photos.

    Attributes:
        num_photos: Training photos there are, of the class or of all.
        now: With as many.
        twice: With twice as many of each class.
        four_times: With four times as many of each class.
    """

    num_photos: int
    now: Expected
    twice: Expected
    four_times: Expected

    @classmethod
    def of(cls, num_photos: int, forecasts: list[Forecast]) -> Needs:
        """Build from the forecasts for as many, twice and four times the photos."""
        now, twice, four_times = map(Expected.model_validate, forecasts)
        return cls(num_photos=num_photos, now=now, twice=twice, four_times=four_times)

    @property
    def num_more(self) -> int:
        """How many more photos would help: none, as many again, or three times as many more."""
        if self.twice.accuracy - self.now.accuracy >= _WORTH:
            return self.num_photos
        gain = self.four_times.accuracy - self.now.accuracy
        return 3 * self.num_photos if gain >= _WORTH else 0


class LearningCurve(_Record):
    """A measured learning curve and its forecasts.

    Attributes:
        num_measured: Photos that it was measured on.
        points: (photos, accuracy) as measured.
        all: Of all photos.
        classes: Of each class; `accuracy` is its recall.
        network: The network that was trained on parts of the photos, and on all of them by the run
            itself; "" where linear heads on the built-in network were fitted.
        epochs: Of each training; None of heads.
        part: The photos that all trainings were tested on; None of heads, in cross-validation.
    """

    num_measured: int
    points: tuple[tuple[int, float], ...]
    all: Needs
    classes: dict[Text, Needs]
    network: Text = ""
    epochs: float | None = None
    part: Part | None = None

    def agrees_with(self, interval: Interval) -> bool:
        """Return whether an interval of the accuracy of a model on as many photos is as expected.

        Elsewhere the forecast does not hold for the model: a network may be better or worse than
        a linear head, and know the photos that the head was measured on. Of a curve of the model's
        own network, whose last point is the model, the points then follow no power law.
        """
        low, high = interval
        return low <= self.all.now.high and self.all.now.low <= high

    @property
    def is_certain(self) -> bool:
        """Whether the interval of the accuracy with twice the photos is narrow enough to state."""
        return self.all.twice.high - self.all.twice.low <= _MAX_WIDTH

    def only_classes_of(self, recalls: Mapping[str, tuple[float, float] | None]) -> LearningCurve:
        """Return it with those classes alone whose forecast holds for a model.

        Args:
            recalls: By class the 95 % interval of the recall of the model.
        """
        kept = {}
        for name, needs in self.classes.items():
            interval = recalls.get(name)
            is_narrow = needs.twice.high - needs.twice.low <= _MAX_WIDTH
            if interval and is_narrow and interval[0] <= needs.now.accuracy <= interval[1]:
                kept[name] = needs
        return self.model_copy(update={"classes": kept})

    def sentence(self, accuracy: float, part: str) -> str:
        """Describe what twice and four times the photos would bring.

        Args:
            accuracy: Of the model, 0..1.
            part: The photos that it was measured on.
        """
        now, twice, four_times = self.all.now, self.all.twice, self.all.four_times
        is_own = "the last point of the curve"
        today = (
            f"Of today's {self.all.num_photos:,}, {percent(now.accuracy)} is expected (this model: "
            f"{percent(accuracy)} of the {part} photos, "
            f"{is_own if self.network else 'which agrees within the uncertainty of both'})"
        )
        if not self.all.num_more:
            change = (
                f"More training photos would change the accuracy little: to {four_times.text()} "
                f"with four times as many"
            )
        else:
            change = (
                f"Twice as many training photos would change the accuracy by about "
                f"{_points(twice.accuracy - now.accuracy)} points, to {twice.text()}; four times "
                f"as many by about {_points(four_times.accuracy - now.accuracy)}, to "
                f"{four_times.text()}"
            )
        return f"{change}. {today}. {self._origin()}"

    def disagreement(self, accuracy: float, part: str) -> str:
        """Describe that the forecast is too uncertain, or does not hold for a model.

        Args:
            accuracy: Of the model, 0..1.
            part: The photos that it was measured on.
        """
        needs = self.all
        if not self.is_certain:
            interval = percent_interval((needs.twice.low, needs.twice.high))
            reason = (
                f"with twice as many training photos an accuracy of {interval} % is expected "
                f"(90 % interval), which is too wide to tell."
            )
        else:
            reason = (
                f"{needs.now.text()} is expected of today's {needs.num_photos:,} training photos, "
                f"and this model is right on {percent(accuracy)} of the {part} photos."
            )
        return f"Unknown: {reason} {self._origin()} To find out, add photos and train again."

    def _origin(self) -> str:
        if self.network:
            *parts, total = (f"{number:,}" for number, _ in self.points)
            return (
                f"Measured with {self.network} itself, trained on {', '.join(parts[:-1])} and "
                f"{parts[-1]} of the {total} training photos for {num_epochs(self.epochs or 1)} "
                f"each, and tested on {counted(self.num_measured, f'{self.part} photo')}. As many "
                f"epochs of twice as many photos take twice the time."
            )
        return (
            f"Measured with linear heads on the built-in network's features of "
            f"{counted(self.num_measured, 'training photo')}."
        )

    @property
    def caption(self) -> str:
        """What the colours of the chart mean."""
        tested = f"each on the {self.part} photos; the last point is this run"
        return (
            f"Blue: measured, {tested if self.network else 'each on photos left out'}. Orange: "
            f"expected with as many, twice and four times as many photos of each class, with the "
            f"90 % interval."
        )

    def class_sentence(self, name: str, kind: str = "") -> str:
        """Describe how many more photos of a class would help.

        Args:
            name: Of the class.
            kind: The kind of its photos that is most often mistaken; "" where there is none.
        """
        needs = self.classes[name]
        shown = name if name.isprintable() else ascii(name)
        if not needs.num_more:
            return (
                f"More photos of {shown} would change little: its expected recall is "
                f"{percent(needs.now.accuracy)}, with four times as many "
                f"{percent(needs.four_times.accuracy)}."
            )
        then = needs.twice if needs.num_more == needs.num_photos else needs.four_times
        above_all = f", above all like {kind} of them," if kind else ""
        return (
            f"About {needs.num_more:,} more photos of {shown}{above_all} would raise its expected "
            f"recall from {percent(needs.now.accuracy)} to {then.text()}."
        )


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def save_curve(curve: LearningCurve, path: Path) -> None:
    """Write a curve as JSON; raises DiskError."""
    write_json(path, curve.model_dump())


def load_curve(path: Path) -> LearningCurve | None:
    """Read what `save_curve` wrote; None where there is no such file; raises RunError."""
    return load_record(path, TypeAdapter(LearningCurve), "Remove it to go without it.")
