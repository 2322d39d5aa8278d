"""What every recording holds all the time: eyes, heart, mains, sleep waves and focal spikes."""

import numpy as np

from seizure.corpus.synthetic.emg import faded
from seizure.corpus.synthetic.head import Head, centring
from seizure.corpus.synthetic.patient import Patient
from seizure.corpus.synthetic.scene import Scene
from seizure.corpus.synthetic.vigilance import STATES, STEP_S

MAINS_HZ = 60.0
CHUNK = 1 << 15
# Chance of a blink, against eyes open, by state.
_BLINKS = np.array([1.0, 0.1, 0.15, 0.0, 0.0, 0.12])
_SPINDLES_PER_MIN = {"n2": 4.5, "n3": 1.0}
_VERTEX_PER_MIN = {"drowsy": 1.5, "n2": 2.5}


def add_spontaneous(scene: Scene, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Add all spontaneous waves; returns the electrocardiogram (sample,) in units of its R wave."""
    _add_eyes(scene, patient, rng)
    _add_sleep_waves(scene, patient, rng)
    _add_spikes(scene, patient, rng)
    heart = _heart(scene, patient, rng)
    _add_everywhere(scene, patient, heart, rng)
    return heart


def _times_s(scene: Scene, per_min: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sorted seconds of a Poisson process whose rate (state,) follows vigilance."""
    n_events = rng.poisson(per_min.max() * scene.duration_s / 60.0)
    at_s = np.sort(rng.uniform(0.0, scene.duration_s, n_events))
    state = scene.states[(at_s / STEP_S).astype(int)]
    return at_s[rng.random(n_events) * per_min.max() < per_min[state]]


def _by_state(per_min: dict[str, float]) -> np.ndarray:
    return np.array([per_min.get(state, 0.0) for state in STATES])


def eye_field(head: Head, lateral: bool) -> np.ndarray:
    """Potential (21,) of vertical eye movement, 1 at Fp; or of horizontal, ±1 at F7 and F8."""
    direction = head.electrode_mm / 90.0
    if not lateral:
        field = np.exp(-5.0 * (1.0 - direction @ np.array([0.0, 0.98, -0.2])))
    else:
        left, right = (
            np.exp(-3.5 * (1.0 - direction @ np.array([side, 0.72, -0.25])))
            for side in (-0.65, 0.65)
        )
        field = right - left
    return (field / np.abs(field[:19]).max()).astype(np.float32)


def _add_eyes(scene: Scene, patient: Patient, rng: np.random.Generator) -> None:
    rate_hz, size = scene.rate_hz, rng.lognormal(0.0, 0.2)
    vertical, horizontal = eye_field(patient.head, False), eye_field(patient.head, True)
    time_s = np.arange(round(0.6 * rate_hz)) / rate_hz
    # Closing is faster than opening, and the amplifier's time constant leaves a small undershoot.
    lid = np.exp(-0.5 * ((time_s - 0.14) / np.where(time_s < 0.14, 0.045, 0.075)) ** 2)
    lid -= 0.12 * np.exp(-0.5 * ((time_s - 0.42) / 0.09) ** 2)
    blink = (110.0 * size * vertical[:, None] * lid).astype(np.float32)
    for at_s in _times_s(scene, patient.blinks_per_min * _BLINKS, rng):
        scene.add(at_s, blink * np.float32(rng.lognormal(0.0, 0.25)))
    time_s = np.arange(round(2.0 * rate_hz)) / rate_hz
    step = (1.0 - np.exp(-time_s / 0.015)) * np.exp(-time_s / 0.5)
    saccade = (horizontal[:, None] * step * faded(len(step), rate_hz, 1e-3, 0.4)).astype(np.float32)
    for at_s in _times_s(scene, 0.8 * patient.blinks_per_min * _BLINKS, rng):
        scene.add(at_s, saccade * np.float32(rng.normal(0.0, 22.0)))
    for at_s in _times_s(scene, _by_state({"drowsy": 3.0}), rng):
        length_s = rng.uniform(3.0, 9.0)
        time_s = np.arange(round(length_s * rate_hz)) / rate_hz
        roll = np.sin(2 * np.pi * rng.uniform(0.2, 0.4) * time_s) * faded(
            len(time_s), rate_hz, 1, 1
        )
        scene.add(at_s, (rng.uniform(15.0, 45.0) * horizontal[:, None] * roll).astype(np.float32))


def _source_field(head: Head, target: np.ndarray, spread_mm: float) -> np.ndarray:
    """Average-referenced field (21,) of a patch around the dipole nearest `target`, peak 1."""
    centre = int(np.argmax(head.dipole_mm @ target))
    weight = np.exp(-0.5 * (head.distance_mm[centre] / spread_mm) ** 2)
    field = centring() @ np.einsum("ed,d->e", head.leadfield, weight)
    return (field / np.abs(field[:19]).max()).astype(np.float32)


def _add_sleep_waves(scene: Scene, patient: Patient, rng: np.random.Generator) -> None:
    rate_hz = scene.rate_hz
    vertex = _source_field(patient.head, np.array([0.0, 0.1, 1.0]), 25.0)
    spindle_hz = patient.style(3).uniform(11.8, 14.2)
    for at_s in _times_s(scene, _by_state(_SPINDLES_PER_MIN), rng):
        time_s = np.arange(round(rng.uniform(0.6, 1.6) * rate_hz)) / rate_hz
        hz = spindle_hz + rng.normal(0.0, 0.25)
        wave = np.sin(2 * np.pi * (hz * time_s + rng.random())) * np.hanning(len(time_s))
        size_uv = patient.gain * rng.uniform(9.0, 22.0)
        scene.add(at_s, (size_uv * vertex[:, None] * wave).astype(np.float32))
    time_s = np.arange(round(0.9 * rate_hz)) / rate_hz
    sharp = -np.exp(-0.5 * ((time_s - 0.2) / 0.05) ** 2)
    sharp += 0.55 * np.exp(-0.5 * ((time_s - 0.42) / 0.11) ** 2)
    wave = (vertex[:, None] * sharp).astype(np.float32)
    for at_s in _times_s(scene, _by_state(_VERTEX_PER_MIN), rng):
        scene.add(at_s, wave * np.float32(patient.gain * rng.uniform(22.0, 60.0)))


def _add_spikes(scene: Scene, patient: Patient, rng: np.random.Generator) -> None:
    """Interictal spikes with a slow wave behind them, at the patient's foci."""
    if patient.spikes_per_min == 0:
        return
    time_s = np.arange(round(0.6 * scene.rate_hz)) / scene.rate_hz
    spike = -np.exp(-0.5 * ((time_s - 0.1) / 0.018) ** 2)
    spike += 0.25 * np.exp(-0.5 * ((time_s - 0.15) / 0.02) ** 2)
    spike -= 0.4 * np.exp(-0.5 * ((time_s - 0.3) / 0.07) ** 2)
    waves = [
        (_source_field(patient.head, patient.head.dipole_mm[focus], 18.0)[:, None] * spike)
        for focus in patient.foci
    ]
    more_in_sleep = np.array([0.7, 0.8, 1.3, 1.8, 1.5, 1.0])
    for at_s in _times_s(scene, patient.spikes_per_min * more_in_sleep, rng):
        size_uv = patient.gain * rng.uniform(22.0, 60.0)
        wave = waves[int(rng.integers(len(waves)))]
        scene.add(at_s, (size_uv * wave).astype(np.float32))


def _heart(scene: Scene, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Electrocardiogram (sample,) float32 with R waves of 1."""
    rate_hz = scene.rate_hz
    n_beats = int(1.4 * scene.duration_s * patient.heart_hz) + 4
    breath = 0.03 * np.sin(0.25 * 2 * np.pi * np.arange(n_beats) / patient.heart_hz)
    interval_s = (1.0 + breath + 0.02 * rng.standard_normal(n_beats)) / patient.heart_hz
    at_s = np.cumsum(interval_s) - interval_s[0] * rng.random()
    time_s = np.arange(round(0.6 * rate_hz)) / rate_hz
    waves = ((0.1, 0.02, 0.12), (0.2, 0.008, -0.12), (0.22, 0.01, 1.0), (0.245, 0.01, -0.25))
    waves = (*waves, (0.44, 0.045, 0.22))
    beat = np.zeros(len(time_s))
    for centre_s, width_s, height in waves:
        beat += height * np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)
    n_samples = scene.signal_uv.shape[1]
    heart = np.zeros(n_samples + len(beat), dtype=np.float32)
    for start in np.round(at_s * rate_hz).astype(int):
        if start < n_samples:
            heart[start : start + len(beat)] += beat
    return heart[:n_samples]


def _add_everywhere(
    scene: Scene, patient: Patient, heart: np.ndarray, rng: np.random.Generator
) -> None:
    """Add heart and mains to all electrodes, in chunks to stay in the processor's cache."""
    n_samples = len(heart)
    phase = 2 * np.pi * rng.random()
    swing_hz = rng.uniform(0.005, 0.02)
    field = np.stack([patient.ecg_uv, patient.mains_uv], axis=1).astype(np.float32)
    for start in range(0, n_samples, CHUNK):
        stop = min(start + CHUNK, n_samples)
        time_s = np.arange(start, stop) / scene.rate_hz
        swing = 1.0 + 0.3 * np.sin(2 * np.pi * swing_hz * time_s)
        mains = swing * np.sin(2 * np.pi * MAINS_HZ * time_s + phase)
        both = np.stack([heart[start:stop], mains]).astype(np.float32)
        scene.signal_uv[:, start:stop] += np.einsum("ek,kn->en", field, both)
