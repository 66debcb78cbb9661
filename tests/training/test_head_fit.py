"""What a fitted head is as a run: its row of history and its plan."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.models.backbone import Backbone
from pawsight.records import Photo
from pawsight.training.features import Features
from pawsight.training.head_fit import HeadFit, _plan_of, history_row
from pawsight.training.linear_head import Head, Trial


def fitted(labels="ccdd" * 3, num_validation=4, trials=None, **fields):
    """A head on one feature, which is 1 for dogs: it is right unless a photo is called C or D."""
    photos = tuple(
        Photo(f"{i:02}.jpg", {"c": "cats", "d": "dogs"}[letter.lower()])
        for i, letter in enumerate(labels)
    )
    rows = np.array([[float(letter in "dC")] for letter in labels], np.float32)
    trials = (Trial(0.03, 0.4, 0.9), Trial(0.1, 0.5, 0.8)) if trials is None else trials
    head = Head(np.array([[-2.0, 2.0]], np.float32), np.array([1.0, -1.0], np.float32), 0.1, trials)
    parts = np.split(np.arange(len(labels)), [len(labels) - num_validation])
    train, validation = (Features(part, rows[part], 0, 123.456) for part in parts)
    backbone = Backbone("builtin", (64, 48), Path("net.onnx"), None, "builtin-64x48")
    catalog = Catalog("pets", Path("/pets"), photos, 0)
    return HeadFit(
        *(SimpleNamespace(catalog=catalog), SimpleNamespace(backbone=backbone), head),
        *(train, validation, (0.5, 1.5), 77),
        **fields,
    )


def test_a_head_is_one_row_of_history(recorded):
    row = history_row(fitted("ccddccddcCdd"), 12.3456, recorded)
    assert (row.epoch, row.step, row.seconds, row.images_per_second) == (1, 1, 12.346, 123.46)
    assert (row.train_accuracy, row.validation_accuracy) == (1.0, 0.75)
    # The logits are 1 and -1 for the right class: a difference of 2, and of -2 once in four.
    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    assert row.train_loss == pytest.approx(right)
    assert row.validation_loss == pytest.approx((3 * right + wrong) / 4)
    assert (row.is_best, row.learning_rate, row.validation_balanced_accuracy) == (True, 0.0, None)
    assert recorded.notes == [
        "Linear head fitted with an L2 penalty of 0.1, chosen by cross-validation (accuracy "
        "80.0 %): accuracy 75.0 % in validation."
    ]


def test_of_uneven_classes_the_balanced_accuracy_counts(recorded):
    row = history_row(fitted("ccccccdd" + "cccD", trials=()), 1.0, recorded)
    assert row.validation_accuracy == 0.75
    assert row.validation_balanced_accuracy == 0.5
    assert recorded.notes == [
        "Linear head fitted with an L2 penalty of 0.1: accuracy 75.0 % in validation (balanced "
        "50.0 %)."
    ]


@pytest.mark.parametrize(
    ("is_mirrored", "views"), [(True, ("as it is", "mirrored")), (False, ("as it is",))]
)
def test_the_plan_of_a_head_holds_what_it_was_fitted_to(is_mirrored, views):
    plan = _plan_of(TrainConfig(seed=3, resize="pad"), fitted(is_mirrored=is_mirrored), 999)
    assert (plan.model, plan.weights, plan.image_size) == ("builtin", "builtin-64x48", (64, 48))
    assert (plan.num_train, plan.num_validation, plan.batch_size) == (8, 4, 8 * len(views))
    assert (plan.head.views, plan.head.num_features, plan.head.strength) == (views, 1, 0.1)
    assert plan.head.cross_validation == fitted().head.trials
    assert (plan.seed, plan.resize, plan.num_parameters, plan.num_head_photos) == (
        3,
        "pad",
        999,
        77,
    )
    assert (plan.class_weights, plan.class_names) == ((0.5, 1.5), ("cats", "dogs"))
    assert plan.precision == "float32"
