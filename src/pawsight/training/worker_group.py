"""The interface of worker processes that train a run together; `workflow` starts them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, ClassVar, Protocol

from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.data.reading.batch import Batch
from pawsight.data.reading.workers import Result
from pawsight.errors import ConfigError
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run

Lost = Callable[[str, Any], None]  # called with a message and the item of a lost worker


class Job(Protocol):
    """The work on items that processes share; picklable, with paths that all machines have."""

    is_single_core: ClassVar[bool]  # whether a worker uses only one core

    def worker(self) -> Callable[[Any], Any]:
        """Return the function from an item to its result; called once in each process."""


class WorkerGroup(Protocol):
    """Processes that train a run, or share the items of a job."""

    count: int
    speedup: float  # expected speed relative to this process alone

    def train(self, run: Run, progress: Progress) -> None:
        """Train a run that has a plan and a checkpoint to the end of its plan.

        Raises:
            StoppedError: The user stopped the training; a checkpoint was written.
            TrainingError: The processes failed repeatedly.
            PawsightError: An error that ended a process.
        """

    def read(self, batches: list[Batch]) -> Generator[Result]:
        """Read batches of photos, and yield them with their results in any order."""

    def run(
        self, job: Job, items: Iterable[Any], lost: Lost | None = None
    ) -> Generator[tuple[Any, Any]]:
        """Yield each item and its result when it is done, in any order; raises PawsightError."""


def check_workers(group: WorkerGroup, config: TrainConfig, dataset: Dataset) -> None:
    """Check that a run can be trained by several processes; raises ConfigError."""
    if find_network(config.model).keeps_keras:
        raise ConfigError(
            "Workers can train only the networks of pawsight, not your own network.\n"
            "Leave --workers or --build out."
        )
    if config.batch_size is not None and config.batch_size % group.count:
        raise ConfigError(
            f"The batch size {config.batch_size} cannot be divided equally among "
            f"{group.count} workers.\nChoose a multiple of {group.count}."
        )
    num_validation = len(dataset.catalog.part("validation"))
    if num_validation < group.count:
        raise ConfigError(
            f"There are {group.count} workers but only {num_validation} validation photos, and "
            f"each worker needs one.\nGive fewer --workers, or more photos."
        )


def divided_batch_size(batch_size: int, group: WorkerGroup) -> int:
    """Return the batch size, rounded up to a multiple of the number of workers."""
    return -(-batch_size // group.count) * group.count
