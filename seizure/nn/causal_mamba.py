"""Mamba-2 that reads a stream forwards only, as one residual layer and as a stack."""

from typing import cast

from torch import Tensor, nn

from seizure.nn.dropout import FeatureDropout
from seizure.nn.mamba import Backend, Mamba2, MixerState
from seizure.nn.norm import RMSNorm


class CausalLayer(nn.Module):
    """`x + forwards(norm(x))`, (feature, batch, time) to the same shape.

    >>> import torch
    >>> CausalLayer(16, 8, 4, 2, 4)(torch.ones(16, 2, 5)).shape
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
        self.dropout = FeatureDropout(dropout, dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.forwards.features_first(self.norm(x)))

    def step(self, x: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """One step of a stream in evaluation, (feature, batch), and the state it leaves."""
        h, state = self.forwards.step(self.norm(x).t(), state)
        return x + h.t(), state


class CausalMamba(nn.Module):
    """A stack of causal layers and a last norm, (feature, batch, time) to the same shape."""

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
            CausalLayer(d_model, d_state, d_conv, expand, headdim, dropout, backend)
            for _ in range(n_layers)
        ]
        for layer in layers:
            layer.forwards.reset_parameters(n_branches=n_layers)
        self.layers = nn.Sequential(*layers)
        self.norm = RMSNorm(d_model, dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(x))

    def initial_state(self, batch: int) -> list[MixerState]:
        """The state of each layer before the first step of a stream."""
        return [cast(CausalLayer, layer).forwards.initial_state(batch) for layer in self.layers]

    def step(self, x: Tensor, states: list[MixerState]) -> tuple[Tensor, list[MixerState]]:
        """One step of a stream in evaluation, (feature, batch); equal to `forward`."""
        left = []
        for layer, before in zip(self.layers, states, strict=True):
            x, after = cast(CausalLayer, layer).step(x, before)
            left.append(after)
        return self.norm(x), left
