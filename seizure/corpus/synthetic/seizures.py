"""Seven seizure types as recipes of rhythms, muscle and changes of the background."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from seizure.corpus.synthetic.emg import faded, muscle, muscle_field
from seizure.corpus.synthetic.patient import Patient, SeizureType
from seizure.corpus.synthetic.rhythm import Course, Rhythm, rhythm
from seizure.corpus.synthetic.scene import rms_course

TUSZ_LABEL: dict[SeizureType, str] = {
    "absence": "absz",
    "temporal": "cpsz",
    "frontal": "fnsz",
    "tonic_clonic": "tcsz",
    "icu": "fnsz",
    "subtle": "fnsz",
    "brief": "tnsz",
}
DURATION_S: dict[SeizureType, tuple[float, float]] = {
    "absence": (9.0, 0.5),
    "temporal": (50.0, 0.45),
    "frontal": (22.0, 0.45),
    "tonic_clonic": (70.0, 0.25),
    "icu": (60.0, 0.6),
    "subtle": (40.0, 0.45),
    "brief": (6.0, 0.35),
}
"""Median and sigma of the lognormal duration."""
SHARE_STATUS, STATUS_S = 0.15, (420.0, 0.6)
"""Of ICU seizures, those that go on and on; median and sigma of their duration."""
LONGEST_S, LONGEST_RUN_S = 1600.0, 150.0
SHARE_SUPPRESSED = 0.65
"""Of runs of focal activity, ictal or not, those that leave a flatter background behind."""
VISIBLE_UV = 4.0


@dataclass(frozen=True)
class Ictal:
    """One seizure before it is placed: `cerebral_uv` and `muscle_uv` (21, sample) from its start.

    `background_gain` are (second after the start, gain) knots that may reach beyond the end.
    `[visible_start_s, visible_stop_s)` is what a reader would mark, relative to the start.
    """

    cerebral_uv: np.ndarray
    muscle_uv: np.ndarray | None
    background_gain: Course
    visible_start_s: float
    visible_stop_s: float

    @property
    def after_s(self) -> float:
        """How long the seizure and its after-effects last."""
        return self.background_gain[-1][0]


def draw_duration_s(kind: SeizureType, rng: np.random.Generator) -> float:
    """A duration from the type's distribution, within a third and four times its median.

    Some of the ICU's are status epilepticus and last up to `LONGEST_S`.
    """
    median, sigma = DURATION_S[kind]
    if kind == "icu" and rng.random() < SHARE_STATUS:
        return float(np.clip(STATUS_S[0] * rng.lognormal(0.0, STATUS_S[1]), 4 * median, LONGEST_S))
    return float(np.clip(median * rng.lognormal(0.0, sigma), median / 3.0, 4.0 * median))


def seizure_rhythm(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Rhythm:
    """The type's leading rhythm: the patient's stereotype with this seizure's small variation."""
    style = patient.style(2)
    focus = patient.foci[int(rng.integers(len(patient.foci)))]
    own, size = style.random(6), np.exp(0.15 * rng.standard_normal())
    if kind == "absence":
        first, last = 3.0 + 0.6 * own[0], 2.4 + 0.5 * own[1]
        return Rhythm(
            duration_s,
            frequency_hz=((0.0, first), (1.0, last)),
            level=((0.0, 0.8), (0.08, 1.0), (0.8, 0.9), (1.0, 0.7)),
            peak_uv=size * patient.gain * (45.0 + 45.0 * own[2]),
            waves=("spike_wave", "spike_wave"),
            focus=focus,
            reach_mm=110.0,
            lag_m_s=5.0,
            synchrony=0.97,
            contralateral=1.0,
            wobble=0.02,
        )
    if kind == "icu":
        slow, up = 0.8 + 0.7 * own[0], 1.6 + 0.8 * own[1]
        return Rhythm(
            duration_s,
            frequency_hz=((0.0, slow), (0.45, slow * up), (0.65, slow * up), (1.0, slow)),
            level=((0.0, 0.35), (0.4, 1.0), (0.7, 0.9), (1.0, 0.3)),
            peak_uv=size * patient.gain * (18.0 + 18.0 * own[2]),
            waves=("discharge", "discharge"),
            focus=focus,
            reach_mm=40.0 + 40.0 * own[3],
            spread_mm_s=4.0 + 8.0 * own[4],
            lag_m_s=1.0,
            synchrony=0.95,
            contralateral=0.6 * own[5],
            wobble=0.05,
        )
    if kind == "frontal":
        first, last = 14.0 + 10.0 * own[0], 4.0 + 3.0 * own[1]
        frequency: Course = ((0.0, first), (0.35, 0.6 * first), (1.0, last))
        level: Course = ((0.0, 0.25), (0.3, 0.5), (0.7, 1.0), (0.9, 0.8), (1.0, 0.2))
        peak_uv, reach_mm, spread = 18.0 + 16.0 * own[2], 30.0 + 20.0 * own[3], 8.0
        lag = 2.0
    elif kind == "brief":
        frequency = ((0.0, 10.0 + 2.0 * own[0]), (1.0, 6.5 + own[1]))
        level = ((0.0, 0.6), (0.3, 1.0), (0.8, 0.9), (1.0, 0.2))
        peak_uv, reach_mm, spread = 18.0 + 14.0 * own[2], 35.0, 30.0
        lag = 1.5
    elif kind == "subtle":
        first = 4.5 + 3.5 * own[0]
        frequency = ((0.0, first), (1.0, first * (0.5 + 0.15 * own[1])))
        level = ((0.0, 0.4), (0.2, 0.8), (0.6, 1.0), (1.0, 0.4))
        peak_uv, reach_mm, spread = 11.0 + 9.0 * own[2], 35.0 + 20.0 * own[3], 6.0
        lag = 0.6 + 0.9 * own[4]
    else:
        first = 5.0 + 3.5 * own[0] if own[1] < 0.65 else 2.5 + 2.0 * own[0]
        frequency = ((0.0, first), (1.0, first * (0.4 + 0.2 * own[2])))
        level = ((0.0, 0.25), (0.15, 0.5), (0.55, 1.0), (0.9, 0.85), (1.0, 0.25))
        peak_uv, reach_mm, spread = 18.0 + 22.0 * own[3], 32.0 + 28.0 * own[4], 2.0 + 8.0 * own[5]
        lag = 1.0
    return Rhythm(
        duration_s,
        frequency_hz=tuple((at, hz * np.exp(0.06 * rng.standard_normal())) for at, hz in frequency),
        level=level,
        peak_uv=size * patient.gain * peak_uv,
        waves=("sinusoid", "sharp"),
        focus=focus,
        reach_mm=reach_mm,
        spread_mm_s=spread,
        lag_m_s=lag,
        synchrony=0.9,
        contralateral=0.3 + 0.4 * own[5] if kind == "temporal" else 0.0,
    )


def draw_seizure(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Ictal:
    """One seizure of `kind`, with its muscle and what it does to the background."""
    return _RECIPES.get(kind, _plain)(patient, kind, duration_s, rng)


def _plain(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Ictal:
    cerebral = rhythm(
        patient.head, seizure_rhythm(patient, kind, duration_s, rng), patient.rate_hz, rng
    )
    return _marked(patient, cerebral, None, ((0.0, 1.0), (duration_s, 1.0)))


def _temporal(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Ictal:
    cerebral = rhythm(
        patient.head, seizure_rhythm(patient, kind, duration_s, rng), patient.rate_hz, rng
    )
    return _marked(patient, cerebral, None, suppression(duration_s, rng))


def suppression(duration_s: float, rng: np.random.Generator) -> Course:
    """What a run of focal activity does to the background: flatter towards its end and after."""
    low, long = rng.uniform(0.5, 0.9), rng.uniform(15.0, 50.0)
    if rng.random() >= SHARE_SUPPRESSED:
        return ((0.0, 1.0), (duration_s, 1.0))
    return ((0.0, 1.0), (0.6 * duration_s, 0.85), (duration_s, low), (duration_s + long, 1.0))


def _icu(patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator) -> Ictal:
    """Periodic discharges that speed up and slow down once; in status, again and again."""
    if duration_s <= LONGEST_RUN_S:
        return _plain(patient, kind, duration_s, rng)
    rate_hz, fade_s = patient.rate_hz, 4.0
    cerebral = np.zeros((21, round(duration_s * rate_hz)), dtype=np.float32)
    at_s = 0.0
    while at_s < duration_s - 2 * fade_s:
        length_s = min(rng.uniform(40.0, 110.0), duration_s - at_s)
        block = rhythm(patient.head, seizure_rhythm(patient, kind, length_s, rng), rate_hz, rng)
        block *= faded(block.shape[1], rate_hz, fade_s, fade_s)
        start = round(at_s * rate_hz)
        kept = block[:, : cerebral.shape[1] - start]
        cerebral[:, start : start + kept.shape[1]] += kept
        at_s += length_s - fade_s
    return _marked(patient, cerebral, None, ((0.0, 1.0), (duration_s, 1.0)))


def _motor(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Ictal:
    """Frontal and brief tonic seizures: attenuation at the start, muscle over the rhythm."""
    cerebral = rhythm(
        patient.head, seizure_rhythm(patient, kind, duration_s, rng), patient.rate_hz, rng
    )
    tension = tense_muscle(patient, cerebral.shape[1], rng)
    return _marked(patient, cerebral, tension, attenuation(duration_s, rng))


def tense_muscle(patient: Patient, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Muscle (21, sample) that tightens in the first third and stays so to the end."""
    field = muscle_field(patient.head, ("all",), rng)
    size_uv = rng.lognormal(np.log(14.0), 0.5)
    start = round(rng.uniform(0.1, 0.35) * n_samples)
    envelope = np.zeros(n_samples, dtype=np.float32)
    envelope[start:] = size_uv * faded(n_samples - start, patient.rate_hz, 2.0, 2.0)
    return muscle(field, envelope, patient.rate_hz, rng)


def attenuation(duration_s: float, rng: np.random.Generator) -> Course:
    """A background that is flattened for the first seconds."""
    flat = rng.uniform(0.4, 0.75)
    return (
        *((-0.5, 1.0), (0.5, flat), (min(3.0, 0.5 * duration_s), flat)),
        *((0.7 * duration_s, 1.0), (duration_s, 1.0)),
    )


def _tonic_clonic(
    patient: Patient, kind: SeizureType, duration_s: float, rng: np.random.Generator
) -> Ictal:
    """A focal start, 14 to 9 Hz under tonic muscle, bursts slowing from 4.5 to 1 Hz, suppression.

    Source: Theodore et al. 1994, Neurology 44:1403.
    """
    rate_hz = patient.rate_hz
    focal_s, tonic_s = 0.25 * duration_s, 0.25 * duration_s
    clonic_s = duration_s - focal_s - tonic_s
    onset = seizure_rhythm(patient, "temporal", focal_s + 0.3 * tonic_s, rng)
    peak_uv = patient.gain * rng.uniform(35.0, 60.0)
    tonic = replace(
        onset,
        duration_s=tonic_s,
        frequency_hz=((0.0, 14.0), (1.0, 9.0)),
        level=((0.0, 0.2), (0.5, 0.8), (0.9, 1.0), (1.0, 0.6)),
        peak_uv=0.6 * peak_uv,
        reach_mm=100.0,
        spread_mm_s=40.0,
        lag_m_s=4.0,
        synchrony=0.95,
        contralateral=0.9,
    )
    clonic = replace(
        tonic,
        duration_s=clonic_s,
        frequency_hz=((0.0, 4.5), (1.0, 1.0)),
        level=((0.0, 0.5), (0.15, 1.0), (0.9, 0.9), (1.0, 0.7)),
        peak_uv=peak_uv,
        waves=("clonic", "clonic"),
        spread_mm_s=1e3,
    )
    cerebral = np.zeros((21, round(duration_s * rate_hz)), dtype=np.float32)
    onset = replace(onset, level=((0.0, 0.3), (0.7, 1.0), (1.0, 0.2)))
    at_s = 0.0
    tension = np.zeros(cerebral.shape[1], dtype=np.float32)
    for part, length_s in ((onset, focal_s), (tonic, tonic_s), (clonic, clonic_s)):
        block = rhythm(patient.head, part, rate_hz, rng)
        block *= faded(block.shape[1], rate_hz, 0.6, 0.6)
        start = round(at_s * rate_hz)
        stop = min(start + block.shape[1], cerebral.shape[1])
        cerebral[:, start:stop] += block[:, : stop - start]
        if part is tonic:
            tension[start:stop] = faded(stop - start, rate_hz, 3.0, 1.5)
        elif part is clonic:
            # Muscle jerks with every discharge: its envelope is the discharge itself.
            jerk = np.clip(np.abs(block[:19]).mean(axis=0), 0.0, None)
            tension[start:stop] = (jerk / np.percentile(jerk, 95))[: stop - start]
        at_s += length_s
    tension *= np.float32(rng.uniform(25.0, 70.0))
    field = muscle_field(patient.head, ("all",), rng)
    flat, long = rng.uniform(0.2, 0.45), rng.uniform(30.0, 90.0)
    gain = (
        *((0.0, 1.0), (duration_s, 0.5), (duration_s + 1.5, flat)),
        *((duration_s + 0.4 * long, flat), (duration_s + long, 1.0)),
    )
    return _marked(patient, cerebral, muscle(field, tension, rate_hz, rng), gain)


def _marked(
    patient: Patient, cerebral_uv: np.ndarray, muscle_uv: np.ndarray | None, gain: Course
) -> Ictal:
    """The seizure with the interval in which its own activity can be seen.

    Visible is 4 µV RMS times the patient's gain at the strongest electrode, or 40 % of the peak.
    """
    step_s = 0.5
    envelope = rms_course(cerebral_uv[:19], patient.rate_hz, step_s).max(axis=0)
    visible = np.flatnonzero(envelope >= min(VISIBLE_UV * patient.gain, 0.4 * envelope.max()))
    length_s = cerebral_uv.shape[1] / patient.rate_hz
    return Ictal(
        cerebral_uv,
        muscle_uv,
        gain,
        visible_start_s=float(visible[0] * step_s),
        visible_stop_s=float(min((visible[-1] + 1) * step_s, length_s)),
    )


_RECIPES: dict[SeizureType, Callable[[Patient, SeizureType, float, np.random.Generator], Ictal]] = {
    "temporal": _temporal,
    "frontal": _motor,
    "brief": _motor,
    "icu": _icu,
    "tonic_clonic": _tonic_clonic,
}
