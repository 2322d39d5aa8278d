"""A causal detector on EEG as it arrives: the answers of the whole, in constant memory."""

from typing import cast

import torch
from torch import Tensor

from seizure.models.streams import TwoStreams
from seizure.nn.causal_mamba import CausalMamba


class StreamingDetector:
    """Probabilities of seizure for one recording that arrives in pieces of any length.

    They equal those that the causal detector, in evaluation mode, gives of the whole recording. A
    sample's probability depends on nothing later than `latency_s` after it, and has come by then:
    with the last sample of its frame. What is kept between two pieces does not grow. Raises
    `ValueError` for a detector that looks ahead, or is in training.

    >>> from seizure.models.electrode_stream import ElectrodeStream
    >>> from seizure.models.spec import *
    >>> detector = ElectrodeStream(
    ...     InputSpec(("C3", "Cz", "C4"), rate_hz=256.0, window_s=4.0),
    ...     BandsSpec(4, low_hz=2.0, high_hz=40.0, stride=16, n_strides=5, pool=4),
    ...     EncoderSpec((8,), (2,), 5, ((1,),)),
    ...     StreamSpec(8, 1, 4, 4, 2, 2),
    ...     EdgeSpec(8, 1, 4, 4, 1, 1, every=2),
    ...     GraphSpec(1, 0.05, 2, 2, 1e-4, 2),
    ...     causal=True,
    ... )
    >>> stream = StreamingDetector(detector.eval())
    >>> [len(stream.push(torch.zeros(3, n))) for n in (100, 100, 300)], stream.latency_s
    ([0, 128, 256], 0.49609375)
    """

    def __init__(self, detector: TwoStreams) -> None:
        if not detector.is_causal:
            raise ValueError(
                "this detector looks ahead, so it cannot stream; train one with "
                "model=electrode_pico_causal or model=pico_causal"
            )
        if detector.training:
            raise ValueError("the detector is in training mode; call detector.eval() first")
        encode = detector.graph.encode
        if encode is not None and encode.every != 1:
            raise ValueError(
                f"encoding_every={encode.every} cannot stream; train with "
                f"model.graph.encoding_every=1"
            )
        self.detector = detector
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: the next sample is a recording's first."""
        detector = self.detector
        like, n_channels = next(detector.parameters()).detach(), detector.n_channels
        self._early = like.new_zeros(n_channels, 0)  # EEG of a frame that is not complete
        self._heard = detector.initial_state()
        self._compared: list[Tensor] = []  # by frame, of an edge step that is not complete
        self._node_states = self._nodes.initial_state(n_channels)
        self._edge_states = self._edges.initial_state(detector.inputs.n_pairs)
        # Until an edge step is complete no electrode has an edge.
        alone = torch.eye(n_channels).to(like).view(1, 1, n_channels, n_channels)
        with torch.inference_mode():
            self._graph = detector.graph.prepare(alone)
        self._told = like.new_zeros(1, 1, 1, 1)

    @property
    def latency_s(self) -> float:
        """The longest that a sample's probability waits for later samples."""
        return self.detector.latency_s

    @torch.inference_mode()
    def push(self, samples: Tensor) -> Tensor:
        """Probabilities (sample,) of the frames that these samples complete, often none.

        samples (channel, any number), normalised as in training.
        """
        if samples.ndim != 2 or len(samples) != self.detector.n_channels:
            raise ValueError(
                f"a stream takes ({self.detector.n_channels}, any number of samples); found "
                f"{tuple(samples.shape)}"
            )
        if not samples.isfinite().all():
            raise ValueError(
                "found samples that are not finite, which the scans would never forget; replace "
                "them before they are pushed"
            )
        heard = torch.cat([self._early, samples.to(self._early)], dim=1)
        n_late = heard.shape[1] % self.detector.samples_per_frame
        complete = heard[:, : heard.shape[1] - n_late]
        # A copy: a view would keep the whole piece alive.
        self._early = heard[:, heard.shape[1] - n_late :].clone()
        frames = complete.split(self.detector.samples_per_frame, dim=1) if complete.numel() else ()
        return torch.cat([self._early.new_zeros(0), *(self._frame(eeg) for eeg in frames)])

    @property
    def _nodes(self) -> CausalMamba:
        return cast(CausalMamba, self.detector.node_stream.mamba)

    @property
    def _edges(self) -> CausalMamba:
        return cast(CausalMamba, self.detector.edge_stream.mamba)

    def _frame(self, eeg: Tensor) -> Tensor:
        # (electrode, sample) of one frame to probabilities (sample,)
        detector = self.detector
        nodes, compared, self._heard = detector.hear(eeg, self._heard)
        read, self._node_states = self._nodes.step(nodes.flatten(1), self._node_states)
        nodes = detector.graph.inform(read.view(nodes.shape) + self._told, self._graph)
        logits = detector.answer(nodes).squeeze(0)  # (sample,)
        self._compared.append(compared)
        if len(self._compared) == detector.edge_stream.every:
            self._edge_step(torch.cat(self._compared, dim=detector.time_dim))
            self._compared = []
        return torch.sigmoid(logits)

    def _edge_step(self, compared: Tensor) -> None:
        # of a whole edge step; what it gives holds for the next
        detector = self.detector
        pairs = detector.edge_stream.lifted(detector.alike(compared))  # (d, pair, 1, 1)
        read, self._edge_states = self._edges.step(pairs.flatten(1), self._edge_states)
        edges = read.view(pairs.shape)
        self._graph = detector.graph.prepare(detector.edge_stream.graphs(edges))
        self._told = detector.told(edges)[..., :1]
