"""From a probability track to events: the one post-processing that every stage shares.

On the infinite time line, everything outside the recording is off:

1. hysteresis: on at the first frame with p >= on, stays on while p >= off (a Schmitt trigger,
   running forward in time: an event never reaches back before the frame that set it off);
2. opening: runs shorter than `opening_frames` vanish;
3. closing: gaps shorter than `closing_frames` between two runs are filled, never those at the
   ends of the recording;
4. frames become seconds, the last frame cut at the end of the recording;
5. events shorter than `min_duration_s` vanish;
6. gaps shorter than `merge_gap_s` are merged.

There is no maximum duration: events split at a maximum touch, and touching events are one event
for NEDC and for SzCORE (which splits at 300 s by itself).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seizure.eeg.annotation import Event
from seizure.events.stitch import Track

# Seconds come from dividing frames, so a run of exactly 3 s may measure 3 s - 4e-16.
_SLACK_S = 1e-9
# A last frame cut to almost nothing is no event; scorers round to 0.1 ms.
_SHORTEST_EVENT_S = 1e-3


@dataclass(frozen=True)
class Postprocessing:
    """How a track becomes events; lengths in frames count at the track's own rate.

    The threshold to go off is `off_ratio * on_threshold`, so that a sweep over one number moves
    both. Raises `ValueError` for settings that mean nothing.

    >>> round(Postprocessing(on_threshold=0.5, off_ratio=0.8).off_threshold, 3)
    0.4
    """

    on_threshold: float = 0.86
    off_ratio: float = 0.78 / 0.86
    opening_frames: int = 11
    closing_frames: int = 31
    min_duration_s: float = 3.0
    merge_gap_s: float = 2.0

    def __post_init__(self) -> None:
        # At zero every frame, and the outside of the recording too, would be on.
        for name in ("on_threshold", "off_ratio"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"{name} must be in (0, 1], found {value}")
        for name in ("opening_frames", "closing_frames", "min_duration_s", "merge_gap_s"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be finite and not negative, found {value}")

    @property
    def off_threshold(self) -> float:
        """The probability below which an event ends."""
        return self.off_ratio * self.on_threshold


class Runs(NamedTuple):
    """Runs of frames `[start, stop)` of several recordings, sorted by recording, then by start.

    All arrays are int64 `(n_runs,)`; frames count from the start of their own recording.
    """

    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def where(self, keep: NDArray[np.bool_]) -> "Runs":
        """The runs for which `keep` holds."""
        return Runs(self.recording[keep], self.start[keep], self.stop[keep])


class Intervals(NamedTuple):
    """Events of several recordings in seconds, sorted, never touching within a recording.

    `recording` is int64, `start_s` and `stop_s` float64, all `(n_events,)`.
    """

    recording: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]


def decide(track: Track, settings: Postprocessing) -> tuple[Event, ...]:
    """The seizures found in one track, sorted, disjoint and inside the recording.

    An event's `confidence` is the mean probability over its frames, bridged gaps included.

    >>> track = Track("a", 16.0, np.repeat(np.float32([0.1, 0.9, 0.1]), 160), 30.0)
    >>> [(event.start_s, event.stop_s) for event in decide(track, Postprocessing())]
    [(10.0, 20.0)]
    """
    probability = track.probability
    start, stop = hysteresis(
        np.flatnonzero(_changes(probability >= np.float32(settings.on_threshold))),
        np.flatnonzero(_changes(probability >= np.float32(settings.off_threshold))),
    )
    runs = Runs(np.zeros_like(start), start, stop)
    rate_hz, duration_s = np.array([track.rate_hz]), np.array([track.duration_s])
    found = settle(runs, rate_hz, duration_s, settings)
    events = []
    for start_s, stop_s in zip(found.start_s.tolist(), found.stop_s.tolist(), strict=True):
        first, last = round(start_s * track.rate_hz), int(np.ceil(stop_s * track.rate_hz - 1e-6))
        confidence = float(probability[first:last].mean(dtype=np.float64))
        events.append(Event(start_s, stop_s, confidence=confidence))
    return tuple(events)


def hysteresis(
    on_edges: NDArray[np.int64], off_edges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and stop of every hysteresis run, from the edges of the two threshold masks.

    Edges alternate rise, fall, rise, ... `(2 n,)`. Every run of the upper mask lies in a run of
    the lower one; a run lasts from the first rise of the upper mask to the lower mask's fall.

    >>> start, stop = hysteresis(np.array([3, 4, 6, 7]), np.array([1, 8, 9, 12]))
    >>> start.tolist(), stop.tolist()
    ([3], [8])
    """
    rise, low_start, low_stop = on_edges[0::2], off_edges[0::2], off_edges[1::2]
    first = np.searchsorted(rise, low_start)
    # No rise lies between two runs of the lower mask, so the next run's first one ends this run's.
    reaches_on = np.diff(first, append=rise.size) > 0
    return rise[first[reaches_on]], low_stop[reaches_on]


def settle(
    runs: Runs, rate_hz: NDArray[np.float64], duration_s: NDArray[np.float64], s: Postprocessing
) -> Intervals:
    """Steps 2 to 6: opening, closing, seconds, minimum duration, merging, for many recordings.

    `rate_hz` and `duration_s` are `(n_recordings,)`, looked up by `runs.recording`.
    """
    runs = runs.where(runs.stop - runs.start >= s.opening_frames)
    first, last = _groups(runs.recording, runs.start, runs.stop, s.closing_frames)
    recording = runs.recording[first]
    start_s = runs.start[first] / rate_hz[recording]
    stop_s = np.minimum(runs.stop[last] / rate_hz[recording], duration_s[recording])
    shortest_s = max(s.min_duration_s - _SLACK_S, _SHORTEST_EVENT_S)
    long_enough = stop_s - start_s >= shortest_s
    recording, start_s, stop_s = recording[long_enough], start_s[long_enough], stop_s[long_enough]
    first, last = _groups(recording, start_s, stop_s, s.merge_gap_s - _SLACK_S)
    return Intervals(recording[first], start_s[first], stop_s[last])


def _groups(
    recording: NDArray, start: NDArray, stop: NDArray, gap: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last index of every group of neighbours closer than `gap`."""
    if start.size == 0:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing
    apart = (recording[1:] != recording[:-1]) | (start[1:] - stop[:-1] >= gap)
    cuts = np.flatnonzero(apart)
    return np.append(0, cuts + 1), np.append(cuts, start.size - 1)


def _changes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a mask differs from the frame before it, `(n + 1,)`; off outside the recording."""
    padded = np.zeros(mask.size + 2, dtype=bool)
    padded[1:-1] = mask
    return padded[1:] != padded[:-1]
