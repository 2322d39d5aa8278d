"""16 bits hold EEG far below its own noise, whatever an electrode does in between."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seizure.cache import prepare
from seizure.cache.quantise import event_intervals, levels, quantise
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


def _stored_uv(quantised):
    return levels(quantised.signal, quantised.stretch) * quantised.scale_uv[:, None]


def _snr_db(recording, quantised, samples=slice(None)):
    stored = _stored_uv(quantised)
    error = (stored - recording.signal_uv)[:, samples]
    return 20 * np.log10(recording.signal_uv[:, samples].std(axis=1) / error.std(axis=1))


def test_the_error_is_80_db_below_the_signal():
    recording = _recording(_noise())
    quantised = quantise(recording)
    assert _snr_db(recording, quantised).min() > 80
    assert not quantised.stretch.any()


@given(st.floats(0.0, 0.2), st.floats(1.0, 1e5), st.integers(0, 99))
def test_rare_peaks_of_any_height_change_neither(share, height, seed):
    rng = np.random.default_rng(seed)
    signal_uv = rng.normal(0, 10, (1, 20_000))
    signal_uv[:, rng.random(20_000) < share] *= height
    recording = _recording(signal_uv)
    quantised = quantise(recording)
    assert _snr_db(recording, quantised).min() > 80
    np.testing.assert_allclose(_stored_uv(quantised).max(), recording.signal_uv.max(), rtol=1e-3)


def test_the_knee_is_where_a_search_finds_the_least_error():
    signal_uv = _noise(n_channels=1)
    signal_uv[0, ::500] *= 30
    recording = _recording(signal_uv)
    found = _snr_db(recording, quantise(recording))[0]
    values_uv = recording.signal_uv[0].astype(np.float64)
    peak_uv, best = np.abs(values_uv).max(), 0.0
    for knee_uv in np.geomspace(peak_uv / 1000, peak_uv / 2, 200):
        fine_uv, coarse_uv = knee_uv / 16384, (peak_uv - knee_uv) / 16383
        inner = np.rint(values_uv / fine_uv) * fine_uv
        beyond = np.rint((np.abs(values_uv) - knee_uv) / coarse_uv) * coarse_uv + knee_uv
        stored = np.where(np.abs(values_uv) <= knee_uv, inner, np.sign(values_uv) * beyond)
        best = max(best, 20 * np.log10(values_uv.std() / (stored - values_uv).std()))
    assert found > best - 0.5


def test_the_error_is_far_below_real_eeg_and_nothing_is_cut(request):
    folder = request.config.rootpath.parent / "shared/data/helsinki_neonatal_30s/edf"
    if not folder.is_dir():
        pytest.skip(f"real EEG is not here: {folder} does not exist")
    for path in sorted(folder.glob("*.edf"))[::6]:
        recording = filter_recording(read_edf(path), Preprocessing())
        quantised = quantise(recording)
        assert _snr_db(recording, quantised).min() > 80
        assert quantised.scale_uv.max() <= 0.05


def test_an_electrode_pop_costs_the_rest_no_resolution():
    quiet = _recording(_noise())
    popped = quiet.signal_uv.copy()
    decay = 5000 * np.exp(-np.arange(128) / 40)
    popped[1, 5000:5128] += decay
    quantised = quantise(_recording(popped))
    assert _snr_db(_recording(popped), quantised, slice(6000, None))[1] > 75
    np.testing.assert_allclose(_stored_uv(quantised)[1].max(), popped[1].max(), rtol=1e-3)
    before = quantise(quiet)
    assert abs(quantised.iqr_uv[1] / before.iqr_uv[1] - 1) < 0.01


def test_a_seizure_far_above_a_quiet_background_is_not_cut():
    signal_uv = _noise(duration_s=600, sigma_uv=5.0)
    seizure = slice(int(100 * RATE_HZ), int(110 * RATE_HZ))
    signal_uv[:, seizure] += 400 * np.sin(np.arange(int(10 * RATE_HZ)) * 0.1)
    recording = _recording(signal_uv)
    quantised = quantise(recording)
    assert quantised.scale_uv.max() < 0.05
    assert _snr_db(recording, quantised, seizure).min() > 80


def test_the_statistics_are_those_of_the_stored_signal():
    signal_uv = _noise() + np.array([[3.0], [0.0], [-40.0]])
    signal_uv[1, 1000:1100] *= 100
    recording = _recording(signal_uv)
    quantised = quantise(recording)
    stored = _stored_uv(quantised)
    step = quantised.scale_uv.max()
    np.testing.assert_allclose(quantised.mean_uv, stored.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(quantised.std_uv, stored.std(axis=1), rtol=1e-5)
    np.testing.assert_allclose(quantised.median_uv, np.median(stored, axis=1), atol=step)
    quartiles = np.percentile(stored, [25, 75], axis=1)
    np.testing.assert_allclose(quantised.iqr_uv, quartiles[1] - quartiles[0], atol=2 * step)
    assert quantised.mean_uv.dtype == quantised.scale_uv.dtype == np.float32


def test_a_constant_channel_is_stored_without_a_division_by_zero():
    quantised = quantise(_recording(np.zeros((1, 1000))))
    assert not quantised.signal.any()
    assert quantised.scale_uv[0] > 0
    assert quantised.std_uv[0] == quantised.iqr_uv[0] == 0


@given(st.integers(1, 700), st.floats(1e-6, 1e6))
def test_any_length_and_amplitude_is_stored_within_one_step(n_samples, amplitude_uv):
    recording = _recording(amplitude_uv * np.sin(np.arange(n_samples) * 0.7)[None])
    quantised = quantise(recording)
    error_uv = np.abs(_stored_uv(quantised) - recording.signal_uv)
    step_uv = quantised.scale_uv[0] * (1 + quantised.stretch[0])
    assert error_uv.max() <= 0.51 * step_uv + 1e-6 * amplitude_uv


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
        quantise(_recording(signal_uv))
    # No EDF can hold such a value; another reader's recording could.
    monkeypatch.setattr(prepare, "read_edf", lambda *_: _recording(signal_uv))
    monkeypatch.setattr(prepare, "filter_recording", lambda source, _: source)
    source = CorpusRecording("p_t000", "p", "s", "eval", Path("of_p.edf"), annotation=None)
    with pytest.raises(UnreadableRecording, match=rf"of_p\.edf: {found}"):
        prepare.prepare_recording(source, (), Preprocessing())
