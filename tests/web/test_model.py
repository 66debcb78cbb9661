"""The model card, heat maps over HTTP, figures, and health."""

import json

import numpy as np
import pytest

from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.web.app import from_environment
from pawsight.web.settings import ENVIRONMENT, ServeSettings

from .conftest import RED, form, png


def test_card_reports_what_is_known_of_the_model(serve, make_colour_run):
    run = make_colour_run("colours", source="squares", temperature=2.0, versions={"pawsight": "1"})
    run.metrics_path.parent.mkdir()
    parts = {"test": {"accuracy": 0.5, "n": 4, "per_class": {}, "log_loss": float("nan")}}
    run.metrics_path.write_text(json.dumps({"parts": parts}))
    client = serve(run.path, max_bytes=5000, max_photos=3, timeout=7, sure=0.6)
    found = client.get("/model").json()
    assert found["name"] == "colours"
    assert len(found["fingerprint"]) == 64
    assert found["class_names"] == ["red", "green", "blue"]
    assert found["image_size"] == [8, 8]
    assert (found["resize"], found["temperature"], found["sure"]) == ("stretch", 2.0, 0.6)
    assert found["trained"] == {
        "architecture": "swift",
        "source": "squares",
        "versions": {"pawsight": "1"},
    }
    assert found["metrics"] == {"test": {"accuracy": 0.5, "n": 4}}
    assert found["limits"] == {
        "bytes": 5000,
        "pixels": 100_000_000,
        "seconds": 7.0,
        "photos_per_request": 3,
    }


def test_model_that_ships_is_served_without_a_run(serve):
    found = serve(None).get("/model").json()
    assert (found["name"], found["class_names"]) == ("builtin", ["cats", "dogs"])
    shown = found["metrics"]["validation"]
    assert (shown["n"], shown["num_correct"]) == (2679, 2658)


def test_a_worker_process_repeats_no_warning_on_the_model(colour_run, monkeypatch, caplog):
    some = np.zeros((1, builtin.NUM_FEATURES))
    detector = OutOfDistributionDetector(some, some, np.ones(1), 1.0, 1.0, network="another")
    detector.save(colour_run.out_of_distribution_path)
    settings = ServeSettings(run=str(colour_run.path))
    monkeypatch.setenv(ENVIRONMENT, settings.as_text())
    assert from_environment().state.service.model.now.name == "run"
    assert not caplog.messages


def test_heat_map_is_of_the_class_asked_for(client):
    answer = client.post("/heatmap?label=blue", files=form(png(RED)))
    found = answer.json()
    assert answer.status_code == 200
    assert found["label"] == "blue"
    assert (found["rows"], found["columns"]) == (8, 8)  # of the model's 8 x 8 pixels
    # A photo in one colour is the same with any patch covered by its mean colour.
    assert found["values"] == [[0.0] * 8] * 8
    assert (found["image_size"], found["resize"]) == ([8, 8], "stretch")


@pytest.mark.parametrize(
    ("path", "photos", "reason"),
    [
        (
            "/heatmap?label=cow",
            [png()],
            "The model has no class 'cow'. Its classes: red, green, blue.",
        ),
        ("/heatmap", [png(), png()], "A heat map is of one photo."),
        ("/heatmap", [b"no photo"], "The photo could not be read: not a photo: text"),
    ],
)
def test_what_has_no_heat_map_gets_a_reason(client, path, photos, reason):
    answer = client.post(path, files=form(*photos))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(reason)


def test_figures_count_requests_by_route_and_photos_by_outcome(client):
    client.post("/predict", files=form(png(), b"no photo"))
    client.post("/predict", files=form(b"no photo"))
    client.get("/secret/path-1")
    client.get("/secret/path-2")
    client.request("STEAL", "/predict")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'pawsight_requests_total{method="POST",path="/predict",status="200"} 1.0' in lines
    assert 'pawsight_requests_total{method="POST",path="/predict",status="422"} 1.0' in lines
    assert 'pawsight_requests_total{method="GET",path="other",status="404"} 2.0' in lines
    assert 'pawsight_requests_total{method="other",path="/predict",status="405"} 1.0' in lines
    assert 'pawsight_photos_total{outcome="answered"} 1.0' in lines
    assert 'pawsight_photos_total{outcome="unreadable"} 2.0' in lines
    assert "secret" not in answer.text
    fingerprint = client.get("/model").json()["fingerprint"]
    assert f'pawsight_model_info{{fingerprint="{fingerprint}",name="run"}} 1.0' in lines


def test_service_reports_that_it_is_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_service_that_stops_is_alive_but_not_ready(client):
    client.service.is_stopping = True
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The service is stopping.")
    assert client.post("/predict", files=form(png())).status_code == 503
