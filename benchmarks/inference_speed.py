"""Claim: the default detector reads cached EEG 1000 times as fast as it was recorded, on two cores.

    python benchmarks/inference_speed.py data/cache/synthetic/<hash>

From the files of the cache to stitchable frames: windows are cut, normalised, read by the network
and averaged to the track's rate. Weights are untrained, which changes no operation.
"""

import argparse
import time
from pathlib import Path

import torch

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.windows.datamodule import WindowDataModule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="the folder of an index.npz")
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = load("train", TrainConfig)
    index = CacheIndex.load(options.cache)
    data = WindowDataModule(
        options.cache, index, config.windows, config.balance, config.loader, config.seed
    )
    module = build.module(config, data, {}).eval()
    batches = iter(data.scoring_dataloader("dev"))
    rates = []
    with torch.inference_mode():
        for _ in range(options.batches):
            start, used = time.perf_counter(), time.process_time()
            batch = next(batches)
            module.predict_step(batch)
            eeg_s = float(batch.valid.sum()) / index.rate_hz
            elapsed_s, used_s = time.perf_counter() - start, time.process_time() - used
            rates.append((eeg_s / elapsed_s, eeg_s / used_s))
    of_clock, of_processor = torch.tensor(rates).unbind(1)
    print(
        f"{config.model.size}, {options.threads} threads: {of_clock.median():.0f} times real time "
        f"(median batch), {of_clock.max():.0f} (fastest); per second of processor time "
        f"{of_processor.median():.0f} (median), {of_processor.max():.0f} (fastest)"
    )


if __name__ == "__main__":
    main()
