"""Muscle: broadband noise above 20 Hz with a scalp field that no cortical source makes."""

import numpy as np
from scipy.fft import irfft, next_fast_len

from seizure.corpus.synthetic.head import Head

_REGIONS = {
    "left_temporal": lambda x, y, z: (x < -0.5) & (z < 0.3),
    "right_temporal": lambda x, y, z: (x > 0.5) & (z < 0.3),
    "frontal": lambda x, y, z: (y > 0.5) & (z < 0.6),
    "neck": lambda x, y, z: (y < -0.5) & (z < 0.6),
}


def muscle_field(head: Head, regions: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Relative strength (21,) with random electrodes of `regions` strong; `all` takes every one."""
    x, y, z = head.electrode_mm.T / 90.0
    chosen = tuple(_REGIONS) if "all" in regions else regions
    strong = np.any([_REGIONS[region](x, y, z) for region in chosen], axis=0)
    spread = rng.lognormal(-0.3, 0.6, len(x))
    return (np.where(strong, spread, 0.12 * spread)).astype(np.float32)


def any_region(rng: np.random.Generator) -> tuple[str, ...]:
    """One or two muscle groups."""
    names = list(_REGIONS)
    n_groups = 1 + int(rng.random() < 0.35)
    return tuple(str(name) for name in rng.permutation(names)[:n_groups])


def muscle(
    field: np.ndarray, envelope_uv: np.ndarray, rate_hz: float, rng: np.random.Generator
) -> np.ndarray:
    """EMG (21, sample) float32 with RMS `envelope_uv` (sample,) where `field` is 1.

    Electrodes over the same muscle share a third of the power.
    """
    n_samples = len(envelope_uv)
    n_fast = int(next_fast_len(max(n_samples, 64), real=True))  # pyright: ignore[reportArgumentType]
    hz = np.arange(n_fast // 2 + 1) * rate_hz / n_fast
    first = int(np.searchsorted(hz, 12.0))
    shape = 1.0 / (1.0 + (28.0 / hz[first:]) ** 4) / (1.0 + (hz[first:] / 80.0) ** 4)
    shape = np.sqrt(shape / shape.sum()) * n_fast / 2
    spectrum = np.zeros((22, len(hz)), dtype=np.complex64)
    noise = rng.standard_normal((22, 2 * len(shape)), dtype=np.float32)
    spectrum[:, first:] = noise.view(np.complex64) * shape.astype(np.float32)
    noise = np.asarray(irfft(spectrum, n=n_fast, axis=1, overwrite_x=True))[:, :n_samples]
    activity = np.float32(0.82) * noise[:21] + np.float32(0.57) * noise[21]
    # Motor units come and go several times a second, so no burst has a flat top.
    n_slow = max(int(6.0 * n_samples / rate_hz), 4)
    effort = np.exp(0.35 * rng.standard_normal(n_slow))
    effort = np.interp(np.linspace(0.0, n_slow - 1, n_samples), np.arange(n_slow), effort)
    activity *= field[:, None].astype(np.float32)
    activity *= (effort * envelope_uv).astype(np.float32)
    return activity


def faded(n_samples: int, rate_hz: float, rise_s: float, fall_s: float) -> np.ndarray:
    """A plateau of 1 with raised-cosine ends, (sample,) float32."""
    time_s = (np.arange(n_samples) + 0.5) / rate_hz
    end_s = n_samples / rate_hz - time_s
    rise = np.clip(time_s / max(min(rise_s, 0.5 * n_samples / rate_hz), 1e-3), 0.0, 1.0)
    fall = np.clip(end_s / max(min(fall_s, 0.5 * n_samples / rate_hz), 1e-3), 0.0, 1.0)
    return (np.sin(0.5 * np.pi * rise) ** 2 * np.sin(0.5 * np.pi * fall) ** 2).astype(np.float32)
