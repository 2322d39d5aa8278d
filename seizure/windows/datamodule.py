"""The LightningDataModule: training batches balanced anew each epoch, whole recordings to score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from torch.utils.data import DataLoader

from seizure.cache.index import CacheIndex
from seizure.cache.mapping import MappedSignals
from seizure.windows.dataset import WindowBatch, WindowDataset
from seizure.windows.grid import WindowGrid, WindowKind, cut_windows
from seizure.windows.normalisation import Normalisation, gain_of
from seizure.windows.sampler import Balance, BalancedBatches, ContiguousBatches


@dataclass(frozen=True)
class Windowing:
    """How recordings are cut: windows and strides in seconds.

    Training windows overlap (`stride_s`), scored ones (`scoring_stride_s`) cover every recording;
    where they overlap their probabilities are averaged.
    """

    window_s: float = 60.0
    stride_s: float = 10.0
    scoring_stride_s: float = 60.0
    normalisation: Normalisation = "robust"

    def __post_init__(self) -> None:
        if not (self.window_s > 0 and self.stride_s > 0 and self.scoring_stride_s > 0):
            raise ValueError("window_s, stride_s and scoring_stride_s must be positive")
        if self.scoring_stride_s > self.window_s:
            raise ValueError(
                f"scoring_stride_s ({self.scoring_stride_s}) must not exceed window_s "
                f"({self.window_s}): the EEG between windows would never be scored"
            )


@dataclass(frozen=True)
class Loading:
    """How batches are made ready: sizes, worker processes and memory, as `DataLoader` takes them."""

    batch_size: int = 16
    scoring_batch_size: int = 16
    num_workers: int = 0
    persistent_workers: bool = True
    prefetch_factor: int = 2
    pin_memory: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.scoring_batch_size < 1:
            raise ValueError("batch_size and scoring_batch_size must be at least 1")
        if self.num_workers < 0 or self.prefetch_factor < 1:
            raise ValueError("num_workers must be at least 0 and prefetch_factor at least 1")


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
        self._gain = gain_of(index, windowing.normalisation)
        self._batches: BalancedBatches | None = None
        self._resume_from: dict[str, int] | None = None

    def samples(self, seconds: float) -> int:
        """Seconds as a whole number of samples."""
        return round(seconds * self.index.rate_hz)

    def grid(self, split: str, stride_s: float) -> WindowGrid:
        """The windows of a split's recordings at a stride."""
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
        )

    def train_dataloader(self) -> DataLoader[WindowBatch]:
        """Balanced batches of the split `train`."""
        grid = self.grid("train", self.windowing.stride_s)
        rank, world_size = self._place()
        self._batches = BalancedBatches(
            grid, self.balance, self.loading.batch_size, self.seed, rank, world_size
        )
        if self._resume_from is not None:
            self._batches.resume(**self._resume_from)
            self._resume_from = None
        return self._loader(grid, self._batches)

    def val_dataloader(self) -> DataLoader[WindowBatch]:
        """Every window of the split `dev`."""
        return self.scoring_dataloader("dev")

    def test_dataloader(self) -> DataLoader[WindowBatch]:
        """Every window of the split `eval`."""
        return self.scoring_dataloader("eval")

    def scoring_dataloader(self, split: str, stride_s: float | None = None) -> DataLoader[WindowBatch]:
        """Every window of a split, recording by recording, at its true prevalence."""
        grid = self.grid(split, stride_s or self.windowing.scoring_stride_s)
        rank, world_size = self._place()
        batches = ContiguousBatches(len(grid), self.loading.scoring_batch_size, rank, world_size)
        return self._loader(grid, batches)

    def state_dict(self) -> dict[str, Any]:
        """The epoch's number and how many of its batches have been learnt from."""
        if self.trainer is None or self._batches is None:
            return {}
        done = self.trainer.fit_loop.epoch_loop.batch_progress.current.completed
        return {"epoch": self._batches.epoch, "batches_done": done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the epoch with the batch after the last one learnt from."""
        self._resume_from = dict(state_dict) or None

    def describe(self) -> str:
        """A plain line of what an epoch learns from."""
        grid = self.grid("train", self.windowing.stride_s)
        per_kind = ", ".join(
            f"{grid.count(kind)} {kind.name.lower().replace('_', ' ')}" for kind in WindowKind
        )
        return (
            f"train windows of {self.windowing.window_s:g} s every {self.windowing.stride_s:g} s: "
            f"{len(grid)} ({per_kind})"
        )

    def _loader(self, grid: WindowGrid, batches: Any) -> DataLoader[WindowBatch]:
        workers = self.loading.num_workers
        return DataLoader(
            WindowDataset(self.index, self._signals, grid, self._gain),
            sampler=batches,
            batch_size=None,
            num_workers=workers,
            persistent_workers=self.loading.persistent_workers and workers > 0,
            prefetch_factor=self.loading.prefetch_factor if workers > 0 else None,
            pin_memory=self.loading.pin_memory,
        )

    def _place(self) -> tuple[int, int]:
        """Rank and number of ranks; alone without a trainer."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size


def hours_of(index: CacheIndex, split: str) -> float:
    """Hours of EEG in a split."""
    return float(np.sum(index.n_samples[index.rows(split)]) / index.rate_hz / 3600)
