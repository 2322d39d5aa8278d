"""Resampling equals scipy's, sample by sample, whatever the ratio and the length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sp

from seizure.eeg.resampling import Resampler, anti_alias_taps, resampling_ratio

RATES_HZ = (100, 128, 200, 250, 256, 399.6097560975609, 400, 500, 512, 1000, 1024, 2000, 5000)


@settings(max_examples=60)
@given(
    st.sampled_from(RATES_HZ),
    st.sampled_from((128.0, 200.0, 256.0)),
    st.integers(1, 3000),
    st.integers(0, 9),
)
def test_it_is_the_polyphase_filter_of_scipy(source_hz, target_hz, n_samples, seed):
    up, down = resampling_ratio(source_hz, target_hz)
    values = np.random.default_rng(seed).normal(500, 40, n_samples)
    found = Resampler(source_hz, target_hz)(values)
    if up == down:
        np.testing.assert_array_equal(found, values)
        return
    if n_samples == 1:
        np.testing.assert_allclose(found, values[0], rtol=1e-12)  # scipy has no line of one sample
        return
    # scipy multiplies the taps by `up` itself.
    taps = anti_alias_taps(up, down) / up
    expected = sp.resample_poly(values, up, down, window=taps, padtype="line")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("source_hz", [250, 400, 512, 1000])
def test_an_offset_passes_as_it_is(source_hz):
    found = Resampler(source_hz, 256)(np.full(10 * source_hz, 3000.0))
    np.testing.assert_allclose(found, 3000.0, rtol=1e-13)


def test_the_band_stays_flat_and_what_would_alias_goes():
    def gain(frequency_hz):
        times_s = np.arange(20 * 1000) / 1000
        found = Resampler(1000, 256)(np.sin(2 * np.pi * frequency_hz * times_s))
        return found[512:-512].std() * np.sqrt(2)

    assert all(abs(gain(frequency_hz) - 1) < 1e-3 for frequency_hz in (1, 30, 90, 115))
    assert all(gain(frequency_hz) < 1e-3 for frequency_hz in (141, 200, 400))
