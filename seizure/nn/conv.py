"""Convolutions over time in (batch, time, channel) layout, where features lie side by side."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.decay import no_decay


class Conv(nn.Conv1d):
    """A convolution over time that keeps the place of each output under the middle of its taps.

    (batch, time, channel) to (batch, time / stride, channel).

    >>> Conv(19, 64, kernel=7, stride=2)(torch.zeros(1, 512, 19)).shape
    torch.Size([1, 256, 64])
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        padding = dilation * (kernel - 1) // 2
        super().__init__(n_in, n_out, kernel, stride, padding, dilation)
        if self.bias is not None:
            no_decay(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        # A (batch, channel, 1, time) view of our layout is what kernels call channels-last.
        image = input.transpose(1, 2).unsqueeze(2)
        image = F.conv2d(
            image,
            self.weight.unsqueeze(2),
            self.bias,
            (1, *self.stride),
            (0, *self.padding),
            (1, *self.dilation),  # type: ignore[arg-type]
        )
        return image.squeeze(2).transpose(1, 2)


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A causal depthwise convolution for each of several groups.

    x (group, batch, time, channel); weight (group, channel, tap); bias (group, channel).
    """
    taps = weight.shape[-1]
    y = bias[:, None, None] + x * weight[:, None, None, :, -1]
    for lag in range(1, min(taps, x.shape[2])):
        shifted = F.pad(x[:, :, :-lag] * weight[:, None, None, :, -1 - lag], (0, 0, lag, 0))
        y = y + shifted
    return y
