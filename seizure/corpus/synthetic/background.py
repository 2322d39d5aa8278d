"""Ongoing activity between events: coloured noise in overlapping blocks, mixed by the head."""

import numpy as np
from scipy.fft import irfft

from seizure.corpus.synthetic.patient import Patient
from seizure.corpus.synthetic.vigilance import BANDS, RMS_UV, STEP_S

AMPLIFIER_UV = 0.7
BLOCKS_AT_ONCE = 16
SECONDS_AT_ONCE = 64
BAND_SPREAD = (0.15, 0.4, 0.35, 0.35, 0.35)
"""How far the bands' amplitudes of patients differ beside their gain, as a logarithm."""
PATCH_MM, PATCH_SPREAD = 35.0, 0.6
"""Cortex is not equally active everywhere: over which length, and how far as a logarithm."""
CONTACT_POWER = 0.08
"""Slow noise of each electrode's own contact, beside the power of the sources."""
WAX_COMMON, WAX_OWN = 0.13, 0.16
SENSOR_FROM_HZ = 15.0


def n_steps(n_samples: int, rate_hz: float) -> int:
    """Steps of vigilance that cover a recording."""
    return int(np.ceil(n_samples / _hop(rate_hz))) + 1


def background(
    patient: Patient,
    states: np.ndarray,
    n_samples: int,
    rng: np.random.Generator,
    n_rows: int = 21,
) -> np.ndarray:
    """Background EEG, tonic muscle and amplifier noise, (n_rows, n_samples) float32 in µV.

    Rows after the 21 electrodes are zero: room for a file's other channels.

    `states` (step,) are vigilance states. Every step is one block of noise of two steps length,
    shaped in the frequency domain; sine windows on independent blocks keep the power constant.
    """
    hop = _hop(patient.rate_hz)
    level_uv = patient.gain * RMS_UV[states] * _fluctuation(len(states), rng)
    if patient.setting == "icu":
        level_uv *= np.where(rng.random() < 0.3, 0.6, 1.0)
    tonic_uv = patient.emg_uv * np.exp(0.6 * _smooth(rng, (len(states), 21)))
    # Muscles relax in sleep.
    tonic_uv *= np.where(states >= 3, 0.35, 1.0)[:, None]
    level_uv *= np.exp(patient.style(4).normal(0.0, BAND_SPREAD))
    bands = [_band(patient, name, hop) for name in BANDS]
    sensor = _sensor(patient.rate_hz, hop)
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
    mixed = np.zeros((n_rows, len(states) + 1, hop), dtype=np.float32)
    for first in range(0, len(states), BLOCKS_AT_ONCE):
        rows = slice(first, min(first + BLOCKS_AT_ONCE, len(states)))
        spectrum = np.zeros((rows.stop - rows.start, 21, hop + 1), dtype=np.complex64)
        for number, (start, shape, mixing) in enumerate(bands):
            noise = rng.standard_normal((len(spectrum), 21, 2 * len(shape)), dtype=np.float32)
            # Not `@`: the last bit of BLAS depends on its number of threads.
            noise = np.einsum("ij,bjn->bin", mixing, noise).view(np.complex64)
            noise *= shape * level_uv[rows, number, None, None].astype(np.float32)
            spectrum[:, :, start : start + len(shape)] += noise
        start, white, muscle = sensor
        noise = rng.standard_normal((len(spectrum), 21, 2 * len(white)), dtype=np.float32)
        loudness = tonic_uv[rows, :, None].astype(np.float32) * muscle
        loudness += white
        spectrum[:, :, start:] += noise.view(np.complex64) * loudness
        block = np.asarray(irfft(spectrum, n=2 * hop, axis=2, overwrite_x=True))
        block *= window
        mixed[:21, rows] += block[:, :, :hop].transpose(1, 0, 2)
        mixed[:21, rows.start + 1 : rows.stop + 1] += block[:, :, hop:].transpose(1, 0, 2)
    signal_uv = mixed.reshape(n_rows, -1)[:, hop : hop + n_samples]
    _wax_and_wane(signal_uv[:21], patient.rate_hz, rng)
    return signal_uv


def _wax_and_wane(signal_uv: np.ndarray, rate_hz: int, rng: np.random.Generator) -> None:
    """Let (21, sample) swell and ebb within seconds, partly everywhere at once, in place.

    Amplitudes of stationary noise would be Gaussian; those of EEG have tails.
    """
    n_seconds = -(-signal_uv.shape[1] // rate_hz)
    common, own = _smooth(rng, (n_seconds + 1, 1)), _smooth(rng, (n_seconds + 1, 21))
    knots = np.exp(WAX_COMMON * common + WAX_OWN * own).T.astype(np.float32)
    ramp = np.arange(rate_hz, dtype=np.float32) / np.float32(rate_hz)
    for first in range(0, n_seconds, SECONDS_AT_ONCE):
        last = min(first + SECONDS_AT_ONCE, n_seconds)
        step = knots[:, first + 1 : last + 1] - knots[:, first:last]
        gain = (knots[:, first:last, None] + step[:, :, None] * ramp).reshape(21, -1)
        piece = signal_uv[:, first * rate_hz : last * rate_hz]
        piece *= gain[:, : piece.shape[1]]


def _hop(rate_hz: float) -> int:
    return round(STEP_S * rate_hz)


def _band(patient: Patient, name: str, hop: int) -> tuple[int, np.ndarray, np.ndarray]:
    """First bin, spectral amplitude (bin,) and spatial mixing (21, 21) for a RMS of 1 µV."""
    hz, contact = np.arange(hop + 1) / (2 * STEP_S), None
    x, y, z = patient.head.dipole_mm.T / 72.0
    if name == "aperiodic":
        power = np.where(hz > 0.2, np.maximum(hz, 0.2), 1.0) ** -patient.exponent
        power *= (hz / 0.5) ** 4 / (1 + (hz / 0.5) ** 4)
        power *= np.clip((80.0 - hz) / 30.0, 0.0, 1.0)
        weight = np.ones_like(x)
        contact = CONTACT_POWER * patient.style(5).lognormal(0.0, 0.8, 21)
    else:
        centre, width = {
            "alpha": (patient.alpha_hz, 0.7),
            "beta": (19.0, 4.0),
            "theta": (5.5, 1.0),
            "delta": (1.6, 0.7),
        }[name]
        power = np.exp(-0.5 * ((hz - centre) / width) ** 2) * (hz > 0.3)
        weight = {
            "alpha": 0.04 + np.exp(-4.0 * (1.0 - np.clip(-0.95 * y + 0.3 * z, -1, 1))),
            "beta": 0.4 + np.clip(0.6 * y + 0.8 * z, 0, 1),
            "theta": 0.5 + 0.5 * np.clip(0.5 * y + 0.6 * z, 0, 1),
            "delta": 0.5 + 0.5 * np.clip(0.8 * y + 0.4 * z, 0, 1),
        }[name]
    weight = weight * (1.0 + 0.12 * patient.style(1).standard_normal() * np.sign(x))
    own = patient.head.smooth_field(patient.style(10 + BANDS.index(name)), PATCH_MM)
    mixing = patient.head.mixing(weight * np.exp(PATCH_SPREAD * own), contact)
    if name in ("alpha", "theta", "delta"):
        mixing /= np.sqrt((mixing**2).sum(axis=1)).max()
    kept = np.flatnonzero(power > 1e-5 * power.max())
    start, stop = int(kept[0]), int(kept[-1]) + 1
    shape = np.sqrt(power[start:stop] / power[start:stop].sum())
    return start, (hop * shape).astype(np.float32), mixing


def _sensor(rate_hz: float, hop: int) -> tuple[int, np.ndarray, np.ndarray]:
    """First bin, and spectral amplitudes (bin,) of amplifier noise and of 1 µV tonic muscle."""
    start = round(SENSOR_FROM_HZ * 2 * STEP_S)
    hz = np.arange(start, hop + 1) / (2 * STEP_S)
    white = np.full(len(hz), AMPLIFIER_UV / np.sqrt(hop))
    muscle = 1.0 / (1.0 + (35.0 / hz) ** 4) / (1.0 + (hz / 90.0) ** 4)
    muscle = np.sqrt(muscle / muscle.sum())
    return start, (hop * white).astype(np.float32), (hop * muscle).astype(np.float32)


def _fluctuation(n_blocks: int, rng: np.random.Generator) -> np.ndarray:
    """Slow waxing and waning of every band, (block, band), about 1."""
    spread = np.array([0.12, 0.3, 0.2, 0.25, 0.25])
    return np.exp(spread * _smooth(rng, (n_blocks, len(BANDS))))


def _smooth(rng: np.random.Generator, shape: tuple[int, int], width: int = 3) -> np.ndarray:
    noise = rng.standard_normal((shape[0] + width - 1, shape[1]))
    return sum(noise[i : i + shape[0]] for i in range(width)) / np.sqrt(width)
