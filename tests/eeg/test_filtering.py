"""Filtering agrees with a plain whole-matrix reference and has no edges of its own making."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as sp

from seizure.eeg.filtering import (
    CausalFilter,
    Preprocessing,
    design_sections,
    filter_recording,
)
from seizure.eeg.recording import Recording
from seizure.eeg.resampling import resampling_look_ahead_s, resampling_ratio


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


@pytest.mark.parametrize("phase", ["causal", "zero"])
@pytest.mark.parametrize("rate_hz", [250, 256, 400, 512])
def test_an_electrode_offset_makes_no_transient(rate_hz, phase):
    settings = Preprocessing(phase=phase)
    noise = np.random.default_rng(1).normal(0, 10, (2, 20 * rate_hz))
    quiet = filter_recording(_recording(noise, rate_hz), settings)
    offset = filter_recording(_recording(noise + 3000, rate_hz), settings)
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


@given(st.lists(st.integers(0, 3000), max_size=8))
def test_filtering_in_pieces_with_the_state_carried_on_equals_filtering_whole(cuts):
    source = np.random.default_rng(3).normal(300, 40, (1, 3000)).astype(np.float32)
    cascade = CausalFilter(design_sections(Preprocessing()))
    pieces = [cascade(piece) for piece in np.split(source[0].astype(np.float64), sorted(cuts))]
    whole = filter_recording(_recording(source, 256), Preprocessing()).signal_uv[0]
    np.testing.assert_array_equal(np.concatenate(pieces).astype(np.float32), whole)


@pytest.mark.parametrize(("rate_hz", "visible_uv"), [(256, 0.0), (250, 0.1), (512, 0.1)])
def test_causally_nothing_beyond_the_look_ahead_of_the_resampling_is_seen(rate_hz, visible_uv):
    look_ahead_s = resampling_look_ahead_s(rate_hz, 256)
    assert look_ahead_s < 0.1
    assert (look_ahead_s == 0) == (rate_hz == 256)
    source = np.random.default_rng(4).normal(0, 40, (1, 20 * rate_hz))
    other_future = source.copy()
    other_future[:, 10 * rate_hz :] += 1000
    settled = slice(0, int((10 - look_ahead_s) * 256))

    def change_uv(phase):
        settings = Preprocessing(phase=phase)
        one, other = (
            filter_recording(_recording(signal, rate_hz), settings).signal_uv[0, settled]
            for signal in (source, other_future)
        )
        return np.abs(one - other).max()

    assert change_uv("causal") <= visible_uv
    assert change_uv("zero") > 100


def test_zero_phase_delays_nothing_and_attenuates_twice():
    n = 256 * 60
    times_s = np.arange(n) / 256
    middle = slice(256 * 20, 256 * 40)
    for frequency_hz in (0.7, 3, 10, 30, 119):
        tone = 100 * np.sin(2 * np.pi * frequency_hz * times_s)
        found = filter_recording(_recording([tone], 256), Preprocessing(phase="zero")).signal_uv[0]
        _, response = sp.freqz_sos(design_sections(Preprocessing()), [frequency_hz], fs=256)
        expected = tone * np.abs(response[0]) ** 2
        np.testing.assert_allclose(found[middle], expected[middle], atol=0.05)


def test_zero_phase_does_not_know_the_direction_of_time():
    source = np.random.default_rng(5).normal(200, 40, (2, 256 * 30))
    settings = Preprocessing(phase="zero", mains_hz=50.0)
    forwards = filter_recording(_recording(source, 256), settings).signal_uv
    backwards = filter_recording(_recording(source[:, ::-1], 256), settings).signal_uv
    np.testing.assert_allclose(backwards[:, ::-1], forwards, atol=0.01)


def test_the_start_of_a_recording_is_filtered_nearly_as_the_middle_of_a_longer_one():
    def error_uv(phase, seed):
        spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 150, 256 * 120))
        spectrum[1:] /= np.sqrt(np.fft.rfftfreq(256 * 120, 1 / 256)[1:])
        longer = np.fft.irfft(spectrum)[None] + 3000
        begun = slice(256 * 30, 256 * 90)
        settings = Preprocessing(phase=phase)
        whole = filter_recording(_recording(longer, 256), settings).signal_uv[0, begun]
        alone = filter_recording(_recording(longer[:, begun], 256), settings).signal_uv[0]
        return np.abs(alone - whole)[:256].mean()

    causal, zero = (np.mean([error_uv(p, seed) for seed in range(10)]) for p in ("causal", "zero"))
    assert zero < 0.45 * causal
    assert zero < 4


@pytest.mark.parametrize("n_samples", [1, 2, 100])
@pytest.mark.parametrize("phase", ["causal", "zero"])
def test_a_recording_shorter_than_the_padding_is_filtered_too(n_samples, phase):
    source = _recording(np.full((1, n_samples), 3000.0), 256)
    found = filter_recording(source, Preprocessing(phase=phase))
    assert found.n_samples == n_samples
    assert np.abs(found.signal_uv).max() < 0.1


@pytest.mark.parametrize("phase", ["causal", "zero"])
def test_channels_do_not_touch_each_other(phase):
    settings = Preprocessing(phase=phase)
    both = np.random.default_rng(2).normal(0, 10, (2, 2000))
    together = filter_recording(_recording(both, 250), settings).signal_uv
    alone = filter_recording(_recording(both[1:], 250), settings).signal_uv
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
        ({"phase": "linear"}, "phase 'linear', expected one of causal, zero"),
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
