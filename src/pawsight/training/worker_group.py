"""What a run needs of the processes that train it together; `workflow` starts them."""

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

Lost = Callable[[str, Any], None]  # receives how a worker was lost, in words, and its item


class Job(Protocol):
    """What is done with items that processes share; picklable, with paths of every machine."""

    is_single_core: ClassVar[bool]  # whether a worker uses one core, however many there are

    def worker(self) -> Callable[[Any], Any]:
        """Return what does an item and returns its result, once for each process."""


class WorkerGroup(Protocol):
    """Processes that train a run, or share the items of a job."""

    count: int
    speedup: float  # how many times as fast as this process alone they are expected to be

    def train(self, run: Run, progress: Progress) -> None:
        """Train a run that has a plan and a checkpoint to the end of its plan.

        Raises:
            StoppedError: The user stopped it; a checkpoint was written.
            TrainingError: The processes failed again and again.
            PawsightError: What ended one of them.
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
            "Several workers train the networks of pawsight, and not one of your own.\n"
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
            f"There are {group.count} workers and {num_validation} validation photos: some would "
            f"have none.\nGive fewer --workers, or more photos."
        )


def divided_batch_size(batch_size: int, group: WorkerGroup) -> int:
    """Return the batch size, or the next one that can be divided equally."""
    return -(-batch_size // group.count) * group.count
