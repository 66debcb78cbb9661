"""Train a second network from scratch, and average it with the fine-tuned one if that is better.

Both start from different weights, so they make mistakes on different photos. The second network
gets a share of the minutes, and its own plan, history and checkpoints in the run folder. Both
trainings are deterministic, so a killed run ends with the same average.
Measurements: benchmarks/auto/LOG.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np

from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.data.reading.stream import is_lost
from pawsight.errors import TrainingError
from pawsight.models import averaged, swift
from pawsight.models.network import Network
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import FloatArray, IntArray
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import Task
from pawsight.training.average_choice import AverageChoice
from pawsight.training.candidates import kept_size
from pawsight.training.head_fit import HeadFit
from pawsight.training.paired_scores import (
    accuracy_title,
    is_lower_loss,
    scores_of,
    temperature_of,
)
from pawsight.training.photos import subsets
from pawsight.training.plan import Plan, load_plan
from pawsight.training.planning import budget_minutes
from pawsight.training.session import train_run
from pawsight.training.time_budget import TimeBudget

# Share of the run's minutes for the second network.
_SHARE = 0.4
# After a shorter training from scratch, the second network does not improve the average.
_MIN_SECONDS = 150.0
# Below this error of the fitted head, a network from scratch is not good enough for an average.
_MIN_ERROR = 0.05
_BATCH_SIZE = 64


def second_seconds(config: TrainConfig, fitted: HeadFit) -> float | None:
    """Return the seconds for training a second network, or None if none is trained.

    Args:
        config: The settings. A second network needs `finetune="auto"` and a budget in minutes.
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
    """Train the second network of a run; return the average of both if it is better, else `model`.

    Args:
        run: The run, with the plan of the first network.
        config: The settings of the run.
        dataset: Photos with their parts.
        model: The fine-tuned network with its best weights.
        budget: The remaining time.
        progress: Receives every stage, and which model is kept.

    Raises:
        StoppedError, DataError, DiskError, RunError: As `session.train_run`.
    """
    plan = load_plan(run)
    if not isinstance(plan, Plan) or plan.second_seconds is None:
        return model
    second_run = Run(run.second_dir)
    settings = _settings(config, plan, budget)
    progress.note("Training a second network from scratch, to average it with the first.")
    photos = dataset.at_size(_second_size(config))
    try:
        second = train_run(second_run, settings, photos, TimeBudget(settings.minutes), progress)
    except TrainingError as error:  # the first network is a complete model
        progress.note(f"The second network is left out: {error}")
        return model
    num_classes, size = len(plan.class_names), kept_size(run)
    options = {"swift_size": list(kept_size(second_run)), "factors": [0.5, 0.5]}
    average = _build_average(options, num_classes, size, model, second)
    logits = _logits(average, dataset.at_size(size), progress)
    choice = choose(logits, dataset.catalog.task, kept_size(second_run))
    progress.note(choice.in_words())
    write_json(run.averaging_path, choice.model_dump(mode="json"))
    if not choice.is_kept:
        return model
    return _build_average(choice.options, num_classes, size, model, second)


def network_of(run: Run, model: str) -> Network:
    """Return the network of a run's trained model: the average, or the network named `model`.

    Raises:
        RunError: The comparison of a run with two networks is damaged.
    """
    choice = AverageChoice.load(run)
    if choice is None or not choice.is_kept:
        return find_network(model)
    return averaged.NETWORK.with_options(choice.options)


def _second_size(config: TrainConfig) -> tuple[int, int]:
    """Return (height, width) in pixels of the second network: its default, or less if set."""
    height, width = swift.NETWORK.image_size
    max_height, max_width = config.image_size or (height, width)
    return min(height, max_height), min(width, max_width)


def _settings(config: TrainConfig, plan: Plan, budget: TimeBudget) -> TrainConfig:
    """Return the settings of the second network, with the remaining time as its minutes."""
    changed = {
        "model": swift.NETWORK.name,
        "finetune": False,
        "weights": None,
        "start_from": None,
        "batch_size": None,
        "learning_rate": None,
        "image_size": _second_size(config),
        "average_mirrored": "none",  # decided once, of the average
    }
    if plan.minutes is not None and plan.second_seconds is not None:
        left = 60 * plan.minutes - plan.finish_seconds - budget.spent_seconds
        seconds = max(_MIN_SECONDS / 2, min(plan.second_seconds, left))
        changed["minutes"] = round(seconds / 60, 1)
    return config.model_copy(update=changed)


def _build_average(
    options: dict[str, Any],
    num_classes: int,
    image_size: tuple[int, int],
    first: keras.Model,
    second: keras.Model,
) -> keras.Model:
    """Build the averaged network with the weights of its two members."""
    average = averaged.NETWORK.with_options(options).build(num_classes, image_size)
    for member, trained in zip(averaged.members(average), (first, second), strict=True):
        member.set_weights(trained.get_weights())
    return average


class Logits(NamedTuple):
    """The logits of both networks for the same photos, and the labels."""

    first: FloatArray  # [N, K]
    second: FloatArray  # [N, K]
    labels: IntArray  # [N]; of multi-label photos [N, K]


def choose(logits: Logits, task: Task, second_size: tuple[int, int]) -> AverageChoice:
    """Compare the first network with the average on photos that neither was trained on.

    Args:
        logits: Of the validation photos.
        task: Whether photos have one class or several labels.
        second_size: (height, width) in pixels of the second network's images.
    """
    networks = logits.first, logits.second
    factors = [0.5 / temperature_of(network, logits.labels, task) for network in networks]
    first, second = (factor * network for factor, network in zip(factors, networks, strict=True))
    candidates = 2 * first, 2 * second, first + second
    scores = [scores_of(candidate, logits.labels, task) for candidate in candidates]
    is_lower = is_lower_loss(candidates[0], candidates[2], logits.labels, task)
    return AverageChoice(
        first=scores[0],
        second=scores[1],
        average=scores[2],
        num_photos=len(logits.labels),
        accuracy_title=accuracy_title(logits.labels, task),
        is_kept=is_lower and scores[2].accuracy >= scores[0].accuracy,
        options={"swift_size": list(second_size), "factors": factors},
    )


def _logits(average: keras.Model, dataset: Dataset, progress: Progress) -> Logits:
    """Run both members of an average on the validation photos; lost photos are left out."""
    members = averaged.members(average)
    pair = keras.Model(average.input, [member.output for member in members])
    _, validation = subsets(dataset)
    progress.start("Comparing the two networks", len(validation.indices), "photos")
    rows: list[tuple[FloatArray, ...]] = []
    for start in range(0, len(validation.indices), _BATCH_SIZE):
        indices = validation.indices[start : start + _BATCH_SIZE]
        rows.append(pair.predict_on_batch(dataset.pixels.read(indices).astype(np.float32)))
        progress.advance(len(indices))
    first, second = (np.concatenate(batches) for batches in zip(*rows, strict=True))
    is_readable = ~is_lost(dataset.pixels, validation.indices)
    return Logits(first[is_readable], second[is_readable], validation.labels[is_readable])
