"""A search on a Ray cluster of this machine, where Ray is installed."""

import os
import signal
from pathlib import Path

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, StoppedError
from pawsight.history import load_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import tune
from pawsight.workflow.trial_study import TrialStudy

CONFIG = TrainConfig(model="swift", epochs=2, image_size=32, resize="crop", batch_size=16)


@pytest.fixture
def two_trials(monkeypatch):
    """End a search after two trials, whatever the time; the trials that were asked for."""
    real, asked = TrialStudy.ask, []

    def ask(self):
        if len(asked) == 2:
            return None
        asked.append(real(self))
        return asked[-1]

    monkeypatch.setattr(TrialStudy, "ask", ask)
    return asked


class _Stops(Silent):
    """Presses Ctrl-C when the second trial is there."""

    def note(self, text):
        if text.startswith("Trial 2: "):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
@pytest.mark.timeout(900)  # three starts of TensorFlow in processes of the cluster
@pytest.mark.filterwarnings("ignore")
def test_search_on_a_cluster_loses_no_trial(
    cluster, two_trials, photos, tmp_path, recorded, monkeypatch, capfd
):
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    from pawsight.workflow import ray_trials

    had_results, folder = (Path.home() / "ray_results").exists(), tmp_path / "search"
    monkeypatch.chdir(photos.parent)
    search = {"config": CONFIG, "out": folder, "cluster": "auto"}
    with pytest.raises(ConfigError, match="fewer than 3 cores"):
        tune(photos.name, 100, workers=3, **search)
    assert not folder.exists()

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(StoppedError, match="2 trials are kept"):
        tune(photos.name, 100, progress=_Stops(), workers=2, **search)
    assert signal.getsignal(signal.SIGINT) is handler

    real, killed = ray_trials._Search.__call__, []

    def kill_first(self, trial_id, result):
        if not killed:
            killed.append(result["pid"])
            os.kill(result["pid"], signal.SIGKILL)
        return real(self, trial_id, result)

    monkeypatch.setattr(ray_trials._Search, "__call__", kill_first)
    two_trials.clear()
    found = tune(photos.name, 100, progress=recorded, workers=2, **search)
    assert killed
    assert [one.state for one in found.trials] == ["fail", "fail", "complete", "complete"]
    assert [one.values for one in found.trials[2:]] == [one.values for one in found.trials[:2]]
    for one in found.trials[2:]:
        run = Run(folder / "trials" / f"{one.number:04}")
        history = load_history(run.history_path)
        assert run.is_complete and len(history) == 2
        assert one.score == max(row.validation_accuracy for row in history)
    assert [note[:7] for note in recorded.notes if note.startswith("Trial")] == [
        "Trial 3",
        "Trial 4",
    ]
    assert len((folder / "trials.csv").read_text().splitlines()) == 5
    assert not (folder / ".ray-tune").exists()
    assert (Path.home() / "ray_results").exists() == had_results
    assert capfd.readouterr() == ("", "")
