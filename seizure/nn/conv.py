"""Convolutions over time, in the layouts that keep them fast on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.decay import no_decay


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
            past = self.initial_state(len(input)).to(input.dtype)
            return self._conv(torch.cat([past, input], dim=1))
        return self._conv(input)

    def initial_state(self, batch: int) -> Tensor:
        """What a causal convolution remembers before its first input: silence."""
        return self.weight.new_zeros(batch, self.n_past, self.in_channels)

    def step(self, input: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of a whole number of strides that follow on `past`, and what to remember."""
        joined = torch.cat([past.to(input.dtype), input], dim=1)
        # One product: what a convolution's kernels cost to set up is most of a single output.
        reach = self.dilation[0] * (self.kernel_size[0] - 1)
        seen = joined.unfold(1, reach + 1, self.stride[0])[..., :: self.dilation[0]]
        out = F.linear(seen.flatten(2), self.weight.flatten(1), self.bias)
        return out, joined[:, joined.shape[1] - self.n_past :]

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


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A depthwise convolution whose output sees only the present and the past, outside autograd.

    x (channel, batch, time), weight (channel, tap), bias (channel,), to the shape of x. With time
    innermost a tap is one scaled addition of a shifted run, and needs no padding.

    >>> causal_conv(torch.ones(1, 1, 4), torch.ones(1, 3), torch.zeros(1))
    tensor([[[1., 2., 3., 3.]]])
    """
    taps = weight.unbind(1)[::-1]
    # Not one `addcmul`, which is slow where two of its three operands are broadcast.
    y = torch.mul(x, _column(taps[0])).add_(_column(bias))
    for lag in range(1, min(len(taps), x.shape[-1])):
        y[..., lag:].addcmul_(x[..., :-lag], _column(taps[lag]))
    return y


def causal_conv_backward(
    dy: Tensor, x: Tensor, weight: Tensor, out: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of weight and bias; that of x goes into `out`."""
    taps = weight.unbind(1)[::-1]
    dx = torch.mul(dy, _column(taps[0]), out=out)
    dtaps = [(dy * x).sum((1, 2))]
    for lag in range(1, min(len(taps), x.shape[-1])):
        dx[..., :-lag].addcmul_(dy[..., lag:], _column(taps[lag]))
        dtaps.append((dy[..., lag:] * x[..., :-lag]).sum((1, 2)))
    dtaps += [torch.zeros_like(tap) for tap in taps[len(dtaps) :]]
    return torch.stack(dtaps[::-1], dim=1), dy.sum((1, 2))


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)
