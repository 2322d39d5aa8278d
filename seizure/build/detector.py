"""The network of a configuration, and what it is fed."""

from torch import nn

from seizure.config import Model, TrainConfig
from seizure.models.choice import ElectrodeStreamModel
from seizure.models.dual_stream import DualStream
from seizure.models.electrode_stream import ElectrodeStream
from seizure.models.spec import InputSpec


def network(model: Model, inputs: InputSpec) -> nn.Module:
    """The detector of a configuration, freshly initialised."""
    streams = (model.encoder, model.node, model.edge, model.graph, model.dropout)
    if isinstance(model, ElectrodeStreamModel):
        return ElectrodeStream(inputs, model.bands, *streams, causal=model.causal)
    return DualStream(inputs, *streams, causal=model.causal)


def input_spec(config: TrainConfig, channel_names: tuple[str, ...]) -> InputSpec:
    """What a training window looks like."""
    return InputSpec(channel_names, config.preprocess.rate_hz, config.windows.window_s)
