"""Filtering agrees with a plain whole-matrix reference and has no edges of its own making."""

import numpy as np
import pytest
from scipy import signal as sp

from seizure.eeg.filtering import Preprocessing, filter_recording, resampling_ratio
from seizure.eeg.recording import Recording


def _recording(signal_uv, rate_hz):
    names = tuple(f"channel {i}" for i in range(len(signal_uv)))
    return Recording(np.asarray(signal_uv, np.float32), float(rate_hz), names)


def _tone(frequency_hz, rate_hz, duration_s=20, amplitude_uv=100):
    times_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    return amplitude_uv * np.sin(2 * np.pi * frequency_hz * times_s)


def test_it_agrees_with_a_plain_chain_of_transfer_functions():
    rng = np.random.default_rng(0)
    source = rng.normal(300, 40, (4, 256 * 30))
    found = filter_recording(_recording(source, 256), Preprocessing()).signal_uv
    source = source.astype(np.float32).astype(np.float64)
    # The offset only says where the filter starts; without it the start is at rest.
    expected = source - source[:, :1]
    band = sp.butter(3, [0.5, 120], "bandpass", fs=256, output="zpk")
    for b, a in (sp.zpk2tf(*band), sp.iirnotch(60, 30, fs=256)):
        expected = sp.lfilter(b, a, expected, axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("rate_hz", [250, 256, 400, 500, 512, 1000])
def test_every_source_rate_gives_the_same_tone(rate_hz):
    tone = _recording([_tone(10, rate_hz)], rate_hz)
    found = filter_recording(tone, Preprocessing())
    assert found.rate_hz == 256
    assert found.n_samples == 20 * 256
    reference = filter_recording(_recording([_tone(10, 256)], 256), Preprocessing())
    middle = slice(512, -512)
    error = found.signal_uv[0, middle] - reference.signal_uv[0, middle]
    assert np.abs(error).max() < 0.1


@pytest.mark.parametrize("rate_hz", [250, 256, 400, 512])
def test_an_electrode_offset_makes_no_transient(rate_hz):
    noise = np.random.default_rng(1).normal(0, 10, (2, 20 * rate_hz))
    quiet = filter_recording(_recording(noise, rate_hz), Preprocessing())
    offset = filter_recording(_recording(noise + 3000, rate_hz), Preprocessing())
    assert np.abs(offset.signal_uv - quiet.signal_uv).max() < 0.1


def test_mains_drift_and_aliases_are_removed_and_eeg_is_kept():
    def gain(frequency_hz, rate_hz=512, **changes):
        source = _recording([_tone(frequency_hz, rate_hz, 40)], rate_hz)
        out = filter_recording(source, Preprocessing(**changes)).signal_uv[0, 256 * 20 :]
        return out.std() / (100 / np.sqrt(2))

    assert gain(60) < 0.01
    assert gain(60, mains_hz=None) > 0.99
    assert gain(50, mains_hz=50.0) < 0.01
    assert gain(0.05) < 0.01
    assert gain(200) < 1e-3
    for frequency_hz in (2, 10, 30, 100):
        assert 0.97 < gain(frequency_hz) < 1.01


def test_channels_do_not_touch_each_other():
    rng = np.random.default_rng(2)
    both = rng.normal(0, 10, (2, 2000))
    together = filter_recording(_recording(both, 250), Preprocessing()).signal_uv
    alone = filter_recording(_recording(both[1:], 250), Preprocessing()).signal_uv
    np.testing.assert_array_equal(together[1:], alone)


def test_a_source_too_slow_for_the_band_is_refused_with_the_fix():
    with pytest.raises(ValueError, match=r"200 Hz.*nothing above 100 Hz.*band_high_hz below 100"):
        filter_recording(_recording(np.ones((1, 400)), 200), Preprocessing())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"band_high_hz": 128.0}, "band_high_hz < 128"),
        ({"band_low_hz": 0.0}, "0 < band_low_hz"),
        ({"rate_hz": 200.0}, "raise rate_hz or lower band_high_hz"),
        ({"mains_hz": 128.0}, "mains_hz"),
        ({"clip_sigma": 0.0}, "clip_sigma"),
        ({"missing": "guess"}, "missing 'guess', expected one of refuse, interpolate_midline"),
        ({"montage": "laplacian"}, "montage 'laplacian', expected one of referential, average"),
        ({"max_interpolated": 15}, "max_interpolated 15, expected 0 to 9"),
    ],
)
def test_impossible_settings_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        Preprocessing(**changes)


def test_a_rate_without_a_usable_ratio_is_refused():
    assert resampling_ratio(512, 256) == (1, 2)
    assert resampling_ratio(1 / 0.004, 256) == (128, 125)
    with pytest.raises(ValueError, match=r"0\.01 Hz.*ratio of whole numbers"):
        resampling_ratio(0.01, 256)
