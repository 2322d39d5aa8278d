"""Claim: the strided pyramid is six times faster than layers at full resolution that see as far.

    python benchmarks/tcn_speed.py

The encoder of `base` against the published one, which keeps all 256 samples of a second through
eight dilated layers and averages 16 at the end; forward and backward of a window of 60 s, in turn.
"""

import argparse

import torch
from ssd_speed import interleaved
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from seizure.cli.command import load
from seizure.config import TrainConfig
from seizure.models.spec import EncoderSpec
from seizure.nn.conv import Conv
from seizure.nn.norm import BatchNorm
from seizure.nn.tcn import Pyramid

PUBLISHED_CHANNELS = (64, 64, 128, 128, 256, 256, 512, 512)
KERNEL, N_POOLED = 7, 16


class FullResolution(nn.Module):
    """Eight layers with dilations 1 to 128, (batch, time, 19) to (batch, time / 16, 512)."""

    receptive_field_samples = (KERNEL - 1) * sum(2**i for i in range(8)) + N_POOLED

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 19
        for i, n_out in enumerate(PUBLISHED_CHANNELS):
            layers += [Conv(n_in, n_out, KERNEL, dilation=2**i), BatchNorm(n_out), nn.SiLU()]
            n_in = n_out
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool1d(self.layers(x).transpose(1, 2), N_POOLED).transpose(1, 2)


def gflop(encoder: nn.Module, x: Tensor) -> float:
    """Of one forward and backward pass."""
    with FlopCounterMode(display=False) as counter:
        encoder(x).sum().backward()
    return counter.get_total_flops() / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    spec: EncoderSpec = load("train", TrainConfig, ["model=base"]).model.encoder
    pyramid = Pyramid(19, spec.channels, spec.strides, spec.kernel, spec.dilations)
    full = FullResolution()
    x = torch.randn(1, 15360, 19)
    candidates = {
        f"pyramid, sees {spec.receptive_field_samples} samples": pyramid,
        f"full resolution, sees {full.receptive_field_samples}": full,
    }
    milliseconds = interleaved(
        {name: lambda e=e: e(x).sum().backward() for name, e in candidates.items()}, options.rounds
    )
    first = next(iter(milliseconds.values()))
    for name, ms in milliseconds.items():
        n = gflop(candidates[name], x)
        print(f"  {name:32s} {ms:8.1f} ms   {ms / first:5.1f} x the pyramid   {n:6.1f} GFLOP")


if __name__ == "__main__":
    main()
