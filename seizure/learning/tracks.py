"""From the probabilities of windows to one stitched track per recording, beside its annotations."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seizure.cache.index import CacheIndex
from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.events.stitch import Stitcher, Track
from seizure.events.track_store import TrackStore
from seizure.learning.freed import give_back
from seizure.scoring.case import TrackedRecording
from seizure.windows.dataset import WindowBatch

# The next batch then needs its pages anew: after every recording it made scoring 1.6 times as long.
_RECORDINGS_A_TRIM = 16


class WindowFrames(NamedTuple):
    """Windows on their way to a track: `row` (batch,) in the cache index, -1 for padding,
    `start_frame` (batch,) int64, `probability` (batch, frame) float32."""

    row: NDArray[np.int64]
    start_frame: NDArray[np.int64]
    probability: NDArray[np.float32]


class NothingToScoreError(ValueError):
    """No recording was seen whole."""


@dataclass(frozen=True)
class StitchedRecordings:
    """The recordings of which every window was seen, and how many were seen only in part."""

    recordings: tuple[TrackedRecording, ...]
    n_partly_seen: int


def samples_per_frame(rate_hz: float, track_rate_hz: float) -> int:
    """Samples averaged into one frame; raises `ValueError` unless it is a whole number."""
    ratio = rate_hz / track_rate_hz
    if ratio < 1 or ratio != int(ratio):
        raise ValueError(
            f"the EEG's rate of {rate_hz:g} Hz must be a whole multiple of the track's rate, "
            f"found {track_rate_hz:g} Hz"
        )
    return int(ratio)


def frames_of(
    probability: Tensor, batch: WindowBatch, rate_hz: float, track_rate_hz: float
) -> WindowFrames:
    """Probabilities (batch, time) per sample, averaged into frames at the track's rate."""
    n = samples_per_frame(rate_hz, track_rate_hz)
    frames = probability.unflatten(1, (-1, n)).mean(2)
    return WindowFrames(
        row=batch.row.cpu().numpy().astype(np.int64),
        start_frame=batch.start.cpu().numpy().astype(np.int64) // n,
        probability=frames.cpu().numpy(),
    )


def of_all_ranks(
    windows: Sequence[WindowFrames], all_gather: Callable[[Tensor], Tensor]
) -> WindowFrames:
    """The windows of every rank in the order of the ranks; each must hold equally many.

    `all_gather` maps a tensor (window, …) to (rank, window, …), as `LightningModule.all_gather`.
    """
    mine = (torch.from_numpy(np.concatenate(column)) for column in zip(*windows, strict=True))
    return WindowFrames(*(all_gather(column).flatten(0, 1).cpu().numpy() for column in mine))


def stitched(
    windows: Iterable[WindowFrames], index: CacheIndex, track_rate_hz: float
) -> StitchedRecordings:
    """Whole recordings in the order of the index; one seen only in part is counted, not scored."""
    n = samples_per_frame(index.rate_hz, track_rate_hz)
    stitchers: dict[int, Stitcher] = {}
    for batch in windows:
        for row, start, probability in zip(*batch, strict=True):
            if row < 0:
                continue
            if row not in stitchers:
                n_frames = -(-int(index.n_samples[row]) // n)
                stitchers[row] = Stitcher(track_rate_hz, n_frames)
            stitchers[row].add(int(start), probability)
    whole = {row: stitchers[row] for row in sorted(stitchers) if stitchers[row].complete}
    recordings = tuple(
        tracked(index, row, stitcher.track(*_named(index, row))) for row, stitcher in whole.items()
    )
    return StitchedRecordings(recordings, len(stitchers) - len(whole))


class StitchedInOrder:
    """The tracks of recordings whose windows come one recording after another, kept on disk.

    Memory holds one recording at a time.
    """

    def __init__(self, index: CacheIndex, track_rate_hz: float, folder: Path) -> None:
        self._index = index
        self._track_rate_hz = track_rate_hz
        self._n_per_frame = samples_per_frame(index.rate_hz, track_rate_hz)
        self._store = TrackStore(folder)
        self._rows: list[int] = []
        self._stitcher: Stitcher | None = None

    def add(self, windows: WindowFrames) -> None:
        """Take the next windows. Raises `ValueError` where a recording was left with gaps."""
        for row, start, probability in zip(*windows, strict=True):
            if row < 0:
                continue
            if self._stitcher is None or row != self._rows[-1]:
                self._finish()
                n_frames = -(-int(self._index.n_samples[row]) // self._n_per_frame)
                self._stitcher = Stitcher(self._track_rate_hz, n_frames)
                self._rows.append(int(row))
            self._stitcher.add(int(start), probability)

    def recordings(self) -> tuple[TrackedRecording, ...]:
        """Every recording seen, in the order of its windows; raises as `add`."""
        self._finish()
        return tuple(map(partial(tracked, self._index), self._rows, self._store.tracks()))

    def _finish(self) -> None:
        if self._stitcher is not None:
            self._store.add(self._stitcher.track(*_named(self._index, self._rows[-1])))
            self._stitcher = None
            if len(self._rows) % _RECORDINGS_A_TRIM == 0:
                give_back()


def tracked(index: CacheIndex, row: int, track: Track) -> TrackedRecording:
    """A cached recording with its annotated seizures beside its track."""
    stem, duration_s = _named(index, row)
    return TrackedRecording(
        stem=stem,
        patient=str(index.patient[row]),
        duration_s=duration_s,
        reference=reference_of(index, row),
        track=track,
    )


def reference_of(index: CacheIndex, row: int) -> tuple[Event, ...]:
    """The annotated seizures of a cached recording."""
    first, last = int(index.event_start[row]), int(index.event_start[row + 1])
    return tuple(
        Event(start / index.rate_hz, stop / index.rate_hz, SEIZURE_TYPES[code])
        for (start, stop), code in zip(
            index.event_samples[first:last].tolist(),
            index.event_type[first:last].tolist(),
            strict=True,
        )
    )


def _named(index: CacheIndex, row: int) -> tuple[str, float]:
    """Stem and seconds of a cached recording."""
    return str(index.stem[row]), float(index.n_samples[row]) / index.rate_hz
