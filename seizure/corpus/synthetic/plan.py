"""Which recordings a corpus has: lengths, sessions, and how hours and patients are both met."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from seizure.corpus.synthetic.spec import (
    SPLITS,
    PlannedRecording,
    Split,
    SyntheticSpec,
    generator,
)

SHORTEST_S = 5
LONGEST_S = 4 * 3600
SHORTEST_EVEN_S = 60
TUSZ_LENGTH_S = (
    (0.0, 5.0),
    (0.01, 15.0),
    (0.05, 79.0),
    (0.5, 601.0),
    (0.95, 1453.0),
    (1.0, 3600.0),
)
"""(share of recordings, no longer than) in seconds, linear between: three of TUSZ's percentiles."""
SHARE_ABORTED = 0.1
"""Of an even corpus's later recordings: those that end within half a minute."""
CHANCE_OF_A_NEW_SESSION = 0.5
# Of a split's hours, what the patients' first recordings take on average; and the least of each.
_FIRST_SHARE, _FIRST_LEAST = 0.7, 0.35
_LENGTH, _PLAN = 0, 7


def planned_recording(
    spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int
) -> PlannedRecording:
    """A recording, its session and its length, from its own key and the spec's lengths alone."""
    duration_s = _duration_s(spec, split, patient_index, recording_index)
    session, take = 1, 0
    for index in range(1, recording_index + 1):
        begins = _coin(spec, split, patient_index, index, 1) < CHANCE_OF_A_NEW_SESSION
        session, take = (session + 1, 0) if begins else (session, take + 1)
    return PlannedRecording(split, patient_index, recording_index, duration_s, session, take)


@cache
def planned_recordings(spec: SyntheticSpec) -> tuple[PlannedRecording, ...]:
    """Every recording of the corpus in order of split, patient and recording."""
    plan = _until_full if spec.patients is None else _with_patients
    planned = [recording for split in SPLITS for recording in plan(spec, split)]
    return tuple(
        sorted(
            planned,
            key=lambda one: (SPLITS.index(one.split), one.patient_index, one.recording_index),
        )
    )


def recording_of(
    spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int
) -> PlannedRecording:
    """The recording as the corpus holds it; one that it does not hold, as it would be uncut."""
    key = (split, patient_index, recording_index)
    if spec.patients is not None and key in _by_key(spec):
        return _by_key(spec)[key]
    return planned_recording(spec, *key)


@cache
def _by_key(spec: SyntheticSpec) -> dict[tuple[Split, int, int], PlannedRecording]:
    return {
        (one.split, one.patient_index, one.recording_index): one for one in planned_recordings(spec)
    }


def _until_full(spec: SyntheticSpec, split: Split) -> Iterator[PlannedRecording]:
    """Patient after patient, until the hours are reached."""
    left_s, patient_index = spec.hours(split) * 3600.0, 0
    while left_s > 0:
        rng = generator(spec.seed, split, patient_index)
        n_recordings = 1 + int(rng.poisson(spec.recordings_per_patient - 1.0))
        for recording_index in range(n_recordings):
            if left_s <= 0:
                break
            recording = planned_recording(spec, split, patient_index, recording_index)
            yield recording
            left_s -= recording.duration_s
        patient_index += 1


def _with_patients(spec: SyntheticSpec, split: Split) -> Iterator[PlannedRecording]:
    """A first recording of every patient, then further ones in turn, until the hours are full."""
    n_patients, left_s = spec.n_patients(split), round(3600 * spec.hours(split))
    if n_patients == 0:
        return
    own = [generator(spec.seed, split, patient_index) for patient_index in range(n_patients)]
    often = [0.1 + 0.9 * rng.random() for rng in own]
    least_s = max(int(_FIRST_LEAST * left_s / n_patients), SHORTEST_S)
    n_made = [0] * n_patients
    while left_s > 0:
        for patient_index in range(n_patients):
            first = n_made[patient_index] == 0
            if left_s <= 0 or not (first or own[patient_index].random() < often[patient_index]):
                continue
            one = planned_recording(spec, split, patient_index, n_made[patient_index])
            waiting = n_patients - 1 - patient_index if first else 0
            duration_s = min(one.duration_s, left_s - waiting * least_s)
            if left_s - duration_s < SHORTEST_S:
                duration_s = left_s
            yield replace(one, duration_s=duration_s)
            left_s -= duration_s
            n_made[patient_index] += 1


def _duration_s(spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int) -> int:
    rng = generator(spec.seed, split, patient_index, recording_index, _LENGTH)
    mean_s = 60.0 * spec.recording_min
    if spec.patients is not None:
        # Every patient has to find room.
        each_s = 3600.0 * spec.hours(split) / max(spec.n_patients(split), 1)
        mean_s = min(mean_s, _FIRST_SHARE * each_s) if each_s else mean_s
    if spec.lengths == "tusz":
        share, length_s = np.array(TUSZ_LENGTH_S).T
        tusz_mean_s = float((np.diff(share) * (length_s[1:] + length_s[:-1])).sum() / 2)
        length_s = mean_s / tusz_mean_s * float(np.interp(rng.random(), share, length_s))
    elif (
        recording_index > 0
        and _coin(spec, split, patient_index, recording_index, 0) < SHARE_ABORTED
    ):
        length_s = rng.uniform(SHORTEST_S, 30.0)
    else:
        sigma = 0.4
        length_s = max(mean_s * rng.lognormal(-0.5 * sigma**2, sigma), SHORTEST_EVEN_S)
    return round(min(max(length_s, SHORTEST_S), LONGEST_S))


def _coin(
    spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int, which: int
) -> float:
    """A recording's own uniform number: 0 whether it is aborted, 1 whether it begins a session."""
    rng = generator(spec.seed, split, patient_index, recording_index, _PLAN)
    return float(rng.random(2)[which])
