"""Mamba-2 that reads a stream forwards only, as one residual layer and as a stack."""

from typing import cast

from torch import Tensor

from seizure.nn.mamba import MixerState
from seizure.nn.mamba_stack import MambaLayer, MambaStack


class CausalLayer(MambaLayer):
    """`x + forwards(norm(x))`, (feature, batch, time) to the same shape.

    >>> import torch
    >>> CausalLayer(16, 8, 4, 2, 4)(torch.ones(16, 2, 5)).shape
    torch.Size([16, 2, 5])
    """

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.forwards.features_first(self.norm(x)))

    def step(self, x: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """One step of a stream in evaluation, (feature, batch), and the state it leaves."""
        h, state = self.forwards.step(self.norm(x).t(), state)
        return x + h.t(), state


class CausalMamba(MambaStack):
    """A stack of causal layers and a last norm, (feature, batch, time) to the same shape."""

    kind = CausalLayer

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
