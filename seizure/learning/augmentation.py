"""Training windows changed at random: on the batch's device, and the same whenever run again."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from seizure.eeg.channels import mirror_order
from seizure.learning.spec import Augmentation


class Augmenter(nn.Module):
    """Mirrors, scales, adds noise to and blanks windows of normalised EEG; labels stay theirs.

    What it draws depends on (seed, epoch, batch, rank) alone, not on torch's own generators: a
    continued run draws what it would have drawn, and dropout does not notice.

    Source: Rommel et al. 2022, Data augmentation for learning predictive models on EEG, section 3
    (symmetry, channel dropout, noise, time mask); there masks are smooth and noise has one size.

    >>> from seizure.learning.spec import Mirror
    >>> augment = Augmenter(Augmentation(mirror=Mirror(1.0)), ("T3", "Cz", "T4"), 256.0, seed=0)
    >>> eeg, valid = torch.tensor([[[1.0], [2.0], [3.0]]]), torch.ones(1, 1, dtype=torch.bool)
    >>> augment(eeg, valid, epoch=0, batch_index=0).flatten().tolist()
    [3.0, 2.0, 1.0]
    """

    mirror_order: Tensor

    def __init__(
        self,
        settings: Augmentation,
        channel_names: tuple[str, ...],
        rate_hz: float,
        seed: int,
        masks: bool = False,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.rate_hz = rate_hz
        self.seed = seed
        self.masks = masks
        order = mirror_order(channel_names) if settings.mirror.probability else ()
        # Follows from the channels' names, so it is no part of a checkpoint.
        self.register_buffer(
            "mirror_order", torch.tensor(order, dtype=torch.long), persistent=False
        )

    def forward(
        self, eeg: Tensor, valid: Tensor, epoch: int, batch_index: int, rank: int = 0
    ) -> Tensor:
        """`eeg` (batch, channel, time), `valid` (batch, time) to EEG, 0 where it is not valid."""
        return self.change(eeg, None, valid, epoch, batch_index, rank)[0]

    def change(
        self,
        eeg: Tensor,
        present: Tensor | None,
        valid: Tensor,
        epoch: int,
        batch_index: int,
        rank: int = 0,
    ) -> tuple[Tensor, Tensor | None]:
        """The same, and which channels (batch, channel) are then present; None if all are.

        A mirrored window's masks are mirrored with it. With `masks` a dropped channel is masked
        like one that was not recorded, where two are left.
        """
        settings = self.settings
        draws = _Draws(eeg, (self.seed, epoch, batch_index, rank))
        if settings.mirror.probability:
            mirrored = draws.happens(settings.mirror.probability)
            eeg = torch.where(mirrored, eeg[:, self.mirror_order], eeg)
            if present is not None:
                present = torch.where(mirrored[..., 0], present[:, self.mirror_order], present)
        if settings.amplitude_scale.probability:
            scaled = draws.happens(settings.amplitude_scale.probability)
            exponent = (2 * draws.uniform(1, 1) - 1) * math.log(settings.amplitude_scale.factor)
            eeg = eeg * torch.where(scaled, exponent, 0).exp()
        if settings.gaussian_noise.probability:
            noisy = draws.happens(settings.gaussian_noise.probability)
            std = settings.gaussian_noise.std * draws.uniform(1, 1)
            eeg = eeg + draws.normal() * torch.where(noisy, std, 0)
        # What blanks comes last: a channel without signal has no noise either.
        if settings.time_mask.probability:
            masked = draws.happens(settings.time_mask.probability)
            eeg = eeg.masked_fill(masked & self._stretch(draws, eeg.shape[2]), 0)
        if settings.channel_drop.probability:
            thinned = draws.happens(settings.channel_drop.probability)
            dropped = draws.uniform(eeg.shape[1], 1) < settings.channel_drop.share
            if self.masks:
                present = _some_left(present, (thinned & dropped).squeeze(2))
            else:
                eeg = eeg.masked_fill(thinned & dropped, 0)
        return eeg * valid.unsqueeze(1), present

    def _stretch(self, draws: "_Draws", n_samples: int) -> Tensor:
        """(batch, 1, time), True within one stretch of each window."""
        longest = min(self.settings.time_mask.longest_s * self.rate_hz, n_samples)
        length = longest * draws.uniform(1, 1)
        first = (n_samples - length) * draws.uniform(1, 1)
        sample = torch.arange(n_samples, device=length.device)
        return (sample >= first) & (sample < first + length)


def _some_left(present: Tensor | None, dropped: Tensor) -> Tensor:
    # (batch, channel) without what is dropped, in the windows that have two channels left
    there = torch.ones_like(dropped) if present is None else present
    fewer = there & ~dropped
    return torch.where(fewer.sum(1, keepdim=True) > 1, fewer, there)


class _Draws:
    """Random numbers for one batch, made on its device: nothing waits for a transfer."""

    def __init__(self, eeg: Tensor, key: tuple[int, ...]) -> None:
        self._eeg = eeg
        self._generator = torch.Generator(eeg.device)
        # Neighbouring keys (epoch 1 batch 2, epoch 2 batch 1) must not give neighbouring seeds.
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
        self._generator.manual_seed(seed >> 1)

    def happens(self, probability: float) -> Tensor:
        """(batch, 1, 1) bool."""
        return self.uniform(1, 1) < probability

    def uniform(self, *shape: int) -> Tensor:
        """(batch, *shape) in [0, 1)."""
        eeg = self._eeg
        return torch.rand(
            (len(eeg), *shape), generator=self._generator, device=eeg.device, dtype=eeg.dtype
        )

    def normal(self) -> Tensor:
        """Standard normal, shaped like the EEG."""
        eeg = self._eeg
        return torch.randn(eeg.shape, generator=self._generator, device=eeg.device, dtype=eeg.dtype)
