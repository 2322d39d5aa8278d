"""Whether a probability of 0.7 means 7 in 10: reliability, ECE, Brier score, temperature."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from seizure.scoring.labelled import Groups, checked
from seizure.scoring.quantiles import closest_observations

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
    groups: Groups, binning: Binning = "equal_width", n_bins: int = 15, temperature: float = 1.0
) -> Reliability:
    """Bins of equal width in probability, or of equal numbers of frames, after a temperature.

    The first bin holds p = 0, the last one p = 1. Equal probabilities are never split over two
    bins, so bins of equal mass may be fewer. Source: Naeini et al., AAAI 2015; Nguyen and
    O'Connor, EMNLP 2015 (equal mass).

    >>> reliability([([0.0, 0.0, 1.0, 1.0], [False, False, True, True])]).ece
    0.0
    """
    if n_bins < 1:
        raise ValueError(f"expected at least one bin, found {n_bins}")
    if binning not in ("equal_width", "equal_mass"):
        raise ValueError(f"binning must be equal_width or equal_mass, found {binning!r}")
    edges = None
    if binning == "equal_mass":
        edges = np.unique(
            closest_observations(_Probabilities(groups), np.arange(1, n_bins) / n_bins)
        )
    n = np.zeros(n_bins, dtype=np.int64)
    total_p, n_seizure = np.zeros(n_bins), np.zeros(n_bins)
    for raw, label in checked(groups):
        p = scaled(raw, temperature)
        if edges is None:
            bins = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
        else:
            # A temperature keeps the order, so that bins of equal mass stay what they are.
            bins = np.searchsorted(edges, raw, side="left")
        n += np.bincount(bins, minlength=n_bins)
        total_p += np.bincount(bins, weights=p, minlength=n_bins)
        n_seizure += np.bincount(bins, weights=label, minlength=n_bins)
    filled = n > 0
    return Reliability(
        n=n[filled],
        mean_probability=total_p[filled] / n[filled],
        seizure_share=n_seizure[filled] / n[filled],
    )


def brier(groups: Groups, temperature: float = 1.0) -> float:
    """Mean squared distance of probability and outcome, after a temperature; 0 is best.

    Source: Brier, Monthly Weather Review 1950 (two classes, halved).

    >>> brier([([0.5, 1.0], [False, True])])
    0.125
    """
    total, n = 0.0, 0
    for p, label in checked(groups):
        total += float(((scaled(p, temperature) - label) ** 2).sum())
        n += p.size
    return total / n


def fit_temperature(groups: Groups) -> float:
    """The number that log-odds are divided by for the highest likelihood, between 0.05 and 20.

    Above 1 the probabilities were too sure. Rounds log-odds to 0.005. Source: Guo et al., On
    calibration of modern neural networks, ICML 2017, section 4.2 (two classes).

    >>> round(fit_temperature([([0.9] * 4 + [0.1] * 4, [1, 1, 1, 0, 0, 0, 0, 1])]), 2)
    2.0
    """
    most = round(_LARGEST_LOGIT / _LOGIT_STEP)
    n, n_seizure = np.zeros(2 * most + 1), np.zeros(2 * most + 1)
    for p, label in checked(groups):
        step = np.rint(_logit(p.astype(np.float64)) / _LOGIT_STEP).astype(np.int64) + most
        n += np.bincount(step, minlength=n.size)
        n_seizure += np.bincount(step, weights=label, minlength=n.size)
    filled = np.flatnonzero(n)
    n, n_seizure, logit = n[filled], n_seizure[filled], (filled - most) * _LOGIT_STEP

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
    p = np.asarray(probability, dtype=np.float64)
    # At 1 they stay as they are, to the last bit and beyond the largest log-odds.
    return p if temperature == 1 else 1 / (1 + np.exp(-_logit(p) / temperature))


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -_LARGEST_LOGIT, _LARGEST_LOGIT)


class _Probabilities:
    """The probabilities of groups alone, as often as they are asked for."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (p for p, _ in checked(self._groups))
