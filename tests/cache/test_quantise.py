"""16 bits hold EEG far below its own noise, whatever an electrode does in between."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.cache import prepare
from seizure.cache.quantise import event_intervals, quantise, saturation_uv
from seizure.corpus.entry import CorpusRecording
from seizure.eeg.annotation import SEIZURE_TYPES, Event
from seizure.eeg.edf import read_edf
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.eeg.recording import Recording, UnreadableRecording

RATE_HZ = 256.0


def _noise(duration_s=120, n_channels=3, sigma_uv=10.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, sigma_uv, (n_channels, int(duration_s * RATE_HZ)))


def _recording(signal_uv):
    names = tuple(f"channel {i}" for i in range(len(signal_uv)))
    return Recording(np.asarray(signal_uv, np.float32), RATE_HZ, names)


def _snr_db(recording, quantised, samples=slice(None)):
    stored = quantised.signal * quantised.scale_uv[:, None].astype(np.float64)
    error = (stored - recording.signal_uv)[:, samples]
    return 20 * np.log10(recording.signal_uv[:, samples].std(axis=1) / error.std(axis=1))


def test_a_loud_channel_saturates_above_ten_times_its_amplitude():
    loud = _noise(sigma_uv=400.0)
    loud[:, 1000] = 50_000
    quantised = quantise(_recording(loud), 10.0)
    assert quantised.n_saturated.tolist() == [1, 1, 1]
    np.testing.assert_allclose(quantised.scale_uv * 32767, 4000, rtol=0.02)


def test_the_error_is_80_db_below_the_signal():
    recording = _recording(_noise())
    assert _snr_db(recording, quantise(recording, 10.0)).min() > 80


def test_the_error_is_far_below_real_eeg_and_nothing_is_cut(request):
    folder = request.config.rootpath.parent / "shared/data/helsinki_neonatal_30s/edf"
    if not folder.is_dir():
        pytest.skip(f"real EEG is not here: {folder} does not exist")
    for path in sorted(folder.glob("*.edf"))[::6]:
        recording = filter_recording(read_edf(path), Preprocessing())
        quantised = quantise(recording, 10.0)
        assert _snr_db(recording, quantised).min() > 75
        assert quantised.scale_uv.max() <= 0.05
        assert not quantised.n_saturated.any()


def test_an_electrode_pop_costs_the_rest_no_resolution():
    quiet = _recording(_noise())
    popped = quiet.signal_uv.copy()
    decay = 5000 * np.exp(-np.arange(128) / 40)
    popped[1, 5000:5128] += decay
    quantised = quantise(_recording(popped), 10.0)
    assert _snr_db(_recording(popped), quantised, slice(6000, None))[1] > 55
    assert quantised.scale_uv[1] < 0.051
    assert quantised.n_saturated[1] > 0
    before = quantise(quiet, 10.0)
    assert abs(quantised.iqr_uv[1] / before.iqr_uv[1] - 1) < 0.01


def test_a_seizure_far_above_a_quiet_background_is_not_cut():
    signal_uv = _noise(duration_s=600, sigma_uv=5.0)
    seizure = slice(int(100 * RATE_HZ), int(110 * RATE_HZ))
    signal_uv[:, seizure] += 400 * np.sin(np.arange(int(10 * RATE_HZ)) * 0.1)
    recording = _recording(signal_uv)
    quantised = quantise(recording, 10.0)
    assert not quantised.n_saturated.any()
    assert quantised.scale_uv.max() < 0.05
    assert _snr_db(recording, quantised, seizure).min() > 80


def test_the_statistics_are_those_of_the_stored_signal():
    recording = _recording(_noise() + np.array([[3.0], [0.0], [-40.0]]))
    quantised = quantise(recording, 10.0)
    stored = quantised.signal * quantised.scale_uv[:, None].astype(np.float64)
    step = quantised.scale_uv.max()
    np.testing.assert_allclose(quantised.mean_uv, stored.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(quantised.std_uv, stored.std(axis=1), rtol=1e-5)
    np.testing.assert_allclose(quantised.median_uv, np.median(stored, axis=1), atol=step)
    quartiles = np.percentile(stored, [25, 75], axis=1)
    np.testing.assert_allclose(quantised.iqr_uv, quartiles[1] - quartiles[0], atol=2 * step)
    assert quantised.mean_uv.dtype == quantised.scale_uv.dtype == np.float32


def test_a_constant_channel_is_stored_without_a_division_by_zero():
    quantised = quantise(_recording(np.zeros((1, 1000))), 10.0)
    assert not quantised.signal.any()
    assert quantised.scale_uv[0] > 0
    assert quantised.std_uv[0] == quantised.iqr_uv[0] == 0


@given(st.integers(1, 700), st.floats(1e-6, 1e6))
def test_any_length_and_amplitude_is_stored_within_one_step(n_samples, amplitude_uv):
    signal_uv = amplitude_uv * np.sin(np.arange(n_samples) * 0.7)[None]
    recording = _recording(signal_uv)
    quantised = quantise(recording, 10.0)
    limit_uv = saturation_uv(recording.signal_uv[0], RATE_HZ, 10.0)
    stored = quantised.signal * quantised.scale_uv[:, None].astype(np.float64)
    expected = recording.signal_uv.clip(-limit_uv, limit_uv)
    assert np.abs(stored - expected).max() <= 0.51 * quantised.scale_uv[0] + 1e-6 * limit_uv


@given(st.floats(0, 120), st.floats(0.001, 50), st.sampled_from(SEIZURE_TYPES))
def test_event_intervals_lie_within_the_recording(start_s, duration_s, label):
    event = Event(start_s, start_s + duration_s, label)
    intervals, types = event_intervals([event], RATE_HZ, 60 * 256)
    if start_s >= 60.01:
        assert intervals.shape == (0, 2)
    for (start, stop), code in zip(intervals, types, strict=True):
        assert 0 <= start < stop <= 60 * 256
        assert abs(start - start_s * RATE_HZ) <= 0.5
        assert SEIZURE_TYPES[code] == label


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_channel_time_and_file(lost, monkeypatch):
    signal_uv = _noise()
    signal_uv[1, 2560:2570] = lost
    found = r"channel 1 holds 10 values that are not finite, the first at 10 s"
    with pytest.raises(ValueError, match=found):
        quantise(_recording(signal_uv), 10.0)
    # No EDF can hold such a value; another reader's recording could.
    monkeypatch.setattr(prepare, "read_edf", lambda *_: _recording(signal_uv))
    monkeypatch.setattr(prepare, "filter_recording", lambda source, _: source)
    source = CorpusRecording("p_t000", "p", "s", "eval", Path("of_p.edf"), annotation=None)
    with pytest.raises(UnreadableRecording, match=rf"of_p\.edf: {found}"):
        prepare.prepare_recording(source, (), Preprocessing())
