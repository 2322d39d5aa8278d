"""What every detector has: the windows it reads, and the share of seizure it starts from."""

import math

from torch import Tensor, nn


class Detector(nn.Module):
    """A network from (batch, channel, time) to log-odds of seizure (batch, time).

    `time` is any multiple of `downsampling` samples.
    """

    def __init__(self, n_channels: int, downsampling: int) -> None:
        super().__init__()
        self.n_channels, self.downsampling = n_channels, downsampling

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
