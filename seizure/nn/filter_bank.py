"""A bank of learned band-pass filters: what rhythm each electrode carries, and how strongly."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seizure.nn.norm import widened

# Cycles of a wave under one standard deviation of its envelope, twice pi over; sets bandwidth.
_CYCLES = 3.5
_WIDTH_RANGE_S = (0.025, 0.11)
# Far below amplifier noise in units of a channel's robust spread; keeps a flat channel finite.
_FLOOR = 1e-4


class FilterBank(nn.Module):
    """Complex outputs of learned filters, (signal, time) to (signal, step, 2, band).

    The two are a wave's cosine and sine part: the sum of their squares is the band's power without
    ripple. Filters start as Morlet wavelets at centres in equal ratios, and are then free. A step's
    filter has its middle on the step, or with `causal` its end.

    Source: Gabor 1946, "Theory of communication"; learned from a like start by Zeghidour et al.
    2021, "LEAF", section 3.1.

    >>> bank = FilterBank(12, 1.0, 60.0, stride=16, n_strides=9, rate_hz=256.0)
    >>> bank(torch.zeros(19, 1024)).shape
    torch.Size([19, 64, 2, 12])
    """

    def __init__(
        self,
        n_bands: int,
        low_hz: float,
        high_hz: float,
        stride: int,
        n_strides: int,
        rate_hz: float,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.n_bands, self.stride = n_bands, stride
        self.n_past = stride * (n_strides - 1)
        self.n_padded = (self.n_past, 0) if causal else (self.n_past // 2, self.n_past // 2)
        waves = morlet_waves(n_bands, low_hz, high_hz, stride * n_strides, rate_hz)
        # A stride's samples are the features of one step: the bank is then a plain convolution.
        self.weight = nn.Parameter(waves.unflatten(1, (n_strides, stride)).mT.contiguous())

    def forward(self, eeg: Tensor) -> Tensor:
        return self._waves(F.pad(eeg, self.n_padded))

    def initial_state(self, batch: int) -> Tensor:
        """The EEG that a causal bank remembers before the first sample: silence."""
        return self.weight.new_zeros(batch, self.n_past)

    def step(self, eeg: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs for whole strides of EEG that follow on `past`, and the EEG to remember."""
        joined = torch.cat([past, eeg], dim=1)
        # One product: what a convolution's kernels cost to set up is most of a single output.
        seen = joined.unfold(1, self.n_past + self.stride, self.stride)
        waves = F.linear(seen, self.weight.mT.flatten(1)).unflatten(2, (2, self.n_bands))
        return waves, joined[:, joined.shape[1] - self.n_past :]

    def _waves(self, eeg: Tensor) -> Tensor:
        steps = eeg.unflatten(1, (-1, self.stride)).transpose(1, 2).unsqueeze(2)
        # A pop of 5 mV on a quiet electrode is beyond float16, and bfloat16 rounds it too coarsely.
        with torch.autocast(eeg.device.type, enabled=False):
            waves = F.conv2d(steps.to(self.weight.dtype), self.weight.unsqueeze(2))
        return waves.squeeze(2).transpose(1, 2).unflatten(2, (2, self.n_bands))


def log_power(waves: Tensor, pool: int) -> Tensor:
    """The logarithm of each band's mean power, (..., step, 2, band) to (..., frame, band).

    One frame is the mean over `pool` steps.

    >>> log_power(torch.full((1, 4, 2, 3), 5.0), pool=2)[0, 0].round(decimals=2)
    tensor([3.9100, 3.9100, 3.9100])
    """
    with torch.autocast(waves.device.type, enabled=False):
        power = widened(waves).square().unflatten(-3, (-1, pool)).sum((-3, -2)) / pool
        return torch.log(power + _FLOOR)


def coherence(waves: Tensor) -> Tensor:
    """How alike two electrodes are in each band, (batch, electrode, step, time, 2, band) to
    (batch, step, 2·band, electrode, electrode), symmetric.

    Over the time axis of a step: first the cosine between the waves, in [-1, 1], which sees who is
    in phase; then the coherence, in [0, 1], which allows a lag between them.

    Source: Nunez and Srinivasan 2006, "Electric fields of the brain", section 9.6.

    >>> coherence(torch.randn(1, 3, 2, 64, 2, 5)).shape
    torch.Size([1, 2, 10, 3, 3])
    """
    with torch.autocast(waves.device.type, enabled=False):
        parts = widened(waves).permute(0, 2, 5, 4, 1, 3)  # (batch, step, band, 2, electrode, time)
        n_electrodes = parts.shape[-2]
        parts = parts.flatten(3, 4)
        products = parts @ parts.mT
        in_phase = products[..., :n_electrodes, :n_electrodes]
        in_phase = in_phase + products[..., n_electrodes:, n_electrodes:]
        lagged = products[..., :n_electrodes, n_electrodes:]
        lagged = lagged - lagged.mT
        scale = (in_phase.diagonal(dim1=-2, dim2=-1) + _FLOOR).rsqrt()
        scale = scale.unsqueeze(-1) * scale.unsqueeze(-2)
        in_phase, lagged = in_phase * scale, lagged * scale
        # The root has no slope at zero without the floor.
        magnitude = (in_phase.square() + lagged.square() + _FLOOR**2).sqrt()
        return torch.cat([in_phase, magnitude], dim=2)


def morlet_waves(
    n_bands: int, low_hz: float, high_hz: float, n_samples: int, rate_hz: float
) -> Tensor:
    """Wavelets without a mean, (2·band, sample): all cosines, then all sines.

    White noise of unit variance leaves each pair with a power of two, whatever its band.

    >>> morlet_waves(12, 1.0, 60.0, 144, 256.0).shape
    torch.Size([24, 144])
    """
    time_s = (torch.arange(n_samples) - (n_samples - 1) / 2) / rate_hz
    centre_hz = torch.logspace(math.log10(low_hz), math.log10(high_hz), n_bands).unsqueeze(1)
    width_s = (_CYCLES / (2 * math.pi * centre_hz)).clamp(*_WIDTH_RANGE_S)
    envelope = torch.exp(-0.5 * (time_s / width_s) ** 2)
    phase = 2 * math.pi * centre_hz * time_s
    cosine = envelope * phase.cos()
    cosine = cosine - envelope * (cosine.sum(1) / envelope.sum(1)).unsqueeze(1)
    waves = torch.cat([cosine, envelope * phase.sin()])
    return waves / waves.norm(dim=1, keepdim=True)
