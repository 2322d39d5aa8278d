"""Filtered recordings as 16-bit integers, with the statistics that normalisation needs.

A channel without peaks above 1.6 mV is stored whole, its highest peak at the end of the range: a
step is then at most 0.05 µV, a third of the step of TUSZ's own files. Only beyond that does it
saturate, and not below `clip_sigma` times its usual amplitude. So an electrode pop of 5 mV costs
the rest next to nothing, and no seizure is flattened because its background was quiet: on real
clips, saturation at 10 sigma alone cut 5 % of the channels, some at 40 µV.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.eeg.recording import Recording

_LIMIT = 32767
_FINE_ENOUGH_UV = 0.05
_CONSTANT_UV = 1e-3  # the end of the range of a channel without any signal


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
    Raises `ValueError` for values that are not finite: as integers they would pass for EEG.
    """
    n_channels, n_samples = recording.signal_uv.shape
    signal = np.empty((n_channels, n_samples), np.int16)
    rows = np.empty((n_channels, 6))
    levels = np.arange(-_LIMIT - 1, _LIMIT + 1, dtype=np.float64)
    scaled = np.empty(n_samples, np.float32)
    for channel, values_uv in enumerate(recording.signal_uv):
        if not np.isfinite(values_uv).all():
            lost = np.flatnonzero(~np.isfinite(values_uv))
            raise ValueError(
                f"{recording.channel_names[channel]} holds {len(lost)} values that are not finite, "
                f"the first at {lost[0] / recording.rate_hz:g} s; expected EEG in µV"
            )
        limit_uv = saturation_uv(values_uv, recording.rate_hz, clip_sigma)
        scale_uv = limit_uv / _LIMIT
        np.multiply(values_uv, np.float32(1 / scale_uv), out=scaled)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -_LIMIT, _LIMIT, out=scaled)
        signal[channel] = scaled
        # Flipping the sign bit and reading the rest as unsigned keeps the order from 0 up.
        counts = np.bincount(
            signal[channel].view(np.uint16) ^ np.uint16(1 << 15), minlength=1 << 16
        )
        # Sums, not dot products: those BLAS spreads over threads, at ten times the cost.
        mean = (counts * levels).sum() / n_samples
        std = np.sqrt((counts * (levels - mean) ** 2).sum() / n_samples)
        below = np.cumsum(counts)
        quartiles = levels[np.searchsorted(below, np.array([0.25, 0.5, 0.75]) * n_samples)]
        rows[channel] = (
            scale_uv,
            mean * scale_uv,
            std * scale_uv,
            quartiles[1] * scale_uv,
            (quartiles[2] - quartiles[0]) * scale_uv,
            np.count_nonzero(np.abs(values_uv) > limit_uv),
        )
    statistics = np.ascontiguousarray(rows.T[:5].astype(np.float32))
    return Quantised(signal, *statistics, n_saturated=rows[:, 5].astype(np.int64))


def saturation_uv(values_uv: np.ndarray, rate_hz: float, clip_sigma: float) -> float:
    """The level in µV at which one channel saturates, see the head of this file.

    >>> import numpy as np
    >>> signal_uv = 10 * np.sin(np.arange(25_600) * 0.3)
    >>> signal_uv[100:150] = 5000
    >>> round(saturation_uv(signal_uv, 256.0, clip_sigma=10.0))
    1638
    """
    peak_uv = max(float(values_uv.max()), -float(values_uv.min()), _CONSTANT_UV)
    if peak_uv <= _LIMIT * _FINE_ENOUGH_UV:
        return peak_uv
    n_second = min(len(values_uv), max(1, round(rate_hz)))
    seconds = values_uv[: len(values_uv) // n_second * n_second].reshape(-1, n_second)
    mean_square = np.einsum("ij,ij->i", seconds, seconds, dtype=np.float64) / n_second
    usual_uv = float(np.sqrt(np.median(mean_square)))  # what happens in few seconds does not count
    return min(peak_uv, max(clip_sigma * usual_uv, _LIMIT * _FINE_ENOUGH_UV))


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
