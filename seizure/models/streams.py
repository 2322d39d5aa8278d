"""What both detectors are made of: a stream of nodes, a stream of edges and a graph network."""

from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.eeg.channels import positions_of
from seizure.models.detector import Detector
from seizure.models.spec import EdgeSpec, GraphSpec, StreamSpec
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
from seizure.nn.present import Present, over_rows

# Far below the squared length of normalised features.
_FLOOR = 1e-5


class TwoStreams(Detector):
    """A detector of nodes and edges, and what a causal one does with a frame as it arrives.

    `hear`, `alike`, `told` and `answer` are the steps of its `forward`, in that order; between
    them are the streams and the graph network.
    """

    time_dim: ClassVar[int]
    """The axis of time of what edges compare."""
    node_stream: "NodeStream"
    edge_stream: "EdgeStream"
    graph: "GraphNetwork"

    def initial_state(self) -> Any:
        """What the encoder remembers before the first sample of a stream."""
        raise NotImplementedError

    def hear(self, eeg: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """One frame (channel, sample): its nodes (d_model, electrode, 1, 1), what edges compare,
        and what the encoder has to remember."""
        raise NotImplementedError

    def alike(self, compared: Tensor) -> Tensor:
        """How alike two electrodes are, (batch, edge step, measure, electrode, electrode)."""
        raise NotImplementedError

    def told(self, edges: Tensor) -> Tensor:
        """What edges (d_edge, pair, batch, edge step) add to nodes (d_model, electrode, batch,
        frame)."""
        raise NotImplementedError

    def answer(self, nodes: Tensor) -> Tensor:
        """Log-odds from (batch, frame, electrode, d_model), (batch, time)."""
        raise NotImplementedError


class NodeStream(nn.Module):
    """Past and future of each electrode, or with `causal` its past.

    (d_model, electrode, batch, frame) to the same shape.
    """

    def __init__(
        self, spec: StreamSpec, dropout: float, backend: Backend | None, causal: bool = False
    ) -> None:
        super().__init__()
        self.mamba = _stream(spec, dropout, backend, causal)

    def forward(self, nodes: Tensor, present: Present | None = None) -> Tensor:
        h = nodes.flatten(1, 2)
        if present is None:
            return self.mamba(h).view(nodes.shape)
        return over_rows(self.mamba, h, present.of_electrodes, dim=1).view(nodes.shape)


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

    def read(self, measures: Tensor, present: Present | None = None) -> Tensor:
        """Past and future of each pair, (batch, edge step, measure, electrode, electrode) to
        (d, pair, batch, edge step); zero for a pair that is not there."""
        h = self.lifted(measures)
        if present is None:
            return self.mamba(h.flatten(1, 2)).view(h.shape)
        return over_rows(self.mamba, h.flatten(1, 2), present.of_pairs, dim=1).view(h.shape)

    def lifted(self, measures: Tensor) -> Tensor:
        """Each pair by itself, (batch, edge step, measure, electrode, electrode) to (d, pair,
        batch, edge step)."""
        first, second = self.pairs
        h = measures[..., first, second].permute(2, 3, 0, 1)
        shape = h.shape[1:]
        h = self.lift.weight @ h.flatten(1) + self.lift.bias.unsqueeze(1)
        return h.view(-1, *shape)

    def graphs(self, edges: Tensor, present: Present | None = None) -> Tensor:
        """Weights of the strongest edges, (d, pair, batch, edge step) to (batch, edge step,
        electrode, electrode)."""
        h = self.to_weight.weight @ widened(edges.flatten(1)) + self.to_weight.bias
        weight = F.softplus(widened(h)).view(edges.shape[1:])
        if present is not None:
            weight = weight * present.pairs.t().unsqueeze(-1)
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

    Nodes (d, electrode, batch, frame) and graphs (batch, edge step, electrode, electrode) to
    (batch, frame, electrode, d).
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

    def forward(self, nodes: Tensor, graphs: Tensor, present: Tensor | None = None) -> Tensor:
        return self.inform(nodes, self.prepare(graphs, present))

    def prepare(self, graphs: Tensor, present: Tensor | None = None) -> "Prepared":
        """What `inform` needs of graphs (batch, edge step, electrode, electrode)."""
        convolution = cast(SSGConv, self.convs[0]).prepare(graphs)
        places = self.encoding if self.encode is None else self.encode(graphs, present)
        return Prepared(graphs.shape[1], convolution, cast(Tensor, places))

    def inform(self, nodes: Tensor, prepared: "Prepared") -> Tensor:
        """Nodes (d, electrode, batch, frame) after the graph convolutions, as `forward`."""
        h = nodes.permute(2, 3, 1, 0).unflatten(1, (prepared.n_steps, -1))
        h = h.transpose(2, 3)  # (batch, edge step, electrode, frame of the step, d)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            h = h + F.silu(conv(norm(h), prepared.convolution, prepared.places))
        return h.transpose(2, 3).flatten(1, 2)


class Prepared(NamedTuple):
    """Graphs as the graph convolutions need them."""

    n_steps: int
    convolution: Tensor
    places: Tensor  # each electrode's encoding


def graphs_before(graphs: Tensor) -> Tensor:
    """The graph of the edge step before, (batch, edge step, electrode, electrode) to the same.

    In the first step no electrode has an edge.
    """
    alone = torch.eye(graphs.shape[-1], dtype=graphs.dtype, device=graphs.device)
    return torch.cat([alone.expand_as(graphs[:, :1]), graphs[:, :-1]], dim=1)


def at_every_sample(logits: Tensor, samples_per_frame: int, causal: bool) -> Tensor:
    """Log-odds of frames (batch, frame, 1) in float32 as (batch, time): held with `causal`, else
    interpolated between the frames' middles.

    >>> at_every_sample(torch.tensor([[[0.0], [4.0]]]), 2, causal=False)
    tensor([[0., 1., 3., 4.]])
    """
    frames = logits.float().transpose(1, 2)  # (batch, 1, frame)
    if causal:
        return frames.repeat_interleave(samples_per_frame, dim=2).squeeze(1)
    return F.interpolate(frames, scale_factor=samples_per_frame, mode="linear").squeeze(1)


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
