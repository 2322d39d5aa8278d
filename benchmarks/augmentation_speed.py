"""Claim: what is done to windows while training costs 5 % of the default model's step at most.

    python benchmarks/augmentation_speed.py

Beside a training step (forward, backward, AdamW) on a batch of the default size: every
augmentation of `augmentation=default`, always on instead of at its probability, and the robust
statistics of `windows.normalised_per=window`.
"""

import argparse
from dataclasses import fields, replace

import numpy as np
import torch
from ssd_speed import interleaved
from torch.nn import functional as F

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.learning.augmentation import Augmenter
from seizure.learning.spec import Augmentation
from seizure.windows.normalisation import gain_of_windows


def always(settings: Augmentation, names: list[str]) -> Augmentation:
    """These augmentations on every window, at their strengths; no others."""
    on = {name: replace(getattr(settings, name), probability=1.0) for name in names}
    return replace(Augmentation(), **on)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = load("train", TrainConfig, ["augmentation=default"])
    inputs = build.input_spec(config, CANONICAL_19)
    detector = build.network(config.model, inputs)
    optimiser = torch.optim.AdamW(detector.parameters(), lr=1e-3)
    n_windows = config.loader.batch_size
    shape = (n_windows, inputs.n_channels, inputs.n_samples)
    eeg, valid = torch.randn(shape), torch.ones((n_windows, inputs.n_samples), dtype=torch.bool)
    target = (torch.rand(n_windows, inputs.n_samples) < 0.1).float()
    cached = np.random.default_rng(0).normal(0, 400, shape).astype(np.int16)
    n_present = np.full(n_windows, inputs.n_samples)
    scale_uv, even = np.full(shape[:2], 0.05, np.float32), np.zeros(shape[:2], np.float32)

    def step() -> None:
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(detector(eeg), target).backward()
        optimiser.step()

    def augmented(names: list[str]) -> Augmenter:
        settings = always(config.augmentation, names)
        return Augmenter(settings, CANONICAL_19, inputs.rate_hz, config.seed)

    every = [entry.name for entry in fields(Augmentation)]
    augmenters = {"all of them": augmented(every), **{name: augmented([name]) for name in every}}
    candidates = {
        "training step": step,
        **{name: lambda a=augment: a(eeg, valid, 0, 0) for name, augment in augmenters.items()},
        "statistics per window": lambda: gain_of_windows(cached, n_present, scale_uv, even),
    }
    times_ms = interleaved(candidates, options.rounds)
    for name, time_ms in times_ms.items():
        share = 100 * time_ms / times_ms["training step"]
        print(f"{name:22s} {time_ms:8.1f} ms  {share:5.1f} % of a step")


if __name__ == "__main__":
    main()
