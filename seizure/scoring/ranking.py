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
    seizure, background = _of_both(probability, is_seizure)
    if seizure.size == 0 or background.size == 0:
        return None
    value, n = np.unique(seizure, return_counts=True)
    below = np.searchsorted(background, value, side="left")
    not_above = np.searchsorted(background, value, side="right")
    return float((n * (below + not_above)).sum() / (2 * seizure.size * background.size))


def auprc(probability: ArrayLike, is_seizure: ArrayLike) -> float | None:
    """Average precision: precision at every step of recall, not interpolated.

    None where there is no seizure. A detector that knows nothing scores the share of seizure.

    >>> round(auprc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 4)
    0.8333
    """
    seizure, background = _of_both(probability, is_seizure)
    if seizure.size == 0:
        return None
    # Recall steps at the values of seizure frames alone.
    value, n = np.unique(seizure, return_counts=True)
    n_seizure = np.cumsum(n[::-1])[::-1]
    n_background = background.size - np.searchsorted(background, value, side="left")
    return float((n * (n_seizure / (n_seizure + n_background))).sum() / seizure.size)


def _of_both(
    probability: ArrayLike, is_seizure: ArrayLike
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Probabilities of seizure and, sorted, of background: a copy each, and nothing larger."""
    p, label = np.asarray(probability), np.asarray(is_seizure, dtype=bool)
    if p.shape != label.shape or p.ndim != 1 or p.size == 0:
        raise ValueError(
            f"expected as many labels as probabilities, found {label.shape}, {p.shape}"
        )
    if not np.isfinite(p).all():
        raise ValueError("probabilities to rank must be finite")
    background = p[~label]
    background.sort()
    return p[label], background
