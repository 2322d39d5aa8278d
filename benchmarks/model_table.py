"""The table of sizes in docs/models.md: parameters, FLOPs, receptive field, memory, windows/s.

    python benchmarks/model_table.py

One process a size, so that peak memory is its own, and one thread, so that its processor time says
what a core can do whatever else runs on the machine. A training step is forward, backward and AdamW
on one window of 60 s; windows/s are those of the fastest of a few steps. FLOPs are counted by
`torch.utils.flop_counter` in matrix products and convolutions, two a multiplication and addition,
for one window forward.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from seizure import build
from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.eeg.channels import CANONICAL_19

SIZES = [
    f"{family}{size}" for family in ("", "electrode_") for size in ("pico", "tiny", "small", "base")
]
N_WINDOWS = 2


@dataclass(frozen=True)
class Cost:
    """What a size costs."""

    n_parameters: int
    gflop: float
    field_samples: int
    inference_mb: float
    training_mb: float
    inferred_per_s: float
    trained_per_s: float


def peak_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(size: str, n_rounds: int) -> Cost:
    """Costs of a size of conf/model, in this process."""
    torch.set_num_threads(1)
    config = load("train", TrainConfig, [f"model={size}"])
    inputs = build.input_spec(config, CANONICAL_19)
    network = build.network(config.model, inputs).eval()
    eeg = torch.randn(1, inputs.n_channels, inputs.n_samples)
    target = (torch.rand(1, inputs.n_samples) < 0.1).float()
    before_mb = peak_mb()

    def infer() -> None:
        with torch.inference_mode():
            network(eeg)

    inferred_s = fastest(infer, n_rounds)
    inference_mb = peak_mb() - before_mb
    # The counter does not know the product that adds in place, nor that of `seizure.nn.product`.
    others = {
        torch.ops.aten.baddbmm_: product_flop,
        torch.ops.mkldnn._linear_pointwise: linear_flop,
    }
    counter = FlopCounterMode(display=False, custom_mapping=others)
    with counter, torch.no_grad():
        network(eeg)
    optimiser = torch.optim.AdamW(network.train().parameters(), lr=1e-3)

    def train() -> None:
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(network(eeg), target).backward()
        optimiser.step()

    trained_s = fastest(train, n_rounds)
    return Cost(
        n_parameters=sum(p.numel() for p in network.parameters()),
        gflop=counter.get_total_flops() / 1e9,
        field_samples=config.model.receptive_field_samples,
        inference_mb=inference_mb,
        training_mb=peak_mb() - before_mb,
        inferred_per_s=1 / inferred_s,
        trained_per_s=1 / trained_s,
    )


def product_flop(_: torch.Size, one: torch.Size, other: torch.Size, **__: object) -> int:
    """Of a batch of matrix products, (batch, n, k) with (batch, k, m)."""
    return 2 * one.numel() * other[-1]


def linear_flop(x: torch.Size, weight: torch.Size, *_: object, **__: object) -> int:
    """Of a matrix product, (n, k) with (m, k)."""
    return 2 * x.numel() * weight[0]


def fastest(run: Callable[[], None], n_rounds: int) -> float:
    """Processor seconds of the fastest of some rounds; the first one warms up."""
    best = float("inf")
    for _ in range(n_rounds + 1):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    print(
        "| size | parameters | GFLOP | receptive field | MB to infer | MB to train "
        "| windows/s inferred | windows/s trained |\n|---|---|---|---|---|---|---|---|"
    )
    for size in options.sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cost = pool.apply(measure, (size, options.rounds))
        print(
            f"| `{size}` | {cost.n_parameters:,} | {cost.gflop:.2f} "
            f"| {cost.field_samples} ({cost.field_samples / 256:.1f} s) | {cost.inference_mb:.0f} "
            f"| {cost.training_mb:.0f} | {cost.inferred_per_s:.1f} | {cost.trained_per_s:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
