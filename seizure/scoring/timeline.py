"""Seizures on the integer time line that NEDC's rounding to four decimals makes."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seizure.eeg.annotation import Event

TICKS_PER_S = 10_000


def ticks(seconds: ArrayLike) -> NDArray[np.int64]:
    """Seconds as whole numbers of 0.1 ms, so that comparisons are exact.

    >>> ticks([1.0, 0.00004]).tolist()
    [10000, 0]
    """
    return np.rint(np.asarray(seconds, dtype=np.float64) * TICKS_PER_S).astype(np.int64)


def seizure_ticks(events: Iterable[Event], duration_s: float) -> NDArray[np.int64]:
    """Seizures as NEDC's parser sees them, `(n, 2)` starts and stops in ticks.

    Sorted; touching ones are one (NEDC collapses consecutive equal labels); overlapping ones are
    one too, which NEDC leaves undefined; nothing passes the end of the recording.

    >>> seizure_ticks([Event(2.0, 3.0), Event(1.0, 2.0)], 10.0).tolist()
    [[10000, 30000]]
    """
    rows = ticks([(event.start_s, event.stop_s) for event in events]).reshape(-1, 2)
    rows = np.minimum(rows, ticks(duration_s))
    rows = rows[rows[:, 1] > rows[:, 0]]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if len(rows) < 2:
        return rows
    reach = np.maximum.accumulate(rows[:, 1])
    cuts = np.flatnonzero(rows[1:, 0] > reach[:-1])
    return np.stack([rows[np.append(0, cuts + 1), 0], reach[np.append(cuts, -1)]], axis=1)


def overlapped(
    start: NDArray, stop: NDArray, other_start: NDArray, other_stop: NDArray
) -> NDArray[np.bool_]:
    """Which `[start, stop)` strictly overlap any of the others; both ends of the others ascend.

    >>> overlapped(*np.array([[0, 5], [5, 9], [5, 6], [6, 7]])).tolist()
    [False, True]
    """
    n_started = np.searchsorted(other_start, stop, side="left")
    n_ended = np.searchsorted(other_stop, start, side="right")
    return n_started > n_ended
