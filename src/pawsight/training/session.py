"""One training session of a run: plan it, or take up its plan, and train to the end."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import keras
import numpy as np

from pawsight import machine
from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.reading.unreadable import TellsOfLost
from pawsight.errors import TrainingError
from pawsight.history import Epoch
from pawsight.models.model_files import versions
from pawsight.progress import Progress
from pawsight.records import Pixels
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.training import budget, precision, recipe
from pawsight.training.photos import Portion
from pawsight.training.plan import Plan, load_plan
from pawsight.training.start import Start
from pawsight.training.step_timing import Speed
from pawsight.training.trainer import Trainer

# What the end of a run takes besides looking at its photos, where nothing else runs: export,
# figures, report.
_FINISH_SECONDS = 6.0
# On a busy machine it takes longer, by what building the model took beyond its processor time.
_MOST_CROWDED = 3.0
# However slow the machine is to start, this share of the budget goes into training.
_LEAST_SHARE = 0.1
# With less than this share, the user is told.
_SMALL_SHARE = 0.4
# The exported model looks at the photos once more, in float32 and on ONNX Runtime.
_EVALUATION_SLOWDOWN = 1.3
# Share of the budget in which the speed is measured, at each size; and the most seconds.
_MEASURED = 0.008
_MOST_MEASURED_SECONDS = 2.0
# What is aimed at, so that a budget is rather kept than used up.
_AIM = 0.975


class OutOfTimeError(TrainingError):
    """A budget leaves no time to improve a network that is good for use as it is."""


def train_run(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    progress: Progress,
    started: float,
    start: Start | None = None,
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
        start: The network to go on from; None builds a fresh one.

    Returns:
        The model, in the precision it was trained in, with its best weights.

    Raises:
        StoppedError: The user stopped it; a checkpoint was written.
        TrainingError: The loss is no number any more.
        OutOfTimeError: There is a start, and the budget leaves no time to improve it.
        DataError: Most of the photos are no longer there.
        DiskError: The pixels kept at ingest are no longer there.
    """
    progress = TellsOfLost(progress, pixels, catalog)
    train, validation = (
        Portion(indices, catalog.labels(indices))
        for indices in (catalog.part("train"), catalog.part("validation"))
    )
    if run.plan_path.is_file():
        plan = load_plan(run)
        trainer = Trainer(plan, pixels, train, validation, start=start)
    else:
        trainer = _begun(
            run, config, catalog, pixels, (train, validation), progress, started, start
        )
        plan = trainer.plan
    progress.note(f"Plan: {plan.model}, {plan.in_words()}.")
    history = trainer.fit(plan, run, progress)
    if trainer.limit is not None:
        progress.note(f"Training was limited by: {trainer.limit}.")
        write_json(run.plan_path, run.read_json(run.plan_path) | {"limited_by": trainer.limit})
    progress.note(_kept(history))
    return trainer.model


def _begun(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    portions: tuple[Portion, Portion],
    progress: Progress,
    started: float,
    start: Start | None,
) -> Trainer:
    """Build a model and decide its plan, which is written into the run folder."""
    train, validation = portions
    clock, busy = time.monotonic(), time.process_time()
    plan = recipe.plan(
        config,
        catalog.class_names,
        len(train.indices),
        len(validation.indices),
        start.precision if start else precision.choose(config.precision),
        np.bincount(train.labels, minlength=len(catalog.class_names)).tolist(),
    )
    trainer = Trainer(plan, pixels, train, validation, start=start)
    crowding = (time.monotonic() - clock) / max(1e-3, time.process_time() - busy)
    finish_seconds = start.finish_seconds if start else _FINISH_SECONDS
    finish_seconds *= min(_MOST_CROWDED, max(1.0, crowding))
    if plan.minutes is not None:
        progress.start("Measuring the speed of this machine")
        num_evaluated = len(validation.indices) + len(catalog.part("test"))
        speed = Speed(trainer, min(_MOST_MEASURED_SECONDS, _MEASURED * 60 * plan.minutes))
        charged = _Charged(started, finish_seconds, num_evaluated)
        plan = _fitted(plan, config, speed, charged, progress, is_started=start is not None)
    else:
        plan = recipe.sized(plan, config, plan.epochs)
    facts = {
        "num_parameters": trainer.model.count_params(),
        "hardware": machine.in_words(),
        "versions": versions(),
    }
    if start is not None:
        facts |= start.facts
    write_json(run.plan_path, plan.model_dump(mode="json") | facts)
    trainer.plan = plan
    return trainer


def _kept(history: list[Epoch]) -> str:
    """Say which epoch became the model, and why."""
    best = next(row for row in history if row.is_best)
    if best.step == 0:
        return "Keeping the network as it was before: nothing after scored higher in validation."
    balanced = best.validation_balanced_accuracy
    return (
        f"Keeping epoch {best.epoch} of {history[-1].epoch}, the best in validation: "
        + (f"balanced accuracy {balanced:.1%}, " if balanced is not None else "")
        + f"{best.validation_accuracy:.1%} right."
    )


class _Charged(NamedTuple):
    """What a budget covers besides training."""

    started: float  # `time.monotonic()` from which it counts
    finish_seconds: float  # for export, figures and report
    num_evaluated: int  # photos that the exported model looks at in the end

    def around(self, photo_seconds: float) -> float:
        """Seconds that are gone by now, and that the end takes at so much a photo."""
        gone = time.monotonic() - self.started
        evaluation = self.num_evaluated * _EVALUATION_SLOWDOWN * photo_seconds
        return gone + self.finish_seconds + evaluation


def _fitted(
    plan: Plan,
    config: TrainConfig,
    speed: Speed,
    charged: _Charged,
    progress: Progress,
    is_started: bool,
) -> Plan:
    """Give a plan the sizes and the length that a budget leaves for training.

    Args:
        plan: What was decided from the settings alone.
        config: The settings.
        speed: Measures this machine.
        charged: What else the budget has to cover.
        progress: Is told where the budget is too short to learn much.
        is_started: There is a network to fall back on, so too short a budget is refused.

    Raises:
        OutOfTimeError: It is too short.
    """
    seconds = 60 * (plan.minutes or 0.0)
    # The smallest photos say enough for a choice of sizes: the cost goes with the pixels.
    first = plan.stages[0]
    share = math.prod(first.image_size) / math.prod(plan.image_size)
    epoch_seconds = speed.step_seconds(plan, 0) / share * plan.num_train / plan.batch_size
    left = seconds - charged.around(0.0)
    plan = speed.costed(recipe.sized(plan, config, left / epoch_seconds))
    around = charged.around(budget.last_validation_seconds(plan) / plan.num_validation)
    if is_started and _AIM * seconds - around < budget.least_seconds(plan):
        raise OutOfTimeError(f"{plan.minutes:g} min leave no time for fine-tuning.")
    left = max(_AIM * seconds - around, _LEAST_SHARE * seconds)
    if left < _SMALL_SHARE * seconds:
        progress.note(
            f"{plan.minutes:g} min is short: about {around:.0f} s go into starting and into "
            f"looking at the result. Give more --minutes for a better model."
        )
    plan = plan.model_copy(update={"finish_seconds": around - (time.monotonic() - charged.started)})
    return budget.fitted(plan, left)
