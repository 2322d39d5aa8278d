"""Claim: random windows come ≥ 500 times faster than from the original's files, cold ≥ 150 times.

    OMP_NUM_THREADS=1 python benchmarks/reading_speed.py [--hours 2] [--batch 16] [--folder FOLDER]

Both stores hold the same synthetic recordings: compressed overlapping windows as the original
wrote them (original_chain.py), and the cache. Warm, everything is in the page cache; cold, the
files were dropped from it (`posix_fadvise`) before each reading, and the disk may still have its
own cache. "Whole batches" are what a loader yields: EEG, targets, masks, gains. They are compared
with copying the EEG's bytes alone into reused memory: in one piece a window, and in the window's
own 19 stretches.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from original_chain import (
    RATE_HZ,
    STRIDE_S,
    WINDOW_S,
    original_windows,
    read_original,
    synthetic_recordings,
    write_original,
)

from seizure.cache.index import CacheIndex
from seizure.cache.prepare import prepare_recording
from seizure.cache.shard import write_shard
from seizure.corpus.tusz import TuszCorpus
from seizure.eeg.filtering import Preprocessing
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.dataset import WindowDataset
from seizure.windows.memory import BatchMemory
from seizure.windows.spec import Balance, Loading, Windowing

N_CHANNELS, N_SAMPLES = 19, WINDOW_S * RATE_HZ
N_ROUNDS, N_COLD_BATCHES = 7, 4


def make_stores(folder: Path, hours: float) -> tuple[list[Path], CacheIndex]:
    """The original's files, and the index of the cache in `folder`, written where missing."""
    recordings = synthetic_recordings(folder / "corpus", hours, recording_min=15.0)
    corpus = TuszCorpus(folder / "corpus")
    originals = []
    for recording in recordings:
        original = folder / "original" / f"{recording.stem}.npz"
        original.parent.mkdir(exist_ok=True)
        if not original.is_file():
            write_original(original, original_windows(recording.edf))
        originals.append(original)
        prepared = prepare_recording(recording, corpus.events(recording), Preprocessing())
        prepared.meta["fingerprint"] = "none"
        write_shard(folder / "cache" / "train" / f"{recording.stem}.npz", prepared)
    return originals, CacheIndex.rebuild(folder / "cache")


def windows_of(folder: Path, index: CacheIndex) -> WindowDataset:
    """The cache's windows of 60 s every 10 s, nothing mapped yet."""
    module = WindowDataModule(folder / "cache", index, Windowing(), Balance(), Loading(), seed=0)
    dataset = module.scoring_dataloader("train", stride_s=STRIDE_S).dataset
    assert isinstance(dataset, WindowDataset)
    return dataset


def drop_from_memory(paths: Sequence[Path]) -> None:
    """Take files out of the page cache; pages that somebody maps stay."""
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    started_s = time.perf_counter()
    action()
    return time.perf_counter() - started_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--batch", type=int, default=16, help="windows")
    parser.add_argument("--originals", type=int, default=8, help="windows read the old way a round")
    parser.add_argument("--folder", type=Path, help="where the stores are kept; else temporary")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        originals, index = make_stores(folder, options.hours)
        cached = [folder / "cache" / str(file) for file in index.file]
        report_sizes(originals, cached, index)
        rng = np.random.default_rng(0)

        def read_originals() -> None:
            for _ in range(options.originals):
                path = originals[rng.integers(len(originals))]
                read_original(path, 0)

        old_s = seconds(read_originals) / options.originals
        old_cold_s = 0.0
        for _ in range(options.originals):
            path = originals[rng.integers(len(originals))]
            drop_from_memory([path])
            old_cold_s += seconds(lambda path=path: read_original(path, 0)) / options.originals
        cold_s = cold(folder, index, cached, rng, options.batch)
        warm(windows_of(folder, index), rng, old_s, options.batch)
        print(f"cold: original {1 / old_cold_s:.2f} windows/s")
        print(
            f"  whole batches {1 / cold_s:.0f} windows/s = {old_cold_s / cold_s:.0f} x the original"
        )


def report_sizes(originals: Sequence[Path], cached: Sequence[Path], index: CacheIndex) -> None:
    """Bytes of both stores."""
    old, new = (sum(path.stat().st_size for path in paths) for paths in (originals, cached))
    hours = index.n_samples.sum() / index.rate_hz / 3600
    print(f"{len(cached)} recordings, {hours:.2f} h")
    print(f"bytes: original {old / 1e6:.0f} MB, cache {new / 1e6:.0f} MB, 1/{old / new:.1f}")


def cold(
    folder: Path,
    index: CacheIndex,
    cached: Sequence[Path],
    rng: np.random.Generator,
    batch_size: int,
) -> float:
    """Seconds a window, each batch from files out of memory and not mapped."""
    taken_s = 0.0
    for _ in range(N_COLD_BATCHES):
        drop_from_memory(cached)
        dataset = windows_of(folder, index)
        batch = rng.choice(len(dataset), batch_size, replace=False).tolist()
        taken_s += seconds(lambda dataset=dataset, batch=batch: dataset[batch])
        del dataset
    return taken_s / (N_COLD_BATCHES * batch_size)


def warm(dataset: WindowDataset, rng: np.random.Generator, old_s: float, batch_size: int) -> None:
    """Rounds of the same random batches in each of the ways, in turn."""
    lengths = dataset.index.n_samples[dataset.grid.row]
    whole = np.flatnonzero(dataset.grid.start + N_SAMPLES <= lengths)
    batches = [rng.choice(whole, batch_size) for _ in range(50)]
    n_rows = 2000 * N_CHANNELS
    memory = rng.integers(-999, 999, (n_rows, N_SAMPLES), dtype=np.int16)
    reused = np.zeros((batch_size, N_CHANNELS, N_SAMPLES), np.int16)
    firsts = [rng.integers(0, n_rows - 200, batch_size) for _ in batches]

    def copies() -> None:
        for first in firsts:
            for place, row in enumerate(first):
                np.copyto(reused[place], memory[row : row + N_CHANNELS])

    # The rows of 19 windows, so that neighbours in a window are as far apart as in a recording.
    apart = memory.reshape(-1, N_CHANNELS, N_SAMPLES)

    def stretches() -> None:
        for first in firsts:
            for place, row in enumerate(first // N_CHANNELS):
                start = min(int(row), len(apart) - N_CHANNELS)
                np.copyto(reused[place], apart[start : start + N_CHANNELS, 0])

    def gathers() -> None:
        for batch in batches:
            rows, starts = dataset.grid.row[batch].tolist(), dataset.grid.start[batch].tolist()
            for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
                window = dataset.signals.window(row, start, start + N_SAMPLES)
                np.copyto(reused[place], window.numpy())

    def whole_batches() -> None:
        for batch in batches:
            dataset[batch.tolist()]

    def new_memory() -> None:
        for batch in batches:
            dataset._memory = BatchMemory()
            dataset[batch.tolist()]

    ways = {
        "copying, a window in one piece": copies,
        "copying, 19 stretches a window": stretches,
        "EEG from the cache": gathers,
        "whole batches": whole_batches,
        "the same, new memory each": new_memory,
    }
    taken = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(N_ROUNDS):
        for name, way in ways.items():
            taken[name].append(seconds(way))
    n_windows = len(batches) * batch_size
    copied_s, stretched_s = (float(np.median(taken[name])) for name in list(ways)[:2])
    print(f"warm: original {1 / old_s:.2f} windows/s")
    for name in ways:
        took_s = float(np.median(taken[name]))
        per_s = n_windows / took_s
        print(
            f"  {name:31s} {per_s:8.0f} windows/s = {per_s * old_s:7.0f} x the original; "
            f"{100 * copied_s / took_s:4.0f} % of one piece, "
            f"{100 * stretched_s / took_s:4.0f} % of 19 stretches"
        )


if __name__ == "__main__":
    main()
