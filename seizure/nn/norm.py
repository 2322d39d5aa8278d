"""Root-mean-square normalisation of features, in float32 whatever the inputs are."""

from typing import Any

import torch
from torch import Tensor, nn

from seizure.nn.decay import no_decay
from seizure.nn.ranks import mean_over_ranks, n_ranks
from seizure.nn.ssd import refuse_double_backward


def rms_normalise(x: Tensor, weight: Tensor, eps: float, dim: int = -1) -> Tensor:
    """`weight * x / sqrt(mean(x^2) + eps)` over the features along `dim`, in at least float32.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization", equation 4.

    >>> rms_normalise(torch.tensor([3.0, 4.0]), torch.ones(2), eps=0.0)
    tensor([0.8485, 1.1314])
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    x, weight = x.to(dtype), weight.to(dtype)
    with torch.autocast(x.device.type, enabled=False):
        if not torch.is_grad_enabled():
            return _scaled(x, weight, _inverse_rms(x, eps, dim), dim)
        return _RmsNormalise.apply(x, weight, eps, dim)  # type: ignore[return-value]


class RMSNorm(nn.Module):
    """Features along `dim`, divided by their root mean square and scaled; same shape out.

    >>> RMSNorm(4)(torch.full((2, 4), 7.0))[0].detach()
    tensor([1.0000, 1.0000, 1.0000, 1.0000])
    """

    def __init__(self, n_features: int, dim: int = -1, eps: float = 1e-5) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weight = no_decay(nn.Parameter(torch.empty(n_features)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as a plain normalisation."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return rms_normalise(x, self.weight, self.eps, self.dim)


def widened(x: Tensor) -> Tensor:
    """A 16-bit tensor in float32; float32 and float64 as they are.

    >>> widened(torch.ones(1, dtype=torch.bfloat16)).dtype, widened(torch.ones(1).double()).dtype
    (torch.float32, torch.float64)
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


class BatchNorm(nn.BatchNorm1d):
    """Each feature centred and scaled by its own statistics over batch and time, (..., feature).

    Unlike `RMSNorm` it lets a loud stretch stay loud: amplitude is evidence in EEG, and dividing
    every step by its own size would leave an encoder without it. Statistics are taken in float32,
    in training over the batches of all processes (torch's own SyncBatchNorm needs a GPU).

    >>> BatchNorm(4).eval()(torch.full((2, 3, 4), 7.0)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        no_decay(self.weight)
        no_decay(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            flat = widened(input).flatten(0, -2)
            together = self.training and n_ranks() > 1
            normal = self._normal_over_ranks(flat) if together else super().forward(flat)
            return normal.view(input.shape)

    def _normal_over_ranks(self, x: Tensor) -> Tensor:
        # Ranks whose windows lack electrodes have fewer rows, which count as many.
        n_mean = mean_over_ranks(x.new_tensor(float(len(x))))
        share = len(x) / n_mean
        mean = mean_over_ranks(x.mean(0) * share)
        centred = x - mean
        variance = mean_over_ranks(centred.square().mean(0) * share)
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        n = n_mean * n_ranks()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            unbiased = variance * (n / (n - 1))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias


class _RmsNormalise(torch.autograd.Function):
    # By hand for memory and speed: autograd keeps and walks three more tensors of x's size.

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dim: int) -> Tensor:
        inverse = _inverse_rms(x, eps, dim)
        ctx.save_for_backward(x, weight, inverse)
        ctx.dim = dim
        return _scaled(x, weight, inverse, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        refuse_double_backward("rms_normalise")
        x, weight, inverse = ctx.saved_tensors
        dx, dweight = _rms_backward(gradients[0], x * inverse, weight, inverse, ctx.dim)
        return dx, dweight, None, None


def _scaled(x: Tensor, weight: Tensor, inverse: Tensor, dim: int) -> Tensor:
    return (x * inverse).mul_(_along(weight, x, dim))


def _inverse_rms(x: Tensor, eps: float, dim: int) -> Tensor:
    return x.square().mean(dim, keepdim=True).add_(eps).rsqrt_()


def _rms_backward(
    dout: Tensor, normal: Tensor, weight: Tensor, inverse: Tensor, dim: int
) -> tuple[Tensor, Tensor]:
    # `normal` is x * inverse, and is overwritten.
    product = dout * normal
    others = [axis for axis in range(dout.ndim) if axis != dim % dout.ndim]
    dweight = product.sum(others)
    share = product.mul_(_along(weight, dout, dim)).mean(dim, keepdim=True)
    dx = (dout * _along(weight, dout, dim)).sub_(normal.mul_(share)).mul_(inverse)
    return dx, dweight


def _along(weight: Tensor, x: Tensor, dim: int) -> Tensor:
    shape = [1] * x.ndim
    shape[dim] = -1
    return weight.view(shape)
