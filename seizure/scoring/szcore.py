"""SzCORE scores, event and sample based, from `timescoring` 0.0.7, with both definitions of F1.

Per subject the files are pooled; the data set's figure is the unweighted mean over subjects.
Source: Dan et al., SzCORE: seizure community open-source research evaluation framework,
Epilepsia 2024.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import nan
from operator import add
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring, SampleScoring

from seizure.eeg.annotation import Event
from seizure.scoring.case import Pair
from seizure.scoring.timeline import TICKS_PER_S, seizure_ticks

# "events" keeps seconds as they are; "tsv" is what the leaderboard does: a file with two
# decimals, then a mask of whole seconds.
Route = Literal["events", "tsv"]

_MASK_HZ = 10
FIGURES = ("sensitivity", "precision", "f1_2026", "f1_before_2026", "fa_per_24h")


@dataclass(frozen=True)
class SzcoreCounts:
    """What SzCORE counted: events or samples at `rate_hz` over `n_frames` mask frames."""

    tp: int
    fp: int
    n_reference: int
    n_frames: int
    rate_hz: int

    def __add__(self, other: "SzcoreCounts") -> "SzcoreCounts":
        if self.rate_hz != other.rate_hz:
            raise ValueError("event and sample counts cannot be added")
        return SzcoreCounts(
            self.tp + other.tp,
            self.fp + other.fp,
            self.n_reference + other.n_reference,
            self.n_frames + other.n_frames,
            self.rate_hz,
        )

    @property
    def fn(self) -> int:
        """Missed events or samples."""
        return self.n_reference - self.tp

    @property
    def sensitivity(self) -> float:
        """NaN where there is nothing to find."""
        return self.tp / self.n_reference if self.n_reference else nan

    @property
    def precision(self) -> float:
        """NaN where nothing was found."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else nan

    @property
    def f1_2026(self) -> float:
        """F1 since timescoring 0.0.7: zero for silence and for alarms without a seizure."""
        whole = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / whole if whole else nan

    @property
    def f1(self) -> float:
        """The F1 of today's timescoring, `f1_2026`."""
        return self.f1_2026

    @property
    def f1_before_2026(self) -> float:
        """F1 up to timescoring 0.0.6, as in older papers: NaN, thus skipped, in those cases."""
        if self.n_reference == 0 or self.tp + self.fp == 0:
            return nan
        return self.f1_2026

    @property
    def fa_per_24h(self) -> float:
        """False alarms (sample scoring: their seconds) in 24 hours of EEG."""
        return self.fp / (self.n_frames / self.rate_hz) * 86_400


@dataclass(frozen=True)
class SzcoreSummary:
    """Pooled counts, counts per subject, and mean and standard deviation over subjects.

    The standard deviation has no degree of freedom taken off. `mean` and `std` are keyed by
    `sensitivity`, `precision`, `f1_2026`, `f1_before_2026` and `fa_per_24h`; a subject whose
    figure is undefined is skipped there, and the mean over none is NaN.
    """

    pooled: SzcoreCounts
    subjects: Mapping[str, SzcoreCounts]
    mean: Mapping[str, float]
    std: Mapping[str, float]


Scorer = Callable[[Pair], SzcoreCounts]


def event(pair: Pair, route: Route = "events") -> SzcoreCounts:
    """Event scores at 10 Hz: gaps under 90 s merged, cut at 300 s, tolerance -30 s and +60 s."""
    scored = EventScoring(*_annotations(pair, route))
    return SzcoreCounts(scored.tp, scored.fp, scored.refTrue, scored.numSamples, scored.fs)


def sample(pair: Pair, route: Route = "events") -> SzcoreCounts:
    """Sample scores: one-second samples, seizure or not."""
    scored = SampleScoring(*_annotations(pair, route))
    tp, fp, n_reference = int(scored.tp), int(scored.fp), int(scored.refTrue)
    return SzcoreCounts(tp, fp, n_reference, scored.numSamples, scored.fs)


def summarise(pairs: Sequence[Pair], scorer: Scorer) -> SzcoreSummary:
    """Scores of a data set, one patient being one subject.

    Raises `ValueError` for no recordings.

    >>> seizure = (Event(10.0, 20.0),)
    >>> summarise([Pair("a", "p", 60.0, seizure, seizure)], event).mean["f1_2026"]
    1.0
    """
    return collect((pair.patient, scorer(pair)) for pair in pairs)


def collect(counts: Iterable[tuple[str, SzcoreCounts]]) -> SzcoreSummary:
    """The summary of counts already made, given as (patient, counts of one recording)."""
    subjects: dict[str, SzcoreCounts] = {}
    for patient, count in counts:
        subjects[patient] = subjects[patient] + count if patient in subjects else count
    if not subjects:
        raise ValueError("there is no recording to score")
    figures = {
        name: np.array([getattr(count, name) for count in subjects.values()]) for name in FIGURES
    }
    defined = {name: values[~np.isnan(values)] for name, values in figures.items()}
    return SzcoreSummary(
        pooled=reduce(add, subjects.values()),
        subjects=dict(sorted(subjects.items())),
        mean={name: float(v.mean()) if v.size else nan for name, v in defined.items()},
        std={name: float(v.std()) if v.size else nan for name, v in defined.items()},
    )


def check_length(pair: Pair) -> None:
    """Raises `ValueError` for a recording too short for SzCORE's samples of a second."""
    if pair.duration_s < 1:
        raise ValueError(
            f"{pair.stem}: SzCORE scores whole seconds and needs a recording of at least 1 s, "
            f"found {pair.duration_s} s"
        )


def _annotations(pair: Pair, route: Route) -> tuple[Annotation, Annotation]:
    check_length(pair)
    build = {"events": _from_events, "tsv": _from_whole_seconds}[route]
    return build(pair.reference, pair.duration_s), build(pair.hypothesis, pair.duration_s)


def _from_events(events: Sequence[Event], duration_s: float) -> Annotation:
    # timescoring needs sorted, disjoint events (a nested one shrinks the outer) and is a hundred
    # times slower from masks at the EEG's rate.
    rows = (seizure_ticks(events, duration_s) / TICKS_PER_S).tolist()
    return Annotation([tuple(row) for row in rows], _MASK_HZ, round(duration_s * _MASK_HZ))


def _from_whole_seconds(events: Sequence[Event], duration_s: float) -> Annotation:
    mask: NDArray[np.bool_] = np.zeros(int(duration_s), dtype=bool)
    for found in events:
        onset_s, length_s = round(found.start_s, 2), round(found.duration_s, 2)
        mask[int(onset_s) : int(onset_s + length_s)] = True
    return Annotation(mask, 1)
