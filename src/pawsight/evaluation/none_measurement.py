"""How often a model gives the answer `none` to photos of none of the classes."""

from __future__ import annotations

from pydantic import Field, TypeAdapter

from pawsight.evaluation.intervals import wilson_interval
from pawsight.formatting import counted, percent, percent_interval
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record


class NoneMeasurement(Record):
    """The answer `none` on photos of none of the classes, as `evaluation/none.json` holds it."""

    num_photos: int = Field(ge=1)  # photos it was measured on
    num_refused: int = Field(ge=0)  # those of them with the answer none
    num_chosen_on: int = Field(ge=0)  # other such photos, which the threshold was chosen on

    def sentence(self) -> str:
        """Describe it in one sentence with its 95 % interval."""
        share = percent(self.num_refused / self.num_photos)
        interval = percent_interval(wilson_interval(self.num_refused, self.num_photos))
        return (
            f"Of {counted(self.num_photos, 'photo')} of none of the classes, "
            f"{self.num_refused:,} get the answer none: {share} (95 % interval {interval})."
        )


def none_sentence(run: Run) -> str:
    """Return what a run measured on photos of none of its classes; "" where there were none.

    Raises:
        RunError: The file is damaged.
    """
    measured = load_record(
        run.none_path, TypeAdapter(NoneMeasurement), "Remove it to go without it."
    )
    return measured.sentence() if measured else ""
