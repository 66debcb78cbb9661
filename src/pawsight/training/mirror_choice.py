"""What a comparison found: a network, and the average of its logits of both images of a photo.

Needs no TensorFlow, so that the report reads it everywhere.
"""

from __future__ import annotations

from typing import Self

from pydantic import TypeAdapter

from pawsight.formatting import counted, percent, resume_command
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record
from pawsight.training.average_choice import Scores


class MirrorChoice(Record):
    """Whether the logits of mirror images are averaged in, and why; `mirroring.json` of a run."""

    plain: Scores  # of the photos as they are
    mirrored: Scores  # with the logits of their mirror images averaged in
    num_photos: int  # how many validation photos they were compared on
    accuracy_title: str  # what the accuracy is called
    is_kept: bool  # whether the average is the model

    @classmethod
    def load(cls, run: Run) -> Self | None:
        """Read that of a run, or return None if there was no comparison.

        Raises:
            RunError: The file is damaged.
        """
        advice = f"Remove it, then continue with: {resume_command(run.place)}"
        return load_record(run.mirroring_path, TypeAdapter(cls), advice)

    def in_words(self) -> str:
        """Return the comparison as one sentence."""
        plain, mirrored = (
            f"{percent(one.accuracy)} (log loss {one.log_loss:.3f})"
            for one in (self.plain, self.mirrored)
        )
        kept = (
            "The model averages the logits of each photo and of its mirror image, which takes "
            "twice as long"
            if self.is_kept
            else "The model takes each photo as it is: averaging in its mirror image gains too "
            "little for twice the time"
        )
        return (
            f"{kept}. {self.accuracy_title.capitalize()} on "
            f"{counted(self.num_photos, 'validation photo')}: {plain} as they are, {mirrored} "
            f"averaged."
        )
