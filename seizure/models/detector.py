"""What every detector has: the windows it reads, and the share of seizure it starts from."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from seizure.models.spec import InputSpec, SpecError


class Detector(nn.Module):
    """A network from (batch, channel, time) to log-odds of seizure (batch, time).

    `time` is any multiple of `downsampling` samples: a frame has `samples_per_frame` of them, an
    edge step `every` frames. With `causal` a sample's log-odds depend on nothing after its frame.
    """

    def __init__(
        self, inputs: InputSpec, samples_per_frame: int, every: int, causal: bool = False
    ) -> None:
        super().__init__()
        self.inputs, self.n_channels = inputs, inputs.n_channels
        self.samples_per_frame, self.is_causal = samples_per_frame, causal
        self.downsampling = samples_per_frame * every

    @property
    def latency_s(self) -> float:
        """The longest that a sample's log-odds wait for later samples: its frame's first sample
        waits for its last. Infinite where the future has a part in them."""
        if not self.is_causal:
            return math.inf
        return (self.samples_per_frame - 1) / self.inputs.rate_hz

    def check_source(self, channel_names: Sequence[str], rate_hz: float) -> None:
        """Raise `SpecError` for EEG of other channels, in another order, or at another rate."""
        expected = self.inputs
        if tuple(channel_names) != expected.channel_names:
            kind = "in another order" if set(channel_names) == set(expected.channel_names) else ""
            raise SpecError(
                f"found channels {', '.join(channel_names)}; the detector reads "
                f"{', '.join(expected.channel_names)}{', ' + kind if kind else ''}; prepare the "
                f"EEG with the preprocessing that is stored with the weights"
            )
        if rate_hz != expected.rate_hz:
            raise SpecError(
                f"found EEG at {rate_hz:g} Hz; the detector reads {expected.rate_hz:g} Hz; prepare "
                f"it with the preprocessing that is stored with the weights"
            )

    def check(self, eeg: Tensor) -> None:
        """Raise `ValueError` for windows of another shape."""
        if eeg.ndim != 3 or eeg.shape[1] != self.n_channels or eeg.shape[2] % self.downsampling:
            raise ValueError(
                f"the detector reads (batch, {self.n_channels}, time) with time a multiple of "
                f"{self.downsampling} samples; found {tuple(eeg.shape)}"
            )


def claim(probability: float, to_logit: nn.Linear) -> None:
    """Let an untrained last layer claim this share of seizure.

    >>> last = nn.Linear(8, 1)
    >>> claim(0.5, last)
    >>> float(last.bias)
    0.0
    """
    if not 0 < probability < 1:
        raise ValueError(f"prior={probability} is a probability; expected a value in (0, 1)")
    nn.init.constant_(to_logit.bias, math.log(probability / (1 - probability)))
