"""A second network from scratch beside the fine-tuned one, and their average where it pays.

What each is trained from differs, so they err on different photos. The second gets a share of
the minutes, a plan, a history and checkpoints of its own in the run folder; both are deterministic,
so a run that was killed ends with the same average. What was measured: benchmarks/auto/LOG.md.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from pawsight.class_weights import is_imbalanced
from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.data.reading.stream import is_lost
from pawsight.errors import TrainingError
from pawsight.evaluation.calibration import fit_label_temperature, fit_temperature
from pawsight.models import averaged, swift
from pawsight.models.network import Network
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import FloatArray, IntArray
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import Task
from pawsight.training.average_choice import AverageChoice, Scores
from pawsight.training.candidates import kept_size
from pawsight.training.head_fit import HeadFit
from pawsight.training.photos import subsets
from pawsight.training.plan import Plan, load_plan
from pawsight.training.planning import budget_minutes
from pawsight.training.score import score
from pawsight.training.session import train_run
from pawsight.training.time_budget import TimeBudget

# Of the minutes that the run may take, for the second network.
_SHARE = 0.4
# A shorter training from scratch teaches too little to be worth an average.
_MIN_SECONDS = 150.0
# Where the fitted head is wrong on fewer photos, a network from scratch is no match for it.
_MIN_ERROR = 0.05
_BATCH_SIZE = 64
# The average must have the lower log loss by so many standard errors of the paired difference:
# one-sided 95 %.
_CRITICAL = 1.645


def second_seconds(config: TrainConfig, fitted: HeadFit) -> float | None:
    """Return the seconds that a second network gets, or None where none is trained.

    Args:
        config: The settings; a second network is for model "auto" with a budget in minutes.
        fitted: The head that fine-tuning starts from.
    """
    minutes = budget_minutes(config)
    if config.finetune != "auto" or minutes is None or config.target_accuracy is not None:
        return None
    error = 1 - fitted.score(fitted.validation).accuracy
    seconds = _SHARE * 60 * minutes
    return seconds if error >= _MIN_ERROR and seconds >= _MIN_SECONDS else None


def averaged_with_second(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    model: keras.Model,
    budget: TimeBudget,
    progress: Progress,
) -> keras.Model:
    """Train the second network of a run, and return the average of both, or `model`.

    Args:
        run: The run, with the plan of the first network.
        config: The settings of the run.
        dataset: Photos with their parts.
        model: The fine-tuned network with its best weights.
        budget: The time that is left.
        progress: Receives every stage, and which model is kept.

    Raises:
        StoppedError, DataError, DiskError, RunError: As `session.train_run`.
    """
    plan = load_plan(run)
    if not isinstance(plan, Plan) or plan.second_seconds is None:
        return model
    second_run = Run(run.second_dir)
    settings = _settings(config, plan, budget)
    progress.note(
        "Training a second network from scratch, to average with the first where that pays."
    )
    photos = dataset.at_size(_second_size(config))
    try:
        second = train_run(second_run, settings, photos, TimeBudget(settings.minutes), progress)
    except TrainingError as error:  # it must not cost the model that there is
        progress.note(f"The second network is left out: {error}")
        return model
    options = {"swift_size": list(kept_size(second_run)), "factors": [0.5, 0.5]}
    whole = averaged.NETWORK.with_options(options).build(len(plan.class_names), kept_size(run))
    _fill(whole, model, second)
    logits = _logits(whole, dataset.at_size(kept_size(run)), progress)
    choice = choose(logits, dataset.catalog.task, kept_size(second_run))
    progress.note(choice.in_words())
    write_json(run.averaging_path, choice.model_dump(mode="json"))
    if not choice.is_kept:
        return model
    whole = averaged.NETWORK.with_options(choice.options).build(
        len(plan.class_names), kept_size(run)
    )
    _fill(whole, model, second)
    return whole


def network_of(run: Run, model: str) -> Network:
    """Return the network that the trained model of a run is: the average, or that of its name.

    Raises:
        RunError: The comparison of a run with two networks is damaged.
    """
    choice = AverageChoice.load(run)
    if choice is None or not choice.is_kept:
        return find_network(model)
    return averaged.NETWORK.with_options(choice.options)


def _second_size(config: TrainConfig) -> tuple[int, int]:
    """Return (height, width) in pixels of the second network's photos; none is enlarged."""
    height, width = swift.NETWORK.image_size
    wanted = config.image_size or (height, width)
    return min(height, wanted[0]), min(width, wanted[1])


def _settings(config: TrainConfig, plan: Plan, budget: TimeBudget) -> TrainConfig:
    """Return the settings of the second network: as many epochs, or the minutes that are left."""
    changed = {
        "model": swift.NETWORK.name,
        "finetune": False,
        "weights": None,
        "start_from": None,
        "batch_size": None,
        "learning_rate": None,
        "image_size": _second_size(config),
    }
    if plan.minutes is not None and plan.second_seconds is not None:
        left = 60 * plan.minutes - plan.finish_seconds - budget.spent_seconds
        seconds = max(_MIN_SECONDS / 2, min(plan.second_seconds, left))
        changed["minutes"] = round(seconds / 60, 1)
    return config.model_copy(update=changed)


def _fill(whole: keras.Model, first: keras.Model, second: keras.Model) -> None:
    for member, trained in zip(averaged.members(whole), (first, second), strict=True):
        member.set_weights(trained.get_weights())


class Logits(NamedTuple):
    """The logits of both networks for the same photos, and the truth."""

    first: FloatArray  # [N, K]
    second: FloatArray  # [N, K]
    labels: IntArray  # [N], of several labels [N, K]


def choose(logits: Logits, task: Task, second_size: tuple[int, int]) -> AverageChoice:
    """Compare the first network with the average on photos that neither learnt from.

    Args:
        logits: Of the validation photos.
        task: One class or several labels a photo.
        second_size: (height, width) in pixels of the second network's images.
    """
    fit = fit_label_temperature if task.is_multi_label else fit_temperature
    halves = [0.5 / fit(one, logits.labels) for one in logits[:2]]
    first, second = (half * one for half, one in zip(halves, logits[:2], strict=True))
    candidates = 2 * first, 2 * second, first + second
    is_balanced = is_imbalanced(task.counts(logits.labels, 0).tolist())
    scored = [score(one, logits.labels, task) for one in candidates]
    scores = [
        Scores(accuracy=one.balanced_accuracy if is_balanced else one.accuracy, log_loss=one.loss)
        for one in scored
    ]
    before, after = (task.log_losses(candidates[i], logits.labels) for i in (0, 2))
    gains = before - after
    margin = _CRITICAL * float(np.std(gains)) / np.sqrt(max(1, len(gains) - 1))
    return AverageChoice(
        first=scores[0],
        second=scores[1],
        average=scores[2],
        num_photos=len(gains),
        accuracy_title=f"{'balanced ' if is_balanced else ''}{task.accuracy_title}",
        is_kept=bool(gains.mean() > margin and scores[2].accuracy >= scores[0].accuracy),
        options={"swift_size": list(second_size), "factors": halves},
    )


def _logits(whole: keras.Model, dataset: Dataset, progress: Progress) -> Logits:
    """Run both networks on the validation photos; lost photos are left out."""
    pair = keras.Model(whole.input, [one.output for one in averaged.members(whole)])
    _, validation = subsets(dataset)
    progress.start("Comparing the two networks", len(validation.indices), "photos")
    rows: list[tuple[FloatArray, ...]] = []
    for start in range(0, len(validation.indices), _BATCH_SIZE):
        indices = validation.indices[start : start + _BATCH_SIZE]
        rows.append(pair.predict_on_batch(dataset.pixels.read(indices).astype(np.float32)))
        progress.advance(len(indices))
    first, second = (np.concatenate(one) for one in zip(*rows, strict=True))
    is_there = ~is_lost(dataset.pixels, validation.indices)
    return Logits(first[is_there], second[is_there], validation.labels[is_there])
