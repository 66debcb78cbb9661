"""Add to an error that ends a run the stage, the folder, the log and how to resume."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

from pawsight.errors import DiskError, PawsightError, StoppedError
from pawsight.formatting import resume_command, shell_quoted
from pawsight.progress import LoggedProgress
from pawsight.runs import Run


@contextlib.contextmanager
def explained(run: Run, progress: LoggedProgress) -> Iterator[None]:
    """Log an error of the block, and add a note on how to resume the run if that may help.

    A PawsightError states what to do itself; the note is added only after a disk error, since the
    run can then be resumed unchanged. Of other errors the log has the traceback, for a bug report.

    Raises:
        StoppedError: The user pressed Ctrl-C.
    """
    continued = f"Continue with: {resume_command(run.place)}"
    reported = f"pawsight doctor --bundle report.zip --run {shell_quoted(run.place)}"
    try:
        yield
    except KeyboardInterrupt as error:
        raise StoppedError(f"Stopped; what was done so far is kept.\n{continued}") from error
    except PawsightError as error:
        progress.log(f"Error: {error}")
        if isinstance(error, DiskError):
            error.add_note(continued)
        raise
    except Exception as error:
        progress.log("".join(traceback.format_exception(error)).rstrip())
        error.add_note(
            f"While: {progress.task}\nRun folder: {run.path}\nLog: {run.log_path}\n{continued}\n"
            f"For a bug report: {reported}"
        )
        raise
