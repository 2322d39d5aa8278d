"""How well probabilities rank seizure above background, whatever the threshold.

Always say of which unit: here the callers rank frames of stitched tracks, not windows or clips.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auroc(probability: ArrayLike, is_seizure: ArrayLike) -> float | None:
    """Chance that a seizure frame ranks above a background frame, ties counting half.

    None where one of the two classes is missing: there is nothing to rank.
    Source: Hanley and McNeil, Radiology 1982.

    >>> auroc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    n_seizure, n_background = _cumulated(probability, is_seizure)
    if n_seizure[-1] == 0 or n_background[-1] == 0:
        return None
    area = np.trapezoid(n_seizure.astype(np.float64), n_background.astype(np.float64))
    return float(area / (float(n_seizure[-1]) * float(n_background[-1])))


def auprc(probability: ArrayLike, is_seizure: ArrayLike) -> float | None:
    """Average precision: precision at every step of recall, not interpolated.

    None where there is no seizure. A detector that knows nothing scores the share of seizure.

    >>> round(auprc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 4)
    0.8333
    """
    n_seizure, n_background = _cumulated(probability, is_seizure)
    if n_seizure[-1] == 0:
        return None
    precision = n_seizure[1:] / (n_seizure[1:] + n_background[1:])
    return float((np.diff(n_seizure) * precision).sum() / n_seizure[-1])


def _cumulated(
    probability: ArrayLike, is_seizure: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Seizure and background frames at or above each distinct probability, from zero up."""
    p, label = np.asarray(probability), np.asarray(is_seizure, dtype=bool)
    if p.shape != label.shape or p.ndim != 1 or p.size == 0:
        raise ValueError(
            f"expected as many labels as probabilities, found {label.shape}, {p.shape}"
        )
    if not np.isfinite(p).all():
        raise ValueError("probabilities to rank must be finite")
    order = np.argsort(-p, kind="stable")
    p, label = p[order], label[order]
    last_of_value = np.append(np.flatnonzero(p[1:] != p[:-1]), p.size - 1)
    n_seizure = np.cumsum(label)[last_of_value]
    return np.append(0, n_seizure), np.append(0, last_of_value + 1 - n_seizure)
