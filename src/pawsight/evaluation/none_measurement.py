"""Record how often a model answers `none` to photos of none of its classes."""

from __future__ import annotations

from pydantic import Field, TypeAdapter

from pawsight.evaluation.intervals import wilson_interval
from pawsight.formatting import counted, percent, percent_interval
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record


class NoneMeasurement(Record):
    """Answers to photos of none of the classes: the content of `evaluation/none.json`."""

    num_photos: int = Field(ge=1)  # photos that were measured
    num_refused: int = Field(ge=0)  # of these, photos with the answer none
    num_chosen_on: int = Field(ge=0)  # other such photos, by which the threshold was chosen

    def sentence(self) -> str:
        """Describe the measurement in a sentence with its 95 % interval."""
        share = percent(self.num_refused / self.num_photos)
        interval = percent_interval(wilson_interval(self.num_refused, self.num_photos))
        return (
            f"Of {counted(self.num_photos, 'photo')} of none of the classes, "
            f"{self.num_refused:,} get the answer none: {share} (95 % interval {interval})."
        )


def none_sentence(run: Run) -> str:
    """Describe what a run measured on photos of none of its classes; "" without such photos.

    Raises:
        RunError: The file is damaged.
    """
    advice = "Remove it to continue without it."
    measurement = load_record(run.none_path, TypeAdapter(NoneMeasurement), advice)
    return measurement.sentence() if measurement else ""
