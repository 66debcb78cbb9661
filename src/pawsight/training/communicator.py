"""The processes that take a training step together, each with its part of the batch.

Every process has all weights, computes the gradients of its photos, and receives the
sum of all gradients; then all take the same update, so that their weights stay equal to
the bit. The variables are plain ones: of `tf.distribute` only the sums are used, since
Keras 3 neither builds nor fits a model under a strategy reliably (keras issue 20585).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pawsight.pipeline.batch_part import WHOLE, BatchPart
from pawsight.training.plan import Plan


class Decision(NamedTuple):
    """What the loop decides after a step, by the clock or by a signal."""

    plan: Plan | None  # the plan to follow from now on; None leaves it
    is_saved: bool  # whether a checkpoint is due
    is_stopped: bool


class Communicator:
    """A single process, which has nobody to share with."""

    part: BatchPart = WHOLE

    def run(self, compute: Callable[..., Any], *batch: tf.Tensor) -> Any:
        """Call a function of the batch in which `all_reduce` is used."""
        return compute(*batch)

    def all_reduce(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums of tensors over all processes; inside `run`."""
        return list(tensors)

    def sum_arrays(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the sums of arrays over all processes; each calls it with the same shapes."""
        return list(arrays)

    def agree(self, decision: Decision) -> Decision:
        """Return what all processes do: what the first decides, and to stop if one has to."""
        return decision

    def prepare(self, model: keras.Model) -> None:
        """Make batch normalisation use the statistics of the whole batch."""


SINGLE_PROCESS = Communicator()


class WorkerCommunicator(Communicator):
    """Processes that reach each other over the network, one device each.

    Args:
        addresses: "host:port" of each process, in one order for all.
        index: Which of them this one is.
    """

    def __init__(self, addresses: Sequence[str], index: int) -> None:
        self.part = BatchPart(index, len(addresses))
        task = {"type": "worker", "index": index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": list(addresses)}, "task": task})
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        self._total = tf.function(lambda arrays: self.run(self.all_reduce, arrays))

    def run(self, compute: Callable[..., Any], *batch: tf.Tensor) -> Any:
        """Call a function of the batch in which `all_reduce` is used."""
        return self._strategy.run(compute, batch)

    def all_reduce(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums of tensors over all processes; inside `run`."""
        context = tf.distribute.get_replica_context()
        # An argument of a function has no device.
        tensors = [tf.identity(tensor) for tensor in tensors]
        sums: dict[int, tf.Tensor] = {}
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):  # one message has one type
            places = [i for i, one in enumerate(tensors) if one.dtype == dtype]
            summed = context.all_reduce(tf.distribute.ReduceOp.SUM, [tensors[i] for i in places])
            sums |= dict(zip(places, summed, strict=True))
        return [sums[i] for i in range(len(tensors))]

    def sum_arrays(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the sums of arrays over all processes; each calls it with the same shapes."""
        return [one.numpy() for one in self._total([tf.constant(array) for array in arrays])]

    def agree(self, decision: Decision) -> Decision:
        """Return what all processes do: what the first decides, and to stop if one has to."""
        is_first = self.part.index == 0
        text = decision.plan.model_dump_json().encode() if is_first and decision.plan else b""
        asked = [len(text), is_first and decision.is_saved, decision.is_stopped]
        (received,) = self.sum_arrays([np.array(asked, np.int64)])
        length, is_saved, num_stopped = map(int, received)
        plan = None
        if length:
            letters = np.frombuffer(text, np.uint8) if text else np.zeros(length, np.uint8)
            (received,) = self.sum_arrays([letters.astype(np.int32)])
            plan = Plan.model_validate_json(received.astype(np.uint8).tobytes())
        return Decision(plan, bool(is_saved), num_stopped > 0)

    def prepare(self, model: keras.Model) -> None:
        """Make batch normalisation use the statistics of the whole batch."""
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
