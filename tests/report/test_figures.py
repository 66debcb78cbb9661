import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pawsight.evaluation.metrics import curves, measure
from pawsight.records import Predictions
from pawsight.report.figure_style import inline_svg, percent_ticks, save_figure
from pawsight.report.figures import (
    draw_confusion,
    draw_history,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)

ODD_NAMES = ("_hidden", "$5$ note", "<b>&", "猫🐈")


def guesses_of(names, per_class=3):
    """Predictions in which each class has one photo taken for the next class."""
    labels = np.repeat(np.arange(len(names)), per_class)
    said = labels.copy()
    said[::per_class] = (said[::per_class] + 1) % len(names)
    probs = np.full((len(labels), len(names)), 0.2 / (len(names) - 1))
    probs[np.arange(len(labels)), said] = 0.8
    return Predictions(tuple(map(str, range(len(labels)))), labels, probs, tuple(names))


def texts_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def legend_of(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


@pytest.mark.parametrize(("accuracies", "style"), [([0.6, 0.9], "None"), ([0.6, 0.9, 0.8], "-")])
def test_two_points_are_not_joined_by_a_line(make_history, accuracies, style):
    axes = draw_history(make_history(accuracies), "accuracy").axes[0]

    (line,) = [one for one in axes.lines if one.get_label() == "validation"]
    assert line.get_linestyle() == style


def test_history_marks_the_best_epoch(make_history):
    figure = draw_history(make_history([0.6, 0.9, 0.8]), "accuracy")

    title = figure.axes[0].get_title().replace("\N{NO-BREAK SPACE}", " ")
    assert title == "Best: epoch 2, validation accuracy 90.0 %"
    assert legend_of(figure) == ["training", "validation"]


def test_validations_at_another_size_are_hollow(make_history):
    small, *others = make_history([0.95, 0.9, 0.8])
    axes = draw_history([replace(small, validation_scale=0.7), *others], "accuracy").axes[0]

    title = axes.get_title().replace("\N{NO-BREAK SPACE}", " ")
    assert title == "Kept: epoch 2, validation accuracy 90.0 %"
    (hollow,) = [one for one in axes.lines if one.get_color() == "white"]
    assert (list(hollow.get_xdata()), list(hollow.get_ydata())) == ([1], [0.95])


def test_history_of_uneven_classes_shows_the_accuracy_that_chose_the_epoch(make_history):
    balanced = [0.5, 0.6, 0.7]
    rows = [
        replace(row, validation_balanced_accuracy=value)
        for row, value in zip(make_history([0.9, 0.8, 0.75]), balanced, strict=True)
    ]

    figure = draw_history(rows, "accuracy")

    title = figure.axes[0].get_title().replace("\N{NO-BREAK SPACE}", " ")
    assert title == "Best: epoch 3, balanced accuracy 70.0 %"
    assert legend_of(figure) == ["training", "validation", "validation, balanced"]
    assert legend_of(draw_history(rows, "loss")) == ["training", "validation"]


def test_history_of_one_epoch_is_drawn(make_history, tmp_path):
    save_figure(draw_history(make_history([0.6]), "loss"), tmp_path / "loss")

    assert (tmp_path / "loss.png").is_file()


def test_ticks_of_shares_have_the_digits_in_which_they_differ():
    ticks = percent_ticks()
    assert [ticks(share) for share in (0, 0.5, 0.975, 0.985, 1)] == [
        "0 %",
        "50 %",
        "97.5 %",
        "98.5 %",
        "100 %",
    ]


def test_confusion_cells_hold_counts_and_shares():
    found = measure(guesses_of(("cats", "dogs"), per_class=4))

    figure = draw_confusion(found)
    recorded = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts_of(figure)]

    assert recorded == ["3\n75 %", "1\n25 %", "1\n25 %", "3\n75 %"]


def test_many_classes_get_their_commonest_mistakes_instead_of_a_matrix():
    names = [f"class {i:03d}" for i in range(200)]
    found = measure(guesses_of(names))

    axes = draw_confusion(found).axes[0]

    assert axes.get_yticklabels()[0].get_text() == "class 000 → class 001"
    assert len(axes.patches) == 20
    assert [tick for tick in axes.get_xticks() if tick != round(tick)] == []


def test_no_mistakes_among_many_classes_are_drawn_as_none(tmp_path):
    names = [f"class {i:03d}" for i in range(30)]
    perfect = Predictions(tuple(names), np.arange(30), np.eye(30), tuple(names))

    figure = draw_confusion(measure(perfect))

    save_figure(figure, tmp_path / "confusion")
    assert figure.axes[0].get_xlabel() == "no mistakes"


def test_few_classes_each_have_their_curve_named():
    predictions = guesses_of(("cats", "dogs", "eels"))

    figure = draw_roc(curves(predictions), measure(predictions))

    assert [text.split(" (")[0] for text in legend_of(figure)] == ["cats", "dogs", "eels"]


def test_of_many_classes_the_three_hardest_are_named():
    predictions = guesses_of([f"class {i}" for i in range(40)])

    figure = draw_precision_recall(curves(predictions), measure(predictions))

    assert len(legend_of(figure)) == 3
    assert figure.axes[0].get_legend().get_title().get_text() == "the hardest 3 of 40"


def test_a_class_without_photos_is_left_out_of_the_curves():
    predictions = Predictions(
        ("a", "b"), np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]), ("x", "y", "z")
    )

    figure = draw_roc(curves(predictions), measure(predictions))

    assert [text.split(" (")[0] for text in legend_of(figure)] == ["x", "y"]


def test_curves_of_other_classes_than_the_metrics_are_left_out():
    names = ("cats", "dogs", "eels")
    found = measure(guesses_of(("cats", "dogs", "owls")))

    figure = draw_roc(curves(guesses_of(names)), found)

    assert [text.split(" (")[0] for text in legend_of(figure)] == ["cats", "dogs"]


@pytest.mark.parametrize("kind", ["confusion", "roc", "precision_recall"])
def test_class_names_are_drawn_as_they_are(kind, tmp_path):
    predictions = guesses_of(ODD_NAMES)
    found = measure(predictions)
    figure = {
        "confusion": lambda: draw_confusion(found),
        "roc": lambda: draw_roc(curves(predictions), found),
        "precision_recall": lambda: draw_precision_recall(curves(predictions), found),
    }[kind]()

    save_figure(figure, tmp_path / "figure")

    recorded = " ".join(ElementTree.parse(tmp_path / "figure.svg").getroot().itertext())
    for name in ODD_NAMES:
        assert name in recorded
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width > 400


def test_reliability_has_a_bar_per_filled_bin():
    found = measure(guesses_of(("cats", "dogs")))

    figure = draw_reliability(found)

    assert len(figure.axes[0].patches) == len(found.reliability) == 1


def test_a_long_title_is_within_the_figure(make_history):
    history = make_history([0.6, 0.9])
    best = replace(history[-1], is_average=True, is_smaller=True, is_best=True)
    figure = draw_history([history[0], best], "accuracy")

    figure.draw_without_rendering()
    title = figure.axes[0].title.get_window_extent()
    assert "average of the initial" in figure.axes[0].get_title().replace("\n", " ")
    assert 0 <= title.x0 < title.x1 <= figure.bbox.width


def test_an_inline_figure_takes_the_colours_of_the_page(make_history, tmp_path):
    saved = save_figure(draw_history(make_history([0.6, 0.9]), "loss"), tmp_path / "loss")
    svg = inline_svg(saved, "loss")

    assert (tmp_path / "loss.svg").read_text() == saved
    assert "fill: #ffffff" in saved and "fill: #ffffff" not in svg
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert "currentColor" in svg
    assert "<style" not in svg
    assert all(e.get("id", "loss-").startswith("loss-") for e in root.iter())


def test_a_figure_is_the_same_each_time_it_is_drawn(make_history, tmp_path):
    for name in ("one", "two"):
        save_figure(draw_history(make_history([0.6, 0.9]), "loss"), tmp_path / name)

    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_cells_of_few_classes_have_shares_and_of_many_only_counts_above_0():
    five, six = (
        texts_of(draw_confusion(measure(guesses_of("abcdef"[:number])))) for number in (5, 6)
    )
    assert len(five) == 25
    assert {text.replace("\N{NO-BREAK SPACE}", " ") for text in five} == {
        "2\n67 %",
        "1\n33 %",
        "0\n0 %",
    }
    assert sorted(six) == ["1"] * 6 + ["2"] * 6


@pytest.mark.parametrize(("num_classes", "is_matrix"), [(20, True), (21, False)])
def test_up_to_twenty_classes_are_a_matrix(num_classes, is_matrix):
    names = [f"{i:02}" for i in range(num_classes)]
    axes = draw_confusion(measure(guesses_of(names))).axes[0]
    assert (axes.get_xlabel() == "predicted class") is is_matrix


@pytest.mark.parametrize(("num_classes", "named"), [(8, 8), (9, 3)])
def test_up_to_eight_curves_are_named(num_classes, named):
    predictions = guesses_of("abcdefghi"[:num_classes])
    assert len(legend_of(draw_roc(curves(predictions), measure(predictions)))) == named


def test_the_hardest_classes_are_those_of_the_smallest_area():
    # All photos of a to i are right, but those of g, c and a, with ever more mistakes.
    predictions = guesses_of("abcdefghi", per_class=10)
    labels, probs = predictions.labels, np.eye(9)[predictions.labels]
    for name, num_wrong in (("g", 5), ("c", 3), ("a", 1)):
        probs[np.flatnonzero(labels == "abcdefghi".index(name))[:num_wrong]] = np.eye(9)[8]
    predictions = replace(predictions, probs=probs)
    found = legend_of(draw_precision_recall(curves(predictions), measure(predictions)))
    assert [text.split(" (")[0] for text in found] == ["i", "g", "c"]
