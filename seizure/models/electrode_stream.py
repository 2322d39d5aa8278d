"""The dual-stream detector whose nodes are electrodes: one encoder reads every electrode alike."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.models.dual_stream import EdgeStream, GraphNetwork, NodeStream
from seizure.models.spec import (
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    StreamSpec,
    check_sizes_fit,
)
from seizure.nn.decay import no_decay_on_bias
from seizure.nn.mamba import Backend
from seizure.nn.norm import BatchNorm
from seizure.nn.tcn import Pyramid


class ElectrodeStream(nn.Module):
    """A seizure's log-odds at every sample of a window, (batch, channel, time) to (batch, time).

    The streams and the graph network are those of `DualStream`. Before them the encoder sees one
    electrode at a time, with the same weights for all, so that a node is a place on the head and an
    edge compares two places; after them the readout takes mean and maximum over electrodes, so that
    permuting electrodes together with their positions changes nothing.
    """

    def __init__(
        self,
        inputs: InputSpec,
        encoder: EncoderSpec,
        node: StreamSpec,
        edge: EdgeSpec,
        graph: GraphSpec,
        dropout: float = 0.1,
        prior: float = 0.05,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        check_sizes_fit(inputs, encoder, edge, graph)
        self.n_channels = inputs.n_channels
        self.downsampling = encoder.downsampling * edge.every
        self.encoder = SharedEncoder(encoder, node.d_model, dropout)
        self.edge_stream = EdgeStream(inputs.n_channels, edge, graph, dropout, backend)
        self.node_stream = NodeStream(node, dropout, backend)
        self.graph = GraphNetwork(node.d_model, inputs.channel_names, graph)
        self.readout = Readout(node.d_model, encoder.downsampling)
        self.readout.set_prior(prior)

    def forward(self, eeg: Tensor) -> Tensor:
        self._check(eeg)
        nodes = self.encoder(eeg)  # (d_model, electrode, batch, frame)
        edges = self.edge_stream(nodes)  # (batch, edge step, electrode, electrode)
        nodes = self.node_stream(nodes)
        nodes = self.graph(nodes, edges)  # (batch, frame, electrode, d_model)
        return self.readout(nodes)  # (batch, time)

    def _check(self, eeg: Tensor) -> None:
        if eeg.ndim != 3 or eeg.shape[1] != self.n_channels or eeg.shape[2] % self.downsampling:
            raise ValueError(
                f"the detector reads (batch, {self.n_channels}, time) with time a multiple of "
                f"{self.downsampling} samples; found {tuple(eeg.shape)}"
            )


class SharedEncoder(nn.Module):
    """Each electrode by itself, (batch, electrode, time) to (d, electrode, batch, frame)."""

    def __init__(self, spec: EncoderSpec, d_model: int, dropout: float) -> None:
        super().__init__()
        self.pyramid = Pyramid(1, spec.channels, spec.strides, spec.kernel, spec.dilations, dropout)
        self.linear = no_decay_on_bias(nn.Linear(spec.channels[-1], d_model))

    def forward(self, eeg: Tensor) -> Tensor:
        frames = self.pyramid(eeg.flatten(0, 1).unsqueeze(-1))  # (batch·electrode, frame, feature)
        nodes = self.linear(frames).unflatten(0, eeg.shape[:2])
        return nodes.permute(3, 1, 0, 2).contiguous()


class Readout(nn.Module):
    """Log-odds from all electrodes, (batch, frame, electrode, d) to (batch, time)."""

    def __init__(self, d_model: int, upsampling: int) -> None:
        super().__init__()
        self.upsampling = upsampling
        self.norm = BatchNorm(d_model)
        self.lift = no_decay_on_bias(nn.Linear(d_model, 2 * d_model))
        self.mix = no_decay_on_bias(nn.Linear(4 * d_model, 2 * d_model))
        self.to_logit = no_decay_on_bias(nn.Linear(2 * d_model, 1))

    def set_prior(self, probability: float) -> None:
        """Let the untrained network claim this share of seizure."""
        if not 0 < probability < 1:
            raise ValueError(f"prior={probability} is a probability; expected a value in (0, 1)")
        nn.init.constant_(self.to_logit.bias, math.log(probability / (1 - probability)))

    def forward(self, nodes: Tensor) -> Tensor:
        h = F.silu(self.lift(self.norm(nodes)))  # (batch, frame, electrode, 2·d)
        h = torch.cat([h.mean(2), h.amax(2)], dim=-1)  # (batch, frame, 4·d)
        h = self.to_logit(F.silu(self.mix(h))).float().transpose(1, 2)  # (batch, 1, frame)
        return F.interpolate(h, scale_factor=self.upsampling, mode="linear").squeeze(1)
