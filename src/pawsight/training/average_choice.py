"""The comparisons of a trained network with averages, on the validation photos.

They need no TensorFlow, so that the report can read them everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from pawsight.formatting import counted, percent, resume_command
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record


class Scores(Record):
    """The scores of a network on the validation photos, on which it was calibrated, too."""

    accuracy: float  # 0..1; balanced where the classes are imbalanced
    log_loss: float  # nats per photo


class Choice(Record):
    """Which of several models was kept, and why."""

    num_photos: int  # number of validation photos
    accuracy_title: str  # name of the accuracy
    is_kept: bool  # whether the average is the model

    @classmethod
    def load_file(cls, run: Run, path: Path) -> Self | None:
        """Read a comparison of a run, or return None if there is none.

        Raises:
            RunError: The file is damaged.
        """
        advice = f"Remove it, then continue with: {resume_command(run.place)}"
        return load_record(path, TypeAdapter(cls), advice)

    def sentences(self, decision: str, scores: dict[str, Scores]) -> str:
        """Return the decision and the scores, by the name of the model, as two sentences."""
        listed = "; ".join(
            f"{name} {percent(model.accuracy)} (log loss {model.log_loss:.3f})"
            for name, model in scores.items()
        )
        photos = counted(self.num_photos, "validation photo")
        return f"{decision}. {self.accuracy_title.capitalize()} on {photos}: {listed}."


class AverageChoice(Choice):
    """The comparison with the average of two networks; `second/averaging.json` of a run."""

    first: Scores  # the fine-tuned network
    second: Scores  # the network that was trained from scratch
    average: Scores  # the average of their calibrated logits
    options: dict[str, Any]  # the options of the averaged network

    @classmethod
    def load(cls, run: Run) -> Self | None:
        """Read the comparison of a run; errors as of `load_file`."""
        return cls.load_file(run, run.averaging_path)

    def in_words(self) -> str:
        """Return the decision and the scores as two sentences."""
        decision = (
            "The average of two networks is the model"
            if self.is_kept
            else "The fine-tuned network alone is the model, since its average with a second "
            "network is not significantly better"
        )
        scores = {
            "the fine-tuned network": self.first,
            "the network from scratch": self.second,
            "their average": self.average,
        }
        return self.sentences(decision, scores)


class MirrorChoice(Choice):
    """The comparison with the mean of the logits of mirror images; `mirroring.json` of a run."""

    plain: Scores  # the network
    mirrored: Scores  # the mean of its logits of each photo and its mirror image

    @classmethod
    def load(cls, run: Run) -> Self | None:
        """Read the comparison of a run; errors as of `load_file`."""
        return cls.load_file(run, run.mirroring_path)

    def in_words(self) -> str:
        """Return the decision and the scores as two sentences."""
        decision = (
            "The model averages the logits of each photo and its mirror image, which takes twice "
            "as long"
            if self.is_kept
            else "The model does not average over mirror images, since the gain is too small for "
            "twice the time"
        )
        return self.sentences(
            decision, {"each photo alone": self.plain, "with its mirror image": self.mirrored}
        )
