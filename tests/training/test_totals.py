from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.training.score import ValidationScore
from pawsight.training.totals import Totals

PLAN = SimpleNamespace(epochs_at=lambda step: step / 8)
SCORE = ValidationScore(0.5, np.array([9, 1]), np.array([10, 2]))


def test_figures_of_training_are_means_over_its_photos():
    totals = Totals(num_timed=90, step_seconds=4.0, seconds=7.1234)
    totals.add(2.0, 10, 30)
    totals.add(1.0, 8, 10)
    row = totals.row(12, PLAN, SCORE, 0.75, is_imbalanced=True)
    assert (row.epoch, row.step, row.seconds, row.validation_scale) == (1.5, 12, 7.123, 0.75)
    assert (row.train_loss, row.train_accuracy) == (1.75, 18 / 40)
    assert row.images_per_second == 22.5
    assert (row.validation_loss, row.validation_accuracy) == (0.5, 10 / 12)
    assert row.validation_balanced_accuracy == pytest.approx(0.7)
    assert (row.learning_rate, row.is_best) == (0, False)
    assert totals.row(12, PLAN, SCORE, 1.0, False).validation_balanced_accuracy is None


def test_after_a_validation_only_the_seconds_go_on():
    totals = Totals(num_timed=90, step_seconds=4.0, seconds=7.0)
    totals.add(2.0, 10, 30)
    totals.clear()
    assert totals == Totals(seconds=7.0)
    row = totals.row(1, PLAN, SCORE, 1.0, False)
    assert (row.train_loss, row.train_accuracy, row.images_per_second) == (0, 0, 0)
