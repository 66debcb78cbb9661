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
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `as` exports a name for type checkers
    from pawsight.config import AugmentConfig as AugmentConfig
    from pawsight.config import SourceConfig as SourceConfig
    from pawsight.config import SplitConfig as SplitConfig
    from pawsight.config import TrainConfig as TrainConfig
    from pawsight.data.sources.known.sets import KnownSet as KnownSet
    from pawsight.data.sources.known.sets import known_sets as known_sets
    from pawsight.errors import PawsightError as PawsightError
    from pawsight.evaluation.comparison import Comparison as Comparison
    from pawsight.evaluation.doubts import Doubt as Doubt
    from pawsight.evaluation.doubts import Doubts as Doubts
    from pawsight.evaluation.photo_needs import LearningCurve as LearningCurve
    from pawsight.exporting.comparison import Exported as Exported
    from pawsight.inference.classifier import Classifier as Classifier
    from pawsight.inference.classifier import load as load
    from pawsight.models.model_files import load_model as load_model
    from pawsight.models.registry import build_model as build_model
    from pawsight.pipeline.augment import Augment as Augment
    from pawsight.records import Photo as Photo
    from pawsight.records import Prediction as Prediction
    from pawsight.runs import Run as Run
    from pawsight.sorting.sort_plan import Placement as Placement
    from pawsight.sorting.sort_plan import Sorting as Sorting
    from pawsight.sorting.undoing import Undone as Undone
    from pawsight.web.server import serve as serve
    from pawsight.workflow import audit as audit
    from pawsight.workflow import compare as compare
    from pawsight.workflow import cross_validate as cross_validate
    from pawsight.workflow import doubts as doubts
    from pawsight.workflow import draw_sample as draw_sample
    from pawsight.workflow import evaluate as evaluate
    from pawsight.workflow import export as export
    from pawsight.workflow import feed as feed
    from pawsight.workflow import learning_curve as learning_curve
    from pawsight.workflow import list_runs as list_runs
    from pawsight.workflow import log_report as log_report
    from pawsight.workflow import merge_shards as merge_shards
    from pawsight.workflow import pack as pack
    from pawsight.workflow import predict_folder as predict_folder
    from pawsight.workflow import predict_with_workers as predict_with_workers
    from pawsight.workflow import resume as resume
    from pawsight.workflow import sort as sort
    from pawsight.workflow import train as train
    from pawsight.workflow import tune as tune
    from pawsight.workflow import undo_sort as undo_sort
    from pawsight.workflow import verify as verify
    from pawsight.workflow import write_report as write_report
    from pawsight.workflow.compared_runs import RunSummary as RunSummary
    from pawsight.workflow.packed_photos import PackedSet as PackedSet
    from pawsight.workflow.predicted_folders import PredictionFile as PredictionFile
    from pawsight.workflow.tuning_results import Tuning as Tuning
    from pawsight.workflow.verification import Verification as Verification

__version__ = "0.1.0"

# ONNX Runtime reads it when it is imported, and sends usage data to Microsoft without it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

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

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name == "progress":  # so that pawsight.progress.Silent() needs no import
        return importlib.import_module("pawsight.progress")
    if name not in _MODULES:
        raise AttributeError(f"module 'pawsight' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pawsight.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
