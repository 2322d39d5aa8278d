"""Dropout that silences a feature for a whole window, so that time cannot fill it in."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FeatureDropout(nn.Module):
    """Features zeroed for all steps at once; time is the axis `dim` of three, same shape out.

    Source: Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent
    neural networks", section 4.2.

    >>> FeatureDropout(0.5).eval()(torch.ones(1, 2, 3)).sum()
    tensor(6.)
    """

    def __init__(self, probability: float, dim: int = 1) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"dropout={probability} is a probability; expected a value in [0, 1)")
        self.probability, self.dim = probability, dim

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        return x * F.dropout(torch.ones_like(x.narrow(self.dim, 0, 1)), self.probability)
