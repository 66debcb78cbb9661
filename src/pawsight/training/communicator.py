"""Data-parallel training: processes that take each step together, with a part of the batch each.

Every process has all weights, computes the gradients of its photos, and receives the
sum of all gradients. All processes then apply the same update, so that their weights stay
equal to the bit. Variables are not distributed: only the sums are computed by `tf.distribute`,
since Keras 3 neither builds nor fits a model under a strategy reliably (keras issue 20585).
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
    """What the training loop decides after a step, by the clock or by a signal."""

    plan: Plan | None  # the plan to follow from now on; None keeps the current plan
    is_saved: bool  # whether a checkpoint is due
    is_stopped: bool  # whether training stops


class Communicator:
    """The communication of a single process, which does nothing."""

    part: BatchPart = WHOLE

    def run(self, compute: Callable[..., Any], *batch: tf.Tensor) -> Any:
        """Call a function, which may call `all_reduce`, with the tensors of a batch."""
        return compute(*batch)

    def all_reduce(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums of tensors over all processes; inside `run`."""
        return list(tensors)

    def sum_arrays(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the sums of arrays over all processes; the shapes must be equal in each."""
        return list(arrays)

    def agree(self, decision: Decision) -> Decision:
        """Return the common decision: that of the first process; any process can stop all."""
        return decision

    def prepare(self, model: keras.Model) -> None:
        """Make batch normalisation use the statistics of the whole batch."""


SINGLE_PROCESS = Communicator()


class WorkerCommunicator(Communicator):
    """The communication of processes over the network, with one device each.

    Args:
        addresses: "host:port" of each process, in the same order in all processes.
        index: Index of this process.
    """

    def __init__(self, addresses: Sequence[str], index: int) -> None:
        self.part = BatchPart(index, len(addresses))
        task = {"type": "worker", "index": index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": list(addresses)}, "task": task})
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        self._total = tf.function(lambda arrays: self.run(self.all_reduce, arrays))

    def run(self, compute: Callable[..., Any], *batch: tf.Tensor) -> Any:
        """Call a function, which may call `all_reduce`, with the tensors of a batch."""
        return self._strategy.run(compute, batch)

    def all_reduce(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums of tensors over all processes; inside `run`."""
        context = tf.distribute.get_replica_context()
        # The all-reduce needs the device of each tensor, which function arguments do not have.
        tensors = [tf.identity(tensor) for tensor in tensors]
        sums: dict[int, tf.Tensor] = {}
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):  # one type per message
            indices = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
            summed = context.all_reduce(tf.distribute.ReduceOp.SUM, [tensors[i] for i in indices])
            sums |= dict(zip(indices, summed, strict=True))
        return [sums[i] for i in range(len(tensors))]

    def sum_arrays(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the sums of arrays over all processes; the shapes must be equal in each."""
        return [total.numpy() for total in self._total([tf.constant(array) for array in arrays])]

    def agree(self, decision: Decision) -> Decision:
        """Return the common decision: that of the first process; any process can stop all."""
        is_first = self.part.index == 0
        # The other processes add zeros, so that the sum is the decision of the first.
        text = decision.plan.model_dump_json().encode() if is_first and decision.plan else b""
        flags = [len(text), is_first and decision.is_saved, decision.is_stopped]
        (received,) = self.sum_arrays([np.array(flags, np.int64)])
        length, is_saved, num_stopped = map(int, received)
        plan = None
        if length:
            characters = np.frombuffer(text, np.uint8) if text else np.zeros(length, np.uint8)
            (received,) = self.sum_arrays([characters.astype(np.int32)])
            plan = Plan.model_validate_json(received.astype(np.uint8).tobytes())
        return Decision(plan, bool(is_saved), num_stopped > 0)

    def prepare(self, model: keras.Model) -> None:
        """Make batch normalisation use the statistics of the whole batch."""
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
