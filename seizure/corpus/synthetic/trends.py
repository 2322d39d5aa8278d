"""What a monitor adds at 1 Hz: how much of the last minute was suppressed, and in which pieces."""

import numpy as np

MEMORY_S = 60
SUPPRESSED_BELOW = 0.75
"""Of the recording's median activity; a second below it counts as suppressed."""
_SECONDS_AT_ONCE = 120


def trends(scalp_uv: np.ndarray, rate_hz: int) -> tuple[tuple[str, np.ndarray], ...]:
    """`IBI` (mean suppression in s), `BURSTS` (its ends) and `SUPPR` (%) of the last minute.

    `scalp_uv` is (electrode, sample); each course is (second,) float32. Stand-ins for a monitor's
    trends, whose definitions are their makers'.

    >>> [label for label, _ in trends(np.ones((19, 2560), np.float32), 256)]
    ['IBI', 'BURSTS', 'SUPPR']
    """
    activity = _activity(scalp_uv, rate_hz)
    suppressed = activity < SUPPRESSED_BELOW * np.median(activity)
    ended = np.zeros(len(suppressed), dtype=bool)
    ended[1:] = suppressed[:-1] & ~suppressed[1:]
    n_suppressed, n_ended = _in_the_last_minute(suppressed), _in_the_last_minute(ended)
    n_seconds = np.minimum(np.arange(1, len(suppressed) + 1), MEMORY_S)
    courses = {
        "IBI": n_suppressed / np.maximum(n_ended, 1),
        "BURSTS": n_ended,
        "SUPPR": 100.0 * n_suppressed / n_seconds,
    }
    return tuple((label, course.astype(np.float32)) for label, course in courses.items())


def _activity(scalp_uv: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean step between samples in every second, (second,), at the median electrode."""
    n_seconds = scalp_uv.shape[1] // rate_hz
    activity = np.empty(n_seconds)
    for first in range(0, n_seconds, _SECONDS_AT_ONCE):
        last = min(first + _SECONDS_AT_ONCE, n_seconds)
        block = scalp_uv[:, first * rate_hz : last * rate_hz].reshape(len(scalp_uv), -1, rate_hz)
        activity[first:last] = np.median(np.abs(np.diff(block, axis=2)).mean(axis=2), axis=0)
    return activity


def _in_the_last_minute(happens: np.ndarray) -> np.ndarray:
    total = np.cumsum(happens)
    total[MEMORY_S:] = total[MEMORY_S:] - total[:-MEMORY_S]
    return total
