"""Report files that could not be copied: in a note, or as an error if a retry may succeed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pawsight.errors import SourceError
from pawsight.formatting import listed
from pawsight.progress import Progress
from pawsight.storage.download import RetriesExhaustedError


@dataclass(frozen=True, slots=True)
class LostFiles:
    """Files that could not be copied."""

    name: str  # the name of the folder, for display
    num_files: int  # the number of all files of the folder
    errors: Mapping[str, Exception]  # the error by path; not empty

    def report(self, progress: Progress, allow_missing: bool) -> None:
        """Write a note on the files.

        Args:
            progress: Receives the note.
            allow_missing: Whether files for which a retry may succeed are left out, too.

        Raises:
            SourceError: All files are lost; or a retry may succeed for some files, and
                `allow_missing` is False.
        """
        errors = self.errors
        temporary = {p: e for p, e in errors.items() if isinstance(e, RetriesExhaustedError)}
        # Files for which a retry may succeed are named first.
        reasons = [f"{path}: {reason}" for path, reason in (temporary | dict(errors)).items()]
        advice = " Run the command again to fetch what is missing." if temporary else ""
        if len(errors) == self.num_files:
            raise SourceError(
                f"No file of {self.name} could be copied: {listed(reasons[:1])}.\n"
                f"{advice.strip() or 'Check that they can be read there.'}"
            )
        named = listed(reasons, between="; ")
        what = f"{len(errors):,} of {self.num_files:,} files of {self.name} could not be copied"
        if temporary and not allow_missing:
            raise SourceError(
                f"{what}: {named}.\n"
                f"What was copied is kept; run the command again to fetch what is missing, or "
                f"continue without it: --allow-missing"
            )
        progress.note(f"{what}; they are left out, or an earlier copy is used: {named}.{advice}")
