"""Start workers on a Ray cluster; only ray_jobs and ray_trials import Ray as well.

Ray chooses the nodes, starts an actor for each worker, passes its output on and notices
when a node is lost. The worker itself is the process that `worker_processes` starts on
this machine, so that a crash of TensorFlow ends neither the actor nor the cluster.
Written for Ray 2.60.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Iterator
from typing import Any

from pawsight.errors import ConfigError, ExtraError, first_line
from pawsight.runs import Run
from pawsight.tensorflow_setup import discard_native_messages
from pawsight.workflow.training_worker import WorkerSpec
from pawsight.workflow.worker_processes import Exit, WorkerProcess, free_ports

_PLACEMENT_SECONDS = 600.0  # in which an autoscaling cluster can start nodes
_TAIL_CHARACTERS = 600  # of a message of Ray, which has the reason at its end
# Ray prints repeated messages to standard output; it reads this variable when it is imported.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
_LOST = -1  # the exit code of a worker whose node or actor is gone


class RayCluster:
    """A cluster for a number of workers.

    Args:
        address: The address, as `ray.init` takes it: "auto", "head:6379" or "ray://head:10001".
        count: The number of workers.

    Attributes:
        needs: The resources of each worker, such as {"CPU": 4.0}.
        speedup: The expected speed, relative to one machine.

    Raises:
        ExtraError: Ray is not installed.
        ConfigError: There is no cluster, or it has too few cores.
    """

    def __init__(self, address: str, count: int) -> None:
        nodes = connect(address)
        cores = _cores_each([int(node.get("CPU", 0)) for node in nodes], count)
        if cores == 0:
            raise ConfigError(
                f"The cluster at {address} has fewer than {count} cores, one for each worker.\n"
                f"Give fewer --workers, or add nodes."
            )
        self.needs = {"CPU": float(cores)}
        if sum(node.get("GPU", 0) for node in nodes) >= count:
            self.needs["GPU"] = 1.0
        self.speedup = float(min(count, len(nodes)))

    def start(self, run: Run, count: int) -> RayWorkers:
        """Start all workers; raises ConfigError."""
        return RayWorkers(run, count, self.needs)


def connect(address: str) -> list[dict[str, float]]:
    """Connect to a cluster, and return the resources of each node, such as {"CPU": 8.0}.

    Raises:
        ExtraError: Ray is not installed.
        ConfigError: There is no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise ExtraError("A cluster", "cluster") from error
    if not ray.is_initialized():
        try:
            with discard_native_messages():  # one per second while the connection is refused
                ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"There is no Ray cluster at {address}, or it needs another token: "
                f"{first_line(error)}\n"
                f"Start one with: ray start --head, or leave --cluster out. A cluster with token "
                f"authentication needs RAY_AUTH_MODE=token, and its token in RAY_AUTH_TOKEN."
            ) from error
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _cores_each(nodes: list[int], count: int) -> int:
    """Return the largest number of cores that each of `count` workers can have; 0 if too few."""
    for cores in range(max(nodes, default=0), 0, -1):
        if sum(node // cores for node in nodes) >= count:
            return cores
    return 0


class _WorkerActor:
    """An actor, in which a worker runs on a node."""

    def address(self) -> str:
        """Return the "host:port" for the worker to listen at."""
        import ray

        return f"{ray.util.get_node_ip_address()}:{free_ports(1)[0]}"

    def run(self, spec: WorkerSpec) -> Iterator[str | Exit]:
        """Run the worker, and yield its lines and, last, how it ended."""
        self._process = WorkerProcess(spec)
        try:
            yield from self._process.lines()
        finally:
            self._process.end()
            self._process.close()

    def stop(self) -> None:
        """Request that the worker writes a checkpoint and ends."""
        self._process.stop()


class RayWorkers:
    """Workers on the nodes of a cluster; see `worker_processes.Started`."""

    def __init__(self, run: Run, count: int, needs: dict[str, float]) -> None:
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        self.events: queue.Queue[tuple[int, str | Exit]] = queue.Queue()
        self._actors: list[Any] = []
        self._group = ray.util.placement_group([needs] * count, strategy="SPREAD")
        if not self._group.wait(_PLACEMENT_SECONDS):
            self.end()
            wanted = ", ".join(f"{amount:g} {name}" for name, amount in needs.items())
            raise ConfigError(
                f"The cluster has no free resources for {count} workers with {wanted} each.\n"
                f"End other programs on it, or give fewer --workers."
            )
        for index in range(count):
            strategy = PlacementGroupSchedulingStrategy(self._group, index)
            options = {"num_cpus": needs["CPU"], "num_gpus": needs.get("GPU", 0)}
            actor = ray.remote(_WorkerActor).options(
                scheduling_strategy=strategy, max_concurrency=2, **options
            )
            self._actors.append(actor.remote())
        addresses = ray.get([actor.address.remote() for actor in self._actors])
        for index, actor in enumerate(self._actors):
            spec = WorkerSpec(str(run.path.absolute()), addresses, index, [])
            lines = actor.run.options(num_returns="streaming").remote(spec)
            threading.Thread(target=self._read, args=(index, lines), daemon=True).start()

    def stop(self) -> None:
        """Request that the first worker stops; the others stop at the same step."""
        self._actors[0].stop.remote()

    def end(self) -> None:
        """End all workers at once: a worker ends with its actor."""
        import ray

        for actor in self._actors:
            ray.kill(actor)
        with contextlib.suppress(ray.exceptions.RayError):
            ray.util.remove_placement_group(self._group)

    def _read(self, index: int, lines: Any) -> None:
        import ray

        try:
            for line in lines:
                self.events.put((index, ray.get(line)))
        except ray.exceptions.RayError as error:
            self.events.put((index, Exit(_LOST, str(error).strip()[-_TAIL_CHARACTERS:])))
