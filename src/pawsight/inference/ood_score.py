"""How far photos are from a model's training set, as a share of the largest accepted distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from pawsight.errors import RunError, first_line
from pawsight.inference.drift import DriftReference
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.onnx_session import new_session
from pawsight.records import FloatArray
from pawsight.runs import Run


class OutOfDistributionScorer:
    """Computes scores from the features of the built-in network.

    `drift_reference` has those of held-out photos; None for a run of an earlier version.

    Raises:
        RunError: The detector is damaged.
    """

    def __init__(self, run: Run) -> None:
        self._path = run.out_of_distribution_path
        self._detector = OutOfDistributionDetector.load(self._path)
        if self._detector.means.shape[1] != builtin.NUM_FEATURES:
            raise RunError(f"{self._path} is damaged: it is of other features.")
        self.drift_reference: DriftReference | None = None
        if run.drift_reference_path.is_file():
            self.drift_reference = DriftReference.load(run.drift_reference_path)
        self._session: Any = None

    @classmethod
    def of(cls, run: Run) -> OutOfDistributionScorer | None:
        """Return that of a run; None where it has no detector."""
        return cls(run) if run.out_of_distribution_path.is_file() else None

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
                features = self._session.run(["features"], {"images": images})[0]
            except Exception as error:  # ONNX Runtime's errors share no base class
                raise RunError(
                    f"The built-in network failed on a photo ({first_line(error)}).\n"
                    f"Reinstall pawsight."
                ) from error
        return np.asarray(self._detector.distances(features) / self._detector.threshold)
