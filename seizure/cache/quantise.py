"""Filtered recordings as 16-bit integers, with the statistics that normalisation needs.

A channel saturates at the larger of two levels: `clip_sigma` times its usual amplitude (the median
of its RMS over seconds), and 1.25 times the highest peak that three seconds in a row all reach. An
electrode pop of 5 mV, over within two seconds, is cut and costs the rest no resolution; a seizure
or a blink far above a quiet background is kept whole. With 10 sigma alone the quantisation is 81 dB
below the signal, but sigma taken from a quiet background would flatten the seizures themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.eeg.recording import Recording

_LIMIT = 32767
_SUSTAINED_S = 3
_HEADROOM = 1.25
# One step is never finer than 0.03 nV (a constant channel) nor coarser than 0.1 µV, which is below
# amplifier noise: beyond 3.3 mV it is not EEG.
_SATURATION_UV = (1e-3, 3276.7)


@dataclass(frozen=True, eq=False)
class Quantised:
    """`(channel, sample)` int16 and, per channel in float32 µV, the step and the statistics.

    The statistics are of the stored values, so saturation is in them.
    """

    signal: np.ndarray
    scale_uv: np.ndarray
    mean_uv: np.ndarray
    std_uv: np.ndarray
    median_uv: np.ndarray
    iqr_uv: np.ndarray
    n_saturated: np.ndarray


def quantise(recording: Recording, clip_sigma: float) -> Quantised:
    """The recording as int16, where `signal * scale_uv[:, None]` is µV.

    Median and quartiles come from the histogram of the integers, so they are exact to one step.
    """
    n_channels, n_samples = recording.signal_uv.shape
    signal = np.empty((n_channels, n_samples), np.int16)
    rows = np.empty((n_channels, 6))
    levels = np.arange(-_LIMIT - 1, _LIMIT + 1, dtype=np.float64)
    scaled = np.empty(n_samples, np.float32)
    for channel, values_uv in enumerate(recording.signal_uv):
        scale_uv = saturation_uv(values_uv, recording.rate_hz, clip_sigma) / _LIMIT
        np.multiply(values_uv, np.float32(1 / scale_uv), out=scaled)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -_LIMIT, _LIMIT, out=scaled)
        signal[channel] = scaled
        # bincount wants int64; viewing as uint16 after the sign flip keeps the order.
        counts = np.bincount(
            signal[channel].view(np.uint16) ^ np.uint16(1 << 15), minlength=1 << 16
        )
        mean = counts @ levels / n_samples
        std = np.sqrt(counts @ (levels - mean) ** 2 / n_samples)
        below = np.cumsum(counts)
        quartiles = levels[np.searchsorted(below, np.array([0.25, 0.5, 0.75]) * n_samples)]
        n_saturated = counts[1] + counts[-1]
        rows[channel] = (
            scale_uv,
            mean * scale_uv,
            std * scale_uv,
            quartiles[1] * scale_uv,
            (quartiles[2] - quartiles[0]) * scale_uv,
            n_saturated,
        )
    statistics = np.ascontiguousarray(rows.T[:5].astype(np.float32))
    return Quantised(signal, *statistics, n_saturated=rows[:, 5].astype(np.int64))


def saturation_uv(values_uv: np.ndarray, rate_hz: float, clip_sigma: float) -> float:
    """The level in µV at which one channel saturates, see the head of this file.

    >>> import numpy as np
    >>> quiet = 10 * np.sin(np.arange(25_600) * 0.3)
    >>> round(saturation_uv(quiet, 256.0, clip_sigma=10.0))
    71
    """
    n_second = min(len(values_uv), max(1, round(rate_hz)))
    seconds = values_uv[: len(values_uv) // n_second * n_second].reshape(-1, n_second)
    rms = np.sqrt(np.einsum("ij,ij->i", seconds, seconds, dtype=np.float64) / n_second)
    peaks = np.maximum(seconds.max(axis=1), -seconds.min(axis=1))
    run = min(_SUSTAINED_S, len(peaks))
    sustained = np.lib.stride_tricks.sliding_window_view(peaks, run).min(axis=1).max()
    wanted = max(clip_sigma * float(np.median(rms)), _HEADROOM * float(sustained))
    return float(np.clip(wanted, *_SATURATION_UV))


def event_intervals(
    events: Iterable[Event], rate_hz: float, n_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Events as `(event, 2)` int64 samples within the recording and `(event,)` uint8 types.

    What lies beyond the end of the recording is cut off.

    >>> event_intervals([Event(1.0, 2.0, "fnsz")], 256.0, 384)[0].tolist()
    [[256, 384]]
    """
    intervals, types = [], []
    for event in events:
        start = round(event.start_s * rate_hz)
        stop = min(max(round(event.stop_s * rate_hz), start + 1), n_samples)
        if start < stop:
            intervals.append((start, stop))
            types.append(SEIZURE_TYPES.index(event.label))
    return np.asarray(intervals, np.int64).reshape(-1, 2), np.asarray(types, np.uint8)
