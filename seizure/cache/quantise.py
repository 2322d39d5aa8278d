"""EEG as 16-bit integers, without a sample cut off and 80 dB above its error in every channel.

A channel whose highest peak is below eleven standard deviations has steps of one size. One with
electrode pops or other rare peaks has fine steps up to a knee, code 16384, and coarser ones from
there to its peak; the knee lies where the sum of both errors is least. So a pop of 5 mV costs the
rest of its channel nothing, and no seizure is flattened because its background was quiet: on real
clips, saturation at 10 sigma cut 5 % of the channels, some at 40 µV.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.eeg.recording import Recording

KNEE = 16384
_LIMIT = 32767
_CONSTANT_UV = 1e-3  # the end of the range of a channel without any signal
# Where even steps give as much, there is no knee: 81 dB, so that it is more than 80 when measured.
_ENOUGH_DB = 81.0


@dataclass(frozen=True, eq=False)
class Quantised:
    """`(channel, sample)` int16 codes and, per channel in float32, what they mean in µV.

    `levels(signal, stretch) * scale_uv[:, None]` is µV. The statistics, in µV, are of the stored
    values.
    """

    signal: np.ndarray
    scale_uv: np.ndarray
    stretch: np.ndarray
    mean_uv: np.ndarray
    std_uv: np.ndarray
    median_uv: np.ndarray
    iqr_uv: np.ndarray


def levels(codes: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Codes in fine steps, float64: beyond the knee a code counts for `1 + stretch` of them.

    `stretch` is `(channel,)` for codes `(channel, sample)`, or has the shape of the codes.

    >>> levels(np.array([[-5, 16384, 16386]], np.int16), np.array([9.0])).tolist()
    [[-5.0, 16384.0, 16404.0]]
    """
    stretch = np.asarray(stretch, np.float64)
    if stretch.ndim < codes.ndim:
        stretch = stretch[..., None]
    return codes + stretch * (codes - np.clip(codes, -KNEE, KNEE))


def quantise(recording: Recording) -> Quantised:
    """The recording as int16 codes, see the head of this file.

    Median and quartiles come from the histogram of the codes, so they are exact to one step.
    Raises `ValueError` for values that are not finite: as integers they would pass for EEG.
    """
    n_channels, n_samples = recording.signal_uv.shape
    signal = np.empty((n_channels, n_samples), np.int16)
    rows = np.empty((n_channels, 6))
    every_code = np.arange(-_LIMIT - 1, _LIMIT + 1, dtype=np.int32)
    for channel, values_uv in enumerate(recording.signal_uv):
        if not np.isfinite(values_uv).all():
            lost = np.flatnonzero(~np.isfinite(values_uv))
            raise ValueError(
                f"{recording.channel_names[channel]} holds {len(lost)} values that are not finite, "
                f"the first at {lost[0] / recording.rate_hz:g} s; expected EEG in µV"
            )
        peak_uv = max(float(values_uv.max()), -float(values_uv.min()), _CONSTANT_UV)
        scale_uv, stretch = peak_uv / _LIMIT, 0.0
        signal[channel] = np.rint(values_uv * np.float32(1 / scale_uv))
        counts = _histogram(signal[channel])
        if _error_db(counts, every_code) > -_ENOUGH_DB:
            scale_uv, stretch = _finest(counts, peak_uv)
            signal[channel] = _codes(values_uv, scale_uv, stretch)
            counts = _histogram(signal[channel])
        level = levels(every_code, np.asarray(stretch))
        # Sums, not dot products: those BLAS spreads over threads, at ten times the cost.
        mean = (counts * level).sum() / n_samples
        std = np.sqrt((counts * (level - mean) ** 2).sum() / n_samples)
        below = np.cumsum(counts)
        quartiles = level[np.searchsorted(below, np.array([0.25, 0.5, 0.75]) * n_samples)]
        spread = quartiles[2] - quartiles[0]
        rows[channel] = (
            scale_uv,
            stretch,
            *(v * scale_uv for v in (mean, std, quartiles[1], spread)),
        )
    return Quantised(signal, *np.ascontiguousarray(rows.T.astype(np.float32)))


def _histogram(codes: np.ndarray) -> np.ndarray:
    """How often each code from -32768 up occurs."""
    # Flipping the sign bit and reading the rest as unsigned keeps the order.
    return np.bincount(codes.view(np.uint16) ^ np.uint16(1 << 15), minlength=1 << 16)


def _error_db(counts: np.ndarray, every_code: np.ndarray) -> float:
    """The rounding error of even steps against the signal's standard deviation."""
    mean = (counts * every_code).sum() / counts.sum()
    variance = (counts * (every_code - mean) ** 2).sum() / counts.sum()
    return -np.inf if variance == 0 else float(10 * np.log10(1 / 12 / variance))


def _finest(counts: np.ndarray, peak_uv: float) -> tuple[float, float]:
    """Fine step and stretch whose mean square error is least, from the histogram of even steps."""
    knee = np.arange(1, KNEE + 1)  # in even steps
    sizes = counts[_LIMIT + 1 :].copy()
    sizes[1:] += counts[_LIMIT:0:-1]
    beyond = 1 - np.cumsum(sizes)[1 : KNEE + 1] / counts.sum()
    fine, coarse = knee / KNEE, (_LIMIT - knee) / (_LIMIT - KNEE)
    best = int(np.argmin((1 - beyond) * fine**2 + beyond * coarse**2))
    return fine[best] * peak_uv / _LIMIT, coarse[best] / fine[best] - 1


def _codes(values_uv: np.ndarray, scale_uv: float, stretch: float) -> np.ndarray:
    steps = values_uv.astype(np.float64) / scale_uv
    within = np.clip(steps, -KNEE, KNEE)
    return np.clip(np.rint(within + (steps - within) / (1 + stretch)), -_LIMIT, _LIMIT)


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
