"""Dropout that silences a feature for a whole window, so that time cannot fill it in."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FeatureDropout(nn.Module):
    """Features zeroed for all steps at once, (batch, time, feature) to the same shape.

    Source: Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent
    neural networks", section 4.2.

    >>> FeatureDropout(0.5).eval()(torch.ones(1, 2, 3)).sum()
    tensor(6.)
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"dropout={probability} is a probability; expected a value in [0, 1)")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.probability)
