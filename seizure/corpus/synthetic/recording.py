"""One synthetic recording from its key: background, seizures, confounders, reference, channels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seizure.corpus.synthetic.artefacts import ARTEFACTS, draw_artefact
from seizure.corpus.synthetic.background import background, n_steps
from seizure.corpus.synthetic.head import ELECTRODES
from seizure.corpus.synthetic.mimics import MIMICS, draw_mimic
from seizure.corpus.synthetic.patient import Patient, SeizureType, draw_patient
from seizure.corpus.synthetic.scene import Scene, TruthEvent
from seizure.corpus.synthetic.schedule import confounder_start_s, seizure_times
from seizure.corpus.synthetic.seizures import TUSZ_LABEL, background_gain, draw_seizure
from seizure.corpus.synthetic.spec import (
    PlannedRecording,
    Split,
    SyntheticSpec,
    generator,
    planned_recording,
)
from seizure.corpus.synthetic.spontaneous import add_spontaneous
from seizure.corpus.synthetic.vigilance import vigilance
from seizure.eeg.annotation import Event

CHUNK = 1 << 15
# Parts of a recording draw from generators of their own, so that deepening one leaves the others.
_BACKGROUND, _SEIZURES, _MIMICS, _ARTEFACTS, _SPONTANEOUS, _CHANNELS = range(1, 7)
_cached_patient = lru_cache(maxsize=4)(draw_patient)


@dataclass(frozen=True)
class SimulatedRecording:
    """A recording as its file will hold it.

    `signal_uv` (channel, sample) float32 in the file's order with `channel_labels` such as
    `EEG FP1-REF`; `slow_channels` are labels and values at 1 Hz. `events` carry TUSZ types and are
    sorted and disjoint; `truth` holds all seizures and confounders in order of start.
    """

    planned: PlannedRecording
    montage: str
    signal_uv: np.ndarray
    rate_hz: int
    channel_labels: tuple[str, ...]
    slow_channels: tuple[tuple[str, np.ndarray], ...]
    events: tuple[Event, ...]
    truth: tuple[TruthEvent, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.signal_uv.shape[1] / self.rate_hz


def simulate_recording(
    spec: SyntheticSpec, split: Split, patient_index: int, recording_index: int
) -> SimulatedRecording:
    """The recording with this key, the same bit for bit whatever else is simulated.

    >>> spec = SyntheticSpec(recording_min=1.0)
    >>> simulate_recording(spec, "train", 0, 0).events[0].label
    'cpsz'
    """
    planned = planned_recording(spec, split, patient_index, recording_index)
    patient = _cached_patient(spec, split, patient_index)

    def part(number: int) -> np.random.Generator:
        return generator(spec.seed, split, patient_index, recording_index, number)

    n_samples = planned.duration_s * patient.rate_hz
    rng = part(_BACKGROUND)
    states = vigilance(patient.setting, n_steps(n_samples, patient.rate_hz), rng)
    scene = Scene(background(patient, states, n_samples, rng), patient.rate_hz, states)
    rng = part(_SEIZURES)
    seizures = seizure_times(patient, recording_index, planned.duration_s, states, rng)
    events = _add_seizures(scene, patient, seizures, rng)
    heart = add_spontaneous(scene, patient, part(_SPONTANEOUS))
    flashes = _add_confounders(scene, patient, seizures, part(_MIMICS), part(_ARTEFACTS))
    labels, signal_uv, slow = _channels(scene, patient, heart, flashes, part(_CHANNELS))
    return SimulatedRecording(
        planned=planned,
        montage=patient.montage,
        signal_uv=signal_uv,
        rate_hz=patient.rate_hz,
        channel_labels=labels,
        slow_channels=slow,
        events=events,
        truth=tuple(sorted(scene.truth, key=lambda event: (event.start_s, event.stop_s))),
    )


def _add_seizures(
    scene: Scene,
    patient: Patient,
    seizures: list[tuple[float, float, SeizureType]],
    rng: np.random.Generator,
) -> tuple[Event, ...]:
    """Change the background around every seizure, then add the seizures; returns their marks."""
    drawn = [draw_seizure(patient, kind, length_s, rng) for _, length_s, kind in seizures]
    for (start_s, _, _), ictal in zip(seizures, drawn, strict=True):
        first_s, gain = background_gain(ictal, scene.rate_hz)
        scene.scale(start_s + first_s, gain)
    events = []
    for (start_s, _, kind), ictal in zip(seizures, drawn, strict=True):
        scene.add(start_s, ictal.cerebral_uv)
        if ictal.muscle_uv is not None:
            scene.add(start_s, ictal.muscle_uv)
        visible_s = (start_s + ictal.visible_start_s, start_s + ictal.visible_stop_s)
        shown = slice(
            *(round(at_s * scene.rate_hz) for at_s in (ictal.visible_start_s, ictal.visible_stop_s))
        )
        scene.note(visible_s[0], ictal.cerebral_uv[:, shown], "seizure", kind)
        stop_s = min(visible_s[1], scene.duration_s)
        events.append(Event(round(visible_s[0], 4), round(stop_s, 4), TUSZ_LABEL[kind]))
    return tuple(events)


def _add_confounders(
    scene: Scene,
    patient: Patient,
    seizures: list[tuple[float, float, SeizureType]],
    mimic_rng: np.random.Generator,
    artefact_rng: np.random.Generator,
) -> list[tuple[float, float, float]]:
    """Add mimics and artefacts at the patient's own rates; returns (start, stop, Hz) of flashes."""
    flashes = []
    hours = scene.duration_s / 3600.0
    for cause in MIMICS:
        for _ in range(mimic_rng.poisson(hours * patient.confounders_per_h[cause])):
            mimic = draw_mimic(patient, cause, mimic_rng)
            length_s = mimic.block_uv.shape[1] / scene.rate_hz
            start_s = confounder_start_s(length_s, scene.duration_s, seizures, False, mimic_rng)
            if start_s is None:
                continue
            scene.add(start_s, mimic.block_uv)
            scene.note(start_s, mimic.block_uv, "cerebral", cause, mimic.lacks)
            if mimic.flash_hz:
                flashes.append((start_s, start_s + length_s, mimic.flash_hz))
    for cause in ARTEFACTS:
        for _ in range(artefact_rng.poisson(hours * patient.confounders_per_h[cause])):
            block_uv = draw_artefact(patient, cause, artefact_rng)
            length_s = block_uv.shape[1] / scene.rate_hz
            start_s = confounder_start_s(length_s, scene.duration_s, seizures, True, artefact_rng)
            if start_s is not None:
                lacks = "field" if cause == "rhythmic_artefact" else ""
                if cause == "disconnection":
                    scene.silence(start_s, block_uv)
                scene.add(start_s, block_uv)
                scene.note(start_s, block_uv, "extracerebral", cause, lacks)
    return flashes


def _channels(
    scene: Scene,
    patient: Patient,
    heart: np.ndarray,
    flashes: list[tuple[float, float, float]],
    rng: np.random.Generator,
) -> tuple[tuple[str, ...], np.ndarray, tuple[tuple[str, np.ndarray], ...]]:
    """Labels, referenced signals and 1 Hz signals in the file's order."""
    ending = "LE" if patient.montage == "02_tcp_le" else "REF"
    n_samples = scene.signal_uv.shape[1]
    rows = [
        row
        for row, name in enumerate(ELECTRODES)
        if name.upper() not in patient.missing
        and not (patient.montage == "03_tcp_ar_a" and name in ("A1", "A2"))
    ]
    # Stereotyped per patient: the equipment does not change between recordings.
    style = patient.style(4)
    has_ekg, has_photic, has_emg, has_slow, shuffled = style.random(5) < (0.8, 0.4, 0.2, 0.4, 0.5)
    extra: list[tuple[str, np.ndarray]] = []
    if has_ekg:
        extra.append((f"EEG EKG1-{ending}", 600.0 * heart))
    if has_photic:
        extra.append((f"PHOTIC-{ending}", _flash_course(n_samples, scene.rate_hz, flashes)))
    if has_emg:
        extra.append((f"EMG-{ending}", 8.0 * rng.standard_normal(n_samples, dtype=np.float32)))
    labels = [f"EEG {ELECTRODES[row].upper()}-{ending}" for row in rows]
    labels += [label for label, _ in extra]
    order = style.permutation(len(labels)) if shuffled else np.arange(len(labels))
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))
    signal_uv = np.empty((len(labels), n_samples), dtype=np.float32)
    reference_rows = [19, 20] if ending == "LE" else list(range(19))
    for start in range(0, n_samples, CHUNK):
        chunk = scene.signal_uv[:, start : start + CHUNK]
        reference = chunk[reference_rows].mean(axis=0)
        signal_uv[place[: len(rows)], start : start + CHUNK] = chunk[rows] - reference
    for row, (_, course_uv) in zip(place[len(rows) :], extra, strict=True):
        signal_uv[row] = course_uv
    slow: tuple[tuple[str, np.ndarray], ...] = ()
    if has_slow:
        n_seconds = n_samples // scene.rate_hz
        slow = tuple((label, np.zeros(n_seconds, dtype=np.float32)) for label in _SLOW_LABELS)
    return tuple(labels[i] for i in order), signal_uv, slow


_SLOW_LABELS = ("IBI", "BURSTS", "SUPPR")


def _flash_course(
    n_samples: int, rate_hz: int, flashes: list[tuple[float, float, float]]
) -> np.ndarray:
    """A pulse of 500 µV at every flash of the stroboscope, (sample,) float32."""
    course_uv = np.zeros(n_samples, dtype=np.float32)
    for start_s, stop_s, flash_hz in flashes:
        at = np.round(np.arange(start_s, stop_s, 1.0 / flash_hz) * rate_hz).astype(int)
        course_uv[at[(at >= 0) & (at < n_samples)]] = 500.0
    return course_uv
