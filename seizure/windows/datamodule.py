"""The LightningDataModule: training batches balanced anew each epoch, whole recordings to score."""

import logging
from pathlib import Path
from typing import Any

import joblib
import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.windows.dataset import WindowBatch, WindowDataset
from seizure.windows.grid import (
    WindowGrid,
    WindowKind,
    cut_windows,
    margins_of,
    seizure_samples,
    whole_samples,
)
from seizure.windows.sampler import BalancedBatches, ContiguousBatches, drawn_of_each_kind
from seizure.windows.spec import Balance, Loading, Windowing

log = logging.getLogger("seizure")


class WindowDataModule(pl.LightningDataModule):
    """Loaders over a cache: `train` balanced and shuffled, `dev` and `eval` whole and in order."""

    def __init__(
        self,
        folder: Path,
        index: CacheIndex,
        windowing: Windowing,
        balance: Balance,
        loading: Loading,
        seed: int,
    ) -> None:
        super().__init__()
        self.index = index
        self.windowing = windowing
        self.balance = balance
        self.loading = loading
        self.seed = seed
        self._signals = MappedSignals(folder, index)
        rate_hz = index.rate_hz
        # A margin is no length that anything must fit: to the nearest sample.
        self._margin_samples = (
            round(windowing.ignore_before_s * rate_hz),
            round(windowing.ignore_after_s * rate_hz),
        )
        self._training_grid: WindowGrid | None = None
        self._batches: BalancedBatches | None = None
        self._resume_from: dict[str, int] | None = None

    def setup(self, stage: str) -> None:
        """Warn of workers that would starve each other."""
        if self.trainer is not None and self.trainer.is_global_zero:
            n_cores = joblib.cpu_count()  # those that this process may use
            warning = self.loading.too_many_workers(self.trainer.num_devices, n_cores)
            if warning is not None:
                log.warning("%s", warning)

    def samples(self, seconds: float) -> int:
        """Seconds as a whole number of samples; raises `ValueError` where they are none."""
        return whole_samples(seconds, self.index.rate_hz)

    def grid(self, split: str, stride_s: float) -> WindowGrid:
        """Every window of a split's recordings at a stride."""
        return self._cut(split, stride_s, None)

    def training_grid(self) -> WindowGrid:
        """The windows of the split `train` that hold something to learn from; cut once."""
        if self._training_grid is None:
            margins = [self._margins(int(row)) for row in self.index.rows("train")]
            self._training_grid = self._cut("train", self.windowing.stride_s, margins)
        return self._training_grid

    def _margins(self, row: int) -> NDArray[np.int64]:
        events, length = self.index.events_of(row), int(self.index.n_samples[row])
        return margins_of(events, *self._margin_samples, length)

    def _cut(
        self, split: str, stride_s: float, margins: list[NDArray[np.int64]] | None
    ) -> WindowGrid:
        rows = self.index.rows(split)
        if len(rows) == 0:
            raise ValueError(
                f"the cache holds no recording of the split {split!r}; "
                f"found {sorted(set(self.index.split.tolist()))}"
            )
        return cut_windows(
            rows,
            self.index.n_samples[rows],
            [self.index.events_of(int(row)) for row in rows],
            self.samples(self.windowing.window_s),
            self.samples(stride_s),
            margins,
        )

    def train_dataloader(self) -> DataLoader[WindowBatch]:
        """Balanced batches of the split `train`."""
        grid = self.training_grid()
        rank, world_size = self._place()
        self._batches = BalancedBatches(
            grid, self.balance, self.loading.batch_size, self.seed, rank, world_size
        )
        if self._resume_from is not None:
            self._batches.resume(**self._resume_from)
            self._resume_from = None
        return self._loader(grid, self._batches, self._margin_samples)

    def val_dataloader(self) -> DataLoader[WindowBatch]:
        """Every window of the split `dev`."""
        return self.scoring_dataloader("dev")

    def test_dataloader(self) -> DataLoader[WindowBatch]:
        """Every window of the split `eval`."""
        return self.scoring_dataloader("eval")

    def scoring_dataloader(
        self, split: str, stride_s: float | None = None
    ) -> DataLoader[WindowBatch]:
        """Every window of a split, recording by recording, at its true prevalence."""
        grid = self.grid(split, stride_s or self.windowing.scoring_stride_s)
        rank, world_size = self._place()
        batches = ContiguousBatches(len(grid), self.loading.scoring_batch_size, rank, world_size)
        return self._loader(grid, batches)

    def state_dict(self) -> dict[str, Any]:
        """The epoch's number and how many of its batches have been learnt from."""
        if self.trainer is None or self._batches is None:
            return {}
        # In `on_train_batch_end` the batch is processed but not yet completed.
        progress = self.trainer.fit_loop.epoch_loop.batch_progress.current.state_dict()
        return {"epoch": self._batches.epoch, "batches_done": progress["processed"]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the epoch with the batch after the last one learnt from."""
        self._resume_from = dict(state_dict) or None

    def drawn_seizure_share(self) -> float:
        """Share of seizure in the samples that epochs learn from, from the annotations alone.

        It is that of all windows, each counted as often as an epoch draws it in the mean: no epoch
        has to be drawn, and no seed has a part in it.
        """
        grid = self.training_grid()
        n_of_kind = np.bincount(grid.kind, minlength=len(WindowKind))
        chance = np.array(drawn_of_each_kind(grid, self.balance)) / n_of_kind.clip(min=1)
        n_seizure = n_learnt = 0.0
        for row in np.unique(grid.row).tolist():
            here = grid.row == row
            starts = grid.start[here].astype(np.int64)
            present = np.minimum(starts + grid.window_samples, self.index.n_samples[row]) - starts
            ignored = seizure_samples(starts, grid.window_samples, self._margins(row))
            ictal = seizure_samples(starts, grid.window_samples, self.index.events_of(row))
            n_learnt += float(chance[grid.kind[here]] @ (present - ignored))
            n_seizure += float(chance[grid.kind[here]] @ ictal)
        return n_seizure / n_learnt

    def describe(self) -> str:
        """A plain line of what an epoch learns from."""
        grid = self.training_grid()
        per_kind = ", ".join(
            f"{grid.count(kind)} {kind.name.lower().replace('_', ' ')}" for kind in WindowKind
        )
        return (
            f"train windows of {self.windowing.window_s:g} s every {self.windowing.stride_s:g} s: "
            f"{len(grid)} ({per_kind})"
        )

    def _loader(
        self, grid: WindowGrid, batches: Any, margin_samples: tuple[int, int] = (0, 0)
    ) -> DataLoader[WindowBatch]:
        workers = self.loading.num_workers
        return DataLoader(
            WindowDataset(self.index, self._signals, grid, self.windowing, margin_samples),
            sampler=batches,
            batch_size=None,
            num_workers=workers,
            persistent_workers=self.loading.persistent_workers and workers > 0,
            prefetch_factor=self.loading.prefetch_factor if workers > 0 else None,
            pin_memory=self.loading.pin_memory,
            # Its own generator: worker seeds drawn from torch's would shift the network's dropout.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _place(self) -> tuple[int, int]:
        """Rank and number of ranks; alone without a trainer."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size
