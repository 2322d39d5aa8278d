"""Windows of EEG read from the cache, a whole batch at a time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.cache.quantise import KNEE
from seizure.windows.grid import WindowGrid, margins_of, seizure_mask
from seizure.windows.memory import BatchMemory
from seizure.windows.normalisation import Gain, gain_of, gain_of_windows
from seizure.windows.sampler import PADDING
from seizure.windows.spec import Windowing


class WindowBatch(NamedTuple):
    """A batch as it leaves the loader: EEG still in the cache's 16 bits, half the bytes to move.

    `eeg` (batch, channel, time) int16 codes, `stretch`, `gain` and `offset` (batch, channel, 1)
    float32 such that `levels(eeg, stretch) · gain + offset` is normalised EEG, `target`
    (batch, time) uint8, 1 in a seizure, `valid` (batch, time) bool, False beyond the recording's
    end, `learnt` (batch, time) bool, the valid samples that the loss counts: in training none of
    the margins around seizures, else all, `row` (batch,) the recording's row in the cache index,
    -1 for padding, and `start` (batch,) the window's first sample, both int32. `present`
    (batch, channel) bool says which channels hold EEG; None where no recording lacks one.
    """

    eeg: Tensor
    stretch: Tensor
    gain: Tensor
    offset: Tensor
    target: Tensor
    valid: Tensor
    learnt: Tensor
    row: Tensor
    start: Tensor
    present: Tensor | None = None

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "WindowBatch":
        """The same with every tensor changed, such as moved to a device."""
        parts = {name: part for name, part in self._asdict().items() if part is not None}
        return self._replace(**{name: change(part) for name, part in parts.items()})

    def normalised(self) -> Tensor:
        """EEG (batch, channel, time) float32 on the batch's device, zero beyond the end."""
        beyond = self.eeg - self.eeg.clamp(-KNEE, KNEE)
        eeg = torch.addcmul(self.offset, self.eeg.float(), self.gain)
        eeg = eeg.addcmul_(beyond, self.stretch * self.gain)
        return eeg.mul_(self.valid.unsqueeze(1))


class WindowDataset(Dataset[WindowBatch]):
    """The windows of a grid; indexed with a list of window numbers it returns one `WindowBatch`.

    Use it with `DataLoader(dataset, sampler=batches, batch_size=None)`: a sampler that yields
    lists makes each batch in one pass, without a collate step. `margin_samples` before and after
    a seizure are not learnt from.
    """

    def __init__(
        self,
        index: CacheIndex,
        signals: MappedSignals,
        grid: WindowGrid,
        windowing: Windowing,
        margin_samples: tuple[int, int] = (0, 0),
    ) -> None:
        self.index = index
        self.signals = signals
        self.grid = grid
        self.windowing = windowing
        self.margin_samples = margin_samples
        self._gain = gain_of(index, windowing.normalisation)
        self._memory = BatchMemory()
        self._present = index.present()

    def __len__(self) -> int:
        return len(self.grid)

    def __getitem__(self, windows: list[int]) -> WindowBatch:
        n_channels, n_samples = len(self.index.channel_names), self.grid.window_samples
        starts = self.grid.start[windows]
        rows = np.where(np.equal(windows, PADDING), np.int32(-1), self.grid.row[windows])
        n_present = np.where(rows < 0, 0, self.index.n_samples[rows] - starts).clip(max=n_samples)
        memory = self._memory.lend((len(windows), n_channels, n_samples))
        eeg = memory.numpy()
        target = np.zeros((len(windows), n_samples), np.uint8)
        stretches = list(zip(rows.tolist(), starts.tolist(), n_present.tolist(), strict=True))
        for row, start, n in stretches:
            if n:
                self.signals.will_need(row, start, start + n)
        for place, (row, start, n) in enumerate(stretches):
            if n:
                eeg[place, :, :n] = self.signals.window(row, start, start + n).numpy()
                target[place] = seizure_mask(start, n_samples, self.index.events_of(row))
            eeg[place, :, n:] = 0
        valid = np.arange(n_samples) < n_present[:, None]
        gain = self._gain_of(eeg, rows, n_present)
        return WindowBatch(
            eeg=memory,
            stretch=torch.from_numpy(self.index.stretch[rows][..., None]),
            gain=torch.from_numpy(gain.scale[..., None]),
            offset=torch.from_numpy(gain.offset[..., None]),
            target=torch.from_numpy(target),
            valid=torch.from_numpy(valid),
            learnt=torch.from_numpy(valid & ~self._in_margins(rows, starts)),
            row=torch.from_numpy(rows),
            start=torch.from_numpy(starts),
            present=self._present_in(rows),
        )

    def _present_in(self, rows: NDArray[np.int32]) -> Tensor | None:
        if self._present is None:
            return None
        # A window of padding has all channels, none of which counts.
        return torch.from_numpy(self._present[rows] | (rows < 0)[:, None])

    def _gain_of(
        self, eeg: NDArray[np.int16], rows: NDArray[np.int32], n_present: NDArray[np.int64]
    ) -> Gain:
        if self.windowing.normalised_per == "window":
            scale_uv, stretch = self.index.scale_uv[rows], self.index.stretch[rows]
            return gain_of_windows(eeg, n_present, scale_uv, stretch, self.windowing.normalisation)
        return Gain(self._gain.scale[rows], self._gain.offset[rows])

    def _in_margins(self, rows: NDArray[np.int32], starts: NDArray[np.int32]) -> NDArray[np.bool_]:
        """(batch, time), True where a sample lies close to a seizure but in none."""
        inside = np.zeros((len(rows), self.grid.window_samples), np.bool_)
        if any(self.margin_samples):
            for place, (row, start) in enumerate(zip(rows.tolist(), starts.tolist(), strict=True)):
                events, length = self.index.events_of(row), int(self.index.n_samples[row])
                margins = margins_of(events, *self.margin_samples, length)
                inside[place] = seizure_mask(start, self.grid.window_samples, margins)
        return inside
