"""What the report says of answers."""

import numpy as np
import pytest

from pawsight.records import Predictions
from pawsight.report.coverage import coverage_and_risk, coverage_sentence, draw_coverage
from pawsight.report.page import write_report


@pytest.fixture
def predictions():
    """Forty photos with probabilities 0.6 to 0.99 of cats; the ten least probable are dogs."""
    probs = np.linspace(0.6, 0.99, 40)
    labels = (np.arange(40) < 10).astype(np.int64)
    paths = tuple(f"{i}.jpg" for i in range(40))
    return Predictions(paths, labels, np.stack([probs, 1 - probs], axis=1), ("cats", "dogs"))


def test_the_sentence_counts_answers_and_wrong_ones_among_them(predictions):
    assert coverage_sentence(predictions, 0.655) == (  # 34 of 40, of which 4 are dogs
        "An answer is given from a probability of 65.5 % on: 85.0 % of these photos are "
        "answered, and 11.8 % of the answers are wrong. The others are unsure."
    )


def test_none_and_all_of_the_photos_answered_are_said_so(predictions):
    assert coverage_and_risk(predictions, 0.995) == (0.0, None)
    assert coverage_sentence(predictions, 0.995).endswith(
        "none of these photos are answered; all are unsure."
    )
    assert coverage_sentence(predictions, 0.5).endswith(
        "all of these photos are answered, and 25.0 % of the answers are wrong."
    )


def test_the_curve_begins_at_twenty_answers_and_has_the_threshold(predictions):
    curve, point = draw_coverage(predictions, 0.655).axes[0].lines
    assert (curve.get_xdata()[0], curve.get_ydata()[0]) == (0.5, 0)
    assert (curve.get_xdata()[-1], curve.get_ydata()[-1]) == (1, 0.25)
    assert point.get_xdata()[0] == 0.85
    axes = point.axes
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    assert 1 < axes.get_xlim()[1] < 1.1
    assert [axis.get_major_formatter()(0.125) for axis in (axes.xaxis, axes.yaxis)] == [
        "12.5 %"
    ] * 2
    assert point.get_ydata()[0] == pytest.approx(4 / 34)


def test_a_report_shows_them(make_run):
    run = make_run(num_wrong=1, is_short=True)
    page = write_report(run).read_text(encoding="utf-8")
    assert "pawsight doubts" in page
    assert "An answer is given from a probability of" in page
    assert (run.figures_dir / "coverage.png").is_file()


def test_a_threshold_of_fewer_answers_lies_on_the_curve(predictions):
    curve, point = draw_coverage(predictions, 0.985).axes[0].lines  # one answer of 40
    assert (curve.get_xdata()[0], curve.get_ydata()[0]) == (1 / 40, 0)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (1 / 40, 0)


def test_a_threshold_of_no_answers_has_the_curve_alone(predictions):
    (curve,) = draw_coverage(predictions, 0.995).axes[0].lines
    assert (curve.get_xdata()[0], curve.get_ydata()[0]) == (0.5, 0)


def test_of_fewer_than_twenty_photos_the_curve_is_its_end(predictions):
    few = predictions.only(np.arange(40) < 8)  # eight dogs taken for cats, from 0.6 to 0.67
    curve, point = draw_coverage(few, 0.5).axes[0].lines
    assert (curve.get_xdata().tolist(), curve.get_ydata().tolist()) == ([1], [1])
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (1, 1)
    assert coverage_and_risk(few, few.probs[4, 0]) == (0.5, 1)  # at the threshold it is an answer
