"""Measure a run's model on the run's own photos, and calibrate it on the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pawsight.class_weights import is_imbalanced
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import straddling
from pawsight.data.reading.unreadable import TellsOfLost, lost_rows
from pawsight.evaluation.calibration import fit_temperature
from pawsight.evaluation.metrics import save_evaluation
from pawsight.evaluation.predictions import Classify, collect
from pawsight.probabilities import softmax
from pawsight.progress import Progress
from pawsight.records import Part, Pixels
from pawsight.runs import Run
from pawsight.storage.atomic import write_json


def evaluate_run(
    run: Run,
    logits: Classify,
    catalog: Catalog,
    pixels: Pixels,
    copies: Sequence[Sequence[int]],
    progress: Progress,
) -> dict[str, Any]:
    """Measure the validation part and, if there is one, the test part: each photo once.

    The temperature is fitted on the validation part and written into
    model.json; all that is measured and saved is calibrated with it. It is
    fitted on these photos as they are: a model trained with class weights gives
    its probabilities as if the classes were equally frequent, and one number
    for all classes cannot and should not undo that.

    Args:
        run: A run with its model in it; its evaluation is written.
        logits: The model: uint8 images [N, H, W, 3] to logits [N, K].
        catalog: The run's photos with their parts.
        pixels: The pixels of these photos.
        copies: Groups of them that show the same picture.
        progress: Is told of every batch.

    Returns:
        What metrics.json then holds.
    """
    parts: list[Part] = ["validation", "test"] if len(catalog.part("test")) else ["validation"]
    # Gathered as logits: they become probabilities once the temperature is known.
    progress = TellsOfLost(progress, pixels, catalog)
    found = {part: collect(logits, pixels, catalog, part, progress) for part in parts}
    temperature = fit_temperature(found["validation"].probs, found["validation"].labels)
    write_json(run.model_path, run.read_json(run.model_path) | {"temperature": temperature})
    calibrated = {
        part: dataclasses.replace(one, probs=softmax(one.probs, temperature))
        for part, one in found.items()
    }
    trained_on = catalog.labels(catalog.part("train"))
    return save_evaluation(
        run,
        calibrated,
        temperature,
        len(straddling(catalog, copies)),
        is_imbalanced(np.bincount(trained_on).tolist()),
        lost_rows(pixels, catalog),
    )
