"""How far photos are from a model's training set, as a share of the largest accepted distance."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from pawsight.errors import RunError, first_line
from pawsight.formatting import shell_quoted
from pawsight.inference.drift import DriftReference
from pawsight.inference.enlarged_images import enlarge, features_key
from pawsight.inference.model_runner import outputs_features
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_session import new_session, session_of_file
from pawsight.records import FloatArray
from pawsight.runs import Run

logger = logging.getLogger(__name__)


class OutOfDistributionScorer:
    """Computes scores from the features of the built-in network.

    `drift_reference` has those of held-out photos; None for a run of an earlier version.

    Args:
        run: The run, for its drift reference.
        detector: As `detector_of` returns it.

    Raises:
        RunError: The drift reference is damaged.
    """

    def __init__(self, run: Run, detector: OutOfDistributionDetector) -> None:
        self._detector = detector
        self.drift_reference: DriftReference | None = None
        if run.drift_reference_path.is_file():
            self.drift_reference = DriftReference.load(run.drift_reference_path)
        self._session: Any = None

    @classmethod
    def of(cls, run: Run, has_features: bool) -> OutOfDistributionScorer | None:
        """Return that of a run; None, with a warning where it has one, without a usable detector.

        Arguments and errors as of `detector_of`.
        """
        detector = detector_of(run, has_features)
        if detector is None and run.out_of_distribution_path.is_file():
            logger.warning(
                "Photos unlike the training set are not recognised: this version of pawsight "
                "computes other features than those that %s was fitted to.\nTo adapt the run: "
                "pawsight evaluate %s",
                run.out_of_distribution_path,
                shell_quoted(run.place),
            )
        return None if detector is None else cls(run, detector)

    def scores(self, images: FloatArray, features: FloatArray | None) -> FloatArray:
        """Compute the score of each image.

        Args:
            images: float32, shape [N, H, W, 3], values 0..255.
            features: What the model itself computed of them, shape [N, F]; None
                runs the built-in network.

        Returns:
            Shape [N], at least 0; above 1 a photo is out of distribution.

        Raises:
            RunError: The network failed.
        """
        if features is None:
            if self._session is None:  # two threads may open two; one of them is dropped
                self._session = new_session(builtin.onnx_path().read_bytes())
            try:
                features = self._session.run(["features"], {"images": enlarge(images)})[0]
            except Exception as error:  # ONNX Runtime's errors share no base class
                raise RunError(
                    f"The built-in network failed on a photo ({first_line(error)}).\n"
                    f"Reinstall pawsight."
                ) from error
        return np.asarray(self._detector.distances(features) / self._detector.threshold)


@contextlib.contextmanager
def already_warned() -> Iterator[None]:
    """Log no warning while a model is loaded that the process of the command has loaded before."""
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)


def detector_of(run: Run, has_features: bool | None = None) -> OutOfDistributionDetector | None:
    """Return the detector of a run if it is of the features that are computed here.

    Args:
        run: The run.
        has_features: Whether the run's own model computes them; if not, the built-in network of
            this version does, which is not that of every earlier one. None reads it from the
            model where it matters.

    Raises:
        RunError: The detector is damaged.
        ModelError: The model is damaged.
    """
    path = run.out_of_distribution_path
    if not path.is_file():
        return None
    detector = OutOfDistributionDetector.load(path)
    if detector.means.shape[1] != builtin.NUM_FEATURES:
        raise RunError(
            f"{path} is damaged: it is of other features.\n"
            f"Train again, or copy the run folder again."
        )
    if has_features or detector.network == features_key(ModelDescription.load(run).image_size):
        return detector
    return detector if has_features is None and gives_features(run) else None


def gives_features(run: Run) -> bool:
    """Return whether the run's own model computes the features, as heads on them do."""
    return outputs_features(ModelDescription.load(run), session_of_file(run.onnx_path))
