"""What a cache holds, in the few numbers in which a wrong unit or a mains leak is seen at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import welch

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.corpus.entry import SPLITS
from seizure.eeg.annotation import SEIZURE_TYPES

_IQR_OF_UNIT_NORMAL = 1.349
_SEGMENT_S = 4.0  # 0.25 Hz from bin to bin: mains are a line, not a hill
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False)
class SplitOverview:
    """One split. `hours` and `n_seizures` are `(patient,)`, the patient with most hours first.

    `durations_s` holds the length of each seizure of a type. `amplitude_uv` is `(recording,)`, the
    median over channels of the interquartile range / 1.349: the standard deviation of a normal
    signal, which artefacts do not move. `power_uv2_hz` is `(quantile, frequency)`: `QUANTILES` over
    the channels of `n_sampled` recordings, `sampled_min` in all; NaN where there are none.
    """

    split: str
    patients: tuple[str, ...]
    hours: np.ndarray
    n_seizures: np.ndarray
    durations_s: Mapping[str, np.ndarray]
    stems: tuple[str, ...]
    amplitude_uv: np.ndarray
    power_uv2_hz: np.ndarray
    n_sampled: int
    sampled_min: float


@dataclass(frozen=True, eq=False)
class Overview:
    """Every split that has recordings, with the frequencies of their spectra."""

    splits: tuple[SplitOverview, ...]
    frequency_hz: np.ndarray


def survey(
    signals: MappedSignals, n_sampled: int = 40, sample_s: float = 60.0, seed: int = 0
) -> Overview:
    """The overview of a cache: everything from its index, spectra from a sample.

    Of each split `n_sampled` recordings are drawn without replacement, and of each `sample_s` from
    a random place on: as many minutes whether the corpus has a day or a year.
    """
    index = signals.index
    n_segment = round(_SEGMENT_S * index.rate_hz)
    parts = []
    for place, split in enumerate(SPLITS):
        rows = index.rows(split)
        if not len(rows):
            continue
        long_enough = rows[index.n_samples[rows] >= n_segment]
        rng = np.random.default_rng([seed, place])
        drawn = rng.permutation(long_enough)[:n_sampled]
        n_part = max(n_segment, round(sample_s * index.rate_hz))
        parts_uv = [_part_uv(signals, int(row), n_part, rng) for row in drawn]
        parts.append(_of_split(index, split, rows, parts_uv, n_segment))
    return Overview(tuple(parts), np.fft.rfftfreq(n_segment, 1 / index.rate_hz))


def _of_split(
    index: CacheIndex, split: str, rows: np.ndarray, parts_uv: list[np.ndarray], n_segment: int
) -> SplitOverview:
    owners, owner = np.unique(index.patient[rows], return_inverse=True)
    hours = np.bincount(owner, index.n_samples[rows]) / index.rate_hz / 3600
    n_events = index.event_start[rows + 1] - index.event_start[rows]
    order = np.argsort(-hours, kind="stable")
    lasting_s = [np.diff(index.events_of(row), axis=1)[:, 0] / index.rate_hz for row in rows]
    types = np.concatenate([index.event_types_of(row) for row in rows])
    power = np.full((len(QUANTILES), n_segment // 2 + 1), np.nan)
    if parts_uv:
        # The median over segments: an electrode's pop in one of them is nothing.
        spectra = [
            welch(part_uv, index.rate_hz, nperseg=n_segment, average="median")[1]
            for part_uv in parts_uv
        ]
        power = np.quantile(np.concatenate(spectra), QUANTILES, axis=0)
    return SplitOverview(
        split=split,
        patients=tuple(owners[order].tolist()),
        hours=hours[order],
        n_seizures=np.bincount(owner, n_events)[order].astype(int),
        durations_s={
            SEIZURE_TYPES[code]: np.concatenate(lasting_s)[types == code]
            for code in np.unique(types)
        },
        stems=tuple(index.stem[rows].tolist()),
        amplitude_uv=np.median(index.iqr_uv[rows], axis=1) / _IQR_OF_UNIT_NORMAL,
        power_uv2_hz=power,
        n_sampled=len(parts_uv),
        sampled_min=sum(part_uv.shape[1] for part_uv in parts_uv) / index.rate_hz / 60,
    )


def _part_uv(signals: MappedSignals, row: int, n_part: int, rng: np.random.Generator) -> np.ndarray:
    """`(channel, sample)` µV from a random place of a recording, all of it if it is short."""
    n_samples = int(signals.index.n_samples[row])
    n_part = min(n_part, n_samples)
    start = int(rng.integers(n_samples - n_part + 1))
    return signals.window_uv(row, start, start + n_part)
