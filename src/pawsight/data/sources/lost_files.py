"""Name the files that could not be copied: as a note, or as an error where they may still come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pawsight.errors import SourceError
from pawsight.formatting import listed
from pawsight.progress import Progress
from pawsight.storage.download import RetriesExhaustedError

_NAMED = 5  # files that a note names


@dataclass(frozen=True, slots=True)
class LostFiles:
    """Files that could not be copied."""

    name: str  # what the folder is called
    num_files: int  # all that belong into it
    errors: Mapping[str, Exception]  # why, by path; at least one

    def report(self, progress: Progress, allow_missing: bool) -> None:
        """Write a note on the files.

        Args:
            progress: Receives it.
            allow_missing: Whether those that another try may bring are left out, too.

        Raises:
            SourceError: All files are lost, or some that another try may bring.
        """
        errors = self.errors
        cut = {p: e for p, e in errors.items() if isinstance(e, RetriesExhaustedError)}
        # Those that may come another time are named first.
        reasons = [f"{path}: {reason}" for path, reason in (cut | dict(errors)).items()]
        advice = " Run the command again to fetch what is missing." if cut else ""
        if len(errors) == self.num_files:
            raise SourceError(
                f"None of the {self.num_files:,} files of {self.name} could be copied: "
                f"{listed(reasons[:1])}.\n"
                f"{advice.strip() or 'Check that they can be read there.'}"
            )
        named = listed(reasons, _NAMED, "; ")
        what = f"{len(errors):,} of {self.num_files:,} files of {self.name} could not be copied"
        if cut and not allow_missing:
            raise SourceError(
                f"{what}: {named}.\n"
                f"What was copied is kept; run the command again to fetch what is missing, or "
                f"continue without it: --allow-missing"
            )
        progress.note(
            f"{what}, and are left out or stay as they were copied before: {named}.{advice}"
        )
