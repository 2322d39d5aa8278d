"""The one oscillation behind seizures and their mimics: a front of phase-locked sources."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from seizure.corpus.synthetic.head import Head
from seizure.corpus.synthetic.waveform import N_POINTS, waveform

Course = tuple[tuple[float, float], ...]
"""(share of the duration, value) knots of a slow change."""
N_SOURCES = 40
SLOW_HZ = 8.0
DRIFT = 0.08
"""Electrodes whose clocks differ by this share lose each other's phase within some ten cycles."""


@dataclass(frozen=True)
class Rhythm:
    """What a rhythm does over its life; a mimic is a seizure's rhythm without one property.

    `frequency_hz` and `level` (relative) are courses; the waveform turns from the first name of
    `waves` into the second, or stays between them where it does not evolve. `peak_uv` is the RMS at
    the strongest electrode while `level` is highest. The front leaves `focus` (a dipole) at
    `spread_mm_s`, up to `reach_mm`; `lag_m_s` is the speed at which phase travels. `synchrony` is 1
    for phase-locked sources; `drift` is how far each electrode's clock strays from the others', as
    a share of the frequency. `contralateral` is the strength of the mirror focus.
    """

    duration_s: float
    frequency_hz: Course
    level: Course
    peak_uv: float
    waves: tuple[str, str]
    focus: int
    reach_mm: float = 35.0
    spread_mm_s: float = 1e3
    lag_m_s: float = 1.0
    synchrony: float = 0.9
    drift: float = 0.0
    contralateral: float = 0.0
    wobble: float = 0.04
    evolves: bool = True

    def without_evolution(self) -> "Rhythm":
        """The same field and power at the mean of its frequencies, waveforms and extents."""
        values = [value for _, value in self.frequency_hz]
        middle = float(np.exp(np.mean(np.log(values))))
        return replace(self, frequency_hz=((0.0, middle),), evolves=False)

    def without_synchrony(self) -> "Rhythm":
        """The same power of every electrode and band, and evolution, but no two keep step."""
        return replace(self, drift=DRIFT)


def course(knots: Course, share: np.ndarray, geometric: bool = False) -> np.ndarray:
    """A course at shares of the duration, linear or geometric between its knots."""
    at, value = np.array(knots).T
    if geometric:
        return np.exp(np.interp(share, at, np.log(value)))
    return np.interp(share, at, value)


def rhythm(head: Head, wanted: Rhythm, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """The rhythm at the electrodes, (21, sample) float32 in µV, through the head's leadfield."""
    dipoles, weight, distance_mm = _patch(head, wanted, rng)
    activity = _sources(wanted, distance_mm, rate_hz, rng)
    # Not `@`: the last bit of BLAS depends on its number of threads.
    field = np.einsum("ed,dn->en", head.leadfield[:, dipoles] * weight, activity)
    field = _at_peak(field, wanted, rate_hz)
    return _drifted(field, wanted, rate_hz, rng) if wanted.drift > 0 else field


def rhythm_without_field(
    head: Head, wanted: Rhythm, rate_hz: float, rng: np.random.Generator
) -> np.ndarray:
    """The same rhythm with its electrodes exchanged and of either sign: no source explains it."""
    field = rhythm(head, wanted, rate_hz, rng)
    field -= field[:19].mean(axis=0)
    sign = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), (19, 1))
    field[:19] = sign * field[rng.permutation(19)]
    return field


def _patch(
    head: Head, wanted: Rhythm, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dipoles, their weights (float32), and their distances from the focus in mm."""
    found = [_near(head, wanted.focus, wanted.reach_mm, 1.0, 0.0)]
    if wanted.contralateral > 0:
        # The copy across the callosum starts once the front has covered the patch.
        mirror = head.mirrored(wanted.focus)
        found.append(
            _near(head, mirror, wanted.reach_mm, wanted.contralateral, 1.5 * wanted.reach_mm)
        )
    dipoles, weight, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    if len(dipoles) > N_SOURCES:
        kept = np.sort(rng.permutation(len(dipoles))[:N_SOURCES])
        kept[0] = 0
        dipoles, weight, distance = dipoles[kept], weight[kept], distance[kept]
    return dipoles, weight.astype(np.float32), distance


def _near(
    head: Head, centre: int, reach_mm: float, strength: float, further_mm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    distance = head.distance_mm[centre]
    dipoles = np.argsort(distance, kind="stable")
    dipoles = dipoles[: max(3, int((distance < reach_mm).sum()))]
    weight = strength * np.exp(-0.5 * (distance[dipoles] / (0.6 * reach_mm)) ** 2)
    return dipoles, weight, distance[dipoles] + further_mm


def _sources(
    wanted: Rhythm, distance_mm: np.ndarray, rate_hz: float, rng: np.random.Generator
) -> np.ndarray:
    """Activity (source, sample) float32: one waveform table read at every source's own phase."""
    n_samples, n_sources = round(wanted.duration_s * rate_hz), len(distance_mm)
    n_slow = max(int(np.ceil(wanted.duration_s * SLOW_HZ)) + 1, 4)
    slow_share = np.linspace(0.0, 1.0, n_slow)
    frequency = course(wanted.frequency_hz, slow_share, geometric=True)
    frequency *= np.exp(wanted.wobble * _wander(rng, (n_slow,), memory_s=0.7))
    # Every source's own phase in cycles: a lag behind the front and a small jitter.
    own = -frequency * distance_mm[:, None] / (1000.0 * wanted.lag_m_s)
    loose = 1.0 - wanted.synchrony
    own += 0.25 * loose * _wander(rng, (n_sources, n_slow), memory_s=0.5)
    base = np.cumsum(_upsampled(frequency[None], n_samples)[0].astype(np.float64)) / rate_hz
    base = (N_POINTS * (base % 1.0 + rng.random())).astype(np.float32)
    phase = base + _upsampled(np.float32(N_POINTS) * own, n_samples)
    # Masking the index also wraps negative phases, and 512, to which float32 may round up.
    index = np.floor(phase).astype(np.int32) & (N_POINTS - 1)
    first, second = waveform(wanted.waves[0]), waveform(wanted.waves[1])
    activity = first[index]
    turn = (0.0, 1.0) if wanted.evolves else (0.5, 0.5)
    share = np.linspace(*turn, n_samples, dtype=np.float32)
    if wanted.waves[0] != wanted.waves[1]:
        activity += share * (second[index] - activity)
    arrival_s = distance_mm[:, None] / wanted.spread_mm_s
    late = np.clip((slow_share * wanted.duration_s - arrival_s) / 1.5, 0.0, 1.0)
    if wanted.spread_mm_s >= 1e3:
        late = np.ones_like(late)
    if not wanted.evolves:
        late[:] = np.sqrt((late**2).mean(axis=1, keepdims=True))
    envelope = late * course(wanted.level, slow_share)
    envelope = envelope * (1.0 + 0.15 * _wander(rng, (1, n_slow), memory_s=0.6))
    # A rhythm that began at full size would click at its first and last sample.
    envelope[:, [0, -1]] = 0.0
    activity *= _upsampled(np.clip(envelope, 0.0, None), n_samples)
    return activity


def _drifted(
    field: np.ndarray, wanted: Rhythm, rate_hz: float, rng: np.random.Generator
) -> np.ndarray:
    """`field` with every electrode on a clock of its own, fast at times and slow at others.

    Sources that do not keep step would also cancel less, so that their scalp power gives them
    away; a clock keeps each electrode's power, waveform and evolution.
    """
    # Centred, or the average reference would take from its twin what it leaves here.
    field = field - field[:19].mean(axis=0)
    n_electrodes, n_samples = field.shape
    n_slow = max(int(np.ceil(wanted.duration_s * SLOW_HZ)) + 1, 4)
    delay_s = np.cumsum(wanted.drift * _wander(rng, (n_electrodes, n_slow), 1.0), axis=1) / SLOW_HZ
    delay_s -= np.linspace(delay_s[:, 0], delay_s[:, -1], n_slow, axis=1)
    slowest_hz = min(hz for _, hz in wanted.frequency_hz)
    delay_s += rng.uniform(-0.5, 0.5, (n_electrodes, 1)) / slowest_hz
    at = np.arange(n_samples, dtype=np.float32) - np.float32(rate_hz) * _upsampled(
        delay_s, n_samples
    )
    at = np.clip(at, 0.0, n_samples - 1.0)
    left = np.minimum(at.astype(np.int32), n_samples - 2)
    step = np.diff(field, axis=1)
    drifted = np.take_along_axis(step, left, axis=1) * (at - left)
    return drifted + np.take_along_axis(field, left, axis=1)


def _at_peak(field: np.ndarray, wanted: Rhythm, rate_hz: float) -> np.ndarray:
    """`field` scaled to `peak_uv` RMS at its strongest electrode over its strongest third."""
    n_block = max(int(0.5 * rate_hz), 1)
    n_whole = max(field.shape[1] // n_block, 1) * n_block
    power = (field[:19, :n_whole] ** 2).reshape(19, -1, min(n_block, field.shape[1])).mean(axis=2)
    strongest = np.sort(power[np.argmax(power.sum(axis=1))])
    peak = np.sqrt(strongest[-max(len(strongest) // 3, 1) :].mean())
    return field * np.float32(wanted.peak_uv / max(peak, 1e-9))


def _wander(rng: np.random.Generator, shape: tuple[int, ...], memory_s: float) -> np.ndarray:
    """Smooth noise with unit variance along the last axis, sampled at `SLOW_HZ`."""
    width = max(round(memory_s * SLOW_HZ), 1)
    noise = rng.standard_normal((*shape[:-1], shape[-1] + width - 1))
    total = np.cumsum(noise, axis=-1)
    total[..., width:] = total[..., width:] - total[..., :-width]
    return total[..., width - 1 :] / np.sqrt(width)


@lru_cache(maxsize=64)
def _between(n_slow: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    position = np.linspace(0.0, n_slow - 1, n_samples)
    left = np.minimum(position.astype(np.int32), n_slow - 2)
    return left, (position - left).astype(np.float32)


def _upsampled(slow: np.ndarray, n_samples: int) -> np.ndarray:
    """Linear interpolation of (row, slow sample) to `n_samples`, float32."""
    left, share = _between(slow.shape[1], n_samples)
    slow = slow.astype(np.float32)
    step = np.diff(slow, axis=1)
    upsampled = step[:, left]
    upsampled *= share
    upsampled += slow[:, left]
    return upsampled
