"""An error that ends a run is logged, and states where the run is and how to resume it."""

import pytest

from pawsight.errors import ConfigError, DiskError, StoppedError
from pawsight.progress import LoggedProgress, Silent
from pawsight.runs import Run
from pawsight.workflow.run_errors import explained


@pytest.fixture
def ended(tmp_path):
    """A function that ends a run with an error, and gives the error and the run's log."""

    def end(error, kind=None):
        run = Run(tmp_path)
        progress = LoggedProgress(Silent(), run.log_path)
        progress.start("Training", 3, "steps")
        with pytest.raises(kind or type(error)) as raised, explained(run, progress):
            raise error
        return raised.value, run.log_path.read_text()

    return end


def test_an_unexpected_error_names_stage_folder_log_and_the_next_command(ended, tmp_path):
    error, log = ended(ZeroDivisionError("division by zero"))
    (note,) = error.__notes__
    assert note.splitlines() == [
        "While: Training",
        f"Run folder: {tmp_path}",
        f"Log: {tmp_path / 'log.txt'}",
        f"Continue with: pawsight resume {tmp_path}",
        f"For a bug report: pawsight doctor --bundle report.zip --run {tmp_path}",
    ]
    assert "Traceback" in log and log.endswith("ZeroDivisionError: division by zero\n")


def test_a_disk_that_failed_names_the_next_command(ended, tmp_path):
    error, log = ended(DiskError("The disk is full."))
    assert error.__notes__ == [f"Continue with: pawsight resume {tmp_path}"]
    assert log.endswith("Error: The disk is full.\n") and "Traceback" not in log


def test_another_error_of_pawsight_has_advice_of_its_own(ended):
    error, log = ended(ConfigError("epochs: too few"))
    assert not hasattr(error, "__notes__")
    assert log.endswith("Error: epochs: too few\n")


def test_ctrl_c_names_the_next_command(ended, tmp_path):
    error, _ = ended(KeyboardInterrupt(), StoppedError)
    assert str(error).endswith(f"Continue with: pawsight resume {tmp_path}")
