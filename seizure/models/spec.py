"""The sizes of a detector as small frozen values that check themselves; needs no torch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# The CUDA kernels of mamba-ssm read head-wise tensors in aligned groups of eight.
HEADS_MULTIPLE = 8
# They read the fused projection in aligned groups too, which two state vectors are part of.
STATE_MULTIPLE = 4
# Widths for which causal-conv1d has kernels.
CONV_WIDTHS = (2, 3, 4)


class SpecError(ValueError):
    """A size that no network can be built from; the message names the nearest legal values."""


@dataclass(frozen=True)
class InputSpec:
    """What one training window looks like.

    >>> InputSpec(channel_names=("C3", "Cz", "C4"), rate_hz=256.0, window_s=60.0).n_samples
    15360
    """

    channel_names: tuple[str, ...]
    """Canonical electrode names, in the order of the channel axis."""
    rate_hz: float
    """Samples per second."""
    window_s: float
    """Length of a window in seconds; `window_s * rate_hz` is a whole number of samples."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channel_names", tuple(self.channel_names))
        repeated = sorted({n for n in self.channel_names if self.channel_names.count(n) > 1})
        if repeated:
            raise SpecError(f"channel_names holds {', '.join(repeated)} more than once")
        if len(self.channel_names) < 2:
            raise SpecError(
                f"channel_names needs at least 2 electrodes, found {len(self.channel_names)}"
            )
        _check_positive(rate_hz=self.rate_hz, window_s=self.window_s)
        n_samples = self.rate_hz * self.window_s
        if abs(n_samples - round(n_samples)) > 1e-6:
            nearest_s = round(n_samples) / self.rate_hz
            raise SpecError(
                f"window_s={self.window_s} at rate_hz={self.rate_hz} is {n_samples} samples; "
                f"expected a whole number, nearest window_s={nearest_s}"
            )

    @property
    def n_channels(self) -> int:
        """Number of electrodes."""
        return len(self.channel_names)

    @property
    def n_pairs(self) -> int:
        """Number of unordered electrode pairs, 171 for 19 electrodes."""
        return self.n_channels * (self.n_channels - 1) // 2

    @property
    def n_samples(self) -> int:
        """Samples in a window."""
        return round(self.rate_hz * self.window_s)


@dataclass(frozen=True)
class EncoderSpec:
    """A strided convolutional pyramid: each stage downsamples once, then widens its view.

    >>> EncoderSpec((64, 128), strides=(2, 2), kernel=7, dilations=((1,), (2, 4))).downsampling
    4
    """

    channels: tuple[int, ...]
    """Feature channels of each stage."""
    strides: tuple[int, ...]
    """Downsampling factor of each stage, in samples of the stage's input."""
    kernel: int
    """Taps of every convolution; odd, and no smaller than any stride."""
    dilations: tuple[tuple[int, ...], ...]
    """Per stage, the dilation of each of its residual blocks, in samples of the stage's output."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "strides", tuple(self.strides))
        object.__setattr__(self, "dilations", tuple(tuple(d) for d in self.dilations))
        if not len(self.channels) == len(self.strides) == len(self.dilations) > 0:
            raise SpecError(
                f"channels, strides and dilations need one entry per stage, found "
                f"{len(self.channels)}, {len(self.strides)} and {len(self.dilations)}"
            )
        _check_positive(channels=self.channels, strides=self.strides)
        for stage, dilations in enumerate(self.dilations):
            _check_positive(**{f"dilations[{stage}]": dilations})
        if self.kernel % 2 == 0 or self.kernel < max(self.strides):
            smallest = max(self.strides) + 1 - max(self.strides) % 2
            legal = {smallest, max(smallest, self.kernel - 1), max(smallest, self.kernel + 1)}
            odd = sorted(k for k in legal if k % 2)
            raise SpecError(
                f"kernel={self.kernel} must be odd and at least the largest stride "
                f"{max(self.strides)}; nearest legal: {_either(odd)}"
            )

    @property
    def downsampling(self) -> int:
        """Input samples per output frame."""
        return math.prod(self.strides)

    @property
    def receptive_field_samples(self) -> int:
        """Input samples that can change one output frame."""
        field, hop = 1, 1
        for stride, dilations in zip(self.strides, self.dilations, strict=True):
            field += (self.kernel - 1) * hop
            hop *= stride
            field += (self.kernel - 1) * hop * sum(dilations)
        return field


@dataclass(frozen=True)
class BandsSpec:
    """A bank of learned band-pass filters, and how their power becomes frames.

    >>> BandsSpec(12, low_hz=1.0, high_hz=60.0, stride=16, n_strides=9, pool=4).downsampling
    64
    """

    n_bands: int
    """Filters, each a pair in quadrature."""
    low_hz: float
    """Centre of the lowest band at the start of training; the others follow in equal ratios."""
    high_hz: float
    """Centre of the highest band at the start of training."""
    stride: int
    """Samples between two outputs of a filter."""
    n_strides: int
    """Length of a filter, in strides; odd, so that a filter has a middle."""
    pool: int
    """Filter outputs whose power is averaged into one frame."""

    def __post_init__(self) -> None:
        _check_positive(
            n_bands=self.n_bands,
            low_hz=self.low_hz,
            high_hz=self.high_hz,
            stride=self.stride,
            n_strides=self.n_strides,
            pool=self.pool,
        )
        if self.low_hz >= self.high_hz:
            raise SpecError(f"low_hz={self.low_hz} must be below high_hz={self.high_hz}")
        if self.n_strides % 2 == 0:
            raise SpecError(
                f"n_strides={self.n_strides} must be odd; nearest legal: "
                f"{self.n_strides - 1} or {self.n_strides + 1}"
            )

    @property
    def downsampling(self) -> int:
        """Samples per frame."""
        return self.stride * self.pool

    @property
    def n_samples(self) -> int:
        """Length of a filter in samples."""
        return self.stride * self.n_strides


@dataclass(frozen=True)
class StreamSpec:
    """A stack of bidirectional Mamba-2 layers, within the rules of the CUDA kernels.

    >>> StreamSpec(d_model=64, n_layers=6, d_state=16, d_conv=4, expand=2, headdim=8).n_heads
    16
    """

    d_model: int
    """Features of a step, in and out."""
    n_layers: int
    """Bidirectional layers."""
    d_state: int
    """State values kept for each inner feature; a multiple of 4."""
    d_conv: int
    """Taps of the depthwise convolution, in steps: 2, 3 or 4."""
    expand: int
    """Inner features per model feature."""
    headdim: int
    """Inner features that share one decay; `d_model * expand / headdim` is a multiple of 8."""

    def __post_init__(self) -> None:
        _check_positive(
            d_model=self.d_model,
            n_layers=self.n_layers,
            d_state=self.d_state,
            expand=self.expand,
            headdim=self.headdim,
        )
        if self.d_conv not in CONV_WIDTHS:
            raise SpecError(
                f"d_conv={self.d_conv} has no CUDA kernel; expected one of {CONV_WIDTHS}"
            )
        if self.d_state % STATE_MULTIPLE:
            below = self.d_state // STATE_MULTIPLE * STATE_MULTIPLE
            nearest = [n for n in (below, below + STATE_MULTIPLE) if n]
            raise SpecError(
                f"d_state={self.d_state} must be a multiple of {STATE_MULTIPLE} for the CUDA "
                f"kernels; nearest legal: {_either(nearest)}"
            )
        if self.d_inner % (self.headdim * HEADS_MULTIPLE):
            raise SpecError(
                f"d_model={self.d_model} * expand={self.expand} / headdim={self.headdim} gives "
                f"{self.d_inner / self.headdim:g} heads; the CUDA kernels need a multiple of "
                f"{HEADS_MULTIPLE}. Nearest legal: {self._legal_neighbours()}"
            )

    @property
    def d_inner(self) -> int:
        """Features inside a layer."""
        return self.d_model * self.expand

    @property
    def n_heads(self) -> int:
        """Groups of inner features, each with its own decay."""
        return self.d_inner // self.headdim

    def _legal_neighbours(self) -> str:
        unit = self.headdim * HEADS_MULTIPLE // math.gcd(self.headdim * HEADS_MULTIPLE, self.expand)
        below = self.d_model // unit * unit
        d_models = [d for d in (below, below + unit) if d > 0 and d != self.d_model]
        advice = f"d_model={_either(d_models)} with headdim={self.headdim}"
        if self.d_inner % HEADS_MULTIPLE == 0:
            largest = self.d_inner // HEADS_MULTIPLE
            legal = [h for h in range(1, largest + 1) if largest % h == 0]
            lower = [h for h in legal if h < self.headdim][-1:]
            upper = [h for h in legal if h > self.headdim][:1]
            advice += f", or headdim={_either(lower + upper)} with d_model={self.d_model}"
        return advice


@dataclass(frozen=True)
class EdgeSpec(StreamSpec):
    """The stream that turns the similarity of two electrodes into the weight of their edge.

    >>> EdgeSpec(16, n_layers=2, d_state=8, d_conv=4, expand=2, headdim=4, every=4).every
    4
    """

    every: int = 1
    """Encoder frames per edge step; the graph holds still between edge steps."""
    similarity: Literal["cosine", "correlation"] = "cosine"
    """Of two electrodes' features over an edge step; the correlation subtracts their means."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(every=self.every)
        if self.similarity not in ("cosine", "correlation"):
            raise SpecError(
                f"similarity={self.similarity!r} is unknown; expected 'cosine' or 'correlation'"
            )


@dataclass(frozen=True)
class GraphSpec:
    """The graph network over electrodes and the rule that makes its graphs sparse.

    >>> GraphSpec(2, alpha=0.05, n_hops=2, top_k=3, threshold=1e-4, n_encoding=16).backend
    'dense'
    """

    n_layers: int
    """Graph convolutions."""
    alpha: float
    """Share of a node's own features that skips propagation, in [0, 1]."""
    n_hops: int
    """Longest walk over edges that one convolution averages."""
    top_k: int
    """Strongest edges kept for each electrode."""
    threshold: float
    """Edge weights at or below this are no edge."""
    n_encoding: int
    """Features of an electrode's place: eigenvectors, fewer than electrodes, or steps of a walk."""
    backend: Literal["dense", "pyg"] = "dense"
    """Dense matrix products, or the equal but slower `SSGConv` of PyTorch Geometric."""
    encoding: Literal["laplacian", "random_walk", "dynamic"] = "laplacian"
    """Eigenvectors of the scalp's graph; walks on, or eigenvectors of, the learned graphs."""
    encoding_every: int = 1
    """Edge steps for which one encoding of a learned graph holds."""

    def __post_init__(self) -> None:
        _check_positive(n_layers=self.n_layers, n_hops=self.n_hops, top_k=self.top_k)
        _check_positive(encoding_every=self.encoding_every)
        if self.encoding != "laplacian":
            _check_positive(n_encoding=self.n_encoding)
        if not 0 <= self.alpha <= 1:
            raise SpecError(f"alpha={self.alpha} is a share; expected a value in [0, 1]")
        if self.threshold < 0 or self.n_encoding < 0:
            raise SpecError(
                f"threshold={self.threshold} and n_encoding={self.n_encoding} must not be negative"
            )
        if self.backend not in ("dense", "pyg"):
            raise SpecError(f"backend={self.backend!r} is unknown; expected 'dense' or 'pyg'")
        if self.encoding not in ("laplacian", "random_walk", "dynamic"):
            raise SpecError(
                f"encoding={self.encoding!r} is unknown; expected 'laplacian', 'random_walk' or "
                f"'dynamic'"
            )


def check_sizes_fit(inputs: InputSpec, downsampling: int, graph: GraphSpec) -> None:
    """Raise `SpecError` where specifications that are legal alone cannot make one detector.

    `downsampling` is the samples of one edge step.

    >>> inputs = InputSpec(("C3", "Cz", "C4"), rate_hz=256.0, window_s=60.0)
    >>> graph = GraphSpec(2, alpha=0.05, n_hops=2, top_k=2, threshold=1e-4, n_encoding=2)
    >>> check_sizes_fit(inputs, 64, graph)
    """
    if inputs.n_samples % downsampling:
        below = inputs.n_samples // downsampling * downsampling
        nearest = [n / inputs.rate_hz for n in (below, below + downsampling) if n]
        raise SpecError(
            f"a window of {inputs.n_samples} samples is not a whole number of edge steps of "
            f"{downsampling} samples; nearest legal: window_s={_either(nearest)} at "
            f"rate_hz={inputs.rate_hz}"
        )
    if graph.encoding != "random_walk" and graph.n_encoding >= inputs.n_channels:
        raise SpecError(
            f"n_encoding={graph.n_encoding} eigenvectors need more electrodes than the "
            f"{inputs.n_channels} of channel_names; at most {inputs.n_channels - 1} exist"
        )


def _check_positive(**values: float | Iterable[float]) -> None:
    for name, value in values.items():
        entries = list(value) if isinstance(value, Iterable) else [value]
        if any(not math.isfinite(v) or v <= 0 for v in entries):
            raise SpecError(f"{name}={value} must be positive")


def _either(values: Iterable[object]) -> str:
    return " or ".join(map(str, values))
