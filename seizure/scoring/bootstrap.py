"""Confidence intervals that draw whole patients, since recordings of one are not independent."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Takes summed counts (n_draws, n_columns) and returns one figure per draw.
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Interval(NamedTuple):
    """A figure with its interval; NaN where too few draws define it."""

    value: float
    low: float
    high: float


def patient_interval(
    patients: Sequence[str],
    counts: ArrayLike,
    statistic: Statistic,
    n_draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a figure made of summed counts, resampling patients.

    `counts` is `(n_recordings, n_columns)`. For two models compared on the same recordings put
    the counts of both side by side and let `statistic` return the difference: that is paired.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    >>> share = lambda summed: summed[:, 0] / summed.sum(axis=1)
    >>> patient_interval(["a", "b"], [[1, 1], [1, 1]], share)
    Interval(value=0.5, low=0.5, high=0.5)
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(patients) or len(table) == 0:
        raise ValueError(
            f"expected counts of shape (n_recordings, n_columns) for {len(patients)} recordings, "
            f"found {table.shape}"
        )
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    of_patient = np.zeros((names.size, table.shape[1]))
    np.add.at(of_patient, owner, table)
    n_times = np.random.default_rng(seed).multinomial(
        names.size, np.full(names.size, 1 / names.size), size=n_draws
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = statistic(n_times @ of_patient)
        value = float(statistic(of_patient.sum(axis=0, keepdims=True))[0])
    # A draw without a seizure has no sensitivity.
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size < n_draws / 2:
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
