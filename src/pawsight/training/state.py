"""All variables of a training run, out into a checkpoint and back."""

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
        """The model's variables as arrays, in the model's own order."""
        return [variable.value.numpy() for variable in self._model.variables]

    def set_weights(self, arrays: list[np.ndarray]) -> None:
        """Put `weights` back.

        Raises:
            ModelError: They are those of another model.
        """
        check_weights_fit(self._model, [array.shape for array in arrays])
        for variable, array in zip(self._model.variables, arrays, strict=True):
            variable.assign(array)

    def capture(self, step: int, facts: dict[str, float], best: list[np.ndarray]) -> Checkpoint:
        """Copy everything as it stands after `step` steps."""
        slots = [variable.value.numpy() for variable in self._optimizer.variables]
        return Checkpoint(step, self.weights(), slots, facts, best)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put everything back.

        Raises:
            ModelError: It is of another model.
        """
        self.set_weights(checkpoint.weights)
        shapes = [tuple(variable.shape) for variable in self._optimizer.variables]
        if shapes != [array.shape for array in checkpoint.slots]:
            raise ModelError("The checkpoint is of another optimizer than this run's.")
        for variable, array in zip(self._optimizer.variables, checkpoint.slots, strict=True):
            variable.assign(array)
