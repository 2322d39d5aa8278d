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
    # Seizure samples before a sample: flat between seizures, rising by one a sample inside them.
    before = np.zeros(merged.size)
    before[1::2] = np.cumsum(merged[:, 1] - merged[:, 0])
    before[2::2] = before[1:-1:2]
    first = starts.astype(np.int64)
    inside = np.interp(first + window_samples, merged.ravel(), before)
    return np.rint(inside - np.interp(first, merged.ravel(), before)).astype(np.int64)


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
) -> WindowGrid:
    """The windows of the recordings `rows`, each marked with what it holds.

    `n_samples` and `events` (each (k, 2), in samples) belong to `rows`, in the same order.

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
    for row, length, intervals in zip(rows, n_samples, events, strict=True):
        starts = window_starts(int(length), window_samples, stride_samples)
        # A padded tail is judged by the samples it has.
        present = np.minimum(starts + window_samples, length) - starts
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
    """1 where a sample of the window lies in a seizure, else 0: (window_samples,) uint8."""
    mask = np.zeros(window_samples, np.uint8)
    for first, last in events:
        mask[max(0, first - start) : max(0, last - start)] = 1
    return mask
