"""Train a run: build the network, measure its speed, save the plan, and follow it to its end.

A run that was stopped continues with its saved plan.
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
from pawsight.training.mirroring import num_evaluated
from pawsight.training.photos import subsets
from pawsight.training.plan import Plan, save_plan
from pawsight.training.precision import Precision
from pawsight.training.time_budget import TimeBudget
from pawsight.training.trainer import Trainer
from pawsight.training.warm_start import EVALUATION_SLOWDOWN, WarmStart
from pawsight.training.worker_group import check_workers, divided_batch_size

# Seconds after training, besides inference on photos, on an idle machine: export, figures, report,
# features of the out-of-distribution detector.
FINISH_SECONDS = 10.0
# Seconds in which workers start and read the list of photos.
_WORKER_SECONDS = 15.0
# A busy machine takes longer for both. The factor is the elapsed time of building the model divided
# by its CPU time, but at most this.
_MAX_LOAD = 3.0


def train_run(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    warm_start: WarmStart | None = None,
    components: CustomComponents | None = None,
) -> keras.Model:
    """Train a run's model to the end of its plan.

    A run that has a plan and a checkpoint continues with them.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        dataset: Photos with their parts.
        budget: The remaining time, for a run without a plan.
        progress: Receives the plan and every step.
        warm_start: The network to start from; None builds one with random weights.
        components: The user's optimizer, metrics and callbacks, and the workers.

    Returns:
        The model with its best weights, in the precision of the training.

    Raises:
        StoppedError: The user stopped the training; a checkpoint was written.
        TrainingError: Training diverged, also with lower learning rates.
        OutOfTimeError: The budget leaves no time to improve a warm start.
        DataError: Most of the photos can no longer be read.
        DiskError: The stored pixels do not exist any more.
        RunError: The run has a plan of another kind, or began with other weights.
        ModelError: The network cannot be written as ONNX.
        ConfigError: The workers cannot train this network or these photos.
    """
    workers = components.workers if components is not None else None
    if workers is not None:
        check_workers(workers, config, dataset)
    if run.plan_path.is_file():
        plan = _saved_plan(run, warm_start, components)
        learner = _build(plan, dataset, warm_start, components)
    else:
        plan, learner = _begin(config, dataset, budget, progress, warm_start, components)
        save_plan(run, plan)
    progress.note(f"Plan: {plan.model}, {plan.describe()}.")
    with memory_errors(plan):
        if workers is not None:
            Trainer(learner, plan).begin(run, progress)
            workers.train(run, progress)
            plan = pacing.load_followed_plan(run)
        progress.note(describe_kept(Trainer(learner, plan).fit(run, progress), plan))
    return learner.model


def _saved_plan(
    run: Run, warm_start: WarmStart | None, components: CustomComponents | None
) -> Plan:
    """Load the plan of a run that continues, and check its weights and its optimizer."""
    plan = pacing.load_followed_plan(run)
    if warm_start is not None and plan.weights != warm_start.weights:
        raise RunError(
            f"The weights that {run.path} began with have changed since.\n"
            f"Restore the earlier weights, or start a new run."
        )
    if plan.optimizer == "own" and (components is None or components.optimizer is None):
        raise RunError(
            f"{run.path} began with your own optimizer.\nPass it again: "
            f"pawsight.resume(..., optimizer=...)."
        )
    return plan


def _build(
    plan: Plan, dataset: Dataset, warm_start: WarmStart | None, components: CustomComponents | None
) -> Learner:
    train, validation = subsets(dataset)
    return Learner(plan, dataset.pixels, train, validation, warm_start, components)


def _begin(
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    warm_start: WarmStart | None,
    components: CustomComponents | None,
) -> tuple[Plan, Learner]:
    """Plan a new run, build its network, and fit the plan to the memory and the time budget."""
    started, cpu_started = time.monotonic(), time.process_time()
    plan = _initial_plan(config, dataset, warm_start, components)
    workers = components.workers if components is not None else None
    if workers is not None:
        size = divided_batch_size(plan.batch_size, workers)
        config = config.model_copy(update={"batch_size": size})
        plan = _initial_plan(config, dataset, warm_start, components)
    learner = _build(plan, dataset, warm_start, components)
    per_photo = photo_bytes(learner.model, plan)
    batch_size = fitting_batch_size(
        learner.model, plan, per_photo, is_chosen=config.batch_size is not None
    )
    if batch_size != plan.batch_size:
        progress.note(f"Batches of {batch_size}, not {plan.batch_size}: more exceed the memory.")
        smaller = config.model_copy(update={"batch_size": batch_size})
        plan = _initial_plan(smaller, dataset, warm_start, components)
        learner = _build(plan, dataset, warm_start, components)
    needed = needed_bytes(learner.model, plan, per_photo)
    progress.note(f"Training needs about {in_gigabytes(needed)} of memory.")
    if warm_start is None:  # a network with weights was converted for its features
        check_convertible(learner.model)
    load = (time.monotonic() - started) / max(1e-3, time.process_time() - cpu_started)
    if plan.minutes is None:
        plan = planning.sized(plan, config, plan.epochs)
    else:
        finish_seconds = warm_start.finish_seconds if warm_start else FINISH_SECONDS
        progress.start("Measuring the speed of this machine")
        costs = TimeCosts(
            budget,
            (finish_seconds + (_WORKER_SECONDS if workers else 0.0))
            * min(_MAX_LOAD, max(1.0, load)),
            num_evaluated(config, find_network(config.model), plan, dataset.catalog),
            warm_start.evaluation_slowdown if warm_start else EVALUATION_SLOWDOWN,
            workers.speedup if workers else 1.0,
        )
        with memory_errors(plan):
            plan = fit_to_budget(plan, config, learner, costs, progress)
    facts = {
        "num_parameters": learner.model.count_params(),
        "hardware": machine.describe(),
        "versions": versions(),
    }
    if warm_start is not None:
        names = ("weights", "head_strength", "num_head_photos", "second_seconds")
        facts |= {name: getattr(warm_start, name) for name in names}
    return plan.model_copy(update=facts), learner


def _initial_plan(
    config: TrainConfig,
    dataset: Dataset,
    warm_start: WarmStart | None,
    components: CustomComponents | None,
) -> Plan:
    """Return the plan that follows from the settings and the photos, before any measurement."""
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
    plan = plan.model_copy(update=components.plan_of_optimizer() if components is not None else {})
    if warm_start is None or warm_start.error is None:
        return plan
    return smoothed_at_most(plan, warm_start.error)


def smoothed_at_most(plan: Plan, share: float) -> Plan:
    """Return the plan with label smoothing of at most a share of the target.

    Smoothing above the error rate of the initial weights would change all weights at once, only
    to lower the probabilities of correct predictions (benchmarks/auto/LOG.md).
    """
    smoothing = min(plan.label_smoothing, share)
    return plan.model_copy(update={"label_smoothing": smoothing})


def precision_of(config: TrainConfig) -> Precision:
    """Return the number format of a network that is trained from scratch."""
    if find_network(config.model).keeps_keras:
        return Precision("float32", "as your own network computes")
    return precision.choose(config.precision)
