"""What the small charts of a report draw: learning curves, trials of a search, changed photos."""

from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.evaluation.importance import Importance
from pawsight.report.figure_style import BLUE, ORANGE
from pawsight.report.learning_figure import draw_learning_curve
from pawsight.report.robustness_figure import draw_robustness
from pawsight.report.tuning_figure import draw_tuning


def need(num_photos, accuracy):
    return SimpleNamespace(
        num_photos=num_photos, accuracy=accuracy, low=accuracy - 0.02, high=accuracy + 0.01
    )


def test_a_learning_curve_shows_what_was_measured_and_what_to_expect():
    curve = SimpleNamespace(
        points=((1000, 0.7), (1200, 0.72), (4000, 0.8)),
        all=SimpleNamespace(
            now=need(5000, 0.82), twice=need(10_000, 0.86), four_times=need(20_000, 0.9)
        ),
    )
    (axes,) = draw_learning_curve(curve).axes
    measured, expected = axes.lines
    assert measured.get_xydata().tolist() == [[1000, 0.7], [1200, 0.72], [4000, 0.8]]
    assert expected.get_xydata().tolist() == [[5000, 0.82], [10_000, 0.86], [20_000, 0.9]]
    assert (measured.get_color(), expected.get_color()) == (BLUE, ORANGE)
    (area,) = axes.collections
    corners = {tuple(np.round(point, 3)) for point in area.get_paths()[0].vertices.tolist()}
    assert {(5000, 0.8), (5000, 0.83), (20_000, 0.88), (20_000, 0.91)} <= corners
    # Labels that would touch are left out: 4,000 and 1,000, each within 1.5 of the next.
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [20_000, 10_000, 5000, 1200]
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["20,000", "10,000", "5,000", "1,200"]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["measured", "90 % interval", "expected"]


def test_trials_of_a_search_stand_beside_what_mattered():
    importances = [Importance("learning rate", 0.7, 0.1), Importance("resize", 0.3, 0.05)]
    left, right = draw_tuning([0.8, 0.9, 0.85], importances).axes
    default, trials, first = left.lines
    assert set(default.get_ydata()) == {0.8}
    assert trials.get_xydata().tolist() == [[1, 0.8], [2, 0.9], [3, 0.85]]
    assert first.get_xydata().tolist() == [[1, 0.8]]
    assert [bar.get_width() for bar in right.patches] == [0.3, 0.7]  # the largest on top
    assert [label.get_text() for label in right.get_yticklabels()] == ["resize", "learning rate"]
    assert right.get_xlim() == (0, 1)
    assert right.xaxis.get_major_formatter()(0.5) == "50 %"
    width, height = left.figure.get_size_inches()
    assert 6 < width < 8 and height < width / 2
    (alone,) = draw_tuning([0.8, 0.9], []).axes  # too few trials to state what mattered
    assert alone.get_ylabel() == "validation accuracy"
    assert all(float(tick).is_integer() for tick in alone.get_xticks())


def test_accuracy_falls_with_the_strength_of_each_change():
    kinds = {name: SimpleNamespace(num_correct=(9, 6, 3)) for name in ("blur", "noise")}
    found = SimpleNamespace(kinds=kinds, share=lambda count: count / 10)
    (axes,) = draw_robustness(found).axes
    assert [line.get_label() for line in axes.lines] == ["blur", "noise"]
    assert axes.lines[0].get_xydata().tolist() == [[0, 0.9], [1, 0.6], [2, 0.3]]
    assert axes.get_ylim() == (0, pytest.approx(1.02))
    many = SimpleNamespace(kinds=dict.fromkeys(map(str, range(20)), kinds["blur"]), share=float)
    assert len(draw_robustness(many).axes[0].lines) == 20  # colours are used again
