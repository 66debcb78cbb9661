"""What is counted of requests, photos and models."""

import asyncio
from types import SimpleNamespace

import pytest

from pawsight.inference.drift import DriftTest
from pawsight.web.metrics import Metrics, MetricsMiddleware


def lines(metrics):
    """The metrics by their name and labels."""
    text = metrics.text().decode()
    pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_one_model_is_in_use_at_a_time():
    metrics = Metrics()
    for name, fingerprint in (("cats", "1"), ("pets", "2"), ("cats", "3")):
        metrics.record_model(SimpleNamespace(name=name, fingerprint=fingerprint))
    found = {name: value for name, value in lines(metrics).items() if "model_info" in name}
    assert found == {
        'pawsight_model_info{fingerprint="1",name="cats"}': 0,
        'pawsight_model_info{fingerprint="2",name="pets"}': 0,
        'pawsight_model_info{fingerprint="3",name="cats"}': 1,
    }


def test_tests_for_drift_are_counted_by_their_result():
    metrics = Metrics()
    assert lines(metrics)["pawsight_drift_p_value"] == 1
    for p_value in (0.5, 0.001, 0.25):
        metrics.record_drift(DriftTest(200, p_value))
    found = lines(metrics)
    assert found['pawsight_drift_tests_total{result="alike"}'] == 2
    assert found['pawsight_drift_tests_total{result="differs"}'] == 1
    assert found["pawsight_drift_p_value"] == 0.25


def answered(metrics, app, **scope):
    """Run a request through the middleware; returns what was sent."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/x"} | scope
    asyncio.run(MetricsMiddleware(app, metrics)(scope, None, send))
    return sent


async def respond(scope, receive, send):
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("scope", "labels"),
    [
        ({"route": SimpleNamespace(path="/predict")}, 'method="GET",path="/predict",status="204"'),
        ({"path": "/static/a.js"}, 'method="GET",path="/static",status="204"'),
        ({"path": "/wp-login.php"}, 'method="GET",path="other",status="204"'),
        ({"method": "BREW"}, 'method="other",path="other",status="204"'),
    ],
)
def test_a_request_is_counted_by_what_it_was_routed_to(scope, labels):
    metrics = Metrics()
    assert len(answered(metrics, respond, **scope)) == 2
    found = lines(metrics)
    assert found[f"pawsight_requests_total{{{labels}}}"] == 1
    (seconds,) = (v for name, v in found.items() if name.startswith("pawsight_request_seconds_sum"))
    assert 0 <= seconds < 5


def test_a_request_that_fails_counts_as_500_and_what_is_no_request_does_not_count():
    async def fail(scope, receive, send):
        raise ValueError("no")

    metrics = Metrics()
    with pytest.raises(ValueError, match="no"):
        answered(metrics, fail)
    answered(metrics, respond, type="lifespan")
    counted = {k: v for k, v in lines(metrics).items() if "requests_total" in k}
    assert counted == {'pawsight_requests_total{method="GET",path="other",status="500"}': 1}
