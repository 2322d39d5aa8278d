"""Whether a probability of 0.7 means 7 in 10: reliability bins, ECE and Brier score."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Binning = Literal["equal_width", "equal_mass"]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Filled bins in ascending order, all arrays `(n_bins,)`."""

    n: NDArray[np.int64]
    mean_probability: NDArray[np.float64]
    seizure_share: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: mean gap of probability and share, weighted by frames."""
        gap = np.abs(self.mean_probability - self.seizure_share)
        return float((self.n * gap).sum() / self.n.sum())


def reliability(
    probability: ArrayLike,
    is_seizure: ArrayLike,
    binning: Binning = "equal_width",
    n_bins: int = 15,
) -> Reliability:
    """Bins of equal width in probability, or of equal numbers of frames.

    The first bin holds p = 0, the last one p = 1. Equal probabilities are never split over two
    bins, so bins of equal mass may be fewer. Source: Naeini et al., AAAI 2015; Nguyen and
    O'Connor, EMNLP 2015 (equal mass).

    >>> reliability([0.0, 0.0, 1.0, 1.0], [False, False, True, True]).ece
    0.0
    """
    p, label = _checked(probability, is_seizure)
    if n_bins < 1:
        raise ValueError(f"expected at least one bin, found {n_bins}")
    if binning == "equal_width":
        bins = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    elif binning == "equal_mass":
        edges = np.quantile(p, np.arange(1, n_bins) / n_bins, method="closest_observation")
        bins = np.searchsorted(np.unique(edges), p, side="left")
    else:
        raise ValueError(f"binning must be equal_width or equal_mass, found {binning!r}")
    n = np.bincount(bins)
    filled = n > 0
    return Reliability(
        n=n[filled],
        mean_probability=np.bincount(bins, weights=p)[filled] / n[filled],
        seizure_share=np.bincount(bins, weights=label)[filled] / n[filled],
    )


def brier(probability: ArrayLike, is_seizure: ArrayLike) -> float:
    """Mean squared distance of probability and outcome; 0 is best.

    Source: Brier, Monthly Weather Review 1950 (two classes, halved).

    >>> brier([0.5, 1.0], [False, True])
    0.125
    """
    p, label = _checked(probability, is_seizure)
    return float(np.mean((p - label) ** 2))


def _checked(
    probability: ArrayLike, is_seizure: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, label = np.asarray(probability, dtype=np.float64), np.asarray(is_seizure, dtype=bool)
    if p.shape != label.shape or p.ndim != 1 or p.size == 0:
        raise ValueError(
            f"expected as many labels as probabilities, found {label.shape}, {p.shape}"
        )
    if not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(f"probabilities must be in [0, 1], found {p.min()} to {p.max()}")
    return p, label.astype(np.float64)
