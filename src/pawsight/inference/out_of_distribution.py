"""Detect photos that are unlike everything a model was trained on.

Needs NumPy only. The detector works on features of a network (the built-in one
for every run), not on the class probabilities: a classifier is often confident
about photos of other things than its classes.
Source: Mahalanobis++, arXiv:2505.18032; the covariance is shrunk as in Ledoit
and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance
matrices", and stored as its leading eigenvectors plus one variance for the rest.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.records import FloatArray
from pawsight.storage.npz import opened_npz, save_npz

_FEW = 16  # rows, as one core gets at a time in prediction


@dataclass(frozen=True, eq=False)
class OutOfDistributionDetector:
    """Gaussians of one covariance around the mean feature of each class."""

    means: FloatArray  # mean of the L2-normalised features of each class, shape [K, F]
    basis: FloatArray  # leading eigenvectors of the covariance within classes, shape [R, F]
    variances: FloatArray  # their eigenvalues, shape [R], each above 0
    rest: float  # variance in every direction outside `basis`, above 0
    threshold: float  # photos at a larger distance are out of distribution
    # As `features_key` returns it; "" in files of earlier versions.
    network: str = ""

    def distances(self, features: FloatArray) -> FloatArray:
        """Compute how far photos are from the nearest class.

        Args:
            features: Shape [N, F], not normalised.

        Returns:
            Mahalanobis distances, float64, shape [N], at least 0.
        """
        unit = normalised(features)
        # For a few rows, too, BLAS takes all cores, and waits for those on which other threads run
        # the model at that moment: that took as long as the model itself.
        is_few = len(unit) <= _FEW
        projected = np.einsum("nf,rf->nr", unit, self.basis) if is_few else unit @ self.basis.T
        found = np.full(len(unit), np.inf)
        for mean, projected_mean in zip(self.means, self._projected_means, strict=True):
            along = projected - projected_mean
            outside = np.maximum(0.0, ((unit - mean) ** 2).sum(1) - (along**2).sum(1))
            found = np.minimum(found, (along**2 / self.variances).sum(1) + outside / self.rest)
        return np.asarray(np.sqrt(found))

    @functools.cached_property
    def _projected_means(self) -> FloatArray:
        return np.asarray(self.means @ self.basis.T)

    def save(self, path: Path) -> None:
        """Write the detector as NumPy arrays, whole or not at all; raises DiskError."""
        save_npz(
            path,
            means=self.means.astype(np.float32),
            basis=self.basis.astype(np.float16),
            variances=self.variances.astype(np.float64),
            scalars=np.array([self.rest, self.threshold], np.float64),
            network=np.array(self.network),
        )

    @classmethod
    def load(cls, path: Path) -> OutOfDistributionDetector:
        """Read what `save` wrote; holds numbers only, never code.

        Raises:
            RunError: The file is missing or damaged.
        """
        with opened_npz(path) as found:
            means, basis, variances, scalars = (
                np.asarray(found[name], np.float64)
                for name in ("means", "basis", "variances", "scalars")
            )
            _check(means, basis, variances, scalars)
            network = str(found["network"]) if "network" in found else ""
        return cls(means, basis, variances, float(scalars[0]), float(scalars[1]), network)


def normalised(features: FloatArray) -> FloatArray:
    """Divide each row by its Euclidean norm; float64, shape [N, F]; rows of zeros stay."""
    rows = np.asarray(features, np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _check(
    means: FloatArray, basis: FloatArray, variances: FloatArray, scalars: FloatArray
) -> None:
    if means.ndim != 2 or basis.ndim != 2 or means.shape[1] != basis.shape[1]:
        raise ValueError("means and basis do not have the same number of features")
    if variances.shape != (len(basis),) or scalars.shape != (2,):
        raise ValueError("arrays disagree in shape")
    if not all(np.isfinite(one).all() for one in (means, basis, variances, scalars)):
        raise ValueError("a number is not finite")
    if (variances <= 0).any() or (scalars <= 0).any():
        raise ValueError("a variance or the threshold is not above 0")
