"""Augmentation changes what it says, when it says, the same way every time, and never a label."""

from dataclasses import fields, replace

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch import nn

from seizure.eeg.channels import CANONICAL_19, POSITIONS
from seizure.eeg.montage import MONTAGES, channels_of, derive
from seizure.events.decide import Postprocessing
from seizure.learning.augmentation import Augmenter
from seizure.learning.loss import FocalLoss
from seizure.learning.module import DetectionModule
from seizure.learning.spec import (
    AmplitudeScale,
    Augmentation,
    ChannelDrop,
    GaussianNoise,
    Mirror,
    Optimisation,
    TimeMask,
)
from seizure.windows.datamodule import WindowDataModule
from seizure.windows.spec import Balance, Loading, Windowing

RATE_HZ = 256.0
EVERYTHING = Augmentation(
    Mirror(0.5), AmplitudeScale(0.5), GaussianNoise(0.5), TimeMask(0.5), ChannelDrop(0.5)
)
NAMES = [entry.name for entry in fields(Augmentation)]


def windows(n=400, n_channels=19, n_samples=512):
    eeg = torch.randn((n, n_channels, n_samples), generator=torch.Generator().manual_seed(0))
    return eeg, torch.ones((n, n_samples), dtype=torch.bool)


def augmenter(settings, seed=0, montage="referential"):
    return Augmenter(settings, channels_of(montage), RATE_HZ, seed)


def only(name, **values):
    """One augmentation, always."""
    off = Augmentation()
    return replace(off, **{name: replace(getattr(off, name), probability=1.0, **values)})


# Mirrored hemispheres


@pytest.mark.parametrize("montage", MONTAGES)
def test_mirroring_twice_is_the_identity(montage):
    eeg, valid = windows(4, len(channels_of(montage)))
    mirror = augmenter(only("mirror"), montage=montage)
    once = mirror(eeg, valid, 0, 0)
    assert not torch.equal(once, eeg)
    assert torch.equal(mirror(once, valid, 0, 1), eeg)


@pytest.mark.parametrize("montage", MONTAGES)
def test_the_mirrored_field_of_a_left_focus_is_that_of_a_right_one(montage):
    def field_of(electrode):
        focus = POSITIONS[CANONICAL_19.index(electrode)]
        electrodes_uv = 100 * np.exp(3 * (POSITIONS @ focus) - 3)[:, None].astype(np.float32)
        return torch.from_numpy(derive(electrodes_uv, montage)).unsqueeze(0)

    mirror = augmenter(only("mirror"), montage=montage)
    valid = torch.ones((1, 1), dtype=torch.bool)
    for left, right in (("T3", "T4"), ("F3", "F4"), ("O1", "O2")):
        assert not torch.allclose(field_of(left), field_of(right), atol=1.0)
        found = mirror(field_of(left), valid, 0, 0)
        torch.testing.assert_close(found, field_of(right), atol=1e-3, rtol=0)


# What each of them does


def test_a_probability_is_the_share_of_windows_that_are_changed():
    eeg, valid = windows()
    for name in NAMES:
        settings = only(name)
        sometimes = replace(settings, **{name: replace(getattr(settings, name), probability=0.3)})
        changed = (augmenter(sometimes)(eeg, valid, 0, 0) != eeg).flatten(1).any(1)
        # A drop of 0.15 of 19 channels changes nothing in 1 window of 22.
        assert 0.2 < changed.float().mean() < 0.4, name


def test_a_window_is_scaled_by_one_factor_as_often_up_as_down():
    eeg, valid = windows()
    ratio = augmenter(only("amplitude_scale", factor=2.0))(eeg, valid, 0, 0) / eeg
    per_window = ratio.flatten(1).median(1).values
    torch.testing.assert_close(ratio, per_window[:, None, None].expand_as(ratio))
    assert 0.5 <= per_window.min() < 0.6
    assert 1.8 < per_window.max() <= 2.0
    assert (per_window > 1).float().mean() == pytest.approx(0.5, abs=0.08)


def test_noise_is_no_larger_than_stated_and_independent_of_the_eeg():
    eeg, valid = windows()
    noise = augmenter(only("gaussian_noise", std=0.5))(eeg, valid, 0, 0) - eeg
    std = noise.flatten(1).std(1)
    assert 0.45 < std.max() < 0.52
    assert std.mean() == pytest.approx(0.25, abs=0.03)
    correlation = (noise * eeg).mean() / (noise.std() * eeg.std())
    assert abs(correlation) < 0.01


def test_a_time_mask_blanks_one_stretch_of_all_channels_up_to_the_stated_length():
    eeg, valid = windows()
    blank = augmenter(only("time_mask", longest_s=1.0))(eeg, valid, 0, 0) == 0
    assert torch.equal(blank.any(1), blank.all(1))
    stretch = blank[:, 0].int()
    n_starts = (stretch.diff(dim=1) == 1).sum(1) + stretch[:, 0]
    assert n_starts.max() == 1
    assert 230 < stretch.sum(1).max() <= 257
    assert 0.4 < stretch.sum(1).float().mean() / 256 < 0.6
    # Neither end of a window is spared.
    assert stretch[:, :20].any()
    assert stretch[:, -20:].any()


def test_dropped_channels_are_blank_throughout_and_as_many_as_stated():
    eeg, valid = windows()
    blank = augmenter(only("channel_drop", share=0.2))(eeg, valid, 0, 0) == 0
    assert torch.equal(blank.any(2), blank.all(2))
    assert blank.float().mean() == pytest.approx(0.2, abs=0.02)


def test_what_lies_beyond_a_recording_stays_silent_and_the_batch_itself_is_not_changed():
    eeg, valid = windows()
    valid[::2, 300:] = False
    eeg = eeg * valid.unsqueeze(1)
    before = eeg.clone()
    found = augmenter(EVERYTHING)(eeg, valid, 0, 0)
    assert (found[::2, :, 300:] == 0).all()
    assert torch.equal(eeg, before)


# The same again


def test_a_draw_depends_on_seed_epoch_batch_and_rank_and_on_nothing_else():
    eeg, valid = windows(16)
    first = augmenter(EVERYTHING, seed=3)(eeg, valid, 2, 5, 1)
    state = torch.get_rng_state()
    assert torch.equal(augmenter(EVERYTHING, seed=3)(eeg, valid, 2, 5, 1), first)
    assert torch.equal(torch.get_rng_state(), state)
    for seed, epoch, batch, rank in ((4, 2, 5, 1), (3, 3, 5, 1), (3, 2, 6, 1), (3, 2, 5, 0)):
        other = augmenter(EVERYTHING, seed=seed)(eeg, valid, epoch, batch, rank)
        assert not torch.equal(other, first)


def test_it_is_no_part_of_a_checkpoint():
    assert augmenter(EVERYTHING).state_dict() == {}


# In a run


class Watched(nn.Module):
    """A convolution that keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(19, 1, 9, padding=4)
        self.seen = {True: [], False: []}

    def forward(self, eeg):
        self.seen[self.training].append(eeg.detach().clone())
        return self.conv(eeg).squeeze(1)


class WatchedLoss(FocalLoss):
    """Keeps the targets it compared with while training."""

    def __init__(self):
        super().__init__()
        self.targets = []

    def forward(self, logits, target, valid):
        if self.training:
            self.targets.append((target.clone(), valid.clone()))
        return super().forward(logits, target, valid)


def fitted(tiny_cache, augment):
    pl.seed_everything(7, verbose=False)
    loading = Loading(batch_size=4, scoring_batch_size=9)
    data = WindowDataModule(*tiny_cache, Windowing(), Balance(), loading, seed=5)
    optimisation = Optimisation(lr=1e-2)
    network, loss = Watched(), WatchedLoss()
    module = DetectionModule(network, loss, optimisation, Postprocessing(), augment=augment)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    trainer.fit(module, data)
    return module


def test_only_training_windows_are_changed_and_never_their_labels(tiny_cache):
    plain, changed = (fitted(tiny_cache, a) for a in (None, augmenter(EVERYTHING)))
    both = zip(plain.network.seen[True], changed.network.seen[True], strict=True)
    assert not any(torch.equal(one, other) for one, other in both)
    both = zip(plain.network.seen[False], changed.network.seen[False], strict=True)
    assert all(torch.equal(one, other) for one, other in both)
    for ours, theirs in zip(plain.loss.targets, changed.loss.targets, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_probabilities_of_zero_train_the_very_same_weights_as_none(tiny_cache):
    plain, off = (fitted(tiny_cache, a) for a in (None, augmenter(Augmentation())))
    for name, value in plain.network.state_dict().items():
        assert torch.equal(off.network.state_dict()[name], value), name


# Masks


def test_masks_are_mirrored_with_their_window():
    eeg, valid = windows(40)
    present = torch.ones(40, 19, dtype=torch.bool)
    present[:, CANONICAL_19.index("C3")] = False
    settings = replace(Augmentation(), mirror=Mirror(0.5))
    changed, there = augmenter(settings).change(eeg, present, valid, 0, 0)
    mirrored = (changed != eeg).flatten(1).any(1)
    assert 0 < mirrored.sum() < 40
    assert torch.equal(~there[:, CANONICAL_19.index("C3")], ~mirrored)
    assert torch.equal(~there[:, CANONICAL_19.index("C4")], mirrored)


def test_a_dropped_channel_is_masked_where_masks_are_known():
    eeg, valid = windows(200)
    settings = only("channel_drop", share=0.9)
    dropping = Augmenter(settings, CANONICAL_19, RATE_HZ, 0, masks=True)
    changed, present = dropping.change(eeg, None, valid, 0, 0)
    assert torch.equal(changed, eeg)
    assert present.sum(1).min() == 2
    # The same draws that blank channels elsewhere; two must be left to compare.
    blanked = augmenter(settings)(eeg, valid, 0, 0).abs().amax(2) > 0
    enough = blanked.sum(1) > 1
    assert torch.equal(present[enough], blanked[enough])
    assert present[~enough].all()
