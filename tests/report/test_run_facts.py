"""The facts of a run as rows of text."""

from pathlib import Path

import pytest

from pawsight.data.catalog import Catalog
from pawsight.models.description import ModelDescription
from pawsight.records import Photo
from pawsight.report.run_facts import photo_counts, plan_rows, setting_rows, training_rows
from pawsight.training.plan import Cut, FittedHead, HeadPlan, Plan, Stage

SHARED = {
    "model": "swift",
    "class_names": ("cats", "dogs"),
    "image_size": (96, 128),
    "resize": "pad",
    "num_train": 640,
    "num_validation": 100,
    "precision": "float32",
    "seed": 0,
    "hardware": "a processor",
    "versions": {"keras": "3.15.1"},
}
PLAN = Plan(
    **SHARED,
    batch_size=64,
    precision_reason="as set",
    eager=False,
    optimizer="muon",
    learning_rate=1.0,
    schedule="linear",
    label_smoothing=0.1,
    augment={},
    num_steps=100,
)
HEAD = HeadPlan(
    **SHARED,
    batch_size=9,
    head=FittedHead(views=("as it is",), num_features=4, strength=0.1, cross_validation=()),
)


def test_a_run_of_steps_has_its_epochs_its_speed_and_its_sizes(make_history):
    stages = (Stage(until=0.5, image_size=(48, 64)), Stage(until=1.0, image_size=(96, 128)))
    changes = {
        "num_parameters": 2_034_882,
        "stages": stages,
        "limited_by": "reading photos",
        "cuts": (Cut(step=1000, factor=0.25, diverged_at=1234),),
    }
    rows = training_rows(PLAN.model_copy(update=changes), None, make_history([0.6, 0.9, 0.8]))
    assert rows == [
        ("model", "swift"),
        ("parameters", "2,034,882"),
        ("image size", "128 × 96 pixels (pad)"),
        ("epochs", "3, the best was epoch 2"),
        ("steps", "30"),
        ("training time", "1 min 30 s"),
        ("speed", "100 photos a second"),
        ("batch size", "64 photos"),
        ("while training", "64 × 48, then 128 × 96"),
        ("limited by", "reading photos"),
        (
            "diverged",
            "at step 1,234; resumed from step 1,000 with a learning rate of 0.25 times the "
            "previous value",
        ),
        ("why that precision", "as set"),
        ("precision", "float32"),
        ("hardware", "a processor"),
        ("versions", "keras 3.15.1"),
    ]


def test_a_fitted_head_has_neither_epochs_nor_steps(make_history):
    names = [name for name, _ in training_rows(HEAD, None, make_history([0.9]))]
    assert names == ["model", "image size", "training time", "precision", "hardware", "versions"]


def test_a_model_alone_has_its_versions_and_how_exact_it_is():
    described = ModelDescription(
        class_names=("cats", "dogs"),
        image_size=(32, 48),
        resize="crop",
        versions={"keras": "3.14.0"},
        onnx_largest_difference=1.23e-6,
    )
    assert training_rows(None, described, []) == [
        ("versions", "keras 3.14.0"),
        ("model.onnx", "its probabilities differ from Keras' by at most 1e-06"),
    ]
    rows = dict(training_rows(PLAN, described, []))
    assert rows["image size"] == "48 × 32 pixels (pad)"
    assert "while training" not in rows  # it was of one size
    assert training_rows(None, None, []) == []


def test_photos_are_counted_by_class_and_part():
    photos = (
        Photo("a", "dogs", "train"),
        Photo("b", "dogs", "train"),
        Photo("c", "dogs", "test"),
        Photo("d", "cats", "train", problem="empty file"),
        Photo("e", "", "test"),
    )
    counts = photo_counts(Catalog("pets", Path("/pets"), photos, 0))
    assert list(counts) == ["", "cats", "dogs"]
    assert counts["dogs"] == {"train": 2, "test": 1}
    assert counts["cats"] == {"broken": 1}
    assert counts["dogs"]["validation"] == 0
    assert photo_counts(None) == {}


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (
            {"a": {"b": 1, "c": {}}, "d": None},
            [("a.b", "1"), ("a.c", "none"), ("d", "automatic")],
        ),
        ({"x": [1.5, True, None]}, [("x", "1.5, yes, automatic")]),
        ({"x": []}, [("x", "none")]),
        ({"x": False, "y": 0.00001}, [("x", "no"), ("y", "1e-05")]),
        ({}, []),
        (3, []),
    ],
)
def test_settings_are_rows_with_dotted_names(value, rows):
    assert setting_rows(value) == rows


def test_fields_of_a_plan_that_are_long_or_shown_elsewhere_are_left_out():
    names = [name for name, _ in plan_rows(PLAN)]
    assert {"model", "num_steps", "augment.rotation_range", "learning_rate"} <= set(names)
    assert not {"kind", "versions.keras", "pieces", "minutes"} & set(names)
