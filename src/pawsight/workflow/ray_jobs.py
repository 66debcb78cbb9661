"""Run a job on a Ray cluster, by Ray Data; with ray_workers and ray_trials all that imports Ray.

Ray Data adds actors while items wait, replaces those that are lost with their node, and
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

_MAX_TASKS = 10_000  # of Ray, which keeps each of them in memory


class _Actor:
    """Does items on a node."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._work: Callable[[Any], Any] | None = None

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Do an item; an error is returned, since Ray would repeat it."""
        place = int(rows["place"][0])
        failure, result = None, None
        try:
            self._work = self._work or self._job.worker()
            result = self._work(pickle.loads(rows["item"][0]))
        except PawsightError as error:
            failure = (type(error).__name__, str(error))
        return {"place": [place], "answer": [pickle.dumps((failure, result))]}


def run_on_cluster(
    address: str, job: Job, items: Iterable[Any], count: int
) -> Generator[tuple[Any, Any]]:
    """Yield each item and its result when it is done, in any order.

    Args:
        address: Of the cluster, as `ray.init` takes it.
        job: What is done; its paths are those of every node.
        items: What it is done with, each picklable.
        count: How many workers at most. Each takes the cores of a node but one, which reads; as
            one actor, or as one for each core if the job needs no more than one.

    Raises:
        ExtraError: Ray is not installed.
        ConfigError: There is no cluster.
        PawsightError: An item cannot be done.
    """
    everything = list(items)
    if not everything:
        return
    nodes = connect(address)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)

    cores = max(1, min((int(node["CPU"]) for node in nodes if node.get("CPU")), default=2) - 1)
    if job.is_single_core:
        count, cores = count * cores, 1
    rows = [{"place": at, "item": pickle.dumps(item)} for at, item in enumerate(everything)]
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    found = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MAX_TASKS)).map_batches(
        _Actor,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
        num_cpus=cores,
    )
    for row in found.iter_rows():
        failure, result = pickle.loads(row["answer"])
        if failure is not None:
            raise rebuilt(*failure)
        yield everything[row["place"]], result
