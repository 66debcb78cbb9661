"""How the network of a run is trained: as a head with fine-tuning, or in steps from a start."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.runs import Run
from pawsight.training import session, transfer
from pawsight.workflow import run_networks
from pawsight.workflow.run_networks import fit_and_save


@pytest.mark.parametrize("trained", [None, "model"])
@pytest.mark.parametrize(
    ("model", "weights", "called"),
    [
        # Weights are None without --start-from, and "" of a head on an unchanged network.
        ("builtin", None, ("transfer",)),
        ("builtin", "", ("transfer",)),
        ("builtin", "w.h5", ("steps", "weights of w.h5")),
        ("swift", None, ("steps", None)),
        ("swift", "w.h5", ("steps", "weights of w.h5")),
    ],
)
def test_a_network_with_weights_begins_with_a_head_unless_it_continues(
    tmp_path, monkeypatch, model, weights, called, trained
):
    calls, saved = [], []
    start = SimpleNamespace(
        weights_path=Path(weights) if weights else None,
        warm_start=lambda config: f"weights of {weights}",
    )
    monkeypatch.setattr(run_networks, "open_start", lambda where, model: start)
    monkeypatch.setattr(transfer, "transfer_run", lambda *_: calls.append(("transfer",)) or trained)
    monkeypatch.setattr(
        session, "train_run", lambda *given: calls.append(("steps", given[-2])) or trained
    )
    monkeypatch.setattr(run_networks, "_save", lambda run, model, *_: saved.append(model))
    config = TrainConfig(model=model, start_from=None if weights is None else "/runs/first")
    run = Run(tmp_path)
    fit_and_save(run, config, None, None, SimpleNamespace(start=lambda stage: None), None)
    assert calls == [called]
    assert saved == ([] if trained is None else [trained])  # else its folder is written already
    assert run.read_json(run.state_path) == {"stage": "training"}
