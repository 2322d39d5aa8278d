"""Mamba-2 that reads a window in both directions, as one residual layer and as a stack."""

from torch import Tensor

from seizure.nn.mamba import Backend, Mamba2
from seizure.nn.mamba_stack import MambaLayer, MambaStack


class BidirectionalLayer(MambaLayer):
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
        super().__init__(d_model, d_state, d_conv, expand, headdim, dropout, backend)
        self.backwards = Mamba2(d_model, d_state, d_conv, expand, headdim, backend)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        there = self.forwards.features_first(h)
        back = self.backwards.features_first(h, is_reversed=True)
        return x + self.dropout(there + back)


class BidirectionalMamba(MambaStack):
    """A stack of bidirectional layers and a last norm, (feature, batch, time) to the same shape."""

    kind = BidirectionalLayer
