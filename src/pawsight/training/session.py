"""One training session of a run: plan it, or take up its plan, and train to the end."""

from __future__ import annotations

import time

import keras
import numpy as np

from pawsight import machine
from pawsight.config import TrainConfig
from pawsight.history import Epoch
from pawsight.models.saved import versions
from pawsight.pictures.catalog import Catalog
from pawsight.pictures.reading.lost import TellsOfLost
from pawsight.progress import Progress
from pawsight.records import Pixels
from pawsight.runs import Run, write_json
from pawsight.training import precision, recipe
from pawsight.training.fit import Trainer
from pawsight.training.photos import Portion
from pawsight.training.recipe import Plan

# What the end of a run takes besides looking at its photos: export, figures, report.
_FINISH_SECONDS = 10.0
# However slow the machine is to start, this share of the budget goes into training.
_LEAST_SHARE = 0.5
# The exported model looks at the photos once more, in float32 and on ONNX Runtime.
_EVALUATION_SLOWDOWN = 2.0


def train_run(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    progress: Progress,
    started: float,
) -> keras.Model:
    """Train a run's model to the end of its plan.

    A run that has a plan and a checkpoint goes on with them.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        catalog: Photos with their parts.
        pixels: The pixels of these photos.
        progress: Is told of the plan and of every step.
        started: `time.monotonic()` from which a budget in minutes counts.

    Returns:
        The model, in the precision it was trained in, with its best weights.

    Raises:
        StoppedError: The user stopped it; a checkpoint was written.
        TrainingError: The loss is no number any more.
        DataError: Most of the photos are no longer there.
        DiskError: The pixels kept at ingest are no longer there.
    """
    progress = TellsOfLost(progress, pixels, catalog)
    train, validation = (
        Portion(indices, catalog.labels(indices))
        for indices in (catalog.part("train"), catalog.part("validation"))
    )
    if run.plan_path.is_file():
        plan = Plan.model_validate(run.read_json(run.plan_path))
        trainer = Trainer(plan, pixels, train, validation)
    else:
        plan = recipe.plan(
            config,
            catalog.class_names,
            len(train.indices),
            len(validation.indices),
            precision.choose(config.precision),
            np.bincount(train.labels, minlength=len(catalog.class_names)).tolist(),
        )
        trainer = Trainer(plan, pixels, train, validation)
        minutes = recipe.budget_minutes(config)
        if minutes is not None:
            progress.start("Measuring the speed of this machine")
            num_evaluated = len(validation.indices) + len(catalog.part("test"))
            plan = _fitted(plan, trainer.pace(), minutes * 60, started, num_evaluated)
        facts = {
            "num_parameters": trainer.model.count_params(),
            "hardware": machine.in_words(),
            "versions": versions(),
        }
        write_json(run.plan_path, plan.model_dump(mode="json") | facts)
    progress.note(f"Plan: {plan.model}, {plan.in_words()}.")
    progress.note(_kept(trainer.fit(plan, run, progress)))
    return trainer.model


def _kept(history: list[Epoch]) -> str:
    """Say which epoch became the model, and why."""
    best = next(row for row in history if row.is_best)
    balanced = best.validation_balanced_accuracy
    return (
        f"Keeping epoch {best.epoch} of {len(history)}, the best in validation: "
        + (f"balanced accuracy {balanced:.1%}, " if balanced is not None else "")
        + f"{best.validation_accuracy:.1%} right."
    )


def _fitted(
    plan: Plan, rates: tuple[float, float], seconds: float, started: float, num_evaluated: int
) -> Plan:
    """Shorten a plan to what a budget leaves for training.

    Args:
        plan: As long as the photos are worth.
        rates: (training, validation) images per second, as measured.
        seconds: The budget.
        started: `time.monotonic()` from which it counts.
        num_evaluated: Photos that the exported model looks at in the end.
    """
    train_rate, validation_rate = rates
    left = seconds - (time.monotonic() - started) - _FINISH_SECONDS
    left -= num_evaluated * _EVALUATION_SLOWDOWN / validation_rate
    left = max(left, seconds * _LEAST_SHARE)
    return recipe.shortened(plan, left, train_rate, validation_rate)
