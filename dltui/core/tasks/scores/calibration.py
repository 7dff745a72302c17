"""The expected calibration error: by how much a model's confidence differs from how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Samples by confidence in bins of equal width: how many, their mean confidence and the share that is right, each
    (bins,); NaN for a bin without samples.
    """

    samples: Array
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The mean distance of confidence and accuracy, each bin counted by its samples."""
        there = self.samples > 0
        if not there.any():
            return float("nan")
        gaps = np.abs(self.confidence[there] - self.accuracy[there])
        return float(np.sum(gaps * self.samples[there]) / np.sum(self.samples))


def bins(confidence: Array, right: Array) -> Calibration:
    """The bins of confidences (n,) and whether they are right (n,); a bin includes its upper edge."""
    known = np.isfinite(confidence)
    confidence, right = np.asarray(confidence[known], dtype=np.float64), right[known]
    places = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    samples = np.bincount(places, minlength=BINS)
    total = np.where(samples > 0, samples, np.nan)
    return Calibration(
        samples,
        np.bincount(places, weights=confidence, minlength=BINS) / total,
        np.bincount(places, weights=right, minlength=BINS) / total,
    )
