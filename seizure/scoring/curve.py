"""Sensitivity against false alarms, for every threshold at once and exactly as `decide` gives it.

Each track is quantised once against all thresholds and run-length encoded; hysteresis, opening,
closing, minimum duration and merging then work on the runs of some hours of recordings together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seizure.events.decide import Intervals, Postprocessing, Runs, hysteresis, settle
from seizure.events.export import write_atomically
from seizure.scoring.case import TrackedRecording
from seizure.scoring.frames import in_groups
from seizure.scoring.quantiles import closest_observations
from seizure.scoring.szcore_curve import SzcoreCounter
from seizure.scoring.timeline import overlapped, seizure_ticks, ticks

Counting = Literal["nedc_ovlp", "szcore_event"]

# Leaving out what is lost for good pays off about this often as the threshold rises.
_NARROW_EVERY = 8


@dataclass(frozen=True)
class OperatingPoint:
    """One threshold and what it gives, with the raw numbers behind the rates."""

    threshold: float
    sensitivity: float
    fa_per_24h: float
    tp: int
    fp: int
    fn: int
    n_reference: int
    hours: float
    # Share of all EEG that is called seizure; None in a file from before it was kept.
    alarm_share: float | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """Counts at every threshold, pooled over recordings; arrays are `(n_thresholds,)`.

    `hours` is the EEG scored, seizures included; `n_reference` counts seizures as the scorer does;
    `alarm_hours` is how much of the EEG is called seizure, which any-overlap counts do not see.
    """

    counting: Counting
    thresholds: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    n_reference: int
    hours: float
    alarm_hours: NDArray[np.float64]

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of the reference seizures found; NaN where there is none."""
        if self.n_reference == 0:
            return np.full(self.tp.shape, np.nan)
        return self.tp / self.n_reference

    @property
    def fa_per_24h(self) -> NDArray[np.float64]:
        """False alarms in 24 hours of EEG."""
        return self.fp / self.hours * 24

    @property
    def alarm_share(self) -> NDArray[np.float64]:
        """Share of all EEG that is called seizure."""
        return self.alarm_hours / self.hours

    def point(self, index: int) -> OperatingPoint:
        """The operating point at one position of the sweep."""
        return OperatingPoint(
            threshold=float(self.thresholds[index]),
            sensitivity=float(self.sensitivity[index]),
            fa_per_24h=float(self.fa_per_24h[index]),
            tp=int(self.tp[index]),
            fp=int(self.fp[index]),
            fn=int(self.fn[index]),
            n_reference=self.n_reference,
            hours=self.hours,
            alarm_share=float(self.alarm_share[index]),
        )


def sensitivity_at(
    curve: Curve, fa_per_24h: float, max_alarm_share: float = 1.0
) -> OperatingPoint | None:
    """The most sensitive point of the whole sweep with at most so many false alarms, or None.

    Points that call more than `max_alarm_share` of all EEG seizure take no part.

    None means not reachable: every threshold gives more, or there is no seizure to find. False
    alarms do not fall steadily as the threshold rises, so all points are looked at. Of equally
    sensitive points the one with fewest false alarms wins, then the highest threshold.
    """
    allowed = np.flatnonzero(
        (curve.fa_per_24h <= fa_per_24h) & (curve.alarm_share <= max_alarm_share)
    )
    if curve.n_reference == 0 or allowed.size == 0:
        return None
    order = np.lexsort((curve.thresholds[allowed], -curve.fp[allowed], curve.tp[allowed]))
    return curve.point(int(allowed[order[-1]]))


def thresholds_for(recordings: Sequence[TrackedRecording], n: int = 200) -> NDArray[np.float64]:
    """At most `n` ascending thresholds, dense where the counts of these recordings change.

    Half are even in logit; a quarter are upper quantiles of all frames; a quarter are quantiles
    of each minute's highest frame, since false alarms appear and vanish at those.
    Raises `ValueError` for no recordings or `n` below 8.
    """
    if n < 8:
        raise ValueError(f"a sweep needs at least 8 thresholds, found n={n}")
    _check_some(recordings)
    even = 1 / (1 + np.exp(-np.linspace(-7.0, 9.0, n - 2 * (n // 4))))
    values = [recording.track.probability for recording in recordings]
    tail = np.geomspace(0.5, 1 / max(sum(map(len, values)), 4), n // 4)
    highest = np.concatenate([_highest_per_minute(recording) for recording in recordings])
    spread = np.linspace(0.0, 1.0, n // 4)
    own = np.append(
        closest_observations(values, 1 - tail),
        closest_observations([highest], spread),
    )
    grid = np.unique(np.append(even, own.astype(np.float64)))
    return grid[grid > 0]


def sweep(
    recordings: Sequence[TrackedRecording],
    settings: Postprocessing,
    thresholds: ArrayLike,
    counting: Counting = "nedc_ovlp",
) -> Curve:
    """The counts at every threshold, equal to `decide` and the scorer run threshold by threshold.

    `settings.on_threshold` is replaced by each threshold, the off threshold follows by
    `off_ratio`. Raises `ValueError` for thresholds that do not ascend in (0, 1].
    """
    _check_some(recordings)
    on = np.asarray(thresholds, dtype=np.float64)
    if on.ndim != 1 or on.size == 0 or not (on[0] > 0 and on[-1] <= 1 and (np.diff(on) > 0).all()):
        raise ValueError(f"thresholds must ascend in (0, 1], found {on}")
    counts, alarm_s = np.zeros((on.size, 2), dtype=np.int64), np.zeros(on.size)
    n_reference = 0
    for group in in_groups(recordings):
        counter = _counter(counting, group)
        n_reference += counter.n_reference
        for level, found in enumerate(_found(group, settings, on)):
            counts[level] += counter(found)
            alarm_s[level] += (found.stop_s - found.start_s).sum()
    return Curve(
        counting=counting,
        thresholds=on,
        tp=counts[:, 0],
        fp=counts[:, 1],
        fn=n_reference - counts[:, 0],
        n_reference=n_reference,
        hours=sum(recording.track.duration_s for recording in recordings) / 3600,
        alarm_hours=alarm_s / 3600,
    )


def _found(
    recordings: Sequence[TrackedRecording], settings: Postprocessing, on: NDArray[np.float64]
) -> Iterator[Intervals]:
    """The events of some recordings at each threshold in turn."""
    n_frames = np.array([recording.track.n_frames for recording in recordings])
    # One frame of silence after each recording keeps runs from crossing into the next.
    offset = np.append(0, np.cumsum(n_frames + 1))[:-1]
    rate_hz = np.array([recording.track.rate_hz for recording in recordings])
    duration_s = np.array([recording.track.duration_s for recording in recordings])
    upper, lower = _encoded(recordings, offset, on, settings.off_ratio * on)
    for level in range(on.size):
        low_edges = lower.edges(level)
        start, stop = hysteresis(upper.edges(level), low_edges)
        long_enough = stop - start >= settings.opening_frames
        start, stop = start[long_enough], stop[long_enough]
        if level % _NARROW_EVERY == 0:
            # At a higher threshold runs lie within these and are shorter, so that what a run of
            # the lower mask lost here by silence or by opening is lost for good.
            low_start = low_edges[0::2][np.searchsorted(low_edges[1::2], stop)]
            upper, lower = (code.within(level, low_start, stop) for code in (upper, lower))
        # There are fewer recordings than runs: count the runs of each, instead of asking each run.
        n_runs = np.diff(np.searchsorted(start, offset), append=start.size)
        index = np.repeat(np.arange(offset.size), n_runs)
        runs = Runs(index, start - offset[index], stop - offset[index])
        yield settle(runs, rate_hz, duration_s, settings)


def write_curves(path: str | Path, curves: Sequence[Curve]) -> Path:
    """Write every point of some curves as CSV, so that they can be drawn beside others."""
    names = [field.name for field in fields(OperatingPoint)]
    lines = [",".join(["counting", *names])]
    for curve in curves:
        points = (curve.point(place) for place in range(curve.thresholds.size))
        lines += [",".join([curve.counting, *map(str, astuple(point))]) for point in points]
    return write_atomically(path, "\n".join(lines) + "\n")


@dataclass(frozen=True, eq=False)
class _Levels:
    """Run-length code of some recordings: from `position` on, `level` thresholds are reached."""

    position: NDArray[np.int32]
    level: NDArray[np.signedinteger]

    def within(self, floor: int, start: NDArray[np.int64], stop: NDArray[np.int64]) -> "_Levels":
        """The same for thresholds from `floor` on, where all but `[start, stop)` is off."""
        change = np.zeros(self.position.size + 1, dtype=np.int8)
        change[np.searchsorted(self.position, start)] = 1
        # No change may lie between two stretches: then one begins where the other ends.
        change[np.searchsorted(self.position, stop)] -= 1
        is_within = np.cumsum(change[:-1], dtype=np.int8).view(bool)
        level = np.where(is_within, np.maximum(self.level, floor), self.level.dtype.type(floor))
        kept = np.append(True, level[1:] != level[:-1])
        return _Levels(self.position[kept], level[kept])

    def edges(self, index: int) -> NDArray[np.int64]:
        """Rise, fall, rise, fall, ... of "threshold `index` is reached", in frames."""
        reached = self.level > index
        changes = np.flatnonzero(reached[1:] != reached[:-1]) + 1
        edges = self.position[changes].astype(np.int64)
        return np.append(self.position[:1].astype(np.int64), edges) if reached[0] else edges


def _encoded(
    recordings: Sequence[TrackedRecording], offset: NDArray[np.int64], *thresholds: NDArray
) -> list[_Levels]:
    """The run-length code of some recordings, one after another, for each row of thresholds."""
    # `decide` compares in float32; so must this, or values at a threshold could differ.
    bounds = [row.astype(np.float32) for row in thresholds]
    # Each frame is looked up once, among all thresholds together.
    every = np.unique(np.concatenate(bounds))
    small = np.int16 if every.size < 1 << 15 else np.int32
    of_place = [
        np.append(0, np.searchsorted(row, every, side="right")).astype(small) for row in bounds
    ]
    n_frames = [recording.track.n_frames for recording in recordings]
    place = np.zeros(int(offset[-1]) + n_frames[-1] + 1, dtype=small)
    for recording, first, n in zip(recordings, offset, n_frames, strict=True):
        probability = recording.track.probability
        place[first : first + n] = np.searchsorted(every, probability, side="right")
    codes = []
    for levels in of_place:
        level = levels[place]
        changes = np.append(0, np.flatnonzero(level[1:] != level[:-1]) + 1)
        codes.append(_Levels(changes.astype(np.int32), level[changes]))
    return codes


class _OvlpCounter:
    """Counts NEDC OVLP on one integer time line that holds all recordings one after another."""

    def __init__(self, recordings: Sequence[TrackedRecording]) -> None:
        length = ticks([recording.duration_s for recording in recordings])
        # The extra tick keeps an event at an end from touching the next recording.
        self._offset = np.append(0, np.cumsum(length + 1))[:-1]
        self._length = length
        reference = np.concatenate(
            [
                seizure_ticks(recording.reference, recording.duration_s) + first
                for recording, first in zip(recordings, self._offset, strict=True)
            ]
        )
        self._start, self._stop = reference[:, 0], reference[:, 1]
        self.n_reference = len(reference)

    def __call__(self, found: Intervals) -> tuple[int, int]:
        offset, length = self._offset[found.recording], self._length[found.recording]
        start = ticks(found.start_s) + offset
        stop = np.minimum(ticks(found.stop_s), length) + offset
        hit = overlapped(self._start, self._stop, start, stop)
        right = overlapped(start, stop, self._start, self._stop)
        return int(hit.sum()), int((~right).sum())


def _counter(
    counting: Counting, recordings: Sequence[TrackedRecording]
) -> "_OvlpCounter | SzcoreCounter":
    counters: dict[str, Callable] = {"nedc_ovlp": _OvlpCounter, "szcore_event": SzcoreCounter}
    if counting not in counters:
        raise ValueError(f"counting must be one of {', '.join(counters)}, found {counting!r}")
    return counters[counting](recordings)


def _highest_per_minute(recording: TrackedRecording) -> NDArray[np.float32]:
    track = recording.track
    minutes = np.arange(0, track.n_frames, max(1, round(60 * track.rate_hz)))
    return np.maximum.reduceat(track.probability, minutes)


def _check_some(recordings: Sequence[TrackedRecording]) -> None:
    if not recordings:
        raise ValueError("a curve needs at least one recording, found none")
