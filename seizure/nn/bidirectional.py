"""Mamba-2 that reads a window in both directions, as one residual layer and as a stack."""

from torch import Tensor, nn

from seizure.nn.dropout import FeatureDropout
from seizure.nn.mamba import Backend, Mamba2
from seizure.nn.norm import RMSNorm


class BidirectionalLayer(nn.Module):
    """`x + forwards(norm(x)) + backwards(norm(x))`, (feature, batch, time) to the same shape.

    >>> import torch
    >>> BidirectionalLayer(16, 8, 4, 2, 4)(torch.ones(16, 2, 5)).shape
    torch.Size([16, 2, 5])
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
        self.norm = RMSNorm(d_model, dim=0)
        self.forwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)
        self.backwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)
        self.dropout = FeatureDropout(dropout, dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        there = self.forwards.features_first(h)
        back = self.backwards.features_first(h.flip(-1)).flip(-1)
        return x + self.dropout(there + back)


class BidirectionalMamba(nn.Module):
    """A stack of bidirectional layers and a last norm, (feature, batch, time) to the same shape."""

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
        layers = [
            BidirectionalLayer(d_model, d_state, d_conv, expand, headdim, dropout, backend)
            for _ in range(n_layers)
        ]
        for layer in layers:
            layer.forwards.reset_parameters(n_branches=2 * n_layers)
            layer.backwards.reset_parameters(n_branches=2 * n_layers)
        self.layers = nn.Sequential(*layers)
        self.norm = RMSNorm(d_model, dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(x))
