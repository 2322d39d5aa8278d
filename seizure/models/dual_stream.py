"""The dual-stream detector: electrodes and the edges between them, each read in both directions."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.eeg.channels import positions_of
from seizure.models.detector import Detector, claim
from seizure.models.spec import (
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    StreamSpec,
    check_sizes_fit,
)
from seizure.nn.bidirectional import BidirectionalMamba
from seizure.nn.causal_mamba import CausalMamba
from seizure.nn.decay import no_decay_on_bias
from seizure.nn.encoding import (
    DynamicEncoding,
    RandomWalkEncoding,
    encoding_elsewhere,
    laplacian_encoding,
    structural_graph,
)
from seizure.nn.graph import SSGConv, sparse_adjacency
from seizure.nn.mamba import Backend
from seizure.nn.norm import RMSNorm, widened
from seizure.nn.tcn import Pyramid

# Far below the squared length of normalised features.
_FLOOR = 1e-5


class DualStream(Detector):
    """A seizure's log-odds at every sample of a window, (batch, channel, time) to (batch, time).

    `time` is any multiple of `downsampling` samples, one edge step. `prior` is the share of seizure
    the untrained detector claims.
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
        super().__init__(inputs, encoder.downsampling * edge.every)
        check_sizes_fit(inputs, self.downsampling, graph)
        n_features = encoder.channels[-1]
        self.encoder = Pyramid(
            inputs.n_channels,
            encoder.channels,
            encoder.strides,
            encoder.kernel,
            encoder.dilations,
            dropout,
        )
        self.to_electrodes = ToElectrodes(n_features, inputs.n_channels, node.d_model)
        self.edge_stream = EdgeStream(inputs.n_channels, edge, graph, dropout, backend)
        self.node_stream = NodeStream(node, dropout, backend)
        self.graph = GraphNetwork(node.d_model, inputs.channel_names, graph)
        self.to_logits = ToLogits(n_features, inputs.n_channels, node.d_model, encoder.downsampling)
        claim(prior, self.to_logits.to_logit)

    def forward(self, eeg: Tensor) -> Tensor:
        self.check(eeg)
        frames = self.encoder(eeg.transpose(1, 2))  # (batch, frame, feature)
        nodes = self.to_electrodes(frames)  # (d_model, electrode, batch, frame)
        edges = self.edge_stream(nodes)  # (batch, edge step, electrode, electrode)
        nodes = self.node_stream(nodes)
        nodes = self.graph(nodes, edges)  # (batch, frame, electrode, d_model)
        return self.to_logits(nodes)  # (batch, time)


class ToElectrodes(nn.Module):
    """Features of each electrode, (batch, frame, feature) to (d_model, electrode, batch, frame)."""

    def __init__(self, n_features: int, n_channels: int, d_model: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.linear = no_decay_on_bias(nn.Linear(n_features, d_model * n_channels))

    def forward(self, frames: Tensor) -> Tensor:
        nodes = self.linear.weight @ frames.flatten(0, 1).t() + self.linear.bias.unsqueeze(1)
        return nodes.view(-1, self.n_channels, *frames.shape[:2])


class NodeStream(nn.Module):
    """Past and future of each electrode, or with `causal` its past.

    (d_model, electrode, batch, frame) to the same shape.
    """

    def __init__(
        self, spec: StreamSpec, dropout: float, backend: Backend | None, causal: bool = False
    ) -> None:
        super().__init__()
        self.mamba = _stream(spec, dropout, backend, causal)

    def forward(self, nodes: Tensor) -> Tensor:
        return self.mamba(nodes.flatten(1, 2)).view(nodes.shape)


class EdgeStream(nn.Module):
    """Sparse graphs from how alike electrodes are and were.

    (d, electrode, batch, frame) to (batch, edge step, electrode, electrode), symmetric, float32.
    One edge step compares electrodes over `every` frames at once, by `n_measures` numbers.
    """

    pairs: Tensor

    def __init__(
        self,
        n_channels: int,
        spec: EdgeSpec,
        graph: GraphSpec,
        dropout: float,
        backend: Backend | None,
        n_measures: int = 1,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.every = spec.every
        self.is_centred = spec.similarity == "correlation"
        self.top_k, self.threshold = graph.top_k, graph.threshold
        self.lift = no_decay_on_bias(nn.Linear(n_measures, spec.d_model))
        self.mamba = _stream(spec, dropout, backend, causal)
        self.to_weight = no_decay_on_bias(nn.Linear(spec.d_model, 1))
        self.connect(n_channels)

    def connect(self, n_channels: int) -> None:
        """Compare this many electrodes with each other; no weight depends on how many."""
        self.n_channels = n_channels
        pairs = torch.triu_indices(n_channels, n_channels, 1, device=self.lift.weight.device)
        self.register_buffer("pairs", pairs, persistent=False)

    def forward(self, nodes: Tensor) -> Tensor:
        return self.graphs(self.read(self.similarity(nodes)))

    def similarity(self, nodes: Tensor) -> Tensor:
        """Cosine or correlation of two electrodes' features over an edge step, in [-1, 1].

        (d, electrode, batch, frame) to (batch, edge step, 1, electrode, electrode).
        """
        with torch.autocast(nodes.device.type, enabled=False):
            windows = widened(nodes).unflatten(-1, (-1, self.every))
            windows = windows.permute(2, 3, 1, 0, 4).flatten(3)  # (batch, step, electrode, feature)
            if self.is_centred:
                windows = windows - windows.mean(-1, keepdim=True)
            # The floor bounds the slope where an electrode's features vanish.
            length = (windows.square().sum(-1, keepdim=True) + _FLOOR).rsqrt()
            unit = windows * length
            return (unit @ unit.mT).unsqueeze(2)

    def read(self, measures: Tensor) -> Tensor:
        """Past and future of each pair, (batch, edge step, measure, electrode, electrode) to
        (d, pair, batch, edge step)."""
        h = self.lifted(measures)
        return self.mamba(h.flatten(1, 2)).view(h.shape)

    def lifted(self, measures: Tensor) -> Tensor:
        """Each pair by itself, (batch, edge step, measure, electrode, electrode) to (d, pair,
        batch, edge step)."""
        first, second = self.pairs
        h = measures[..., first, second].permute(2, 3, 0, 1)
        shape = h.shape[1:]
        h = self.lift.weight @ h.flatten(1) + self.lift.bias.unsqueeze(1)
        return h.view(-1, *shape)

    def graphs(self, edges: Tensor) -> Tensor:
        """Weights of the strongest edges, (d, pair, batch, edge step) to (batch, edge step,
        electrode, electrode)."""
        h = self.to_weight.weight @ widened(edges.flatten(1)) + self.to_weight.bias
        weight = F.softplus(widened(h)).view(edges.shape[1:])
        return sparse_adjacency(self.as_matrices(weight), self.top_k, self.threshold)

    def as_matrices(self, weight: Tensor) -> Tensor:
        """(pair, batch, step) to symmetric (batch, step, electrode, electrode), zero diagonal."""
        first, second = self.pairs
        matrix = weight.new_zeros(self.n_channels, self.n_channels, *weight.shape[1:])
        matrix[first, second] = weight
        matrix[second, first] = weight
        return matrix.permute(2, 3, 0, 1)


class GraphNetwork(nn.Module):
    """Electrodes informed by their neighbours.

    (d, electrode, batch, frame) and (batch, edge step, electrode, electrode) to (batch, frame,
    electrode, d).
    """

    encoding: Tensor | None

    def __init__(self, d_model: int, channel_names: tuple[str, ...], spec: GraphSpec) -> None:
        super().__init__()
        self.encode: nn.Module | None = None
        fixed = None
        if spec.encoding == "laplacian":
            structure = structural_graph(positions_of(channel_names))
            fixed = laplacian_encoding(structure, spec.n_encoding)
        else:
            of_learned = RandomWalkEncoding if spec.encoding == "random_walk" else DynamicEncoding
            self.encode = of_learned(spec.n_encoding, spec.encoding_every)
        self.register_buffer("encoding", fixed)
        conv = _graph_convolution(spec)
        n_in = d_model + spec.n_encoding
        self.norms = nn.ModuleList(RMSNorm(d_model) for _ in range(spec.n_layers))
        self.convs = nn.ModuleList(
            conv(n_in, d_model, spec.alpha, spec.n_hops) for _ in range(spec.n_layers)
        )

    def move(self, channel_names: tuple[str, ...], moved_to: tuple[str, ...]) -> None:
        """Give other electrodes the encoding of their places, from that of those known so far."""
        if self.encoding is not None:
            places = positions_of(channel_names), positions_of(moved_to)
            self.encoding = encoding_elsewhere(self.encoding, *places)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        h = nodes.permute(2, 3, 1, 0).unflatten(1, (edges.shape[1], -1))
        h = h.transpose(2, 3)  # (batch, edge step, electrode, frame of the step, d)
        graphs = cast(SSGConv, self.convs[0]).prepare(edges)
        places = self.encoding if self.encode is None else self.encode(edges)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            h = h + F.silu(conv(norm(h), graphs, places))
        return h.transpose(2, 3).flatten(1, 2)


class ToLogits(nn.Module):
    """Log-odds at every sample, (batch, frame, electrode, d) to (batch, time)."""

    def __init__(self, n_features: int, n_channels: int, d_model: int, upsampling: int) -> None:
        super().__init__()
        self.upsampling = upsampling
        self.norm = RMSNorm(d_model)
        self.mix = no_decay_on_bias(nn.Linear(n_channels * d_model, n_features))
        self.to_channels = no_decay_on_bias(nn.Linear(n_features, n_channels))
        self.to_logit = no_decay_on_bias(nn.Linear(n_channels, 1))

    def forward(self, nodes: Tensor) -> Tensor:
        h = F.silu(self.mix(self.norm(nodes).flatten(2)))  # (batch, frame, feature)
        h = F.silu(self.to_channels(h))  # (batch, frame, electrode)
        # Interpolation and a product with one vector commute; in this order it is 19 times less.
        h = self.to_logit(h).float().transpose(1, 2)  # (batch, 1, frame)
        return F.interpolate(h, scale_factor=self.upsampling, mode="linear").squeeze(1)


def _graph_convolution(spec: GraphSpec) -> type[nn.Module]:
    if spec.backend == "dense":
        return SSGConv
    from seizure.nn.graph_pyg import PygSSGConv  # only this choice needs PyTorch Geometric

    return PygSSGConv


def _stream(
    spec: StreamSpec, dropout: float, backend: Backend | None, causal: bool = False
) -> BidirectionalMamba | CausalMamba:
    stack = CausalMamba if causal else BidirectionalMamba
    return stack(
        spec.d_model,
        spec.n_layers,
        spec.d_state,
        spec.d_conv,
        spec.expand,
        spec.headdim,
        dropout,
        backend,
    )
