"""Capture and restore all variables of a training run."""

from __future__ import annotations

import keras
import numpy as np

from pawsight.errors import ModelError
from pawsight.training.checkpoints import Checkpoint
from pawsight.training.step import check_weights_fit


class State:
    """The variables of a model and its optimizer."""

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        self._model = model
        self._optimizer = optimizer

    def weights(self) -> list[np.ndarray]:
        """Return the model's variables as arrays, in the order of `model.variables`."""
        return [variable.value.numpy() for variable in self._model.variables]

    def set_weights(self, arrays: list[np.ndarray]) -> None:
        """Assign arrays that `weights` returned; raises ModelError."""
        check_weights_fit(self._model, [array.shape for array in arrays])
        for variable, array in zip(self._model.variables, arrays, strict=True):
            variable.assign(array)

    def capture(self, step: int, facts: dict[str, float], best: list[np.ndarray]) -> Checkpoint:
        """Copy all variables after `step` steps into a checkpoint."""
        slots = [variable.value.numpy() for variable in self._optimizer.variables]
        return Checkpoint(step, self.weights(), slots, facts, best)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Assign all variables of a checkpoint; raises ModelError."""
        self.set_weights(checkpoint.weights)
        shapes = [tuple(variable.shape) for variable in self._optimizer.variables]
        if shapes != [array.shape for array in checkpoint.slots]:
            raise ModelError("The checkpoint is of another optimizer than that of this run.")
        for variable, array in zip(self._optimizer.variables, checkpoint.slots, strict=True):
            variable.assign(array)
