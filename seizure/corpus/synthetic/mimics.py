"""Cerebral confounders: a seizure's rhythm that lacks evolution, duration or synchrony."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from seizure.corpus.synthetic.emg import faded, muscle, muscle_field
from seizure.corpus.synthetic.patient import Patient, SeizureType
from seizure.corpus.synthetic.rhythm import Course, Rhythm, rhythm
from seizure.corpus.synthetic.seizures import (
    LONGEST_RUN_S,
    attenuation,
    draw_duration_s,
    seizure_rhythm,
    suppression,
    tense_muscle,
)


@dataclass(frozen=True)
class Mimic:
    """One mimic before it is placed: (21, sample) float32 in µV, and the property it lacks.

    `flash_hz` is the rate of the stroboscope that drives it, 0 without one; `background_gain` is
    what it does to the background, as in seizures.
    """

    block_uv: np.ndarray
    lacks: str
    background_gain: Course = ((0.0, 1.0), (1.0, 1.0))
    flash_hz: float = 0.0


def draw_mimic(patient: Patient, cause: str, rng: np.random.Generator) -> Mimic:
    """One cerebral confounder; `cause` is a key of `MIMICS`."""
    return MIMICS[cause](patient, rng)


def _rendered(patient: Patient, wanted: Rhythm, rng: np.random.Generator) -> np.ndarray:
    block = rhythm(patient.head, wanted, patient.rate_hz, rng)
    return block * faded(block.shape[1], patient.rate_hz, 1.0, 1.0)


def focal_rhythm(patient: Patient, rng: np.random.Generator) -> Rhythm:
    """A focal seizure's rhythm at any focus, in patients with and without epilepsy."""
    kind: SeizureType = "subtle" if rng.random() < 0.5 else "temporal"
    return _elsewhere(patient, seizure_rhythm(patient, kind, draw_duration_s(kind, rng), rng), rng)


def _elsewhere(patient: Patient, wanted: Rhythm, rng: np.random.Generator) -> Rhythm:
    """Half at the patient's own focus, else anywhere; frequency and size drawn anew."""
    factor = np.exp(0.15 * rng.standard_normal())
    focus = wanted.focus if rng.random() < 0.5 else int(rng.integers(len(patient.head.dipole_mm)))
    return replace(
        wanted,
        focus=focus,
        frequency_hz=tuple((at, hz * factor) for at, hz in wanted.frequency_hz),
        peak_uv=wanted.peak_uv * np.exp(0.25 * rng.standard_normal()),
    )


def _slowing(patient: Patient, rng: np.random.Generator) -> Mimic:
    wanted = focal_rhythm(patient, rng).without_synchrony()
    gain = suppression(wanted.duration_s, rng)
    return Mimic(_rendered(patient, wanted, rng), "synchrony", gain)


def _fast_activity(patient: Patient, rng: np.random.Generator) -> Mimic:
    """Frontal or brief seizures' fast rhythm and muscle, but areas that do not keep step."""
    kind: SeizureType = "brief" if rng.random() < 0.4 else "frontal"
    wanted = seizure_rhythm(patient, kind, draw_duration_s(kind, rng), rng)
    wanted = _elsewhere(patient, wanted, rng).without_synchrony()
    block = rhythm(patient.head, wanted, patient.rate_hz, rng)
    block *= faded(block.shape[1], patient.rate_hz, 0.3, 0.3)
    block += tense_muscle(patient, block.shape[1], rng)
    return Mimic(block, "synchrony", attenuation(wanted.duration_s, rng))


def _multifocal_discharges(patient: Patient, rng: np.random.Generator) -> Mimic:
    """An ICU seizure's discharges or an absence's spike-waves, in many places independently."""
    kind: SeizureType = "icu" if rng.random() < 0.6 else "absence"
    length_s = min(draw_duration_s(kind, rng), LONGEST_RUN_S)
    wanted = _elsewhere(patient, seizure_rhythm(patient, kind, length_s, rng), rng)
    return Mimic(_rendered(patient, wanted.without_synchrony(), rng), "synchrony")


def _temporal_theta(patient: Patient, rng: np.random.Generator) -> Mimic:
    wanted = seizure_rhythm(patient, "temporal", draw_duration_s("temporal", rng), rng)
    wanted = _elsewhere(patient, wanted, rng).without_evolution()
    wanted = replace(wanted, frequency_hz=((0.0, rng.uniform(4.0, 7.0)),), waves=("sharp", "sharp"))
    gain = suppression(wanted.duration_s, rng)
    return Mimic(_rendered(patient, wanted, rng), "evolution", gain)


def _rhythmic_delta(patient: Patient, rng: np.random.Generator) -> Mimic:
    wanted = replace(
        focal_rhythm(patient, rng).without_evolution(),
        duration_s=float(np.clip(12.0 * rng.lognormal(0.0, 0.7), 4.0, 90.0)),
        frequency_hz=((0.0, rng.uniform(1.0, 2.6)),),
        reach_mm=rng.uniform(35.0, 80.0),
        spread_mm_s=1e3,
        wobble=0.05,
    )
    wanted = replace(wanted, peak_uv=1.2 * wanted.peak_uv)
    return Mimic(_rendered(patient, wanted, rng), "evolution")


def _periodic_discharges(patient: Patient, rng: np.random.Generator) -> Mimic:
    wanted = seizure_rhythm(patient, "icu", min(draw_duration_s("icu", rng), 300.0), rng)
    wanted = _elsewhere(patient, wanted, rng).without_evolution()
    level = ((0.0, 0.9), (0.5, 1.0), (1.0, 0.9))
    return Mimic(_rendered(patient, replace(wanted, level=level), rng), "evolution")


def _spike_wave_burst(patient: Patient, rng: np.random.Generator) -> Mimic:
    wanted = seizure_rhythm(patient, "absence", rng.uniform(0.8, 2.5), rng)
    block = rhythm(patient.head, wanted, patient.rate_hz, rng)
    return Mimic(block * faded(block.shape[1], patient.rate_hz, 0.15, 0.15), "duration")


def _arousal(patient: Patient, rng: np.random.Generator) -> Mimic:
    """A brief seizure's rhythm over a wide area for seconds, with muscle, as on waking."""
    length_s = rng.uniform(1.5, 4.5)
    wanted = replace(
        seizure_rhythm(patient, "brief", length_s, rng),
        focus=int(np.argmax(patient.head.dipole_mm @ np.array([0.0, 0.6, 0.8]))),
        frequency_hz=((0.0, rng.uniform(5.0, 9.0)), (1.0, rng.uniform(3.5, 6.0))),
        reach_mm=80.0,
    )
    block = _rendered(patient, wanted, rng)
    envelope = rng.lognormal(np.log(9.0), 0.5) * faded(block.shape[1], patient.rate_hz, 0.5, 1.0)
    field = muscle_field(patient.head, ("all",), rng)
    return Mimic(block + muscle(field, envelope, patient.rate_hz, rng), "duration")


def _photic_driving(patient: Patient, rng: np.random.Generator) -> Mimic:
    flash_hz = float(rng.choice([4, 6, 8, 10, 12, 15]))
    occiput = np.array([0.35 * rng.standard_normal(), -1.0, 0.1])
    wanted = replace(
        seizure_rhythm(patient, "subtle", 10.0, rng).without_evolution(),
        frequency_hz=((0.0, flash_hz),),
        focus=int(np.argmax(patient.head.dipole_mm @ occiput)),
        reach_mm=45.0,
        spread_mm_s=1e3,
        contralateral=1.0,
        wobble=0.0,
        synchrony=1.0,
    )
    return Mimic(_rendered(patient, wanted, rng), "evolution", flash_hz=flash_hz)


MIMICS: dict[str, Callable[[Patient, np.random.Generator], Mimic]] = {
    "slowing": _slowing,
    "fast_activity": _fast_activity,
    "multifocal_discharges": _multifocal_discharges,
    "arousal": _arousal,
    "rhythmic_delta": _rhythmic_delta,
    "temporal_theta": _temporal_theta,
    "periodic_discharges": _periodic_discharges,
    "spike_wave_burst": _spike_wave_burst,
    "photic_driving": _photic_driving,
}
