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


class WindowBatch(NamedTuple):
    """A batch as it leaves the loader: EEG still in the cache's 16 bits, half the bytes to move.

    `eeg` (batch, channel, time) int16, `gain` and `offset` (batch, channel, 1) float32 such that
    `eeg · gain + offset` is normalised EEG, `target` (batch, time) uint8, 1 in a seizure, `valid`
    (batch, time) bool, False beyond the recording's end, `row` (batch,) the recording's row in the
    cache index and `start` (batch,) the window's first sample, both int32.
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
        n_channels = len(self.index.channel_names)
        shape = (len(windows), self.grid.window_samples)
        eeg = torch.zeros((shape[0], n_channels, shape[1]), dtype=torch.int16)
        target = np.zeros(shape, np.uint8)
        valid = np.zeros(shape, np.bool_)
        rows = self.grid.row[windows]
        starts = self.grid.start[windows]
        for place, (row, start) in enumerate(zip(rows.tolist(), starts.tolist(), strict=True)):
            stop = min(start + shape[1], int(self.index.n_samples[row]))
            eeg[place, :, : stop - start] = self.signals.window(row, start, stop)
            target[place] = seizure_mask(start, shape[1], self.index.events_of(row))
            valid[place, : stop - start] = True
        return WindowBatch(
            eeg=eeg,
            gain=torch.from_numpy(self.gain.scale[rows, :, None]),
            offset=torch.from_numpy(self.gain.offset[rows, :, None]),
            target=torch.from_numpy(target),
            valid=torch.from_numpy(valid),
            row=torch.from_numpy(rows),
            start=torch.from_numpy(starts),
        )
