"""A strided convolutional pyramid: from samples of an EEG to frames of features."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.conv import Conv
from seizure.nn.decay import no_decay_on_bias
from seizure.nn.dropout import FeatureDropout
from seizure.nn.norm import BatchNorm


class DilatedBlock(nn.Module):
    """`x + pointwise(silu(dilated(norm(x))))`, (batch, time, channel) to the same shape."""

    def __init__(
        self,
        n_channels: int,
        kernel: int,
        dilation: int,
        dropout: float = 0.0,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.norm = BatchNorm(n_channels)
        self.dilated = Conv(n_channels, n_channels, kernel, dilation=dilation, causal=causal)
        self.dropout = FeatureDropout(dropout)
        self.pointwise = no_decay_on_bias(nn.Linear(n_channels, n_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self._add(x, self.dilated(self.norm(x)))

    def step(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """The same for a piece of a stream, and what its convolution has to remember."""
        h, past = self.dilated.step(self.norm(x), past)
        return self._add(x, h), past

    def _add(self, x: Tensor, h: Tensor) -> Tensor:
        return x + self.pointwise(self.dropout(F.silu(h)))


class Pyramid(nn.Module):
    """Stages of one strided convolution and some dilated residual blocks.

    (batch, time, n_in) to (batch, time / downsampling, channels[-1]). With `causal` a frame sees
    no sample after its own.

    >>> pyramid = Pyramid(19, (8, 16), strides=(4, 4), kernel=7, dilations=((1,), (1, 2)))
    >>> pyramid(torch.zeros(1, 512, 19)).shape
    torch.Size([1, 32, 16])
    """

    def __init__(
        self,
        n_in: int,
        channels: Sequence[int],
        strides: Sequence[int],
        kernel: int,
        dilations: Sequence[Sequence[int]],
        dropout: float = 0.0,
        causal: bool = False,
    ) -> None:
        super().__init__()
        n_blocks = sum(map(len, dilations))
        stages: list[nn.Module] = []
        for n_out, stride, stage in zip(channels, strides, dilations, strict=True):
            strided = Conv(n_in, n_out, kernel, stride, causal=causal)
            stages += [strided, BatchNorm(n_out), nn.SiLU()]
            stages += [DilatedBlock(n_out, kernel, dilation, dropout, causal) for dilation in stage]
            n_in = n_out
        self.stages = nn.Sequential(*stages)
        self.norm = BatchNorm(n_in)
        with torch.no_grad():
            for block in self.modules():
                if isinstance(block, DilatedBlock):
                    block.pointwise.weight.mul_(n_blocks**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        # Until the first norm a 5 mV pop on a quiet electrode would overflow float16.
        first, *others = self.stages
        with torch.autocast(x.device.type, enabled=False):
            x = first(x.to(self.norm.weight.dtype))
        for stage in others:
            x = stage(x)
        return self.norm(x)

    def initial_state(self, batch: int) -> list[Tensor]:
        """What the causal convolutions remember before the first sample of a stream."""
        return [m.initial_state(batch) for m in self.modules() if isinstance(m, Conv)]

    def step(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Frames of a piece of a stream, a multiple of `downsampling` long; equal to `forward`."""
        pasts, remembered = iter(state), []
        for stage in self.stages:
            if isinstance(stage, Conv | DilatedBlock):
                x, past = stage.step(x, next(pasts))
                remembered.append(past)
            else:
                x = stage(x)
        return self.norm(x), remembered
