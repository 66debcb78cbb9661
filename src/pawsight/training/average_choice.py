"""What a comparison found: a fine-tuned network beside the average of it and a second one.

Needs no TensorFlow, so that the report reads it everywhere.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import TypeAdapter

from pawsight.formatting import counted, percent, resume_command
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record


class Scores(Record):
    """The scores of one network on the validation photos, its probabilities calibrated on them."""

    accuracy: float  # 0..1; balanced where the classes are imbalanced
    log_loss: float  # nats a photo


class AverageChoice(Record):
    """Which model was kept, and why; `second/averaging.json` of a run."""

    first: Scores  # the fine-tuned network
    second: Scores  # the network that was trained from scratch
    average: Scores  # the average of their calibrated logits
    num_photos: int  # how many validation photos they were compared on
    accuracy_title: str  # what the accuracy is called
    is_kept: bool  # whether the average is the model
    options: dict[str, Any]  # what the averaged network is built from

    @classmethod
    def load(cls, run: Run) -> Self | None:
        """Read that of a run; None of a run with one network.

        Raises:
            RunError: The file is damaged.
        """
        advice = f"Remove it, then continue with: {resume_command(run.place)}"
        return load_record(run.averaging_path, TypeAdapter(cls), advice)

    def in_words(self) -> str:
        """Return the comparison as one sentence."""
        scores = "; ".join(
            f"{name} {percent(one.accuracy)} (log loss {one.log_loss:.3f})"
            for name, one in (
                ("the fine-tuned network", self.first),
                ("the one from scratch", self.second),
                ("their average", self.average),
            )
        )
        kept = (
            "The average of two networks is the model"
            if self.is_kept
            else "The fine-tuned network alone is the model, as averaging it with a second one "
            "showed no gain beyond chance"
        )
        photos = counted(self.num_photos, "validation photo")
        return f"{kept}. {self.accuracy_title.capitalize()} on {photos}: {scores}."
