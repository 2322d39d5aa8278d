"""How cached EEG is brought to a common scale: decided when it is read, by stored statistics.

Per recording these are the statistics that the cache keeps of the whole recording, so that every
sample is scaled by what comes after it too. Per window they are those of the window alone, from
the stored integers: slower changes of amplitude are lost, and nothing beyond the window is used.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seizure.cache.quantise import levels
from seizure.windows.spec import Normalisation

# The interquartile range of a normal distribution in units of its standard deviation.
IQR_OF_NORMAL = 1.349
# Below this a channel carries no EEG (amplifiers add more): scaling it up would show noise as EEG.
MIN_SPREAD_UV = 0.5


class HasStatistics(Protocol):
    """A cache index, (recording, channel) each, or one prepared recording, (channel,) each; µV."""

    @property
    def scale_uv(self) -> NDArray[np.float32]: ...
    @property
    def mean_uv(self) -> NDArray[np.float32]: ...
    @property
    def std_uv(self) -> NDArray[np.float32]: ...
    @property
    def median_uv(self) -> NDArray[np.float32]: ...
    @property
    def iqr_uv(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Gain:
    """`levels · scale + offset` is normalised EEG; float32, shaped like the statistics.

    The levels are those of `seizure.cache.quantise.levels`.
    """

    scale: NDArray[np.float32]
    offset: NDArray[np.float32]


def gain_of(statistics: HasStatistics, normalisation: Normalisation = "robust") -> Gain:
    """The gain and offset of every recording and channel, from that recording alone.

    `robust` centres on the median and divides by the interquartile range over 1.349, which an
    electrode pop of 5 mV moves by 0.3 % where it moves the standard deviation tenfold; `standard`
    uses mean and standard deviation. No statistic crosses from one recording to another, so none
    crosses from one split to another.
    """
    if normalisation == "robust":
        spread_uv = statistics.iqr_uv / np.float32(IQR_OF_NORMAL)
        return _gain(statistics.scale_uv, statistics.median_uv, spread_uv)
    if normalisation == "standard":
        return _gain(statistics.scale_uv, statistics.mean_uv, statistics.std_uv)
    raise ValueError(f"normalisation must be 'robust' or 'standard', found {normalisation!r}")


def gain_of_windows(
    eeg: NDArray[np.int16],
    n_present: NDArray[np.integer],
    scale_uv: NDArray[np.float32],
    stretch: NDArray[np.float32],
    normalisation: Normalisation = "robust",
) -> Gain:
    """The gain and offset (window, channel) of every window and channel, from that window alone.

    `eeg` (window, channel, time) is as cached; of window `i` the first `n_present[i]` samples
    exist and count. `scale_uv` and
    `stretch` (window, channel) say what its codes mean. Quartiles are those of
    cache/quantise.py, exact to one step: a window that is its whole recording has its statistics.

    >>> eeg = np.arange(8, dtype=np.int16).reshape(1, 1, 8)
    >>> even = np.zeros((1, 1), np.float32)
    >>> gain = gain_of_windows(eeg, np.array([8]), np.ones((1, 1), np.float32), even)
    >>> [round(float(v), 2) for v in (eeg[0, 0] * gain.scale[0] + gain.offset[0])[[1, 3, 5]]]
    [-0.67, 0.0, 0.67]
    """
    centre, spread = np.zeros(scale_uv.shape), np.zeros(scale_uv.shape)
    for window, n in enumerate(n_present.tolist()):
        if n == 0:  # padding of a batch
            continue
        present = eeg[window, :, :n]
        if normalisation == "robust":
            first, middle, last = -(-np.array([1, 2, 3]) * n // 4) - 1
            # Sorting 16-bit integers is quicker than partitioning them.
            quartiles = np.sort(present, axis=1)[:, [first, middle, last]]
            low, centre[window], high = levels(quartiles, stretch[window]).T
            spread[window] = (high - low) / IQR_OF_NORMAL
        else:
            of_window = levels(present, stretch[window])
            centre[window], spread[window] = of_window.mean(axis=1), of_window.std(axis=1)
    return _gain(scale_uv, centre * scale_uv, spread * scale_uv)


def _gain(scale_uv: NDArray, centre_uv: NDArray, spread_uv: NDArray) -> Gain:
    spread_uv = np.maximum(spread_uv, np.float32(MIN_SPREAD_UV))
    return Gain(
        scale=(scale_uv / spread_uv).astype(np.float32),
        offset=(-centre_uv / spread_uv).astype(np.float32),
    )
