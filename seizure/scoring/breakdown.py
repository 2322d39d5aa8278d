"""Where the pooled figures come from: by type, duration, patient and onset; single mistakes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seizure.eeg.annotation import Event
from seizure.scoring.case import Pair
from seizure.scoring.nedc import ovlp
from seizure.scoring.timeline import TICKS_PER_S, overlapped, seizure_ticks, ticks

# Upper ends of the duration classes, seconds.
DURATION_EDGES_S = (10.0, 30.0, 60.0, 300.0)


class Share(NamedTuple):
    """How many annotated seizures of one kind were overlapped by a detection."""

    kind: str
    n_found: int
    n_reference: int
    median_duration_s: float


class PatientRow(NamedTuple):
    """One patient under NEDC OVLP; `alarm_share` is of all false alarms, NaN without any."""

    patient: str
    hours: float
    n_reference: int
    n_found: int
    n_false: int
    fa_per_24h: float
    alarm_share: float


class Finding(NamedTuple):
    """One mistake: a false alarm or a missed seizure, `event` of `pairs[number]`."""

    number: int
    event: Event


def by_type(pairs: Sequence[Pair]) -> tuple[Share, ...]:
    """Seizures found by annotated type; touching ones of different types stay apart here.

    >>> by_type([Pair("a", "p", 60.0, (Event(1, 9, "fnsz"),), (Event(5, 20),))])
    (Share(kind='fnsz', n_found=1, n_reference=1, median_duration_s=8.0),)
    """
    return _shares(pairs, lambda event: event.label)


def by_duration(pairs: Sequence[Pair]) -> tuple[Share, ...]:
    """Seizures found by length, from shortest to longest class."""
    names = _duration_names()
    shares = _shares(pairs, lambda event: names[_duration_class(event)])
    return tuple(sorted(shares, key=lambda share: names.index(share.kind)))


def by_patient(pairs: Sequence[Pair]) -> tuple[PatientRow, ...]:
    """Each patient's counts, most false alarms first."""
    patients = sorted({pair.patient for pair in pairs})
    counts = {patient: np.zeros(4) for patient in patients}
    for pair in pairs:
        count = ovlp(pair)
        counts[pair.patient] += (pair.duration_s, count.tp + count.fn, count.tp, count.fp)
    n_false_total = sum(row[3] for row in counts.values())
    rows = [
        PatientRow(
            patient=patient,
            hours=float(duration_s) / 3600,
            n_reference=int(n_reference),
            n_found=int(n_found),
            n_false=int(n_false),
            fa_per_24h=float(n_false / duration_s * 86_400),
            alarm_share=float(n_false / n_false_total) if n_false_total else float("nan"),
        )
        for patient, (duration_s, n_reference, n_found, n_false) in counts.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.n_false, row.patient)))


def onset_latency_s(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Start of the first overlapping detection minus start of the seizure, found seizures only.

    Negative where the detection came first, not clipped. Sorted, `(n_found,)`.

    >>> onset_latency_s([Pair("a", "p", 60.0, (Event(10, 30),), (Event(7, 20),))]).tolist()
    [-3.0]
    """
    latencies = [np.empty(0)]
    for pair in pairs:
        reference = seizure_ticks(pair.reference, pair.duration_s)
        hypothesis = seizure_ticks(pair.hypothesis, pair.duration_s)
        found = reference[overlapped(*reference.T, *hypothesis.T)]
        first = np.searchsorted(hypothesis[:, 1], found[:, 0], side="right")
        latencies.append((hypothesis[first, 0] - found[:, 0]) / TICKS_PER_S)
    return np.sort(np.concatenate(latencies))


def false_alarms(pairs: Sequence[Pair]) -> tuple[Finding, ...]:
    """The detections beside all seizures, the surest first, of equally sure ones the longest.

    >>> false_alarms([Pair("a", "p", 60.0, (), (Event(5, 9),))])[0].event.start_s
    5
    """
    found = [
        Finding(number, event)
        for number, pair in enumerate(pairs)
        for event in _beside(pair.hypothesis, pair.reference, pair.duration_s)
    ]
    return tuple(sorted(found, key=lambda f: (-f.event.confidence, -f.event.duration_s, f)))


def missed_seizures(pairs: Sequence[Pair]) -> tuple[Finding, ...]:
    """The annotated seizures that no detection overlaps, the longest first."""
    missed = [
        Finding(number, event)
        for number, pair in enumerate(pairs)
        for event in _beside(pair.reference, pair.hypothesis, pair.duration_s)
    ]
    return tuple(sorted(missed, key=lambda f: (-f.event.duration_s, f)))


def cause_of(alarm: Event, known: Sequence[Event]) -> str:
    """What is labelled under most of a false alarm, "background" where nothing is.

    >>> cause_of(Event(5, 9), (Event(0, 6, "chewing"), Event(6, 8, "sharp alpha")))
    'sharp alpha'
    """
    under = [(alarm.overlap_s(other), other.label) for other in known]
    longest_s, label = max(under, default=(0.0, ""))
    return label if longest_s > 0 else "background"


def by_cause(
    pairs: Sequence[Pair], causes: Mapping[str, Sequence[Event]]
) -> tuple[tuple[str, int], ...]:
    """How many false alarms have which cause, the most frequent first.

    `causes` holds, by stem, what a corpus knows of its EEG. Raises `KeyError` for a recording of
    which it says nothing.
    """
    found = Counter(cause_of(f.event, causes[pairs[f.number].stem]) for f in false_alarms(pairs))
    return tuple(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def _beside(events: Sequence[Event], others: Sequence[Event], duration_s: float) -> list[Event]:
    """Those of some events that overlap none of the others, as the scorers count overlap."""
    edges = ticks([(event.start_s, event.stop_s) for event in events]).reshape(-1, 2)
    touched = overlapped(*edges.T, *seizure_ticks(others, duration_s).T)
    return [event for event, hit in zip(events, touched, strict=True) if not hit]


def _shares(pairs: Sequence[Pair], kind_of: Callable[[Event], str]) -> tuple[Share, ...]:
    found: dict[str, list[bool]] = {}
    durations: dict[str, list[float]] = {}
    for pair in pairs:
        hypothesis = seizure_ticks(pair.hypothesis, pair.duration_s)
        for event in pair.reference:
            edge = ticks([[event.start_s], [event.stop_s]])
            hit = bool(overlapped(*edge, *hypothesis.T)[0])
            found.setdefault(kind_of(event), []).append(hit)
            durations.setdefault(kind_of(event), []).append(event.duration_s)
    return tuple(
        Share(kind, sum(found[kind]), len(found[kind]), float(np.median(durations[kind])))
        for kind in sorted(found, key=lambda kind: (-len(found[kind]), kind))
    )


def _duration_class(event: Event) -> int:
    return int(np.searchsorted(DURATION_EDGES_S, event.duration_s, side="right"))


def _duration_names() -> list[str]:
    edges = [f"{edge:g}" for edge in DURATION_EDGES_S]
    middle = [f"{a} to {b} s" for a, b in pairwise(edges)]
    return [f"under {edges[0]} s", *middle, f"{edges[-1]} s and over"]
