"""Convolutions over time, in the layouts that keep them fast on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.decay import no_decay
from seizure.nn.ssd import refuse_double_backward


class Conv(nn.Conv1d):
    """A convolution over time that keeps the place of each output under the middle of its taps.

    (batch, time, channel) to (batch, time / stride, channel). With `causal` the last tap lies on
    the last sample of each stride instead, so that no output sees what comes after it.

    >>> Conv(19, 64, kernel=7, stride=2)(torch.zeros(1, 512, 19)).shape
    torch.Size([1, 256, 64])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        causal: bool = False,
    ) -> None:
        reach = dilation * (kernel - 1)
        super().__init__(n_in, n_out, kernel, stride, 0 if causal else reach // 2, dilation)
        self.n_past = reach - (stride - 1) if causal else 0
        self.is_causal = causal
        if self.bias is not None:
            no_decay(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if self.is_causal:
            return self.step(input, self.initial_state(len(input)))[0]
        return self._conv(input)

    def initial_state(self, batch: int) -> Tensor:
        """What a causal convolution remembers before its first input: silence."""
        return self.weight.new_zeros(batch, self.n_past, self.in_channels)

    def step(self, input: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of a whole number of strides that follow on `past`, and what to remember."""
        joined = torch.cat([past.to(input.dtype), input], dim=1)
        return self._conv(joined), joined[:, joined.shape[1] - self.n_past :]

    def _conv(self, input: Tensor) -> Tensor:
        # A (batch, channel, 1, time) view of our layout is what kernels call channels-last.
        image = F.conv2d(
            input.transpose(1, 2).unsqueeze(2),
            self.weight.unsqueeze(2),
            self.bias,
            stride=(1, self.stride[0]),
            padding=(0, int(self.padding[0])),
            dilation=(1, self.dilation[0]),
        )
        return image.squeeze(2).transpose(1, 2)


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`silu` of a depthwise convolution whose output sees only the present and the past.

    x (channel, batch, time), weight (channel, tap), bias (channel,), to the shape of x.

    >>> causal_conv_silu(torch.ones(1, 1, 4), torch.ones(1, 3), torch.zeros(1)).round(decimals=2)
    tensor([[[0.7300, 1.7600, 2.8600, 2.8600]]])
    """
    with torch.autocast(x.device.type, enabled=False):
        return _CausalConvSilu.apply(x.to(weight.dtype), weight, bias)  # type: ignore[return-value]


class _CausalConvSilu(torch.autograd.Function):
    # With time innermost a tap is one scaled addition of a shifted run, and needs no padding.

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        taps = weight.unbind(1)[::-1]
        y = (x * _column(taps[0])).add_(_column(bias))
        for lag in range(1, min(len(taps), x.shape[-1])):
            y[..., lag:].addcmul_(x[..., :-lag], _column(taps[lag]))
        ctx.save_for_backward(x, y, weight)
        return F.silu(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        refuse_double_backward("causal_conv_silu")
        x, y, weight = ctx.saved_tensors
        dy = torch.ops.aten.silu_backward(gradients[0], y)
        taps = weight.unbind(1)[::-1]
        dx = dy * _column(taps[0])
        dtaps = [(dy * x).sum((1, 2))]
        for lag in range(1, min(len(taps), x.shape[-1])):
            dx[..., :-lag].addcmul_(dy[..., lag:], _column(taps[lag]))
            dtaps.append((dy[..., lag:] * x[..., :-lag]).sum((1, 2)))
        dtaps += [torch.zeros_like(tap) for tap in taps[len(dtaps) :]]
        return dx, torch.stack(dtaps[::-1], dim=1), dy.sum((1, 2))


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)
