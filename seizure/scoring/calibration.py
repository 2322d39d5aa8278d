"""Whether a probability of 0.7 means 7 in 10: reliability, ECE, Brier score, temperature."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

# Log-odds beyond these are 0 and 1 in float32; finite, so that a sure mistake costs no infinity.
_LARGEST_LOGIT = 16.0
# Log-odds are counted in steps of this size: millions of frames become some thousand numbers.
_LOGIT_STEP = 0.005
_TEMPERATURES = (0.05, 20.0)

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


def fit_temperature(probability: ArrayLike, is_seizure: ArrayLike) -> float:
    """The number that log-odds are divided by for the highest likelihood, between 0.05 and 20.

    Above 1 the probabilities were too sure. Rounds log-odds to 0.005. Source: Guo et al., On
    calibration of modern neural networks, ICML 2017, section 4.2 (two classes).

    >>> round(fit_temperature([0.9] * 4 + [0.1] * 4, [1, 1, 1, 0, 0, 0, 0, 1]), 2)
    2.0
    """
    p, label = _checked(probability, is_seizure)
    step = np.rint(_logit(p) / _LOGIT_STEP).astype(np.int64)
    value, place = np.unique(step, return_inverse=True)
    n, n_seizure = np.bincount(place), np.bincount(place, weights=label)
    logit = value * _LOGIT_STEP

    def loss(log_temperature: float) -> float:
        scaled_logit = logit / np.exp(log_temperature)
        return float((n * np.logaddexp(0, scaled_logit) - n_seizure * scaled_logit).sum() / n.sum())

    bounds = (float(np.log(_TEMPERATURES[0])), float(np.log(_TEMPERATURES[1])))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))  # pyright: ignore[reportAttributeAccessIssue]


def scaled(probability: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities whose log-odds are divided by a temperature; their order stays.

    >>> scaled([0.5, 0.9], 2.0).round(3).tolist()
    [0.5, 0.75]
    """
    return 1 / (1 + np.exp(-_logit(np.asarray(probability, dtype=np.float64)) / temperature))


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -_LARGEST_LOGIT, _LARGEST_LOGIT)


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
