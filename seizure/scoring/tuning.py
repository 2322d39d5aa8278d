"""The post-processing that does best on one set of recordings, every combination tried.

Each combination is swept exactly over all thresholds, so nothing is sampled and the result does not
depend on a seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from seizure.events.decide import Postprocessing
from seizure.scoring.case import TrackedRecording
from seizure.scoring.curve import OperatingPoint, sweep, thresholds_for
from seizure.scoring.operating_point import MAX_ALARM_SHARE, Choice, choose

FIELDS = ("off_ratio", "opening_frames", "closing_frames", "min_duration_s", "merge_gap_s")


@dataclass(frozen=True)
class SearchGrid:
    """The values to try of every setting but the threshold, in units of `Postprocessing`.

    Raises `ValueError` for a value that means nothing there.

    >>> len(SearchGrid((0.5, 0.9), (11,), (31,), (3.0, 5.0), (2.0,)).around(Postprocessing()))
    5
    """

    off_ratio: tuple[float, ...]
    opening_frames: tuple[int, ...]
    closing_frames: tuple[int, ...]
    min_duration_s: tuple[float, ...]
    merge_gap_s: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in FIELDS:
            if not getattr(self, name):
                raise ValueError(f"{name}: no value to try, expected at least one")
        self.around(Postprocessing())

    def around(self, start: Postprocessing) -> tuple[Postprocessing, ...]:
        """Every combination, `start` itself first; none twice."""
        values = product(*(getattr(self, name) for name in FIELDS))
        tried = [
            replace(start, **dict(zip(FIELDS, combination, strict=True))) for combination in values
        ]
        return tuple(dict.fromkeys([start, *tried]))


@dataclass(frozen=True)
class Tuned:
    """The best choice, and what the settings it began with give on the same recordings."""

    choice: Choice
    before: OperatingPoint


def tune(
    recordings: Sequence[TrackedRecording],
    start: Postprocessing,
    grid: SearchGrid,
    target_fa_per_24h: float,
    max_alarm_share: float = MAX_ALARM_SHARE,
    chosen_on: str = "dev",
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Tuned:
    """The most sensitive settings within a rate of false alarms and a share of time in alarm.

    Of equally sensitive ones those with fewest false alarms win, then those that change least of
    `start`. `report` is called with what is tried and what there is in all. Raises
    `OperatingPointError` for recordings without a reference seizure, `ValueError` for none.
    """
    tried = grid.around(start)
    thresholds = thresholds_for(recordings)
    choices = []
    for n_done, settings in enumerate(tried, 1):
        curve = sweep(recordings, settings, thresholds)
        choices.append(choose(curve, settings, target_fa_per_24h, chosen_on, max_alarm_share))
        report(n_done, len(tried))
    best = max(choices, key=lambda choice: _merit(choice, start))
    return Tuned(
        replace(best, n_tried=len(tried)),
        sweep(recordings, start, [start.on_threshold]).point(0),
    )


def _merit(choice: Choice, start: Postprocessing) -> tuple[bool, int, int, int]:
    point = choice.point
    n_changed = sum(getattr(choice.settings, name) != getattr(start, name) for name in FIELDS)
    if not choice.reached:
        # Nothing is within the bounds: the fewest false alarms, whatever is found.
        return (False, -point.fp, point.tp, -n_changed)
    return (True, point.tp, -point.fp, -n_changed)
