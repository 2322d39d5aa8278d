"""Root-mean-square normalisation of features, in float32 whatever the inputs are."""

import torch
from torch import Tensor, nn

from seizure.nn.decay import no_decay


def rms_normalise(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """`weight * x / sqrt(mean(x^2) + eps)` over the last axis, in at least float32.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization", equation 4.

    >>> rms_normalise(torch.tensor([3.0, 4.0]), torch.ones(2), eps=0.0)
    tensor([0.8485, 1.1314])
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    inverse = torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    return x * inverse * weight


class RMSNorm(nn.Module):
    """Features divided by their root mean square, then scaled; (..., feature) to the same shape.

    >>> RMSNorm(4)(torch.full((2, 4), 7.0))[0]
    tensor([1.0000, 1.0000, 1.0000, 1.0000], grad_fn=<SelectBackward0>)
    """

    def __init__(self, n_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = no_decay(nn.Parameter(torch.empty(n_features)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as a plain normalisation."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return rms_normalise(x, self.weight, self.eps)
