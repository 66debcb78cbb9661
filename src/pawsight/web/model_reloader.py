"""The model that answers now, and the next one, swapped in without a request dropped.

The run is a path that is looked at again and again: a symbolic link may come to
point elsewhere, or the files in the folder may be replaced. What changed must
stay as it is from one look to the next, so that a folder that is being copied is
left alone. A run that cannot be loaded is told of once, and the old model stays.
A request keeps the model with which it began.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.errors import PawsightError
from pawsight.inference.classifier import Classifier
from pawsight.inference.provenance import provenance
from pawsight.models import builtin
from pawsight.runs import Run

logger = logging.getLogger(__name__)

Signature = tuple[str, tuple[tuple[int, int, int] | None, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that answers, and what is told of it.

    `trained` is what model.json says of how it was made; `metrics` are the
    headline numbers of each part that it was measured on, None where it was not.
    """

    classifier: Classifier
    name: str
    fingerprint: str
    trained: dict[str, Any]
    metrics: dict[str, Any] | None


def load_model(run_path: str | None) -> Model:
    """Load a model and run it once, so that the first request does not wait for that.

    Args:
        run_path: The run folder; None is the model that ships.

    Raises:
        RunError: There is no finished run there, or it is damaged.
    """
    path = Path(run_path).resolve() if run_path else builtin.folder()
    run = Run.open(path)
    classifier = Classifier.load(run)
    classifier.logits(np.zeros((1, *classifier.image_size, 3), np.uint8))
    facts = provenance(run)
    return Model(classifier, facts.name, classifier.fingerprint, facts.trained, facts.metrics)


class ModelInUse:
    """Gives the model to answer with: `now`."""

    def __init__(self, run_path: str | None) -> None:
        self._run_path = run_path
        self._loaded = self._seen = self._signature()
        self.now = load_model(run_path)

    def refresh(self) -> bool:
        """Look whether the run has changed, and load it if so; takes a while then.

        Returns:
            Whether another model answers from now on.
        """
        found = self._signature()
        is_settled = found == self._seen
        self._seen = found
        if found == self._loaded or not is_settled or self._run_path is None:
            return False
        try:
            model = load_model(self._run_path)
        except (PawsightError, OSError, MemoryError) as error:
            self._loaded = found  # tried: it is not tried again until it changes
            told = str(error).replace("\n", " ")
            logger.error(
                "%s has changed, but cannot be loaded, so the model before it goes on answering: "
                "%s",
                self._run_path,
                told or type(error).__name__,
            )
            return False
        if self._signature() != found:
            return False  # it changed again meanwhile: the next look will tell
        self._loaded = found
        is_other = model.fingerprint != self.now.fingerprint or model.name != self.now.name
        self.now = model
        if is_other:
            logger.info("Another model answers now: %s (%s).", model.name, model.fingerprint[:12])
        return is_other

    def _signature(self) -> Signature:
        """Give what changes when the run does."""
        path = Path(self._run_path).resolve() if self._run_path else builtin.folder()
        run = Run(path)
        return str(path), tuple(_stamp(file) for file in (run.model_path, run.onnx_path))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
