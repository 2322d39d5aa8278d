"""Normalised EEG has the centre and spread it is said to have, from nothing beyond its scope."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.cache.quantise import quantise
from seizure.eeg.recording import Recording
from seizure.windows.normalisation import MIN_SPREAD_UV, gain_of, gain_of_windows

NORMALISATIONS = ("robust", "standard")


def noise(n_windows=3, n_channels=4, n_samples=2000, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.uniform(200, 2000, (n_windows, n_channels, 1))
    eeg = rng.normal(100, size, (n_windows, n_channels, n_samples))
    return eeg.round().astype(np.int16)


EVEN = np.zeros((3, 4), np.float32)  # no code counts for more than one step


def applied(gain, eeg):
    return eeg * gain.scale[..., None] + gain.offset[..., None]


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@given(n_samples=st.integers(1, 3000), seed=st.integers(0, 20))
def test_a_window_that_is_its_whole_recording_is_scaled_as_the_recording(
    normalisation, n_samples, seed
):
    signal_uv = np.random.default_rng(seed).normal(5, 40, (2, n_samples)).astype(np.float32)
    stored = quantise(Recording(signal_uv, 256.0, ("C3", "C4")))
    whole = gain_of(stored, normalisation)
    alone = gain_of_windows(
        stored.signal[None],
        np.array([n_samples]),
        stored.scale_uv[None],
        stored.stretch[None],
        normalisation,
    )
    np.testing.assert_allclose(alone.scale[0], whole.scale, rtol=1e-4)
    np.testing.assert_allclose(alone.offset[0], whole.offset, rtol=1e-3, atol=1e-4)


def test_every_window_and_channel_gets_the_same_centre_and_spread():
    eeg, scale_uv = noise(), np.full((3, 4), 0.05, np.float32)
    n_present = np.full(3, 2000)
    robust = applied(gain_of_windows(eeg, n_present, scale_uv, EVEN, "robust"), eeg)
    quartiles = np.percentile(robust, [25, 50, 75], axis=2)
    np.testing.assert_allclose(quartiles[1], 0, atol=0.01)
    np.testing.assert_allclose((quartiles[2] - quartiles[0]) / 1.349, 1, atol=0.01)
    standard = applied(gain_of_windows(eeg, n_present, scale_uv, EVEN, "standard"), eeg)
    np.testing.assert_allclose(standard.mean(2), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std(2), 1, atol=1e-4)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_neither_other_windows_nor_what_is_beyond_the_end_count(normalisation):
    eeg, scale_uv = noise(), np.full((3, 4), 0.05, np.float32)
    n_present = np.array([2000, 1200, 2000])
    together = gain_of_windows(eeg, n_present, scale_uv, EVEN, normalisation)
    beyond = eeg.copy()
    beyond[1, :, 1200:] = 30_000
    assert (
        gain_of_windows(beyond, n_present, scale_uv, EVEN, normalisation).scale == together.scale
    ).all()
    alone = gain_of_windows(
        eeg[1:2, :, :1200], n_present[1:2], scale_uv[1:2], EVEN[1:2], normalisation
    )
    np.testing.assert_array_equal(alone.scale[0], together.scale[1])
    np.testing.assert_array_equal(alone.offset[0], together.offset[1])


@pytest.mark.parametrize("n_present", [0, 1, 500])
def test_a_flat_or_empty_window_is_not_blown_up(n_present):
    eeg = np.full((1, 1, 500), 40, np.int16)
    eeg[0, 0, ::7] = 41
    step_uv = np.full((1, 1), 0.05, np.float32)
    gain = gain_of_windows(eeg, np.array([n_present]), step_uv, EVEN[:1, :1])
    assert gain.scale[0, 0] == pytest.approx(0.05 / MIN_SPREAD_UV)
    assert np.abs(applied(gain, eeg[:, :, :n_present])).max(initial=0) <= 0.11


def test_a_pop_of_an_electrode_hardly_moves_the_robust_scale():
    eeg, scale_uv = noise(1), np.full((1, 4), 0.05, np.float32)
    popped = eeg.copy()
    popped[:, :, 500:510] = 30_000
    n_present = np.array([2000])

    def change(normalisation):
        one, other = (
            gain_of_windows(e, n_present, scale_uv, EVEN, normalisation).scale
            for e in (eeg, popped)
        )
        return np.abs(other / one - 1).max()

    assert change("robust") < 0.02
    assert change("standard") > 0.5
