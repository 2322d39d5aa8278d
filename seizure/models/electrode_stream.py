"""The dual-stream detector whose nodes are electrodes: one encoder reads every electrode alike."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.models.detector import claim
from seizure.models.spec import (
    BandsSpec,
    EdgeSpec,
    EncoderSpec,
    GraphSpec,
    InputSpec,
    SpecError,
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
from seizure.nn.encoding import DynamicEncoding
from seizure.nn.filter_bank import FilterBank, coherence, log_power
from seizure.nn.mamba import Backend
from seizure.nn.norm import BatchNorm, widened
from seizure.nn.present import Present, over_rows
from seizure.nn.tcn import Pyramid


class ElectrodeStream(TwoStreams):
    """A seizure's log-odds at every sample of a window, (batch, channel, time) to (batch, time).

    The streams and the graph network are those of `DualStream`. Before them a bank of learned
    filters reads one electrode at a time, with the same weights for all: a node is a place on the
    head, described by the power of its rhythms, and an edge is the coherence of two places. After
    them the readout takes mean, maximum and spread over electrodes, so that permuting electrodes
    together with their positions changes nothing.

    `present` (batch, channel) says which electrodes each window has, None that it has all. What
    stands in place of one that is not there has no part in anything.

    With `causal` a frame of EEG has no part in any sample before it: a graph and what edges tell
    nodes hold during the edge step after their own, and a frame's log-odds for all its samples.
    """

    time_dim: ClassVar[int] = 2

    def __init__(
        self,
        inputs: InputSpec,
        bands: BandsSpec,
        encoder: EncoderSpec,
        node: StreamSpec,
        edge: EdgeSpec,
        graph: GraphSpec,
        dropout: float = 0.1,
        prior: float = 0.05,
        backend: Backend | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__(inputs, bands.downsampling * encoder.downsampling, edge.every, causal)
        check_sizes_fit(inputs, self.downsampling, graph)
        self.pool = bands.pool
        self.filter_bank = FilterBank(
            bands.n_bands,
            bands.low_hz,
            bands.high_hz,
            bands.stride,
            bands.n_strides,
            inputs.rate_hz,
            causal,
        )
        self.encoder = PowerEncoder(bands.n_bands, encoder, node.d_model, dropout, causal)
        self.edge_stream = EdgeStream(
            inputs.n_channels, edge, graph, dropout, backend, 2 * bands.n_bands, causal
        )
        self.steps_per_edge = self.downsampling // bands.stride
        self.node_stream = NodeStream(node, dropout, backend, causal)
        self.edges_to_nodes = EdgesToNodes(inputs.n_channels, edge, node.d_model)
        self.graph = GraphNetwork(node.d_model, inputs.channel_names, graph)
        self.readout = Readout(node.d_model, self.samples_per_frame, causal)
        claim(prior, self.readout.to_logit)

    def forward(self, eeg: Tensor, present: Tensor | None = None) -> Tensor:
        self.check(eeg)
        there = None
        if present is not None:
            self.check_present(present, len(eeg))
            there = Present(present, self.edge_stream.pairs)
            eeg = eeg.masked_fill(~present.unsqueeze(2), 0)
        waves = self.filter_bank(eeg.flatten(0, 1)).unflatten(0, eeg.shape[:2])
        nodes = self.encoder(
            log_power(waves, self.pool), there
        )  # (d_model, electrode, batch, frame)
        edges = self.edge_stream.read(self.alike(waves), there)  # (d_edge, pair, batch, edge step)
        graphs, told = self.edge_stream.graphs(edges, there), self.edges_to_nodes(edges, there)
        if self.is_causal:
            graphs, told = graphs_before(graphs), self._told_before(told)
        nodes = self.graph(self.node_stream(nodes, there) + told, graphs, present)
        return self.readout(nodes, there)  # (batch, time)

    def check_present(self, present: Tensor, n_windows: int) -> None:
        """Raise `ValueError` for a mask of another shape or type."""
        if present.dtype != torch.bool or present.shape != (n_windows, self.n_channels):
            raise ValueError(
                f"`present` says of each window and electrode whether it is there, bool "
                f"{(n_windows, self.n_channels)}; found {present.dtype} {tuple(present.shape)}"
            )

    def initial_state(self) -> tuple[Tensor, list[Tensor]]:
        """What filters and convolutions remember before the first sample of a stream."""
        n = self.n_channels
        return self.filter_bank.initial_state(n), self.encoder.pyramid.initial_state(n)

    def hear(
        self, eeg: Tensor, state: tuple[Tensor, list[Tensor]]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, list[Tensor]]]:
        """The nodes of one frame, its waves, which edges compare, and what to remember."""
        waves, past = self.filter_bank.step(eeg, state[0])
        waves = waves.unsqueeze(0)  # (1, electrode, step, 2, band)
        nodes, frames = self.encoder.step(log_power(waves, self.pool), state[1])
        return nodes, waves, (past, frames)

    def alike(self, compared: Tensor) -> Tensor:
        """Coherence of waves (batch, electrode, step, 2, band)."""
        return coherence(compared.unflatten(2, (-1, self.steps_per_edge)))

    def told(self, edges: Tensor) -> Tensor:
        """What each electrode's edges have in common, for every frame."""
        return self.edges_to_nodes(edges)

    def answer(self, nodes: Tensor) -> Tensor:
        """Log-odds from (batch, frame, electrode, d_model), (batch, time)."""
        return self.readout(nodes)

    def _told_before(self, told: Tensor) -> Tensor:
        # What the edge step before told, in the first nothing; (d_model, electrode, batch, frame)
        every = self.edge_stream.every
        return F.pad(told[..., :-every], (every, 0))

    def for_channels(self, channel_names: Sequence[str]) -> "ElectrodeStream":
        """A copy with the same weights for other electrodes or derivations, two or more of them.

        An electrode that is left out takes no part: it has no edge, and is not among those that the
        readout gathers. A place this detector does not know gets an encoding between those it
        knows. Raises `SpecError` where there are too few for a dynamic encoding.
        """
        other = copy.deepcopy(self)
        other.inputs = replace(self.inputs, channel_names=tuple(channel_names))
        other.n_channels = other.inputs.n_channels
        encode = self.graph.encode
        if isinstance(encode, DynamicEncoding) and encode.n_vectors >= other.n_channels:
            raise SpecError(
                f"found {other.n_channels} electrodes; the dynamic encoding of this detector has "
                f"{encode.n_vectors} eigenvectors and needs at least {encode.n_vectors + 1}"
            )
        other.edge_stream.connect(other.n_channels)
        other.edges_to_nodes.connect(other.n_channels)
        other.graph.move(self.inputs.channel_names, other.inputs.channel_names)
        return other


class PowerEncoder(nn.Module):
    """Each electrode by itself, (batch, electrode, frame, band) to (d, electrode, batch, frame)."""

    def __init__(
        self, n_bands: int, spec: EncoderSpec, d_model: int, dropout: float, causal: bool = False
    ) -> None:
        super().__init__()
        self.norm = BatchNorm(n_bands)
        self.pyramid = Pyramid(
            n_bands, spec.channels, spec.strides, spec.kernel, spec.dilations, dropout, causal
        )
        self.linear = no_decay_on_bias(nn.Linear(spec.channels[-1], d_model))

    def forward(self, power: Tensor, present: Present | None = None) -> Tensor:
        rows = power.flatten(0, 1)  # (batch·electrode, frame, band)
        if present is None:
            return self._nodes(self._frames(rows), len(power))
        # Rows that are not there must not enter the statistics of the norms either.
        frames = over_rows(self._frames, rows, present.of_windows, dim=0)
        return self._nodes(frames, len(power))

    def _frames(self, power: Tensor) -> Tensor:
        return self.pyramid(self.norm(power))

    def step(self, power: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The same for a piece of a stream, and what the convolutions have to remember."""
        frames, state = self.pyramid.step(self.norm(power).flatten(0, 1), state)
        return self._nodes(frames, len(power)), state

    def _nodes(self, frames: Tensor, batch: int) -> Tensor:
        nodes = self.linear(frames).unflatten(0, (batch, -1))
        return nodes.permute(3, 1, 0, 2).contiguous()


class EdgesToNodes(nn.Module):
    """What each electrode's edges have in common.

    (d_edge, pair, batch, edge step) to (d_model, electrode, batch, frame).
    """

    share: Tensor

    def __init__(self, n_channels: int, edge: EdgeSpec, d_model: int) -> None:
        super().__init__()
        self.every = edge.every
        self.linear = no_decay_on_bias(nn.Linear(edge.d_model, d_model))
        self.connect(n_channels)

    def connect(self, n_channels: int) -> None:
        """Gather the edges between this many electrodes."""
        pairs = torch.triu_indices(n_channels, n_channels, 1, device=self.linear.weight.device)
        ends = F.one_hot(pairs, n_channels).sum(0).t()  # which pairs an electrode is an end of
        self.register_buffer("share", ends / (n_channels - 1), persistent=False)

    def forward(self, edges: Tensor, present: Present | None = None) -> Tensor:
        mean = self.share.to(edges.dtype) @ edges.flatten(2)  # (d_edge, electrode, batch·edge step)
        if present is not None:  # the mean of fewer; those that are not there are zero
            fewer = (self.share.shape[0] - 1) / (present.n_electrodes - 1).clamp(min=1)
            fewer = fewer.to(mean.dtype).repeat_interleave(edges.shape[-1])
            mean = mean * fewer
        nodes = self.linear.weight @ mean.flatten(1) + self.linear.bias.unsqueeze(1)
        nodes = nodes.view(len(nodes), -1, *edges.shape[2:])
        return nodes.repeat_interleave(self.every, dim=-1)


class Readout(nn.Module):
    """Log-odds from all electrodes, (batch, frame, electrode, d) to (batch, time)."""

    def __init__(self, d_model: int, samples_per_frame: int, causal: bool = False) -> None:
        super().__init__()
        width = 2 * d_model
        self.samples_per_frame, self.is_causal = samples_per_frame, causal
        self.norm = BatchNorm(d_model)
        self.lift = no_decay_on_bias(nn.Linear(d_model, width))
        self.gather = no_decay_on_bias(nn.Linear(3 * width, width))
        self.mix = no_decay_on_bias(nn.Linear(width, width))
        self.to_logit = no_decay_on_bias(nn.Linear(width, 1))

    def forward(self, nodes: Tensor, present: Present | None = None) -> Tensor:
        if present is None:
            h = self._lifted(nodes)  # (batch, frame, electrode, 2·d)
            # Squares beyond 256 do not fit a float16.
            variance, mean, largest = widened(h).var(2, correction=0), h.mean(2), h.amax(2)
        else:
            rows = nodes.transpose(1, 2).flatten(0, 1)  # (batch·electrode, frame, d)
            h = over_rows(self._lifted, rows, present.of_windows, dim=0)
            variance, mean, largest = _of_some(h.unflatten(0, present.electrodes.shape), present)
        # The root of a variance has no slope at zero, where all electrodes agree.
        spread = (variance + 1e-4).sqrt()
        h = F.silu(self.gather(torch.cat([mean, largest, spread], dim=-1)))
        h = h + F.silu(self.mix(h))  # (batch, frame, 2·d)
        return at_every_sample(self.to_logit(h), self.samples_per_frame, self.is_causal)

    def _lifted(self, nodes: Tensor) -> Tensor:
        return F.silu(self.lift(self.norm(nodes)))


def _of_some(h: Tensor, present: Present) -> tuple[Tensor, Tensor, Tensor]:
    # Variance, mean and maximum over the electrodes that are there, of (batch, electrode, frame,
    # feature), whose others are zero.
    there = present.electrodes[:, :, None, None]
    n = present.n_electrodes.view(-1, 1, 1)
    h = widened(h)
    mean = h.sum(1) / n
    variance = ((h - mean.unsqueeze(1)) * there).square().sum(1) / n
    return variance, mean, h.masked_fill(~there, -torch.inf).amax(1)
