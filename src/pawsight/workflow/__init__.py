"""The way of the photos, from folders to a classifier: each function is one thing a user does.

Everything here only calls the rooms below, in order:

    photo_sets        look at photos, divide them, feed them: no model yet
    training_runs     from photos to a finished run; go on with one
    finished_runs     load, measure and describe what training left
    cross_validation  a run per fold
    exports           a model in other formats, compared with the model
    sorted_photos     put a photo library in order by what a model says

TensorFlow is imported where training begins, so that auditing, predicting and
reporting do without it.
"""

from pawsight.inference.classifier import load
from pawsight.workflow.cross_validation import cross_validate
from pawsight.workflow.exports import export
from pawsight.workflow.finished_runs import evaluate, write_report
from pawsight.workflow.photo_sets import audit, draw_sample, feed, fetch_set
from pawsight.workflow.sorted_photos import sort, undo_sort
from pawsight.workflow.training_runs import resume, train

__all__ = [
    "audit",
    "cross_validate",
    "draw_sample",
    "evaluate",
    "export",
    "feed",
    "fetch_set",
    "load",
    "resume",
    "sort",
    "train",
    "undo_sort",
    "write_report",
]
