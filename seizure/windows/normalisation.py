"""How cached EEG is brought to a common scale: decided when it is read, from stored statistics."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
    """`cached · scale + offset` is normalised EEG; float32, shaped like the statistics."""

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
        centre_uv, spread_uv = statistics.median_uv, statistics.iqr_uv / np.float32(IQR_OF_NORMAL)
    elif normalisation == "standard":
        centre_uv, spread_uv = statistics.mean_uv, statistics.std_uv
    else:
        raise ValueError(f"normalisation must be 'robust' or 'standard', found {normalisation!r}")
    spread_uv = np.maximum(spread_uv, np.float32(MIN_SPREAD_UV))
    return Gain(
        scale=(statistics.scale_uv / spread_uv).astype(np.float32),
        offset=(-centre_uv / spread_uv).astype(np.float32),
    )
