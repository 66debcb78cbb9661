"""From folders of photos to a classifier: each function is one thing a user does.

    run_photos        the photos of a run, read again
    photo_sets        audit, divide and feed photos, without a model
    ready_sets        draw the sample, or fetch a well-known set
    training_runs     train a run, and resume one
    run_networks      train the network of a run, and write its model folder
    learning_curves   measure what more photos would bring to the network of a run
    curve_parts       train the network of a run on parts of its photos
    uploaded_runs     copy a run to its address while it is trained
    run_errors        add to an error how to resume the run, and log it
    given_settings    merge and check the settings of a run
    grown_runs        train a run further: which photos keep their parts
    finished_runs     evaluate a run, and write or log its report
    training_worker   train a part of each batch, in a process of a run with workers
    worker_processes  start workers, and replace lost ones
    ray_workers       start workers on a Ray cluster
    search_folder     the folder of a search
    tuning            search the settings of a recipe
    trial_study       choose the trials of a search, and store their results
    trial_progress    report the scores of a trial, and end it if it falls behind
    shared_trials     train a trial of a search, in this or in another process
    ray_trials        train the trials of a search on a Ray cluster
    tuning_results    the result of a search
    cross_validation  train a run per fold
    compared_runs     compare finished runs, and list runs
    label_doubts      rank photos by how strongly their labels are contradicted
    verification      compare a run with its checksums, and compute its numbers again
    number_differences  compare the numbers of two JSON documents
    exports           a model in other formats, compared with the model
    predicted_folders predict a folder of photos, or a shard of it, into a file
    predicted_blocks  predict photos with several workers into a folder of Parquet files
    prediction_blocks a block of photos, and who predicts it
    worker_groups     the workers of a command, here or on a cluster
    job_processes     share the items of a job among processes of this machine
    ray_jobs          share the items of a job among the nodes of a Ray cluster
    merged_shards     merge the shards of a prediction
    packed_photos     pack photos and labels into tar shards
    sorted_photos     sort a photo library by the predictions of a model

TensorFlow is imported where training begins, so that auditing, predicting and
reporting work without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `as` exports a name for type checkers
    from pawsight.inference.classifier import load as load
    from pawsight.workflow.compared_runs import compare as compare
    from pawsight.workflow.compared_runs import list_runs as list_runs
    from pawsight.workflow.cross_validation import cross_validate as cross_validate
    from pawsight.workflow.exports import export as export
    from pawsight.workflow.finished_runs import evaluate as evaluate
    from pawsight.workflow.finished_runs import log_report as log_report
    from pawsight.workflow.finished_runs import write_report as write_report
    from pawsight.workflow.label_doubts import doubts as doubts
    from pawsight.workflow.learning_curves import learning_curve as learning_curve
    from pawsight.workflow.merged_shards import merge_shards as merge_shards
    from pawsight.workflow.packed_photos import pack as pack
    from pawsight.workflow.photo_sets import audit as audit
    from pawsight.workflow.photo_sets import feed as feed
    from pawsight.workflow.predicted_blocks import predict_with_workers as predict_with_workers
    from pawsight.workflow.predicted_folders import predict_folder as predict_folder
    from pawsight.workflow.ready_sets import draw_sample as draw_sample
    from pawsight.workflow.ready_sets import fetch_set as fetch_set
    from pawsight.workflow.sorted_photos import sort as sort
    from pawsight.workflow.sorted_photos import undo_sort as undo_sort
    from pawsight.workflow.training_runs import resume as resume
    from pawsight.workflow.training_runs import train as train
    from pawsight.workflow.tuning import tune as tune
    from pawsight.workflow.verification import verify as verify

# Resolved on first use, so that a command imports only the modules that it needs.
_MODULES = {
    "audit": "workflow.photo_sets",
    "compare": "workflow.compared_runs",
    "cross_validate": "workflow.cross_validation",
    "doubts": "workflow.label_doubts",
    "draw_sample": "workflow.ready_sets",
    "evaluate": "workflow.finished_runs",
    "export": "workflow.exports",
    "feed": "workflow.photo_sets",
    "fetch_set": "workflow.ready_sets",
    "learning_curve": "workflow.learning_curves",
    "list_runs": "workflow.compared_runs",
    "load": "inference.classifier",
    "log_report": "workflow.finished_runs",
    "merge_shards": "workflow.merged_shards",
    "pack": "workflow.packed_photos",
    "predict_folder": "workflow.predicted_folders",
    "predict_with_workers": "workflow.predicted_blocks",
    "resume": "workflow.training_runs",
    "sort": "workflow.sorted_photos",
    "train": "workflow.training_runs",
    "tune": "workflow.tuning",
    "undo_sort": "workflow.sorted_photos",
    "verify": "workflow.verification",
    "write_report": "workflow.finished_runs",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'pawsight.workflow' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pawsight.{_MODULES[name]}"), name)
