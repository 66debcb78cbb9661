"""The processes of `--workers N`: on this machine, or on a Ray cluster with `--cluster`."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from pawsight.data.reading.batch import Batch
from pawsight.data.reading.shared_reading import read_shared
from pawsight.data.reading.workers import Result, read_all
from pawsight.errors import ConfigError
from pawsight.machine import num_cpus
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.training.worker_group import Job, Lost
from pawsight.workflow.job_processes import run_here
from pawsight.workflow.worker_processes import LocalWorkers, Start, Supervised, gpus_of

MAX_WORKERS = 256


class Workers:
    """Processes that train a run, or share the items of a job; see `WorkerGroup`.

    Args:
        count: The number of processes, 1 to 256.
        cluster: The address of a Ray cluster; None is this machine.
        trains: Whether they will train, so that all must run at the same time.

    Raises:
        ConfigError: The number is out of range, or the cluster has too few cores.
        ExtraError: A cluster needs Ray, which is not installed.
    """

    def __init__(self, count: int | None, cluster: str | None = None, trains: bool = False) -> None:
        if count is None or not 1 <= count <= MAX_WORKERS:
            value = "" if count is None else f", not {count}"
            raise ConfigError(f"Give --workers a number from 1 to {MAX_WORKERS}{value}.")
        self.count = count
        gpus = gpus_of(count) if cluster is None and trains else []
        self._gpus = list(filter(None, gpus))
        self.speedup = float(len(self._gpus) or 1)
        self._cluster = cluster
        # Photos are read by all cores, even if few processes train the network.
        self._num_readers = max(count, num_cpus()) if trains else count
        self._start: Start = LocalWorkers
        if cluster is not None and trains:
            from pawsight.workflow.ray_workers import RayCluster

            ray_cluster = RayCluster(cluster, count)
            self._start, self.speedup = ray_cluster.start, ray_cluster.speedup

    def train(self, run: Run, progress: Progress) -> None:
        """Train a run, which has a plan and a checkpoint, to the end of its plan."""
        if self._gpus:
            names = ", ".join(self._gpus)
            progress.note(f"Each of the {self.count} workers has a GPU of its own: {names}.")
        Supervised(self.count, self._start).train(run, progress)

    def run(
        self, job: Job, items: Iterable[Any], lost: Lost | None = None
    ) -> Generator[tuple[Any, Any]]:
        """Yield each item with its result, in the order in which they finish."""
        if self._cluster is None:
            return run_here(job, items, self.count, lost)
        from pawsight.workflow.ray_jobs import run_on_cluster

        return run_on_cluster(self._cluster, job, items, self.count)

    def read(self, batches: list[Batch]) -> Generator[Result]:
        """Read batches of photos; see `ingest`."""
        if self._cluster is None:
            return read_all(batches, min(self._num_readers, len(batches)))
        return read_shared(self.run, self.count, batches)


def worker_group(workers: int | None, cluster: str | None, trains: bool = False) -> Workers | None:
    """Return the processes of `--workers` and `--cluster`; None where neither is given.

    Raises what `Workers` raises.
    """
    return None if workers is None and cluster is None else Workers(workers, cluster, trains)
