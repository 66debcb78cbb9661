"""The task of a classifier: to give a photo one class, or any number of labels.

The differences between both tasks are here: how labels are written and encoded,
the activation and the loss, and how probabilities become an answer. All other code
passes a `Task` on. `training.step` has the same losses in TensorFlow, `exporting`
the same activations in each format. `SINGLE_LABEL` is the default everywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pawsight.errors import DataError
from pawsight.probabilities import sigmoid, softmax

if TYPE_CHECKING:
    from pawsight.records import FloatArray, IntArray

TaskName = Literal["single-label", "multi-label"]
SEPARATOR = ";"  # between the labels of a photo in one text
EVEN_THRESHOLD = 0.5
_MIN_PROBABILITY = 1e-12  # in a loss, so that it is finite


class Task(ABC):
    """A task of classification, for N photos and K classes."""

    name: ClassVar[TaskName]
    accuracy_title: ClassVar[str]  # the name of the share of right decisions

    @property
    def is_multi_label(self) -> bool:
        """Whether a photo may have several labels, or none."""
        return self.name == "multi-label"

    @abstractmethod
    def names_of(self, text: str) -> tuple[str, ...]:
        """Return the labels that are written as one text."""

    @abstractmethod
    def text_of(self, names: Iterable[str]) -> str:
        """Write the labels of a photo as one text: the inverse of `names_of`."""

    @abstractmethod
    def encode(self, texts: Sequence[str], class_names: Sequence[str]) -> IntArray:
        """Return the labels of photos as numbers.

        Returns:
            Class indices [N], -1 where a photo has none of the classes; with several labels
            1 or 0 for each class, [N, K].
        """

    @abstractmethod
    def texts(self, labels: IntArray, class_names: Sequence[str]) -> list[str]:
        """Return the labels of each photo as one text: the inverse of `encode`."""

    @abstractmethod
    def probabilities(self, logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
        """Compute probabilities from logits [N, K], which are divided by the temperature."""

    @abstractmethod
    def log_losses(self, logits: FloatArray, labels: IntArray) -> FloatArray:
        """Compute the cross-entropy of each photo in nats, [N]; the mean over several labels."""

    @abstractmethod
    def decide(self, probs: FloatArray) -> IntArray:
        """Return the answers for probabilities [..., K], encoded as labels."""

    @abstractmethod
    def is_right(self, answers: IntArray, labels: IntArray) -> NDArray[np.bool_]:
        """Return whether each answer is right, [N]; of several labels, whether all are."""

    @abstractmethod
    def describe(
        self, probs: FloatArray, class_names: Sequence[str]
    ) -> tuple[str, float, tuple[str, ...]]:
        """Return the answer for the probabilities of one photo, [K].

        Returns:
            The answer as text; its probability (with several labels, that of the least certain
            decision); and its labels.
        """

    @abstractmethod
    def counts(self, labels: IntArray, num_classes: int) -> IntArray:
        """Count the photos of each class, [K], to measure their imbalance.

        With several labels the array is empty, [0]: each label is decided on its own, so that
        they need no balance.
        """

    @abstractmethod
    def strata(self, labels: IntArray) -> IntArray:
        """Return the stratum of each photo, [N]: its class, or the rarest of its labels."""

    @abstractmethod
    def thresholds_of(self, num_classes: int) -> list[float] | None:
        """Return the thresholds of several labels, length K; None for a single label."""

    @abstractmethod
    def outcomes(
        self, labels: IntArray, num_classes: int, chosen: NDArray[np.bool_] | None = None
    ) -> IntArray:
        """Count the decisions by their true outcome.

        Args:
            labels: As `encode` returns them.
            num_classes: K.
            chosen: The decisions to count, of the shape of `labels`; None counts all.

        Returns:
            Photos of each class, [K]; with several labels, the photos without each label followed
            by the photos with it, [2K].
        """


class SingleLabel(Task):
    """Each photo has exactly one class: softmax, and the most probable class."""

    name = "single-label"
    accuracy_title = "accuracy"

    def names_of(self, text: str) -> tuple[str, ...]:
        """Return the label, if there is one."""
        return (text,) if text else ()

    def text_of(self, names: Iterable[str]) -> str:
        """Return the label; "" where there is none."""
        return next(iter(names), "")

    def encode(self, texts: Sequence[str], class_names: Sequence[str]) -> IntArray:
        """Return class indices [N]."""
        indices = {name: index for index, name in enumerate(class_names)}
        return np.fromiter((indices.get(text, -1) for text in texts), np.int64)

    def texts(self, labels: IntArray, class_names: Sequence[str]) -> list[str]:
        """Return the class names."""
        return [class_names[label] for label in labels]

    def probabilities(self, logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
        """Compute the softmax; each row sums to 1."""
        return softmax(logits, temperature)

    def log_losses(self, logits: FloatArray, labels: IntArray) -> FloatArray:
        """Compute the categorical cross-entropy."""
        probs = softmax(logits)[np.arange(len(labels)), labels]
        return np.asarray(-np.log(np.maximum(probs, _MIN_PROBABILITY)))

    def decide(self, probs: FloatArray) -> IntArray:
        """Return the most probable class; ties go to the lower index."""
        return np.asarray(probs.argmax(axis=-1))

    def is_right(self, answers: IntArray, labels: IntArray) -> NDArray[np.bool_]:
        """Return whether each class is the true one."""
        return np.asarray(answers == labels)

    def describe(
        self, probs: FloatArray, class_names: Sequence[str]
    ) -> tuple[str, float, tuple[str, ...]]:
        """Return the most probable class; a tie goes to the lower index."""
        best = int(probs.argmax())
        return class_names[best], float(probs[best]), (class_names[best],)

    def counts(self, labels: IntArray, num_classes: int) -> IntArray:
        """Count the photos of each class."""
        return np.bincount(labels, minlength=num_classes)

    def strata(self, labels: IntArray) -> IntArray:
        """Return the classes."""
        return labels

    def thresholds_of(self, num_classes: int) -> None:
        """Return None."""
        return None

    def outcomes(
        self, labels: IntArray, num_classes: int, chosen: NDArray[np.bool_] | None = None
    ) -> IntArray:
        """Count the photos of each class, [K]."""
        return np.bincount(labels if chosen is None else labels[chosen], minlength=num_classes)


@dataclass(frozen=True)
class MultiLabel(Task):
    """Each photo has any number of labels: a sigmoid and a threshold for each of them."""

    # The lowest probability at which each label is given, length K; empty: 0.5 for all.
    thresholds: tuple[float, ...] = ()

    name = "multi-label"
    accuracy_title = "share of right labels"

    def names_of(self, text: str) -> tuple[str, ...]:
        """Return the labels; none where the text is empty."""
        return tuple(text.split(SEPARATOR)) if text else ()

    def text_of(self, names: Iterable[str]) -> str:
        """Write the labels as one text, sorted, without duplicates, with `;` between them.

        Raises:
            DataError: A label contains `;`.
        """
        chosen = sorted(set(names))
        if wrong := next((name for name in chosen if SEPARATOR in name), None):
            raise DataError(
                f"A label must not contain '{SEPARATOR}': {wrong}\nRename it; or, if these are "
                f"several labels, choose their separator: --label-separator '{SEPARATOR}'"
            )
        return SEPARATOR.join(chosen)

    def encode(self, texts: Sequence[str], class_names: Sequence[str]) -> IntArray:
        """Return 1 or 0 for each class, [N, K]."""
        indices = {name: index for index, name in enumerate(class_names)}
        encoded = np.zeros((len(texts), len(class_names)), np.int64)
        for row, text in enumerate(texts):
            encoded[row, [indices[name] for name in self.names_of(text) if name in indices]] = 1
        return encoded

    def texts(self, labels: IntArray, class_names: Sequence[str]) -> list[str]:
        """Return the labels of each photo with a `;` between them."""
        return [
            self.text_of(name for name, is_on in zip(class_names, row, strict=True) if is_on)
            for row in labels
        ]

    def probabilities(self, logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
        """Compute the sigmoid of each logit."""
        return sigmoid(logits, temperature)

    def log_losses(self, logits: FloatArray, labels: IntArray) -> FloatArray:
        """Compute the binary cross-entropy, the mean over the labels."""
        values = np.asarray(logits, np.float64)
        # log(1 + exp(x)) without overflow, minus the logits of the true labels.
        return np.asarray((np.logaddexp(0, values) - values * labels).mean(axis=1))

    def decide(self, probs: FloatArray) -> IntArray:
        """Return 1 for each label whose probability reaches its threshold, [..., K]."""
        return np.asarray(probs >= np.array(self.thresholds or EVEN_THRESHOLD), np.int64)

    def is_right(self, answers: IntArray, labels: IntArray) -> NDArray[np.bool_]:
        """Return whether the labels of each photo are exactly the true ones."""
        return np.asarray((answers == labels).all(axis=1))

    def describe(
        self, probs: FloatArray, class_names: Sequence[str]
    ) -> tuple[str, float, tuple[str, ...]]:
        """Return the labels whose probability reaches their threshold."""
        is_on = self.decide(probs) == 1
        names = tuple(name for name, on in zip(class_names, is_on, strict=True) if on)
        return self.text_of(names), float(np.where(is_on, probs, 1 - probs).min()), names

    def counts(self, labels: IntArray, num_classes: int) -> IntArray:
        """Return an empty array, [0]."""
        return np.empty(0, np.int64)

    def strata(self, labels: IntArray) -> IntArray:
        """Return the index of the rarest label of each photo; K for one without labels."""
        num_classes = labels.shape[1]
        rank = np.argsort(np.argsort(labels.sum(axis=0), kind="stable"), kind="stable")
        ranked = np.where(labels == 1, rank, num_classes)
        rarest = np.where(labels.any(axis=1), ranked.argmin(axis=1), num_classes)
        return np.asarray(rarest, np.int64)

    def thresholds_of(self, num_classes: int) -> list[float]:
        """Return the threshold of each label."""
        return list(self.thresholds) or [EVEN_THRESHOLD] * num_classes

    def outcomes(
        self, labels: IntArray, num_classes: int, chosen: NDArray[np.bool_] | None = None
    ) -> IntArray:
        """Count the photos without each label and those with it, [2K]."""
        counted = np.ones(labels.shape, np.bool_) if chosen is None else chosen
        is_on = labels == 1
        return np.concatenate([(counted & ~is_on).sum(axis=0), (counted & is_on).sum(axis=0)])


SINGLE_LABEL = SingleLabel()
MULTI_LABEL = MultiLabel()


def task_of(name: TaskName, thresholds: tuple[float, ...] = ()) -> Task:
    """Return the task of a name; `thresholds` are those of `MultiLabel`."""
    return MultiLabel(thresholds) if name == "multi-label" else SINGLE_LABEL
