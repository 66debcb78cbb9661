"""Predict blocks on a Ray cluster, by Ray Data; with ray_workers the only module that imports Ray.

Ray Data adds actors while blocks wait, replaces those that are lost with their node, and
repeats their blocks. Written for Ray 2.60.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from pawsight.errors import PawsightError
from pawsight.workflow.prediction_blocks import Block, BlockJob, BlockPredictor
from pawsight.workflow.ray_workers import connect
from pawsight.workflow.worker_processes import rebuilt

_MAX_TASKS = 10_000  # of Ray, which keeps each of them in memory


class _Actor:
    """Predicts blocks on a node."""

    def __init__(self, job: BlockJob) -> None:
        self._job = job
        self._predictor: BlockPredictor | None = None

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Predict a block; an error is returned, since Ray would repeat it."""
        values = {field.name: int(rows[field.name][0]) for field in dataclasses.fields(Block)}
        failure = ["", ""]
        try:
            self._predictor = self._predictor or BlockPredictor(self._job)
            self._predictor.predict(Block(**values))
        except PawsightError as error:
            failure = [type(error).__name__, str(error)]
        return {**rows, "error": failure[:1], "text": failure[1:]}


def predict_on_cluster(
    address: str, job: BlockJob, blocks: Sequence[Block], count: int
) -> Iterator[Block]:
    """Yield each block when its file is written.

    Args:
        address: Of the cluster, as `ray.init` takes it.
        job: The prediction; its paths are those of every node.
        blocks: The blocks to predict.
        count: How many actors at most. Each takes the cores of a node but one, which reads.

    Raises:
        ExtraError: Ray is not installed.
        ConfigError: There is no cluster.
        PawsightError: A block cannot be predicted.
    """
    nodes = connect(address)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)

    cores = min((int(node["CPU"]) for node in nodes if node.get("CPU")), default=1)
    rows = [dataclasses.asdict(block) for block in blocks]
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    found = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MAX_TASKS)).map_batches(
        _Actor,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
        num_cpus=max(1, cores - 1),
    )
    for row in found.iter_rows():
        if row["error"]:
            raise rebuilt(row["error"], row["text"])
        yield Block(int(row["number"]), int(row["start"]), int(row["num_photos"]))
