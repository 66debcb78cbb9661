"""The service tests its photos, 200 at a time."""

import logging

from pawsight.records import Prediction
from pawsight.web.service import Service
from pawsight.web.settings import ServeSettings


def figures(service):
    """Tests so far by result, and the last p-value."""
    lines = dict(line.rpartition(" ")[::2] for line in service.metrics.text().decode().splitlines())
    return (
        lines.get('pawsight_drift_tests_total{result="alike"}', "0"),
        lines.get('pawsight_drift_tests_total{result="differs"}', "0"),
        float(lines["pawsight_drift_p_value"]),
    )


def test_every_200_photos_are_tested_and_a_difference_is_logged(caplog):
    service = Service(ServeSettings())
    model = service.model.now
    reference = model.classifier._scorer.drift_reference
    names = model.classifier.class_names
    rows = zip(reference.classes, reference.probabilities, reference.ood_scores, strict=True)
    own = [Prediction("", names[int(c)], p, ood_score=s) for c, p, s in rows]
    strange = [Prediction("", names[0], 0.6, ood_score=1.5)] * 100

    service._watch_drift(model, own[:199])
    assert figures(service) == ("0", "0", 1)
    service._watch_drift(model, own[199:200])
    assert figures(service)[:2] == ("1.0", "0")

    with caplog.at_level(logging.WARNING):
        service._watch_drift(model, strange)
        assert not caplog.records
        service._watch_drift(model, strange)
    assert figures(service)[:2] == ("1.0", "1.0")
    assert figures(service)[2] < 0.01
    assert "The last 200 photos as a whole differ" in caplog.text
