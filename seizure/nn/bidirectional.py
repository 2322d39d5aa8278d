"""Mamba-2 that reads a window in both directions, as one residual layer and as a stack."""

import torch
from torch import Tensor, nn

from seizure.nn.dropout import FeatureDropout
from seizure.nn.mamba import Backend, Mamba2, mix
from seizure.nn.norm import RMSNorm


class BidirectionalLayer(nn.Module):
    """`x + forwards(norm(x)) + backwards(norm(x))`, (batch, time, feature) to the same shape.

    >>> BidirectionalLayer(16, 8, 4, 2, 4)(torch.ones(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int,
        d_conv: int,
        expand: int,
        headdim: int,
        dropout: float = 0.0,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(d_model)
        self.forwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)
        self.backwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)
        self.dropout = FeatureDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        h = torch.stack([h, h.flip(1)])
        there, back = mix(h, [self.forwards, self.backwards])
        return x + self.dropout(there + back.flip(1))


class BidirectionalMamba(nn.Module):
    """A stack of bidirectional layers and a last norm, (batch, time, feature) to the same shape."""

    def __init__(
        self,
        d_model: int,
        n_layers: int,
        d_state: int,
        d_conv: int,
        expand: int,
        headdim: int,
        dropout: float = 0.0,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                BidirectionalLayer(d_model, d_state, d_conv, expand, headdim, dropout, backend)
                for _ in range(n_layers)
            )
        )
        self.norm = RMSNorm(d_model)
        for layer in self.layers:
            layer.forwards.reset_parameters(n_branches=2 * n_layers)
            layer.backwards.reset_parameters(n_branches=2 * n_layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(x))
