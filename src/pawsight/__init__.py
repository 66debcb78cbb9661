"""pawsight: folders of labelled photos in, a classifier you can trust out.

    import pawsight

    run = pawsight.train("photos/")
    print(run.metrics["parts"])
    classifier = pawsight.load(run)
    print(classifier.predict("tom.jpg"))

Names are resolved on first use, so that importing the package is quick and
only training loads TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pawsight.config import AugmentConfig, SourceConfig, SplitConfig, TrainConfig
    from pawsight.data.sources.known.sets import KnownSet, known_sets
    from pawsight.errors import PawsightError
    from pawsight.evaluation.comparison import Comparison
    from pawsight.evaluation.doubts import Doubt, Doubts
    from pawsight.evaluation.photo_needs import LearningCurve
    from pawsight.exporting.comparison import Exported
    from pawsight.inference.classifier import Classifier, load
    from pawsight.models.model_files import load_model
    from pawsight.models.registry import build_model
    from pawsight.pipeline.augment import Augment
    from pawsight.records import Photo, Prediction
    from pawsight.runs import Run
    from pawsight.sorting.sort_plan import Placement, Sorting
    from pawsight.sorting.undoing import Undone
    from pawsight.web.server import serve
    from pawsight.workflow import (
        audit,
        compare,
        cross_validate,
        doubts,
        draw_sample,
        evaluate,
        export,
        feed,
        learning_curve,
        list_runs,
        log_report,
        merge_shards,
        pack,
        predict_folder,
        predict_with_workers,
        resume,
        sort,
        train,
        tune,
        undo_sort,
        verify,
        write_report,
    )
    from pawsight.workflow.compared_runs import RunSummary
    from pawsight.workflow.packed_photos import PackedSet
    from pawsight.workflow.predicted_folders import PredictionFile
    from pawsight.workflow.tuning_results import Tuning
    from pawsight.workflow.verification import Verification

__version__ = "0.1.0"

_MODULES = {
    "Augment": "pipeline.augment",
    "AugmentConfig": "config",
    "Classifier": "inference.classifier",
    "Comparison": "evaluation.comparison",
    "Doubt": "evaluation.doubts",
    "Doubts": "evaluation.doubts",
    "Exported": "exporting.comparison",
    "KnownSet": "data.sources.known.sets",
    "LearningCurve": "evaluation.photo_needs",
    "PackedSet": "workflow.packed_photos",
    "PawsightError": "errors",
    "Photo": "records",
    "Placement": "sorting.sort_plan",
    "Prediction": "records",
    "PredictionFile": "workflow.predicted_folders",
    "Run": "runs",
    "RunSummary": "workflow.compared_runs",
    "Sorting": "sorting.sort_plan",
    "SourceConfig": "config",
    "SplitConfig": "config",
    "TrainConfig": "config",
    "Tuning": "workflow.tuning_results",
    "Undone": "sorting.undoing",
    "Verification": "workflow.verification",
    "audit": "workflow",
    "build_model": "models.registry",
    "compare": "workflow",
    "cross_validate": "workflow",
    "doubts": "workflow",
    "draw_sample": "workflow",
    "evaluate": "workflow",
    "export": "workflow",
    "feed": "workflow",
    "known_sets": "data.sources.known.sets",
    "learning_curve": "workflow",
    "list_runs": "workflow",
    "load": "inference.classifier",
    "load_model": "models.model_files",
    "log_report": "workflow",
    "merge_shards": "workflow",
    "pack": "workflow",
    "predict_folder": "workflow",
    "predict_with_workers": "workflow",
    "resume": "workflow",
    "serve": "web.server",
    "sort": "workflow",
    "train": "workflow",
    "tune": "workflow",
    "undo_sort": "workflow",
    "verify": "workflow",
    "write_report": "workflow",
}

__all__ = [
    "Augment",
    "AugmentConfig",
    "Classifier",
    "Comparison",
    "Doubt",
    "Doubts",
    "Exported",
    "KnownSet",
    "LearningCurve",
    "PackedSet",
    "PawsightError",
    "Photo",
    "Placement",
    "Prediction",
    "PredictionFile",
    "Run",
    "RunSummary",
    "Sorting",
    "SourceConfig",
    "SplitConfig",
    "TrainConfig",
    "Tuning",
    "Undone",
    "Verification",
    "audit",
    "build_model",
    "compare",
    "cross_validate",
    "doubts",
    "draw_sample",
    "evaluate",
    "export",
    "feed",
    "known_sets",
    "learning_curve",
    "list_runs",
    "load",
    "load_model",
    "log_report",
    "merge_shards",
    "pack",
    "predict_folder",
    "predict_with_workers",
    "resume",
    "serve",
    "sort",
    "train",
    "tune",
    "undo_sort",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "progress":  # so that pawsight.progress.Silent() needs no import
        return importlib.import_module("pawsight.progress")
    if name not in _MODULES:
        raise AttributeError(f"module 'pawsight' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pawsight.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
