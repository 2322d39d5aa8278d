"""Claim: the private memory of loader workers stays flat over epochs, with 300 000 windows indexed.

    OMP_NUM_THREADS=1 python benchmarks/worker_memory.py

Two workers, forked and spawned, read several epochs from an index of as many recordings as TUSZ's
training split has, whose rows all name one file. After each epoch: the private dirty memory of a
worker (what it has written itself, `/proc/PID/smaps_rollup`) since the first. Until every
recording was read once it grows by less than 1 kB for each, the view of its file. For comparison,
the same loader with its windows in a list of tuples, of which a forked worker copies each page
whose reference counts it touches. Linux only.
"""

import argparse
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from torch.utils.data import DataLoader

from seizure.cache.index import CacheIndex
from seizure.cache.shard import PreparedRecording, write_shard
from seizure.eeg.channels import CANONICAL_19
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.dataset import WindowBatch, WindowDataset
from seizure.windows.spec import Balance, Loading, Windowing

RATE_HZ, N_WORKERS = 256, 2


def one_file(folder: Path, minutes: float) -> CacheIndex:
    """The index of a cache of one recording of noise with one seizure."""
    n_samples = int(minutes * 60 * RATE_HZ)
    ones = np.ones(19, np.float32)
    prepared = PreparedRecording(
        signal=np.random.default_rng(0).integers(-999, 999, (19, n_samples)).astype(np.int16),
        scale_uv=ones,
        stretch=ones,
        mean_uv=ones,
        std_uv=ones,
        median_uv=ones,
        iqr_uv=ones,
        events=np.array([[100 * RATE_HZ, 130 * RATE_HZ]], np.int64),
        event_type=np.ones(1, np.uint8),
        meta={
            "stem": "a", "patient": "a", "session": "s", "split": "train", "fingerprint": "none",
            "rate_hz": float(RATE_HZ), "channel_names": list(CANONICAL_19),
        },
    )  # fmt: skip
    write_shard(folder / "train" / "a.npz", prepared)
    return CacheIndex.rebuild(folder)


def repeated(index: CacheIndex, n_rows: int) -> CacheIndex:
    """The same recording in every row."""
    columns: dict[str, Any] = {
        field.name: np.repeat(column, n_rows, axis=0)
        for field in fields(index)
        if isinstance(column := getattr(index, field.name), np.ndarray)
    }
    n_events = len(index.event_type)
    return replace(index, **{**columns, "event_start": np.arange(n_rows + 1) * n_events})


class ListedWindows(WindowDataset):
    """The same windows, looked up in a list of tuples."""

    def __init__(self, other: WindowDataset) -> None:
        super().__init__(other.index, other.signals, other.grid, other.windowing)
        self.listed = list(zip(other.grid.row.tolist(), other.grid.start.tolist(), strict=True))

    def __getitem__(self, windows: list[int]) -> WindowBatch:
        assert all(len(self.listed[window]) == 2 for window in windows)
        return super().__getitem__(windows)


def private_dirty_mb() -> np.ndarray:
    """What each worker holds for itself, in the order they were started."""
    found = []
    for worker in psutil.Process().children():
        if worker.cmdline() and "resource_tracker" in " ".join(worker.cmdline()):
            continue
        for line in Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                found.append(int(line.split()[1]) / 1024)
    return np.array(found)


def grown_mb(loader: DataLoader, n_epochs: int) -> list[np.ndarray]:
    """Growth of each worker since its first epoch, after each of the others."""
    after = []
    for epoch in range(n_epochs):
        loader.sampler.set_epoch(epoch)  # pyright: ignore[reportAttributeAccessIssue]
        for _ in loader:
            pass
        after.append(private_dirty_mb())
    return [memory - after[0] for memory in after[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=4600)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--windows-per-epoch", type=int, default=14_400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        index = repeated(one_file(Path(name), minutes=11.7), options.recordings)
        balance = Balance(windows_per_epoch=options.windows_per_epoch)
        for context in ("fork", "spawn"):
            for listed in (False, True):
                loading = Loading(num_workers=N_WORKERS)
                # Short windows: the claim is about the index, not about batches.
                windowing = Windowing(window_s=10, stride_s=10, scoring_stride_s=10)
                data = WindowDataModule(Path(name), index, windowing, balance, loading, seed=0)
                made = data.train_dataloader()
                dataset = made.dataset
                assert isinstance(dataset, WindowDataset)
                loader = DataLoader(
                    ListedWindows(dataset) if listed else dataset,
                    sampler=made.sampler,
                    batch_size=None,
                    num_workers=N_WORKERS,
                    persistent_workers=True,
                    multiprocessing_context=context,
                )
                started_s = time.perf_counter()
                growth = grown_mb(loader, options.epochs)
                rate = (
                    options.epochs * options.windows_per_epoch / (time.perf_counter() - started_s)
                )
                kind = "list of tuples" if listed else "index arrays"
                per_epoch = ", ".join(f"{memory.max():+.1f}" for memory in growth)
                print(
                    f"{len(dataset)} windows, {context:5s}, {kind:14s}: {per_epoch} MB; "
                    f"{rate:.0f} windows/s",
                    flush=True,
                )
                del loader


if __name__ == "__main__":
    main()
