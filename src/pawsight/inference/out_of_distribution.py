"""Detect photos that are unlike all training photos of a model.

Needs only NumPy. The detector uses features (of the shipped network, for every
run), not class probabilities: a classifier often assigns a high probability to
photos that show none of its classes.
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

_FEW = 16  # rows; in predictions, each core computes fewer at a time


@dataclass(frozen=True, eq=False)
class OutOfDistributionDetector:
    """Gaussians with a common covariance around the mean features of each class."""

    means: FloatArray  # mean of the L2-normalised features of each class, shape [K, F]
    basis: FloatArray  # leading eigenvectors of the covariance within classes, shape [R, F]
    variances: FloatArray  # eigenvalues of `basis`, shape [R], each above 0
    rest: float  # variance in every direction orthogonal to `basis`, above 0
    threshold: float  # photos at a larger distance are out of distribution
    # The result of `ood_score.features_key`; "" in files of earlier versions.
    network: str = ""

    def distances(self, features: FloatArray) -> FloatArray:
        """Compute the distances of photos from the nearest class.

        Args:
            features: Shape [N, F], not normalised.

        Returns:
            Mahalanobis distances, float64, shape [N], at least 0.
        """
        unit = normalised(features)
        # BLAS uses all cores even for few rows, and waits for cores on which other threads run the
        # model, which takes as long as the model itself.
        is_few = len(unit) <= _FEW
        projected = np.einsum("nf,rf->nr", unit, self.basis) if is_few else unit @ self.basis.T
        squares = np.full(len(unit), np.inf)
        for mean, projected_mean in zip(self.means, self._projected_means, strict=True):
            along = projected - projected_mean
            outside = np.maximum(0.0, ((unit - mean) ** 2).sum(1) - (along**2).sum(1))
            squares = np.minimum(squares, (along**2 / self.variances).sum(1) + outside / self.rest)
        return np.asarray(np.sqrt(squares))

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
        """Read the file that `save` wrote, which has only numbers, never code.

        Raises:
            RunError: The file is missing or damaged.
        """
        with opened_npz(path) as file:
            means, basis, variances, scalars = (
                np.asarray(file[name], np.float64)
                for name in ("means", "basis", "variances", "scalars")
            )
            _check(means, basis, variances, scalars)
            network = str(file["network"]) if "network" in file else ""
        return cls(means, basis, variances, float(scalars[0]), float(scalars[1]), network)


def normalised(features: FloatArray) -> FloatArray:
    """Divide each row by its Euclidean norm, float64 [N, F]; rows of zeros are unchanged."""
    rows = np.asarray(features, np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _check(
    means: FloatArray, basis: FloatArray, variances: FloatArray, scalars: FloatArray
) -> None:
    if means.ndim != 2 or basis.ndim != 2 or means.shape[1] != basis.shape[1]:
        raise ValueError("means and basis do not have the same number of features")
    if variances.shape != (len(basis),) or scalars.shape != (2,):
        raise ValueError("arrays disagree in shape")
    if not all(np.isfinite(array).all() for array in (means, basis, variances, scalars)):
        raise ValueError("a number is not finite")
    if (variances <= 0).any() or (scalars <= 0).any():
        raise ValueError("a variance or the threshold is not above 0")
