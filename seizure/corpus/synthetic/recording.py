"""One synthetic recording from its key: background, seizures, confounders, reference, channels."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from seizure.corpus.synthetic.artefacts import ARTEFACTS, draw_artefact
from seizure.corpus.synthetic.background import background, n_steps
from seizure.corpus.synthetic.channels import N_ROWS, file_channels
from seizure.corpus.synthetic.difficulty import LEVELS
from seizure.corpus.synthetic.mimics import MIMICS, draw_mimic
from seizure.corpus.synthetic.patient import Patient, SeizureType, draw_patient
from seizure.corpus.synthetic.plan import LONGEST_S, SHORTEST_S, recording_of
from seizure.corpus.synthetic.scene import Scene, TruthEvent
from seizure.corpus.synthetic.schedule import confounder_start_s, seizure_times
from seizure.corpus.synthetic.seizures import TUSZ_LABEL, Ictal, draw_seizure
from seizure.corpus.synthetic.spec import (
    SPLITS,
    PlannedRecording,
    Split,
    SyntheticSpec,
    generator,
)
from seizure.corpus.synthetic.spontaneous import add_spontaneous
from seizure.corpus.synthetic.vigilance import STATES, STEP_S, vigilance
from seizure.eeg.annotation import Event

# Parts of a recording draw from generators of their own, so that deepening one leaves the others.
_BACKGROUND, _SEIZURES, _MIMICS, _ARTEFACTS, _SPONTANEOUS, _CHANNELS = range(1, 7)
DEFAULT = SyntheticSpec()
LIKE_SEIZURES = ("rhythmic_artefact",)
"""Artefacts that a seizure's rhythm makes, so that they grow and shrink with it."""
_cached_patient = lru_cache(maxsize=4)(draw_patient)


@dataclass(frozen=True)
class SimulatedRecording:
    """A recording as its file will hold it.

    `signal_uv` (channel, sample) float32 in the file's order with `channel_labels` such as
    `EEG FP1-REF`; `slow_channels` are labels and values at 1 Hz. `events` carry TUSZ types and are
    sorted and disjoint; `truth` holds all seizures and confounders in order of start, `vigilance`
    the (start, stop, state) in seconds that the background went through.
    """

    planned: PlannedRecording
    montage: str
    signal_uv: np.ndarray
    rate_hz: int
    channel_labels: tuple[str, ...]
    slow_channels: tuple[tuple[str, np.ndarray], ...]
    events: tuple[Event, ...]
    truth: tuple[TruthEvent, ...]
    vigilance: tuple[tuple[float, float, str], ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.signal_uv.shape[1] / self.rate_hz


def simulate_recording(
    spec: SyntheticSpec = DEFAULT,
    split: Split = "train",
    patient_index: int = 0,
    recording_index: int = 0,
    duration_s: int | None = None,
) -> SimulatedRecording:
    """The recording with this key, the same bit for bit whatever else is simulated.

    `duration_s` (whole seconds) replaces the length that the recording has in the corpus. A
    patient's first recording holds a seizure if the patient has any; patient 0 of each split has.
    Raises `ValueError` for a key that is none, and for a length out of 5 s to 4 h.

    >>> spec = SyntheticSpec(recording_min=1.0)
    >>> simulate_recording(spec, "train", 0, 0).events[0].label
    'cpsz'
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, found {split!r}")
    if patient_index < 0 or recording_index < 0:
        raise ValueError(
            "patient_index and recording_index count from 0, found "
            f"{patient_index} and {recording_index}"
        )
    planned = recording_of(spec, split, patient_index, recording_index)
    if duration_s is not None:
        if not SHORTEST_S <= duration_s <= LONGEST_S or duration_s != int(duration_s):
            raise ValueError(
                f"duration_s must be {SHORTEST_S} to {LONGEST_S} whole s, found {duration_s}"
            )
        planned = replace(planned, duration_s=int(duration_s))
    patient = _cached_patient(spec, split, patient_index)

    def part(number: int) -> np.random.Generator:
        return generator(spec.seed, split, patient_index, recording_index, number)

    n_samples = planned.duration_s * patient.rate_hz
    rng = part(_BACKGROUND)
    states = vigilance(patient.setting, n_steps(n_samples, patient.rate_hz), rng)
    rows_uv = background(patient, states, n_samples, rng, N_ROWS)
    scene = Scene(rows_uv[:21], patient.rate_hz, states)
    rng, size = part(_SEIZURES), np.float32(LEVELS[spec.difficulty].rhythm_size)
    seizures = seizure_times(patient, recording_index, planned.duration_s, states, rng)
    ictal = [draw_seizure(patient, kind, length_s, rng) for _, length_s, kind in seizures]
    for (start_s, _, _), one in zip(seizures, ictal, strict=True):
        scene.scale(start_s, one.background_gain)
    # Before the seizures are there: what follows a mimic must not change one.
    flashes = _add_mimics(scene, patient, seizures, size, part(_MIMICS))
    events = _add_seizures(scene, seizures, ictal, size)
    heart = add_spontaneous(scene, patient, part(_SPONTANEOUS))
    _add_artefacts(scene, patient, seizures, size, part(_ARTEFACTS))
    labels, signal_uv, slow = file_channels(
        rows_uv, scene, patient, heart, flashes, part(_CHANNELS)
    )
    return SimulatedRecording(
        planned=planned,
        montage=patient.montage,
        signal_uv=signal_uv,
        rate_hz=patient.rate_hz,
        channel_labels=labels,
        slow_channels=slow,
        events=events,
        truth=tuple(sorted(scene.truth, key=lambda event: (event.start_s, event.stop_s))),
        vigilance=_stretches(states, float(planned.duration_s)),
    )


def _stretches(states: np.ndarray, duration_s: float) -> tuple[tuple[float, float, str], ...]:
    """(start, stop, state) of every stretch of one state."""
    edges = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    found = [
        (start * STEP_S, min(stop * STEP_S, duration_s), STATES[states[start]])
        for start, stop in pairwise(edges)
    ]
    return tuple(stretch for stretch in found if stretch[0] < stretch[1])


def _add_seizures(
    scene: Scene,
    seizures: list[tuple[float, float, SeizureType]],
    ictal: list[Ictal],
    size: np.float32,
) -> tuple[Event, ...]:
    """Add seizures to the background that they have changed; returns their marks."""
    events = []
    for (start_s, _, kind), one in zip(seizures, ictal, strict=True):
        cerebral_uv = size * one.cerebral_uv
        scene.add(start_s, cerebral_uv)
        if one.muscle_uv is not None:
            scene.add(start_s, one.muscle_uv)
        visible_s = (start_s + one.visible_start_s, start_s + one.visible_stop_s)
        shown = slice(
            *(round(at_s * scene.rate_hz) for at_s in (one.visible_start_s, one.visible_stop_s))
        )
        scene.note(visible_s[0], cerebral_uv[:, shown], "seizure", kind)
        stop_s = min(visible_s[1], scene.duration_s)
        events.append(Event(round(visible_s[0], 4), round(stop_s, 4), TUSZ_LABEL[kind]))
    return tuple(events)


def _add_mimics(
    scene: Scene,
    patient: Patient,
    seizures: list[tuple[float, float, SeizureType]],
    size: np.float32,
    rng: np.random.Generator,
) -> list[tuple[float, float, float]]:
    """Add cerebral confounders at the patient's own rates; returns (start, stop, Hz) of flashes."""
    flashes = []
    for cause in MIMICS:
        for _ in range(rng.poisson(scene.duration_s / 3600 * patient.confounders_per_h[cause])):
            mimic = draw_mimic(patient, cause, rng)
            block_uv = size * mimic.block_uv
            length_s = block_uv.shape[1] / scene.rate_hz
            start_s = confounder_start_s(length_s, scene.duration_s, seizures, False, rng)
            if start_s is None:
                continue
            scene.scale(start_s, mimic.background_gain)
            scene.add(start_s, block_uv)
            scene.note(start_s, block_uv, "cerebral", cause, mimic.lacks)
            if mimic.flash_hz:
                flashes.append((start_s, start_s + length_s, mimic.flash_hz))
    return flashes


def _add_artefacts(
    scene: Scene,
    patient: Patient,
    seizures: list[tuple[float, float, SeizureType]],
    size: np.float32,
    rng: np.random.Generator,
) -> None:
    """Add extracerebral confounders at the patient's own rates, over seizures too."""
    for cause in ARTEFACTS:
        for _ in range(rng.poisson(scene.duration_s / 3600 * patient.confounders_per_h[cause])):
            block_uv = draw_artefact(patient, cause, rng)
            if cause in LIKE_SEIZURES:
                block_uv = size * block_uv
            length_s = block_uv.shape[1] / scene.rate_hz
            start_s = confounder_start_s(length_s, scene.duration_s, seizures, True, rng)
            if start_s is not None:
                lacks = "field" if cause in LIKE_SEIZURES else ""
                if cause == "disconnection":
                    scene.silence(start_s, block_uv)
                scene.add(start_s, block_uv)
                scene.note(start_s, block_uv, "extracerebral", cause, lacks)
