"""Train a run: decide, build, measure, fix the plan, and train to its end.

A run that was stopped has its plan already, and continues with that.
"""

from __future__ import annotations

import time

import keras

from pawsight import machine
from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.errors import RunError
from pawsight.models.description import versions
from pawsight.models.onnx_convert import check_convertible
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.training import pacing, planning, precision
from pawsight.training.budget_fit import TimeCosts, fit_to_budget
from pawsight.training.candidates import describe_kept
from pawsight.training.custom_components import CustomComponents
from pawsight.training.learner import Learner
from pawsight.training.memory import (
    fitting_batch_size,
    in_gigabytes,
    memory_errors,
    needed_bytes,
    photo_bytes,
)
from pawsight.training.photos import subsets
from pawsight.training.plan import Plan, save_plan
from pawsight.training.precision import Precision
from pawsight.training.time_budget import TimeBudget
from pawsight.training.trainer import Trainer
from pawsight.training.warm_start import EVALUATION_SLOWDOWN, WarmStart
from pawsight.training.worker_group import check_workers, divided_batch_size

# What the end of a run takes besides inference on its photos, on a machine that does nothing
# else: export, figures, report, the features of the out-of-distribution detector.
FINISH_SECONDS = 10.0
# What workers take to start, and to read the list of photos.
_WORKER_SECONDS = 15.0
# On a busy machine it takes longer, by as much as building the model exceeds its processor time.
_MAX_CROWDED = 3.0


def train_run(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    warm_start: WarmStart | None = None,
    own: CustomComponents | None = None,
) -> keras.Model:
    """Train a run's model to the end of its plan.

    A run that has a plan and a checkpoint continues with them.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        dataset: Photos with their parts.
        budget: The time that is left; used where no plan was made yet.
        progress: Receives the plan and every step.
        warm_start: The network to start from; None builds one with random weights.
        own: The user's own optimizer, metrics and callbacks, and the workers.

    Returns:
        The model, in the precision it was trained in, with its best weights.

    Raises:
        StoppedError: The user stopped it; a checkpoint was written.
        TrainingError: It diverged with lower and lower learning rates, too.
        OutOfTimeError: There is a warm start, and the budget leaves no time to improve it.
        DataError: Most of the photos are no longer there.
        DiskError: The pixels kept at ingest are no longer there.
        RunError: The run has a plan of another kind.
        ModelError: The network cannot be written as ONNX.
        ConfigError: Several workers cannot train it.
    """
    workers = own.workers if own is not None else None
    if workers is not None:
        check_workers(workers, config, dataset)
    if run.plan_path.is_file():
        plan = _saved_plan(run, warm_start, own)
        learner = _build(plan, dataset, warm_start, own)
    else:
        plan, learner = _begin(config, dataset, budget, progress, warm_start, own)
        save_plan(run, plan)
    progress.note(f"Plan: {plan.model}, {plan.describe()}.")
    with memory_errors(plan):
        if workers is not None:
            Trainer(learner, plan).begin(run, progress)
            workers.train(run, progress)
            plan = pacing.load_followed_plan(run)
        progress.note(describe_kept(Trainer(learner, plan).fit(run, progress), plan))
    return learner.model


def _saved_plan(run: Run, warm_start: WarmStart | None, own: CustomComponents | None) -> Plan:
    """Load the plan of a run that continues, which must begin with what it began with."""
    plan = pacing.load_followed_plan(run)
    if warm_start is not None and plan.weights != warm_start.weights:
        raise RunError(
            f"The weights that {run.path} began with have changed since.\n"
            f"Bring them back as they were, or start a new run."
        )
    if plan.optimizer == "own" and (own is None or own.optimizer is None):
        raise RunError(
            f"{run.path} began with an optimizer of your own.\nGive it again: "
            f"pawsight.resume(..., optimizer=...)."
        )
    return plan


def _build(
    plan: Plan, dataset: Dataset, warm_start: WarmStart | None, own: CustomComponents | None
) -> Learner:
    train, validation = subsets(dataset)
    return Learner(plan, dataset.pixels, train, validation, warm_start, own)


def _begin(
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    warm_start: WarmStart | None,
    own: CustomComponents | None,
) -> tuple[Plan, Learner]:
    """Decide what the settings decide, build the network, measure it, and fix the plan."""
    clock, busy = time.monotonic(), time.process_time()
    decided = _decided(config, dataset, warm_start, own)
    workers = own.workers if own is not None else None
    if workers is not None:
        size = divided_batch_size(decided.batch_size, workers)
        config = config.model_copy(update={"batch_size": size})
        decided = _decided(config, dataset, warm_start, own)
    learner = _build(decided, dataset, warm_start, own)
    per_photo = photo_bytes(learner.model, decided)
    batch_size = fitting_batch_size(
        learner.model, decided, per_photo, is_chosen=config.batch_size is not None
    )
    if batch_size != decided.batch_size:
        progress.note(f"Batches of {batch_size}, not {decided.batch_size}: more exceed the memory.")
        smaller = config.model_copy(update={"batch_size": batch_size})
        decided = _decided(smaller, dataset, warm_start, own)
        learner = _build(decided, dataset, warm_start, own)
    needed = needed_bytes(learner.model, decided, per_photo)
    progress.note(f"Training needs about {in_gigabytes(needed)} of memory.")
    if warm_start is None:  # else its features are an ONNX file already
        check_convertible(learner.model)
    crowding = (time.monotonic() - clock) / max(1e-3, time.process_time() - busy)
    if decided.minutes is None:
        plan = planning.sized(decided, config, decided.epochs)
    else:
        finish_seconds = warm_start.finish_seconds if warm_start else FINISH_SECONDS
        progress.start("Measuring the speed of this machine")
        charged = TimeCosts(
            budget,
            (finish_seconds + (_WORKER_SECONDS if workers else 0.0))
            * min(_MAX_CROWDED, max(1.0, crowding)),
            len(dataset.catalog.part("validation")) + len(dataset.catalog.part("test")),
            warm_start.evaluation_slowdown if warm_start else EVALUATION_SLOWDOWN,
            workers.speedup if workers else 1.0,
        )
        with memory_errors(decided):
            plan = fit_to_budget(decided, config, learner, charged, progress)
    facts = {
        "num_parameters": learner.model.count_params(),
        "hardware": machine.describe(),
        "versions": versions(),
        "weights": warm_start.weights if warm_start else None,
        "head_strength": warm_start.head_strength if warm_start else None,
        "num_head_photos": warm_start.num_head_photos if warm_start else None,
        "second_seconds": warm_start.second_seconds if warm_start else None,
    }
    return plan.model_copy(update=facts), learner


def _decided(
    config: TrainConfig,
    dataset: Dataset,
    warm_start: WarmStart | None,
    own: CustomComponents | None,
) -> Plan:
    """Return what the settings and the photos decide."""
    catalog = dataset.catalog
    train, validation = catalog.part("train"), catalog.part("validation")
    plan = planning.plan(
        config,
        catalog.class_names,
        len(train),
        len(validation),
        warm_start.precision if warm_start else precision_of(config),
        catalog.task.counts(catalog.labels(train), len(catalog.class_names)).tolist(),
    )
    plan = plan.model_copy(update=own.plan_of_optimizer() if own is not None else {})
    if warm_start is None or warm_start.error is None:
        return plan
    return smoothed_at_most(plan, warm_start.error)


def smoothed_at_most(plan: Plan, share: float) -> Plan:
    """Return the plan with label smoothing of at most a share of the target.

    More than the share of photos that the initial weights get wrong would move all weights at
    once only to make right answers less sure (benchmarks/auto/LOG.md).
    """
    smoothing = min(plan.label_smoothing, share)
    return plan.model_copy(update={"label_smoothing": smoothing})


def precision_of(config: TrainConfig) -> Precision:
    """Return the number format of a network that is trained from scratch."""
    if find_network(config.model).keeps_keras:
        return Precision("float32", "as your own network computes")
    return precision.choose(config.precision)
