"""Claim: `pico` trains 25 windows of 60 s a second on two cores; a `base` step takes 2.5 s at most.

    python benchmarks/model_step.py
    python benchmarks/model_step.py --size electrode_pico
    python benchmarks/model_step.py --size base --batch 1
    python benchmarks/model_step.py --size base --batch 1 --textbook 16

One step is forward, backward and AdamW. Edge rates run in turn, and beside them the same detector
with the textbook form of Mamba-2 in chunks of so many steps; memory is this process's peak, so that
ours is that of a run without the textbook.
"""

import argparse
import resource
from collections.abc import Callable
from typing import cast

import torch
from ssd_speed import interleaved
from textbook_mamba import TextbookMamba2
from torch import nn
from torch.nn import functional as F

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19
from seizure.models.spec import InputSpec
from seizure.nn.mamba import Mamba2


def make_detector(*overrides: str) -> tuple[nn.Module, InputSpec]:
    """A detector in training, of a configuration, and what it reads."""
    config = load("train", TrainConfig, list(overrides))
    inputs = build.input_spec(config, CANONICAL_19)
    return build.network(config.model, inputs).train(), inputs


def by_the_textbook(detector: nn.Module, chunk: int) -> nn.Module:
    """The same detector with another way to compute each Mamba-2."""
    for module in detector.modules():
        if isinstance(module, Mamba2):
            module.__class__ = TextbookMamba2
            cast(TextbookMamba2, module).chunk = chunk
    return detector


def make_step(detector: nn.Module, n_windows: int, inputs: InputSpec) -> Callable[[], object]:
    """A function that trains on one fixed batch of noise."""
    optimiser = torch.optim.AdamW(detector.parameters(), lr=1e-3)
    eeg = torch.randn(n_windows, inputs.n_channels, inputs.n_samples)
    target = (torch.rand(n_windows, inputs.n_samples) < 0.1).float()

    def step() -> None:
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(detector(eeg), target).backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="pico", help="a file of conf/model")
    parser.add_argument("--batch", type=int, default=8, help="windows in a step")
    parser.add_argument("--every", type=int, nargs="*", help="edge rates to compare, in frames")
    parser.add_argument("--textbook", type=int, nargs="*", default=[], help="chunks, in steps")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    size = f"model={options.size}"
    steps: dict[str, Callable[[], object]] = {}
    detector, inputs = make_detector(size)
    n_parameters = sum(p.numel() for p in detector.parameters())
    if not options.every:
        steps["as configured"] = make_step(detector, options.batch, inputs)
    for every in options.every or []:
        detector, _ = make_detector(size, f"model.edge.every={every}")
        steps[f"edges every {every} frames"] = make_step(detector, options.batch, inputs)
    for chunk in options.textbook:
        detector = by_the_textbook(make_detector(size)[0], chunk)
        steps[f"textbook, chunk {chunk}"] = make_step(detector, options.batch, inputs)

    milliseconds = interleaved(steps, options.rounds)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.size}: {n_parameters:,} parameters, batch of {options.batch}")
    first = next(iter(milliseconds.values()))
    for name, ms in milliseconds.items():
        rate = 1e3 * options.batch / ms
        print(f"  {name:24s} {ms:8.0f} ms  {rate:5.1f} windows/s  {ms / first:4.2f} x the first")
    print(f"  peak memory {peak_gb:.2f} GB")


if __name__ == "__main__":
    main()
