"""Extracerebral confounders: muscle, electrodes, movement; none has a cortical source's field."""

from collections.abc import Callable

import numpy as np

from seizure.corpus.synthetic.emg import any_region, faded, muscle, muscle_field
from seizure.corpus.synthetic.mimics import focal_rhythm
from seizure.corpus.synthetic.patient import Patient
from seizure.corpus.synthetic.rhythm import rhythm_without_field

N_SCALP = 19
N_ALL = 21


def draw_artefact(patient: Patient, cause: str, rng: np.random.Generator) -> np.ndarray:
    """One artefact (21, sample) float32 in µV; `cause` is a key of `ARTEFACTS`."""
    return ARTEFACTS[cause](patient, rng)


def _muscle_burst(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    length_s = float(np.clip(rng.lognormal(np.log(2.0), 0.9), 0.3, 40.0))
    n_samples = round(length_s * patient.rate_hz)
    envelope = faded(n_samples, patient.rate_hz, 0.3, 0.6) * rng.lognormal(np.log(22.0), 0.6)
    field = muscle_field(patient.head, any_region(rng), rng)
    return muscle(field, envelope, patient.rate_hz, rng)


def _chewing(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Bursts of both temporal muscles at 1 to 2 Hz over a slow swing from the jaw."""
    length_s, chew_hz = float(np.clip(rng.lognormal(2.5, 0.9), 4.0, 150.0)), rng.uniform(1.0, 2.2)
    time_s = np.arange(round(length_s * patient.rate_hz)) / patient.rate_hz
    phase = 2 * np.pi * (chew_hz * time_s + 0.15 * np.sin(2 * np.pi * 0.13 * time_s))
    closing = np.clip(np.sin(phase), 0.0, 1.0) ** 2
    size_uv = rng.lognormal(np.log(45.0), 0.4)
    whole = faded(len(time_s), patient.rate_hz, 1.0, 1.0)
    field = muscle_field(patient.head, ("left_temporal", "right_temporal"), rng)
    block = muscle(field, whole * size_uv * closing, patient.rate_hz, rng)
    swing = (0.35 * size_uv * whole * np.sin(phase - 0.6)).astype(np.float32)
    return block + field[:, None] * rng.choice([-1.0, 1.0]).astype(np.float32) * swing


def _pop(time_s: np.ndarray, size_uv: float, rng: np.random.Generator) -> np.ndarray:
    """A steep rise and exponential return of one electrode's potential."""
    rise_s, fall_s = rng.uniform(0.004, 0.02), rng.lognormal(np.log(0.3), 0.6)
    after_s = np.maximum(time_s, 0.0)
    shape = (1.0 - np.exp(-after_s / rise_s)) * np.exp(-after_s / fall_s)
    return rng.choice([-1.0, 1.0]) * size_uv * shape


def _on_one_electrode(course_uv: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    block = np.zeros((N_ALL, len(course_uv)), dtype=np.float32)
    block[int(rng.integers(N_SCALP))] = course_uv
    return block


def _electrode_pop(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    time_s = np.arange(round(2.5 * patient.rate_hz)) / patient.rate_hz
    popped = _pop(time_s, rng.lognormal(np.log(130.0), 0.6), rng)
    return _on_one_electrode(popped * faded(len(time_s), patient.rate_hz, 1e-3, 0.5), rng)


def _pop_train(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    length_s = rng.uniform(5.0, 40.0)
    time_s = np.arange(round(length_s * patient.rate_hz)) / patient.rate_hz
    every_s, size_uv = rng.uniform(0.35, 1.6), rng.lognormal(np.log(80.0), 0.5)
    # One loose electrode pops in one way: polarity and decay belong to the train.
    key = int(rng.integers(2**31))
    at_s, train = 0.1, np.zeros(len(time_s))
    while at_s < length_s - 1.0:
        own = np.random.default_rng(key)
        train += _pop(time_s - at_s, size_uv * rng.lognormal(0.0, 0.3), own)
        at_s += every_s * rng.lognormal(0.0, 0.2)
    return _on_one_electrode(train * faded(len(time_s), patient.rate_hz, 1e-3, 0.5), rng)


def _rhythmic_artefact(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """A seizure's rhythm with evolution and duration on unrelated electrodes."""
    wanted = focal_rhythm(patient, rng)
    block = rhythm_without_field(patient.head, wanted, patient.rate_hz, rng)
    return block * faded(block.shape[1], patient.rate_hz, 1.0, 1.0)


def _movement(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Slow swings of many electrodes as the cables move, under muscle."""
    n_samples = round(np.clip(rng.lognormal(1.4, 0.8), 1.5, 60.0) * patient.rate_hz)
    whole = faded(n_samples, patient.rate_hz, 0.3, 0.8)
    n_knots = max(round(2.5 * n_samples / patient.rate_hz), 4)
    knots = np.cumsum(rng.standard_normal((4, n_knots)), axis=1)
    knots -= np.linspace(knots[:, 0], knots[:, -1], n_knots, axis=1)
    at = np.linspace(0, n_knots - 1, n_samples)
    left = np.minimum(at.astype(int), n_knots - 2)
    eased = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    swings = (knots[:, left] + eased * (knots[:, left + 1] - knots[:, left])).astype(np.float32)
    loose = rng.standard_normal((N_ALL, 4)).astype(np.float32)
    loose *= rng.lognormal(0.0, 0.8, (N_ALL, 1)).astype(np.float32)
    block = (
        np.einsum("ek,kn->en", loose, swings) * np.float32(rng.lognormal(np.log(18.0), 0.5)) * whole
    )
    envelope = whole * rng.lognormal(np.log(15.0), 0.6)
    return block + muscle(muscle_field(patient.head, ("all",), rng), envelope, patient.rate_hz, rng)


def _sweat(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Sways below half a hertz on a few electrodes for minutes."""
    n_samples = round(rng.uniform(40.0, 240.0) * patient.rate_hz)
    time_s = np.arange(n_samples, dtype=np.float32) / patient.rate_hz
    whole = faded(n_samples, patient.rate_hz, 15.0, 15.0) * np.float32(rng.uniform(20.0, 70.0))
    block = np.zeros((N_ALL, n_samples), dtype=np.float32)
    for electrode in rng.permutation(N_SCALP)[: int(rng.integers(2, 7))]:
        hz, bend = rng.uniform(0.12, 0.4), rng.uniform(0.01, 0.05)
        phase = 2 * np.pi * (hz * time_s + rng.random() + 0.6 * np.sin(2 * np.pi * bend * time_s))
        block[electrode] = rng.uniform(0.4, 1.0) * np.sin(phase) * whole
    return block


def _disconnection(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Mains, hiss and slow swings of one electrode whose contact is gone."""
    n_samples = round(rng.uniform(8.0, 90.0) * patient.rate_hz)
    time_s = np.arange(n_samples) / patient.rate_hz
    course_uv = rng.uniform(40.0, 250.0) * np.sin(2 * np.pi * (60.0 * time_s + rng.random()))
    course_uv += rng.uniform(5.0, 30.0) * rng.standard_normal(n_samples)
    n_slow = max(round(0.7 * n_samples / patient.rate_hz), 4)
    swing = rng.uniform(20.0, 120.0) * rng.standard_normal(n_slow)
    course_uv += np.interp(np.linspace(0, n_slow - 1, n_samples), np.arange(n_slow), swing)
    return _on_one_electrode(course_uv * faded(n_samples, patient.rate_hz, 0.05, 0.05), rng)


ARTEFACTS: dict[str, Callable[[Patient, np.random.Generator], np.ndarray]] = {
    "muscle": _muscle_burst,
    "electrode_pop": _electrode_pop,
    "rhythmic_artefact": _rhythmic_artefact,
    "movement": _movement,
    "chewing": _chewing,
    "pop_train": _pop_train,
    "sweat": _sweat,
    "disconnection": _disconnection,
}
