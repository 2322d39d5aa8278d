"""When things happen in a recording: seizures first, then everything that is not one."""

import numpy as np

from seizure.corpus.synthetic.patient import GOLDEN, Patient, SeizureType
from seizure.corpus.synthetic.seizures import draw_duration_s
from seizure.corpus.synthetic.vigilance import STATES, STEP_S

LATER_WITH_SEIZURES = 0.45
SHARE_WITH_SEIZURES = 0.67
"""Share of an epileptic patient's recordings that hold seizures: the first, and of the later ones
`LATER_WITH_SEIZURES`."""
DEEP_SLEEP = STATES.index("n3")
GAP_S = 15.0
SHORTEST_WITH_SEIZURES_S = 40.0
MOST_ICTAL = 0.6
"""Largest share of a recording that seizures may take together, and so also one alone."""


def seizure_times(
    patient: Patient,
    recording_index: int,
    duration_s: float,
    states: np.ndarray,
    rng: np.random.Generator,
) -> list[tuple[float, float, SeizureType]]:
    """Sorted, disjoint (start, duration, type) in seconds; a patient's first recording has one.

    Recordings shorter than `SHORTEST_WITH_SEIZURES_S` have none. None begins in deep sleep if that
    can be avoided: seizures prefer light sleep, and the delta waves of N3 (`states` (step,)) would
    hide most of them.
    """
    if not patient.type_share or duration_s < SHORTEST_WITH_SEIZURES_S:
        return []
    if recording_index > 0 and (patient.turn + recording_index * GOLDEN) % 1 >= LATER_WITH_SEIZURES:
        return []
    expected = patient.seizures_per_h * duration_s / 3600.0 / SHARE_WITH_SEIZURES
    n_seizures = max(int(expected + rng.random()), int(recording_index == 0))
    kinds = list(patient.type_share)
    chances = list(patient.type_share.values())
    clustered, around_s = rng.random() < 0.3, rng.uniform(0.1, 0.9) * duration_s
    placed: list[tuple[float, float, SeizureType]] = []
    for _ in range(n_seizures):
        kind = kinds[int(rng.choice(len(kinds), p=chances))]
        length_s = min(draw_duration_s(kind, rng), MOST_ICTAL * duration_s)
        if sum(length for _, length, _ in placed) + length_s > MOST_ICTAL * duration_s:
            break
        for attempt in range(60):
            start_s = rng.uniform(1.0, duration_s - length_s - 1.0)
            if clustered and attempt < 30:
                start_s = around_s + rng.normal(0.0, 150.0)
            fits = 1.0 <= start_s <= duration_s - length_s - 1.0
            if fits and attempt < 30:
                fits = states[int((start_s + 0.3 * length_s) / STEP_S)] != DEEP_SLEEP
            if fits and is_free(start_s, start_s + length_s, placed, GAP_S):
                placed.append((round(start_s, 2), length_s, kind))
                break
    return sorted(placed)


def is_free(
    start_s: float,
    stop_s: float,
    seizures: list[tuple[float, float, SeizureType]],
    gap_s: float,
) -> bool:
    """Whether `[start_s, stop_s)` keeps `gap_s` from every seizure."""
    return all(
        stop_s + gap_s <= start or start + length + gap_s <= start_s
        for start, length, _ in seizures
    )


def confounder_start_s(
    length_s: float,
    duration_s: float,
    seizures: list[tuple[float, float, SeizureType]],
    may_overlap: bool,
    rng: np.random.Generator,
) -> float | None:
    """A start for a confounder, a quarter of them close to a seizure; None where none is free.

    A clean margin around seizures would give them away.
    """
    for _ in range(20):
        if seizures and rng.random() < 0.25:
            start, length, _ = seizures[int(rng.integers(len(seizures)))]
            before = rng.random() < 0.5
            gap_s = rng.exponential(15.0)
            start_s = start - gap_s - length_s if before else start + length + gap_s
            if may_overlap:
                start_s = rng.uniform(start - length_s, start + length)
        else:
            start_s = rng.uniform(min(0.0, duration_s - length_s), max(duration_s - length_s, 1.0))
        if start_s + length_s < 1.0 or start_s > duration_s - 1.0:
            continue
        if may_overlap or is_free(start_s, start_s + length_s, seizures, 2.0):
            return round(start_s, 2)
    return None
