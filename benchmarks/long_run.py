"""Claim: `pico` trains 3000 steps on the synthetic corpus, in float32, without a lost number.

    python benchmarks/long_run.py data/cache/synthetic/<hash>

By the default recipe, on the windows that a training run draws; every loss and every gradient of
every step is looked at. The figures are of synthetic EEG.
"""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from stability import finite_step

from seizure import build
from seizure.cache.index import CacheIndex
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.learning.optimiser import make_optimiser, make_schedule
from seizure.windows.datamodule import WindowDataModule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="the folder of an index.npz")
    parser.add_argument("--model", default="pico")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = load("train", TrainConfig, [f"model={options.model}"])
    index = CacheIndex.load(options.cache)
    loading = replace(config.loader, batch_size=options.batch)
    balance = replace(config.balance, windows_per_epoch=None)
    data = WindowDataModule(
        options.cache, index, config.windows, balance, loading, seed=config.seed
    )
    loader = data.train_dataloader()
    detector = build.network(config.model, build.input_spec(config, index.channel_names))
    optimiser = make_optimiser(detector, config.optimisation)
    schedule = make_schedule(optimiser, config.optimisation, options.steps)
    clip = config.trainer.gradient_clip_val
    steps, start = [], time.perf_counter()
    batches = itertools.islice(
        itertools.chain.from_iterable(itertools.repeat(loader)), options.steps
    )
    for number, batch in enumerate(batches, 1):
        eeg, target = batch.normalised(), batch.target.float()
        steps.append(finite_step(detector, optimiser, eeg, target, None, clip))
        schedule.step()
        if number % 500 == 0:
            loss, norm = np.array(steps[-500:]).T
            print(
                f"{number} steps, {time.perf_counter() - start:.0f} s: all finite; of the last 500 "
                f"mean loss {loss.mean():.3f}, highest gradient norm {norm.max():.3g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
