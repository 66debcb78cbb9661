"""The comparison of a fine-tuned network with its average with a second network.

Needs no TensorFlow, so that the report can read it everywhere.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import TypeAdapter

from pawsight.formatting import counted, percent, resume_command
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record


class Scores(Record):
    """The scores of a network on the validation photos, on which it was calibrated, too."""

    accuracy: float  # 0..1; balanced where the classes are imbalanced
    log_loss: float  # nats per photo


class AverageChoice(Record):
    """Which model was kept, and why; `second/averaging.json` of a run."""

    first: Scores  # the fine-tuned network
    second: Scores  # the network that was trained from scratch
    average: Scores  # the average of their calibrated logits
    num_photos: int  # number of validation photos
    accuracy_title: str  # name of the accuracy
    is_kept: bool  # whether the average is the model
    options: dict[str, Any]  # the options of the averaged network

    @classmethod
    def load(cls, run: Run) -> Self | None:
        """Read the comparison of a run; None for a run with one network.

        Raises:
            RunError: The file is damaged.
        """
        advice = f"Remove it, then continue with: {resume_command(run.place)}"
        return load_record(run.averaging_path, TypeAdapter(cls), advice)

    def in_words(self) -> str:
        """Return the decision and the scores as two sentences."""
        scores = "; ".join(
            f"{name} {percent(network.accuracy)} (log loss {network.log_loss:.3f})"
            for name, network in (
                ("the fine-tuned network", self.first),
                ("the network from scratch", self.second),
                ("their average", self.average),
            )
        )
        kept = (
            "The average of two networks is the model"
            if self.is_kept
            else "The fine-tuned network alone is the model, since its average with a second "
            "network is not significantly better"
        )
        photos = counted(self.num_photos, "validation photo")
        return f"{kept}. {self.accuracy_title.capitalize()} on {photos}: {scores}."
