"""From folders of photos to a classifier: each function is one thing a user does.

    run_photos        the photos of a run, read again
    photo_sets        audit, divide and feed photos, without a model
    training_runs     train a run, and resume one
    finished_runs     evaluate a run, and write its report
    training_worker   train a part of each batch, in a process of a run with workers
    worker_processes  start workers, and replace lost ones
    ray_workers       start workers on a Ray cluster
    tuning            search the settings of a recipe
    cross_validation  train a run per fold
    compared_runs     compare finished runs, and list runs
    label_doubts      rank photos by how strongly their labels are contradicted
    verification      compare a run with its checksums, and compute its numbers again
    exports           a model in other formats, compared with the model
    predicted_folders predict a folder of photos, or a shard of it, into a file
    predicted_blocks  predict photos with several workers into a folder of Parquet files
    prediction_blocks a block of photos, and who predicts it
    block_processes   predict blocks in processes of this machine
    ray_blocks        predict blocks on a Ray cluster
    merged_shards     merge the shards of a prediction
    sorted_photos     sort a photo library by the predictions of a model

TensorFlow is imported where training begins, so that auditing, predicting and
reporting work without it.
"""

from pawsight.inference.classifier import load
from pawsight.workflow.compared_runs import compare, list_runs
from pawsight.workflow.cross_validation import cross_validate
from pawsight.workflow.exports import export
from pawsight.workflow.finished_runs import evaluate, write_report
from pawsight.workflow.label_doubts import doubts
from pawsight.workflow.merged_shards import merge_shards
from pawsight.workflow.photo_sets import audit, draw_sample, feed, fetch_set
from pawsight.workflow.predicted_blocks import predict_with_workers
from pawsight.workflow.predicted_folders import predict_folder
from pawsight.workflow.sorted_photos import sort, undo_sort
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.tuning import tune
from pawsight.workflow.verification import verify

__all__ = [
    "audit",
    "compare",
    "cross_validate",
    "doubts",
    "draw_sample",
    "evaluate",
    "export",
    "feed",
    "fetch_set",
    "list_runs",
    "load",
    "merge_shards",
    "predict_folder",
    "predict_with_workers",
    "resume",
    "sort",
    "train",
    "tune",
    "undo_sort",
    "verify",
    "write_report",
]
