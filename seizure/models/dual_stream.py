"""The published dual-stream detector: its first convolution mixes all electrodes."""

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from seizure.models.detector import claim
from seizure.models.spec import (
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    StreamSpec,
    check_sizes_fit,
)
from seizure.models.streams import (
    EdgeStream,
    GraphNetwork,
    NodeStream,
    TwoStreams,
    at_every_sample,
    graphs_before,
)
from seizure.nn.decay import no_decay_on_bias
from seizure.nn.mamba import Backend
from seizure.nn.norm import RMSNorm
from seizure.nn.tcn import Pyramid


class DualStream(TwoStreams):
    """A seizure's log-odds at every sample of a window, (batch, channel, time) to (batch, time).

    `time` is any multiple of `downsampling` samples, one edge step. `prior` is the share of seizure
    the untrained detector claims. With `causal` a frame of EEG has no part in any sample before it:
    a graph holds during the edge step after its own, and a frame's log-odds for all its samples.
    """

    time_dim: ClassVar[int] = 3

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
        causal: bool = False,
    ) -> None:
        super().__init__(inputs, encoder.downsampling, edge.every, causal)
        check_sizes_fit(inputs, self.downsampling, graph)
        n_features = encoder.channels[-1]
        self.encoder = Pyramid(
            inputs.n_channels,
            encoder.channels,
            encoder.strides,
            encoder.kernel,
            encoder.dilations,
            dropout,
            causal,
        )
        self.to_electrodes = ToElectrodes(n_features, inputs.n_channels, node.d_model)
        self.edge_stream = EdgeStream(inputs.n_channels, edge, graph, dropout, backend, 1, causal)
        self.node_stream = NodeStream(node, dropout, backend, causal)
        self.graph = GraphNetwork(node.d_model, inputs.channel_names, graph)
        self.to_logits = ToLogits(
            n_features, inputs.n_channels, node.d_model, encoder.downsampling, causal
        )
        claim(prior, self.to_logits.to_logit)

    def forward(self, eeg: Tensor) -> Tensor:
        self.check(eeg)
        frames = self.encoder(eeg.transpose(1, 2))  # (batch, frame, feature)
        nodes = self.to_electrodes(frames)  # (d_model, electrode, batch, frame)
        graphs = self.edge_stream(nodes)  # (batch, edge step, electrode, electrode)
        if self.is_causal:
            graphs = graphs_before(graphs)
        nodes = self.node_stream(nodes)
        nodes = self.graph(nodes, graphs)  # (batch, frame, electrode, d_model)
        return self.to_logits(nodes)  # (batch, time)

    def initial_state(self) -> list[Tensor]:
        """What the convolutions remember before the first sample of a stream."""
        return self.encoder.initial_state(1)

    def hear(self, eeg: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The nodes of one frame, which edges compare too, and what to remember."""
        frames, state = self.encoder.step(eeg.t().unsqueeze(0), state)
        nodes = self.to_electrodes(frames)
        return nodes, nodes, state

    def alike(self, compared: Tensor) -> Tensor:
        """Similarity of nodes (d_model, electrode, batch, frame)."""
        return self.edge_stream.similarity(compared)

    def told(self, edges: Tensor) -> Tensor:
        """Nothing: nodes hear of edges through the graph alone."""
        return edges.new_zeros(1, 1, 1, 1)

    def answer(self, nodes: Tensor) -> Tensor:
        """Log-odds from (batch, frame, electrode, d_model), (batch, time)."""
        return self.to_logits(nodes)


class ToElectrodes(nn.Module):
    """Features of each electrode, (batch, frame, feature) to (d_model, electrode, batch, frame)."""

    def __init__(self, n_features: int, n_channels: int, d_model: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.linear = no_decay_on_bias(nn.Linear(n_features, d_model * n_channels))

    def forward(self, frames: Tensor) -> Tensor:
        nodes = self.linear.weight @ frames.flatten(0, 1).t() + self.linear.bias.unsqueeze(1)
        return nodes.view(-1, self.n_channels, *frames.shape[:2])


class ToLogits(nn.Module):
    """Log-odds at every sample, (batch, frame, electrode, d) to (batch, time)."""

    def __init__(
        self,
        n_features: int,
        n_channels: int,
        d_model: int,
        samples_per_frame: int,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.samples_per_frame, self.is_causal = samples_per_frame, causal
        self.norm = RMSNorm(d_model)
        self.mix = no_decay_on_bias(nn.Linear(n_channels * d_model, n_features))
        self.to_channels = no_decay_on_bias(nn.Linear(n_features, n_channels))
        self.to_logit = no_decay_on_bias(nn.Linear(n_channels, 1))

    def forward(self, nodes: Tensor) -> Tensor:
        h = F.silu(self.mix(self.norm(nodes).flatten(2)))  # (batch, frame, feature)
        h = F.silu(self.to_channels(h))  # (batch, frame, electrode)
        # Interpolation and a product with one vector commute; in this order it is 19 times less.
        return at_every_sample(self.to_logit(h), self.samples_per_frame, self.is_causal)
