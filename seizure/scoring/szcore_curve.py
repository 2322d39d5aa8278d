"""SzCORE event counting on intervals of many recordings at once, for the sweep.

Exact copy of the *behaviour* of timescoring 0.0.7's EventScoring, whose 10 Hz masks would make a
sweep a hundred times slower; the tests hold the two equal.
Source: Dan et al., SzCORE, Epilepsia 2024; timescoring 0.0.7, default parameters.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seizure.events.decide import Intervals
from seizure.scoring.case import TrackedRecording
from seizure.scoring.timeline import TICKS_PER_S, overlapped, seizure_ticks, ticks

_MASK_HZ = 10
_MERGE_GAP_S = 90.0
_LONGEST_S = 300.0
_BEFORE_S = 30.0
_AFTER_S = 60.0


class SzcoreCounter:
    """True and false detections of all recordings, in SzCORE's event chunks, pooled."""

    def __init__(self, recordings: Sequence[TrackedRecording]) -> None:
        self._length = np.array([mask_frames(recording.duration_s) for recording in recordings])
        self._offset = np.append(0, np.cumsum(self._length + 1))[:-1]
        self._end_s = ticks([recording.duration_s for recording in recordings]) / TICKS_PER_S
        parts = [
            seizure_ticks(recording.reference, recording.duration_s) for recording in recordings
        ]
        index = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        seconds = np.concatenate(parts) / TICKS_PER_S
        chunks = split(merge(Intervals(index, seconds[:, 0], seconds[:, 1])))
        # timescoring takes the length of its mask, not of the recording, as the end.
        end_s = self._length[chunks.recording] / _MASK_HZ
        extended = Intervals(
            chunks.recording,
            np.maximum(chunks.start_s - _BEFORE_S, 0.0),
            np.minimum(chunks.stop_s + _AFTER_S, end_s),
        )
        self._start, self._stop = self._frames(extended)
        self.n_reference = len(chunks.recording)

    def __call__(self, found: Intervals) -> tuple[int, int]:
        """TP and FP of the detections."""
        # Rounded as `szcore.event` rounds them, so that both see the same numbers.
        start_s, stop_s = ticks(found.start_s) / TICKS_PER_S, ticks(found.stop_s) / TICKS_PER_S
        found = Intervals(
            found.recording, start_s, np.minimum(stop_s, self._end_s[found.recording])
        )
        start, stop = self._frames(split(merge(found)))
        # A last chunk shorter than a mask frame marks nothing, yet counts as a false alarm.
        marked = stop > start
        hit = overlapped(self._start, self._stop, start[marked], stop[marked])
        right = overlapped(start, stop, self._start[hit], self._stop[hit]) & marked
        return int(hit.sum()), int((~right).sum())

    def _frames(self, events: Intervals) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Mask frames on the common time line; rint rounds halves to even as `round` does."""
        offset, length = self._offset[events.recording], self._length[events.recording]
        start = np.rint(events.start_s * _MASK_HZ).astype(np.int64)
        stop = np.rint(events.stop_s * _MASK_HZ).astype(np.int64)
        return np.minimum(start, length) + offset, np.minimum(stop, length) + offset


def mask_frames(duration_s: float) -> int:
    """Frames of the 10 Hz mask of one recording."""
    return round(duration_s * _MASK_HZ)


def merge(events: Intervals) -> Intervals:
    """Events closer than 90 s become one."""
    if events.recording.size == 0:
        return events
    gap = events.start_s[1:] - events.stop_s[:-1]
    cuts = np.flatnonzero((events.recording[1:] != events.recording[:-1]) | (gap >= _MERGE_GAP_S))
    first, last = np.append(0, cuts + 1), np.append(cuts, events.recording.size - 1)
    return Intervals(events.recording[first], events.start_s[first], events.stop_s[last])


def split(events: Intervals) -> Intervals:
    """Events cut into chunks of at most 300 s."""
    recording, start_s, stop_s = events
    done = []
    # Adding 300 s again and again, not a multiple of it, repeats timescoring's rounding.
    while recording.size:
        long = stop_s - start_s > _LONGEST_S
        cut_s = np.where(long, start_s + _LONGEST_S, stop_s)
        done.append((recording, start_s, cut_s))
        recording, start_s, stop_s = recording[long], cut_s[long], stop_s[long]
    if not done:
        return events
    recording, start_s, stop_s = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.lexsort((start_s, recording))
    return Intervals(recording[order], start_s[order], stop_s[order])
