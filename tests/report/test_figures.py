import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from pawsight.evaluation.curve_records import ClassCurves, RocCurve
from pawsight.evaluation.metrics import curves, measure
from pawsight.records import Predictions
from pawsight.report.figure_style import (
    BLUE,
    LINE,
    ORANGE,
    inline_svg,
    percent_ticks,
    save_figure,
)
from pawsight.report.figures import (
    draw_confusion,
    draw_courses,
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


def points_of(line):
    return list(zip(line.get_xdata(), line.get_ydata(), strict=True))


def line_of(axes, label):
    (line,) = [one for one in axes.lines if one.get_label() == label]
    return line


def answers(class_names, *rows):
    """Predictions from (true class, predicted class, probability) of each photo."""
    labels = np.array([class_names.index(truth) for truth, _, _ in rows])
    probs = np.array([[(1 - p) / (len(class_names) - 1)] * len(class_names) for _, _, p in rows])
    for row, (_, predicted, p) in zip(probs, rows, strict=True):
        row[class_names.index(predicted)] = p
    return Predictions(tuple(map(str, range(len(rows)))), labels, probs, tuple(class_names))


def legend_of(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


@pytest.mark.parametrize(("accuracies", "style"), [([0.6, 0.9], "None"), ([0.6, 0.9, 0.8], "-")])
def test_two_points_are_not_joined_by_a_line(make_history, accuracies, style):
    axes = draw_history(make_history(accuracies), "accuracy").axes[0]

    assert line_of(axes, "validation").get_linestyle() == style


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


def test_history_has_a_line_of_each_quantity_and_a_dot_at_the_best_epoch(make_history):
    rows = make_history([0.6, 0.9, 0.8], train=[0.5, 0.7, 0.95], losses=[0.8, 0.4, 0.25])
    (accuracy,), (loss,) = (draw_history(rows, name).axes for name in ("accuracy", "loss"))

    assert points_of(line_of(accuracy, "training")) == [(1, 0.5), (2, 0.7), (3, 0.95)]
    assert points_of(line_of(accuracy, "validation")) == [(1, 0.6), (2, 0.9), (3, 0.8)]
    (dot,) = [one for one in accuracy.lines if points_of(one) == [(2, 0.9)]]
    assert to_hex(dot.get_color()) == ORANGE
    assert any(set(one.get_xdata()) == {2} for one in accuracy.lines if one is not dot)
    assert accuracy.yaxis.get_major_formatter()(0.5) == "50 %"
    assert loss.get_title() == "Best: epoch 2, validation loss 0.4"
    assert points_of(line_of(loss, "validation")) == [(1, 0.8), (2, 0.4), (3, 0.25)]
    assert loss.get_ylim()[0] == 0  # a small change at a high loss does not fill the figure
    assert loss.get_ylabel() == "loss"


def test_history_without_a_number_at_the_best_epoch_has_no_dot(make_history):
    (axes,) = draw_history(make_history([0.6, 0.9], losses=[0.4, float("nan")]), "loss").axes
    assert all(len(one.get_xdata()) != 1 for one in axes.lines)


def test_what_was_scored_after_training_is_no_point_of_the_lines(make_history):
    first, second, extra = make_history([0.6, 0.9, 0.95])
    rows = [first, second, replace(extra, is_average=True)]
    (axes,) = draw_history(rows, "accuracy").axes
    assert points_of(line_of(axes, "validation")) == [(1, 0.6), (2, 0.9)]


@pytest.mark.parametrize(("count", "marker"), [(30, "o"), (31, "None")])
def test_points_are_dots_until_they_would_merge(make_history, count, marker):
    (axes,) = draw_history(make_history([0.5 + i / 100 for i in range(count)]), "loss").axes
    assert line_of(axes, "training").get_marker() == marker


def test_courses_are_accuracy_and_loss_side_by_side():
    series = {
        "epoch": [1.0, 2.0, 3.0],
        "train_accuracy": [0.5, 0.7, 0.8],
        "validation_accuracy": [0.4, 0.6, 0.7],
        "validation_loss": [0.9, 0.5, 0.3],
    }
    figure = draw_courses(series)
    left, right = figure.axes
    assert [one.get_label() for one in left.lines] == ["training", "validation"]
    assert [one.get_label() for one in right.lines] == ["validation"]
    assert points_of(line_of(right, "validation")) == [(1, 0.9), (2, 0.5), (3, 0.3)]
    assert (left.get_ylabel(), right.get_ylabel()) == ("accuracy", "loss")
    figure.draw_without_rendering()
    boxes = [axes.get_window_extent() for axes in figure.axes]
    assert boxes[0].x1 < boxes[1].x0 and boxes[0].y0 == boxes[1].y0
    assert 1 < boxes[0].width / boxes[0].height < 2
    for axes in figure.axes:
        assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_one_epoch_is_one_tick(make_history):
    (axes,) = draw_history(make_history([0.6]), "accuracy").axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_a_matrix_has_its_true_classes_as_rows_and_the_deeper_a_cell_the_larger_its_share():
    # Of 4 cats 3 are right; of 5 dogs 1 was taken for a cat and 3 for owls; of owls all are right.
    rows = [("cats", "cats", 0.9)] * 3 + [("cats", "dogs", 0.9)]
    rows += [("dogs", "dogs", 0.9), ("dogs", "cats", 0.9)] + [("dogs", "owls", 0.9)] * 3
    rows += [("owls", "owls", 0.9)] * 2
    figure = draw_confusion(measure(answers(("cats", "dogs", "owls"), *rows)))
    (axes,) = figure.axes
    shown = {text.get_position(): text.get_text().split("\n")[0] for text in axes.texts}
    assert shown == {
        **{(0.5, 0.5): "3", (1.5, 0.5): "1", (2.5, 0.5): "0"},
        **{(0.5, 1.5): "1", (1.5, 1.5): "1", (2.5, 1.5): "3"},
        **{(0.5, 2.5): "0", (1.5, 2.5): "0", (2.5, 2.5): "2"},
    }
    cells = {one.get_xy(): one for one in axes.patches if one.get_fill()}
    assert all((one.get_width(), one.get_height()) == (1, 1) for one in axes.patches)
    assert len(axes.patches) == 18  # each cell has a frame
    colours = {place: to_hex(cell.get_facecolor()) for place, cell in cells.items()}
    assert {colours[place] for place in ((0, 0), (1, 1), (2, 2))} == {BLUE}
    assert {colour for place, colour in colours.items() if place[0] != place[1]} == {ORANGE}
    depths = {place: cell.get_alpha() for place, cell in cells.items()}
    assert depths[2, 0] == depths[0, 2] == depths[1, 2] == 0
    assert 0 < depths[0, 1] == depths[1, 1] < depths[1, 0] < depths[2, 1] < depths[0, 0] < 1
    assert depths[2, 2] == 1
    assert axes.get_xlim() == (0, 3) and axes.get_ylim() == (3, 0)  # the first class is on top
    ticks = zip(axes.get_xticks(), axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert [(x, y, label.get_text()) for x, y, label in ticks] == [
        (0.5, 0.5, "cats"),
        (1.5, 1.5, "dogs"),
        (2.5, 2.5, "owls"),
    ]
    assert not any(line.get_visible() for line in axes.get_xgridlines())


def test_a_class_without_photos_is_a_row_of_nothing():
    found = measure(answers(("cats", "dogs"), ("cats", "cats", 0.9)))
    cells = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts_of(draw_confusion(found))]
    assert cells == ["1\n100 %", "0\n0 %", "0\n0 %", "0\n0 %"]


def test_numbers_on_deep_cells_are_white_and_on_pale_ones_dark():
    rows = [("cats", "cats", 0.9)] * 4 + [("cats", "dogs", 0.9)] + [("dogs", "dogs", 0.9)]
    (axes,) = draw_confusion(measure(answers(("cats", "dogs"), *rows))).axes
    colours = [text.get_color() for text in axes.texts]
    assert colours[0] == colours[3] == "white"
    assert colours[1] == colours[2] != "white"


@pytest.mark.parametrize(
    ("num_classes", "length"), [(2, 12), (2, 18), (5, 4), (6, 18), (12, 2), (20, 18)]
)
def test_a_matrix_is_small_and_its_names_and_numbers_do_not_overlap(num_classes, length):
    names = [f"{i:0{length}}" for i in range(num_classes)]
    rows = [(name, name, 0.9) for name in names for _ in range(100)]
    figure = draw_confusion(measure(answers(names, *rows)))
    (axes,) = figure.axes
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert 3 < width == height <= 7.1
    renderer = figure.canvas.get_renderer()
    labels = axes.get_xticklabels()
    if labels[0].get_rotation() == 0:
        boxes = [label.get_window_extent(renderer) for label in labels]
        assert all(one.x1 < two.x0 for one, two in pairwise(boxes))
    else:
        assert length * num_classes > 20 and 30 < labels[0].get_rotation() < 90
    cell = axes.transData.transform((1, 1)) - axes.transData.transform((0, 0))
    for text in axes.texts:
        box = text.get_window_extent(renderer)
        assert box.width < abs(cell[0]) and box.height < abs(cell[1]) * 1.1


def test_roc_and_precision_recall_are_drawn_through_their_points():
    names = ("cats", "dogs")
    rows = [("cats", "cats", 0.9), ("cats", "cats", 0.6), ("dogs", "dogs", 0.7)]
    rows += [("dogs", "cats", 0.8), ("dogs", "dogs", 0.55), ("cats", "dogs", 0.65)]
    predictions = answers(names, *rows)
    traced, found = curves(predictions), measure(predictions)
    (roc,), (recall,) = draw_roc(traced, found).axes, draw_precision_recall(traced, found).axes
    diagonal, *lines = roc.lines
    assert points_of(diagonal) == [(0, 0), (1, 1)]
    one = traced["cats"].roc
    points = list(zip(one.false_positive_rate, one.true_positive_rate, strict=True))
    assert points in [points_of(line) for line in lines]
    one = traced["cats"].precision_recall
    points = list(zip(one.recall, one.precision, strict=True))
    assert points in [points_of(line) for line in recall.lines]
    assert {line.get_drawstyle() for line in recall.lines} == {"steps-pre"}
    for axes in (roc, recall):  # all of a curve is within the axes
        assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0
        assert 1 <= axes.get_xlim()[1] < 1.1 and 1 <= axes.get_ylim()[1] < 1.1
    assert (roc.get_xlabel(), recall.get_ylabel()) == ("false positive rate", "precision")
    assert legend_of(draw_roc(traced, found))[0] == f"cats ({found.per_class['cats'].roc_auc:.3f})"


@pytest.mark.parametrize("count", [3, 200])
def test_a_grey_curve_rises_from_its_first_point_to_its_last(count):
    names = [f"class {i:02}" for i in range(10)]
    found = measure(guesses_of(names))
    rates = tuple(i / (count - 1) for i in range(count))
    curve = RocCurve(false_positive_rate=rates, true_positive_rate=tuple(r**0.5 for r in rates))
    (axes,) = draw_roc({name: ClassCurves(roc=curve) for name in names}, found).axes
    grey = [line for line in axes.lines if line.get_color() == LINE]
    assert len(grey) == 7
    xs, ys = grey[0].get_data()
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)
    assert sorted(xs) == list(xs)
    assert set(xs) <= set(rates) and len(set(xs)) >= min(count, 50)


def test_reliability_is_drawn_by_what_each_bin_predicted():
    # Of 4 photos at 0.62, 3 are right; of 6 at 0.97, all are.
    rows = [("cats", "cats", 0.62)] * 3 + [("dogs", "cats", 0.62)] + [("dogs", "dogs", 0.97)] * 6
    found = measure(answers(("cats", "dogs"), *rows))
    figure = draw_reliability(found)
    above, below = figure.axes
    bars = [(one.get_x(), one.get_height()) for one in above.patches]
    assert bars == [(found.reliability[0].low, 0.75), (found.reliability[1].low, 1)]
    assert [one.get_height() for one in below.patches] == pytest.approx([0.4, 0.6])
    width = found.reliability[0].high - found.reliability[0].low
    assert all(width / 2 < one.get_width() < width for one in (*above.patches, *below.patches))
    diagonal, dots = above.lines
    assert points_of(diagonal) == [(0, 0), (1, 1)]
    assert points_of(dots) == [(pytest.approx(0.62), 0.75), (pytest.approx(0.97), 1)]
    assert above.get_xlim() == below.get_xlim() == (0, 1)
    assert above.get_ylim()[0] == 0 and 1 <= above.get_ylim()[1] < 1.1
    ticks = [axis.get_major_formatter()(0.5) for axis in (above.xaxis, above.yaxis, below.yaxis)]
    assert ticks == ["50 %"] * 3
    figure.draw_without_rendering()
    boxes = [axes.get_window_extent() for axes in (above, below)]
    assert boxes[0].y0 > boxes[1].y1 and boxes[0].height > 2 * boxes[1].height
    assert figure.get_size_inches()[0] <= 5


def test_the_commonest_mistakes_are_the_longest_bars_from_the_top():
    names = [f"{i:02}" for i in range(21)]
    rows = [(name, name, 0.9) for name in names] + [("03", "04", 0.9)] * 5 + [("07", "09", 0.9)] * 2
    figure = draw_confusion(measure(answers(names, *rows)))
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [5, 2]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["03 → 04", "07 → 09"]
    assert axes.yaxis_inverted()
    figure.draw_without_rendering()
    upper, lower = (bar.get_window_extent() for bar in axes.patches)
    assert upper.y0 > lower.y1
    low, high = axes.get_xlim()
    assert all(tick == round(tick) for tick in axes.get_xticks() if low <= tick <= high)
    width, height = figure.get_size_inches()
    assert height < width <= 5
