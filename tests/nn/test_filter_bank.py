"""What a bank of filters says about rhythms that are known."""

import math

import numpy as np
import pytest
import torch
from scipy import signal

from seizure.nn.filter_bank import FilterBank, coherence, log_power, morlet_waves

RATE_HZ = 256.0
CENTRES_HZ = np.geomspace(1.0, 60.0, 12)


@pytest.fixture
def bank():
    return FilterBank(12, 1.0, 60.0, stride=16, n_strides=9, rate_hz=RATE_HZ)


def tone(frequency_hz, n_samples=15360, phase=0.0):
    time_s = torch.arange(n_samples) / RATE_HZ
    return torch.cos(2 * math.pi * frequency_hz * time_s + phase)


def test_outputs_are_a_correlation_with_each_wavelet(bank):
    eeg = torch.randn(2, 1024, generator=torch.Generator().manual_seed(0))
    waves = morlet_waves(12, 1.0, 60.0, 144, RATE_HZ).numpy()
    for i in range(2):
        # A step's middle is that of its 16 samples; the outermost filters reach past the ends.
        padded = np.pad(eeg[i].numpy(), 64)
        slow = np.stack([signal.correlate(padded, wave, "valid")[::16] for wave in waves], axis=1)
        found = bank(eeg)[i].flatten(1).detach().numpy()
        np.testing.assert_allclose(found, slow, atol=1e-5)


def test_a_causal_bank_gives_the_same_half_a_filter_later_and_streams(bank):
    causal = FilterBank(12, 1.0, 60.0, stride=16, n_strides=9, rate_hz=RATE_HZ, causal=True)
    eeg = torch.randn(2, 1024, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(causal(eeg)[:, 4:], bank(eeg)[:, :-4], atol=1e-5)
        past, found = causal.initial_state(2), []
        for piece in eeg.split([16, 160, 848], dim=1):
            waves, past = causal.step(piece, past)
            found.append(waves)
        assert torch.allclose(torch.cat(found, dim=1), causal(eeg), atol=1e-5)


# Below 3 Hz half a second holds little more than one wave, and neighbouring bands overlap.
@pytest.mark.parametrize("band", range(3, 12))
def test_a_tone_is_loudest_in_its_own_band(bank, band):
    power = log_power(bank(tone(CENTRES_HZ[band]).unsqueeze(0)), pool=4)[0, 5:-5]
    assert (power.argmax(-1) == band).all()


@pytest.mark.parametrize("band", range(2, 12))
def test_the_power_of_a_tone_has_no_ripple(bank, band):
    power = log_power(bank(tone(CENTRES_HZ[band]).unsqueeze(0)), pool=1)[0, 10:-10, band]
    assert power.max() - power.min() < 0.1


def test_an_offset_is_no_rhythm():
    waves = morlet_waves(12, 1.0, 60.0, 144, RATE_HZ)
    assert waves[:12].sum(1).abs().max() < 1e-5


def test_white_noise_has_the_same_power_in_every_band(bank):
    noise = torch.randn(64, 15360, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        power = bank(noise).square().sum(2).mean((0, 1))
    assert torch.allclose(power, torch.full((12,), 2.0), rtol=0.05)


def test_a_lag_leaves_coherence_and_takes_the_cosine(bank):
    noise = 0.01 * torch.randn(3, 15360, generator=torch.Generator().manual_seed(0))
    eeg = noise + torch.stack([tone(6.0), tone(6.0), tone(6.0, phase=math.pi / 2)])
    with torch.no_grad():
        waves = bank(eeg).unflatten(1, (-1, 64)).unsqueeze(0)
        measures = coherence(waves)[0, 2:-2].mean(0)
    band = int(np.abs(CENTRES_HZ - 6.0).argmin())
    in_phase, magnitude = measures[band], measures[12 + band]
    assert in_phase[0, 1] > 0.99
    assert abs(in_phase[0, 2]) < 0.05
    assert magnitude[0, 2] > 0.99


def test_independent_electrodes_are_not_coherent(bank):
    noise = torch.randn(8, 15360, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        measures = coherence(bank(noise).unflatten(1, (-1, 64)).unsqueeze(0))[0]
    apart = ~torch.eye(8, dtype=torch.bool)
    assert measures[:, :12][..., apart].mean().abs() < 0.03
    assert measures[:, 12:][..., apart].mean() < 0.4
    assert measures[:, :12].diagonal(dim1=-2, dim2=-1).min() > 0.99


def test_gradients_agree_with_finite_differences():
    waves = torch.randn(1, 3, 2, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    waves.requires_grad_()
    weight = torch.randn(1, 2, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    direction = torch.randn(waves.shape, generator=torch.Generator().manual_seed(2))

    def value(at):
        return (coherence(at) * weight).sum()

    value(waves).backward()
    step = 1e-2
    with torch.no_grad():
        slope = (value(waves + step * direction) - value(waves - step * direction)) / (2 * step)
    assert waves.grad is not None
    torch.testing.assert_close((waves.grad * direction).sum(), slope, rtol=2e-2, atol=2e-2)


def test_a_flat_electrode_is_finite(bank):
    eeg = torch.zeros(2, 1024)
    eeg[1] = tone(6.0, 1024)
    waves = bank(eeg)
    total = log_power(waves, 4).sum() + coherence(waves.unflatten(1, (-1, 32)).unsqueeze(0)).sum()
    total.backward()
    assert total.isfinite()
    assert bank.weight.grad.isfinite().all()
