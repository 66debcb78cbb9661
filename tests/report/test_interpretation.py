from dataclasses import replace

import pytest

from pawsight.evaluation.reliability import CalibrationNoise
from pawsight.evaluation.results import PartMetrics
from pawsight.formatting import percent
from pawsight.report import interpretation
from pawsight.report.first_screen import caution, detail, headline
from pawsight.report.interpretation import (
    Confusion,
    findings,
    interpret,
    sanitize,
    top_confusions,
)


def plain(text):
    """With ordinary spaces, to compare with what one types."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def metrics_of(matrix, names=None, claimed=None, **changes):
    """What the words need of `measure`, from a confusion matrix."""
    names = names or ["cats", "dogs", "eels"][: len(matrix)]
    n = sum(map(sum, matrix))
    right = sum(row[i] for i, row in enumerate(matrix))
    accuracy = right / n
    found = {
        "n": n,
        "num_correct": right,
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.02, accuracy + 0.01],
        "balanced_accuracy": sum(row[i] / sum(row) for i, row in enumerate(matrix) if any(row))
        / sum(map(any, matrix)),
        "baseline_accuracy": max(map(sum, matrix)) / n,
        "baseline_class": names[0],
        "class_names": names,
        "confusion_matrix": matrix,
        "reliability": [
            {
                "low": 0.0,
                "high": 1.0,
                "n": n,
                "confidence": accuracy if claimed is None else claimed,
                "accuracy": accuracy,
            }
        ],
    }
    return PartMetrics.model_validate(found | changes)


def test_a_wide_gap_between_training_and_validation_is_stated_and_no_more(make_history):
    said = interpret(make_history([0.8, 0.85, 0.84], train=[0.8, 0.95, 0.99]))

    assert plain(said) == (
        "No sign of over- or underfitting: at the best epoch (2) the training accuracy was 95.0 % "
        "and the validation accuracy 85.0 %, and the validation loss had settled. The gap of 10 "
        "points between the two shows that more, and more varied, photos would help."
    )


def test_an_average_of_weights_that_is_kept_is_compared_with_both_ends(make_history):
    first, *others = make_history([0.8, 0.85, 0.84, 0.9], losses=[0.757, 0.6, 0.5, 0.00021])
    rows = [replace(first, step=0, epoch=0), *others[:-1], replace(others[-1], is_average=True)]
    assert plain(interpret(rows)) == (
        "The weights kept are the average of those of the linear head on the unchanged network and "
        "those after the last epoch: validation accuracy 90.0 % and log loss 0.00021, against 80.0 "
        "% and log loss 0.757 of the former, and 84.0 % and log loss 0.5 of the latter."
    )
    of_uneven = [
        replace(row, validation_balanced_accuracy=0.5 + 0.1 * i) for i, row in enumerate(rows)
    ]
    assert (
        "validation accuracy 80.0 % and log loss 0.00021 on smaller images, against 50.0 %"
        in plain(interpret([*of_uneven[:-1], replace(of_uneven[-1], is_smaller=True)]))
    )
    # An average that is not kept is no epoch: the curves are those of the epochs alone.
    rows[-1] = replace(rows[-1], validation_accuracy=0.1, validation_loss=9.0)
    assert interpret(rows) == interpret(rows[:-1])


def test_a_gap_does_not_contradict_that_longer_training_helps(make_history):
    said = interpret(
        make_history(
            [0.6, 0.7, 0.8, 0.9], train=[0.8, 0.9, 0.95, 0.99], losses=[0.8, 0.6, 0.5, 0.4]
        )
    )

    assert "Longer training will probably do better" in said
    assert "gap of 9 points" in said
    assert "overfits" not in said


def test_a_validation_loss_that_climbs_again_is_overfitting(make_history):
    said = interpret(make_history([0.8, 0.85, 0.84], losses=[0.5, 0.4, 0.5]))

    assert "after epoch 2 the validation loss rose again, by 25 %" in plain(said)


def test_a_loss_at_a_smaller_image_size_is_not_compared(make_history):
    # It rose by half when the image size did, which says nothing on overfitting.
    rows = make_history([0.8, 0.9, 0.85], losses=[0.5, 0.4, 0.6])
    rows = [*(replace(row, validation_scale=0.7) for row in rows[:2]), rows[2]]
    assert "overfits" not in interpret(rows)
    assert interpret(rows).startswith("With only one validation at the final image size")


def test_a_validation_loss_that_trembles_near_nothing_is_no_overfitting(make_history):
    said = interpret(make_history([0.9, 1.0, 1.0], losses=[0.2, 0.010, 0.015]))

    assert said.startswith("No sign of over- or underfitting")


def test_a_run_that_ends_while_it_improves_was_stopped_early(make_history):
    said = interpret(make_history([0.6, 0.7, 0.8, 0.9], losses=[0.8, 0.6, 0.5, 0.4]))

    # The last quarter of four epochs: from 0.5 to 0.4.
    assert "fallen by 20.0 % since epoch 3" in plain(said)
    assert "Longer training will probably do better" in said


def test_a_run_that_has_settled_shows_neither(make_history):
    said = interpret(make_history([0.7, 0.9, 0.89, 0.9], losses=[0.8, 0.41, 0.4, 0.4]))

    assert said.startswith("No sign of over- or underfitting")


def test_a_head_that_fine_tuning_did_not_improve_is_no_overfitting(make_history):
    rows = make_history([0.986, 0.9, 0.94], losses=[0.04, 0.4, 0.27])
    rows[0] = replace(rows[0], epoch=0, step=0)

    said = plain(interpret(rows))

    assert "overfits" not in said
    assert ": validation accuracy 98.6 % before fine-tuning, at most 94.0 % after it" in said
    uneven = [
        replace(row, validation_balanced_accuracy=0.9 - 0.2 * i) for i, row in enumerate(rows)
    ]
    assert (
        ": balanced validation accuracy 90.0 % before fine-tuning, at most 70.0 % after"
        in plain(interpret(uneven))
    )
    assert interpret(rows[:1]).startswith("With only one validation at the final image size")


def test_the_fitted_head_is_no_epoch_of_a_fine_tuning_that_helped(make_history):
    # The head's loss is the lowest, since fine-tuning smooths the labels of its own.
    rows = make_history([0.8, 0.85, 0.9, 0.9], losses=[0.1, 0.5, 0.4, 0.4])
    rows[0] = replace(rows[0], epoch=0, step=0)

    assert interpret(rows).startswith("No sign of over- or underfitting")


def test_a_single_validation_shows_its_gap_and_no_course(make_history):
    assert interpret([]).startswith("Without a validation at the final image size")
    first, only = make_history([0.68, 0.73], train=[0.0, 0.84])
    said = plain(interpret([replace(first, epoch=0, step=0), only]))
    assert said == (
        "With only one validation at the final image size while it was trained, the curves cannot "
        "show over- or underfitting: after epoch 2 the training accuracy was 84.0 % and the "
        "validation accuracy 73.0 %. The gap of 11 points between the two shows that more, and "
        "more varied, photos would help."
    )


def test_a_loss_of_zero_divides_nothing(make_history):
    assert "No sign" in interpret(make_history([1.0, 1.0], losses=[0.0, 0.0]))
    assert "No sign" in interpret(make_history([0.9, 1.0], losses=[0.0, 0.0]))


def test_headline_of_a_test_part_is_one_plain_sentence():
    metrics = PartMetrics(
        n=500,
        num_correct=482,
        scores={"accuracy": 0.964},
        intervals={"accuracy": (0.944, 0.977)},
    )

    assert plain(headline("test", metrics)) == "Right on 96.4 % of photos it had never seen"
    assert plain(detail("test", metrics)) == (
        "95 % interval 94.4 to 97.7 %: right on 482 of 500 test photos."
    )


def test_headline_of_a_validation_part_does_not_claim_unseen_photos():
    metrics = PartMetrics(n=1, num_correct=1, scores={}, intervals={"accuracy": (0.2, 1.0)})

    assert headline("validation", metrics) == "Right on 100.0 % of the validation photos"
    assert plain(detail("validation", metrics)).endswith("right on 1 of 1 validation photo.")
    assert "chose the epoch" in caution("validation", 0)


def test_photos_that_the_built_in_network_was_made_with_are_not_called_unseen():
    metrics = PartMetrics(n=50, num_correct=49, scores={"accuracy": 0.98}, intervals={})

    assert headline("test", metrics, is_known=True) == "Right on 98.0 % of the test photos"
    assert caution("test", 1, num_network_photos=45) == (
        "The built-in network was made with about 45 of these photos: on new photos it may score "
        "lower."
    )
    assert "network" not in caution("train", 0, num_network_photos=45)


def test_copies_in_different_parts_make_one_cautious():
    assert caution("test", 1).startswith("1 photo has copies")
    assert caution("test", 2).startswith("2 photos have copies")
    assert caution("test", 0) == ""


def test_a_model_no_better_than_guessing_is_reported():
    said = findings("test", metrics_of([[60, 40], [40, 60]], baseline_accuracy=0.6), {})

    assert said[0].startswith("Not shown to be better than guessing")


def test_confusions_are_named_by_class_and_share():
    said = findings("test", metrics_of([[90, 10], [5, 95]]), {"cats": 50, "dogs": 50})

    assert plain(said[1]) == (
        "Most often confused: “cats” taken for “dogs” 10 times (10.0 % of that class); "
        "“dogs” taken for “cats” 5 times (5.0 % of that class)."
    )


def test_single_confusions_are_not_made_much_of():
    said = findings("test", metrics_of([[99, 1], [0, 100]]), {})

    assert said[1] == "No class was taken for another more than once."


def test_uneven_classes_are_pointed_out():
    said = findings("test", metrics_of([[90, 10], [5, 95]]), {"cats": 90, "dogs": 30, "eels": 0})

    assert "“cats” has 3.0 times the training photos of “dogs”" in " ".join(said)


def test_even_classes_are_not_mentioned():
    assert "uneven" not in " ".join(
        findings("test", metrics_of([[90, 10], [5, 95]]), {"cats": 31, "dogs": 30})
    )


def test_few_photos_are_a_warning():
    assert "20 test photos are few" in " ".join(findings("test", metrics_of([[9, 1], [0, 10]]), {}))


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        # Of 200 photos; at 0.9 the accuracy varies by 0.021, at 0.8 by 0.028, at 0.93 by 0.018.
        (0.99, "It is overconfident"),
        (0.8, "It is underconfident"),
        (0.93, "No sign that its probabilities are off"),
        (0.9, "No sign that its probabilities are off"),
    ],
)
def test_probabilities_are_judged_by_what_came_true(claimed, said):
    assert findings("test", metrics_of([[90, 10], [10, 90]], claimed=claimed), {})[-1].startswith(
        said
    )


def test_a_small_error_that_is_none_of_chance_is_called_small():
    # Of 20,000 photos at 0.91 the accuracy varies by 0.002: an error of 0.01 is no chance.
    said = findings("test", metrics_of([[9000, 1000], [1000, 9000]], claimed=0.91), {})[-1]

    assert said.startswith("Its probabilities are close to the truth: its answers have")
    assert "calibration error is 1.0 %, where a perfectly calibrated model would show 0.2 %" in said


def test_error_is_judged_by_what_exceeds_that_of_chance():
    # Of 2,000 photos at 0.922 the accuracy varies by 0.006, by 0.005 on average: of an error of
    # 0.022, some 0.017 are no chance, which is less than 0.02.
    said = findings("test", metrics_of([[900, 100], [100, 900]], claimed=0.922), {})[-1]
    assert said.startswith("Its probabilities are close to the truth: its answers have")


def test_a_few_photos_prove_nothing_about_probabilities():
    # 36 % claimed and 3 of 13 right: sqrt(0.36 * 0.64 / 13) is 0.13.
    metrics = metrics_of([[3, 4], [6, 0]], claimed=0.36)

    said = findings("test", metrics, {})[-1]
    assert said.startswith("Too few photos to judge its probabilities: its answers have")
    assert "a probability of 36.0 % on average, and 23.1 % of them are right" in said


def test_errors_in_both_directions_are_named():
    bins = [
        {"low": 0.5, "high": 0.6, "n": 500, "confidence": 0.6, "accuracy": 0.9},
        {"low": 0.9, "high": 1.0, "n": 500, "confidence": 0.95, "accuracy": 0.7},
    ]
    metrics = metrics_of([[400, 100], [100, 400]], reliability=bins)

    assert "off in both directions" in findings("test", metrics, {})[-1]


def test_commonest_confusions_come_first():
    found = top_confusions(metrics_of([[8, 2, 0], [0, 7, 3], [0, 1, 9]]), 2)

    assert found == [
        Confusion("dogs", "eels", 3, 0.3),
        Confusion("cats", "dogs", 2, 0.2),
    ]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9641, "96.4 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.9996, "99.96 %"),
        (0.0004, "0.04 %"),
        (1 - 1e-9, "100.0 %"),
        (None, "-"),
    ],
)
def test_a_share_is_not_rounded_to_perfection(share, text):
    assert plain(percent(share)) == text


def test_text_that_cannot_be_shown_is_replaced():
    assert sanitize("caf\udce9 \u202egpj.exe\n") == "caf� �gpj.exe�"
    assert sanitize("Füchse 🦊 שלום") == "Füchse 🦊 שלום"


IMBALANCED_RATIO = {"is_imbalanced": True, "balanced_accuracy_interval": [0.55, 0.93]}


def test_the_headline_of_uneven_classes_begins_with_the_balanced_accuracy():
    # 90 of 90 cats and 5 of 10 dogs: 95 of 100 in all, and (1 + 0.5) / 2 for each class alike.
    metrics = metrics_of([[90, 0], [5, 5]], **IMBALANCED_RATIO)

    assert headline("test", metrics) == "Balanced accuracy 75.0 % on photos it had never seen"
    assert detail("test", metrics) == (
        "95 % interval 55.0 to 93.0 %: right on 95 of 100 test photos, 95.0 %."
    )


def test_guessing_is_judged_by_the_balanced_accuracy_where_classes_are_uneven():
    metrics = metrics_of([[80, 10], [1, 9]], **IMBALANCED_RATIO)  # 89 of 100 right, baseline 90

    assert plain(findings("test", metrics, {})[0]) == (
        "Better than guessing: always saying “cats” would be right on "
        "90.0 %, a balanced accuracy of 50.0 %."
    )
    without_eels = metrics_of([[80, 10, 0], [1, 9, 0], [0, 0, 0]], **IMBALANCED_RATIO)
    assert "a balanced accuracy of 50.0 %" in plain(findings("test", without_eels, {})[0])
    low = {"balanced_accuracy_interval": [0.45, 0.9]}
    metrics = metrics_of([[80, 10], [1, 9]], **IMBALANCED_RATIO | low)
    assert findings("test", metrics, {})[0].startswith("Not shown to be better than guessing")


@pytest.mark.parametrize(
    ("is_weighted", "words"), [(True, "So did training"), (False, "training did not")]
)
def test_it_is_reported_whether_rare_classes_counted_more(is_weighted, words):
    said = findings(
        "test", metrics_of([[9, 1], [5, 5]]), {"cats": 90, "dogs": 30}, is_weighted=is_weighted
    )

    assert words in " ".join(said)


@pytest.mark.parametrize(
    ("num_lost", "words"),
    [
        (1, "1 photo could no longer be read during training and was skipped."),
        (3, "3 photos could no longer be read during training and were skipped."),
    ],
)
def test_lost_photos_are_counted(num_lost, words):
    assert words in findings("test", metrics_of([[9, 1], [5, 5]]), {}, num_lost=num_lost)


def test_a_validation_loss_that_climbs_is_no_sign_where_classes_are_uneven(make_history):
    rows = make_history([0.8, 0.85, 0.84], losses=[0.5, 0.4, 0.5])
    said = interpret([replace(row, validation_balanced_accuracy=0.7) for row in rows])

    assert said.startswith("No sign of over- or underfitting")
    assert "settled" not in said


@pytest.mark.parametrize(
    ("losses", "begin"),
    [
        # A tenth above the lowest, and more than a tenth.
        ([20.0, 10.0, 11.0], "No sign of over- or underfitting"),
        ([20.0, 10.0, 11.1], "It overfits"),
        # More than a tenth, but not by more than 0.02.
        ([0.2, 0.1, 0.115], "No sign of over- or underfitting"),
        ([0.2, 0.1, 0.125], "It overfits"),
    ],
)
def test_overfitting_is_a_rise_beyond_both_limits(make_history, losses, begin):
    assert interpret(make_history([0.8, 0.85, 0.84], losses=losses)).startswith(begin)


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        (49.0, "No sign of over- or underfitting"),  # 2 % below 50
        (48.9, "It was still learning: the last epoch was the best"),
    ],
)
def test_a_loss_that_fell_by_more_than_2_percent_was_still_falling(make_history, end, begin):
    # The last quarter of nine epochs is the last two: since the seventh.
    losses = [90.0, 80, 70, 60, 55, 52, 50, 49.5, end]
    accuracies = [0.1 * i for i in range(1, 10)]
    said = plain(interpret(make_history(accuracies, losses=losses)))
    assert said.startswith(begin)
    assert ("since epoch 7" in said) is (end < 49)


@pytest.mark.parametrize(("train", "is_stated"), [(0.05, False), (0.06, True)])
def test_a_gap_is_stated_beyond_five_points(make_history, train, is_stated):
    said = interpret(make_history([0.0, 0.0], train=[train, train]))
    assert ("gap of 6 points" in said) is is_stated


@pytest.mark.parametrize(("n", "are_few"), [(99, True), (100, False)])
def test_photos_are_few_below_a_hundred(n, are_few):
    said = " ".join(findings("test", metrics_of([[n - 50, 0], [0, 50]]), {}))
    assert ("photos are few" in said) is are_few
    assert "It made no mistake on these photos." in said


@pytest.mark.parametrize(("num_cats", "are_uneven"), [(30, False), (31, True)])
def test_training_photos_are_uneven_beyond_one_and_a_half_to_one(num_cats, are_uneven):
    counts = {"cats": num_cats, "dogs": 20}
    said = " ".join(findings("test", metrics_of([[90, 10], [5, 95]]), counts))
    assert ("The classes are uneven" in said) is are_uneven
    assert ("training did not." in said) is are_uneven


def test_a_model_at_the_end_of_its_interval_is_not_better_than_guessing():
    metrics = metrics_of([[60, 40], [40, 60]], baseline_accuracy=0.5, accuracy_interval=[0.5, 0.7])
    assert findings("test", metrics, {})[0].startswith("Not shown to be better")


@pytest.mark.parametrize(
    ("error", "mean", "high", "start"),
    [
        (0.0, 0.051, 0.06, "Too few photos to judge its probabilities"),
        (0.05, 0.05, 0.06, "No sign that its probabilities are off"),
        (0.0605, 0.05, 0.06, "Its probabilities are close to the truth"),  # 1 point beyond chance
        (0.0711, 0.05, 0.06, "It is overconfident"),  # 2.1 points
    ],
)
def test_probabilities_are_judged_by_what_chance_would_show(monkeypatch, error, mean, high, start):
    noise = CalibrationNoise(mean, high)
    monkeypatch.setattr(PartMetrics, "calibration_noise", noise, raising=False)
    metrics = metrics_of([[40, 10], [10, 40]], claimed=0.8 + error)
    assert interpretation._trust_in_probabilities(metrics).startswith(start)


def test_the_three_most_frequent_confusions_are_named():
    said = findings("test", metrics_of([[90, 4, 6], [5, 90, 5], [3, 7, 90]]), {})[1]
    assert plain(said) == (
        "Most often confused: “eels” taken for “dogs” 7 times (7.0 % of that class); “cats” taken "
        "for “eels” 6 times (6.0 % of that class); “dogs” taken for “cats” 5 times (5.0 % of that "
        "class)."
    )


def test_nothing_is_stated_on_probabilities_that_were_not_measured():
    assert not any(
        "probabilit" in one
        for one in findings("test", metrics_of([[9, 1], [1, 9]], reliability=[]), {})
    )
