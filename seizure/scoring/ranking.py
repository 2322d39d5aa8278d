"""How well probabilities rank seizure above background, whatever the threshold.

Always say of which unit: here the callers rank frames of stitched tracks, not windows or clips.
Only the seizures' probabilities are held, some hundredths of all.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seizure.scoring.labelled import Groups, checked


def auroc(groups: Groups) -> float | None:
    """Chance that a seizure frame ranks above a background frame, ties counting half.

    None where one of the two classes is missing: there is nothing to rank.
    Source: Hanley and McNeil, Radiology 1982.

    >>> auroc([([0.1, 0.4], [False, False]), ([0.35, 0.8], [True, True])])
    0.75
    """
    value, n = _of_seizures(groups)
    n_won_twice = n_background = 0
    for background in _of_background(groups):
        below = np.searchsorted(background, value, side="left")
        not_above = np.searchsorted(background, value, side="right")
        n_won_twice += int((n * (below + not_above)).sum())
        n_background += background.size
    if n.size == 0 or n_background == 0:
        return None
    return n_won_twice / (2 * int(n.sum()) * n_background)


def auprc(groups: Groups) -> float | None:
    """Average precision: precision at every step of recall, not interpolated.

    None where there is no seizure. A detector that knows nothing scores the share of seizure.

    >>> round(auprc([([0.1, 0.4, 0.35, 0.8], [False, False, True, True])]), 4)
    0.8333
    """
    # Recall steps at the values of seizure frames alone.
    value, n = _of_seizures(groups)
    if n.size == 0:
        return None
    n_background = np.zeros(n.size, dtype=np.int64)
    for background in _of_background(groups):
        n_background += background.size - np.searchsorted(background, value, side="left")
    n_seizure = np.cumsum(n[::-1])[::-1]
    return float((n * (n_seizure / (n_seizure + n_background))).sum() / n.sum())


def _of_seizures(groups: Groups) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The distinct probabilities of seizure frames, ascending, and how often each occurs."""
    found = np.concatenate([p[label] for p, label in checked(groups)])
    return np.unique(found, return_counts=True)


def _of_background(groups: Groups) -> Iterator[NDArray[np.float32]]:
    """The background's probabilities, group by group, sorted."""
    return (np.sort(p[~label]) for p, label in checked(groups))
