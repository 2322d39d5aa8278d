"""Which windows a set of recordings is cut into, and how much seizure each of them holds."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class WindowKind(IntEnum):
    """What a window holds."""

    BACKGROUND = 0
    PARTLY_SEIZURE = 1
    FULLY_SEIZURE = 2


@dataclass(frozen=True)
class WindowGrid:
    """Every window of some recordings, 9 bytes each: nothing is copied until a window is read.

    `row` (n,) int32 is the recording's row in the cache index, `start` (n,) int32 the window's
    first sample, `kind` (n,) uint8 a `WindowKind`. The last window of a recording may reach past
    its end: what lies beyond is padded and masked when it is read.
    """

    row: NDArray[np.int32]
    start: NDArray[np.int32]
    kind: NDArray[np.uint8]
    window_samples: int

    def __len__(self) -> int:
        return len(self.row)

    def count(self, kind: WindowKind) -> int:
        """Number of windows of one kind."""
        return int(np.count_nonzero(self.kind == kind))


def whole_samples(seconds: float, rate_hz: float) -> int:
    """Seconds as a whole number of samples; from here on everything is counted in integers.

    Raises `ValueError` where they are not one.

    >>> whole_samples(0.5, 256.0)
    128
    """
    n_samples = round(seconds * rate_hz)
    if abs(n_samples - seconds * rate_hz) > 1e-6:
        raise ValueError(
            f"found {seconds} s, which is {seconds * rate_hz} samples at {rate_hz:g} Hz, expected "
            f"a whole number of them; the nearest is {n_samples / rate_hz} s"
        )
    return n_samples


def window_starts(n_samples: int, window_samples: int, stride_samples: int) -> NDArray[np.int32]:
    """First samples of the windows that together cover a recording, the last one padded if need be.

    >>> window_starts(100, 60, 20).tolist()
    [0, 20, 40]
    >>> window_starts(101, 60, 20).tolist()
    [0, 20, 40, 60]
    """
    beyond_first = max(0, n_samples - window_samples)
    n_windows = 1 + -(-beyond_first // stride_samples)
    return np.arange(n_windows, dtype=np.int32) * np.int32(stride_samples)


def seizure_samples(
    starts: NDArray[np.integer], window_samples: int, events: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Number of seizure samples in each window `[start, start + window_samples)`.

    `events` (k, 2) are half-open sample intervals in any order; where they overlap, a sample
    counts once.
    """
    merged = merge_intervals(events)
    if len(merged) == 0:
        return np.zeros(len(starts), np.int64)
    total = np.concatenate([[0], np.cumsum(merged[:, 1] - merged[:, 0])])

    def before(sample: NDArray[np.int64]) -> NDArray[np.int64]:
        """Seizure samples before a sample: of all seizures begun, less what of the last is left."""
        n_begun = np.searchsorted(merged[:, 0], sample, side="right")
        left = np.maximum(merged[n_begun - 1, 1] - sample, 0)
        return total[n_begun] - np.where(n_begun > 0, left, 0)

    first = starts.astype(np.int64)
    return before(first + window_samples) - before(first)


def margins_of(
    events: NDArray[np.int64], before: int, after: int, n_samples: int
) -> NDArray[np.int64]:
    """The samples around seizures, `before` and `after` them, that are in no seizure: (k, 2).

    Half-open, sorted and disjoint, within a recording of `n_samples`.

    >>> margins_of(np.array([[100, 200], [230, 300]]), 10, 50, 320).tolist()
    [[90, 100], [200, 230], [300, 320]]
    """
    seizures = merge_intervals(events)
    if len(seizures) == 0 or before == after == 0:
        return np.zeros((0, 2), np.int64)
    widened = merge_intervals((seizures + np.array([-before, after])).clip(0, n_samples))
    # What is left of the widened seizures begins where one of them or a seizure within it ends.
    first = np.sort(np.concatenate([widened[:, 0], seizures[:, 1]]))
    last = np.sort(np.concatenate([seizures[:, 0], widened[:, 1]]))
    return np.stack([first, last], axis=1)[first < last]


def merge_intervals(intervals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted, disjoint intervals that cover the same samples; touching ones become one.

    >>> merge_intervals(np.array([[5, 9], [0, 3], [3, 4]])).tolist()
    [[0, 4], [5, 9]]
    """
    if len(intervals) == 0:
        return np.zeros((0, 2), np.int64)
    ordered = intervals[np.argsort(intervals[:, 0], kind="stable")].astype(np.int64)
    reach = np.maximum.accumulate(ordered[:, 1])
    opens = np.concatenate([[True], ordered[1:, 0] > reach[:-1]])
    closes = np.concatenate([opens[1:], [True]])
    return np.stack([ordered[opens, 0], reach[closes]], axis=1)


def cut_windows(
    rows: NDArray[np.int32],
    n_samples: NDArray[np.int64],
    events: list[NDArray[np.int64]],
    window_samples: int,
    stride_samples: int,
    margins: list[NDArray[np.int64]] | None = None,
) -> WindowGrid:
    """The windows of the recordings `rows`, each marked with what it holds.

    `n_samples` and `events` (each (k, 2), in samples) belong to `rows`, in the same order. With
    `margins` (see `margins_of`) a window that lies wholly in one is left out: there is nothing to
    learn from in it.

    >>> row, length, events = np.array([7], np.int32), np.array([200]), [np.array([[50, 130]])]
    >>> grid = cut_windows(row, length, events, 60, 60)
    >>> grid.start.tolist(), grid.kind.tolist()
    ([0, 60, 120, 180], [1, 2, 1, 0])
    """
    if window_samples <= 0 or stride_samples <= 0:
        raise ValueError(
            f"window and stride must be positive, found {window_samples} and {stride_samples}"
        )
    if len(n_samples) and int(n_samples.max()) > np.iinfo(np.int32).max - window_samples:
        raise ValueError("a recording is longer than 2^31 samples; split it before caching")
    row_parts, start_parts, kind_parts = [], [], []
    ignored = margins or [np.zeros((0, 2), np.int64)] * len(rows)
    for row, length, intervals, margin in zip(rows, n_samples, events, ignored, strict=True):
        starts = window_starts(int(length), window_samples, stride_samples)
        # A padded tail is judged by the samples it has.
        present = np.minimum(starts + window_samples, length) - starts
        learnt = seizure_samples(starts, window_samples, margin) < present
        starts, present = starts[learnt], present[learnt]
        ictal = seizure_samples(starts, window_samples, intervals)
        kind = np.full(len(starts), WindowKind.PARTLY_SEIZURE, np.uint8)
        kind[ictal == 0] = WindowKind.BACKGROUND
        kind[ictal >= present] = WindowKind.FULLY_SEIZURE
        row_parts.append(np.full(len(starts), row, np.int32))
        start_parts.append(starts)
        kind_parts.append(kind)

    def joined(parts: list[NDArray], dtype: type) -> NDArray:
        return np.concatenate(parts) if parts else np.zeros(0, dtype)

    return WindowGrid(
        row=joined(row_parts, np.int32),
        start=joined(start_parts, np.int32),
        kind=joined(kind_parts, np.uint8),
        window_samples=window_samples,
    )


def seizure_mask(start: int, window_samples: int, events: NDArray[np.int64]) -> NDArray[np.uint8]:
    """1 where a sample of the window lies in a seizure (or margin), else 0: (time,) uint8."""
    mask = np.zeros(window_samples, np.uint8)
    for first, last in events:
        mask[max(0, first - start) : max(0, last - start)] = 1
    return mask
