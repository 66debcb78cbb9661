"""Run a job on a Ray cluster with Ray Data; only ray_workers and ray_trials import Ray as well.

Ray Data adds actors while items wait, replaces actors that are lost with their node, and
repeats their items. Written for Ray 2.60.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Generator, Iterable
from typing import Any

from pawsight.errors import PawsightError
from pawsight.training.worker_group import Job
from pawsight.workflow.ray_workers import connect
from pawsight.workflow.worker_processes import rebuilt

_MAX_TASKS = 10_000  # Ray keeps each of its tasks in memory


class _Actor:
    """Processes items on a node."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._work: Callable[[Any], Any] | None = None

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Process an item; errors are returned, since Ray would repeat the item."""
        failure, result = None, None
        try:
            self._work = self._work or self._job.worker()
            result = self._work(pickle.loads(rows["item"][0]))
        except PawsightError as error:
            failure = (type(error).__name__, str(error))
        return {"index": [int(rows["index"][0])], "answer": [pickle.dumps((failure, result))]}


def run_on_cluster(
    address: str, job: Job, items: Iterable[Any], count: int
) -> Generator[tuple[Any, Any]]:
    """Yield each item with its result, in the order in which they finish.

    Args:
        address: The address of the cluster, as `ray.init` takes it.
        job: The work to do; its paths must exist on every node.
        items: The inputs, each picklable.
        count: The largest number of workers. Each uses all cores of a node but one, which is left
            for reading: with one actor, or with one per core if the job uses a single core.

    Raises:
        ExtraError: Ray is not installed.
        ConfigError: There is no cluster.
        PawsightError: The job failed for an item.
    """
    items = list(items)
    if not items:
        return
    nodes = connect(address)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)

    cores = max(1, min((int(node["CPU"]) for node in nodes if node.get("CPU")), default=2) - 1)
    if job.is_single_core:
        count, cores = count * cores, 1
    rows = [{"index": i, "item": pickle.dumps(item)} for i, item in enumerate(items)]
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MAX_TASKS))
    results = dataset.map_batches(
        _Actor,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
        num_cpus=cores,
    )
    for row in results.iter_rows():
        failure, result = pickle.loads(row["answer"])
        if failure is not None:
            raise rebuilt(*failure)
        yield items[row["index"]], result
