"""Describe the effect of more training photos, from evaluation/learning_curve.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.learning_curve import Forecast
from pawsight.formatting import counted, num_epochs, percent, percent_interval, printable
from pawsight.records import Part
from pawsight.storage.atomic import write_json
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text

_MIN_GAIN = 0.005  # in accuracy, from which more photos are advised
_MAX_WIDTH = 0.2  # of the 90 % interval with twice the photos; a wider interval is not stated


class Expected(Record, from_attributes=True):
    """The accuracy to expect with a number of training photos, and its 90 % interval."""

    num_photos: int  # of all classes
    accuracy: float  # 0..1
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval is narrow enough to state."""
        return self.high - self.low <= _MAX_WIDTH

    def text(self) -> str:
        """Format the accuracy and its interval."""
        return f"{percent(self.accuracy)} (90 % interval {percent_interval((self.low, self.high))})"


class Needs(Record):
    """The accuracy, or the recall of a class, with the present, twice and four times the photos."""

    num_photos: int  # present training photos, of the class or of all classes
    now: Expected  # with the present photos
    twice: Expected  # with twice as many photos of each class
    four_times: Expected  # with four times as many photos of each class

    @classmethod
    def of(cls, num_photos: int, forecasts: list[Forecast]) -> Needs:
        """Build from the forecasts for the present, twice and four times the photos."""
        now, twice, four_times = map(Expected.model_validate, forecasts)
        return cls(num_photos=num_photos, now=now, twice=twice, four_times=four_times)

    @property
    def num_more(self) -> int:
        """Number of additional photos that would help: 0, or once or three times the present."""
        if self.twice.accuracy - self.now.accuracy >= _MIN_GAIN:
            return self.num_photos
        gain = self.four_times.accuracy - self.now.accuracy
        return 3 * self.num_photos if gain >= _MIN_GAIN else 0


class LearningCurve(Record):
    """A measured learning curve and its forecasts.

    Attributes:
        num_measured: Photos on which the accuracies were measured.
        points: Measured (training photos, accuracy).
        all: Forecasts for all classes together.
        classes: Forecasts for each class; `accuracy` is its recall.
        network: The network that was trained on subsets of the photos, and on all photos by the
            run itself; "" for linear heads on the built-in network.
        epochs: Of each training; None for linear heads.
        part: The part on which the trainings were tested; None for linear heads, which were
            cross-validated.
    """

    num_measured: int
    points: tuple[tuple[int, float], ...]
    all: Needs
    classes: dict[Text, Needs]
    network: Text = ""
    epochs: float | None = None
    part: Part | None = None

    def agrees_with(self, interval: Interval) -> bool:
        """Return whether the interval of a model's accuracy overlaps the expected interval.

        If not, the forecast does not hold for the model. With linear heads, the network may be
        better or worse than a head, or was trained on the photos that the heads were measured
        on. With the model's own network, the points do not follow a power law.
        """
        low, high = interval
        return low <= self.all.now.high and self.all.now.low <= high

    @property
    def is_certain(self) -> bool:
        """Whether the forecast for twice the photos is certain enough to state."""
        return self.all.twice.is_certain

    def only_classes_of(self, recalls: Mapping[str, Interval | None]) -> LearningCurve:
        """Return the curve, only with classes whose forecast holds for a model and is certain.

        Args:
            recalls: The 95 % interval of the model's recall, by class.
        """
        kept = {}
        for name, needs in self.classes.items():
            interval = recalls.get(name)
            if (
                interval
                and needs.twice.is_certain
                and interval[0] <= needs.now.accuracy <= interval[1]
            ):
                kept[name] = needs
        return self.model_copy(update={"classes": kept})

    def sentence(self, accuracy: float, part: str) -> str:
        """Describe the effect of twice and four times the photos.

        Args:
            accuracy: Of the model, 0..1.
            part: The part on which it was measured.
        """
        now, twice, four_times = self.all.now, self.all.twice, self.all.four_times
        relation = (
            "the last point of the curve"
            if self.network
            else "which agrees within the uncertainty of both"
        )
        today = (
            f"With today's {self.all.num_photos:,}, {percent(now.accuracy)} is expected (this "
            f"model: {percent(accuracy)} of the {part} photos, {relation})"
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
            part: The part on which it was measured.
        """
        needs = self.all
        if not self.is_certain:
            interval = percent_interval((needs.twice.low, needs.twice.high))
            reason = (
                f"with twice as many training photos, an accuracy of {interval} % is expected, and "
                f"this 90 % interval is too wide for advice."
            )
        else:
            reason = (
                f"{needs.now.text()} is expected with today's {needs.num_photos:,} training "
                f"photos, but this model is right on {percent(accuracy)} of the {part} photos."
            )
        return f"Unknown: {reason} {self._origin()} To find out, add photos and train again."

    def _origin(self) -> str:
        if self.network:
            *subsets, total = (f"{number:,}" for number, _ in self.points)
            return (
                f"Measured with {self.network} itself, trained on {', '.join(subsets[:-1])} and "
                f"{subsets[-1]} of the {total} training photos for {num_epochs(self.epochs or 1)} "
                f"each, and tested on {counted(self.num_measured, f'{self.part} photo')}. With "
                f"twice as many photos, the same number of epochs takes twice the time."
            )
        return (
            f"Measured with linear heads on the built-in network's features of "
            f"{counted(self.num_measured, 'training photo')}."
        )

    @property
    def caption(self) -> str:
        """Explanation of the colours in the chart."""
        tested = (
            f"on the {self.part} photos; the last point is this run"
            if self.network
            else "each on held-out photos"
        )
        return (
            f"Blue: measured {tested}. Orange: expected with the present, twice and four times as "
            f"many photos of each class, with the 90 % interval."
        )

    def class_sentence(self, name: str, kind: str = "") -> str:
        """Describe how many more photos of a class would help.

        Args:
            name: The class.
            kind: The kind of its photos with the most mistakes, such as "the darkest third", or "".
        """
        needs = self.classes[name]
        title = printable(name)
        if not needs.num_more:
            return (
                f"More photos of {title} would change little: its expected recall is "
                f"{percent(needs.now.accuracy)}, and {percent(needs.four_times.accuracy)} with "
                f"four times as many."
            )
        result = needs.twice if needs.num_more == needs.num_photos else needs.four_times
        above_all = f", above all like {kind} of them," if kind else ""
        return (
            f"About {needs.num_more:,} more photos of {title}{above_all} would raise its expected "
            f"recall from {percent(needs.now.accuracy)} to {result.text()}."
        )


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def save_curve(curve: LearningCurve, path: Path) -> None:
    """Write a curve as JSON.

    Raises:
        DiskError: The file cannot be written.
    """
    write_json(path, curve.model_dump())


def load_curve(path: Path) -> LearningCurve | None:
    """Read what `save_curve` wrote; None if there is no such file.

    Raises:
        RunError: The file is damaged.
    """
    return load_record(path, TypeAdapter(LearningCurve), "Remove it to continue without it.")
