"""Which detector a configuration names, with its sizes; needs no torch."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class DualStreamModel:
    """The published detector, whose first convolution mixes all electrodes."""

    name: Literal["dual_stream"]
    size: str
    encoder: EncoderSpec
    node: StreamSpec
    edge: EdgeSpec
    graph: GraphSpec
    dropout: float
    causal: bool = False

    @property
    def receptive_field_samples(self) -> int:
        """Samples of EEG that one frame of the streams is made of."""
        return self.encoder.receptive_field_samples

    def check(self, inputs: InputSpec) -> None:
        """Raise `SpecError` where such windows cannot be read."""
        check_sizes_fit(inputs, self.encoder.downsampling * self.edge.every, self.graph)


@dataclass(frozen=True)
class ElectrodeStreamModel:
    """The detector that reads each electrode by itself and compares places on the head."""

    name: Literal["electrode_stream"]
    size: str
    bands: BandsSpec
    encoder: EncoderSpec
    node: StreamSpec
    edge: EdgeSpec
    graph: GraphSpec
    dropout: float
    causal: bool = False

    @property
    def receptive_field_samples(self) -> int:
        """Samples of EEG that one frame of the streams is made of."""
        strides = self.bands.pool * self.encoder.receptive_field_samples - 1
        return self.bands.stride * strides + self.bands.n_samples

    def check(self, inputs: InputSpec) -> None:
        """Raise `SpecError` where such windows cannot be read."""
        samples_per_frame = self.bands.downsampling * self.encoder.downsampling
        check_sizes_fit(inputs, samples_per_frame * self.edge.every, self.graph)
        if self.edge.similarity != "cosine":
            raise SpecError(
                f"edge.similarity={self.edge.similarity} means nothing here: electrode_stream "
                f"compares electrodes by their coherence; leave edge.similarity=cosine"
            )
        if self.bands.high_hz >= inputs.rate_hz / 2:
            raise SpecError(
                f"bands.high_hz={self.bands.high_hz:g} must be below half the rate of the EEG, "
                f"{inputs.rate_hz / 2:g} Hz"
            )
