"""The user's Keras optimizer, metrics and callbacks in the training loop.

For callbacks, an epoch ends with each validation, as in history.csv. Logs have Keras' names:
loss, accuracy, val_loss, val_accuracy, learning_rate, and val_NAME of each metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawsight.errors import ConfigError, TrainingError, first_line
from pawsight.history import Epoch
from pawsight.models.registry import find_network
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.worker_group import WorkerGroup


@dataclass(frozen=True, slots=True, eq=False)
class CustomComponents:
    """Objects that the user passes besides the settings."""

    # A keras.optimizers.Optimizer, which keeps its own learning rate or schedule; None takes the
    # recipe's optimizer.
    optimizer: Any = None
    # keras.metrics.Metric objects, computed at each validation from probabilities [B, K]. Metrics
    # with "Sparse" in their class name get class indices [B], others one-hot labels [B, K].
    metrics: Sequence[Any] = ()
    callbacks: Sequence[Any] = ()  # keras.callbacks.Callback objects
    # Processes that train the network together; None trains it in this process.
    workers: WorkerGroup | None = None

    def check(self, model: str) -> None:
        """Check the types, and that the network is trained from scratch in this process.

        Raises:
            ConfigError: An object has another type, or would not be used.
        """
        if self.optimizer is None and not self.metrics and not self.callbacks:
            return
        if find_network(model).has_weights:
            raise ConfigError(
                f"optimizer, metrics and callbacks are for networks that are trained from scratch, "
                f"but '{model}' begins with a fitted head.\nGive build=, model=\"swift\" or "
                f'model="colab" with them.'
            )
        if self.workers is not None:
            raise ConfigError(
                "optimizer, metrics and callbacks cannot be shared with worker processes.\n"
                "Leave them out, or train without workers."
            )
        prepare_tensorflow()
        import keras

        optimizers = [] if self.optimizer is None else [self.optimizer]
        expected = (
            ("optimizer", optimizers, "optimizers.Optimizer", keras.optimizers.Optimizer),
            ("metrics", self.metrics, "metrics.Metric", keras.metrics.Metric),
            ("callbacks", self.callbacks, "callbacks.Callback", keras.callbacks.Callback),
        )
        for name, objects, class_name, keras_class in expected:
            is_list = isinstance(objects, list | tuple)
            for item in objects if is_list else (objects,):
                if not is_list or not isinstance(item, keras_class):
                    raise ConfigError(
                        f"{name} takes objects of keras.{class_name}, such as "
                        f"{_EXAMPLES[name]}; got {item!r}."
                    )

    def new_optimizer(self) -> Any:
        """Return a copy of the optimizer with its settings and without state."""
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def plan_of_optimizer(self) -> dict[str, Any]:
        """Return the fields of a plan that the optimizer decides; none without an optimizer."""
        if self.optimizer is None:
            return {}
        rate = getattr(self.optimizer, "learning_rate", 0.0)
        return {"optimizer": "own", "learning_rate": float(rate), "schedule": "constant"}


_EXAMPLES = {
    "optimizer": "keras.optimizers.SGD(0.01, momentum=0.9)",
    "metrics": "[keras.metrics.AUC()]",
    "callbacks": "[keras.callbacks.EarlyStopping(patience=3)]",
}


class Callbacks:
    """Calls Keras callbacks from the training loop."""

    def __init__(self, parts: CustomComponents, model: Any, optimizer: Any) -> None:
        import keras

        self._model = model
        self._list = None
        if parts.callbacks:
            model.compile(optimizer=optimizer)  # callbacks use model.optimizer
            model.stop_training = False
            for callback in parts.callbacks:
                _set_mode(callback, parts.metrics)
            self._list = keras.callbacks.CallbackList(list(parts.callbacks), model=model)

    def begin(self, epoch: int) -> None:
        """Begin or resume training before an epoch, counted from 0."""
        self._epoch, self._is_in_epoch = epoch, False
        self._call("on_train_begin")

    def after_step(self, step: int, loss: float) -> None:
        """Report a step, counted from 1."""
        if not self._is_in_epoch:
            self._is_in_epoch = True
            self._call("on_epoch_begin", self._epoch)
        self._call("on_train_batch_begin", step - 1)
        self._call("on_train_batch_end", step - 1, {"loss": loss})

    def after_epoch(self, row: Epoch) -> bool:
        """Report a validation; return whether a callback requests to stop."""
        logs = {
            "loss": row.train_loss,
            "accuracy": row.train_accuracy,
            "val_loss": row.validation_loss,
            "val_accuracy": row.validation_accuracy,
            "learning_rate": row.learning_rate,
            **{f"val_{name}": value for name, value in row.own_metrics.items()},
        }
        self._call("on_epoch_end", self._epoch, logs)
        self._epoch, self._is_in_epoch = self._epoch + 1, False
        return self._list is not None and bool(self._model.stop_training)

    def end(self) -> None:
        """End training; callbacks such as TensorBoard then close their files."""
        self._call("on_train_end")

    def _call(self, name: str, *arguments: Any) -> None:
        if self._list is None:
            return
        try:
            getattr(self._list, name)(*arguments)
        except Exception as error:
            raise TrainingError(
                f"A callback failed in {name}: {type(error).__name__}: {first_line(error)}"
            ) from error


def _set_mode(callback: Any, metrics: Sequence[Any]) -> None:
    """Replace `mode="auto"` of a callback that monitors the accuracy or a metric.

    Keras resolves it only for metrics that `model.fit` computes.
    """
    directions = {metric.name: getattr(metric, "_direction", None) for metric in metrics}
    directions["accuracy"] = "up"
    monitored = str(getattr(callback, "monitor", "")).removeprefix("val_")
    mode = {"up": "max", "down": "min"}.get(directions.get(monitored) or "")
    if mode and getattr(callback, "mode", None) == "auto":
        callback.mode = mode
