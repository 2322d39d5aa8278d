"""Windows of EEG read from the cache, a whole batch at a time."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.windows.grid import WindowGrid, seizure_mask
from seizure.windows.normalisation import Gain
from seizure.windows.sampler import PADDING


class WindowBatch(NamedTuple):
    """A batch as it leaves the loader: EEG still in the cache's 16 bits, half the bytes to move.

    `eeg` (batch, channel, time) int16, `gain` and `offset` (batch, channel, 1) float32 such that
    `eeg · gain + offset` is normalised EEG, `target` (batch, time) uint8, 1 in a seizure, `valid`
    (batch, time) bool, False beyond the recording's end, `row` (batch,) the recording's row in the
    cache index, -1 for padding, and `start` (batch,) the window's first sample, both int32.
    """

    eeg: Tensor
    gain: Tensor
    offset: Tensor
    target: Tensor
    valid: Tensor
    row: Tensor
    start: Tensor

    def normalised(self) -> Tensor:
        """EEG (batch, channel, time) float32 on the batch's device, zero beyond the end."""
        eeg = self.eeg.float() * self.gain + self.offset
        return eeg * self.valid.unsqueeze(1)


class WindowDataset(Dataset[WindowBatch]):
    """The windows of a grid; indexed with a list of window numbers it returns one `WindowBatch`.

    Use it with `DataLoader(dataset, sampler=batches, batch_size=None)`: a sampler that yields
    lists makes each batch in one pass, without a collate step.
    """

    def __init__(
        self, index: CacheIndex, signals: MappedSignals, grid: WindowGrid, gain: Gain
    ) -> None:
        self.index = index
        self.signals = signals
        self.grid = grid
        self.gain = gain

    def __len__(self) -> int:
        return len(self.grid)

    def __getitem__(self, windows: list[int]) -> WindowBatch:
        n_channels, n_samples = len(self.index.channel_names), self.grid.window_samples
        starts = self.grid.start[windows]
        rows = np.where(np.equal(windows, PADDING), np.int32(-1), self.grid.row[windows])
        n_present = np.where(rows < 0, 0, self.index.n_samples[rows] - starts).clip(max=n_samples)
        eeg = torch.empty((len(windows), n_channels, n_samples), dtype=torch.int16)
        target = np.zeros((len(windows), n_samples), np.uint8)
        for place, (row, start, n) in enumerate(zip(rows, starts, n_present, strict=True)):
            if n:
                eeg[place, :, :n] = self.signals.window(int(row), int(start), int(start + n))
                target[place] = seizure_mask(int(start), n_samples, self.index.events_of(row))
            eeg[place, :, n:] = 0
        return WindowBatch(
            eeg=eeg,
            gain=torch.from_numpy(self.gain.scale[rows, :, None]),
            offset=torch.from_numpy(self.gain.offset[rows, :, None]),
            target=torch.from_numpy(target),
            valid=torch.from_numpy(np.arange(n_samples) < n_present[:, None]),
            row=torch.from_numpy(rows),
            start=torch.from_numpy(starts),
        )
